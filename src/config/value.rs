//! Values of settings: from text and to text, and the form that they have in a file.

use std::path::PathBuf;
use std::time::Duration;

use super::site::Site;
use crate::diagnosis::Policy;
use crate::runner::Names;

/// A key of the settings.
pub(super) struct Key {
    /// Section and name, as `journal.keep_runs`.
    pub(super) name: &'static str,
    /// The meaning of the key, in a few words.
    pub(super) meaning: &'static str,
    /// The values that the key takes, for errors: the text after "must be".
    pub(super) what: fn(&Site) -> &'static str,
    /// The TOML type of the value, in the words of the TOML library.
    pub(super) form: fn(&Site) -> &'static str,
    /// Sets the field from a text; false if the text is not a valid value.
    pub(super) set: fn(&mut Site, &str) -> bool,
    /// The field's value as text.
    pub(super) text: fn(&Site) -> String,
}

impl Key {
    /// The environment variable that sets the key, for example `SHAKEDOWN_JOURNAL_KEEP_RUNS`.
    pub(super) fn variable(&self) -> String {
        format!("SHAKEDOWN_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// A key for a field of [`Site`]; the field's type decides which values are valid.
macro_rules! key {
    ($name:literal, $($field:ident).+, $meaning:literal) => {
        $crate::config::value::Key {
            name: $name,
            meaning: $meaning,
            what: |site| $crate::config::value::what(&site.$($field).+),
            form: |site| $crate::config::value::form(&site.$($field).+),
            set: |site, text| $crate::config::value::set(&mut site.$($field).+, text),
            text: |site| $crate::config::value::Value::text(&site.$($field).+),
        }
    };
}
pub(super) use key;

pub(super) fn what<T: Value>(_: &T) -> &'static str {
    T::WHAT
}

pub(super) fn form<T: Value>(_: &T) -> &'static str {
    T::FORM
}

pub(super) fn set<T: Value>(field: &mut T, text: &str) -> bool {
    match T::parse(text) {
        Some(value) => {
            *field = value;
            true
        }
        None => false,
    }
}

/// A type that a setting may have.
pub(super) trait Value: Sized {
    /// The valid values, for errors: the text after "must be".
    const WHAT: &'static str;
    /// The TOML type of the value.
    const FORM: &'static str;
    /// Reads a value; `None` if the text is not a valid one.
    fn parse(text: &str) -> Option<Self>;
    /// The value as a text that [`Value::parse`] reads back.
    fn text(&self) -> String;
}

/// Limits, of which 0 is none.
macro_rules! limit {
    ($($number:ty)+) => {
        $(impl Value for Option<$number> {
            const WHAT: &'static str = "a whole number, 0 or more";
            const FORM: &'static str = "integer";
            fn parse(text: &str) -> Option<Self> {
                text.parse::<$number>().ok().map(|number| Some(number).filter(|number| *number > 0))
            }
            fn text(&self) -> String {
                self.unwrap_or(0).to_string()
            }
        })+
    };
}
limit!(u32 u64 usize);

/// Numbers without which nothing works: at least 1.
macro_rules! count {
    ($($number:ty)+) => {
        $(impl Value for $number {
            const WHAT: &'static str = "a whole number, 1 or more";
            const FORM: &'static str = "integer";
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok().filter(|number| *number > 0)
            }
            fn text(&self) -> String {
                self.to_string()
            }
        })+
    };
}
count!(u32 u64);

/// Seconds.
impl Value for Duration {
    const WHAT: &'static str = "a whole number of seconds, 1 or more";
    const FORM: &'static str = "integer";
    fn parse(text: &str) -> Option<Self> {
        <u64 as Value>::parse(text).map(Duration::from_secs)
    }
    fn text(&self) -> String {
        self.as_secs().to_string()
    }
}

/// Yes or no.
impl Value for bool {
    const WHAT: &'static str = "true or false";
    const FORM: &'static str = "boolean";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

/// A path; empty is none.
impl Value for Option<PathBuf> {
    const WHAT: &'static str = "a path, or empty for none";
    const FORM: &'static str = "string";
    fn parse(text: &str) -> Option<Self> {
        Some(Some(text).filter(|text| !text.is_empty()).map(PathBuf::from))
    }
    fn text(&self) -> String {
        self.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

/// A command line; empty is none.
impl Value for Option<String> {
    const WHAT: &'static str = "a command line for /bin/sh, or empty for none";
    const FORM: &'static str = "string";
    fn parse(text: &str) -> Option<Self> {
        Some(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned))
    }
    fn text(&self) -> String {
        self.clone().unwrap_or_default()
    }
}

/// Policy for faults that the machine reports while a script runs.
impl Value for Policy {
    const WHAT: &'static str = "count, note or off, then codes of docs/diagnosis.md as CODE=note, =degraded or =failed";
    const FORM: &'static str = "string";
    fn parse(text: &str) -> Option<Self> {
        Policy::parse(text)
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

/// Names of variables.
impl Value for Names {
    const WHAT: &'static str = "names of variables with blanks between them, or empty for none";
    const FORM: &'static str = "string";
    fn parse(text: &str) -> Option<Self> {
        Names::parse(text)
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_is_none_and_a_count_of_zero_is_wrong() {
        assert_eq!(<Option<u32> as Value>::parse("0"), Some(None));
        assert_eq!(<Option<u32> as Value>::parse("3"), Some(Some(3)));
        assert_eq!(<u64 as Value>::parse("0"), None);
        assert_eq!(<Duration as Value>::parse("90"), Some(Duration::from_secs(90)));
        for wrong in ["", "-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(<Option<u32> as Value>::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn every_value_reads_back() {
        fn holds<T: Value + PartialEq + std::fmt::Debug>(value: T) {
            assert_eq!(T::parse(&value.text()), Some(value));
        }
        holds::<Option<u64>>(None);
        holds(Some(7_usize));
        holds(7_u32);
        holds(true);
        holds(Names::default());
        holds(Names::parse("http_proxy HTTPS_PROXY").expect("names"));
        holds(Duration::from_secs(5));
        holds::<Option<PathBuf>>(None);
        holds(Some(PathBuf::from("/srv/x y")));
    }

    #[test]
    fn a_key_names_its_variable() {
        let key = super::super::site::KEYS.iter().find(|key| key.name == "sync.full_after_days").expect("it is there");
        assert_eq!(key.variable(), "SHAKEDOWN_SYNC_FULL_AFTER_DAYS");
    }
}
