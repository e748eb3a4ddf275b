//! Bringing messages from the outbox to the region: the one engine for runs, `deliver`, hardware sync and the service.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::message::{Entry, Payload};
use super::outbox::{Outbox, Refused};
use super::record::Record;
use super::uplink::Uplink;
use super::{fetch, messages, resume};
use crate::event::EventType;
use crate::journal::Journal;
use crate::region::{Backoff, Disposition, Error, NodeEvent, RetryOptions, Signal, SignalStatus, persist};
use crate::script::Status;

/// Messages under way at once: a large upload must not hold up small ones, and a machine must not crowd the region.
const WORKERS: usize = 3;
/// Pause after an event, so that a burst of them becomes a few requests.
const EVENT_PAUSE: Duration = Duration::from_secs(1);

/// How often the region is asked whether it has taken an event with a result: for several minutes, at the usual pace.
const EVENT_LOOKS: u32 = 12;

/// What became of a message.
enum Delivered {
    Acknowledged,
    Refused(Error),
    /// Not taken now; a later delivery tries again, and this one goes on with the others.
    Postponed(Error),
    /// Nobody waits any longer.
    GivenUp(Error),
}

/// Delivers messages of one region.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) uplink: Uplink,
    pub(super) record: Record,
    pub(super) retry: RetryOptions,
    pub(super) give_up: CancellationToken,
}

/// What is left after everything that waited was offered.
#[derive(Debug, Default)]
pub(super) struct Drained {
    /// Messages that the region has not taken and that are tried again.
    pub(super) left: usize,
    /// Messages that it will not take.
    pub(super) refused: Vec<Refused>,
    /// Why something was not taken.
    pub(super) trouble: Option<Error>,
}

/// Delivers what the journal holds for a region, until that is done or `stop` strikes.
pub(super) async fn drain(
    uplink: Uplink,
    journal: Arc<Journal>,
    retry: &RetryOptions,
    stop: &CancellationToken,
) -> Drained {
    let outbox = Arc::new(Outbox::default());
    let forged = resume::restore(&journal, &outbox, uplink.identity()).await;
    let events = uplink.system_id().is_some();
    let record = Record {
        journal,
        outbox: Arc::clone(&outbox),
        run_id: None,
        began: None,
        send: true,
        events,
        results_only: false,
        enlisting: None,
    };
    let give_up = stop.child_token();
    let journal = Arc::clone(&record.journal);
    let delivering = Delivery { uplink, record, retry: retry.clone(), give_up: give_up.clone() }.start();
    outbox.idle(&give_up).await;
    give_up.cancel();
    delivering.await;
    journal.settle().await;
    Drained { left: outbox.undelivered() + forged, refused: outbox.refused(), trouble: outbox.take_trouble() }
}

