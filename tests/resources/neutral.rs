//! Where the truth about a device would make a region refuse the whole inventory (contract RESOURCES §3.2), it is told in a neutral way.
//! Each test shows both: the value, and that a region takes it.

use serde_json::{Value, json};

use crate::tree::Tree;
use crate::{machine, region};

/// What is told of a tree, which a region must take.
fn accepted(tree: &Tree) -> (Value, Vec<String>) {
    let (document, gaps) = tree.told();
    assert_eq!(region::objections(&document), [""; 0]);
    (document, gaps)
}

#[test]
fn a_disk_without_a_subsystem_has_an_empty_type() {
    let tree = machine::small();
    tree.disk("sdb", "8:16", None);
    let (document, _) = accepted(&tree);
    let disk = &document["resources"]["storage"]["disks"][2];
    assert_eq!((&disk["id"], &disk["type"]), (&json!("sdb"), &json!("")));
    let keys: Vec<&String> = disk.as_object().expect("a disk").keys().take(4).collect();
    assert_eq!(keys, ["id", "device", "model", "type"]);
}

/// Of one, regions before 3.7.3 make a physical disk.
#[test]
fn a_bcache_device_is_no_disk() {
    let tree = machine::small();
    let disks = |tree| accepted(tree).0["resources"]["storage"]["disks"].as_array().map(Vec::len);
    let before = disks(&tree);
    tree.file("sys/devices/virtual/block/bcache0/dev", "251:0");
    tree.file("sys/devices/virtual/block/bcache0/size", "2048");
    tree.file("sys/devices/virtual/block/bcache0/bcache/state", "clean");
    tree.link("sys/class/block/bcache0", "../../devices/virtual/block/bcache0");
    assert_eq!(disks(&tree), before);
}

#[test]
fn devices_without_numbers_are_0000() {
    let tree = machine::small();
    tree.remove("sys/devices/pci0000:00/0000:00:04.0/vendor");
    tree.file("sys/devices/pci0000:00/0000:00:04.0/device", "0x1g");
    tree.file("sys/devices/pci0000:00/usb1/1-3/idVendor", "");
    let (document, gaps) = accepted(&tree);
    let pci = &document["resources"]["pci"]["devices"][2];
    assert_eq!((&pci["vendor_id"], &pci["product_id"]), (&json!("0000"), &json!("0000")));
    let usb = &document["resources"]["usb"]["devices"][0];
    assert_eq!((&usb["vendor_id"], &usb["vendor"]), (&json!("0000"), &json!("")));
    assert_eq!(gaps.iter().filter(|gap| gap.ends_with("told as 0000")).count(), 3, "{gaps:?}");
}

#[test]
fn what_is_no_pci_address_is_no_device() {
    let tree = machine::small();
    tree.pci_function("slot-7", "0x020000", "0x8086", "0x1572");
    let (document, gaps) = accepted(&tree);
    assert_eq!(document["resources"]["pci"]["total"], 3);
    assert!(gaps.iter().any(|gap| gap.starts_with("pci: /sys/bus/pci/devices/slot-7")), "{gaps:?}");
}

/// A CAN bus has an interface without a MAC address. Here it belongs to a virtual function, whose ports no driver is asked about, so
/// that a copied tree shows them.
#[test]
fn a_port_without_an_address_is_left_out() {
    let tree = machine::small();
    let parent = "sys/devices/pci0000:00/0000:00:03.0";
    tree.files(parent, &[("sriov_numvfs", "1"), ("sriov_totalvfs", "8")]);
    tree.pci_function("0000:00:03.1", "0x020000", "0x8086", "0x154c");
    let function = "sys/devices/pci0000:00/0000:00:03.1";
    tree.link(&format!("{function}/physfn"), "../0000:00:03.0");
    tree.files(&format!("{function}/net/can0"), &[("type", "280"), ("address", "")]);
    tree.files(&format!("{function}/net/eth1"), &[("type", "1"), ("address", "52:54:00:00:00:01")]);
    let (document, gaps) = accepted(&tree);
    let function = &document["resources"]["network"]["cards"][0]["sriov"]["vfs"][0];
    assert_eq!(function["ports"].as_array().map(Vec::len), Some(1));
    assert_eq!(function["ports"][0]["id"], "eth1");
    assert!(gaps.iter().any(|gap| gap.contains("net/can0")), "{gaps:?}");
}

