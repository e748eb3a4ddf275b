//! Rows of runs and script results as their types have them.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;

use super::end::statuses;
use super::{Audience, RunEnd, RunId};
use crate::diagnosis::Finding;
use crate::process::Cost;
use crate::script::{ScriptType, Status};

/// A run in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Its number.
    pub id: RunId,
    /// When it began.
    pub started: Timestamp,
    /// When it came to its end; `None` while it is under way or was interrupted.
    pub ended: Option<Timestamp>,
    /// How it ended; `None` as long as it has not.
    pub end: Option<RunEnd>,
    /// The same for people, with what it does not tell.
    pub outcome: Option<String>,
    /// Every script that it was given came to an end, and nobody stopped it; also true of a run that failed.
    pub is_complete: bool,
    /// How long it took by a clock that nobody sets. `None` while it has no end, and when it went on in another boot.
    pub duration: Option<Duration>,
    /// The region.
    pub region: String,
    /// Who is told of it.
    pub audience: Audience,
    /// The storage directory.
    pub storage: String,
    /// The boot that it last ran in.
    pub boot_id: String,
    /// Who asked for it.
    pub requested_by: String,
    /// Number of scripts.
    pub scripts: i64,
    /// Number of those that failed.
    pub failed: i64,
}

/// A script result in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRecord {
    /// The run.
    pub run_id: RunId,
    /// Script name.
    pub name: String,
    /// The set that it is of.
    pub kind: ScriptType,
    /// The region's script result.
    pub result_id: Option<i64>,
    /// Version of the script.
    pub version_id: Option<i64>,
    /// Name with the device it was for.
    pub subject: String,
    /// Status.
    pub status: Status,
    /// Exit status.
    pub exit_status: Option<i32>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long it ran.
    pub runtime: Option<Duration>,
    /// SHA-256 of the script.
    pub script_sha256: Option<String>,
    /// It may reboot the machine.
    pub may_reboot: bool,
    /// Its parameters as a JSON object; a password is `(hidden)`.
    pub parameters: String,
    /// What an operator should know besides.
    pub notes: String,
    /// File of both streams.
    pub combined: PathBuf,
    /// File of standard output.
    pub stdout: PathBuf,
    /// File of standard error.
    pub stderr: PathBuf,
    /// Result file.
    pub result_file: PathBuf,
    /// Incidents that the machine reported while the script ran.
    pub findings: Vec<Finding>,
    /// Resources that the script used; `None` if they are not on record.
    pub cost: Option<Cost>,
}

/// What [`result`] reads.
pub(super) const RESULT_COLUMNS: &str =
    "run_id, name, kind, result_id, version_id, subject, status, exit_status, started, ended, runtime,
    script_sha256, may_reboot, notes, combined, stdout, stderr, result_file, parameters, findings, cost";

pub(super) fn result(row: &Row<'_>) -> Result<ResultRecord, rusqlite::Error> {
    let path = |index: usize| row.get::<_, String>(index).map(PathBuf::from);
    Ok(ResultRecord {
        run_id: row.get(0)?,
        name: row.get(1)?,
        kind: kind(row, 2)?,
        result_id: row.get(3)?,
        version_id: row.get(4)?,
        subject: row.get(5)?,
        status: Status::from_number(row.get(6)?).unwrap_or(Status::Failed),
        exit_status: row.get(7)?,
        started: time(row, 8)?,
        ended: time(row, 9)?,
        runtime: span(row, 10)?,
        script_sha256: row.get(11)?,
        may_reboot: row.get(12)?,
        notes: row.get(13)?,
        combined: path(14)?,
        stdout: path(15)?,
        stderr: path(16)?,
        result_file: path(17)?,
        parameters: row.get(18)?,
        // What a newer version words otherwise is as good as absent: the notes tell it, too.
        findings: serde_json::from_str(&row.get::<_, String>(19)?).unwrap_or_default(),
        cost: serde_json::from_str(&row.get::<_, String>(20)?).ok(),
    })
}

/// A time as [`super::store::stamp`] wrote it.
fn time(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>, rusqlite::Error> {
    let parse = |text: String| {
        text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error)))
    };
    row.get::<_, Option<String>>(index)?.map(parse).transpose()
}

/// Seconds; what no clock shows is not known.
fn span(row: &Row<'_>, index: usize) -> Result<Option<Duration>, rusqlite::Error> {
    Ok(row.get::<_, Option<f64>>(index)?.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

fn kind(row: &Row<'_>, index: usize) -> Result<ScriptType, rusqlite::Error> {
    let folder: String = row.get(index)?;
    ScriptType::ALL.into_iter().find(|kind| kind.folder() == folder).ok_or_else(|| {
        let reason = format!("{folder:?} is no set of scripts");
        rusqlite::Error::FromSqlConversionFailure(index, Type::Text, reason.into())
    })
}

/// What [`run`] reads.
pub(super) fn select_run() -> String {
    let failed = statuses(Status::is_failure);
    format!(
        "SELECT r.id, r.started, r.ended, r.outcome, r.region, r.storage, r.boot_id, r.requested_by,
        (SELECT count(*) FROM script_result s WHERE s.run_id = r.id),
        (SELECT count(*) FROM script_result s WHERE s.run_id = r.id AND s.status IN ({failed})),
        r.end_kind, r.complete, r.audience, r.duration FROM run r"
    )
}

pub(super) fn run(row: &Row<'_>) -> Result<RunRecord, rusqlite::Error> {
    Ok(RunRecord {
        id: row.get(0)?,
        started: time(row, 1)?.unwrap_or_default(),
        ended: time(row, 2)?,
        outcome: row.get(3)?,
        region: row.get(4)?,
        storage: row.get(5)?,
        boot_id: row.get(6)?,
        requested_by: row.get(7)?,
        scripts: row.get(8)?,
        failed: row.get(9)?,
        end: row.get(10)?,
        is_complete: row.get(11)?,
        audience: row.get(12)?,
        duration: span(row, 13)?,
    })
}
