//! Comparison of two lists of hardware items.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::earlier::{is_spelled_otherwise, may_be_unrecorded};
use super::item::{Item, Items, Kind, TOTAL};
use super::pairing::Paired;
use super::paths::{Ways, between as paths_between};
use super::rest;
use super::surroundings::UNIT;

/// A smaller difference of the total memory, in bytes, is no change: each kernel reserves another amount for itself.
const MEMORY_GRAIN: u64 = 64 << 20;

/// The kind of a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The item is new.
    Added,
    /// The item is gone.
    Removed,
    /// Another item is in the same place.
    Replaced,
    /// The item is in another place.
    Moved {
        /// The former place.
        from: String,
        /// The present place.
        to: String,
    },
    /// The item has another name.
    Renamed {
        /// The former name.
        from: String,
        /// The present name.
        to: String,
    },
    /// One of several paths to the item is gone; others remain.
    PathLost {
        /// Kernel name of the path.
        path: String,
        /// The place of the port or controller that the path began at.
        place: String,
    },
    /// A further path to the item was found.
    PathFound {
        /// Kernel name of the path.
        path: String,
        /// The place of the port or controller that the path begins at.
        place: String,
    },
    /// The item is the same one, and a field of it changed.
    Updated {
        /// Name of the field.
        field: String,
        /// The former value; empty when unknown.
        before: String,
        /// The present value; empty when unknown.
        after: String,
    },
}

/// A change of a machine's hardware.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// The kind of hardware.
    pub kind: Kind,
    /// The kind of the change.
    pub what: What,
    /// The item as it was; `None` when it is new.
    pub before: Option<Item>,
    /// The item as it is; `None` when it is gone.
    pub after: Option<Item>,
}

/// The changes from one list of items to another, whatever their order. A kind that one of them lacks could not be read there (see
/// [`super::items`]): none of its items counts as new or gone.
#[must_use]
pub fn changes(old: &Items, new: &Items) -> Vec<Change> {
    compare(old, new).0
}

/// The changes, as [`changes`] returns them, and the items that only the old list has although they are not gone: interfaces whose cards
/// are still present (moved to a namespace or a guest), and modules behind the end of a table that was cut off. These stay on record, so that
/// they are not reported as new when they return.
#[must_use]
pub fn compare(old: &Items, new: &Items) -> (Vec<Change>, Items) {
    let (mut found, mut unseen) = (Vec::new(), Items::new());
    let mut carriers = Carriers::default();
    // Cards and USB devices come first, since interfaces are judged by them.
    for kind in [Kind::PciDevice, Kind::UsbDevice].into_iter().chain(Kind::ALL) {
        let (Some(before), Some(after)) = (old.get(&kind), new.get(&kind)) else { continue };
        if carriers.knows(kind) {
            continue;
        }
        let ((before, was_cut), (after, is_cut)) = (rest::split(before), rest::split(after));
        let paired = Paired::of(kind, &before, &after);
        carriers.note(kind, &paired);
        let mut comparison = Comparison { kind, found: Vec::new() };
        for (before, after) in &paired.same {
            comparison.same(before, after);
        }
        for (before, after) in paired.replaced {
            comparison.add(What::Replaced, Some(before), Some(after));
        }
        for item in paired.gone {
            if is_cut || kind == Kind::Interface && carriers.stays(&item, old) {
                unseen.entry(kind).or_default().push(item);
            } else if !may_be_unrecorded(kind, &item, &after) {
                comparison.add(What::Removed, Some(item), None);
            }
        }
        for item in paired.come {
            let is_known = was_cut || kind == Kind::Interface && carriers.stayed(&item, new);
            if !is_known && !may_be_unrecorded(kind, &item, &before) {
                comparison.add(What::Added, None, Some(item));
            }
        }
        found.append(&mut comparison.found);
    }
    found.sort();
    (found, unseen)
}

/// Cards and USB devices that are in both lists. An interface of one of them that appears or vanishes was not plugged or pulled: it moved
/// to a namespace or a guest, or its driver was loaded or unloaded.
#[derive(Default)]
struct Carriers {
    known: BTreeMap<Kind, Sides>,
}

