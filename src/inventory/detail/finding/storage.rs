//! Findings on arrays, paths and disks of which a part is missing.

use std::collections::BTreeMap;

use super::super::{Array, Inventory};
use super::{Finding, counted, finding};

pub(super) fn look(inventory: &Inventory, found: &mut Vec<Finding>) {
    arrays(inventory, found);
    paths(inventory, found);
    states(inventory, found);
    firmwares(inventory, found);
}

fn arrays(inventory: &Inventory, found: &mut Vec<Finding>) {
    for array in &inventory.arrays {
        let faulty: Vec<&str> =
            array.members.iter().filter(|m| m.state.contains("faulty")).map(|m| m.name.as_str()).collect();
        if array.degraded > 0 && !has_spare_places(array) || !faulty.is_empty() {
            let faulty = if faulty.is_empty() { String::new() } else { format!(", faulty: {}", faulty.join(", ")) };
            let action = if matches!(array.action.as_str(), "" | "idle") {
                String::new()
            } else {
                format!(", {} under way", array.action)
            };
            let text = format!(
                "{} {} lacks {} of {} members{faulty}{action}",
                array.level, array.name, array.degraded, array.devices
            );
            found.push(finding("array-degraded", &array.identity, text));
        } else if array.state == "inactive" && !array.level.is_empty() && array.level != "container" {
            found.push(finding(
                "array-inactive",
                &array.identity,
                format!("{} {} is not running", array.level, array.name),
            ));
        } else if array.state == "broken" {
            // Levels without redundancy count no missing members (Linux, `Documentation/admin-guide/md.rst`).
            let text = format!("{} {} has lost a member that it cannot do without", array.level, array.name);
            found.push(finding("array-broken", &array.identity, text));
        }
        let unwanted = array.members.iter().filter(|member| member.state.contains("want_replacement"));
        let unwanted: Vec<&str> = unwanted.map(|member| member.name.as_str()).collect();
        if !unwanted.is_empty() {
            let text = format!("{} {} is to get others in place of {}", array.level, array.name, unwanted.join(", "));
            found.push(finding("array-replacement-wanted", &array.identity, text));
        }
    }
}

/// True if a mirror was made with more places than disks, as appliances do: several members are in sync, nothing is being rebuilt, and
/// several places behind them were never filled.
fn has_spare_places(array: &Array) -> bool {
    let mut filled: Vec<u64> = array
        .members
        .iter()
        .filter(|member| member.state.contains("in_sync"))
        .filter_map(|member| member.slot)
        .collect();
    filled.sort_unstable();
    array.level == "raid1"
        && matches!(array.action.as_str(), "" | "idle")
        && filled.len() > 1
        && filled.len() == array.members.len()
        && filled.iter().zip(0..).all(|(slot, place)| *slot == place)
        && array.degraded > 1
}

fn paths(inventory: &Inventory, found: &mut Vec<Finding>) {
    for multipath in &inventory.multipaths {
        let is_lost = |state: &str| !matches!(state, "" | "running" | "live");
        let lost = multipath.paths.iter().filter(|path| is_lost(&path.state));
        let lost: Vec<String> = lost.map(|path| format!("{} {}", path.name, path.state)).collect();
        if !lost.is_empty() {
            let all = counted(multipath.paths.len() as u64, "path");
            let text = format!("{} of {all} to {} lost: {}", lost.len(), multipath.name, lost.join(", "));
            found.push(finding("path-lost", &multipath.identity, text));
        }
    }
}

fn states(inventory: &Inventory, found: &mut Vec<Finding>) {
    let is_path =
        |name: &str| inventory.multipaths.iter().any(|multipath| multipath.paths.iter().any(|path| path.name == name));
    for disk in &inventory.disks {
        if !matches!(disk.state.as_str(), "" | "running" | "live") && !is_path(&disk.name) {
            found.push(finding("disk-state", &disk.identity, format!("disk {} is {}", disk.name, disk.state)));
        }
    }
    for controller in inventory.storage_controllers.iter().filter(|controller| controller.kind == "nvme") {
        if !matches!(controller.state.as_str(), "" | "live") && !is_path(&controller.name) {
            let text = format!("NVMe controller {} is {}", controller.name, controller.state);
            found.push(finding("controller-state", &controller.identity, text));
        }
    }
}

