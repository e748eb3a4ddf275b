//! A machine as a profile sees it: a fact for each key, read from the document of the deep inventory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::catalogue::Kind;
use super::fact::{Fact, plain};
use super::look::{Index, Look};
use super::{made, region_form};

/// Form of the inventory that this program reads.
const FORM: u64 = 1;

/// Identity of a machine, for `match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// Vendor.
    pub vendor: String,
    /// Product name.
    pub product: String,
    /// Stock keeping unit.
    pub sku: String,
}

/// How firmly a device belongs to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// A fixed part of the machine.
    Fitted,
    /// A device that can be pulled out at any time, such as a USB stick.
    Removable,
    /// A device without hardware of its own or without medium: a BMC's virtual floppy, an empty drive.
    Virtual,
}

/// A device with a fact for each key of its kind.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// Location of the device for messages: `slot A1`, `bay 3 (sda)`.
    pub(super) place: String,
    /// One fact per key, in the order of `Kind::fields()`.
    pub(super) facts: Vec<Fact>,
    /// Number of the socket that the device is attached to; `None` if unknown.
    pub(super) socket: Option<u64>,
    /// How firmly the device belongs to the machine.
    pub(super) stay: Stay,
    /// `none`, or the kinds of errors that its PCI Express function has counted; `None` if it counts none.
    pub(super) bus_errors: Option<String>,
    /// True for a PCI function of a device that is in another list, too: a disk, a network or graphics card, a storage controller.
    pub(super) is_claimed: bool,
}

/// All devices of a kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// Devices that could be read.
    pub(super) devices: Vec<Device>,
    /// Reason why there may be more devices; `None` if all were read.
    pub(super) unread: Option<String>,
}

