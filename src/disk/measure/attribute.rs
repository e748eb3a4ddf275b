//! Attributes of ATA drives: which of them a rule means.

use super::Seen;
use crate::disk::loose::leading_number;
use crate::disk::model::{Attribute, Report};

/// Which attributes a rule means. The number alone says what an attribute is on platters; on flash each maker uses them as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct Pick {
    id: Option<u64>,
    without: &'static [u64],
    named: &'static [&'static str],
    but: &'static [&'static str],
    like: &'static [&'static str],
    unlike: &'static [&'static str],
    medium: Medium,
    in_database: bool,
    packed: bool,
    between_erases: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Medium {
    Any,
    Platters,
    Flash,
}

impl Pick {
    /// Any attribute.
    pub(in crate::disk) const fn any() -> Self {
        Pick {
            id: None,
            without: &[],
            named: &[],
            but: &[],
            like: &[],
            unlike: &[],
            medium: Medium::Any,
            in_database: false,
            packed: false,
            between_erases: true,
        }
    }

    /// The one with this number.
    pub(in crate::disk) const fn id(id: u64) -> Self {
        Pick { id: Some(id), ..Pick::any() }
    }

    /// Of drives with platters.
    pub(in crate::disk) const fn on_platters(self) -> Self {
        Pick { medium: Medium::Platters, ..self }
    }

    /// Of drives without.
    pub(in crate::disk) const fn on_flash(self) -> Self {
        Pick { medium: Medium::Flash, ..self }
    }

    /// Whose name has one of these in it, in small letters.
    pub(in crate::disk) const fn named(self, named: &'static [&'static str]) -> Self {
        Pick { named, ..self }
    }

    /// Whose name has none of these in it.
    pub(in crate::disk) const fn but(self, but: &'static [&'static str]) -> Self {
        Pick { but, ..self }
    }

    /// Without these numbers.
    pub(in crate::disk) const fn without(self, without: &'static [u64]) -> Self {
        Pick { without, ..self }
    }

    /// Of drives whose model or family has one of these in it.
    pub(in crate::disk) const fn like(self, like: &'static [&'static str]) -> Self {
        Pick { like, ..self }
    }

    /// Of drives whose model or family has none of these in it.
    pub(in crate::disk) const fn unlike(self, unlike: &'static [&'static str]) -> Self {
        Pick { unlike, ..self }
    }

    /// Of drives that smartctl knows: elsewhere the name is a default that means nothing.
    pub(in crate::disk) const fn in_database(self) -> Self {
        Pick { in_database: true, ..self }
    }

    /// Whose counter holds several of 16 bits.
    pub(in crate::disk) const fn packed(self) -> Self {
        Pick { packed: true, ..self }
    }

    /// Whose number is none between those of 166 and 165: drives that count there the fewest and the most erases of a block count here
    /// how many a block has on average, whatever the database calls it.
    pub(in crate::disk) const fn not_between_erases(self) -> Self {
        Pick { between_erases: false, ..self }
    }

    /// Whether it is this attribute of this drive.
    fn fits(&self, attribute: &Attribute, report: &Report) -> bool {
        // What is cheap comes first: every rule asks this of every attribute.
        let excluded = self.id.is_some_and(|id| id != attribute.id) || self.without.contains(&attribute.id);
        if excluded || self.in_database && report.database == Some(false) {
            return false;
        }
        if !self.between_erases && is_average_of_erases(attribute, report) {
            return false;
        }
        let name = attribute.name.to_ascii_lowercase();
        let drive = || {
            let texts = [&report.identity.model, &report.identity.family];
            texts.into_iter().flatten().map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>().join(" ")
        };
        let says = |words: &[&str], text: &str| words.iter().any(|word| text.contains(word));
        let medium = match self.medium {
            Medium::Any => true,
            Medium::Platters => report.rotates(),
            Medium::Flash => !report.rotates(),
        };
        medium
            && (self.named.is_empty() || says(self.named, &name))
            && !says(self.but, &name)
            && (self.like.is_empty() || says(self.like, &drive()))
            && (self.unlike.is_empty() || !says(self.unlike, &drive()))
    }

    /// The counter. Three of 16 bits in one are told apart: what smartctl prints as one number is the last of them.
    fn counter(&self, attribute: &Attribute) -> Option<u64> {
        let raw = attribute.raw?;
        if !self.packed {
            return Some(raw);
        }
        let words = attribute.raw_text.as_deref().unwrap_or_default().split_whitespace();
        let numbers: Option<Vec<u64>> = words.map(leading_number).collect();
        match numbers.as_deref() {
            Some(several @ [_, _, ..]) => several.iter().max().copied(),
            _ if raw > 0xffff => Some(raw & 0xffff),
            _ => Some(raw),
        }
    }
}