/// Finds a disk that a firmware update left out: one whose version differs from at least three others of its model that agree.
fn firmwares(inventory: &Inventory, found: &mut Vec<Finding>) {
    let mut models: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for disk in inventory.disks.iter().filter(|disk| !disk.model.is_empty() && !disk.firmware.is_empty()) {
        models.entry(&disk.model).or_default().push(disk);
    }
    for (model, disks) in models {
        let Some((usual, count)) = super::usual(disks.iter().map(|disk| disk.firmware.as_str())) else { continue };
        if count < 3 || count + 1 != disks.len() {
            continue;
        }
        for disk in disks.iter().filter(|disk| disk.firmware != usual) {
            let text = format!(
                "disk {} has firmware {}, {count} others of its model {model} have {usual}",
                disk.name, disk.firmware
            );
            found.push(finding("firmware-differs", &disk.identity, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Array, ArrayMember, Disk, DiskPath, Multipath, StorageController};
    use super::super::texts;
    use super::*;

    fn seen(inventory: &Inventory) -> Vec<String> {
        texts(|found| look(inventory, found))
    }

    #[test]
    fn an_array_that_lacks_a_member_is_pointed_out() {
        let member = |name: &str, state: &str| ArrayMember { name: name.into(), state: state.into(), slot: None };
        let mut array =
            Array { name: "md0".into(), level: "raid1".into(), devices: 2, degraded: 1, ..Array::default() };
        array.members = vec![member("sda1", "in_sync"), member("sdb1", "faulty")];
        array.action = "recover".into();
        let mut inventory = Inventory { arrays: vec![array], ..Inventory::default() };
        assert_eq!(seen(&inventory), ["raid1 md0 lacks 1 of 2 members, faulty: sdb1, recover under way"]);
        inventory.arrays[0].degraded = 0;
        inventory.arrays[0].members.pop();
        assert!(seen(&inventory).is_empty());
    }

    #[test]
    fn a_lost_path_and_a_dead_disk_are_pointed_out() {
        let path = |name: &str, state: &str| DiskPath { name: name.into(), state: state.into(), ..DiskPath::default() };
        let paths = vec![path("sda", "running"), path("sdb", "offline")];
        let disk = |name: &str, state: &str| Disk { name: name.into(), state: state.into(), ..Disk::default() };
        let dead = StorageController {
            name: "nvme0".into(),
            kind: "nvme".into(),
            state: "dead".into(),
            ..StorageController::default()
        };
        let inventory = Inventory {
            multipaths: vec![Multipath { name: "dm-0".into(), paths, ..Multipath::default() }],
            disks: vec![disk("sda", "running"), disk("sdb", "offline"), disk("sdc", "offline")],
            storage_controllers: vec![dead],
            ..Inventory::default()
        };
        assert_eq!(
            seen(&inventory),
            ["1 of 2 paths to dm-0 lost: sdb offline", "disk sdc is offline", "NVMe controller nvme0 is dead"]
        );
    }

    #[test]
    fn a_disk_that_missed_an_update_is_pointed_out() {
        let disk = |name: &str, firmware: &str| Disk {
            name: name.into(),
            model: "M".into(),
            firmware: firmware.into(),
            ..Disk::default()
        };
        let mut inventory = Inventory {
            disks: vec![disk("sda", "2"), disk("sdb", "2"), disk("sdc", "1"), disk("sdd", "2")],
            ..Inventory::default()
        };
        assert_eq!(seen(&inventory), ["disk sdc has firmware 1, 3 others of its model M have 2"]);
        inventory.disks.truncate(3);
        assert!(seen(&inventory).is_empty(), "of three disks nobody knows which is right");
    }
}
