//! The profile: a description of the machine that was ordered.

mod contradiction;
mod measure;
mod problem;
mod read;
mod unknown;
mod value;
mod version;

use super::catalogue::Kind;
use super::machine::System;
use super::pattern::Pattern;
use super::range::Count;
use super::want::Want;

pub(super) use contradiction::patterns;
pub(super) use measure::Limit;
pub(super) use measure::Wanted;
pub(super) use problem::meant;
pub use problem::{Problem, ProfileError};
#[cfg(test)]
pub(super) use read::names;
pub(super) use value::want;

/// Severity of a deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The machine is rejected: it differs from the order.
    #[default]
    Fail,
    /// The machine is accepted, but an operator should look at the deviation.
    Warn,
    /// The machine is accepted; the deviation is for information.
    Note,
}

impl Severity {
    /// The word in profiles and documents: `fail`, `warn` or `note`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Fail => "fail",
            Severity::Warn => "warn",
            Severity::Note => "note",
        }
    }
}

/// Expectation for one key.
#[derive(Clone, Debug)]
pub(super) struct Expect {
    /// Index of the key in `Kind::fields()`.
    pub(super) field: usize,
    /// Name of the key.
    pub(super) key: &'static str,
    /// Required value.
    pub(super) want: Want,
    /// Required value in words for messages: `at least 2.4`.
    pub(super) shown: String,
    /// Severity of any other value.
    pub(super) severity: Severity,
    /// Byte offset of the value in the profile's text.
    pub(super) at: usize,
}

/// A group of devices that the profile expects.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Kind of the devices.
    pub(super) kind: Kind,
    /// Required number of devices in the whole machine.
    pub(super) count: Count,
    /// Required number of devices at each socket; `None` if the sockets do not matter.
    pub(super) per_socket: Option<Count>,
    /// Expectations for each device.
    pub(super) expects: Vec<Expect>,
    /// Slots that the devices have to be in, one in each if there are as many slots as devices; empty if any slot will do.
    pub(super) slots: Vec<String>,
    /// Severity of a missing, surplus or misplaced device.
    pub(super) severity: Severity,
    /// Byte offset of the group in the profile's text.
    pub(super) at: usize,
}

/// Expectations for the machine as a whole, or for each processor.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Section of the profile.
    pub(super) kind: Kind,
    /// Expectations of the section.
    pub(super) expects: Vec<Expect>,
}

/// A profile: the description of the machine that was ordered.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Name of the profile.
    pub name: String,
    pub(super) matches: Match,
    pub(super) only: Vec<Kind>,
    pub(super) tables: Vec<Table>,
    pub(super) groups: Vec<Group>,
    /// Limits for measured figures.
    pub(super) limits: Vec<Limit>,
}

/// Machines that a profile is made for; a field that is `None` allows any value.
#[derive(Clone, Debug, Default)]
pub(super) struct Match {
    pub(super) vendor: Option<Pattern>,
    pub(super) product: Option<Pattern>,
    pub(super) sku: Option<Pattern>,
}

