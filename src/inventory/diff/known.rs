//! What an item is known by, from best to worst – also of items that an earlier release put on record.

use std::collections::BTreeMap;

use super::super::detail::is_placeholder;
use super::item::{Item, Kind};

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
pub(super) fn shared(identity: &str) -> &str {
    identity.split(['@', '#']).next().unwrap_or(identity)
}

/// What a graphics card is known by beside its place: the number that its driver tells. What a disk is known by beside its world-wide
/// name, which changes with the kernel's rules: model and serial number; and, since sources tell models in different lengths, number and
/// size.
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

/// The serial number of a disk; an earlier release told it behind the model.
fn told_serial(item: &Item) -> &str {
    let model = item.likeness.rsplit_once(' ').map_or("", |(model, _)| model);
    item.label.strip_prefix(model).unwrap_or_default().trim()
}

/// Whether two say different serial numbers of themselves, told by one source: they are two devices, whatever else they share. Sources
/// of one kind differ in how much they tell.
pub(super) fn is_another(one: &Item, other: &Item) -> bool {
    let source = |item: &Item| item.sources.get("serial").cloned();
    are_different(&one.serial, &other.serial) && source(one) == source(other)
}

/// Whether two items of one look are two disks: see [`is_another`], also of an earlier release, which told serial numbers for people.
pub(super) fn is_another_in_one_look(one: &Item, other: &Item) -> bool {
    let number = |item| Some(told_serial(item)).filter(|serial| !is_placeholder(serial)).unwrap_or_default();
    are_different(number(one), number(other))
}

fn are_different(one: &str, other: &str) -> bool {
    !one.is_empty() && !other.is_empty() && !one.contains(other) && !other.contains(one)
}

/// Bytes of a product's name in a disk's answer to INQUIRY (SCSI Primary Commands); what follows is cut.
const INQUIRY_MODEL: usize = 16;

/// Whether two are of the same make, as far as is told. The model of a disk is cut by the one source and whole in the other.
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
