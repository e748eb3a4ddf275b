//! The data that a region stores of a deployed machine beside its hardware: the document that it is sent, normalized. A change there is
//! reported by the scripts that carry the document, in the same synchronization, and is no event, since no device was plugged or pulled.
//!
//! [`STORED`] is the one list of the keys that count. All others – counters, usage, frequencies, order – change at each reading.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::inventory::{Gap, Inventory, NetworkVolumes};

/// Keys of the document that count, each with the region's use of it (contract RESOURCES §3.3). `name[key]` is each entry of a list,
/// identified by its key; `name{}` is each entry of a map.
const STORED: [(&str, &str); 58] = [
    ("resources/system/uuid", "the machine's number"),
    ("resources/system/vendor", "a field of the machine"),
    ("resources/system/product", "a field of the machine"),
    ("resources/system/family", "a field of the machine"),
    ("resources/system/version", "a field of the machine"),
    ("resources/system/sku", "a field of the machine"),
    ("resources/system/serial", "a field of the machine"),
    ("resources/system/type", "the tag of virtual machines"),
    ("resources/system/firmware", "fields of the board's firmware"),
    ("resources/system/chassis", "fields of the chassis"),
    ("resources/system/motherboard", "fields of the board"),
    ("environment/kernel_architecture", "the architecture"),
    ("environment/os_name", "the system that is installed"),
    ("environment/os_version", "the system that is installed"),
    ("resources/cpu/total", "the number of processors, of which some may be switched off"),
    ("resources/cpu/sockets[socket]/name", "the model"),
    ("resources/cpu/sockets[socket]/frequency_turbo", "the speed"),
    ("resources/memory/total", "the size of the memory"),
    ("resources/memory/nodes[numa_node]/total", "the size of a node's memory"),
    ("resources/memory/hugepages_size", "a node's large pages"),
    ("resources/memory/nodes[numa_node]/hugepages_total", "a node's large pages"),
    ("resources/network/cards[pci_address,usb_address]/vendor", "a field of its interfaces"),
    ("resources/network/cards[pci_address,usb_address]/product", "a field of its interfaces"),
    ("resources/network/cards[pci_address,usb_address]/firmware_version", "a field of its interfaces"),
    ("resources/network/cards[pci_address,usb_address]/numa_node", "the node of its interfaces"),
    ("resources/network/cards[pci_address,usb_address]/sriov/maximum_vfs", "the tag of SR-IOV"),
    ("resources/network/cards[pci_address,usb_address]/ports[id]/address", "by which an interface is known"),
    ("resources/network/cards[pci_address,usb_address]/ports[id]/link_detected", "whether it is connected"),
    ("resources/network/cards[pci_address,usb_address]/ports[id]/link_speed", "the speed of its link"),
    ("resources/network/cards[pci_address,usb_address]/ports[id]/supported_modes", "the speed of the interface"),
    ("networks{}/type", "whether it is an interface to be stored"),
    ("networks{}/hwaddr", "by which an interface without a card is known"),
    ("networks{}/state", "whether it is connected"),
    ("networks{}/addresses[address]/netmask", "its links to subnets"),
    ("networks{}/bridge/upper_devices", "what a bridge is made of"),
    ("networks{}/bridge/stp", "a field of the bridge"),
    ("networks{}/bond/lower_devices", "what a bond is made of"),
    ("networks{}/bond/mode", "a field of the bond"),
    ("networks{}/vlan", "an interface of its own"),
    ("resources/storage/disks[id]/model", "a field of the disk"),
    ("resources/storage/disks[id]/serial", "by which a disk is known"),
    ("resources/storage/disks[id]/device_id", "by which a disk is known"),
    ("resources/storage/disks[id]/size", "a field of the disk"),
    ("resources/storage/disks[id]/block_size", "a field of the disk"),
    ("resources/storage/disks[id]/firmware_version", "a field of the disk"),
    ("resources/storage/disks[id]/numa_node", "the node of the disk"),
    ("resources/storage/disks[id]/rpm", "the tags of the disk"),
    ("resources/storage/disks[id]/type", "the tags of the disk"),
    ("resources/storage/disks[id]/read_only", "whether it is stored at all"),
    ("resources/storage/disks[id]/device_path", "which paths lead to one disk"),
    ("resources/pci/devices[pci_address]/vendor_id", "by which a function is known"),
    ("resources/pci/devices[pci_address]/product_id", "by which a function is known"),
    ("resources/pci/devices[pci_address]/driver", "a field of the function"),
    ("resources/pci/devices[pci_address]/vpd/entries", "fields of the function"),
    ("resources/usb/devices[bus_address,device_address]/vendor_id", "by which a device is known"),
    ("resources/usb/devices[bus_address,device_address]/product_id", "by which a device is known"),
    ("resources/usb/devices[bus_address,device_address]/product", "a field of the device"),
    ("resources/usb/devices[bus_address,device_address]/interfaces[number]/driver", "a field of the device"),
];
/// Memory is compared in steps of so many bytes, since each kernel reserves another amount for itself.
const MEMORY_GRAIN: u64 = 64 << 20;

