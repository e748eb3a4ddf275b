//! PCI functions that are no disk, network or graphics card, by their ids: a foreign card, or one that is missing.

use std::collections::BTreeMap;

use super::super::catalogue::Kind;
use super::super::machine::{Device, Machine};
use super::facts::{NONE, Told};

/// Beginning of the class of bridges between PCI buses: firmware shows those alone behind which something is.
const BRIDGE: &str = "0604";

/// Numbers of equal functions by ids; `None` if the machine does not tell all functions. Also notes by which name each is known.
fn counted(machine: &Machine, names: &mut BTreeMap<String, String>) -> Option<BTreeMap<String, usize>> {
    let listing = machine.listing(Kind::Pci);
    if listing.unread.is_some() {
        return None;
    }
    let mut counts = BTreeMap::new();
    for device in
        listing.devices.iter().filter(|device| !device.is_claimed && !text(device, "class").starts_with(BRIDGE))
    {
        let ids = text(device, "ids").to_lowercase();
        if ids.is_empty() {
            // Nobody knows what this one is, so any number may be one less than it is.
            return None;
        }
        let model = text(device, "model");
        if !model.is_empty() && !model.contains(&ids) {
            names.entry(ids.clone()).or_insert(model);
        }
        *counts.entry(ids).or_default() += 1;
    }
    Some(counts)
}

fn text(device: &Device, key: &str) -> String {
    let fact = Kind::Pci.field(key).map(|(place, _)| &device.facts[place]);
    fact.and_then(|fact| fact.names().next()).unwrap_or_default().to_owned()
}

/// For each machine the fact of each kind of function that some machine has: how many, or [`NONE`].
pub(super) fn facts(machines: &[Option<&Machine>]) -> Vec<BTreeMap<String, Told>> {
    let mut names = BTreeMap::new();
    let counts: Vec<_> =
        machines.iter().map(|machine| machine.and_then(|machine| counted(machine, &mut names))).collect();
    let mut all: Vec<&String> = counts.iter().flatten().flat_map(BTreeMap::keys).collect();
    all.sort();
    all.dedup();
    let name = |ids: &String| names.get(ids).map_or_else(|| format!("PCI {ids}"), |name| format!("PCI {name} ({ids})"));
    let value = |count: Option<&usize>| Told::one(count.map_or_else(|| NONE.to_owned(), usize::to_string));
    counts
        .iter()
        .map(|own| match own {
            None => BTreeMap::new(),
            Some(own) => all.iter().map(|ids| (name(ids), value(own.get(*ids)))).collect(),
        })
        .collect()
}
