//! Memory modules (SMBIOS type 17) and what they belong to (type 16).

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::smbios::{self, Structure};
use super::super::survey::Survey;
use super::edac::{self, MemoryController};
use super::identity::{self, is_placeholder};

/// Memory in depth.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct MemoryState {
    /// Bytes that the kernel has.
    pub total: u64,
    /// What the slots belong to.
    pub boards: Vec<MemoryBoard>,
    /// Slots with their modules.
    pub dimms: Vec<Dimm>,
    /// Error counters.
    pub controllers: Vec<MemoryController>,
}

/// A group of slots with one way of error correction.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct MemoryBoard {
    /// `none`, `parity`, `single-bit ECC`, `multi-bit ECC` or `CRC`; empty when the firmware does not tell.
    pub error_correction: String,
    /// The most bytes that fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<u64>,
    /// Number of slots.
    pub slots: u64,
}

/// A slot for a memory module.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Dimm {
    /// Survives reboots and moves: part and serial number, else the slot.
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
    /// `DRAM`, `NVDIMM-N`, `Optane` …, where the firmware tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub technology: String,
    /// MT/s that the module can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<u64>,
    /// MT/s that it is run at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured_speed: Option<u64>,
    /// Ranks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranks: Option<u64>,
    /// Millivolts that it is run at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millivolts: Option<u64>,
    /// It has more bits than data: error correction; absent where the firmware does not tell both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecc: Option<bool>,
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

pub(super) fn collect(survey: &Survey<'_>) -> MemoryState {
    let table = smbios::table(survey);
    let structures = smbios::structures(&table);
    if table.is_empty() && !smbios::is_foreign(survey) {
        survey.gap_of_all("the firmware's table of memory modules (SMBIOS) is missing, empty or could not be read");
    }
    if !table.is_empty() && structures.last().is_none_or(|last| last.kind != 127) {
        let reason =
            format!("it is cut off or damaged after {} structures; what came before is told", structures.len());
        survey.gap(smbios::TABLE, reason);
    }
    let of_kind = |kind: u8| structures.iter().filter(move |structure| structure.kind == kind);
    MemoryState {
        total: 0,
        // Of use 3, system memory; others are video memory and the like.
        boards: of_kind(16).filter(|structure| structure.byte(0x05) == Some(3)).map(board).collect(),
        dimms: of_kind(17).map(dimm).collect(),
        controllers: edac::collect(survey),
    }
}

/// SMBIOS 3.4, table 72.
fn board(structure: &Structure<'_>) -> MemoryBoard {
    let correction = match structure.byte(0x06) {
        Some(3) => "none",
        Some(4) => "parity",
        Some(5) => "single-bit ECC",
        Some(6) => "multi-bit ECC",
        Some(7) => "CRC",
        _ => "",
    };
    let maximum = match structure.double(0x07) {
        None | Some(0) => None,
        Some(0x8000_0000) => structure.quad(0x0f),
        Some(kilobytes) => Some(u64::from(kilobytes) << 10),
    };
    MemoryBoard { error_correction: correction.to_owned(), maximum, slots: structure.word(0x0d).map_or(0, u64::from) }
}

/// SMBIOS 3.4, table 76.
fn dimm(structure: &Structure<'_>) -> Dimm {
    let (total_width, data_width) = (structure.word(0x08), structure.word(0x0a));
    let (slot, bank, part) = (structure.text(0x10), structure.text(0x11), structure.text(0x1a));
    let serial = Some(structure.text(0x18)).filter(|serial| !is_placeholder(serial)).unwrap_or_default();
    let size = match structure.word(0x0c) {
        None | Some(0 | 0xffff) => 0,
        Some(0x7fff) => u64::from(structure.double(0x1c).unwrap_or(0) & 0x7fff_ffff) << 20,
        Some(kilobytes) if kilobytes & 0x8000 != 0 => u64::from(kilobytes & 0x7fff) << 10,
        Some(megabytes) => u64::from(megabytes) << 20,
    };
    let is_in_a_named_bank = !bank.is_empty() && bank != slot;
    let identity = match (size > 0 && !serial.is_empty(), is_in_a_named_bank) {
        (true, _) => identity::of("dimm", &[&part, &serial]),
        (false, true) => format!("dimm:slot:{bank}/{slot}"),
        (false, false) => format!("dimm:slot:{slot}"),
    };
    // SMBIOS 3.3: all ones say that the number is in a longer field.
    let speed = |offset, long| match structure.word(offset)? {
        0 => None,
        0xffff => structure.double(long).map(|speed| u64::from(speed & 0x7fff_ffff)).filter(|speed| *speed > 0),
        speed => Some(u64::from(speed)),
    };
    let known = |width: Option<u16>| width.filter(|width| *width != 0 && *width != 0xffff);
    Dimm {
        identity,
        slot,
        bank,
        size,
        kind: kind(structure.byte(0x12).unwrap_or(0)).to_owned(),
        technology: technology(structure.byte(0x28).unwrap_or(0)).to_owned(),
        speed: speed(0x15, 0x54),
        configured_speed: speed(0x20, 0x58),
        ranks: structure.byte(0x1b).map(|attributes| u64::from(attributes & 0xf)).filter(|ranks| *ranks > 0),
        millivolts: structure.word(0x26).filter(|voltage| *voltage > 0).map(u64::from),
        ecc: known(total_width).zip(known(data_width)).map(|(total, data)| total > data),
        manufacturer: structure.text(0x17),
        part,
        serial,
    }
}

/// SMBIOS 3.8, 7.18.2; 0x25 and 0x26 as newer readers of these tables name them.
fn kind(number: u8) -> &'static str {
    match number {
        0x07 => "RAM",
        0x09 => "Flash",
        0x0f => "SDRAM",
        0x12 => "DDR",
        0x13 => "DDR2",
        0x14 => "DDR2 FB-DIMM",
        0x18 => "DDR3",
        0x1a => "DDR4",
        0x1b => "LPDDR",
        0x1c => "LPDDR2",
        0x1d => "LPDDR3",
        0x1e => "LPDDR4",
        0x1f => "NVDIMM",
        0x20 => "HBM",
        0x21 => "HBM2",
        0x22 => "DDR5",
        0x23 => "LPDDR5",
        0x24 => "HBM3",
        0x25 => "MRDIMM",
        0x26 => "LPDDR6",
        _ => "",
    }
}

/// SMBIOS 3.8, 7.18.6.
fn technology(number: u8) -> &'static str {
    match number {
        3 => "DRAM",
        4 => "NVDIMM-N",
        5 => "NVDIMM-F",
        6 => "NVDIMM-P",
        7 => "Optane",
        8 => "MRDIMM",
        _ => "",
    }
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
        assert_eq!((dimm.size, dimm.kind.as_str(), dimm.ecc), (32 << 30, "DDR5", Some(true)));
        assert_eq!((dimm.speed, dimm.configured_speed), (Some(4800), Some(4400)));
        assert_eq!(dimm.identity, "dimm:PART-7:S123");
    }
}
