//! Tables about disks and what they hang on and carry.

use super::section::Section;
use crate::inventory::{Array, Content, Disk, Inventory, MappedVolume, Multipath, StorageController};
use crate::report::bytes;

pub(super) fn disks(inventory: &Inventory) -> Vec<Section> {
    let head =
        ["NAME", "SIZE", "KIND", "MODEL", "SERIAL", "FIRMWARE", "ENCLOSURE", "BAY", "CONTROLLER", "HOLDS", "IDENTITY"];
    let controllers = ["NAME", "KIND", "MODEL", "SERIAL", "FIRMWARE", "PCI", "STATE", "DISKS"];
    vec![
        Section::new("", head, inventory.disks.iter().map(disk)),
        Section::new("PARTITIONS", ["NAME", "SIZE", "HOLDS"], inventory.disks.iter().flat_map(partitions)),
        Section::new("CONTROLLERS", controllers, inventory.storage_controllers.iter().map(controller)),
        Section::new(
            "ARRAYS",
            ["NAME", "LEVEL", "SIZE", "STATE", "MEMBERS", "HOLDS"],
            inventory.arrays.iter().map(array),
        ),
        Section::new(
            "VOLUMES",
            ["NAME", "MAPPING", "KIND", "SIZE", "ON", "HOLDS"],
            inventory.volumes.iter().map(volume),
        ),
        Section::new("MULTIPATH", ["NAME", "KIND", "PATHS", "IDENTITY"], inventory.multipaths.iter().map(multipath)),
    ]
}

/// What is on a device: `ext4 on /`, `LVM2_member for dm-0`.
fn holds(content: &Content) -> String {
    let mut text = content.file_system.clone();
    if !content.mounts.is_empty() {
        text.push_str(&format!(" on {}", content.mounts.join(" ")));
    }
    if !content.holders.is_empty() {
        text.push_str(&format!(" for {}", content.holders.join(" ")));
    }
    text.trim().to_owned()
}

fn disk(disk: &Disk) -> [String; 11] {
    let content = holds(&disk.content);
    let parts =
        if disk.partitions.is_empty() { String::new() } else { format!("{} partitions", disk.partitions.len()) };
    [
        disk.name.clone(),
        bytes(disk.size),
        format!("{} {}", disk.kind, disk.raid_level).trim().to_owned(),
        disk.model.clone(),
        disk.serial.clone(),
        disk.firmware.clone(),
        disk.enclosure.clone(),
        disk.bay.clone(),
        disk.controller.clone(),
        format!("{content} {parts}").trim().to_owned(),
        disk.identity.clone(),
    ]
}

fn partitions(disk: &Disk) -> impl Iterator<Item = [String; 3]> {
    disk.partitions.iter().map(|volume| [volume.name.clone(), bytes(volume.size), holds(&volume.content)])
}

fn controller(controller: &StorageController) -> [String; 8] {
    [
        controller.name.clone(),
        format!("{} {}", controller.kind, if controller.driver == controller.kind { "" } else { &controller.driver })
            .trim()
            .to_owned(),
        controller.model.clone(),
        controller.serial.clone(),
        controller.firmware.clone(),
        controller.pci_address.clone(),
        controller.state.clone(),
        controller.disks.join(" "),
    ]
}

fn array(array: &Array) -> [String; 6] {
    let members = array.members.iter().map(|member| {
        if member.state == "in_sync" { member.name.clone() } else { format!("{} ({})", member.name, member.state) }
    });
    let degraded =
        if array.degraded == 0 { String::new() } else { format!(", {} of {} missing", array.degraded, array.devices) };
    let action = if matches!(array.action.as_str(), "" | "idle") {
        String::new()
    } else {
        format!(", {} {}", array.action, array.progress)
    };
    [
        array.name.clone(),
        array.level.clone(),
        bytes(array.size),
        format!("{}{degraded}{action}", array.state),
        members.collect::<Vec<_>>().join(" "),
        holds(&array.content),
    ]
}

fn volume(volume: &MappedVolume) -> [String; 6] {
    [
        volume.name.clone(),
        volume.mapping.clone(),
        volume.kind.clone(),
        bytes(volume.size),
        volume.lower.join(" "),
        holds(&volume.content),
    ]
}

fn multipath(multipath: &Multipath) -> [String; 4] {
    let paths = multipath.paths.iter().map(|path| {
        format!("{} {} {} {} {}", path.name, path.state, path.access, path.transport, path.address)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    });
    [multipath.name.clone(), multipath.kind.clone(), paths.collect::<Vec<_>>().join("; "), multipath.identity.clone()]
}
