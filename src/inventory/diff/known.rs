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
