//! Facts of a machine that can be compared with those of its siblings: no serial numbers, addresses or kernel names.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::super::catalogue::Kind;
use super::super::fact::Fact;
use super::super::machine::{Device, Machine, Stay};

/// Facts that count equal devices: kind, name of the fact, and the keys in which devices have to be equal.
const SUMS: [(Kind, &str, &[&str]); 7] = [
    (Kind::Memory, "memory", &["size", "kind", "ranks"]),
    (Kind::Disk, "disks", &["model", "size"]),
    (Kind::Nic, "network", &["model", "maximum_speed"]),
    (Kind::Gpu, "graphics", &["model", "memory"]),
    (Kind::Psu, "power supplies", &["watts", "model"]),
    (Kind::Controller, "controllers", &["model"]),
    (Kind::Array, "arrays", &["level", "devices"]),
];
/// Keys of devices with one fact per model, or one for the whole kind if devices have no model.
const EACH: [(Kind, &str); 38] = [
    (Kind::Memory, "slot"),
    (Kind::Memory, "speed"),
    (Kind::Memory, "configured_speed"),
    (Kind::Memory, "ecc"),
    (Kind::Disk, "firmware"),
    (Kind::Disk, "bay"),
    (Kind::Disk, "enclosure"),
    (Kind::Disk, "link.width"),
    (Kind::Disk, "link.speed"),
    (Kind::Disk, "state"),
    (Kind::Disk, "read_only"),
    (Kind::Disk, "logical_block_size"),
    (Kind::Disk, "physical_block_size"),
    (Kind::Nic, "firmware"),
    (Kind::Nic, "duplex"),
    (Kind::Gpu, "firmware"),
    (Kind::Controller, "firmware"),
    (Kind::Controller, "state"),
    (Kind::Array, "level"),
    (Kind::Array, "state"),
    (Kind::Array, "degraded"),
    (Kind::Nic, "speed"),
    (Kind::Nic, "state"),
    (Kind::Nic, "link.width"),
    (Kind::Nic, "slot"),
    (Kind::Gpu, "driver_version"),
    (Kind::Gpu, "link.width"),
    (Kind::Psu, "state"),
    (Kind::Memory, "technology"),
    (Kind::Memory, "part"),
    (Kind::Disk, "raid_level"),
    (Kind::Nic, "driver"),
    (Kind::Nic, "virtual_functions"),
    (Kind::Gpu, "driver"),
    (Kind::Gpu, "slot"),
    (Kind::Psu, "revision"),
    (Kind::Controller, "driver"),
    (Kind::Controller, "link.width"),
];
/// Kinds of devices that belong to a socket, with one fact per model.
const AT_SOCKET: [Kind; 2] = [Kind::Nic, Kind::Gpu];
/// Value of a fact that counts devices if there are none.
pub(super) const NONE: &str = "none";
/// Maximum number of letters of a fact; a longer one is cut, and a hash of the whole is added so that different facts stay different.
const LONGEST: usize = 400;

/// A fact as a machine tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The value, or several different ones.
    values: Vec<String>,
    /// False if something of it is unknown, so that there may be more values.
    pub(super) is_whole: bool,
}

impl Told {
    /// One value, the whole of the fact.
    pub(super) fn one(value: String) -> Told {
        Told { values: vec![value], is_whole: true }
    }

    /// The values as one text.
    pub(super) fn text(&self) -> String {
        short(self.values.join(", "))
    }

    /// True if what is unknown of the two may make them equal: what is unknown is never odd.
    pub(super) fn may_be(&self, usual: &Told) -> bool {
        let is_part = |one: &Told, of: &Told| !one.is_whole && one.values.iter().all(|value| of.values.contains(value));
        self.values != usual.values && (is_part(self, usual) || is_part(usual, self))
    }
}

