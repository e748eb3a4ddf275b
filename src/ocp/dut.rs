//! The device under test: its hardware and the programs on it.

use serde::Serialize;

/// The device under test. Hardware must be listed here before an artifact can refer to it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dut {
    #[serde(rename = "dutInfoId")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hardware_infos: Vec<Listed>,
    software_infos: [Software; 1],
}

/// Reference to hardware of a [`Dut`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HardwareId(String);

/// One piece of hardware. Unknown values stay empty and are left out of the output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hardware {
    /// Name that tells the piece from its siblings, for example `sda`.
    pub name: String,
    /// Slot or bay as printed on the board.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial_number: String,
    /// Model, as the manufacturer names it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manufacturer_part_number: String,
    /// Kind of part, for example `disk`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part_type: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    hardware_info_id: HardwareId,
    #[serde(flatten)]
    hardware: Hardware,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Software {
    #[serde(rename = "softwareInfoId")]
    id: &'static str,
    name: &'static str,
    version: &'static str,
    #[serde(rename = "softwareType")]
    kind: &'static str,
}

impl Dut {
    /// A machine by the region's system id, by its UUID, or by its host name. This program is listed as its only software.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        let program = Software { id: "0", name: "shakedown", version: env!("CARGO_PKG_VERSION"), kind: "APPLICATION" };
        Dut { id: id.into(), name: None, hardware_infos: Vec::new(), software_infos: [program] }
    }

    /// Sets the host name; an empty name stays out.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned()).filter(|name| !name.is_empty());
        self
    }

    /// Lists a piece of hardware and returns the reference to it. An equal piece is listed once.
    pub fn hardware(&mut self, hardware: Hardware) -> HardwareId {
        if let Some(known) = self.hardware_infos.iter().find(|listed| listed.hardware == hardware) {
            return known.hardware_info_id.clone();
        }
        let id = HardwareId(self.hardware_infos.len().to_string());
        self.hardware_infos.push(Listed { hardware_info_id: id.clone(), hardware });
        id
    }
}