#[test]
fn devices_stand_on_nodes_that_exist() {
    let tree = machine::small();
    for place in ["pci0000:00/0000:00:03.0", "pci0000:00/0000:00:02.0", "disks/sda/device"] {
        tree.file(&format!("sys/devices/{place}/numa_node"), "3\n");
    }
    let (document, gaps) = accepted(&tree);
    let resources = &document["resources"];
    assert_eq!(resources["network"]["cards"][0]["numa_node"], 0);
    assert_eq!(resources["gpu"]["cards"][0]["numa_node"], 0);
    assert_eq!(resources["storage"]["disks"][1]["numa_node"], 0);
    assert_eq!(resources["pci"]["devices"][1]["numa_node"], 0);
    assert_eq!(gaps.iter().filter(|gap| gap.contains("NUMA node 3")).count(), 5, "{gaps:?}");

    let node = "sys/devices/system/node/node3";
    tree.files(node, &[("numastat", "x"), ("meminfo", "Node 3 MemTotal: 0 kB")]);
    let (document, gaps) = accepted(&tree);
    assert_eq!(document["resources"]["network"]["cards"][0]["numa_node"], 3, "a node without memory is one");
    assert_eq!(gaps, [""; 0]);
}

#[test]
fn usb_devices_have_their_node_0() {
    let tree = machine::small();
    tree.remove("sys/devices/system/node/node0");
    tree.files("sys/devices/system/node/node8", &[("numastat", "x"), ("meminfo", "Node 8 MemTotal: 1024 kB")]);
    for number in 0..2 {
        let place = format!("sys/devices/system/cpu/cpu{number}");
        tree.remove(&format!("{place}/node0")).link(&format!("{place}/node8"), "../../node/node8");
    }
    let (document, gaps) = accepted(&tree);
    let nodes = &document["resources"]["memory"]["nodes"];
    assert_eq!((&nodes[0]["numa_node"], &nodes[0]["total"]), (&json!(0), &json!(0)));
    assert_eq!(nodes[1]["numa_node"], 8);
    assert_eq!(gaps.len(), 1, "{gaps:?}");

    tree.remove("sys/bus/usb/devices/1-3");
    let (document, _) = accepted(&tree);
    assert_eq!(
        document["resources"]["memory"]["nodes"][0]["numa_node"], 8,
        "without USB devices nobody needs a node 0"
    );
    assert_eq!(document["resources"]["pci"]["devices"][0]["numa_node"], 8);
}

#[test]
fn texts_fit_a_regions_database() {
    let tree = machine::small();
    tree.file("sys/class/dmi/id/sys_vendor", "Dell\0 Inc.\n");
    tree.file("sys/devices/pci0000:00/usb1/1-3/product", "é".repeat(1000));
    tree.file("usr/share/misc/pci.ids", format!("8086  {}\n", "Intel ".repeat(100)));
    tree.file("run/udev/data/b8:0", format!("E:ID_MODEL={}\nE:ID_SERIAL=a\0b\n", "m".repeat(5000)));
    let (document, _) = accepted(&tree);
    let resources = &document["resources"];
    assert_eq!(resources["system"]["vendor"], "Dell Inc.");
    assert_eq!(resources["storage"]["disks"][1]["serial"], "ab");
    let lengths = [
        &resources["usb"]["devices"][0]["product"],
        &resources["pci"]["devices"][0]["vendor"],
        &resources["storage"]["disks"][1]["model"],
    ];
    assert_eq!(lengths.map(|text| text.as_str().map(|text| text.chars().count())), [Some(255); 3]);
}
