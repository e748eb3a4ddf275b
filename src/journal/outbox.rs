//! Messages to the region on disk. In memory they are the agent's; here they survive it.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::end::statuses;
use super::{Audience, Error, MessageId, MessageState, NewRun, RunId, Store};
use crate::script::{ScriptType, Status};

/// A message that the region has to get.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Grows with time; delivery keeps its order. Given by the journal, so of no meaning before.
    pub id: MessageId,
    /// The run that it belongs to.
    pub run_id: Option<RunId>,
    /// For log lines and tables.
    pub label: String,
    /// What it says, as JSON that its sender understands.
    pub payload: String,
    /// The status that the script result has once the region has taken it.
    pub leads_to: Option<Status>,
    /// It may have been sent before this program was started.
    pub may_have_arrived: bool,
}

/// A message that the region has not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// As in [`Message::label`].
    pub label: String,
    /// As in [`Message::leads_to`].
    pub leads_to: Option<Status>,
    /// The region refused it for good; else it waits.
    pub is_refused: bool,
    /// The region's reason; empty while it waits.
    pub reason: String,
}

/// A run that has not ended, and whose scripts have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    /// Its number.
    pub id: RunId,
    /// How many scripts of each type failed, where any did.
    pub failures: Vec<(ScriptType, usize)>,
    /// Results that the region refused: label and reason.
    pub refused: Vec<(String, String)>,
}

/// Its number.
pub(super) fn insert(connection: &Connection, message: &Message, now: &str) -> Result<MessageId, rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO outbox (run_id, created, label, payload, leads_to) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![message.run_id, now, message.label, message.payload, message.leads_to.map(Status::number),])?;
    Ok(connection.last_insert_rowid().into())
}

