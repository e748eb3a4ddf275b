//! Topics: what they are called, where their devices stand in the JSON, and which tables they are told by.

use std::fmt;

use serde_json::Value;

use super::section::Section;
use super::{cards, machine, memory, network, storage};
use crate::inventory::Inventory;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Topic {
    System,
    Cpu,
    Memory,
    Disk,
    Interface,
    Pci,
    Usb,
    Gpu,
    Firmware,
    Bmc,
    Power,
    Sensor,
    Finding,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

impl Topic {
    pub(super) const ALL: [Topic; 13] = [
        Topic::System,
        Topic::Cpu,
        Topic::Memory,
        Topic::Disk,
        Topic::Interface,
        Topic::Pci,
        Topic::Usb,
        Topic::Gpu,
        Topic::Firmware,
        Topic::Bmc,
        Topic::Power,
        Topic::Sensor,
        Topic::Finding,
    ];

    /// Where it stands in the JSON.
    fn places(self) -> &'static [&'static str] {
        match self {
            Topic::System => {
                &["/hostname", "/kernel", "/machine_resources/resources/system", "/machine_resources/environment"]
            }
            Topic::Cpu => &["/processors", "/machine_resources/resources/cpu"],
            Topic::Memory => &["/memory", "/machine_resources/resources/memory/nodes"],
            Topic::Disk => &["/disks", "/storage_controllers", "/arrays", "/volumes", "/multipaths"],
            Topic::Interface => &["/interfaces", "/virtual_interfaces", "/machine_resources/networks"],
            Topic::Pci => &["/pci"],
            Topic::Usb => &["/usb"],
            Topic::Gpu => &["/gpus"],
            Topic::Firmware => &["/firmware", "/trust"],
            Topic::Bmc => &["/bmc"],
            Topic::Power => &["/power_supplies"],
            Topic::Sensor => &["/sensors"],
            Topic::Finding => &["/findings", "/gaps"],
        }
    }

    /// Lists of devices that have names.
    fn lists(self) -> &'static [&'static str] {
        match self {
            Topic::Cpu => &["/processors/packages"],
            Topic::Memory => &["/memory/dimms", "/memory/controllers"],
            Topic::Firmware => &["/firmware", "/trust/tpms"],
            Topic::System | Topic::Bmc | Topic::Finding => &[],
            others => others.places(),
        }
    }

    /// What there is to say when there is nothing.
    pub(super) fn nothing(self) -> &'static str {
        match self {
            Topic::System => "nothing is known of the machine as a whole",
            Topic::Cpu => "no processors",
            Topic::Memory => "no memory",
            Topic::Disk => "no disks",
            Topic::Interface => "no network interfaces with hardware",
            Topic::Pci => "no PCI devices",
            Topic::Usb => "no USB devices",
            Topic::Gpu => "no graphics cards",
            Topic::Firmware => "no firmware versions are known",
            Topic::Bmc => "no BMC",
            Topic::Power => "no power supplies are known",
            Topic::Sensor => "no sensors",
            Topic::Finding => "no findings",
        }
    }

    /// The directory without which nothing of it can be read.
    pub(super) fn source(self) -> Option<&'static str> {
        match self {
            Topic::Cpu => Some("/sys/devices/system/cpu"),
            Topic::Disk => Some("/sys/class/block"),
            Topic::Interface => Some("/sys/class/net"),
            Topic::Pci | Topic::Gpu => Some("/sys/bus/pci"),
            Topic::Usb => Some("/sys/bus/usb"),
            Topic::Sensor => Some("/sys/class/hwmon"),
            Topic::System | Topic::Memory | Topic::Firmware | Topic::Bmc | Topic::Power | Topic::Finding => None,
        }
    }

    /// Its part of the JSON.
    pub(super) fn part_of(self, value: &Value) -> Value {
        let part = |pointer: &&str| {
            let key = pointer.rsplit('/').next().unwrap_or_default().to_owned();
            (key, value.pointer(pointer).cloned().unwrap_or_default())
        };
        Value::Object(self.places().iter().map(part).collect())
    }

    /// A device by any of its names; the first list that has it decides. A partition is a device of its own.
    pub(super) fn find<'a>(self, value: &'a Value, name: &str) -> Option<&'a Value> {
        const NAMES: [&str; 11] = [
            "identity",
            "name",
            "address",
            "pci_address",
            "slot",
            "id",
            "mac_address",
            "permanent_address",
            "mapping",
            "serial",
            "socket",
        ];
        let name = name.strip_prefix("/dev/mapper/").or_else(|| name.strip_prefix("/dev/")).unwrap_or(name);
        let says = |value: &Value| {
            value.as_str() == Some(name) || value.as_u64().is_some_and(|number| number.to_string() == name)
        };
        let lists = || self.lists().iter().filter_map(|pointer| value.pointer(pointer)?.as_array());
        let devices = || lists().flatten();
        let partitions = || devices().filter_map(|device| device["partitions"].as_array()).flatten();
        NAMES.iter().find_map(|key| devices().chain(partitions()).find(|device| says(&device[*key])))
    }

    pub(super) fn sections(self, inventory: &Inventory) -> Vec<Section> {
        match self {
            Topic::System => machine::system(inventory),
            Topic::Cpu => machine::cpu(inventory),
            Topic::Memory => memory::memory(inventory),
            Topic::Disk => storage::disks(inventory),
            Topic::Interface => network::interfaces(inventory),
            Topic::Pci => cards::pci(inventory),
            Topic::Usb => cards::usb(inventory),
            Topic::Gpu => cards::gpu(inventory),
            Topic::Firmware => machine::firmware(inventory),
            Topic::Bmc => machine::bmc(inventory),
            Topic::Power => machine::power(inventory),
            Topic::Sensor => machine::sensors(inventory),
            Topic::Finding => machine::findings(inventory),
        }
    }
}
