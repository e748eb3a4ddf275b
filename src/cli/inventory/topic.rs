//! Topics: what they are called, where their devices stand in the JSON, and which tables they are told by.

use std::fmt;

use serde_json::Value;

use super::machine;
use super::section::devices;
use crate::inventory::Inventory;
use crate::report::{self, Devices, Section, Unit};

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

    /// The kinds of its devices, in the order of their tables.
    fn kinds(self) -> &'static [Devices] {
        use report::{
            ARRAYS, BMC_LAN, CONTROLLERS, DISKS, FIRMWARE, FUNCTIONS, GRAPHICS, INTERFACES, MODULES, MULTIPATHS, NODES,
            PACKAGES, PARTITIONS, POWER, REDFISH, SENSORS, USB, VIRTUAL_INTERFACES, VOLUMES,
        };
        match self {
            Topic::System | Topic::Finding => &[],
            Topic::Cpu => &[PACKAGES],
            Topic::Memory => &[MODULES, NODES],
            Topic::Disk => &[DISKS, PARTITIONS, CONTROLLERS, ARRAYS, VOLUMES, MULTIPATHS],
            Topic::Interface => &[INTERFACES, VIRTUAL_INTERFACES],
            Topic::Pci => &[FUNCTIONS],
            Topic::Usb => &[USB],
            Topic::Gpu => &[GRAPHICS],
            Topic::Firmware => &[FIRMWARE],
            Topic::Bmc => &[BMC_LAN, REDFISH],
            Topic::Power => &[POWER],
            Topic::Sensor => &[SENSORS],
        }
    }

    /// The unit of a number of its devices, by the number's key.
    pub(super) fn unit(self, key: &str) -> Unit {
        let mut fields = self.kinds().iter().flat_map(|kind| kind.fields);
        fields.find(|field| field.key == key).map_or(Unit::Letters(""), |field| field.unit)
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

    /// A device by any of its names; the first list that has it decides.
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
        let others: &[&str] = match self {
            Topic::Memory => &["/memory/controllers"],
            Topic::Firmware => &["/trust/tpms"],
            _ => &[],
        };
        let others = || others.iter().filter_map(|place| value.pointer(place)?.as_array()).flatten();
        let devices = || self.kinds().iter().flat_map(|kind| kind.list(value)).chain(others());
        NAMES.iter().find_map(|key| devices().find(|device| says(&device[*key])))
    }

    /// Tables of the topic, from the inventory and from its JSON.
    pub(super) fn sections(self, inventory: &Inventory, value: &Value) -> Vec<Section> {
        let mut kinds: Vec<Section> = self.kinds().iter().map(|kind| devices(kind, value)).collect();
        match self {
            Topic::System => vec![machine::system(inventory)],
            Topic::Cpu => kinds.into_iter().chain(machine::cpu(inventory)).collect(),
            Topic::Memory => {
                kinds[0].title = "Modules";
                [vec![machine::memory(inventory)], kinds, vec![machine::memory_errors(inventory)]].concat()
            }
            Topic::Interface => kinds.into_iter().chain([machine::addresses(inventory)]).collect(),
            Topic::Firmware => kinds.into_iter().chain([machine::trust(inventory)]).collect(),
            Topic::Bmc => [machine::bmc(inventory)].into_iter().chain(kinds).collect(),
            Topic::Finding => machine::findings(inventory).into(),
            Topic::Disk | Topic::Pci | Topic::Usb | Topic::Gpu | Topic::Power | Topic::Sensor => kinds,
        }
    }
}
