//! The inventory that a run has on record: what one of its scripts printed, in the region's form or in the deep one.

use serde_json::Value;

use super::gather::text;
use super::output;
use crate::host::Host;
use crate::inventory::collect_detail;
use crate::journal::ResultRecord;
use crate::report::{
    DISKS, Devices, FIRMWARE, GRAPHICS, INTERFACES, Inventory, MODULES, Parameter, Section, Unit, View, bytes,
};

/// Largest document that is read, and most devices of a kind, findings and gaps that are shown.
const LARGEST: u64 = 16 << 20;
const MOST: usize = 200;

/// An inventory, and what its disks are called.
pub(super) struct Found {
    pub(super) shown: Inventory,
    pub(super) disks: Vec<Named>,
    /// The document, if it is a deep one.
    pub(super) deep: Option<Value>,
}

/// A disk with its names.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) model: String,
    pub(super) serial: String,
}

/// What the scripts of a run printed; the deep one before the other, the last one before those before it.
pub(super) fn on_record(records: &[ResultRecord]) -> Option<Found> {
    let documents = records.iter().rev().filter(|record| record.started.is_some()).filter_map(|record| {
        let bytes = output::whole(&record.stdout, LARGEST)?;
        bytes.trim_ascii_start().starts_with(b"{").then_some(())?;
        let document: Value = serde_json::from_slice(&bytes).ok()?;
        document.is_object().then_some((record, document))
    });
    let mut plain = None;
    for (record, document) in documents {
        let source = || format!("what {} printed in this run", record.subject);
        if document["machine_resources"]["resources"].is_object() && document["findings"].is_array() {
            return Some(described(&document, &source(), &record.stdout.to_string_lossy()));
        }
        if plain.is_none() && document["resources"].is_object() {
            plain = Some(described(&document, &source(), &record.stdout.to_string_lossy()));
        }
    }
    plain
}

/// A look at this machine, which must be in the boot that the run was in.
pub(super) fn live(boot_id: &str, host: &Host) -> anyhow::Result<Found> {
    let now = host.text("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    anyhow::ensure!(
        !now.is_empty() && now == boot_id,
        "the run was in another boot than this one, or on another machine: what --live sees now is not what the run saw"
    );
    let document = serde_json::to_value(collect_detail(host))?;
    let source = "a look at the machine when this report was written, not from the run";
    Ok(described(&document, source, "shakedown inventory --format json"))
}

fn described(document: &Value, source: &str, whole: &str) -> Found {
    let is_deep = document["machine_resources"].is_object();
    let resources = if is_deep { &document["machine_resources"]["resources"] } else { &document["resources"] };
    let environment = if is_deep { &document["machine_resources"]["environment"] } else { &document["environment"] };
    let ports = ports(&resources["network"]["cards"]);
    let sections: Vec<Section> = if is_deep {
        let kinds = [DISKS, MODULES, INTERFACES, GRAPHICS, FIRMWARE];
        kinds.iter().map(|kind| section(kind, View::Report, &kind.list(document), document)).collect()
    } else {
        let of =
            |kind, devices: &Value| section(kind, View::Region, &list(devices).iter().collect::<Vec<_>>(), document);
        vec![
            of(&DISKS, &resources["storage"]["disks"]),
            of(&INTERFACES, &ports),
            of(&GRAPHICS, &resources["gpu"]["cards"]),
        ]
    };
    let lines = |key: &str, line: fn(&Value) -> String| -> Option<Vec<String>> {
        Some(document[key].as_array()?.iter().take(MOST).map(line).collect())
    };
    let left_out = |key: &str| list(&document[key]).len().saturating_sub(MOST);
    let shown = Inventory {
        source: text(source),
        whole: text(whole),
        facts: facts(resources, environment),
        sections: sections.into_iter().filter(|section| !section.rows.is_empty()).collect(),
        findings: lines("findings", |finding| {
            format!("{}: {} ({})", cell(finding, "code"), cell(finding, "text"), cell(finding, "device"))
        }),
        findings_left_out: left_out("findings"),
        gaps_left_out: left_out("gaps"),
        gaps: lines("gaps", |gap| format!("{}: {}: {}", cell(gap, "topic"), cell(gap, "path"), cell(gap, "reason")))
            .unwrap_or_default(),
    };
    let disks = list(&resources["storage"]["disks"]).iter().map(|disk| Named {
        name: cell(disk, "id"),
        model: cell(disk, "model"),
        serial: cell(disk, "serial"),
    });
    Found { shown, disks: disks.collect(), deep: is_deep.then(|| document.clone()) }
}

/// The machine in a few lines; what is not known is left out.
fn facts(resources: &Value, environment: &Value) -> Vec<Parameter> {
    let system = &resources["system"];
    let joined = |value: &Value, keys: &[&str]| {
        keys.iter().map(|key| cell(value, key)).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let sockets = list(&resources["cpu"]["sockets"]);
    let processors = match sockets {
        [] => String::new(),
        [first, ..] => {
            format!("{} × {}, {} threads", sockets.len(), cell(first, "name"), cell(&resources["cpu"], "total"))
        }
    };
    let rows = [
        ("Machine", joined(system, &["vendor", "product", "version"])),
        ("Serial number", cell(system, "serial")),
        ("Firmware", joined(&system["firmware"], &["vendor", "version", "date"])),
        ("Processors", processors),
        ("Memory", resources["memory"]["total"].as_u64().filter(|total| *total > 0).map(bytes).unwrap_or_default()),
        ("Disks", cell(&resources["storage"], "total")),
        ("Network cards", cell(&resources["network"], "total")),
        ("PCI functions", cell(&resources["pci"], "total")),
        ("System", joined(environment, &["os_name", "os_version"])),
        ("Kernel", cell(environment, "kernel_version")),
    ];
    let known = rows.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| Parameter { name: name.to_owned(), value }).collect()
}

/// The table of the first of these devices.
fn section(kind: &Devices, view: View, devices: &[&Value], inventory: &Value) -> Section {
    let shown = &devices[..devices.len().min(MOST)];
    let mut section = kind.table(view, shown, inventory);
    section.rows.iter_mut().flatten().for_each(|cell| *cell = text(cell));
    section.left_out = devices.len() - shown.len();
    section
}

/// The ports of network cards, each with the name of its card.
fn ports(cards: &Value) -> Value {
    let ports = list(cards).iter().flat_map(|card| {
        let name = [&card["product"], &card["driver"]].into_iter().find(|name| name.is_string());
        let named = move |port: &Value| {
            let mut port = port.as_object().cloned().unwrap_or_default();
            port.insert("product".to_owned(), name.cloned().unwrap_or_default());
            Value::Object(port)
        };
        list(&card["ports"]).iter().map(named)
    });
    ports.collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A fact as text; nothing for what is not known.
fn cell(device: &Value, key: &str) -> String {
    text(&Unit::Letters("").written(&device[key]))
}
