//! One script, from its parameters to its end.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use tokio::sync::oneshot;

use super::witness::{self, Testimony, Watch};
use super::{Ending, Finished, Interruption, Report, Runner, append, environment, parameters, stuck};
use crate::diagnosis::{Listening, Policy};
use crate::process::{Cause, Command, Ended, Limits, OutputFiles, Running, StartError, is_scarcity};
use crate::script::{Kept, Killed, Outputs, Script};
use crate::unpack;

impl Runner {
    /// Prepares, runs and concludes a script; reports every step.
    pub(super) async fn run_one(&self, script: Arc<Script>) {
        let mut finished = self.prepare_and_run(&script).await;
        if let Err(error) = self.keep(&script).await {
            finished.disbelieve(format!("the disk did not take all of its output: {error}"));
            super::result::overrule(&script, &self.workspace.outputs(&script), &mut finished);
        }
        for note in &finished.notes {
            tracing::warn!(script = %script, id = script.result_id, "{note}");
        }
        self.report(Report::Finished(script, finished)).await;
    }

    async fn prepare_and_run(&self, script: &Arc<Script>) -> Finished {
        let outputs = self.workspace.outputs(script);
        if let Err(error) = make_directories(&outputs) {
            return self.not_executed(script, error.raw_os_error().unwrap_or(2), &format!("{script}: {error}\n"));
        }
        // The record of an earlier start's end is not the end of this start.
        let _ = fs::remove_file(&outputs.end);
        if script.has_started {
            // The agent that started it may be gone while it is still at work.
            self.stop_remains(script).await;
        } else if let Err(error) = remove(&outputs).and_then(|()| renew(&outputs.download)) {
            return self.not_executed(script, error.raw_os_error().unwrap_or(2), &format!("{script}: {error}\n"));
        }
        if script.apply_configured_networking {
            return Box::pin(self.run_with_networking(script, &outputs)).await;
        }
        self.run_prepared(script, &outputs).await
    }

    /// Runs a script whose networking is applied and whose output directory is ready.
    pub(super) async fn run_prepared(&self, script: &Arc<Script>, outputs: &Outputs) -> Finished {
        let arguments = match parameters::arguments(script, &self.host, self.options.region) {
            Ok(arguments) => arguments,
            Err(report) => return self.not_executed(script, 2, &report),
        };
        if let Err(finished) = self.install(script, outputs).await {
            return finished;
        }
        let (go, recorded) = oneshot::channel();
        self.report(Report::Starting(Arc::clone(script), go)).await;
        if let Ok(Err(reason)) = recorded.await {
            return self.not_executed(script, 2, &reason);
        }
        let program = self.workspace.executable(script);
        let seen = match self.contents.check(script, &program) {
            Ok(seen) => Some(seen),
            Err((exit, text)) => return self.not_executed(script, exit, &text),
        };
        let command = Command {
            program,
            seen,
            arguments: arguments.words.into_iter().map(Into::into).collect(),
            environment: environment::environment(script, &self.workspace, outputs, &self.options),
            directory: self.workspace.scripts(),
            nice: self.options.nice,
            output: output_files(outputs),
            output_bytes: self.options.output_bytes,
            memory: self.options.memory(&self.host),
        };
        let limits = self.options.limits(script.limit());
        let policy = self.meanwhile(script, &command.program);
        let watch = self.listen(script, &policy).await;
        let ended = self.execute(script, command, &limits).await;
        let testimony = self.hear(watch).await;
        let ended = match ended {
            Ok(ended) => ended,
            Err((exit, text)) => return self.not_executed(script, exit, &text),
        };
        let (finished, kept) = finished(script, &ended);
        let seen = (finished, kept, testimony.says(script, &policy));
        let mut finished = self.conclude(script, outputs, arguments.interface.as_deref(), seen).await;
        tell_testimony(script, outputs, &policy, &testimony, &mut finished);
        stuck::tell(script, outputs, &ended.stood, &mut finished);
        self.tell_bmc(script, outputs, finished).await
    }

