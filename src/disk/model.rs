//! What smartctl told of one drive. Everything is optional: each version, transport and option leaves something else out, and what is
//! left out must never be read as zero.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

pub use super::kept::{Environment, Farm, Limits, Notes, Scan, Scanned, Statistic, Temperatures};
use super::self_test::SelfTests;

/// Most attributes, log entries or messages that are kept of each: no drive has more, and damaged output must not cost time.
pub(super) const MOST: usize = 256;
/// Most temperatures that are kept of a drive's log, the newest.
pub(super) const READINGS: usize = 512;

/// One drive as one call of smartctl (or nvme-cli's `smart-log`) described it. Section 6 of the disk contract names the JSON fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Report {
    /// The call itself: version, options, exit status, messages.
    pub call: Call,
    /// The device node that was asked, such as `/dev/sda` or `/dev/bus/6`.
    pub name: Option<String>,
    /// smartctl's word for the type: `sat`, `scsi`, `nvme`, `megaraid,8`, `usbjmicron` …
    pub device_type: Option<String>,
    /// The command set that the drive speaks.
    pub protocol: Option<Protocol>,
    /// The identity of the drive.
    pub identity: Identity,
    /// The SMART of the drive.
    pub support: Support,
    /// The drive's own verdict, as far as it can be read.
    pub status: Status,
    /// The vendor's table of attributes; ATA only.
    pub attributes: Vec<Attribute>,
    /// NVMe's health log; NVMe only.
    pub nvme: Option<Nvme>,
    /// Error counters of a SCSI or SAS drive.
    pub scsi: Option<Scsi>,
    /// Part of the rated endurance that is used, in percent, from ATA device statistics or the SCSI indicator; may exceed 100.
    /// What NVMe says is in [`Nvme::percentage_used`].
    pub percentage_used: Option<u64>,
    /// Errors in the ATA error log since the drive was made: history of any age.
    pub error_log_count: Option<u64>,
    /// The drive's self-tests.
    pub self_tests: SelfTests,
    /// ATA's device statistics that are valid (ACS-4, general purpose log 04h).
    pub statistics: Vec<Statistic>,
    /// Sectors that wait to be written anew: ATA's pending defects log (0Ch), SCSI's log page of the same name (SBC-4).
    pub pending_defects: Option<u64>,
    /// The sectors of them, as far as they are told.
    pub pending_sectors: Vec<u64>,
    /// Sectors of SAS's background scan that could not be read and were not put right.
    pub scan_defects: Option<u64>,
    /// SAS's background scan itself.
    pub scan: Option<Scan>,
    /// SAS's environmental reports: temperatures and humidities beside that of now.
    pub environment: Vec<Environment>,
    /// Seagate's FARM log.
    pub farm: Option<Farm>,
    /// Locks, links and lines beside the health.
    pub notes: Notes,
    /// The model is in smartctl's drive database: outside of it names of attributes are a guess.
    pub database: Option<bool>,
    /// Parts of the drive's own data whose checksum is wrong, in smartctl's words.
    pub checksums: Vec<String>,
    /// Degrees Celsius.
    pub temperature: Option<i64>,
    /// The temperatures that the drive was made for, and those it had.
    pub limits: Limits,
    /// The temperatures that an ATA drive logged (SCT).
    pub temperatures: Option<Temperatures>,
    /// The temperature at which a SCSI drive trips, in degrees Celsius; 0 means unknown.
    pub trip_temperature: Option<i64>,
    /// Hours that the drive has been switched on.
    pub power_on_hours: Option<u64>,
    /// Times that it was switched on.
    pub power_cycles: Option<u64>,
    /// Parts that are announced and not there, or begun and not ended: the output was cut.
    pub cut: Vec<String>,
    /// The text ends in a section of statistics that has no end: what is missing behind it degrades a drive at most.
    pub open_end: Option<String>,
    /// The kernel's word for the device, where somebody asked it: `sata`, `usb`, `virtio` …
    pub kernel: Option<String>,
    /// The kernel's driver of the SCSI host that it hangs on, where somebody asked: `megaraid_sas`, `virtio_scsi` …
    pub driver: Option<String>,
}

/// The call of smartctl and its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Call {
    /// Major and minor version.
    pub version: Option<(u64, u64)>,
    /// The bit mask of section 1 of the disk contract; unknown for text.
    pub exit_status: Option<u64>,
    /// The words of the command line, the program's name first; unknown for text.
    pub arguments: Vec<String>,
    /// The complaints of smartctl: its messages, and such lines of its text as are not in the messages.
    pub messages: Vec<String>,
}

