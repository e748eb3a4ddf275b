//! A profile: what was ordered.

mod measure;
mod problem;
mod read;
mod value;

use super::catalogue::Kind;
use super::machine::System;
use super::pattern::Pattern;
use super::range::Count;
use super::want::Want;

pub(super) use measure::Limit;
pub(super) use measure::Wanted;
pub use problem::{Problem, ProfileError};
pub(super) use value::want;
#[cfg(test)]
pub(super) use read::names;

/// How grave a deviation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The machine is not what was ordered.
    #[default]
    Fail,
    /// Somebody should see to it.
    Warn,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// As profiles and documents write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Fail => "fail",
            Severity::Warn => "warn",
            Severity::Note => "note",
        }
    }
}

/// What one key is expected to be.
#[derive(Clone, Debug)]
pub(super) struct Expect {
    /// Place of the key among those of its kind.
    pub(super) field: usize,
    /// The key.
    pub(super) key: &'static str,
    /// What is wanted.
    pub(super) want: Want,
    /// The same for people.
    pub(super) shown: String,
    /// How grave it is otherwise.
    pub(super) severity: Severity,
}

/// Devices that are expected.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// What they are.
    pub(super) kind: Kind,
    /// How many.
    pub(super) count: Count,
    /// How many for each socket.
    pub(super) per_socket: Option<Count>,
    /// What each is.
    pub(super) expects: Vec<Expect>,
    /// Where they are, if that is asked for: in these slots, one each.
    pub(super) slots: Vec<String>,
    /// How grave it is if one is missing or too many.
    pub(super) severity: Severity,
}

/// What is expected of the machine as a whole, or of each processor.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Of what.
    pub(super) kind: Kind,
    /// What.
    pub(super) expects: Vec<Expect>,
}

/// A profile.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Its name.
    pub name: String,
    pub(super) matches: Match,
    pub(super) only: Vec<Kind>,
    pub(super) tables: Vec<Table>,
    pub(super) groups: Vec<Group>,
    /// Limits of figures.
    pub(super) limits: Vec<Limit>,
}

/// For which machines a profile is.
#[derive(Clone, Debug, Default)]
pub(super) struct Match {
    pub(super) vendor: Option<Pattern>,
    pub(super) product: Option<Pattern>,
    pub(super) sku: Option<Pattern>,
}

impl Profile {
    /// Reads a profile, and says all that is wrong with it.
    ///
    /// # Errors
    /// What is wrong, each with its line.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        read::profile(text)
    }

    /// Whether it is made for a machine; one without `match` is for none by itself.
    #[must_use]
    pub fn is_for(&self, system: &System) -> bool {
        let pairs = [
            (&self.matches.vendor, &system.vendor),
            (&self.matches.product, &system.product),
            (&self.matches.sku, &system.sku),
        ];
        let asked: Vec<bool> =
            pairs.iter().filter_map(|(pattern, text)| Some(pattern.as_ref()?.fits(text))).collect();
        !asked.is_empty() && asked.iter().all(|fits| *fits)
    }
}
