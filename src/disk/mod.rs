//! The health of disks: what smartctl prints, read whatever its version, transport and form, and judged by one table of rules; and
//! running it: `smartctl` the program, `target` the disks that there are, `course` one self-test, `session` all disks at once. What
//! judges is pure: it starts no program and opens no device.

mod access;
mod course;
mod device;
mod document;
mod history;
mod json;
mod kept;
mod loose;
mod measure;
mod memory;
mod model;
mod page;
mod parse;
mod plan;
mod policy;
mod reading;
mod rule;
mod self_test;
mod session;
mod shared;
mod smartctl;
mod survey;
mod table;
mod target;
mod tested;
mod text;
mod verdict;

pub use course::Progress;
pub use device::{Device, Identified, identify};
pub use document::{Document, Documents, schema};
pub use history::{History, Noted, Series};
pub use memory::{Memory, note};
pub use model::{
    Attribute, Call, Environment, Failing, Farm, Identity, Limits, Notes, Nvme, Protocol, Report, Scan, Scanned, Scsi,
    Statistic, Status, Support, Temperatures, Transport,
};
pub use page::{page, past};
pub use parse::{LIMIT, Unreadable, parse};
pub use plan::{Ending, State, Test};
pub use policy::{Policy, PolicyError};
pub use reading::Reading;
pub use rule::{Grown, Limit, Rule, Severity, When};
pub use self_test::{Ability, Entry, Kind, Outcome, Running, SelfTests};
pub use session::{Notice, Options, Session};
pub use shared::Drives;
pub use smartctl::{Address, Error, Reply, Smartctl};
pub use survey::{Surveyed, survey};
pub use table::RULES;
pub use target::{Disks, Target};
pub use tested::{Problem, Tested};
pub use verdict::{Judgement, Reason, Verdict, judge, judge_unreadable};
