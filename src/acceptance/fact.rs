//! What an inventory says of one thing, and what it does not.

use super::unit::Unit;

/// One fact of a machine or a device.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    /// A text.
    Text(String),
    /// Names of which each is right: a disk is `sata` and an `hdd`.
    Any(Vec<String>),
    /// Texts that hold at once: two microcodes. All of them have to be right.
    Every(Vec<String>),
    /// A number in what the inventory counts in.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// It could not be read, or the machine does not tell; with the reason.
    Unknown(String),
}

impl Fact {
    /// A text; nothing is not a text.
    pub(super) fn text(text: &str) -> Self {
        let text = plain(text);
        if text.is_empty() { Fact::Unknown("the machine does not tell it".to_owned()) } else { Fact::Text(text) }
    }

    /// For people.
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

    /// The texts of it, the best one first.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let (one, more): (Option<&str>, &[String]) = match self {
            Fact::Text(text) => (Some(text), &[]),
            Fact::Any(texts) | Fact::Every(texts) => (None, texts),
            Fact::Number(_) | Fact::Flag(_) | Fact::Unknown(_) => (None, &[]),
        };
        one.into_iter().chain(more.iter().map(String::as_str))
    }

    /// Whether it is known.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self, Fact::Unknown(_))
    }
}

/// A text without blanks around it, and runs of blanks as one.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
