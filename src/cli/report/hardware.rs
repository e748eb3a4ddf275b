//! Tests of the hardware by this program, as the documents beside their result files tell them.

use serde_json::Value;
use std::collections::BTreeSet;

use super::super::test;
use super::gather::text;
use super::output;
use crate::hwtest::Metric;
use crate::journal::ResultRecord;
use crate::report::{Bar, Drawing, HardwareTest, Shape};

/// Largest document and result file that are read.
const LARGEST: u64 = 4 << 20;
const RESULT_FILE: u64 = 1 << 20;
/// Most bars of a drawing, most values along something, most drawings of a test.
const BARS: usize = 1024;
const VALUES: usize = 512;
const DRAWINGS: usize = 48;
/// Most tests.
const TESTS: usize = 64;
/// Percent of waiting from which on figures are disturbed.
const DISTURBED: f64 = 10.0;

/// The tests that left a document which belongs to their result files.
pub(super) fn on_record(records: &[ResultRecord]) -> Vec<HardwareTest> {
    let started = records.iter().enumerate().filter(|(_, record)| record.started.is_some());
    started.filter_map(|(at, record)| of(at, record)).flatten().take(TESTS).collect()
}

/// The test of a result, or all of them where one script did several.
fn of(at: usize, record: &ResultRecord) -> Option<Vec<HardwareTest>> {
    let bytes = output::whole(&test::document_beside(&record.result_file), LARGEST)?;
    let document: Value = serde_json::from_slice(&bytes).ok()?;
    // The document of an earlier test does not say what the result file says.
    let file = output::whole(&record.result_file, RESULT_FILE)?;
    if document["result_sha256"].as_str() != Some(&test::hex(&file)) {
        return None;
    }
    let several = document["tests"].as_array().map(Vec::as_slice);
    let tests = several.unwrap_or(std::slice::from_ref(&document));
    Some(tests.iter().map(|test| described(at, &record.subject, test)).collect())
}

fn described(at: usize, source: &str, document: &Value) -> HardwareTest {
    let word = |value: &Value| value.as_str().map(text).unwrap_or_default();
    let mut drawings = bars(document);
    drawings.extend(list(document, "series").filter_map(series));
    let left_out = drawings.len().saturating_sub(DRAWINGS);
    drawings.truncate(DRAWINGS);
    let disturbed = list(document, "measurements").filter(|one| one["metric"] == Metric::Disturbed.name());
    let disturbed = disturbed.filter_map(|one| one["value"].as_f64()).fold(0.0, f64::max);
    HardwareTest {
        source: text(source),
        result: at,
        kind: word(&document["kind"]),
        coverage: list(document, "coverage").take(DRAWINGS).filter_map(covered).collect(),
        disturbed: (disturbed > DISTURBED).then_some(disturbed),
        injected: document["injected"].as_str().map(text),
        drawings,
        left_out,
    }
}

fn list<'a>(document: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    document[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn covered(one: &Value) -> Option<String> {
    let (tested, whole) = (one["tested"].as_u64()?, one["whole"].as_u64()?);
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = tested as f64 / whole.max(1) as f64 * 100.0;
    let (of, subject) = (one["of"].as_str()?, text(one["subject"].as_str()?));
    let amount = if of == "bytes" { crate::report::bytes(tested) } else { format!("{tested} {}", text(of)) };
    // "128 processors" of "processors" is said once.
    let thing = if of == subject { String::new() } else { format!(" of {subject}") };
    Some(format!("{amount}{thing} ({share:.1} %)"))
}

/// Figures that several things have: a bar for each.
fn bars(document: &Value) -> Vec<Drawing> {
    let slow: BTreeSet<&str> = list(document, "findings")
        .filter(|finding| finding["outcome"] != "passed")
        .filter_map(|finding| finding["subject"].as_str())
        .collect();
    let drawn = [
        ("Memory bandwidth of each node", &[Metric::MemoryRead, Metric::MemoryWrite, Metric::MemoryCopy][..]),
        ("Reads of the memory of other nodes (processors, memory)", &[Metric::MemoryReadFar]),
        ("Latency of memory of each node", &[Metric::MemoryLatency]),
        ("Latency of the memory of other nodes (processors, memory)", &[Metric::MemoryLatencyFar]),
        ("Rate of each processor, against the median of its kind", &[Metric::CpuRate]),
        ("Clock of each processor under the load of all", &[Metric::CpuClock]),
    ];
    let drawing = |(title, metrics): &(&str, &[Metric])| {
        let mut all: Vec<Bar> = Vec::new();
        for one in list(document, "measurements") {
            let metric = metrics.iter().find(|metric| one["metric"] == metric.name());
            let (Some(metric), Some(value)) = (metric, one["value"].as_f64()) else { continue };
            let subject = one["subject"].as_str().unwrap_or_default();
            let name = match metrics.len() {
                1 => subject.to_owned(),
                // `memory_read` of node0 is "node0 read".
                _ => format!("{subject} {}", metric.name().rsplit('_').next().unwrap_or_default()),
            };
            all.push(Bar { name: text(&name), value, is_marked: slow.contains(subject) });
        }
        let left_out = all.len().saturating_sub(BARS);
        all.truncate(BARS);
        let unit = metrics.first().map_or("", |metric| metric.unit().symbol());
        let is_there = !all.is_empty();
        is_there.then(|| Drawing {
            title: (*title).to_owned(),
            unit: unit.to_owned(),
            shape: Shape::Bars { bars: all, left_out },
        })
    };
    drawn.iter().filter_map(drawing).collect()
}

