//! The mark in a list of hardware that the firmware's table of memory modules could not be read to its end: modules that are not in the
//! list are neither gone nor new, and those that are in it count.

use std::borrow::Cow;

use super::super::smbios::TABLE;
use super::super::{Inventory, Missing, Topic};
use super::earlier::FORM;
use super::item::{Item, Items, Kind};

/// The identity of the mark.
const REST: &str = "memory:modules that were not read";

/// The mark, if the table of modules is missing, damaged or cut off.
pub(super) fn of(inventory: &Inventory) -> Option<Item> {
    let is_of_the_table = |missing: &Missing| match missing {
        Missing::Everything => true,
        Missing::File(path) => path == TABLE,
    };
    let mut gaps = inventory.gaps.iter().filter(|gap| gap.topic == Topic::Modules);
    let name = "memory modules".to_owned();
    gaps.any(|gap| is_of_the_table(&gap.path)).then(|| Item {
        form: FORM,
        identity: REST.to_owned(),
        name,
        ..Item::default()
    })
}

/// The items without the mark, and true if there was one.
pub(super) fn split(items: &[Item]) -> (Cow<'_, [Item]>, bool) {
    if items.iter().all(|item| item.identity != REST) {
        return (Cow::Borrowed(items), false);
    }
    (items.iter().filter(|item| item.identity != REST).cloned().collect(), true)
}

/// The names of the hardware that two lists do not compare, since one of them could not be read.
#[must_use]
pub fn uncompared(old: &Items, new: &Items) -> Vec<&'static str> {
    let name = |kind: &Kind| {
        let (Some(before), Some(after)) = (old.get(kind), new.get(kind)) else { return Some(kind.name()) };
        let is_cut = before.iter().chain(after).any(|item| item.identity == REST);
        is_cut.then_some("memory modules")
    };
    Kind::ALL.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::super::change::{What, changes, compare};
    use super::*;

    #[test]
    fn a_module_behind_the_cut_is_neither_gone_nor_new_and_one_before_it_counts() {
        let module = |identity: &str, place: &str| Item {
            identity: identity.to_owned(),
            place: place.to_owned(),
            ..Item::default()
        };
        let mark = Item { identity: REST.to_owned(), ..Item::default() };
        let list = |items: &[Item]| Items::from([(Kind::Memory, items.to_vec())]);
        let whole = list(&[module("dimm:A:1", "A1"), module("dimm:A:2", "A2")]);
        let cut = list(&[module("dimm:A:1", "A1"), mark.clone()]);
        let other = list(&[module("dimm:A:9", "A1"), mark]);
        assert_eq!((changes(&whole, &cut), changes(&cut, &whole)), (Vec::new(), Vec::new()));
        assert_eq!(
            uncompared(&whole, &cut),
            ["block device", "bmc", "cpu", "interface", "memory modules", "pci device", "usb device"]
        );
        let (found, unseen) = compare(&whole, &other);
        assert_eq!(found.into_iter().map(|change| change.what).collect::<Vec<_>>(), [What::Replaced]);
        assert_eq!(unseen, list(&[module("dimm:A:2", "A2")]), "it stays on record");
    }
}
