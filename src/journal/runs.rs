//! Runs and their script results.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::end::statuses;
use super::row::{RESULT_COLUMNS, ResultRecord, RunRecord, result, run, select_run};
use super::{Audience, Error, Head, Message, MessageId, RunEnd, RunId, Store, age, outbox, schema, seal};
use crate::diagnosis::Finding;
use crate::process::Cost;
use crate::script::{Outputs, Script, ScriptType, Status};

/// A run that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Scheme, host and port of the region, and the token.
    pub region: String,
    /// Who is told of it. A run that tells nobody is no part of one that does: the region would wait for ever for what ran in it.
    pub audience: Audience,
    /// The storage directory.
    pub storage: PathBuf,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Who asked for it.
    pub requested_by: String,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunEnding<'a> {
    /// The kind of it.
    pub end: RunEnd,
    /// The same for people.
    pub outcome: &'a str,
    /// How long it took by the clock that nobody sets; `None` of one that began in another process. If the other clock was set meanwhile,
    /// what the run has from before that is moved to where it belongs.
    pub took: Option<Duration>,
}

/// A script that a run is about to begin.
#[derive(Clone, Debug)]
pub struct NewResult {
    /// The script.
    pub script: Script,
    /// SHA-256 of its content, in hexadecimal; `None` when it cannot be read.
    pub sha256: Option<String>,
    /// Its header says that it may reboot the machine.
    pub may_reboot: bool,
    /// Where its output goes.
    pub outputs: Outputs,
}

/// A change of a script result.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultChange {
    /// The run.
    pub run_id: RunId,
    /// Script name.
    pub name: String,
    /// The region's script result.
    pub result_id: Option<i64>,
    /// The new status.
    pub status: Status,
    /// Exit status, once known.
    pub exit_status: Option<i32>,
    /// How long it ran, once known.
    pub runtime: Option<Duration>,
    /// What an operator should know besides.
    pub notes: String,
    /// Incidents that the machine reported while the script ran, once known.
    pub findings: Vec<Finding>,
    /// Resources that the script used, once known.
    pub cost: Option<Cost>,
}

pub(super) fn apply(connection: &Connection, change: &ResultChange, now: &str) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "UPDATE script_result SET status = ?4, exit_status = ifnull(?5, exit_status), runtime = ifnull(?6, runtime), notes = ?7,
                findings = ifnull(?11, findings), cost = ifnull(?12, cost),
                started = CASE WHEN ?8 THEN ifnull(started, ?10) ELSE started END,
                ended = CASE WHEN ?9 THEN ?10 ELSE ended END
             WHERE run_id = ?1 AND name = ?2 AND result_id IS ?3",
        )?
        .execute(params![
            change.run_id,
            change.name,
            change.result_id,
            change.status.number(),
            change.exit_status,
            change.runtime.map(|runtime| runtime.as_secs_f64()),
            change.notes,
            change.status != Status::Pending,
            change.status.is_final(),
            now,
            (!change.findings.is_empty()).then(|| serde_json::to_string(&change.findings).unwrap_or_default()),
            change.cost.map(|cost| serde_json::to_string(&cost).unwrap_or_default()),
        ])?;
    if change.status.is_final() {
        seal::result(connection, change.run_id, &change.name, change.result_id)?;
    }
    Ok(())
}

/// Seconds since this machine was started, asleep or awake (`/proc/uptime`). Nobody sets this clock, while that of the day may begin
/// in 1970 and be set in mid-run.
fn uptime() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// A run that did nothing but say something, beside one that may be under way.
pub(super) fn insert_ended(
    connection: &Connection,
    new: &NewRun,
    (end, outcome): (RunEnd, &str),
    now: &str,
) -> Result<RunId, rusqlite::Error> {
    connection.execute(
        "INSERT INTO run (started, ended, outcome, region, storage, boot_id, requested_by, audience, end_kind, complete, duration)
         VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
        params![
            now,
            outcome,
            new.region,
            new.storage.to_string_lossy(),
            new.boot_id,
            new.requested_by,
            new.audience,
            end,
            end.may_be_complete(),
        ],
    )?;
    let id = connection.last_insert_rowid().into();
    seal::runs(connection)?;
    Ok(id)
}