/// Devices that are in both lists, as each list has them.
struct Sides {
    before: BTreeSet<Item>,
    after: BTreeSet<Item>,
}

impl Carriers {
    fn knows(&self, kind: Kind) -> bool {
        self.known.contains_key(&kind)
    }

    fn note(&mut self, kind: Kind, paired: &Paired) {
        let (before, after) = paired.same.iter().cloned().unzip();
        self.known.insert(kind, Sides { before, after });
    }

    fn stays(&self, interface: &Item, old: &Items) -> bool {
        self.is_known(interface, old, |sides| &sides.before)
    }

    fn stayed(&self, interface: &Item, new: &Items) -> bool {
        self.is_known(interface, new, |sides| &sides.after)
    }

    fn is_known(&self, interface: &Item, list: &Items, side: fn(&Sides) -> &BTreeSet<Item>) -> bool {
        [Kind::PciDevice, Kind::UsbDevice].into_iter().any(|kind| {
            let carrier = list.get(&kind).into_iter().flatten().find(|carrier| is_carried_by(interface, carrier));
            carrier.is_some_and(|carrier| self.known.get(&kind).is_some_and(|known| side(known).contains(carrier)))
        })
    }
}

/// True if an interface belongs to a card. Items of an earlier release do not name the card; there the places are compared.
fn is_carried_by(interface: &Item, carrier: &Item) -> bool {
    if !interface.card.is_empty() {
        return interface.card == carrier.identity;
    }
    let place = interface.place.split_once(" port ").map_or(interface.place.as_str(), |(place, _)| place);
    !place.is_empty() && place == carrier.place
}

struct Comparison {
    kind: Kind,
    found: Vec<Change>,
}

impl Comparison {
    /// Adds the changes of an item that is in both lists.
    fn same(&mut self, before: &Item, after: &Item) {
        let both = |what| Change { kind: self.kind, what, before: Some(before.clone()), after: Some(after.clone()) };
        let mut found = Vec::new();
        match paths_between(before, after) {
            Some(Ways::Changed { lost, found: come }) => {
                found.extend(lost.into_iter().map(|path| both(What::PathLost { path: path.name, place: path.place })));
                found.extend(come.into_iter().map(|path| both(What::PathFound { path: path.name, place: path.place })));
            }
            Some(Ways::Moved { from, to }) => found.push(both(What::Moved { from, to })),
            None if is_elsewhere(self.kind, before, after) => {
                found.push(both(What::Moved { from: before.place.clone(), to: after.place.clone() }));
            }
            Some(Ways::Same) | None => {}
        }
        // Kernel names of other devices depend on the order of discovery.
        if self.kind == Kind::Interface && before.name != after.name {
            found.push(both(What::Renamed { from: before.name.clone(), to: after.name.clone() }));
        }
        let mut names: Vec<&String> = before.fields.keys().chain(after.fields.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            // A value that only one list has is no change of the device, nor is a value that was read from another source.
            let (Some(old), Some(new)) = (before.fields.get(name), after.fields.get(name)) else { continue };
            if old != new && is_one_source(name, before, after) && !(before.identity == TOTAL && is_grain(old, new)) {
                let (before, after) = (old.clone(), new.clone());
                found.push(both(What::Updated { field: name.clone(), before, after }));
            }
        }
        self.found.append(&mut found);
    }

    fn add(&mut self, what: What, before: Option<Item>, after: Option<Item>) {
        self.found.push(Change { kind: self.kind, what, before, after });
    }
}

/// True if both items have a field from the same source, or one of them, of an earlier release, does not name the source.
fn is_one_source(field: &str, before: &Item, after: &Item) -> bool {
    match (before.sources.get(field), after.sources.get(field)) {
        (Some(old), Some(new)) => old == new,
        _ => true,
    }
}

