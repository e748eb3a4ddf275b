//! Child processes: started in a family of their own, watched, captured, and stopped to the last descendant.
//!
//! Knows nothing of a region or of scripts. A [`Command`] is data; [`Command::start`] gives a [`Running`] process;
//! [`Running::wait`] ends with an [`Ended`] that says how it ended, what it left behind and whether all output was kept.
//!
//! Theory of operation: every process leads its own process group and, where a writable cgroup v2 is found, its own cgroup.
//! One thread per process reads both pipes and writes the output files (`terminal` tells how).
//! Stopping is SIGTERM to every member of the family, a grace, then SIGKILL until none is left. Members are found by cgroup,
//! group, session, parentage and by what they inherited (environment, timer slack), so one that called `setsid`, was orphaned
//! or cleared its environment is found too.
//! A process is known by its number and its start, and is signalled through a handle, so that a reused number harms nobody.

mod bound;
mod capture;
mod cgroup;
mod cost;
mod family;
mod limits;
mod own;
mod peer;
mod refusal;
mod spawn;
mod standing;
mod table;
mod terminal;
mod tool;
mod usage;
mod watched;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::private::Seen;

pub use capture::{Captured, Progress};
pub use cost::Cost;
pub use family::{Member, adopt_orphans};
pub use limits::{is_scarcity, places, raise_descriptors};
pub use own::{Detached, Started, ask_own, end_with_parent, is_ignored, leave_session};
pub use peer::Peer;
pub use spawn::{Running, stop_marked};
pub use standing::Standing;
pub use terminal::Terminal;
pub use tool::{Answer, Tool, ToolError, machine_is_going_down};
pub use usage::own_time;
pub use watched::{Fate, Watched};

/// What to start.
#[derive(Clone, Debug)]
pub struct Command {
    /// Path of the executable.
    pub program: PathBuf,
    /// How its content was when that was checked: it is not started as anything else. `None` for the machine's own programs.
    pub seen: Option<Seen>,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Added to this program's own environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Scheduling priority, −20 (first) to 19 (last); best effort.
    pub nice: i32,
    /// Most bytes of memory that it and its descendants may have together; beyond, the kernel ends all of them and nobody else. Only where a
    /// cgroup v2 with the controller of memory can be made.
    pub memory: Option<u64>,
    /// Where its output goes.
    pub output: OutputFiles,
    /// Most bytes that the three files may have together; `None` is no bound.
    pub output_bytes: Option<u64>,
}

/// The three files that capture writes. What they hold already stays; new output is appended.
#[derive(Clone, Debug)]
pub struct OutputFiles {
    /// Both streams in the order in which they were read. Its path also marks the family: see [`Command::start`].
    pub combined: PathBuf,
    /// Standard output.
    pub stdout: PathBuf,
    /// Standard error.
    pub stderr: PathBuf,
}

/// When to stop a process.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time limit; `None` is none.
    pub time: Option<Duration>,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Ends the grace when it strikes.
    pub hurry: CancellationToken,
}

/// Why a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By itself.
    Exited,
    /// Stopped at its time limit.
    TimedOut,
    /// Stopped because the caller was told to stop.
    Cancelled,
}

/// A process that ended.
#[derive(Debug)]
pub struct Ended {
    /// Why.
    pub cause: Cause,
    /// The leader's exit status.
    pub status: ExitStatus,
    /// From start to end.
    pub runtime: Duration,
    /// The kernel killed a process of it, or of this machine in its time, since memory ran out.
    pub out_of_memory: bool,
    /// Descendants that live on: daemons after a normal exit, what not even SIGKILL could end after a stop.
    pub leftover: Vec<Member>,
    /// What became of the output.
    pub output: Captured,
    /// The bytes of memory that bounded it; `None` if nothing did.
    pub memory_bound: Option<u64>,
    /// Resources that the process and its descendants used.
    pub cost: Cost,
    /// Where its processes stood: those that hung in the kernel for a minute, and at its time limit all of them.
    pub stood: Stood,
}

/// Where the processes of a family stood when that was of interest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stood {
    /// Those that waited for the kernel for a minute, as they were then.
    pub hanging: Vec<Standing>,
    /// All of them at the time limit; empty if it did not come to that.
    pub at_limit: Vec<Standing>,
    /// Disks that had requests in flight then, with their numbers.
    pub in_flight: Vec<String>,
}

impl Stood {
    /// The heading above those that hung.
    pub const HANGING: &str = "Processes that waited for the kernel for a minute";
    /// The heading above where all of them stood.
    pub const AT_LIMIT: &str = "Where its processes stood at its time limit";
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The executable could not be run.
    #[error("cannot run {path}: {source}{explained}")]
    Spawn {
        /// The executable.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
        /// An explanation to be put after the reason, with what to do; empty if the reason says it all.
        explained: String,
    },
    /// An output file could not be opened.
    #[error("cannot write {path}: {source}")]
    Output {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl StartError {
    /// The system's error number, if it gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            StartError::Spawn { source, .. } | StartError::Output { source, .. } => source.raw_os_error(),
        }
    }
}

/// Runs a tool once for each of several words, all at the same time, without input or output, for the sake of the exit status: whether
/// it succeeded, `None` when it is not installed.
#[must_use]
pub fn succeeds<const N: usize>(program: &str, words: [&str; N]) -> [Option<bool>; N] {
    let started = words.map(|word| {
        let mut command = std::process::Command::new(program);
        command.arg(word).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    });
    started.map(|child| child.and_then(|mut child| child.wait()).ok().map(|status| status.success()))
}

/// Asks for the first place at the processor and the last in line when memory runs out: an agent that is starved by the
/// test it runs is taken for dead by the region. Best effort; call it before any thread is started.
pub fn prefer_this_process() {
    let _ = rustix::process::setpriority_process(None, -20);
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
}
