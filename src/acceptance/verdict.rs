//! Result of a judgement, for people and for programs.

use serde::Serialize;

use super::profile::Severity;

/// The verdict on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The machine is as ordered.
    Accepted,
    /// The machine is as ordered, apart from deviations that do not reject it (`warn`, `note`).
    Noted,
    /// The machine differs from the order.
    Rejected,
    /// Some expectations could not be checked, and no other rejects the machine.
    Incomplete,
}

impl Verdict {
    /// The verdict in words, as in documents: `accepted with notes`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Noted => "accepted with notes",
            Verdict::Rejected => "rejected",
            Verdict::Incomplete => "incomplete",
        }
    }
}

/// One difference between the order and the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// Severity: `fail`, `warn` or `note`.
    pub severity: Severity,
    /// Kind of device, section or figure: `memory`, `disk` …
    pub what: &'static str,
    /// Key of the profile: `firmware`, `count` …
    pub key: String,
    /// Location: slot, bay or socket; empty if the deviation has no location.
    pub place: String,
    /// Value that was ordered.
    pub expected: String,
    /// Value that was found.
    pub found: String,
    /// Next step for the operator.
    pub next: String,
}

/// One expectation that could not be checked because a fact is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Kind of device, section or figure.
    pub what: &'static str,
    /// Key of the profile.
    pub key: String,
    /// Location; empty if there is none.
    pub place: String,
    /// Value that was ordered.
    pub expected: String,
    /// Reason why the fact is unknown.
    pub reason: String,
    /// Next step for the operator.
    pub next: String,
}

/// One expectation that a device or the machine meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Kind of device, section or figure.
    pub what: &'static str,
    /// Key of the profile.
    pub key: String,
    /// Location; empty if there is none.
    pub place: String,
    /// Value that was ordered.
    pub expected: String,
    /// Value that was found.
    pub found: String,
}

/// Result of comparing one machine with a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Name of the profile.
    pub profile: String,
    /// Name of the machine.
    pub machine: String,
    /// Differences, most severe first.
    pub deviations: Vec<Deviation>,
    /// Expectations that could not be checked.
    pub unknown: Vec<Unknown>,
    /// Expectations that were met, with the values that prove it.
    pub kept: Vec<Kept>,
    /// Number of all expectations, unknown ones included.
    pub checked: usize,
}

impl Judgement {
    /// The verdict: a deviation of severity `fail` rejects; otherwise an unknown makes it incomplete.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.failures() > 0 {
            Verdict::Rejected
        } else if !self.unknown.is_empty() {
            Verdict::Incomplete
        } else if self.deviations.is_empty() {
            Verdict::Accepted
        } else {
            Verdict::Noted
        }
    }

    fn failures(&self) -> usize {
        self.deviations.iter().filter(|deviation| deviation.severity == Severity::Fail).count()
    }

    /// The verdict in one line: `rejected: 3 deviations`.
    #[must_use]
    pub fn headline(&self) -> String {
        let things = |count: usize, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
        let verdict = self.verdict();
        match verdict {
            Verdict::Rejected => format!("{}: {}", verdict.word(), things(self.failures(), "deviation", "deviations")),
            Verdict::Incomplete => {
                format!(
                    "{}: {} could not be read",
                    verdict.word(),
                    things(self.unknown.len(), "expectation", "expectations")
                )
            }
            Verdict::Noted => format!("{}: {}", verdict.word(), things(self.deviations.len(), "note", "notes")),
            Verdict::Accepted => verdict.word().to_owned(),
        }
    }

    /// The judgement as a JSON document.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        serde_json::json!({
            "form": 1,
            "profile": self.profile,
            "machine": self.machine,
            "verdict": self.verdict().word(),
            "headline": self.headline(),
            "checked": self.checked,
            "deviations": self.deviations,
            "unknown": self.unknown,
        })
    }

    /// Rows of a table: kind with severity, the difference in words, next step.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 3]> {
        let deviations = self.deviations.iter().map(|deviation| {
            let mark = if deviation.severity == Severity::Fail {
                String::new()
            } else {
                format!(" ({})", deviation.severity.word())
            };
            [format!("{}{mark}", deviation.what), deviation.sentence(), deviation.next.clone()]
        });
        let unknown = self.unknown.iter().map(|unknown| {
            let at = place(&unknown.place);
            [
                format!("{} (unknown)", unknown.what),
                format!("{at}{}, ordered {}: {}", words(&unknown.key), unknown.expected, unknown.reason),
                unknown.next.clone(),
            ]
        });
        deviations.chain(unknown).collect()
    }
}

impl Deviation {
    /// The difference in words: `bay 3 (sda): firmware 1.9, ordered at least 2.4`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let at = place(&self.place);
        match self.key.as_str() {
            "count" | "only" => format!("{at}{}, ordered {}", self.found, self.expected),
            key => format!("{at}{} {}, ordered {}", words(key), self.found, self.expected),
        }
    }
}

fn place(place: &str) -> String {
    if place.is_empty() || place == "this machine" { String::new() } else { format!("{place}: ") }
}

fn words(key: &str) -> String {
    key.replace(['_', '.'], " ")
}