impl Store {
    /// Begins a run; its number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin_run(&mut self, new: &NewRun) -> Result<RunId, Error> {
        self.transact(|transaction, now| {
            let storage = new.storage.to_string_lossy();
            // A run that was left behind does not come back once another has begun in its place.
            transaction.execute(
                "UPDATE run SET ended = ?1, end_kind = ?2, outcome = ?2
                 WHERE ended IS NULL AND region = ?3 AND storage = ?4 AND audience = ?5",
                params![now, RunEnd::Abandoned, new.region, storage, new.audience],
            )?;
            seal::runs(transaction)?;
            transaction.execute(
                "INSERT INTO run (started, region, storage, boot_id, requested_by, audience, started_monotonic)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![now, new.region, storage, new.boot_id, new.requested_by, new.audience, uptime()],
            )?;
            Ok(transaction.last_insert_rowid().into())
        })
    }

    /// The run that was interrupted in a storage directory with a region, if there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn interrupted_run(&self, new: &NewRun) -> Result<Option<RunRecord>, Error> {
        let sql = format!(
            "{} WHERE r.ended IS NULL AND r.region = ?1 AND r.storage = ?2 AND r.audience = ?3 ORDER BY r.id DESC LIMIT 1",
            select_run()
        );
        self.connection
            .query_row(&sql, params![new.region, new.storage.to_string_lossy(), new.audience], run)
            .optional()
            .map_err(Error::sqlite(&self.path))
    }

    /// Runs that were begun as a machine that the region did not know belong to the one that it knows now; what waits goes with
    /// them. Scripts that were not begun will come again, with the region's numbers.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn adopt_runs(&mut self, stranger: &str, known: &str) -> Result<(), Error> {
        self.transact(|transaction, _| {
            let unbegun = "DELETE FROM script_result WHERE result_id IS NULL AND status = ?2
                AND run_id IN (SELECT id FROM run WHERE ended IS NULL AND region = ?1 AND audience = ?3)";
            transaction.execute(unbegun, params![stranger, Status::Pending.number(), Audience::Region])?;
            let open = "UPDATE run SET region = ?2 WHERE ended IS NULL AND region = ?1 AND audience = ?3";
            transaction.execute(open, params![stranger, known, Audience::Region]).map(drop)
        })
    }

    /// A run goes on in this boot.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn resume_run(&mut self, id: RunId, boot_id: &str) -> Result<(), Error> {
        // The clock that nobody sets begins anew with each boot.
        let sql = "UPDATE run SET started_monotonic = CASE WHEN boot_id = ?2 THEN started_monotonic END, boot_id = ?2 WHERE id = ?1";
        self.transact(|transaction, _| transaction.execute(sql, params![id, boot_id]).map(drop))
    }

    /// A run has come to its end. What the region is to be told of it, given the head of the chain of seals with that end in it, goes
    /// into the outbox with it. The numbers of those messages.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_run(
        &mut self,
        id: RunId,
        ending: &RunEnding<'_>,
        told: impl FnOnce(&Head) -> Vec<Message>,
    ) -> Result<Vec<MessageId>, Error> {
        let sql = format!(
            "UPDATE run SET ended = ?2, end_kind = ?3, outcome = ?4, duration = max(?5 - started_monotonic, 0), complete = {}
             WHERE id = ?1",
            schema::complete("?3", "?1")
        );
        self.transact(|transaction, now| {
            transaction.execute(&sql, params![id, now, ending.end, ending.outcome, uptime()])?;
            if let Some(took) = ending.took {
                age::set_right(transaction, id, took)?;
            }
            let head = seal::end(transaction, id)?;
            told(&head).iter().map(|message| outbox::insert(transaction, message, now)).collect()
        })
    }

    /// Scripts that a run is about to begin, as Pending; one that the run knows already stays as it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn expect_results(&mut self, run_id: RunId, results: &[NewResult]) -> Result<(), Error> {
        let (pending, running) = (Status::Pending.number(), statuses(Status::is_running));
        self.transact(|transaction, _| {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO script_result (run_id, name, kind, result_id, version_id, subject, status, script_sha256, may_reboot,
                    parameters, combined, stdout, stderr, result_file)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?14, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING",
            )?;
            // Begun while the region had no number for it, and to be gone on with.
            let mut number = transaction.prepare_cached(&format!(
                "UPDATE OR IGNORE script_result SET result_id = ?3, version_id = ?4, combined = ?5, stdout = ?6, stderr = ?7,
                    result_file = ?8 WHERE run_id = ?1 AND name = ?2 AND result_id IS NULL AND status IN ({running})",
            ))?;
            for new in results {
                let script = &new.script;
                if script.result_id.is_some() {
                    number.execute(params![
                        run_id,
                        script.name,
                        script.result_id,
                        script.version_id,
                        new.outputs.combined.to_string_lossy(),
                        new.outputs.stdout.to_string_lossy(),
                        new.outputs.stderr.to_string_lossy(),
                        new.outputs.result.to_string_lossy(),
                    ])?;
                }
                insert.execute(params![
                    run_id,
                    script.name,
                    script.kind.folder(),
                    script.result_id,
                    script.version_id,
                    script.subject().to_string(),
                    new.sha256,
                    new.may_reboot,
                    parameters(script),
                    new.outputs.combined.to_string_lossy(),
                    new.outputs.stdout.to_string_lossy(),
                    new.outputs.stderr.to_string_lossy(),
                    new.outputs.result.to_string_lossy(),
                    pending,
                ])?;
            }
            Ok(())
        })
    }

    /// The script results of a run in the order in which they were begun.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn results(&self, run_id: RunId) -> Result<Vec<ResultRecord>, Error> {
        let read = || -> Result<Vec<_>, rusqlite::Error> {
            let sql = format!("SELECT {RESULT_COLUMNS} FROM script_result WHERE run_id = ?1 ORDER BY id");
            self.connection.prepare(&sql)?.query_map([run_id], result)?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// All runs, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRecord>, Error> {
        let read = || -> Result<Vec<_>, rusqlite::Error> {
            self.connection.prepare(&format!("{} ORDER BY r.id DESC", select_run()))?.query_map([], run)?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Content and number of a script when it last ran here, whatever the run.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_sha256(&self, name: &str, kind: ScriptType) -> Result<Option<String>, Error> {
        self.connection
            .prepare_cached(
                "SELECT script_sha256 FROM script_result WHERE name = ?1 AND kind = ?2 AND started IS NOT NULL
                    AND script_sha256 IS NOT NULL ORDER BY id DESC LIMIT 1",
            )
            .and_then(|mut statement| statement.query_row(params![name, kind.folder()], |row| row.get(0)).optional())
            .map_err(Error::sqlite(&self.path))
    }
}

/// Parameters as the region gave them, without passwords.
fn parameters(script: &Script) -> String {
    let shown = script.parameters.iter().map(|(name, parameter)| {
        let value = match parameter.kind.as_str() {
            "password" => "(hidden)".into(),
            _ => parameter.effective().cloned().unwrap_or_default(),
        };
        (name.clone(), value)
    });
    serde_json::Value::Object(shown.collect()).to_string()
}
