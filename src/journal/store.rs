//! The file: opening, and writing a transition with its event and its messages in one transaction.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use super::{Error, Message, MessageId, ResultChange, audit, file, lock, outbox, recover, runs, schema};
use crate::event::{Event, Level};
use crate::private;

/// Who does something through this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The user behind `sudo`, else the one of the process, else the region.
    pub username: String,
    /// Their number, if they are a user of this machine.
    pub user_id: Option<u32>,
    /// Where they came from, if over the network.
    pub ip_address: Option<String>,
}

/// A journal that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// A damaged file that was in its place, and where it is now.
    pub set_aside: Option<PathBuf>,
}

/// The journal's file.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    /// This node's names, for the events.
    hostname: String,
    system_id: Option<String>,
    /// Held as long as the store is.
    lock: Option<File>,
    /// The file's number on its disk; `None` where it is only read.
    inode: Option<u64>,
}

/// How long a transaction of somebody else is waited for.
const BUSY: Duration = Duration::from_secs(10);

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

impl Store {
    /// Opens the journal of a state directory for work with one region (by [`super::NewRun::region`]), making what is
    /// missing. A damaged file is set aside.
    ///
    /// # Errors
    /// When the directory cannot be used, the file is newer than this program, or another process works with that region.
    pub fn open(directory: &Path, hostname: &str, region: &str) -> Result<Opened, Error> {
        let in_directory = |source| Error::Directory { path: directory.to_owned(), source };
        private::make(directory).map_err(Error::of_directory)?;
        let lock = lock::of_region(directory, region)?;
        let path = file(directory);
        let (connection, set_aside) = match connect(&path) {
            Ok(connection) => (connection, None),
            Err(error) if recover::is_damage(&error) => {
                let aside = recover::set_aside(&path).map_err(in_directory)?;
                (connect(&path)?, Some(aside))
            }
            Err(error) => return Err(error),
        };
        let (inode, lock) = (inode(&path), Some(lock));
        let store = Store { connection, path, hostname: hostname.to_owned(), system_id: None, lock, inode };
        Ok(Opened { store, set_aside })
    }

    /// Opens the journal of a state directory to add something beside whoever works with a region.
    ///
    /// # Errors
    /// When there is none yet and it cannot be made, or it is damaged, which only [`Store::open`] repairs.
    pub fn open_beside(directory: &Path, hostname: &str) -> Result<Self, Error> {
        private::make(directory).map_err(Error::of_directory)?;
        let path = file(directory);
        let connection = connect(&path)?;
        let inode = inode(&path);
        Ok(Store { connection, path, hostname: hostname.to_owned(), system_id: None, lock: None, inode })
    }

    /// Opens a journal to look at it, also while a run writes it. Root believes only what is root's: a journal names files to read.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it is read by root and another user can change it.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let path = file(directory);
        if private::is_root() {
            private::check(directory).map_err(Error::of_directory)?;
            check_files(&path)?;
        }
        let connection = match look(&path, &path) {
            // On a disk that became read-only the means of sharing the file with a writer cannot be made, nor is there one.
            Err(error) if recover::is_whole_but_out_of_reach(&error, &path) => look(&path, &recover::as_it_is(&path))?,
            other => other?,
        };
        Ok(Store { connection, path, hostname: String::new(), system_id: None, lock: None, inode: None })
    }

    /// How long to wait for a file that somebody else holds: as long as a large transaction takes, or hardly.
    pub(super) fn be_patient(&self, patient: bool) {
        let _ = self.connection.busy_timeout(if patient { BUSY } else { Duration::from_millis(200) });
    }

    /// True if the file that is written is the one that has its name.
    pub(super) fn is_in_its_place(&self) -> bool {
        self.inode.is_none() || self.inode == inode(&self.path)
    }

    /// Writes a file that was deleted anew, from what is still open of it.
    pub(super) fn put_back(&mut self) -> Result<(), Error> {
        let in_directory = |source| Error::Directory { path: self.path.clone(), source };
        if self.path.exists() {
            return Err(in_directory(std::io::ErrorKind::AlreadyExists.into()));
        }
        let directory = self.path.parent().unwrap_or(Path::new("."));
        private::make(directory).map_err(Error::of_directory)?;
        let part = self.path.with_added_extension("part");
        // The library takes an empty file, whose mode is ours.
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part).map_err(in_directory)?;
        let copied = self.connection.execute("VACUUM INTO ?1", [part.to_string_lossy()]);
        copied.map_err(Error::sqlite(&self.path))?;
        File::open(&part).and_then(|file| file.sync_all()).map_err(in_directory)?;
        fs::rename(&part, &self.path).map_err(in_directory)?;
        self.connection = connect(&self.path)?;
        self.inode = inode(&self.path);
        Ok(())
    }

    /// A second hold on the lock, for whoever has to keep others away for longer than the store lasts.
    pub(super) fn share_lock(&self) -> Option<File> {
        self.lock.as_ref().and_then(|lock| lock.try_clone().ok())
    }

    /// What the region calls this node, once that is known.
    pub fn set_system_id(&mut self, system_id: Option<String>) {
        self.system_id = system_id;
    }

    /// One transaction, which is on disk when this returns.
    pub(super) fn transact<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>, &str) -> Result<T, rusqlite::Error>,
    ) -> Result<T, Error> {
        let now = stamp(Timestamp::now());
        let attempt = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = act(&transaction, &now)?;
            transaction.commit()?;
            Ok(value)
        };
        attempt().map_err(Error::sqlite(&self.path))
    }

    /// Records what happened to a script result, its event, and what the region is to be told: all of it or nothing. The
    /// numbers of the messages.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(
        &mut self,
        change: Option<&ResultChange>,
        events: &[Event],
        messages: &[Message],
    ) -> Result<Vec<MessageId>, Error> {
        let names = self.names();
        self.transact(|transaction, now| {
            if let Some(change) = change {
                runs::apply(transaction, change, now)?;
            }
            for event in events {
                insert_event(transaction, event, &names, &Actor::default(), now)?;
            }
            messages.iter().map(|message| outbox::insert(transaction, message, now)).collect()
        })
    }

    /// Appends an event that somebody is answerable for. One of level AUDIT is sealed to those before it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append_event(&mut self, event: &Event, actor: &Actor) -> Result<i64, Error> {
        let names = self.names();
        self.transact(|transaction, now| insert_event(transaction, event, &names, actor, now))
    }

    /// Appends an event unless one of the same type and text is kept already: for what is found again at every look.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append_news(&mut self, event: &Event) -> Result<(), Error> {
        let names = self.names();
        self.transact(|transaction, now| {
            let is_known = transaction
                .prepare_cached(
                    "SELECT 1 FROM maasserver_event e JOIN maasserver_eventtype t ON t.id = e.type_id
                     WHERE t.name = ?1 AND e.description = ?2",
                )?
                .exists([event.kind.name, &event.description])?;
            if !is_known {
                insert_event(transaction, event, &names, &Actor::default(), now)?;
            }
            Ok(())
        })
    }

    /// What this node is called, for the events.
    pub(super) fn names(&self) -> (String, Option<String>) {
        (self.hostname.clone(), self.system_id.clone())
    }
}

