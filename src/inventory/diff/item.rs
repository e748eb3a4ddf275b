//! The hardware of a machine as a flat list: what can be added, removed, moved or replaced.
//!
//! Only what somebody can plug or flash counts. Virtual and container interfaces, virtual functions, loop and device-mapper devices, and
//! everything that varies by nature – link state, speed in use, temperatures, counters, kernel names of disks – is not in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::{Bmc, Dimm, Disk, Inventory, Nic, Package, PciFunction, UsbNode};

/// The kinds of hardware that the region has event types for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A disk.
    BlockDevice,
    /// The baseboard management controller.
    Bmc,
    /// A processor package.
    Cpu,
    /// A network interface with hardware.
    Interface,
    /// A memory module, or all memory.
    Memory,
    /// A PCI function.
    PciDevice,
    /// A USB device.
    UsbDevice,
}

impl Kind {
    /// As the region's events say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::BlockDevice => "block device",
            Kind::Bmc => "bmc",
            Kind::Cpu => "cpu",
            Kind::Interface => "interface",
            Kind::Memory => "memory",
            Kind::PciDevice => "pci device",
            Kind::UsbDevice => "usb device",
        }
    }
}

/// A piece of hardware.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// Known by this after reboots, under other names, in other places.
    pub identity: String,
    /// What a person calls it: kernel name, slot, address.
    pub name: String,
    /// Where it is plugged in; empty where nobody knows.
    #[serde(default)]
    pub place: String,
    /// Model and serial number, for people.
    #[serde(default)]
    pub label: String,
    /// Equal for two of the same make of which nothing else tells which is which.
    #[serde(default)]
    pub likeness: String,
    /// What it is, by name of the field.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// The identity of all memory together.
pub(super) const TOTAL: &str = "memory:total";

/// The hardware of an inventory.
#[must_use]
pub fn items(inventory: &Inventory) -> BTreeMap<Kind, Vec<Item>> {
    let nics = inventory.interfaces.iter().filter(|nic| nic.virtual_function_of.is_empty());
    let functions = inventory.pci.iter().filter(|function| function.virtual_function_of.is_empty());
    let devices = inventory.usb.iter().filter(|device| !device.hub);
    let total = Item {
        identity: TOTAL.to_owned(),
        name: "memory".to_owned(),
        fields: fields([("size", inventory.memory.total.to_string())]),
        ..Item::default()
    };
    let dimms = inventory.memory.dimms.iter().filter(|dimm| dimm.size > 0).map(dimm);
    let disks = inventory.disks.iter().filter(|disk| disk.size > 0 || !disk.removable);
    BTreeMap::from([
        (Kind::BlockDevice, disks.map(disk).collect()),
        (Kind::Bmc, inventory.bmc.iter().map(bmc).collect()),
        (Kind::Cpu, inventory.processors.packages.iter().map(cpu).collect()),
        (Kind::Interface, nics.map(nic).collect()),
        (Kind::Memory, dimms.chain([total]).collect()),
        (Kind::PciDevice, functions.map(pci).collect()),
        (Kind::UsbDevice, devices.map(usb).collect()),
    ])
}

