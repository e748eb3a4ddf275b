//! Running a set of scripts on this machine: in order, with their parameters, software and limits.
//!
//! [`Runner::run`] takes the scripts of one type and sends [`Report`]s of every step; it uses files and processes, not
//! the network. The receiver of the reports decides what they mean for the region.

mod bmc;
mod contents;
mod ending;
mod environment;
mod execution;
mod inherited;
mod memory;
mod meter;
mod networking;
pub mod packages;
mod parameters;
mod result;
mod schedule;
mod stuck;
mod witness;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::diagnosis::{Listening, Policy};
use crate::host::{Host, Load};
use crate::netplan;
use crate::process::{self, Limits, Progress};
use crate::script::{BadEntry, Kept, Machine, RegionVersion, Script, Workspace};

pub use bmc::{FoundBmc, Told, discard};
pub use contents::Contents;
pub use ending::{Conclusion, Ending, Finished, Interruption, ResultPart, keep_end, kept_end};
pub use inherited::Names;
pub use schedule::schedule;

/// 8 GiB: the output about a disk that reports every bad sector is far smaller.
pub const DEFAULT_OUTPUT_BYTES: u64 = 8 << 30;

/// 256 MiB: what a small system and the agent live on.
pub const DEFAULT_MEMORY_RESERVE: u64 = 256 << 20;

/// How scripts are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time between SIGTERM and SIGKILL when a script is stopped.
    pub grace: Duration,
    /// Ends every grace at once when it is cancelled.
    pub hurry: CancellationToken,
    /// `MAAS_BASE_URL`.
    pub base_url: String,
    /// The version of the region that the scripts come from: arguments get the names that its own runner gives them.
    pub region: RegionVersion,
    /// Bytes of memory that scripts together leave to the agent and the system, at least; `None` bounds nobody. It takes a cgroup v2 with the
    /// controller of memory to bound a script.
    pub memory_reserve: Option<u64>,
    /// Niceness of scripts.
    pub nice: i32,
    /// Most bytes that the output files of a script may have together; `None` is no bound. Beyond, head and tail are kept.
    pub output_bytes: Option<u64>,
    /// Longest wait for the region's answer after a script reported BMC credentials.
    pub bmc_patience: Duration,
    /// The journal's directory, for scripts that query the agent; `None` if there is none.
    pub state_dir: Option<PathBuf>,
    /// Sources of the software that scripts need.
    pub packages: packages::Options,
    /// Variables that scripts get unchanged from this program's environment, with the passwords of proxies that are in them.
    pub pass_environment: Names,
    /// How the networking of the deployed machine is applied for scripts that ask for it; with `None`, those scripts fail.
    pub networking: Option<netplan::Options>,
    /// Policy for faults that the machine reports while a script runs. Off by default.
    pub meanwhile: Policy,
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
            memory_reserve: Some(DEFAULT_MEMORY_RESERVE),
            nice: 19,
            output_bytes: Some(DEFAULT_OUTPUT_BYTES),
            bmc_patience: Duration::from_secs(60),
            state_dir: None,
            packages,
            pass_environment: Names::default(),
            networking: None,
            meanwhile: Policy::off(),
        }
    }

    fn limits(&self, time: Option<Duration>) -> Limits {
        Limits { time, grace: self.grace, hurry: self.hurry.clone() }
    }
}

/// Something that happened to a script.
#[derive(Debug)]
pub enum Report {
    /// The operator's networking is about to be applied for the script. The runner waits for an answer on the sender, sent once this is
    /// recorded.
    ApplyingNetconf(Arc<Script>, oneshot::Sender<()>),
    /// The machine's networking was changed for a script, or put back; in words.
    Networking(String),
    /// The script's packages are about to be installed; the text names them.
    Installing(Arc<Script>, String),
    /// The script is about to start. The runner waits for an answer on the sender: `Ok` once it is recorded that the script may have run,
    /// or an error with the reason why it must not start.
    Starting(Arc<Script>, oneshot::Sender<Result<(), String>>),
    /// The script runs; its progress can be watched.
    Running(Arc<Script>, Arc<Progress>),
    /// The script ended and wrote BMC credentials; its result is provisional until the receiver replies.
    Bmc(Arc<Script>, FoundBmc),
    /// How loaded the machine was since this runner's first script, as far as it is known now; the last of these holds all of it.
    Load(Load),
    /// The script ended, with any outcome. Exactly one for each script that was begun.
    Finished(Arc<Script>, Finished),
}

/// Runs scripts in one workspace.
#[derive(Debug)]
pub struct Runner {
    workspace: Workspace,
    host: Host,
    options: Options,
    reports: mpsc::Sender<Report>,
    cancel: CancellationToken,
    contents: Contents,
    witness: witness::Witness,
    meter: meter::Meter,
}

impl Runner {
    /// A runner that reports to a channel and stops its scripts when `cancel` is cancelled.
    #[must_use]
    pub fn new(
        workspace: Workspace,
        host: Host,
        options: Options,
        reports: mpsc::Sender<Report>,
        cancel: CancellationToken,
    ) -> Self {
        options.packages.ledger.open(&workspace.packages());
        let witness = witness::Witness::new(host.clone());
        Runner {
            workspace,
            host,
            options,
            reports,
            cancel,
            contents: Contents::default(),
            witness,
            meter: meter::Meter::default(),
        }
    }

