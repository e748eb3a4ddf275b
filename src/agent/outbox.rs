//! Messages to the region that it has not acknowledged. In order for each script; one that is refused blocks no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::region::Signal;
use crate::script::Status;

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) signal: Signal,
    /// The status that the script result will have when the region has taken this.
    pub(super) leads_to: Option<Status>,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    next_id: u64,
    waiting: BTreeMap<u64, Entry>,
    /// Entries that somebody is delivering.
    claimed: BTreeSet<u64>,
    refused: Vec<(String, String)>,
}

impl Outbox {
    /// Adds a message.
    pub(super) fn append(&self, signal: Signal, leads_to: Option<Status>) {
        let mut inner = self.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        inner.waiting.insert(id, Entry { id, signal, leads_to });
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Takes the first message whose lane is free, waiting for one; `None` once `cancel` strikes.
    pub(super) async fn claim(&self, cancel: &CancellationToken) -> Option<Entry> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if cancel.is_cancelled() {
                return None;
            }
            if let Some(entry) = self.lock().claim() {
                return Some(entry);
            }
            tokio::select! {
                () = changed => {}
                () = cancel.cancelled() => return None,
            }
        }
    }

    /// The region has it.
    pub(super) fn acknowledge(&self, id: u64) {
        self.finish(id, None);
    }

    /// The region will never take it.
    pub(super) fn refuse(&self, id: u64, reason: String) {
        self.finish(id, Some(reason));
    }

    /// It goes back into the queue: delivery was given up, not refused.
    pub(super) fn release(&self, id: u64) {
        self.lock().claimed.remove(&id);
        self.changed.notify_waiters();
    }

    fn finish(&self, id: u64, refused: Option<String>) {
        let mut inner = self.lock();
        inner.claimed.remove(&id);
        if let Some(entry) = inner.waiting.remove(&id)
            && let Some(reason) = refused
        {
            inner.refused.push((entry.signal.label(), reason));
        }
        drop(inner);
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
        self.lock().waiting.len()
    }

    /// Messages that the region will not take, with its reason.
    pub(super) fn refused(&self) -> Vec<(String, String)> {
        self.lock().refused.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn claim(&mut self) -> Option<Entry> {
        let mut busy = BTreeSet::new();
        let entry = self
            .waiting
            .values()
            .find(|entry| busy.insert(lane(&entry.signal)) && !self.claimed.contains(&entry.id))?;
        let entry = entry.clone();
        self.claimed.insert(entry.id);
        Some(entry)
    }
}

/// Messages of one lane keep their order; those about the node share one.
fn lane(signal: &Signal) -> (Option<i64>, Option<String>) {
    match &signal.script {
        None => (None, None),
        Some(script) => (script.result_id, script.result_id.is_none().then(|| script.name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::{ScriptReference, SignalStatus};

    fn about(id: i64) -> Signal {
        let script = ScriptReference { name: format!("s{id}"), result_id: Some(id), version_id: None };
        Signal::script(SignalStatus::Working, script, "")
    }

    #[tokio::test]
    async fn one_script_keeps_its_order_and_holds_up_no_other() {
        let outbox = Outbox::default();
        let cancel = CancellationToken::new();
        for id in [1, 1, 2] {
            outbox.append(about(id), None);
        }
        let first = outbox.claim(&cancel).await.expect("the first of script 1");
        let other = outbox.claim(&cancel).await.expect("the one of script 2");
        assert_eq!((first.id, other.id), (0, 2));
        assert!(outbox.lock().claim().is_none(), "the second of script 1 has to wait");
        outbox.refuse(first.id, "no".into());
        let second = outbox.claim(&cancel).await.expect("a refusal blocks nothing");
        assert_eq!(second.id, 1);
        outbox.acknowledge(second.id);
        outbox.acknowledge(other.id);
        outbox.idle(&cancel).await;
        assert_eq!(outbox.refused(), [("WORKING for s1".to_owned(), "no".to_owned())]);
    }

    #[tokio::test]
    async fn what_is_released_is_claimed_again() {
        let outbox = Outbox::default();
        let cancel = CancellationToken::new();
        outbox.append(about(1), None);
        let entry = outbox.claim(&cancel).await.expect("one");
        outbox.release(entry.id);
        assert_eq!(outbox.undelivered(), 1);
        assert_eq!(outbox.claim(&cancel).await.map(|entry| entry.id), Some(entry.id));
        cancel.cancel();
        assert!(outbox.claim(&cancel).await.is_none());
    }
}
