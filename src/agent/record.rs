//! Everything that happens is on disk before anyone is told: status, event and message in one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::message::{Entry, Numbers, Payload, head, message};
use super::outbox::{MessageKind, Outbox};
use crate::event::{Event, EventType};
use crate::host::Load;
use crate::journal::{self, Actor, Journal, MessageId, ResultChange, RunEnd, RunEnding, RunId};
use crate::region::{NodeEvent, Signal};
use crate::runner::discard;
use crate::script::Status;

/// The journal and the outbox of a run, which only change together.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) journal: Arc<Journal>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) run_id: Option<RunId>,
    /// When it began, by the clock that nobody sets; `None` of one that began in another process.
    pub(super) began: Option<Instant>,
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
    ) -> Vec<MessageId> {
        let outgoing = self.sayable(outgoing);
        let messages = self.messages(&outgoing);
        let numbers = Numbers::default();
        let numbered = numbers.clone();
        let recorded = self.journal.keep("a change", move |store| {
            let ids = store.record(change.as_ref(), &events, &messages)?;
            numbered.set(&ids);
            Ok(ids)
        });
        self.outbox.append(outgoing, recorded.await, &numbers)
    }

    /// Records the end of the run with the last message to the region. The head of the record's chain goes before it, since the region may
    /// not listen any more afterwards.
    pub(super) async fn end(&self, end: RunEnd, outcome: String, signal: Option<Signal>) {
        let last = self.sayable(signal.map(|signal| (Payload::Signal(signal), None)).into_iter().collect());
        let Some(run_id) = self.run_id else {
            self.outbox.append(last, None, &Numbers::default());
            return;
        };
        let (messages, began) = (self.messages(&last), self.began);
        // A run that was refused says nothing to the region, and one without results has nothing to seal.
        let tells = self.tells_events() && !matches!(end, RunEnd::Refused | RunEnd::Nothing | RunEnd::Registered);
        let (numbers, late) = (Numbers::default(), Numbers::default());
        let (numbered, numbered_late) = (numbers.clone(), late.clone());
        let ended = self.journal.keep("the end of the run", move |store| {
            let ending = RunEnding { end, outcome: &outcome, took: began.map(|began| began.elapsed()) };
            let mut told = Vec::new();
            let ids = store.end_run(run_id, &ending, |found| {
                told.extend(tells.then(|| head(run_id, found)));
                told.iter().map(|head| message(head, None, Some(run_id))).chain(messages.iter().cloned()).collect()
            })?;
            numbered.set(&ids);
            numbered_late.set(&ids[told.len()..]);
            Ok((told, ids))
        });
        match ended.await {
            Some((told, ids)) => {
                let outgoing = told.into_iter().map(|head| (head, None)).chain(last).collect();
                self.outbox.append(outgoing, Some(ids), &numbers);
            }
            // While the journal cannot be written there is no head; it waits in the journal afterwards.
            None => drop(self.outbox.append(last, None, &late)),
        }
    }

    /// Keeps how loaded the machine was so far.
    pub(super) async fn keep_load(&self, load: Load) {
        if let Some(run_id) = self.run_id {
            self.journal.keep("the machine's load", move |store| store.keep_load(run_id, &load)).await;
        }
    }

    /// Records something that somebody is answerable for.
    pub(super) async fn audit(&self, kind: EventType, text: String, actor: &Actor) {
        let (event, actor) = (Event::new(kind, text), actor.clone());
        self.journal.keep("an audit event", move |store| store.append_event(&event, &actor)).await;
    }

    /// The same of something that must not be done before it is on disk; whether it is. If not, it is not recorded later either.
    pub(super) async fn audit_first(&self, kind: EventType, text: String, actor: &Actor) -> bool {
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
        let (number, reason) = (entry.number.clone(), refused.clone());
        let finish = move |store: &mut journal::Store| {
            number.get().map_or(Ok(()), |number| store.finish_message(number, reason.as_deref()))
        };
        self.journal.keep("a delivery", finish).await;
        if let (Some(reason), Payload::Signal(signal)) = (&refused, &entry.payload) {
            let text = format!("the region refused the {}: {reason}", signal.label());
            self.notice(EventType::SCRIPT_RESULT_ERROR, "shakedown/refused", text).await;
        }
        self.outbox.finish(entry.id, refused);
    }

    /// Results of this run that the region did not take, also those of an earlier process: label and reason.
    pub(super) async fn refused_results(&self) -> Vec<(String, String)> {
        let mut refused: Vec<(String, String)> = Vec::new();
        if let Some(run_id) = self.run_id {
            let read = self.journal.with("refused results", move |store| store.refused_results(run_id)).await;
            refused = read.unwrap_or_default();
        }
        for one in self.outbox.refused().into_iter().filter(|one| one.kind == MessageKind::Result) {
            if !refused.iter().any(|(label, _)| *label == one.label) {
                refused.push((one.label, one.reason));
            }
        }
        refused
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

    /// The region hears of what it cannot derive itself.
    fn tells_events(&self) -> bool {
        self.send && self.events && !self.results_only
    }

    fn may_be_told(&self, payload: &Payload) -> bool {
        self.send
            && match payload {
                Payload::Event(_) => self.tells_events(),
                Payload::Signal(signal) if self.results_only && !signal.is_result() => false,
                // Nobody needs to hear later that a script was about to start.
                Payload::Signal(signal) if self.is_unheard() && !signal.is_result() => false,
                Payload::Signal(_) if self.enlisting.is_some() => true,
                // Without a script result there is nothing on the region that the message could be about.
                Payload::Signal(signal) => signal.script.as_ref().is_none_or(|script| script.result_id.is_some()),
            }
    }
}
