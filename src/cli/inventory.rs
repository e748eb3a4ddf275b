//! `shakedown inventory`: the machine in depth, for people and machines.

use std::io::Write as _;

use anyhow::Context as _;
use serde_json::Value;

use super::resources::Machine;
use super::{exit, gap, state, unless_reader_has_gone};
use crate::inventory::{Inventory, collect_detail, schema};
use crate::report::{bytes, table};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only this topic: system, cpu, memory, disk, interface, pci, usb, firmware, sensor or finding
    #[arg(value_name = "TOPIC", value_enum)]
    topic: Option<Topic>,
    /// Only the device whose name, address or identity this is, with all that is known of it
    #[arg(value_name = "DEVICE", requires = "topic")]
    device: Option<String>,
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the JSON Schema of `--format json` and nothing else
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    state: state::Options,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Topic {
    System,
    Cpu,
    Memory,
    Disk,
    Interface,
    Pci,
    Usb,
    Firmware,
    Sensor,
    Finding,
}

impl Topic {
    const ALL: [Topic; 10] = [
        Topic::System,
        Topic::Cpu,
        Topic::Memory,
        Topic::Disk,
        Topic::Interface,
        Topic::Pci,
        Topic::Usb,
        Topic::Firmware,
        Topic::Sensor,
        Topic::Finding,
    ];

