//! What the rules look at: from a report to what was seen in it.

mod attribute;
mod drive;
mod self_test;

use super::access;
use super::model::{Failing, Report};
pub(super) use attribute::Pick;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// The drive's verdict is bad, but for what a rule of its own tells: `NVMe`'s warnings, SCSI's exceptions that are no failure.
    StatusFailed,
    /// A SCSI exception that is no failure.
    Exception(Exception),
    /// SCSI's exceptions are switched off.
    ExceptionsOff,
    /// A bit of `NVMe`'s warning.
    NvmeBit(Bit),
    /// `NVMe`'s reliability bit of a drive whose rated endurance is used, and which has spare blocks and lost nothing.
    RatedEnduranceUsed,
    /// The warnings of `NVMe`'s endurance groups.
    EnduranceGroups,
    /// Fewer spare blocks than the drive's own threshold.
    SpareBelowThreshold,
    /// A solid state drive that shows a few megabytes or the name of its controller.
    FaultMode,
    /// A pre-failure attribute at its threshold, but for temperatures.
    PrefailNow,
    /// Any other attribute at its threshold, but for temperatures.
    OldAgeNow,
    /// A temperature at its threshold.
    TemperatureNow,
    /// The temperature of now is at the highest that the drive allows.
    TemperatureLimit,
    /// The temperature of now is at the highest that is recommended.
    TemperatureWarm,
    /// An attribute that was at its threshold, but for temperatures.
    AttributePast,
    /// An attribute whose worst value is 0 although it stands above its threshold.
    WorstUnset,
    /// A temperature that was at its threshold.
    TemperaturePast,
    /// The newest self-test failed.
    NewestSelfTest,
    /// An older one failed and none that refutes it passed since.
    UnrefutedSelfTest,
    /// An older one failed and a newer one that refutes it passed.
    RefutedSelfTest,
    /// The exit status tells of a failed self-test, and none is in the report.
    HiddenSelfTest,
    /// A test runs.
    RunningSelfTest,
    /// Entries of the log that cannot be.
    DoubtfulSelfTest,
    /// An attribute's counter.
    Raw(&'static [Pick]),
    /// A counter that is no number.
    NoNumber(&'static [Pick]),
    /// The normalised value of an attribute that counts down endurance.
    WearLeft(&'static [Pick]),
    /// A device statistic, by page and offset, of drives whose attribute for the same is not there or says zero.
    Statistic(u64, u64, u64),
    /// Sectors that wait to be written anew, by the log of them.
    PendingDefects,
    /// Sectors that SAS's background scan could not read.
    ScanDefects,
    /// `NVMe`'s count of lost data.
    MediaErrors,
    /// SCSI's count of replaced sectors, of drives with platters.
    GrownDefects,
    /// The same of drives without.
    GrownBlocks,
    /// SCSI's counts of what failed for good.
    Uncorrected,
    /// SCSI's count of errors that are none of the medium.
    NonMedium,
    /// Reads and writes that failed for good, by Seagate's FARM.
    FarmErrors,
    /// Sectors that were replaced by FARM, where the attribute tells of fewer.
    FarmReallocated,
    /// A password locks the drive.
    Locked,
    /// An emulated drive that has health.
    Virtual,
    /// The drive broke off its offline collection.
    OfflineFatal,
    /// SAS's background scan was halted by the drive.
    ScanHalted,
    /// Errors of the link.
    LinkErrors,
    /// Times that the drive was above its limit (SCT).
    OverLimit,
    /// Minutes that `NVMe`'s controller was above its critical temperature.
    CriticalMinutes,
    /// Rows of a table that were not understood.
    LostRows,
    /// SMART's hours are far fewer than FARM's.
    HoursSetBack,
    /// A percentage that counts endurance up, of `NVMe` and SCSI.
    EnduranceUsed,
    /// The same of ATA's device statistics.
    AtaEnduranceUsed,
    /// The same where it is 255, which some firmware says for nothing.
    AtaEnduranceBogus,
    /// A checksum of the drive's data is wrong.
    Checksum,
    /// Nothing but the drive's own verdict is known.
    VerdictOnly,
    /// This version of smartctl does not show `NVMe`'s self-tests, or could not read them.
    UnseenSelfTests,
    /// The ATA error log.
    ErrorLog,
    /// `NVMe`'s error log.
    NvmeErrorLog,
    /// There is no report; see [`super::verdict::judge_unreadable`].
    Unreadable,
    /// Something announced is not there.
    Cut,
    /// The text ends in a section of statistics that has no end.
    OpenEnd,
    /// There is a verdict of the drive, but not one that can be understood.
    StatusUnknown,
    /// The exit status tells of an attribute that the report does not have.
    Unexplained,
    /// Why there is no health, as [`access::complaint`] names it.
    Complaint(&'static str),
}

/// SCSI's informational exceptions that are no prediction of failure (SPC-5, additional sense codes 0B and 5D/FF).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exception {
    /// Of its temperature.
    Temperature,
    /// Of its medium.
    Medium,
    /// Any other warning.
    Warning,
    /// The TEST bit is set.
    Test,
}

/// The bits of `NVMe`'s critical warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bit {
    /// Spare below its threshold.
    Spare,
    /// Temperature outside of its limits.
    Temperature,
    /// Reliability degraded.
    Reliability,
    /// Media read-only.
    ReadOnly,
    /// Backup of volatile memory failed.
    Backup,
    /// Persistent memory region unreliable.
    Persistent,
    /// Reserved.
    Other,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// In words.
    pub(super) words: String,
    /// What it is about, where a code may be seen more than once.
    pub(super) subject: Option<String>,
    /// As a number, if it is one.
    pub(super) number: Option<u64>,
    /// The drive's own threshold.
    pub(super) threshold: Option<u64>,
}

impl Seen {
    fn words(words: impl Into<String>) -> Self {
        Self { words: words.into(), ..Self::default() }
    }

    fn number(what: &str, number: u64) -> Self {
        Self { words: format!("{what} {number}"), number: Some(number), ..Self::default() }
    }
}

/// Looks. Everything that the measure finds, whatever the limit.
pub(super) fn look(measure: Measure, report: &Report) -> Vec<Seen> {
    use attribute::{is_temperature, is_unset, matching};
    let failing = |when: Failing, hot: bool| {
        move |one: &super::model::Attribute| one.failing == Some(when) && is_temperature(one) == hot
    };
    match measure {
        Measure::PrefailNow => matching(report, |one| failing(Failing::Now, false)(one) && one.prefailure),
        Measure::OldAgeNow => matching(report, |one| failing(Failing::Now, false)(one) && !one.prefailure),
        Measure::TemperatureNow => matching(report, failing(Failing::Now, true)),
        Measure::AttributePast => matching(report, |one| failing(Failing::Past, false)(one) && !is_unset(one)),
        Measure::WorstUnset => matching(report, |one| failing(Failing::Past, false)(one) && is_unset(one)),
        Measure::TemperaturePast => matching(report, failing(Failing::Past, true)),
        Measure::Raw(picks) => attribute::raw(report, picks).into_iter().collect(),
        Measure::NoNumber(picks) => attribute::no_numbers(report, picks),
        Measure::WearLeft(picks) => attribute::wear_left(report, picks),
        Measure::NewestSelfTest | Measure::UnrefutedSelfTest | Measure::RefutedSelfTest => {
            self_test::failed(measure, report)
        }
        Measure::HiddenSelfTest => self_test::hidden(report).into_iter().collect(),
        Measure::RunningSelfTest => self_test::running(report).into_iter().collect(),
        Measure::DoubtfulSelfTest => self_test::doubtful(report).into_iter().collect(),
        Measure::UnseenSelfTests => self_test::unseen(report).into_iter().collect(),
        Measure::Uncorrected => drive::uncorrected(report),
        Measure::Checksum => report.checksums.iter().take(1).map(Seen::words).collect(),
        Measure::LostRows => report.notes.lost_rows.iter().take(1).map(Seen::words).collect(),
        Measure::OpenEnd => report.open_end.iter().map(Seen::words).collect(),
        Measure::Cut => report.cut.iter().take(1).map(Seen::words).collect(),
        Measure::Complaint(code) => {
            access::complaint(report).filter(|one| one.0 == code).map(|one| Seen::words(one.1)).into_iter().collect()
        }
        Measure::Unreadable => Vec::new(),
        _ => drive::look(measure, report).into_iter().collect(),
    }
}
