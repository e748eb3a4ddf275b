//! SCSI's part of smartctl's JSON.

use std::time::Duration;

use crate::disk::loose::Loose;
use crate::disk::model::{Environment, MOST as SHOWN, Report, Scan, Scanned, Scsi};
use crate::disk::self_test::{Entry, Outcome, Running, kind_of, outcome_of, scsi_outcome};

/// Most self-tests that a SCSI drive logs.
const LOGGED: u64 = 20;
/// Most rows of the background scan.
const MOST: usize = 2048;

pub(super) fn read(root: Loose, report: &mut Report) {
    let counters = root.at("scsi_error_counter_log");
    // Before 7.2 this is the length of the list in bytes, eight for each of its elements.
    let in_bytes = report.call.version.is_some_and(|version| version < (7, 2));
    let grown = root.number_at("scsi_grown_defect_list");
    let scsi = Scsi {
        grown_defects: if in_bytes { grown.map(|bytes| bytes.div_ceil(8)) } else { grown },
        non_medium: NON_MEDIUM.iter().find_map(|key| root.number_at(key)),
        read_uncorrected: counters.number_at("read.total_uncorrected_errors"),
        write_uncorrected: counters.number_at("write.total_uncorrected_errors"),
        verify_uncorrected: counters.number_at("verify.total_uncorrected_errors"),
    };
    if scsi != Scsi::default() {
        report.scsi = Some(scsi);
    }
    report.pending_defects = report.pending_defects.or_else(|| root.number_at("scsi_pending_defects.count"));
    if report.pending_sectors.is_empty() {
        report.pending_sectors = super::ata::pending_sectors(root.at("scsi_pending_defects"));
    }
    report.scan_defects = scan_defects(root.at("scsi_background_scan"));
    report.scan = scan(root.at("scsi_background_scan"));
    report.notes.link_errors = report.notes.link_errors.or_else(|| link_errors(root));
    report.environment = environment(root.at("scsi_environmental_reports"));
    let used = root.number_at("scsi_percentage_used_endurance_indicator");
    report.percentage_used = report.percentage_used.or(used);
    let tests = &mut report.self_tests;
    if let Some(seconds) = root.number_at("scsi_extended_self_test_seconds") {
        tests.extended.estimate = Some(Duration::from_secs(seconds));
        tests.extended.supported = Some(true);
    }
    if root.at("scsi_self_test_status.in_progress").flag() == Some(true) {
        let done = root.at("scsi_self_test_status.completion_percent").number();
        let remaining = done.and_then(|done| u8::try_from(100u64.saturating_sub(done)).ok());
        tests.running = Some(Running { kind: None, remaining });
    }
    for number in 0..LOGGED {
        let row = root.at(&format!("scsi_self_test_{number}"));
        let Some(entry) = entry(row, number + 1) else { continue };
        tests.log_read = true;
        if entry.outcome == Outcome::Running {
            tests.running = tests.running.or(Some(Running { kind: entry.kind, remaining: None }));
        }
        tests.log.push(entry);
    }
}

/// Invalid words on all links of a SAS drive.
fn link_errors(root: Loose) -> Option<u64> {
    let ports = root.keys().into_iter().filter(|key| key.starts_with("scsi_sas_port_")).map(|key| root.at(key));
    let links = ports
        .flat_map(|port| port.keys().into_iter().filter(|key| key.starts_with("phy_")).map(move |key| port.at(key)));
    links.filter_map(|link| link.number_at("invalid_dword_count")).reduce(u64::saturating_add)
}

/// Names of the count of errors that are none of the medium.
const NON_MEDIUM: [&str; 2] = ["scsi_non_medium_error_count", "scsi_error_counter_log.non_medium_error_count"];

/// Sectors that the background scan could not read (sense key 3 or 4) and that nobody replaced or wrote anew since (SBC-4, reassign
/// status 1, 4, 8 and what is reserved).
fn scan_defects(scan: Loose) -> Option<u64> {
    let is_bad = |row: &Loose| {
        let key = row.at("sense_key.value").number().or_else(|| row.at("sense_key").number());
        let status = row.at("reassign_status.value").number().or_else(|| row.at("reassign_status").number());
        matches!(key, Some(3 | 4)) && !matches!(status, Some(2 | 5..=7))
    };
    let rows = (0..=MOST).map(|number| scan.at(&format!("result_{number}"))).filter(|row| row.is_there());
    scan.is_there().then(|| u64::try_from(rows.filter(is_bad).count()).unwrap_or(u64::MAX))
}

fn scan(scan: Loose) -> Option<Scan> {
    let status = scan.at("status");
    let rows = (0..=MOST).map(|number| scan.at(&format!("result_{number}"))).filter(|row| row.is_there());
    let found = |row: Loose| Scanned {
        lba: row.number_at("lba"),
        sense_key: row.at("sense_key.value").number().or_else(|| row.at("sense_key").number()),
        fate: row.at("reassign_status.string").text().unwrap_or_default(),
    };
    scan.is_there().then(|| Scan {
        status: status.at("string").text(),
        scans: status.number_at("number_scans_performed"),
        medium_scans: status.number_at("number_medium_scans_performed"),
        found: rows.map(found).take(SHOWN).collect(),
    })
}

fn environment(reports: Loose) -> Vec<Environment> {
    let one = |name: &str| {
        let report = reports.at(name);
        Environment {
            name: name.to_owned(),
            current: report.at("current").signed(),
            highest: report.at("lifetime_maximum").signed(),
            lowest: report.at("lifetime_minimum").signed(),
        }
    };
    reports.keys().into_iter().map(one).filter(|one| one.current.is_some()).take(SHOWN).collect()
}

fn entry(row: Loose, place: u64) -> Option<Entry> {
    let text = row.at("result.string").text();
    let outcome = match (row.at("result.value").number(), &text) {
        _ if row.at("self_test_in_progress").flag() == Some(true) => Outcome::Running,
        (Some(value), _) => scsi_outcome(value),
        (None, Some(text)) => outcome_of(text),
        (None, None) => return None,
    };
    let kind = row.at("code.string").text().map(|text| kind_of(&text));
    Some(Entry {
        hours: row.number_at("power_on_time.hours"),
        lba: row.number_at("lba_first_failure.value").or_else(|| row.number_at("lba_first_failure")),
        segment: row.number_at("failed_segment.value").or_else(|| row.number_at("failed_segment")),
        place: Some(place),
        ..Entry::of(kind, outcome, &text.unwrap_or_default())
    })
}
