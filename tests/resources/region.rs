//! The rules by which a region refuses an inventory (contract RESOURCES §3.2). One broken rule anywhere, and the region keeps nothing of
//! it and calls the commissioning failed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

/// Architectures that a region has a name for.
const ARCHITECTURES: [&str; 7] = ["i686", "x86_64", "aarch64", "ppc64le", "s390x", "mips", "mips64"];
/// What the program must say of itself.
const EXTENSIONS: [&str; 5] = ["resources", "resources_v2", "api_os", "resources_system", "resources_usb_pci"];
/// The longest name of a vendor, product or driver.
const LONGEST_NAME: usize = 256;

/// Why a region would refuse a document; empty when it takes it.
pub(crate) fn objections(document: &Value) -> Vec<String> {
    let mut region = Region { objections: Vec::new(), nodes: nodes(document) };
    region.form(document);
    region.processors_and_memory(document);
    for (name, network) in entries(&document["networks"]) {
        region.network(name, network);
    }
    for card in elements(&document["resources"]["network"]["cards"]) {
        region.card(card);
        elements(&card["sriov"]["vfs"]).for_each(|function| region.card(function));
    }
    elements(&document["resources"]["storage"]["disks"]).for_each(|disk| region.disk(disk));
    elements(&document["resources"]["pci"]["devices"]).for_each(|device| region.pci_device(device));
    elements(&document["resources"]["usb"]["devices"]).for_each(|device| region.usb_device(device));
    region.system(&document["resources"]["system"]);
    region.texts("", &document["resources"]);
    region.objections
}

/// The NUMA nodes that a region knows: of CPU threads, and of memory, all of which is node 0's when it has no nodes.
fn nodes(document: &Value) -> BTreeSet<u64> {
    let resources = &document["resources"];
    let cores = elements(&resources["cpu"]["sockets"]).flat_map(|socket| elements(&socket["cores"]));
    let threads = cores.flat_map(|core| elements(&core["threads"])).filter_map(|thread| thread["numa_node"].as_u64());
    let memory = elements(&resources["memory"]["nodes"]).filter_map(|node| node["numa_node"].as_u64());
    let default = resources["memory"].get("nodes").is_none().then_some(0);
    threads.chain(memory).chain(default).collect()
}

struct Region {
    objections: Vec<String>,
    nodes: BTreeSet<u64>,
}

impl Region {
    fn demand(&mut self, holds: bool, objection: impl Into<String>) {
        if !holds {
            self.objections.push(objection.into());
        }
    }

    fn keys(&mut self, what: &str, value: &Value, keys: &[&str]) {
        for key in keys {
            self.demand(value.get(key).is_some(), format!("{what} has no {key:?}"));
        }
    }

    fn form(&mut self, document: &Value) {
        self.keys("the document", document, &["resources", "networks", "environment"]);
        self.keys("resources", &document["resources"], &["network"]);
        self.keys("network", &document["resources"]["network"], &["cards"]);
        self.demand(document["api_version"] == "1.0", "api_version is not 1.0");
        let extensions: Vec<&str> = elements(&document["api_extensions"]).filter_map(Value::as_str).collect();
        for extension in EXTENSIONS {
            self.demand(extensions.contains(&extension), format!("api_extensions lack {extension}"));
        }
        let architecture = document["environment"]["kernel_architecture"].as_str().unwrap_or_default();
        // A copy whose files do not tell is sent to no region.
        let is_known = architecture != "unknown";
        self.demand(
            !is_known || ARCHITECTURES.contains(&architecture),
            format!("kernel_architecture is {architecture:?}"),
        );
    }

    fn processors_and_memory(&mut self, document: &Value) {
        let resources = &document["resources"];
        let cores = elements(&resources["cpu"]["sockets"]).flat_map(|socket| elements(&socket["cores"]));
        for thread in cores.flat_map(|core| elements(&core["threads"])) {
            self.demand(thread["id"].is_i64() && thread["numa_node"].is_u64(), "a thread has no id or numa_node");
        }
        for node in elements(&resources["memory"]["nodes"]) {
            self.demand(node["numa_node"].is_u64(), "a node of memory has no numa_node");
        }
    }

    fn network(&mut self, name: &str, network: &Value) {
        let what = format!("network {name}");
        self.keys(&what, network, &["type", "hwaddr", "state", "addresses", "bridge", "bond", "vlan"]);
        for address in elements(&network["addresses"]) {
            self.keys(&format!("an address of {what}"), address, &["address", "netmask", "scope"]);
            self.demand(is_ip_network(address), format!("{what} has an address that is none"));
        }
        for (part, list) in [("bridge", "upper_devices"), ("bond", "lower_devices")] {
            let names = &network[part][list];
            self.demand(names.is_null() || names.is_array(), format!("{list} of {what} is no list"));
        }
        let vlan = &network["vlan"];
        self.demand(
            vlan.is_null() || vlan["vid"].is_u64() && vlan["lower_device"].is_string(),
            format!("vlan of {what}"),
        );
    }

