//! The machine as its firmware names it (contract RESOURCES §1.8), from `/sys/class/dmi/id`.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::survey::Survey;
use crate::process::succeeds;

const DMI: &str = "/sys/class/dmi/id";

/// Names and numbers of the machine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct System {
    /// Product UUID.
    pub uuid: String,
    /// Vendor.
    pub vendor: String,
    /// Product name.
    pub product: String,
    /// Product family.
    pub family: String,
    /// Product version.
    pub version: String,
    /// Stock keeping unit.
    pub sku: String,
    /// Serial number.
    pub serial: String,
    /// `physical`, `virtual-machine`, `container` or `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Firmware; `None` without DMI.
    pub firmware: Option<Firmware>,
    /// Chassis; `None` without DMI.
    pub chassis: Option<Chassis>,
    /// Motherboard; `None` without DMI.
    pub motherboard: Option<Motherboard>,
}

/// BIOS or UEFI.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Firmware {
    /// Vendor.
    pub vendor: String,
    /// Release date.
    pub date: String,
    /// Version.
    pub version: String,
}

/// The case.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Chassis {
    /// Vendor.
    pub vendor: String,
    /// Kind, in SMBIOS words.
    #[serde(rename = "type")]
    pub kind: String,
    /// Serial number.
    pub serial: String,
    /// Version.
    pub version: String,
}

/// The board.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Motherboard {
    /// Vendor.
    pub vendor: String,
    /// Product name.
    pub product: String,
    /// Serial number.
    pub serial: String,
    /// Version.
    pub version: String,
}

pub(super) fn collect(survey: &Survey<'_>) -> System {
    let kind = kind(survey);
    if !survey.host.is_directory(DMI) {
        return System { kind, ..System::default() };
    }
    let word = |key: &str| survey.word(Path::new(DMI).join(key));
    System {
        uuid: word("product_uuid"),
        vendor: word("sys_vendor"),
        product: word("product_name"),
        family: word("product_family"),
        version: word("product_version"),
        sku: word("product_sku"),
        serial: word("product_serial"),
        kind,
        firmware: Some(Firmware {
            vendor: word("bios_vendor"),
            date: word("bios_date"),
            version: word("bios_version"),
        }),
        chassis: Some(Chassis {
            vendor: word("chassis_vendor"),
            kind: chassis_kind(&word("chassis_type")).to_owned(),
            serial: word("chassis_serial"),
            version: word("chassis_version"),
        }),
        motherboard: Some(Motherboard {
            vendor: word("board_vendor"),
            product: word("board_name"),
            serial: word("board_serial"),
            version: word("board_version"),
        }),
    }
}

/// As `systemd-detect-virt` tells; a plain copy may hold its answer in `/stub/virt` (`none`, `vm`, `container`).
fn kind(survey: &Survey<'_>) -> String {
    let told = survey.host.ask("systemd-detect-virt", || Ok(succeeds("systemd-detect-virt", ["--container", "--vm"])));
    let kind = match told {
        Ok([Some(true), _]) => "container",
        Ok([Some(false), Some(true)]) => "virtual-machine",
        Ok([Some(false), Some(false)]) => "physical",
        Ok(_) => "unknown",
        Err(_) => match survey.text("/stub/virt").as_deref() {
            Some("container") => "container",
            Some("vm") => "virtual-machine",
            Some("none") => "physical",
            _ => "unknown",
        },
    };
    kind.to_owned()
}

/// SMBIOS 3.4, table 17.
fn chassis_kind(number: &str) -> &'static str {
    const KINDS: [&str; 37] = [
        "",
        "Other",
        "Unknown",
        "Desktop",
        "Low Profile Desktop",
        "Pizza Box",
        "Mini Tower",
        "Tower",
        "Portable",
        "Laptop",
        "Notebook",
        "Hand Held",
        "Docking Station",
        "All in One",
        "Sub Notebook",
        "Space-saving",
        "Lunch Box",
        "Main Server Chassis",
        "Expansion Chassis",
        "SubChassis",
        "Bus Expansion Chassis",
        "Peripheral Chassis",
        "RAID Chassis",
        "Rack Mount Chassis",
        "Sealed-case PC",
        "Multi-system chassis",
        "Compact PCI",
        "Advanced TCA",
        "Blade",
        "Blade Enclosure",
        "Tablet",
        "Convertible",
        "Detachable",
        "IoT Gateway",
        "Embedded PC",
        "Mini PC",
        "Stick PC",
    ];
    number.parse::<usize>().ok().and_then(|number| KINDS.get(number)).copied().unwrap_or("")
}