/// The command set of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// SATA and PATA, also behind a translation.
    Ata,
    /// `NVMe`.
    Nvme,
    /// SCSI, SAS, and whatever Linux presents as such.
    Scsi,
}

/// How a drive is reached; the most special of the ways that apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// SATA or PATA.
    Ata,
    /// PCI Express.
    Nvme,
    /// SAS and other SCSI.
    Scsi,
    /// Through a USB bridge.
    Usb,
    /// A member behind a RAID controller.
    Raid,
    /// The output does not say.
    Unknown,
}

impl Transport {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ata => "ata",
            Self::Nvme => "nvme",
            Self::Scsi => "scsi",
            Self::Usb => "usb",
            Self::Raid => "raid",
            Self::Unknown => "unknown",
        }
    }
}

/// The label of the drive, so to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Identity {
    /// The model; for SCSI vendor and product.
    pub model: Option<String>,
    /// The family that smartctl's drive database knows it by.
    pub family: Option<String>,
    /// The serial number.
    pub serial: Option<String>,
    /// The version of the firmware.
    pub firmware: Option<String>,
    /// WWN or logical unit id, in hexadecimal digits without blanks.
    pub wwn: Option<String>,
    /// Bytes.
    pub capacity: Option<u64>,
    /// Bytes of a logical sector.
    pub sector_size: Option<u64>,
    /// Rotations per minute; 0 is a solid state drive.
    pub rotation_rate: Option<u64>,
    /// SCSI's word for the kind of device: `disk`, `CD/DVD`, `tape` …
    pub kind: Option<String>,
    /// The form factor, such as `3.5 inches`.
    pub form_factor: Option<String>,
    /// The SCSI transport protocol, such as `SAS (SPL-4)`: a physical drive has one, a RAID volume does not.
    pub link: Option<String>,
}

/// The SMART of the drive, and its switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Support {
    /// The drive has SMART.
    pub available: Option<bool>,
    /// SMART is switched on.
    pub enabled: Option<bool>,
}

/// The drive's own verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Status {
    /// The drive says that it is well. `-H` alone says so of SCSI devices without SMART, too.
    pub passed: Option<bool>,
    /// There is a verdict in the output, but it cannot be understood, or smartctl says that it is unknown.
    pub unreadable: bool,
    /// `NVMe`'s critical warning as the verdict repeats it.
    pub nvme_warning: Option<u64>,
    /// SCSI's informational exception: additional sense code and qualifier. Numbers, since the texts differ between versions.
    pub exception: Option<(u64, u64)>,
}

/// A row of the ATA attribute table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Attribute {
    /// 5 is reallocated sectors, 197 pending ones …; the vendor decides about many others.
    pub id: u64,
    /// smartctl's name for it.
    pub name: String,
    /// The normalised value; better drives have more.
    pub value: Option<u64>,
    /// The lowest normalised value ever.
    pub worst: Option<u64>,
    /// The attribute fails at this normalised value and below.
    pub threshold: Option<u64>,
    /// The attribute is or was at its threshold.
    pub failing: Option<Failing>,
    /// A failing attribute of this kind announces a failure of the drive; any other one its age.
    pub prefailure: bool,
    /// The counter: the leading integer of the raw text, since the whole field may hold several counters.
    pub raw: Option<u64>,
    /// The raw value as smartctl writes it.
    pub raw_text: Option<String>,
}

/// The time at which an attribute failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Failing {
    /// The value is at or below its threshold.
    Now,
    /// The value was at or below it once.
    Past,
}

/// `NVMe`'s SMART / health information log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Nvme {
    /// The bits of the critical warning.
    pub critical_warning: Option<u64>,
    /// Spare blocks that are left, in percent.
    pub available_spare: Option<u64>,
    /// Fewer than this is critical, in percent.
    pub spare_threshold: Option<u64>,
    /// Part of the rated endurance that is used, in percent; up to 255.
    pub percentage_used: Option<u64>,
    /// Data that could not be read or kept intact, over the drive's life.
    pub media_errors: Option<u64>,
    /// Entries of the error log over the drive's life; software that asks for what is not there makes them, too.
    pub error_log_entries: Option<u64>,
    /// Power losses without notice.
    pub unsafe_shutdowns: Option<u64>,
    /// The warnings of endurance groups, all of them together (log 02h, byte 6).
    pub endurance_groups: Option<u64>,
    /// Minutes above the warning temperature.
    pub warning_minutes: Option<u64>,
    /// Minutes above the critical temperature.
    pub critical_minutes: Option<u64>,
}

