//! PCI Express links: what each of them could be by both of its ends, and what it is.

use std::path::Path;

use crate::host::Host;

const DEVICES: &str = "/sys/bus/pci/devices";
/// Vendors of devices that a hypervisor makes: Red Hat (QEMU), Red Hat (virtio), `VMware`, Microsoft, Amazon, Google.
const VIRTUAL: [&str; 6] = ["0x1b36", "0x1af4", "0x15ad", "0x1414", "0x1d0f", "0x1ae0"];
/// A memory device that speaks CXL over the lanes of a link.
const CXL: &str = "0x0502";

/// Speed of a link in tenths of a GT/s: 25, 50, 80, 160, 320, 640.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Speed(pub(super) u32);

impl Speed {
    /// Of a text such as `8.0 GT/s PCIe`; `None` of `Unknown`.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_once(' ')?;
        let (whole, tenth) = whole.split_once('.').unwrap_or((whole, "0"));
        let tenths = whole.parse::<u32>().ok()?.checked_mul(10)?.checked_add(tenth.get(..1)?.parse().ok()?)?;
        (rest.starts_with("GT/s") && tenths > 0).then_some(Speed(tenths))
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} GT/s", self.0 / 10, self.0 % 10)
    }
}

/// Lanes and speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Lanes.
    pub(super) width: u32,
    /// Of each of them.
    pub(super) speed: Option<Speed>,
}

/// A link between a function and the port above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The function at its lower end: `0000:41:00.0`.
    pub(super) address: String,
    /// The port at its upper end.
    pub(super) port: String,
    /// Six hexadecimal digits after `0x`.
    pub(super) class: String,
    /// Current width and speed.
    pub(super) now: Rate,
    /// Width and speed that both ends support.
    pub(super) expected: Rate,
}

/// Why a function has no link of its own that could be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Without {
    /// A part of the processor or chipset, conventional PCI, or the upper end of a link: no link upwards.
    Inside,
    /// A further function of a device, or a virtual one.
    Shared,
    /// Made by a hypervisor.
    Virtual,
    /// Behind a connector that people plug, such as Thunderbolt.
    Pluggable,
    /// Speaks CXL over its lanes.
    Cxl,
}

/// All functions of a machine: those with a link of their own, and the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// The links.
    pub(super) links: Vec<Link>,
    /// The others, and why.
    pub(super) without: Vec<(String, Without)>,
}

impl Links {
    /// Reads them.
    #[must_use]
    pub(super) fn read(host: &Host) -> Self {
        let mut found = Links::default();
        for address in host.list(DEVICES) {
            match link(host, &address, &found) {
                Ok(link) => found.links.push(link),
                Err(why) => found.without.push((address, why)),
            }
        }
        found
    }
}

/// Reads the current width and speed of a link.
#[must_use]
pub(super) fn now(host: &Host, address: &str) -> Option<Rate> {
    let directory = format!("{DEVICES}/{address}");
    rate(host, &directory, "current")
}

fn link(host: &Host, address: &str, found: &Links) -> Result<Link, Without> {
    let directory = format!("{DEVICES}/{address}");
    if host.has(format!("{directory}/physfn")) {
        return Err(Without::Shared);
    }
    let text = |key: &str| host.text(format!("{directory}/{key}")).unwrap_or_default();
    let most = rate(host, &directory, "max").ok_or(Without::Inside)?;
    let now = rate(host, &directory, "current");
    let real = host.real(&directory).ok_or(Without::Inside)?;
    let above = real.parent().ok_or(Without::Inside)?;
    let port =
        above.file_name().and_then(|name| name.to_str()).filter(|name| is_address(name)).ok_or(Without::Inside)?;
    let upper = rate(host, &above.to_string_lossy(), "max").ok_or(Without::Inside)?;
    let class = text("class");
    if is_upper_end(host, &directory, &class) {
        return Err(Without::Inside);
    }
    if found.links.iter().any(|other| other.port == port) {
        return Err(Without::Shared);
    }
    if VIRTUAL.contains(&text("vendor").as_str()) {
        return Err(Without::Virtual);
    }
    if is_pluggable(host, &real) {
        return Err(Without::Pluggable);
    }
    if class.starts_with(CXL) {
        return Err(Without::Cxl);
    }
    let speed = most.speed.zip(upper.speed).map(|(one, other)| one.min(other));
    let expected = Rate { width: most.width.min(upper.width), speed };
    // A link that is down has width 0.
    let now = now.unwrap_or(Rate { width: 0, speed: None });
    Ok(Link { address: address.to_owned(), port: port.to_owned(), class, now, expected })
}

