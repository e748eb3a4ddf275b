//! Ranges as a profile writes them: `>=2.4.4`, `<3`, `2.4..2.6`, `>=2, <4`, or one value.

use super::fact::plain;
use super::want::End;

/// Letters of which a sign is made. `!` is no sign of a profile, but people write it.
const SIGNS: [char; 4] = ['>', '<', '=', '!'];

/// A range of numbers, versions or amounts.
#[derive(Clone, Debug)]
pub(super) struct Range<T> {
    /// Lower end; `None` if there is no lower limit.
    pub(super) low: Option<End<T>>,
    /// Upper end; `None` if there is no upper limit.
    pub(super) high: Option<End<T>>,
    /// True if the profile has a single value instead of a range.
    pub(super) is_one: bool,
    /// The range in words for messages: `at least 2.4 and less than 3`.
    pub(super) shown: String,
}

/// Parses a range; `read` parses its ends. Blanks, commas or `and` may be between two limits.
///
/// # Errors
/// A message if the text is not a range, or the error of `read`.
pub(super) fn parse<T: Clone>(text: &str, read: &impl Fn(&str) -> Result<T, String>) -> Result<Range<T>, String> {
    let text = plain(&text.replace('≥', ">=").replace('≤', "<=").replace('…', ".."));
    if let Some((low, high)) = text.split_once("..") {
        return between((low.trim(), high.trim()), read);
    }
    let mut range = Range { low: None, high: None, is_one: false, shown: String::new() };
    let Some(sign) = text.find(SIGNS) else {
        range.one(read(&text)?, &text);
        return Ok(range);
    };
    if sign > 0 {
        return Err(format!("\"{text}\" is no range: a limit begins with its sign, as \">=2, <4\"; a range is 2..4"));
    }
    let limits = limits(&text);
    for (sign, written) in &limits {
        let (is_low, included, word) = match *sign {
            ">=" => (true, true, "at least"),
            ">" => (true, false, "more than"),
            "<=" => (false, true, "at most"),
            "<" => (false, false, "less than"),
            "=" | "==" if limits.len() == 1 => {
                range.one(read(written)?, written);
                return Ok(range);
            }
            other => return Err(no_sign(other)),
        };
        let end = if is_low { &mut range.low } else { &mut range.high };
        if end.is_some() {
            let which = if is_low { "lower" } else { "upper" };
            return Err(format!("\"{text}\" has two {which} ends: keep the one that is meant"));
        }
        *end = Some(End { value: read(written)?, included });
        let and = if range.shown.is_empty() { "" } else { " and " };
        range.shown.push_str(&format!("{and}{word} {written}"));
    }
    Ok(range)
}

impl<T: Clone> Range<T> {
    fn one(&mut self, value: T, written: &str) {
        self.low = Some(End { value: value.clone(), included: true });
        self.high = Some(End { value, included: true });
        self.is_one = true;
        self.shown = written.to_owned();
    }
}

fn between<T>((low, high): (&str, &str), read: &impl Fn(&str) -> Result<T, String>) -> Result<Range<T>, String> {
    if high.contains("..") || high.starts_with('.') {
        return Err("a range has two ends: \"2..4\"".to_owned());
    }
    if low.contains(SIGNS) || high.contains(SIGNS) {
        return Err("a range has signs or two points, not both: \"2..4\" or \">=2, <4\"".to_owned());
    }
    let end = |text: &str| {
        if text.is_empty() { Ok(None) } else { read(text).map(|value| Some(End { value, included: true })) }
    };
    let shown = match (low, high) {
        ("", "") => return Err("a range needs an end: \"2..4\", \"2..\"".to_owned()),
        (low, "") => format!("at least {low}"),
        ("", high) => format!("at most {high}"),
        (low, high) => format!("{low} to {high}"),
    };
    Ok(Range { low: end(low)?, high: end(high)?, is_one: false, shown })
}

/// Signs of a text, each with what is written after it.
fn limits(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(SIGNS) {
        rest = &rest[start..];
        let sign = rest.find(|c| !SIGNS.contains(&c)).unwrap_or(rest.len());
        let end = rest[sign..].find(SIGNS).map_or(rest.len(), |end| sign + end);
        let written = rest[sign..end].trim();
        // Only what stands between two limits may end with a comma or a word.
        let written = if end < rest.len() { written.trim_end_matches([',', '&', ';']).trim() } else { written };
        let written = written.strip_suffix(" and").filter(|_| end < rest.len()).unwrap_or(written);
        found.push((&rest[..sign], written));
        rest = &rest[end..];
    }
    found
}