impl Delivery {
    /// Starts delivering; the returned future ends when `give_up` has struck and nothing is under way.
    pub(super) fn start(self) -> impl Future<Output = ()> + use<> {
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            workers.spawn(self.clone().work());
        }
        async move { while workers.join_next().await.is_some() {} }
    }

    async fn work(self) {
        while let Some(entries) = self.record.outbox.claim(&self.give_up).await {
            let delivered = match &entries[0].payload {
                Payload::Signal(signal) => self.signal(&entries[0], signal).await,
                Payload::Event(_) => self.events(&entries).await,
            };
            let rests = matches!((&entries[0].payload, &delivered), (Payload::Event(_), Delivered::Acknowledged));
            if rests {
                self.record.outbox.rest_events(true);
            }
            self.settle(&entries, delivered).await;
            if rests {
                tokio::select! {
                    () = tokio::time::sleep(EVENT_PAUSE) => {}
                    () = self.give_up.cancelled() => {}
                }
                self.record.outbox.rest_events(false);
            }
        }
    }

    async fn settle(&self, entries: &[Entry], delivered: Delivered) {
        for entry in entries {
            match &delivered {
                Delivered::Acknowledged => self.record.finish(entry, None).await,
                Delivered::GivenUp(_) => self.record.outbox.release(entry.id),
                Delivered::Postponed(error) => {
                    tracing::warn!(message = entry.payload.label(), %error, "kept for the next time");
                    self.record.outbox.postpone(entry.id);
                }
                Delivered::Refused(error) => {
                    let reason = error.to_string();
                    tracing::error!(message = entry.payload.label(), reason, "the region refused a message for good");
                    self.record.finish(entry, Some(reason)).await;
                }
            }
        }
        match delivered {
            Delivered::Acknowledged => {}
            Delivered::Refused(error) | Delivered::Postponed(error) | Delivered::GivenUp(error) => {
                self.record.outbox.meet_trouble(error);
            }
        }
    }

    async fn signal(&self, entry: &Entry, signal: &Signal) -> Delivered {
        let label = signal.label();
        if let Some(path) = signal.power_file.as_ref().filter(|path| entry.may_have_arrived && !path.exists()) {
            // Deleted as it was delivered, just before a crash, or by somebody else.
            let finder = signal.script.as_ref().map_or("a script", |script| script.name.as_str());
            let text = messages::bmc_lost(finder, path);
            tracing::warn!("{text}");
            self.record.notice(EventType::NODE_STATUS_EVENT, "shakedown/bmc", text).await;
            return Delivered::Acknowledged;
        }
        let may_have_arrived = AtomicBool::new(entry.may_have_arrived);
        loop {
            let attempt = || self.attempt(signal, &may_have_arrived);
            let sent = persist(&self.retry, &self.give_up, &label, attempt).await;
            let Err(error) = sent else { return Delivered::Acknowledged };
            match error.disposition() {
                Disposition::Shrink => tracing::warn!(message = label, "too large for the region: will be shortened"),
                Disposition::AlreadyFinal if is_ours(&error, entry.leads_to) => {
                    tracing::info!(message = label, "the region already has it");
                    return Delivered::Acknowledged;
                }
                _ if matches!(error, Error::Oversized { .. }) && self.arrives_by_event(signal).await => {
                    return Delivered::Acknowledged;
                }
                _ if matches!(error, Error::Oversized { .. } | Error::Unreadable { .. }) => {
                    return self.without_parsed(signal, error).await;
                }
                _ => return self.end_of(error),
            }
        }
    }

    /// Reports a script as failed whose output the region cannot get as a whole, with the reason.
    async fn without_parsed(&self, signal: &Signal, error: Error) -> Delivered {
        let failed = signal.without_parsed(&error.to_string());
        loop {
            let sent = persist(&self.retry, &self.give_up, "a result without its output", || async {
                self.uplink.signal(&failed).await.map_err(Error::as_outage)
            });
            match sent.await {
                Ok(()) | Err(Error::AlreadyFinal { .. }) => return Delivered::Refused(error),
                Err(error) if error.disposition() == Disposition::Shrink => {}
                Err(error) => return self.end_of(error),
            }
        }
    }

    /// Sends the output as an event, and waits until the region holds the result: it says nothing of what it makes of an event.
    async fn arrives_by_event(&self, signal: &Signal) -> bool {
        let Uplink::Node(client) = &self.uplink else { return false };
        let sent = persist(&self.retry, &self.give_up, "output as an event", || async {
            client.result_by_event(signal).await.map_err(Error::as_outage)
        })
        .await;
        if let Err(error) = sent {
            tracing::warn!(message = signal.label(), %error, "the region does not take the output as an event");
            return false;
        }
        let mut backoff = Backoff::new(&self.retry);
        for _ in 0..EVENT_LOOKS {
            if self.is_held(signal).await {
                return true;
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.wait()) => {}
                () = self.give_up.cancelled() => return false,
            }
        }
        false
    }

    /// What a failure means that is not repeated any more. A deployed machine comes back, so only what the region itself refused is refused.
    fn end_of(&self, error: Error) -> Delivered {
        match (&self.uplink, &error) {
            (_, Error::Cancelled(_)) => Delivered::GivenUp(error),
            (Uplink::Node(_), _) | (_, Error::Refused { .. } | Error::AlreadyFinal { .. } | Error::Setup(_)) => {
                Delivered::Refused(error)
            }
            (Uplink::Deployed(_), _) => Delivered::Postponed(error),
        }
    }

    /// Sends a signal once. What may have arrived before is not repeated blindly where that does harm.
    async fn attempt(&self, signal: &Signal, may_have_arrived: &AtomicBool) -> Result<(), Error> {
        let had_arrived = may_have_arrived.load(Ordering::Relaxed);
        // After the test of a deployed machine a second OK releases it (contract REGION, corrections, 5).
        if had_arrived && signal.status == SignalStatus::Ok && self.is_over().await? {
            return Ok(());
        }
        let sent = self.uplink.signal(signal).await.map_err(Error::as_outage);
        if had_arrived && sent.as_ref().is_err_and(Error::may_be_second) && self.is_held(signal).await {
            return Ok(());
        }
        may_have_arrived.fetch_or(sent.as_ref().is_err_and(Error::may_have_arrived), Ordering::Relaxed);
        sent
    }

    /// Asks if the region took the OK of this run: the machine's token is deleted then, or the machine is deployed again.
    async fn is_over(&self) -> Result<bool, Error> {
        match fetch::ask(&self.uplink).await {
            Ok(index) => Ok(index.is_some_and(|index| index.scripts.iter().any(|script| script.has_finished))),
            Err(Error::Unauthorized { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Asks if the region holds a final result of the script: such a script is not handed out any more.
    async fn is_held(&self, signal: &Signal) -> bool {
        let Some(id) = signal.script.as_ref().and_then(|script| script.result_id).filter(|_| signal.is_result()) else {
            return false;
        };
        match fetch::ask(&self.uplink).await {
            Ok(index) => !index.is_some_and(|index| index.scripts.iter().any(|script| script.result_id == Some(id))),
            Err(error) => {
                tracing::debug!(%error, "the region does not say what it holds");
                false
            }
        }
    }

    /// Events are worth less than results: one that the region does not like is soon let go.
    async fn events(&self, entries: &[Entry]) -> Delivered {
        let events: Vec<NodeEvent> = entries
            .iter()
            .filter_map(|entry| match &entry.payload {
                Payload::Event(event) => Some(event.clone()),
                Payload::Signal(_) => None,
            })
            .collect();
        let Some(event) = NodeEvent::joined(&events) else { return Delivered::Acknowledged };
        let retry = RetryOptions { few: 2, ..self.retry.clone() };
        match persist(&retry, &self.give_up, "an event", || async {
            self.uplink.node_event(&event).await.map_err(Error::as_outage)
        })
        .await
        {
            Ok(()) => Delivered::Acknowledged,
            Err(error) => self.end_of(error),
        }
    }
}

/// True if the final result that the region holds is the one that was sent: it says the same. Another status is not ours, even if an earlier answer was lost: the region gave the script up itself, while our result was on its way.
fn is_ours(error: &Error, leads_to: Option<Status>) -> bool {
    let Error::AlreadyFinal { status, .. } = error else { return false };
    let held = Status::from_number(*status);
    held.is_some() && held == leads_to
}
