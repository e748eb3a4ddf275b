//! Why there is no health in a report: what smartctl complained of, and what the absence of everything means
//! (contract SMART §1, §2 and §13).

use super::device::{Device, identify, is_behind_controller, is_virtual};
use super::model::{Protocol, Report};

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
    ("Device is in IDLE", "standby"),
    ("Can't start self-test", "self-test-refused"),
    ("Self-tests not supported", "self-test-refused"),
    ("Self-test cmd with type", "self-test-refused"),
    ("NO MEDIUM present", "not-a-disk"),
    ("Packet Interface Devices [this device: CD/DVD]", "not-a-disk"),
    // The kernel opened the drive, and the controller took no command or gave none back (Linux: EIO, ENODEV, EINTR).
    ("NVME_IOCTL_ADMIN_CMD: Input/output error", "device-unreadable"),
    ("NVME_IOCTL_ADMIN_CMD: No such device", "device-unreadable"),
    ("NVME_IOCTL_ADMIN_CMD: Interrupted system call", "device-unreadable"),
    // How Windows asks through its drivers: the driver refuses.
    ("IOCTL_STORAGE", "platform-raid"),
    ("IOCTL_SCSI", "platform-raid"),
    ("IOCTL_ATA", "platform-raid"),
    ("IOCTL_IDE", "platform-raid"),
    ("IOCTL_INTEL", "platform-raid"),
    ("csmi", "platform-raid"),
    ("Input/output error", "device-unreadable"),
    ("I/O error", "device-unreadable"),
    ("medium or hardware error", "device-unreadable"),
    ("Read SMART Data failed", "smart-unanswered"),
    ("SMART Status command failed", "smart-unanswered"),
    ("Attributes and Thresholds cannot be read", "smart-unanswered"),
    ("SMART Disabled", "smart-off"),
    ("does not support SMART", "no-smart"),
    ("device not ready", "not-ready"),
    ("becoming ready", "not-ready"),
    ("Inappropriate ioctl", "no-pass-through"),
    ("empty IDENTIFY data", "no-pass-through"),
    ("not an ATA/ATAPI device", "no-pass-through"),
    ("Read Device Identity failed: Invalid argument", "no-pass-through"),
    ("Read Device Identity failed: scsi error unsupported", "no-pass-through"),
    ("unsupported field in scsi command", "no-pass-through"),
    ("Read Device Identity failed", "device-unreadable"),
    ("No such device", "device-missing"),
    ("No such file", "device-missing"),
];

/// Whether the output holds anything that says how the drive is.
pub(super) fn has_data(report: &Report) -> bool {
    let nvme = report.nvme.is_some_and(|nvme| nvme.critical_warning.is_some());
    !report.attributes.is_empty() || nvme || report.scsi.is_some()
}

/// Whether a SCSI device counts anything, which a volume does not.
pub(super) fn has_counters(report: &Report) -> bool {
    report.scsi.is_some()
        || report.percentage_used.is_some()
        || report.power_on_hours.is_some()
        || !report.self_tests.log.is_empty()
        || report.pending_defects.is_some()
        || [report.temperature, report.trip_temperature].into_iter().flatten().any(|celsius| celsius > 0)
}

/// Whether a good verdict may rest on this report. SCSI's alone may not: `-H` says "passed" of devices without SMART, too, so that
/// something else has to show that there is SMART (section 2.1).
pub(super) fn is_evidence(report: &Report) -> bool {
    let is_ata_without = report.support.available == Some(false) && report.protocol != Some(Protocol::Scsi);
    if is_ata_without {
        return false;
    }
    let says_well = report.status.passed == Some(true);
    if report.protocol != Some(Protocol::Scsi) {
        return says_well || has_data(report) && report.scsi.is_none();
    }
    says_well && report.support.available != Some(false) && (has_counters(report) || report.self_tests.log_read)
}

/// Why there is nothing to judge by, as the code of a rule and what was seen. `None` if there is something.
pub(super) fn complaint(report: &Report) -> Option<(&'static str, String)> {
    let (code, said) = reason(report)?;
    // A drive that a password locks refuses by that.
    let locked = code == "smart-unanswered" && report.notes.locked == Some(true);
    Some((if locked { "locked-unanswered" } else { code }, said))
}

fn reason(report: &Report) -> Option<(&'static str, String)> {
    if is_evidence(report) || report.status.passed == Some(false) {
        return None;
    }
    let identified = identify(report);
    let with_evidence = |said: String| {
        if identified.evidence.is_empty() { said } else { format!("{said}; known by {}", identified.evidence) }
    };
    let status = report.call.exit_status.map_or_else(String::new, |exit| format!(", exit status {exit}"));
    let nothing = || format!("no health data{status}");
    if let Some((code, said)) = words(report, identified.device) {
        return Some((code, if code == "raid-volume" { with_evidence(said) } else { said }));
    }
    let code = match identified.device {
        Device::NoDisk => "not-a-disk",
        Device::RaidVolume => "raid-volume",
        // Its link alone is no proof where nobody asked for counters.
        Device::ArrayVolume if !asked_for_health(report) => "no-health-data",
        Device::ArrayVolume => "array-volume",
        Device::Virtual if report.call.exit_status.is_some_and(|exit| exit & 2 != 0) && report.protocol.is_some() => {
            "virtual-silent"
        }
        Device::Virtual if report.protocol == Some(Protocol::Scsi) => "no-smart",
        Device::Virtual => "type-unknown",
        Device::UsbBridge if asked_for_health(report) || report.protocol.is_none() => "no-pass-through",
        device => return Some((drive(report, device), nothing())),
    };
    Some((code, with_evidence(nothing())))
}

