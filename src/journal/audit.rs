//! The chain of audit rows: each seal is the SHA-256 of the seal before it and of the row, so that a row that is altered,
//! removed, inserted or moved later breaks the chain at its place.

use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest, Sha256};

use super::store::{Actor, insert_event};
use super::{Chain, Error, RunId, Store};
use crate::event::Event;

/// The first seal's predecessor.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A chain that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Number of audit rows.
    pub rows: u64,
    /// The last seal: whoever notes it elsewhere can tell later whether the end of the chain was cut off.
    pub head: String,
    /// The chain of results, which the same holds for.
    pub results: Chain,
}

/// The first place where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Content and seal of a row disagree.
    #[error("audit event {event_id} was altered (place {sequence} of the chain)")]
    Altered {
        /// The row.
        event_id: i64,
        /// Its place in the chain.
        sequence: i64,
    },
    /// A sealed row is gone.
    #[error("audit event {event_id} was removed (place {sequence} of the chain)")]
    Removed {
        /// The row.
        event_id: i64,
        /// Its place in the chain.
        sequence: i64,
    },
    /// A seal is gone or stands in another place.
    #[error("the chain of audit events has a gap or another order at place {sequence}")]
    Reordered {
        /// The place.
        sequence: i64,
    },
    /// A row without a seal.
    #[error("audit event {event_id} has no seal: it was inserted by something else than this program")]
    Unsealed {
        /// The row.
        event_id: i64,
    },
    /// Fewer rows than were once written.
    #[error("the chain ends after {found} audit events, but {expected} were written: its end was cut off")]
    CutOff {
        /// Seals that are there.
        found: i64,
        /// Seals that were made.
        expected: i64,
    },
    /// A seal of the chain of results is gone, was altered, or stands in another place.
    #[error("the chain of results does not hold at place {sequence}")]
    Seals {
        /// The place.
        sequence: u64,
    },
    /// Fewer seals of results than were made.
    #[error("the chain of results ends after {found} seals, but {expected} were made: its end was cut off")]
    SealsCutOff {
        /// Seals that are there.
        found: u64,
        /// Seals that were made.
        expected: u64,
    },
    /// A script result is not what it was when it came to its end.
    #[error("script result {result} of run {run_id} was altered")]
    ResultAltered {
        /// The run.
        run_id: RunId,
        /// The row.
        result: i64,
    },
    /// A script result is gone, and its run was not deleted by this program.
    #[error("script result {result} of run {run_id} was removed")]
    ResultRemoved {
        /// The run.
        run_id: RunId,
        /// The row.
        result: i64,
    },
    /// A script result has a final status and no seal.
    #[error(
        "script result {result} of run {run_id} has no seal: its status was set by something else than this program"
    )]
    ResultUnsealed {
        /// The run.
        run_id: RunId,
        /// The row.
        result: i64,
    },
    /// The row of a run is gone, or not what it was when the run ended.
    #[error("the record of run {run_id} was altered or removed")]
    RunAltered {
        /// The run.
        run_id: RunId,
    },
    /// A run that was deleted is on record again.
    #[error("run {run_id} is on record, but was deleted: something else than this program put it back")]
    Returned {
        /// The run.
        run_id: RunId,
    },
    /// The audit events are not those that were there at the end of a run.
    #[error("the first {events} audit events are not those that the end of a run sealed: they were replaced")]
    AuditReplaced {
        /// How many there were.
        events: i64,
    },
    /// A head that was kept elsewhere is in none of the chains.
    #[error(
        "no seal is {expected}: what is on record is not what was there when that head was told, or it is of another machine"
    )]
    NotExpected {
        /// The head.
        expected: String,
    },
}

