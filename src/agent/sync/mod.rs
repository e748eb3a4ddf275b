//! Hardware sync of a deployed machine: what changed is told, and what did not costs one request.
//!
//! ```text
//! collect ─▶ compare with what is on record ─▶ nothing ─▶ one bare WORKING
//!                                          └─▶ changes ─▶ events and messages into the journal ─▶ scripts ─▶ region
//!                                                                                                   └ took all: acknowledged
//! ```
//!
//! A change is on record before the region hears of it, once. What the region does not take stays in the journal, and the region is
//! owed it until it takes everything. Nothing here can say OK, FAILED or TESTING: see [`DeployedSignal`].

mod compare;
mod deliver;
mod native;
mod scripts;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::message::{Payload, head, message};
use super::{Actor, Error as AgentError, Notice, ScriptOutcome, resume};
use crate::host::Host;
use crate::inventory::{Change, Inventory, changes, collect_detail, describe, items};
use crate::journal::{Audience, Hardware, Journal, NewRun, Retention, RunEnd, RunEnding, RunId, Store};
use crate::region::{self, DeployedClient, DeployedSignal, NodeEvent, RetryOptions, persist};
use crate::runner;

use compare::{Compared, compare};

pub use compare::{Items, Reason, parse as parse_items};
pub use deliver::{Delivery, deliver};

/// Name of the events that the region is told; see [`NodeEvent`].
pub(super) const EVENT_NAME: &str = "shakedown/hardware-sync";
/// A machine that never looks the same twice is told as it looked last.
const MOST_LOOKS: usize = 3;

/// How a synchronisation is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its scripts and outputs lie.
    pub storage: PathBuf,
    /// Pace of repetition within one synchronisation.
    pub retry: RetryOptions,
    /// How long the region is tried in one synchronisation.
    pub patience: Duration,
    /// Send everything, changed or not.
    pub full: bool,
    /// Send nothing when there is nothing to tell.
    pub quietly: bool,
    /// Send everything when the region took it so long ago; `None` never does.
    pub full_after: Option<Duration>,
    /// What seems changed is looked at again after this, until two looks agree: what flaps is not told at each turn.
    pub settle: Duration,
    /// Who asked for it.
    pub actor: Actor,
    /// What the journal keeps.
    pub retention: Retention,
    /// How scripts are run.
    pub runner: runner::Options,
}

impl Options {
    /// A minute of patience, everything once a week, a second look after two seconds.
    #[must_use]
    pub fn new(storage: impl Into<PathBuf>, base_url: impl Into<String>) -> Self {
        Options {
            storage: storage.into(),
            retry: RetryOptions { few: 2, ..RetryOptions::default() },
            patience: Duration::from_secs(60),
            full: false,
            quietly: false,
            full_after: Some(Duration::from_secs(7 * 86_400)),
            settle: Duration::from_secs(2),
            actor: Actor::default(),
            retention: Retention::default(),
            runner: runner::Options::new(base_url),
        }
    }
}

/// What a synchronisation came to.
#[derive(Debug)]
pub struct Outcome {
    /// Why more than a sign of life was sent; `None` when nothing else was.
    pub reason: Option<Reason>,
    /// What changed since the last look, told in the event log.
    pub changes: Vec<Change>,
    /// The scripts that ran.
    pub scripts: Vec<ScriptOutcome>,
    /// The region asked for other scripts than the last time.
    pub other_scripts: bool,
    /// The region has everything. Else the next synchronisation brings the rest.
    pub is_delivered: bool,
    /// It was stopped.
    pub is_stopped: bool,
    /// What the region answered instead of taking everything.
    pub trouble: Option<region::Error>,
}

/// Why a synchronisation could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no credentials.
    #[error("hardware sync needs the credentials of a deployed machine: give --config or --machine-token")]
    NoCredentials,
    /// Without its journal it cannot know what the region was told.
    #[error("the journal cannot be used, so it is not known what the region was told; nothing was sent")]
    NoJournal,
    /// Scripts could not be made ready.
    #[error("{0}")]
    Scripts(#[from] AgentError),
}

/// A deployed machine and its region.
pub struct Sync {
    /// The region.
    pub client: Arc<DeployedClient>,
    /// The machine.
    pub host: Host,
    /// Opened for that region.
    pub journal: Arc<Journal>,
    /// How it is done.
    pub options: Options,
    /// Who is told how it goes.
    pub notices: mpsc::UnboundedSender<Notice>,
    /// Stops it in good order.
    pub stop: CancellationToken,
}