/// A machine, read from an inventory.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Host name.
    pub name: String,
    /// Vendor, product and SKU.
    pub system: System,
    pub(super) kinds: BTreeMap<Kind, Listing>,
    /// Numbers of the processor sockets, ascending.
    pub(super) sockets: Vec<u64>,
    /// Names of the known memory slots, with and without a module.
    pub(super) slots: Vec<String>,
    /// The board: vendor, product and version.
    pub(super) board: [(&'static str, String); 3],
}

impl Machine {
    /// Reads a document as `shakedown inventory --format json` prints it, or one in the region's form, which tells less.
    ///
    /// # Errors
    /// A message if the document is not such an inventory: it has no `form`.
    pub fn of(document: &Value) -> Result<Self, String> {
        if let Some(deep) = region_form::deep(document) {
            return Machine::of(&deep);
        }
        match document["form"].as_u64() {
            Some(FORM) => {}
            None | Some(0) => {
                let text = "this is no inventory as `shakedown inventory --format json` prints it: it has no \"form\"";
                return Err(text.to_owned());
            }
            Some(form) => {
                return Err(format!(
                    "this inventory has form {form}, and this program reads form {FORM}: take the program that wrote it"
                ));
            }
        }
        let index = Index::new(document);
        let nodes = nodes(&index);
        let read = |kind: Kind| (kind, listing(&index, kind, &nodes));
        let text = |value: &Value| plain(value.as_str().unwrap_or_default());
        let system = &index.resources()["system"];
        Ok(Machine {
            name: text(&document["hostname"]),
            system: System {
                vendor: text(&system["vendor"]),
                product: text(&system["product"]),
                sku: text(&system["sku"]),
            },
            kinds: Kind::GROUPS.into_iter().chain(Kind::TABLES).map(read).collect(),
            sockets: sockets(document, &nodes),
            board: ["vendor", "product", "version"].map(|key| (key, text(&system["motherboard"][key]))),
            slots: devices_of(&document["memory"]["dimms"])
                .filter_map(|dimm| made::slot_names(document, dimm).into_iter().next())
                .collect(),
        })
    }

    /// The devices of a kind.
    pub(super) fn listing(&self, kind: Kind) -> &Listing {
        // `Machine::of` reads every kind, so the entry exists.
        &self.kinds[&kind]
    }
}

fn devices_of(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Sockets of the processors, and those that devices hang on: one processor that could not be read takes no socket away.
fn sockets(document: &Value, nodes: &BTreeMap<u64, u64>) -> Vec<u64> {
    let packages = devices_of(&document["processors"]["packages"]);
    let mut sockets: Vec<u64> =
        packages.filter_map(|package| package["socket"].as_u64()).chain(nodes.values().copied()).collect();
    sockets.sort_unstable();
    sockets.dedup();
    sockets
}

/// For each NUMA node the number of its socket.
fn nodes(index: &Index<'_>) -> BTreeMap<u64, u64> {
    let mut nodes = BTreeMap::new();
    for socket in devices_of(&index.resources()["cpu"]["sockets"]) {
        let threads = devices_of(&socket["cores"]).flat_map(|core| devices_of(&core["threads"]));
        let Some(number) = socket["socket"].as_u64() else { continue };
        for node in threads.filter_map(|thread| thread["numa_node"].as_u64()) {
            nodes.entry(node).or_insert(number);
        }
    }
    nodes
}

/// JSON pointer to the list of a kind (empty: the document itself), and the topics whose gaps concern it.
fn source(kind: Kind) -> (&'static str, &'static [&'static str]) {
    match kind {
        Kind::Cpu => ("/processors/packages", &["processors", "cpu", "cpu and memory"]),
        Kind::Memory => ("/memory/dimms", &["modules"]),
        Kind::Disk => ("/disks", &["disks", "storage"]),
        Kind::Nic => ("/interfaces", &["interfaces"]),
        Kind::Gpu => ("/gpus", &["cards", "gpu"]),
        Kind::Pci => ("/pci", &["cards", "pci"]),
        Kind::Psu => ("/power_supplies", &["power"]),
        Kind::Array => ("/arrays", &["stacked disks"]),
        Kind::Controller => ("/storage_controllers", &["disks"]),
        Kind::Firmware | Kind::Settings => ("", &["firmware", "bmc", "system", "processors"]),
    }
}

fn listing(index: &Index<'_>, kind: Kind, nodes: &BTreeMap<u64, u64>) -> Listing {
    let (pointer, topics) = source(kind);
    let found = index.document.pointer(pointer);
    // A section about the whole machine is one device, and its fields are those of the document itself.
    let devices: Vec<&Value> = if pointer.is_empty() {
        vec![index.document]
    } else {
        found.map(devices_of).into_iter().flatten().filter(|device| is_one(index, kind, device)).collect()
    };
    let is_whole = |path: &str| path == "/" || path.starts_with("/sys/firmware/dmi/tables");
    let mut unread = index.gap(topics, is_whole);
    if found.is_none() && !pointer.is_empty() {
        unread = unread.or_else(|| Some("the inventory has no such list".to_owned()));
    }
    if devices.is_empty() {
        let silent = match kind {
            Kind::Memory => Some("the firmware lists no memory modules"),
            Kind::Psu => Some("the firmware lists no power supplies"),
            Kind::Cpu => Some("the machine tells no processors"),
            _ => None,
        };
        unread = unread.or(silent.map(str::to_owned));
    }
    let claimed = if kind == Kind::Pci { claimed(index) } else { BTreeSet::new() };
    let device = |value: &&Value| {
        let look = Look { index, device: value };
        let node = value["numa_node"].as_u64().and_then(|node| nodes.get(&node).copied());
        Device {
            place: place(kind, &look),
            facts: kind.fields().iter().map(|field| explained(index, topics, &look, look.fact(field))).collect(),
            socket: if kind.has_socket() { node } else { value["socket"].as_u64() },
            stay: stay(kind, &look),
            bus_errors: bus_errors(&look),
            is_claimed: claimed.contains(card(look.text("address"))),
        }
    };
    Listing { devices: devices.iter().map(device).collect(), unread }
}

/// Addresses, without their functions, of what other lists have.
fn claimed<'a>(index: &Index<'a>) -> BTreeSet<&'a str> {
    let lists = [
        ("interfaces", "pci_address"),
        ("gpus", "pci_address"),
        ("storage_controllers", "pci_address"),
        ("disks", "controller"),
    ];
    let addresses = lists
        .into_iter()
        .flat_map(|(list, key)| devices_of(&index.document[list]).filter_map(move |device| device[key].as_str()));
    addresses.filter(|address| !address.is_empty()).map(card).collect()
}

/// The address of a card: that of a function without its last number.
fn card(address: &str) -> &str {
    address.rsplit_once('.').map_or(address, |(card, _)| card)
}

/// Errors that the function of a device has counted since the start (AER), by their kinds.
fn bus_errors(look: &Look<'_>) -> Option<String> {
    let errors = look.function()?["errors"].as_object()?;
    let some = errors.iter().filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0));
    let kinds: Vec<&str> = some.map(|(kind, _)| kind.as_str()).collect();
    Some(if kinds.is_empty() { "none".to_owned() } else { kinds.join(" and ") })
}