    /// This runner, for scripts of a region of this version.
    #[must_use]
    pub fn of_region(mut self, version: RegionVersion) -> Self {
        self.options.region = version;
        self
    }

    /// This runner, restricted to executables whose hash is recorded in `contents`.
    #[must_use]
    pub fn of_contents(mut self, contents: Contents) -> Self {
        self.contents = contents;
        self
    }

    /// Runs scripts of one type in the contract's order and returns when the last has ended. After `cancel`, those not yet
    /// begun are not begun.
    ///
    /// Of those that may run together, no more are begun at once than this machine has descriptors and processes for.
    pub async fn run(self: &Arc<Self>, scripts: Vec<Script>) {
        let places = Arc::new(Semaphore::new(process::places()));
        let measured = self.options.meanwhile.listening != Listening::Off;
        let metering = measured.then(|| (self.meter.start(&self.host), self.record_load()));
        for batch in schedule(scripts) {
            let mut running = tokio::task::JoinSet::new();
            for script in batch {
                if self.cancel.is_cancelled() {
                    break;
                }
                let (runner, places) = (Arc::clone(self), Arc::clone(&places));
                running.spawn(async move {
                    // Never closed, so that an error is none.
                    let _place = places.acquire_owned().await;
                    if !runner.cancel.is_cancelled() {
                        runner.run_one(Arc::new(script)).await;
                    }
                });
            }
            // A panic in one script's task harms that script alone; the dispatcher misses its end and reports that.
            while running.join_next().await.is_some() {}
        }
        if let Some((metering, recording)) = metering {
            drop(recording);
            metering.finish().await;
            self.tell_load().await;
        }
    }

    /// Reports the load measured so far now and then, until the answer is dropped.
    fn record_load(self: &Arc<Self>) -> tokio::task::JoinSet<()> {
        let (runner, mut task) = (Arc::clone(self), tokio::task::JoinSet::new());
        task.spawn(async move {
            loop {
                tokio::time::sleep(meter::RECORDED_EVERY).await;
                runner.tell_load().await;
            }
        });
        task
    }

    async fn tell_load(&self) {
        if let Some(load) = self.meter.measured() {
            self.report(Report::Load(load)).await;
        }
    }

    /// Runs scripts like [`Runner::run`], except the refused ones, which are reported as failed with the reason as their output.
    pub async fn run_but(self: &Arc<Self>, mut scripts: Vec<Script>, refused: &[(Script, &str)]) {
        for (script, reason) in refused {
            if scripts.contains(script) {
                self.report_not_run(script.clone(), reason).await;
            }
        }
        scripts.retain(|script| refused.iter().all(|(one, _)| one != script));
        self.run(scripts).await;
    }

    /// Reports an entry of the index that cannot be run as that script's failure.
    pub async fn report_bad_entry(&self, bad: &BadEntry) {
        let script = Arc::new(Script::unreadable(bad));
        let text = format!("The region's index has an entry for {} that cannot be run: {}\n", bad.name, bad.reason);
        let finished = self.not_executed(&script, 2, &text);
        self.report(Report::Finished(script, finished)).await;
    }

    /// Reports a script as failed that must not be run, with the reason as its output.
    async fn report_not_run(&self, script: Script, reason: &str) {
        let finished = self.not_executed(&script, 2, reason);
        self.report(Report::Finished(Arc::new(script), finished)).await;
    }

    /// Concludes a script that an earlier process of this program left running: stops its remaining processes, adds the reason to its
    /// output, and keeps what it had written.
    pub async fn conclude_interrupted(&self, script: &Script, why: Interruption) -> Finished {
        self.stop_remains(script).await;
        let outputs = self.workspace.outputs(script);
        let mut notes = vec![format!("interrupted by {}; it was not run again", why.text())];
        if let Err(error) = append(&outputs.combined, &format!("\n[shakedown: interrupted by {}]\n", why.text())) {
            notes.push(format!("its output could not be written: {error}"));
        }
        let ending = Ending::Interrupted(why);
        let finished = Finished { notes, ..Finished::failed(ending) };
        let finished = self.conclude(script, &outputs, None, (finished, Kept::Whole, Machine::Quiet)).await;
        if let Err(error) = self.keep(script).await {
            tracing::warn!(script = %script, %error, "the disk did not take all of its output");
        }
        finished
    }

    /// Stops the processes of a script that an earlier process of this program left running.
    pub async fn stop_remains(&self, script: &Script) {
        process::stop_marked(&self.workspace.outputs(script).combined, self.options.grace).await;
    }

    async fn report(&self, report: Report) {
        // The receiver lives as long as the run does.
        let _ = self.reports.send(report).await;
    }

    /// Writes the reason why a script cannot be run to the script's output.
    fn not_executed(&self, script: &Script, exit: i32, text: &str) -> Finished {
        let outputs = self.workspace.outputs(script);
        let mut notes = Vec::new();
        for path in [&outputs.combined, &outputs.stderr] {
            if let Err(error) = append(path, text) {
                notes.push(format!("its output could not be written: {error}"));
            }
        }
        Finished { notes, ..Finished::failed(Ending::NotExecuted(exit)) }
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
