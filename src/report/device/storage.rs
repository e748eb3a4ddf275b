//! Disks, their controllers, and what software made of them.

use serde_json::Value;

use super::{Devices, Unit, field, joined, list, made, number, text};

/// Disks.
pub const DISKS: Devices = Devices::new("Disks", "/disks").with(&[
    field("name", "Name").report(1).region(1, "id"),
    field("size", "Size").bytes().report(4).region(4, "size"),
    field("kind", "Kind").made(|disk, _| joined(disk, &["kind", "raid_level"])).report(5).region(5, "type"),
    field("model", "Model").report(2).region(2, "model"),
    field("serial", "Serial").report(3).region(3, "serial"),
    field("firmware", "Firmware").report(6).region(6, "firmware_version"),
    field("enclosure", "Enclosure"),
    field("bay", "Bay"),
    field("controller", "Controller"),
    made("Holds", holds),
    field("identity", "Identity"),
    field("place", "Place").hidden().report(7),
    field("physical_block_size", "").bytes().hidden(),
    field("logical_block_size", "").bytes().hidden(),
]);

/// Partitions of disks.
pub const PARTITIONS: Devices = Devices::new("Partitions", "/disks/*/partitions").with(&[
    field("name", "Name"),
    field("size", "Size").bytes(),
    made("Holds", holds),
]);

/// Storage controllers.
pub const CONTROLLERS: Devices = Devices::new("Controllers", "/storage_controllers").with(&[
    field("name", "Name"),
    field("kind", "Kind").made(kind_and_driver),
    field("model", "Model"),
    field("serial", "Serial"),
    field("firmware", "Firmware"),
    field("pci_address", "PCI"),
    field("state", "State"),
    field("disks", "Disks"),
]);

/// Software RAID.
pub const ARRAYS: Devices = Devices::new("Arrays", "/arrays").with(&[
    field("name", "Name"),
    field("level", "Level"),
    field("size", "Size").bytes(),
    field("state", "State").made(state),
    made("Members", members),
    made("Holds", holds),
]);

/// Device-mapper volumes.
pub const VOLUMES: Devices = Devices::new("Volumes", "/volumes").with(&[
    field("name", "Name"),
    field("mapping", "Mapping"),
    field("kind", "Kind"),
    field("size", "Size").bytes(),
    field("lower", "On"),
    made("Holds", holds),
]);

/// Disks with several paths.
pub const MULTIPATHS: Devices = Devices::new("Multipath", "/multipaths").with(&[
    field("name", "Name"),
    field("kind", "Kind"),
    made("Paths", paths),
    field("identity", "Identity"),
]);

/// The content of a device: `ext4 on /`, `LVM2_member for dm-0`, `2 partitions`.
fn holds(device: &Value, _: &Value) -> String {
    let names = |word: &str, key| {
        let names = Unit::Letters("").written(&device[key]);
        if names.is_empty() { names } else { format!("{word} {names}") }
    };
    let parts = match list(device, "partitions").len() {
        0 => String::new(),
        count => format!("{count} partitions"),
    };
    let all = [text(device, "file_system").to_owned(), names("on", "mounts"), names("for", "holders"), parts];
    all.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn kind_and_driver(controller: &Value, _: &Value) -> String {
    let is_named_so = controller["driver"] == controller["kind"];
    joined(controller, if is_named_so { &["kind"] } else { &["kind", "driver"] })
}

fn state(array: &Value, _: &Value) -> String {
    let missing = match number(array, "degraded") {
        0 => String::new(),
        missing => format!(", {missing} of {} missing", number(array, "devices")),
    };
    let action = match text(array, "action") {
        "" | "idle" => String::new(),
        action => format!(", {action} {}", text(array, "progress")),
    };
    format!("{}{missing}{action}", text(array, "state"))
}

fn members(array: &Value, _: &Value) -> String {
    let member = |member: &Value| match text(member, "state") {
        "in_sync" => text(member, "name").to_owned(),
        state => format!("{} ({state})", text(member, "name")),
    };
    list(array, "members").iter().map(member).collect::<Vec<_>>().join(" ")
}

fn paths(disk: &Value, _: &Value) -> String {
    let path = |path| joined(path, &["name", "state", "access", "transport", "address"]);
    list(disk, "paths").iter().map(path).collect::<Vec<_>>().join("; ")
}
