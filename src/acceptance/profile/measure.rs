//! Limits for measured figures: an absolute limit is part of the order; a limit relative to the siblings or to the last run is a comparison and only warns.

use toml::Spanned;
use toml::de::DeValue;

use super::super::figure::{Amount, amount, unit_meant};
use super::super::range::{Range, parse, with_unit};
use super::Severity;
use super::problem::{Notes, suggestion};
use super::value::{span, written};

/// Required value of a measured figure.
#[derive(Clone, Debug)]
pub(in super::super) struct Limit {
    /// Name of the figure.
    pub(in super::super) name: String,
    pub(in super::super) wanted: Wanted,
    /// Requirement in words for messages: `at least 400 GiB/s`.
    pub(in super::super) shown: String,
    pub(in super::super) severity: Severity,
}

/// Range that a figure has to be in.
#[derive(Clone, Debug)]
pub(in super::super) enum Wanted {
    /// A fixed range.
    Range(Range<Amount>),
    /// At most this share (0.06 is 6 %) worse than the siblings' median.
    Siblings(f64),
    /// At most this share worse than in the machine's own last run.
    History(f64),
}

pub(super) fn limits(notes: &mut Notes<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Limit> {
    let Some(table) = value.get_ref().as_table() else {
        notes.add(span(value), "\"measure\" is a table: `[measure]`");
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, value) in table {
        match limit(key.get_ref(), value.get_ref()) {
            Ok(limit) => found.push(limit),
            Err(reason) => notes.add(span(value), format!("{}: {reason}", key.get_ref())),
        }
    }
    found
}

fn limit(name: &str, value: &DeValue<'_>) -> Result<Limit, String> {
    let DeValue::Table(table) = value else {
        let range = range(&written(value)?)?;
        let shown = range.shown.clone();
        return Ok(Limit { name: name.to_owned(), wanted: Wanted::Range(range), shown, severity: Severity::Fail });
    };
    let known = ["within", "of"];
    if let Some((key, _)) = table.iter().find(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
        return Err(format!("a comparison has no \"{}\"{}", key.get_ref(), suggestion(key.get_ref(), &known)));
    }
    let text = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str());
    let with = match text("of") {
        Some("siblings") => Wanted::Siblings,
        Some("history") => Wanted::History,
        _ => {
            return Err(
                "a comparison is written { within = \"6%\", of = \"siblings\" }, or of = \"history\"".to_owned()
            );
        }
    };
    let share = text("within").and_then(|text| text.trim().strip_suffix('%')?.trim().parse::<f64>().ok());
    let share = share.filter(|share| *share > 0.0 && *share < 100.0).ok_or("`within` is a share: \"6%\"")?;
    Ok(Limit {
        name: name.to_owned(),
        wanted: with(share / 100.0),
        shown: format!(
            "within {share} % of its {}",
            if text("of") == Some("history") { "last run" } else { "siblings" }
        ),
        // A comparison alone never makes a machine fail: hot aisle and firmware explain most slow ones.
        severity: Severity::Warn,
    })
}

fn range(text: &str) -> Result<Range<Amount>, String> {
    let read = |text: &str| {
        let amount = amount(text)?;
        match unit_meant(&amount.unit) {
            Some(meant) => Err(format!("\"{}\" is no unit of a figure; did you mean \"{meant}\"?", amount.unit)),
            None => Ok(amount),
        }
    };
    let range = parse(&with_unit(text), &read)?;
    match (&range.low, &range.high) {
        (Some(low), Some(high)) => match low.value.in_unit_of(&high.value) {
            None => Err(format!("{text} mixes units")),
            Some(least) if least > high.value.number => Err(format!("no figure is in {text}")),
            Some(_) => Ok(range),
        },
        _ => Ok(range),
    }
}