/// A time as the tables have it, `2026-11-20T12:00:00.000000Z`: of one width, so that times compare as their texts do.
#[must_use]
pub fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

pub(super) fn insert_event(
    transaction: &Transaction<'_>,
    event: &Event,
    (hostname, system_id): &(String, Option<String>),
    actor: &Actor,
    now: &str,
) -> Result<i64, rusqlite::Error> {
    /// The region's number for "the command line".
    const ENDPOINT_CLI: i64 = 2;
    let type_id = schema::register(transaction, event.kind, now)?;
    let endpoint = (!actor.username.is_empty()).then_some(ENDPOINT_CLI);
    let agent = if endpoint.is_some() { concat!("shakedown/", env!("CARGO_PKG_VERSION")) } else { "" };
    transaction
        .prepare_cached(
            "INSERT INTO maasserver_event (created, updated, action, description, type_id, node_hostname, username, ip_address,
                user_agent, endpoint, node_system_id, user_id) VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            now,
            event.action,
            event.description,
            type_id,
            hostname,
            actor.username,
            actor.ip_address,
            agent,
            endpoint,
            system_id,
            actor.user_id,
        ])?;
    let id = transaction.last_insert_rowid();
    if event.kind.level == Level::Audit {
        audit::seal(transaction, id)?;
    }
    Ok(id)
}

/// Opens, checks and migrates, one process at a time.
fn connect(path: &Path) -> Result<Connection, Error> {
    check_files(path)?;
    let _turn = lock::turn_to_open(path);
    let failed = Error::sqlite(path);
    // Made by us, so that its mode is ours: parameters and outputs may hold secrets.
    let made =
        fs::OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW).open(path);
    made.map_err(|source| Error::Directory { path: path.to_owned(), source })?;
    recover::check_log(path)?;
    let mut connection = Connection::open(path).map_err(&failed)?;
    connection.busy_timeout(BUSY).map_err(&failed)?;
    // Until it is known to be sound and ours, not even what its log holds is written to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(&failed)?;
    check_version(&connection, path)?;
    let set_up = |connection: &Connection| -> Result<String, rusqlite::Error> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_query_value(None, "quick_check", |row| row.get(0))
    };
    let checked = set_up(&connection).map_err(&failed)?;
    if checked != "ok" {
        return Err(recover::damage(path, &checked));
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(&failed)?;
    schema::migrate(&mut connection, &stamp(Timestamp::now())).map_err(&failed)?;
    Ok(connection)
}

/// The file and what `SQLite` keeps beside it, as far as they are there, are nobody else's.
fn check_files(path: &Path) -> Result<(), Error> {
    ["", "-wal", "-shm"]
        .iter()
        .try_for_each(|suffix| private::check_file(&recover::with(path, suffix)).map(drop).map_err(Error::of_directory))
}

/// Opens the file by one of its names to read it only.
fn look(path: &Path, name: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let failed = Error::sqlite(path);
    let connection = Connection::open_with_flags(name, flags).map_err(&failed)?;
    connection.busy_timeout(BUSY).map_err(&failed)?;
    check_version(&connection, path)?;
    schema::as_current(&connection).map_err(&failed)?;
    Ok(connection)
}

fn check_version(connection: &Connection, path: &Path) -> Result<(), Error> {
    let found: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(Error::sqlite(path))?;
    if found > schema::VERSION {
        return Err(Error::Newer { path: path.to_owned(), found, known: schema::VERSION });
    }
    Ok(())
}
