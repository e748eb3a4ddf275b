//! The event that a status transition is, with the region's text, type and level.

use std::fmt;

use super::{ScriptType, Status};
use crate::event::{Event, EventType};

/// What an event is about: a script, and the devices it was chosen for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Script name.
    pub script: String,
    /// Name of the disk.
    pub disk: Option<String>,
    /// Name of the interface.
    pub interface: Option<String>,
}

impl fmt::Display for Subject {
    /// `SCRIPT`, `SCRIPT on DISK`, `SCRIPT on DISK and INTERFACE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.script)?;
        match (&self.disk, &self.interface) {
            (Some(disk), Some(interface)) => write!(f, " on {disk} and {interface}"),
            (Some(device), None) | (None, Some(device)) => write!(f, " on {device}"),
            (None, None) => Ok(()),
        }
    }
}

/// The event that the region derives from a transition (contract REGION, "Events that the region derives").
#[must_use]
pub fn transition_event(subject: &Subject, kind: ScriptType, old: Status, new: Status) -> Event {
    if kind == ScriptType::Testing && old == Status::Pending && new.is_running() {
        Event::new(EventType::RUNNING_TEST, subject.to_string())
    } else if new.is_failure() {
        let text = format!("{subject} {}", new.name().to_lowercase());
        Event::new(EventType::SCRIPT_DID_NOT_COMPLETE, text)
    } else {
        let text = format!("{subject} changed status from '{old}' to '{new}'");
        Event::new(EventType::SCRIPT_RESULT_CHANGED_STATUS, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_regions() {
        let plain = Subject { script: "40-maas-01-machine-resources".into(), ..Subject::default() };
        let event = transition_event(&plain, ScriptType::Commissioning, Status::Pending, Status::Passed);
        assert_eq!(event.description, "40-maas-01-machine-resources changed status from 'Pending' to 'Passed'");
        assert_eq!(event.kind, EventType::SCRIPT_RESULT_CHANGED_STATUS);

        let both = Subject { script: "x".into(), disk: Some("sda".into()), interface: Some("eth0".into()) };
        let event = transition_event(&both, ScriptType::Testing, Status::Pending, Status::Installing);
        assert_eq!((event.kind, event.description.as_str()), (EventType::RUNNING_TEST, "x on sda and eth0"));

        let nic = Subject { script: "x".into(), disk: None, interface: Some("eth0".into()) };
        let event = transition_event(&nic, ScriptType::Testing, Status::Installing, Status::FailedInstalling);
        assert_eq!(event.description, "x on eth0 failed installing dependencies");
        assert_eq!(event.kind, EventType::SCRIPT_DID_NOT_COMPLETE);
    }
}
