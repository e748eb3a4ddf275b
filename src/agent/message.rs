//! What may be said to the region, as it is kept until the region has it.

use serde::{Deserialize, Serialize};

use crate::journal::{self, MessageId, RunId};
use crate::region::{NodeEvent, Signal};
use crate::script::Status;

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Payload {
    /// About the node or a script.
    Signal(Signal),
    /// An event that the region cannot derive itself.
    Event(NodeEvent),
}

/// Messages of one lane keep their order and are never under way together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// The node's own status: nothing overtakes it and it overtakes nothing, since the region ends its state with it.
    Node,
    /// One script; all of those that are known by their names alone, which only an enlisting machine has.
    Script(Option<i64>, String),
    /// Events.
    Events,
}

impl Payload {
    pub(super) fn label(&self) -> String {
        match self {
            Payload::Signal(signal) => signal.label(),
            Payload::Event(event) => format!("event \"{}\"", event.description),
        }
    }

    pub(super) fn lane(&self) -> Lane {
        match self {
            Payload::Event(_) => Lane::Events,
            Payload::Signal(signal) => match &signal.script {
                None => Lane::Node,
                Some(script) if script.result_id.is_some() => Lane::Script(script.result_id, String::new()),
                Some(_) => Lane::Script(None, String::new()),
            },
        }
    }
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: MessageId,
    pub(super) payload: Payload,
    /// The status that the script result will have when the region has taken this.
    pub(super) leads_to: Option<Status>,
    /// It may have been sent before this program was started.
    pub(super) may_have_arrived: bool,
}

/// For the journal, which gives it its number.
pub(super) fn message(payload: &Payload, leads_to: Option<Status>, run_id: Option<RunId>) -> journal::Message {
    journal::Message {
        id: MessageId::default(),
        run_id,
        label: payload.label(),
        payload: serde_json::to_string(payload).unwrap_or_default(),
        leads_to,
        may_have_arrived: false,
    }
}

impl Entry {
    /// From the journal; one that cannot be understood stays there.
    pub(super) fn from_message(message: &journal::Message) -> Option<Self> {
        match serde_json::from_str(&message.payload) {
            Ok(payload) => Some(Entry {
                id: message.id,
                payload,
                leads_to: message.leads_to,
                may_have_arrived: message.may_have_arrived,
            }),
            Err(error) => {
                tracing::error!(id = %message.id, %error, "a message in the journal cannot be understood and stays there");
                None
            }
        }
    }
}
