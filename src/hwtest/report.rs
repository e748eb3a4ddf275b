//! Report of a test. The outcome is derived from it and is never set.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Order;
use super::metric::Metric;
use super::outcome::{Kind, Level, Outcome};

/// Something that a test found, or that it could not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Effect on the outcome. [`Outcome::Passed`] is a remark.
    pub outcome: Outcome,
    /// Stable identifier to count by, for example `memory-bit-stuck`; without numbers.
    pub code: String,
    /// The thing: `node0`, `cpu17`, `sda`.
    pub subject: String,
    /// One sentence for people.
    pub what: String,
    /// Next step for the operator, one sentence; empty if there is nothing to do.
    pub next: String,
}

/// Value of a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// An integer.
    Count(u64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Value::Count(count)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

/// One figure of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Name and unit.
    pub metric: Metric,
    /// The thing; empty for the whole machine.
    pub subject: String,
    /// The value, in the unit of the metric.
    pub value: Value,
    /// Something else kept the processors busy meanwhile, so the hardware may be better than this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disturbed: bool,
}

impl Measurement {
    /// A figure. An empty subject is the whole machine.
    #[must_use]
    pub fn new(metric: Metric, subject: impl Into<String>, value: impl Into<Value>) -> Self {
        Measurement { metric, subject: subject.into(), value: value.into(), disturbed: false }
    }
}

/// A figure along a disk, along the time, or along times of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Name and unit.
    pub metric: Metric,
    /// The thing.
    pub subject: String,
    /// Axis of the values: `zones`, `seconds`, `microseconds`.
    pub along: String,
    /// Where each value stands: the second of its measurement, or the longest time of its requests. Empty where the values stand for equal
    /// parts, as zones do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<f64>,
    /// The values, in order; none where nothing was measured.
    pub values: Vec<Option<f64>>,
    /// The numbers of values that findings speak of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marked: Vec<usize>,
}

/// How much of a thing was tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The thing: `node0`, `sda`, `cpus`.
    pub subject: String,
    /// How much was tested.
    pub tested: u64,
    /// How much there is.
    pub whole: u64,
    /// Unit of both counts: `bytes`, `cpus`, `sectors`, `links`.
    pub of: String,
}

/// Report of a test. Without [`Covered`] work it is no pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The hardware.
    pub kind: Kind,
    /// How thoroughly.
    pub level: Level,
    /// Seconds that the test took.
    pub seconds: f64,
    /// Seed of all random data.
    pub seed: u64,
    /// The fault that was made to happen; such a report says nothing about the hardware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected: Option<String>,
    /// Findings, remarks among them.
    pub findings: Vec<Finding>,
    /// Figures.
    pub measurements: Vec<Measurement>,
    /// Figures along a disk or along the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// How much was tested.
    pub coverage: Vec<Covered>,
    /// Parts that were not tested, and why: one sentence each.
    pub not_tested: Vec<String>,
}

impl Report {
    /// A report with nothing in it yet.
    #[must_use]
    pub fn new(order: &Order) -> Self {
        Report {
            kind: order.kind,
            level: order.level,
            seconds: 0.0,
            seed: order.seed,
            injected: order.inject.as_ref().map(ToString::to_string),
            findings: Vec::new(),
            measurements: Vec::new(),
            series: Vec::new(),
            coverage: Vec::new(),
            not_tested: Vec::new(),
        }
    }

