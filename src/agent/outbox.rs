//! Messages to the region that it has not acknowledged. In order for each script; one that is refused blocks no other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::message::{Entry, Lane, Number, Numbers, Payload};
use crate::journal::MessageId;
use crate::region::Error;
use crate::script::Status;

/// Events go together up to so many characters: a region cuts longer texts.
const LONGEST_EVENT: usize = 1800;

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    last_id: MessageId,
    waiting: BTreeMap<MessageId, Entry>,
    /// Entries that somebody is delivering.
    claimed: BTreeSet<MessageId>,
    /// Events wait for more of their kind.
    events_rest: bool,
    refused: BTreeMap<MessageId, Refused>,
    /// Not taken now: nobody waits for them, and a later start offers them again.
    postponed: BTreeSet<MessageId>,
    /// The last reason why something was not taken.
    trouble: Option<Error>,
}

/// A message that the region will not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is about, for people.
    pub label: String,
    /// The region's reason.
    pub reason: String,
    /// The kind of message.
    pub kind: MessageKind,
}

/// Kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A script's result, which the region needs.
    Result,
    /// Another signal: the state of the node, or of a script.
    Signal,
    /// An event.
    Event,
}

impl MessageKind {
    fn of(payload: &Payload) -> Self {
        match payload {
            Payload::Signal(signal) if signal.is_result() => MessageKind::Result,
            Payload::Signal(_) => MessageKind::Signal,
            Payload::Event(_) => MessageKind::Event,
        }
    }
}

impl Outbox {
    /// Begins with what an earlier run could not deliver.
    pub(super) fn restore(&self, entries: Vec<Entry>) {
        self.lock().add(entries);
        self.changed.notify_waiters();
    }

    /// Adds messages with the numbers that the journal gave them; without a journal, or while they wait for it, they are numbered here.
    /// The journal's numbers that come later are not smaller than these, so that the order stays.
    pub(super) fn append(
        &self,
        outgoing: Vec<(Payload, Option<Status>)>,
        ids: Option<Vec<MessageId>>,
        kept: &Numbers,
    ) -> Vec<MessageId> {
        let mut inner = self.lock();
        let numbers = std::iter::successors(Some(inner.last_id.next()), |id| Some(id.next()));
        let ids =
            ids.filter(|ids| ids.len() == outgoing.len()).unwrap_or_else(|| numbers.take(outgoing.len()).collect());
        let entry = |(place, (id, (payload, leads_to))): (usize, (MessageId, _))| {
            let number = Number::Of(kept.clone(), place);
            Entry { id, number, payload, leads_to, may_have_arrived: false }
        };
        inner.add(ids.iter().copied().zip(outgoing).enumerate().map(entry).collect());
        drop(inner);
        self.changed.notify_waiters();
        ids
    }