/// Replaces the reason of an unknown fact by that of a matching gap, because the gap names the cause.
fn explained(index: &Index<'_>, topics: &[&str], look: &Look<'_>, fact: Fact) -> Fact {
    let Fact::Unknown(reason) = fact else { return fact };
    let names: Vec<&str> = ["name", "pci_address", "address"]
        .into_iter()
        .map(|key| look.text(key))
        .filter(|name| !name.is_empty())
        .collect();
    let concerns = |path: &str| path == "/" || path.split('/').any(|part| names.contains(&part));
    Fact::Unknown(index.gap(topics, concerns).unwrap_or(reason))
}

/// True if an entry of a list counts as a device: empty memory slots, absent power supplies and virtual functions do not.
fn is_one(index: &Index<'_>, kind: Kind, device: &Value) -> bool {
    let is_virtual = |function: &Value| function["virtual_function_of"].as_str().is_some_and(|of| !of.is_empty());
    match kind {
        Kind::Memory => device["size"].as_u64() != Some(0),
        Kind::Psu => {
            matches!(device["kind"].as_str(), Some("supply" | "mains")) && device["state"].as_str() != Some("absent")
        }
        Kind::Nic | Kind::Pci => !is_virtual(device),
        Kind::Gpu => !device["pci_address"].as_str().and_then(|at| index.function(at)).is_some_and(is_virtual),
        _ => true,
    }
}

fn stay(kind: Kind, look: &Look<'_>) -> Stay {
    match kind {
        Kind::Disk => {
            let is_empty = look.device["size"].as_u64() == Some(0);
            let is_drive = look.text("kind") == "cdrom" || look.text("model").to_lowercase().contains("virtual");
            if is_empty || is_drive {
                Stay::Virtual
            } else if look.device["removable"].as_bool() == Some(true) || look.text("kind") == "usb" {
                Stay::Removable
            } else {
                Stay::Fitted
            }
        }
        Kind::Nic if !look.text("usb_address").is_empty() => Stay::Removable,
        _ => Stay::Fitted,
    }
}

/// Location of a device for messages, in the board's own names if there are any: `slot A1`, `enclosure 0 bay 3 (sda)`.
fn place(kind: Kind, look: &Look<'_>) -> String {
    let named = |word: &str, key: &str| {
        let text = plain(look.text(key));
        if text.is_empty() { String::new() } else { format!("{word}{text}") }
    };
    let name = look.text("name");
    let with_name = |text: String| match (text.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (false, true) => text,
        (false, false) => format!("{text} ({name})"),
    };
    let first = |texts: [String; 3]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    match kind {
        Kind::Cpu => format!("socket {}", look.device["socket"].as_u64().unwrap_or(0)),
        Kind::Memory => {
            let slot = made::slot_names(look.index.document, look.device).into_iter().next();
            slot.map_or_else(|| named("bank ", "bank"), |slot| format!("slot {slot}"))
        }
        Kind::Disk => {
            let bay = named("bay ", "bay");
            let enclosure = if bay.is_empty() { String::new() } else { named("enclosure ", "enclosure") };
            with_name(first([format!("{enclosure} {bay}").trim().to_owned(), named("", "place"), String::new()]))
        }
        Kind::Nic => {
            let at = first([named("slot ", "slot"), named("", "pci_address"), named("USB ", "usb_address")]);
            let port = look.device["port"].as_u64().filter(|port| *port > 0);
            with_name(port.map_or_else(|| at.clone(), |port| format!("{at} port {port}")))
        }
        Kind::Gpu => with_name(first([named("slot ", "slot"), named("", "pci_address"), String::new()])),
        Kind::Pci => first([named("slot ", "slot"), named("", "address"), String::new()]),
        Kind::Psu => with_name(named("", "location")),
        Kind::Array => name.to_owned(),
        Kind::Controller => with_name(named("", "pci_address")),
        Kind::Firmware | Kind::Settings => "this machine".to_owned(),
    }
}
