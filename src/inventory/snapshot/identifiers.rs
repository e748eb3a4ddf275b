//! What identifies a machine and its parts, and where it is found.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::detail::is_pci_address;
use super::super::smbios::{Structure, structures};
use super::super::survey::legible;
use super::needed::is_smbios;
use super::{Node, Nodes};

/// Attributes whose whole value identifies one thing.
const ATTRIBUTES: [&str; 24] = [
    "node_name",
    "port_name",
    "serial",
    "serialnum",
    "serial_num",
    "serial_number",
    "serial-number",
    "product_serial",
    "product_uuid",
    "board_serial",
    "board_asset_tag",
    "chassis_serial",
    "chassis_asset_tag",
    "hostname",
    "uuid",
    "guid",
    "nguid",
    "eui",
    "sas_address",
    "phys_switch_id",
    "phys_port_id",
    "system_uuid",
    "unique_id",
    "array_id",
];
/// Parts of the names of udev's properties whose values identify something.
const PROPERTIES: [&str; 9] =
    ["SERIAL", "WWN", "UUID", "LABEL", "ENTRY_NAME", "DM_NAME", "VG_NAME", "LV_NAME", "MD_NAME"];
/// Properties that only look so: `ID_PART_ENTRY_TYPE` and the like are the same everywhere.
const PUBLIC: [&str; 3] = ["ENTRY_TYPE", "TABLE_TYPE", "FS_TYPE"];
/// What firmware and makers write for nothing: it is the same everywhere and worth keeping.
const NOTHING: [&str; 16] = [
    "to be filled by o.e.m.",
    "default string",
    "not specified",
    "not applicable",
    "not available",
    "not present",
    "unknown",
    "none",
    "n/a",
    "no dimm",
    "system serial number",
    "base board serial number",
    "chassis serial number",
    "asset tag",
    "no asset tag",
    "0123456789",
];
/// What stands before the identifying part of a world-wide or device-mapper name.
const PREFIXES: [&str; 10] =
    ["0x", "naa.", "eui.", "uuid.", "LVM-", "CRYPT-LUKS1-", "CRYPT-LUKS2-", "part1-mpath-", "mpath-", "nvme."];

/// The identifying part of a value.
pub(super) fn core(value: &str) -> &str {
    let value = value.trim();
    PREFIXES.iter().find_map(|prefix| value.strip_prefix(prefix)).unwrap_or(value)
}

/// Whether a value tells one thing from another at all.
pub(super) fn is_one(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let mut letters = value.chars().filter(char::is_ascii_alphanumeric);
    let first = letters.next();
    let differs = first.is_some() && letters.any(|letter| Some(letter) != first);
    // The serial number of a USB controller's own hub is a place.
    differs && !NOTHING.contains(&value.as_str()) && !is_pci_address(&value)
}

/// Whether it may be replaced wherever it stands, without harm to what only happens to look alike.
fn is_telling(value: &str) -> bool {
    let letters = value.chars().filter(char::is_ascii_alphanumeric).count();
    letters >= 5 && value.bytes().any(|byte| byte.is_ascii_digit()) && is_one(value)
}

/// Whether a file's whole value identifies one thing.
pub(super) fn is_attribute(place: &Path) -> bool {
    let is = |name: &str| place.file_name().is_some_and(|file| file == name);
    let is_below = |name: &str| place.parent().and_then(Path::file_name).is_some_and(|parent| parent == name);
    ATTRIBUTES.iter().any(|name| is(name)) || is("name") && is_below("dm") || place.starts_with("/stub/blkid")
}

/// Whether a udev property's value identifies something.
pub(super) fn is_property(key: &str) -> bool {
    !is_long_form(key)
        && PROPERTIES.iter().any(|part| key.contains(part))
        && !PUBLIC.iter().any(|part| key.contains(part))
}

/// Model and serial number in one.
fn is_long_form(key: &str) -> bool {
    matches!(key, "ID_SERIAL" | "ID_USB_SERIAL")
}

/// Offsets of the numbers of strings that identify something, by SMBIOS type.
pub(super) fn smbios_strings(kind: u8) -> &'static [usize] {
    match kind {
        1 => &[0x07],
        2 | 3 => &[0x07, 0x08],
        4 => &[0x20, 0x21],
        17 => &[0x18, 0x19],
        39 => &[0x08, 0x09],
        _ => &[],
    }
}

/// The machine's UUID (type 1), as the kernel writes it.
pub(super) fn smbios_uuid(structure: &Structure<'_>) -> Option<String> {
    let bytes: [u8; 16] = structure.fixed.get(0x08..0x18).filter(|_| structure.kind == 1)?.try_into().ok()?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let bytes = other_endian(bytes);
    let parts = [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]];
    Some(parts.map(hex).join("-"))
}

