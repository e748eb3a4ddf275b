//! What this machine knows of its own runs, in one `SQLite` file: the event and audit log in the region's own tables, runs and
//! script results, and the messages that the region has not acknowledged.
//!
//! [`Store`] is the file, for whoever asks it something. [`Journal`] is a store on a thread of its own, for a run: a slow or
//! dying disk must not hold up heartbeats. What a file that is locked or a disk that is full does not take waits in memory and is written in
//! order when it can be. Only a damaged file is given up, with one loud line; the run goes on in memory and still reports to the region.

mod age;
mod audit;
mod end;
mod hardware;
mod load;
mod lock;
mod outbox;
mod overview;
mod query;
mod recover;
mod retention;
mod row;
mod runs;
mod schema;
mod seal;
mod store;
mod thread;

use std::path::{Path, PathBuf};

use crate::private;

pub use audit::{Broken, Verified};
pub use end::{Audience, MessageId, MessageState, RunEnd, RunId};
pub use hardware::Hardware;
pub use outbox::{Message, OpenRun, Undelivered};
pub use overview::{Told, Waiting, workers};
pub use retention::{Pruned, Retention};
pub use row::{ResultRecord, RunRecord};
pub use runs::{NewResult, NewRun, ResultChange, RunEnding};
pub use seal::{Chain, Head};
pub use store::{Actor, Opened, Store, stamp};
pub use thread::Journal;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory cannot be made or written.
    #[error("{path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Others than root and the effective user could change it.
    #[error("the state directory is not safe: {0}")]
    Exposed(#[source] private::Error),
    /// `SQLite`'s reason.
    #[error("the journal {path}: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: rusqlite::Error,
    },
    /// Written by a newer program.
    #[error("the journal {path} has schema version {found}, this program knows {known}: use the newer program")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Another process works with the region.
    #[error("another shakedown is at work for this region (process {pid}, {path}): wait for it, or stop it")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The other process, as it wrote itself down.
        pid: String,
    },
}

impl Error {
    fn of_directory(error: private::Error) -> Self {
        match error {
            private::Error::Unusable { path, source } => Error::Directory { path, source },
            exposed @ private::Error::Exposed { .. } => Error::Exposed(exposed),
        }
    }
}

/// The file below a state directory.
#[must_use]
pub fn file(state_directory: &Path) -> PathBuf {
    state_directory.join("journal.db")
}