impl Profile {
    /// Parses a profile in TOML. Reading goes on after a problem, so that all are reported at once.
    ///
    /// # Errors
    /// All problems of the text, each with its line and column.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        read::profile(text)
    }

    /// For each key of `match` that the machine does not fit: the key, what it was made for and what the machine is; an empty text if the
    /// machine does not tell it.
    pub(super) fn mismatches<'a>(&'a self, system: &'a System) -> Vec<(&'static str, String, &'a str)> {
        let pairs = [
            ("vendor", &self.matches.vendor, &system.vendor),
            ("product", &self.matches.product, &system.product),
            ("sku", &self.matches.sku, &system.sku),
        ];
        let differs = |(key, pattern, text): (&'static str, &'a Option<Pattern>, &'a String)| {
            let pattern = pattern.as_ref().filter(|pattern| !pattern.fits(text))?;
            Some((key, pattern.show(), text.as_str()))
        };
        pairs.into_iter().filter_map(differs).collect()
    }

    /// Number of keys in `match`.
    pub(super) fn match_keys(&self) -> usize {
        [&self.matches.vendor, &self.matches.product, &self.matches.sku].into_iter().flatten().count()
    }

    /// The machines that the profile's `match` names, for messages; `None` without `match`.
    #[must_use]
    pub fn made_for(&self) -> Option<String> {
        let patterns = [&self.matches.vendor, &self.matches.product, &self.matches.sku];
        let shown: Vec<String> = patterns.into_iter().flatten().map(Pattern::show).collect();
        (!shown.is_empty()).then(|| shown.join(" "))
    }

    /// True if every machine that `other` is made for is one of this profile's. Of two regular expressions that is not known, unless they
    /// are the same.
    #[must_use]
    pub fn is_for_all_of(&self, other: &Profile) -> bool {
        let pairs = [
            (&self.matches.vendor, &other.matches.vendor),
            (&self.matches.product, &other.matches.product),
            (&self.matches.sku, &other.matches.sku),
        ];
        let takes =
            |own: &Pattern, its: &Pattern| its.literal().is_some_and(|text| own.fits(text)) || own.show() == its.show();
        let is_wider = |(own, its): (&Option<Pattern>, &Option<Pattern>)| {
            own.as_ref().is_none_or(|own| its.as_ref().is_some_and(|its| takes(own, its)))
        };
        self.match_keys() > 0 && pairs.into_iter().all(is_wider)
    }

    /// True if the profile has limits for figures, without which nothing is accepted.
    #[must_use]
    pub fn asks_for_figures(&self) -> bool {
        !self.limits.is_empty()
    }

    /// True if a figure is to be compared with the machine's last run.
    #[must_use]
    pub fn asks_for_history(&self) -> bool {
        self.limits.iter().any(|limit| matches!(limit.wanted, Wanted::History(_)))
    }

    /// True if the profile's `match` fits a machine; false for a profile without `match`, which has to be chosen by name.
    #[must_use]
    pub fn is_for(&self, system: &System) -> bool {
        let pairs = [
            (&self.matches.vendor, &system.vendor),
            (&self.matches.product, &system.product),
            (&self.matches.sku, &system.sku),
        ];
        let asked: Vec<bool> = pairs.iter().filter_map(|(pattern, text)| Some(pattern.as_ref()?.fits(text))).collect();
        !asked.is_empty() && asked.iter().all(|fits| *fits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let error = Profile::parse(&format!("schema = 1\nname = \"x\"\n{text}")).expect_err("it is wrong");
        error.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_no_machine_can_meet_is_an_error_with_its_line() {
        for (text, expected) in [
            ("[[disk]]\nmodl = \"x\"", "line 4, column 1: disk has no \"modl\"; did you mean \"model\"?"),
            ("[[disk]]\ncount = \"4..2\"", "line 4, column 9: no number of devices is in 4..2"),
            ("[[disk]]\ncount = \">=0\"", "line 4, column 9: any number of devices would do, so this expects nothing"),
            ("[[memory]]\ncount = 3\nslots = [\"A\", \"B\"]", "line 3, column 1: 3 devices do not fit into 2 slots"),
            (
                "[[memory]]\nslots = [\"A\", \"A\"]",
                "line 3, column 1: slot \"A\" is asked for twice: one device is in it at most",
            ),
            ("[[memory]]\nper_socket = 4", "line 4, column 1: the inventory does not tell the sockets of modules"),
            (
                "[[gpu]]\nlink = { width = 7 }",
                "line 4, column 18: link.width is never \"7\"; there are: 1, 2, 4, 8, 12, 16, 32",
            ),
            ("[disk]\nlink = \"x16\"", "line 4, column 8: \"link\" is a table: `link = { width = 16 }`"),
            ("[disk]\nserial = \"x\"", "line 4, column 1: disk has no \"serial\": it differs from machine to machine"),
            ("[bios]\nversion = \"2\"", "line 3, column 2: a profile has no \"bios\"; \"bios\" is a key of [firmware]"),
            ("[[dimm]]\ncount = 2", "line 3, column 3: a profile has no \"dimm\"; did you mean \"memory\"?"),
            ("[settings]\nsmt = 1", "line 4, column 7: smt: true or false is wanted, without quotes"),
            (
                "[settings]\nhyperthreading = true",
                "line 4, column 1: settings has no \"hyperthreading\"; did you mean \"smt\"?",
            ),
            ("[cpu]\ncores = 2.5", "line 4, column 9: cores: no whole number is in 2.5"),
            (
                "[cpu]\nwarn = [\"threads\"]\ncores = 2",
                "line 4, column 9: \"threads\" is not asked for here; there are: cores",
            ),
            ("only = [\"disks\"]", "line 3, column 9: there is no kind \"disks\"; did you mean \"disk\"?"),
            ("[measure]\nx = \"2 GiB/s..1 GiB/s\"", "line 4, column 5: x: no figure is in 2 GiB/s..1 GiB/s"),
            ("", "line 1, column 1: this profile expects nothing, so any machine would be accepted"),
        ] {
            assert_eq!(problems(text).first().map(String::as_str), Some(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_be_read(text in "(\\PC|\n){0,80}", value in "\\PC{0,12}") {
            let _ = Profile::parse(&text);
            let quoted = value.replace(['\'', '\n'], "");
            let keys = ["model", "firmware", "size", "count"].map(|key| format!("{key} = '{quoted}'\n")).concat();
            let _ = Profile::parse(&format!("schema = 1\nname = 'x'\n[[disk]]\n{keys}"));
        }
    }
}
