//! Devices that share a name or a place and not a number, and values that two sources tell differently.

use shakedown::host::Host;
use shakedown::inventory::{What, collect_detail, items};

use crate::machine::{found, function, server, told};
use crate::smbios;
use crate::tree::Tree;

/// A SAS disk at a port of its own, with the world-wide name that all of them have.
fn disk(tree: &Tree, name: &str, port: u8, serial: &str) {
    let device = format!(
        "sys/devices/pci0000:00/0000:00:04.0/host0/port-0:{port}/end_device-0:{port}/target0:0:{port}/0:0:{port}:0"
    );
    let place = format!("{device}/block/{name}");
    let number = format!("8:{}", u32::from(name.as_bytes()[2] - b'a') * 16);
    tree.files(&place, &[("dev", number.as_str()), ("size", "976773168"), ("ro", "0"), ("removable", "0")]);
    let page =
        [b"\0\x80\0".as_slice(), &[u8::try_from(serial.len()).expect("a short number")], serial.as_bytes()].concat();
    tree.files(&device, &[("model", "SAS-DISK"), ("vendor", "MAKER"), ("rev", "A1"), ("wwid", "naa.5002b2a201d1c1b1")]);
    tree.file(&format!("{device}/vpd_pg80"), page);
    tree.link(&format!("{place}/device"), &format!("/{device}"));
    tree.link(&format!("sys/class/block/{name}"), &format!("/{place}"));
}

/// The server with such disks at the ports from 1 on.
fn with_disks(serials: &[&str]) -> Tree {
    let tree = server();
    for (port, serial) in (1..).zip(serials).filter(|(_, serial)| !serial.is_empty()) {
        disk(&tree, &format!("sd{}", char::from(b'f' + port)), port, serial);
    }
    tree
}

fn between(before: &Tree, after: &Tree) -> Vec<String> {
    let (before, after) = (found(before), found(after));
    let there = told(&before, &after);
    assert_eq!(told(&after, &before).len(), there.len(), "the way back has as many changes: {there:?}");
    there
}

#[test]
fn disks_with_one_world_wide_name_and_several_serial_numbers_are_several_disks() {
    let all = with_disks(&["ZA-0001", "ZA-0002", "ZA-0003"]);
    let pulled = between(&all, &with_disks(&["ZA-0001", "", "ZA-0003"]));
    assert_eq!(pulled.len(), 1, "{pulled:?}");
    assert!(pulled[0].contains("was removed") && pulled[0].contains("ZA-0002"), "{pulled:?}");
    let replaced = between(&all, &with_disks(&["ZA-0001", "ZA-0009", "ZA-0003"]));
    assert_eq!(replaced.len(), 1, "{replaced:?}");
    assert!(replaced[0].contains("was replaced") && replaced[0].contains("ZA-0009"), "{replaced:?}");
    let exchanged = between(&all, &with_disks(&["ZA-0003", "ZA-0002", "ZA-0001"]));
    assert_eq!(exchanged.len(), 2, "{exchanged:?}");
    assert!(exchanged.iter().all(|one| one.contains("moved")), "{exchanged:?}");
}

#[test]
fn two_paths_of_one_disk_have_one_serial_number() {
    let lost = between(&with_disks(&["ZA-0001", "ZA-0001"]), &with_disks(&["ZA-0001"]));
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].contains("a path to"), "{lost:?}");
}

/// A drive in a bay with two units, both of one world-wide name and one serial number.
fn with_units(units: &[(&str, u8)]) -> Tree {
    let tree = server();
    for (name, unit) in units {
        let target = "sys/devices/pci0000:00/0000:00:04.0/host0/port-0:7/end_device-0:7/target0:0:7";
        let device = format!("{target}/0:0:7:{unit}");
        let place = format!("{device}/block/{name}");
        let number = format!("8:{}", u32::from(name.as_bytes()[2] - b'a') * 16);
        tree.files(&place, &[("dev", number.as_str()), ("size", "976773168"), ("ro", "0"), ("removable", "0")]);
        tree.files(&device, &[("model", "TWO-ACTUATORS"), ("rev", "A1"), ("wwid", "naa.5000c500a1b2c3d4")]);
        tree.file(&format!("{device}/vpd_pg80"), b"\0\x80\0\x07ZA-0001");
        tree.link(&format!("{device}/enclosure_device:7"), "/sys/class/enclosure/6:0:0:0/7");
        tree.link(&format!("{place}/device"), &format!("/{device}"));
        tree.link(&format!("sys/class/block/{name}"), &format!("/{place}"));
    }
    tree
}

#[test]
fn units_of_one_drive_are_several_disks_each_with_its_own_number() {
    let both = with_units(&[("sdg", 0), ("sdh", 1)]);
    for (kept, gone) in [(1, "6:0:0:0 7"), (0, "6:0:0:0 7 LUN 1")] {
        // The kernel gives the one that is left the first name.
        let one = with_units(&[("sdg", kept)]);
        let (before, after) = (found(&both), found(&one));
        let changes = shakedown::inventory::changes(&before, &after);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(changes[0].what, What::Removed, "{changes:?}");
        assert_eq!(changes[0].before.as_ref().map(|item| item.place.as_str()), Some(gone));
    }
    assert_eq!(
        between(&both, &with_units(&[("sdh", 0), ("sdg", 1)])),
        [""; 0],
        "the kernel found them in another order"
    );
    // An earlier release recorded the bay alone.
    let (mut recorded, today) = (found(&both), found(&both));
    for item in recorded.values_mut().flatten() {
        item.place = item.place.split(" LUN ").next().unwrap_or_default().to_owned();
    }
    assert_eq!(told(&recorded, &today), [""; 0]);
}