/// A text does not say what was asked for, but shows it: `-i` alone prints no section of health, and no complaint.
fn asked_for_health(report: &Report) -> bool {
    let shown = report.notes.health_section != Some(false) || !report.call.messages.is_empty();
    report.asked_for(&['H', 'a', 'x'], &["health", "all", "xall"]) || report.call.arguments.is_empty() && shown
}

/// Of what is a drive, or may be one.
fn drive(report: &Report, device: Device) -> &'static str {
    let support = report.support;
    let opened = report.call.exit_status.is_none_or(|exit| exit & 2 == 0);
    let is_scsi = report.protocol == Some(Protocol::Scsi);
    match () {
        () if lacks_smart(report) && device == Device::Sata => "no-smart",
        () if is_scsi && support.available == Some(false) && device == Device::Unknown => "smart-unavailable",
        () if is_scsi && support.available == Some(false) => "health-refused",
        () if report.status.unreadable => "smart-unanswered",
        () if support.enabled == Some(false) && !is_scsi => "smart-off",
        () if report.asked_for(&['t', 'X'], &["test", "abort"]) => "no-health-data",
        () if is_scsi && report.status.passed == Some(true) => "verdict-unproven",
        () if !opened && is_scsi => "not-ready",
        () if !opened && report.type_was_forced() => "open-failed",
        () if !opened && matches!(report.protocol, Some(Protocol::Ata | Protocol::Nvme)) => "device-unreadable",
        () if !opened => "open-failed",
        () if asked_for_health(report) && device == Device::Sata && report.identity.model.is_some() => {
            "smart-unanswered"
        }
        // Every NVMe drive has a health log, and a SAS drive with a link has its page; one that does not give it is not left out.
        () if asked_for_health(report) && report.protocol.is_some() => "health-unreadable",
        () => "no-health-data",
    }
}

/// What smartctl said.
fn words(report: &Report, device: Device) -> Option<(&'static str, String)> {
    // What a drive does not tell of an optional log says nothing of the drive, whatever the system calls the error.
    let messages = || report.call.messages.iter().filter(|one| !is_optional(one));
    let known = WORDS.iter().find_map(|(words, code)| Some((*code, messages().find(|one| one.contains(words))?)));
    let (code, said) = known.or_else(|| Some(("", messages().find(|one| is_complaint(one))?)))?;
    let code = match code {
        "" if is_denied(said) => "permission-denied",
        // What a bridge answers in place of a drive, whatever the words, is the bridge's.
        "device-unreadable" | "not-ready" | "no-pass-through" | "smart-unanswered" | ""
            if device == Device::UsbBridge && report.identity.model.is_none() =>
        {
            "usb-bridge-silent"
        }
        // The driver that refuses is that of the bridge, whether or not the drive told its name before.
        "platform-raid" if device == Device::UsbBridge => "usb-bridge-silent",
        "device-unreadable" | "not-ready" | "" if device == Device::RaidVolume => "raid-volume",
        "device-unreadable" | "not-ready" | "" if device == Device::ArrayVolume => "array-volume",
        "device-unreadable" | "not-ready" if device == Device::Virtual => "virtual-silent",
        // The controller fails the command in its own name: that says nothing of a drive behind it.
        "device-unreadable" if device != Device::RaidMember && is_behind_controller(report) => "controller-answers",
        // A name that no drive has; a drive whose type cannot be found out is another matter.
        "type-unknown" | "no-pass-through" if !device.may_lack_smart() => "open-failed",
        "no-smart" if device == Device::Unknown => "smart-unavailable",
        "no-smart" if !device.may_lack_smart() => "health-refused",
        // An emulated disk whose IDENTIFY says that it has no SMART: smartctl stops there.
        "" if said.contains("mandatory SMART command failed") && is_virtual(report) && lacks_smart(report) => {
            "no-smart"
        }
        "" if said.contains("Operation not permitted") && device == Device::Virtual => "no-pass-through",
        "" if said.contains("Operation not permitted") => "permission-denied",
        // A type that the caller chose, at a place where there is nothing of it.
        "" if said.contains("INQUIRY failed") && said.contains('[') => "device-missing",
        "" if said.contains("INQUIRY failed") => "device-unreadable",
        "" => "open-failed",
        code => code,
    };
    Some((code, said.clone()))
}

/// By its own IDENTIFY it never had any: a drive whose SMART is switched off says so in a second line.
fn lacks_smart(report: &Report) -> bool {
    report.support.available == Some(false) && report.support.enabled.is_none()
}

/// How Windows refuses to open a device: error 5, in its own words or as a number.
fn is_denied(said: &str) -> bool {
    let behind_5 = said.split_once("Open failed, Error=5").map(|(_, rest)| rest);
    let is_5 = behind_5.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    is_5 || said.contains("Access is denied") || said.contains("Access denied")
}

/// Whether a line says why there is nothing. That an optional log is missing says nothing of it.
fn is_complaint(said: &str) -> bool {
    let fails = said.contains("failed") || said.contains("open device") || said.contains("cannot be opened");
    fails && !is_optional(said)
}

/// True if a line belongs to a log or a table that is optional for drives.
fn is_optional(said: &str) -> bool {
    const LOGS: [&str; 7] = [
        "Log failed",
        "Log Directory failed",
        "Device Statistics",
        "SCT ",
        "READ_LOG",
        "Phy Event Counters",
        "Pending Defects",
    ];
    LOGS.iter().any(|log| said.contains(log))
}
