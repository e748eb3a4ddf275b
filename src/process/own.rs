//! This program itself: the signals that it was started with, and further processes of it, started as a child for one task.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use super::Peer;

/// Most bytes that are read of a child's answer.
const LONGEST_ANSWER: u64 = 1 << 20;

/// Runs this program with other arguments; returns the exit status and the standard output. Standard error is this program's.
///
/// After `limit`, or when `stop` is cancelled, the child gets SIGTERM, and SIGKILL after `grace`.
///
/// # Errors
/// The child cannot be started, its output cannot be read, or its exit status cannot be read.
pub async fn ask_own(
    arguments: &[OsString],
    limit: Duration,
    grace: Duration,
    stop: &CancellationToken,
) -> io::Result<(ExitStatus, Vec<u8>)> {
    // Also while another version is being installed.
    let mut command = tokio::process::Command::new("/proc/self/exe");
    command.arg0(std::env::args_os().next().unwrap_or_default()).args(arguments);
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let id = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let pipe = child.stdout.take();
    let end = async {
        let mut answer = Vec::new();
        if let Some(pipe) = pipe {
            pipe.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
        }
        Ok::<_, io::Error>((child.wait().await?, answer))
    };
    tokio::pin!(end);
    tokio::select! {
        ended = &mut end => return ended,
        () = tokio::time::sleep(limit) => tracing::warn!(?limit, "a child of this program takes too long and is stopped"),
        () = stop.cancelled() => {}
    }
    // The child has not been waited for, so the number is still its own.
    let signal = |signal| id.map(|id| kill(id, signal));
    signal(Signal::SIGTERM);
    if let Ok(ended) = tokio::time::timeout(grace, &mut end).await {
        return ended;
    }
    signal(Signal::SIGKILL);
    end.await
}

/// A further process of this program that outlives the one that starts it.
#[derive(Debug)]
pub struct Detached<'a> {
    /// The command line of the new process, without the program's name.
    pub arguments: &'a [OsString],
    /// Variables of this program's environment that the new process gets; it gets no others.
    pub keeps: &'a [&'a str],
    /// The file for the new process's standard output and standard error.
    pub log: File,
}

/// A started [`Detached`] process, as long as this program is its parent.
#[derive(Debug)]
pub struct Started(Child);

impl Detached<'_> {
    /// Starts the process. A session of its own is made by the new process itself ([`leave_session`]).
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(&self) -> io::Result<Started> {
        let mut command = std::process::Command::new("/proc/self/exe");
        command.arg0(std::env::args_os().next().unwrap_or_default()).args(self.arguments);
        let kept: Vec<_> = self.keeps.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect();
        command.env_clear().envs(kept).current_dir("/");
        command.stdin(Stdio::null()).stdout(self.log.try_clone()?).stderr(self.log.try_clone()?);
        command.spawn().map(Started)
    }
}

impl Started {
    /// The identity of the process; `None` if it cannot be read.
    #[must_use]
    pub fn peer(&self) -> Option<Peer> {
        Peer::of(i32::try_from(self.0.id()).ok()?)
    }

    /// The exit status; `None` while the process runs.
    ///
    /// # Errors
    /// The exit status cannot be read.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }
}

/// Leaves the session and the process group of the starter, so that signals to those do not reach this program.
pub fn leave_session() {
    let _ = rustix::process::setsid();
}

/// True if this process ignores a signal, as a process under `nohup` ignores SIGHUP (`/proc/self/status`, `SigIgn`).
#[must_use]
pub fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal as u32 - 1) & 1 == 1
}

/// Asks for SIGTERM when the process that started this one ends, however it ends. Best effort.
pub fn end_with_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
}
