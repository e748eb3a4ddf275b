//! SCSI's part of smartctl's JSON.

use std::time::Duration;

use crate::disk::loose::Loose;
use crate::disk::model::{Report, Scsi};
use crate::disk::self_test::{Entry, Outcome, Running, kind_of, outcome_of, scsi_outcome};

/// Most self-tests that a SCSI drive logs.
const LOGGED: usize = 20;

pub(super) fn read(root: Loose, report: &mut Report) {
    let counters = root.at("scsi_error_counter_log");
    let scsi = Scsi {
        grown_defects: root.number_at("scsi_grown_defect_list"),
        read_uncorrected: counters.number_at("read.total_uncorrected_errors"),
        write_uncorrected: counters.number_at("write.total_uncorrected_errors"),
        verify_uncorrected: counters.number_at("verify.total_uncorrected_errors"),
    };
    if scsi != Scsi::default() {
        report.scsi = Some(scsi);
    }
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
        let Some(entry) = entry(row) else { continue };
        tests.log_read = true;
        if entry.outcome == Outcome::Running {
            tests.running = tests.running.or(Some(Running { kind: entry.kind, remaining: None }));
        }
        tests.log.push(entry);
    }
}

fn entry(row: Loose) -> Option<Entry> {
    let text = row.at("result.string").text();
    let outcome = match (row.at("result.value").number(), &text) {
        _ if row.at("self_test_in_progress").flag() == Some(true) => Outcome::Running,
        (Some(value), _) => scsi_outcome(value),
        (None, Some(text)) => outcome_of(text),
        (None, None) => return None,
    };
    Some(Entry {
        kind: row.at("code.string").text().map(|text| kind_of(&text)),
        outcome,
        text: text.unwrap_or_default(),
        hours: row.number_at("power_on_time.hours"),
        lba: row.number_at("lba_first_failure"),
    })
}