impl Sync {
    /// Synchronises once. `known` is what was just collected; without it, this collects.
    ///
    /// # Errors
    /// When nothing could be compared or run. That the region does not take everything is no error, but an [`Outcome`].
    pub async fn once(&self, known: Option<Inventory>, now: Timestamp) -> Result<Outcome, Error> {
        if !self.client.is_authenticated() {
            return Err(Error::NoCredentials);
        }
        let (before, old) = self.on_record().await?;
        let inventory = match known {
            Some(inventory) => inventory,
            None => Box::pin(self.look(old.as_ref())).await,
        };
        let found = items(&inventory);
        Box::pin(self.compared(before.as_ref(), old.as_ref(), inventory, found, now)).await
    }

    /// What the region was told.
    pub(super) async fn on_record(&self) -> Result<(Option<Hardware>, Option<Items>), Error> {
        let region = self.client.identity();
        let known = self.journal.with("what the region knows", move |store| store.hardware(&region)).await;
        let known = known.ok_or(Error::NoJournal)?;
        let items = known.as_ref().and_then(|known| compare::parse(&known.recorded));
        Ok((known, items))
    }

    /// Compares what was found with what is on record, and tells the region what there is to tell.
    pub(super) async fn compared(
        &self,
        before: Option<&Hardware>,
        old: Option<&Items>,
        inventory: Inventory,
        found: Items,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        let compared = compare(before, old, found, &self.options, now);
        match compared.reason {
            None if self.has_news().await => {
                let mut outcome = Outcome::nothing();
                self.bring(&mut outcome).await;
                Ok(outcome)
            }
            None if self.options.quietly => Ok(Outcome { is_delivered: true, ..Outcome::nothing() }),
            None => Ok(self.quiet().await),
            Some(reason) => {
                let scripts = before.map(|known| known.scripts.clone());
                Box::pin(self.tell(reason, compared, scripts, inventory, now)).await
            }
        }
    }

    /// Whether the region is to hear of something for which no script has to run.
    async fn has_news(&self) -> bool {
        let region = self.client.identity();
        let waiting = self.journal.with("the unsent messages", move |store| store.waiting_messages(&region)).await;
        waiting.is_some_and(|waiting| !waiting.is_empty())
    }

