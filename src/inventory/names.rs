//! Names of vendors, products and classes from `pci.ids` and `usb.ids`, looked up as they are wanted.

use std::cell::RefCell;
use std::collections::HashMap;

use memchr::memmem;

use super::survey::{legible, storable};
use crate::host::Host;

/// A database of names, read at the first question.
pub(super) struct Names {
    text: Vec<u8>,
    vendors: RefCell<HashMap<String, Option<usize>>>,
    products: RefCell<HashMap<(String, String), String>>,
}

impl Names {
    /// `pci.ids` from where distributions put it; none is no name.
    pub(super) fn pci(host: &Host) -> Self {
        let places = ["/root/.cache/pci.ids", "/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids"];
        Names::new(places.iter().find_map(|place| host.read(place).ok()))
    }

    /// `usb.ids`.
    pub(super) fn usb(host: &Host) -> Self {
        Names::new(host.read("/usr/share/misc/usb.ids").ok())
    }

    fn new(text: Option<Vec<u8>>) -> Self {
        Names { text: text.unwrap_or_default(), vendors: RefCell::default(), products: RefCell::default() }
    }

    /// The vendor with four hexadecimal digits.
    pub(super) fn vendor(&self, id: &str) -> String {
        self.entry(id).map(|at| self.rest(at, id.len())).unwrap_or_default()
    }

    /// A product of a vendor.
    pub(super) fn product(&self, vendor: &str, id: &str) -> String {
        let key = (vendor.to_owned(), id.to_owned());
        if let Some(known) = self.products.borrow().get(&key) {
            return known.clone();
        }
        let name = self.entry(vendor).map(|at| self.below(at, id)).unwrap_or_default();
        self.products.borrow_mut().insert(key, name.clone());
        name
    }

    /// A class and a subclass (`usb.ids` only).
    pub(super) fn class(&self, class: u64, subclass: u64) -> (String, String) {
        // Class 0 says that each interface has its own.
        if class == 0 {
            return Default::default();
        }
        let head = format!("C {class:02x}");
        let Some(at) = self.entry(&head) else { return Default::default() };
        let below = if subclass > 0 { self.below(at, &format!("{subclass:02x}")) } else { String::new() };
        (self.rest(at, head.len()), below)
    }

    /// Where the line of a top-level entry begins.
    fn entry(&self, head: &str) -> Option<usize> {
        if let Some(known) = self.vendors.borrow().get(head) {
            return *known;
        }
        let is_plain = head.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'C' || byte == b' ');
        let line = format!("\n{head}  ");
        let found = if is_plain && !head.is_empty() { memmem::find(&self.text, line.as_bytes()) } else { None };
        let at = found.map(|at| at + 1);
        self.vendors.borrow_mut().insert(head.to_owned(), at);
        at
    }

    /// The name of an entry below a top-level entry.
    fn below(&self, at: usize, id: &str) -> String {
        let lines = self.text[at..].split(|&byte| byte == b'\n').skip(1);
        for line in lines.take_while(|line| line.is_empty() || line.starts_with(b"\t") || line.starts_with(b"#")) {
            if let Some(name) = line.strip_prefix(b"\t").and_then(|line| line.strip_prefix(id.as_bytes()))
                && let Some(name) = name.strip_prefix(b"  ")
            {
                return plain(name);
            }
        }
        String::new()
    }

    fn rest(&self, at: usize, skip: usize) -> String {
        let line = self.text[at + skip..].split(|&byte| byte == b'\n').next().unwrap_or_default();
        plain(line)
    }
}

fn plain(name: &[u8]) -> String {
    storable(legible(name).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_their_place_in_the_file() {
        let text = "# head\n8086  Intel Corporation\n\t1572  Ethernet Controller X710\n\t\t1014 0000  not this\n1af4  Red Hat, Inc.\n\
                    \t1000  Virtio network device\nC 08  Mass Storage\n\t06  SCSI\n\t\t50  Bulk-Only\n";
        let names = Names::new(Some(text.into()));
        assert_eq!(names.vendor("8086"), "Intel Corporation");
        assert_eq!(names.product("8086", "1572"), "Ethernet Controller X710");
        assert_eq!(names.product("8086", "1000"), "", "another vendor's product");
        assert_eq!(names.product("1af4", "1000"), "Virtio network device");
        assert_eq!(names.class(8, 6), ("Mass Storage".into(), "SCSI".into()));
        assert_eq!((names.vendor("dead"), names.vendor(""), names.vendor("8086 ")), Default::default());
        assert_eq!(Names::new(None).vendor("8086"), "");
    }
}
