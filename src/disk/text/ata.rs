//! ATA's part of smartctl's text.

use std::time::Duration;

use super::speaks;
use crate::disk::loose::leading_number;
use crate::disk::model::{Attribute, Failing, MOST, Protocol, Report};
use crate::disk::self_test::Outcome;

/// Reads a row of the table of attributes; true if the line was one, in either of its two forms.
pub(super) fn row(line: &str, report: &mut Report) -> bool {
    if let Some(attribute) = attribute(line) {
        speaks(Protocol::Ata, report);
        let celsius = attribute.raw.and_then(|raw| i64::try_from(raw).ok());
        match attribute.id {
            9 => report.power_on_hours = attribute.raw,
            12 => report.power_cycles = attribute.raw,
            190 => report.temperature = report.temperature.or(celsius),
            194 => report.temperature = celsius,
            _ => {}
        }
        // smartctl lists those that fail before the table, and in it once more.
        let known = report.attributes.iter().any(|one| one.id == attribute.id && one.raw_text == attribute.raw_text);
        if report.attributes.len() < MOST && !known {
            report.attributes.push(attribute);
        }
        return true;
    }
    false
}

/// `  5 Reallocated_Sector_Ct   0x0033   095   095   036    Pre-fail  Always       -       24`, or with `-x`
/// `  5 Reallocated_Sector_Ct   PO--CK   100   100   010    -    0`.
fn attribute(line: &str) -> Option<Attribute> {
    if !line.trim_start().starts_with(|c: char| c.is_ascii_digit()) || line.starts_with("0x") {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let [id, name, flags, value, worst, threshold, rest @ ..] = words.as_slice() else { return None };
    let id = id.parse().ok().filter(|id| (1..=255).contains(id))?;
    let normalised =
        |word: &str| (word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit() || b == b'-')).then_some(());
    normalised(value).and(normalised(worst)).and(normalised(threshold))?;
    let (kind, when, raw) = match rest {
        [kind @ ("Pre-fail" | "Old_age"), _updated, when, raw @ ..] => (Some(*kind), *when, raw),
        [when @ ("-" | "NOW" | "Past"), raw @ ..] => (None, *when, raw),
        _ => return None,
    };
    // The last column is never empty: lines that were cut off at the width of a terminal have lost it, and the defect with it.
    if raw.is_empty() {
        return None;
    }
    let raw = raw.join(" ");
    Some(Attribute {
        id,
        name: (*name).to_owned(),
        value: leading_number(value),
        worst: leading_number(worst),
        threshold: leading_number(threshold),
        failing: match when {
            "NOW" | "FAILING_NOW" => Some(Failing::Now),
            "Past" | "In_the_past" => Some(Failing::Past),
            _ => None,
        },
        prefailure: kind.map_or(flags.starts_with('P'), |kind| kind == "Pre-fail"),
        raw: leading_number(&raw),
        raw_text: Some(raw),
    })
}

/// Fields of ATA drives. Some texts go on in the next line: `before` is the line before this one.
pub(super) fn field(key: &str, value: &str, before: &str, report: &mut Report) {
    let in_parentheses = || leading_number(value.trim_start_matches(['(', ' ']));
    match key {
        "Device Model" | "ATA Version is" | "SATA Version is" | "SMART Attributes Data Structure revision number" => {
            speaks(Protocol::Ata, report);
        }
        "Self-test execution status" => {
            if let Some(status) = in_parentheses() {
                report.self_tests.note_ata_status(status);
            }
        }
        "recommended polling time" => {
            let minutes = in_parentheses().map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
            let tests = &mut report.self_tests;
            match before.split_whitespace().next() {
                Some("Short") => tests.short.estimate = minutes,
                Some("Extended") => tests.extended.estimate = minutes,
                Some("Conveyance") => tests.conveyance.estimate = minutes,
                _ => {}
            }
        }
        "Device is" => report.database = Some(value.starts_with("In smartctl database")),
        "Current Temperature" if report.temperature.is_none() => report.temperature = celsius(value),
        // Below, and above.
        "Min/Max recommended Temperature" => report.limits.operating = upper(value),
        "Min/Max Temperature Limit" => report.limits.critical = upper(value),
        "Lifetime    Min/Max Temperature" => report.limits.highest = upper(value),
        "Under/Over Temperature Limit Count" => {
            report.limits.exceeded = value.rsplit_once('/').and_then(|(_, over)| leading_number(over));
        }
        "ATA Error Count" | "Device Error Count" => report.error_log_count = leading_number(value),
        _ => {}
    }
}

/// `35 Celsius`, `-5 Celsius`.
fn celsius(value: &str) -> Option<i64> {
    value.split_whitespace().next()?.parse().ok()
}

/// The second of `0/60 Celsius`. Drives that have no limit say -127 or 127.
fn upper(value: &str) -> Option<i64> {
    celsius(value.split_once('/')?.1).filter(|limit| (1..127).contains(limit))
}

/// What the lines of the capabilities say, each a sentence of its own.
pub(super) fn capability(line: &str, report: &mut Report) {
    let tests = &mut report.self_tests;
    match line.trim() {
        "Self-test supported." => (tests.short.supported, tests.extended.supported) = (Some(true), Some(true)),
        "No Self-test supported." => (tests.short.supported, tests.extended.supported) = (Some(false), Some(false)),
        "Conveyance Self-test supported." => tests.conveyance.supported = Some(true),
        "No Conveyance Self-test supported." => tests.conveyance.supported = Some(false),
        // The words of the status, where its number is lost.
        said if said.contains("element of the test failed") || said.contains("unknown test element that failed") => {
            tests.last = tests.last.or(Some(Outcome::Failed));
        }
        said if said.contains("invalid SMART checksum") && report.checksums.len() < MOST => {
            report.checksums.push(said.to_owned());
        }
        _ => {}
    }
}
