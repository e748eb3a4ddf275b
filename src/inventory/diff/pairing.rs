//! Pairs the items of an earlier inventory with those of a later one.
//!
//! A device has several names. Devices that share a name are compared as a group: the one in the same place is the same one. So when one
//! of four devices with one serial number was pulled, the other three are paired first, and the missing one is left over.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::item::{Item, Kind};
use super::known;
use super::paths::{merged, places};

/// The items of two inventories, paired.
#[derive(Default)]
pub(super) struct Paired {
    /// Pairs of items that are in both inventories: the earlier and the later state.
    pub(super) same: Vec<(Item, Item)>,
    /// Different items in the same place: the earlier and the later one.
    pub(super) replaced: Vec<(Item, Item)>,
    /// Items only in the earlier inventory.
    pub(super) gone: Vec<Item>,
    /// Items only in the later inventory.
    pub(super) come: Vec<Item>,
}

/// An item with all names that identify it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    item: Item,
    names: Vec<String>,
}

impl Paired {
    pub(super) fn of(kind: Kind, old: &[Item], new: &[Item]) -> Paired {
        let (old, new) = (merged(kind, old, new), merged(kind, new, old));
        let mut left = Left { gone: entries(kind, old), come: entries(kind, new), same: Vec::new() };
        left.pair(|entry| Some(entry.item.clone()), Unequal::Apart);
        for rank in 0..known::NAMES {
            let name = move |entry: &Entry| entry.names.get(rank).filter(|name| !name.is_empty()).cloned();
            left.pair(
                move |entry| Some((name(entry)?, entry.item.place.clone(), entry.item.name.clone())),
                Unequal::Apart,
            );
            left.pair(move |entry| Some((name(entry)?, entry.item.place.clone())), Unequal::Together);
            left.pair(name, Unequal::Together);
        }
        // Items of one make without names of their own are the same ones in other places, when as many are gone as are new.
        left.pair(|entry| is_nameless(&entry.item).then(|| entry.item.likeness.clone()), Unequal::Apart);
        let in_place = left.in_place();
        let (same, replaced): (Vec<_>, Vec<_>) =
            in_place.into_iter().partition(|(before, after)| is_same_in_place(kind, before, after));
        left.same.extend(same);
        let items = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.item).collect();
        Paired { same: left.same, replaced, gone: items(left.gone), come: items(left.come) }
    }
}

fn entries(kind: Kind, items: Vec<Item>) -> Vec<Entry> {
    let names = known::names(kind, &items);
    let mut entries: Vec<Entry> = items.into_iter().zip(names).map(|(item, names)| Entry { item, names }).collect();
    entries.sort();
    entries
}

/// True if an item is identified by nothing but its place.
fn is_nameless(item: &Item) -> bool {
    !item.likeness.is_empty() && !item.place.is_empty() && item.identity.contains(item.place.as_str())
}

/// True if two items of the same make in one place are one device, because only one of the two inventories could read a name of its own.
fn is_same_in_place(kind: Kind, before: &Item, after: &Item) -> bool {
    let named = [before, after].map(|item| known::has_own_name(kind, &item.identity));
    named[0] != named[1] && known::is_alike(kind, before, after) && !known::is_another(before, after)
}

/// The treatment of a group with different numbers of members before and after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unequal {
    /// None of them is paired, since it is unknown which one is missing.
    Apart,
    /// As many as possible are paired in the order of their places.
    Together,
}

/// The items that are not paired yet, and the pairs found so far.
struct Left {
    gone: Vec<Entry>,
    come: Vec<Entry>,
    same: Vec<(Item, Item)>,
}

impl Left {
    /// Pairs items that have the same key and may be one device, in the order of their places.
    fn pair<K: Ord>(&mut self, key: impl Fn(&Entry) -> Option<K>, unequal: Unequal) {
        let found = self.take(key, unequal, |old, new| !known::is_another(old, new));
        self.same.extend(found);
    }

    /// Pairs items that are in the same place, then those in the same position.
    fn in_place(&mut self) -> Vec<(Item, Item)> {
        let known = |place: &String| Some(place.clone()).filter(|place| !place.is_empty());
        let mut found = self.take(|entry| known(&entry.item.place), Unequal::Apart, |_, _| true);
        found.extend(self.take(|entry| known(&entry.item.position), Unequal::Apart, |_, _| true));
        found.extend(self.at_one_end());
        found
    }

