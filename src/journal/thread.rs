//! A store on a thread of its own, and what waits in memory while its file cannot be written.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Error, Store, recover};

/// Pace of trying again to write what waits.
const RETRY: Duration = Duration::from_secs(1);
/// How long the end of a run waits for what waits to be written.
const LAST_WAIT: Duration = Duration::from_secs(15);
/// Most changes that wait: of a run of a thousand scripts ten times as many as there are.
const MOST_WAITING: usize = 100_000;

type Act = Box<dyn FnMut(&mut Store) -> Result<(), Error> + Send>;

/// Something to do with the store, and whom to tell when it has to wait, or cannot be done.
struct Job {
    what: &'static str,
    act: Act,
    /// Waits in memory if it cannot be done now.
    waits: bool,
    /// Lets who asked for it go on.
    release: Box<dyn FnMut() + Send>,
}

enum Request {
    Do(Job),
    /// The end is near: how much could not be written.
    Settle(oneshot::Sender<usize>),
}

/// A store on its own thread.
#[derive(Debug)]
pub struct Journal {
    requests: mpsc::Sender<Request>,
}

impl Journal {
    /// Starts with a store, or without one: then everything asked of it is `None`, and the run keeps what it needs itself.
    #[must_use]
    pub fn start(store: Option<Store>) -> Self {
        let (requests, queue) = mpsc::channel::<Request>();
        // Held until the run ends: one whose journal fails is still at work.
        let lock = store.as_ref().and_then(Store::share_lock);
        let worker = Worker { store, waiting: VecDeque::new(), _lock: lock, has_told: false, is_gone: false };
        if let Err(error) = std::thread::Builder::new().name("journal".into()).spawn(move || worker.run(&queue)) {
            tracing::error!(%error, "no thread for the journal: this run leaves no record on the machine");
        }
        Journal { requests }
    }

    /// Does something with the store and waits for it to be on disk. `None` when there is no store, or the file cannot be read or written
    /// now: then it was not done, and will not be.
    pub async fn with<T: Send + 'static>(
        &self,
        what: &'static str,
        act: impl FnOnce(&mut Store) -> Result<T, Error> + Send + 'static,
    ) -> Option<T> {
        let mut act = Some(act);
        self.ask(what, false, move |store| act.take().map(|act| act(store)).transpose()).await.flatten()
    }

    /// Changes something in the store and waits for it to be on disk. `None` when there is no store, or when the change waits in memory: it
    /// is then made before any that comes after it, as soon as the file can be written.
    pub async fn keep<T: Send + 'static>(
        &self,
        what: &'static str,
        act: impl FnMut(&mut Store) -> Result<T, Error> + Send + 'static,
    ) -> Option<T> {
        self.ask(what, true, act).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        waits: bool,
        mut act: impl FnMut(&mut Store) -> Result<T, Error> + Send + 'static,
    ) -> Option<T> {
        let (send, receive) = oneshot::channel();
        let answer = std::sync::Arc::new(std::sync::Mutex::new(Some(send)));
        let take = |answer: &std::sync::Mutex<Option<oneshot::Sender<T>>>| {
            answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
        };
        let released = std::sync::Arc::clone(&answer);
        let job = Job {
            what,
            waits,
            act: Box::new(move |store| {
                let value = act(store)?;
                if let Some(send) = take(&answer) {
                    let _ = send.send(value);
                }
                Ok(())
            }),
            release: Box::new(move || drop(take(&released))),
        };
        self.requests.send(Request::Do(job)).ok()?;
        receive.await.ok()
    }

    /// Before the process ends: waits until everything is written, for a while. How many changes are not.
    pub async fn settle(&self) -> usize {
        let (send, receive) = oneshot::channel();
        if self.requests.send(Request::Settle(send)).is_err() {
            return 0;
        }
        let waited = tokio::time::timeout(2 * LAST_WAIT, receive).await;
        waited.ok().and_then(Result::ok).unwrap_or(0)
    }
}

struct Worker {
    store: Option<Store>,
    waiting: VecDeque<Job>,
    _lock: Option<File>,
    has_told: bool,
    /// The file is not in its place any more.
    is_gone: bool,
}

impl Worker {
    fn run(mut self, requests: &mpsc::Receiver<Request>) {
        loop {
            let received = if self.waiting.is_empty() {
                requests.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                requests.recv_timeout(RETRY)
            };
            match received {
                Ok(Request::Do(job)) => self.take(job),
                Ok(Request::Settle(reply)) => {
                    let _ = reply.send(self.settle());
                }
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
        }
    }

    fn take(&mut self, mut job: Job) {
        self.flush();
        if job.waits && !self.waiting.is_empty() {
            return self.wait(job);
        }
        match self.attempt(&mut job) {
            Ok(()) => {}
            Err(error) if job.waits && recover::is_passing(&error) => {
                if !self.has_told {
                    tracing::error!(
                        %error,
                        what = job.what,
                        "THE JOURNAL CANNOT BE WRITTEN now: changes wait in memory and are written as soon as it can be; the run goes on and \
                         still reports to the region"
                    );
                }
                self.has_told = true;
                self.be_patient(false);
                self.wait(job);
            }
            Err(error) => self.fail(job, &error),
        }
    }

    /// Without a store there is nothing to do, and nobody is told anything.
    fn attempt(&mut self, job: &mut Job) -> Result<(), Error> {
        let Some(store) = &mut self.store else {
            (job.release)();
            return Ok(());
        };
        (job.act)(store)?;
        self.look_for_the_file();
        Ok(())
    }

    fn wait(&mut self, mut job: Job) {
        (job.release)();
        if self.waiting.len() == MOST_WAITING {
            tracing::error!("too many changes wait for the journal: those that come now are not kept");
        }
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(job);
        }
    }