    /// The outcome: the worst finding; without a bad one, a pass if something was tested, else skipped where a finding says so, else an
    /// error. A test that did nothing never passes.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let worst = self.findings.iter().map(|finding| finding.outcome).max();
        let tested = self.coverage.iter().any(|covered| covered.tested > 0);
        match worst {
            Some(worst) if worst >= Outcome::Degraded => worst,
            _ if tested => Outcome::Passed,
            Some(Outcome::Skipped) => Outcome::Skipped,
            _ => Outcome::Error,
        }
    }

    /// Adds a finding.
    pub fn find(
        &mut self,
        outcome: Outcome,
        code: &str,
        subject: impl Into<String>,
        what: impl Into<String>,
    ) -> &mut Finding {
        self.findings.push(Finding {
            outcome,
            code: code.to_owned(),
            subject: subject.into(),
            what: what.into(),
            next: String::new(),
        });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Adds a figure.
    pub fn measure(&mut self, metric: Metric, subject: impl Into<String>, value: impl Into<Value>) {
        self.measurements.push(Measurement::new(metric, subject, value));
    }

    /// Records the duration of the test, and remarks if it is longer than asked: a test makes at least one pass, however busy the machine.
    pub fn took(&mut self, order: &Order, time: Duration) {
        self.seconds = time.as_secs_f64();
        self.measure(Metric::Duration, "", (self.seconds * 10.0).round() / 10.0);
        // More than planned, and more than anybody would notice.
        let asked = Duration::from_secs(order.seconds).as_secs_f64();
        if self.seconds > asked + (asked / 10.0).max(2.0) {
            let what = format!(
                "The test took {:.0} s, and {asked:.0} s were asked for: it makes at least one pass, however busy the machine is.",
                self.seconds
            );
            self.find(Outcome::Passed, "test-took-longer", order.kind.word(), what);
        }
    }

    /// Adds what was tested of a thing.
    pub fn covered(&mut self, subject: impl Into<String>, of: &str, tested: u64, whole: u64) {
        self.coverage.push(Covered { subject: subject.into(), tested, whole, of: of.to_owned() });
    }
}

impl Finding {
    /// Sets the next step for the operator.
    pub fn next(&mut self, next: impl Into<String>) {
        self.next = next.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new(&Order { kind: Kind::Disk, level: Level::Smoke, seconds: 1, seed: 7, inject: None })
    }

    #[test]
    fn a_test_that_did_nothing_never_passes() {
        assert_eq!(report().outcome(), Outcome::Error);
        let mut remarked = report();
        remarked.find(Outcome::Passed, "fine", "sda", "All is well.");
        remarked.covered("sda", "sectors", 0, 100);
        assert_eq!(remarked.outcome(), Outcome::Error);
    }

    #[test]
    fn skipped_is_the_outcome_only_where_nothing_was_tested() {
        let mut skipped = report();
        skipped.find(Outcome::Skipped, "no-disk", "sr0", "A drive for optical disks.");
        assert_eq!(skipped.outcome(), Outcome::Skipped);
        skipped.covered("sda", "sectors", 1, 100);
        assert_eq!(skipped.outcome(), Outcome::Passed);
    }

    #[test]
    fn the_worst_finding_decides() {
        let mut bad = report();
        bad.covered("sda", "sectors", 1, 100);
        for outcome in [Outcome::Degraded, Outcome::Error, Outcome::Failed] {
            bad.find(outcome, "x", "sda", "Something.");
            assert_eq!(bad.outcome(), outcome);
        }
    }

    #[test]
    fn a_test_that_took_longer_than_was_asked_says_so_and_passes_all_the_same() {
        let order = Order { kind: Kind::Disk, level: Level::Smoke, seconds: 3, seed: 7, inject: None };
        for (seconds, told) in [(2.9, false), (4.9, false), (5.1, true)] {
            let mut slow = report();
            slow.covered("sda", "sectors", 1, 100);
            slow.took(&order, Duration::from_secs_f64(seconds));
            assert_eq!(slow.outcome(), Outcome::Passed);
            assert_eq!(slow.findings.iter().any(|finding| finding.code == "test-took-longer"), told, "{seconds}");
            assert_eq!(slow.measurements.iter().filter(|one| one.metric == Metric::Duration).count(), 1);
        }
    }

    #[test]
    fn a_report_survives_the_way_from_child_to_parent() {
        let mut sent = report();
        sent.find(Outcome::Failed, "x", "sda", "Something.").next("Replace the disk.");
        sent.measure(Metric::Duration, "", 1.5);
        sent.measure(Metric::Miscompares, "node0", u64::MAX);
        let text = serde_json::to_string(&sent).expect("a report is JSON");
        assert_eq!(serde_json::from_str::<Report>(&text).expect("the same report"), sent);
    }
}
