//! A command of the site is told of failed scripts, failing drives and changes of the hardware.
//!
//! The journal has them all as events. The id of the last one that the command got is a fact of the journal, so a process that is killed
//! leaves nothing out: the next one goes on there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::event::{EventRecord, EventType, Level};
use crate::journal::{Error, Store};
use crate::private;
use crate::process::Tool;

/// The fact with the last event that the command got, and how often it was tried with the next one: `17 0`.
const FACT: &str = "notified";
/// File whose lock keeps two processes from telling the same thing.
const LOCK: &str = "notify.lock";
/// Longest time of one call of the command.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// Longest time of all calls at once. The rest is told the next time.
const LONGEST_TURN: Duration = Duration::from_secs(30);
/// How often the command gets an event that it fails with.
const TRIES: u32 = 3;
/// Events that are read at once.
const AT_ONCE: u32 = 500;
/// Most bytes that the command may print.
const MOST_OUTPUT: usize = 64 << 10;
/// Warning about a journal that cannot be used.
const NO_JOURNAL: &str = "the command of [notify] gets nothing: the journal cannot be used";
/// Pause between two looks at the journal while a run goes on.
const PACE: Duration = Duration::from_secs(5);

/// Kind of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewsKind {
    /// A script ended badly.
    ScriptFailed,
    /// A device was added, removed, moved or changed, or comes and goes.
    Hardware,
    /// A drive or another part begins to fail, or the region was told of an error.
    Failure,
}

impl NewsKind {
    /// The word in the JSON object.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            NewsKind::ScriptFailed => "script-failed",
            NewsKind::Hardware => "hardware",
            NewsKind::Failure => "failure",
        }
    }

    /// The kind of an event; `None` if nobody has to hear of it at once.
    fn of(event: &EventRecord) -> Option<Self> {
        if event.type_name == EventType::SCRIPT_DID_NOT_COMPLETE.name {
            Some(NewsKind::ScriptFailed)
        } else if event.level >= Level::Error {
            Some(NewsKind::Failure)
        } else {
            EventType::HARDWARE.iter().any(|kind| kind.name == event.type_name).then_some(NewsKind::Hardware)
        }
    }
}

/// The object that the command gets.
fn object(kind: NewsKind, event: &EventRecord) -> Value {
    json!({
        "kind": kind.word(),
        "time": event.created.to_string(),
        "event": event.id,
        "type": event.type_name,
        "level": event.level.name(),
        "action": event.action,
        "description": event.description,
        "hostname": event.hostname,
        "node": event.node,
    })
}

/// Calls the command of the site with each piece of news; without a command it does nothing.
#[derive(Clone, Debug)]
pub struct Notifier {
    command: Option<String>,
    /// State directory, with the journal.
    directory: PathBuf,
    hostname: String,
}

/// A [`Notifier`] at work beside a run.
#[derive(Debug)]
pub struct Follower {
    notifier: Notifier,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Follower {
    /// Stops following the journal and gives the command the rest.
    pub async fn end(self) {
        self.stop.cancel();
        let _ = self.task.await;
        self.notifier.tell().await;
    }
}

/// Place in the event log: the last event that the command got, and failed tries with the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    event: i64,
    tries: u32,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (event, tries) = text.split_once(' ')?;
        Some(Place { event: event.parse().ok()?, tries: tries.parse().ok()? })
    }

    /// Where the command goes on. The first time everything that is on record counts as told.
    fn read(store: &mut Store) -> Result<Self, Error> {
        if let Some(place) = store.read_fact(FACT)?.as_deref().and_then(Place::parse) {
            return Ok(place);
        }
        let place = Place { event: store.last_event()?, tries: 0 };
        place.keep(store)?;
        Ok(place)
    }

    fn keep(self, store: &mut Store) -> Result<(), Error> {
        store.keep_fact(FACT, &format!("{} {}", self.event, self.tries))
    }
}

impl Notifier {
    /// Prepares to tell what is recorded from now on in the journal of a state directory. A journal that cannot be written is a warning: the
    /// work itself goes on.
    #[must_use]
    pub fn start(command: Option<&str>, directory: &Path, hostname: &str) -> Self {
        let command = command.map(str::to_owned);
        let notifier = Notifier { command, directory: directory.to_owned(), hostname: hostname.to_owned() };
        if notifier.command.is_some()
            && let Err(error) = notifier.open().and_then(|mut store| Place::read(&mut store))
        {
            tracing::warn!(%error, "{NO_JOURNAL}");
        }
        notifier
    }

