//! What identifies a machine and its parts, and where it is found.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::detail::is_pci_address;
use super::super::smbios::{Structure, structures};
use super::super::survey::legible;
use super::allowed::{self, Content, content, is_usual_interface, property};
use super::needed::is_smbios;
use super::vpd;
use super::{Node, Nodes};

/// The same everywhere: names of UEFI's own variables.
const PUBLIC: [&str; 2] = ["8be4df61-93ca-11d2-aa0d-00e098032b8c", "605dab50-e046-4300-abb6-3dd810dd8b23"];
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

/// True if a file's whole value is to be replaced wherever else it stands. What firmware says of a machine besides numbers may be the
/// name of a product.
fn is_attribute(place: &Path) -> bool {
    const WORDS: [&str; 4] = ["product_sku", "configuration", "ifalias", "name"];
    content(place) == Content::One
        && (!place.to_string_lossy().contains("/dmi/id/")
            || place.to_string_lossy().ends_with("_serial")
            || is_tag(place))
        && !WORDS.iter().any(|name| place.ends_with(name))
}

fn is_tag(place: &Path) -> bool {
    ["product_uuid", "board_asset_tag", "chassis_asset_tag"].iter().any(|name| place.ends_with(name))
}

/// Offsets of the numbers of strings that identify something, by SMBIOS type.
pub(super) fn smbios_serials(kind: u8) -> &'static [usize] {
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

/// The known identifiers and names of a machine.
#[derive(Default)]
pub(super) struct Found {
    /// Identifiers to be replaced wherever they stand, in each spelling that occurs.
    pub(super) spellings: BTreeSet<String>,
    /// Those that begin with the number of a maker: MAC addresses and world-wide names, in lower case without separators.
    pub(super) makers: BTreeSet<String>,
    /// Words of values that identify, but are too short or too plain to be looked for everywhere.
    given: BTreeSet<String>,
    /// Names of interfaces and block devices that somebody chose.
    pub(super) names: BTreeSet<String>,
    /// Words of products, and names that the kernel gave.
    here: BTreeSet<String>,
}

pub(super) fn find(nodes: &Nodes, answers: &str) -> Found {
    let mut found = Found::default();
    for (place, node) in nodes {
        found.addresses(&place.to_string_lossy());
        found.name(place);
        match node {
            Node::File(content) if is_smbios(place) => found.smbios(content),
            Node::File(content) => found.file(place, content),
            Node::Link(target) => found.addresses(&target.to_string_lossy()),
            Node::Directory => {}
        }
    }
    found.addresses(answers);
    found
}

/// The words of a text: what lies between punctuation.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

impl Found {
    /// Words that may stay because of what this machine is made of.
    pub(super) fn here(&self) -> BTreeSet<String> {
        self.here.difference(&self.given).cloned().collect()
    }

    pub(super) fn given(&self) -> BTreeSet<String> {
        self.given.clone()
    }