    /// Pairs disks of several paths of which one begins at the same place, if both disks share such a place with no other one.
    fn at_one_end(&mut self) -> Vec<(Item, Item)> {
        let by_end = |entries: &[Entry]| {
            let mut ends: HashMap<String, Vec<usize>> = HashMap::new();
            for (number, entry) in entries.iter().enumerate() {
                for place in places(&entry.item) {
                    ends.entry(place.clone()).or_default().push(number);
                }
            }
            ends
        };
        let (gone, come) = (by_end(&self.gone), by_end(&self.come));
        let only = |entry: &Entry, ends: &HashMap<String, Vec<usize>>| {
            let found = places(&entry.item).filter_map(|place| ends.get(place)).flatten().copied();
            let found: BTreeSet<usize> = found.collect();
            found.first().copied().filter(|_| found.len() == 1)
        };
        let pair = |(before, entry): (usize, &Entry)| {
            let after = only(entry, &come)?;
            let is_mutual = only(self.come.get(after)?, &gone) == Some(before);
            is_mutual.then_some((before, after))
        };
        let pairs: Vec<(usize, usize)> = self.gone.iter().enumerate().filter_map(pair).collect();
        let (mut befores, mut afters): (BTreeSet<usize>, BTreeSet<usize>) = pairs.iter().copied().unzip();
        let found = pairs.iter().filter_map(|(before, after)| {
            Some((self.gone.get(*before)?.item.clone(), self.come.get(*after)?.item.clone()))
        });
        let found = found.collect();
        let rest = |entries: &mut Vec<Entry>, taken: &mut BTreeSet<usize>| {
            let numbered = std::mem::take(entries).into_iter().enumerate();
            *entries = numbered.filter(|(number, _)| !taken.remove(number)).map(|(_, entry)| entry).collect();
        };
        rest(&mut self.gone, &mut befores);
        rest(&mut self.come, &mut afters);
        found
    }

