//! Starting, waiting, stopping.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use super::capture::{Capture, Files, Progress};
use super::cgroup::{self, Cgroup};
use super::cost::{Cost, Handle, end_of};
use super::family::{Family, MARK, set_slack};
use super::limits::give_back;
use super::standing::{Hangs, Standing, in_flight};
use super::table::Process;
use super::{Cause, Command, Ended, Limits, StartError, Stood, refusal};

/// How long after SIGKILL the dead are waited for: a process in uninterruptible sleep on a broken disk may stay for ever.
const KILL_WAIT: Duration = Duration::from_secs(10);
/// Pace of looking for survivors.
const POLL: Duration = Duration::from_millis(50);
/// Longest look at the process table; what takes longer hangs.
const LOOK: Duration = Duration::from_secs(5);
/// Pace of collecting dead orphans and of looking at the family while a process runs.
const REAP: Duration = Duration::from_secs(5);

/// A process under way. If it is dropped instead of waited for, its whole family is killed.
#[derive(Debug)]
pub struct Running {
    // Goes before the child, whose number is its own as long as it is not collected.
    family: Arc<Family>,
    child: Child,
    capture: Capture,
    started: Instant,
    /// How often memory had run out on this machine before.
    oom_kills: Option<u64>,
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
        // Before the process: it must not have done half of its work when it turns out that nobody can keep the output.
        let files = Files::open(&self.output, self.output_bytes)?;
        let oom_kills = cgroup::oom_kills();
        let path = self.program.clone();
        let failed = |source| StartError::Spawn { explained: refusal::explain(&path, &source), path, source };
        let handle = tokio::runtime::Handle::current();
        // Priority and timer slack belong to a thread and are inherited: a thread of its own keeps this program's untouched.
        let spawned = tokio::task::spawn_blocking(move || {
            std::thread::Builder::new()
                .name("spawn".into())
                .spawn(move || self.spawn_here(&handle))?
                .join()
                .unwrap_or_else(|_| Err(std::io::Error::other("the spawning thread panicked")))
        });
        let spawned = spawned.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let (child, family, [stdout, stderr]) = match spawned {
            Ok(spawned) => spawned,
            Err(error) => return Err(failed(error)),
        };
        let capture = Capture::start(stdout, stderr, files).map_err(failed)?;
        Ok(Running { child, family: Arc::new(family), capture, started, oom_kills })
    }

    fn spawn_here(&self, handle: &tokio::runtime::Handle) -> std::io::Result<(Child, Family, [OwnedFd; 2])> {
        let _ = rustix::process::setpriority_process(None, self.nice);
        let _inside = handle.enter();
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .env(MARK, &self.output.combined)
            .current_dir(&self.directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let cgroup = Cgroup::create(self.memory);
        if let Some(seen) = &self.seen {
            seen.confirm()?;
        }
        let slack = set_slack();
        let mut child = spawn_patiently(&mut command)?;
        let missing = || std::io::Error::other("the process has no number or no pipes");
        let leader = child.id().and_then(|pid| i32::try_from(pid).ok()).ok_or_else(missing)?;
        let family = Family::new(leader, slack, &self.output.combined, cgroup);
        let stdout = child.stdout.take().ok_or_else(missing)?.into_owned_fd()?;
        let stderr = child.stderr.take().ok_or_else(missing)?.into_owned_fd()?;
        Ok((child, family, [stdout, stderr]))
    }
}

