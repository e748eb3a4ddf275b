//! The hardware of a machine as a flat list of the items that can be added, removed, moved or replaced.
//!
//! Only parts and firmware that a person can plug or flash count. Devices that software made are not in it (see [`crate::host::Origin`]),
//! nor are virtual functions and volumes in other machines, nor any value that varies or is configured: link state, speed and threads in
//! use, temperatures, counters, kernel names of disks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::{
    Bmc, Dimm, Gap, Inventory, NetworkVolumes, Nic, Package, PciFunction, ProcessorState, Topic, UsbNode,
};
use super::disks::disks;
use super::earlier::FORM;
use super::rest;
use super::surroundings::{Surroundings, pci_place};

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
    /// All seven.
    pub const ALL: [Kind; 7] =
        [Kind::BlockDevice, Kind::Bmc, Kind::Cpu, Kind::Interface, Kind::Memory, Kind::PciDevice, Kind::UsbDevice];

    /// The name in the region's event types.
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

/// The hardware of a machine by kind; a kind that is missing could not be read.
pub type Items = BTreeMap<Kind, Vec<Item>>;

/// One path to a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DiskPlace {
    /// Kernel name.
    pub name: String,
    /// The place of the port or controller that the path begins at.
    pub place: String,
}

/// A piece of hardware.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// Form of the record: items of different forms may spell a place differently. 0 in items of earlier releases.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub form: u8,
    /// Identity that survives reboots, renames and other places.
    pub identity: String,
    /// Name for people: kernel name, slot, address.
    pub name: String,
    /// The slot, bay or bus path that the item is plugged into; empty when unknown.
    #[serde(default)]
    pub place: String,
    /// A second name of the place, for inventories that cannot read the first: the kernel's number of a socket. Empty for other kinds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub position: String,
    /// Model and serial number, for people.
    #[serde(default)]
    pub label: String,
    /// The maker's serial number; empty when unknown, and in items of earlier releases. Two different numbers from one source mean two
    /// devices.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Make and model: equal for devices that only their own names and places distinguish.
    #[serde(default)]
    pub likeness: String,
    /// Properties, by name; unknown ones are left out.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// The source (`udev`, `kernel`) of each field that several sources report differently, by name of the field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, String>,
    /// Identity of the card or the USB device that an interface belongs to; empty for other kinds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub card: String,
    /// The paths to a disk that has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<DiskPlace>,
    /// The controllers by which an NVMe drive is reached: one for each of its ports. Empty in items of earlier releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<DiskPlace>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(form: &u8) -> bool {
    *form == 0
}

/// The identity of all memory together.
pub(super) const TOTAL: &str = "memory:total";

/// The hardware of an inventory. A kind that could not be read as a whole is left out, so that its items do not count as gone.
#[must_use]
pub fn items(inventory: &Inventory) -> Items {
    items_with(inventory, NetworkVolumes::default())
}

/// The hardware of an inventory, as [`items`] returns it, with a choice of the volumes in other machines that count.
#[must_use]
pub fn items_with(inventory: &Inventory, volumes: NetworkVolumes) -> Items {
    let nics = inventory.interfaces.iter().filter(|nic| nic.virtual_function_of.is_empty());
    let functions = inventory.pci.iter().filter(|function| function.virtual_function_of.is_empty());
    let devices = inventory.usb.iter().filter(|device| !device.hub);
    let around = Surroundings::of(inventory);
    let total = Item {
        form: FORM,
        identity: TOTAL.to_owned(),
        name: "memory".to_owned(),
        fields: fields([("size", known(inventory.memory.total))]),
        ..Item::default()
    };
    let dimms = inventory.memory.dimms.iter().filter(|dimm| dimm.size > 0).map(dimm);
    let mut all = BTreeMap::from([
        (Kind::BlockDevice, disks(inventory, volumes, &around)),
        (Kind::Bmc, inventory.bmc.iter().map(bmc).collect()),
        (Kind::Cpu, inventory.processors.packages.iter().map(cpu).collect()),
        (Kind::Interface, nics.map(|it| nic(it, &around)).collect()),
        (Kind::Memory, dimms.chain([total]).chain(rest::of(inventory)).collect()),
        (Kind::PciDevice, functions.map(|it| pci(it, &around)).collect()),
        (Kind::UsbDevice, devices.map(usb).collect()),
    ]);
    for kind in inventory.gaps.iter().filter(|gap| gap.topic != Topic::Modules).flat_map(Gap::hides) {
        all.remove(kind);
    }
    // The kernel does not list a package of which all threads are offline.
    let processors = &inventory.processors;
    if !processors.offline.is_empty()
        && processors.fitted.is_some_and(|fitted| fitted > processors.packages.len() as u64)
    {
        all.remove(&Kind::Cpu);
    }
    if may_hide_a_package(processors) {
        all.remove(&Kind::Cpu);
    }
    all
}

/// True if there may be a processor package of which all threads are offline: no firmware reports the number of packages, and at least as
/// many threads are offline as the smallest package has. With SMT switched off each core in use has a sibling that is offline; a package
/// that is offline as a whole would add both threads of each of its cores.
fn may_hide_a_package(processors: &ProcessorState) -> bool {
    let smallest = processors.packages.iter().map(|package| package.threads).min().unwrap_or(0);
    let is_described =
        processors.fitted.is_some() || processors.packages.iter().any(|package| !package.slot.is_empty());
    let offline = processors.offline.len() as u64;
    let in_use: u64 = processors.packages.iter().map(|package| package.threads).sum();
    let is_smt_off = matches!(processors.smt.as_str(), "off" | "forceoff");
    !is_described && offline > 0 && offline >= smallest && !(is_smt_off && offline <= in_use)
}

