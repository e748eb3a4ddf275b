//! Reads a value of a profile, by the value type of its key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::catalogue::{Field, Shape};
use super::super::fact::plain;
use super::super::pattern::Pattern;
use super::super::range::{Range, dash, parse, with_unit};
use super::super::unit::Unit;
use super::super::want::{End, OfModel, Want};
use super::problem::meant;
use super::version;

/// Maximum number of values in a list, and of models in a table: each costs time for each device, and no hand-written profile has more.
const MOST: usize = 1_000;
/// Keys of numbers that are never 0.
const SOME: [&str; 8] =
    ["count", "cores", "threads", "numa_nodes", "ranks", "devices", "physical_block_size", "logical_block_size"];
/// Architectures as packages call them, and as the kernel does, which the inventory follows.
const ARCHITECTURES: [(&str, &str); 6] = [
    ("amd64", "x86_64"),
    ("x64", "x86_64"),
    ("x86-64", "x86_64"),
    ("arm64", "aarch64"),
    ("ppc64el", "ppc64le"),
    ("armhf", "armv7l"),
];
/// Least bytes of anything that a profile asks for; fewer are a number whose unit was forgotten.
const LEAST: f64 = 1_048_576.0;

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
            for (want, shown) in &wants {
                possible(field, want, shown)?;
            }
            let shown = wants.iter().map(|(_, shown)| shown.as_str()).collect::<Vec<_>>().join(" or ");
            // Several versions are the ones that are allowed; newer than a version that was named alone is a note.
            let is_alone = wants.len() == 1;
            let own = |want| match want {
                Want::Version(version) if !is_alone => Want::Exactly(version),
                want => want,
            };
            (Want::Any(wants.into_iter().map(|(want, _)| own(want)).collect()), shown)
        }
        DeValue::Table(models) if field.shape == Shape::Version => by_model(field, models)?,
        value => one(field, value)?,
    };
    possible(field, &want, &shown)?;
    Ok((want, shown))
}

/// Refuses a value that is none of the fixed list of values.
fn possible(field: &Field, want: &Want, shown: &str) -> Result<(), String> {
    if want.can_fit(field.shape, field.words) {
        return Ok(());
    }
    let nearest = meant(shown, field.words).map(|word| format!("; did you mean \"{word}\"?")).unwrap_or_default();
    Err(format!("{} is never \"{shown}\"; there are: {}{nearest}", field.key, field.words.join(", ")))
}

fn by_model(field: &Field, models: &DeTable<'_>) -> Result<(Want, String), String> {
    if models.is_empty() || models.len() > MOST {
        return Err(format!("a table by model needs 1 to {MOST} models"));
    }
    // The first model that fits decides, so the order is that of the profile.
    let mut entries: Vec<_> = models.iter().collect();
    entries.sort_by_key(|(model, _)| model.span().start);
    let mut wants = Vec::new();
    for (model, value) in entries {
        let model = Pattern::parse(model.get_ref(), false)?;
        let (want, shown) = one(field, value.get_ref())?;
        wants.push(OfModel { model, want, shown });
    }
    let mut shown: Vec<&str> = wants.iter().map(|own| own.shown.as_str()).collect();
    shown.dedup();
    let shown = shown.join(" or ");
    Ok((Want::ByModel(wants), shown))
}

fn one(field: &Field, value: &DeValue<'_>) -> Result<(Want, String), String> {
    match field.shape {
        Shape::Flag => match value {
            DeValue::Boolean(flag) => Ok((Want::Flag(*flag), if *flag { "on" } else { "off" }.to_owned())),
            _ => Err("true or false is wanted, without quotes".to_owned()),
        },
        Shape::Text | Shape::Place => text(field, value),
        Shape::Version => match value {
            // A microcode is often written as the hexadecimal number that it is.
            DeValue::Integer(number) if number.radix() == 16 => {
                version::expected(&format!("0x{}", number.as_str().trim_start_matches("0x")), field.words)
            }
            value => version::expected(&written(value)?, field.words),
        },
        Shape::Number(unit, tolerance) => number(unit, tolerance, &written(value)?),
        Shape::Whole => whole(field, &written(value)?),
    }
}

fn text(field: &Field, value: &DeValue<'_>) -> Result<(Want, String), String> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
        _ => return Err("a text in quotes is wanted".to_owned()),
    };
    let trimmed = plain(&text);
    if let Some(expression) = trimmed.strip_prefix('~') {
        return Ok((Want::Text(Pattern::parse(&text, false)?), format!("matching {expression}")));
    }
    if trimmed.starts_with(['>', '<', '=', '!']) {
        return Err("ranges are for numbers and versions".to_owned());
    }
    if trimmed.contains('*') {
        let expression = trimmed.trim_matches('/').replace(".*", "*").replace('*', ".*");
        return Err(format!("\"{trimmed}\" fits only itself: an expression begins with ~, as \"~{expression}\""));
    }
    let called =
        ARCHITECTURES.iter().find(|(called, _)| field.key == "architecture" && trimmed.eq_ignore_ascii_case(called));
    if let Some((_, name)) = called {
        return Err(format!("the kernel does not call it {trimmed}; did you mean \"{name}\"?"));
    }
    let range = trimmed.split(' ').filter(|_| field.shape == Shape::Place).find_map(dash);
    if let Some(range) = range {
        return Err(format!("a range of numbers is \"{range}\"; for this text alone write \"~{trimmed}\""));
    }
    let has_ranges = field.shape == Shape::Place;
    let want = Want::Text(Pattern::parse(&text, has_ranges)?);
    // Outputs say "bay 3" of the bay 3.
    let own = trimmed.split_once(' ').filter(|(word, _)| word.eq_ignore_ascii_case(field.key)).map(|(_, own)| own);
    match own {
        Some(own) => Ok((Want::Any(vec![want, Want::Text(Pattern::parse(own, has_ranges)?)]), trimmed)),
        None => Ok((want, trimmed)),
    }
}

