//! USB devices (contract RESOURCES §1.6), from `/sys/bus/usb/devices`.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::Names;
use super::survey::{Survey, shortened};

const DEVICES: &str = "/sys/bus/usb/devices";
/// Class of hubs, which are left out.
const HUB: u64 = 9;

/// All USB devices but hubs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Usb {
    /// In the order of their names.
    pub devices: Vec<UsbDevice>,
    /// Their number.
    pub total: u64,
}

/// A USB device.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct UsbDevice {
    /// Number of the bus.
    pub bus_address: u64,
    /// Number on the bus.
    pub device_address: u64,
    /// Serial number.
    pub serial: String,
    /// Its interfaces; `None` when it has none.
    pub interfaces: Option<Vec<UsbInterface>>,
    /// Name of the vendor.
    pub vendor: String,
    /// Four hexadecimal digits.
    pub vendor_id: String,
    /// Name of the product.
    pub product: String,
    /// Four hexadecimal digits.
    pub product_id: String,
    /// Mbit/s.
    #[serde(serialize_with = "plain_number")]
    pub speed: f64,
}

/// An interface of a USB device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct UsbInterface {
    /// Name of the class.
    pub class: String,
    /// Number of the class.
    pub class_id: u64,
    /// Name of its driver.
    pub driver: String,
    /// Version of the driver's module, else of the kernel.
    pub driver_version: String,
    /// Number of the interface.
    pub number: u64,
    /// Name of the subclass.
    pub subclass: String,
    /// Number of the subclass.
    pub subclass_id: u64,
}

pub(super) fn collect(survey: &Survey<'_>, names: &Names<'_>, kernel: &str) -> Usb {
    let all = survey.names(DEVICES);
    let devices: Vec<UsbDevice> = all.iter().filter_map(|name| device(survey, names, kernel, name)).collect();
    Usb { total: devices.len() as u64, devices }
}

/// Prints whole numbers without a fraction, as the reference does.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn plain_number<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // What is no number in JSON, such as an infinity, does not parse.
    let number = number.to_string().parse().unwrap_or_else(|_| serde_json::Number::from(0));
    number.serialize(serializer)
}

fn hexadecimal(survey: &Survey<'_>, path: &Path) -> u64 {
    let Some(text) = survey.text(path) else { return 0 };
    u64::from_str_radix(&text, 16).unwrap_or_else(|_| {
        survey.gap(path, format!("{:?} is not a hexadecimal number", shortened(&text)));
        0
    })
}

fn device(survey: &Survey<'_>, names: &Names<'_>, kernel: &str, name: &str) -> Option<UsbDevice> {
    let place = Path::new(DEVICES).join(name);
    if !survey.host.has(place.join("busnum")) || hexadecimal(survey, &place.join("bDeviceClass")) == HUB {
        return None;
    }
    // Both name the device, so that without them it is left out; neither is ever large.
    let address = |key: &str| survey.needed::<u16>(place.join(key)).map(u64::from);
    let (bus_address, device_address) = (address("busnum")?, address("devnum")?);
    let identity = |path: &Path| survey.identity(path, &survey.word(path));
    let (vendor_id, product_id) = (identity(&place.join("idVendor")), identity(&place.join("idProduct")));
    let product = survey.attribute(place.join("product")).unwrap_or_else(|| names.product(&vendor_id, &product_id));
    let interfaces: Vec<UsbInterface> = survey
        .names(&place)
        .iter()
        .filter(|entry| entry.starts_with(name) && survey.host.is_real_directory(place.join(entry)))
        .map(|entry| interface(survey, names, kernel, &place.join(entry)))
        .collect();
    Some(UsbDevice {
        bus_address,
        device_address,
        // The reference looks for it in a file that no kernel has.
        serial: survey.word(place.join("serial")),
        interfaces: (!interfaces.is_empty()).then_some(interfaces),
        vendor: names.vendor(&vendor_id),
        vendor_id,
        product,
        product_id,
        speed: survey.number(place.join("speed")).unwrap_or(0.0),
    })
}

fn interface(survey: &Survey<'_>, names: &Names<'_>, kernel: &str, place: &Path) -> UsbInterface {
    let number = |key: &str| hexadecimal(survey, &place.join(key));
    let (class_id, subclass_id) = (number("bInterfaceClass"), number("bInterfaceSubClass"));
    let (class, subclass) = names.class(class_id, subclass_id);
    let (driver, driver_version) = survey.driver_and_version(place, kernel);
    UsbInterface { class, class_id, driver, driver_version, number: number("bInterfaceNumber"), subclass, subclass_id }
}
