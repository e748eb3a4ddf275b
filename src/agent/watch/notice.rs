//! What is noticed beside the changes of the hardware: in the event log, and for the region with its next synchronisation.

use super::super::message::{Payload, message};
use super::super::sync::{self, EVENT_NAME, Sync};
use crate::event::{Event, EventType};
use crate::journal::Store;
use crate::region::NodeEvent;
use crate::telemetry;

/// What people read of a run that only said what was noticed.
const TOLD: &str = "Told what was noticed of the hardware";

/// Something worth an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noticed {
    /// What the device does, in one word.
    pub(super) action: &'static str,
    /// The type of the audit event.
    pub(super) kind: EventType,
    /// What is told.
    pub(super) text: String,
    /// Operators have to see it: it is an error in the region's log and in this machine's.
    pub(super) is_failure: bool,
}

/// Puts on record what is known now, as a fact, together with what there is to tell of it: neither is ever there without the other.
pub(super) async fn note(
    sync: &Sync,
    fact: &'static str,
    text: String,
    noticed: Vec<Noticed>,
) -> Result<(), sync::Error> {
    for one in &noticed {
        tracing::info!(
            target: telemetry::NEWS,
            message_id = telemetry::id::NOTICED,
            syslog_priority = if one.is_failure { telemetry::priority::ERR } else { telemetry::priority::NOTICE },
            action = one.action,
            "{}",
            one.text
        );
    }
    let run = sync.new_run();
    // An event is posted to the address of the node, which is not known without its name.
    let system_id = sync.client.system_id().map(str::to_owned);
    let to_region = noticed.iter().filter(|_| system_id.is_some());
    let to_region = to_region.map(|one| NodeEvent::new(EVENT_NAME, one.text.clone(), one.is_failure));
    let messages: Vec<_> = to_region.map(|event| message(&Payload::Event(event), None, None)).collect();
    let events: Vec<Event> = noticed.into_iter().flat_map(events).collect();
    let record = move |store: &mut Store| {
        if messages.is_empty() && events.is_empty() {
            return store.keep_fact(fact, &text);
        }
        store.set_system_id(system_id);
        store.record_noticed((fact, &text), &events, (&run, TOLD), messages)
    };
    sync.journal.with(fact, record).await.ok_or(sync::Error::NoJournal)
}

/// For the audit log, and what operators have to see as the error that the region makes of it.
fn events(noticed: Noticed) -> impl Iterator<Item = Event> {
    let error = Event::new(EventType::NODE_POST_INSTALL_EVENT_FAILED, noticed.text.clone());
    let audit = Event { action: noticed.action.to_owned(), ..Event::new(noticed.kind, noticed.text) };
    std::iter::once(audit).chain(noticed.is_failure.then_some(error))
}