/// The text of a string, or the digits of a number as they were written. The error names the type of any other value.
pub(super) fn written(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(_) => Err("a decimal number or a text is wanted".to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        other => Err(format!("a number or a text is wanted, not {}", kind(other))),
    }
}

/// The type of a value, with its article.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn number(unit: Unit, tolerance: f64, text: &str) -> Result<(Want, String), String> {
    let read = |part: &str| {
        let meant = dash(part).map(|range| format!("; a range is \"{range}\"")).unwrap_or_default();
        let number = unit.parse(part).map_err(|reason| format!("{reason}{meant}"))?;
        if !part.contains(|c: char| c.is_alphabetic()) {
            unit.check_bare(number, part)?;
        }
        Ok(number)
    };
    let range = parse(&with_unit(text), &read)?;
    check(&range, text)?;
    let value = range.low.as_ref().map_or(0.0, |low| low.value);
    if range.is_one && value <= 0.0 {
        return Err(format!("{text} is no quantity that a part has: leave the key out, or write what is wanted"));
    }
    if unit == Unit::Bytes && range.is_one {
        if value < LEAST {
            return Err(format!("{} are meant by {text}: a unit is missing, as in \"64 GiB\"", unit.show(value)));
        }
        if tolerance == 0.0 && !is_of_powers(value) {
            return Err(format!(
                "no module has {value} bytes ({text}): modules have \"64 GiB\", not \"64 GB\" or \"65536 MB\""
            ));
        }
    }
    let shown = if range.is_one { shown_number(unit, &range.shown, value) } else { range.shown.clone() };
    // Makers round sizes up in the names of disks, so a range of bytes is widened by the tolerance, too.
    let range = if range.is_one || unit == Unit::Bytes { widened(range, tolerance) } else { range };
    Ok((Want::Numbers(range.low, range.high), shown))
}

/// A number for messages: as it was written if it has a unit, otherwise with the unit of its key.
fn shown_number(unit: Unit, text: &str, value: f64) -> String {
    let has_unit = text.contains(|c: char| c.is_alphabetic());
    if has_unit { text.to_owned() } else { unit.show(value) }
}

/// True if a number of bytes is a small number times a power of two, as modules of memory and caches have it; 65,536 MB are none.
fn is_of_powers(bytes: f64) -> bool {
    const MOST_ODD: u64 = 1_000;
    if bytes % LEAST > 0.0 {
        return false;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size in MiB, and no fraction")]
    let mebibytes = (bytes / LEAST) as u64;
    mebibytes.checked_shr(mebibytes.trailing_zeros()).unwrap_or(0) <= MOST_ODD
}

fn widened(range: Range<f64>, tolerance: f64) -> Range<f64> {
    let end = |end: Option<End<f64>>, factor: f64| {
        end.map(|end| if end.included { End { value: end.value * factor, included: true } } else { end })
    };
    Range { low: end(range.low, 1.0 - tolerance), high: end(range.high, 1.0 + tolerance), ..range }
}

fn whole(field: &Field, text: &str) -> Result<(Want, String), String> {
    let read = |part: &str| {
        // Lanes are called x16, too.
        let digits = part.trim().strip_prefix(['x', 'X']).filter(|_| field.key.ends_with("width")).unwrap_or(part);
        let meant = dash(part).map(|range| format!("; a range is \"{range}\"")).unwrap_or_default();
        Unit::None.parse(digits).map_err(|reason| format!("{reason}{meant}"))
    };
    let range = parse(text, &read)?;
    check(&range, text)?;
    let least =
        range.low.as_ref().map_or(0.0, |low| if low.included { low.value.ceil() } else { low.value.floor() + 1.0 });
    let most = range.high.as_ref().map(|high| if high.included { high.value.floor() } else { high.value.ceil() - 1.0 });
    if most.is_some_and(|most| most < least) {
        return Err(format!("no whole number is in {text}"));
    }
    if most.is_some_and(|most| most < 1.0) && SOME.contains(&field.key) {
        return Err(format!("no machine has {text} of it: at least 1 is there"));
    }
    Ok((Want::Numbers(range.low, range.high), range.shown))
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

/// Byte range of a value in the profile's text.
pub(super) fn span<T>(value: &Spanned<T>) -> std::ops::Range<usize> {
    value.span()
}
