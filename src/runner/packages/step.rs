//! One command of an installer, and what its complaint means.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Failure, Job};
use crate::process::{Answer, Cause, Command, Tool};
use crate::runner::execution::{exit_status, output_files};

/// Longer than this no installer is waited for.
const LIMIT: Duration = Duration::from_secs(60 * 60);
/// Longer than this no other package manager is waited for.
const LOCKED: Duration = Duration::from_secs(10 * 60);
/// Between two looks whether it has ended.
const LOCK_POLL: Duration = Duration::from_secs(2);
/// So much of the end of what was printed is looked at.
const TAIL: u64 = 64 << 10;
/// Nobody is there to be asked, complaints are in English, and no service of a machine under test is restarted.
pub(super) const ENVIRONMENT: [(&str, &str); 3] =
    [("DEBIAN_FRONTEND", "noninteractive"), ("LC_ALL", "C.UTF-8"), ("NEEDRESTART_SUSPEND", "1")];

/// What an installer complains about, where something can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// Another package manager is at work.
    Locked,
    /// An earlier installation was cut off.
    CutOff,
    /// The lists of packages are older than the archive, or there are none.
    Outdated,
    /// The program is not there.
    Missing,
    /// Anything else.
    Other,
}

/// A command that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) complaint: Complaint,
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Failure {
        failed.failure
    }
}

impl Job<'_> {
    /// Runs a command as root, its output going to the script's files; waits while another package manager is at work.
    pub(super) async fn step(&self, words: &[String]) -> Result<(), Failed> {
        let begun = Instant::now();
        loop {
            let failed = match self.attempt(words).await {
                Err(failed) if failed.complaint == Complaint::Locked && begun.elapsed() < LOCKED => failed,
                Err(mut failed) => {
                    failed.failure.text.push_str(hint(failed.complaint));
                    return Err(failed);
                }
                Ok(()) => return Ok(()),
            };
            self.say("another package manager is at work: waiting for it");
            tracing::info!(script = %self.script, "another package manager is at work");
            tokio::select! {
                () = tokio::time::sleep(LOCK_POLL) => {}
                () = self.runner.cancel.cancelled() => return Err(Failed { failure: Failure::stopped(), ..failed }),
            }
        }
    }

    async fn attempt(&self, words: &[String]) -> Result<(), Failed> {
        let mut words = as_root(words);
        let line = words.join(" ");
        self.say(&format!("$ {line}"));
        let start = std::fs::metadata(&self.outputs.stderr).map_or(0, |metadata| metadata.len());
        let command = Command {
            program: words.remove(0).into(),
            seen: None,
            arguments: words.into_iter().map(Into::into).collect(),
            environment: ENVIRONMENT.map(|(key, value)| (key.into(), value.into())).to_vec(),
            directory: "/".into(),
            nice: 0,
            output: output_files(self.outputs),
            output_bytes: self.runner.options.output_bytes,
            memory: None,
        };
        let limits = self.runner.options.limits(Some(LIMIT));
        let (exit, how) = match self.runner.execute(self.script, command, &limits).await {
            Ok(ended) => match ended.cause {
                Cause::Exited if exit_status(&ended) == 0 => return Ok(()),
                Cause::Exited => (exit_status(&ended), format!("failed with exit status {}", exit_status(&ended))),
                Cause::TimedOut => (124, format!("was stopped after {} s", LIMIT.as_secs())),
                Cause::Cancelled => (143, "was stopped with the run".to_owned()),
            },
            Err((exit, text)) => {
                let complaint = if exit == nix::libc::ENOENT { Complaint::Missing } else { Complaint::Other };
                return Err(Failed { failure: Failure { exit, text: text.trim().to_owned() }, complaint });
            }
        };
        let complaint = if exit >= 124 { Complaint::Other } else { complaint(&tail(&self.outputs.stderr, start)) };
        Err(Failed { failure: Failure { exit, text: format!("{line} {how}") }, complaint })
    }

    /// Asks a tool something, out of sight of the script; `None` when it is not there or does not answer.
    pub(super) async fn ask(&self, program: &str, arguments: &[&str]) -> Option<Answer> {
        let tool = Tool {
            program: program.into(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: ENVIRONMENT.map(|(key, value)| (key.into(), value.into())).to_vec(),
            limit: Duration::from_secs(60),
            grace: Duration::from_secs(2),
            most: 1 << 20,
        };
        let cancel: &CancellationToken = &self.runner.cancel;
        tool.call(cancel).await.ok()
    }
}

/// `sudo` forgets the environment, so that its part of it is said again.
fn as_root(words: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    if !nix::unistd::geteuid().is_root() {
        all.extend(["sudo".to_owned(), "-n".to_owned()]);
        all.extend(ENVIRONMENT.map(|(key, value)| format!("{key}={value}")));
    }
    all.extend_from_slice(words);
    all
}

/// The end of what was printed since `start`.
fn tail(path: &Path, start: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(end.saturating_sub(TAIL))))?;
        file.take(TAIL).read_to_end(&mut bytes)
    });
    if read.is_ok() { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() }
}

fn complaint(printed: &str) -> Complaint {
    let says = |texts: &[&str]| texts.iter().any(|text| printed.contains(text));
    if says(&["Could not get lock", "Unable to acquire the dpkg frontend lock", "lock was locked by another process"]) {
        Complaint::Locked
    } else if says(&["dpkg was interrupted, you must manually run"]) {
        Complaint::CutOff
    } else if says(&[
        "Unable to locate package",
        "Couldn't find any package by",
        "has no installation candidate",
        "' was not found",
        " 404  Not Found",
        "Hash Sum mismatch",
        "File has unexpected size",
        "you have held broken packages",
        "Unmet dependencies",
    ]) {
        Complaint::Outdated
    } else {
        Complaint::Other
    }
}

/// What the operator can do.
fn hint(complaint: Complaint) -> &'static str {
    match complaint {
        Complaint::Locked => "; another package manager held its lock for all that time: see with `ps -ef` which one",
        Complaint::CutOff => "; `dpkg --configure -a` on the machine tells what hangs",
        Complaint::Outdated => {
            "; the machine's package sources do not have it: check the names, the machine's mirror and proxy, or give it a --package-cache"
        }
        Complaint::Missing => "; this machine's image does not have that program",
        Complaint::Other => "; its output tells why",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_understood() {
        let cases = [
            ("E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)", Complaint::Locked),
            ("dpkg: error: dpkg frontend lock was locked by another process with pid 7", Complaint::Locked),
            ("E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct", Complaint::CutOff),
            ("E: Unable to locate package nonesuch", Complaint::Outdated),
            ("E: Version '2' for 'fio' was not found", Complaint::Outdated),
            ("E: Failed to fetch http://h/fio.deb  404  Not Found [IP: 127.0.0.1 80]", Complaint::Outdated),
            (
                "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)",
                Complaint::Other,
            ),
            ("E: Sub-process /usr/bin/dpkg returned an error code (1)", Complaint::Other),
        ];
        for (printed, expected) in cases {
            assert_eq!(complaint(printed), expected, "{printed}");
        }
    }
}
