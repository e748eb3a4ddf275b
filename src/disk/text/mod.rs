//! A report from smartctl's text, as `-a` and `-x` print it: for output that was recorded without `--json`, and for what the JSON of
//! some versions does not say. Line by line; a line that is not understood is passed over.

mod ata;
mod farm;
mod log;
mod notes;
mod nvme;
mod outline;
mod plain;
mod prefix;
mod scsi;
mod section;
mod statistics;
mod temperature;
mod wrap;

use super::loose::{bytes, leading_number};
use super::model::{MOST, Protocol, Report};
pub(super) use notes::OFFLINE_FATAL;
pub(super) use outline::{banners, reports, torn};
pub(super) use plain::Plain;
pub(super) use section::Part;

/// Marks lines that say what went wrong. They stand in smartctl's text only, not in the messages of its JSON (section 2.4).
const COMPLAINTS: [&str; 30] = [
    "=======>",
    "Smartctl open device",
    "Unable to detect device type",
    "Unknown USB bridge",
    "Unsupported USB bridge",
    "please try adding",
    "Unknown device type",
    "requires option",
    "requires a device name",
    "Permission denied",
    "Operation not permitted",
    "Access is denied",
    "cannot be opened",
    "Input/output error",
    "Device is in STANDBY",
    "Device is in SLEEP",
    "does not support SMART",
    "SMART Disabled",
    "Test Unit Ready",
    "NO MEDIUM present",
    "Packet Interface Devices",
    "mandatory SMART command failed",
    "Self-tests not supported",
    "Can't start self-test",
    "failed:",
    "Device Read Identity Failed",
    "cannot be read",
    "SMART support is: Ambiguous",
    "IOCTL",
    "ioctl",
];

/// Where these words are in a text, found at the speed of memory: a report is looked through for dozens of them.
fn find(text: &str, words: &str) -> Option<usize> {
    memchr::memmem::find(text.as_bytes(), words.as_bytes())
}

/// Reads what is there. `None` if this is no output of smartctl.
pub(super) fn read(text: &str) -> Option<Report> {
    let mut report = Report::default();
    let mut log = log::Reader::default();
    let mut history = temperature::Reader::default();
    let mut table = notes::Reader::default();
    let mut statistics = statistics::Reader::default();
    // Most of them are in no line of it.
    let complaints: Vec<&str> = COMPLAINTS.into_iter().filter(|words| find(text, words).is_some()).collect();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    for (number, line) in lines.iter().enumerate() {
        banner(line, &mut report);
        ata::capability(line, &mut report);
        farm::line(line, &mut report);
        scsi::equation(line, &mut report);
        let is_row = history.line(line, &mut report)
            || statistics.line(line, &mut report)
            || ata::row(line, &mut report)
            || scsi::row(line, &mut report)
            || scsi::scanned(line, &mut report);
        notes::line(line, &mut report);
        table.line(line, is_row, &mut report);
        if is_row || log.line(line, &mut report) {
            continue;
        }
        if report.call.messages.len() < MOST && complaints.iter().any(|words| line.contains(words)) {
            report.call.messages.push(line.trim().to_owned());
        }
        if let Some((key, value)) = line.split_once(':') {
            let (key, value) = (key.trim(), value.trim());
            common(key, value, &mut report);
            ata::field(key, value, lines.get(number.wrapping_sub(1)).copied().unwrap_or_default(), &mut report);
            nvme::field(key, value, &mut report);
            scsi::field(key, value, &mut report);
        }
    }
    log.end(&mut report);
    report.pending_defects = report.pending_defects.max(outline::pending_defects(&lines));
    report.temperatures = report.temperatures.filter(|logged| !logged.readings.is_empty());
    report.notes.health_section = Some(notes::has_health(text));
    cut(text, &mut report);
    // Builds before a version are banners without its number, and a caller may have taken the banner out.
    let stopped = |line: &&str| {
        let line = line.trim_start_matches('\u{feff}');
        line.starts_with("smartctl pre-") || line.starts_with("Smartctl open device: ")
    };
    let is_a_report = report.call.version.is_some()
        || find(text, "=== START OF ").is_some()
        || report.status.passed.is_some()
        || lines.iter().any(stopped);
    is_a_report.then_some(report)
}

