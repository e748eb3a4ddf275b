//! Acceptance of machines: compares a [`Machine`] with the [`Profile`] of what was ordered, and machines with their siblings.
//!
//! Pure: documents and texts in, judgements and texts out. `catalogue` with its tables is the one list of the keys of a profile and of the
//! inventory fields that they are read from (`made` computes facts from several fields); `pattern`, `range`, `version` and `unit` are the
//! values, and `want` compares them; `matching` and `pairing` assign devices; `judge` reports the differences; `learn` writes a profile;
//! `siblings` compares many machines.

mod better;
mod cards;
mod catalogue;
mod fact;
mod figure;
mod judge;
mod learn;
mod look;
mod machine;
mod made;
mod matching;
mod ocp;
mod pairing;
mod pattern;
mod profile;
mod range;
mod region_form;
mod schema;
mod siblings;
mod statistics;
mod table;
mod unit;
mod verdict;
mod version;
mod want;

pub use better::Better;
pub use figure::{Amount, Figures, figures, worst};
pub use judge::{Siblings, judge, judge_over_time};
pub use learn::learn;
pub use machine::{Machine, System};
pub use ocp::lines as ocp_lines;
pub use profile::{Problem, Profile, ProfileError, Severity};
pub use schema::schema;
pub use siblings::{FactRow, FigureRow, Herd, Member, compare, page, text};
pub use statistics::{Reason, Standing, floor, group, median, standing};
pub use verdict::{Deviation, Judgement, Kept, Unknown, Verdict};