    fn fail(&mut self, mut job: Job, error: &Error) {
        (job.release)();
        if recover::is_damage(error) {
            tracing::error!(%error, what = job.what, "THE JOURNAL FAILED: the run goes on in memory and still reports to the region, but this \
                machine keeps no further record of it");
            self.store = None;
            self.waiting.clear();
        } else {
            tracing::error!(%error, what = job.what, "the journal does not have this");
        }
    }

    /// Writes what waits, in order.
    fn flush(&mut self) {
        let count = self.waiting.len();
        while let Some(mut job) = self.waiting.pop_front() {
            match self.attempt(&mut job) {
                Ok(()) => {}
                Err(error) if recover::is_passing(&error) => {
                    self.waiting.push_front(job);
                    return;
                }
                Err(error) => self.fail(job, &error),
            }
        }
        if count > 0 {
            self.be_patient(true);
            if self.store.is_some() {
                tracing::warn!(changes = count, "the journal can be written again and has everything that waited");
            }
        }
    }

    fn settle(&mut self) -> usize {
        let deadline = Instant::now() + LAST_WAIT;
        self.flush();
        while !self.waiting.is_empty() && Instant::now() < deadline {
            std::thread::sleep(RETRY / 5);
            self.flush();
        }
        if !self.waiting.is_empty() {
            tracing::error!(
                changes = self.waiting.len(),
                "the journal could not be written to the end: how scripts ended stands beside their outputs, and the next start takes it from \
                 there"
            );
        }
        self.waiting.len()
    }

    /// While others hold the file, nobody who asks is held up for long.
    fn be_patient(&self, patient: bool) {
        if let Some(store) = &self.store {
            store.be_patient(patient);
        }
    }

    /// A directory that is deleted takes the record with it, and no write fails for that.
    fn look_for_the_file(&mut self) {
        let Some(store) = &mut self.store else { return };
        if self.is_gone || store.is_in_its_place() {
            return;
        }
        match store.put_back() {
            Ok(()) => {
                tracing::error!("the journal was deleted or replaced while this runs: it was written anew from memory");
            }
            Err(error) => {
                self.is_gone = true;
                tracing::error!(%error, "the journal was deleted or replaced while this runs: this machine keeps no record of this run, but it \
                    goes on and still reports to the region");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn fact(name: &'static str) -> impl FnMut(&mut Store) -> Result<(), Error> + Send + 'static {
        move |store| store.keep_fact(name, "x")
    }

    /// The facts of a journal in the order in which they were kept.
    fn facts(directory: &std::path::Path) -> Vec<String> {
        let connection = Connection::open(super::super::file(directory)).expect("a journal");
        let mut statement = connection.prepare("SELECT name FROM fact ORDER BY rowid").expect("valid SQL");
        let names = statement.query_map([], |row| row.get(0)).expect("readable");
        names.collect::<Result<_, _>>().expect("texts")
    }

    #[tokio::test]
    async fn what_a_locked_journal_does_not_take_is_written_in_order_later() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open_beside(home.path(), "host").expect("a journal");
        store.be_patient(false);
        let journal = Journal::start(Some(store));
        assert_eq!(journal.keep("a fact", fact("one")).await, Some(()));
        let other = Connection::open(super::super::file(home.path())).expect("a journal");
        other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        for name in ["two", "three"] {
            assert_eq!(journal.keep("a fact", fact(name)).await, None, "it waits, and nobody waits for it");
        }
        assert_eq!(journal.with("a fact", |store| store.keep_fact("never", "x")).await, None);
        other.execute_batch("ROLLBACK").expect("a transaction");
        assert_eq!(journal.keep("a fact", fact("four")).await, Some(()));
        assert_eq!(facts(home.path()), ["one", "two", "three", "four"]);
        assert_eq!(journal.settle().await, 0);
    }

    #[tokio::test]
    async fn the_end_waits_for_what_waits() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open_beside(home.path(), "host").expect("a journal");
        store.be_patient(false);
        let journal = Journal::start(Some(store));
        let other = Connection::open(super::super::file(home.path())).expect("a journal");
        other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        assert_eq!(journal.keep("a fact", fact("one")).await, None);
        let (left, ()) =
            tokio::join!(journal.settle(), async { other.execute_batch("ROLLBACK").expect("a transaction") });
        assert_eq!((left, facts(home.path())), (0, vec!["one".to_owned()]));
    }

    #[tokio::test]
    async fn a_journal_that_is_deleted_comes_back_with_what_it_had() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let state = home.path().join("state");
        let store = Store::open_beside(&state, "host").expect("a journal");
        let journal = Journal::start(Some(store));
        assert_eq!(journal.keep("a fact", fact("before")).await, Some(()));
        std::fs::remove_dir_all(&state).expect("a directory");
        assert_eq!(journal.keep("a fact", fact("first")).await, Some(()));
        assert_eq!(journal.keep("a fact", fact("after")).await, Some(()));
        assert_eq!(facts(&state), ["before", "first", "after"]);
    }
}
