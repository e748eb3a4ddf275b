//! The items of disks. Several paths to one disk are one item.

use std::collections::BTreeMap;

use super::super::detail::is_placeholder;
use super::super::{Disk, Inventory, NetworkVolumes};
use super::earlier::FORM;
use super::item::{DiskPlace, Item, fields, known, words};
use super::paths::one_of_paths;
use super::surroundings::{Surroundings, controllers, disk_bay, disk_way};

/// The source of each field of a disk that udev and the kernel may report differently.
fn disk_sources(disk: &Disk) -> BTreeMap<String, String> {
    let source = |field: &str| if disk.from_udev.iter().any(|one| one == field) { "udev" } else { "kernel" };
    let fields = [("firmware", "firmware"), ("model", "model"), ("kind", "type"), ("serial", "serial")];
    fields.map(|(field, told)| (told.to_owned(), source(field).to_owned())).into()
}

/// The serial number of a disk; empty when it is a placeholder, or the world-wide name or a part of it, as some udev rules report it.
fn disk_serial(disk: &Disk) -> String {
    let number = disk.wwn.trim_start_matches("naa.").trim_start_matches("eui.").trim_start_matches("0x");
    let is_name = disk.wwn.contains(&disk.serial) || !number.is_empty() && disk.serial.contains(number);
    if is_name || is_placeholder(&disk.serial) { String::new() } else { disk.serial.clone() }
}

/// The machine's own disks; one with several paths is one item. A drive for removable media counts with and without a medium.
pub(super) fn disks(inventory: &Inventory, volumes: NetworkVolumes, around: &Surroundings<'_>) -> Vec<Item> {
    let mut found = Vec::new();
    let mut shared: BTreeMap<[&str; 6], Vec<&Disk>> = BTreeMap::new();
    for one in inventory.own_disks(volumes) {
        if one.may_have_paths() {
            let key = [&one.wwn, &one.serial, &one.model, &one.enclosure, &one.bay, one.unit()];
            shared.entry(key).or_default().push(one);
        } else {
            found.push(disk(one, around));
        }
    }
    for paths in shared.into_values() {
        let items = paths.iter().map(|one| disk(one, around)).collect();
        found.extend(if are_paths(&paths) { one_of_paths(items).into_iter().collect() } else { items });
    }
    found
}

/// True if block devices with equal names are paths to one disk: they have one size, and are reached over different hosts, or over a
/// fabric, which leads to one target by several ports.
fn are_paths(disks: &[&Disk]) -> bool {
    let first = disks.first().map(|disk| disk.size);
    let mut hosts: Vec<&Vec<String>> = disks.iter().map(|disk| &disk.hosts).collect();
    hosts.sort_unstable();
    let is_apart = hosts.windows(2).all(|pair| pair[0] != pair[1]);
    disks.iter().all(|disk| Some(disk.size) == first && (is_apart || !disk.attachment.is_empty()))
}

/// The item of a disk. Its place is enclosure and bay, with the number of a further unit of the drive, else the bus path. Sizes of a medium
/// that can be taken out belong to the medium, and not to the drive.
fn disk(disk: &Disk, around: &Surroundings<'_>) -> Item {
    let (bay, way) = (disk_bay(disk), disk_way(disk, around));
    let path = || DiskPlace { name: disk.name.clone(), place: way.clone() };
    let fixed = |bytes: u64| if disk.removable { 0 } else { bytes };
    Item {
        form: FORM,
        identity: disk.identity.clone(),
        name: disk.name.clone(),
        paths: disk.may_have_paths().then(path).into_iter().collect(),
        place: if bay.is_empty() { way } else { bay },
        label: words(&[&disk.model, &disk.serial]),
        serial: disk_serial(disk),
        likeness: format!("{} {}", disk.model, fixed(disk.size)),
        fields: fields([
            ("size", known(fixed(disk.size))),
            ("model", disk.model.clone()),
            ("firmware", disk.firmware.clone()),
            ("type", disk.kind.clone()),
            ("logical block size", known(fixed(disk.logical_block_size))),
            ("physical block size", known(fixed(disk.physical_block_size))),
            ("raid level", disk.raid_level.clone()),
        ]),
        sources: disk_sources(disk),
        controllers: controllers(disk, around),
        ..Item::default()
    }
}
