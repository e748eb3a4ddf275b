//! The baseboard management controller, as SMBIOS (type 38) and the kernel's IPMI driver know it. Its address on the network is known only to
//! itself.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::smbios::{self, Structure};
use super::super::survey::{Survey, storable};
use super::identity::is_placeholder;

const PLATFORM: &str = "/sys/devices/platform";

/// A baseboard management controller.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(!default)]
pub struct Bmc {
    /// Its GUID, else the numbers of maker and product.
    pub identity: String,
    /// Interface by SMBIOS type 38: `KCS`, `SMIC`, `BT`, `SSIF`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub interface: String,
    /// Its address on the machine's own bus, for example `io 0xca2`, `memory 0xfed1c000` or `i2c 0x20`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bus_address: String,
    /// IPMI version, for example `2.0`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ipmi_version: String,
    /// Device nodes of the kernel's driver.
    pub devices: Vec<String>,
    /// Firmware, where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// Maker's number, where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manufacturer_id: String,
    /// Product's number, where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product_id: String,
    /// The machine's identity in the BMC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub guid: String,
    /// SMBIOS (type 42) tells of an interface for Redfish.
    pub redfish_interface: bool,
}

pub(super) fn collect(survey: &Survey<'_>) -> Option<Bmc> {
    let table = smbios::table(survey);
    let structures = smbios::structures(&table);
    let described = structures.iter().find(|structure| structure.kind == 38);
    let place = place(survey);
    let mut devices = survey.names("/sys/class/ipmi");
    devices.extend(survey.host.list("/dev").into_iter().filter(|name| is_device(name)));
    devices.sort();
    devices.dedup();
    if devices.is_empty() && described.is_none() && place.is_none() {
        return None;
    }
    // Each of these asks the BMC, which may be away.
    let asked = |key: &str| {
        place.as_ref().and_then(|place| survey.host.text(place.join(key))).map(storable).unwrap_or_default()
    };
    let version = described.and_then(|structure| structure.byte(5)).filter(|version| *version > 0);
    let version = version.map(|version| format!("{}.{}", version >> 4, version & 0xf));
    let (manufacturer_id, product_id, guid) = (asked("manufacturer_id"), asked("product_id"), asked("guid"));
    Some(Bmc {
        identity: if is_placeholder(&guid) {
            format!("bmc:{manufacturer_id}:{product_id}")
        } else {
            format!("bmc:{guid}")
        },
        interface: described.map(interface).unwrap_or_default().to_owned(),
        bus_address: described.and_then(bus_address).unwrap_or_default(),
        ipmi_version: version.unwrap_or_else(|| asked("ipmi_version")),
        firmware: asked("firmware_revision"),
        manufacturer_id,
        product_id,
        guid,
        devices,
        redfish_interface: structures.iter().any(|structure| structure.kind == 42 && structure.byte(4) == Some(0x40)),
    })
}

/// The kernel's device of the BMC itself: one for all interfaces that lead to it.
fn place(survey: &Survey<'_>) -> Option<PathBuf> {
    let names = survey.names(PLATFORM).into_iter().filter(|name| name.starts_with("ipmi_bmc"));
    let by_interface = survey
        .names("/sys/class/ipmi")
        .into_iter()
        .map(|name| PathBuf::from("/sys/class/ipmi").join(name).join("device/bmc"));
    names
        .map(|name| PathBuf::from(PLATFORM).join(name))
        .chain(by_interface)
        .find(|place| survey.host.is_directory(place))
}

/// `ipmi0`; `ipmi` and `ipmidev` are directories of such nodes on some systems.
fn is_device(name: &str) -> bool {
    name.strip_prefix("ipmi")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn interface(structure: &Structure<'_>) -> &'static str {
    match structure.byte(4) {
        Some(1) => "KCS",
        Some(2) => "SMIC",
        Some(3) => "BT",
        Some(4) => "SSIF",
        _ => "",
    }
}

/// SMBIOS 3.4, 7.39.3: the lowest bit tells I/O ports from memory, and is none of the address; SSIF has an address on the I²C bus.
fn bus_address(structure: &Structure<'_>) -> Option<String> {
    let address = structure.quad(0x08).filter(|address| *address > 0)?;
    Some(match (structure.byte(4), address & 1) {
        (Some(4), _) => format!("i2c {:#x}", address >> 1),
        // The real lowest bit is in the modifiers.
        (_, 1) => format!("io {:#x}", address & !1 | u64::from(structure.byte(0x10).unwrap_or(0) >> 4 & 1)),
        _ => format!("memory {address:#x}"),
    })
}
