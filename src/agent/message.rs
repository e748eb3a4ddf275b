//! What may be said to the region, as it is kept until the region has it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::journal::{self, Head, MessageId, RunId};
use crate::region::{NodeEvent, Signal};
use crate::script::{Status, is_parsed};

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
    /// Scripts whose output the region reads: what it derives from one needs what it derived from those before it. The boot interface
    /// that the kernel's command line names has to be known from the inventory (contract REGION, correction 8). They are told in the
    /// order in which they ended, which is that of the schedule: nothing waits for a script that still runs.
    Parsed,
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

    /// How long it is as an event among others, in characters.
    pub(super) fn length(&self) -> usize {
        match self {
            // With what stands between two.
            Payload::Event(event) => event.description.chars().count() + 2,
            Payload::Signal(_) => 0,
        }
    }

    pub(super) fn lane(&self) -> Lane {
        match self {
            Payload::Event(_) => Lane::Events,
            Payload::Signal(signal) => match &signal.script {
                None => Lane::Node,
                Some(script) if is_parsed(&script.name) => Lane::Parsed,
                Some(script) if script.result_id.is_some() => Lane::Script(script.result_id, String::new()),
                Some(_) => Lane::Script(None, String::new()),
            },
        }
    }
}

/// The journal's numbers of messages that are written together; while they wait for the journal, there are none.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers(Arc<OnceLock<Vec<MessageId>>>);

impl Numbers {
    /// The journal has the messages now.
    pub(super) fn set(&self, numbers: &[MessageId]) {
        let _ = self.0.set(numbers.to_vec());
    }
}

/// The journal's number of one message.
#[derive(Clone, Debug)]
pub(super) enum Number {
    /// It was written before.
    Known(MessageId),
    /// One of those that are written together.
    Of(Numbers, usize),
}

impl Number {
    /// The number, once there is one.
    pub(super) fn get(&self) -> Option<MessageId> {
        match self {
            Number::Known(number) => Some(*number),
            Number::Of(numbers, place) => numbers.0.get()?.get(*place).copied(),
        }
    }
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its place in the order of delivery: the journal's number, if that could be written at once.
    pub(super) id: MessageId,
    pub(super) number: Number,
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

/// The head of the record's chain at the end of a run, which the region keeps where nobody on this machine can change it.
pub(super) fn head(run_id: RunId, head: &Head) -> Payload {
    let text = format!("The record of run {run_id} has {} seals, the last is {}", head.seals, head.hash);
    Payload::Event(NodeEvent::new("shakedown/audit-head", text, false))
}

impl Entry {
    /// A file that it names and that no script has written: whoever wrote the journal wanted the region, or somebody who reads there, to get it.
    pub(super) fn elsewhere(&self) -> Option<&Path> {
        match &self.payload {
            Payload::Signal(signal) => signal.elsewhere(),
            Payload::Event(_) => None,
        }
    }

    /// From the journal; one that cannot be understood stays there.
    pub(super) fn from_message(message: &journal::Message) -> Option<Self> {
        match serde_json::from_str(&message.payload) {
            Ok(payload) => Some(Entry {
                id: message.id,
                number: Number::Known(message.id),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::{Content, FilePart, ScriptReference, SignalStatus};

    #[test]
    fn a_message_that_names_another_file_than_an_output_is_seen() {
        let is_forged = |path: &str, power: Option<&str>| {
            let file = FilePart { name: "x".into(), path: path.into(), size: None, content: Content::Output };
            let signal = Signal {
                files: vec![file],
                power_file: power.map(Into::into),
                ..Signal::node(SignalStatus::Working, "")
            };
            let entry =
                Entry::from_message(&message(&Payload::Signal(signal), None, None)).expect("what was written is read");
            entry.elsewhere().is_some()
        };
        assert!(!is_forged("/run/out/x.1", None) && !is_forged("/run/out/x.1", Some("/run/out/x.1.bmc")));
        for forged in ["/etc/shadow", "out", "/run/out/../secret", "/out/x/secret"] {
            assert!(is_forged(forged, None) && is_forged("/run/out/x.1", Some(forged)), "{forged}");
        }
    }

    #[test]
    fn what_the_region_parses_goes_one_after_another_and_all_else_by_itself() {
        let lane = |name: &str, id| {
            let script = ScriptReference { name: name.to_owned(), result_id: Some(id), version_id: None };
            Payload::Signal(Signal::script(SignalStatus::Working, script, "")).lane()
        };
        assert_eq!(lane("50-maas-01-commissioning", 1), lane("maas-kernel-cmdline", 2));
        assert_ne!(lane("50-maas-01-commissioning", 1), lane("fan-check", 3));
        assert_ne!(lane("fan-check", 3), lane("fan-check", 4));
    }
}
