//! Running a set of scripts on this machine: in order, with their parameters, software and limits.
//!
//! [`Runner::run`] takes the scripts of one type and tells what happens in [`Report`]s; it knows files and processes, not
//! the network. Who hears the reports decides what they mean for the region.

mod bmc;
mod environment;
mod execution;
mod networking;
pub mod packages;
mod parameters;
mod result;
mod schedule;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::netplan;
use crate::process::{self, Limits, Progress};
use crate::script::{BadEntry, RegionVersion, Script, Verdict, Workspace};

pub use bmc::{FoundBmc, Told, discard};
pub use schedule::schedule;

/// How scripts are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Between SIGTERM and SIGKILL when a script is stopped.
    pub grace: Duration,
    /// Ends every grace when it strikes.
    pub hurry: CancellationToken,
    /// `MAAS_BASE_URL`.
    pub base_url: String,
    /// Which MAAS the scripts come from: arguments are named as its own runner names them.
    pub region: RegionVersion,
    /// Niceness of scripts.
    pub nice: i32,
    /// How long a script that told of the machine's BMC waits for what the region says of it.
    pub bmc_patience: Duration,
    /// Where the journal is, for a script that asks the agent something.
    pub state_dir: Option<PathBuf>,
    /// Where the software that scripts need comes from.
    pub packages: packages::Options,
    /// How the networking of the deployed machine is applied for scripts that ask for it; without, they fail.
    pub networking: Option<netplan::Options>,
}

impl Options {
    /// The contract's values: a grace of 30 s, niceness 19.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        let hurry = CancellationToken::new();
        let packages = packages::Options::default();
        Options {
            grace: Duration::from_secs(30),
            hurry,
            base_url: base_url.into(),
            region: RegionVersion::default(),
            nice: 19,
            bmc_patience: Duration::from_secs(60),
            state_dir: None,
            packages,
            networking: None,
        }
    }

    fn limits(&self, time: Option<Duration>) -> Limits {
        Limits { time, grace: self.grace, hurry: self.hurry.clone() }
    }
}

/// Something that happened to a script.
#[derive(Debug)]
pub enum Report {
    /// The operator's networking is about to be applied for it, and is when the sender is answered: by then it is on record.
    ApplyingNetconf(Arc<Script>, oneshot::Sender<()>),
    /// The machine's networking was changed for a script, or put back; in words.
    Networking(String),
    /// Its packages are about to be installed; what, in words.
    Installing(Arc<Script>, String),
    /// It is about to start, and does so when the sender is answered: by then it is on record that it may have run.
    Starting(Arc<Script>, oneshot::Sender<()>),
    /// It runs; the progress can be watched.
    Running(Arc<Script>, Arc<Progress>),
    /// It has ended and left the access to the machine's BMC. How it ended is final only when that is answered.
    Bmc(Arc<Script>, FoundBmc),
    /// It ended, one way or another. Exactly one for each script that was begun.
    Finished(Arc<Script>, Finished),
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// What happened.
    pub ending: Ending,
    /// What its result file decides, if it may.
    pub verdict: Option<Verdict>,
    /// How long it ran; `None` when it never did.
    pub runtime: Option<Duration>,
    /// Whether there is a result file to send.
    pub has_result: bool,
    /// What an operator should know besides: an invalid result file, output that was lost.
    pub notes: Vec<String>,
}

/// What happened to a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ran and ended with this exit status (128 + N for signal N).
    Exited(i32),
    /// It was stopped at its limit.
    TimedOut(Duration),
    /// It could not be run: exit status 2, or the system's error number.
    NotExecuted(i32),
    /// It did not come to its end.
    Interrupted(Interruption),
    /// Its packages could not be installed.
    NotInstalled(i32),
    /// Its networking could not be applied.
    NetworkingFailed(i32),
}

/// What kept a script from coming to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The run was stopped.
    Stop,
    /// The agent was killed, or crashed.
    AgentEnded,
    /// The machine was rebooted, or lost power.
    Reboot,
}

impl Interruption {
    /// What follows "interrupted by".
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Interruption::Stop => "a stop of the run on the machine",
            Interruption::AgentEnded => "the end of the agent, which was killed or crashed",
            Interruption::Reboot => "a reboot or power loss of the machine",
        }
    }
}

impl Ending {
    /// The exit status that goes to the region. Never 0 unless the script itself said so.
    #[must_use]
    pub fn exit_status(&self) -> i32 {
        match self {
            Ending::Exited(status)
            | Ending::NotExecuted(status)
            | Ending::NotInstalled(status)
            | Ending::NetworkingFailed(status) => *status,
            Ending::TimedOut(_) => 124,
            Ending::Interrupted(Interruption::Stop) => 143,
            Ending::Interrupted(_) => 137,
        }
    }
}