    /// Takes the first message whose lane is free, and with an event all events that wait behind it; waits for one. `None`
    /// once `cancel` strikes.
    pub(super) async fn claim(&self, cancel: &CancellationToken) -> Option<Vec<Entry>> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if cancel.is_cancelled() {
                return None;
            }
            if let Some(entries) = self.lock().claim() {
                return Some(entries);
            }
            tokio::select! {
                () = changed => {}
                () = cancel.cancelled() => return None,
            }
        }
    }

    /// The region has it, or will never take it for a reason.
    pub(super) fn finish(&self, id: MessageId, refused: Option<String>) {
        let mut inner = self.lock();
        inner.claimed.remove(&id);
        if let Some(entry) = inner.waiting.remove(&id)
            && let Some(reason) = refused
        {
            let kind = MessageKind::of(&entry.payload);
            inner.refused.insert(id, Refused { label: entry.payload.label(), reason, kind });
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// It goes back into the queue: delivery was given up, not refused.
    pub(super) fn release(&self, id: MessageId) {
        self.lock().claimed.remove(&id);
        self.changed.notify_waiters();
    }

    /// Leaves a message to a later start: nothing in this process sends it again.
    pub(super) fn postpone(&self, id: MessageId) {
        let mut inner = self.lock();
        inner.claimed.remove(&id);
        if inner.waiting.remove(&id).is_some() {
            inner.postponed.insert(id);
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Keeps why something was not taken.
    pub(super) fn meet_trouble(&self, error: Error) {
        self.lock().trouble = Some(error);
    }

    /// Why something was not taken, if anything.
    pub(super) fn take_trouble(&self) -> Option<Error> {
        self.lock().trouble.take()
    }

    /// Lets events wait, so that a burst of them becomes a few requests, or go again. Nothing else waits for them meanwhile.
    pub(super) fn rest_events(&self, rest: bool) {
        self.lock().events_rest = rest;
        self.changed.notify_waiters();
    }

    /// Waits until everything is acknowledged or refused, or `cancel` strikes.
    pub(super) async fn idle(&self, cancel: &CancellationToken) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if cancel.is_cancelled() || self.lock().waiting.is_empty() {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = cancel.cancelled() => return,
            }
        }
    }

    /// How many messages are neither acknowledged nor refused.
    pub(super) fn undelivered(&self) -> usize {
        let inner = self.lock();
        inner.waiting.len() + inner.postponed.len()
    }

    /// Messages that the region will not take, with its reason.
    pub(super) fn refused(&self) -> Vec<Refused> {
        self.lock().refused.values().cloned().collect()
    }

    /// Whether a message that waits is made of a file.
    pub(super) fn needs(&self, path: &Path) -> bool {
        self.lock().waiting.values().any(|entry| match &entry.payload {
            Payload::Signal(signal) => signal.power_file.as_deref() == Some(path),
            Payload::Event(_) => false,
        })
    }

    /// Why a message was refused, if it was.
    pub(super) fn refusal(&self, id: MessageId) -> Option<String> {
        self.lock().refused.get(&id).map(|refused| refused.reason.clone())
    }

    /// Waits until a message is acknowledged or refused.
    pub(super) async fn answered(&self, id: MessageId) -> Result<(), String> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.lock().waiting.contains_key(&id) {
                return self.refusal(id).map_or(Ok(()), Err);
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.last_id = self.last_id.max(entry.id);
            self.waiting.insert(entry.id, entry);
        }
    }

    fn claim(&mut self) -> Option<Vec<Entry>> {
        let mut busy = BTreeSet::new();
        let mut found = None;
        // The end of a run is not held up for the sake of fewer requests.
        let is_waited_for = self.waiting.values().any(|entry| entry.payload.lane() == Lane::Node);
        for (place, entry) in self.waiting.values().enumerate() {
            let lane = entry.payload.lane();
            let is_barrier = lane == Lane::Node;
            let rests = self.events_rest && !is_waited_for && lane == Lane::Events;
            let is_free = busy.insert(lane) && !rests && !self.claimed.contains(&entry.id);
            if is_free && (!is_barrier || place == 0) {
                found = Some(entry.id);
                break;
            }
            if is_barrier {
                break;
            }
        }
        let first = self.waiting.get(&found?)?.clone();
        let mut entries = vec![first];
        if matches!(entries[0].payload, Payload::Event(_)) {
            let behind = self.waiting.range(entries[0].id.next()..).map(|(_, entry)| entry);
            let events = behind
                .take_while(|entry| entry.payload.lane() != Lane::Node)
                .filter(|entry| matches!(entry.payload, Payload::Event(_)));
            let mut length = entries[0].payload.length();
            let fits = |entry: &&Entry| {
                length += entry.payload.length();
                length <= LONGEST_EVENT
            };
            let more: Vec<Entry> = events.take_while(fits).cloned().collect();
            entries.extend(more);
        }
        self.claimed.extend(entries.iter().map(|entry| entry.id));
        Some(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::{NodeEvent, ScriptReference, Signal, SignalStatus};

    fn about(id: i64) -> Payload {
        let script = ScriptReference { name: format!("s{id}"), result_id: Some(id), version_id: None };
        Payload::Signal(Signal::script(SignalStatus::Working, script, ""))
    }

    fn node() -> Payload {
        Payload::Signal(Signal::node(SignalStatus::Ok, ""))
    }

    fn event(text: &str) -> Payload {
        Payload::Event(NodeEvent::new("shakedown/test", text, false))
    }

    fn outbox(payloads: Vec<Payload>) -> Outbox {
        let outbox = Outbox::default();
        outbox.append(payloads.into_iter().map(|payload| (payload, None)).collect(), None, &Numbers::default());
        outbox
    }

    fn claim(outbox: &Outbox) -> Vec<i64> {
        outbox.lock().claim().unwrap_or_default().iter().map(|entry| entry.id.number()).collect()
    }

    #[tokio::test]
    async fn one_script_keeps_its_order_and_holds_up_no_other() {
        let outbox = outbox(vec![about(1), about(1), about(2)]);
        assert_eq!((claim(&outbox), claim(&outbox), claim(&outbox)), (vec![1], vec![3], vec![]));
        outbox.finish(1.into(), Some("no".into()));
        assert_eq!(claim(&outbox), [2], "a refusal blocks nothing");
        outbox.finish(2.into(), None);
        outbox.finish(3.into(), None);
        outbox.idle(&CancellationToken::new()).await;
        let refused = Refused { label: "WORKING for s1".into(), reason: "no".into(), kind: MessageKind::Signal };
        assert_eq!(outbox.refused(), [refused]);
    }

    #[test]
    fn a_message_about_the_node_overtakes_nothing_and_is_not_overtaken() {
        let outbox = outbox(vec![about(1), node(), about(2)]);
        assert_eq!((claim(&outbox), claim(&outbox)), (vec![1], vec![]));
        outbox.finish(1.into(), None);
        assert_eq!((claim(&outbox), claim(&outbox)), (vec![2], vec![]));
        outbox.finish(2.into(), None);
        assert_eq!(claim(&outbox), [3]);
    }

    #[test]
    fn events_go_together_but_not_past_the_node() {
        let outbox = outbox(vec![event("a"), about(1), event("b"), node(), event("c")]);
        assert_eq!((claim(&outbox), claim(&outbox), claim(&outbox)), (vec![1, 3], vec![2], vec![]));
    }

    #[test]
    fn events_go_together_as_far_as_a_region_does_not_cut_them() {
        let outbox = outbox(vec![event(&"a".repeat(1000)), event(&"b".repeat(700)), event(&"c".repeat(200))]);
        assert_eq!((claim(&outbox), claim(&outbox)), (vec![1, 2], vec![]));
        outbox.finish(1.into(), None);
        outbox.finish(2.into(), None);
        assert_eq!(claim(&outbox), [3]);
    }

    #[tokio::test]
    async fn what_is_postponed_is_waited_for_by_nobody_and_not_lost() {
        let outbox = outbox(vec![about(1), about(1)]);
        assert_eq!(claim(&outbox), [1]);
        outbox.postpone(1.into());
        assert_eq!(claim(&outbox), [2]);
        outbox.finish(2.into(), None);
        outbox.idle(&CancellationToken::new()).await;
        assert_eq!(outbox.undelivered(), 1);
    }

    #[test]
    fn events_that_rest_hold_up_no_script() {
        let outbox = outbox(vec![event("a"), about(1)]);
        outbox.rest_events(true);
        assert_eq!((claim(&outbox), claim(&outbox)), (vec![2], vec![]));
        outbox.rest_events(false);
        assert_eq!(claim(&outbox), [1]);
    }

    #[tokio::test]
    async fn events_do_not_rest_while_the_end_of_the_run_waits_behind_them() {
        let outbox = outbox(vec![event("one"), node()]);
        outbox.rest_events(true);
        assert_eq!((claim(&outbox), claim(&outbox)), (vec![1], vec![]));
    }

    #[tokio::test]
    async fn what_is_released_is_claimed_again() {
        let outbox = outbox(vec![about(1)]);
        assert_eq!(claim(&outbox), [1]);
        outbox.release(1.into());
        assert_eq!(outbox.undelivered(), 1);
        assert_eq!(claim(&outbox), [1]);
        let cancel = CancellationToken::new();
        cancel.cancel();
        assert!(outbox.claim(&cancel).await.is_none());
    }
}