/// Facts of a machine by name; unknown facts are left out.
pub(super) fn facts(machine: &Machine, keys: &[Vec<&'static str>]) -> BTreeMap<String, Told> {
    let mut found = BTreeMap::new();
    for kind in Kind::TABLES {
        for (place, field) in kind.fields().iter().enumerate() {
            let facts = machine.listing(kind).devices.iter().map(|device| &device.facts[place]);
            let name = format!("{} {}", kind.name(), field.key.replace('_', " "));
            let told = different(facts.map(|fact| shown(kind, place, fact)));
            found.insert(name, told);
        }
    }
    for (key, part) in machine.board.iter().filter(|(_, part)| !part.is_empty()) {
        found.insert(format!("board {key}"), Told::one(part.clone()));
    }
    for ((kind, name, _), keys) in SUMS.into_iter().zip(keys) {
        // If not all devices could be read, their number is unknown; if there are none, that is a fact as well.
        if machine.listing(kind).unread.is_none() && keys.iter().all(|key| is_known(kind, key, machine)) {
            let sum = sum(kind, keys, machine);
            let value = if sum.is_empty() { NONE.to_owned() } else { sum };
            found.insert(name.to_owned(), Told::one(value));
        }
    }
    for (kind, key) in EACH {
        let Some((place, _)) = kind.field(key) else { continue };
        let value = |device: &Device| shown(kind, place, &device.facts[place]);
        each(&mut found, (kind, &key.replace(['_', '.'], " ")), machine, value);
    }
    for kind in AT_SOCKET {
        each(&mut found, (kind, "socket"), machine, |device| device.socket.map(|socket| socket.to_string()));
    }
    for (kind, _, _) in SUMS {
        // Most devices have none; how many there are differs by chance, that there are some does not.
        each(&mut found, (kind, "PCI Express errors"), machine, |device| device.bus_errors.clone());
    }
    found.retain(|_, told| !told.values.is_empty());
    found
}

/// Adds the facts of one kind's devices by model; A9 comes before A10, in whatever order devices are listed.
fn each(
    found: &mut BTreeMap<String, Told>,
    (kind, what): (Kind, &str),
    machine: &Machine,
    value: impl Fn(&Device) -> Option<String>,
) {
    let model = |device: &Device| {
        let (place, _) = kind.field("model")?;
        shown(kind, place, &device.facts[place])
    };
    let mut several: BTreeMap<Option<String>, Vec<Option<String>>> = BTreeMap::new();
    for device in fitted(kind, machine) {
        several.entry(model(device)).or_default().push(value(device));
    }
    // A device without its model may be one of any model.
    let is_unnamed = kind.field("model").is_some() && several.contains_key(&None);
    for (model, values) in several {
        let is_unnamed_itself = model.is_none() && kind.field("model").is_some();
        if is_unnamed_itself {
            continue;
        }
        let name = format!("{} {what} {}", kind.name(), model.unwrap_or_default());
        let mut told = different(values.into_iter());
        told.values.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        told.is_whole &= !is_unnamed;
        found.insert(name.trim().to_owned(), told);
    }
}

fn fitted(kind: Kind, machine: &Machine) -> impl Iterator<Item = &Device> {
    machine.listing(kind).devices.iter().filter(|device| device.stay == Stay::Fitted)
}

fn shown(kind: Kind, place: usize, fact: &Fact) -> Option<String> {
    fact.is_known().then(|| fact.show(kind.fields()[place].unit()))
}

/// Each different value once.
fn different(values: impl Iterator<Item = Option<String>>) -> Told {
    let mut told = Told { values: Vec::new(), is_whole: true };
    for value in values {
        match value {
            None => told.is_whole = false,
            Some(value) if !told.values.contains(&value) => told.values.push(value),
            Some(_) => {}
        }
    }
    told
}

fn is_known(kind: Kind, key: &str, machine: &Machine) -> bool {
    kind.field(key).is_none_or(|(place, _)| fitted(kind, machine).all(|device| device.facts[place].is_known()))
}

/// For each fact that counts devices the keys that most machines of a herd tell of all their devices: on the others the fact is unknown.
pub(super) fn keys(machines: &[&Machine]) -> Vec<Vec<&'static str>> {
    let is_usual = |kind: Kind, key: &str| {
        let having = || machines.iter().filter(|machine| fitted(kind, machine).next().is_some());
        let known = having().filter(|machine| is_known(kind, key, machine)).count();
        known * 2 >= having().count()
    };
    SUMS.iter().map(|(kind, _, keys)| keys.iter().copied().filter(|key| is_usual(*kind, key)).collect()).collect()
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
    counts
        .iter()
        .map(|(count, text)| format!("{count} × {text}").trim_end_matches([' ', '×']).to_owned())
        .collect::<Vec<_>>()
        .join(", ")
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
    // Arrays are made by whoever installs the machine.
    let built = SUMS.iter().filter(|(kind, ..)| *kind != Kind::Array);
    let parts: Vec<String> = built.map(|(kind, _, keys)| sum(*kind, keys, machine)).collect();
    let cpu = machine.listing(Kind::Cpu).devices.iter().map(|device| format!("{:?}", device.facts)).collect::<String>();
    format!("without a name, built alike ({})", hash(&format!("{parts:?}{cpu}")))
}
