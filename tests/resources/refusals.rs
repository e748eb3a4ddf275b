//! The checker of [`crate::region`] can fail: each of its rules objects to a document that breaks it.

use serde_json::{Value, json};

use crate::{machine, region};

/// A way to break a document, and what the region says then.
type Break = (&'static str, fn(&mut Value));

/// A document that a region takes, with something in every list.
fn good() -> Value {
    let (mut document, _) = machine::small().told();
    let port = json!({"id": "eth0", "address": "52:54:00:12:34:56", "link_detected": true,
                      "supported_modes": ["1000baseT/Full"]});
    document["resources"]["network"]["cards"][0]["ports"] = json!([port]);
    document["resources"]["network"]["cards"][0]["sriov"] = json!({"vfs": [{"ports": [port]}]});
    document["networks"]["eth0"]["addresses"] =
        json!([{"address": "10.0.0.2", "netmask": "24", "scope": "global", "family": "inet"}]);
    document
}

fn remove(value: &mut Value, key: &str) {
    value.as_object_mut().expect("an object").remove(key).expect("it was there");
}

fn card(document: &mut Value) -> &mut Value {
    &mut document["resources"]["network"]["cards"][0]
}

fn disk(document: &mut Value) -> &mut Value {
    &mut document["resources"]["storage"]["disks"][0]
}

fn pci(document: &mut Value) -> &mut Value {
    &mut document["resources"]["pci"]["devices"][0]
}

fn usb(document: &mut Value) -> &mut Value {
    &mut document["resources"]["usb"]["devices"][0]
}

const FORM: &[Break] = &[
    ("the document has no \"networks\"", |d| remove(d, "networks")),
    ("the document has no \"environment\"", |d| remove(d, "environment")),
    ("resources has no \"network\"", |d| remove(&mut d["resources"], "network")),
    ("network has no \"cards\"", |d| remove(&mut d["resources"]["network"], "cards")),
    ("api_version is not 1.0", |d| d["api_version"] = json!(1.0)),
    ("api_extensions lack resources_v2", |d| d["api_extensions"] = json!(["resources"])),
    ("kernel_architecture is \"riscv64\"", |d| d["environment"]["kernel_architecture"] = json!("riscv64")),
    ("a thread has no id", |d| {
        remove(&mut d["resources"]["cpu"]["sockets"][0]["cores"][0]["threads"][0], "id");
    }),
    ("a node of memory has no numa_node", |d| remove(&mut d["resources"]["memory"]["nodes"][0], "numa_node")),
    ("system serial is null", |d| d["resources"]["system"]["serial"] = json!(null)),
    ("system chassis type is no text", |d| d["resources"]["system"]["chassis"]["type"] = json!(17)),
    ("contains a NUL character", |d| d["resources"]["system"]["vendor"] = json!("Dell\0")),
];

const NETWORKS: &[Break] = &[
    ("network eth0 has no \"hwaddr\"", |d| remove(&mut d["networks"]["eth0"], "hwaddr")),
    ("network eth0 has no \"vlan\"", |d| remove(&mut d["networks"]["eth0"], "vlan")),
    ("an address of network eth0 has no \"scope\"", |d| remove(&mut d["networks"]["eth0"]["addresses"][0], "scope")),
    ("has an address that is none", |d| d["networks"]["eth0"]["addresses"][0]["netmask"] = json!("33")),
    ("lower_devices of network bond0 is no list", |d| d["networks"]["bond0"]["bond"]["lower_devices"] = json!("")),
    ("vlan of network eth0", |d| d["networks"]["eth0"]["vlan"] = json!({"vid": "5"})),
    ("port \"eth0\" has no \"address\"", |d| remove(&mut card(d)["ports"][0], "address")),
    ("port \"eth0\" has the address \"\"", |d| card(d)["ports"][0]["address"] = json!("")),
    ("port \"eth0\" has no \"link_detected\"", |d| remove(&mut card(d)["ports"][0], "link_detected")),
    ("port \"eth0\" has modes without a speed", |d| card(d)["ports"][0]["supported_modes"] = json!([])),
    ("port \"eth0\" has modes without a speed", |d| card(d)["ports"][0]["supported_modes"] = json!(["Autoneg"])),
    ("port \"eth0\" has no \"address\"", |d| remove(&mut card(d)["sriov"]["vfs"][0]["ports"][0], "address")),
    ("a network card stands on NUMA node 7", |d| card(d)["numa_node"] = json!(7)),
    ("a network card stands on NUMA node 7", |d| card(d)["sriov"]["vfs"][0]["numa_node"] = json!(7)),
];

const DEVICES: &[Break] = &[
    ("disk \"nvme0n1\" has no \"type\"", |d| remove(disk(d), "type")),
    ("disk \"nvme0n1\" has no \"rpm\"", |d| remove(disk(d), "rpm")),
    ("the size of disk \"nvme0n1\"", |d| disk(d)["size"] = json!(null)),
    ("disk \"nvme0n1\" stands on NUMA node 1", |d| disk(d)["numa_node"] = json!(1)),
    ("has the vendor_id \"\"", |d| pci(d)["vendor_id"] = json!("")),
    ("has the product_id \"0x1572\"", |d| pci(d)["product_id"] = json!("0x1572")),
    ("has no PCI address", |d| pci(d)["pci_address"] = json!("usb1")),
    ("the vendor of PCI device", |d| pci(d)["vendor"] = json!("x".repeat(257))),
    ("the driver of PCI device", |d| pci(d)["driver"] = json!(null)),
    ("vpd of PCI device", |d| pci(d)["vpd"] = json!(null)),
    ("vpd SN of PCI device", |d| pci(d)["vpd"] = json!({"entries": {"SN": 1}})),
    ("PCI device \"0000:00:02.0\" stands on NUMA node 1", |d| pci(d)["numa_node"] = json!(1)),
    ("has the vendor_id \"781\"", |d| usb(d)["vendor_id"] = json!("781")),
    ("is not named", |d| usb(d)["device_address"] = json!(null)),
    ("the product of USB device", |d| usb(d)["product"] = json!(null)),
    ("the drivers of USB device", |d| usb(d)["interfaces"] = json!([{"driver": "d".repeat(300)}])),
    ("a USB device stands on NUMA node 0", |d| {
        d["resources"]["memory"]["nodes"][0]["numa_node"] = json!(1);
        d["resources"]["cpu"]["sockets"] = json!([]);
    }),
];

#[test]
fn every_rule_of_a_region_can_be_broken() {
    assert_eq!(region::objections(&good()), [""; 0]);
    for (expected, break_it) in FORM.iter().chain(NETWORKS).chain(DEVICES) {
        let mut document = good();
        break_it(&mut document);
        let objections = region::objections(&document);
        assert!(objections.iter().any(|one| one.contains(expected)), "expected {expected:?}, came {objections:?}");
    }
}

/// What a region lets pass is no objection.
#[test]
fn a_region_tolerates_what_may_be_missing() {
    let mut document = good();
    document["resources"]["network"]["cards"][0]["sriov"]["vfs"] = json!(null);
    document["resources"]["usb"]["devices"][0]["interfaces"] = json!(null);
    for part in ["firmware", "chassis", "motherboard"] {
        document["resources"]["system"][part] = json!(null);
    }
    document["networks"]["bond0"]["bond"]["lower_devices"] = json!(null);
    remove(&mut document["resources"]["memory"], "nodes");
    assert_eq!(region::objections(&document), [""; 0]);
}
