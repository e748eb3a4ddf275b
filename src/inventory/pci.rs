//! PCI devices (contract RESOURCES §1.7), from `/sys/bus/pci/devices`.

use std::collections::BTreeMap;
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::names::Names;
use super::survey::{Survey, legible, plain_hex};

pub(super) const DEVICES: &str = "/sys/bus/pci/devices";

/// All PCI functions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Pci {
    /// By address.
    pub devices: Vec<PciDevice>,
    /// Their number.
    pub total: u64,
}

/// A PCI function.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct PciDevice {
    /// Name of its driver.
    pub driver: String,
    /// Version of the driver's module, else of the kernel.
    pub driver_version: String,
    /// NUMA node.
    pub numa_node: u64,
    /// `DOMAIN:BUS:DEVICE.FUNCTION`.
    pub pci_address: String,
    /// Name of the vendor.
    pub vendor: String,
    /// Four hexadecimal digits.
    pub vendor_id: String,
    /// Name of the product.
    pub product: String,
    /// Four hexadecimal digits.
    pub product_id: String,
    /// IOMMU group; 0 is also none.
    pub iommu_group: u64,
    /// Vital product data.
    pub vpd: Vpd,
}

/// Vital product data.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Vpd {
    /// Identifier string.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product_name: String,
    /// Keywords and their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub entries: BTreeMap<String, String>,
}

/// What is known of a function, or of another device, to all topics that tell of it. It is read once.
pub(super) struct Function {
    /// `DOMAIN:BUS:DEVICE.FUNCTION`; another device may have none.
    pub(super) address: String,
    /// `0x`, class, subclass and interface.
    pub(super) class: String,
    pub(super) vendor_id: String,
    pub(super) product_id: String,
    pub(super) driver: String,
    pub(super) driver_version: String,
    pub(super) numa_node: u64,
}

impl Function {
    /// Reads what is in a device's directory.
    pub(super) fn read(survey: &Survey<'_>, place: &Path, address: String, kernel: &str) -> Self {
        let (driver, driver_version) = survey.driver_and_version(place, kernel);
        Function {
            address,
            class: survey.word(place.join("class")),
            vendor_id: plain_hex(&survey.word(place.join("vendor"))),
            product_id: plain_hex(&survey.word(place.join("device"))),
            driver,
            driver_version,
            numa_node: survey.numa_node(place),
        }
    }
}

pub(super) fn collect(survey: &Survey<'_>, names: &Names<'_>, kernel: &str) -> (Pci, Vec<Function>) {
    let (mut devices, mut functions) = (Vec::new(), Vec::new());
    for address in survey.names(DEVICES) {
        let place = Path::new(DEVICES).join(&address);
        let _near = survey.host.enter(&place);
        let function = Function::read(survey, &place, address, kernel);
        if is_address(&function.address) {
            devices.push(device(survey, names, &place, &function));
        } else {
            survey.gap(&place, "its name is no PCI address, and it is left out");
        }
        functions.push(function);
    }
    (Pci { total: devices.len() as u64, devices }, functions)
}

/// `DOMAIN:BUS:DEVICE.FUNCTION`, all hexadecimal; a region refuses an inventory with anything else.
fn is_address(name: &str) -> bool {
    let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = name.rsplit_once('.').map(|(device, function)| (device.split(':').collect::<Vec<_>>(), function));
    parts.is_some_and(|(parts, function)| {
        is_hex(function) && matches!(parts.len(), 2 | 3) && parts.into_iter().all(is_hex)
    })
}

fn device(survey: &Survey<'_>, names: &Names<'_>, place: &Path, function: &Function) -> PciDevice {
    let vendor_id = survey.identity(&place.join("vendor"), &function.vendor_id);
    let product_id = survey.identity(&place.join("device"), &function.product_id);
    let group = survey.host.link_name(place.join("iommu_group"));
    PciDevice {
        driver_version: function.driver_version.clone(),
        driver: function.driver.clone(),
        numa_node: function.numa_node,
        pci_address: function.address.clone(),
        vendor: names.vendor(&vendor_id),
        product: names.product(&vendor_id, &product_id),
        vendor_id,
        product_id,
        iommu_group: group.and_then(|number| number.parse().ok()).unwrap_or(0),
        vpd: vpd(survey, place),
    }
}

fn vpd(survey: &Survey<'_>, place: &Path) -> Vpd {
    let path = place.join("vpd");
    // Many devices have the file and refuse to answer: the contract's answer for those is an empty object.
    let Ok(bytes) = survey.host.read(&path) else { return Vpd::default() };
    let (vpd, whole) = parse_vpd(&bytes);
    if !whole {
        survey.gap(path, "a section is longer than the data; what came before it is kept");
    }
    vpd
}

/// Parses vital product data (PCI Local Bus 2.2, appendix I); false when it is cut off.
fn parse_vpd(bytes: &[u8]) -> (Vpd, bool) {
    let mut vpd = Vpd::default();
    let mut rest = bytes;
    while let [tag, low, high, after @ ..] = rest {
        // Small tags carry their length in themselves; the only one in use ends the data.
        if tag & 0x80 == 0 {
            break;
        }
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some(section) = after.get(..length) else { return (vpd, false) };
        match tag {
            0x82 => vpd.product_name = text(section),
            0x90 | 0x91 => entries(section, &mut vpd.entries),
            _ => {}
        }
        rest = &after[length..];
    }
    (vpd, true)
}

fn entries(section: &[u8], found: &mut BTreeMap<String, String>) {
    const KEPT: [&[u8; 2]; 9] = [b"CC", b"EC", b"FC", b"FN", b"MN", b"NA", b"PN", b"RM", b"SN"];
    let mut rest = section;
    while let [first, second, length, after @ ..] = rest {
        let Some(value) = after.get(..usize::from(*length)) else { return };
        let key = [*first, *second];
        let is_kept = matches!(first, b'V' | b'Y' | b'Z') || KEPT.contains(&&key);
        if is_kept && !value.is_empty() {
            found.insert(legible(&key), text(value));
        }
        rest = &after[value.len()..];
    }
}

fn text(bytes: &[u8]) -> String {
    legible(bytes).trim_matches(|c| c == '\0' || c == ' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hexadecimal() {
        for good in ["0000:00:1f.2", "10000:e1:00.0", "00:1f.2"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "0000:00:1f", "0000:0g:00.0", "0:0:0:0.0", "..", "0000::00.0"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn vital_product_data_is_parsed() {
        let data = b"\x82\x04\x00Card\x90\x12\x00PN\x03P-1SN\x02S\0RV\x01\x00XX\x00\x91\x05\x00V1\x02ok\x78";
        let (vpd, whole) = parse_vpd(data);
        assert!(whole);
        assert_eq!(vpd.product_name, "Card");
        let entries: Vec<_> = vpd.entries.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(entries, [("PN", "P-1"), ("SN", "S"), ("V1", "ok")]);
    }

    #[test]
    fn what_is_cut_off_keeps_what_came_before() {
        let (vpd, whole) = parse_vpd(b"\x82\x04\x00Card\x90\xff\x7fPN");
        assert_eq!((vpd.product_name.as_str(), whole), ("Card", false));
        assert!(parse_vpd(b"").1);
        assert!(parse_vpd(&[0x90, 0x02, 0x00, b'P', b'N']).1, "an entry that is cut off is left out");
    }
}
