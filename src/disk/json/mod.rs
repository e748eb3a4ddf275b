//! A report from smartctl's JSON, of any version since 7.0, or from that of nvme-cli's `smart-log`.

mod ata;
mod nvme;
mod scsi;

use serde_json::Value;

use super::loose::Loose;
use super::model::{Call, Identity, Limits, MOST, Protocol, READINGS, Report, Status, Support, Temperatures};

/// Reads what is there. `None` if this is JSON of something else.
pub(super) fn read(value: &Value) -> Option<Report> {
    let root = Loose::new(value);
    if !root.at("smartctl").is_there() && !root.at("device").is_there() && !root.at("smart_status").is_there() {
        return nvme::smart_log(root);
    }
    let call = call(root);
    let words = call.arguments.clone();
    let mut report = Report {
        call,
        name: root.at("device.name").text().or_else(|| asked(&words)),
        device_type: root.at("device.type").text().or_else(|| forced(&words)),
        protocol: protocol(root),
        identity: identity(root),
        support: Support {
            available: root.at("smart_support.available").flag(),
            enabled: root.at("smart_support.enabled").flag(),
        },
        status: status(root),
        temperature: signed(root, &TEMPERATURE),
        trip_temperature: signed(root, &["temperature.drive_trip", "scsi_temperature.drive_trip"]),
        limits: limits(root),
        temperatures: temperatures(root.at("ata_sct_temperature_history")),
        database: root.at("in_smartctl_database").flag().or_else(|| root.at("model_family").text().map(|_| true)),
        checksums: checksums(root),
        power_on_hours: root.number_at("power_on_time.hours"),
        power_cycles: root.number_at("power_cycle_count"),
        ..Report::default()
    };
    ata::read(root, &mut report);
    nvme::read(root, &mut report);
    scsi::read(root, &mut report);
    Some(report)
}

/// Where a temperature may be; the last ones are of SAS drives that tell it in the environmental log page alone.
const TEMPERATURE: [&str; 4] = [
    "temperature.current",
    "scsi_temperature.current",
    "scsi_environmental_reports.temperature_1.current",
    "scsi_environmental_reports.temperature_0.current",
];

fn signed(root: Loose, paths: &[&str]) -> Option<i64> {
    paths.iter().find_map(|path| root.at(path).signed())
}

/// The limits in `temperature`, in the history that SCT keeps, and what SCT counts.
fn limits(root: Loose) -> Limits {
    let both = |key: &str| {
        let history = format!("ata_sct_temperature_history.temperature.{key}");
        signed(root, &[&format!("temperature.{key}"), &history])
    };
    let nvme = |key: &str| root.at("nvme_composite_temperature_threshold").at(key).signed();
    let environment = |key: &str| root.at("scsi_environmental_reports.temperature_1").at(key).signed();
    Limits {
        operating: both("op_limit_max").or_else(|| nvme("warning")),
        critical: both("critical_limit_max").or_else(|| both("limit_max")).or_else(|| nvme("critical")),
        highest: both("lifetime_max").or_else(|| environment("lifetime_maximum")),
        lowest: both("lifetime_min").or_else(|| environment("lifetime_minimum")),
        exceeded: root
            .number_at("temperature.over_limit_count")
            .or_else(|| root.number_at("ata_sct_status.temperature.over_limit_count")),
    }
}

/// The table is as long as the drive makes it, and null where it logged nothing; the oldest reading is the first.
fn temperatures(history: Loose) -> Option<Temperatures> {
    let rows = history.at("table").elements();
    let readings: Vec<Option<i64>> = rows.iter().copied().map(Loose::signed).collect();
    let first = readings.iter().position(Option::is_some)?;
    let first = first.max(readings.len().saturating_sub(READINGS));
    Some(Temperatures {
        interval_minutes: history.number_at("logging_interval_minutes"),
        readings: readings[first..].to_vec(),
    })
}

/// Messages of wrong checksums in the drive's own data.
fn checksums(root: Loose) -> Vec<String> {
    let said = root.at("smartctl.messages").list().into_iter().filter_map(|one| one.at("string").text());
    said.filter(|text| text.contains("invalid SMART checksum") || text.contains("invalid checksum"))
        .take(MOST)
        .collect()
}