/// Those that are known.
fn fields<const N: usize>(fields: [(&str, String); N]) -> BTreeMap<String, String> {
    let known = fields.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn words(words: &[&str]) -> String {
    words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

fn number(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn disk(disk: &Disk) -> Item {
    let bay = words(&[&disk.enclosure, &disk.bay]);
    Item {
        identity: disk.identity.clone(),
        name: disk.name.clone(),
        place: if bay.is_empty() { disk.place.clone() } else { bay },
        label: words(&[&disk.model, &disk.serial]),
        likeness: format!("{} {}", disk.model, disk.size),
        fields: fields([
            ("size", disk.size.to_string()),
            ("model", disk.model.clone()),
            ("firmware", disk.firmware.clone()),
            ("type", disk.kind.clone()),
            ("logical block size", disk.logical_block_size.to_string()),
            ("physical block size", disk.physical_block_size.to_string()),
            ("raid level", disk.raid_level.clone()),
        ]),
    }
}

fn bmc(bmc: &Bmc) -> Item {
    Item {
        identity: bmc.identity.clone(),
        name: bmc.interface.clone(),
        place: "bmc".to_owned(),
        label: words(&[&bmc.manufacturer_id, &bmc.product_id]),
        likeness: "bmc".to_owned(),
        fields: fields([
            ("interface", bmc.interface.clone()),
            ("ipmi version", bmc.ipmi_version.clone()),
            ("firmware", bmc.firmware.clone()),
            ("manufacturer", bmc.manufacturer_id.clone()),
            ("product", bmc.product_id.clone()),
        ]),
    }
}

fn cpu(package: &Package) -> Item {
    Item {
        identity: package.identity.clone(),
        name: package.model.clone(),
        place: if package.slot.is_empty() { format!("socket {}", package.socket) } else { package.slot.clone() },
        label: words(&[&package.model, &package.serial]),
        likeness: package.model.clone(),
        fields: fields([
            ("model", package.model.clone()),
            ("cores", package.cores.to_string()),
            ("threads", package.threads.to_string()),
        ]),
    }
}

fn nic(nic: &Nic) -> Item {
    Item {
        identity: nic.identity.clone(),
        name: nic.name.clone(),
        place: nic.place(),
        label: words(&[&nic.model, &nic.mac_address]),
        likeness: nic.model.clone(),
        fields: fields([
            ("model", nic.model.clone()),
            ("firmware", nic.firmware.clone()),
            ("maximum speed", number(nic.maximum_speed)),
        ]),
    }
}

fn dimm(dimm: &Dimm) -> Item {
    Item {
        identity: dimm.identity.clone(),
        name: words(&["DIMM", &dimm.slot]),
        place: words(&[&dimm.bank, &dimm.slot]),
        label: words(&[&dimm.manufacturer, &dimm.part, &dimm.serial]),
        likeness: words(&[&dimm.manufacturer, &dimm.part]),
        fields: fields([
            ("size", dimm.size.to_string()),
            ("type", dimm.kind.clone()),
            ("speed", number(dimm.speed)),
            ("configured speed", number(dimm.configured_speed)),
            ("ecc", dimm.ecc.map(|ecc| ecc.to_string()).unwrap_or_default()),
            ("part", dimm.part.clone()),
        ]),
    }
}

fn pci(function: &PciFunction) -> Item {
    // Its address changes when a bridge comes before it; the name of its slot does not, nor does the way to it.
    let is_way = function.serial.is_empty() || !function.identity.contains(&function.serial);
    let place = if function.slot.is_empty() && is_way { &function.identity } else { &function.slot };
    let part = function.address.rsplit_once('.').map_or("0", |(_, part)| part);
    Item {
        identity: function.identity.clone(),
        name: function.address.clone(),
        place: if place.is_empty() || is_way { place.clone() } else { format!("{place} function {part}") },
        label: words(&[&function.vendor, &function.product]),
        likeness: words(&[&function.ids, &function.subsystem_ids, &function.class]),
        fields: fields([
            ("id", function.ids.clone()),
            ("subsystem", function.subsystem_ids.clone()),
            ("class", function.class.clone()),
            ("revision", function.revision.clone()),
        ]),
    }
}

fn usb(device: &UsbNode) -> Item {
    Item {
        identity: device.identity.clone(),
        name: words(&[&device.vendor, &device.product]),
        place: device.name.clone(),
        label: words(&[&device.ids, &device.serial]),
        likeness: device.ids.clone(),
        fields: fields([
            ("id", device.ids.clone()),
            ("product", device.product.clone()),
            ("release", device.release.clone()),
        ]),
    }
}