    /// Notes the words of a value that identifies; numbers of a digit or two tell nothing.
    fn give(&mut self, value: &str) {
        let tells = |word: &&str| word.len() > 2 || !word.bytes().all(|byte| byte.is_ascii_digit());
        self.given.extend(words(value).filter(tells).map(str::to_lowercase));
    }

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
        } else if is_one(core) {
            self.give(core);
        }
    }

    /// An identifier whose beginning is its maker's.
    fn add_of_maker(&mut self, value: &str) {
        self.add(value);
        self.makers.insert(plain(core(value)));
    }

    fn add_all<Value: AsRef<str>>(&mut self, values: impl IntoIterator<Item = Value>) {
        for value in values {
            self.add(value.as_ref());
        }
    }

    /// A name of an interface or of a block device: the kernel's own may stay.
    fn name(&mut self, place: &Path) {
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let parent = place.parent().unwrap_or(place);
        let is_interface = parent.ends_with("net") || parent.ends_with("bonding") && parent.starts_with("/proc");
        let is_disk = place.starts_with("/sys") && parent.ends_with("block");
        let is_usual = is_interface && is_usual_interface(&name) || is_disk && is_usual_disk(&name);
        if is_usual {
            self.here.extend(words(&name).map(str::to_lowercase));
        } else if (is_interface && place.starts_with("/sys")) || is_disk {
            self.names.insert(name);
        }
    }

    fn file(&mut self, place: &Path, content: &[u8]) {
        let text = legible(content);
        if place.extension().is_some_and(|extension| extension == "ids") {
            self.here.extend(words(&text).map(str::to_lowercase));
            return;
        }
        self.addresses(&text);
        if is_attribute(place) {
            self.add(&text);
        } else if allowed::content(place) == Content::One {
            self.give(&text);
        } else if place.ends_with("model") || place.ends_with("vendor") {
            self.here.extend(words(&text).map(str::to_lowercase));
        } else if place.starts_with("/run/udev") {
            self.udev(&text);
        } else if place.ends_with("vpd") {
            let texts = vpd::texts(content).into_iter().filter(|(_, kind)| *kind == Content::One);
            self.add_all(texts.map(|(at, _)| legible(&content[at]).trim_matches('\0').trim().to_owned()));
        } else if place.ends_with("vpd_pg80") {
            self.add(&legible(&content[vpd::page_head(content)..]));
        } else if place.ends_with("wwid") {
            self.add_all(wwid(&text));
        } else if place == Path::new("/proc/cpuinfo") {
            let serial = text.lines().filter_map(|line| line.strip_prefix("Serial")?.split_once(':'));
            self.add_all(serial.map(|(_, value)| value));
        }
    }

    fn udev(&mut self, text: &str) {
        let properties = || text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('='));
        for (key, value) in properties() {
            match property(key) {
                Some(Content::One) if key.starts_with("ID_WWN") => self.add_of_maker(value),
                Some(Content::One) => self.add(value),
                Some(Content::Maker) => self.here.extend(words(&value.replace("\\x20", " ")).map(str::to_lowercase)),
                _ => {}
            }
        }
        // What is left of the long form without the model is what identifies.
        let model = properties().find(|(key, _)| *key == "ID_MODEL").map_or("", |(_, model)| model);
        let long = properties().filter(|(key, _)| matches!(*key, "ID_SERIAL" | "ID_USB_SERIAL"));
        self.add_all(long.map(|(_, value)| match value.split_once(model).filter(|_| !model.is_empty()) {
            Some((_, rest)) => rest.trim_matches('_'),
            None => value,
        }));
    }

    fn smbios(&mut self, table: &[u8]) {
        for structure in structures(table) {
            self.add_all(smbios_serials(structure.kind).iter().map(|offset| structure.text(*offset)));
            self.add_all(smbios_uuid(&structure));
        }
    }

    /// Six or more pairs of digits: an address, with or without something before it.
    fn pairs(&mut self, word: &str, parts: &[&str], separator: char) {
        let joined = |parts: &[&str]| parts.join(separator.encode_utf8(&mut [0; 4]));
        match parts {
            // How a boot loader names an interface: the kind of network, Ethernet or InfiniBand, is no part of its address.
            ["01" | "20", address @ ..] if address.len() == 6 => self.add_of_maker(&joined(address)),
            [_, address @ ..] if address.len() == 6 => {
                self.add_of_maker(&joined(address));
                self.add(word);
            }
            // A world-wide name, or the address of an InfiniBand port with its queue and its network before it.
            [.., _, _, _, _, _, _, _, _] if matches!(parts.len(), 8 | 20) => {
                self.add_of_maker(&joined(&parts[parts.len() - 8..]));
                self.add(word);
            }
            _ => {
                parts.chunks_exact(6).for_each(|six| self.add_of_maker(&joined(six)));
                self.add(word);
            }
        }
    }

    /// MAC addresses, GUIDs and world-wide names, wherever they stand.
    fn addresses(&mut self, text: &str) {
        for separator in [':', '-'] {
            let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != separator);
            for word in words.filter(|word| word.len() >= 17) {
                let parts: Vec<&str> = word.split(separator).collect();
                if parts.len() >= 6 && parts.iter().all(|part| part.len() == 2) {
                    self.pairs(word, &parts, separator);
                } else if separator == '-' && !PUBLIC.contains(&word.to_lowercase().as_str()) {
                    self.add_all(guid(&parts));
                }
            }
        }
        for run in words(text) {
            // `exp0x5003…`, `enx0242…`
            let (number, is_marked) = match (run.split_once("0x"), run.strip_prefix("enx")) {
                (Some((_, number)), _) | (None, Some(number)) => (number, true),
                (None, None) => (run, false),
            };
            let has = |test: fn(&u8) -> bool| number.bytes().any(|byte| test(&byte));
            let is_hex = number.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_number = is_marked || has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit);
            if matches!(number.len(), 12 | 16 | 32) && is_hex && is_number {
                if is_marked || text.contains(&format!(".{number}")) {
                    self.add_of_maker(number);
                } else {
                    self.add(number);
                }
            }
        }
    }
}

/// 8-4-4-4-12 digits; others may stand before and behind.
fn guid(parts: &[&str]) -> Option<String> {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let found = parts.windows(5).find(|five| five.iter().zip(LENGTHS).all(|(part, length)| part.len() == length));
    found.map(|five| five.join("-"))
}

/// Letters and digits of an identifier in lower case, which all its spellings share.
pub(super) fn plain(text: &str) -> String {
    text.replace("\\x20", "").chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

fn is_usual_disk(name: &str) -> bool {
    const KERNEL: [&str; 20] = [
        "sd", "hd", "vd", "xvd", "nvme", "mmcblk", "dm-", "md", "loop", "ram", "sr", "zd", "zram", "rbd", "bcache",
        "drbd", "pmem", "nbd", "dasd", "mtdblock",
    ];
    KERNEL.iter().any(|start| {
        name.strip_prefix(start)
            .is_some_and(|rest| rest.len() <= 9 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    })
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
        let mut found = Found::default();
        found.addresses(
            "BOOTIF=01-52-54-00-00-00-11 sas-exp0x500605b0000272bf-phy4 root=UUID=0c1f2a3b-1111-4222-8333-444455556666 \
             enx0242ac990011 naa.5000c500a1b2c3d4 size 976773168000",
        );
        for address in [
            "52-54-00-00-00-11",
            "500605b0000272bf",
            "0c1f2a3b-1111-4222-8333-444455556666",
            "0242ac990011",
            "5000c500a1b2c3d4",
        ] {
            assert!(found.spellings.contains(address), "{address}: {:?}", found.spellings);
        }
        assert!(!found.spellings.contains("976773168000"));
        assert!(found.makers.contains("500605b0000272bf") && found.makers.contains("5000c500a1b2c3d4"));
    }
}