fn series(series: &Value) -> Option<Drawing> {
    let metric = Metric::named(series["metric"].as_str()?)?;
    let values: Vec<Option<f64>> = series["values"].as_array()?.iter().map(Value::as_f64).collect();
    let at: Vec<f64> = list(series, "at").filter_map(Value::as_f64).collect();
    let subject = text(series["subject"].as_str()?);
    let unit = if metric == Metric::Temperature { "°C" } else { metric.unit().symbol() }.to_owned();
    let named = |title: &str| if subject.is_empty() { title.to_owned() } else { format!("{title}: {subject}") };
    Some(match series["along"].as_str()? {
        "zones" => {
            let marked: Vec<usize> =
                list(series, "marked").filter_map(Value::as_u64).filter_map(|at| usize::try_from(at).ok()).collect();
            let (values, marked) = joined(&values, &marked);
            Drawing { title: named("Zones, from begin to end"), unit, shape: Shape::Map { values, marked } }
        }
        "seconds" => {
            let title = if metric == Metric::Temperature { "Temperature" } else { "Throughput over the time" };
            let values = values.into_iter().take(VALUES).collect();
            Drawing {
                title: named(title),
                unit,
                shape: Shape::Line { at: at.into_iter().take(VALUES).collect(), values },
            }
        }
        "microseconds" => {
            let counts = values.into_iter().take(VALUES).map(|value| value.unwrap_or(0.0)).collect();
            let at = at.into_iter().take(VALUES).collect();
            let title = named("Random reads of 4 KiB by their time");
            Drawing { title, unit: "µs".to_owned(), shape: Shape::Histogram { at, counts } }
        }
        _ => return None,
    })
}

/// Neighbours of a long map joined: the lowest of them counts, and a mark of any.
fn joined(values: &[Option<f64>], marked: &[usize]) -> (Vec<Option<f64>>, Vec<usize>) {
    let each = values.len().div_ceil(VALUES).max(1);
    let lowest = |part: &[Option<f64>]| part.iter().flatten().copied().reduce(f64::min);
    let marked: BTreeSet<usize> = marked.iter().filter(|at| **at < values.len()).map(|at| at / each).collect();
    (values.chunks(each).map(lowest).collect(), marked.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_a_long_map_are_joined_and_no_mark_is_lost() {
        let values: Vec<Option<f64>> = (0..1024).map(|at| (at % 2 == 0).then_some(f64::from(at))).collect();
        let (joined, marked) = joined(&values, &[0, 1023, 5000]);
        assert_eq!((joined.len(), joined[3], &marked[..]), (512, Some(6.0), &[0, 511][..]));
    }

    #[test]
    fn a_document_of_odd_values_draws_what_makes_sense_and_nothing_else() {
        let document = serde_json::json!({
            "kind": 7, "injected": "<script>", "coverage": [{"tested": -1, "whole": 0}, {"tested": 1, "whole": 0, "of": "bytes", "subject": "x"}],
            "measurements": [{"metric": "cpu_rate", "subject": "cpu0", "value": "many"}, {"metric": "cpu_rate", "subject": "cpu1", "value": 40.5},
                             {"metric": "disturbed", "value": 55.0}, 3, null],
            "findings": [{"outcome": "degraded", "subject": "cpu1"}],
            "series": [{"metric": "no_such", "values": [1], "subject": "", "along": "zones"}, {"metric": "disk_read", "values": "x"}, 7,
                       {"metric": "disk_read", "values": [1.5, null], "subject": "sda", "along": "zones", "marked": [1, "x", -3]}],
        });
        let test = described(0, "x", &document);
        assert_eq!((test.drawings.len(), test.coverage.len(), test.disturbed), (2, 1, Some(55.0)));
        assert!(matches!(&test.drawings[0].shape, Shape::Bars { bars, .. } if bars.len() == 1 && bars[0].is_marked));
        assert!(matches!(&test.drawings[1].shape, Shape::Map { marked, .. } if marked[..] == [1]));
        assert!(described(0, "", &Value::Null).drawings.is_empty());
    }
}
