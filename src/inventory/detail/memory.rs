//! Memory modules (SMBIOS type 17) and what the memory controllers count (`/sys/devices/system/edac/mc`).

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::smbios::{self, Structure};
use super::super::survey::Survey;

const EDAC: &str = "/sys/devices/system/edac/mc";

/// A slot for a memory module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Dimm {
    /// Survives reboots and moves: the serial number, else the slot.
    pub identity: String,
    /// Name on the board, for example `DIMM_A1`.
    pub slot: String,
    /// Name of its bank.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bank: String,
    /// Bytes; 0 for an empty slot.
    pub size: u64,
    /// `DDR4`, `DDR5` …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// MT/s that the module can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<u64>,
    /// MT/s that it is run at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured_speed: Option<u64>,
    /// It has more bits than data: error correction.
    pub ecc: bool,
    /// Maker.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manufacturer: String,
    /// Part number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
}

/// Errors that a memory controller has counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct MemoryController {
    /// `mc0`
    pub id: String,
    /// Kind of the controller.
    pub name: String,
    /// Errors that were corrected.
    pub correctable_errors: u64,
    /// Errors that were not.
    pub uncorrectable_errors: u64,
}

pub(super) fn dimms(survey: &Survey<'_>) -> Vec<Dimm> {
    let Some(table) = survey.bytes("/sys/firmware/dmi/tables/DMI") else { return Vec::new() };
    smbios::structures(&table).iter().filter(|structure| structure.kind == 17).map(dimm).collect()
}

/// SMBIOS 3.4, table 76.
fn dimm(structure: &Structure<'_>) -> Dimm {
    let (total_width, data_width) = (structure.word(0x08), structure.word(0x0a));
    let (slot, serial) = (structure.text(0x10), structure.text(0x18));
    let size = match structure.word(0x0c) {
        None | Some(0 | 0xffff) => 0,
        Some(0x7fff) => u64::from(structure.double(0x1c).unwrap_or(0) & 0x7fff_ffff) << 20,
        Some(kilobytes) if kilobytes & 0x8000 != 0 => u64::from(kilobytes & 0x7fff) << 10,
        Some(megabytes) => u64::from(megabytes) << 20,
    };
    let identity = if serial.is_empty() { format!("dimm:slot:{slot}") } else { format!("dimm:{serial}") };
    let speed = |offset| structure.word(offset).filter(|speed| *speed != 0 && *speed != 0xffff).map(u64::from);
    let known = |width: Option<u16>| width.filter(|width| *width != 0 && *width != 0xffff);
    Dimm {
        identity,
        slot,
        bank: structure.text(0x11),
        size,
        kind: kind(structure.byte(0x12).unwrap_or(0)).to_owned(),
        speed: speed(0x15),
        configured_speed: speed(0x20),
        ecc: known(total_width).zip(known(data_width)).is_some_and(|(total, data)| total > data),
        manufacturer: structure.text(0x17),
        part: structure.text(0x1a),
        serial,
    }
}

/// SMBIOS 3.4, table 78.
fn kind(number: u8) -> &'static str {
    match number {
        0x12 => "DDR",
        0x13 => "DDR2",
        0x18 => "DDR3",
        0x1a => "DDR4",
        0x1b => "LPDDR",
        0x1c => "LPDDR2",
        0x1d => "LPDDR3",
        0x1e => "LPDDR4",
        0x20 => "HBM",
        0x21 => "HBM2",
        0x22 => "DDR5",
        0x23 => "LPDDR5",
        0x07 => "RAM",
        _ => "",
    }
}

pub(super) fn controllers(survey: &Survey<'_>) -> Vec<MemoryController> {
    let is_controller = |name: &String| name.strip_prefix("mc").is_some_and(|number| number.parse::<u32>().is_ok());
    let names = survey.names(EDAC).into_iter().filter(is_controller);
    let controller = |id: String| {
        let place = Path::new(EDAC).join(&id);
        MemoryController {
            name: survey.word(place.join("mc_name")),
            correctable_errors: survey.number(place.join("ce_count")).unwrap_or(0),
            uncorrectable_errors: survey.number(place.join("ue_count")).unwrap_or(0),
            id,
        }
    };
    names.map(controller).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_read_from_its_structure() {
        let mut table = vec![17u8, 0x28, 0, 0];
        table.resize(0x28, 0);
        table[0x08..0x0c].copy_from_slice(&[72, 0, 64, 0]);
        table[0x0c..0x0e].copy_from_slice(&[0xff, 0x7f]);
        table[0x1c..0x20].copy_from_slice(&(32768u32).to_le_bytes());
        (table[0x10], table[0x12], table[0x18], table[0x1a]) = (1, 0x22, 2, 3);
        table[0x15..0x17].copy_from_slice(&4800u16.to_le_bytes());
        table[0x20..0x22].copy_from_slice(&4400u16.to_le_bytes());
        table.extend_from_slice(b"DIMM_A1\0 S123 \0PART-7\0\0");
        let structures = smbios::structures(&table);
        let dimm = dimm(&structures[0]);
        assert_eq!((dimm.slot.as_str(), dimm.serial.as_str(), dimm.part.as_str()), ("DIMM_A1", "S123", "PART-7"));
        assert_eq!((dimm.size, dimm.kind.as_str(), dimm.ecc), (32 << 30, "DDR5", true));
        assert_eq!((dimm.speed, dimm.configured_speed), (Some(4800), Some(4400)));
        assert_eq!(dimm.identity, "dimm:S123");
    }
}
