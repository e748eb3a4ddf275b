//! Comparing two lists of items.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::item::{Item, Kind, TOTAL};

/// Less of all memory than this may come and go without a module: kernels keep more or less for themselves.
const MEMORY_GRAIN: u64 = 64 << 20;

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was not there.
    Added,
    /// It is no longer there.
    Removed,
    /// Another one is in its place.
    Replaced,
    /// It is in another place.
    Moved {
        /// Where it was.
        from: String,
        /// Where it is.
        to: String,
    },
    /// It has another name.
    Renamed {
        /// What it was called.
        from: String,
        /// What it is called.
        to: String,
    },
    /// It is the same and not as it was.
    Updated {
        /// What of it.
        field: String,
        /// What it was; empty when unknown.
        before: String,
        /// What it is; empty when unknown.
        after: String,
    },
}

/// A change of a machine's hardware.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// Of what kind of hardware.
    pub kind: Kind,
    /// What happened.
    pub what: What,
    /// As it was; absent when it was not there.
    pub before: Option<Item>,
    /// As it is; absent when it is not there.
    pub after: Option<Item>,
}

/// What changed from one list of items to another, whatever their order. A kind that one of them lacks could not be read there (see
/// [`super::items`]): nothing of it counts as come or gone.
#[must_use]
pub fn changes(old: &BTreeMap<Kind, Vec<Item>>, new: &BTreeMap<Kind, Vec<Item>>) -> Vec<Change> {
    let mut found = Vec::new();
    for (kind, before) in old {
        let Some(after) = new.get(kind) else { continue };
        let comparison = Comparison { kind: *kind, found: Vec::new() };
        found.extend(comparison.compare(before.clone(), after.clone()));
    }
    found.sort();
    found
}

struct Comparison {
    kind: Kind,
    found: Vec<Change>,
}

impl Comparison {
    fn compare(mut self, old: Vec<Item>, new: Vec<Item>) -> Vec<Change> {
        let mut after: BTreeMap<String, Item> = new.into_iter().map(|item| (item.identity.clone(), item)).collect();
        let mut gone = Vec::new();
        for before in old {
            match after.remove(&before.identity) {
                Some(after) => self.same(&before, &after),
                None => gone.push(before),
            }
        }
        let mut come: Vec<Item> = after.into_values().collect();
        gone.sort();
        // One of the same make and without a name of its own is the same one elsewhere, when as many went as came.
        for (before, after) in pairs(&mut gone, &mut come, |item| &item.likeness, is_nameless) {
            self.same(&before, &after);
        }
        for (before, after) in pairs(&mut gone, &mut come, |item| &item.place, |item| !item.place.is_empty()) {
            self.add(What::Replaced, Some(before), Some(after));
        }
        for item in gone {
            self.add(What::Removed, Some(item), None);
        }
        for item in come {
            self.add(What::Added, None, Some(item));
        }
        self.found
    }

    /// What changed of one that is in both.
    fn same(&mut self, before: &Item, after: &Item) {
        let both = |what| Change { kind: self.kind, what, before: Some(before.clone()), after: Some(after.clone()) };
        let mut found = Vec::new();
        if before.place != after.place && !before.place.is_empty() && !after.place.is_empty() {
            found.push(both(What::Moved { from: before.place.clone(), to: after.place.clone() }));
        }
        // Other kernel names depend on who was found first.
        if self.kind == Kind::Interface && before.name != after.name {
            found.push(both(What::Renamed { from: before.name.clone(), to: after.name.clone() }));
        }
        let mut names: Vec<&String> = before.fields.keys().chain(after.fields.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            // What is not known in one look is no change of the device.
            let (Some(old), Some(new)) = (before.fields.get(name), after.fields.get(name)) else { continue };
            if old != new && !(before.identity == TOTAL && is_grain(old, new)) {
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

/// Known by nothing but its place.
fn is_nameless(item: &Item) -> bool {
    !item.likeness.is_empty() && !item.place.is_empty() && item.identity.contains(item.place.as_str())
}

fn is_grain(old: &str, new: &str) -> bool {
    let bytes = |text: &str| text.parse::<u64>().unwrap_or(0);
    bytes(old).abs_diff(bytes(new)) < MEMORY_GRAIN
}

/// Takes from both lists those that have the same key, where there are as many on both sides, in the order of their places.
fn pairs(
    gone: &mut Vec<Item>,
    come: &mut Vec<Item>,
    key: fn(&Item) -> &String,
    counts: fn(&Item) -> bool,
) -> Vec<(Item, Item)> {
    let group = |items: &mut Vec<Item>| {
        let mut groups: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for item in items.extract_if(.., |item| counts(item)) {
            groups.entry(key(&item).clone()).or_default().push(item);
        }
        groups
    };
    let (mut before, mut after) = (group(gone), group(come));
    let mut found = Vec::new();
    for (name, olds) in &mut before {
        let news = after.entry(name.clone()).or_default();
        if olds.len() == news.len() {
            olds.sort_by(|a, b| a.place.cmp(&b.place));
            news.sort_by(|a, b| a.place.cmp(&b.place));
            found.extend(olds.drain(..).zip(news.drain(..)));
        }
    }
    gone.extend(before.into_values().flatten());
    come.extend(after.into_values().flatten());
    gone.sort();
    come.sort();
    found
}

impl Change {
    /// The same seen from the other side.
    #[must_use]
    pub fn reversed(self) -> Change {
        let what = match self.what {
            What::Added => What::Removed,
            What::Removed => What::Added,
            What::Replaced => What::Replaced,
            What::Moved { from, to } => What::Moved { from: to, to: from },
            What::Renamed { from, to } => What::Renamed { from: to, to: from },
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
