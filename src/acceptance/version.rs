//! Versions, compared number by number: "2.10" is newer than "2.9", because no part is read as a decimal fraction.
//!
//! Only versions of one scheme have an order. "GDC5702Q" and "0106" are of different makers: neither is newer.

use std::cmp::Ordering;

/// Words of a version that is older than the one without them: "2.4-rc1" comes before "2.4".
const EARLY: [&str; 8] = ["alpha", "beta", "dev", "pre", "preview", "rc", "snapshot", "test"];

/// A part of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Run {
    /// Digits without leading zeros, kept as text because they may exceed any integer type.
    Number(String),
    /// Hexadecimal digits that followed `0x`, in lower case and without leading zeros.
    Hex(String),
    /// Letters, in lower case.
    Text(String),
}

/// A version as its runs of digits and letters; separators are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    runs: Vec<Run>,
    /// Runs in parentheses, which say for which board or when, not how old: `22.39.1002 (MT_0000000359)`.
    remark: Vec<Run>,
    /// Kinds of the letters, `a` or `9`, if the version is one word of both: `GDC5702Q` is `aaa9999a`. Empty for all other versions.
    shape: String,
}

impl Version {
    /// Splits a text into its runs. A hexadecimal number, such as a microcode version (`0x2b0`), is one run; so is no `v` before a digit.
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        let (mut runs, mut remark, mut depth) = (Vec::new(), Vec::new(), 0_usize);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (run, length) = run(rest);
            match first {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if let Some(run) = run {
                if depth > 0 { remark.push(run) } else { runs.push(run) }
            }
            rest = &rest[length..];
        }
        if runs.is_empty() {
            std::mem::swap(&mut runs, &mut remark);
        }
        Version { runs, remark, shape: shape(text) }
    }

    /// True if there is a digit in the version, so that there is something to compare.
    pub(super) fn has_number(&self) -> bool {
        self.runs.iter().any(|run| !matches!(run, Run::Text(_)))
    }

    /// True if this is the inventory's word for a part that is not there.
    pub(super) fn is_none(&self) -> bool {
        self.runs == [Run::Text("none".to_owned())]
    }

    /// Compares by age: `Less` if this version is older; `None` if the two are of different schemes. Zeros at the end do not matter: "2.4"
    /// equals "2.4.0".
    pub(super) fn compare(&self, other: &Version) -> Option<Ordering> {
        let is_other_shape = self.shape.len() == other.shape.len() && self.shape != other.shape;
        if is_other_shape || self.runs.is_empty() || other.runs.is_empty() {
            return None;
        }
        for place in 0..self.runs.len().max(other.runs.len()) {
            let order = match (self.runs.get(place), other.runs.get(place)) {
                (Some(own), Some(its)) => own.compare(its, place)?,
                (Some(more), None) => more.beyond(),
                (None, Some(more)) => more.beyond().reverse(),
                (None, None) => Ordering::Equal,
            };
            if order.is_ne() {
                return Some(order);
            }
        }
        Some(Ordering::Equal)
    }

    /// True if both are the same version; a remark in parentheses counts only if both have one.
    pub(super) fn is_same(&self, other: &Version) -> bool {
        let is_remark_same = self.remark.is_empty() || other.remark.is_empty() || self.remark == other.remark;
        is_remark_same && (self.runs == other.runs || self.compare(other) == Some(Ordering::Equal))
    }

    /// True if the version begins with all runs of `other`: 22.43.1014 begins with 22.43.
    pub(super) fn begins_with(&self, other: &Version) -> bool {
        self.runs.starts_with(&other.runs)
    }
}

impl Run {
    /// Compares two runs at the same place; `None` if they are of different schemes.
    fn compare(&self, other: &Run, place: usize) -> Option<Ordering> {
        let by_length = |own: &String, its: &String| own.len().cmp(&its.len()).then_with(|| own.cmp(its));
        match (self, other) {
            (Run::Number(own), Run::Number(its)) if place == 0 && is_date(own) != is_date(its) => {
                let other = if is_date(own) { its } else { own };
                // A year and a small number begin versions of different schemes; large numbers may be both.
                if other.len() <= 3 { None } else { Some(by_length(own, its)) }
            }
            (Run::Number(own), Run::Number(its)) | (Run::Hex(own), Run::Hex(its)) => Some(by_length(own, its)),
            (Run::Text(own), Run::Text(its)) => {
                let is_ordered = own == its || own.len() == 1 && its.len() == 1 || is_early(own) && is_early(its);
                is_ordered.then(|| own.cmp(its))
            }
            (Run::Text(own), Run::Number(_)) if place > 0 && is_early(own) => Some(Ordering::Less),
            (Run::Number(_), Run::Text(its)) if place > 0 && is_early(its) => Some(Ordering::Greater),
            _ => None,
        }
    }