/// `smartctl 7.4 2023-08-01 r5530 [x86_64-linux-6.1.0] (local build)`; something may stand before it.
fn banner(line: &str, report: &mut Report) {
    let Some(rest) = line.split("smartctl ").nth(1).filter(|_| report.call.version.is_none()) else { return };
    let version = rest.split_whitespace().next().and_then(|version| version.split_once('.'));
    if let Some((major, minor)) = version {
        report.call.version = major.parse().ok().zip(leading_number(minor));
    }
}

/// Fields that mean the same for all drives.
fn common(key: &str, value: &str, report: &mut Report) {
    let identity = &mut report.identity;
    let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
    match key {
        "Device Model" | "Model Number" => identity.model = text(),
        "Model Family" => identity.family = text(),
        "Serial Number" | "Serial number" => identity.serial = text(),
        "Firmware Version" | "Revision" => identity.firmware = text(),
        "LU WWN Device Id" => identity.wwn = Some(value.replace(' ', "")),
        "Logical Unit id" => identity.wwn = Some(value.trim_start_matches("0x").to_owned()),
        "User Capacity" | "Total NVM Capacity" => identity.capacity = bytes(value).or_else(|| leading_number(value)),
        "Namespace 1 Size/Capacity" => {
            identity.capacity = identity.capacity.or_else(|| bytes(value).or_else(|| leading_number(value)));
        }
        "Rotation Rate" if value.contains("Solid State") => identity.rotation_rate = Some(0),
        "Rotation Rate" => identity.rotation_rate = leading_number(value),
        "Sector Size" | "Sector Sizes" | "Logical block size" | "Namespace 1 Formatted LBA Size" => {
            identity.sector_size = leading_number(value);
        }
        "Form Factor" => identity.form_factor = text(),
        "SMART support is" => support(value, report),
        "SMART overall-health self-assessment test result" => {
            report.status.passed = match value.trim_end_matches('!') {
                "PASSED" => Some(true),
                "FAILED" => Some(false),
                _ => None,
            };
            report.status.unreadable = report.status.passed.is_none();
        }
        _ => {}
    }
}

fn support(value: &str, report: &mut Report) {
    match value.split([' ', '-']).next() {
        Some("Available") => report.support.available = Some(true),
        Some("Unavailable") => report.support.available = Some(false),
        Some("Enabled") => report.support.enabled = Some(true),
        Some("Disabled") => report.support.enabled = Some(false),
        _ => {}
    }
}

/// Notes what was announced and did not come.
fn cut(text: &str, report: &mut Report) {
    if text.contains("Vendor Specific SMART Attributes with Thresholds:") && report.attributes.is_empty() {
        report.cut.push("the table of attributes is empty".to_owned());
    }
    // smartctl prints all of them, whatever the drive says.
    let log = report.nvme.is_some_and(|nvme| {
        let wear = [nvme.available_spare, nvme.spare_threshold, nvme.percentage_used];
        nvme.critical_warning.is_some() && nvme.media_errors.is_some() && wear.iter().all(Option::is_some)
    });
    if text.contains("SMART/Health Information (NVMe Log") && !log {
        report.cut.push("the health log is not whole".to_owned());
    }
}

/// The pending defects that smartctl 7.1 and 7.2 print outside of the JSON.
pub(super) fn pending(before: &str) -> Option<u64> {
    let (_, count) = before.split_once("Pending defect count:")?;
    leading_number(count)
}

/// The protocol that a field belongs to; the first one that is found counts.
fn speaks(protocol: Protocol, report: &mut Report) {
    report.protocol = report.protocol.or(Some(protocol));
}
