//! Graphics and compute cards: what MAAS's JSON tells, and what drivers tell beyond it.

use std::path::{Path, PathBuf};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::pci::DEVICES;
use super::super::survey::{Survey, storable};
use super::super::{Gpu, GpuCard};
use super::PciFunction;
use super::identity::is_placeholder;
use super::place::{nearest_pci, way};
use crate::host::Origin;

/// A graphics card or an accelerator.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct GpuDevice {
    /// The card's UUID where its driver tells, else that of its PCI function.
    pub identity: String,
    /// `card0`; empty without a driver that makes one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// PCI address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pci_address: String,
    /// Name of the vendor, else its number.
    pub vendor: String,
    /// Name of the product, else its number.
    pub product: String,
    /// Driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Version of the driver's module, else of the kernel.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver_version: String,
    /// Firmware (video BIOS), where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// Serial number or UUID, where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Bytes of its own memory, where the driver tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Connectors with a display: `HDMI-A-1`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub displays: Vec<String>,
    /// Name of the slot on the board.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub slot: String,
    /// NUMA node.
    pub numa_node: u64,
}

/// All cards, virtual functions too, and accelerators, which are of another PCI class. Displays that software made are left out.
pub(super) fn collect(survey: &Survey<'_>, known: &Gpu, functions: &[PciFunction]) -> Vec<GpuDevice> {
    let virtual_functions = known.cards.iter().filter_map(|card| card.sriov.as_ref()?.vfs.as_ref()).flatten();
    let accelerators = functions.iter().filter(|function| function.class.starts_with("12")).map(|function| GpuCard {
        pci_address: function.address.clone(),
        driver: function.driver.clone(),
        numa_node: function.numa_node,
        ..GpuCard::default()
    });
    let mut found: Vec<GpuDevice> = Vec::new();
    for card in known.cards.iter().chain(virtual_functions).cloned().chain(accelerators) {
        let is_software = |name: &str| survey.host.origin_of_display(name) == Origin::Software;
        if card.pci_address.is_empty() && card.drm.as_ref().is_some_and(|drm| is_software(&drm.card_name)) {
            continue;
        }
        let gpu = gpu(survey, &card, functions);
        // A card that was found in two ways is one card.
        if gpu.pci_address.is_empty() || found.iter().all(|known| known.pci_address != gpu.pci_address) {
            found.push(gpu);
        }
    }
    found
}

fn gpu(survey: &Survey<'_>, card: &GpuCard, functions: &[PciFunction]) -> GpuDevice {
    let name = card.drm.as_ref().map(|drm| drm.card_name.clone()).unwrap_or_default();
    let place = if card.pci_address.is_empty() {
        PathBuf::from("/sys/class/drm").join(&name).join("device")
    } else {
        Path::new(DEVICES).join(&card.pci_address)
    };
    let quiet = |key: &str| survey.host.text(place.join(key)).map(storable).unwrap_or_default();
    let pci_address = if card.pci_address.is_empty() {
        nearest_pci(survey, &place).unwrap_or_default()
    } else {
        card.pci_address.clone()
    };
    let function = functions.iter().find(|function| function.address == pci_address);
    let of_function = |text: fn(&PciFunction) -> &String| function.map(text).cloned().unwrap_or_default();
    let first = |texts: [String; 3]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    let told = |texts: [String; 3]| texts.into_iter().find(|text| !is_placeholder(text)).unwrap_or_default();
    let information = survey.text(format!("/proc/driver/nvidia/gpus/{pci_address}/information")).unwrap_or_default();
    let serial = told([said(&information, "GPU UUID"), quiet("unique_id"), quiet("serial_number")]);
    let identity = match (serial.as_str(), function) {
        ("", Some(function)) => format!("gpu:{}", function.identity.strip_prefix("pci:").unwrap_or(&function.identity)),
        ("", None) => format!("gpu:at:{}", way(survey, &place).unwrap_or_else(|| name.clone())),
        (serial, _) => format!("gpu:{serial}"),
    };
    GpuDevice {
        identity,
        displays: displays(survey, &place, &name),
        vendor: first([card.vendor.clone(), of_function(|f| &f.vendor), card.vendor_id.clone()]),
        product: first([card.product.clone(), of_function(|f| &f.product), card.product_id.clone()]),
        driver: card.driver.clone(),
        driver_version: card.driver_version.clone(),
        firmware: first([said(&information, "Video BIOS"), quiet("vbios_version"), quiet("vbios")]),
        serial,
        memory: survey.host.text(place.join("mem_info_vram_total")).and_then(|bytes| bytes.parse().ok()),
        slot: of_function(|f| &f.slot),
        numa_node: card.numa_node,
        pci_address,
        name,
    }
}

/// A line `KEY: VALUE` of NVIDIA's driver; question marks stand for what it does not know.
fn said(text: &str, key: &str) -> String {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'));
    value.map(str::trim).filter(|value| !value.contains("??")).map(storable).unwrap_or_default()
}

/// `drm/card0/card0-HDMI-A-1/status` reads `connected`.
fn displays(survey: &Survey<'_>, device: &Path, card: &str) -> Vec<String> {
    let place = device.join("drm").join(card);
    let connector = |entry: String| {
        let name = entry.strip_prefix(card)?.strip_prefix('-')?.to_owned();
        (survey.host.text(place.join(&entry).join("status")).as_deref() == Some("connected")).then_some(name)
    };
    if card.is_empty() { Vec::new() } else { survey.names(&place).into_iter().filter_map(connector).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_does_not_know_is_not_told() {
        let text = "Model: \t\t Tesla T4\nGPU UUID: \t GPU-1234\nVideo BIOS: \t ??.??.??.??.??\n";
        assert_eq!((said(text, "GPU UUID"), said(text, "Video BIOS")), ("GPU-1234".into(), String::new()));
    }
}
