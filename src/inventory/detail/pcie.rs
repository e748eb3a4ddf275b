//! PCI functions with their place, their links and their errors.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::names::Names;
use super::super::pci::{DEVICES, PciDevice};
use super::super::survey::{Survey, plain_hex};
use super::identity::is_placeholder;
use super::place::way_of;
use super::{class, slot};

/// The number of the Device Serial Number capability.
const SERIAL_NUMBER: u32 = 3;

/// A PCI function.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct PciFunction {
    /// Survives reboots and renumbered buses, and another slot where the card has a serial number; else it is the way to it from the
    /// root, without bus numbers.
    pub identity: String,
    /// `DOMAIN:BUS:DEVICE.FUNCTION`.
    pub address: String,
    /// Six hexadecimal digits.
    pub class: String,
    /// Name of the class.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub class_name: String,
    /// Name of the vendor, else its number.
    pub vendor: String,
    /// Name of the product, else its number.
    pub product: String,
    /// `VENDOR:PRODUCT`, hexadecimal.
    pub ids: String,
    /// The same of the maker of the card.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subsystem_ids: String,
    /// Two hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Name of its driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Name of the slot on the board or the chassis.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub slot: String,
    /// The way to it from the root, without bus numbers, of one that is known by its serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The function above it: a bridge's address; empty at a root.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parent: String,
    /// It is a virtual function, of the function with this address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub virtual_function_of: String,
    /// NUMA node.
    pub numa_node: u64,
    /// IOMMU group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iommu_group: Option<u64>,
    /// Its link, if it is PCI Express.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Errors that the kernel has counted (AER).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<PciErrors>,
    /// Serial number: the PCI Express capability's, else the vital product data's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Name by the vital product data.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vpd_name: String,
    /// Vital product data.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vpd: BTreeMap<String, String>,
}

/// A PCI Express link: what it is and what it could be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Link {
    /// For example `8.0 GT/s PCIe`.
    pub speed: String,
    /// The most that the device can.
    pub maximum_speed: String,
    /// Lanes in use.
    pub width: u64,
    /// The most that the device can.
    pub maximum_width: u64,
}

/// Advanced error reporting, totals.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct PciErrors {
    /// Corrected.
    pub correctable: u64,
    /// Not corrected, work went on.
    pub nonfatal: u64,
    /// Not corrected, the link was lost.
    pub fatal: u64,
}

pub(super) fn collect(survey: &Survey<'_>, devices: &[PciDevice]) -> Vec<PciFunction> {
    // The system's own first.
    let names = [Names::pci(survey.host), Names::pci_by_itself()];
    let slots = slot::all(survey);
    devices.iter().map(|device| function(survey, device, &names, &slots)).collect()
}

fn function(
    survey: &Survey<'_>,
    device: &PciDevice,
    names: &[Names; 2],
    slots: &HashMap<String, String>,
) -> PciFunction {
    let place = Path::new(DEVICES).join(&device.pci_address);
    let _near = survey.host.enter(&place);
    let known = |name: &str, id: &String| if name.is_empty() { id.clone() } else { name.to_owned() };
    let own = if device.vendor.is_empty() { names[1].vendor(&device.vendor_id) } else { String::new() };
    let id = |key: &str| plain_hex(&survey.word(place.join(key)));
    let class = id("class");
    let serial = serial(survey, &place).or_else(|| device.vpd.entries.get("SN").cloned());
    let subsystem = [id("subsystem_vendor"), id("subsystem_device")].join(":");
    let real = survey.host.real(&place).unwrap_or_default();
    let above = real.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let mut function = PciFunction {
        identity: String::new(),
        address: device.pci_address.clone(),
        class_name: class::name(names, &class),
        class,
        vendor: known(&[device.vendor.as_str(), &own].concat(), &device.vendor_id),
        product: known(&device.product, &device.product_id),
        ids: format!("{}:{}", device.vendor_id, device.product_id),
        subsystem_ids: if subsystem.len() == 9 && subsystem != "0000:0000" { subsystem } else { String::new() },
        revision: id("revision"),
        driver: device.driver.clone(),
        slot: slot::of(survey, &place, &device.pci_address, slots),
        place: String::new(),
        parent: above.filter(|name| super::place::is_pci_address(name)).unwrap_or_default(),
        virtual_function_of: survey.host.link_name(place.join("physfn")).unwrap_or_default(),
        numa_node: device.numa_node,
        iommu_group: survey.host.link_name(place.join("iommu_group")).and_then(|group| group.parse().ok()),
        link: link(survey, &place),
        errors: errors(survey, &place),
        serial: serial.unwrap_or_default(),
        vpd_name: device.vpd.product_name.clone(),
        vpd: device.vpd.entries.clone(),
    };
    function.identity = identity(&function, || way_of(survey, &real));
    if is_known_by_number(&function) {
        function.place = way_of(survey, &real).unwrap_or_default();
    }
    function
}

