//! Names of vendors, products and classes from `pci.ids` and `usb.ids`; where there are none, of vendors and classes from a table in this
//! program (`data/`, made by `scripts/dev/device-names`). A file is opened when the first name is wanted and gone through
//! once, for the places of its vendors; the products of a vendor are found in another pass over its part when the first of them is
//! wanted. So ten thousand functions cost no more than their number, and no file is ever held whole.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

use super::survey::{legible, storable};
use crate::host::Host;

/// Largest unpacked size of a database, in bytes; the largest today has 1.6 MB.
const LARGEST: u64 = 16 << 20;
/// Size of the read buffer, in bytes; every line is much shorter.
const PIECE: usize = 32 << 10;
/// Bytes that are read of a name, of which at most 255 characters are used.
const LONGEST: usize = 2 << 10;

/// Identifiers with the offsets of their names in the database.
type Places = HashMap<u16, u64>;

/// A database of names.
pub(super) struct Names<'a> {
    open: Box<dyn Fn() -> Option<Text> + 'a>,
    index: OnceCell<Index>,
}

impl<'a> Names<'a> {
    /// `pci.ids` from the places where distributions put it, packed or not; without one all names are empty.
    pub(super) fn pci(host: &'a Host) -> Self {
        let places = ["/root/.cache/pci.ids", "/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids"];
        let packed = ["/usr/share/hwdata/pci.ids.gz", "/usr/share/misc/pci.ids.gz"];
        Names::new(move || {
            let plain = places.iter().find_map(|place| host.open_file(place).ok()).map(Text::File);
            plain.or_else(|| packed.iter().find_map(|place| unpacked(&host.read(place).ok()?)).map(Text::Unpacked))
        })
    }

    /// `usb.ids` of the machine; without one all names are empty.
    pub(super) fn usb(host: &'a Host) -> Self {
        Names::new(move || host.open_file("/usr/share/misc/usb.ids").ok().map(Text::File))
    }

    /// The PCI names in this program: vendors and classes.
    pub(super) fn pci_by_itself() -> Self {
        Names::new(|| unpacked(include_bytes!("../../data/pci-names.gz")).map(Text::Unpacked))
    }

    /// The USB names in this program: vendors and classes.
    pub(super) fn usb_by_itself() -> Self {
        Names::new(|| unpacked(include_bytes!("../../data/usb-names.gz")).map(Text::Unpacked))
    }

    fn new(open: impl Fn() -> Option<Text> + 'a) -> Self {
        Names { open: Box::new(open), index: OnceCell::new() }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new((self.open)().unwrap_or(Text::Unpacked(Vec::new()))))
    }

    /// The name of the vendor with this number (four hexadecimal digits); empty when unknown.
    pub(super) fn vendor(&self, id: &str) -> String {
        let Some(number) = number(id.as_bytes()) else { return String::new() };
        let index = self.index();
        index.name(index.vendors.get(&number))
    }

    /// The name of a vendor's product; empty when unknown.
    pub(super) fn product(&self, vendor: &str, id: &str) -> String {
        let Some((vendor, id)) = number(vendor.as_bytes()).zip(number(id.as_bytes())) else { return String::new() };
        let index = self.index();
        index.vendors.get(&vendor).map(|place| index.name_below(*place, id)).unwrap_or_default()
    }

    /// The names of a class and a subclass (`usb.ids` only); empty when unknown.
    pub(super) fn class(&self, class: u64, subclass: u64) -> (String, String) {
        // Class 0 means that each interface has a class of its own.
        let Some(class) = u16::try_from(class).ok().filter(|class| *class > 0) else { return Default::default() };
        let index = self.index();
        let Some(place) = index.classes.get(&class) else { return Default::default() };
        let below = u16::try_from(subclass).ok().filter(|subclass| *subclass > 0);
        (index.name(Some(place)), below.map(|below| index.name_below(*place, below)).unwrap_or_default())
    }

    /// The name of a PCI subclass, else of its class; empty when unknown.
    pub(super) fn pci_class(&self, class: u8, subclass: u8) -> String {
        let index = self.index();
        let Some(place) = index.classes.get(&class.into()) else { return String::new() };
        let below = index.name_below(*place, subclass.into());
        if below.is_empty() { index.name(Some(place)) } else { below }
    }
}

/// The offsets of names in a database.
struct Index {
    text: Text,
    vendors: Places,
    classes: Places,
    /// Products or subclasses of a vendor or class, by the offset of its name.
    below: RefCell<HashMap<u64, Places>>,
    /// Names that were read before, by their offsets.
    told: RefCell<HashMap<u64, String>>,
}

impl Index {
    fn new(text: Text) -> Self {
        let (mut vendors, mut classes) = (Places::new(), Places::new());
        text.each_line(0, |at, line| {
            // A class is `C 08  Name`.
            let (places, skip) = if line.starts_with(b"C ") { (&mut classes, 2) } else { (&mut vendors, 0) };
            if let Some((number, name)) = entry(&line[skip..]) {
                places.entry(number).or_insert(at + (skip + name) as u64);
            }
            true
        });
        Index { text, vendors, classes, below: RefCell::default(), told: RefCell::default() }
    }

    fn name_below(&self, place: u64, number: u16) -> String {
        let mut below = self.below.borrow_mut();
        let known = below.entry(place).or_insert_with(|| self.places_below(place));
        self.name(known.get(&number))
    }

