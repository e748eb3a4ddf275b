//! Identities: what a device is known by at the next boot, in the next slot, under the next name. Each is told once in an inventory:
//! devices that say the same of themselves are told apart by their places.

use std::collections::{BTreeMap, BTreeSet};

use super::Inventory;

/// Texts that makers leave where a number should be.
const PLACEHOLDERS: [&str; 14] = [
    "notspecified",
    "unknown",
    "none",
    "nodimm",
    "na",
    "empty",
    "null",
    "tobefilledbyoem",
    "defaultstring",
    "serialnumber",
    "systemserialnumber",
    "notavailable",
    "notpresent",
    "invalid",
];
/// What counts upwards is nobody's number.
const COUNTING: &str = "0123456789abcdef";

/// Whether a serial number says nothing: empty, a word for nothing, one character over and over, or 1, 2, 3 …
pub(in super::super) fn is_placeholder(text: &str) -> bool {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let plain = plain.strip_prefix("0x").unwrap_or(&plain);
    let mut characters = plain.chars();
    let first = characters.next();
    let is_one_character = characters.all(|c| Some(c) == first);
    let is_counting = plain.len() >= 6 && (COUNTING.contains(plain) || "1234567890".contains(plain));
    first.is_none() || is_one_character || is_counting || PLACEHOLDERS.contains(&plain)
}

/// Whether a world-wide name says nothing: its number is empty or one digit over and over.
pub(super) fn is_empty_name(name: &str) -> bool {
    // The first digit of an NAA name is its format.
    let number =
        name.strip_prefix("naa.").or_else(|| name.strip_prefix("0x")).map(|number| number.get(1..).unwrap_or(""));
    let number = number.or_else(|| name.strip_prefix("eui.")).or_else(|| name.strip_prefix("uuid.")).unwrap_or(name);
    is_placeholder(number)
}

/// An identity of the parts that are known: `disk:MODEL:SERIAL`.
pub(super) fn of(kind: &str, parts: &[&str]) -> String {
    let parts = parts.iter().copied().filter(|part| !part.is_empty());
    [kind].into_iter().chain(parts).collect::<Vec<_>>().join(":")
}

/// One device's identity, and how it is told from others.
struct Entry<'a> {
    identity: &'a mut String,
    /// Place, for example a slot or an address.
    place: String,
    /// Name that the kernel has for it.
    name: String,
}

/// Makes all identities of an inventory differ: those that several devices share get the places added, each of them, so that none of
/// them is called otherwise when another one of them goes.
pub(super) fn settle(inventory: &mut Inventory) {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let entry = |identity, place: String, name: String| Entry { identity, place, name };
    let none = String::new;
    let packages = inventory.processors.packages.iter_mut();
    entries.extend(packages.map(|it| entry(&mut it.identity, it.slot.clone(), it.socket.to_string())));
    let dimms = inventory.memory.dimms.iter_mut();
    entries
        .extend(dimms.map(|it| entry(&mut it.identity, format!("{} {}", it.slot, it.bank).trim().to_owned(), none())));
    entries.extend(inventory.disks.iter_mut().map(|it| entry(&mut it.identity, it.place.clone(), it.name.clone())));
    let controllers = inventory.storage_controllers.iter_mut();
    entries.extend(controllers.map(|it| entry(&mut it.identity, it.pci_address.clone(), it.name.clone())));
    entries.extend(inventory.arrays.iter_mut().map(|it| entry(&mut it.identity, none(), it.name.clone())));
    entries.extend(inventory.volumes.iter_mut().map(|it| entry(&mut it.identity, none(), it.name.clone())));
    entries.extend(inventory.multipaths.iter_mut().map(|it| entry(&mut it.identity, none(), it.name.clone())));
    for nic in &mut inventory.interfaces {
        let (place, name) = (nic.port_address(), nic.name.clone());
        entries.push(entry(&mut nic.identity, place, name));
    }
    entries.extend(inventory.pci.iter_mut().map(|it| entry(&mut it.identity, it.address.clone(), none())));
    entries.extend(inventory.usb.iter_mut().map(|it| entry(&mut it.identity, it.place.clone(), it.name.clone())));
    entries
        .extend(inventory.gpus.iter_mut().map(|it| entry(&mut it.identity, it.pci_address.clone(), it.name.clone())));
    entries.extend(inventory.trust.tpms.iter_mut().map(|it| entry(&mut it.identity, none(), it.name.clone())));
    let supplies = inventory.power_supplies.iter_mut();
    entries.extend(supplies.map(|it| entry(&mut it.identity, it.location.clone(), it.name.clone())));
    entries.extend(inventory.sensors.iter_mut().map(|it| entry(&mut it.identity, it.device.clone(), it.file.clone())));
    tell_apart(entries);
}