/// The first three numbers of a UUID are little-endian since SMBIOS 2.6.
pub(super) fn other_endian(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

/// Everything that may be replaced wherever it stands, each in the spellings that occur.
pub(super) fn find(nodes: &Nodes, answers: &str) -> BTreeSet<String> {
    let mut found = Found::default();
    for (place, node) in nodes {
        found.addresses(&place.to_string_lossy());
        match node {
            Node::File(content) if is_smbios(place) => found.smbios(content),
            Node::File(content) => found.file(place, content),
            Node::Link(target) => found.addresses(&target.to_string_lossy()),
            Node::Directory => {}
        }
    }
    found.addresses(answers);
    found.spellings
}

#[derive(Default)]
struct Found {
    spellings: BTreeSet<String>,
}

impl Found {
    fn add(&mut self, value: &str) {
        let core = core(value);
        if is_telling(core) {
            // udev writes blanks in three ways, hexadecimal numbers in several.
            let blanks = core.split_whitespace().collect::<Vec<_>>();
            for spelling in
                [core.to_owned(), blanks.join("_"), core.replace(' ', "\\x20"), core.replace(['-', ':'], "")]
            {
                self.spellings.insert(spelling.to_lowercase());
            }
        }
    }

    fn add_all<Value: AsRef<str>>(&mut self, values: impl IntoIterator<Item = Value>) {
        for value in values {
            self.add(value.as_ref());
        }
    }

    fn file(&mut self, place: &Path, content: &[u8]) {
        let text = legible(content);
        self.addresses(&text);
        if is_attribute(place) {
            self.add(&text);
        } else if place.starts_with("/run/udev") {
            self.udev(&text);
        } else if place.ends_with("vpd") {
            self.add_all(vpd(content));
        } else if place.ends_with("vpd_pg80") {
            // A head of four bytes, then the serial number.
            self.add(&legible(content.get(4..).unwrap_or_default()));
        } else if place.ends_with("wwid") {
            self.add_all(wwid(&text));
        } else if place == Path::new("/proc/cpuinfo") {
            let serial = text.lines().filter_map(|line| line.strip_prefix("Serial")?.split_once(':'));
            self.add_all(serial.map(|(_, value)| value));
        }
    }

    fn udev(&mut self, text: &str) {
        let properties = || text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('='));
        self.add_all(properties().filter(|(key, _)| is_property(key)).map(|(_, value)| value));
        // What is left of the long form without the model is what identifies.
        let model = properties().find(|(key, _)| *key == "ID_MODEL").map_or("", |(_, model)| model);
        let long = properties().filter(|(key, _)| is_long_form(key));
        self.add_all(long.map(|(_, value)| match value.split_once(model).filter(|_| !model.is_empty()) {
            Some((_, rest)) => rest.trim_matches('_'),
            None => value,
        }));
    }

    fn smbios(&mut self, table: &[u8]) {
        for structure in structures(table) {
            self.add_all(smbios_strings(structure.kind).iter().map(|offset| structure.text(*offset)));
            self.add_all(smbios_uuid(&structure));
        }
    }

    /// MAC addresses and those of Fibre Channel and SAS (`sas-0x…`, `nn-0x…:pn-0x…`), wherever they stand.
    fn addresses(&mut self, text: &str) {
        for start in ["nn-0x", "pn-0x", "fc-0x", "sas-0x", "exp0x"] {
            let names = text.split(start).skip(1);
            self.add_all(names.map(|name| name.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap_or_default()));
        }
        for word in text.split(|c: char| !c.is_ascii_hexdigit() && c != ':').filter(|word| word.len() >= 17) {
            let parts: Vec<&str> = word.split(':').collect();
            if parts.len() >= 6 && parts.iter().all(|part| part.len() == 2) {
                self.add_all(parts.chunks_exact(6).map(|six| six.join(":")));
                self.add(word);
            }
        }
    }
}

/// The identifying parts of a SCSI or NVMe `wwid`: of `nvme.VENDOR-SERIAL-MODEL-NAMESPACE` the second, of `t10.VENDOR MODEL SERIAL`
/// the last, else the whole.
pub(super) fn wwid(text: &str) -> Vec<&str> {
    let text = text.trim();
    if text.starts_with("nvme.") {
        text.split('-').nth(1).into_iter().collect()
    } else if text.starts_with("t10.") {
        text.split([' ', '_']).next_back().into_iter().collect()
    } else {
        vec![text]
    }
}

/// Serial number, asset tag and makers' own entries of vital product data: a keyword of two letters, a length, the text.
fn vpd(content: &[u8]) -> Vec<String> {
    let starts = content.windows(3).enumerate().filter(|(_, window)| {
        window[..2] == *b"SN" || matches!(window[0], b'V' | b'Y') && window[1].is_ascii_alphanumeric()
    });
    let text = |(at, window): (usize, &[u8])| {
        let text = content.get(at + 3..at + 3 + usize::from(window[2]))?;
        text.iter()
            .all(|byte| (b' '..=b'~').contains(byte) || *byte == 0)
            .then(|| String::from_utf8_lossy(text).trim_matches('\0').trim().to_owned())
    };
    starts.filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_firmware_writes_for_nothing_identifies_nobody() {
        for nothing in [
            "",
            "0000000000",
            "To Be Filled By O.E.M.",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "None",
            "0000:00:14.0",
        ] {
            assert!(!is_one(nothing), "{nothing}");
        }
        for something in ["S1", "02:00:00:00:00:01", "4C4C4544-0042"] {
            assert!(is_one(something), "{something}");
        }
    }

    #[test]
    fn names_of_disks_are_taken_apart() {
        assert_eq!(wwid("nvme.8086-50484b53-494e54454c-00000001\n"), ["50484b53"]);
        assert_eq!(wwid("t10.ATA     ST1000DM003-1ER162  Z4Y5A1B2"), ["Z4Y5A1B2"]);
        assert_eq!(core(wwid("naa.5000c500a1b2c3d4")[0]), "5000c500a1b2c3d4");
        assert_eq!(core("0x5000c500a1b2c3d4"), "5000c500a1b2c3d4");
    }

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let mut found = Found::default();
        found.addresses("enp1 52:54:00:AB:cd:ef, 12:34 and 2001:db8:1:2:3:4:5:6");
        assert_eq!(found.spellings.into_iter().collect::<Vec<_>>(), ["525400abcdef", "52:54:00:ab:cd:ef"]);
    }

    #[test]
    fn serial_numbers_are_found_in_vital_product_data() {
        assert_eq!(vpd(b"\x82\x04\x00Card\x90\x0d\x00SN\x06AB1234V0\x01x"), ["AB1234", "x"]);
    }
}
