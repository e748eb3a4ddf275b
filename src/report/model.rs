//! What a report of a run says, whatever its form. `docs/report.md` tells the JSON that comes of it.

use serde::Serialize;

use super::drawing::HardwareTest;
use super::excerpt::Excerpt;
use super::verdict::{Problem, Verdict, verdict};
use crate::diagnosis::Finding;
use crate::host::{Load, LoadSpan};
use crate::journal::RunEnd;
use crate::process::Cost;
use crate::script::Status;

/// Version of the form: grows when a field changes its meaning or goes.
const VERSION: u32 = 1;
/// Most undelivered messages that are listed.
const MESSAGES: usize = 200;

/// How something is, told by word, shape and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// It had nothing to do here, or nothing was run.
    Skipped,
    /// It ended well.
    Passed,
    /// It ended well, and something about it has to be looked at before anybody relies on that.
    Noted,
    /// It works, but not as it should.
    Degraded,
    /// It ended well here, and the region does not know.
    Undelivered,
    /// It has not come to its end: nothing is known of it.
    Unfinished,
    /// It ended badly.
    Failed,
}

impl Grade {
    /// Of a script result.
    #[must_use]
    pub fn of(status: Status) -> Grade {
        match status {
            Status::Passed => Grade::Passed,
            Status::Degraded => Grade::Degraded,
            Status::Skipped => Grade::Skipped,
            status if status.is_final() => Grade::Failed,
            _ => Grade::Unfinished,
        }
    }

    /// The word for it, as in the JSON and for style classes.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Grade::Skipped => "skipped",
            Grade::Passed => "passed",
            Grade::Noted => "noted",
            Grade::Degraded => "degraded",
            Grade::Undelivered => "undelivered",
            Grade::Unfinished => "unfinished",
            Grade::Failed => "failed",
        }
    }
}

/// A report of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `shakedown-report`.
    pub format: &'static str,
    /// Version of this form.
    pub version: u32,
    /// The program that wrote it.
    pub program: &'static str,
    /// Where it ran.
    pub machine: Machine,
    /// The run.
    pub run: Run,
    /// How it went.
    pub verdict: Verdict,
    /// Everything that is not well, gravest first.
    pub problems: Vec<Problem>,
    /// Script results in the order in which they were begun.
    pub results: Vec<TestResult>,
    /// How loaded the machine was during the run; `None` if that is not on record.
    pub load: Option<Load>,
    /// A warning that other programs were busy, so that figures of the run may be too low; `None` if they were not.
    pub another_load: Option<String>,
    /// Tests of the hardware by this program, with what can be drawn of them.
    pub tests: Vec<HardwareTest>,
    /// What the region has not.
    pub undelivered: Vec<Undelivered>,
    /// More of that.
    pub undelivered_left_out: usize,
    /// The machine against the profile of what was ordered, if it was judged.
    pub acceptance: Option<Acceptance>,
    /// Disks, as the run's disk tests told of them.
    pub disks: Vec<Disk>,
    /// The machine, if the run has it on record.
    pub inventory: Option<Inventory>,
    /// Changes of the hardware, oldest first.
    pub changes: Vec<Event>,
    /// The event and audit log.
    pub log: Log,
}

impl Report {
    /// Puts a report together and says how it went. Only the first undelivered messages are listed, all are counted.
    #[must_use]
    pub fn new(machine: Machine, run: Run, results: Vec<TestResult>, mut undelivered: Vec<Undelivered>) -> Report {
        let (verdict, problems) = verdict(&run, &results, &undelivered);
        let undelivered_left_out = undelivered.len().saturating_sub(MESSAGES);
        undelivered.truncate(MESSAGES);
        Report {
            format: "shakedown-report",
            version: VERSION,
            program: concat!("shakedown ", env!("CARGO_PKG_VERSION")),
            machine,
            run,
            verdict,
            problems,
            results,
            load: None,
            another_load: None,
            tests: Vec::new(),
            undelivered,
            undelivered_left_out,
            acceptance: None,
            disks: Vec::new(),
            inventory: None,
            changes: Vec::new(),
            log: Log::default(),
        }
    }
}

/// A machine, as the events of the run name it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Machine {
    /// Host name; empty when no event tells.
    pub hostname: String,
    /// What the region calls it.
    pub system_id: Option<String>,
}

/// A run. Times are UTC, as `2026-11-20T12:00:00.000000Z`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Run {
    /// Its number on this machine.
    pub id: i64,
    /// When it began.
    pub started: String,
    /// When it came to its end; `None` while it is under way or was interrupted.
    pub ended: Option<String>,
    /// How long it took by a clock that nobody sets, in seconds; `None` where that is not on record.
    pub seconds: Option<f64>,
    /// How it ended.
    pub end: Option<RunEnd>,
    /// The same for people, with what it does not tell.
    pub outcome: Option<String>,
    /// Every script that it was given came to an end, and nobody stopped it; also true of a run that failed.
    pub is_complete: bool,
    /// The region was to hear of it; false with `--no-send`.
    pub is_for_region: bool,
    /// The region.
    pub region: String,
    /// Who asked for it; empty when that is not known.
    pub requested_by: String,
    /// Where its outputs are.
    pub storage: String,
}

