//! Figures held against limits, and against those of the siblings.

use std::collections::BTreeMap;

use super::super::better::Better;
use super::super::catalogue::Kind;
use super::super::figure::{Amount, Figures};
use super::super::profile::{Limit, Severity, Wanted, meant};
use super::super::statistics::{self, Standing};
use super::super::verdict::{Deviation, Kept, Unknown};
use super::{Findings, Found, Missed};

/// The figures of the other machines, by name.
pub type Siblings = BTreeMap<String, Vec<Amount>>;

pub(super) fn judge(
    found: &mut Findings,
    limits: &[Limit],
    figures: &Figures,
    (siblings, last): (&Siblings, &Figures),
) {
    for limit in limits {
        found.checked += 1;
        let outcome = match figures.get(&limit.name) {
            None => Outcome::Unknown(absent(&limit.name, figures)),
            // Nothing takes no time: a test that measured none wrote 0.
            Some(own) if own.number <= 0.0 && own.is_never_zero(&limit.name) => {
                Outcome::Unknown(format!("{} is no measurement", own.show()))
            }
            Some(own) => {
                let siblings = siblings.get(&limit.name).map_or(&[][..], Vec::as_slice);
                compare(limit, own, (siblings, last.get(&limit.name)))
            }
        };
        match outcome {
            Outcome::Fits => found.kept.push(Kept {
                what: "measure",
                key: limit.name.clone(),
                place: String::new(),
                expected: limit.shown.clone(),
                found: figures.get(&limit.name).map(Amount::show).unwrap_or_default(),
            }),
            Outcome::Unknown(reason) => found.unknown.push(Missed {
                kind: Kind::Settings,
                device: None,
                unknown: Unknown {
                    what: "measure",
                    key: limit.name.clone(),
                    place: String::new(),
                    expected: limit.shown.clone(),
                    reason,
                    next: "give results of this figure with its unit; else correct the profile".to_owned(),
                },
            }),
            Outcome::Deviates(shown) => found.deviations.push(Found {
                kind: Kind::Settings,
                device: None,
                deviation: Deviation {
                    severity: limit.severity,
                    what: "measure",
                    key: limit.name.clone(),
                    place: String::new(),
                    expected: limit.shown.clone(),
                    found: shown,
                    next: next(limit.severity).to_owned(),
                },
            }),
        }
    }
}

/// Why there is no figure of a name.
fn absent(name: &str, figures: &Figures) -> String {
    if figures.is_empty() {
        return "no result has this figure: give the results with --measured".to_owned();
    }
    let known: Vec<&str> = figures.keys().map(String::as_str).collect();
    let hint = meant(name, &known).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
    format!("no result has this figure as a number{hint}")
}

fn next(severity: Severity) -> &'static str {
    if severity == Severity::Fail {
        "measure again with nothing else running; then look at cooling, power limits and modules"
    } else {
        "measure three times and take the best; compare firmware and inlet temperature with its siblings"
    }
}

enum Outcome {
    Fits,
    Deviates(String),
    Unknown(String),
}

fn compare(limit: &Limit, own: &Amount, (siblings, last): (&[Amount], Option<&Amount>)) -> Outcome {
    match &limit.wanted {
        Wanted::Range(range) => {
            let (mut fits, mut shown) = (true, own.show());
            for (end, is_low) in [(&range.low, true), (&range.high, false)] {
                let Some(end) = end else { continue };
                let Some(number) = own.in_unit_of(&end.value) else {
                    return Outcome::Unknown(other_unit(own, &end.value));
                };
                let limit = end.value.number;
                let is_within = if is_low { number > limit } else { number < limit };
                if !(is_within || end.included && (number - limit).abs() <= f64::EPSILON * limit.abs()) {
                    (fits, shown) = (false, own.show_beside(&end.value));
                }
            }
            if fits { Outcome::Fits } else { Outcome::Deviates(shown) }
        }
        Wanted::History(share) => match last {
            None => Outcome::Unknown("no earlier run on record has this figure".to_owned()),
            Some(last) => since(own, last, *share, Better::of(&limit.name, &own.unit)),
        },
        Wanted::Siblings(share) => {
            let others: Option<Vec<f64>> = siblings.iter().map(|other| other.in_unit_of(own)).collect();
            let Some(others) = others else {
                return Outcome::Unknown(
                    "its siblings measured another quantity, or some results have no unit".to_owned(),
                );
            };
            let group: Vec<f64> = others.into_iter().chain([own.number]).collect();
            let better = Better::of(&limit.name, &own.unit);
            match statistics::standing(&group, group.len() - 1, better, *share) {
                Standing::Usual => Outcome::Fits,
                Standing::Odd { share } if share.is_finite() => {
                    Outcome::Deviates(format!("{}, {:.0} % off the median", own.show(), share * 100.0))
                }
                Standing::Odd { .. } => Outcome::Deviates(format!("{}, the median is 0", own.show())),
                Standing::Unjudged(reason) => Outcome::Unknown(reason.to_string()),
            }
        }
    }
}

/// Compares a figure with the last one; only the bad side counts.
fn since(own: &Amount, last: &Amount, most: f64, better: Better) -> Outcome {
    let Some(ratio) = own.ratio(last).filter(|ratio| ratio.is_finite() && last.number > 0.0) else {
        return Outcome::Unknown(format!("the last run had {}, which cannot be compared", last.show()));
    };
    let (worse, word) = (better.loss(ratio, 1.0), if ratio > 1.0 { "above" } else { "below" });
    if worse <= most {
        return Outcome::Fits;
    }
    Outcome::Deviates(format!("{}, {:.0} % {word} its last run ({})", own.show(), worse * 100.0, last.show()))
}

/// The reason why a figure and its limit cannot be compared.
fn other_unit(own: &Amount, limit: &Amount) -> String {
    match (own.unit.as_str(), limit.unit.as_str()) {
        ("", limit) => format!("the result has no unit, the limit is in {limit}"),
        (own, "") => format!(
            "the result is in {own}, and the limit of the profile has no unit: write it as \"{} {own}\"",
            limit.show()
        ),
        (own, limit) => format!("the result is in {own}, which is another quantity than {limit}"),
    }
}
