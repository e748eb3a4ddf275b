//! Runs and their script results.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Error, Message, Store, outbox, seal};
use crate::script::{Outputs, Script, ScriptType, Status};

/// A run that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Scheme, host and port of the region.
    pub region: String,
    /// The storage directory.
    pub storage: PathBuf,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Who asked for it.
    pub requested_by: String,
}

/// A run in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Grows with time.
    pub id: i64,
    /// When it began.
    pub started: String,
    /// When it came to its end; `None` while it is under way or was interrupted.
    pub ended: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// The region.
    pub region: String,
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

/// A script result in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRecord {
    /// The run.
    pub run_id: i64,
    /// Script name.
    pub name: String,
    /// The set, for example `testing`.
    pub kind: String,
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
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it ran, in seconds.
    pub runtime: Option<f64>,
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
}

/// A change of a script result.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultChange {
    /// The run.
    pub run_id: i64,
    /// Script name.
    pub name: String,
    /// The region's script result.
    pub result_id: Option<i64>,
    /// The new status.
    pub status: Status,
    /// Exit status, once known.
    pub exit_status: Option<i32>,
    /// How long it ran, in seconds, once known.
    pub runtime: Option<f64>,
    /// What an operator should know besides.
    pub notes: String,
}

pub(super) fn apply(connection: &Connection, change: &ResultChange, now: &str) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "UPDATE script_result SET status = ?4, exit_status = ifnull(?5, exit_status), runtime = ifnull(?6, runtime), notes = ?7,
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
            change.runtime,
            change.notes,
            change.status != Status::Pending,
            change.status.is_final(),
            now,
        ])?;
    if change.status.is_final() {
        seal::result(connection, change.run_id, &change.name, change.result_id)?;
    }
    Ok(())
}

const RESULT_COLUMNS: &str =
    "run_id, name, kind, result_id, version_id, subject, status, exit_status, started, ended, runtime,
    script_sha256, may_reboot, notes, combined, stdout, stderr, result_file, parameters";

fn result(row: &Row<'_>) -> Result<ResultRecord, rusqlite::Error> {
    let path = |index: usize| row.get::<_, String>(index).map(PathBuf::from);
    Ok(ResultRecord {
        run_id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        result_id: row.get(3)?,
        version_id: row.get(4)?,
        subject: row.get(5)?,
        status: Status::from_number(row.get(6)?).unwrap_or(Status::Failed),
        exit_status: row.get(7)?,
        started: row.get(8)?,
        ended: row.get(9)?,
        runtime: row.get(10)?,
        script_sha256: row.get(11)?,
        may_reboot: row.get(12)?,
        notes: row.get(13)?,
        combined: path(14)?,
        stdout: path(15)?,
        stderr: path(16)?,
        result_file: path(17)?,
        parameters: row.get(18)?,
    })
}

const RUN: &str = "SELECT r.id, r.started, r.ended, r.outcome, r.region, r.storage, r.boot_id, r.requested_by,
    (SELECT count(*) FROM script_result s WHERE s.run_id = r.id),
    (SELECT count(*) FROM script_result s WHERE s.run_id = r.id AND s.status IN (3, 4, 5, 8, 11)) FROM run r";

fn run(row: &Row<'_>) -> Result<RunRecord, rusqlite::Error> {
    Ok(RunRecord {
        id: row.get(0)?,
        started: row.get(1)?,
        ended: row.get(2)?,
        outcome: row.get(3)?,
        region: row.get(4)?,
        storage: row.get(5)?,
        boot_id: row.get(6)?,
        requested_by: row.get(7)?,
        scripts: row.get(8)?,
        failed: row.get(9)?,
    })
}

/// A run that did nothing but say something, beside one that may be under way.
pub(super) fn insert_ended(
    connection: &Connection,
    new: &NewRun,
    outcome: &str,
    now: &str,
) -> Result<i64, rusqlite::Error> {
    connection.execute(
        "INSERT INTO run (started, ended, outcome, region, storage, boot_id, requested_by) VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6)",
        params![now, outcome, new.region, new.storage.to_string_lossy(), new.boot_id, new.requested_by],
    )?;
    let id = connection.last_insert_rowid();
    seal::runs(connection)?;
    Ok(id)
}

impl Store {
    /// Begins a run; its number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin_run(&mut self, new: &NewRun) -> Result<i64, Error> {
        self.transact(|transaction, now| {
            // A run that was left behind does not come back once another has begun in its place.
            transaction.execute(
                "UPDATE run SET ended = ?1, outcome = 'abandoned' WHERE ended IS NULL AND region = ?2 AND storage = ?3",
                params![now, new.region, new.storage.to_string_lossy()],
            )?;
            seal::runs(transaction)?;
            transaction.execute(
                "INSERT INTO run (started, region, storage, boot_id, requested_by) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![now, new.region, new.storage.to_string_lossy(), new.boot_id, new.requested_by],
            )?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// The run that was interrupted in a storage directory with a region, if there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn interrupted_run(&self, new: &NewRun) -> Result<Option<RunRecord>, Error> {
        let sql =
            format!("{RUN} WHERE r.ended IS NULL AND r.region = ?1 AND r.storage = ?2 ORDER BY r.id DESC LIMIT 1");
        self.connection
            .query_row(&sql, params![new.region, new.storage.to_string_lossy()], run)
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
            let unbegun = "DELETE FROM script_result WHERE result_id IS NULL AND status = 0
                AND run_id IN (SELECT id FROM run WHERE ended IS NULL AND region = ?1)";
            transaction.execute(unbegun, [stranger])?;
            let open = "UPDATE run SET region = ?2 WHERE ended IS NULL AND region = ?1";
            transaction.execute(open, [stranger, known]).map(drop)
        })
    }

    /// A run goes on in this boot.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn resume_run(&mut self, id: i64, boot_id: &str) -> Result<(), Error> {
        self.transact(|transaction, _| {
            transaction.execute("UPDATE run SET boot_id = ?2 WHERE id = ?1", params![id, boot_id]).map(drop)
        })
    }

    /// A run has come to its end; what the region is to be told of it goes into the outbox with it. The number of that message.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_run(&mut self, id: i64, outcome: &str, message: Option<&Message>) -> Result<Vec<i64>, Error> {
        self.transact(|transaction, now| {
            transaction.execute("UPDATE run SET ended = ?2, outcome = ?3 WHERE id = ?1", params![id, now, outcome])?;
            seal::runs(transaction)?;
            message.into_iter().map(|message| outbox::insert(transaction, message, now)).collect()
        })
    }

    /// Scripts that a run is about to begin, as Pending; one that the run knows already stays as it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn expect_results(&mut self, run_id: i64, results: &[NewResult]) -> Result<(), Error> {
        self.transact(|transaction, _| {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO script_result (run_id, name, kind, result_id, version_id, subject, status, script_sha256, may_reboot,
                    parameters, combined, stdout, stderr, result_file)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING",
            )?;
            // Begun while the region had no number for it, and to be gone on with.
            let mut number = transaction.prepare_cached(
                "UPDATE OR IGNORE script_result SET result_id = ?3, version_id = ?4, combined = ?5, stdout = ?6, stderr = ?7,
                    result_file = ?8 WHERE run_id = ?1 AND name = ?2 AND result_id IS NULL AND status IN (1, 7, 10)",
            )?;
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
                ])?;
            }
            Ok(())
        })
    }

    /// The script results of a run in the order in which they were begun.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn results(&self, run_id: i64) -> Result<Vec<ResultRecord>, Error> {
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
            self.connection.prepare(&format!("{RUN} ORDER BY r.id DESC"))?.query_map([], run)?.collect()
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