/// Runs scripts in one workspace.
#[derive(Debug)]
pub struct Runner {
    workspace: Workspace,
    host: Host,
    options: Options,
    reports: mpsc::Sender<Report>,
    cancel: CancellationToken,
}

impl Runner {
    /// A runner that reports to a channel and stops its scripts when `cancel` strikes.
    #[must_use]
    pub fn new(
        workspace: Workspace,
        host: Host,
        options: Options,
        reports: mpsc::Sender<Report>,
        cancel: CancellationToken,
    ) -> Self {
        options.packages.ledger.open(&workspace.packages());
        Runner { workspace, host, options, reports, cancel }
    }

    /// The same for scripts of a region of this version.
    #[must_use]
    pub fn of_region(mut self, version: RegionVersion) -> Self {
        self.options.region = version;
        self
    }

    /// Runs scripts of one type in the contract's order and returns when the last has ended. After `cancel`, those not yet
    /// begun are not begun.
    pub async fn run(self: &Arc<Self>, scripts: Vec<Script>) {
        for batch in schedule(scripts) {
            let mut running = tokio::task::JoinSet::new();
            for script in batch {
                if self.cancel.is_cancelled() {
                    break;
                }
                let runner = Arc::clone(self);
                running.spawn(async move { runner.run_one(Arc::new(script)).await });
            }
            // A panic in one script's task is that script's loss alone; the dispatcher misses its end and says so.
            while running.join_next().await.is_some() {}
        }
    }

    /// Reports an entry of the index that cannot be run as that script's failure.
    pub async fn report_bad_entry(&self, bad: &BadEntry) {
        let script = Arc::new(Script::unreadable(bad));
        let text = format!("The region's index has an entry for {} that cannot be run: {}\n", bad.name, bad.reason);
        let finished = self.not_executed(&script, 2, &text);
        self.report(Report::Finished(script, finished)).await;
    }

    /// Reports a script as failed that must not be run, with the reason as its output.
    pub async fn report_not_run(&self, script: Script, reason: &str) {
        let finished = self.not_executed(&script, 2, reason);
        self.report(Report::Finished(Arc::new(script), finished)).await;
    }

    /// Concludes a script that an earlier process of this program left running: stops what is left of it, says in its output
    /// what happened, and keeps what it had written.
    pub async fn conclude_interrupted(&self, script: &Script, why: Interruption) -> Finished {
        self.stop_remains(script).await;
        let outputs = self.workspace.outputs(script);
        let mut notes = vec![format!("interrupted by {}; it was not run again", why.text())];
        if let Err(error) = append(&outputs.combined, &format!("\n[shakedown: interrupted by {}]\n", why.text())) {
            notes.push(format!("its output could not be written: {error}"));
        }
        let ending = Ending::Interrupted(why);
        let finished = Finished { ending, verdict: None, runtime: None, has_result: false, notes };
        let finished = result::conclude(script, &outputs, None, &self.host, finished);
        self.keep(script).await;
        finished
    }

    /// Concludes a script that had ended before an earlier process of this program could conclude it.
    #[must_use]
    pub fn conclude_ended(&self, script: &Script, exit_status: i32, runtime: Option<Duration>) -> Finished {
        let ending = Ending::Exited(exit_status);
        let finished = Finished { ending, verdict: None, runtime, has_result: false, notes: Vec::new() };
        result::conclude(script, &self.workspace.outputs(script), None, &self.host, finished)
    }

    /// Stops what an earlier process of this program left running of a script.
    pub async fn stop_remains(&self, script: &Script) {
        process::stop_marked(&self.workspace.outputs(script).combined, self.options.grace).await;
    }

    async fn report(&self, report: Report) {
        // The receiver lives as long as the run does.
        let _ = self.reports.send(report).await;
    }

    /// A script that cannot be run says why in its own output.
    fn not_executed(&self, script: &Script, exit: i32, text: &str) -> Finished {
        let outputs = self.workspace.outputs(script);
        let mut notes = Vec::new();
        for path in [&outputs.combined, &outputs.stderr] {
            if let Err(error) = append(path, text) {
                notes.push(format!("its output could not be written: {error}"));
            }
        }
        Finished { ending: Ending::NotExecuted(exit), verdict: None, runtime: None, has_result: false, notes }
    }
}

fn append(path: &PathBuf, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
