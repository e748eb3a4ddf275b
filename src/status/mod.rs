//! This machine at a glance, from its journal: processes at work, the newest run, undelivered messages, hardware sync, drives in trouble.
//! [`Overview`] holds the facts; `text` and `metrics` print them. [`Notifier`] gives what is new to a command of the site.

mod metrics;
mod notify;
mod text;

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::agent::watch::{TroubledDrive, troubled_drives};
use crate::journal::{self, ResultRecord, RunEnd, RunRecord, Store, Told, Waiting};

pub use metrics::metrics;
pub use notify::{Follower, NewsKind, Notifier};
pub use text::text;

/// Most messages and refusals that are listed; all are counted.
const LISTED: usize = 20;
/// Period of the changes that are counted.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The facts. Times are UTC.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// Version of this form.
    pub form: u32,
    /// When the facts were read.
    #[serde(serialize_with = "as_stamp")]
    pub time: Timestamp,
    /// Grade of the whole.
    pub state: State,
    /// Processes at work with a region.
    pub working: Vec<Worker>,
    /// The newest run of scripts; `None` before the first.
    pub run: Option<Run>,
    /// Messages that no region has.
    pub undelivered: Undelivered,
    /// Hardware sync by region.
    pub sync: Vec<Sync>,
    /// Drives in trouble, as the watching service reported them.
    pub drives: Vec<Drive>,
    /// Changes of the hardware on record within the last 24 hours.
    pub hardware_changes: u64,
}

/// Grade of an overview, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing is wrong.
    Well,
    /// A run is under way.
    Working,
    /// A region lacks something.
    Undelivered,
    /// The newest run failed or has no end, or a drive is in trouble.
    Failed,
}

/// A process at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Process number.
    pub pid: u32,
    /// Verb of its command line, for example `run`; the name of the program if it has none, empty if the command line cannot be read.
    pub verb: String,
}

impl Worker {
    fn of(pid: u32, is_verb: impl Fn(&str) -> bool) -> Self {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        Worker { pid, verb: verb(&words, is_verb) }
    }

    /// True for the watching service, which works for ever: nobody waits for its end.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.verb == "watch"
    }
}

/// The first word that is a verb: options before it may have values that are words, too.
fn verb(words: &[String], is_verb: impl Fn(&str) -> bool) -> String {
    let program = || words.first().and_then(|path| path.rsplit('/').next()).map(str::to_owned);
    words.iter().skip(1).find(|word| is_verb(word)).cloned().or_else(program).unwrap_or_default()
}

/// The newest run of scripts.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Number of the run.
    pub id: i64,
    /// When it began.
    pub started: String,
    /// When it ended; `None` while it is under way or if it was interrupted.
    pub ended: Option<String>,
    /// How it ended.
    pub end: Option<RunEnd>,
    /// Outcome of the run in words.
    pub outcome: Option<String>,
    /// True if every script came to its end.
    pub is_complete: bool,
    /// Duration in seconds.
    pub seconds: Option<f64>,
    /// Script results.
    pub results: Vec<Result>,
}

/// A script result.
#[derive(Clone, Debug, Serialize)]
pub struct Result {
    /// Name with the device.
    pub subject: String,
    /// The set, for example `testing`.
    pub set: &'static str,
    /// Status in the region's words.
    pub status: &'static str,
    /// True if the status is a failure.
    pub is_failure: bool,
    /// True if the script has not come to its end.
    pub is_open: bool,
    /// When the script began.
    pub started: Option<String>,
    /// Duration in seconds.
    pub seconds: Option<f64>,
    /// Notes of the agent.
    pub notes: String,
}

/// Messages that no region has.
#[derive(Clone, Debug, Serialize)]
pub struct Undelivered {
    /// Number of messages that wait.
    pub waiting: usize,
    /// When the oldest was written.
    pub since: Option<String>,
    /// Subjects of the first messages.
    pub messages: Vec<String>,
    /// Number of messages that a region refused for good.
    pub refused: usize,
    /// The last refusals: message and reason.
    pub refusals: Vec<String>,
}

/// Hardware sync with one region.
#[derive(Clone, Debug, Serialize)]
pub struct Sync {
    /// The region.
    pub region: String,
    /// When the region acknowledged the hardware last.
    pub acknowledged: Option<String>,
    /// True if the region lacks something.
    pub is_owed: bool,
}

