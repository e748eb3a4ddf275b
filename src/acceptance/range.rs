//! Ranges as a profile writes them: `>=2.4.4`, `<3`, `2.4..2.6`, `>=2, <4`, or one value.

use super::want::End;

/// A range of numbers, versions or amounts.
#[derive(Clone, Debug)]
pub(super) struct Range<T> {
    /// Lower end; `None` if there is no lower limit.
    pub(super) low: Option<End<T>>,
    /// Upper end; `None` if there is no upper limit.
    pub(super) high: Option<End<T>>,
    /// True if the profile has a single value instead of a range.
    pub(super) is_one: bool,
}

/// Parses a range; `read` parses its ends.
///
/// # Errors
/// A message if the text is not a range, or the error of `read`.
pub(super) fn parse<T: Clone>(text: &str, read: &impl Fn(&str) -> Result<T, String>) -> Result<Range<T>, String> {
    let text = text.trim();
    let mut range = Range { low: None, high: None, is_one: false };
    if let Some((low, high)) = text.split_once("..") {
        let end = |text: &str| {
            if text.trim().is_empty() { Ok(None) } else { read(text).map(|value| Some(End { value, included: true })) }
        };
        (range.low, range.high) = (end(low)?, end(high)?);
        if range.low.is_none() && range.high.is_none() {
            return Err("a range needs an end: \"2..4\", \"2..\"".to_owned());
        }
        return Ok(range);
    }
    if !text.starts_with(['>', '<', '=']) {
        let value = read(text)?;
        range.low = Some(End { value: value.clone(), included: true });
        range.high = Some(End { value, included: true });
        range.is_one = true;
        return Ok(range);
    }
    for part in text.split(',').map(str::trim) {
        let sign = part.find(|c| !['>', '<', '='].contains(&c)).unwrap_or(part.len());
        let value = read(&part[sign..])?;
        match &part[..sign] {
            ">=" => range.low = Some(End { value, included: true }),
            ">" => range.low = Some(End { value, included: false }),
            "<=" => range.high = Some(End { value, included: true }),
            "<" => range.high = Some(End { value, included: false }),
            "=" | "==" if part.len() == text.len() => {
                range.low = Some(End { value: value.clone(), included: true });
                range.high = Some(End { value, included: true });
                range.is_one = true;
            }
            other => return Err(format!("\"{other}\" is no sign here: >=, >, <=, <, or a range as 2..4")),
        }
    }
    Ok(range)
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
            text.trim().parse::<usize>().map_err(|_| format!("\"{}\" is no number of devices", text.trim()))
        };
        let range = parse(text, &number)?;
        let least = range.low.map_or(0, |low| low.value + usize::from(!low.included));
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
        assert_eq!(count(">1, <4"), Ok((2, Some(3))));
        for text in ["4..2", "<0", "two", "", "..", ">=3, <3", "=>2"] {
            assert!(count(text).is_err(), "{text}");
        }
    }
}