/// All ports of a bridge say the same number, and virtual functions that of their card.
fn is_known_by_number(function: &PciFunction) -> bool {
    let is_itself = !function.class.starts_with("06") && function.virtual_function_of.is_empty();
    is_itself && !is_placeholder(&function.serial)
}

fn identity(function: &PciFunction, way: impl FnOnce() -> Option<String>) -> String {
    if is_known_by_number(function) {
        let number = function.address.rsplit_once('.').map_or("0", |(_, number)| number);
        return format!("pci:{}:{}:{number}", function.ids, function.serial);
    }
    format!("pci:{}", way().unwrap_or_else(|| function.address.clone()))
}

/// The Device Serial Number capability (PCI Express 5.0, 7.9.3), which only root can read.
fn serial(survey: &Survey<'_>, place: &Path) -> Option<String> {
    let config = survey.host.read(place.join("config")).ok()?;
    serial_in(&config).filter(|serial| !is_placeholder(serial))
}

fn serial_in(config: &[u8]) -> Option<String> {
    serial_number(config).map(|bytes| format!("{:016x}", u64::from_le_bytes(bytes)))
}

/// The eight bytes of the serial number in a function's configuration space.
pub(in super::super) fn serial_number(config: &[u8]) -> Option<[u8; 8]> {
    let mut offset = 0x100;
    // Each capability has at least four bytes, and a damaged list may lead in a circle.
    for _ in 0..960 {
        let head = u32::from_le_bytes(config.get(offset..offset + 4)?.try_into().ok()?);
        if head & 0xffff == SERIAL_NUMBER {
            return config.get(offset + 4..offset + 12)?.try_into().ok();
        }
        offset = usize::try_from(head >> 20).ok()?;
        if offset < 0x100 {
            return None;
        }
    }
    None
}

fn link(survey: &Survey<'_>, place: &Path) -> Option<Link> {
    if !survey.host.has(place.join("current_link_width")) {
        return None;
    }
    let quiet = |key: &str| survey.host.text(place.join(key)).unwrap_or_default();
    let number = |key: &str| quiet(key).parse().unwrap_or(0);
    let link = Link {
        speed: quiet("current_link_speed"),
        maximum_speed: quiet("max_link_speed"),
        width: number("current_link_width"),
        maximum_width: number("max_link_width"),
    };
    // Functions inside a chip have the files, and no link.
    (link.maximum_width > 0 && link.maximum_width < 255).then_some(link)
}

fn errors(survey: &Survey<'_>, place: &Path) -> Option<PciErrors> {
    let total = |file: &str, line: &str| {
        let text = survey.text(place.join(file))?;
        let value = text.lines().find_map(|text| text.strip_prefix(line)?.trim().parse::<u64>().ok());
        Some(value.unwrap_or(0))
    };
    Some(PciErrors {
        correctable: total("aer_dev_correctable", "TOTAL_ERR_COR")?,
        nonfatal: total("aer_dev_nonfatal", "TOTAL_ERR_NONFATAL").unwrap_or(0),
        fatal: total("aer_dev_fatal", "TOTAL_ERR_FATAL").unwrap_or(0),
    })
}

impl Link {
    /// GT/s of a text such as `8.0 GT/s PCIe`.
    pub(super) fn rate(text: &str) -> f64 {
        text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_found_in_the_list_of_capabilities() {
        let mut config = vec![0u8; 4096];
        config[0x100..0x104].copy_from_slice(&0x1401_0001u32.to_le_bytes());
        config[0x140..0x144].copy_from_slice(&0x0001_0003u32.to_le_bytes());
        config[0x144..0x148].copy_from_slice(&0xff12_3456u32.to_le_bytes());
        config[0x148..0x14c].copy_from_slice(&0x3cfd_feffu32.to_le_bytes());
        assert_eq!(serial_in(&config).as_deref(), Some("3cfdfeffff123456"));
        assert_eq!(serial_in(&config[..0x148]), None, "cut off");
        assert_eq!(serial_in(&config[..64]), None, "what others than root see");
        config[0x100..0x104].copy_from_slice(&0x1001_0001u32.to_le_bytes());
        assert_eq!(serial_in(&config), None, "a list that leads in a circle ends");
    }

    #[test]
    fn a_card_is_known_by_its_serial_number_and_a_bridge_by_its_place() {
        let mut function = PciFunction {
            ids: "8086:1572".into(),
            address: "0000:41:00.1".into(),
            serial: "S1".into(),
            ..PciFunction::default()
        };
        let way = || Some("0000:40/01.0/00.1".to_owned());
        assert_eq!(identity(&function, way), "pci:8086:1572:S1:1");
        function.class = "060400".into();
        assert_eq!(identity(&function, way), "pci:0000:40/01.0/00.1");
        (function.class, function.serial) = ("020000".into(), "00000000".into());
        assert_eq!(identity(&function, way), "pci:0000:40/01.0/00.1");
    }
}