/// The document as a region stores it: each of its parts, for example `resources/storage/disks[sda]`, with a digest of its keys that
/// count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored(BTreeMap<String, String>);

impl Stored {
    /// The key under which the journal keeps these digests for a region.
    #[must_use]
    pub fn fact(region: &str) -> String {
        format!("stored by {region}")
    }

    /// The digests of an inventory; `None` when a topic of the document could not be read, since unread data would look like a change.
    #[must_use]
    pub fn of(inventory: &Inventory, volumes: NetworkVolumes) -> Option<Self> {
        if inventory.gaps.iter().any(Gap::halves_the_document) {
            return None;
        }
        let document = serde_json::to_value(&inventory.machine_resources).ok()?;
        let own = Own::of(inventory, volumes);
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (key, _) in STORED {
            let steps: Vec<&str> = key.split('/').collect();
            walk(&document, &steps, &Way::default(), &own, &mut values);
        }
        let digest = |text: String| base16ct::lower::encode_string(&Sha256::digest(text)[..8]);
        Some(Stored(values.into_iter().map(|(part, text)| (part, digest(text))).collect()))
    }

    /// The digests as JSON, for the journal.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Parses the JSON of [`Stored::to_text`]; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The parts, each with its digest.
    #[must_use]
    pub fn parts(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The names of the parts that differ, including those that only one side has.
    #[must_use]
    pub fn differing(&self, other: &Stored) -> BTreeSet<String> {
        let all = self.0.keys().chain(other.0.keys());
        all.filter(|part| self.0.get(*part) != other.0.get(*part)).cloned().collect()
    }
}

/// Names of the machine's own devices in the document. Devices of containers and guests, and volumes in other machines, come and go and do
/// not count.
struct Own {
    /// Interfaces with hardware, and bridges, bonds and VLANs that no runtime made.
    interfaces: BTreeSet<String>,
    disks: BTreeSet<String>,
    usb: BTreeSet<String>,
    virtual_functions: BTreeSet<String>,
}

impl Own {
    fn of(inventory: &Inventory, volumes: NetworkVolumes) -> Self {
        let physical =
            inventory.interfaces.iter().filter(|nic| nic.virtual_function_of.is_empty()).map(|nic| &nic.name);
        let made = inventory.virtual_interfaces.iter();
        let made = made.filter(|one| matches!(one.kind.as_str(), "bridge" | "bond" | "vlan")).map(|one| &one.name);
        let disks = inventory.own_disks(volumes).map(|disk| disk.name.clone());
        let functions = inventory.pci.iter().filter(|function| !function.virtual_function_of.is_empty());
        Own {
            interfaces: physical.chain(made).cloned().collect(),
            disks: disks.collect(),
            usb: inventory.usb.iter().map(|device| device.address.clone()).collect(),
            virtual_functions: functions.map(|function| function.address.clone()).collect(),
        }
    }

    /// True if an entry of a list or a map of the document counts.
    fn counts(&self, list: &str, key: &str, one: &Value) -> bool {
        match list {
            "networks" | "ports" => self.interfaces.contains(key),
            "disks" => self.disks.contains(key),
            "addresses" => one["scope"] == "global",
            "devices" if one.get("pci_address").is_some() => !self.virtual_functions.contains(key),
            "devices" => self.usb.contains(key),
            _ => true,
        }
    }

