//! The tree of USB devices, hubs included.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::names::Names;
use super::super::survey::{Survey, storable};
use super::super::{UsbDevice, UsbInterface};
use super::identity::is_placeholder;
use super::place::{nearest_pci_of, way_of};
use crate::host::Origin;

const DEVICES: &str = "/sys/bus/usb/devices";

/// A USB device or hub.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct UsbNode {
    /// Survives reboots and other ports where the device has a serial number; else it is its way from the root.
    pub identity: String,
    /// Kernel name: the bus and the ports that lead to it, for example `1-3.2`; `usb1` for a root hub.
    pub name: String,
    /// Its way from the root of its controller's bus, which stays when USB buses are numbered anew.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Kernel name of the hub that it hangs on; empty for a root hub.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parent: String,
    /// `BUS:DEVICE`, which changes when it is plugged anew.
    pub address: String,
    /// It is a hub.
    pub hub: bool,
    /// Maker.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// Product.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// `VENDOR:PRODUCT`, hexadecimal.
    pub ids: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// The maker's number of the release of the device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release: String,
    /// Mbit/s.
    pub speed: f64,
    /// PCI address of the controller.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller: String,
    /// Interfaces of devices that are no hubs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<UsbInterface>,
}

/// All devices that are plugged into this machine, in the order of the tree, with what is known already of those that are no hubs.
pub(super) fn collect(survey: &Survey<'_>, known: &[UsbDevice]) -> Vec<UsbNode> {
    let own = Names::usb_by_itself();
    let names = survey.names(DEVICES).into_iter().filter(|name| !name.contains(':'));
    let mut nodes: Vec<UsbNode> = names.filter_map(|name| node(survey, known, &own, name)).collect();
    nodes.sort_by_cached_key(|node| order(&node.name));
    nodes
}

/// `1-3.2` after `1-3` and before `1-10`; a root hub before what hangs on it.
fn order(name: &str) -> Vec<u32> {
    let digits = name.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    digits.map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}

fn node(survey: &Survey<'_>, known: &[UsbDevice], own: &Names, name: String) -> Option<UsbNode> {
    let place = Path::new(DEVICES).join(&name);
    if survey.host.origin_of_usb(&place) != Origin::Hardware {
        return None;
    }
    let number = |key: &str| survey.number::<u64>(place.join(key));
    let (bus, device) = (number("busnum")?, number("devnum")?);
    let quiet = |key: &str| survey.host.text(place.join(key)).map(storable).unwrap_or_default();
    // One that cannot be told is a gap of the other topic.
    let id = |key: &str| Some(quiet(key)).filter(|id| !id.is_empty()).unwrap_or_else(|| "0000".to_owned());
    let known = known.iter().find(|usb| (usb.bus_address, usb.device_address) == (bus, device));
    let first = |texts: [String; 2]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    let real = survey.host.real(&place).unwrap_or_default();
    let parent = real.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let mut node = UsbNode {
        parent: parent.filter(|parent| survey.host.has(Path::new(DEVICES).join(parent))).unwrap_or_default(),
        address: format!("{bus}:{device}"),
        hub: quiet("bDeviceClass") == "09",
        vendor: first([known.map(|usb| usb.vendor.clone()).unwrap_or_default(), quiet("manufacturer")]),
        product: first([known.map(|usb| usb.product.clone()).unwrap_or_default(), quiet("product")]),
        ids: format!("{}:{}", id("idVendor"), id("idProduct")),
        serial: quiet("serial"),
        release: quiet("bcdDevice"),
        speed: quiet("speed").parse().ok().filter(|speed: &f64| speed.is_finite()).unwrap_or(0.0),
        controller: nearest_pci_of(&real).unwrap_or_default(),
        interfaces: known.and_then(|usb| usb.interfaces.clone()).unwrap_or_default(),
        place: way_of(survey, &real).unwrap_or_default(),
        name,
        identity: String::new(),
    };
    if node.vendor.is_empty() {
        node.vendor = own.vendor(&id("idVendor"));
    }
    // A root hub's serial number is the address of its controller.
    let has_own_number = !node.name.starts_with("usb") && !is_placeholder(&node.serial);
    node.identity = if has_own_number {
        format!("usb:{}:{}", node.ids, node.serial)
    } else {
        let way = if node.place.is_empty() { &node.name } else { &node.place };
        format!("usb:{}:at:{way}", node.ids)
    };
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_stand_below_their_hubs() {
        let mut names = ["2-1", "1-10", "usb2", "1-3.2", "usb1", "1-3"];
        names.sort_by_key(|name| order(name));
        assert_eq!(names, ["usb1", "1-3", "1-3.2", "1-10", "usb2", "2-1"]);
    }
}
