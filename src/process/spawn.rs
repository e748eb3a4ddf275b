//! Starting, waiting, stopping.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use super::capture::{Capture, Progress};
use super::cgroup::Cgroup;
use super::family::Family;
use super::{Cause, Command, Ended, Limits, StartError};

/// How long after SIGKILL the dead are waited for: a process in uninterruptible sleep on a broken disk may stay for ever.
const KILL_WAIT: Duration = Duration::from_secs(10);
/// Pace of looking for survivors.
const POLL: Duration = Duration::from_millis(50);

/// A process under way.
#[derive(Debug)]
pub struct Running {
    child: Child,
    family: Family,
    capture: Capture,
    started: Instant,
}

impl Command {
    /// Starts the process.
    ///
    /// The environment variable `OUTPUT_COMBINED_PATH` is set to the combined output file; it marks the family, since a
    /// descendant inherits it whatever group or session it moves to.
    ///
    /// # Errors
    /// When the executable cannot be run or an output file cannot be opened.
    pub async fn start(self) -> Result<Running, StartError> {
        let started = Instant::now();
        let (mut child, errors) = {
            let command = self.clone();
            let handle = tokio::runtime::Handle::current();
            // Priority belongs to a thread and is inherited: a thread of its own keeps this program's untouched.
            let spawned = tokio::task::spawn_blocking(move || {
                std::thread::Builder::new()
                    .name("spawn".into())
                    .spawn(move || command.spawn_here(&handle))?
                    .join()
                    .unwrap_or_else(|_| Err(std::io::Error::other("the spawning thread panicked")))
            });
            let flat = spawned.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            (flat.map_err(|source| StartError::Spawn { path: self.program.clone(), source })?, &self.output)
        };
        let leader = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
        let _ = std::fs::write(format!("/proc/{leader}/oom_score_adj"), "0");
        let mark = mark(&self.output.combined).into_encoded_bytes();
        let family = Family::new(leader, mark, Cgroup::create());
        let pipes = (|| {
            let out: OwnedFd = child.stdout.take()?.into_owned_fd().ok()?;
            let err: OwnedFd = child.stderr.take()?.into_owned_fd().ok()?;
            Some((out, err))
        })();
        let Some((stdout, stderr)) = pipes else {
            family.signal(Signal::SIGKILL);
            let source = std::io::Error::other("the process has no pipes");
            return Err(StartError::Spawn { path: self.program.clone(), source });
        };
        match Capture::start(stdout, stderr, errors) {
            Ok(capture) => Ok(Running { child, family, capture, started }),
            Err(error) => {
                family.signal(Signal::SIGKILL);
                let _ = child.wait().await;
                Err(error)
            }
        }
    }

    fn spawn_here(&self, handle: &tokio::runtime::Handle) -> std::io::Result<Child> {
        let _ = rustix::process::setpriority_process(None, self.nice);
        let _inside = handle.enter();
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .env("OUTPUT_COMBINED_PATH", &self.output.combined)
            .current_dir(&self.directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Another thread that forks while the file is being written holds it open for a moment.
        let mut tries = 0;
        loop {
            match command.spawn() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy && tries < 20 => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                other => return other,
            }
        }
    }
}

fn mark(combined: &Path) -> std::ffi::OsString {
    let mut mark = std::ffi::OsString::from("OUTPUT_COMBINED_PATH=");
    mark.push(combined);
    mark
}

/// Stops what is left of a process that an earlier run of this program started, by the combined output file that marks it.
pub async fn stop_marked(combined: &Path, grace: Duration) {
    let family = Family::of_mark(mark(combined).into_encoded_bytes());
    let deadline = Instant::now() + grace;
    if family.signal(Signal::SIGTERM) == 0 {
        return;
    }
    tracing::warn!(output = %combined.display(), "a script of an earlier run is still at work and is stopped");
    while Instant::now() < deadline && !family.members().is_empty() {
        tokio::time::sleep(POLL).await;
    }
    let deadline = Instant::now() + KILL_WAIT;
    while family.signal(Signal::SIGKILL) > 0 && Instant::now() < deadline {
        tokio::time::sleep(POLL).await;
    }
}

impl Running {
    /// What it has printed so far.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.capture.progress)
    }

    /// Waits for the end: its own, the time limit's or the caller's.
    ///
    /// At the time limit and on `cancel` the whole family is stopped. After a normal exit descendants live on and are
    /// named in the result.
    ///
    /// # Errors
    /// When the system cannot say how the process ended.
    pub async fn wait(mut self, limits: &Limits, cancel: &CancellationToken) -> std::io::Result<Ended> {
        let time_limit = async {
            match limits.time {
                Some(limit) => tokio::time::sleep(limit.saturating_sub(self.started.elapsed())).await,
                None => std::future::pending().await,
            }
        };
        let (cause, status) = tokio::select! {
            status = self.child.wait() => (Cause::Exited, Some(status?)),
            () = time_limit => (Cause::TimedOut, None),
            () = cancel.cancelled() => (Cause::Cancelled, None),
        };
        let runtime = self.started.elapsed();
        let status = match status {
            Some(status) => status,
            None => self.stop(limits.grace).await?,
        };
        let output = self.capture.finish().await;
        let leftover = if cause == Cause::Exited { self.family.members() } else { Vec::new() };
        Ok(Ended { cause, status, runtime, leftover, output })
    }

    /// SIGTERM to all, a grace, SIGKILL to all.
    async fn stop(&mut self, grace: Duration) -> std::io::Result<std::process::ExitStatus> {
        let mut status = None;
        self.family.signal(Signal::SIGTERM);
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            status = status.or(self.child.try_wait()?);
            Family::reap();
            if status.is_some() && self.family.members().is_empty() {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        let deadline = Instant::now() + KILL_WAIT;
        // More than once: a member may have forked between being listed and being killed.
        while self.family.signal(Signal::SIGKILL) > 0 && Instant::now() < deadline {
            status = status.or(self.child.try_wait()?);
            Family::reap();
            tokio::time::sleep(POLL).await;
        }
        if let Some(status) = status {
            return Ok(status);
        }
        match tokio::time::timeout(KILL_WAIT, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => Ok(std::os::unix::process::ExitStatusExt::from_raw(9)),
        }
    }
}
