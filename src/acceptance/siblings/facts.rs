//! Facts of a machine that can be compared with those of its siblings: no serial numbers, addresses or kernel names.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::super::catalogue::Kind;
use super::super::fact::Fact;
use super::super::machine::{Device, Machine, Stay};

/// Facts that count equal devices: kind, name of the fact, and the keys in which devices have to be equal.
const SUMS: [(Kind, &str, &[&str]); 6] = [
    (Kind::Memory, "memory", &["size", "kind", "ranks"]),
    (Kind::Disk, "disks", &["model", "size"]),
    (Kind::Nic, "network", &["model", "maximum_speed"]),
    (Kind::Gpu, "graphics", &["model", "memory"]),
    (Kind::Psu, "power supplies", &["watts", "model"]),
    (Kind::Controller, "controllers", &["model"]),
];
/// Keys of devices with one fact per model, or one for the whole kind if devices have no model.
const EACH: [(Kind, &str); 17] = [
    (Kind::Memory, "slot"),
    (Kind::Memory, "speed"),
    (Kind::Memory, "configured_speed"),
    (Kind::Memory, "ecc"),
    (Kind::Disk, "firmware"),
    (Kind::Disk, "bay"),
    (Kind::Disk, "enclosure"),
    (Kind::Disk, "link.width"),
    (Kind::Disk, "link.speed"),
    (Kind::Nic, "firmware"),
    (Kind::Nic, "speed"),
    (Kind::Nic, "state"),
    (Kind::Nic, "link.width"),
    (Kind::Nic, "slot"),
    (Kind::Gpu, "driver_version"),
    (Kind::Gpu, "link.width"),
    (Kind::Psu, "state"),
];
/// Kinds of devices that belong to a socket, with one fact per model.
const AT_SOCKET: [Kind; 2] = [Kind::Nic, Kind::Gpu];
/// Value of a fact that counts devices if there are none.
pub(super) const NONE: &str = "none";
/// Maximum number of letters of a fact; a longer one is cut, and a hash of the whole is added so that different facts stay different.
const LONGEST: usize = 400;

/// Facts of a machine by name; unknown facts are left out.
pub(super) fn facts(machine: &Machine) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for kind in Kind::TABLES {
        for (place, field) in kind.fields().iter().enumerate() {
            let values = machine.listing(kind).devices.iter().map(|device| &device.facts[place]);
            add(
                &mut found,
                format!("{} {}", kind.name(), field.key.replace('_', " ")),
                values.filter_map(|fact| shown(kind, place, fact)),
            );
        }
    }
    for (kind, name, keys) in SUMS {
        let sum = sum(kind, keys, machine);
        // If not all devices could be read, their number is unknown; if there are none, that is a fact as well.
        if machine.listing(kind).unread.is_none() {
            found.insert(name.to_owned(), if sum.is_empty() { NONE.to_owned() } else { short(sum) });
        }
    }
    let mut several: BTreeMap<String, BTreeSet<(usize, String)>> = BTreeMap::new();
    let mut put = |kind: Kind, what: &str, device: &Device, value: String| {
        let model = kind.field("model").and_then(|(place, _)| shown(kind, place, &device.facts[place]));
        let name = format!("{} {what} {}", kind.name(), model.unwrap_or_default());
        // Sorted, so that the order in which devices are listed does not matter; A9 comes before A10.
        several.entry(name.trim().to_owned()).or_default().insert((value.len(), value));
    };
    for (kind, key) in EACH {
        let Some((place, _)) = kind.field(key) else { continue };
        for device in fitted(kind, machine) {
            if let Some(value) = shown(kind, place, &device.facts[place]) {
                put(kind, &key.replace(['_', '.'], " "), device, value);
            }
        }
    }
    for kind in AT_SOCKET {
        for device in fitted(kind, machine) {
            if let Some(socket) = device.socket {
                put(kind, "socket", device, socket.to_string());
            }
        }
    }
    for (name, values) in several {
        let values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
        found.insert(name, values.join(", "));
    }
    found.retain(|_, text| !text.is_empty());
    found.into_iter().map(|(name, text)| (name, short(text))).collect()
}

fn fitted(kind: Kind, machine: &Machine) -> impl Iterator<Item = &Device> {
    machine.listing(kind).devices.iter().filter(|device| device.stay == Stay::Fitted)
}

fn shown(kind: Kind, place: usize, fact: &Fact) -> Option<String> {
    fact.is_known().then(|| fact.show(kind.fields()[place].unit()))
}

/// Adds a fact with each different value once, separated by commas.
fn add(found: &mut BTreeMap<String, String>, name: String, values: impl Iterator<Item = String>) {
    let mut different: Vec<String> = Vec::new();
    for value in values {
        if !different.contains(&value) {
            different.push(value);
        }
    }
    if !different.is_empty() {
        found.insert(name, different.join(", "));
    }
}

/// Numbers of equal devices, the largest number first: `16 × 64 GiB DDR5 2`.
fn sum(kind: Kind, keys: &[&str], machine: &Machine) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for device in fitted(kind, machine) {
        let words = keys
            .iter()
            .filter_map(|key| kind.field(key))
            .filter_map(|(place, _)| shown(kind, place, &device.facts[place]));
        *counts.entry(words.collect::<Vec<_>>().join(" ")).or_default() += 1;
    }
    let mut counts: Vec<(usize, String)> = counts.into_iter().map(|(text, count)| (count, text)).collect();
    counts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    counts.iter().map(|(count, text)| format!("{count} × {text}")).collect::<Vec<_>>().join(", ")
}

fn short(text: String) -> String {
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start} … ({})", hash(&text))
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Name that all siblings share: vendor, product and SKU; without a product name, a hash of the machine's parts.
pub(super) fn herd(machine: &Machine) -> String {
    let system = &machine.system;
    let is_name = |text: &str| {
        !text.is_empty() && !text.to_lowercase().contains("to be filled") && text.to_lowercase() != "default string"
    };
    if is_name(&system.product) {
        let words = [&system.vendor, &system.product, &system.sku].into_iter().filter(|text| is_name(text));
        return words.map(String::as_str).collect::<Vec<_>>().join(" ");
    }
    let parts: Vec<String> = SUMS.iter().map(|(kind, _, keys)| sum(*kind, keys, machine)).collect();
    let cpu = machine.listing(Kind::Cpu).devices.iter().map(|device| format!("{:?}", device.facts)).collect::<String>();
    format!("without a name, built alike ({})", hash(&format!("{parts:?}{cpu}")))
}
