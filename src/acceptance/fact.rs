//! One fact of the inventory: a value, or the reason why it is unknown.

use super::unit::Unit;

/// One fact of a machine or a device.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    /// A text.
    Text(String),
    /// Names for the same thing, of which one has to match: a disk is `sata` and also `hdd`.
    Any(Vec<String>),
    /// Several values at once, such as two microcode versions; all of them have to match.
    Every(Vec<String>),
    /// A number in the unit of the inventory (see `Unit`).
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// No value, with the reason: reading failed, or the machine does not report it.
    Unknown(String),
}

impl Fact {
    /// A text with its blanks tidied; `Unknown` if it is empty.
    pub(super) fn text(text: &str) -> Self {
        let text = plain(text);
        if text.is_empty() { Fact::Unknown("the machine does not tell it".to_owned()) } else { Fact::Text(text) }
    }

    /// The value with its unit for messages: `64 GiB`, `on`, `unknown`.
    pub(super) fn show(&self, unit: Unit) -> String {
        match self {
            Fact::Text(text) => text.clone(),
            Fact::Any(names) => names.first().cloned().unwrap_or_default(),
            Fact::Every(texts) => texts.join(" and "),
            Fact::Number(number) => unit.show(*number),
            Fact::Flag(flag) => if *flag { "on" } else { "off" }.to_owned(),
            Fact::Unknown(_) => "unknown".to_owned(),
        }
    }

    /// Texts of the fact, the preferred one first; none for numbers, flags and unknown facts.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let (one, more): (Option<&str>, &[String]) = match self {
            Fact::Text(text) => (Some(text), &[]),
            Fact::Any(texts) | Fact::Every(texts) => (None, texts),
            Fact::Number(_) | Fact::Flag(_) | Fact::Unknown(_) => (None, &[]),
        };
        one.into_iter().chain(more.iter().map(String::as_str))
    }

    /// True if the value is known.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self, Fact::Unknown(_))
    }
}

/// Trims a text, and replaces each run of blanks by one.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