/// Another thread that forks while the file is being written holds it open for a moment.
pub(super) fn spawn_patiently(command: &mut tokio::process::Command) -> std::io::Result<Child> {
    let mut tries = 0;
    loop {
        match Family::lead(|| command.spawn()) {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy && tries < 20 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(child) => {
                if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
                    give_back(pid);
                }
                return Ok(child);
            }
            Err(error) => return Err(error),
        }
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
        let left = limits.time.map(|limit| limit.saturating_sub(self.started.elapsed()));
        let time_limit = async {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(time_limit);
        let handle = Handle::of(&self.child);
        let (mut hangs, mut stood, mut most_memory) = (Hangs::default(), Stood::default(), 0);
        let (cause, ended) = loop {
            tokio::select! {
                // What has ended by itself was not stopped.
                biased;
                ended = end_of(&mut self.child, &handle) => break (Cause::Exited, Some(ended?)),
                () = cancel.cancelled() => break (Cause::Cancelled, None),
                () = &mut time_limit => break (Cause::TimedOut, None),
                () = tokio::time::sleep(REAP) => {
                    Family::reap();
                    let (processes, memory) = look(&self.family, Family::weighed).await.unwrap_or_default();
                    most_memory = most_memory.max(memory);
                    let hanging = hangs.look(&processes, Instant::now());
                    if !hanging.is_empty() {
                        stood.in_flight = in_flight();
                    }
                    stood.hanging.extend(hanging.iter().filter_map(told_hanging));
                }
            }
        };
        let runtime = self.started.elapsed();
        if cause == Cause::TimedOut {
            stood.at_limit = look(&self.family, Family::standing).await.unwrap_or_default();
            stood.in_flight = in_flight();
        }
        let (status, cost) = match ended {
            Some(ended) => ended,
            None => self.stop(limits, &handle).await?,
        };
        // A cgroup also knows of those whom nobody waited for.
        let sampled = Cost { peak_memory: Some(most_memory).filter(|memory| *memory > 0), ..Cost::default() };
        let cost = self.family.cost().or(sampled.max_memory(cost));
        self.family.note_collected();
        let output = self.capture.finish().await;
        let leftover = look(&self.family, Family::members).await.unwrap_or_default();
        let in_machine = cgroup::oom_kills().zip(self.oom_kills).is_some_and(|(now, before)| now > before);
        let memory_bound = self.family.memory_bound();
        let out_of_memory = self.family.oom_kills().map_or(in_machine, |kills| kills > 0);
        self.family.release();
        Ok(Ended { cause, status, runtime, out_of_memory, leftover, output, memory_bound, cost, stood })
    }

    async fn stop(&mut self, limits: &Limits, handle: &Handle) -> std::io::Result<(ExitStatus, Cost)> {
        stop(&self.family, limits).await;
        tokio::time::timeout(Duration::from_secs(1), end_of(&mut self.child, handle))
            .await
            // It hangs in the kernel and will die of SIGKILL, if ever.
            .unwrap_or_else(|_| Ok((std::os::unix::process::ExitStatusExt::from_raw(9), Cost::default())))
    }
}

/// Where a process stands that hangs, which is told at once: it may take hours until its limit.
fn told_hanging(process: &Process) -> Option<Standing> {
    let standing = Some(Standing::of(process)).filter(|standing| !standing.waits_for_child())?;
    let Standing { pid, name, waits_in, stack, files, .. } = &standing;
    tracing::warn!(
        pid,
        name,
        ?waits_in,
        ?stack,
        ?files,
        "it has waited for the kernel for a minute and takes no signal"
    );
    Some(standing)
}

/// Stops what is left of a process that an earlier run of this program started, by the combined output file that marks it.
pub async fn stop_marked(combined: &Path, grace: Duration) {
    let family = Arc::new(Family::of_mark(combined));
    if look(&family, Family::is_gone).await != Some(true) {
        tracing::warn!(output = %combined.display(), "a script of an earlier run is still at work and is stopped");
        stop(&family, &Limits { time: None, grace, hurry: CancellationToken::new() }).await;
    }
}

/// SIGTERM to all, a grace, SIGKILL to all. Ends early when all are gone. The leader's status is left to be collected: until then nobody else gets
/// the number of its group.
pub(super) async fn stop(family: &Arc<Family>, limits: &Limits) {
    // A process that was halted takes notice of SIGTERM only when it goes on.
    look(family, |family| family.signal(&[Signal::TERM, Signal::CONT])).await;
    let deadline = Instant::now() + limits.grace;
    let is_patient = || Instant::now() < deadline && !limits.hurry.is_cancelled();
    while is_patient() && !(family.has_ended() && look(family, Family::is_gone).await == Some(true)) {
        Family::reap();
        tokio::time::sleep(POLL).await;
    }
    let deadline = Instant::now() + KILL_WAIT;
    // More than once: a member may have forked between being listed and being killed.
    while look(family, |family| family.signal(&[Signal::KILL])).await != Some(0) && Instant::now() < deadline {
        Family::reap();
        tokio::time::sleep(POLL).await;
    }
}

/// Looks at a family from a thread of its own: reading `/proc` takes its time where there are many processes, and hangs
/// where a process hangs in the kernel with its memory locked. `None` if it did.
async fn look<T: Send + 'static>(family: &Arc<Family>, look: fn(&Family) -> T) -> Option<T> {
    let looking = Arc::clone(family);
    let looked = tokio::time::timeout(LOOK, tokio::task::spawn_blocking(move || look(&looking))).await;
    if looked.is_err() {
        family.ignore_environments();
    }
    looked.ok()?.ok()
}
