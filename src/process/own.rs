//! This program itself: the signals that it was started with, and once more, as a child that does one thing and answers.

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

/// An answer is short.
const LONGEST_ANSWER: u64 = 1 << 20;

/// Runs this program with other arguments; its exit status and what it printed. Its errors go where this program's go.
///
/// Past the limit, and when `stop` strikes, it gets SIGTERM, and SIGKILL after the grace.
///
/// # Errors
/// When it cannot be started, or the system cannot say how it ended.
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
    // It has not been waited for, so the number is still its own.
    let signal = |signal| id.map(|id| kill(id, signal));
    signal(Signal::SIGTERM);
    if let Ok(ended) = tokio::time::timeout(grace, &mut end).await {
        return ended;
    }
    signal(Signal::SIGKILL);
    end.await
}

/// This program once more, to outlive the one that starts it.
#[derive(Debug)]
pub struct Detached<'a> {
    /// What it is to do.
    pub arguments: &'a [OsString],
    /// Variables that it keeps of this program's environment; all others are gone.
    pub keeps: &'a [&'a str],
    /// Takes what it prints.
    pub log: File,
}

/// Such a process, as long as this program is its parent.
#[derive(Debug)]
pub struct Started(Child);

impl Detached<'_> {
    /// Starts it. Where it shall have a session of its own it makes that itself.
    ///
    /// # Errors
    /// When it cannot be started.
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
    /// Which process it is.
    #[must_use]
    pub fn peer(&self) -> Option<Peer> {
        Peer::of(i32::try_from(self.0.id()).ok()?)
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }
}

/// Leaves the session and the process group of whoever started this program, whose signals then do not reach it.
pub fn leave_session() {
    let _ = rustix::process::setsid();
}

/// Whether this process ignores a signal, as one that `nohup` started ignores SIGHUP (`/proc/self/status`, `SigIgn`).
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