    fn card(&mut self, card: &Value) {
        for port in elements(&card["ports"]) {
            let what = format!("port {}", port["id"]);
            self.keys(&what, port, &["id", "address", "link_detected"]);
            self.demand(is_mac_address(&port["address"]), format!("{what} has the address {}", port["address"]));
            let modes = port.get("supported_modes");
            self.demand(modes.is_none_or(are_modes), format!("{what} has modes without a speed"));
        }
        // A card without a node stands on node 0.
        self.node("a network card", card.get("numa_node").unwrap_or(&Value::from(0)));
    }

    fn node(&mut self, what: &str, node: &Value) {
        let is_known = node.as_u64().is_some_and(|node| self.nodes.contains(&node));
        self.demand(is_known, format!("{what} stands on NUMA node {node}, which has neither processor nor memory"));
    }

    fn disk(&mut self, disk: &Value) {
        let what = format!("disk {}", disk["id"]);
        self.keys(&what, disk, &["id", "type", "rpm", "removable", "read_only", "size", "numa_node"]);
        self.demand(disk["size"].is_u64(), format!("the size of {what} is no number"));
        self.node(&what, &disk["numa_node"]);
    }

    fn pci_device(&mut self, device: &Value) {
        let what = format!("PCI device {}", device["pci_address"]);
        self.identity(&what, device);
        self.demand(is_pci_address(&device["pci_address"]), format!("{what} has no PCI address"));
        self.name(&what, "driver", &device["driver"]);
        self.node(&what, device.get("numa_node").unwrap_or(&Value::from(0)));
        self.demand(device["vpd"].is_object(), format!("vpd of {what} is no object"));
        for (key, value) in entries(&device["vpd"]["entries"]) {
            self.demand(value.is_string(), format!("vpd {key} of {what} is no text"));
        }
    }

    fn usb_device(&mut self, device: &Value) {
        let what = format!("USB device {}:{}", device["bus_address"], device["device_address"]);
        self.identity(&what, device);
        self.demand(
            device["bus_address"].is_u64() && device["device_address"].is_u64(),
            format!("{what} is not named"),
        );
        let drivers = elements(&device["interfaces"]).filter_map(|one| one["driver"].as_str());
        let drivers: BTreeSet<&str> = drivers.collect();
        let joined = drivers.into_iter().collect::<Vec<_>>().join(", ");
        self.name(&what, "drivers", &Value::from(joined));
        self.node("a USB device", &Value::from(0));
    }

    /// What PCI and USB devices have in common.
    fn identity(&mut self, what: &str, device: &Value) {
        for key in ["vendor_id", "product_id"] {
            let is_id = device[key].as_str().is_some_and(|id| id.len() == 4 && is_hexadecimal(id));
            self.demand(is_id, format!("{what} has the {key} {}", device[key]));
        }
        for key in ["vendor", "product"] {
            self.name(what, key, &device[key]);
        }
    }

    fn name(&mut self, what: &str, key: &str, name: &Value) {
        let fits = name.as_str().is_some_and(|name| name.chars().count() <= LONGEST_NAME);
        self.demand(fits, format!("the {key} of {what} is no text, or too long"));
    }

    fn system(&mut self, system: &Value) {
        for (key, value) in entries(system) {
            let may_be_nothing = ["firmware", "chassis", "motherboard"].contains(&key.as_str());
            let is_good = if may_be_nothing { value.is_null() || value.is_object() } else { value.is_string() };
            self.demand(is_good, format!("system {key} is {value}"));
            for (inner, value) in entries(value) {
                self.demand(value.is_string(), format!("system {key} {inner} is no text"));
            }
        }
    }

    /// A region's database takes no text with a NUL character; only vital product data are escaped before they are stored.
    fn texts(&mut self, path: &str, value: &Value) {
        if let Some(text) = value.as_str() {
            self.demand(!text.contains('\0'), format!("{path} contains a NUL character"));
        }
        for (key, value) in entries(value).filter(|(key, _)| *key != "vpd") {
            self.texts(&format!("{path}/{key}"), value);
        }
        elements(value).for_each(|value| self.texts(path, value));
    }
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `[domain:]bus:device.function`
fn is_pci_address(address: &Value) -> bool {
    let Some((place, function)) = address.as_str().and_then(|address| address.rsplit_once('.')) else { return false };
    let parts: Vec<&str> = place.split(':').collect();
    matches!(parts.len(), 2 | 3) && parts.into_iter().chain([function]).all(is_hexadecimal)
}

/// Bytes with colons between them. InfiniBand's are longer, and passed over.
fn is_mac_address(address: &Value) -> bool {
    let Some(address) = address.as_str() else { return false };
    address.len() > 17 || address.len() == 17 && address.split(':').all(|byte| byte.len() == 2 && is_hexadecimal(byte))
}

/// Not none, and each begins with a speed: `1000baseT/Full`.
fn are_modes(modes: &Value) -> bool {
    let speed = |mode: &Value| mode.as_str()?.split_once("base")?.0.parse::<u64>().ok();
    elements(modes).next().is_some() && elements(modes).all(|mode| speed(mode).is_some())
}

fn is_ip_network(address: &Value) -> bool {
    let ip = address["address"].as_str().and_then(|text| text.parse::<IpAddr>().ok());
    let prefix = address["netmask"].as_str().and_then(|text| text.parse::<u8>().ok());
    ip.zip(prefix).is_some_and(|(ip, prefix)| prefix <= if ip.is_ipv4() { 32 } else { 128 })
}
