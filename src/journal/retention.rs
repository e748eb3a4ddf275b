//! Keeping the journal and the outputs that it names within bounds. What is unsent is never deleted, nor are audit rows.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::{Error, MessageState, ResultRecord, RunId, RunRecord, Store, age, seal};
use crate::private;
use crate::script::download_of;

/// Bounds; `None` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Runs that are kept.
    pub runs: Option<usize>,
    /// Days that a run and an event are kept.
    pub days: Option<u32>,
    /// Bytes of output that are kept.
    pub bytes: Option<u64>,
}

impl Default for Retention {
    /// 100 runs, a year, 2 GiB.
    fn default() -> Self {
        Retention { runs: Some(100), days: Some(365), bytes: Some(2 << 30) }
    }
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs.
    pub runs: usize,
    /// Events.
    pub events: usize,
    /// Bytes of output.
    pub bytes: u64,
}

impl Store {
    /// Deletes what is out of bounds, oldest first, and whatever scripts of earlier runs downloaded: that is no result.
    ///
    /// # Errors
    /// When the file cannot be written; an output that cannot be deleted is told and passed over.
    pub fn prune(&mut self, retention: &Retention) -> Result<Pruned, Error> {
        let now = Timestamp::now();
        let days = retention.days.map(|days| SignedDuration::from_hours(i64::from(days) * 24));
        let mut pruned = Pruned::default();
        let mut kept_bytes = 0;
        let runs = self.runs()?;
        self.delete_downloads(&runs)?;
        let times = runs.iter().map(|run| run.ended.unwrap_or(run.started));
        let too_old = days.and_then(|days| age::first_too_old(times, now, days)).unwrap_or(usize::MAX);
        for (place, run) in runs.iter().enumerate() {
            let results = self.results(run.id)?;
            let bytes: u64 = results.iter().map(size).sum();
            // The last one has only just ended, whatever the clock says.
            let over = retention.runs.is_some_and(|most| place >= most)
                || place > 0 && place >= too_old
                || retention.bytes.is_some_and(|most| kept_bytes + bytes > most && place > 0);
            if !over || run.ended.is_none() || self.has_unsent(run.id)? {
                kept_bytes += bytes;
                continue;
            }
            self.delete_run(run.id)?;
            pruned.runs += 1;
            for result in &results {
                // A run that was begun anew has the same results, and so the same files.
                if !self.is_named(result)? {
                    pruned.bytes += size(result);
                    delete_outputs(result);
                }
            }
        }
        let oldest = days.map(|days| self.newest_old_event(now, days)).transpose()?.flatten();
        if let Some(newest) = oldest {
            pruned.events = self.transact(|transaction, _| {
                transaction.execute(
                    "DELETE FROM maasserver_event WHERE id <= ?1 AND id NOT IN (SELECT event_id FROM audit_seal)",
                    [newest],
                )
            })?;
        }
        Ok(pruned)
    }

    /// What the scripts of the last run downloaded stays, and of those that have not ended.
    fn delete_downloads(&self, runs: &[RunRecord]) -> Result<(), Error> {
        let (mut kept, mut old) = (BTreeSet::new(), Vec::new());
        for (place, run) in runs.iter().enumerate() {
            let downloads = self.results(run.id)?.into_iter().filter_map(|result| download_of(&result.combined));
            if place == 0 || run.ended.is_none() { kept.extend(downloads) } else { old.extend(downloads) }
        }
        for path in old.iter().filter(|path| !kept.contains(*path)) {
            if let Err(error) = private::remove(path) {
                tracing::warn!(path = %path.display(), %error, "what a script of an earlier run downloaded cannot be deleted");
            }
        }
        Ok(())
    }

    fn has_unsent(&self, run_id: RunId) -> Result<bool, Error> {
        let waiting = MessageState::Waiting.literal();
        let sql = format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE run_id = ?1 AND state = {waiting})");
        self.connection.query_row(&sql, [run_id], |row| row.get(0)).map_err(Error::sqlite(&self.path))
    }

    fn is_named(&self, result: &ResultRecord) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM script_result WHERE combined = ?1)";
        let path = result.combined.to_string_lossy();
        self.connection.query_row(sql, [path], |row| row.get(0)).map_err(Error::sqlite(&self.path))
    }

    fn delete_run(&mut self, run_id: RunId) -> Result<(), Error> {
        self.transact(|transaction, _| {
            seal::pruned(transaction, run_id)?;
            transaction.execute("DELETE FROM outbox WHERE run_id = ?1", params![run_id])?;
            transaction.execute("DELETE FROM run_load WHERE run_id = ?1", params![run_id])?;
            transaction.execute("DELETE FROM script_result WHERE run_id = ?1", params![run_id])?;
            transaction.execute("DELETE FROM run WHERE id = ?1", params![run_id]).map(drop)
        })
    }
}

/// The files of a result, with what was sent in place of the result file, and how it ended.
fn files(result: &ResultRecord) -> [PathBuf; 6] {
    let sent = result.result_file.with_added_extension("sent");
    let end = result.combined.with_added_extension("end");
    let [combined, stdout, stderr, file] =
        [&result.combined, &result.stdout, &result.stderr, &result.result_file].map(Clone::clone);
    [combined, stdout, stderr, file, sent, end]
}

fn size(result: &ResultRecord) -> u64 {
    // How it ended is no output.
    files(result)[..5].iter().map(|path| fs::metadata(path).map_or(0, |metadata| metadata.len())).sum()
}

fn delete_outputs(result: &ResultRecord) {
    for path in files(result) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "an old output cannot be deleted");
            }
            _ => {}
        }
    }
}
