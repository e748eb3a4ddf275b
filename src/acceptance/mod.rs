//! Whether a machine is the one that was ordered: what a [`Profile`] says, held against a [`Machine`], and machines against their siblings.
//!
//! Pure: documents and texts in, judgements and texts out. `catalogue` with its tables is the one list of what a profile may speak of and
//! where the inventory tells it (`made` what is put together); `pattern`, `range`, `version`, `unit` are the values, `want` compares them;
//! `matching` and `pairing` assign devices; `judge` tells the differences; `learn` writes a profile; `siblings` compares many machines.

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
mod pairing;
mod pattern;
mod profile;
mod range;
mod schema;
mod siblings;
mod statistics;
mod table;
mod unit;
mod verdict;
mod version;
mod want;

pub use figure::{Amount, Figures, figures};
pub use judge::{Siblings, judge};
pub use learn::learn;
pub use machine::{Machine, System};
pub use profile::{Problem, Profile, ProfileError, Severity};
pub use schema::schema;
pub use siblings::{FactRow, FigureRow, Herd, Member, compare, page, text};
pub use statistics::{Reason, Standing, floor, group, median, standing};
pub use verdict::{Deviation, Judgement, Unknown, Verdict};
