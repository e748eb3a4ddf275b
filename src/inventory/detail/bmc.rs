//! The baseboard management controller, as SMBIOS (types 38 and 42) and the kernel's IPMI driver know it, and as it tells itself.

use std::io;
use std::path::PathBuf;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::smbios::{self, Structure};
use super::super::survey::{Survey, is_absence, storable};
use super::identity::is_placeholder;
use super::redfish::{RedfishService, services};
use crate::host::{BmcDevice, BmcLan};

const PLATFORM: &str = "/sys/devices/platform";

/// A baseboard management controller.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
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
    /// The maker's number for the kind of device, as the BMC tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<u8>,
    /// Revision of the device, as the BMC tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_revision: Option<u8>,
    /// Firmware, where driver or BMC tell.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// Maker's number, where driver or BMC tell.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manufacturer_id: String,
    /// Product's number, where driver or BMC tell.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product_id: String,
    /// The machine's identity in the BMC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub guid: String,
    /// SMBIOS (type 42) tells of an interface for Redfish.
    pub redfish_interface: bool,
    /// Where the Redfish service answers this machine, by the same structures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redfish: Vec<RedfishService>,
    /// Its connections to a network, as it tells itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lan: Vec<BmcLan>,
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
    let device = devices.first().map(|node| survey.host.bmc_device(node));
    // The driver has to ask the BMC for each of these, too, and is more patient.
    let place = place.filter(|_| !matches!(&device, Some(Err(error)) if is_away(error)));
    let asked = |key: &str| {
        place.as_ref().and_then(|place| survey.host.text(place.join(key))).map(storable).unwrap_or_default()
    };
    let version = described.and_then(|structure| structure.byte(5)).filter(|version| *version > 0);
    let version = version.map(|version| format!("{}.{}", version >> 4, version & 0xf));
    let mut bmc = Bmc {
        interface: described.map(interface).unwrap_or_default().to_owned(),
        bus_address: described.and_then(bus_address).unwrap_or_default(),
        ipmi_version: version.unwrap_or_else(|| asked("ipmi_version")),
        firmware: asked("firmware_revision"),
        manufacturer_id: asked("manufacturer_id"),
        product_id: asked("product_id"),
        guid: asked("guid"),
        devices,
        redfish_interface: structures.iter().any(|structure| structure.kind == 42 && structure.byte(4) == Some(0x40)),
        redfish: structures.iter().flat_map(services).collect(),
        ..Bmc::default()
    };
    match (bmc.devices.first().cloned(), device) {
        (Some(node), Some(Ok(device))) => tell(survey, &node, device.unwrap_or_default(), &mut bmc),
        (Some(node), Some(Err(error))) => gap(survey, &node, &error),
        _ => {}
    }
    bmc.identity = if is_placeholder(&bmc.guid) {
        format!("bmc:{}:{}", bmc.manufacturer_id, bmc.product_id)
    } else {
        format!("bmc:{}", bmc.guid)
    };
    Some(bmc)
}

/// What the BMC says of itself beside what the driver says of it.
fn tell(survey: &Survey<'_>, node: &str, device: BmcDevice, bmc: &mut Bmc) {
    if !device.firmware.is_empty() {
        (bmc.device_id, bmc.device_revision) = (Some(device.id), Some(device.revision));
    }
    let known = [
        (&mut bmc.firmware, device.firmware),
        (&mut bmc.ipmi_version, device.ipmi_version),
        (&mut bmc.manufacturer_id, device.manufacturer),
        (&mut bmc.product_id, device.product),
    ];
    for (field, own) in known {
        if field.is_empty() {
            *field = own;
        }
    }
    match survey.host.bmc_lan(node) {
        Ok(lan) => bmc.lan = lan,
        Err(error) => gap(survey, node, &error),
    }
}

fn gap(survey: &Survey<'_>, node: &str, error: &io::Error) {
    if !is_absence(error) {
        survey.gap(format!("/dev/{node}"), format!("the BMC cannot be asked: {error}"));
    }
}

/// Whether an error is the BMC's own, which then has nobody else ask it, either: each would wait anew.
fn is_away(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::ResourceBusy)
        || error.raw_os_error() == Some(nix::errno::Errno::EIO as i32)
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
