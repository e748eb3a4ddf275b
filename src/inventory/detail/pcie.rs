//! PCI functions with their place, their links and their errors.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::pci::{DEVICES, PciDevice};
use super::super::survey::{Survey, plain_hex};

/// A PCI function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct PciFunction {
    /// Survives reboots and renumbered buses: the way to it from the root, without bus numbers.
    pub identity: String,
    /// `DOMAIN:BUS:DEVICE.FUNCTION`.
    pub address: String,
    /// Six hexadecimal digits.
    pub class: String,
    /// Name of the vendor, else its number.
    pub vendor: String,
    /// Name of the product, else its number.
    pub product: String,
    /// `VENDOR:PRODUCT`, hexadecimal.
    pub ids: String,
    /// Name of its driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Name of the slot on the board or the chassis.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub slot: String,
    /// NUMA node.
    pub numa_node: u64,
    /// IOMMU group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iommu_group: Option<u64>,
    /// Its link, if it is PCI Express.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Errors that the kernel has counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<PciErrors>,
    /// Serial number from the vital product data.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
}

/// A PCI Express link: what it is and what it could be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct PciErrors {
    /// Corrected.
    pub correctable: u64,
    /// Not corrected, work went on.
    pub nonfatal: u64,
    /// Not corrected, the link was lost.
    pub fatal: u64,
}

pub(super) fn collect(survey: &Survey<'_>, devices: &[PciDevice]) -> Vec<PciFunction> {
    let slots = slots(survey);
    devices.iter().map(|device| function(survey, device, &slots)).collect()
}

fn function(survey: &Survey<'_>, device: &PciDevice, slots: &[(String, String)]) -> PciFunction {
    let place = Path::new(DEVICES).join(&device.pci_address);
    let known = |name: &String, id: &String| if name.is_empty() { id.clone() } else { name.clone() };
    let slot = slots.iter().find(|(address, _)| device.pci_address.starts_with(address.as_str()));
    let label = survey.word(place.join("label"));
    PciFunction {
        identity: identity(survey, &place).unwrap_or_else(|| format!("pci:{}", device.pci_address)),
        address: device.pci_address.clone(),
        class: plain_hex(&survey.word(place.join("class"))),
        vendor: known(&device.vendor, &device.vendor_id),
        product: known(&device.product, &device.product_id),
        ids: format!("{}:{}", device.vendor_id, device.product_id),
        driver: device.driver.clone(),
        slot: if label.is_empty() { slot.map(|(_, name)| name.clone()).unwrap_or_default() } else { label },
        numa_node: device.numa_node,
        iommu_group: survey.host.link_name(place.join("iommu_group")).and_then(|group| group.parse().ok()),
        link: link(survey, &place),
        errors: errors(survey, &place),
        serial: device.vpd.entries.get("SN").cloned().unwrap_or_default(),
    }
}

/// `/sys/devices/pci0000:00/0000:00:01.0/0000:02:00.0` becomes `pci:0000:00/01.0/00.0`.
fn identity(survey: &Survey<'_>, place: &Path) -> Option<String> {
    let real = survey.host.real(place)?;
    let mut parts = real.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let root = parts.find_map(|part| part.strip_prefix("pci").map(str::to_owned))?;
    let way: Vec<String> = parts.filter_map(|part| part.rsplit_once(':').map(|(_, last)| last.to_owned())).collect();
    Some(format!("pci:{root}/{}", way.join("/")))
}

/// Slots that the firmware or a hot-plug controller names: address without function, name.
fn slots(survey: &Survey<'_>) -> Vec<(String, String)> {
    const SLOTS: &str = "/sys/bus/pci/slots";
    let address = |name: &String| survey.text(Path::new(SLOTS).join(name).join("address"));
    survey.names(SLOTS).into_iter().filter_map(|name| Some((address(&name)?, name))).collect()
}

fn link(survey: &Survey<'_>, place: &Path) -> Option<Link> {
    if !survey.host.has(place.join("current_link_width")) {
        return None;
    }
    let number = |key: &str| survey.word(place.join(key)).parse().unwrap_or(0);
    let link = Link {
        speed: survey.word(place.join("current_link_speed")),
        maximum_speed: survey.word(place.join("max_link_speed")),
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
