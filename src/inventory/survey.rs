//! Reading with a record of what could not be read: absent is an answer, unreadable or malformed is a gap. And the forms without
//! which a region refuses the whole inventory (contract RESOURCES §3.2): no reader needs to think of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::topic::{Gap, Topic};
use crate::host::Host;

/// A region's database takes no longer texts.
const LONGEST: usize = 255;

/// One topic's view of a machine.
pub(super) struct Survey<'a> {
    pub(super) host: &'a Host,
    topic: Topic,
    gaps: RefCell<Vec<Gap>>,
    /// Versions of drivers, by their place below `/sys`.
    versions: RefCell<HashMap<PathBuf, Option<String>>>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(host: &'a Host, topic: Topic) -> Self {
        Survey { host, topic, gaps: RefCell::default(), versions: RefCell::default() }
    }

    pub(super) fn into_gaps(self) -> Vec<Gap> {
        self.gaps.into_inner()
    }

    /// Notes what could not be found out.
    pub(super) fn gap(&self, path: impl AsRef<Path>, reason: impl fmt::Display) {
        let path = path.as_ref().display().to_string();
        self.gaps.borrow_mut().push(Gap::of_file(self.topic, path, reason));
    }

    /// Notes that nothing of the topic could be found out: its devices are unknown, and not gone.
    pub(super) fn gap_of_all(&self, reason: impl fmt::Display) {
        self.gaps.borrow_mut().push(Gap::of_all(self.topic, reason));
    }

    /// The content of a file; `None` when it is absent, or unreadable, which is a gap.
    pub(super) fn bytes(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        match self.host.read(path.as_ref()) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                if !is_absence(&error) {
                    self.gap(path, error);
                }
                None
            }
        }
    }

    /// The text of a file of any length without surrounding blanks; an empty file is an empty text.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        self.bytes(path).map(trimmed)
    }

    /// The text of a file that holds one value.
    pub(super) fn attribute(&self, path: impl AsRef<Path>) -> Option<String> {
        self.text(path).map(storable)
    }

    /// The same with nothing for an absent file.
    pub(super) fn word(&self, path: impl AsRef<Path>) -> String {
        self.attribute(path).unwrap_or_default()
    }

    /// The same with a gap for an absent file.
    pub(super) fn needed_word(&self, path: impl AsRef<Path>) -> String {
        self.needed_attribute(path).unwrap_or_default()
    }

    fn needed_attribute(&self, path: impl AsRef<Path>) -> Option<String> {
        match self.host.read(path.as_ref()) {
            Ok(bytes) => Some(storable(trimmed(bytes))),
            Err(error) => {
                let reason = if is_absence(&error) { "it is missing".to_owned() } else { error.to_string() };
                self.gap(path, reason);
                None
            }
        }
    }

    /// The number of a vendor or product, as a file tells it, of which a region wants four hexadecimal digits; 0000, which nobody
    /// has, for one that cannot be told.
    pub(super) fn identity(&self, path: &Path, text: &str) -> String {
        let text = plain_hex(text);
        if text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return text;
        }
        self.gap(path, format!("{:?} is no number of four hexadecimal digits; told as 0000", shortened(&text)));
        "0000".to_owned()
    }

    /// A decimal number without which something cannot be told truly: its absence is a gap, too.
    pub(super) fn needed<T: FromStr<Err: fmt::Display>>(&self, path: impl AsRef<Path>) -> Option<T> {
        let text = self.needed_attribute(path.as_ref())?;
        self.parsed(path, &text)
    }

    /// A decimal number; one that is none is a gap.
    pub(super) fn number<T: FromStr<Err: fmt::Display>>(&self, path: impl AsRef<Path>) -> Option<T> {
        let text = self.text(path.as_ref())?;
        self.parsed(path, &text)
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&self, path: impl AsRef<Path>, text: &str) -> Option<T> {
        match text.parse() {
            Ok(number) => Some(number),
            Err(error) => {
                self.gap(path, format!("{:?} is not a number: {error}", shortened(text)));
                None
            }
        }
    }

    /// The NUMA node of a device; unknown and negative count as 0, the region's neutral value.
    pub(super) fn numa_node(&self, device: &Path) -> u64 {
        let node: Option<i64> = self.number(device.join("numa_node"));
        u64::try_from(node.unwrap_or(0)).unwrap_or(0)
    }

    /// The names in a directory in byte-wise order; none when it is absent.
    pub(super) fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        match self.host.names(path.as_ref()) {
            Ok(names) => names,
            Err(error) => {
                if !is_absence(&error) {
                    self.gap(path, error);
                }
                Vec::new()
            }
        }
    }

    /// The name of a device's driver.
    pub(super) fn driver(&self, device: &Path) -> String {
        self.host.link_name(device.join("driver")).unwrap_or_default()
    }

    /// The name of a device's driver, and the version of its module, else the kernel's; nothing without a driver.
    pub(super) fn driver_and_version(&self, device: &Path, kernel: &str) -> (String, String) {
        let Some(link) = self.host.link(device.join("driver")) else { return Default::default() };
        let Some(name) = link.file_name() else { return Default::default() };
        let read = || self.attribute(device.join("driver/module/version"));
        // The kernel's links go up to `/sys` and down to `bus/BUS/drivers/NAME`, which a thousand devices may share.
        let place =
            link.strip_prefix(link.iter().take_while(|part| *part == "..").collect::<PathBuf>()).unwrap_or(&link);
        let version = if place.starts_with("bus") {
            let mut known = self.versions.borrow_mut();
            if !known.contains_key(place) {
                known.insert(place.to_owned(), read());
            }
            known[place].clone()
        } else {
            read()
        };
        (name.to_string_lossy().into_owned(), version.unwrap_or_else(|| kernel.to_owned()))
    }

    /// Follows `device` while it is a directory: from an interface or a disk to what carries it.
    pub(super) fn deepest(&self, place: &Path) -> PathBuf {
        let mut place = place.to_owned();
        // No bus nests deeper; a loop of links in a broken tree ends here.
        for _ in 0..8 {
            let next = place.join("device");
            if !self.host.is_directory(&next) {
                break;
            }
            place = next;
        }
        place
    }

    /// `BUS:DEVICE` of the nearest USB device that a path without links leads through.
    pub(super) fn usb_address(&self, real: &Path) -> Option<String> {
        if !real.as_os_str().as_bytes().windows(4).any(|part| part == b"/usb") {
            return None;
        }
        real.ancestors().find_map(|place| {
            if !self.host.has(place.join("busnum")) || !self.host.has(place.join("devnum")) {
                return None;
            }
            Some(format!("{}:{}", self.number::<u64>(place.join("busnum"))?, self.number::<u64>(place.join("devnum"))?))
        })
    }

    /// The PCI address of a device by its path without links: its own, or that of the PCI function behind a virtio device.
    pub(super) fn pci_address(&self, real: &Path) -> Option<String> {
        let mut place = real;
        let subsystem = |place: &Path| self.host.link_name(place.join("subsystem"));
        let mut kind = subsystem(place);
        if kind.as_deref() == Some("virtio") {
            place = place.parent()?;
            kind = subsystem(place);
        }
        (kind.as_deref() == Some("pci")).then(|| place.file_name().map(|name| name.to_string_lossy().into_owned()))?
    }
}

