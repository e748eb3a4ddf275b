//! Records of earlier releases: their items may spell a place differently, and they lack some devices.

use super::item::{Item, Items, Kind};

/// The form of the items of this release. Since form 1 the place of a USB device begins at its controller, the place of a memory card ends
/// there, and drives without a medium are recorded.
pub(super) const FORM: u8 = 1;

/// True if a list has items that an earlier release recorded.
#[must_use]
pub fn is_of_an_earlier_form(items: &Items) -> bool {
    items.values().flatten().any(|item| item.form < FORM)
}

/// True if the places of an item in two lists cannot be compared, since one of them is spelled as an earlier release did.
pub(super) fn is_spelled_otherwise(kind: Kind, before: &Item, after: &Item) -> bool {
    let is_begun = before.place.starts_with(&after.place) || after.place.starts_with(&before.place);
    before.form != after.form
        && match kind {
            Kind::UsbDevice | Kind::Interface => true,
            Kind::BlockDevice => is_begun,
            Kind::Bmc | Kind::Cpu | Kind::Memory | Kind::PciDevice => false,
        }
}

/// True if a device may be missing from the other list only because an earlier release did not record it: a drive without a medium. Such an
/// item has no size.
pub(super) fn may_be_unrecorded(kind: Kind, item: &Item, other: &[Item]) -> bool {
    let is_earlier = !other.is_empty() && other.iter().all(|item| item.form < FORM);
    kind == Kind::BlockDevice && item.form == FORM && !item.fields.contains_key("size") && is_earlier
}

#[cfg(test)]
mod tests {
    use super::super::change::{What, changes};
    use super::*;

    fn whats(kind: Kind, old: &Item, new: &Item) -> Vec<What> {
        let list = |item: &Item| Items::from([(kind, vec![item.clone()])]);
        changes(&list(old), &list(new)).into_iter().map(|change| change.what).collect()
    }

    #[test]
    fn what_an_earlier_release_spelled_otherwise_has_not_moved() {
        let item =
            |form: u8, place: &str| Item { form, identity: "x:1".into(), place: place.into(), ..Item::default() };
        let rows = [
            (Kind::UsbDevice, "1-3", "0000:00/14.0/3"),
            (Kind::Interface, "1-3 port 1", "0000:00/14.0/3 port 1"),
            (Kind::BlockDevice, "platform/fe310000.mmc/mmc0:0001", "platform/fe310000.mmc"),
        ];
        for (kind, earlier, now) in rows {
            assert_eq!(whats(kind, &item(0, earlier), &item(FORM, now)), [], "{kind:?}");
            assert_eq!(whats(kind, &item(FORM, earlier), &item(FORM, "elsewhere")).len(), 1, "{kind:?}");
        }
        assert_eq!(whats(Kind::BlockDevice, &item(0, "bay 1"), &item(FORM, "bay 2")).len(), 1, "it did move");
    }

    #[test]
    fn a_drive_without_a_medium_is_new_only_where_such_drives_are_on_record() {
        let drive = |form: u8| Item { form, identity: "disk:at:ata2".into(), ..Item::default() };
        let disk = |form: u8| Item { form, identity: "disk:1".into(), ..Item::default() };
        let count = |old: &[Item], new: &[Item]| {
            let list = |items: &[Item]| Items::from([(Kind::BlockDevice, items.to_vec())]);
            changes(&list(old), &list(new)).len()
        };
        assert_eq!(count(&[disk(0)], &[disk(FORM), drive(FORM)]), 0);
        assert_eq!(count(&[disk(FORM)], &[disk(FORM), drive(FORM)]), 1);
        assert_eq!(count(&[], &[drive(FORM)]), 1);
    }
}
