//! Why there is no health in a report: what smartctl complained of, and what the absence of everything means. Sections 1 and 2 of the
//! disk contract.

use super::model::{Protocol, Report, Transport};

/// Words of smartctl and of the kernel, and the code of the rule that they stand for; the first line that fits counts.
const WORDS: &[(&str, &str)] = &[
    ("=======>", "usage"),
    ("requires a device name", "usage"),
    ("Unknown device type", "usage"),
    ("Unable to detect device type", "type-unknown"),
    ("Unknown USB bridge", "usb-bridge-unknown"),
    ("Unsupported USB bridge", "usb-bridge-unknown"),
    ("requires option", "raid-volume"),
    ("please try adding", "raid-volume"),
    ("Permission denied", "permission-denied"),
    ("Device is in STANDBY", "standby"),
    ("Device is in SLEEP", "standby"),
    ("Can't start self-test", "self-test-refused"),
    ("Self-tests not supported", "self-test-refused"),
    ("Self-test cmd with type", "self-test-refused"),
    ("NO MEDIUM present", "not-a-disk"),
    ("does not support SMART", "no-smart"),
    ("SMART Disabled", "smart-off"),
    ("medium or hardware error", "device-unreadable"),
    ("Input/output error", "device-unreadable"),
    ("I/O error", "device-unreadable"),
    ("device not ready", "not-ready"),
    ("becoming ready", "not-ready"),
    ("empty IDENTIFY data", "no-pass-through"),
    ("not an ATA/ATAPI device", "no-pass-through"),
    ("Inappropriate ioctl", "no-pass-through"),
    ("Read Device Identity failed: Invalid argument", "no-pass-through"),
    ("Read Device Identity failed: scsi error unsupported", "no-pass-through"),
    ("Read Device Identity failed", "device-unreadable"),
    ("No such device", "device-missing"),
    ("No such file", "device-missing"),
];
/// How devices are named that stand for no drive of their own.
const VIRTUAL: [&str; 8] = ["vd", "xvd", "loop", "nbd", "dm-", "md", "zram", "ram"];

/// Whether the output holds anything that says how the drive is.
pub(super) fn has_data(report: &Report) -> bool {
    let nvme = report.nvme.is_some_and(|nvme| nvme.critical_warning.is_some());
    !report.attributes.is_empty() || nvme || report.scsi.is_some()
}

/// Whether a good verdict may rest on this report. SCSI's alone may not: `-H` says "passed" of devices without SMART, too, so that
/// something else has to show that there is SMART (section 2.1).
pub(super) fn is_evidence(report: &Report) -> bool {
    if report.support.available == Some(false) {
        return false;
    }
    let says_well = report.status.passed == Some(true);
    if report.protocol != Some(Protocol::Scsi) {
        return says_well || has_data(report) && report.scsi.is_none();
    }
    let shows_smart = report.support.available == Some(true)
        || report.scsi.is_some()
        || report.percentage_used.is_some()
        || report.power_on_hours.is_some()
        || report.self_tests.log_read
        || [report.temperature, report.trip_temperature].into_iter().flatten().any(|celsius| celsius > 0);
    says_well && shows_smart
}

/// Why there is nothing to judge by, as the code of a rule and what was seen. `None` if there is something.
pub(super) fn complaint(report: &Report) -> Option<(&'static str, String)> {
    if is_evidence(report) || report.status.passed == Some(false) {
        return None;
    }
    let exit = report.call.exit_status;
    if let Some(kind) = report.identity.kind.as_deref().filter(|kind| *kind != "disk") {
        return Some(("not-a-disk", format!("device type {kind}")));
    }
    if let Some(found) = words(report) {
        return Some(found);
    }
    let code = match exit {
        _ if report.support.available == Some(false) => "no-smart",
        _ if report.support.enabled == Some(false) => "smart-off",
        _ if report.status.passed == Some(true) => "no-smart",
        _ if report.status.unreadable => "smart-off",
        _ if report.asked_for(&['t', 'X'], &["test", "abort"]) => "no-health-data",
        Some(exit) if exit & 2 != 0 => not_opened(report),
        // Every NVMe drive has a health log; one that does not give it is no drive to leave out.
        Some(exit) if exit & 4 != 0 && report.protocol == Some(Protocol::Nvme) => "health-unreadable",
        Some(exit) if exit & 4 != 0 => "smart-off",
        _ => "no-health-data",
    };
    let status = exit.map_or_else(String::new, |exit| format!(", exit status {exit}"));
    Some((code, format!("no health data{status}")))
}

/// What smartctl said.
fn words(report: &Report) -> Option<(&'static str, String)> {
    let messages = || report.call.messages.iter();
    let known = WORDS.iter().find_map(|(words, code)| Some((*code, messages().find(|one| one.contains(words))?)));
    let (code, said) = known.or_else(|| Some(("", messages().find(|one| one.contains("failed"))?)))?;
    let code = match code {
        // A volume of a RAID controller answers to nothing but reads; a drive of its own has a link.
        "device-unreadable" | "not-ready" if is_volume(report) => "raid-volume",
        "" if said.contains("Operation not permitted") && is_virtual(said) => "no-pass-through",
        "" if said.contains("Operation not permitted") => "permission-denied",
        // A type that the caller chose, at a place where there is nothing of it.
        "" if said.contains("INQUIRY failed") && said.contains('[') => "device-missing",
        "" if said.contains("INQUIRY failed") => "device-unreadable",
        "" => return None,
        code => code,
    };
    Some((code, said.clone()))
}

/// Whether what was opened is a SCSI device with a name, but with nothing that only a physical drive has: a link, or a form.
fn is_volume(report: &Report) -> bool {
    let identity = &report.identity;
    let physical = identity.link.is_some() || identity.form_factor.is_some();
    report.transport() == Transport::Scsi && identity.model.is_some() && !physical
}

/// Whether a message names a device that passes no commands on, whatever type is chosen for it.
fn is_virtual(message: &str) -> bool {
    let name = message.split_once("/dev/").map(|(_, rest)| rest).unwrap_or_default();
    VIRTUAL.iter().any(|kind| name.starts_with(kind))
}

/// The device was opened and smartctl gave up (bit 1), without a word in its JSON.
fn not_opened(report: &Report) -> &'static str {
    match report.protocol {
        _ if is_volume(report) => "raid-volume",
        Some(Protocol::Scsi) => "not-ready",
        // No IDENTIFY: of a type that the caller chose it says nothing of the drive.
        Some(Protocol::Ata | Protocol::Nvme) if report.type_was_forced() => "no-pass-through",
        Some(Protocol::Ata | Protocol::Nvme) => "device-unreadable",
        None => "no-health-data",
    }
}
