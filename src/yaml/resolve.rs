//! What a word means: YAML 1.1's types as PyYAML tells them apart and reads them.

/// The type of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    Merge,
    /// The key `=`.
    Value,
    Str,
    Binary,
    Seq,
    Map,
    Set,
    Omap,
    Pairs,
    Unknown(String),
}

impl Tag {
    /// The tag of a full name.
    pub(super) fn named(name: &str) -> Tag {
        match name.strip_prefix("tag:yaml.org,2002:") {
            Some("null") => Tag::Null,
            Some("bool") => Tag::Bool,
            Some("int") => Tag::Int,
            Some("float") => Tag::Float,
            Some("timestamp") => Tag::Timestamp,
            Some("merge") => Tag::Merge,
            Some("value") => Tag::Value,
            Some("str") => Tag::Str,
            Some("binary") => Tag::Binary,
            Some("seq") => Tag::Seq,
            Some("map") => Tag::Map,
            Some("set") => Tag::Set,
            Some("omap") => Tag::Omap,
            Some("pairs") => Tag::Pairs,
            _ => Tag::Unknown(name.to_owned()),
        }
    }
}

/// The type of a word without quotes and without a tag.
pub(super) fn implicit(word: &str) -> Tag {
    // A tag `!` lets the text of a block be typed, too, whose last break does not count.
    let word = word.strip_suffix('\n').filter(|word| !word.is_empty()).unwrap_or(word);
    match word {
        "" | "~" | "null" | "Null" | "NULL" => Tag::Null,
        "<<" => Tag::Merge,
        "=" => Tag::Value,
        _ if is_bool(word) => Tag::Bool,
        _ if is_float(word) => Tag::Float,
        _ if is_int(word) => Tag::Int,
        _ if is_timestamp(word) => Tag::Timestamp,
        _ => Tag::Str,
    }
}

fn is_bool(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let is_word = ["yes", "no", "true", "false", "on", "off"].contains(&lower.as_str());
    let capital = |first: &str| word == format!("{}{}", first.to_ascii_uppercase(), &lower[1..]);
    is_word && (word == lower || word == lower.to_ascii_uppercase() || capital(&lower[..1]))
}

fn unsigned(word: &str) -> &str {
    word.strip_prefix(['-', '+']).unwrap_or(word)
}

fn all(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(fits)
}

fn digit_or_line(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// `:59:59`, at least once.
fn is_sixties(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|rest| {
        rest.split(':').all(|part| match part.as_bytes() {
            [one] => one.is_ascii_digit(),
            [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
            _ => false,
        })
    })
}

fn is_int(word: &str) -> bool {
    let rest = unsigned(word);
    if let Some(digits) = rest.strip_prefix("0b") {
        return !digits.is_empty() && all(digits, |b| b"01_".contains(&b));
    }
    if let Some(digits) = rest.strip_prefix("0x") {
        return !digits.is_empty() && all(digits, |b| b.is_ascii_hexdigit() || b == b'_');
    }
    if let Some(digits) = rest.strip_prefix('0') {
        return all(digits, |b| (b'0'..=b'7').contains(&b) || b == b'_');
    }
    let end = rest.find(':').unwrap_or(rest.len());
    let (head, tail) = rest.split_at(end);
    begins_with_digit(head) && all(head, digit_or_line) && (tail.is_empty() || is_sixties(tail))
}

fn is_float(word: &str) -> bool {
    if matches!(word, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let rest = unsigned(word);
    if matches!(rest, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let Some((whole, fraction)) = rest.split_once('.') else { return false };
    let (digits, exponent) = match fraction.find(['e', 'E']) {
        Some(at) => (&fraction[..at], Some(&fraction[at + 1..])),
        None => (fraction, None),
    };
    let has_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or_default();
        !digits.is_empty() && all(digits, |b| b.is_ascii_digit())
    });
    if !has_exponent || !all(digits, digit_or_line) {
        return false;
    }
    match whole.find(':') {
        // No sign before a number that begins with its point.
        None if whole.is_empty() => rest.len() == word.len() && begins_with_digit(digits),
        None => begins_with_digit(whole) && all(whole, digit_or_line),
        Some(at) => {
            let head = &whole[..at];
            exponent.is_none() && begins_with_digit(head) && all(head, digit_or_line) && is_sixties(&whole[at..])
        }
    }
}

fn is_timestamp(word: &str) -> bool {
    let parts = |text: &str| -> Vec<usize> { text.split('-').map(str::len).collect() };
    let is_date = word.len() == 10 && parts(word) == [4, 2, 2] && all(word, |b| b.is_ascii_digit() || b == b'-');
    is_date || timestamp(word).is_some_and(|stamp| stamp.hour.is_some())
}

/// The fields of a date, or of a date with a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Stamp {
    year: i16,
    month: i8,
    day: i8,
    hour: Option<(i8, i8, i8)>,
    /// Minutes from UTC.
    offset: i32,
}