    /// The policy for faults that the machine reports during this script: the site's, lowered to the level that the script's header asks
    /// for. Off if the region parses the script's output, since nothing may be added to that.
    fn meanwhile(&self, script: &Script, program: &Path) -> Policy {
        let site = &self.options.meanwhile;
        let own = if script.stdout_is_parsed() || site.listening == Listening::Off {
            Listening::Off
        } else {
            witness::wish_of(program)
        };
        site.at_most(own)
    }

    async fn listen(&self, script: &Script, policy: &Policy) -> Option<Watch> {
        if policy.listening == Listening::Off { None } else { self.witness.begin(script).await }
    }

    async fn hear(&self, watch: Option<Watch>) -> Testimony {
        match watch {
            Some(watch) => self.witness.end(watch).await,
            None => Testimony::default(),
        }
    }

    /// Syncs a script's outputs to disk: a script that is recorded as ended is never run again, so a power cut must not lose its outputs.
    ///
    /// # Errors
    /// The disk reports that it lost data or is full. Any other failure to sync is logged as a warning.
    pub(super) async fn keep(&self, script: &Script) -> std::io::Result<()> {
        use nix::libc::{EDQUOT, EIO, ENOSPC};
        let outputs = self.workspace.outputs(script);
        // A disk that hangs holds up this script alone.
        match tokio::task::spawn_blocking(move || sync(&outputs)).await {
            Ok(Err(error)) if matches!(error.raw_os_error(), Some(EIO | ENOSPC | EDQUOT)) => Err(error),
            Ok(Err(error)) => {
                tracing::warn!(script = %script, %error, "its outputs may not survive a power cut");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Runs a command to its end; a start failure becomes an exit status and a text for the operator.
    pub(super) async fn execute(
        &self,
        script: &Arc<Script>,
        command: Command,
        limits: &Limits,
    ) -> Result<Ended, (i32, String)> {
        let running = self.start(script, command).await.map_err(|error: StartError| {
            (error.errno().unwrap_or(2), format!("{script} could not be started: {error}\n"))
        })?;
        self.report(Report::Running(Arc::clone(script), running.progress())).await;
        running
            .wait(limits, &self.cancel)
            .await
            .map_err(|error| (2, format!("{script}: the system does not say how it ended: {error}\n")))
    }
}

/// Longest wait until other processes free what a start needs: descriptors, processes, memory.
const SCARCE: Duration = Duration::from_secs(300);

impl Runner {
    /// Starts a command, as soon as the system has room for it.
    async fn start(&self, script: &Script, command: Command) -> Result<Running, StartError> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            match command.clone().start().await {
                Err(error) if error.errno().is_some_and(is_scarcity) && begun.elapsed() < SCARCE => {
                    tracing::warn!(script = %script, %error, "it cannot be started yet and waits");
                }
                started => return started,
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(5)),
                () = self.cancel.cancelled() => return command.start().await,
            }
        }
    }
}

pub(super) fn output_files(outputs: &Outputs) -> OutputFiles {
    OutputFiles { combined: outputs.combined.clone(), stdout: outputs.stdout.clone(), stderr: outputs.stderr.clone() }
}

/// Appends the faults that the machine reported while a script ran to its output, and adds those that count to its notes.
fn tell_testimony(script: &Script, outputs: &Outputs, policy: &Policy, testimony: &Testimony, finished: &mut Finished) {
    finished.notes.extend(testimony.reasons(script, policy));
    finished.findings = testimony.findings(script, policy);
    let section = testimony.section(script, policy);
    if section.is_empty() {
        return;
    }
    if let Err(error) = append(&outputs.combined, &section) {
        finished.notes.push(format!("what the machine reported meanwhile is not in its output: {error}"));
    }
}