    /// Looks for news every few seconds, beside a run.
    #[must_use]
    pub fn follow(self) -> Follower {
        let (notifier, stop) = (self.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            while notifier.command.is_some() {
                tokio::select! {
                    () = tokio::time::sleep(PACE) => notifier.tell().await,
                    () = stopped.cancelled() => return,
                }
            }
        });
        Follower { notifier: self, stop, task }
    }

    /// Gives the command what it has not got, for half a minute at most.
    pub async fn tell(&self) {
        let Some(command) = &self.command else { return };
        let path = self.directory.join(LOCK);
        // Whoever holds the lock tells what is new, or the next one does.
        let Ok(Ok(_lock)) = tokio::task::spawn_blocking(move || private::exclusive(&path)).await else { return };
        if let Err(error) = self.tell_new(command).await {
            tracing::warn!(%error, "{NO_JOURNAL}");
        }
    }

    async fn tell_new(&self, command: &str) -> Result<(), Error> {
        let mut store = self.open()?;
        let mut place = Place::read(&mut store)?;
        let deadline = Instant::now() + LONGEST_TURN;
        loop {
            let events = store.events_after(place.event, AT_ONCE)?;
            let Some(last) = events.last().map(|event| event.id) else { return Ok(()) };
            for (number, event) in events.iter().enumerate() {
                // A failing drive is recorded twice: for the audit log, and as the error that the region shows.
                let is_twice = events.get(number + 1).is_some_and(|next| next.description == event.description);
                let Some(kind) = NewsKind::of(event).filter(|_| !is_twice) else { continue };
                if Instant::now() >= deadline {
                    return Ok(());
                }
                if call(command, kind, event).await {
                    place = Place { event: event.id, tries: 0 };
                } else if place.tries + 1 < TRIES {
                    place = Place { event: event.id - 1, tries: place.tries + 1 };
                    return place.keep(&mut store);
                } else {
                    tracing::warn!(
                        event = event.id,
                        "the command of [notify] failed {TRIES} times: this event is left out"
                    );
                    place = Place { event: event.id, tries: 0 };
                }
                place.keep(&mut store)?;
            }
            place = Place { event: last, tries: 0 };
            place.keep(&mut store)?;
        }
    }

    fn open(&self) -> Result<Store, Error> {
        Store::open_beside(&self.directory, &self.hostname)
    }
}

/// Runs the command; true if it ended well.
async fn call(command: &str, kind: NewsKind, event: &EventRecord) -> bool {
    let tool = Tool {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), command.into()],
        environment: Vec::new(),
        limit: LONGEST_CALL,
        grace: Duration::from_secs(1),
        most: MOST_OUTPUT,
    };
    let input = format!("{}\n", object(kind, event)).into_bytes();
    match tool.call_with(input, &CancellationToken::new()).await {
        Ok(answer) if answer.status.success() => true,
        Ok(answer) => {
            let printed = String::from_utf8_lossy(&answer.stderr);
            let last = printed.lines().next_back().unwrap_or_default();
            tracing::warn!(status = %answer.status, printed = last, "the command of [notify] failed");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the command of [notify] failed");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::journal::Actor;

    struct Site {
        folder: tempfile::TempDir,
        store: Store,
    }

    impl Site {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let store = Store::open(folder.path(), "node-1", "a region").expect("a journal").store;
            Site { folder, store }
        }

        fn happens(&mut self, kind: EventType, text: &str) {
            self.store.append_event(&Event::new(kind, text), &Actor::default()).expect("an event");
        }

        fn notifier(&self, command: &str) -> Notifier {
            Notifier::start(Some(command), self.folder.path(), "node-1")
        }

        /// The objects that a command put into the file `heard`.
        fn heard(&self) -> Vec<Value> {
            let text = std::fs::read_to_string(self.folder.path().join("heard")).unwrap_or_default();
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
        }

        fn hears(&self) -> String {
            format!("cat >>{}/heard", self.folder.path().display())
        }
    }

    fn kinds(heard: &[Value]) -> Vec<(&str, &str)> {
        heard
            .iter()
            .map(|one| (one["kind"].as_str().unwrap_or(""), one["description"].as_str().unwrap_or("")))
            .collect()
    }

    #[tokio::test]
    async fn each_news_is_told_once_and_nothing_of_the_past() {
        let mut site = Site::new();
        site.happens(EventType::SCRIPT_DID_NOT_COMPLETE, "long ago");
        let notifier = site.notifier(&site.hears());
        site.happens(EventType::SCRIPT_RESULT_CHANGED_STATUS, "a passed");
        site.happens(EventType::SCRIPT_DID_NOT_COMPLETE, "b failed");
        site.happens(EventType::NODE_HARDWARE_SYNC_CPU, "cpu x was added");
        site.happens(EventType::SETTINGS, "nobody minds");
        notifier.tell().await;
        notifier.tell().await;
        // Another process goes on where this one was.
        site.happens(EventType::NODE_HARDWARE_SYNC_BLOCK_DEVICE, "sda is failing");
        site.happens(EventType::NODE_POST_INSTALL_EVENT_FAILED, "sda is failing");
        site.notifier(&site.hears()).tell().await;
        let heard = site.heard();
        assert_eq!(
            kinds(&heard),
            [("script-failed", "b failed"), ("hardware", "cpu x was added"), ("failure", "sda is failing")]
        );
        assert_eq!(heard[0]["hostname"], "node-1");
        assert!(heard[0]["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{}", heard[0]);
    }

    #[tokio::test]
    async fn a_command_that_fails_is_tried_three_times_and_stops_nobody() {
        let mut site = Site::new();
        let notifier = site.notifier(&format!("cat >>{}/heard; exit 7", site.folder.path().display()));
        site.happens(EventType::SCRIPT_DID_NOT_COMPLETE, "a");
        for _ in 0..3 {
            notifier.tell().await;
        }
        site.happens(EventType::SCRIPT_DID_NOT_COMPLETE, "b");
        site.notifier(&site.hears()).tell().await;
        let texts: Vec<String> = kinds(&site.heard()).into_iter().map(|(_, text)| text.to_owned()).collect();
        assert_eq!(texts, ["a", "a", "a", "b"]);
    }
}
