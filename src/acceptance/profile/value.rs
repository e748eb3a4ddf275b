//! Reads a value of a profile, by the value type of its key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::catalogue::{Field, Shape};
use super::super::fact::plain;
use super::super::pattern::Pattern;
use super::super::range::{Range, parse};
use super::super::unit::Unit;
use super::super::version::Version;
use super::super::want::{End, Want};

/// Maximum number of values in a list, and of models in a table: each costs time for each device, and no hand-written profile has more.
const MOST: usize = 1_000;

/// Reads the required value of a key. Returns it with its words for messages.
///
/// # Errors
/// A message if the value is invalid, or if no fact could ever meet it.
pub(in super::super) fn want(field: &Field, value: &DeValue<'_>) -> Result<(Want, String), String> {
    let (want, shown) = match value {
        DeValue::Array(values) => {
            if values.is_empty() || values.len() > MOST {
                return Err(format!("a list needs 1 to {MOST} values, one of which fits"));
            }
            let wants: Vec<(Want, String)> =
                values.iter().map(|value| one(field, value.get_ref())).collect::<Result<_, _>>()?;
            let shown = wants.iter().map(|(_, shown)| shown.as_str()).collect::<Vec<_>>().join(" or ");
            (Want::Any(wants.into_iter().map(|(want, _)| want).collect()), shown)
        }
        DeValue::Table(models) if field.shape == Shape::Version => by_model(field, models)?,
        value => one(field, value)?,
    };
    if !want.can_fit(field.shape, field.words) {
        return Err(format!("{} is never \"{shown}\"; there are: {}", field.key, field.words.join(", ")));
    }
    Ok((want, shown))
}

fn by_model(field: &Field, models: &DeTable<'_>) -> Result<(Want, String), String> {
    if models.is_empty() || models.len() > MOST {
        return Err(format!("a table by model needs 1 to {MOST} models"));
    }
    let mut wants = Vec::new();
    let mut shown = Vec::new();
    for (model, value) in models {
        let pattern = Pattern::parse(model.get_ref(), false)?;
        let (want, text) = one(field, value.get_ref())?;
        wants.push((pattern, want));
        shown.push(text);
    }
    shown.dedup();
    Ok((Want::ByModel(wants), shown.join(" or ")))
}

fn one(field: &Field, value: &DeValue<'_>) -> Result<(Want, String), String> {
    match field.shape {
        Shape::Flag => match value {
            DeValue::Boolean(flag) => Ok((Want::Flag(*flag), if *flag { "on" } else { "off" }.to_owned())),
            _ => Err("true or false is wanted, without quotes".to_owned()),
        },
        Shape::Text | Shape::Place => {
            let text = value.as_str().ok_or("a text in quotes is wanted")?;
            let pattern = Pattern::parse(text, field.shape == Shape::Place)?;
            if text.trim_start().starts_with(['>', '<', '=']) {
                return Err("ranges are for numbers and versions".to_owned());
            }
            Ok((Want::Text(pattern), plain(text.trim().trim_start_matches('~'))))
        }
        Shape::Version => version(&written(value)?),
        Shape::Number(unit, tolerance) => number(unit, tolerance, &written(value)?),
        Shape::Whole => whole(&written(value)?),
    }
}

/// The text of a string, or the digits of a number as they were written. The error names the type of any other value.
pub(super) fn written(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        other => Err(format!("a number or a text is wanted, not a {}", other.type_str())),
    }
}

fn version(text: &str) -> Result<(Want, String), String> {
    let text = plain(text);
    if text.starts_with('~') {
        return Ok((Want::Text(Pattern::parse(&text, false)?), text.trim_start_matches('~').to_owned()));
    }
    let read = |text: &str| {
        let version = Version::of(text);
        if version.is_empty() { Err(format!("\"{text}\" is no version")) } else { Ok(version) }
    };
    let range = parse(&text, &read)?;
    if range.is_one {
        return range
            .low
            .map(|end| (Want::Version(end.value), text.trim_start_matches('=').trim().to_owned()))
            .ok_or_else(|| "no version".to_owned());
    }
    if let (Some(low), Some(high)) = (&range.low, &range.high) {
        let is_empty = low.value.compare(&high.value).is_gt() && !low.value.begins_with(&high.value)
            || low.value.compare(&high.value).is_eq() && !(low.included && high.included);
        if is_empty {
            return Err(format!("no version is in {text}"));
        }
    }
    Ok((Want::Versions(range.low, range.high), in_words(&text)))
}

fn number(unit: Unit, tolerance: f64, text: &str) -> Result<(Want, String), String> {
    let range = parse(text, &|text: &str| unit.parse(text))?;
    let shown = if range.is_one {
        range.low.as_ref().map(|end| shown_number(unit, text, end.value))
    } else {
        Some(in_words(text))
    };
    let range = if range.is_one { widened(range, tolerance) } else { range };
    check(&range, text)?;
    Ok((Want::Numbers(range.low, range.high), shown.unwrap_or_default()))
}

/// A number for messages: as it was written if it has a unit, otherwise with the unit of its key.
fn shown_number(unit: Unit, text: &str, value: f64) -> String {
    let has_unit = text.contains(|c: char| c.is_alphabetic());
    if has_unit { text.trim_start_matches('=').trim().to_owned() } else { unit.show(value) }
}

fn widened(range: Range<f64>, tolerance: f64) -> Range<f64> {
    let end = |end: Option<End<f64>>, factor: f64| end.map(|end| End { value: end.value * factor, included: true });
    Range { low: end(range.low, 1.0 - tolerance), high: end(range.high, 1.0 + tolerance), is_one: true }
}

fn whole(text: &str) -> Result<(Want, String), String> {
    let range = parse(text, &|text: &str| Unit::None.parse(text))?;
    check(&range, text)?;
    let least =
        range.low.as_ref().map_or(0.0, |low| if low.included { low.value.ceil() } else { low.value.floor() + 1.0 });
    let most = range.high.as_ref().map(|high| if high.included { high.value.floor() } else { high.value.ceil() - 1.0 });
    if most.is_some_and(|most| most < least) {
        return Err(format!("no whole number is in {text}"));
    }
    Ok((Want::Numbers(range.low, range.high), in_words(text)))
}

fn check(range: &Range<f64>, text: &str) -> Result<(), String> {
    match (&range.low, &range.high) {
        (Some(low), Some(high)) if low.value > high.value => Err(format!("no number is in {text}")),
        (Some(low), Some(high)) if low.value >= high.value && !(low.included && high.included) => {
            Err(format!("no number is in {text}"))
        }
        (None, Some(high)) if high.value <= 0.0 && !high.included => Err(format!("no number is in {text}")),
        _ => Ok(()),
    }
}

/// A range in words: `>=2` is `at least 2`, `2..4` is `2 to 4`.
pub(super) fn in_words(text: &str) -> String {
    let text = plain(text);
    let words =
        [(">=", "at least "), ("<=", "at most "), (">", "more than "), ("<", "less than "), ("==", ""), ("=", "")];
    let part = |part: &str| {
        let part = part.trim();
        let sign = words.iter().find_map(|(sign, word)| Some(format!("{word}{}", part.strip_prefix(sign)?.trim())));
        sign.unwrap_or_else(|| part.replacen("..", " to ", 1).trim().to_owned())
    };
    text.split(',').map(part).collect::<Vec<_>>().join(" and ")
}

/// Byte range of a value in the profile's text.
pub(super) fn span<T>(value: &Spanned<T>) -> std::ops::Range<usize> {
    value.span()
}