    /// Strikes when the region was tried for long enough, or all is stopped.
    fn patience(&self) -> Patience {
        let token = self.stop.child_token();
        let (struck, after) = (token.clone(), self.options.patience);
        let timer = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            struck.cancel();
        });
        Patience { token, timer }
    }

    /// Looks until two looks agree, but once where nothing changed.
    async fn look(&self, old: Option<&Items>) -> Inventory {
        let mut inventory = self.collect().await;
        for _ in 1..MOST_LOOKS {
            let found = items(&inventory);
            if self.options.settle.is_zero() || old.is_none_or(|old| changes(old, &found).is_empty()) {
                break;
            }
            tokio::time::sleep(self.options.settle).await;
            let again = self.collect().await;
            let agrees = changes(&found, &items(&again)).is_empty();
            inventory = again;
            if agrees {
                break;
            }
        }
        inventory
    }

    async fn collect(&self) -> Inventory {
        let host = self.host.clone();
        // A reader that fails is a gap already; a thread that fails leaves an inventory of gaps.
        tokio::task::spawn_blocking(move || collect_detail(&host)).await.unwrap_or_else(|_| Inventory::unread())
    }

    /// Nothing to tell but that this machine is there.
    async fn quiet(&self) -> Outcome {
        let sent = self.alive().await;
        Outcome { is_delivered: sent.is_ok(), trouble: sent.err(), ..Outcome::nothing() }
    }

    async fn alive(&self) -> Result<(), region::Error> {
        let (signal, patience) = (DeployedSignal::alive(), self.patience());
        persist(&self.options.retry, &patience.token, "a sign of life", || self.client.signal(&signal)).await
    }

    /// Records the changes, runs what the region asks for, and brings it everything.
    async fn tell(
        &self,
        reason: Reason,
        compared: Compared,
        known_scripts: Option<String>,
        inventory: Inventory,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        let run_id = self.begin(&compared).await.ok_or(Error::NoJournal)?;
        for change in &compared.changes {
            let _ = self.notices.send(Notice::Said(describe(change, &self.node())));
        }
        let mut outcome = Outcome { reason: Some(reason), changes: compared.changes, ..Outcome::nothing() };
        let whole = match self.run_scripts(run_id, inventory).await {
            Ok(ran) => {
                outcome.other_scripts = known_scripts.is_some_and(|known| !known.is_empty() && known != ran.digest);
                outcome.scripts = ran.outcomes;
                ran.is_whole.then_some(ran.digest)
            }
            Err(scripts::Failed::Region(error)) => {
                outcome.trouble = Some(error);
                None
            }
            Err(scripts::Failed::Machine(error)) => {
                self.end(run_id, RunEnd::Refused, error.to_string()).await;
                return Err(error.into());
            }
        };
        self.bring(&mut outcome).await;
        if let Some(digest) = whole.filter(|_| outcome.is_delivered) {
            let region = self.client.identity();
            let acknowledge = move |store: &mut Store| store.acknowledge_hardware(&region, &digest, now);
            self.journal.with("what the region took", acknowledge).await.ok_or(Error::NoJournal)?;
        }
        self.end(run_id, outcome.end(), outcome.text()).await;
        if outcome.is_delivered {
            // The head of the record; one that the region does not take waits for the next time.
            deliver(Arc::clone(&self.client), Arc::clone(&self.journal), &self.options.retry, &self.patience().token)
                .await;
        }
        Ok(outcome)
    }

    /// Brings the region what the journal holds for it.
    async fn bring(&self, outcome: &mut Outcome) {
        outcome.is_stopped = self.stop.is_cancelled();
        if outcome.is_stopped {
            // A script that was stopped says nothing of the machine: the next time tells it.
            let region = self.client.identity();
            self.journal.with("results that are not sent", move |store| store.supersede_results(&region)).await;
            return;
        }
        let delivery =
            deliver(Arc::clone(&self.client), Arc::clone(&self.journal), &self.options.retry, &self.patience().token)
                .await;
        outcome.trouble = outcome.trouble.take().or(delivery.trouble);
        if outcome.trouble.is_none() && outcome.scripts.is_empty() {
            outcome.trouble = self.alive().await.err();
        }
        outcome.is_delivered = outcome.trouble.is_none() && delivery.left == 0;
    }

    /// Begins a run with the changes on record; its number.
    async fn begin(&self, compared: &Compared) -> Option<RunId> {
        let new = self.new_run();
        let (node, changes, recorded) = (self.node(), compared.changes.clone(), compared.recorded.clone());
        let system_id = self.client.system_id().map(str::to_owned);
        let record = move |store: &mut Store| {
            store.set_system_id(system_id.clone());
            let run_id = store.begin_run(&new)?;
            store.supersede_results(&new.region)?;
            let events: Vec<_> = changes.iter().map(|change| change.event(&node)).collect();
            // An event is posted to the address of the node, which is not known without its name.
            let told = changes.iter().filter(|change| system_id.is_some() && change.is_beyond_the_region());
            let told = told.map(|change| NodeEvent::new(EVENT_NAME, describe(change, &node), false));
            let messages: Vec<_> = told.map(|event| message(&Payload::Event(event), None, Some(run_id))).collect();
            store.record_hardware(&new.region, &recorded, &events, &messages)?;
            Ok(run_id)
        };
        self.journal.with("changes of the hardware", record).await
    }

    /// What is on record of a run of this.
    pub(super) fn new_run(&self) -> NewRun {
        NewRun {
            region: self.client.identity(),
            audience: Audience::Region,
            storage: self.options.storage.clone(),
            boot_id: resume::boot_id(&self.host),
            requested_by: self.options.actor.username.clone(),
        }
    }

    async fn end(&self, run_id: RunId, end: RunEnd, text: String) {
        let (retention, tells) = (self.options.retention, self.client.system_id().is_some());
        let record = move |store: &mut Store| {
            let ending = RunEnding { end, outcome: &text, took: None };
            store.end_run(run_id, &ending, |found| {
                tells.then(|| message(&head(run_id, found), None, Some(run_id))).into_iter().collect()
            })?;
            store.prune(&retention)
        };
        self.journal.with("the end of a synchronisation", record).await;
    }

    /// What the events call this machine.
    pub(super) fn node(&self) -> String {
        self.client.system_id().map_or_else(|| self.host.hostname(), str::to_owned)
    }
}

impl Outcome {
    fn nothing() -> Self {
        Outcome {
            reason: None,
            changes: Vec::new(),
            scripts: Vec::new(),
            other_scripts: false,
            is_delivered: false,
            is_stopped: false,
            trouble: None,
        }
    }

    /// How the run of it ended. A script that failed makes no difference here: its result tells.
    fn end(&self) -> RunEnd {
        match (self.is_stopped, self.is_delivered) {
            (true, _) => RunEnd::Stopped,
            (false, true) => RunEnd::Synchronised,
            (false, false) => RunEnd::Unfinished,
        }
    }

    /// In one line, for the list of runs.
    #[must_use]
    pub fn text(&self) -> String {
        let why = self.reason.map_or("nothing changed", Reason::text);
        let end = match (&self.trouble, self.is_delivered) {
            _ if self.is_stopped => "stopped; the rest comes with the next".to_owned(),
            (Some(error), _) => format!("the rest comes with the next: {error}"),
            (None, true) => "the region has everything".to_owned(),
            (None, false) => "the rest comes with the next".to_owned(),
        };
        format!("Hardware sync ({why}): {end}")
    }
}

/// How long a region is tried.
struct Patience {
    token: CancellationToken,
    timer: tokio::task::JoinHandle<()>,
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.timer.abort();
    }
}