    /// Where its devices stand in the JSON.
    fn lists(self) -> &'static [&'static str] {
        match self {
            Topic::System => &["/system"],
            Topic::Cpu => &["/sockets", "/processors"],
            Topic::Memory => &["/memory/dimms", "/memory/controllers"],
            Topic::Disk => &["/disks", "/storage_controllers"],
            Topic::Interface => &["/interfaces", "/virtual_interfaces"],
            Topic::Pci => &["/pci"],
            Topic::Usb => &["/usb"],
            Topic::Firmware => &["/tpms", "/bmc", "/secure_boot"],
            Topic::Sensor => &["/sensors"],
            Topic::Finding => &["/findings", "/gaps"],
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    if arguments.schema {
        return print(&schema());
    }
    let machine = arguments.machine.open()?;
    let inventory = collect_detail(&machine.host);
    gap::tell(&machine.host, &inventory.gaps, &arguments.state);
    let value = serde_json::to_value(&inventory).context("cannot write the inventory as JSON")?;
    let text = match (arguments.topic, &arguments.device, arguments.format) {
        (Some(topic), Some(name), format) => device(&value, topic, name, format)?,
        (None, _, Format::Json) => pretty(&value),
        (Some(topic), None, Format::Json) => pretty(&only(&value, topic)),
        (topic, _, Format::Table) => tables(&inventory, topic),
    };
    print(&text)
}

fn print(text: &str) -> anyhow::Result<u8> {
    let mut output = std::io::stdout();
    unless_reader_has_gone(output.write_all(text.as_bytes()).and_then(|()| output.flush()))?;
    Ok(exit::OK)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// One topic's part of the JSON.
fn only(value: &Value, topic: Topic) -> Value {
    let part = |pointer: &&str| {
        let key = pointer.rsplit('/').next().unwrap_or_default().to_owned();
        (key, value.pointer(pointer).cloned().unwrap_or_default())
    };
    Value::Object(topic.lists().iter().map(part).collect())
}

/// All that is known of one device.
fn device(value: &Value, topic: Topic, name: &str, format: Format) -> anyhow::Result<String> {
    let lists = topic.lists().iter().filter_map(|pointer| value.pointer(pointer)?.as_array());
    let is_it = |device: &&Value| {
        ["name", "address", "identity", "slot", "id", "mac_address"].iter().any(|key| device[key] == name)
    };
    let found = lists.flatten().find(is_it);
    let found =
        found.with_context(|| format!("there is no {name} among what `shakedown inventory {topic:?}` lists"))?;
    if format == Format::Json {
        return Ok(pretty(found));
    }
    let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows: Vec<Vec<String>> =
        found.as_object().into_iter().flatten().map(|(key, value)| vec![key.clone(), said(value)]).collect();
    Ok(table(&["FIELD", "VALUE"], &rows))
}

fn tables(inventory: &Inventory, topic: Option<Topic>) -> String {
    let mut text = String::new();
    for topic in Topic::ALL.into_iter().filter(|one| topic.is_none_or(|wanted| wanted == *one)) {
        let (head, rows) = rows(inventory, topic);
        if !rows.is_empty() {
            text.push_str(&format!("{}\n", format!("{topic:?}").to_uppercase()));
            text.push_str(&table(&head, &rows));
            text.push('\n');
        }
    }
    text
}

type Rows = (Vec<&'static str>, Vec<Vec<String>>);

fn rows(inventory: &Inventory, topic: Topic) -> Rows {
    match topic {
        Topic::System => system(inventory),
        Topic::Cpu => cpu(inventory),
        Topic::Memory => memory(inventory),
        Topic::Disk => disks(inventory),
        Topic::Interface => interfaces(inventory),
        Topic::Pci => pci(inventory),
        Topic::Usb => usb(inventory),
        Topic::Firmware => firmware(inventory),
        Topic::Sensor => sensors(inventory),
        Topic::Finding => findings(inventory),
    }
}

fn system(inventory: &Inventory) -> Rows {
    let system = &inventory.system;
    let rows = [
        ("host", inventory.hostname.clone()),
        ("kernel", inventory.kernel.clone()),
        ("machine", format!("{} {}", system.vendor, system.product)),
        ("serial", system.serial.clone()),
        ("kind", system.kind.clone()),
        ("firmware", system.firmware.as_ref().map(|f| format!("{} {}", f.version, f.date)).unwrap_or_default()),
    ];
    let rows = rows.into_iter().filter(|(_, value)| !value.trim().is_empty());
    (vec!["FIELD", "VALUE"], rows.map(|(key, value)| vec![key.to_owned(), value]).collect())
}

fn cpu(inventory: &Inventory) -> Rows {
    let row = |socket: &crate::inventory::Socket| {
        let threads: usize = socket.cores.iter().map(|core| core.threads.len()).sum();
        vec![
            socket.socket.to_string(),
            socket.name.clone(),
            socket.cores.len().to_string(),
            threads.to_string(),
            inventory.processors.microcode.join(", "),
        ]
    };
    (vec!["SOCKET", "MODEL", "CORES", "THREADS", "MICROCODE"], inventory.sockets.iter().map(row).collect())
}

fn memory(inventory: &Inventory) -> Rows {
    let mut rows = vec![vec!["total".to_owned(), bytes(inventory.memory.total)]];
    for dimm in &inventory.memory.dimms {
        let size = if dimm.size == 0 { "empty".to_owned() } else { bytes(dimm.size) };
        let speed = dimm.configured_speed.or(dimm.speed).map(|speed| format!("{speed} MT/s")).unwrap_or_default();
        let ecc = if dimm.ecc { "ECC" } else { "" };
        let row = [&dimm.slot, &size, &dimm.kind, &speed, ecc, &dimm.manufacturer, &dimm.part, &dimm.serial];
        rows.push(row.iter().map(|cell| (*cell).to_owned()).collect());
    }
    (vec!["SLOT", "SIZE", "KIND", "SPEED", "ECC", "MAKER", "PART", "SERIAL"], rows)
}

fn disks(inventory: &Inventory) -> Rows {
    let row = |disk: &crate::inventory::Disk| {
        vec![
            disk.name.clone(),
            bytes(disk.size),
            disk.kind.clone(),
            disk.model.clone(),
            disk.serial.clone(),
            disk.firmware.clone(),
            disk.bay.clone(),
            disk.identity.clone(),
        ]
    };
    let head = vec!["NAME", "SIZE", "KIND", "MODEL", "SERIAL", "FIRMWARE", "BAY", "IDENTITY"];
    (head, inventory.disks.iter().map(row).collect())
}

fn interfaces(inventory: &Inventory) -> Rows {
    let row = |nic: &crate::inventory::Nic| {
        let speed = nic.speed.map(|speed| format!("{speed} Mbit/s")).unwrap_or_default();
        let link = if nic.link { "link" } else { "no link" };
        let place = if nic.pci_address.is_empty() { &nic.usb_address } else { &nic.pci_address };
        let row = [&nic.name, &nic.mac_address, link, &speed, &nic.driver, &nic.firmware, place, &nic.identity];
        row.iter().map(|cell| (*cell).to_owned()).collect()
    };
    let head = vec!["NAME", "MAC", "LINK", "SPEED", "DRIVER", "FIRMWARE", "PLACE", "IDENTITY"];
    (head, inventory.interfaces.iter().map(row).collect())
}

fn pci(inventory: &Inventory) -> Rows {
    let row = |function: &crate::inventory::PciFunction| {
        let link = function.link.as_ref();
        let link = link.map(|link| format!("x{} of x{}, {}", link.width, link.maximum_width, link.speed));
        vec![
            function.address.clone(),
            format!("{} {}", function.vendor, function.product),
            function.driver.clone(),
            link.unwrap_or_default(),
            function.slot.clone(),
        ]
    };
    (vec!["ADDRESS", "DEVICE", "DRIVER", "LINK", "SLOT"], inventory.pci.iter().map(row).collect())
}

fn usb(inventory: &Inventory) -> Rows {
    let row = |node: &crate::inventory::UsbNode| {
        let device = &node.device;
        vec![
            format!("{}:{}", device.bus_address, device.device_address),
            format!("{} {}", device.vendor, device.product),
            device.serial.clone(),
            format!("{} Mbit/s", device.speed),
            node.identity.clone(),
        ]
    };
    (vec!["ADDRESS", "DEVICE", "SERIAL", "SPEED", "IDENTITY"], inventory.usb.iter().map(row).collect())
}

fn firmware(inventory: &Inventory) -> Rows {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for tpm in &inventory.tpms {
        let version = tpm.version.map(|version| format!("TPM {version}")).unwrap_or_default();
        rows.push(vec![tpm.name.clone(), format!("{version} {}", tpm.description)]);
    }
    if let Some(on) = inventory.secure_boot {
        rows.push(vec!["Secure Boot".to_owned(), if on { "on" } else { "off" }.to_owned()]);
    }
    if let Some(bmc) = &inventory.bmc {
        let text =
            format!("{} IPMI {} firmware {} {}", bmc.interface, bmc.ipmi_version, bmc.firmware, bmc.devices.join(" "));
        rows.push(vec!["BMC".to_owned(), text]);
    }
    (vec!["WHAT", "STATE"], rows)
}

fn sensors(inventory: &Inventory) -> Rows {
    let row = |sensor: &crate::inventory::Sensor| {
        let alarm = if sensor.alarm { "ALARM" } else { "" };
        vec![sensor.chip.clone(), sensor.name.clone(), format!("{} {}", sensor.value, sensor.unit), alarm.to_owned()]
    };
    (vec!["CHIP", "NAME", "VALUE", "ALARM"], inventory.sensors.iter().map(row).collect())
}

fn findings(inventory: &Inventory) -> Rows {
    let found = inventory.findings.iter().map(|finding| vec![finding.code.clone(), finding.text.clone()]);
    let gaps = inventory.gaps.iter().map(|gap| vec!["gap".to_owned(), gap.to_string()]);
    (vec!["CODE", "WHAT"], found.chain(gaps).collect())
}