fn tell_apart(entries: Vec<Entry<'_>>) {
    let mut groups: BTreeMap<String, Vec<Entry<'_>>> = BTreeMap::new();
    for entry in entries {
        groups.entry(entry.identity.clone()).or_default().push(entry);
    }
    let mut taken: BTreeSet<String> = groups.keys().cloned().collect();
    for (_, mut group) in groups {
        group.sort_by(|a, b| (&a.place, &a.name).cmp(&(&b.place, &b.name)));
        if group.len() == 1 {
            continue;
        }
        for entry in group {
            let own = entry.identity.clone();
            let named = [&entry.place, &entry.name].into_iter().filter(|text| !text.is_empty());
            let named = named.map(|text| format!("{own}@{text}"));
            let counted = (2..).map(|number: u64| format!("{own}#{number}"));
            // There are more numbers than devices.
            if let Some(free) = named.chain(counted).find(|identity| !taken.contains(identity)) {
                taken.insert(free.clone());
                *entry.identity = free;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_for_nothing_are_no_serial_numbers() {
        for text in [
            "",
            " ",
            "00000000",
            "FFFFFFFF",
            "NO DIMM",
            "Not Specified",
            "To Be Filled By O.E.M.",
            "0x00000000",
            "0123456789",
            "123456789",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["12345", "S2UJNX0J500123", "00000001", "A0A0", "35000c500aaaa"] {
            assert!(!is_placeholder(text), "{text}");
        }
        assert!(is_empty_name("naa.5000000000000000") && is_empty_name("eui.0000000000000000") && is_empty_name(""));
        assert!(!is_empty_name("naa.5000c50000000010") && !is_empty_name("nvme.1b36-52-51-00000001"));
    }

    #[test]
    fn devices_that_say_the_same_are_told_apart_by_their_places() {
        let mut texts = vec!["d:1".to_owned(), "d:1".to_owned(), "d:1".to_owned(), "d:2".to_owned()];
        let places = ["B2", "A1", "A1", ""];
        let entries = texts.iter_mut().zip(places);
        tell_apart(
            entries.map(|(identity, place)| Entry { identity, place: place.into(), name: String::new() }).collect(),
        );
        assert_eq!(texts, ["d:1@B2", "d:1@A1", "d:1#2", "d:2"]);
    }

    proptest! {
        #[test]
        fn whatever_devices_say_no_two_have_one_identity(devices in prop::collection::vec(("[ab@#]{0,3}", "[ab]{0,1}", "[ab]{0,1}"), 0..20)) {
            let settled = |devices: &[(String, String, String)]| {
                let mut identities: Vec<String> = devices.iter().map(|(identity, ..)| identity.clone()).collect();
                let entries = identities.iter_mut().zip(devices);
                tell_apart(entries.map(|(identity, (_, place, name))| Entry { identity, place: place.clone(), name: name.clone() }).collect());
                identities
            };
            let mut identities = settled(&devices);
            prop_assert_eq!(&identities, &settled(&devices), "the same devices have the same identities");
            let count = identities.len();
            identities.sort();
            identities.dedup();
            prop_assert_eq!(identities.len(), count);
        }
    }
}
