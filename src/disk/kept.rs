//! What drives keep beside their health: statistics, temperatures, what their own scans found, Seagate's log.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// The facts that smartctl tells of a drive beside its health.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Notes {
    /// A password locks the drive (ATA security): it refuses commands, and its data cannot be read.
    pub locked: Option<bool>,
    /// The drive broke off its own offline collection with a fatal error.
    pub offline_fatal: Option<bool>,
    /// Errors of the link: commands that failed by a checksum (SATA), invalid words (SAS).
    pub link_errors: Option<u64>,
    /// The text has a section of health; unknown of documents.
    pub health_section: Option<bool>,
    /// Rows of a table that were not understood.
    pub lost_rows: Vec<String>,
}

/// A device statistic of an ATA drive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Statistic {
    /// The page: 1 general, 3 rotating media, 4 errors, 5 temperature, 6 transport, 7 solid state.
    pub page: u64,
    /// Bytes from the start of the page.
    pub offset: u64,
    /// smartctl's name for it.
    pub name: String,
    /// The value.
    pub value: u64,
    /// The value is one that the drive normalised, not a count.
    pub normalised: bool,
}

/// Temperatures beside that of now, in degrees Celsius.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Limits {
    /// The drive should stay below this: SCT's recommended maximum, `NVMe`'s warning temperature.
    pub operating: Option<i64>,
    /// The drive must stay below this: SCT's maximum, `NVMe`'s critical temperature.
    pub critical: Option<i64>,
    /// The highest ever.
    pub highest: Option<i64>,
    /// The lowest ever.
    pub lowest: Option<i64>,
    /// Times that it was above the critical one (SCT).
    pub exceeded: Option<u64>,
}

/// The temperatures that an ATA drive logs by itself (SCT data tables, temperature history).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Temperatures {
    /// Minutes between two of them.
    pub interval_minutes: Option<u64>,
    /// Degrees Celsius, the oldest first; nothing where none was logged.
    pub readings: Vec<Option<i64>>,
}

/// The background scan of a SAS drive (SBC-4, background scan log page).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Scan {
    /// smartctl's words for what it does now.
    pub status: Option<String>,
    /// Scans that were made.
    pub scans: Option<u64>,
    /// The number of them that were scans of the medium.
    pub medium_scans: Option<u64>,
    /// The sectors that it found.
    pub found: Vec<Scanned>,
}

/// A sector that the background scan had trouble with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Scanned {
    /// The sector.
    pub lba: Option<u64>,
    /// The sense key: 1 recovered, 3 medium error, 4 hardware error.
    pub sense_key: Option<u64>,
    /// smartctl's words for what became of it.
    pub fate: String,
}

/// An environmental report of a SAS drive (SPC-5, environmental reporting log page).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Environment {
    /// smartctl's name: `temperature_1` in degrees Celsius, `relative_humidity_1` in percent.
    pub name: String,
    /// The value of now.
    pub current: Option<i64>,
    /// The highest ever.
    pub highest: Option<i64>,
    /// The lowest ever.
    pub lowest: Option<i64>,
}

/// Seagate's Field Access Reliability Metrics, as far as they tell more than SMART.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Farm {
    /// Hours switched on, which nobody can set back.
    pub hours: Option<u64>,
    /// Hours that the platters turned.
    pub spindle_hours: Option<u64>,
    /// Hours that the heads flew.
    pub head_hours: Option<u64>,
    /// Reads that failed for good.
    pub unrecoverable_reads: Option<u64>,
    /// Writes that failed for good.
    pub unrecoverable_writes: Option<u64>,
    /// Sectors that were replaced.
    pub reallocated: Option<u64>,
    /// Sectors that wait to be replaced.
    pub candidates: Option<u64>,
}
