//! A small server in the making, and what is found on it.

use std::collections::BTreeMap;

use shakedown::host::Host;
use shakedown::inventory::{Item, Kind, changes, collect_detail, describe, items};

use crate::smbios::{self, dimm};
use crate::tree::Tree;

/// A disk in a bay of an enclosure.
pub(crate) fn disk(tree: &Tree, name: &str, bay: &str, serial: &str) {
    let place = format!("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:{bay}/0:0:{bay}:0/block/{name}");
    let device = format!("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:{bay}/0:0:{bay}:0");
    let number = format!("8:{}", u32::from(name.as_bytes()[2] - b'a') * 16);
    let files = [("dev", number.as_str()), ("size", "976773168"), ("ro", "0"), ("removable", "0")];
    tree.files(&place, &files);
    tree.files(&format!("{place}/queue"), &[("rotational", "1"), ("logical_block_size", "512")]);
    tree.files(&device, &[("model", "MODEL-1"), ("serial", serial), ("rev", "A1")]);
    tree.link(&format!("{device}/enclosure_device:{bay}"), &format!("/sys/class/enclosure/6:0:0:0/{bay}"));
    tree.link(&format!("{place}/device"), &format!("/{device}"));
    tree.link(&format!("sys/class/block/{name}"), &format!("/{place}"));
}

/// An interface of a PCI function, with the directories that lead to it.
pub(crate) fn interface(tree: &Tree, function: &str, name: &str, address: &str) {
    let device = format!("sys/devices/pci0000:00/{function}");
    let place = format!("{device}/net/{name}");
    let files = [("type", "1"), ("operstate", "up"), ("mtu", "1500"), ("addr_assign_type", "0"), ("address", address)];
    tree.files(&place, &files);
    tree.link(&format!("{place}/device"), "../..").link(&format!("sys/class/net/{name}"), &format!("/{place}"));
}

/// A PCI function below another, at `/sys/devices/pci0000:00/WAY`.
pub(crate) fn function(tree: &Tree, way: &str, class: &str) {
    let address = way.rsplit('/').next().expect("an address");
    let place = format!("sys/devices/pci0000:00/{way}");
    tree.files(&place, &[("class", class), ("vendor", "0x8086"), ("device", "0x1572"), ("numa_node", "0")]);
    tree.link(&format!("{place}/subsystem"), "/sys/bus/pci");
    tree.link(&format!("sys/bus/pci/devices/{address}"), &format!("/{place}"));
}

/// Two disks, two interfaces, two modules, a card behind a bridge, two USB devices of which one has a number of its own.
pub(crate) fn server() -> Tree {
    let tree = Tree::new();
    for address in ["0000:00:03.0", "0000:00:05.0"] {
        tree.pci_function(address, "0x020000", "0x8086", "0x1572");
    }
    tree.pci_function("0000:00:04.0", "0x010700", "0x1000", "0x0097");
    interface(&tree, "0000:00:03.0", "eth0", "3c:fd:fe:00:00:01");
    interface(&tree, "0000:00:05.0", "eth1", "3c:fd:fe:00:00:02");
    function(&tree, "0000:00:06.0", "0x060400");
    function(&tree, "0000:00:06.0/0000:01:00.0", "0x020000");
    interface(&tree, "0000:00:06.0/0000:01:00.0", "eth2", "3c:fd:fe:00:00:03");
    disk(&tree, "sda", "1", "SERIAL-A");
    disk(&tree, "sdb", "2", "SERIAL-B");
    smbios::write(&tree, vec![dimm("A1", 16, 4800, "S1"), dimm("A2", 16, 4800, "S2")]);
    tree.file("proc/meminfo", "MemTotal:       32000000 kB\nMemFree: 1000 kB\n");
    tree.usb_device("1-3", &[("devnum", "4"), ("serial", "4C530001")]);
    tree.usb_device("1-4", &[("devnum", "5"), ("idProduct", "5590")]);
    tree.file("etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n").file("stub/virt", "none\n");
    tree
}

/// The hardware of a tree.
pub(crate) fn found(tree: &Tree) -> BTreeMap<Kind, Vec<Item>> {
    items(&collect_detail(&Host::at(tree.root())))
}

/// What changed from one to the other, as the events of node `n` say it.
pub(crate) fn told(old: &BTreeMap<Kind, Vec<Item>>, new: &BTreeMap<Kind, Vec<Item>>) -> Vec<String> {
    changes(old, new).iter().map(|change| describe(change, "n")).collect()
}