/// A script result.
#[derive(Clone, Debug, Serialize)]
pub struct TestResult {
    /// Name with the device that it was for.
    pub subject: String,
    /// Script name.
    pub script: String,
    /// The set, for example `testing`.
    pub set: String,
    /// Status, in documents in the region's words.
    #[serde(serialize_with = "as_text")]
    pub status: Status,
    /// The same, coarser.
    pub grade: Grade,
    /// Why it is so; nothing for one that passed.
    pub reason: Option<String>,
    /// What to do about it.
    pub next: Option<String>,
    /// Exit status.
    pub exit_status: Option<i32>,
    /// When it started.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it ran.
    pub seconds: Option<f64>,
    /// SHA-256 of the script.
    pub sha256: Option<String>,
    /// The region's number of the result.
    pub result_id: Option<i64>,
    /// Its parameters; passwords hidden.
    pub parameters: Vec<Parameter>,
    /// What its result file says.
    pub values: Vec<Parameter>,
    /// What the agent noted besides.
    pub notes: String,
    /// Incidents that the machine reported while the script ran, those that count first.
    pub findings: Vec<Finding>,
    /// Resources that the script used; `None` if they are not on record.
    pub cost: Option<Cost>,
    /// How loaded the machine was while the script ran; `None` if that is not on record.
    pub meanwhile: Option<LoadSpan>,
    /// What it printed.
    pub output: Excerpt,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn as_text<S: serde::Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.name())
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Name.
    pub name: String,
    /// Value, as text.
    pub value: String,
}

/// A message that the region has not taken.
#[derive(Clone, Debug, Serialize)]
pub struct Undelivered {
    /// What it is about.
    pub message: String,
    /// The region refused it for good; else it waits to be sent.
    pub is_refused: bool,
    /// It is about a script result or the end of the run, and no mere event.
    pub is_result: bool,
    /// The region's reason.
    pub reason: String,
}

/// A disk that a script of the run tested. What is not known is empty.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Disk {
    /// Kernel name.
    pub name: String,
    /// Model, from the inventory.
    pub model: String,
    /// Serial number, from the inventory.
    pub serial: String,
    /// `healthy`, `degraded`, `failed`, `not-supported`, `error`.
    pub health: String,
    /// Why.
    pub reason: String,
    /// What became of the self-test.
    pub self_test: String,
    /// Degrees Celsius.
    pub temperature: String,
    /// Percent of the rated endurance that is used.
    pub wear: String,
    /// Hours that it has been switched on.
    pub power_on_hours: String,
    /// Sectors that were replaced.
    pub reallocated_sectors: String,
    /// Sectors that wait to be replaced.
    pub pending_sectors: String,
    /// Reads or writes that failed for good.
    pub media_errors: String,
    /// The script result that this is from.
    pub source: String,
}

/// What the machine is made of.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inventory {
    /// Where this is from.
    pub source: String,
    /// The machine in a few lines.
    pub facts: Vec<Parameter>,
    /// Lists of devices.
    pub sections: Vec<Section>,
    /// What is worth a look; `None` when what is on record knows no findings.
    pub findings: Option<Vec<String>>,
    /// More of them.
    pub findings_left_out: usize,
    /// What could not be found out.
    pub gaps: Vec<String>,
    /// More of that.
    pub gaps_left_out: usize,
    /// What holds all of it: a file, or a command.
    pub whole: String,
}

impl Inventory {
    /// What stands behind a list that is cut.
    pub(super) fn more(&self, left_out: usize) -> Option<String> {
        (left_out > 0).then(|| format!("and {left_out} more; {} tells all", self.whole))
    }
}

/// A list of devices of one kind.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Section {
    /// The kind.
    pub title: &'static str,
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// A row a device.
    pub rows: Vec<Vec<String>>,
    /// Devices that are left out.
    pub left_out: usize,
}

impl Section {
    /// A list with the columns that any row fills.
    #[must_use]
    pub fn new(title: &'static str, columns: impl Iterator<Item = &'static str>, rows: Vec<Vec<String>>) -> Self {
        let is_filled = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()));
        let (places, columns): (Vec<usize>, Vec<_>) = columns.enumerate().filter(|(at, _)| is_filled(*at)).unzip();
        let pick = |mut row: Vec<String>| places.iter().map(|at| std::mem::take(&mut row[*at])).collect();
        Section { title, columns, rows: rows.into_iter().map(pick).collect(), left_out: 0 }
    }
}

/// A machine against the profile of what was ordered.
#[derive(Clone, Debug, Serialize)]
pub struct Acceptance {
    /// Who judged, and when.
    pub source: String,
    /// Name of the profile.
    pub profile: String,
    /// The verdict in one line: `rejected: 3 deviations`.
    pub verdict: String,
    /// How it is told: passed, noted, failed, or unfinished if something could not be read.
    pub grade: Grade,
    /// Number of expectations, those that could not be checked included.
    pub checked: u64,
    /// Deviations, most severe first, then what could not be checked.
    pub deviations: Section,
}

/// A row of the event log.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Grows with time.
    pub id: i64,
    /// When it happened.
    pub time: String,
    /// Severity, as `AUDIT`.
    pub level: &'static str,
    /// Type, as `SCRIPT_DID_NOT_COMPLETE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened.
    pub description: String,
    /// Who did it; empty when nobody in particular.
    pub user: String,
}

/// The event and audit log of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Log {
    /// Events, oldest first.
    pub events: Vec<Event>,
    /// Older ones that are left out.
    pub left_out: u64,
    /// Whether the chain of audit events holds, in words.
    pub chain: String,
    /// The chain holds.
    pub is_sound: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_undelivered_messages_are_counted_though_not_all_are_listed() {
        let message = |number: usize| Undelivered {
            message: format!("signal {number}"),
            is_refused: number == 499,
            is_result: true,
            reason: String::new(),
        };
        let report = Report::new(Machine::default(), Run::default(), Vec::new(), (0..500).map(message).collect());
        assert!(report.problems.iter().any(|problem| problem.status == "Not everything: 499 waiting, 1 refused"));
        assert_eq!((report.undelivered.len(), report.undelivered_left_out), (200, 300));
    }
}
