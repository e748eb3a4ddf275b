//! The names that identify an item, from best to worst – also for items that an earlier release recorded.

use std::collections::BTreeMap;

use super::super::detail::is_placeholder;
use super::item::{Item, Kind};

/// The most names that an item has.
pub(super) const NAMES: usize = 3;

/// The names of each item of a list.
pub(super) fn names(kind: Kind, items: &[Item]) -> Vec<Vec<String>> {
    let mut members: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        *members.entry(shared(&item.identity)).or_default() += 1;
    }
    let own = |item: &Item| match members.get(shared(&item.identity)) {
        // A suffix that distinguishes the item from its neighbours is no part of its name.
        Some(count) if *count > 1 => shared(&item.identity).to_owned(),
        _ => item.identity.clone(),
    };
    items.iter().map(|item| [vec![own(item)], others(kind, item)].concat()).collect()
}

/// An identity without the suffix (place or number) that distinguishes devices with equal names.
pub(super) fn shared(identity: &str) -> &str {
    identity.split(['@', '#']).next().unwrap_or(identity)
}

/// Further names of an item. For a graphics card: the serial number that its driver reports. For a disk, whose world-wide name changes
/// with the kernel's rules: model and serial number; and, since sources report models in different lengths, serial number and size.
fn others(kind: Kind, item: &Item) -> Vec<String> {
    if kind == Kind::PciDevice && !item.serial.is_empty() {
        return vec![format!("pci:#{}", item.serial)];
    }
    let Some((model, size)) = item.likeness.rsplit_once(' ').filter(|_| kind == Kind::BlockDevice) else {
        return Vec::new();
    };
    let serial = told_serial(item);
    if is_placeholder(serial) {
        return Vec::new();
    }
    vec![format!("disk:={model} {serial}"), format!("disk:#{serial} {size}")]
}

/// The serial number of a disk, from its label, where it follows the model (also in items of earlier releases).
fn told_serial(item: &Item) -> &str {
    let model = item.likeness.rsplit_once(' ').map_or("", |(model, _)| model);
    item.label.strip_prefix(model).unwrap_or_default().trim()
}

/// True if one source reports different serial numbers for two items: they are two devices, whatever else they share. A number that
/// contains the other counts as equal, since sources may cut it. Of memory modules without numbers the part and the size decide.
pub(super) fn is_another(one: &Item, other: &Item) -> bool {
    let source = |item: &Item| item.sources.get("serial").cloned();
    let is_module = |item: &Item| item.identity.starts_with("dimm:") && !has_own_name(Kind::Memory, &item.identity);
    let differs = |field: &str| {
        let both = one.fields.get(field).zip(other.fields.get(field));
        both.is_some_and(|(before, after)| before.trim() != after.trim())
    };
    are_different(&one.serial, &other.serial) && source(one) == source(other)
        || is_module(one) && is_module(other) && (differs("part") || differs("size"))
}

/// True if the labels of two items of one inventory have different serial numbers, so that they are two disks. See [`is_another`]; this
/// one also works for items of an earlier release.
pub(super) fn is_another_in_one_look(one: &Item, other: &Item) -> bool {
    let number = |item| Some(told_serial(item)).filter(|serial| !is_placeholder(serial)).unwrap_or_default();
    are_different(number(one), number(other))
}

fn are_different(one: &str, other: &str) -> bool {
    !one.is_empty() && !other.is_empty() && !one.contains(other) && !other.contains(one)
}

/// Length of the product name in a disk's answer to INQUIRY, in bytes (SCSI Primary Commands); a longer name is cut.
const INQUIRY_MODEL: usize = 16;

/// True if two items are of the same make, or the make of one is unknown. A disk's model may be cut in one source and whole in another.
pub(super) fn is_alike(kind: Kind, one: &Item, other: &Item) -> bool {
    if one.likeness == other.likeness || one.likeness.is_empty() || other.likeness.is_empty() {
        return true;
    }
    let parts =
        |item: &Item| item.likeness.rsplit_once(' ').map(|(model, size)| (model.replace('_', " "), size.to_owned()));
    let (Some((model, size)), Some((whole, same)), Kind::BlockDevice) = (parts(one), parts(other), kind) else {
        return false;
    };
    let is_cut = |short: &str, long: &str| {
        long.len() > INQUIRY_MODEL && long.get(..INQUIRY_MODEL).is_some_and(|cut| cut.trim_end() == short)
    };
    let is_model =
        model == whole || model.is_empty() || whole.is_empty() || is_cut(&model, &whole) || is_cut(&whole, &model);
    size == same && is_model
}

/// True if an identity names the device itself, and not only its place.
pub(super) fn has_own_name(kind: Kind, identity: &str) -> bool {
    match kind {
        Kind::BlockDevice => !identity.starts_with("disk:at:") && !identity.starts_with("disk:name:"),
        Kind::Interface => !identity.starts_with("nic:at:"),
        Kind::Cpu => !identity.contains(":socket "),
        Kind::Memory => !identity.starts_with("dimm:slot:"),
        Kind::PciDevice | Kind::UsbDevice | Kind::Bmc => true,
    }
}
