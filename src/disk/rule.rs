//! The rules by which a drive is judged, in one table: what is looked at, from which number on it counts, and for how much. The disk
//! contract, section 7, says why; a site's policy may say otherwise for each line.

use serde::{Deserialize, Serialize};

use super::measure::Measure::{self, self as M};

/// What a reason makes of the verdict, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Info,
    /// The drive works and has begun to fail, or has a past.
    Degraded,
    /// There is nothing to judge here.
    NotSupported,
    /// The test could not be made: neither good nor bad, and no reason to leave the drive out.
    Error,
    /// The drive is defective.
    Failed,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Degraded => "degraded",
            Self::NotSupported => "not-supported",
            Self::Error => "error",
            Self::Failed => "failed",
        }
    }
}

/// Whether something is so now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// It is so now.
    Present,
    /// It was so once, and may have been repaired, or was never the drive's fault.
    History,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The stable name, in reports and policies.
    pub code: &'static str,
    /// What is looked at.
    pub(super) measure: Measure,
    /// From which number on it counts, if it is a number.
    pub limit: Limit,
    /// What it makes of the verdict.
    pub severity: Severity,
    /// Whether it is so now.
    pub when: When,
    /// What it means, for an operator.
    pub meaning: &'static str,
    /// What to do next.
    pub next: &'static str,
}

/// From which number on something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It is no number, or the drive has its own threshold.
    None,
    /// More than this.
    Above(u64),
    /// This and more.
    AtLeast(u64),
    /// This and less.
    AtMost(u64),
}

impl Limit {
    /// Whether a number counts.
    #[must_use]
    pub fn counts(self, number: u64) -> bool {
        match self {
            Self::None => true,
            Self::Above(limit) => number > limit,
            Self::AtLeast(limit) => number >= limit,
            Self::AtMost(limit) => number <= limit,
        }
    }

    /// The number in it.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Above(limit) | Self::AtLeast(limit) | Self::AtMost(limit) => Some(limit),
        }
    }

    /// The same limit at another number.
    pub(super) fn at(self, number: u64) -> Self {
        match self {
            Self::None => Self::None,
            Self::Above(_) => Self::Above(number),
            Self::AtLeast(_) => Self::AtLeast(number),
            Self::AtMost(_) => Self::AtMost(number),
        }
    }
}

use Limit::{Above, AtLeast, AtMost};
use Severity::{Degraded, Error, Failed, Info, NotSupported};
use When::{History, Present};

const NONE: Limit = Limit::None;
const REPLACE: &str = "save the data and replace the drive";
const WATCH: &str = "test the drive in depth (extended self-test), and replace it if the number grows";
const PLAN: &str = "plan its replacement";
const CABLE: &str = "nothing, unless the number grows: then look at cable, backplane and power";
const LOOK: &str = "nothing, unless it grows";

