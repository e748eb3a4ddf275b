//! Everything that happens is on disk before anyone is told: status, event and message in one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::message::{Entry, Payload, message};
use super::outbox::Outbox;
use crate::event::{Event, EventType};
use crate::journal::{self, Actor, Journal, ResultChange};
use crate::region::{NodeEvent, Signal};
use crate::runner::discard;
use crate::script::Status;

/// The journal and the outbox of a run, which only change together.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) journal: Arc<Journal>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) run_id: Option<i64>,
    /// The region may be told.
    pub(super) send: bool,
    /// The region can be told events, since it is known what it calls this node.
    pub(super) events: bool,
    /// The region is told nothing but how scripts ended: it has no use for the rest.
    pub(super) results_only: bool,
    /// Of a run that was begun as a machine that the region did not know: whether there is still nobody to tell. Scripts go by their
    /// names.
    pub(super) enlisting: Option<Arc<AtomicBool>>,
}

/// A message and what it leads to.
pub(super) type Outgoing = (Payload, Option<Status>);

impl Record {
    /// Records a change, its events, and what the region is to hear of it; the numbers of those messages that it may hear.
    pub(super) async fn change(
        &self,
        change: Option<ResultChange>,
        events: Vec<Event>,
        outgoing: Vec<Outgoing>,
    ) -> Vec<i64> {
        let outgoing = self.sayable(outgoing);
        let messages = self.messages(&outgoing);
        let recorded = self.journal.with("a change", move |store| store.record(change.as_ref(), &events, &messages));
        self.outbox.append(outgoing, recorded.await)
    }

    /// Records the end of the run with the last message to the region.
    pub(super) async fn end(&self, outcome: String, signal: Option<Signal>) {
        self.tell_head().await;
        let outgoing = self.sayable(signal.map(|signal| (Payload::Signal(signal), None)).into_iter().collect());
        let ids = match self.run_id {
            Some(run_id) => {
                let messages = self.messages(&outgoing);
                let end = self
                    .journal
                    .with("the end of the run", move |store| store.end_run(run_id, &outcome, messages.first()));
                end.await
            }
            None => None,
        };
        self.outbox.append(outgoing, ids);
    }

    /// Seals what is on record and gives the head of the chain to the region: who rewrites the record on this machine cannot rewrite it
    /// there. Before the last message, after which the region may not listen any more.
    async fn tell_head(&self) {
        let Some(run_id) = self.run_id else { return };
        let Some(head) = self.journal.with("the seal of the run", move |store| store.seal_all(run_id)).await else {
            return;
        };
        let text = format!("The record of run {run_id} has {} seals, the last is {}", head.seals, head.hash);
        let told = Payload::Event(NodeEvent::new("shakedown/audit-head", text, false));
        self.change(None, Vec::new(), vec![(told, None)]).await;
    }

    /// Records something that somebody is answerable for; whether it is on disk.
    pub(super) async fn audit(&self, kind: EventType, text: String, actor: &Actor) -> bool {
        let actor = actor.clone();
        let append = move |store: &mut journal::Store| store.append_event(&Event::new(kind, text), &actor);
        self.journal.with("an audit event", append).await.is_some()
    }

    /// An event about the node that the region cannot derive itself: kept here, and told there.
    pub(super) async fn notice(&self, kind: EventType, name: &str, text: String) {
        let told = Payload::Event(NodeEvent::new(name, text.clone(), false));
        self.change(None, vec![Event::new(kind, text)], vec![(told, None)]).await;
    }

    /// A message was taken, or refused for good. A refusal is an event: the operator has to know.
    pub(super) async fn finish(&self, entry: &Entry, refused: Option<String>) {
        if let Payload::Signal(Signal { power_file: Some(path), .. }) = &entry.payload {
            // It holds a password, and nobody needs it any more. Before the record: after a crash it counts as delivered.
            discard(path);
        }
        let (id, reason) = (entry.id, refused.clone());
        self.journal.with("a delivery", move |store| store.finish_message(id, reason.as_deref())).await;
        if let (Some(reason), Payload::Signal(signal)) = (&refused, &entry.payload) {
            let text = format!("the region refused the {}: {reason}", signal.label());
            self.notice(EventType::SCRIPT_RESULT_ERROR, "shakedown/refused", text).await;
        }
        self.outbox.finish(entry.id, refused);
    }

    /// The region knows this machine now.
    pub(super) fn is_heard(&self) {
        if let Some(unheard) = &self.enlisting {
            unheard.store(false, Ordering::Relaxed);
        }
    }

    /// Whether the region does not know this machine yet.
    pub(super) fn is_unheard(&self) -> bool {
        self.enlisting.as_ref().is_some_and(|unheard| unheard.load(Ordering::Relaxed))
    }

    fn sayable(&self, outgoing: Vec<Outgoing>) -> Vec<Outgoing> {
        outgoing.into_iter().filter(|(payload, _)| self.may_be_told(payload)).collect()
    }

    fn messages(&self, outgoing: &[Outgoing]) -> Vec<journal::Message> {
        outgoing.iter().map(|(payload, leads_to)| message(payload, *leads_to, self.run_id)).collect()
    }

    fn may_be_told(&self, payload: &Payload) -> bool {
        self.send
            && match payload {
                Payload::Event(_) => self.events && !self.results_only,
                Payload::Signal(signal) if self.results_only && !signal.is_result() => false,
                // Nobody needs to hear later that a script was about to start.
                Payload::Signal(signal) if self.is_unheard() && !signal.is_result() => false,
                Payload::Signal(_) if self.enlisting.is_some() => true,
                // Without a script result there is nothing on the region that the message could be about.
                Payload::Signal(signal) => signal.script.as_ref().is_none_or(|script| script.result_id.is_some()),
            }
    }
}