fn make_directories(outputs: &Outputs) -> std::io::Result<()> {
    for directory in [outputs.combined.parent(), outputs.download.parent(), Some(outputs.download.as_path())] {
        fs::create_dir_all(directory.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Syncs the outputs that exist, and their names in the directory; returns the first error.
fn sync(outputs: &Outputs) -> std::io::Result<()> {
    let files =
        [&outputs.combined, &outputs.stdout, &outputs.stderr, &outputs.result, &outputs.sent, &outputs.bmc_config];
    let mut worst = Ok(());
    for path in files.into_iter().map(PathBuf::as_path).chain(outputs.combined.parent()) {
        // A script may have put a pipe in the place of its result file; opening one that has no writer would block for ever.
        let opened = fs::OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
        let synced = opened.and_then(|file| file.sync_all());
        if worst.is_ok() && synced.as_ref().is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound) {
            worst = synced;
        }
    }
    worst
}

/// Removes the outputs of a script of the same name and number from another run or another region.
fn remove(outputs: &Outputs) -> std::io::Result<()> {
    for path in
        [&outputs.combined, &outputs.stdout, &outputs.stderr, &outputs.result, &outputs.sent, &outputs.bmc_config]
    {
        match fs::remove_file(path) {
            // A script may have put a directory there.
            Err(_) if path.is_dir() => unpack::remove(path)?,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Empties `DOWNLOAD_PATH`: files of an earlier run are not what the script asked for now.
fn renew(directory: &Path) -> std::io::Result<()> {
    unpack::remove(directory)?;
    fs::create_dir_all(directory)
}

/// Exit status as a shell reports it: 128 + N after signal N.
pub(super) fn exit_status(ended: &Ended) -> i32 {
    ended.status.code().or_else(|| ended.status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// Its peak of memory and its bound: `; it used 3584 MiB of memory at most; a script may use 3840 MiB here (runner.memory_reserve)`.
fn memory_of(ended: &Ended) -> String {
    let used = ended.cost.peak_memory.map(|peak| format!("; it used {} MiB of memory at most", peak >> 20));
    let bound = |bytes: u64| format!("; a script may use {} MiB here (runner.memory_reserve)", bytes >> 20);
    used.into_iter().chain(ended.memory_bound.map(bound)).collect()
}

fn finished(script: &Script, ended: &Ended) -> (Finished, Kept) {
    let mut notes = Vec::new();
    let (lost, left_out) = (ended.output.error.as_ref(), ended.output.left_out);
    if let Some(error) = lost {
        notes.push(format!("part of its output is lost: {error}"));
    }
    if left_out > 0 {
        notes.push(format!("its output was larger than it may be: head and tail are kept, {left_out} bytes are not"));
    }
    if ended.output.pipe_held {
        notes.push("a process that it left behind still holds its output open; what it prints is dropped".to_owned());
    }
    if !ended.leftover.is_empty() {
        let names: Vec<String> = ended.leftover.iter().map(|m| format!("{} ({})", m.name, m.pid)).collect();
        let names = names.join(", ");
        if ended.cause == Cause::Exited {
            tracing::warn!(script = %script, processes = names, "left running after its normal exit");
        } else {
            notes.push(format!("some of its processes hang in the kernel and cannot be killed: {names}"));
        }
    }
    let ending = match (ended.cause, ended.status.signal()) {
        (Cause::Exited, Some(signal)) => {
            let killed = Killed { signal, out_of_memory: ended.out_of_memory && signal == nix::libc::SIGKILL };
            notes.push(format!(
                "it was {killed}{}",
                if killed.out_of_memory { memory_of(ended) } else { String::new() }
            ));
            Ending::Killed(killed)
        }
        (Cause::Exited, None) => Ending::Exited(exit_status(ended)),
        (Cause::TimedOut, _) => Ending::TimedOut(script.limit().unwrap_or(ended.runtime)),
        (Cause::Cancelled, _) => Ending::Interrupted(Interruption::Stop),
    };
    if ended.out_of_memory && !matches!(ending, Ending::Killed(_)) && ended.status.code() != Some(0) {
        notes.push(format!("memory ran out while it ran, and the kernel killed a process{}", memory_of(ended)));
    }
    let kept = match lost {
        Some(error) => Kept::Lost(error.clone()),
        None if left_out > 0 => Kept::Bounded,
        None => Kept::Whole,
    };
    (Finished { runtime: Some(ended.runtime), notes, cost: Some(ended.cost), ..Finished::failed(ending) }, kept)
}
