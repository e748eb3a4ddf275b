//! Names of vendors, products and classes from `pci.ids` and `usb.ids`. A file is read once; its vendors are found in one pass, and the
//! products of a vendor in another when the first of them is wanted, so that ten thousand functions cost no more than their number.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read as _;

use super::survey::{legible, storable};
use crate::host::Host;

/// What a packed database may hold unpacked; the largest today has 1.6 MB.
const LARGEST: u64 = 16 << 20;

/// Numbers to the places where their names begin.
type Places = HashMap<u16, usize>;

/// A database of names.
pub(super) struct Names {
    text: Vec<u8>,
    vendors: Places,
    classes: Places,
    /// What stands below a vendor or class, by the place of its name.
    below: RefCell<HashMap<usize, Places>>,
}

impl Names {
    /// `pci.ids` from where distributions put it, packed or not; none is no name.
    pub(super) fn pci(host: &Host) -> Self {
        let places = ["/root/.cache/pci.ids", "/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids"];
        let packed = ["/usr/share/hwdata/pci.ids.gz", "/usr/share/misc/pci.ids.gz"];
        let plain = places.iter().find_map(|place| host.read(place).ok());
        Names::new(plain.or_else(|| packed.iter().find_map(|place| unpacked(&host.read(place).ok()?))))
    }

    /// `usb.ids`.
    pub(super) fn usb(host: &Host) -> Self {
        Names::new(host.read("/usr/share/misc/usb.ids").ok())
    }

    fn new(text: Option<Vec<u8>>) -> Self {
        let text = text.unwrap_or_default();
        let (mut vendors, mut classes) = (Places::new(), Places::new());
        for (at, line) in lines(&text, 0) {
            // A class is `C 08  Name`.
            let (places, skip) = if line.starts_with(b"C ") { (&mut classes, 2) } else { (&mut vendors, 0) };
            if let Some((number, name)) = entry(&line[skip..]) {
                places.entry(number).or_insert(at + skip + name);
            }
        }
        Names { text, vendors, classes, below: RefCell::default() }
    }

    /// The vendor with four hexadecimal digits.
    pub(super) fn vendor(&self, id: &str) -> String {
        self.name(number(id.as_bytes()).and_then(|number| self.vendors.get(&number)))
    }

    /// A product of a vendor.
    pub(super) fn product(&self, vendor: &str, id: &str) -> String {
        let place = number(vendor.as_bytes()).and_then(|vendor| self.vendors.get(&vendor));
        place.zip(number(id.as_bytes())).map(|(place, id)| self.name_below(*place, id)).unwrap_or_default()
    }

    /// A class and a subclass (`usb.ids` only).
    pub(super) fn class(&self, class: u64, subclass: u64) -> (String, String) {
        // Class 0 says that each interface has its own.
        let Some(place) =
            u16::try_from(class).ok().filter(|class| *class > 0).and_then(|class| self.classes.get(&class))
        else {
            return Default::default();
        };
        let below = u16::try_from(subclass).ok().filter(|subclass| *subclass > 0);
        (self.name(Some(place)), below.map(|below| self.name_below(*place, below)).unwrap_or_default())
    }

    fn name_below(&self, place: usize, number: u16) -> String {
        let mut below = self.below.borrow_mut();
        let known = below.entry(place).or_insert_with(|| self.places_below(place));
        self.name(known.get(&number))
    }

    /// What is indented by one tabulator until the next line that is not.
    fn places_below(&self, place: usize) -> Places {
        let own = lines(&self.text, place).skip(1);
        let own = own.take_while(|(_, line)| line.first().is_none_or(|first| b"\t#".contains(first)));
        let entries = own.filter_map(|(at, line)| {
            let (number, name) = entry(line.strip_prefix(b"\t")?)?;
            Some((number, at + 1 + name))
        });
        entries.collect()
    }

    /// The rest of the line at a place.
    fn name(&self, place: Option<&usize>) -> String {
        let line = place.and_then(|place| lines(&self.text, *place).next());
        line.map(|(_, name)| storable(legible(name).trim())).unwrap_or_default()
    }
}

/// Lines from a place on, each with its place.
fn lines(text: &[u8], from: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = from;
    let ends = memchr::memchr_iter(b'\n', &text[from..]).map(move |end| from + end).chain([text.len()]);
    ends.map(move |end| {
        let line = (start, &text[start..end]);
        start = end + 1;
        line
    })
}

/// The number at the start of a line, and where its name begins, after two blanks.
fn entry(line: &[u8]) -> Option<(u16, usize)> {
    let digits = line.iter().take(5).position(|byte| *byte == b' ')?;
    line[digits..].starts_with(b"  ").then_some((number(&line[..digits])?, digits + 2))
}

/// A number of two or four hexadecimal digits.
fn number(digits: &[u8]) -> Option<u16> {
    let is_hexadecimal = matches!(digits.len(), 2 | 4) && digits.iter().all(u8::is_ascii_hexdigit);
    if is_hexadecimal { u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok() } else { None }
}

fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed).take(LARGEST).read_to_end(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &str = "8086  Intel Corporation\n\t1572  Ethernet Controller X710\n\t\t1014 0000  not this\n# remark\n\n\t1573  X\n\
                        1af4  Red Hat, Inc.\n\t1000  Virtio network device\nC 08  Mass Storage\n\t06  SCSI\n\t\t50  Bulk-Only\n";

    #[test]
    fn names_are_found_by_their_place_in_the_file() {
        let names = Names::new(Some(TEXT.into()));
        assert_eq!(names.vendor("8086"), "Intel Corporation");
        assert_eq!(names.product("8086", "1572"), "Ethernet Controller X710");
        assert_eq!(names.product("8086", "1573"), "X", "after a remark");
        assert_eq!(names.product("8086", "1000"), "", "another vendor's product");
        assert_eq!(names.product("8086", "1014"), "", "a subsystem");
        assert_eq!(names.product("1af4", "1000"), "Virtio network device");
        assert_eq!(names.class(8, 6), ("Mass Storage".into(), "SCSI".into()));
        assert_eq!(names.class(8, 0), ("Mass Storage".into(), String::new()));
        assert_eq!((names.vendor("dead"), names.vendor(""), names.vendor("8086 ")), Default::default());
        assert_eq!(Names::new(None).vendor("8086"), "");
    }

    #[test]
    fn a_file_that_is_cut_off_gives_what_it_has() {
        for end in 0..TEXT.len() {
            let names = Names::new(Some(TEXT.as_bytes()[..end].to_vec()));
            assert!("Ethernet Controller X710".starts_with(&names.product("8086", "1572")));
        }
    }

    #[test]
    fn a_packed_file_is_unpacked() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(TEXT.as_bytes()).expect("memory takes it");
        let root = tempfile::tempdir().expect("temporary directory");
        let place = root.path().join("usr/share/misc");
        std::fs::create_dir_all(&place).expect("directories");
        std::fs::write(place.join("pci.ids.gz"), packed.finish().expect("memory takes it")).expect("write");
        assert_eq!(Names::pci(&Host::at(root.path())).vendor("1af4"), "Red Hat, Inc.");
    }
}
