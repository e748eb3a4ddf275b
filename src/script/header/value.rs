//! What the region's upload form makes of a value (recorded: "script header: fields").

use super::duration;
use crate::yaml::{Int, Node, Other};

/// The word that a number or a word is; nothing for booleans and collections.
pub(super) fn word(node: &Node) -> Option<String> {
    match node {
        Node::String(text) => Some(text.clone()),
        Node::Int(Int { digits, .. }) => Some(digits.clone()),
        _ => None,
    }
}

/// Text as the region keeps it: numbers as they are read, booleans in Python's spelling.
pub(super) fn text(node: &Node) -> Option<String> {
    match node {
        Node::Bool(true) => Some("True".to_owned()),
        Node::Bool(false) => Some("False".to_owned()),
        other => word(other).or_else(|| other.to_text()),
    }
}

/// A flag: only what is empty or says false is false, so that `nonsense` and `"no"` are true.
pub(super) fn flag(node: &Node) -> bool {
    match node {
        Node::Null => false,
        Node::Bool(value) => *value,
        Node::Int(number) => number.digits != "0",
        Node::Float(number) => number.value != 0.0,
        Node::String(text) => !text.is_empty() && !["false", "0"].contains(&text.to_lowercase().as_str()),
        Node::Sequence(items) => !items.is_empty(),
        Node::Mapping(pairs) => !pairs.is_empty(),
        Node::Other(_) => true,
    }
}

/// A time limit in whole seconds, begun ones counted; negative ones are none.
pub(super) fn timeout(node: &Node) -> Option<u64> {
    let seconds = time_limit(node)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no limit is beyond u64, none below 0")]
    Some(seconds.max(0.0).ceil() as u64)
}

/// A time limit in seconds to the microsecond, negative ones as they are.
pub(in crate::script) fn time_limit(node: &Node) -> Option<f64> {
    match node {
        Node::Int(number) => duration::seconds(&number.digits),
        // What Python would write with an exponent is no duration.
        Node::Float(number) if number.value == 0.0 || (1e-4..1e16).contains(&number.value.abs()) => Some(number.value),
        Node::String(text) => duration::seconds(text),
        _ => None,
    }
}

/// Why a database of JSON cannot keep a value, which the region answers with an error of its own.
pub(super) fn unstorable(node: &Node, yaml: &str) -> Option<String> {
    // What is read as U+FFFD without being written is half of a pair: `"\ud83d"`.
    let has_halves = !yaml.contains('\u{fffd}') && !yaml.to_ascii_lowercase().contains("fffd");
    // Aliases can say more than anybody waits for.
    let mut left = 100_000;
    let mut open = vec![(node, false)];
    while let Some((node, is_key)) = open.pop() {
        left -= 1;
        if left == 0 {
            return None;
        }
        match node {
            Node::String(text) if text.contains('\0') => return Some(format!("{text:?} has a NUL character")),
            Node::String(text) if has_halves && text.contains('\u{fffd}') => {
                return Some(format!("{text:?} has half of a character"));
            }
            Node::Float(number) if !is_key && !number.value.is_finite() => {
                return Some(format!("{} is no number to JSON", number.text));
            }
            Node::Other(other @ (Other::Date | Other::DateTime)) => {
                return Some(format!("a {} is none to JSON (put it into quotes)", other.name()));
            }
            Node::Other(other) if *other != Other::Pair => return Some(format!("a value is {} to YAML", other.name())),
            Node::Sequence(items) => open.extend(items.iter().map(|item| (item, false))),
            Node::Mapping(pairs) => open.extend(pairs.iter().flat_map(|(key, value)| [(key, true), (value, false)])),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    /// Each as a region answered it.
    #[test]
    fn time_limits_are_read_as_the_upload_form_reads_them() {
        let rows = [
            ("60", Some(60)),
            ("1.5", Some(2)),
            ("-5", Some(0)),
            ("\"00:05:00\"", Some(300)),
            ("00:05:00", Some(300)),
            ("5:00", Some(300)),
            ("1:30:00", Some(5400)),
            ("1 day", Some(86_400)),
            ("1 day, 0:00:00", Some(86_400)),
            ("\"2 02:00:00\"", Some(180_000)),
            ("P1D", Some(86_400)),
            ("PT5M", Some(300)),
            ("99999999999", Some(99_999_999_999)),
            ("010", Some(8)),
            ("0x10", Some(16)),
            ("1:99:99", Some(9639)),
            ("5 minutes", None),
            ("5m", None),
            ("\"\"", None),
            ("yes", None),
            ("[60]", None),
            ("1e3", None),
            (".inf", None),
            ("1 days 00:00:10", Some(86_410)),
            ("1,5", Some(2)),
            ("00:00:00.0000001", None),
            ("\" 60 \"", None),
            ("99999999999999", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(timeout(&yaml::parse(text.as_bytes()).expect("YAML")), seconds, "{text}");
        }
    }
}
