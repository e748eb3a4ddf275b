//! The status of a node, and what a signal does to it (contract REGION, "What each does to the node").

use crate::event::{Event, EventType};
use crate::region::SignalStatus;
use crate::script::RegionVersion;

macro_rules! statuses {
    ($($name:ident = $word:literal, $text:literal;)*) => {
        /// Status of a node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum NodeStatus {
            $(#[doc = $text] $name,)*
        }

        impl NodeStatus {
            /// Every status.
            pub const ALL: &'static [NodeStatus] = &[$(NodeStatus::$name),*];

            /// The name that the region shows.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(NodeStatus::$name => $text),* }
            }

            /// The word of the command line, for example `failed-testing`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(NodeStatus::$name => $word),* }
            }
        }
    };
}

statuses! {
    New = "new", "New";
    Commissioning = "commissioning", "Commissioning";
    FailedCommissioning = "failed-commissioning", "Failed commissioning";
    Missing = "missing", "Missing";
    Ready = "ready", "Ready";
    Reserved = "reserved", "Reserved";
    Deployed = "deployed", "Deployed";
    Retired = "retired", "Retired";
    Broken = "broken", "Broken";
    Deploying = "deploying", "Deploying";
    Allocated = "allocated", "Allocated";
    FailedDeployment = "failed-deployment", "Failed deployment";
    Releasing = "releasing", "Releasing";
    ReleasingFailed = "releasing-failed", "Releasing failed";
    DiskErasing = "disk-erasing", "Disk erasing";
    FailedDiskErasing = "failed-disk-erasing", "Failed disk erasing";
    RescueMode = "rescue-mode", "Rescue mode";
    EnteringRescueMode = "rescue", "Entering rescue mode";
    FailedEnteringRescueMode = "failed-rescue", "Failed to enter rescue mode";
    ExitingRescueMode = "exiting-rescue", "Exiting rescue mode";
    Testing = "testing", "Testing";
    FailedTesting = "failed-testing", "Failed testing";
}

impl NodeStatus {
    /// The status with that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<NodeStatus> {
        NodeStatus::ALL.iter().copied().find(|status| status.word() == word)
    }

    /// The region's number for it; between leaving rescue mode and testing it counts a status that the sandbox does not have.
    pub(super) fn number(self) -> usize {
        let place = NodeStatus::ALL.iter().position(|status| *status == self).unwrap_or_default();
        place + usize::from(matches!(self, NodeStatus::Testing | NodeStatus::FailedTesting))
    }

    /// Whether a node in this status may signal at all.
    pub(super) fn may_signal(self, version: RegionVersion) -> bool {
        use NodeStatus::{
            Allocated, ExitingRescueMode, FailedDiskErasing, Missing, ReleasingFailed, Reserved, Retired,
        };
        match self {
            NodeStatus::Releasing => version.has_release_scripts(),
            _ => !matches!(
                self,
                Allocated | Reserved | Retired | Missing | ExitingRescueMode | ReleasingFailed | FailedDiskErasing
            ),
        }
    }

    /// True if the region keeps the results that a node in this status sends; else they are dropped with a 200.
    pub(super) fn keeps_results(self, signal: SignalStatus) -> bool {
        use NodeStatus::{Commissioning, Deployed, Deploying, New, Releasing, RescueMode, Testing};
        match self {
            New => signal == SignalStatus::Commissioning,
            _ => matches!(self, Commissioning | Testing | Deployed | Deploying | RescueMode | Releasing),
        }
    }

    /// True if a second result of a finished script is an error.
    pub(super) fn refuses_second_results(self) -> bool {
        !matches!(self, NodeStatus::Deployed | NodeStatus::Deploying)
    }
}

/// What a signal does to a node.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// The status it changes to.
    pub(super) to: Option<NodeStatus>,
    /// Events in their order, before the one of the changed status.
    pub(super) events: Vec<Event>,
    /// Script results not yet ended become Aborted.
    pub(super) aborts: bool,
    /// The text that came with the signal becomes the node's, and has to fit there.
    pub(super) tells_error: bool,
    /// The node's token is deleted.
    pub(super) ends_token: bool,
    /// Answered with 409 and this text instead.
    pub(super) conflict: Option<String>,
}

