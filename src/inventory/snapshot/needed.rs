//! Leaves out of a snapshot what belongs to other machines or to people: names of devices that are not here, how something is
//! mounted, SMBIOS structures that nobody reads.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::Path;

use super::super::detail::serial_number;
use super::super::smbios::structures;
use super::super::survey::legible;
use super::{Node, Nodes};

/// Attributes that hold numbers of vendors and products.
const NUMBERS: [&str; 6] = ["vendor", "device", "subsystem_vendor", "subsystem_device", "idVendor", "idProduct"];
/// SMBIOS types that an inventory tells of: firmware, machine, board, chassis, processors, caches, ports, slots, memory, BMC, on-board
/// devices, power supplies, TPM, the end. Others hold makers' own strings, which may be anything.
const TOLD: [u8; 18] = [0, 1, 2, 3, 4, 7, 8, 9, 16, 17, 19, 20, 32, 38, 39, 41, 43, 127];

pub(super) fn reduce(nodes: &mut Nodes) {
    let numbers = numbers(nodes);
    for (place, node) in nodes {
        let Node::File(content) = node else { continue };
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match name.as_str() {
            "pci.ids" | "usb.ids" => *content = names(content, &numbers),
            "pci.ids.gz" => *content = repacked(content, &numbers).unwrap_or_default(),
            "mountinfo" => *content = mounts(content),
            "DMI" => *content = told(content),
            "config" if place.starts_with("/sys") => *content = configuration(content),
            _ => {}
        }
    }
}

/// The numbers of vendors and products that occur.
fn numbers(nodes: &Nodes) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (place, node) in nodes {
        let is_number = place.file_name().is_some_and(|name| NUMBERS.iter().any(|known| name == *known));
        if let (true, Node::File(content)) = (is_number, node) {
            found.insert(legible(content).trim().trim_start_matches("0x").to_lowercase());
        }
    }
    found
}

/// The lines of the vendors and products that occur, and those of all classes.
fn names(text: &[u8], numbers: &BTreeSet<String>) -> Vec<u8> {
    let mut kept = Vec::new();
    let (mut is_class, mut is_vendor) = (false, false);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let depth = line.iter().take_while(|byte| **byte == b'\t').count();
        let number = String::from_utf8_lossy(line.get(depth..depth + 4).unwrap_or_default()).to_lowercase();
        let is_known = numbers.contains(&number);
        // Remarks stand between the products of a vendor.
        if depth == 0 && !matches!(line, [b'#' | b'\n', ..]) {
            (is_class, is_vendor) = (line.starts_with(b"C "), is_known);
        }
        if is_class && depth <= 2 || is_vendor && is_known && depth < 2 {
            kept.extend_from_slice(line);
        }
    }
    kept
}

fn repacked(gzip: &[u8], numbers: &BTreeSet<String>) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(gzip).take(16 << 20).read_to_end(&mut text).ok()?;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(&names(&text, numbers)).ok()?;
    writer.finish().ok()
}

/// Which device is mounted and where, not how: options name servers and users.
fn mounts(text: &[u8]) -> Vec<u8> {
    let text = legible(text);
    let mount = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [id, parent, device, _, place, ..] = fields.as_slice() else { return String::new() };
        format!("{id} {parent} {device} / {place} ro - none none ro\n")
    };
    text.lines().map(mount).collect::<String>().into_bytes()
}

fn told(table: &[u8]) -> Vec<u8> {
    let told = structures(table).into_iter().filter(|structure| TOLD.contains(&structure.kind));
    told.flat_map(|structure| structure.to_bytes()).collect()
}

/// Of 4 KiB of a PCI function's configuration space the serial number, the only part that is read, where it then stands.
fn configuration(config: &[u8]) -> Vec<u8> {
    let Some(serial) = serial_number(config) else { return Vec::new() };
    let mut reduced = vec![0; SERIAL_NUMBER.start];
    reduced[0x100] = 3;
    reduced.extend(serial);
    reduced
}

/// Where [`reduce`] leaves the serial number in a function's configuration space.
pub(super) const SERIAL_NUMBER: Range<usize> = 0x104..0x10c;

/// Whether a file holds SMBIOS structures.
pub(super) fn is_smbios(place: &Path) -> bool {
    place == Path::new("/sys/firmware/dmi/tables/DMI")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_devices_that_occur_are_kept() {
        let mut nodes = Nodes::new();
        let mut file = |place: &str, text: &str| nodes.insert(place.into(), Node::File(text.into()));
        file("/sys/bus/pci/devices/0000:00:01.0/vendor", "0x8086\n");
        file("/sys/bus/pci/devices/0000:00:01.0/device", "0x1572\n");
        let text = "8086  Intel\n\t1573  other\n# remark\n\t1572  X710\n\t\t8086 0001  board\n144d  Samsung\n\t1572  not here\n\
                    C 02  Network\n\t00  Ethernet\n";
        file("/usr/share/misc/pci.ids", text);
        file("/proc/self/mountinfo", "22 1 254:0 /home /home/alice rw - nfs server:/x rw,user=alice\n");
        reduce(&mut nodes);
        let kept = |place: &str| match &nodes[Path::new(place)] {
            Node::File(content) => legible(content),
            other => panic!("{other:?}"),
        };
        assert_eq!(kept("/usr/share/misc/pci.ids"), "8086  Intel\n\t1572  X710\nC 02  Network\n\t00  Ethernet\n");
        assert_eq!(kept("/proc/self/mountinfo"), "22 1 254:0 / /home/alice ro - none none ro\n");
    }

    #[test]
    fn of_a_configuration_space_the_serial_number_is_left() {
        let mut config = vec![0xaa; 4096];
        config[0x100..0x104].copy_from_slice(&0x1401_0001u32.to_le_bytes());
        config[0x140..0x144].copy_from_slice(&0x0001_0003u32.to_le_bytes());
        config[0x144..0x14c].copy_from_slice(b"12345678");
        let reduced = configuration(&config);
        assert_eq!(reduced.len(), SERIAL_NUMBER.end);
        assert_eq!(serial_number(&reduced), Some(*b"12345678"));
        assert!(configuration(&config[..256]).is_empty());
    }

    #[test]
    fn structures_that_nobody_reads_are_left_out() {
        let table = b"\x01\x05\x01\x00\x01Maker\0\0\x0b\x05\x02\x00\x01somebody's\0\0\x7f\x04\x03\x00\0\0";
        assert_eq!(told(table), b"\x01\x05\x01\x00\x01Maker\0\0\x7f\x04\x03\x00\0\0");
    }
}
