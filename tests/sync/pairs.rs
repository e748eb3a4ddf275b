//! A machine before and after: the right change, and nothing else.

use crate::machine::{disk, found, function, interface, server, told};
use crate::smbios::{self, dimm};
use crate::tree::Tree;

/// What is told when something is done to the server.
fn after(act: impl FnOnce(&Tree)) -> Vec<String> {
    let tree = server();
    let before = found(&tree);
    act(&tree);
    let now = found(&tree);
    let mut back = told(&now, &before);
    let there = told(&before, &now);
    back.sort();
    assert_eq!(back.len(), there.len(), "the way back has as many changes: {there:?} {back:?}");
    there
}

fn without_disk(tree: &Tree, name: &str, bay: &str) {
    tree.remove(&format!("sys/class/block/{name}"));
    tree.remove(&format!("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:{bay}"));
}

fn without_interface(tree: &Tree, function: &str, name: &str) {
    tree.remove(&format!("sys/class/net/{name}"));
    tree.remove(&format!("sys/devices/pci0000:00/{function}/net"));
}

#[test]
fn a_machine_that_nobody_touched_has_not_changed() {
    assert_eq!(after(|_| {}), [""; 0]);
}

#[test]
fn what_varies_by_nature_is_no_change() {
    let told = after(|tree| {
        tree.file("sys/devices/pci0000:00/0000:00:03.0/net/eth0/operstate", "down\n");
        tree.file("sys/devices/pci0000:00/0000:00:03.0/net/eth0/carrier", "0\n");
        tree.file("sys/devices/pci0000:00/0000:00:03.0/net/eth0/statistics/rx_bytes", "77\n");
        tree.file("sys/devices/pci0000:00/0000:00:03.0/current_link_speed", "2.5 GT/s\n");
        tree.file("proc/meminfo", "MemTotal:       31990000 kB\nMemFree: 900 kB\n");
        // A loop device, a bridge and a container's interface.
        tree.files(
            "sys/devices/virtual/block/loop7",
            &[("dev", "7:7"), ("size", "2048"), ("ro", "0"), ("removable", "0")],
        );
        tree.link("sys/class/block/loop7", "/sys/devices/virtual/block/loop7");
        for name in ["br0", "veth12ab", "dummy0"] {
            let place = format!("sys/devices/virtual/net/{name}");
            tree.files(&place, &[("type", "1"), ("address", "5a:00:00:00:00:01"), ("operstate", "up")]);
            tree.link(&format!("sys/class/net/{name}"), &format!("/{place}"));
        }
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_disk_that_comes_or_goes_is_told() {
    assert_eq!(
        after(|tree| disk(tree, "sdc", "3", "SERIAL-C")),
        ["block device sdc was added on node n (MODEL-1 SERIAL-C)"]
    );
    assert_eq!(
        after(|tree| without_disk(tree, "sdb", "2")),
        ["block device sdb was removed on node n (MODEL-1 SERIAL-B)"]
    );
}

#[test]
fn a_disk_in_another_bay_has_moved_whatever_the_kernel_calls_it() {
    let told = after(|tree| {
        without_disk(tree, "sdb", "2");
        disk(tree, "sdc", "9", "SERIAL-B");
    });
    assert_eq!(told, ["block device sdc was moved from 6:0:0:0 2 to 6:0:0:0 9 on node n"]);
}

#[test]
fn disks_that_the_kernel_found_in_another_order_have_not_changed() {
    let told = after(|tree| {
        without_disk(tree, "sda", "1");
        without_disk(tree, "sdb", "2");
        disk(tree, "sda", "2", "SERIAL-B");
        disk(tree, "sdb", "1", "SERIAL-A");
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_disk_that_was_replaced_by_one_of_the_same_model_is_told_by_its_number() {
    let told = after(|tree| {
        without_disk(tree, "sdb", "2");
        disk(tree, "sdb", "2", "SERIAL-Z");
    });
    assert_eq!(told, ["block device sdb (MODEL-1 SERIAL-B) was replaced by another (MODEL-1 SERIAL-Z) on node n"]);
}

#[test]
fn new_firmware_of_a_disk_is_told_with_both_versions() {
    let told = after(|tree| {
        tree.file("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:1/0:0:1:0/rev", "B2\n");
    });
    assert_eq!(told, ["block device sda was updated on node n: firmware A1 is now B2"]);
}

#[test]
fn an_interface_with_another_name_was_renamed() {
    let told = after(|tree| {
        without_interface(tree, "0000:00:03.0", "eth0");
        interface(tree, "0000:00:03.0", "enp0s3", "3c:fd:fe:00:00:01");
    });
    assert_eq!(told, ["interface enp0s3 was renamed from eth0 to enp0s3 on node n"]);
}

#[test]
fn cards_that_were_exchanged_took_their_interfaces_along() {
    let told = after(|tree| {
        without_interface(tree, "0000:00:03.0", "eth0");
        without_interface(tree, "0000:00:05.0", "eth1");
        interface(tree, "0000:00:05.0", "eth0", "3c:fd:fe:00:00:01");
        interface(tree, "0000:00:03.0", "eth1", "3c:fd:fe:00:00:02");
    });
    assert_eq!(
        told,
        [
            "interface eth0 was moved from 0000:00/03.0 to 0000:00/05.0 on node n",
            "interface eth1 was moved from 0000:00/05.0 to 0000:00/03.0 on node n",
        ]
    );
}

#[test]
fn identical_modules_that_were_exchanged_have_moved() {
    let told = after(|tree| smbios::write(tree, vec![dimm("A1", 16, 4800, "S2"), dimm("A2", 16, 4800, "S1")]));
    assert_eq!(told, ["DIMM A2 was moved from A1 to A2 on node n", "DIMM A1 was moved from A2 to A1 on node n"]);
}

#[test]
fn a_module_that_is_gone_takes_its_memory_along() {
    let told = after(|tree| {
        smbios::write(tree, vec![dimm("A1", 16, 4800, "S1"), dimm("A2", 0, 0, "")]);
        tree.file("proc/meminfo", "MemTotal:       15222784 kB\nMemFree: 1000 kB\n");
    });
    assert_eq!(told, ["DIMM A2 was removed on node n (Maker PART-7 S2)", "16 GiB of memory was removed on node n"]);
}

#[test]
fn a_new_bridge_that_renumbers_the_buses_is_all_that_changed() {
    let told = after(|tree| {
        for name in ["0000:00:06.0", "0000:01:00.0"] {
            tree.remove(&format!("sys/bus/pci/devices/{name}"));
        }
        tree.remove("sys/class/net/eth2").remove("sys/devices/pci0000:00/0000:00:06.0");
        // It stands before the other and takes bus 1.
        function(tree, "0000:00:02.0", "0x060400");
        function(tree, "0000:00:06.0", "0x060400");
        function(tree, "0000:00:06.0/0000:02:00.0", "0x020000");
        interface(tree, "0000:00:06.0/0000:02:00.0", "eth2", "3c:fd:fe:00:00:03");
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("pci device 0000:00:02.0 was added on node n"), "{told:?}");
}

#[test]
fn usb_devices_that_were_plugged_elsewhere_have_moved_with_and_without_a_number() {
    let told = after(|tree| {
        for name in ["1-3", "1-4"] {
            tree.remove(&format!("sys/bus/usb/devices/{name}"));
            tree.remove(&format!("sys/devices/pci0000:00/usb1/{name}"));
        }
        tree.usb_device("1-5", &[("devnum", "8"), ("serial", "4C530001")]);
        tree.usb_device("1-6", &[("devnum", "9"), ("idProduct", "5590")]);
    });
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|text| text.contains("was moved from")), "{told:?}");
}

#[test]
fn a_tree_that_cannot_be_read_takes_nothing_away() {
    let tree = server();
    let (before, mut now) = (found(&tree), found(&tree));
    now.remove(&shakedown::inventory::Kind::BlockDevice);
    assert_eq!((told(&before, &now), told(&now, &before)), (Vec::new(), Vec::new()));
}

/// A thread of a socket of its own, with what the firmware says of two sockets: both are filled, and have one number.
fn processor(tree: &Tree, socket: u64) {
    let topology = format!("sys/devices/system/cpu/cpu{socket}/topology");
    let number = socket.to_string();
    tree.files(&topology, &[("physical_package_id", number.as_str()), ("core_id", "0"), ("die_id", "0")]);
    let block = |number: u64| format!("processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Rig CPU\n\n");
    tree.file("proc/cpuinfo", (0..=socket).map(block).collect::<String>());
    tree.file("sys/devices/system/cpu/present", format!("0-{socket}\n"));
    let described = |slot: &str| {
        let fitted = smbios::Structure::new(4, 0x30).bytes(0x05, [3]).bytes(0x18, [0x41]).bytes(0x23, [1]);
        fitted.text(0x04, slot).text(0x20, "RIG-CPU-0001")
    };
    smbios::write(tree, vec![described("CPU 0"), described("CPU 1")]);
}

/// With one processor of two that the firmware tells of, nobody knows which of both it is; with two, each has its number.
#[test]
fn a_processor_that_comes_or_goes_is_told_with_its_number_and_the_other_one_is_the_same() {
    let tree = server();
    processor(&tree, 0);
    let one = found(&tree);
    processor(&tree, 1);
    let two = found(&tree);
    assert_eq!(told(&one, &two), ["cpu Rig CPU was added on node n (Rig CPU RIG-CPU-0001)"]);
    assert_eq!(told(&two, &one), ["cpu Rig CPU was removed on node n (Rig CPU RIG-CPU-0001)"]);
    tree.remove("sys/devices/system/cpu/cpu0");
    let other = found(&tree);
    assert_eq!(told(&two, &other).len(), 1, "{:?}", told(&two, &other));
}

#[test]
fn a_disk_that_answers_is_one_whatever_it_hangs_on() {
    let told = after(|tree| {
        // The kernel's own stand-in for a disk, `scsi_debug`.
        let device = "sys/devices/pseudo_0/adapter0/host7/target7:0:0/7:0:0:0";
        let place = format!("{device}/block/sdz");
        tree.files(&place, &[("dev", "65:144"), ("size", "131072"), ("ro", "0"), ("removable", "0")]);
        tree.files(device, &[("vendor", "Linux"), ("model", "scsi_debug"), ("rev", "0191")]);
        tree.link(&format!("{place}/device"), &format!("/{device}"));
        tree.link("sys/class/block/sdz", &format!("/{place}"));
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("block device sdz was added on node n (scsi_debug"), "{told:?}");
}
