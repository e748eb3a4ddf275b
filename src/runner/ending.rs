//! How a script ended, and the small file beside its outputs that keeps it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnosis::Finding;
use crate::private;
use crate::process::Cost;
use crate::script::{Evidence, Killed, Outputs, Unpassed, Verdict};

/// Largest file that is read back: a few notes.
const LARGEST: usize = 1 << 20;

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// What happened.
    pub ending: Ending,
    /// What that comes to.
    pub conclusion: Conclusion,
    /// How long it ran, by the clock that nobody sets; `None` when it never did.
    pub runtime: Option<Duration>,
    /// What is sent as its result file.
    pub result: ResultPart,
    /// What an operator should know besides: an invalid result file, output that was lost.
    pub notes: Vec<String>,
    /// The faults that the machine reported while it ran.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The resources that it used; `None` when it never ran.
    #[serde(default)]
    pub cost: Option<Cost>,
}

impl Finished {
    /// An end without a pass, without anything besides.
    #[must_use]
    pub fn failed(ending: Ending) -> Self {
        Finished {
            ending,
            conclusion: Conclusion::Failed,
            runtime: None,
            result: ResultPart::None,
            notes: Vec::new(),
            findings: Vec::new(),
            cost: None,
        }
    }

    /// Nothing that it claims for itself counts: the region hears an exit status other than 0.
    pub(super) fn disbelieve(&mut self, why: impl Into<String>) {
        if self.ending == Ending::Exited(0) {
            self.ending = Ending::Exited(1);
        }
        self.conclusion = Conclusion::Failed;
        self.notes.push(why.into());
    }
}

/// What an ending comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// It passed, and can show it.
    Passed(Evidence),
    /// Its result file says so.
    Said(Unpassed),
    /// It failed, in the way that the ending tells.
    Failed,
}

/// What is sent as a script's result file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultPart {
    /// Nothing.
    None,
    /// The file as the script wrote it ([`Outputs::sent`] is what was judged), with the status in it that has counted.
    AsItIs(Option<Verdict>),
    /// Another one ([`Outputs::sent`]), which leads the region to our status; this text where that is gone.
    Replaced(String),
}

/// What happened to a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It ran and ended by itself with this exit status.
    Exited(i32),
    /// A signal ended it.
    Killed(Killed),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// The exit status that goes to the region: as a shell tells it, 128 + N after signal N. Never 0 unless the script itself said so.
    #[must_use]
    pub fn exit_status(&self) -> i32 {
        match self {
            Ending::Exited(status)
            | Ending::NotExecuted(status)
            | Ending::NotInstalled(status)
            | Ending::NetworkingFailed(status) => *status,
            Ending::Killed(killed) => 128 + killed.signal,
            Ending::TimedOut(_) => 124,
            Ending::Interrupted(Interruption::Stop) => 143,
            Ending::Interrupted(_) => 137,
        }
    }
}

/// As it is in the file.
#[derive(Serialize, Deserialize)]
struct Record {
    /// A run that was begun anew has the same files.
    run: i64,
    finished: Finished,
}

/// Keeps an end beside the outputs of its script: whole or not at all, and on disk when this returns.
///
/// # Errors
/// The system's.
pub fn keep_end(outputs: &Outputs, run: i64, finished: &Finished) -> io::Result<()> {
    let record = Record { run, finished: finished.clone() };
    let part = outputs.end.with_added_extension("part");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(&serde_json::to_vec(&record)?)?;
    file.sync_all()?;
    fs::rename(&part, &outputs.end)?;
    outputs.end.parent().map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
}

/// The end of a script in a run, if it was kept.
#[must_use]
pub fn kept_end(outputs: &Outputs, run: i64) -> Option<Finished> {
    let mut bytes = Vec::new();
    private::open(&outputs.end).ok()?.take(LARGEST as u64 + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() > LARGEST {
        return None;
    }
    let record: Record = serde_json::from_slice(&bytes).ok()?;
    (record.run == run).then_some(record.finished)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Script, ScriptType, Workspace};

    #[test]
    fn an_end_reads_back_in_its_own_run_alone() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let workspace = Workspace::new(home.path());
        fs::create_dir_all(workspace.out()).expect("a directory");
        let outputs = workspace.outputs(&Script::placeholder(ScriptType::Testing, "x", Some(5)));
        let killed = Killed { signal: 9, out_of_memory: true };
        let finished = Finished {
            runtime: Some(Duration::from_millis(1500)),
            result: ResultPart::Replaced("status: failed\n".into()),
            notes: vec!["killed".into()],
            ..Finished::failed(Ending::Killed(killed))
        };
        keep_end(&outputs, 3, &finished).expect("room for a small file");
        assert_eq!(kept_end(&outputs, 3), Some(finished));
        assert_eq!(kept_end(&outputs, 4), None);
        fs::write(&outputs.end, "{\"run\":3").expect("a file");
        assert_eq!(kept_end(&outputs, 3), None, "half a file is none");
    }
}
