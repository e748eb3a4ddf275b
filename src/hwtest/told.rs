//! A report as a page, and as values of a result file for a region.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use serde_json::Value as Json;

use super::metric::{Metric, Unit};
use super::outcome::Outcome;
use super::report::{Measurement, Report, Value};

impl Report {
    /// One sentence: outcome and reason.
    #[must_use]
    pub fn headline(&self) -> String {
        let outcome = self.outcome();
        let worst = self.findings.iter().find(|finding| finding.outcome == outcome && outcome != Outcome::Passed);
        let reason = worst.map_or_else(
            || match outcome {
                Outcome::Passed => "every answer was right".to_owned(),
                _ => "nothing was tested".to_owned(),
            },
            // A finding about all of the hardware has its name as subject.
            |finding| match finding.subject.as_str() {
                subject if subject == self.kind.word() => finding.what.clone(),
                subject => format!("{subject}: {}", finding.what),
            },
        );
        format!("{outcome}: {}: {reason}", self.kind)
    }

    /// The report for people, without an end of line.
    #[must_use]
    pub fn page(&self) -> String {
        let mut lines = vec![self.headline()];
        if let Some(fault) = &self.injected {
            lines.push(format!("A fault was made to happen ({fault}): this says nothing about the hardware."));
        }
        for covered in &self.coverage {
            let share = covered.tested as f64 / covered.whole.max(1) as f64 * 100.0;
            lines.push(format!("Tested: {} of {}, {share:.1} %", amount(covered.tested, &covered.of), covered.subject));
        }
        lines.push(format!("Level {}, {:.0} s, seed {:#x}", self.level.word(), self.seconds, self.seed));
        for one in &self.measurements {
            let subject = if one.subject.is_empty() { String::new() } else { format!("{} ", one.subject) };
            let mark = if one.disturbed { " (disturbed)" } else { "" };
            lines.push(format!("  {subject}{}: {}{mark}", words(one.metric), shown(one)));
        }
        for finding in &self.findings {
            lines.push(format!("{}: {}: {}", finding.outcome, finding.subject, finding.what));
            if !finding.next.is_empty() {
                lines.push(format!("    Next: {}", finding.next));
            }
        }
        if !self.not_tested.is_empty() {
            lines.push("Not tested:".to_owned());
            lines.extend(self.not_tested.iter().map(|text| format!("  {text}")));
        }
        lines.join("\n")
    }

    /// Keys and values for a result file: a figure of one thing as it is, of several things as a list in their order.
    #[must_use]
    pub fn results(&self) -> Vec<(String, Json)> {
        let mut results = vec![("reason".to_owned(), Json::from(self.headline()))];
        for metric in Metric::ALL {
            let mut values: Vec<Json> =
                self.measurements.iter().filter(|one| one.metric == *metric).map(|one| json(&one.value)).collect();
            let value = match values.len() {
                0 => continue,
                1 => values.remove(0),
                _ => Json::Array(values),
            };
            results.push((metric.name().to_owned(), value));
        }
        results
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Count(count) => Json::from(*count),
        Value::Number(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
    }
}

/// The name of a figure in words.
fn words(metric: Metric) -> String {
    metric.name().replace('_', " ")
}

fn shown(one: &Measurement) -> String {
    match (&one.value, one.metric.unit()) {
        (Value::Count(bytes), Unit::Bytes) => amount(*bytes, "bytes"),
        (Value::Count(count), Unit::Count) => count.to_string(),
        (Value::Count(count), unit) => format!("{count} {}", unit.symbol()).trim_end().to_owned(),
        (Value::Number(number), unit) => format!("{number} {}", unit.symbol()).trim_end().to_owned(),
        (Value::Text(text), _) => text.clone(),
    }
}

/// Bytes in the largest unit that leaves a number of at least one.
fn amount(count: u64, of: &str) -> String {
    if of != "bytes" {
        return format!("{count} {of}");
    }
    let (unit, size) = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        .into_iter()
        .find(|(_, size)| count >= *size)
        .unwrap_or(("bytes", 1));
    format!("{:.1} {unit}", count as f64 / size as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hwtest::{Kind, Level, Order};

    #[test]
    fn a_figure_of_several_things_is_a_list_in_a_result_file() {
        let mut report =
            Report::new(&Order { kind: Kind::Memory, level: Level::Smoke, seconds: 1, seed: 0, inject: None });
        report.covered("memory", "bytes", 3 << 30, 4 << 30);
        report.measure(Metric::MemoryRead, "node0", 1.5);
        report.measure(Metric::MemoryRead, "node1", 2.5);
        report.measure(Metric::Miscompares, "", 0);
        let results = report.results();
        assert!(results.contains(&("miscompares".to_owned(), Json::from(0))), "{results:?}");
        assert!(results.contains(&("memory_read".to_owned(), serde_json::json!([1.5, 2.5]))), "{results:?}");
        let page = report.page();
        for part in ["passed: memory", "Tested: 3.0 GiB of memory, 75.0 %", "node1 memory read: 2.5 GiB/s"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