impl Effect {
    /// What it is for a node that is enlisting: such a node becomes New where another would be Ready.
    pub(super) fn for_enlisting(self) -> Self {
        match self.to {
            Some(NodeStatus::Ready) => {
                Effect { to: Some(NodeStatus::New), events: vec![Event::new(EventType::NEW, "")], ..self }
            }
            _ => self,
        }
    }
}

/// What decides over the effect of a signal, besides the signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// The node's status.
    pub(super) status: NodeStatus,
    /// What it was before it was tested.
    pub(super) previous: Option<NodeStatus>,
    /// A commissioning result is Failed; nothing else counts, as seen on a region.
    pub(super) failed: bool,
    pub(super) version: RegionVersion,
}

/// The table.
pub(super) fn effect(situation: Situation, signal: SignalStatus) -> Effect {
    use NodeStatus as N;
    use SignalStatus as S;
    let Situation { status, previous, failed, version } = situation;
    let plain = |kind| Event::new(kind, "");
    let failing = |to, kind| Effect { events: vec![plain(kind)], aborts: true, ..becomes(to) };
    let ready = || Effect { events: vec![plain(EventType::READY)], ends_token: true, ..becomes(N::Ready) };
    match (status, signal) {
        (N::New, S::Commissioning) => becomes(N::Commissioning),
        (N::Commissioning, S::Ok | S::Testing) if failed => {
            failing(N::FailedCommissioning, EventType::FAILED_COMMISSIONING)
        }
        (N::Commissioning, S::Failed) => failing(N::FailedCommissioning, EventType::FAILED_COMMISSIONING),
        (N::Testing, S::Failed) => failing(N::FailedTesting, EventType::FAILED_TESTING),
        // The machine is in use: its token lives on, and the next OK is one of a deployed machine.
        (N::Testing, S::Ok) if previous == Some(N::Deployed) => becomes(N::Deployed),
        (N::Commissioning | N::Testing | N::Deployed, S::Ok) => ready(),
        (N::Commissioning | N::Deployed, S::Testing) => becomes(N::Testing),
        (N::Deployed, S::Failed) => Effect {
            conflict: Some("Invalid transition: Deployed -> Failed commissioning.".to_owned()),
            ..Effect::default()
        },
        (N::Releasing, S::Ok) => {
            Effect { events: vec![plain(EventType::NODE_RELEASE_SCRIPTS_OK)], ..Effect::default() }
        }
        (N::Releasing, S::Failed) => marked_failed(N::ReleasingFailed, "Failed to release machine."),
        (N::DiskErasing, S::Ok) if version.releases_at_ok() => Effect { ends_token: true, ..becomes(N::Ready) },
        (N::DiskErasing, S::Ok) => Effect { events: vec![plain(EventType::NODE_DISKS_ERASED)], ..Effect::default() },
        (N::DiskErasing, S::Failed) => marked_failed(N::FailedDiskErasing, "Failed to erase disks."),
        (N::Deploying, S::Failed) => marked_failed(
            N::FailedDeployment,
            "Installation failed (refer to the installation log for more information).",
        ),
        (N::EnteringRescueMode, S::Ok | S::Working) => {
            Effect { events: vec![plain(EventType::RESCUE_MODE)], ..becomes(N::RescueMode) }
        }
        (N::EnteringRescueMode, S::Failed) => {
            marked_failed(N::FailedEnteringRescueMode, "Failed to enter rescue mode.")
        }
        _ => Effect::default(),
    }
}

/// Another status, with the text of the signal.
fn becomes(to: NodeStatus) -> Effect {
    Effect { to: Some(to), tells_error: true, ..Effect::default() }
}

pub(super) fn marked_failed(to: NodeStatus, text: &str) -> Effect {
    let event =
        Event { action: "mark_failed".to_owned(), ..Event::new(EventType::REQUEST_NODE_MARK_FAILED_SYSTEM, text) };
    Effect { to: Some(to), events: vec![event], ..Effect::default() }
}