/// Seals an audit row that was just inserted.
pub(super) fn seal(connection: &Connection, event_id: i64) -> Result<(), rusqlite::Error> {
    let last: Option<(i64, String)> = connection
        .prepare_cached("SELECT sequence, hash FROM audit_seal ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (sequence, previous) = last.unwrap_or((0, GENESIS.to_owned()));
    let hash = hash(connection, &previous, event_id)?.unwrap_or_default();
    connection
        .prepare_cached("INSERT INTO audit_seal (sequence, event_id, hash) VALUES (?1, ?2, ?3)")?
        .execute(params![sequence + 1, event_id, hash])?;
    connection
        .prepare_cached(
            "INSERT INTO fact (name, value) VALUES ('audit_rows', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute([(sequence + 1).to_string()])?;
    Ok(())
}

/// Seal of a row after a predecessor; `None` when the row is gone.
fn hash(connection: &Connection, previous: &str, event_id: i64) -> Result<Option<String>, rusqlite::Error> {
    let content: Option<String> = connection
        .prepare_cached(
            "SELECT json_array(e.id, e.created, e.updated, e.action, e.description, e.node_id, t.name, t.level, e.node_hostname,
                e.username, e.ip_address, e.user_agent, e.endpoint, e.node_system_id, e.user_id)
             FROM maasserver_event e JOIN maasserver_eventtype t ON t.id = e.type_id WHERE e.id = ?1",
        )?
        .query_row([event_id], |row| row.get(0))
        .optional()?;
    Ok(content.map(|content| {
        let digest = Sha256::new().chain_update(previous).chain_update("\n").chain_update(content).finalize();
        base16ct::lower::encode_string(&digest)
    }))
}

impl Store {
    /// Walks both chains: of audit events, and of results.
    ///
    /// # Errors
    /// When the file cannot be read; the inner result tells whether the chains hold.
    pub fn verify_audit(&self) -> Result<Result<Verified, Broken>, Error> {
        self.verify_against(None)
    }

    /// Walks both chains, and looks in them for a head that was told at the end of a run.
    ///
    /// # Errors
    /// When the file cannot be read; the inner result tells whether the chains hold.
    pub fn verify_against(&self, expected: Option<&str>) -> Result<Result<Verified, Broken>, Error> {
        let verify = || {
            // One look: a run that goes on meanwhile adds rows and seals.
            let _look = self.connection.unchecked_transaction()?;
            match self.walk()? {
                Ok(events) => Ok(self.verify_results(expected)?.map(|results| Verified { results, ..events })),
                Err(broken) => Ok(Err(broken)),
            }
        };
        verify().map_err(Error::sqlite(&self.path))
    }

    fn walk(&self) -> Result<Result<Verified, Broken>, rusqlite::Error> {
        let mut seals = self.connection.prepare("SELECT sequence, event_id, hash FROM audit_seal ORDER BY sequence")?;
        let mut rows = seals.query([])?;
        let mut head = GENESIS.to_owned();
        let (mut place, mut last_event) = (0, 0);
        while let Some(row) = rows.next()? {
            let (sequence, event_id, sealed): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            place += 1;
            if sequence != place || event_id <= last_event {
                return Ok(Err(Broken::Reordered { sequence: place }));
            }
            match hash(&self.connection, &head, event_id)? {
                None => return Ok(Err(Broken::Removed { event_id, sequence })),
                Some(hash) if hash != sealed => return Ok(Err(Broken::Altered { event_id, sequence })),
                Some(hash) => head = hash,
            }
            last_event = event_id;
        }
        let unsealed: Option<i64> = self
            .connection
            .prepare(
                "SELECT e.id FROM maasserver_event e JOIN maasserver_eventtype t ON t.id = e.type_id
                 WHERE t.level = 0 AND e.id NOT IN (SELECT event_id FROM audit_seal) ORDER BY e.id LIMIT 1",
            )?
            .query_row([], |row| row.get(0))
            .optional()?;
        if let Some(event_id) = unsealed {
            return Ok(Err(Broken::Unsealed { event_id }));
        }
        let expected = self.fact("audit_rows")?.and_then(|text| text.parse().ok()).unwrap_or(0);
        if expected != place {
            return Ok(Err(Broken::CutOff { found: place, expected }));
        }
        Ok(Ok(Verified { rows: place.unsigned_abs(), head, results: Chain::default() }))
    }

    /// Notes a fact. What is to be told of its change, given what was noted before, is told with it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn replace_fact(
        &mut self,
        name: &str,
        value: &str,
        actor: &Actor,
        tell: impl FnOnce(Option<&str>) -> Option<Event>,
    ) -> Result<(), Error> {
        let before = self.read_fact(name)?;
        if before.as_deref() == Some(value) {
            return Ok(());
        }
        let (names, event) = (self.names(), tell(before.as_deref()));
        self.transact(|transaction, now| {
            if let Some(event) = event {
                insert_event(transaction, &event, &names, actor, now)?;
            }
            set_fact(transaction, name, value)
        })
    }

    /// Notes a fact whose change nobody has to be told.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_fact(&mut self, name: &str, value: &str) -> Result<(), Error> {
        self.replace_fact(name, value, &Actor::default(), |_| None)
    }

    /// What was noted of a fact, if it was.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_fact(&self, name: &str) -> Result<Option<String>, Error> {
        self.fact(name).map_err(Error::sqlite(&self.path))
    }

    pub(super) fn fact(&self, name: &str) -> Result<Option<String>, rusqlite::Error> {
        self.connection
            .prepare_cached("SELECT value FROM fact WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()
    }
}

