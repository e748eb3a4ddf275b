//! Power supplies: those of a server by SMBIOS (type 39), mains and batteries by the kernel (`/sys/class/power_supply`).

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::smbios::{self, Structure};
use super::super::survey::{Survey, storable};
use super::identity::{self, is_placeholder};
use super::place::way;

const CLASS: &str = "/sys/class/power_supply";

/// A power supply, a battery or a connection to the mains.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct PowerSupply {
    /// Survives reboots and other bays where it has a serial number; else it is the place.
    pub identity: String,
    /// Name by the firmware or the kernel.
    pub name: String,
    /// `supply` by SMBIOS; `mains`, `battery`, `ups`, `usb` by the kernel.
    pub kind: String,
    /// Where it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// Maker.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manufacturer: String,
    /// Model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Revision.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The most watts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watts: Option<u64>,
    /// `ok`, `non-critical`, `critical`, `unplugged`, `absent` by SMBIOS, as it was at start; `online`, `offline`, or a battery's
    /// state by the kernel. Empty when nobody knows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// Percent of a battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<u64>,
}

pub(super) fn collect(survey: &Survey<'_>) -> Vec<PowerSupply> {
    let table = smbios::table(survey);
    let structures = smbios::structures(&table);
    let mut found: Vec<PowerSupply> =
        structures.iter().filter(|structure| structure.kind == 39).map(described).collect();
    found.extend(survey.names(CLASS).into_iter().map(|name| by_kernel(survey, name)));
    found
}

/// SMBIOS 3.4, tables 119 and 120.
fn described(structure: &Structure<'_>) -> PowerSupply {
    let (location, name) = (structure.text(0x05), structure.text(0x06));
    let serial = Some(structure.text(0x08)).filter(|serial| !is_placeholder(serial)).unwrap_or_default();
    let model = structure.text(0x0a);
    PowerSupply {
        identity: if serial.is_empty() {
            format!("power:{location}/{name}")
        } else {
            identity::of("power", &[&model, &serial])
        },
        kind: "supply".to_owned(),
        manufacturer: structure.text(0x07),
        revision: structure.text(0x0b),
        watts: structure.word(0x0c).filter(|watts| *watts != 0x8000 && *watts > 0).map(u64::from),
        state: structure.word(0x0e).map(state).unwrap_or_default().to_owned(),
        location,
        name,
        model,
        serial,
        charge: None,
    }
}

fn state(characteristics: u16) -> &'static str {
    let (is_present, is_unplugged) = (characteristics & 2 != 0, characteristics & 4 != 0);
    match characteristics >> 7 & 7 {
        _ if !is_present => "absent",
        _ if is_unplugged => "unplugged",
        3 => "ok",
        4 => "non-critical",
        5 => "critical",
        _ => "",
    }
}

fn by_kernel(survey: &Survey<'_>, name: String) -> PowerSupply {
    let place = Path::new(CLASS).join(&name);
    // A battery that is not there answers with errors.
    let quiet = |key: &str| survey.host.text(place.join(key)).map(storable).unwrap_or_default();
    let serial = Some(quiet("serial_number")).filter(|serial| !is_placeholder(serial)).unwrap_or_default();
    let model = quiet("model_name");
    let state = match quiet("online").as_str() {
        "0" => "offline".to_owned(),
        "" => quiet("status").to_lowercase(),
        _ => "online".to_owned(),
    };
    PowerSupply {
        identity: if serial.is_empty() {
            format!("power:at:{}", way(survey, &place).unwrap_or_else(|| name.clone()))
        } else {
            identity::of("power", &[&model, &serial])
        },
        kind: quiet("type").to_lowercase(),
        manufacturer: quiet("manufacturer"),
        state,
        charge: quiet("capacity").parse().ok(),
        model,
        serial,
        name,
        ..PowerSupply::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_in_the_characteristics() {
        assert_eq!([state(0x18b), state(0x187), state(0x28b), state(0x189)], ["ok", "unplugged", "critical", "absent"]);
        assert_eq!(state(0x10b), "", "unknown");
    }
}
