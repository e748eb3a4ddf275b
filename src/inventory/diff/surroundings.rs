//! The controllers and cards that devices are attached to, and places made from them that stay when buses are renumbered.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::{Disk, Inventory, PciFunction, StorageController, UsbNode};
use super::item::{DiskPlace, words};

/// Precedes the number of a unit in the place of a drive that has several.
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
    /// Bays of drives with several units, as enclosure and bay.
    shared_bays: BTreeSet<[&'a str; 2]>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        let is_alive = |state: &str| state != "dead" && !state.starts_with("deleting");
        let all = inventory.storage_controllers.iter().filter(|one| one.kind == "nvme" && is_alive(&one.state));
        let mut bays: BTreeMap<[&str; 2], BTreeSet<&str>> = BTreeMap::new();
        for disk in inventory.disks.iter().filter(|disk| !disk.bay.is_empty()) {
            bays.entry([&disk.enclosure, &disk.bay]).or_default().insert(disk.unit());
        }
        let cards = inventory.gpus.iter().filter(|gpu| !gpu.pci_address.is_empty());
        Surroundings {
            shared_bays: bays.into_iter().filter(|(_, units)| units.len() > 1).map(|(bay, _)| bay).collect(),
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

    /// Enclosure and bay of a disk, with the number of its unit if others are in the same bay; empty when unknown.
    pub(super) fn bay(&self, disk: &Disk) -> String {
        let bay = words(&[&disk.enclosure, &disk.bay]);
        let is_shared = self.shared_bays.contains(&[disk.enclosure.as_str(), disk.bay.as_str()]);
        if is_shared { format!("{bay}{UNIT}{}", disk.unit()) } else { bay }
    }

    /// The USB device at an address; `None` when there is none.
    pub(super) fn usb(&self, address: &str) -> Option<&'a UsbNode> {
        self.usb.get(address).copied()
    }
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