impl Store {
    /// The region has taken a message, or refused it for good with a reason.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish_message(&mut self, id: MessageId, refused: Option<&str>) -> Result<(), Error> {
        let state = if refused.is_some() { MessageState::Refused } else { MessageState::Delivered };
        self.transact(|transaction, now| {
            transaction
                .prepare_cached("UPDATE outbox SET state = ?2, reason = ?3, finished = ?4 WHERE id = ?1")?
                .execute(params![id, state, refused, now])
                .map(drop)
        })
    }

    /// What a region (by [`super::NewRun::region`]) has neither acknowledged nor refused, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn waiting_messages(&self, region: &str) -> Result<Vec<Message>, Error> {
        let read = || -> Result<Vec<Message>, rusqlite::Error> {
            let sql = format!(
                "SELECT o.id, o.run_id, o.label, o.payload, o.leads_to FROM outbox o JOIN run r ON r.id = o.run_id
                WHERE o.state = {} AND r.region = ?1 ORDER BY o.id",
                MessageState::Waiting.literal()
            );
            let message = |row: &rusqlite::Row<'_>| {
                Ok(Message {
                    id: row.get(0)?,
                    run_id: row.get(1)?,
                    label: row.get(2)?,
                    payload: row.get(3)?,
                    leads_to: row.get::<_, Option<u8>>(4)?.and_then(Status::from_number),
                    may_have_arrived: true,
                })
            };
            self.connection.prepare(&sql)?.query_map([region], message)?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// The storage directories of the runs of which something waits for a region (by [`super::NewRun::region`]).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn waiting_storages(&self, region: &str) -> Result<Vec<PathBuf>, Error> {
        let read = || -> Result<Vec<PathBuf>, rusqlite::Error> {
            let sql = "SELECT DISTINCT r.storage FROM outbox o JOIN run r ON r.id = o.run_id WHERE o.state = ?1 AND r.region = ?2";
            let path = |row: &rusqlite::Row<'_>| row.get::<_, String>(0).map(PathBuf::from);
            self.connection.prepare(sql)?.query_map(params![MessageState::Waiting, region], path)?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// What waits of the runs in a storage directory with a region is not wanted any more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn supersede_messages(&mut self, new: &NewRun) -> Result<(), Error> {
        self.transact(|transaction, now| {
            let waiting = format!(
                "UPDATE outbox SET state = ?4, finished = ?1 WHERE state = {}
                AND run_id IN (SELECT id FROM run WHERE region = ?2 AND storage = ?3 AND audience = ?5)",
                MessageState::Waiting.literal()
            );
            let storage = new.storage.to_string_lossy();
            let values = params![now, new.region, storage, MessageState::Superseded, Audience::Region];
            transaction.execute(&waiting, values).map(drop)
        })
    }

    /// Whether a run has a message with a label that the region has not refused.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_message(&self, run_id: RunId, label: &str) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE run_id = ?1 AND label = ?2 AND state != ?3)";
        self.connection
            .query_row(sql, params![run_id, label, MessageState::Refused], |row| row.get(0))
            .map_err(Error::sqlite(&self.path))
    }

    /// What the region has not of a run: messages that wait or were refused for good, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn undelivered_messages(&self, run_id: RunId) -> Result<Vec<Undelivered>, Error> {
        let read = || -> Result<Vec<Undelivered>, rusqlite::Error> {
            let sql = "SELECT label, leads_to, state, ifnull(reason, '') FROM outbox
                WHERE run_id = ?1 AND state IN (?2, ?3) ORDER BY id";
            let message = |row: &rusqlite::Row<'_>| {
                Ok(Undelivered {
                    label: row.get(0)?,
                    leads_to: row.get::<_, Option<u8>>(1)?.and_then(Status::from_number),
                    is_refused: row.get::<_, MessageState>(2)? == MessageState::Refused,
                    reason: row.get(3)?,
                })
            };
            let states = params![run_id, MessageState::Waiting, MessageState::Refused];
            self.connection.prepare(sql)?.query_map(states, message)?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Results of a run that the region refused for good: label and reason, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn refused_results(&self, run_id: RunId) -> Result<Vec<(String, String)>, Error> {
        let all = self.undelivered_messages(run_id)?;
        let is_result = |message: &Undelivered| message.is_refused && message.leads_to.is_some_and(Status::is_final);
        Ok(all.into_iter().filter(is_result).map(|message| (message.label, message.reason)).collect())
    }

    /// The newest run with a region that has not ended although each of its scripts has.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn run_with_all_results(&self, region: &str) -> Result<Option<OpenRun>, Error> {
        let sql = "SELECT id FROM run WHERE region = ?1 AND ended IS NULL AND audience = ?2 ORDER BY id DESC LIMIT 1";
        let found = self.connection.query_row(sql, params![region, Audience::Region], |row| row.get(0)).optional();
        let Some(id) = found.map_err(Error::sqlite(&self.path))? else { return Ok(None) };
        let results = self.results(id)?;
        if results.is_empty() || results.iter().any(|result| !result.status.is_final()) {
            return Ok(None);
        }
        let failed = |kind: &ScriptType| {
            results.iter().filter(|result| result.kind == *kind && result.status.is_failure()).count()
        };
        let failures = ScriptType::ALL.into_iter().map(|kind| (kind, failed(&kind))).filter(|(_, count)| *count > 0);
        Ok(Some(OpenRun { id, failures: failures.collect(), refused: self.refused_results(id)? }))
    }

    /// Results that a region (by [`super::NewRun::region`]) refused wait again; how many. A later result of the same script counts in place of
    /// an earlier one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn offer_again(&mut self, region: &str) -> Result<usize, Error> {
        self.transact(|transaction, _| {
            let again = format!(
                "UPDATE outbox SET state = ?2, reason = NULL, finished = NULL WHERE state = ?3 AND leads_to IN ({})
                    AND run_id IN (SELECT id FROM run WHERE region = ?1)",
                statuses(Status::is_final)
            );
            transaction.execute(&again, params![region, MessageState::Waiting, MessageState::Refused])
        })
    }

    /// Messages that the region refused for good: label, reason, when.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn refused_messages(&self) -> Result<Vec<(String, String, String)>, Error> {
        let read = || -> Result<Vec<_>, rusqlite::Error> {
            let sql = "SELECT label, ifnull(reason, ''), ifnull(finished, '') FROM outbox WHERE state = ?1 ORDER BY id";
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map([MessageState::Refused], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }
}