    /// Compares a version that goes on with this run with the same version without it.
    fn beyond(&self) -> Ordering {
        match self {
            Run::Number(digits) | Run::Hex(digits) if digits == "0" => Ordering::Equal,
            Run::Text(word) if is_early(word) => Ordering::Less,
            _ => Ordering::Greater,
        }
    }
}

fn is_early(word: &str) -> bool {
    EARLY.contains(&word)
}

/// True for a year from 1990 to 2099, alone or at the start of eight digits.
fn is_date(digits: &str) -> bool {
    let is_long = digits.len() == 4 || digits.len() == 8;
    is_long
        && digits.get(..4).and_then(|year| year.parse::<u16>().ok()).is_some_and(|year| (1990..2100).contains(&year))
}

/// The run that a text begins with, and how many bytes it takes; no run for a separator.
fn run(text: &str) -> (Option<Run>, usize) {
    let short = |digits: &str| {
        let short = digits.trim_start_matches('0');
        if short.is_empty() { "0".to_owned() } else { short.to_ascii_lowercase() }
    };
    let length = |belongs: fn(char) -> bool, text: &str| text.find(|c| !belongs(c)).unwrap_or(text.len());
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let hex =
        hex.map(|digits| &digits[..length(|c| c.is_ascii_hexdigit(), digits)]).filter(|digits| !digits.is_empty());
    if let Some(digits) = hex {
        return (Some(Run::Hex(short(digits))), digits.len() + 2);
    }
    let digits = length(|c| c.is_ascii_digit(), text);
    if digits > 0 {
        return (Some(Run::Number(short(&text[..digits]))), digits);
    }
    let letters = length(char::is_alphabetic, text);
    if letters == 0 {
        return (None, text.chars().next().map_or(1, char::len_utf8));
    }
    let word = text[..letters].to_lowercase();
    // "v2.4" and "2.4" are one version.
    let is_mark = word == "v" && text[letters..].starts_with(|c: char| c.is_ascii_digit());
    ((!is_mark).then_some(Run::Text(word)), letters)
}

fn shape(text: &str) -> String {
    let is_one = text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !text.starts_with("0x");
    let has_both =
        text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !is_one || !has_both {
        return String::new();
    }
    text.bytes().map(|byte| if byte.is_ascii_digit() { '9' } else { 'a' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(a: &str, b: &str) -> Option<Ordering> {
        Version::of(a).compare(&Version::of(b))
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        for (old, new) in [
            ("2.9", "2.10"),
            ("2.4.3", "2.4.4"),
            ("GDC5602Q", "GDC5702Q"),
            ("0x2b0", "0x2a10"),
            ("22.39.1002 (MT_0000000359)", "22.43"),
            ("2.4-rc1", "2.4"),
            ("2.4-rc1", "2.4.1"),
            ("2.4-beta2", "2.4-rc1"),
            ("2.4", "2.4a"),
            ("2.4a", "2.4b"),
            ("A9", "A12"),
            ("99999999999999999999", "100000000000000000000"),
            ("SN01", "SN3"),
            ("9.20 0x8000d95e 22.0.9", "9.20 0x8000d95f 22.0.9"),
            ("U30 v2.50 (05/24/2021)", "U30 2.51"),
            ("v2.4.4", "2.5"),
            ("20230501", "20240101"),
        ] {
            let found = (order(old, new), order(new, old));
            assert_eq!(found, (Some(Ordering::Less), Some(Ordering::Greater)), "{old} {new}");
        }
        for (one, other) in [
            ("2.4", "2.4.0"),
            ("v1.02", "V1.2"),
            (" 2", "2"),
            ("v2.4.4", "2.4.4"),
            ("22.39.1002 (MT_0000000359)", "22.39.1002"),
        ] {
            assert_eq!(order(one, other), Some(Ordering::Equal), "{one} {other}");
            assert!(Version::of(one).is_same(&Version::of(other)), "{one} {other}");
        }
        assert!(!Version::of("22.39.1002 (MT_1)").is_same(&Version::of("22.39.1002 (MT_2)")), "of another board");
    }

    #[test]
    fn versions_of_different_schemes_have_no_order() {
        for (one, other) in [
            ("GDC5702Q", "0106"),
            ("GDC5702Q", "GXA7802Q"),
            ("X1.2", "2.4.4"),
            ("0x2b0004d0", "2b0004d0"),
            ("0x2b0004d0", "20"),
            ("EPK9CB5Q", "EPK98B5Q"),
            ("2023.05", "2.4.4"),
            ("20230501", "7.10"),
            ("2.4a", "2.4.1"),
            ("", "2.4"),
            ("none", "2.0"),
        ] {
            assert_eq!((order(one, other), order(other, one)), (None, None), "{one} {other}");
        }
    }

    #[test]
    fn a_longer_one_is_of_the_shorter() {
        assert!(Version::of("22.43.1014").begins_with(&Version::of("22.43")));
        assert!(!Version::of("22.430").begins_with(&Version::of("22.43")));
        assert!(!Version::of("-").has_number() && !Version::of("latest").has_number());
    }
}