/// Takes 1 or 2 digits (`least` says which) off a text.
fn digits(text: &str, least: usize, most: usize) -> Option<(i16, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    Some((text[..count].parse().ok()?, &text[count..]))
}

fn two(text: &str, least: usize) -> Option<(i8, &str)> {
    let (number, rest) = digits(text, least, 2)?;
    Some((i8::try_from(number).ok()?, rest))
}

fn timestamp(word: &str) -> Option<Stamp> {
    let (year, rest) = digits(word, 4, 4)?;
    let (month, rest) = two(rest.strip_prefix('-')?, 1)?;
    let (day, rest) = two(rest.strip_prefix('-')?, 1)?;
    let mut stamp = Stamp { year, month, day, ..Stamp::default() };
    if rest.is_empty() {
        return Some(stamp);
    }
    let time = match rest.strip_prefix(['T', 't']) {
        Some(time) => time,
        None => Some(rest.trim_start_matches([' ', '\t'])).filter(|time| time.len() < rest.len())?,
    };
    let (hour, rest) = two(time, 1)?;
    let (minute, rest) = two(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = two(rest.strip_prefix(':')?, 2)?;
    stamp.hour = Some((hour, minute, second));
    let rest = rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let zone = rest.trim_start_matches([' ', '\t']);
    if rest.is_empty() || zone == "Z" {
        return Some(stamp);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = two(zone.strip_prefix(['-', '+'])?, 1)?;
    let (minutes, rest) = match rest.strip_prefix(':') {
        Some(rest) => two(rest, 2)?,
        None => (0, rest),
    };
    stamp.offset = sign * (i32::from(hours) * 60 + i32::from(minutes));
    rest.is_empty().then_some(stamp)
}

/// True if a date has a time, or why there is no such time.
pub(super) fn read_timestamp(text: &str) -> Result<bool, String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let stamp = timestamp(text).ok_or_else(|| format!("{text:?} is no date"))?;
    if stamp.year == 0 || jiff::civil::Date::new(stamp.year, stamp.month, stamp.day).is_err() {
        return Err(format!("{text} is a date that does not exist"));
    }
    let Some((hour, minute, second)) = stamp.hour else { return Ok(false) };
    if hour > 23 || minute > 59 || second > 59 || stamp.offset.abs() >= 24 * 60 {
        return Err(format!("{text} is a time that does not exist"));
    }
    Ok(true)
}

pub(super) fn read_bool(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" => Ok(true),
        "no" | "false" | "off" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

pub(super) fn read_float(text: &str) -> Result<f64, String> {
    let bad = || format!("{text:?} is no number");
    let lower = text.replace('_', "").to_lowercase();
    let sign = if lower.starts_with('-') { -1.0 } else { 1.0 };
    let rest = unsigned(&lower);
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| bad());
    let value = match rest {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ if rest.contains(':') => {
            let (mut total, mut base) = (0.0, 1.0);
            for part in rest.rsplit(':') {
                total += number(part)? * base;
                base *= 60.0;
            }
            total
        }
        _ => number(rest)?,
    };
    Ok(sign * value)
}

/// The digits of a whole number in the usual notation.
pub(super) fn read_int(text: &str) -> Result<String, String> {
    let bad = || format!("{text:?} is no whole number");
    let clean = text.replace('_', "");
    let rest = unsigned(&clean);
    let is_negative = clean.starts_with('-');
    let (radix, parts): (u32, Vec<&str>) = if let Some(digits) = rest.strip_prefix("0b") {
        (2, vec![digits.strip_prefix("0b").unwrap_or(digits)])
    } else if let Some(digits) = rest.strip_prefix("0x") {
        (16, vec![digits.strip_prefix("0x").unwrap_or(digits)])
    } else if rest.starts_with('0') && rest != "0" {
        (8, vec![rest.strip_prefix("0o").or_else(|| rest.strip_prefix("0O")).unwrap_or(rest)])
    } else {
        (10, rest.split(':').collect())
    };
    let mut total = Big::default();
    let mut sign = is_negative;
    let is_one = parts.len() == 1;
    for part in parts {
        let part = part.trim();
        // The sign of a sign: `int("--1")` is none, but "- 1" after a sign is taken once more.
        let digits = if is_one { unsigned(part) } else { part };
        if is_one && part.starts_with('-') {
            sign = !sign;
        }
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(bad());
        }
        if radix == 10 && digits.len() > MAX_DIGITS {
            return Err(format!("a number of {} digits, more than {MAX_DIGITS}", digits.len()));
        }
        let mut value = Big::default();
        value.push_digits(digits, radix);
        total.push(60, 0);
        total.add(&value);
    }
    if total.is_cut {
        return Ok(clean);
    }
    let digits = total.to_decimal();
    Ok(if sign && digits != "0" { format!("-{digits}") } else { digits })
}

