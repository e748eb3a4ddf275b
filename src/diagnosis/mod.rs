//! Incidents from a machine's own reports: the kernel's log, the BMC's event log and counters.
//!
//! An incident is one pair of code and device. Repetitions belong to it, and so do the lines that follow from it. Everything here is
//! pure: text goes in, incidents come out.

mod book;
mod chain;
mod code;
mod counters;
mod crash;
mod event;
mod finding;
mod intended;
mod join;
mod judge;
mod name;
mod parts;
mod pattern;
mod policy;
mod record;
mod rules;
mod sel;
mod stamp;
mod stories;
mod words;
mod wrapping;

pub use code::{Code, Kind, Severity};
pub use counters::{Snapshot, leave_out_told_kills};
pub use crash::{CrashFile, CrashLog, joined};
pub use event::event_in_words;
pub use finding::Finding;
pub use judge::{Incident, Judge, judge};
pub use parts::Parts;
pub use policy::{Effect, Listening, Policy};

/// The heading above the incidents in the output of a script.
pub const MEANWHILE: &str = "What the machine reported meanwhile";