/// The fields without those that are empty.
pub(super) fn fields<const N: usize>(fields: [(&str, String); N]) -> BTreeMap<String, String> {
    let known = fields.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn words(words: &[&str]) -> String {
    words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

/// A size as text; empty for 0, which means that it could not be read.
pub(super) fn known(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

fn number(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn bmc(bmc: &Bmc) -> Item {
    Item {
        form: FORM,
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
        ..Item::default()
    }
}

fn cpu(package: &Package) -> Item {
    let position = format!("socket {}", package.socket);
    Item {
        form: FORM,
        identity: package.identity.clone(),
        name: package.model.clone(),
        place: if package.slot.is_empty() { position.clone() } else { package.slot.clone() },
        position,
        label: words(&[&package.model, &package.serial]),
        likeness: package.model.clone(),
        // The number of threads in use is a setting, not hardware.
        fields: fields([("model", package.model.clone()), ("cores fitted", number(package.cores_fitted))]),
        ..Item::default()
    }
}

/// The item of an interface. Its place is that of the card with the port number, which stays when buses are renumbered.
fn nic(nic: &Nic, around: &Surroundings<'_>) -> Item {
    let function = around.function(&nic.pci_address);
    let device = around.usb(&nic.usb_address);
    let (place, card) = match (function, device) {
        (Some(function), _) => (pci_place(function), function.identity.clone()),
        (None, Some(device)) => (usb_place(device).to_owned(), device.identity.clone()),
        (None, None) if nic.pci_address.is_empty() => (nic.place.clone(), String::new()),
        (None, None) => (nic.pci_address.clone(), String::new()),
    };
    // A bond gives all of its members one address.
    let own = if nic.permanent_address.is_empty() { &nic.mac_address } else { &nic.permanent_address };
    let place = if nic.port == 0 || place.is_empty() { place } else { format!("{place} port {}", nic.port) };
    Item {
        form: if function.is_none() { device.map_or(FORM, usb_form) } else { FORM },
        card,
        identity: nic.identity.clone(),
        name: nic.name.clone(),
        place,
        label: words(&[&nic.model, own]),
        likeness: nic.model.clone(),
        // Numbers and no names: names come from a database, and change with its version.
        fields: fields([
            ("id", function.map(|function| function.ids.clone()).unwrap_or_default()),
            ("firmware", nic.firmware.clone()),
            ("maximum speed", number(nic.maximum_speed)),
        ]),
        ..Item::default()
    }
}

fn dimm(dimm: &Dimm) -> Item {
    Item {
        form: FORM,
        identity: dimm.identity.clone(),
        name: words(&["DIMM", &dimm.slot]),
        place: words(&[&dimm.bank, &dimm.slot]),
        label: words(&[&dimm.manufacturer, &dimm.part, &dimm.serial]),
        likeness: words(&[&dimm.manufacturer, &dimm.part]),
        fields: fields([
            ("size", known(dimm.size)),
            ("type", dimm.kind.clone()),
            ("speed", number(dimm.speed)),
            ("configured speed", number(dimm.configured_speed)),
            ("ecc", dimm.ecc.map(|ecc| ecc.to_string()).unwrap_or_default()),
            ("part", dimm.part.clone()),
        ]),
        ..Item::default()
    }
}

/// The item of a PCI function. The serial number of a graphics card is the one that its driver reports.
fn pci(function: &PciFunction, around: &Surroundings<'_>) -> Item {
    let serial = around.card_number(&function.address).to_owned();
    Item {
        form: FORM,
        identity: function.identity.clone(),
        name: function.address.clone(),
        place: pci_place(function),
        label: words(&[&function.vendor, &function.product, &serial]),
        serial,
        likeness: words(&[&function.ids, &function.subsystem_ids, &function.class]),
        fields: fields([
            ("id", function.ids.clone()),
            ("subsystem", function.subsystem_ids.clone()),
            ("class", function.class.clone()),
            ("revision", function.revision.clone()),
        ]),
        ..Item::default()
    }
}

/// The way to a USB device from the root of the bus of its controller, which stays when USB buses are numbered anew; the kernel's name in
/// an inventory of an earlier release, which may lack the way.
fn usb_place(device: &UsbNode) -> &str {
    // A device without a serial number is identified by its way.
    let way = device.identity.split_once(":at:").map(|(_, way)| way);
    if device.place.is_empty() { way.unwrap_or(&device.name) } else { &device.place }
}

fn usb_form(device: &UsbNode) -> u8 {
    if usb_place(device) == device.name { 0 } else { FORM }
}

fn usb(device: &UsbNode) -> Item {
    let is_alone = !device.identity.contains(":at:") && !device.identity.contains('@');
    let at = if is_alone { String::new() } else { format!("at {}", device.name) };
    Item {
        form: usb_form(device),
        identity: device.identity.clone(),
        name: words(&[&device.vendor, &device.product]),
        place: usb_place(device).to_owned(),
        label: words(&[&device.ids, &device.serial, &at]),
        likeness: device.ids.clone(),
        // No names: they come from a database, and change with its version.
        fields: fields([("id", device.ids.clone()), ("release", device.release.clone())]),
        ..Item::default()
    }
}
