//! What this machine knows of its own runs, in one `SQLite` file: the event and audit log in the region's own tables, runs and
//! script results, and the messages that the region has not acknowledged.
//!
//! [`Store`] is the file, for whoever asks it something. [`Journal`] is a store on a thread of its own, for a run: a slow or
//! dying disk must not hold up heartbeats. A store that fails in mid-run is given up with one loud line; the run goes on in
//! memory and still reports to the region.

mod audit;
mod hardware;
mod lock;
mod outbox;
mod query;
mod recover;
mod retention;
mod runs;
mod schema;
mod seal;
mod store;

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use tokio::sync::oneshot;

pub use audit::{Broken, Verified};
pub use hardware::Hardware;
pub use outbox::{Message, Undelivered};
pub use retention::{Pruned, Retention};
pub use runs::{NewResult, NewRun, ResultChange, ResultRecord, RunRecord};
pub use seal::Head;
pub use store::{Actor, Opened, Store};

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

/// The file below a state directory.
#[must_use]
pub fn file(state_directory: &Path) -> PathBuf {
    state_directory.join("journal.db")
}

type Job = Box<dyn FnOnce(&mut Option<Store>) + Send>;

/// A store on its own thread.
#[derive(Debug)]
pub struct Journal {
    jobs: mpsc::Sender<Job>,
}

impl Journal {
    /// Starts with a store, or without one: then everything asked of it is `None`, and the run keeps what it needs itself.
    #[must_use]
    pub fn start(store: Option<Store>) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        // Held until the run ends: one whose journal fails is still at work.
        let lock = store.as_ref().and_then(Store::share_lock);
        let work = move || {
            let _lock = lock;
            let mut store = store;
            for job in queue {
                job(&mut store);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("journal".into()).spawn(work) {
            tracing::error!(%error, "no thread for the journal: this run leaves no record on the machine");
        }
        Journal { jobs }
    }

    /// Does something with the store and waits for it to be on disk. `None` when there is no store, or no longer: the first
    /// failure is told loudly and ends the use of the file, since half a record would tell a false story.
    pub async fn with<T: Send + 'static>(
        &self,
        what: &'static str,
        act: impl FnOnce(&mut Store) -> Result<T, Error> + Send + 'static,
    ) -> Option<T> {
        let (send, receive) = oneshot::channel();
        let job: Job = Box::new(move |slot| {
            let result = slot.as_mut().map(act);
            if let Some(Err(error)) = &result {
                tracing::error!(%error, what, "THE JOURNAL FAILED: the run goes on in memory and still reports to the region, but this \
                    machine keeps no further record of it");
                *slot = None;
            }
            let _ = send.send(result.and_then(Result::ok));
        });
        self.jobs.send(job).ok()?;
        receive.await.ok().flatten()
    }
}
