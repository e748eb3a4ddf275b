//! The fixture machines: every device has an identity of its own, and the inventory knows the devices that the reference knows.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::program::{findings, inventory, shared_identities};
use crate::{document, say, shared};

/// Those of the fixtures on which something is odd, by what was put into them: all others are in order.
const ODD: [(&str, &[&str]); 1] = [(
    "prometheus-node_exporter",
    &[
        "array-degraded: raid5 md5 lacks 1 of 3 members, faulty: sdp",
        "array-degraded: raid6 md6 lacks 1 of 4 members, recover under way",
        "path-lost: 1 of 4 paths to dm-5 lost: sdl offline",
        "path-lost: 1 of 4 paths to nvme0n1 lost: nvme3 dead",
        "memory-uncorrectable: memory controller mc0 has counted 5 uncorrectable errors in mc0csrow0channel0, mc0csrow0channel1, \
             mc0csrow1channel0, mc0csrow1channel1",
        "memory-correctable: memory controller mc0 has counted 1 correctable error",
    ],
)];

#[test]
fn on_every_fixture_identities_differ_devices_are_those_of_the_reference_and_nothing_is_odd_but_what_is() {
    let Some(shared) = shared::folder() else { return };
    let (mut count, mut devices) = (0, 0);
    for name in shared::fixtures(&shared) {
        let unpacked = shared::unpack_as_referenced(&shared, &name);
        let inventory = inventory(&unpacked.root);
        assert_eq!(shared_identities(&inventory), [""; 0], "{name}");
        let expected = ODD.iter().find(|(odd, _)| *odd == name).map(|(_, findings)| *findings).unwrap_or_default();
        assert_eq!(findings(&inventory), expected, "{name}");
        if let Some(reference) = reference(&shared, &name) {
            devices += compare(&name, &inventory, &reference["resources"]);
        }
        count += 1;
    }
    say(&format!(
        "{count} fixtures; {devices} disks, interfaces, PCI functions and USB devices found that their references know"
    ));
    assert!(count >= 58 && devices > 250, "{count} fixtures, {devices} devices");
}

/// What the reference printed in a tree; with stand-ins for interfaces where there are any.
fn reference(shared: &Path, name: &str) -> Option<Value> {
    let folder = shared.join("fixtures/sysfs").join(name);
    let own =
        ["reference-net.json", "reference.json"].map(|file| folder.join(file)).into_iter().find(|path| path.is_file());
    let path = own.or_else(|| (name == "qemu-q35").then(|| shared.join("vm/machine-resources-reference.json")))?;
    Some(document::read(&path)).filter(|document| document["resources"].is_object())
}

/// Compares the devices of an inventory with those of a reference; how many there were.
fn compare(name: &str, inventory: &Value, reference: &Value) -> usize {
    let texts = |list: &Value, key: &str| -> BTreeSet<String> {
        list.as_array().into_iter().flatten().filter_map(|device| device[key].as_str()).map(str::to_owned).collect()
    };
    let mut disks = texts(&reference["storage"]["disks"], "id");
    // Regions before 3.7.3 would make physical disks of these (contract VERSIONS, §2).
    disks.retain(|disk| !disk.starts_with("bcache"));
    // Areas of a disk are no disks, though the reference lists them.
    disks.retain(|disk| !disk.contains("boot"));
    assert_eq!(texts(&inventory["disks"], "name"), disks, "disks of {name}");
    let functions = texts(&reference["pci"]["devices"], "pci_address");
    assert_eq!(texts(&inventory["pci"], "address"), functions, "PCI functions of {name}");
    let ports = ports(&reference["network"]["cards"]);
    let ours = texts(&inventory["interfaces"], "name");
    assert!(ports.is_subset(&ours), "interfaces of {name}: {ports:?} are not all of {ours:?}");
    let usb = &reference["usb"]["devices"];
    let usb: BTreeSet<String> = usb
        .as_array()
        .into_iter()
        .flatten()
        .map(|usb| format!("{}:{}", usb["bus_address"], usb["device_address"]))
        .collect();
    let nodes = inventory["usb"].as_array().into_iter().flatten().filter(|node| node["hub"] == false);
    let nodes: BTreeSet<String> = nodes.filter_map(|node| node["address"].as_str()).map(str::to_owned).collect();
    assert!(usb.is_subset(&nodes), "USB devices of {name}: {usb:?} are not all of {nodes:?}");
    disks.len() + functions.len() + ports.len() + usb.len()
}

/// Interfaces of all cards, virtual functions' too.
fn ports(cards: &Value) -> BTreeSet<String> {
    let below = |card: &Value| {
        let own =
            card["ports"].as_array().into_iter().flatten().filter_map(|port| port["id"].as_str()).map(str::to_owned);
        own.chain(ports(&card["sriov"]["vfs"])).collect::<Vec<_>>()
    };
    cards.as_array().into_iter().flatten().flat_map(below).collect()
}