/// The table.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // The drive's own verdict.
    rule("status-failed", M::StatusFailed, NONE, Failed, Present,
        "the drive itself says that it is failing", REPLACE),
    rule("temperature-critical", M::NvmeTemperature, NONE, Degraded, Present,
        "the drive is or was outside of its temperatures", "look at fans and airflow, then test again"),
    rule("nvme-warning", M::NvmeWarning, NONE, Failed, Present,
        "the controller raises a critical warning", REPLACE),
    rule("spare-exhausted", M::SpareBelowThreshold, NONE, Failed, Present,
        "fewer spare blocks are left than the drive needs", REPLACE),
    // Attributes against the vendor's thresholds.
    rule("attribute-failing", M::PrefailNow, NONE, Failed, Present,
        "an attribute that announces failure is at its threshold", REPLACE),
    rule("attribute-aged", M::OldAgeNow, NONE, Degraded, Present,
        "an attribute of age is at its threshold", PLAN),
    rule("temperature-now", M::TemperatureNow, NONE, Degraded, Present,
        "the drive is too hot now", "look at fans and airflow, then test again"),
    rule("attribute-failed-before", M::AttributePast, NONE, Degraded, History,
        "an attribute was at its threshold once", WATCH),
    rule("temperature-before", M::TemperaturePast, NONE, Info, History,
        "the drive was too hot once", LOOK),
    // Self-tests.
    rule("self-test-failed", M::NewestSelfTest, NONE, Failed, Present,
        "the newest self-test found a defect", REPLACE),
    rule("self-test-not-refuted", M::UnrefutedSelfTest, NONE, Degraded, History,
        "a self-test failed, and no later one ran to a good end", "run an extended self-test"),
    rule("self-test-failed-before", M::RefutedSelfTest, NONE, Degraded, History,
        "a self-test failed, and a later one passed", "run an extended self-test"),
    rule("self-test-running", M::RunningSelfTest, NONE, Info, Present,
        "a self-test is running", "wait for it, then judge again"),
    // Damage to the medium.
    rule("reallocated-sectors", M::HddRaw(5), Above(0), Degraded, Present,
        "sectors went bad and were replaced", WATCH),
    rule("spin-retries", M::HddRaw(10), Above(0), Degraded, Present,
        "the motor did not start at once", WATCH),
    rule("end-to-end-errors", M::Raw(184), Above(0), Degraded, Present,
        "data changed on the way through the drive", REPLACE),
    rule("reported-uncorrectable", M::Raw(187), Above(0), Degraded, Present,
        "data was lost: reads could not be corrected", WATCH),
    rule("pending-sectors", M::Raw(197), Above(0), Degraded, Present,
        "sectors cannot be read and wait to be replaced",
        "write the whole drive or run an extended self-test; replace it if they stay or come back"),
    rule("offline-uncorrectable", M::Raw(198), Above(0), Degraded, Present,
        "a scan found sectors that cannot be read", WATCH),
    rule("media-errors", M::MediaErrors, Above(0), Degraded, Present,
        "data was lost: the controller could not read or keep it intact", WATCH),
    rule("grown-defects", M::GrownDefects, Above(0), Degraded, Present,
        "sectors went bad and were replaced", WATCH),
    rule("uncorrected-errors", M::Uncorrected, Above(0), Degraded, Present,
        "reads or writes failed for good", WATCH),
    // Wear.
    rule("wear-left", M::WearLeft, AtMost(10), Degraded, Present,
        "little of the rated endurance is left", PLAN),
    rule("endurance-used", M::EnduranceUsed, AtLeast(90), Degraded, Present,
        "the rated endurance is used or almost; that alone is no defect", PLAN),
    rule("ata-endurance-used", M::AtaEnduranceUsed, AtLeast(90), Info, Present,
        "the rated endurance is used or almost, says a statistic that some firmware does not keep",
        "compare it with the wear attributes"),
    // What alone says nothing of the drive.
    rule("verdict-only", M::VerdictOnly, NONE, Info, Present,
        "only the drive's own verdict is known, which most failing drives leave at \"passed\"", "run smartctl -x"),
    rule("self-tests-unseen", M::UnseenSelfTests, NONE, Info, Present,
        "a failed self-test would not show", "use smartctl 7.4 or newer"),
    rule("crc-errors", M::Raw(199), Above(0), Info, History,
        "data changed on the way to the drive: cable, backplane or power", CABLE),
    rule("command-timeouts", M::Raw(188), Above(0), Info, History,
        "commands took too long, which power and cables cause, too", CABLE),
    rule("reallocated-blocks", M::SsdRaw(5), Above(0), Info, History,
        "blocks were replaced, which is normal wear of flash", LOOK),
    rule("error-log", M::ErrorLog, Above(0), Info, History,
        "the drive logged errors of any age", LOOK),
    rule("nvme-error-log", M::NvmeErrorLog, Above(0), Info, History,
        "the controller logged refused commands or errors of any age", LOOK),
    // No test was made.
    rule("unreadable", M::Unreadable, NONE, Error, Present,
        "there is no report to judge", "run smartctl -x again and look at what it says"),
    rule("usage", M::Complaint("usage"), NONE, Error, Present,
        "smartctl did not understand how it was called", "correct the options"),
    rule("permission-denied", M::Complaint("permission-denied"), NONE, Error, Present,
        "smartctl was not allowed to open the device", "run as root, with CAP_SYS_RAWIO and CAP_SYS_ADMIN"),
    rule("device-missing", M::Complaint("device-missing"), NONE, Error, Present,
        "there is no such device, or it has vanished",
        "look whether the kernel still lists the drive; one that it lists and that does not answer is defective"),
    rule("standby", M::Complaint("standby"), NONE, Error, Present,
        "the drive sleeps and was not woken", "call smartctl without -n"),
    rule("not-ready", M::Complaint("not-ready"), NONE, Error, Present,
        "the drive does not get ready", "start the drive and test again; replace it if it stays so"),
    rule("self-test-refused", M::Complaint("self-test-refused"), NONE, Error, Present,
        "the drive did not take the command for a self-test",
        "wait for a running test, or choose one that the drive has"),
    rule("device-unreadable", M::Complaint("device-unreadable"), NONE, Failed, Present,
        "the drive does not answer", "look at cable and power, then replace the drive"),
    rule("health-unreadable", M::Complaint("health-unreadable"), NONE, Error, Present,
        "the drive does not give its health", "run smartctl -x again and look at what it and the kernel say"),
    rule("report-cut", M::Cut, NONE, Error, Present,
        "the report breaks off", "run smartctl -x again"),
    rule("status-unknown", M::StatusUnknown, NONE, Error, Present,
        "the drive's own verdict cannot be read", "run smartctl -x again and look at what it says"),
    rule("no-health-data", M::Complaint("no-health-data"), NONE, Error, Present,
        "this call did not ask for the drive's health", "run smartctl -x"),
    // Nothing to judge.
    rule("type-unknown", M::Complaint("type-unknown"), NONE, NotSupported, Present,
        "no drive that smartctl knows how to talk to, such as a virtual one",
        "nothing; behind a controller, name its type with -d"),
    rule("usb-bridge-unknown", M::Complaint("usb-bridge-unknown"), NONE, NotSupported, Present,
        "smartctl does not know the USB bridge", "try -d sat"),
    rule("no-pass-through", M::Complaint("no-pass-through"), NONE, NotSupported, Present,
        "the device does not pass commands on to a drive of this type",
        "nothing; behind a controller, name its type with -d"),
    rule("raid-volume", M::Complaint("raid-volume"), NONE, NotSupported, Present,
        "a volume of a RAID controller or a bridge: commands do not reach a drive",
        "test its members: smartctl --scan-open lists them"),
    rule("not-a-disk", M::Complaint("not-a-disk"), NONE, NotSupported, Present,
        "no disk", "nothing"),
    rule("no-smart", M::Complaint("no-smart"), NONE, NotSupported, Present,
        "the device has no SMART", "nothing; a SATA drive behind SCSI may answer to -d sat"),
    rule("smart-off", M::Complaint("smart-off"), NONE, NotSupported, Present,
        "SMART is switched off or does not answer", "switch it on with smartctl -s on"),
];

const fn rule(
    code: &'static str,
    measure: Measure,
    limit: Limit,
    severity: Severity,
    when: When,
    meaning: &'static str,
    next: &'static str,
) -> Rule {
    Rule { code, measure, limit, severity, when, meaning, next }
}
