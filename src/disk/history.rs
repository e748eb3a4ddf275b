//! What a drive counted over time, kept in the journal: each look at which a counter changed, so that growth can be seen.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::measure::look;
use super::memory;
use super::model::Report;
use super::table::RULES;

/// Most looks that are kept of a drive: the first one, and the newest.
const MOST: usize = 64;
/// Values of a counter that are drawn in its line.
const DRAWN: usize = 6;

/// The looks at a drive at which something had changed, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    looks: Vec<Look>,
}

/// What a drive counted at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Look {
    /// Seconds since the Unix epoch.
    at: i64,
    counts: BTreeMap<String, u64>,
}

/// A counter's values over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Series {
    /// The code of the rule that looks at it, with what it is about where there are several.
    pub counter: String,
    /// Its values, oldest first, each at the first look that found it.
    pub values: Vec<Value>,
}

/// A value at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Value {
    /// The time at which it was found, in seconds since the Unix epoch.
    pub at: i64,
    /// The number.
    pub number: u64,
}

/// What is to be noted of a drive: under which name the journal keeps it, and its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    name: String,
    counts: BTreeMap<String, u64>,
}

impl Noted {
    /// Of this report; nothing of a drive that cannot be told from others, or that counts nothing.
    #[must_use]
    pub fn of(report: &Report) -> Option<Self> {
        let noted = Noted { name: name(report)?, counts: counts(report) };
        Some(noted).filter(|noted| !noted.counts.is_empty())
    }

    /// The name of the fact in the journal.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the journal is to keep from now on, given what it keeps; nothing if no counter has changed.
    #[must_use]
    pub fn added_to(&self, kept: Option<&str>, at: i64) -> Option<String> {
        let mut history = History::read(kept);
        if history.looks.last().is_some_and(|last| last.counts == self.counts) {
            return None;
        }
        if history.looks.len() >= MOST {
            history.looks.remove(1);
        }
        history.looks.push(Look { at, counts: self.counts.clone() });
        serde_json::to_string(&history).ok()
    }
}

/// Under which name the journal keeps the history of a drive.
pub(super) fn name(report: &Report) -> Option<String> {
    memory::name(report).map(|name| format!("history of {name}"))
}

/// Every counter whose growth counts, and wear.
fn counts(report: &Report) -> BTreeMap<String, u64> {
    let rules = RULES.iter().filter(|rule| rule.grown.is_some() || rule.is_wear());
    let seen = rules.flat_map(|rule| look(rule.measure, report).into_iter().map(|seen| (rule.code, seen)));
    let counted = seen.filter_map(|(code, seen)| {
        let subject = seen.subject.map(|subject| format!(" {subject}")).unwrap_or_default();
        Some((format!("{code}{subject}"), seen.number?))
    });
    counted.collect()
}

impl History {
    /// From what the journal keeps; what cannot be read is nothing.
    pub(super) fn read(kept: Option<&str>) -> Self {
        kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Each counter that is not zero or has changed, with its values.
    #[must_use]
    pub fn series(&self) -> Vec<Series> {
        let mut series: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for look in &self.looks {
            for (counter, number) in &look.counts {
                let values = series.entry(counter).or_default();
                if values.last().is_none_or(|last| last.number != *number) {
                    values.push(Value { at: look.at, number: *number });
                }
            }
        }
        let told = series.into_iter().filter(|(_, values)| values.len() > 1 || values.iter().any(|one| one.number > 0));
        told.map(|(counter, values)| Series { counter: counter.to_owned(), values }).collect()
    }

    /// A line for each counter: its values with the day of each, the newest last.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.series().iter().map(Series::line).collect()
    }
}

impl Series {
    fn line(&self) -> String {
        let first = self.values.len().saturating_sub(DRAWN);
        let drawn: Vec<String> = self.values[first..].iter().map(|value| value.words()).collect();
        let before = if first > 0 { "… → " } else { "" };
        format!("{:<28} {before}{}", self.counter, drawn.join(" → "))
    }
}

impl Value {
    fn words(self) -> String {
        let day = Timestamp::from_second(self.at).map(|at| at.strftime("%Y-%m-%d").to_string());
        format!("{} ({})", self.number, day.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(pending: u64) -> Report {
        let document = format!(
            r#"{{"smartctl":{{"version":[7,4],"exit_status":0}},"device":{{"name":"/dev/sda","protocol":"ATA"}},"serial_number":"S1",
            "rotation_rate":7200,"smart_status":{{"passed":true}},"ata_smart_attributes":{{"table":[{{"id":197,"name":"Pending",
            "value":100,"thresh":0,"raw":{{"value":{pending},"string":"{pending}"}}}}]}}}}"#
        );
        crate::disk::parse(document.as_bytes()).expect("a report")
    }

    const DAY: i64 = 86_400;

    #[test]
    fn a_line_has_each_value_with_the_day_when_it_was_found() {
        let mut kept: Option<String> = None;
        for (day, pending) in [(0, 0), (1, 0), (2, 1), (3, 1), (9, 500)] {
            let noted = Noted::of(&drive(pending)).expect("a counter");
            kept = noted.added_to(kept.as_deref(), day * DAY).or(kept);
        }
        let history = History::read(kept.as_deref());
        assert_eq!(history.looks.len(), 3, "a look without a change is not kept");
        let lines = history.lines();
        assert_eq!(lines, ["pending-sectors              0 (1970-01-01) → 1 (1970-01-03) → 500 (1970-01-10)"]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_keeps_the_first_look() {
        let mut kept: Option<String> = None;
        for day in 0..200 {
            let noted = Noted::of(&drive(u64::try_from(day).expect("small"))).expect("a counter");
            kept = noted.added_to(kept.as_deref(), day * DAY).or(kept);
        }
        let history = History::read(kept.as_deref());
        assert_eq!((history.looks.len(), history.looks[0].at), (MOST, 0));
        assert_eq!(history.looks.last().map(|look| look.at), Some(199 * DAY));
        assert!(history.lines()[0].contains("… → "), "{:?}", history.lines());
    }
}
