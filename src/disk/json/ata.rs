//! ATA's part of smartctl's JSON.

use std::time::Duration;

use crate::disk::loose::{Loose, leading_number};
use crate::disk::model::{Attribute, Failing, MOST, Report};
use crate::disk::self_test::{Ability, Entry, ata_outcome, kind_of, outcome_of};

pub(super) fn read(root: Loose, report: &mut Report) {
    let table = root.at("ata_smart_attributes.table");
    report.attributes = table.list().into_iter().filter_map(attribute).take(MOST).collect();
    if root.at("ata_smart_attributes").is_there() && report.attributes.is_empty() {
        report.cut.push("the table of attributes");
    }
    let errors = ["extended", "summary"].map(|kind| root.at("ata_smart_error_log").at(kind).number_at("count"));
    report.error_log_count = errors.into_iter().flatten().max();
    report.percentage_used = endurance(root).or(report.percentage_used);
    self_tests(root, report);
}

fn attribute(row: Loose) -> Option<Attribute> {
    let raw_text = row.at("raw.string").text();
    let [value, worst, threshold] = ["value", "worst", "thresh"].map(|key| row.at(key).number());
    Some(Attribute {
        id: row.at("id").number()?,
        name: row.at("name").text().unwrap_or_default(),
        value,
        worst,
        threshold,
        failing: failing(row, value, worst, threshold),
        prefailure: row
            .at("flags.prefailure")
            .flag()
            .unwrap_or_else(|| row.at("flags.value").number().is_some_and(|flags| flags & 1 == 1)),
        // The whole 48 bits of `raw.value` are several counters in some drives; the text knows where the first one ends.
        raw: raw_text.as_deref().and_then(leading_number).or_else(|| row.number_at("raw.value")),
        raw_text,
    })
}

/// smartctl's word, or where it has none, what it would say: 1 to 253 are normalised values.
fn failing(row: Loose, value: Option<u64>, worst: Option<u64>, threshold: Option<u64>) -> Option<Failing> {
    if let Some(said) = row.at("when_failed").text() {
        return match said.to_ascii_lowercase().as_str() {
            "now" | "failing_now" => Some(Failing::Now),
            "past" | "in_the_past" => Some(Failing::Past),
            _ => None,
        };
    }
    let fails = |value: Option<u64>| {
        let threshold = threshold.filter(|threshold| *threshold > 0);
        value.zip(threshold).is_some_and(|(value, threshold)| (1..254).contains(&value) && value <= threshold)
    };
    if row.at("when_failed").is_there() {
        return None;
    }
    if fails(value) { Some(Failing::Now) } else { fails(worst).then_some(Failing::Past) }
}

/// The percentage used of 7.5, or the same from the device statistics: page 7, offset 8.
fn endurance(root: Loose) -> Option<u64> {
    let direct = root.number_at("endurance_used.current_percent");
    direct.or_else(|| {
        let pages = root.at("ata_device_statistics.pages").list();
        let page = pages.into_iter().find(|page| page.at("number").number() == Some(7))?;
        let row = page.at("table").list().into_iter().find(|row| row.at("offset").number() == Some(8))?;
        row.at("flags.valid").flag().unwrap_or(true).then(|| row.at("value").number()).flatten()
    })
}

fn self_tests(root: Loose, report: &mut Report) {
    let tests = &mut report.self_tests;
    let data = root.at("ata_smart_data");
    if let Some(value) = data.at("self_test.status.value").number() {
        tests.note_ata_status(value);
    }
    let supported = data.at("capabilities.self_tests_supported").flag();
    let minutes = |kind: &str| {
        let minutes = data.at("self_test.polling_minutes").number_at(kind);
        minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)))
    };
    tests.short = Ability { supported, estimate: minutes("short") };
    tests.extended = Ability { supported, estimate: minutes("extended") };
    let conveyance = data.at("capabilities.conveyance_self_test_supported").flag();
    tests.conveyance = Ability { supported: conveyance, estimate: minutes("conveyance") };
    for kind in ["extended", "standard"] {
        let log = root.at("ata_smart_self_test_log").at(kind);
        tests.log_read |= log.is_there();
        if tests.log.is_empty() {
            tests.log = log.at("table").list().into_iter().filter_map(entry).take(MOST).collect();
        }
    }
}

fn entry(row: Loose) -> Option<Entry> {
    let text = row.at("status.string").text();
    let outcome = match (row.at("status.value").number(), &text) {
        (Some(value), _) => ata_outcome(value),
        (None, Some(text)) => outcome_of(text),
        (None, None) => return None,
    };
    Some(Entry {
        kind: row.at("type.string").text().map(|text| kind_of(&text)),
        outcome,
        text: text.unwrap_or_default(),
        hours: row.number_at("lifetime_hours"),
        lba: row.number_at("lba"),
    })
}
