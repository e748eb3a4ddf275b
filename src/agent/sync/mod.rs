//! Hardware sync of a deployed machine: what changed is told, and what did not costs one request.
//!
//! ```text
//! collect ─▶ compare with what is on record ─▶ nothing ─▶ one bare WORKING
//!                                          └─▶ changes ─▶ events and messages into the journal ─▶ scripts ─▶ region
//!                                                                                                   └ took all: acknowledged
//! ```
//!
//! A change is on record before the region hears of it, once. What the region stores beside the hardware ([`Stored`]) leads to the scripts
//! as well, and to no event. What the region does not take stays in the journal, and the region is
//! owed it until it takes everything. Nothing here can say OK, FAILED or TESTING: see [`DeployedSignal`].

mod compare;
mod deliver;
mod native;
mod record;
mod scripts;
mod stored;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Actor, Error as AgentError, Notice, ScriptOutcome};
use crate::host::Host;
use crate::inventory::{Change, Inventory, NetworkVolumes, changes, collect_detail, describe};
use crate::journal::{Journal, Retention, RunEnd, Store};
use crate::region::{self, DeployedClient, DeployedSignal, RetryOptions, persist};
use crate::runner;
use crate::telemetry;

use compare::{Compared, compare};
pub(super) use compare::{Found, OnRecord};

pub use compare::{Items, Reason, parse as parse_items};
pub use deliver::{Delivery, deliver};
pub use stored::Stored;

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
    /// Which volumes in other machines count.
    pub network_volumes: NetworkVolumes,
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
            network_volumes: NetworkVolumes::default(),
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
        let on_record = self.on_record().await?;
        let inventory = match known {
            Some(inventory) => inventory,
            None => Box::pin(self.look(&on_record)).await,
        };
        let found = Found::of(&inventory, self.options.network_volumes);
        Box::pin(self.compared(&on_record, inventory, found, now)).await
    }

    /// Compares what was found with what is on record, and tells the region what there is to tell.
    pub(super) async fn compared(
        &self,
        on_record: &OnRecord,
        inventory: Inventory,
        found: Found,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        let compared = compare(on_record, found, &self.options, now);
        self.say_what_differs(&compared);
        if compared.reason.is_none() && (on_record.stored.is_none() || compared.forgets) {
            self.adopt(on_record, &compared).await?;
        }
        match compared.reason {
            None if self.has_news().await => {
                let mut outcome = Outcome::nothing();
                self.bring(&mut outcome).await;
                Ok(outcome)
            }
            None if self.options.quietly => Ok(Outcome { is_delivered: true, ..Outcome::nothing() }),
            None => Ok(self.quiet().await),
            Some(reason) => {
                let scripts = on_record.hardware.as_ref().map(|known| known.scripts.clone());
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
    async fn look(&self, on_record: &OnRecord) -> Inventory {
        let mut inventory = self.collect().await;
        let is_otherwise = |old: &OnRecord, new: &Found| {
            old.hardware_of_today(&new.uncounted).is_some_and(|old| !changes(&old, &new.items).is_empty())
                || old.stored.as_ref().zip(new.stored.as_ref()).is_some_and(|(old, new)| old != new)
        };
        for _ in 1..MOST_LOOKS {
            let found = Found::of(&inventory, self.options.network_volumes);
            if self.options.settle.is_zero() || !is_otherwise(on_record, &found) {
                break;
            }
            tokio::time::sleep(self.options.settle).await;
            inventory = self.collect().await;
            let before = OnRecord { hardware: None, items: Some(found.items), stored: found.stored };
            if !is_otherwise(&before, &Found::of(&inventory, self.options.network_volumes)) {
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
            let text = describe(change, &self.node());
            tracing::info!(
                target: telemetry::NEWS,
                message_id = telemetry::id::HARDWARE,
                syslog_priority = telemetry::priority::NOTICE,
                run = run_id.number(),
                "{text}"
            );
            let _ = self.notices.send(Notice::Changed(text));
        }
        let stored = compared.stored.as_ref().map(Stored::to_text);
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
            let (region, fact) = (self.client.identity(), self.stored_fact());
            let acknowledge = move |store: &mut Store| {
                store.acknowledge_hardware(&region, &digest, now)?;
                stored.map_or(Ok(()), |text| store.keep_fact(&fact, &text))
            };
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
