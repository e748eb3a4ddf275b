//! What devices hang on, and the places that follow from it: in words that stay when buses are counted anew.

use std::collections::HashMap;

use super::super::{Disk, Inventory, PciFunction, StorageController, UsbNode};
use super::item::{DiskPlace, words};

/// What disks and interfaces hang on, by what they name it.
pub(super) struct Surroundings<'a> {
    /// By address.
    functions: HashMap<&'a str, &'a PciFunction>,
    /// By address.
    usb: HashMap<&'a str, &'a UsbNode>,
    /// Those of NVMe drives that the kernel has not given up, by name.
    controllers: HashMap<&'a str, &'a StorageController>,
    /// Numbers of graphics cards, by address.
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

    /// The PCI function at an address.
    pub(super) fn function(&self, address: &str) -> Option<&'a PciFunction> {
        self.functions.get(address).copied()
    }

    /// The number of the graphics card at an address, as its driver tells it; empty where none does.
    pub(super) fn card_number(&self, address: &str) -> &'a str {
        self.cards.get(address).copied().unwrap_or_default()
    }

    /// The USB device at an address.
    pub(super) fn usb(&self, address: &str) -> Option<&'a UsbNode> {
        self.usb.get(address).copied()
    }
}

/// The way to a disk. udev's begins with a PCI address, which changes when buses are counted anew.
pub(super) fn disk_way(disk: &Disk, around: &Surroundings<'_>) -> String {
    let own = || {
        let rest = disk.place.strip_prefix("pci-")?;
        let (address, rest) = rest.split_at(rest.find('-').unwrap_or(rest.len()));
        Some(format!("{}{rest}", way(around.function(address)?)?))
    };
    own().unwrap_or_else(|| disk.place.clone())
}

/// The controllers that lead to an NVMe drive.
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

/// The way to a function that has no number of its own, from the root of its bus: without addresses, which change when a bridge comes
/// before it.
fn way(function: &PciFunction) -> Option<&str> {
    let is_numbered = !function.serial.is_empty() && function.identity.contains(&function.serial);
    if is_numbered { None } else { function.identity.strip_prefix("pci:") }
}

/// Slot, or the way.
pub(super) fn pci_place(function: &PciFunction) -> String {
    let part = function.address.rsplit_once('.').map_or("0", |(_, part)| part);
    match way(function) {
        None if function.slot.is_empty() => function.place.clone(),
        None => format!("{} function {part}", function.slot),
        Some(way) if function.slot.is_empty() => way.to_owned(),
        Some(_) => function.slot.clone(),
    }
}