fn is_average_of_erases(attribute: &Attribute, report: &Report) -> bool {
    let raw = |id: u64| report.attribute(id).and_then(|one| one.raw);
    let bounds = raw(166).zip(raw(165)).filter(|(_, most)| *most > 0);
    bounds.zip(attribute.raw).is_some_and(|((fewest, most), raw)| (fewest..=most).contains(&raw))
}

/// Attributes of temperature.
pub(super) fn is_temperature(attribute: &Attribute) -> bool {
    [190, 194].contains(&attribute.id)
}

/// True if the worst value of an attribute is 0, which no attribute has (ACS-3: 1 to 253): the drive keeps none.
pub(super) fn is_unset(attribute: &Attribute) -> bool {
    attribute.worst == Some(0) && attribute.value.is_some_and(|value| value > 0)
}

fn named(attribute: &Attribute) -> String {
    format!("{} {}", attribute.id, attribute.name).trim_end().to_owned()
}

/// Attributes with their normalised values.
pub(super) fn matching(report: &Report, counts: impl Fn(&Attribute) -> bool) -> Vec<Seen> {
    let seen = |attribute: &Attribute| {
        let said = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let Attribute { value, worst, threshold, .. } = *attribute;
        let values = format!("value {}, worst {}, threshold {}", said(value), said(worst), said(threshold));
        let name = named(attribute);
        Seen { words: format!("attribute {name}: {values}"), subject: Some(name), number: value, threshold }
    };
    report.attributes.iter().filter(|attribute| counts(attribute)).map(seen).collect()
}

/// True if a counter is no number: one byte again and again (ones, or the normalised value in each), or 32 bits that went below zero.
fn is_no_number(raw: u64) -> bool {
    let bytes = raw.to_le_bytes();
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let repeats = used >= 4 && bytes[..used].iter().all(|byte| *byte == bytes[0]);
    repeats || (0xffff_ff00..=0xffff_ffff).contains(&raw)
}

/// The counters of damage that are no numbers.
pub(super) fn no_numbers(report: &Report, picks: &[Pick]) -> Vec<Seen> {
    let counts = |attribute: &&Attribute| {
        attribute.raw.is_some_and(is_no_number) && picks.iter().any(|pick| pick.fits(attribute, report))
    };
    let seen = |attribute: &Attribute| {
        let name = named(attribute);
        let words = format!("attribute {name}: raw 0x{:08x}", attribute.raw.unwrap_or_default());
        Seen { words, subject: Some(name), ..Seen::default() }
    };
    report.attributes.iter().filter(counts).map(seen).collect()
}

/// The counter of the first attribute that fits.
pub(super) fn raw(report: &Report, picks: &[Pick]) -> Option<Seen> {
    let fits = |attribute: &Attribute| {
        let pick = picks.iter().find(|pick| pick.fits(attribute, report)).copied();
        pick.filter(|_| !attribute.raw.is_some_and(is_no_number))
    };
    let (attribute, pick) = report.attributes.iter().find_map(|attribute| Some((attribute, fits(attribute)?)))?;
    Some(Seen::number(&format!("attribute {}: raw", named(attribute)), pick.counter(attribute)?))
}

/// What is left of the endurance in percent: the normalised value, or where the drive keeps none, the counter. The statistic of the
/// standard comes first where the drive keeps it.
pub(super) fn wear_left(report: &Report, picks: &[Pick]) -> Vec<Seen> {
    if report.statistic(7, 8).is_some_and(|used| used != 255) {
        return Vec::new();
    }
    let seen = |attribute: &Attribute| {
        let name = named(attribute);
        let normalised = attribute.value.filter(|value| *value <= 100);
        let (what, left) = match normalised {
            Some(left) => ("normalised", left),
            None => ("raw", attribute.raw.filter(|raw| *raw <= 100 && attribute.value.is_none())?),
        };
        Some(Seen { subject: Some(name.clone()), ..Seen::number(&format!("attribute {name}: {what}"), left) })
    };
    let fits = |attribute: &&Attribute| picks.iter().any(|pick| pick.fits(attribute, report));
    report.attributes.iter().filter(fits).filter_map(seen).collect()
}