fn no_sign(sign: &str) -> String {
    let meant = match sign {
        "=>" => "; did you mean \">=\"?",
        "=<" => "; did you mean \"<=\"?",
        "!" | "!=" | "<>" => "; a profile says what is allowed, as a range or a list: \">2.3\", [\"2.4\", \"2.5\"]",
        _ => "",
    };
    format!("\"{sign}\" is no sign here: >=, >, <=, <, or a range as 2..4{meant}")
}

/// The range that two numbers with a dash between them may mean, as a profile writes it; `None` if the text is something else. A version
/// may end with a number of a package (`1.10-3`), so both sides need as many points.
pub(super) fn dash(text: &str) -> Option<String> {
    let text = text.replace(['–', '—'], "-").replace(" to ", "-");
    let (low, high) = text.split_once('-')?;
    let (low, high) = (low.trim(), high.trim());
    let is_number = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    let digits = high.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(high.len());
    let has_points = |text: &str| text.matches('.').count();
    (is_number(low) && is_number(&high[..digits]) && has_points(low) == has_points(&high[..digits]))
        .then(|| format!("{low}..{high}"))
}

/// The range with the unit of its upper end at both: `64..128 GiB` is `64 GiB..128 GiB`.
pub(super) fn with_unit(text: &str) -> String {
    let has_unit = |text: &str| text.contains(|c: char| c.is_alphabetic());
    match text.split_once("..") {
        Some((low, high)) if !low.trim().is_empty() && !has_unit(low) && has_unit(high) => {
            let unit = high.trim().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            format!("{} {}..{high}", low.trim(), unit.trim())
        }
        _ => text.to_owned(),
    }
}

/// Allowed number of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// Minimum number.
    pub(super) least: usize,
    /// Maximum number; `None` if there is no limit.
    pub(super) most: Option<usize>,
}

impl Count {
    /// Parses a count: `4`, `>=2`, `2..4`.
    ///
    /// # Errors
    /// A message if the text is not a count, or if it allows no number of devices.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let meant = dash(text).map(|range| format!("; a range is \"{range}\"")).unwrap_or_default();
            text.trim().parse::<usize>().map_err(|_| format!("\"{}\" is no number of devices{meant}", text.trim()))
        };
        let range = parse(text, &number)?;
        let least = range.low.map_or(0, |low| low.value.saturating_add(usize::from(!low.included)));
        let most = match range.high {
            None => None,
            Some(high) if high.included => Some(high.value),
            Some(high) => Some(high.value.checked_sub(1).ok_or("fewer than 0 is no number of devices")?),
        };
        if most.is_some_and(|most| most < least) {
            return Err(format!("no number of devices is in {text}"));
        }
        Ok(Count { least, most })
    }

    /// Allows exactly this number.
    pub(super) fn exactly(number: usize) -> Self {
        Count { least: number, most: Some(number) }
    }

    /// The count in words for messages: `4`, `at least 2`, `2 to 4`.
    pub(super) fn show(self) -> String {
        match (self.least, self.most) {
            (least, Some(most)) if least == most => least.to_string(),
            (0, Some(most)) => format!("at most {most}"),
            (least, None) => format!("at least {least}"),
            (least, Some(most)) => format!("{least} to {most}"),
        }
    }

    /// True if one device is all that is allowed, so that messages speak of one.
    pub(super) fn is_one(self) -> bool {
        self.most == Some(1) || self.most.is_none() && self.least == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_numbers_and_ranges() {
        let count = |text: &str| Count::parse(text).map(|count| (count.least, count.most));
        assert_eq!(count("8"), Ok((8, Some(8))));
        assert_eq!(count(">=2"), Ok((2, None)));
        assert_eq!(count("2..4"), Ok((2, Some(4))));
        for text in [">1, <4", ">1 <4", "> 1 and < 4", ">1<4", "≥2 ≤3"] {
            assert_eq!(count(text), Ok((2, Some(3))), "{text}");
        }
        for text in ["4..2", "<0", "two", "", "..", ">=3, <3", "=>2", ">=2, >=3", "2 <3", "2...3", ">=2..3", "!=3", ">"]
        {
            assert!(count(text).is_err(), "{text}");
        }
        assert!(count("2-4").is_err_and(|reason| reason.ends_with("a range is \"2..4\"")));
    }

    #[test]
    fn a_dash_between_two_numbers_may_be_a_range_and_one_before_a_package_number_is_none() {
        assert_eq!(dash("2.4-2.6").as_deref(), Some("2.4..2.6"));
        assert_eq!(dash("64 - 128 GiB").as_deref(), Some("64..128 GiB"));
        assert_eq!((dash("1.10-3"), dash("2.4-rc1"), dash("pci-0000")), (None, None, None));
        assert_eq!(with_unit("64..128 GiB"), "64 GiB..128 GiB");
        assert_eq!(with_unit("64 MiB..128 GiB"), "64 MiB..128 GiB");
    }
}
