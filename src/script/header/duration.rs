//! A length of time as the region's form reads one: as Django reads durations, in one of three spellings, and as far as Python counts days.

/// Days that Python counts to.
const MOST_DAYS: f64 = 1e9;
const DAY: f64 = 86_400.0;

/// Seconds of `90`, `1.5`, `MM:SS`, `HH:MM:SS`, `2 days, HH:MM:SS`, `P1DT2H3M4S`, `1 days 00:00:10`; blanks around it are none of them.
pub(super) fn seconds(text: &str) -> Option<f64> {
    // Nothing at all is no duration, though the last spelling has nothing that must be there.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let found = plain(text).or_else(|| iso(text)).or_else(|| interval(text).filter(|_| !text.is_empty()))?;
    (found.abs() < MOST_DAYS * DAY).then_some(found)
}

fn whole(text: &str) -> Option<f64> {
    let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_whole.then(|| text.parse().ok()).flatten()
}

fn signed(text: &str) -> Option<f64> {
    match text.strip_prefix('-') {
        Some(rest) => whole(rest).map(|number| -number),
        None => whole(text),
    }
}

/// The digits behind the point of a number, of which millionths count.
fn fraction(digits: &str, most: usize) -> Option<f64> {
    whole(digits).filter(|_| digits.len() <= most)?;
    format!("0.{}", &digits[..digits.len().min(6)]).parse().ok()
}

fn plain(text: &str) -> Option<f64> {
    let (days, time) = match text.split_once(' ') {
        Some((days, rest)) => {
            let time = rest.strip_prefix("day, ").or_else(|| rest.strip_prefix("days, "));
            (signed(days)?, time.unwrap_or(rest))
        }
        None => (0.0, text),
    };
    let (sign, time) = time.strip_prefix('-').map_or((1.0, time), |time| (-1.0, time));
    let (time, part) = match time.split_once(['.', ',']) {
        Some((time, digits)) => (time, fraction(digits, 12)?),
        None => (time, 0.0),
    };
    let parts = time.split(':').map(whole).collect::<Option<Vec<_>>>()?;
    let clock = (parts.len() <= 3).then(|| parts.into_iter().fold(0.0, |total, part| total * 60.0 + part))?;
    Some(days * DAY + sign * (clock + part))
}

fn iso(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let (mut total, rest) = piece(unsigned.strip_prefix('P')?, 'D', DAY);
    let Some(mut rest) = rest.strip_prefix('T') else { return rest.is_empty().then_some(sign * total) };
    for (unit, seconds) in [('H', 3600.0), ('M', 60.0), ('S', 1.0)] {
        let (more, after) = piece(rest, unit, seconds);
        (total, rest) = (total + more, after);
    }
    rest.is_empty().then_some(sign * total)
}

/// A number with its unit, if it stands there, and what follows.
fn piece(text: &str, unit: char, seconds: f64) -> (f64, &str) {
    let number = text.split_once(unit).and_then(|(number, rest)| {
        let (before, after) = number.split_once(['.', ',']).unwrap_or((number, "0"));
        whole(before).and(whole(after))?;
        Some((format!("{before}.{after}").parse::<f64>().ok()? * seconds, rest))
    });
    number.unwrap_or((0.0, text))
}

fn interval(text: &str) -> Option<f64> {
    let days = text.split_once(" day").and_then(|(days, rest)| {
        let rest = rest.strip_prefix('s').unwrap_or(rest);
        Some((signed(days)?, rest.strip_prefix(' ').unwrap_or(rest)))
    });
    let (days, time) = days.unwrap_or((0.0, text));
    if time.is_empty() {
        return Some(days * DAY);
    }
    let sign = if time.starts_with('-') { -1.0 } else { 1.0 };
    let time = time.strip_prefix(['-', '+']).unwrap_or(time);
    let (time, part) = match time.split_once('.') {
        Some((time, digits)) => (time, fraction(digits, 6)?),
        None => (time, 0.0),
    };
    let parts: Vec<&str> = time.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else { return None };
    let two = |text: &str| whole(text).filter(|_| text.len() == 2);
    let clock = whole(hours)? * 3600.0 + two(minutes)? * 60.0 + two(seconds)?;
    Some(days * DAY + sign * (clock + part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Django 5's `parse_duration` makes of each, and Python's `timedelta`.
    #[test]
    fn durations_are_those_of_the_form() {
        let rows = [
            ("90", 90.0),
            ("1,5", 1.5),
            ("1.123456789", 1.123_456),
            ("1:02:03,5", 3723.5),
            ("-5:00", -300.0),
            ("1 00:00:10", 86_410.0),
            ("-1 day, 23:59:55", -5.0),
            ("1 days 00:00:10", 86_410.0),
            ("2 days", 172_800.0),
            ("1 day +1:00:00.5", 90_000.5),
            ("PT", 0.0),
            ("P", 0.0),
            ("P1,5DT1M", 129_660.0),
            ("+PT1H2M3.5S", 3723.5),
            ("-PT5M", -300.0),
            ("99999999999", 99_999_999_999.0),
        ];
        for (text, expected) in rows {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        let others = [
            "",
            " ",
            " 60 ",
            "60 ",
            "90s",
            "5m",
            "5 minutes",
            "1.",
            ".5",
            "1.1234567890123",
            "1:2:3:4",
            "+5",
            "1 day 5",
            "1 1:2:3:4",
            "PT-5M",
            "P1W",
            "p1d",
            "PT5",
            "P5M",
            "PT1M1H",
            "1e3",
            "1_000",
            "- 5",
            "1 day, ",
            "99999999999999",
            "999999999999 days",
        ];
        for text in others {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }
}
