//! Versions, compared number by number: "2.10" is newer than "2.9", because no part is read as a decimal fraction.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Chars;

/// A part of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Run {
    /// Digits without leading zeros, kept as text because they may exceed any integer type.
    Number(String),
    /// Letters, in lower case.
    Text(String),
}

/// A version as its runs of digits and letters; separators are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version(Vec<Run>);

impl Version {
    /// Splits a text into its runs. A hexadecimal number, such as a microcode version (`0x2b0`), is one number.
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        if let Some(digits) = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
            return Version(vec![Run::Number(digits.to_string())]);
        }
        let mut letters = text.chars().peekable();
        let mut runs = Vec::new();
        while let Some(first) = letters.peek() {
            if first.is_ascii_digit() {
                let digits = run(&mut letters, |c| c.is_ascii_digit());
                let short = digits.trim_start_matches('0');
                runs.push(Run::Number(if short.is_empty() { "0".to_owned() } else { short.to_owned() }));
            } else if first.is_alphabetic() {
                runs.push(Run::Text(run(&mut letters, char::is_alphabetic).to_lowercase()));
            } else {
                letters.next();
            }
        }
        Version(runs)
    }

    /// True if the version has neither digits nor letters, so that there is nothing to compare.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares by age: `Less` if this version is older. Zeros at the end do not matter: "2.4" equals "2.4.0".
    pub(super) fn compare(&self, other: &Version) -> Ordering {
        let zero = Run::Number("0".to_owned());
        for place in 0..self.0.len().max(other.0.len()) {
            let (own, its) = (self.0.get(place).unwrap_or(&zero), other.0.get(place).unwrap_or(&zero));
            let order = match (own, its) {
                (Run::Number(own), Run::Number(its)) => own.len().cmp(&its.len()).then_with(|| own.cmp(its)),
                (Run::Text(own), Run::Text(its)) => own.cmp(its),
                // "2.4-rc1" comes before "2.4": a word in the place of a number is older.
                (Run::Text(_), Run::Number(_)) => Ordering::Less,
                (Run::Number(_), Run::Text(_)) => Ordering::Greater,
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }

    /// True if the version begins with all runs of `other`: 22.43.1014 begins with 22.43.
    pub(super) fn begins_with(&self, other: &Version) -> bool {
        self.0.starts_with(&other.0)
    }
}

fn run(letters: &mut Peekable<Chars<'_>>, belongs: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.next_if(|c| belongs(*c)) {
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(a: &str, b: &str) -> Ordering {
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
            ("99999999999999999999", "100000000000000000000"),
            ("SN01", "SN3"),
        ] {
            assert_eq!((order(old, new), order(new, old)), (Ordering::Less, Ordering::Greater), "{old} {new}");
        }
        for (one, other) in [("2.4", "2.4.0"), ("v1.02", "V1.2"), (" 2", "2")] {
            assert_eq!(order(one, other), Ordering::Equal, "{one} {other}");
        }
    }

    #[test]
    fn a_longer_one_is_of_the_shorter() {
        assert!(Version::of("22.43.1014").begins_with(&Version::of("22.43")));
        assert!(!Version::of("22.430").begins_with(&Version::of("22.43")));
        assert!(Version::of("-").is_empty());
    }
}
