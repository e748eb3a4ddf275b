//! The virtual machine qemu-q35: its tree was copied from one boot, its reference printed in another, by a kernel that could be asked.

use std::collections::BTreeMap;
use std::path::Path;

use crate::difference::{self, Difference};
use crate::{document, region, shared};

/// What cannot be compared, by the place where it stands and what is known of it, with the reason.
const NOT_COMPARABLE: [(&str, &str, &str); 13] = [
    ("resources.memory", "used", "it varies from boot to boot"),
    ("resources.network", "ports", "a copied tree has no driver to ask"),
    ("resources.network", "firmware_version", "a copied tree has no driver to ask"),
    ("resources", "driver_version", "the tree lacks /sys/module"),
    ("resources.storage", "block_size", "a copied tree has no disk to ask"),
    ("resources.storage", "device_id", "the tree lacks /dev/disk"),
    ("resources.storage", "device_path", "the tree lacks /dev/disk"),
    ("resources.storage", "device", "it varies from boot to boot"),
    ("resources.storage", "mounted", "the tree lacks /proc/self/mountinfo"),
    ("resources.storage", "device_fs_uuid", "it was made anew between the two boots"),
    ("resources.usb", "serial", "the row usb-serial of the deliberate differences"),
    ("networks", "addresses", "a copied tree has no kernel to ask"),
    ("environment", "os_", "the tree lacks /etc/os-release"),
];

/// The reason why a difference means nothing.
fn reason(difference: &Difference) -> Option<&'static str> {
    let is_same = |(place, what, _): &&(&str, &str, &str)| {
        let rest = difference.path.strip_prefix(place);
        rest.is_some_and(|rest| rest.split(['.', '[']).any(|part| part.starts_with(what)))
    };
    NOT_COMPARABLE.iter().find(is_same).map(|(_, _, reason)| *reason)
}

#[test]
fn the_virtual_machine_is_equal_to_its_reference_as_far_as_its_tree_allows() {
    let Some(shared) = shared::folder() else { return };
    let unpacked = shared::unpack(&shared, "qemu-q35");
    // The machine had the names of PCI devices, not those of USB devices, and nothing that tells about virtualization.
    let names = unpacked.root.join("usr/share/misc");
    std::fs::create_dir_all(&names).expect("a directory in the tree");
    std::fs::copy(shared.join("tools/ids/pci.ids"), names.join("pci.ids")).expect("the names of devices");
    let ours = document::of(&unpacked.root);
    assert_eq!(region::objections(&ours), [""; 0]);
    let reference = document::read(&Path::new(&shared).join("vm/machine-resources-reference.json"));
    let found = difference::between(&document::without_host(&reference), &document::without_host(&ours));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for difference in &found {
        let reason = reason(difference).unwrap_or_else(|| panic!("it differs for no reason: {difference:?}"));
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, count) in reasons {
        crate::say(&format!("qemu-q35: not comparable in {count} places: {reason}"));
    }
}
