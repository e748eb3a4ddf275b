//! Differences between the machines of a herd, as lines of text.

use super::{FactRow, FigureRow, Herd};

/// Maximum number of machines listed in one line.
const NAMED: usize = 6;

/// Headline of a herd; rows of machine, fact or figure, value on this machine and usual value; remarks on what has no verdict.
#[must_use]
pub fn text(herd: &Herd) -> (String, Vec<[String; 4]>, Vec<String>) {
    let count = herd.machines.len();
    let headline = format!("{}: {count} {}", herd.name, if count == 1 { "machine" } else { "machines" });
    let mut rows = Vec::new();
    let mut remarks = Vec::new();
    for fact in &herd.facts {
        for place in &fact.odd {
            let found = fact.values[*place].clone().unwrap_or_default();
            rows.push([herd.machines[*place].clone(), fact.name.clone(), found, usually(fact)]);
        }
        remarks.extend(split(herd, fact));
    }
    for figure in &herd.figures {
        for place in &figure.odd {
            let value = figure.values[*place].unwrap_or(f64::NAN);
            let word = if value > figure.median { "above" } else { "below" };
            let share = (value - figure.median).abs() / figure.median * 100.0;
            let share = if share.is_finite() { format!("{share:.0} % ") } else { String::new() };
            let found = format!("{}, {share}{word} the median", number(value, &figure.unit));
            rows.push([herd.machines[*place].clone(), figure.name.clone(), found, number(figure.median, &figure.unit)]);
        }
        rows.extend(figure.fallen.iter().filter_map(|place| since(herd, figure, *place)));
        remarks.extend(figure.remark.as_ref().map(|remark| format!("{}: {remark}", figure.name)));
    }
    (headline, rows, remarks)
}

/// The row of a machine that is worse than in its run before.
fn since(herd: &Herd, figure: &FigureRow, place: usize) -> Option<[String; 4]> {
    let (now, last) = (figure.values[place]?, figure.last[place]?);
    let word = if now > last { "above" } else { "below" };
    let found =
        format!("{}, {:.0} % {word} its last run", number(now, &figure.unit), (now - last).abs() / last * 100.0);
    Some([herd.machines[place].clone(), figure.name.clone(), found, format!("{} then", number(last, &figure.unit))])
}

fn usually(fact: &FactRow) -> String {
    let usual = fact.usual.clone().unwrap_or_default();
    let count = fact.values.iter().filter(|value| value.as_ref() == Some(&usual)).count();
    format!("{usual} on {count}")
}

/// Remark on a fact without majority: which machines have which value; `None` if there is a majority, or only one value.
fn split(herd: &Herd, fact: &FactRow) -> Option<String> {
    if fact.usual.is_some() {
        return None;
    }
    let mut values: Vec<&String> = fact.values.iter().flatten().collect();
    values.sort();
    values.dedup();
    if values.len() < 2 {
        return None;
    }
    let who = |value: &&String| {
        let names: Vec<&str> = fact
            .values
            .iter()
            .zip(&herd.machines)
            .filter(|(own, _)| own.as_ref() == Some(*value))
            .map(|(_, name)| name.as_str())
            .collect();
        let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        format!("{value} on {}{more}", names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "))
    };
    Some(format!("{}: no majority: {}", fact.name, values.iter().map(who).collect::<Vec<_>>().join("; ")))
}

/// A figure with its unit.
pub(super) fn number(value: f64, unit: &str) -> String {
    super::Amount { number: value, unit: unit.to_owned() }.show()
}

impl FigureRow {
    /// Lowest and highest value; `None` if there are no values.
    pub(super) fn ends(&self) -> Option<(f64, f64)> {
        let values = || self.values.iter().flatten().copied();
        Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
    }
}
