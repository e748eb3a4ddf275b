//! Bringing a deployed machine's messages from the journal to the region, one after another. What is not taken stays there.

use tokio_util::sync::CancellationToken;

use super::super::message::{Entry, Payload};
use crate::journal::{Journal, Store};
use crate::region::{DeployedClient, DeployedSignal, Disposition, Error, NodeEvent, RetryOptions, Signal, persist};

/// Events go together up to so many characters: a region cuts longer texts.
const LONGEST: usize = 1800;

/// What became of the messages.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Messages that the region has not taken; they are kept.
    pub left: usize,
    /// Why it did not.
    pub trouble: Option<Error>,
}

/// Delivers what the journal holds for the region, until `deadline` strikes.
pub async fn deliver(
    client: &DeployedClient,
    journal: &Journal,
    retry: &RetryOptions,
    deadline: &CancellationToken,
) -> Delivery {
    let region = client.identity();
    let waiting = journal.with("the unsent messages", move |store| store.waiting_messages(&region)).await;
    let entries: Vec<Entry> = waiting.unwrap_or_default().iter().filter_map(Entry::from_message).collect();
    let mut delivery = Delivery::default();
    for group in groups(entries) {
        // One that the region may or may not have got is sent again: none is begun that cannot be ended.
        if deadline.is_cancelled() {
            delivery.left += group.len();
            continue;
        }
        match send(client, &group, retry, deadline).await {
            Ok(()) => {
                let ids: Vec<_> = group.iter().map(|entry| entry.id).collect();
                let finish = move |store: &mut Store| ids.iter().try_for_each(|id| store.finish_message(*id, None));
                journal.with("a delivery", finish).await;
            }
            Err(error) => {
                tracing::warn!(message = group[0].payload.label(), %error, "kept for the next time");
                delivery.left += group.len();
                delivery.trouble.get_or_insert(error);
            }
        }
    }
    delivery
}

/// What goes in one request: a signal, or events that stand together.
fn groups(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let length = |entry: &Entry| match &entry.payload {
        Payload::Event(event) => event.description.chars().count() + 2,
        Payload::Signal(_) => LONGEST,
    };
    let mut groups: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        match groups.last_mut() {
            Some(group) if group.iter().map(length).sum::<usize>() + length(&entry) <= LONGEST => group.push(entry),
            _ => groups.push(vec![entry]),
        }
    }
    groups
}

async fn send(
    client: &DeployedClient,
    group: &[Entry],
    retry: &RetryOptions,
    deadline: &CancellationToken,
) -> Result<(), Error> {
    if let Payload::Signal(signal) = &group[0].payload {
        return send_signal(client, signal, retry, deadline).await;
    }
    let events: Vec<NodeEvent> = group
        .iter()
        .filter_map(|entry| match &entry.payload {
            Payload::Event(event) => Some(event.clone()),
            Payload::Signal(_) => None,
        })
        .collect();
    match NodeEvent::joined(&events) {
        Some(event) => persist(retry, deadline, "an event", || client.node_event(&event)).await,
        None => Ok(()),
    }
}

async fn send_signal(
    client: &DeployedClient,
    signal: &Signal,
    retry: &RetryOptions,
    deadline: &CancellationToken,
) -> Result<(), Error> {
    let label = signal.label();
    let signal = DeployedSignal::try_from(signal.clone())
        .map_err(|status| Error::Setup(format!("a deployed machine does not say {}", status.word())))?;
    loop {
        match persist(retry, deadline, &label, || client.signal(&signal)).await {
            Err(error) if error.disposition() == Disposition::Shrink => {
                tracing::warn!(message = label, "too large for the region: will be shortened");
            }
            Err(error) if error.disposition() == Disposition::AlreadyFinal => return Ok(()),
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::SignalStatus;

    #[test]
    fn events_that_stand_together_go_together_as_far_as_there_is_room() {
        let event = |length| Payload::Event(NodeEvent::new("a/b", "x".repeat(length), false));
        let signal = Payload::Signal(Signal::node(SignalStatus::Working, ""));
        let payloads = [event(1000), event(700), event(700), signal.clone(), signal, event(1), event(1)];
        let entry = |(id, payload)| Entry { id, payload, leads_to: None, may_have_arrived: true };
        let groups = groups((0_i64..).map(Into::into).zip(payloads).map(entry).collect());
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1, 2]);
    }
}
