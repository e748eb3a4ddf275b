//! Disks that are reached over several paths: which went and which came, and records of an earlier release, which had each path as a disk.

use std::collections::{BTreeMap, BTreeSet};

use super::item::{DiskPlace, Item, Kind};
use super::known::{is_another_in_one_look, names, shared};

/// The difference between the paths to a disk in two looks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ways {
    /// None that counts.
    Same,
    /// All of them begin elsewhere: the disk was put into another bay.
    Moved {
        /// The former places.
        from: String,
        /// The present places.
        to: String,
    },
    /// Some went, some came.
    Changed {
        /// Paths that are gone.
        lost: Vec<DiskPlace>,
        /// Paths that are new.
        found: Vec<DiskPlace>,
    },
}

/// The difference between the paths to a disk. `None` for a disk without several.
pub(super) fn between(before: &Item, after: &Item) -> Option<Ways> {
    // An NVMe drive has a controller for each of its ports; a look of an earlier release does not tell them.
    let (old, new) = (&before.controllers, &after.controllers);
    if (old.len() > 1 || new.len() > 1) && !old.is_empty() && !new.is_empty() {
        return Some(ways(old, new));
    }
    let has_several = before.paths.len() > 1 || after.paths.len() > 1;
    has_several.then(|| {
        let (old, new) = (own(before), own(after));
        let (from, to) = (&before.place, &after.place);
        if old.len() != new.len() || from.is_empty() || to.is_empty() {
            return ways(&old, &new);
        }
        // The bay is known. The numbers of the paths depend on the order of discovery.
        if from == to { Ways::Same } else { Ways::Moved { from: from.clone(), to: to.clone() } }
    })
}

/// Those of one, which is the path itself where there is no other.
fn own(item: &Item) -> Vec<DiskPlace> {
    match item.paths.as_slice() {
        [] => vec![DiskPlace { name: item.name.clone(), place: item.place.clone() }],
        paths => paths.to_vec(),
    }
}

fn ways(old: &[DiskPlace], new: &[DiskPlace]) -> Ways {
    let missing = |from: &[DiskPlace], of: &[DiskPlace]| -> Vec<DiskPlace> {
        from.iter().filter(|path| !of.iter().any(|other| other.place == path.place)).cloned().collect()
    };
    let (lost, found) = (missing(old, new), missing(new, old));
    // Only a way from the root of this machine's buses has steps. Addresses in a network, and those of an earlier release, which begin with
    // the number of a bus, change without a change of the disk.
    let is_own = |path: &DiskPlace| path.place.contains('/') && !path.place.starts_with("pci-");
    let is_even = lost.len() == found.len();
    if lost.is_empty() && found.is_empty() || is_even && !lost.iter().chain(&found).all(is_own) {
        return Ways::Same;
    }
    if is_even && lost.len() == old.len() {
        return Ways::Moved { from: listed(lost), to: listed(found) };
    }
    Ways::Changed { lost, found }
}

fn listed(paths: Vec<DiskPlace>) -> String {
    let mut places: Vec<String> = paths.into_iter().map(|path| path.place).collect();
    places.sort();
    places.join(", ")
}

/// The places of the paths to a disk that may have several; none for other items.
pub(super) fn places(item: &Item) -> impl Iterator<Item = &String> {
    item.paths.iter().map(|path| &path.place).filter(|place| !place.is_empty())
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
    let mut groups: BTreeMap<String, Vec<Vec<Item>>> = BTreeMap::new();
    for (item, names) in items.iter().zip(names(kind, items)) {
        // A disk of today already has all of its paths.
        match names.into_iter().next().filter(|name| item.paths.is_empty() && with_paths.contains(name)) {
            Some(name) => {
                // Disks that share a name and not a number are several.
                let disks = groups.entry(name).or_default();
                let own = disks.iter_mut().find(|paths| paths.iter().all(|path| !is_another_in_one_look(path, item)));
                match own {
                    Some(paths) => paths.push(item.clone()),
                    None => disks.push(vec![item.clone()]),
                }
            }
            None => found.push(item.clone()),
        }
    }
    found.extend(groups.into_values().flatten().filter_map(one_of_paths));
    found
}

/// One disk with its paths, of the items of the paths; `None` of none.
pub(super) fn one_of_paths(mut paths: Vec<Item>) -> Option<Item> {
    paths.sort_by(|a, b| a.name.cmp(&b.name));
    let first = paths.first()?.clone();
    if paths.len() == 1 {
        return Some(first);
    }
    let is_one_place = paths.iter().all(|path| path.place == first.place);
    let place = if is_one_place { first.place.clone() } else { String::new() };
    let identity = shared(&first.identity).to_owned();
    Some(Item { identity, place, paths: paths.iter().flat_map(own).collect(), ..first })
}
