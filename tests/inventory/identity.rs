//! What a device is known by: the same after a reboot, a rename and a move, another for another device, never two of one.

use serde_json::Value;

use crate::network::interface;
use crate::program::{identities, of, shared_identities};
use crate::smbios::{self, dimm};
use crate::tree::Tree;

fn of_list(inventory: &Value, pointer: &str) -> Vec<String> {
    let list = inventory.pointer(pointer).and_then(Value::as_array).expect("a list");
    list.iter().map(|device| device["identity"].as_str().expect("an identity").to_owned()).collect()
}

/// A disk at a place on a PCI function.
fn disk(tree: &Tree, function: &str, name: &str, number: &str, wwid: &str) {
    let place = format!("sys/devices/pci0000:00/{function}/virtio1/block/{name}");
    tree.files(
        &place,
        &[("dev", number), ("size", "2048"), ("ro", "0"), ("removable", "0"), ("queue/rotational", "0")],
    );
    tree.file(&format!("sys/devices/pci0000:00/{function}/virtio1/wwid"), format!("{wwid}\n"));
    tree.link(&format!("{place}/device"), "../..").link(&format!("sys/class/block/{name}"), &format!("/{place}"));
}

#[test]
fn a_module_keeps_its_identity_in_another_slot_and_a_new_one_has_another() {
    let (before, after) = (Tree::new(), Tree::new());
    smbios::write(&before, vec![dimm("A1", 16, 4800, "S1"), dimm("A2", 16, 4800, "S2")]);
    smbios::write(&after, vec![dimm("A1", 16, 4800, "S2"), dimm("A2", 16, 4800, "S3")]);
    assert_eq!(of_list(&of(&before), "/memory/dimms"), ["dimm:PART-7:S1", "dimm:PART-7:S2"]);
    assert_eq!(of_list(&of(&after), "/memory/dimms"), ["dimm:PART-7:S2", "dimm:PART-7:S3"]);
}

#[test]
fn modules_with_no_number_or_the_same_are_told_apart() {
    for serial in ["00000000", "Not Specified", "NO DIMM", "FFFFFFFF", ""] {
        let tree = Tree::new();
        smbios::write(
            &tree,
            vec![dimm("A1", 16, 4800, serial), dimm("A2", 16, 4800, serial), dimm("A2", 16, 4800, serial)],
        );
        assert_eq!(
            of_list(&of(&tree), "/memory/dimms"),
            ["dimm:slot:A1", "dimm:slot:A2@A2", "dimm:slot:A2#2"],
            "{serial}"
        );
    }
    let tree = Tree::new();
    smbios::write(&tree, vec![dimm("A2", 16, 4800, "5A5B"), dimm("A1", 16, 4800, "5A5B")]);
    assert_eq!(of_list(&of(&tree), "/memory/dimms"), ["dimm:PART-7:5A5B@A2", "dimm:PART-7:5A5B@A1"]);
}

#[test]
fn a_disk_keeps_its_identity_under_another_name_and_in_another_place() {
    let (before, after) = (Tree::new(), Tree::new());
    disk(&before, "0000:00:04.0", "vda", "254:0", "naa.5000c50000000010");
    disk(&after, "0000:00:07.0", "vdb", "254:16", "naa.5000c50000000010");
    assert_eq!(of_list(&of(&before), "/disks"), of_list(&of(&after), "/disks"));
}

#[test]
fn disks_that_say_nothing_are_known_by_their_places() {
    let tree = Tree::new();
    disk(&tree, "0000:00:04.0", "vda", "254:0", "eui.0000000000000000");
    disk(&tree, "0000:00:05.0", "vdb", "254:16", "eui.0000000000000000");
    assert_eq!(of_list(&of(&tree), "/disks"), ["disk:at:0000:00/04.0", "disk:at:0000:00/05.0"]);
}

#[test]
fn interfaces_without_an_address_of_their_own_are_known_by_their_places() {
    let tree = Tree::new();
    for (function, name, address, assigned) in [
        ("0000:00:03.0", "eth0", "00:00:00:00:00:00", "0"),
        ("0000:00:04.0", "eth1", "3c:fd:fe:00:00:09", "0"),
        ("0000:00:05.0", "eth2", "3c:fd:fe:00:00:09", "0"),
        ("0000:00:06.0", "eth3", "5a:12:34:56:78:9a", "1"),
    ] {
        tree.pci_function(function, "0x020000", "0x8086", "0x1572");
        interface(&tree, function, name, &[("address", address), ("addr_assign_type", assigned)]);
    }
    let expected = [
        "nic:at:0000:00/03.0:port 0",
        "nic:3c:fd:fe:00:00:09@0000:00:04.0",
        "nic:3c:fd:fe:00:00:09@0000:00:05.0",
        "nic:at:0000:00/06.0:port 0",
    ];
    assert_eq!(of_list(&of(&tree), "/interfaces"), expected);
}

