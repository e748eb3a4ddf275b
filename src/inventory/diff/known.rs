//! What an item is known by, from best to worst – also of items that an earlier release put on record.

use std::collections::{BTreeMap, BTreeSet};

use super::super::detail::is_placeholder;
use super::item::{DiskPlace, Item, Kind};

/// How many names an item has at most.
pub(super) const NAMES: usize = 3;

/// The names of each item of a list.
pub(super) fn names(kind: Kind, items: &[Item]) -> Vec<Vec<String>> {
    let mut members: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        *members.entry(shared(&item.identity)).or_default() += 1;
    }
    let own = |item: &Item| match members.get(shared(&item.identity)) {
        // What was added to tell it from its neighbours is no part of its name.
        Some(count) if *count > 1 => shared(&item.identity).to_owned(),
        _ => item.identity.clone(),
    };
    items.iter().map(|item| [vec![own(item)], others(kind, item)].concat()).collect()
}

/// An identity without the place or the number that tells devices apart which say the same of themselves.
fn shared(identity: &str) -> &str {
    identity.split(['@', '#']).next().unwrap_or(identity)
}

/// What a disk is known by beside its world-wide name, which changes with the kernel's rules: model and serial number; and, since
/// sources tell models in different lengths, number and size.
fn others(kind: Kind, item: &Item) -> Vec<String> {
    let Some((model, size)) = item.likeness.rsplit_once(' ').filter(|_| kind == Kind::BlockDevice) else {
        return Vec::new();
    };
    let serial = item.label.strip_prefix(model).unwrap_or_default().trim();
    if is_placeholder(serial) {
        return Vec::new();
    }
    vec![format!("disk:={model} {serial}"), format!("disk:#{serial} {size}")]
}

/// Whether an identity is more than the place of the device.
pub(super) fn has_own_name(kind: Kind, identity: &str) -> bool {
    match kind {
        Kind::BlockDevice => !identity.starts_with("disk:at:") && !identity.starts_with("disk:name:"),
        Kind::Interface => !identity.starts_with("nic:at:"),
        Kind::Cpu => !identity.contains(":socket "),
        Kind::Memory => !identity.starts_with("dimm:slot:"),
        Kind::PciDevice | Kind::UsbDevice | Kind::Bmc => true,
    }
}

/// The items of one look, with the paths to one disk as one item where the other look has them so: an earlier release had each path as
/// a disk.
pub(super) fn merged(kind: Kind, items: &[Item], others: &[Item]) -> Vec<Item> {
    let with_paths: BTreeSet<String> = if kind == Kind::BlockDevice {
        let names = names(kind, others).into_iter().zip(others);
        names.filter(|(_, item)| !item.paths.is_empty()).filter_map(|(names, _)| names.into_iter().next()).collect()
    } else {
        BTreeSet::new()
    };
    if with_paths.is_empty() {
        return items.to_vec();
    }
    let mut found: Vec<Item> = Vec::new();
    let mut groups: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for (item, names) in items.iter().zip(names(kind, items)) {
        match names.into_iter().next().filter(|name| with_paths.contains(name)) {
            Some(name) => groups.entry(name).or_default().push(item.clone()),
            None => found.push(item.clone()),
        }
    }
    found.extend(groups.into_values().filter_map(one_of_paths));
    found
}

/// One disk with its paths, of the items of the paths; `None` of none.
pub(super) fn one_of_paths(mut paths: Vec<Item>) -> Option<Item> {
    paths.sort_by(|a, b| a.name.cmp(&b.name));
    let first = paths.first()?.clone();
    if paths.len() == 1 {
        return Some(first);
    }
    let own = |item: &Item| match item.paths.as_slice() {
        [] => vec![DiskPlace { name: item.name.clone(), place: item.place.clone() }],
        paths => paths.to_vec(),
    };
    let is_one_place = paths.iter().all(|path| path.place == first.place);
    let place = if is_one_place { first.place.clone() } else { String::new() };
    let identity = shared(&first.identity).to_owned();
    Some(Item { identity, place, paths: paths.iter().flat_map(own).collect(), ..first })
}
