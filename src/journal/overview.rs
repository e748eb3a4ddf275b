//! The journal at a glance: messages that wait, regions that were told the hardware, processes at work.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::Timestamp;

use super::end::MessageState;
use super::store::stamp;
use super::{Error, Store};
use crate::event::EventType;

/// A message that no region has acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Subject of the message, for example `result of memtest`.
    pub label: String,
    /// When it was written.
    pub since: Option<Timestamp>,
}

/// A region that is told the hardware of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The region, as in [`super::NewRun::region`].
    pub region: String,
    /// When it acknowledged the hardware last; `None` before the first time.
    pub at: Option<Timestamp>,
    /// True if it lacks something.
    pub is_owed: bool,
}

impl Store {
    /// All messages that wait for a region, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all_waiting(&self) -> Result<Vec<Waiting>, Error> {
        let read = || -> Result<Vec<Waiting>, rusqlite::Error> {
            let sql = format!(
                "SELECT label, created FROM outbox WHERE state = {} ORDER BY id",
                MessageState::Waiting.literal()
            );
            let waiting = |row: &rusqlite::Row<'_>| {
                Ok(Waiting { label: row.get(0)?, since: row.get::<_, String>(1)?.parse().ok() })
            };
            self.connection.prepare(&sql)?.query_map([], waiting)?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Every region that is told the hardware of this machine.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn told_regions(&self) -> Result<Vec<Told>, Error> {
        if !self.has_hardware()? {
            return Ok(Vec::new());
        }
        let read = || -> Result<Vec<Told>, rusqlite::Error> {
            let sql = "SELECT region, acknowledged_at, owed FROM hardware ORDER BY region";
            let told = |row: &rusqlite::Row<'_>| {
                let at: Option<String> = row.get(1)?;
                Ok(Told { region: row.get(0)?, at: at.and_then(|at| at.parse().ok()), is_owed: row.get(2)? })
            };
            self.connection.prepare(sql)?.query_map([], told)?.collect()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Number of changes of the hardware on record since a time.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn hardware_changes_since(&self, since: Timestamp) -> Result<u64, Error> {
        let kinds = EventType::HARDWARE.map(|kind| format!("'{}'", kind.name)).join(", ");
        let sql = format!(
            "SELECT count(*) FROM maasserver_event e JOIN maasserver_eventtype t ON t.id = e.type_id
            WHERE e.created >= ?1 AND t.name IN ({kinds})"
        );
        let count: Result<i64, _> = self.connection.query_row(&sql, [stamp(since)], |row| row.get(0));
        count.map(i64::unsigned_abs).map_err(Error::sqlite(&self.path))
    }
}

/// Processes that work with a region now, by the locks of a state directory. The locks are only looked at (`/proc/locks`): to try one
/// could keep a run from its start.
#[must_use]
pub fn workers(state_directory: &Path) -> Vec<u32> {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let entries = fs::read_dir(state_directory).into_iter().flatten().flatten();
    let names = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("lock-") && name != "lock-opening"
    });
    let mut workers: Vec<u32> = names
        .filter_map(|entry| {
            let inode = entry.metadata().ok()?.ino();
            let holder = holder(&locks, inode)?;
            // A process of another namespace has no number here; the file has the number that it gave itself.
            let own = || fs::read_to_string(entry.path()).ok()?.trim().parse().ok();
            if holder > 0 { Some(holder) } else { own() }
        })
        .collect();
    workers.sort_unstable();
    workers.dedup();
    workers
}

/// Process that holds the lock of a file (`man 5 proc_locks`): `1: FLOCK  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF`. Lines of processes that
/// wait have an arrow (`1: -> FLOCK …`).
fn holder(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let ("FLOCK", _, _) = (words.next()?, words.next()?, words.next()?) else { return None };
        let process = words.next()?.parse::<i64>().ok()?;
        let file = words.next()?.rsplit(':').next()?;
        (file.parse() == Ok(inode)).then(|| u32::try_from(process).unwrap_or(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_waits_for_a_lock_does_not_hold_it() {
        let locks = "1: POSIX  ADVISORY  READ 7 08:01:99 0 EOF\n2: FLOCK  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 4000 fd:00:2531452 0 EOF\n3: FLOCK  ADVISORY  WRITE -1 fd:00:5 0 EOF\n";
        assert_eq!(holder(locks, 2_531_452), Some(3568));
        assert_eq!((holder(locks, 99), holder(locks, 5)), (None, Some(0)));
    }

    #[test]
    fn who_works_is_seen_and_nobody_else() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let opened = Store::open(directory.path(), "host", "a region").expect("a new journal");
        assert_eq!(workers(directory.path()), [std::process::id()]);
        drop(opened);
        assert_eq!(workers(directory.path()), [0; 0]);
    }
}