    /// A value as text: lists sorted and without devices that come and go, memory rounded.
    fn plain(&self, name: &str, value: &Value) -> String {
        match value {
            Value::Array(values) => {
                let is_own = |value: &&Value| {
                    !matches!(name, "upper_devices" | "lower_devices")
                        || value.as_str().is_some_and(|name| self.interfaces.contains(name))
                };
                let mut texts: Vec<String> = values.iter().filter(is_own).map(Value::to_string).collect();
                texts.sort_unstable();
                texts.join(",")
            }
            Value::Number(number) if name == "total" => {
                let bytes = number.as_u64().unwrap_or(0);
                if bytes < MEMORY_GRAIN { bytes.to_string() } else { (bytes / MEMORY_GRAIN).to_string() }
            }
            other => other.to_string(),
        }
    }
}

/// The position of a walk through the document.
#[derive(Clone, Default)]
struct Way {
    /// The name of the current part.
    part: String,
    /// The path below the part.
    rest: String,
}

impl Way {
    fn step(&self, name: &str) -> Way {
        Way { rest: format!("{}/{name}", self.rest), ..self.clone() }
    }

    fn at_part(&self, name: &str, key: &str) -> Way {
        let part = format!("{}{}/{name}[{key}]", self.part, self.rest);
        Way { part: part.trim_start_matches('/').to_owned(), rest: String::new() }
    }
}

fn walk(value: &Value, steps: &[&str], way: &Way, own: &Own, found: &mut BTreeMap<String, String>) {
    let Some((step, rest)) = steps.split_first() else {
        let name = way.rest.rsplit('/').next().unwrap_or_default();
        let part = if way.part.is_empty() { way.rest.trim_start_matches('/') } else { &way.part };
        if !value.is_null() {
            found.entry(part.to_owned()).or_default().push_str(&format!("{}={}\n", way.rest, own.plain(name, value)));
        }
        return;
    };
    if let Some(name) = step.strip_suffix("{}") {
        for (key, one) in value[name].as_object().into_iter().flatten().filter(|(key, one)| own.counts(name, key, one))
        {
            enter(one, rest, &way.at_part(name, key), own, found);
        }
    } else if let Some((name, keys)) = step.strip_suffix(']').and_then(|step| step.split_once('[')) {
        for one in value[name].as_array().into_iter().flatten() {
            let text = |key: &str| match &one[key] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            let key = keys.split(',').map(text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(":");
            if own.counts(name, &key, one) {
                enter(one, rest, &way.at_part(name, &key), own, found);
            }
        }
    } else {
        walk(&value[*step], rest, &way.step(step), own, found);
    }
}

/// Enters a part. The part is recorded even without values, since its presence counts by itself.
fn enter(one: &Value, rest: &[&str], way: &Way, own: &Own, found: &mut BTreeMap<String, String>) {
    found.entry(way.part.clone()).or_default();
    walk(one, rest, way, own, found);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{
        Address, BlockDevice, Bridge, Counters, Disk, Firmware, NetworkState, Nic, PciDevice, VirtualInterface,
    };

    fn network(addresses: &[(&str, &str)]) -> NetworkState {
        let address = |(address, scope): &(&str, &str)| Address {
            family: "inet".into(),
            address: (*address).into(),
            netmask: "24".into(),
            scope: (*scope).into(),
        };
        NetworkState {
            kind: "broadcast".into(),
            addresses: addresses.iter().map(address).collect(),
            ..NetworkState::default()
        }
    }

    fn machine() -> Inventory {
        let mut inventory = Inventory::default();
        let document = &mut inventory.machine_resources;
        document.resources.system.firmware = Some(Firmware { version: "1.0".into(), ..Firmware::default() });
        document.resources.storage.disks.push(BlockDevice {
            id: "sda".into(),
            serial: "S1".into(),
            ..BlockDevice::default()
        });
        document.resources.pci.devices.push(PciDevice {
            pci_address: "0000:00:01.0".into(),
            driver: "ahci".into(),
            ..PciDevice::default()
        });
        document.networks.insert("eth0".into(), network(&[("192.0.2.7", "global"), ("fe80::1", "link")]));
        document.networks.insert("br0".into(), NetworkState { bridge: Some(Bridge::default()), ..network(&[]) });
        inventory.disks.push(Disk { name: "sda".into(), size: 1, ..Disk::default() });
        inventory.interfaces.push(Nic { name: "eth0".into(), ..Nic::default() });
        inventory.virtual_interfaces.push(VirtualInterface {
            name: "br0".into(),
            kind: "bridge".into(),
            ..VirtualInterface::default()
        });
        inventory
    }

    /// The parts that differ after a change.
    fn after(change: impl FnOnce(&mut Inventory)) -> Vec<String> {
        let mut changed = machine();
        change(&mut changed);
        let (before, after) = (
            Stored::of(&machine(), NetworkVolumes::default()).expect("whole"),
            Stored::of(&changed, NetworkVolumes::default()).expect("whole"),
        );
        before.differing(&after).into_iter().collect()
    }

    #[test]
    fn what_a_region_stores_is_a_change() {
        let of = |change: fn(&mut Inventory)| after(change);
        assert_eq!(of(|_| {}), [""; 0]);
        assert_eq!(
            of(|it| it.machine_resources.resources.system.firmware.as_mut().expect("told").version = "1.1".into()),
            ["resources/system/firmware"]
        );
        assert_eq!(of(|it| it.machine_resources.resources.system.serial = "X".into()), ["resources/system/serial"]);
        assert_eq!(
            of(|it| it.machine_resources.resources.pci.devices[0].driver = "vfio-pci".into()),
            ["resources/pci/devices[0000:00:01.0]"]
        );
        assert_eq!(
            of(|it| it.machine_resources.resources.storage.disks[0].serial = "S2".into()),
            ["resources/storage/disks[sda]"]
        );
        assert_eq!(
            of(|it| it.machine_resources.networks.get_mut("br0").expect("told").bridge =
                Some(Bridge { upper_devices: vec!["eth0".into()], ..Bridge::default() })),
            ["networks[br0]"]
        );
        assert_eq!(
            of(|it| drop(it.machine_resources.networks.insert("eth0".into(), network(&[("192.0.2.8", "global")])))),
            ["networks[eth0]/addresses[192.0.2.7]", "networks[eth0]/addresses[192.0.2.8]"]
        );
    }

    #[test]
    fn what_comes_and_goes_or_varies_by_nature_is_none() {
        let of = |change: fn(&mut Inventory)| after(change);
        let none: [String; 0] = [];
        assert_eq!(
            of(|it| it.machine_resources.networks.get_mut("eth0").expect("told").counters =
                Counters { bytes_sent: 9, ..Counters::default() }),
            none
        );
        assert_eq!(
            of(|it| drop(it.machine_resources.networks.insert("veth12ab".into(), network(&[("10.0.0.1", "global")])))),
            none
        );
        assert_eq!(of(|it| it.machine_resources.resources.memory.used = 77), none);
        assert_eq!(
            of(|it| it.machine_resources.networks.get_mut("br0").expect("told").bridge =
                Some(Bridge { upper_devices: vec!["veth12ab".into()], ..Bridge::default() })),
            none
        );
        let volume = |it: &mut Inventory| {
            it.machine_resources
                .resources
                .storage
                .disks
                .push(BlockDevice { id: "sdx".into(), ..BlockDevice::default() });
            it.disks.push(Disk { name: "sdx".into(), size: 1, network: "iscsi".into(), ..Disk::default() });
        };
        assert_eq!(after(volume), none, "a container's volume");
    }

    #[test]
    fn what_could_not_be_read_is_not_compared() {
        let mut half = machine();
        half.gaps.push(Gap::of_all(crate::inventory::Topic::Storage, "a drive hangs"));
        assert_eq!(Stored::of(&half, NetworkVolumes::default()), None);
    }

    #[test]
    fn it_is_kept_as_it_was() {
        let stored = Stored::of(&machine(), NetworkVolumes::default()).expect("whole");
        assert_eq!(Stored::parse(&stored.to_text()), Some(stored));
        assert_eq!(Stored::parse("?"), None);
    }
}
