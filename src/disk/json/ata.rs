//! ATA's part of smartctl's JSON.

use std::time::Duration;

use crate::disk::loose::{Loose, leading_number};
use crate::disk::model::{Attribute, Failing, Farm, MOST, Report, Statistic};
use crate::disk::self_test::{Ability, Entry, Outcome, ata_outcome, kind_of, outcome_of, possible};
use crate::disk::text::OFFLINE_FATAL;

pub(super) fn read(root: Loose, report: &mut Report) {
    let table = root.at("ata_smart_attributes.table");
    report.attributes = table.list().into_iter().filter_map(attribute).take(MOST).collect();
    let rows = root.at("ata_smart_attributes.table").list().into_iter();
    if rows.filter(|row| row.at("raw").is_there() && !row.at("id").is_there()).count() > 0 {
        report.cut.push("an attribute has no number".to_owned());
    }
    if root.at("ata_smart_attributes").is_there() && report.attributes.is_empty() {
        report.cut.push("the table of attributes is empty".to_owned());
    }
    let errors = ["extended", "summary"].map(|kind| root.at("ata_smart_error_log").at(kind).number_at("count"));
    report.error_log_count = errors.into_iter().flatten().max();
    report.statistics = statistics(root);
    let used = report.statistic(7, 8);
    report.percentage_used =
        used.or_else(|| root.number_at("endurance_used.current_percent")).or(report.percentage_used);
    let pending = root.at("ata_pending_defects_log");
    report.pending_defects = pending.number_at("count").or_else(|| {
        let rows = pending.at("table").list().len();
        pending.is_there().then(|| u64::try_from(rows).unwrap_or(u64::MAX))
    });
    report.pending_sectors = pending_sectors(pending);
    report.farm = farm(root.at("seagate_farm_log"));
    notes(root, report);
    self_tests(root, report);
}

/// Which sectors wait, of ATA's log or SCSI's.
pub(super) fn pending_sectors(log: Loose) -> Vec<u64> {
    log.at("table").list().into_iter().filter_map(|row| row.number_at("lba")).take(MOST).collect()
}

fn statistics(root: Loose) -> Vec<Statistic> {
    let pages = root.at("ata_device_statistics.pages").list();
    let rows = pages.into_iter().filter_map(|page| Some((page.at("number").number()?, page.at("table").list())));
    let rows = rows.flat_map(|(number, rows)| rows.into_iter().map(move |row| (number, row)));
    let read = |(page, row): (u64, Loose)| {
        let valid = row.at("flags.valid").flag().unwrap_or(true);
        let (offset, value) = (row.at("offset").number()?, row.number_at("value")?);
        let name = row.at("name").text().unwrap_or_default();
        let normalised = row.at("flags.normalized").flag().unwrap_or_default();
        valid.then_some(Statistic { page, offset, name, value, normalised })
    };
    rows.filter_map(read).take(MOST).collect()
}

fn notes(root: Loose, report: &mut Report) {
    report.notes.locked = root.at("ata_security.locked").flag();
    let offline = root.at("ata_smart_data.offline_data_collection.status.value").number();
    report.notes.offline_fatal = offline.map(|status| status & 0x7f == OFFLINE_FATAL);
    // Commands that failed by the checksum of the link.
    let events = root.at("sata_phy_event_counters.table").list();
    let failed = events.into_iter().find(|event| event.at("id").number() == Some(1));
    report.notes.link_errors = failed.and_then(|event| event.number_at("value"));
}

/// smartctl 7.4 and later.
fn farm(log: Loose) -> Option<Farm> {
    let (drive, errors) = (log.at("page_1_drive_information"), log.at("page_3_error_statistics"));
    let farm = Farm {
        hours: ["poh", "power_on_hour", "power_on_hours"].iter().find_map(|key| drive.number_at(key)),
        spindle_hours: drive.number_at("spoh"),
        head_hours: drive.number_at("head_flight_hours"),
        unrecoverable_reads: errors.number_at("number_of_unrecoverable_read_errors"),
        unrecoverable_writes: errors.number_at("number_of_unrecoverable_write_errors"),
        reallocated: errors.number_at("number_of_reallocated_sectors"),
        candidates: errors.number_at("number_of_reallocated_candidate_sectors"),
    };
    (farm != Farm::default()).then_some(farm)
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

fn self_tests(root: Loose, report: &mut Report) {
    let tests = &mut report.self_tests;
    let data = root.at("ata_smart_data");
    let status = data.at("self_test.status");
    match status.at("value").number() {
        Some(value) => tests.note_ata_status(value),
        // Its number is lost, and what it says is not.
        None if status.at("passed").flag() == Some(false) => tests.last = Some(Outcome::Failed),
        None => {}
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
            let rows = log.at("table").list().into_iter().zip(1..).filter_map(|(row, place)| entry(row, place));
            tests.log = rows.take(MOST).collect();
            // What the log says of itself: a row that is lost may have been a failed test.
            let rows = u64::try_from(tests.log.len()).unwrap_or(u64::MAX);
            let failed = tests.log.iter().filter(|entry| entry.outcome == Outcome::Failed).count();
            let failed = u64::try_from(failed).unwrap_or(u64::MAX);
            let lacks = |key: &str, there: u64| log.number_at(key).is_some_and(|count| count > there);
            if lacks("count", rows) || lacks("error_count_total", failed) && rows < 19 {
                report.cut.push("entries of the self-test log are missing".to_owned());
            }
        }
    }
}

fn entry(row: Loose, place: u64) -> Option<Entry> {
    let text = row.at("status.string").text();
    let outcome = match (row.at("status.value").number(), &text) {
        (Some(value), _) => ata_outcome(value),
        (None, Some(text)) => outcome_of(text),
        (None, None) => return None,
    };
    let kind = row.at("type.string").text().map(|text| kind_of(&text));
    let left = row.number_at("status.remaining_percent");
    let outcome = possible(kind, outcome, left.unwrap_or_default());
    Some(Entry {
        hours: row.number_at("lifetime_hours"),
        lba: row.number_at("lba"),
        place: Some(place),
        ..Entry::of(kind, outcome, &text.unwrap_or_default())
    })
}
