//! JSON and text as they come: a field of an unexpected type is an absent field, and a number is a number in whatever clothes.

use serde_json::Value;

/// A value somewhere in a document, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loose<'a>(Option<&'a Value>);

impl<'a> Loose<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self(Some(value))
    }

    /// What is at a path of keys such as `smartctl.exit_status`.
    pub(super) fn at(self, path: &str) -> Self {
        path.split('.').fold(self, |at, key| Self(at.0.and_then(|value| value.get(key))))
    }

    /// There is something, be it of a wrong type; null is nothing.
    pub(super) fn is_there(self) -> bool {
        self.0.is_some_and(|value| !value.is_null())
    }

    /// A number that is not negative: also 12.0, `"12"` and `"12,345"`. What is larger than 64 bits is as large as they allow.
    pub(super) fn number(self) -> Option<u64> {
        match self.0? {
            Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => whole_text(text),
            _ => None,
        }
    }

    /// The number at a key of an object. `--json=v` adds the same as a text under `KEY_s`, which is right where the number is not.
    pub(super) fn number_at(self, path: &str) -> Option<u64> {
        self.at(&format!("{path}_s")).number().or_else(|| self.at(path).number())
    }

    /// A number that may be negative.
    pub(super) fn signed(self) -> Option<i64> {
        match self.0? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Yes or no, also in words and as 0 and 1.
    pub(super) fn flag(self) -> Option<bool> {
        match self.0? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Value::Number(number) => number.as_u64().filter(|one| *one < 2).map(|one| one == 1),
            _ => None,
        }
    }

    /// A text with something in it.
    pub(super) fn text(self) -> Option<String> {
        let text = self.0?.as_str()?.trim();
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }

    /// A text as it is.
    pub(super) fn line(self) -> Option<&'a str> {
        self.0?.as_str()
    }

    /// The elements of a list, empty ones with them.
    pub(super) fn elements(self) -> Vec<Loose<'a>> {
        self.0.and_then(Value::as_array).map(|list| list.iter().map(Self::new).collect()).unwrap_or_default()
    }

    /// The keys of an object.
    pub(super) fn keys(self) -> Vec<&'a str> {
        self.0.and_then(Value::as_object).map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// The elements of a list; a lone object is a list of one.
    pub(super) fn list(self) -> Vec<Loose<'a>> {
        match self.0 {
            Some(Value::Array(list)) => list.iter().map(Self::new).collect(),
            Some(value @ Value::Object(_)) => vec![Self::new(value)],
            _ => Vec::new(),
        }
    }
}

/// A floating number that is meant as a whole one.
fn whole(number: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, which is what is wanted"
    )]
    (number >= 0.0).then_some(number as u64)
}

/// A text that is a number and nothing else.
fn whole_text(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_number = text.chars().all(|c| c.is_ascii_digit() || SEPARATORS.contains(&c));
    is_number.then(|| leading_number(text)).flatten()
}

/// What may stand between groups of three digits; smartctl's text follows the locale.
const SEPARATORS: [char; 8] = [',', '.', '\'', '’', ' ', '\u{a0}', '\u{202f}', '\u{fffd}'];

/// The integer that a text begins with: 12 of `12 (Min/Max 18/56)`, 8760 of `8,760`, 35825 of `35825h+02m`. Hexadecimal with `0x`.
pub(super) fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        let end = hexadecimal.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hexadecimal.len());
        return u64::from_str_radix(&hexadecimal[..end], 16).ok();
    }
    let mut rest = text;
    let mut digits = String::new();
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        digits.push_str(&rest[..end]);
        rest = &rest[end..];
        match grouped(rest).filter(|_| !digits.is_empty() && digits.len() < 40) {
            Some(group) => rest = group,
            None => break,
        }
    }
    if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(u64::MAX)) }
}

/// A number of bytes that its unit follows, or the same in a bracket, whatever stands between its digits: `960 197 124 096 bytes`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, _) = text.split_once(" bytes").or_else(|| text.split_once(" ["))?;
    let is_number = number.chars().all(|c| c.is_ascii_digit() || !c.is_ascii_alphanumeric());
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|_| is_number)
}

/// What follows a separator, if it is a group of exactly three digits.
fn grouped(rest: &str) -> Option<&str> {
    let group = rest.strip_prefix(SEPARATORS)?;
    // A blank also separates counters ("0 0 1", "24 100"): only a locale's own blanks group.
    let digits = group.chars().take_while(char::is_ascii_digit).count();
    (digits == 3 && !rest.starts_with(' ')).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_is_a_number_in_whatever_clothes() {
        let values =
            json!([7, 7.0, "7", " 7 ", "1,234", "340282366920938463463374607431768211455", 1e30, 2, "7 (1)", null, -1]);
        let numbers: Vec<Option<u64>> = Loose::new(&values).list().into_iter().map(Loose::number).collect();
        let seven = Some(7);
        let huge = Some(u64::MAX);
        assert_eq!(numbers, [seven, seven, seven, seven, Some(1234), huge, huge, Some(2), None, None, None]);
        let verbose = json!({"bytes": 1.844_674_407_370_955_2e19, "bytes_s": "18446744073709551615"});
        assert_eq!(Loose::new(&verbose).number_at("bytes"), Some(u64::MAX));
    }

    #[test]
    fn a_counter_is_the_integer_that_a_raw_value_begins_with() {
        let raws =
            ["0 (2000 0)", "35825h+02m+39s", "29 (Min/Max 18/56)", "0 0 1", "2765/13191816", "25597h+17m+05.460s"];
        assert_eq!(raws.map(leading_number), [0, 35825, 29, 0, 2765, 25597].map(Some));
        assert_eq!(["-", "", "---"].map(leading_number), [None; 3]);
        assert_eq!(leading_number("0x001b4a0000"), Some(0x1b4a_0000));
    }

    #[test]
    fn numbers_are_grouped_by_the_locale() {
        let grouped = ["8,760", "4.000.787.030.016 bytes", "4\u{202f}000", "4’000", "8,76"];
        assert_eq!(grouped.map(leading_number), [8760, 4_000_787_030_016, 4000, 4000, 8].map(Some));
    }
}