    /// The entries that are indented by one tab below a vendor or class.
    fn places_below(&self, place: u64) -> Places {
        let mut places = Places::new();
        self.text.each_line(place, |at, line| {
            if let Some((number, name)) = line.strip_prefix(b"\t").and_then(entry) {
                places.insert(number, at + 1 + name as u64);
            }
            at == place || line.first().is_none_or(|first| b"\t#".contains(first))
        });
        places
    }

    /// The name at an offset: the rest of its line; empty for `None`.
    fn name(&self, place: Option<&u64>) -> String {
        let Some(place) = place else { return String::new() };
        self.told.borrow_mut().entry(*place).or_insert_with(|| self.text.name_at(*place)).clone()
    }
}

/// The text of a database.
enum Text {
    File(File),
    Unpacked(Vec<u8>),
}

impl Text {
    /// Reads into a buffer at an offset and returns the number of bytes; a read error counts as the end of the text.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> usize {
        match self {
            Text::File(file) => file.read_at(buffer, at).unwrap_or(0),
            Text::Unpacked(text) => {
                let rest = usize::try_from(at).ok().and_then(|at| text.get(at..)).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                count
            }
        }
    }

    /// Calls `wants_more` with each line and its offset, from an offset on, until it returns false.
    fn each_line(&self, from: u64, mut wants_more: impl FnMut(u64, &[u8]) -> bool) {
        let mut piece = vec![0; PIECE];
        let (mut at, mut held) = (from, 0);
        loop {
            let count = self.read_at(at + held as u64, &mut piece[held..]);
            let end = held + count;
            let mut start = 0;
            for line_end in memchr::memchr_iter(b'\n', &piece[..end]) {
                if !wants_more(at + start as u64, &piece[start..line_end]) {
                    return;
                }
                start = line_end + 1;
            }
            if count == 0 {
                // The last line may lack its line end; a line that fills the buffer is no valid one.
                wants_more(at + start as u64, &piece[start..end]);
                return;
            }
            piece.copy_within(start..end, 0);
            (at, held) = (at + start as u64, end - start);
        }
    }

    fn name_at(&self, place: u64) -> String {
        let mut line = [0; LONGEST];
        let count = self.read_at(place, &mut line);
        let name = line[..count].split(|byte| *byte == b'\n').next().unwrap_or_default();
        storable(legible(name).trim())
    }
}

/// The number at the start of a line, and the index where its name begins, after two blanks.
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

    fn known(text: &str) -> Names<'_> {
        Names::new(|| Some(Text::Unpacked(text.into())))
    }

    #[test]
    fn names_are_found_by_their_place_in_the_file() {
        let names = known(TEXT);
        assert_eq!(names.vendor("8086"), "Intel Corporation");
        assert_eq!(names.product("8086", "1572"), "Ethernet Controller X710");
        assert_eq!(names.product("8086", "1573"), "X", "after a remark");
        assert_eq!(names.product("8086", "1000"), "", "another vendor's product");
        assert_eq!(names.product("8086", "1014"), "", "a subsystem");
        assert_eq!(names.product("1af4", "1000"), "Virtio network device");
        assert_eq!(names.class(8, 6), ("Mass Storage".into(), "SCSI".into()));
        assert_eq!((names.pci_class(8, 6), names.pci_class(8, 0)), ("SCSI".into(), "Mass Storage".into()));
        assert_eq!(names.class(8, 0), ("Mass Storage".into(), String::new()));
        assert_eq!((names.vendor("dead"), names.vendor(""), names.vendor("8086 ")), Default::default());
        assert_eq!(Names::new(|| None).vendor("8086"), "");
    }

    #[test]
    fn this_program_knows_vendors_and_classes_by_itself() {
        let (pci, usb) = (Names::pci_by_itself(), Names::usb_by_itself());
        assert_eq!((pci.vendor("8086"), pci.vendor("10de")), ("Intel Corporation".into(), "NVIDIA Corporation".into()));
        assert_eq!(
            (pci.pci_class(2, 0), pci.pci_class(1, 8)),
            ("Ethernet controller".into(), "Non-Volatile memory controller".into())
        );
        assert_eq!(pci.product("8086", "1572"), "", "products are too many");
        assert_eq!(
            (usb.vendor("0781"), usb.class(8, 6)),
            ("SanDisk Corp.".into(), ("Mass Storage".into(), "SCSI".into()))
        );
    }

    #[test]
    fn a_file_that_is_cut_off_gives_what_it_has() {
        for end in 0..TEXT.len() {
            let names = known(&TEXT[..end]);
            assert!("Ethernet Controller X710".starts_with(&names.product("8086", "1572")));
        }
    }

    #[test]
    fn a_packed_file_is_unpacked_and_a_plain_one_is_read_in_pieces() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(TEXT.as_bytes()).expect("memory takes it");
        let root = tempfile::tempdir().expect("temporary directory");
        let place = root.path().join("usr/share/misc");
        std::fs::create_dir_all(&place).expect("directories");
        std::fs::write(place.join("pci.ids.gz"), packed.finish().expect("memory takes it")).expect("write");
        assert_eq!(Names::pci(&Host::at(root.path())).vendor("1af4"), "Red Hat, Inc.");
        let long = format!("{TEXT}{}1b36  Red Hat\n\t0001  Bridge\n", "\t0002  Much more\n".repeat(PIECE / 7));
        std::fs::write(place.join("pci.ids"), long).expect("write");
        assert_eq!(Names::pci(&Host::at(root.path())).product("1b36", "0001"), "Bridge", "beyond the first piece");
    }
}