/// True if an item is in another place. An item with the same position has not moved: only one inventory could read the board's name of
/// its place. Places of disks that begin with a PCI address, as an earlier release recorded them, are not compared with places of today; a
/// unit of a drive is in the bay that an earlier release recorded without the unit's number.
fn is_elsewhere(kind: Kind, before: &Item, after: &Item) -> bool {
    let is_address = |place: &str| place.starts_with("pci-") || place.is_empty();
    let (from, to) = (&before.place, &after.place);
    let stayed = !before.position.is_empty() && before.position == after.position;
    let in_one_bay = |whole: &str, bay: &str| whole.strip_prefix(bay).is_some_and(|rest| rest.starts_with(UNIT));
    let stayed = stayed || in_one_bay(from, to) || in_one_bay(to, from) || is_spelled_otherwise(kind, before, after);
    from != to && !stayed && !from.is_empty() && !to.is_empty() && is_address(from) == is_address(to)
}

fn is_grain(old: &str, new: &str) -> bool {
    let bytes = |text: &str| text.parse::<u64>().unwrap_or(0);
    bytes(old).abs_diff(bytes(new)) < MEMORY_GRAIN
}

impl Change {
    /// The change in the opposite direction: from the new list to the old one.
    #[must_use]
    pub fn reversed(self) -> Change {
        let what = match self.what {
            What::Added => What::Removed,
            What::Removed => What::Added,
            What::Replaced => What::Replaced,
            What::Moved { from, to } => What::Moved { from: to, to: from },
            What::Renamed { from, to } => What::Renamed { from: to, to: from },
            What::PathLost { path, place } => What::PathFound { path, place },
            What::PathFound { path, place } => What::PathLost { path, place },
            What::Updated { field, before, after } => What::Updated { field, before: after, after: before },
        };
        Change { kind: self.kind, what, before: self.after, after: self.before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice::from_ref;

    use proptest::prelude::*;

    fn item(identity: &str, place: &str) -> Item {
        let fields = BTreeMap::from([("model".to_owned(), "M".to_owned())]);
        Item { identity: identity.into(), name: identity.into(), place: place.into(), fields, ..Item::default() }
    }

    fn whats(kind: Kind, old: &[Item], new: &[Item]) -> Vec<What> {
        let list = |items: &[Item]| BTreeMap::from([(kind, items.to_vec())]);
        changes(&list(old), &list(new)).into_iter().map(|change| change.what).collect()
    }

    #[test]
    fn one_that_came_went_moved_or_was_exchanged_is_told_as_that() {
        let kind = Kind::BlockDevice;
        let (a, b) = (item("disk:A", "bay 1"), item("disk:B", "bay 2"));
        assert_eq!(whats(kind, &[a.clone(), b.clone()], &[b.clone(), a.clone()]), []);
        assert_eq!(whats(kind, from_ref(&a), &[a.clone(), b.clone()]), [What::Added]);
        assert_eq!(whats(kind, &[a.clone(), b.clone()], from_ref(&a)), [What::Removed]);
        assert_eq!(whats(kind, from_ref(&a), &[item("disk:C", "bay 1")]), [What::Replaced]);
        let moved = What::Moved { from: "bay 1".into(), to: "bay 9".into() };
        assert_eq!(whats(kind, &[a.clone(), b], &[item("disk:A", "bay 9"), item("disk:B", "bay 2")]), [moved]);
        let swapped = whats(kind, &[a, item("disk:B", "bay 2")], &[item("disk:A", "bay 2"), item("disk:B", "bay 1")]);
        assert_eq!(swapped.len(), 2, "two exchanged their places: {swapped:?}");
    }

    #[test]
    fn only_an_interface_is_known_by_its_name() {
        let renamed = |name: &str| Item { name: name.into(), ..item("nic:a", "slot 1") };
        let both = |kind| whats(kind, &[renamed("eth0")], &[renamed("eth1")]);
        assert_eq!(both(Kind::BlockDevice), []);
        assert_eq!(both(Kind::Interface), [What::Renamed { from: "eth0".into(), to: "eth1".into() }]);
    }

    #[test]
    fn a_field_that_one_look_could_not_tell_is_no_change() {
        let mut unknown = item("disk:A", "");
        unknown.fields.clear();
        assert_eq!(whats(Kind::BlockDevice, &[item("disk:A", "bay 1")], &[unknown]), []);
    }

    #[test]
    fn one_without_a_name_that_is_plugged_elsewhere_moved() {
        let stick = |place: &str| Item { likeness: "1:2".into(), ..item(&format!("usb:1:2:at:{place}"), place) };
        let moved = What::Moved { from: "1-1".into(), to: "1-4".into() };
        assert_eq!(whats(Kind::UsbDevice, &[stick("1-1")], &[stick("1-4")]), [moved]);
        assert_eq!(whats(Kind::UsbDevice, &[stick("1-1")], &[stick("1-1"), stick("1-4")]), [What::Added]);
    }

    #[test]
    fn what_could_not_be_read_is_neither_gone_nor_come() {
        let list = |kinds: &[Kind]| -> BTreeMap<Kind, Vec<Item>> {
            kinds.iter().map(|kind| (*kind, vec![item("disk:A", "bay 1")])).collect()
        };
        let (all, some) = (list(&[Kind::BlockDevice, Kind::Cpu]), list(&[Kind::Cpu]));
        assert_eq!((changes(&all, &some), changes(&some, &all)), (Vec::new(), Vec::new()));
        assert_eq!(changes(&BTreeMap::from([(Kind::BlockDevice, Vec::new())]), &all).len(), 1);
    }

    #[test]
    fn memory_that_a_kernel_keeps_for_itself_is_not_missing() {
        let total = |bytes: u64| Item {
            identity: TOTAL.into(),
            fields: BTreeMap::from([("size".to_owned(), bytes.to_string())]),
            ..Item::default()
        };
        assert_eq!(whats(Kind::Memory, &[total(8 << 30)], &[total((8 << 30) - (1 << 20))]), []);
        assert_eq!(whats(Kind::Memory, &[total(8 << 30)], &[total(7 << 30)]).len(), 1);
    }

    fn some_items() -> impl Strategy<Value = Vec<Item>> {
        let one = (0..12u8, 0..6u8, 0..3u8, 0..3u8, any::<bool>());
        let one = one.prop_map(|(number, place, model, likeness, is_named)| {
            let place = if place == 0 { String::new() } else { format!("place {place}") };
            let identity = if is_named { format!("disk:{number}") } else { format!("disk:at:{place}:{number}") };
            let fields = BTreeMap::from([("model".to_owned(), model.to_string())]);
            Item {
                name: format!("sd{number}"),
                likeness: format!("like {likeness}"),
                label: String::new(),
                identity,
                place,
                fields,
                ..Item::default()
            }
        });
        proptest::collection::vec(one, 0..10).prop_map(|items| {
            let unique: BTreeMap<String, Item> = items.into_iter().map(|item| (item.identity.clone(), item)).collect();
            unique.into_values().collect()
        })
    }

    proptest! {
        #[test]
        fn nothing_differs_from_itself_in_any_order(items in some_items(), turn in 0..9usize) {
            let mut other = items.clone();
            if !other.is_empty() {
                let middle = turn % other.len();
                other.rotate_left(middle);
            }
            prop_assert_eq!(whats(Kind::Interface, &items, &other), []);
        }

        #[test]
        fn the_way_back_is_the_way_there_reversed(old in some_items(), new in some_items()) {
            let list = |items: &[Item]| BTreeMap::from([(Kind::Interface, items.to_vec())]);
            let there = changes(&list(&old), &list(&new));
            let mut back: Vec<Change> = changes(&list(&new), &list(&old)).into_iter().map(Change::reversed).collect();
            back.sort();
            prop_assert_eq!(there, back);
        }

        #[test]
        fn every_item_is_told_once_at_most_as_come_or_gone(old in some_items(), new in some_items()) {
            let list = |items: &[Item]| BTreeMap::from([(Kind::Cpu, items.to_vec())]);
            let found = changes(&list(&old), &list(&new));
            for item in &old {
                let about = found.iter().filter(|change| change.before.as_ref() == Some(item));
                let ends = about.filter(|change| matches!(change.what, What::Removed | What::Replaced)).count();
                let is_kept = new.iter().any(|other| other.identity == item.identity);
                prop_assert!(ends <= 1 && !(is_kept && ends > 0));
            }
        }
    }
}