fn rate(host: &Host, directory: &str, which: &str) -> Option<Rate> {
    let text = |key: &str| host.text(format!("{directory}/{which}_link_{key}"));
    // 255 is what the kernel says of a function inside a chip, which has the file and no link.
    let width = text("width")?.parse().ok().filter(|lanes| (1..=32).contains(lanes))?;
    Some(Rate { width, speed: text("speed").as_deref().and_then(Speed::parse) })
}

/// A port whose link leads down: root ports and downstream ports of switches (PCI Express capability, port type 4 and 6). Where the
/// configuration cannot be read, a bridge directly below the root is one.
fn is_upper_end(host: &Host, directory: &str, class: &str) -> bool {
    if !class.starts_with("0x0604") {
        return false;
    }
    let config = host.read(format!("{directory}/config")).unwrap_or_default();
    matches!(port_type(&config), Some(4 | 6))
}

/// Bits 4 to 7 of the PCI Express capabilities register (PCI Express Base 5.0, 7.5.3.2).
fn port_type(config: &[u8]) -> Option<u8> {
    let mut at = usize::from(*config.get(0x34)?);
    for _ in 0..48 {
        let (id, next) = (*config.get(at)?, usize::from(*config.get(at + 1)?));
        if id == 0x10 {
            return Some(config.get(at + 2)? >> 4);
        }
        at = next & !3;
        if at < 0x40 {
            return None;
        }
    }
    None
}

fn is_pluggable(host: &Host, real: &Path) -> bool {
    let mut places =
        real.ancestors().filter(|place| place.file_name().and_then(|name| name.to_str()).is_some_and(is_address));
    places.any(|place| host.text(place.join("removable")).as_deref() == Some("removable"))
}

/// `0000:41:00.0`.
fn is_address(name: &str) -> bool {
    let mut parts = name.split([':', '.']);
    let is_hex = |part: Option<&str>, digits: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|part| digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    is_hex(parts.next(), 4..=8)
        && is_hex(parts.next(), 2..=2)
        && is_hex(parts.next(), 2..=2)
        && is_hex(parts.next(), 1..=1)
        && parts.next().is_none()
}

/// True if a function answers (a device that fell off its link reads as all ones); `None` if its configuration cannot be read.
#[must_use]
pub(super) fn answers(host: &Host, address: &str) -> Option<bool> {
    let config = host.read(format!("{DEVICES}/{address}/config")).ok()?;
    Some(config.get(..4)? != [0xff; 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_as_the_kernel_writes_them() {
        for (text, tenths) in [
            ("2.5 GT/s PCIe", Some(25)),
            ("8.0 GT/s", Some(80)),
            ("16 GT/s", Some(160)),
            ("64.0 GT/s PCIe", Some(640)),
            ("Unknown", None),
            ("", None),
            ("x GT/s", None),
        ] {
            assert_eq!(Speed::parse(text).map(|speed| speed.0), tenths, "{text}");
        }
        assert_eq!(Speed(160).to_string(), "16.0 GT/s");
    }

    #[test]
    fn the_type_of_a_port_is_in_its_capabilities() {
        let mut config = vec![0; 256];
        (config[0x34], config[0x40], config[0x41]) = (0x40, 0x01, 0x70);
        (config[0x70], config[0x72]) = (0x10, 0x42);
        assert_eq!(port_type(&config), Some(4));
        config[0x41] = 0x40;
        assert_eq!(port_type(&config), None, "a list that leads in a circle ends");
        assert_eq!(port_type(&config[..64]), None, "what others than root see");
    }

    #[test]
    fn an_address_is_told_from_other_names() {
        assert!(is_address("0000:41:00.0") && is_address("10000:e1:00.1"));
        assert!(!is_address("pci0000:40") && !is_address("0000:41:00") && !is_address("nvme0"));
    }
}