pub(super) fn set_fact(connection: &Connection, name: &str, value: &str) -> Result<(), rusqlite::Error> {
    let sql = "INSERT INTO fact (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.execute(sql, params![name, value]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;

    fn chain() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let mut store = Store::open(directory.path(), "host", "a region").expect("a new journal").store;
        let actor = Actor { username: "ann".into(), user_id: Some(1000), ip_address: None };
        for text in ["one", "two", "three"] {
            store.append_event(&Event::new(EventType::NODE, text), &actor).expect("append");
            store.append_event(&Event::new(EventType::RUNNING_TEST, "not audit"), &actor).expect("append");
        }
        (directory, store)
    }

    fn after(sql: &str) -> Result<Verified, Broken> {
        let (_directory, store) = chain();
        store.connection.execute_batch(sql).expect("tampering");
        store.verify_audit().expect("readable")
    }

    #[test]
    fn a_chain_that_nobody_touched_holds() {
        assert_eq!(after("").map(|verified| verified.rows), Ok(3));
        assert_eq!(after("DELETE FROM maasserver_event WHERE id = 2").map(|verified| verified.rows), Ok(3));
    }

    #[test]
    fn the_first_broken_place_is_found() {
        let rows = [
            ("UPDATE maasserver_event SET description = 'x' WHERE id = 3", Broken::Altered { event_id: 3, sequence: 2 }),
            ("UPDATE maasserver_event SET username = 'bob' WHERE id IN (1, 3)", Broken::Altered { event_id: 1, sequence: 1 }),
            ("DELETE FROM maasserver_event WHERE id = 3", Broken::Removed { event_id: 3, sequence: 2 }),
            ("DELETE FROM audit_seal WHERE sequence = 2", Broken::Reordered { sequence: 2 }),
            (
                "DELETE FROM maasserver_event WHERE id = 5; DELETE FROM audit_seal WHERE sequence = 3",
                Broken::CutOff { found: 2, expected: 3 },
            ),
            (
                "INSERT INTO maasserver_event (created, updated, type_id) SELECT '', '', id FROM maasserver_eventtype WHERE name = 'NODE'",
                Broken::Unsealed { event_id: 7 },
            ),
            (
                "UPDATE audit_seal SET event_id = 99 WHERE sequence = 1; UPDATE audit_seal SET event_id = 1 WHERE sequence = 2;
                 UPDATE audit_seal SET event_id = 3 WHERE sequence = 1",
                Broken::Altered { event_id: 3, sequence: 1 },
            ),
        ];
        for (sql, broken) in rows {
            assert_eq!(after(sql), Err(broken), "{sql}");
        }
    }
}
