//! Bringing messages from the outbox to the region.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::message::{Entry, Payload};
use super::messages;
use super::record::Record;
use crate::event::EventType;
use crate::region::{Client, Disposition, Error, NodeEvent, RetryOptions, Signal, persist};
use crate::script::Status;

/// Messages under way at once: a large upload must not hold up small ones, and a machine must not crowd the region.
const WORKERS: usize = 3;
/// Pause after an event, so that a burst of them becomes a few requests.
const EVENT_PAUSE: Duration = Duration::from_secs(1);

/// What became of a message.
enum Delivered {
    Acknowledged,
    Refused(String),
    GivenUp,
}

/// Delivers messages of one region.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) client: Arc<Client>,
    pub(super) record: Record,
    pub(super) retry: RetryOptions,
    pub(super) give_up: CancellationToken,
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
            for entry in &entries {
                match &delivered {
                    Delivered::Acknowledged => self.record.finish(entry, None).await,
                    Delivered::GivenUp => self.record.outbox.release(entry.id),
                    Delivered::Refused(reason) => {
                        tracing::error!(
                            message = entry.payload.label(),
                            reason,
                            "the region refused a message for good"
                        );
                        self.record.finish(entry, Some(reason.clone())).await;
                    }
                }
            }
            if rests {
                tokio::select! {
                    () = tokio::time::sleep(EVENT_PAUSE) => {}
                    () = self.give_up.cancelled() => {}
                }
                self.record.outbox.rest_events(false);
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
            let sent = persist(&self.retry, &self.give_up, &label, || async {
                let sent = self.client.signal(signal).await;
                may_have_arrived.fetch_or(sent.as_ref().is_err_and(Error::may_have_arrived), Ordering::Relaxed);
                sent
            })
            .await;
            let error = match sent {
                Ok(()) => return Delivered::Acknowledged,
                Err(Error::Cancelled(_)) => return Delivered::GivenUp,
                Err(error) => error,
            };
            match error.disposition() {
                Disposition::Shrink => tracing::warn!(message = label, "too large for the region: will be shortened"),
                Disposition::AlreadyFinal
                    if is_ours(&error, may_have_arrived.load(Ordering::Relaxed), entry.leads_to) =>
                {
                    tracing::info!(message = label, "the region already has it");
                    return Delivered::Acknowledged;
                }
                _ => return Delivered::Refused(error.to_string()),
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
        let sent = persist(&retry, &self.give_up, "an event", || self.client.node_event(&event)).await;
        match sent {
            Ok(()) => Delivered::Acknowledged,
            Err(Error::Cancelled(_)) => Delivered::GivenUp,
            Err(error) => Delivered::Refused(error.to_string()),
        }
    }
}

/// Whether the final result that the region holds is the one that we sent: an earlier answer was lost, or it says the same.
/// A result that the region gave up itself (Aborted) is never ours.
fn is_ours(error: &Error, may_have_arrived: bool, leads_to: Option<Status>) -> bool {
    let Error::AlreadyFinal { status, .. } = error else { return false };
    let held = status.and_then(Status::from_number);
    held != Some(Status::Aborted) && (may_have_arrived || (held.is_some() && held == leads_to))
}
