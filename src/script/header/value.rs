//! What the region's upload form makes of a value (recorded: "script header: fields").

use crate::yaml::{Int, Node};

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
    let seconds = match node {
        Node::Int(number) => number.digits.parse().ok()?,
        Node::Float(number) if number.value.is_finite() => number.value,
        Node::String(text) => duration(text)?,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no limit is beyond u64, none below 0")]
    Some(seconds.max(0.0).ceil() as u64)
}

/// Seconds of `90`, `1.5`, `MM:SS`, `HH:MM:SS`, `2 days, HH:MM:SS`, or `P1DT2H3M4S`.
fn duration(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.strip_prefix(['P', 'p']) {
        Some(rest) => iso(rest),
        None => clock(text),
    }
}

fn number(text: &str) -> Option<f64> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    fits.then(|| text.parse().ok()).flatten()
}

fn clock(text: &str) -> Option<f64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (days, time) = match words.as_slice() {
        [days, "day" | "days"] => return signed(days).map(|days| days * 86_400.0),
        [days, "day," | "days,", time] | [days, time] => (signed(days)?, *time),
        [time] => (0.0, *time),
        _ => return None,
    };
    let sign = if time.starts_with('-') { -1.0 } else { 1.0 };
    let parts = time.strip_prefix('-').unwrap_or(time).split(':').map(number).collect::<Option<Vec<_>>>()?;
    let total = (parts.len() <= 3).then(|| parts.into_iter().fold(0.0, |total, part| total * 60.0 + part))?;
    Some(days * 86_400.0 + sign * total)
}

fn signed(text: &str) -> Option<f64> {
    Some(number(text.strip_prefix('-').unwrap_or(text))? * if text.starts_with('-') { -1.0 } else { 1.0 })
}

fn iso(text: &str) -> Option<f64> {
    let (mut total, mut digits, mut in_time, mut parts) = (0.0, String::new(), false, 0);
    for c in text.chars() {
        let unit = match c {
            '0'..='9' | '.' => {
                digits.push(c);
                continue;
            }
            'T' if !in_time && digits.is_empty() => {
                in_time = true;
                continue;
            }
            'D' if !in_time => 86_400.0,
            'H' if in_time => 3_600.0,
            'M' if in_time => 60.0,
            'S' if in_time => 1.0,
            _ => return None,
        };
        total += number(&std::mem::take(&mut digits))? * unit;
        parts += 1;
    }
    (digits.is_empty() && parts > 0).then_some(total)
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
        ];
        for (text, seconds) in rows {
            assert_eq!(timeout(&yaml::parse(text.as_bytes()).expect("YAML")), seconds, "{text}");
        }
    }
}