    fn take<K: Ord>(
        &mut self,
        key: impl Fn(&Entry) -> Option<K>,
        unequal: Unequal,
        may_be: impl Fn(&Item, &Item) -> bool,
    ) -> Vec<(Item, Item)> {
        let group = |entries: &mut Vec<Entry>| {
            let (mut groups, mut rest): (BTreeMap<K, Vec<Entry>>, Vec<Entry>) = (BTreeMap::new(), Vec::new());
            for entry in std::mem::take(entries) {
                match key(&entry) {
                    Some(key) => groups.entry(key).or_default().push(entry),
                    None => rest.push(entry),
                }
            }
            (groups, rest)
        };
        let (before, mut gone) = group(&mut self.gone);
        let (mut after, mut come) = group(&mut self.come);
        let mut found = Vec::new();
        for (key, mut olds) in before {
            let mut news = after.remove(&key).unwrap_or_default();
            if olds.len() == news.len() || unequal == Unequal::Together {
                let by_place = |entry: &Entry| (entry.item.place.clone(), entry.item.name.clone());
                olds.sort_by_cached_key(by_place);
                news.sort_by_cached_key(by_place);
                // Most items match the first candidate; the list is reversed so that removing it is cheap.
                news.reverse();
                for old in std::mem::take(&mut olds) {
                    match news.iter().rposition(|new| may_be(&old.item, &new.item)) {
                        Some(at) => found.push((old.item, news.remove(at).item)),
                        None => olds.push(old),
                    }
                }
            }
            gone.extend(olds);
            come.extend(news);
        }
        come.extend(after.into_values().flatten());
        gone.sort();
        come.sort();
        (self.gone, self.come) = (gone, come);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::{Change, What, changes};
    use super::super::item::{DiskPlace, Items};
    use super::*;

    use proptest::prelude::*;

    /// Devices as pairs of name and place; several may share a name, each has a place of its own.
    fn devices() -> impl Strategy<Value = (Kind, Vec<(u8, u8)>)> {
        let kinds = [Kind::BlockDevice, Kind::Memory, Kind::PciDevice, Kind::UsbDevice, Kind::Interface];
        let all = proptest::collection::btree_map(0..40u8, 0..4u8, 1..14);
        (proptest::sample::select(kinds.to_vec()), all)
            .prop_map(|(kind, places)| (kind, places.into_iter().map(|(place, name)| (name, place)).collect()))
    }

    /// The items of these devices. An identity that several share has the place as suffix; in an earlier release, the first of a group has
    /// none.
    fn told(devices: &[(u8, u8)], earlier: bool) -> Vec<Item> {
        let item = |(index, (name, place)): (usize, &(u8, u8))| {
            let others = devices.iter().filter(|(other, _)| other == name).count();
            let is_first = devices.iter().position(|(other, _)| other == name) == Some(index);
            let is_bare = others == 1 || earlier && is_first;
            let at = if is_bare { String::new() } else { format!("@bay {place}") };
            Item {
                identity: format!("x:{name}{at}"),
                name: format!("dev{index}"),
                place: format!("bay {place}"),
                label: format!("Model {name}"),
                likeness: "Model 1000".to_owned(),
                fields: BTreeMap::from([("model".to_owned(), "Model".to_owned())]),
                ..Item::default()
            }
        };
        devices.iter().enumerate().map(item).collect()
    }

    fn between(kind: Kind, old: Vec<Item>, new: Vec<Item>) -> Vec<Change> {
        changes(&Items::from([(kind, old)]), &Items::from([(kind, new)]))
    }

    proptest! {
        #[test]
        fn one_that_is_pulled_is_the_only_one_that_is_told((kind, all) in devices(), which: prop::sample::Index, earlier: bool) {
            let mut rest = all.clone();
            let (_, place) = rest.remove(which.index(all.len()));
            let there = between(kind, told(&all, earlier), told(&rest, false));
            // Kernel names are renumbered, which is reported for interfaces.
            let there: Vec<&Change> = there.iter().filter(|change| !matches!(change.what, What::Renamed { .. })).collect();
            prop_assert_eq!(there.len(), 1, "{:?}", there);
            prop_assert_eq!(&there[0].what, &What::Removed);
            prop_assert_eq!(there[0].before.as_ref().map(|item| item.place.clone()), Some(format!("bay {place}")));
        }

        #[test]
        fn what_an_earlier_release_put_on_record_is_no_change((kind, all) in devices()) {
            prop_assert_eq!(between(kind, told(&all, true), told(&all, false)), []);
        }

        #[test]
        fn places_and_names_that_are_counted_anew_are_moves((kind, all) in devices(), turn in 1..39u8) {
            let mut elsewhere: Vec<(u8, u8)> = all.iter().map(|(name, place)| (*name, (place + turn) % 40)).collect();
            elsewhere.reverse();
            let found = between(kind, told(&all, false), told(&elsewhere, false));
            let is_move = |change: &Change| matches!(change.what, What::Moved { .. } | What::Renamed { .. });
            prop_assert!(found.iter().all(is_move), "{:?}", found);
        }

        #[test]
        fn the_way_back_is_the_way_there((kind, all) in devices(), (_, other) in devices()) {
            let (old, new) = (told(&all, false), told(&other, false));
            let mut back: Vec<Change> = between(kind, new.clone(), old.clone()).into_iter().map(Change::reversed).collect();
            back.sort();
            prop_assert_eq!(between(kind, old, new), back);
        }
    }

    fn card(identity: &str, place: &str) -> Item {
        Item { identity: identity.to_owned(), place: place.to_owned(), ..Item::default() }
    }

    #[test]
    fn an_interface_is_not_gone_while_its_card_is_there() {
        let nic = |card: &str| Item { card: card.to_owned(), ..self::card("nic:aa", "slot 1") };
        let machine = |cards: &[&str], nics: &[Item]| {
            let cards = cards.iter().map(|name| card(name, name)).collect();
            Items::from([(Kind::PciDevice, cards), (Kind::Interface, nics.to_vec())])
        };
        let whats =
            |old: &Items, new: &Items| -> Vec<What> { changes(old, new).into_iter().map(|one| one.what).collect() };
        let before = machine(&["pci:a", "pci:b"], &[nic("pci:a")]);
        assert_eq!(whats(&before, &machine(&["pci:a", "pci:b"], &[])), [], "it went to a namespace or a guest");
        assert_eq!(whats(&machine(&["pci:a", "pci:b"], &[]), &before), []);
        assert_eq!(whats(&before, &machine(&["pci:b"], &[])), [What::Removed, What::Removed], "the card was pulled");
        let unsaid = machine(&["slot 1"], &[nic("")]);
        assert_eq!(
            whats(&unsaid, &machine(&["slot 1"], &[])),
            [],
            "an earlier release did not say of which card it is one"
        );
    }

    #[test]
    fn a_path_that_went_is_a_path_and_the_disk_stays() {
        let path = |name: &str| DiskPlace { name: name.into(), place: format!("port {name}") };
        let disk =
            |paths: &[&str]| Item { paths: paths.iter().map(|name| path(name)).collect(), ..card("disk:naa.1", "") };
        let lost = What::PathLost { path: "sda".into(), place: "port sda".into() };
        let whats = |old: Item, new: Item| -> Vec<What> {
            between(Kind::BlockDevice, vec![old], vec![new]).into_iter().map(|change| change.what).collect()
        };
        assert_eq!(whats(disk(&["sda", "sdb"]), disk(&["sdb"])), std::slice::from_ref(&lost));
        assert_eq!(whats(disk(&["sda", "sdb"]), disk(&["sdc", "sdd"])), []);
        // An earlier release recorded each path as a disk.
        let earlier = |name: &str, identity: &str| Item {
            name: name.into(),
            place: format!("port {name}"),
            ..card(identity, "")
        };
        let old = vec![earlier("sda", "disk:naa.1"), earlier("sdb", "disk:naa.1@port sdb")];
        assert_eq!(between(Kind::BlockDevice, old.clone(), vec![disk(&["sda", "sdb"])]), []);
        let found: Vec<What> =
            between(Kind::BlockDevice, old, vec![disk(&["sdb"])]).into_iter().map(|one| one.what).collect();
        assert_eq!(found, [lost]);
    }

    #[test]
    fn a_disk_is_the_same_one_under_another_of_its_names() {
        let disk = |identity: &str, label: &str| Item {
            label: label.into(),
            likeness: "PC801 1000".into(),
            ..card(identity, "bay 1")
        };
        let whats = |old: Item, new: Item| between(Kind::BlockDevice, vec![old], vec![new]).len();
        assert_eq!(whats(disk("disk:eui.1", "PC801 S1"), disk("disk:nvme.1", "PC801 S1")), 0);
        assert_eq!(whats(disk("disk:eui.1", "PC801 S1"), disk("disk:nvme.1", "PC801 S2")), 1, "another drive");
        assert_eq!(whats(disk("disk:eui.1", "PC801"), disk("disk:nvme.1", "PC801")), 1, "a model is no name");
    }
}
