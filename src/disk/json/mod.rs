//! A report from smartctl's JSON, of any version since 7.0, or from that of nvme-cli's `smart-log`.

mod ata;
mod nvme;
mod scsi;

use serde_json::Value;

use super::loose::Loose;
use super::model::{Call, Identity, MOST, Protocol, Report, Status, Support};

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
        temperature: root.at("temperature.current").signed(),
        trip_temperature: root
            .at("temperature.drive_trip")
            .signed()
            .or_else(|| root.at("scsi_temperature.drive_trip").signed()),
        power_on_hours: root.number_at("power_on_time.hours"),
        power_cycles: root.number_at("power_cycle_count"),
        ..Report::default()
    };
    ata::read(root, &mut report);
    nvme::read(root, &mut report);
    scsi::read(root, &mut report);
    Some(report)
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
        model: first(&["model_name", "scsi_model_name", "scsi_product", "product"]),
        family: first(&["model_family"]),
        serial: first(&["serial_number"]),
        firmware: first(&["firmware_version", "scsi_revision", "revision"]),
        wwn,
        capacity: root.number_at("user_capacity.bytes").or_else(|| root.number_at("nvme_total_capacity")),
        sector_size: root.number_at("logical_block_size"),
        rotation_rate: root.number_at("rotation_rate"),
        kind: first(&["device_type.name"]),
        form_factor: first(&["form_factor.name"]),
        link: first(&["scsi_transport_protocol.name"]),
    }
}

fn status(root: Loose) -> Status {
    let passed = root.at("smart_status.passed").flag();
    let sense = ["asc", "ascq"].map(|key| root.at("smart_status.scsi").at(key).number());
    Status {
        passed,
        unreadable: passed.is_none() && root.at("smart_status").is_there(),
        nvme_warning: root.at("smart_status.nvme.value").number(),
        exception: match sense {
            [Some(code), qualifier] => Some((code, qualifier.unwrap_or_default())),
            _ => None,
        },
    }
}