#[test]
fn a_virtual_function_is_known_by_its_place_whatever_address_it_got() {
    let tree = Tree::new();
    for (function, name) in [("0000:00:03.0", "eth0"), ("0000:00:03.2", "eth0v0"), ("0000:00:03.3", "eth0v1")] {
        tree.pci_function(function, "0x020000", "0x8086", "0x1572");
        interface(&tree, function, name, &[("address", "3c:fd:fe:00:00:01")]);
        if name != "eth0" {
            tree.link(&format!("sys/devices/pci0000:00/{function}/physfn"), "../0000:00:03.0");
        }
    }
    let expected = ["nic:3c:fd:fe:00:00:01", "nic:at:0000:00/03.2:port 0", "nic:at:0000:00/03.3:port 0"];
    assert_eq!(of_list(&of(&tree), "/interfaces"), expected);
}

#[test]
fn a_card_with_a_number_moves_and_its_functions_differ() {
    let at = |device: &str| {
        let tree = Tree::new();
        for function in 0..2 {
            let address = format!("0000:00:{device}.{function}");
            tree.pci_function(&address, "0x020000", "0x8086", "0x1572");
            let mut config = vec![0u8; 4096];
            config[0x100..0x104].copy_from_slice(&0x0001_0003u32.to_le_bytes());
            config[0x104..0x10c].copy_from_slice(&[0x56, 0x34, 0x12, 0xff, 0xff, 0xfe, 0xfd, 0x3c]);
            tree.file(&format!("sys/devices/pci0000:00/{address}/config"), config);
        }
        of_list(&of(&tree), "/pci")
    };
    assert_eq!(at("03"), ["pci:8086:1572:3cfdfeffff123456:0", "pci:8086:1572:3cfdfeffff123456:1"]);
    assert_eq!(at("03"), at("05"), "in another slot");
}

#[test]
fn cards_without_a_number_are_known_by_the_way_to_them() {
    let behind = |bus: &str| {
        let tree = Tree::new();
        tree.pci_function("0000:00:01.0", "0x060400", "0x8086", "0x2030");
        let place = format!("sys/devices/pci0000:00/0000:00:01.0/0000:{bus}:00.0");
        tree.files(&place, &[("class", "0x020000"), ("vendor", "0x8086"), ("device", "0x1572"), ("numa_node", "0")]);
        tree.link(&format!("sys/bus/pci/devices/0000:{bus}:00.0"), &format!("/{place}"));
        of_list(&of(&tree), "/pci")
    };
    assert_eq!(behind("01"), ["pci:0000:00/01.0", "pci:0000:00/01.0/00.0"]);
    assert_eq!(behind("01"), behind("17"), "after the buses were numbered anew");
}

#[test]
fn identical_usb_sticks_are_told_apart_by_their_ports() {
    let tree = Tree::new();
    for (name, number, serial) in
        [("1-3", "4", "0123456789"), ("1-4", "5", "0123456789"), ("1-5", "6", "4C53"), ("1-6", "7", "4C53")]
    {
        tree.usb_device(name, &[("devnum", number), ("serial", serial)]);
    }
    let expected = [
        "usb:0781:5581:at:0000:00/3",
        "usb:0781:5581:at:0000:00/4",
        "usb:0781:5581:4C53@0000:00/5",
        "usb:0781:5581:4C53@0000:00/6",
    ];
    assert_eq!(of_list(&of(&tree), "/usb"), expected);
}

#[test]
fn the_same_machine_has_the_same_identities() {
    let tree = Tree::new();
    for number in 0..5u32 {
        disk(
            &tree,
            &format!("0000:00:0{number}.0"),
            &format!("vd{number}"),
            &format!("254:{number}"),
            "naa.5000c50000000010",
        );
    }
    smbios::write(&tree, (0..4).map(|_| dimm("A1", 16, 4800, "5A5B")).collect());
    let inventory = of(&tree);
    assert_eq!(shared_identities(&inventory), [""; 0]);
    assert_eq!(identities(&inventory), identities(&of(&tree)));
}