/// Two graphics cards, by the numbers that their driver tells; none where it is not loaded.
fn with_cards(uuids: [&str; 2]) -> Tree {
    let tree = server();
    for (slot, uuid) in uuids.iter().enumerate() {
        let address = format!("0000:0{}:00.0", 8 + slot);
        let bridge = format!("0000:00:1{slot}.0");
        function(&tree, &bridge, "0x060400");
        function(&tree, &format!("{bridge}/{address}"), "0x030200");
        if !uuid.is_empty() {
            let place = format!("sys/devices/pci0000:00/{bridge}/{address}");
            tree.link(&format!("{place}/driver"), "/sys/bus/pci/drivers/nvidia");
            let text = format!("Model: \t\t Tesla T4\nGPU UUID: \t {uuid}\n");
            tree.file(&format!("proc/driver/nvidia/gpus/{address}/information"), text);
        }
    }
    tree
}

#[test]
fn a_graphics_card_is_compared_by_the_number_that_its_driver_tells() {
    let both = with_cards(["GPU-a1b2", "GPU-c3d4"]);
    let replaced = between(&both, &with_cards(["GPU-a1b2", "GPU-e5f6"]));
    assert_eq!(replaced.len(), 1, "{replaced:?}");
    assert!(replaced[0].contains("was replaced") && replaced[0].contains("GPU-e5f6"), "{replaced:?}");
    let exchanged = between(&both, &with_cards(["GPU-c3d4", "GPU-a1b2"]));
    assert_eq!(exchanged.len(), 2, "{exchanged:?}");
    assert!(exchanged.iter().all(|one| one.contains("moved")), "{exchanged:?}");
    assert_eq!(between(&both, &with_cards(["", ""])), [""; 0], "without its driver a card tells no number");
}

/// Two sockets of two threads; a thread that is switched off has nothing but its directory.
fn sockets(off: &[u64], is_described: bool) -> Tree {
    let tree = server();
    let mut names = String::new();
    for thread in 0..4u64 {
        let place = format!("sys/devices/system/cpu/cpu{thread}");
        if off.contains(&thread) {
            tree.file(&format!("{place}/online"), "0\n");
            continue;
        }
        let (socket, core) = ((thread / 2).to_string(), (thread % 2).to_string());
        let topology = [("physical_package_id", socket.as_str()), ("core_id", core.as_str()), ("die_id", "0")];
        tree.files(&format!("{place}/topology"), &topology);
        names += &format!("processor\t: {thread}\nvendor_id\t: GenuineIntel\nmodel name\t: Rig CPU\n\n");
    }
    tree.file("proc/cpuinfo", names);
    let described = |slot: &str, serial: &str| {
        let fitted = smbios::Structure::new(4, 0x30).bytes(0x05, [3]).bytes(0x18, [0x41]).bytes(0x23, [2]);
        fitted.text(0x04, slot).text(0x20, serial)
    };
    let both = vec![described("CPU 1", "RIG-CPU-0001"), described("CPU 2", "RIG-CPU-0002")];
    smbios::write(&tree, if is_described { both } else { Vec::new() });
    tree
}

#[test]
fn a_socket_of_which_all_threads_are_switched_off_was_not_pulled() {
    for is_described in [true, false] {
        let all = sockets(&[], is_described);
        for off in [[0, 1], [2, 3], [1, 3]] {
            assert_eq!(between(&all, &sockets(&off, is_described)), [""; 0], "{off:?} {is_described}");
        }
    }
    let packages = collect_detail(&Host::at(sockets(&[0, 1], true).root())).processors.packages;
    let told: Vec<_> = packages.iter().map(|one| (one.slot.as_str(), one.serial.as_str(), one.threads)).collect();
    assert_eq!(told, [("CPU 1", "RIG-CPU-0001", 0), ("CPU 2", "RIG-CPU-0002", 2)]);
}

/// A disk of which udev tells the whole model and a number, and the kernel a model that is cut.
fn told_by_udev(is_told: bool, model: &str) -> Tree {
    let tree = server();
    let device = "sys/devices/pci0000:00/0000:00:04.0/ata3/host3/target3:0:0/3:0:0:0";
    let place = format!("{device}/block/sdk");
    tree.files(&place, &[("dev", "8:160"), ("size", "976773168"), ("ro", "0"), ("removable", "0")]);
    tree.files(device, &[("model", model), ("vendor", "ATA"), ("rev", "SN05")]);
    tree.link(&format!("{place}/device"), &format!("/{device}"));
    tree.link("sys/class/block/sdk", &format!("/{place}"));
    if is_told {
        let record = "E:ID_MODEL=RIGDISK00NM0035-1V4107\nE:ID_SERIAL_SHORT=ZC15ABCD\nE:ID_BUS=ata\n";
        tree.file("run/udev/data/b8:160", record);
    }
    tree
}

#[test]
fn a_model_that_one_source_cuts_and_another_tells_whole_is_one_model() {
    let whole = told_by_udev(true, "RIGDISK00NM0035-");
    assert_eq!(between(&whole, &told_by_udev(false, "RIGDISK00NM0035-")), [""; 0]);
    let other = between(&whole, &told_by_udev(false, "OTHER-DISK"));
    assert_eq!(other.len(), 1, "{other:?}");
}

#[test]
fn the_number_of_a_disk_is_compared_with_that_of_the_same_source() {
    let items = items(&collect_detail(&Host::at(told_by_udev(true, "RIGDISK00NM0035-").root())));
    let disk = items.values().flatten().find(|item| item.name == "sdk").expect("the disk");
    assert_eq!((disk.serial.as_str(), disk.sources["serial"].as_str()), ("ZC15ABCD", "udev"));
}