/// Decimal digits that Python turns into a number.
pub(super) const MAX_DIGITS: usize = 4300;
/// Parts of nine digits of a number that is kept exactly; what is larger cannot be written by the region either.
const MAX_PARTS: usize = 1200;

/// A whole number of any size; nine decimal digits in each part, the lowest first.
#[derive(Default)]
struct Big {
    parts: Vec<u64>,
    /// More parts than are kept.
    is_cut: bool,
}

impl Big {
    const BASE: u64 = 1_000_000_000;

    fn push_digits(&mut self, digits: &str, radix: u32) {
        // Up to six at a time, which are below a part even of hexadecimal ones.
        for chunk in digits.as_bytes().chunks(6) {
            let fold = |(factor, value), byte: &u8| {
                (
                    factor * u64::from(radix),
                    value * u64::from(radix) + u64::from(char::from(*byte).to_digit(radix).unwrap_or_default()),
                )
            };
            let (factor, value) = chunk.iter().fold((1, 0), fold);
            self.push(factor, value);
        }
    }

    /// Times `factor`, plus `more`.
    fn push(&mut self, factor: u64, more: u64) {
        let mut carry = more;
        if self.is_cut {
            return;
        }
        for part in &mut self.parts {
            let value = *part * factor + carry;
            *part = value % Self::BASE;
            carry = value / Self::BASE;
        }
        if carry > 0 {
            self.parts.push(carry);
            self.is_cut = self.parts.len() > MAX_PARTS;
        }
    }

    fn add(&mut self, other: &Big) {
        self.is_cut |= other.is_cut;
        if self.is_cut {
            return;
        }
        let mut carry = 0;
        for place in 0..self.parts.len().max(other.parts.len()) {
            if place == self.parts.len() {
                self.parts.push(0);
            }
            let value = self.parts[place] + other.parts.get(place).copied().unwrap_or(0) + carry;
            self.parts[place] = value % Self::BASE;
            carry = value / Self::BASE;
        }
        if carry > 0 {
            self.parts.push(carry);
        }
    }

    fn to_decimal(&self) -> String {
        let mut parts = self.parts.iter().rev().skip_while(|part| **part == 0);
        let first = parts.next().map_or("0".to_owned(), u64::to_string);
        parts.fold(first, |text, part| format!("{text}{part:09}"))
    }
}

/// True if Python's lenient reader finds base64 here: what is none of its characters is passed over.
pub(super) fn is_base64(text: &str) -> bool {
    let (mut place, mut pads) = (0, 0);
    for c in text.bytes() {
        if c == b'=' {
            pads += usize::from(place >= 2);
            if place >= 2 && place + pads >= 4 {
                return true;
            }
        } else if c.is_ascii_alphanumeric() || c == b'+' || c == b'/' {
            pads = 0;
            place = (place + 1) % 4;
        }
    }
    text.is_ascii() && place == 0
}
