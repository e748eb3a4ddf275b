//! SCSI's part of smartctl's text.

use std::time::Duration;

use super::speaks;
use crate::disk::loose::leading_number;
use crate::disk::model::{MOST, Protocol, Report, Scanned};

/// Whether the line was a row of the error counters: the last of seven columns counts what could not be corrected.
pub(super) fn row(line: &str, report: &mut Report) -> bool {
    if !["read:", "write:", "verify:"].iter().any(|name| line.trim_start().starts_with(name)) {
        return false;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, .., uncorrected] = words.as_slice() else { return false };
    let mut scsi = report.scsi.unwrap_or_default();
    let counter = match *name {
        "read:" => &mut scsi.read_uncorrected,
        "write:" => &mut scsi.write_uncorrected,
        "verify:" => &mut scsi.verify_uncorrected,
        _ => return false,
    };
    if words.len() != 8 {
        if words.get(1).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
            super::notes::lost(line.trim(), report);
        }
        return false;
    }
    *counter = leading_number(uncorrected);
    report.scsi = Some(scsi);
    true
}

/// A row of the background scan: `   2  5554:12  00000000efaf8228  [3,11,0]   Require Write or Reassign Blocks command`. Whether it was
/// one; those count that could not be read and were not put right.
pub(super) fn scanned(line: &str, report: &mut Report) -> bool {
    const RIGHT: [&str; 5] =
        ["rewrite in-place", "Successfully reassigned", "uccessfully rewritten", "valid data", "no valid data"];
    let Some((before, rest)) = line.split_once('[') else { return false };
    let Some((sense, status)) = rest.split_once(']') else { return false };
    let numbered = before.split_whitespace().next().is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()));
    let parts: Vec<&str> = sense.split(',').map(str::trim).collect();
    let is_row = numbered && parts.len() == 3 && before.split_whitespace().count() == 3 && before.contains(':');
    if !is_row {
        return false;
    }
    let failed = matches!(u64::from_str_radix(parts[0].trim_start_matches("0x"), 16), Ok(3 | 4));
    let is_bad = failed && (!RIGHT.iter().any(|right| status.contains(right)) || status.contains("nsuccessful"));
    *report.scan_defects.get_or_insert_default() += u64::from(is_bad);
    let lba = before.split_whitespace().nth(2).and_then(|word| u64::from_str_radix(word, 16).ok());
    let sense_key = u64::from_str_radix(parts[0].trim_start_matches("0x"), 16).ok();
    let scan = report.scan.get_or_insert_default();
    if scan.found.len() < MOST {
        scan.found.push(Scanned { lba, sense_key, fate: status.trim().to_owned() });
    }
    true
}

pub(super) fn field(key: &str, value: &str, report: &mut Report) {
    let number = || leading_number(value);
    let celsius = || value.split_whitespace().next().and_then(|word| word.parse::<i64>().ok());
    match key {
        "Vendor" => {
            speaks(Protocol::Scsi, report);
            report.identity.model = Some(value.to_owned());
        }
        "Product" => {
            let vendor = report.identity.model.take().unwrap_or_default();
            report.identity.model = Some(format!("{vendor} {value}").trim().to_owned());
        }
        "Device type" => report.identity.kind = Some(value.to_owned()),
        "Transport protocol" => report.identity.link = Some(value.to_owned()),
        "SMART Health Status" | "SMART Sense" => {
            speaks(Protocol::Scsi, report);
            // Anything but "OK" is a failure in words; nothing is nothing.
            report.status.passed = Some(value == "OK").filter(|_| !value.is_empty());
            report.status.unreadable = value.is_empty();
            report.status.exception = exception(value);
        }
        // The second is what versions before 7.0 call it.
        "Percentage used endurance indicator" | "SS Media used endurance indicator" => {
            report.percentage_used = number();
        }
        "Current Drive Temperature" => report.temperature = celsius(),
        "Drive Trip Temperature" => report.trip_temperature = celsius(),
        "Non-medium error count" => report.scsi.get_or_insert_default().non_medium = number(),
        "Pending defect count" => report.pending_defects = number(),
        "Elements in grown defect list" => {
            report.scsi.get_or_insert_default().grown_defects = number();
        }
        "Accumulated power on time, hours" => {
            report.power_on_hours = value.rsplit_once(' ').map_or_else(number, |(_, time)| leading_number(time));
        }
        "Long (extended) Self-test duration" => {
            report.self_tests.extended.estimate = number().map(Duration::from_secs);
            report.self_tests.extended.supported = Some(true);
        }
        _ => {}
    }
}

/// What some drives say with an equals sign: `Current temperature = 30`.
pub(super) fn equation(line: &str, report: &mut Report) {
    let Some((key, value)) = line.split_once(" = ") else { return };
    let celsius = value.trim().parse::<i64>().ok();
    match key.trim() {
        "Current temperature" => report.temperature = report.temperature.or(celsius),
        "Lifetime maximum temperature" => report.limits.highest = report.limits.highest.or(celsius),
        "Lifetime minimum temperature" => report.limits.lowest = report.limits.lowest.or(celsius),
        _ => {}
    }
}

/// `… [asc=5d, ascq=ff]`, in hexadecimal digits.
fn exception(value: &str) -> Option<(u64, u64)> {
    let sense = value.split_once("[asc=")?.1;
    let (code, rest) = sense.split_once(',')?;
    let qualifier = rest.trim().trim_start_matches("ascq=").trim_end_matches(']');
    Some((u64::from_str_radix(code, 16).ok()?, u64::from_str_radix(qualifier, 16).ok()?))
}