/// The text of the same call, which `--json=o` adds.
pub(super) fn text(value: &Value) -> Option<String> {
    let lines: Vec<&str> = Loose::new(value).at("smartctl.output").list().into_iter().filter_map(Loose::line).collect();
    Some(lines.join("\n")).filter(|text| !text.trim().is_empty())
}

fn call(root: Loose) -> Call {
    let version: Vec<Option<u64>> = root.at("smartctl.version").list().into_iter().map(Loose::number).collect();
    Call {
        version: match version[..] {
            [Some(major), Some(minor), ..] => Some((major, minor)),
            _ => None,
        },
        exit_status: root.at("smartctl.exit_status").number(),
        arguments: root.at("smartctl.argv").list().into_iter().filter_map(Loose::text).collect(),
        messages: root
            .at("smartctl.messages")
            .list()
            .into_iter()
            .filter_map(|one| one.at("string").text())
            .take(MOST)
            .collect(),
    }
}

/// The device on the command line: where it could not be opened, nothing else names it.
fn asked(words: &[String]) -> Option<String> {
    words.last().filter(|word| word.starts_with("/dev/")).cloned()
}

/// The type on the command line, likewise.
fn forced(words: &[String]) -> Option<String> {
    let place = words.iter().position(|word| word == "-d")?;
    words.get(place + 1).cloned()
}

fn protocol(root: Loose) -> Option<Protocol> {
    match root.at("device.protocol").text()?.to_ascii_lowercase().as_str() {
        "ata" => Some(Protocol::Ata),
        "nvme" => Some(Protocol::Nvme),
        "scsi" => Some(Protocol::Scsi),
        _ => None,
    }
}

fn identity(root: Loose) -> Identity {
    let first = |keys: &[&str]| keys.iter().find_map(|key| root.at(key).text());
    let wwn = ["wwn.naa", "wwn.oui", "wwn.id"].map(|key| root.number_at(key));
    let wwn = match wwn {
        [Some(naa), Some(oui), Some(id)] => Some(format!("{naa:x}{oui:06x}{id:09x}")),
        _ => first(&["logical_unit_id"]).map(|id| id.trim_start_matches("0x").to_owned()),
    };
    Identity {
        model: first(&["model_name", "scsi_model_name"]).or_else(|| model(root)),
        family: first(&["model_family"]),
        serial: first(&["serial_number"]),
        firmware: first(&["firmware_version", "scsi_revision", "revision"]),
        wwn,
        // Of NVMe the first is that of one namespace, which may be a small part of the drive.
        capacity: root.number_at("user_capacity.bytes").max(root.number_at("nvme_total_capacity")),
        sector_size: root.number_at("logical_block_size"),
        rotation_rate: root.number_at("rotation_rate"),
        kind: first(&["device_type.name"]),
        form_factor: first(&["form_factor.name"]),
        link: first(&["scsi_transport_protocol.name"]),
    }
}

/// Vendor and product under their newer and older names.
fn model(root: Loose) -> Option<String> {
    let first = |keys: [&str; 2]| keys.iter().find_map(|key| root.at(key).text()).unwrap_or_default();
    let model = format!("{} {}", first(["scsi_vendor", "vendor"]), first(["scsi_product", "product"]));
    Some(model.trim().to_owned()).filter(|model| !model.is_empty())
}

fn status(root: Loose) -> Status {
    let passed = root.at("smart_status.passed").flag();
    let sense = ["asc", "ascq"].map(|key| root.at("smart_status.scsi").at(key).number());
    Status {
        passed,
        unreadable: passed.is_none() && root.at("smart_status").is_there(),
        nvme_warning: nvme_warning(root.at("smart_status.nvme")),
        exception: match sense {
            [Some(code), qualifier] => Some((code, qualifier.unwrap_or_default())),
            _ => None,
        },
    }
}

/// The warning as the verdict repeats it: as a number, or bit by bit.
fn nvme_warning(status: Loose) -> Option<u64> {
    const BITS: [(&str, u64); 6] = [
        ("spare_below_threshold", 1),
        ("temperature_above_or_below_threshold", 2),
        ("reliability_degraded", 4),
        ("media_read_only", 8),
        ("volatile_memory_backup_failed", 16),
        ("persistent_memory_region_unreliable", 32),
    ];
    let set = BITS.iter().filter(|(key, _)| status.at(key).flag() == Some(true)).map(|(_, bit)| bit).sum();
    status.at("value").number().map_or_else(|| Some(set).filter(|bits| *bits > 0), |value| Some(value | set))
}