/// Whether an error says no more than that there is no such thing.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(nix::errno::Errno::ENODEV as i32)
}

/// For messages: garbage may be long.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// For `skip_serializing_if`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The text of a file without surrounding blanks.
fn trimmed(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            text.truncate(text.trim_end().len());
            text.drain(..text.len() - text.trim_start().len());
            text
        }
        Err(error) => legible(error.as_bytes()).trim().to_owned(),
    }
}

/// Text of bytes, with a replacement character for each byte that is none, as the reference prints it.
pub(super) fn legible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// A text that a region's database takes: it refuses NUL characters and more than it has room for.
pub(super) fn storable(text: impl Into<String>) -> String {
    let text = text.into();
    if text.len() <= LONGEST && !text.contains('\0') {
        return text;
    }
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

/// Removes the `0x` that sysfs puts before PCI ids.
pub(super) fn plain_hex(text: &str) -> String {
    text.strip_prefix("0x").unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_byte_is_replaced_by_itself() {
        assert_eq!(legible(b"caf\xc3\xa9"), "café");
        assert_eq!(legible(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
    }

    #[test]
    fn a_text_is_cut_to_what_a_region_takes() {
        assert_eq!(storable("Dell\0 Inc."), "Dell Inc.");
        assert_eq!(storable("é".repeat(300)).chars().count(), LONGEST);
    }
}