/// Counters of a SCSI drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Scsi {
    /// Sectors that were replaced after the drive left the factory.
    pub grown_defects: Option<u64>,
    /// Reads that failed for good.
    pub read_uncorrected: Option<u64>,
    /// Writes that failed for good.
    pub write_uncorrected: Option<u64>,
    /// Verifications that failed for good.
    pub verify_uncorrected: Option<u64>,
    /// Errors that were none of the medium: on the link, in the firmware, by a reset.
    pub non_medium: Option<u64>,
}

impl Report {
    /// How the drive is reached.
    #[must_use]
    pub fn transport(&self) -> Transport {
        let kind = self.device_type.as_deref().unwrap_or_default();
        if super::device::MEMBERS.iter().any(|raid| kind.contains(raid)) {
            return Transport::Raid;
        }
        if kind.starts_with("usb") || kind.starts_with("snt") {
            return Transport::Usb;
        }
        match self.protocol {
            Some(Protocol::Ata) => Transport::Ata,
            Some(Protocol::Nvme) => Transport::Nvme,
            Some(Protocol::Scsi) => Transport::Scsi,
            None if self.name.as_deref().is_some_and(|name| name.starts_with("/dev/nvme")) => Transport::Nvme,
            None => Transport::Unknown,
        }
    }

    /// Whether another report may be of the same drive: only differing serial numbers, or world-wide names of its units, exclude it.
    #[must_use]
    pub fn may_be_same_drive(&self, other: &Report) -> bool {
        let same = |mine: &Option<String>, theirs: &Option<String>| {
            mine.as_ref().zip(theirs.as_ref()).is_none_or(|(mine, theirs)| mine.eq_ignore_ascii_case(theirs))
        };
        same(&self.identity.serial, &other.identity.serial) && same(&self.identity.wwn, &other.identity.wwn)
    }

    /// A device statistic by its page and its place there.
    #[must_use]
    pub fn statistic(&self, page: u64, offset: u64) -> Option<u64> {
        self.statistics.iter().find(|one| one.page == page && one.offset == offset).map(|one| one.value)
    }

    /// The percentage of the endurance that an ATA drive says is used: by the statistic of the standard, else by smartctl's own field
    /// (7.5), unless smartctl took that from an attribute, which a rule of its own looks at.
    #[must_use]
    pub fn ata_endurance(&self) -> Option<u64> {
        let used = self.percentage_used.filter(|_| self.protocol == Some(Protocol::Ata))?;
        let derived = self.attributes.iter().any(|one| one.value.is_some_and(|value| value + used == 100));
        Some(used).filter(|_| self.statistic(7, 8).is_some() || !derived)
    }

    /// Whether platters turn. Without a rotation rate, which old drives and old versions do not give, the attributes tell: only such a
    /// drive spins up (3), seeks (7) or retries to spin up (10).
    #[must_use]
    pub fn rotates(&self) -> bool {
        let has = |id| self.attributes.iter().any(|attribute| attribute.id == id);
        match self.identity.rotation_rate {
            Some(rate) => rate > 0,
            None => self.protocol != Some(Protocol::Nvme) && has(3) && (has(7) || has(10)),
        }
    }

    /// An attribute by its number.
    #[must_use]
    pub fn attribute(&self, id: u64) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.id == id)
    }

    /// Whether one of these options was asked for, also within joined letters such as `-jHi`. Unknown for text.
    #[must_use]
    pub fn asked_for(&self, letters: &[char], words: &[&str]) -> bool {
        self.call.arguments.iter().skip(1).any(|word| match word.strip_prefix("--") {
            Some(long) => words.iter().any(|word| long.split('=').next() == Some(word)),
            None => word.strip_prefix('-').is_some_and(|short| short.starts_with(letters) || joined(short, letters)),
        })
    }

    /// Whether the caller said which type the device has, so that smartctl did not look for itself.
    #[must_use]
    pub fn type_was_forced(&self) -> bool {
        self.asked_for(&['d'], &["device"])
    }
}

/// Whether a letter stands in a word of options without values, such as `jHi`.
fn joined(word: &str, letters: &[char]) -> bool {
    const WITHOUT_VALUE: &str = "jiHcAax";
    let mut options = word.chars().take_while(|letter| WITHOUT_VALUE.contains(*letter));
    options.any(|letter| letters.contains(&letter))
}
