//! What a region knows of this machine's hardware, and what the event log has of it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::store::{Actor, insert_event, stamp};
use super::{Error, Message, MessageState, NewRun, RunEnd, Store, audit, outbox, runs};
use crate::event::Event;

/// The hardware of this machine as a region was told it. The lists are JSON that the caller understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// The region and the token (by [`super::NewRun::region`]).
    pub region: String,
    /// What the events of the log lead to.
    pub recorded: String,
    /// The region has not taken everything that it is to be told.
    pub owed: bool,
    /// What the region took last; `None` before the first time.
    pub acknowledged: Option<String>,
    /// When that was.
    pub acknowledged_at: Option<Timestamp>,
    /// Digest of the list of scripts that the region asked for then.
    pub scripts: String,
}

const HARDWARE: &str = "SELECT region, recorded, owed, acknowledged, acknowledged_at, scripts FROM hardware";

fn hardware(row: &Row<'_>) -> Result<Hardware, rusqlite::Error> {
    Ok(Hardware {
        region: row.get(0)?,
        recorded: row.get(1)?,
        owed: row.get(2)?,
        acknowledged: row.get(3)?,
        acknowledged_at: row.get::<_, Option<String>>(4)?.and_then(|time| time.parse().ok()),
        scripts: row.get(5)?,
    })
}

impl Store {
    /// What a region knows; `None` before it was told anything.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn hardware(&self, region: &str) -> Result<Option<Hardware>, Error> {
        let sql = format!("{HARDWARE} WHERE region = ?1");
        self.connection.query_row(&sql, [region], hardware).optional().map_err(Error::sqlite(&self.path))
    }

    /// The same of a journal that is only looked at; one of an older program knows nothing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn known_hardware(&self, region: &str) -> Result<Option<Hardware>, Error> {
        if self.has_hardware()? { self.hardware(region) } else { Ok(None) }
    }

    /// What the region knows that last took something, whichever that is, in a journal that is only looked at.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_hardware(&self) -> Result<Option<Hardware>, Error> {
        if !self.has_hardware()? {
            return Ok(None);
        }
        let sql = format!("{HARDWARE} WHERE acknowledged IS NOT NULL ORDER BY acknowledged_at DESC LIMIT 1");
        self.connection.query_row(&sql, [], hardware).optional().map_err(Error::sqlite(&self.path))
    }

    pub(super) fn has_hardware(&self) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'hardware')";
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(Error::sqlite(&self.path))
    }

    /// Records what the hardware is now, the events that lead there, and what the region is to hear of them: all of it or nothing.
    /// From now on the region is owed something.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record_hardware(
        &mut self,
        region: &str,
        recorded: &str,
        events: &[Event],
        messages: &[Message],
    ) -> Result<(), Error> {
        let names = self.names();
        self.transact(|transaction, now| {
            for event in events {
                insert_event(transaction, event, &names, &Actor::default(), now)?;
            }
            for message in messages {
                outbox::insert(transaction, message, now)?;
            }
            transaction
                .execute(
                    "INSERT INTO hardware (region, recorded, owed) VALUES (?1, ?2, 1)
                     ON CONFLICT (region) DO UPDATE SET recorded = excluded.recorded, owed = 1",
                    params![region, recorded],
                )
                .map(drop)
        })
    }

    /// Records what was noticed beside a synchronisation, all of it or nothing: what is known now as a fact, the events of it, and what
    /// the region is to hear, for which there is a run that is over already.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record_noticed(
        &mut self,
        fact: (&str, &str),
        events: &[Event],
        run: (&NewRun, &str),
        messages: Vec<Message>,
    ) -> Result<(), Error> {
        let (names, (new, outcome)) = (self.names(), run);
        self.transact(|transaction, now| {
            audit::set_fact(transaction, fact.0, fact.1)?;
            for event in events {
                insert_event(transaction, event, &names, &Actor::default(), now)?;
            }
            if messages.is_empty() {
                return Ok(());
            }
            let run_id = runs::insert_ended(transaction, new, (RunEnd::Noticed, outcome), now)?;
            for message in messages {
                outbox::insert(transaction, &Message { run_id: Some(run_id), ..message }, now)?;
            }
            Ok(())
        })
    }

    /// The region has everything that was recorded. `at` is when it was told.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn acknowledge_hardware(&mut self, region: &str, scripts: &str, at: Timestamp) -> Result<(), Error> {
        self.transact(|transaction, _| {
            transaction
                .execute(
                    "UPDATE hardware SET acknowledged = recorded, acknowledged_at = ?3, scripts = ?2, owed = 0 WHERE region = ?1",
                    params![region, scripts, stamp(at)],
                )
                .map(drop)
        })
    }

    /// Takes back the script results that a region was to get: the same scripts are about to run again. What is no result stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn supersede_results(&mut self, region: &str) -> Result<(), Error> {
        self.transact(|transaction, now| {
            transaction
                .execute(
                    &format!(
                        "UPDATE outbox SET state = ?3, finished = ?2 WHERE state = {} AND leads_to IS NOT NULL
                        AND run_id IN (SELECT id FROM run WHERE region = ?1)",
                        MessageState::Waiting.literal()
                    ),
                    params![region, now, MessageState::Superseded],
                )
                .map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;

    #[test]
    fn what_a_region_knows_moves_only_when_it_took_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let mut store = Store::open(directory.path(), "host", "r").expect("a new journal").store;
        assert_eq!((store.hardware("r").expect("readable"), store.last_hardware().expect("readable")), (None, None));
        let event = Event::new(EventType::NODE_HARDWARE_SYNC_CPU, "x");
        store.record_hardware("r", "one", std::slice::from_ref(&event), &[]).expect("recorded");
        let known = store.hardware("r").expect("readable").expect("there");
        assert_eq!((known.recorded.as_str(), known.owed, known.acknowledged), ("one", true, None));
        store.acknowledge_hardware("r", "digest", Timestamp::UNIX_EPOCH).expect("recorded");
        store.record_hardware("r", "two", &[event], &[]).expect("recorded");
        let known = store.last_hardware().expect("readable").expect("there");
        assert_eq!((known.recorded.as_str(), known.owed, known.acknowledged.as_deref()), ("two", true, Some("one")));
        assert_eq!((known.acknowledged_at, known.scripts.as_str()), (Some(Timestamp::UNIX_EPOCH), "digest"));
        assert_eq!(store.verify_audit().expect("readable").map(|verified| verified.rows), Ok(2));
    }
}
