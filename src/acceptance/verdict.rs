//! What came of it, for people and machines.

use serde::Serialize;

use super::profile::Severity;

/// The verdict on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what was ordered.
    Accepted,
    /// It is, and there is something to know.
    Noted,
    /// It is not.
    Rejected,
    /// Something could not be read, so nobody knows.
    Incomplete,
}

impl Verdict {
    /// As documents write it.
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

/// One difference between what was ordered and what there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// How grave: `fail`, `warn`, `note`.
    pub severity: &'static str,
    /// Of what: `memory`, `disk` …
    pub what: &'static str,
    /// Which key of the profile: `firmware`, `count` …
    pub key: String,
    /// Where: slot, bay, socket; empty where no place is meant.
    pub place: String,
    /// What was ordered.
    pub expected: String,
    /// What there is.
    pub found: String,
    /// What to do.
    pub next: String,
}

/// What could not be read, so that it is neither as ordered nor not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Of what.
    pub what: &'static str,
    /// Which key of the profile.
    pub key: String,
    /// Where.
    pub place: String,
    /// What was ordered.
    pub expected: String,
    /// Why it is not known.
    pub reason: String,
}

/// All that was found of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Name of the profile.
    pub profile: String,
    /// Name of the machine.
    pub machine: String,
    /// Differences, gravest first.
    pub deviations: Vec<Deviation>,
    /// What could not be read.
    pub unknown: Vec<Unknown>,
    /// How many expectations were looked at.
    pub checked: usize,
}

impl Judgement {
    /// The verdict.
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
        self.deviations.iter().filter(|deviation| deviation.severity == Severity::Fail.word()).count()
    }

    /// The verdict in one line.
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

    /// For programs.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        serde_json::json!({
            "form": 1,
            "profile": self.profile,
            "machine": self.machine,
            "verdict": self.verdict().word(),
            "checked": self.checked,
            "deviations": self.deviations,
            "unknown": self.unknown,
        })
    }

    /// Rows for a table: what, where with expected and found, next step.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 3]> {
        let deviations = self.deviations.iter().map(|deviation| {
            let mark = if deviation.severity == Severity::Fail.word() {
                String::new()
            } else {
                format!(" ({})", deviation.severity)
            };
            [format!("{}{mark}", deviation.what), deviation.sentence(), deviation.next.clone()]
        });
        let unknown = self.unknown.iter().map(|unknown| {
            let at = place(&unknown.place);
            let next = "make it readable (root, links, load), or take it out of the profile".to_owned();
            [
                format!("{} (unknown)", unknown.what),
                format!("{at}{}, ordered {}: {}", words(&unknown.key), unknown.expected, unknown.reason),
                next,
            ]
        });
        deviations.chain(unknown).collect()
    }
}

impl Deviation {
    /// Where, what is found and what was ordered.
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
