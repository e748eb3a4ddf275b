//! Events in the region's own terms: what may be said about a node, its scripts and its hardware.
//!
//! Names, levels and texts are those of the region (contract SCRIPTS, "Event types for scripts and hardware sync").

mod place;
mod query;

use std::fmt;

pub use place::{Place, PlaceFilter};
pub use query::{EventQuery, EventRecord, QueryError};

/// Severity of an event type. The numbers are the region's (`maasserver_eventtype.level`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What a person or a region did; answered only to a query for exactly this level.
    Audit = 0,
    /// In the full log only.
    Debug = 10,
    /// What an operator reads in passing.
    Info = 20,
    /// Something to look at.
    Warning = 30,
    /// Something to act on.
    Error = 40,
    /// Something to act on now.
    Critical = 50,
}

impl Level {
    /// Every level, in ascending order.
    pub const ALL: [Level; 6] =
        [Level::Audit, Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical];

    /// The word that the region's API uses, for example `AUDIT`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Audit => "AUDIT",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        }
    }

    /// The level with that API word; the case must match, as it must for the region.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A row of the region's table of event types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventType {
    /// Unique name, for example `SCRIPT_RESULT_CHANGED_STATUS`.
    pub name: &'static str,
    /// Severity of all events of this type.
    pub level: Level,
    /// Text for people, for example `Script result`.
    pub description: &'static str,
}

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $level:ident, $description:literal;)*) => {
        impl EventType {
            $($(#[$doc])* pub const $name: EventType = EventType {
                name: stringify!($name),
                level: Level::$level,
                description: $description,
            };)*

            /// Every event type that this program or the sandbox region can make.
            pub const ALL: &'static [EventType] = &[$(EventType::$name),*];
        }
    };
}

impl EventType {
    /// The types of a change of the hardware.
    pub const HARDWARE: [EventType; 7] = [
        EventType::NODE_HARDWARE_SYNC_MEMORY,
        EventType::NODE_HARDWARE_SYNC_INTERFACE,
        EventType::NODE_HARDWARE_SYNC_BLOCK_DEVICE,
        EventType::NODE_HARDWARE_SYNC_PCI_DEVICE,
        EventType::NODE_HARDWARE_SYNC_CPU,
        EventType::NODE_HARDWARE_SYNC_USB_DEVICE,
        EventType::NODE_HARDWARE_SYNC_BMC,
    ];
}

event_types! {
    /// Credentials: registered, rotated, refused.
    AUTHORISATION = Audit, "Authorisation";
    /// Something that steers what is run: scripts, configuration.
    SETTINGS = Audit, "Settings";
    /// Something done to the node.
    NODE = Audit, "Node";
    /// Memory was added or removed.
    NODE_HARDWARE_SYNC_MEMORY = Audit, "Node Memory hardware sync state change";
    /// A network interface was added, removed or changed.
    NODE_HARDWARE_SYNC_INTERFACE = Audit, "Node Interface hardware sync state change";
    /// A disk was added, removed or changed.
    NODE_HARDWARE_SYNC_BLOCK_DEVICE = Audit, "Node Block Device hardware sync state change";
    /// A PCI device was added, removed or changed.
    NODE_HARDWARE_SYNC_PCI_DEVICE = Audit, "Node PCI Device hardware sync state change";
    /// A processor was added, removed or changed.
    NODE_HARDWARE_SYNC_CPU = Audit, "Node CPU hardware sync state change";
    /// A USB device was added, removed or changed (the misspelling is the region's).
    NODE_HARDWARE_SYNC_USB_DEVICE = Audit, "Node USB Device hardware sync state chage";
    /// The baseboard management controller was added, removed or changed: defined by the region, and never made there.
    NODE_HARDWARE_SYNC_BMC = Audit, "Node BMC hardware sync state change";
    /// A testing script left Pending for a running state.
    RUNNING_TEST = Info, "Running test";
    /// A script ended badly.
    SCRIPT_DID_NOT_COMPLETE = Info, "Script";
    /// Any other transition of a script result.
    SCRIPT_RESULT_CHANGED_STATUS = Debug, "Script result";
    /// A result that the region could not make sense of.
    SCRIPT_RESULT_ERROR = Error, "Script result lookup or storage error";
    /// The node's own status changed.
    NODE_CHANGED_STATUS = Debug, "Node changed status";
    /// A node event posted while commissioning.
    NODE_COMMISSIONING_EVENT = Debug, "Node commissioning";
    /// A failure posted while commissioning.
    NODE_COMMISSIONING_EVENT_FAILED = Error, "Node commissioning failure";
    /// A node event posted while deploying.
    NODE_INSTALL_EVENT = Debug, "Node installation";
    /// A failure posted while deploying.
    NODE_INSTALL_EVENT_FAILED = Error, "Node installation failure";
    /// A failure posted by a deployed node.
    NODE_POST_INSTALL_EVENT_FAILED = Error, "Node post-installation failure";
    /// A node event posted while entering rescue mode.
    NODE_ENTERING_RESCUE_MODE_EVENT = Debug, "Node entering rescue mode";
    /// A failure posted while entering rescue mode.
    NODE_ENTERING_RESCUE_MODE_EVENT_FAILED = Error, "Node entering rescue mode failure";
    /// A node event posted in any other status.
    NODE_STATUS_EVENT = Debug, "Node status event";
    /// The region gave a node up.
    REQUEST_NODE_MARK_FAILED_SYSTEM = Error, "Marking node failed";
    /// Somebody lets the node be commissioned.
    REQUEST_NODE_START_COMMISSIONING = Debug, "User starting node commissioning";
    /// Somebody lets the node be tested.
    REQUEST_NODE_START_TESTING = Debug, "User starting node testing";
    /// The node is being commissioned.
    COMMISSIONING = Info, "Commissioning";
    /// The node is being tested.
    TESTING = Info, "Testing";
    /// The node has asked for what it is to do.
    GATHERING_INFO = Info, "Gathering information";
    /// A machine that has enlisted is there.
    NEW = Info, "New";
    /// The node is ready for use.
    READY = Info, "Ready";
    /// Commissioning ended badly.
    FAILED_COMMISSIONING = Info, "Failed commissioning";
    /// Testing ended badly.
    FAILED_TESTING = Info, "Failed testing";
    /// The node is in rescue mode.
    RESCUE_MODE = Info, "Rescue mode";
    /// All release scripts passed.
    NODE_RELEASE_SCRIPTS_OK = Info, "Release scripts executed successfully.";
    /// The disks were erased before release.
    NODE_DISKS_ERASED = Info, "Disks erased";
}

/// Something that happened to a node: a row of the event log before it has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What kind of thing happened.
    pub kind: EventType,
    /// The machine action behind it; mostly empty, as in the region's own log.
    pub action: String,
    /// The text that an operator reads.
    pub description: String,
}

impl Event {
    /// An event with no action.
    #[must_use]
    pub fn new(kind: EventType, description: impl Into<String>) -> Self {
        Event { kind, action: String::new(), description: description.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_the_regions_numbers() {
        let numbers: Vec<i32> = Level::ALL.into_iter().map(|level| level as i32).collect();
        assert_eq!(numbers, [0, 10, 20, 30, 40, 50]);
        assert_eq!(Level::from_name("AUDIT"), Some(Level::Audit));
        assert_eq!(Level::from_name("audit"), None);
    }

    #[test]
    fn event_type_names_are_unique() {
        let mut names: Vec<_> = EventType::ALL.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EventType::ALL.len());
    }
}