/// A drive in trouble.
#[derive(Clone, Debug, Serialize)]
pub struct Drive {
    /// Model and serial number.
    pub name: String,
    /// True if it is failing, false if it is degraded.
    pub is_failing: bool,
}

impl Overview {
    /// Reads the facts. `is_verb` knows the verbs of the command line, which name what a process does.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn read(
        store: &Store,
        state_directory: &Path,
        now: Timestamp,
        is_verb: impl Fn(&str) -> bool,
    ) -> std::result::Result<Self, journal::Error> {
        let newest = store.runs()?.into_iter().find(|run| run.scripts > 0 || run.ended.is_none());
        let run = match newest {
            Some(run) => Some(of_run(&run, store.results(run.id)?)),
            None => None,
        };
        let troubled = troubled_drives(store)?;
        let mut overview = Overview {
            form: 1,
            time: now,
            state: State::Well,
            working: journal::workers(state_directory).into_iter().map(|pid| Worker::of(pid, &is_verb)).collect(),
            run,
            undelivered: undelivered(&store.all_waiting()?, &store.refused_messages()?),
            sync: store.told_regions()?.into_iter().map(sync).collect(),
            drives: troubled.into_iter().map(drive).collect(),
            hardware_changes: store.hardware_changes_since(now - DAY)?,
        };
        overview.state = overview.grade();
        Ok(overview)
    }

    /// True while a process works that comes to an end.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        self.working.iter().any(|worker| !worker.is_service())
    }

    fn grade(&self) -> State {
        let is_working = self.is_at_work();
        let run = self.run.as_ref().map_or(State::Well, |run| match (&run.ended, run.end) {
            (None, _) if is_working => State::Working,
            (None, _) => State::Failed,
            (_, Some(RunEnd::Unfinished)) => State::Undelivered,
            _ if !run.is_complete || run.results.iter().any(|result| result.is_failure) => State::Failed,
            _ => State::Well,
        });
        let is_owed = self.sync.iter().any(|sync| sync.is_owed);
        let lacks = self.undelivered.waiting + self.undelivered.refused > 0 || is_owed;
        let delivery = if lacks && run != State::Working { State::Undelivered } else { State::Well };
        let drives = if self.drives.is_empty() { State::Well } else { State::Failed };
        run.max(delivery).max(drives)
    }
}

fn of_run(run: &RunRecord, results: Vec<ResultRecord>) -> Run {
    let result = |result: ResultRecord| Result {
        subject: result.subject,
        set: result.kind.folder(),
        status: result.status.name(),
        is_failure: result.status.is_failure(),
        is_open: !result.status.is_final(),
        started: result.started.map(journal::stamp),
        seconds: result.runtime.map(|runtime| runtime.as_secs_f64()),
        notes: result.notes,
    };
    Run {
        id: run.id.number(),
        started: journal::stamp(run.started),
        ended: run.ended.map(journal::stamp),
        end: run.end,
        outcome: run.outcome.clone(),
        is_complete: run.is_complete,
        seconds: run.duration.map(|duration| duration.as_secs_f64()),
        results: results.into_iter().map(result).collect(),
    }
}

fn undelivered(waiting: &[Waiting], refused: &[(String, String, String)]) -> Undelivered {
    let last = refused.iter().rev().take(LISTED);
    Undelivered {
        waiting: waiting.len(),
        since: waiting.first().and_then(|message| message.since).map(journal::stamp),
        messages: waiting.iter().take(LISTED).map(|message| message.label.clone()).collect(),
        refused: refused.len(),
        refusals: last.map(|(message, reason, _)| format!("{message}: {reason}")).collect(),
    }
}

fn sync(told: Told) -> Sync {
    Sync { region: told.region, acknowledged: told.at.map(journal::stamp), is_owed: told.is_owed }
}

fn drive(troubled: TroubledDrive) -> Drive {
    Drive { name: troubled.drive, is_failing: troubled.is_failing }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn as_stamp<S: serde::Serializer>(time: &Timestamp, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&journal::stamp(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_found_behind_options_with_values() {
        let is_verb = |word: &str| ["run", "watch"].contains(&word);
        for (line, expected) in [
            ("/usr/bin/shakedown --log-format json -v watch --interval 5", "watch"),
            ("shakedown --set runner.output_bytes=0 run /srv/run", "run"),
            ("/usr/bin/maas-run-remote-scripts /tmp/storage", "maas-run-remote-scripts"),
            ("", ""),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(verb(&words, is_verb), expected, "{line}");
        }
    }
}
