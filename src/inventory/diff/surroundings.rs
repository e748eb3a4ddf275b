//! The controllers and cards that devices are attached to, and places made from them that stay when buses are renumbered.

use std::collections::HashMap;

use super::super::{Disk, Inventory, PciFunction, StorageController, UsbNode};
use super::item::{DiskPlace, words};

/// Precedes the number of a unit in the place of a drive's further units.
pub(super) const UNIT: &str = " LUN ";

/// The PCI functions, USB devices and controllers that disks and interfaces are attached to.
pub(super) struct Surroundings<'a> {
    /// PCI functions by address.
    functions: HashMap<&'a str, &'a PciFunction>,
    /// USB devices by address (`BUS:DEVICE`).
    usb: HashMap<&'a str, &'a UsbNode>,
    /// Controllers of NVMe drives by kernel name, without those that are dead or being deleted.
    controllers: HashMap<&'a str, &'a StorageController>,
    /// Serial numbers of graphics cards by PCI address.
    cards: HashMap<&'a str, &'a str>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        let is_alive = |state: &str| state != "dead" && !state.starts_with("deleting");
        let all = inventory.storage_controllers.iter().filter(|one| one.kind == "nvme" && is_alive(&one.state));
        let cards = inventory.gpus.iter().filter(|gpu| !gpu.pci_address.is_empty());
        Surroundings {
            cards: cards.map(|gpu| (gpu.pci_address.as_str(), gpu.serial.as_str())).collect(),
            functions: inventory.pci.iter().map(|function| (function.address.as_str(), function)).collect(),
            usb: inventory.usb.iter().map(|device| (device.address.as_str(), device)).collect(),
            controllers: all.map(|one| (one.name.as_str(), one)).collect(),
        }
    }

    /// The PCI function at an address; `None` when there is none.
    pub(super) fn function(&self, address: &str) -> Option<&'a PciFunction> {
        self.functions.get(address).copied()
    }

    /// The serial number of the graphics card at an address, from its driver; empty when unknown.
    pub(super) fn card_number(&self, address: &str) -> &'a str {
        self.cards.get(address).copied().unwrap_or_default()
    }

    /// The USB device at an address; `None` when there is none.
    pub(super) fn usb(&self, address: &str) -> Option<&'a UsbNode> {
        self.usb.get(address).copied()
    }
}

/// Enclosure and bay of a disk, with the number of its unit if that is not the first one of the drive; empty when unknown.
pub(super) fn disk_bay(disk: &Disk) -> String {
    let bay = words(&[&disk.enclosure, &disk.bay]);
    let is_first = matches!(disk.unit(), "" | "0");
    if bay.is_empty() || is_first { bay } else { format!("{bay}{UNIT}{}", disk.unit()) }
}

/// The bus path of a disk. udev's path begins with a PCI address, which changes when buses are renumbered; here it is replaced.
pub(super) fn disk_way(disk: &Disk, around: &Surroundings<'_>) -> String {
    let own = || {
        let rest = disk.place.strip_prefix("pci-")?;
        let (address, rest) = rest.split_at(rest.find('-').unwrap_or(rest.len()));
        Some(format!("{}{rest}", way(around.function(address)?)?))
    };
    own().unwrap_or_else(|| disk.place.clone())
}

/// The controllers of an NVMe drive, sorted.
pub(super) fn controllers(disk: &Disk, around: &Surroundings<'_>) -> Vec<DiskPlace> {
    let place = |one: &StorageController| {
        let function = around.function(&one.pci_address);
        let way = function.map(|function| way(function).map_or_else(|| pci_place(function), str::to_owned));
        let there = way.unwrap_or_else(|| words(&[&one.transport, &one.address]));
        DiskPlace { name: one.name.clone(), place: there }
    };
    let own = disk.hosts.iter().filter_map(|host| around.controllers.get(host.as_str()));
    let mut found: Vec<DiskPlace> = own.map(|one| place(one)).collect();
    found.sort();
    found
}

/// The path from the root of the bus to a function without a serial number; `None` for one that has a number. The path contains no
/// addresses, which change when a bridge is added before it.
fn way(function: &PciFunction) -> Option<&str> {
    let is_numbered = !function.serial.is_empty() && function.identity.contains(&function.serial);
    if is_numbered { None } else { function.identity.strip_prefix("pci:") }
}

/// The place of a PCI function: its slot, else the bus path.
pub(super) fn pci_place(function: &PciFunction) -> String {
    let part = function.address.rsplit_once('.').map_or("0", |(_, part)| part);
    match way(function) {
        None if function.slot.is_empty() => function.place.clone(),
        None => format!("{} function {part}", function.slot),
        Some(way) if function.slot.is_empty() => way.to_owned(),
        Some(_) => function.slot.clone(),
    }
}
