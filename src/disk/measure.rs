//! What the rules look at: from a report to what was seen in it.

use super::model::{Attribute, Failing, Protocol, Report};
use super::self_test::{Entry, Outcome};
use super::{access, model};

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// The drive's verdict is bad, but for the temperature alone of `NVMe`.
    StatusFailed,
    /// `NVMe`'s warning is of the temperature and nothing else.
    NvmeTemperature,
    /// Any other bit of `NVMe`'s warning.
    NvmeWarning,
    /// Fewer spare blocks than the drive's own threshold.
    SpareBelowThreshold,
    /// A pre-failure attribute at its threshold, but for temperatures.
    PrefailNow,
    /// Any other attribute at its threshold, but for temperatures.
    OldAgeNow,
    /// A temperature at its threshold.
    TemperatureNow,
    /// An attribute that was at its threshold, but for temperatures.
    AttributePast,
    /// A temperature that was at its threshold.
    TemperaturePast,
    /// The newest self-test failed.
    NewestSelfTest,
    /// An older one failed and none passed since.
    UnrefutedSelfTest,
    /// An older one failed and a newer one passed.
    RefutedSelfTest,
    /// A test runs.
    RunningSelfTest,
    /// An attribute's counter.
    Raw(u64),
    /// An attribute's counter in a drive with platters.
    HddRaw(u64),
    /// An attribute's counter in a drive without.
    SsdRaw(u64),
    /// `NVMe`'s count of lost data.
    MediaErrors,
    /// SCSI's count of replaced sectors.
    GrownDefects,
    /// SCSI's counts of what failed for good.
    Uncorrected,
    /// The normalised value of an attribute that counts down endurance.
    WearLeft,
    /// A percentage that counts endurance up, of `NVMe` and SCSI.
    EnduranceUsed,
    /// The same of ATA's device statistics, which some firmware fills with 255 at a few percent of wear.
    AtaEnduranceUsed,
    /// Nothing but the drive's own verdict is known.
    VerdictOnly,
    /// This version of smartctl does not show `NVMe`'s self-tests.
    UnseenSelfTests,
    /// The ATA error log.
    ErrorLog,
    /// `NVMe`'s error log.
    NvmeErrorLog,
    /// There is no report; see [`super::verdict::judge_unreadable`].
    Unreadable,
    /// Something announced is not there.
    Cut,
    /// There is a verdict of the drive, but not one that can be understood.
    StatusUnknown,
    /// Why there is no health, as [`access::complaint`] names it.
    Complaint(&'static str),
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

/// `NVMe`'s bits and what they say.
const WARNINGS: [(u64, &str); 6] = [
    (1, "spare blocks below threshold"),
    (2, "temperature outside of its limits"),
    (4, "reliability degraded"),
    (8, "media are read-only"),
    (16, "backup of volatile memory failed"),
    (32, "persistent memory unreliable"),
];
/// The bit of the temperature.
const TEMPERATURE_BIT: u64 = 2;
/// What a percentage that counts up is of.
const USED: &str = "percentage of the rated endurance that is used:";
/// Attributes of temperature.
const TEMPERATURES: [u64; 2] = [190, 194];
/// Names of attributes whose normalised value is what is left of the endurance in percent. Numbers alone do not tell: 202 is an error
/// count of one vendor and the endurance of another.
const WEAR_LEFT: [&str; 11] = [
    "Wear_Leveling_Count",
    "Media_Wearout_Indicator",
    "SSD_Life_Left",
    "Percent_Lifetime_Remain",
    "Percent_Life_Remaining",
    "Remaining_Lifetime_Perc",
    "Perc_Rated_Life_Used",
    "SSD_Life_Left_Perc",
    "Percent_Lifetime_Used",
    "Drive_Life_Remaining%",
    "Remaining_Life",
];

/// Looks. Everything that the measure finds, whatever the limit.
pub(super) fn look(measure: Measure, report: &Report) -> Vec<Seen> {
    let is_temperature = |attribute: &Attribute| TEMPERATURES.contains(&attribute.id);
    let now = |attribute: &Attribute| attribute.failing == Some(Failing::Now);
    let past = |attribute: &Attribute| attribute.failing == Some(Failing::Past);
    match measure {
        Measure::StatusFailed => status_failed(report).into_iter().collect(),
        Measure::NvmeTemperature => {
            warning(report).filter(|bits| *bits == TEMPERATURE_BIT).map(bits).into_iter().collect()
        }
        Measure::NvmeWarning => {
            warning(report).filter(|bits| bits & !TEMPERATURE_BIT != 0).map(bits).into_iter().collect()
        }
        Measure::SpareBelowThreshold => spare(report).into_iter().collect(),
        Measure::PrefailNow => attributes(report, |one| now(one) && one.prefailure && !is_temperature(one)),
        Measure::OldAgeNow => attributes(report, |one| now(one) && !one.prefailure && !is_temperature(one)),
        Measure::TemperatureNow => attributes(report, |one| now(one) && is_temperature(one)),
        Measure::AttributePast => attributes(report, |one| past(one) && !is_temperature(one)),
        Measure::TemperaturePast => attributes(report, |one| past(one) && is_temperature(one)),
        Measure::NewestSelfTest | Measure::UnrefutedSelfTest | Measure::RefutedSelfTest => self_tests(measure, report),
        Measure::RunningSelfTest => running(report).into_iter().collect(),
        Measure::Raw(id) => raw(report, id).into_iter().collect(),
        Measure::HddRaw(id) => raw(report, id).filter(|_| report.rotates()).into_iter().collect(),
        Measure::SsdRaw(id) => raw(report, id).filter(|_| !report.rotates()).into_iter().collect(),
        Measure::WearLeft => wear_left(report),
        Measure::Uncorrected => uncorrected(report),
        Measure::VerdictOnly => verdict_only(report).into_iter().collect(),
        Measure::UnseenSelfTests => unseen_self_tests(report).into_iter().collect(),
        Measure::Cut => report.cut.iter().map(|part| Seen::words(format!("{part} is empty"))).collect(),
        Measure::StatusUnknown => status_unknown(report).into_iter().collect(),
        Measure::Complaint(code) => {
            access::complaint(report).filter(|one| one.0 == code).map(|one| Seen::words(one.1)).into_iter().collect()
        }
        Measure::Unreadable => Vec::new(),
        Measure::MediaErrors
        | Measure::GrownDefects
        | Measure::EnduranceUsed
        | Measure::AtaEnduranceUsed
        | Measure::ErrorLog
        | Measure::NvmeErrorLog => counter(measure, report).into_iter().collect(),
    }
}

impl Seen {
    fn words(words: impl Into<String>) -> Self {
        Self { words: words.into(), ..Self::default() }
    }

    fn number(what: &str, number: u64) -> Self {
        Self { words: format!("{what} {number}"), number: Some(number), ..Self::default() }
    }
}

/// The single counters.
fn counter(measure: Measure, report: &Report) -> Option<Seen> {
    let (nvme, scsi) = (report.nvme.as_ref(), report.scsi.as_ref());
    let (what, number) = match measure {
        Measure::MediaErrors => ("media and data integrity errors:", nvme?.media_errors),
        Measure::GrownDefects => ("elements in the grown defect list:", scsi?.grown_defects),
        Measure::EnduranceUsed => {
            let indicator = report.percentage_used.filter(|_| report.protocol != Some(Protocol::Ata));
            (USED, nvme.and_then(|nvme| nvme.percentage_used).max(indicator))
        }
        Measure::AtaEnduranceUsed => (USED, report.percentage_used.filter(|_| report.protocol == Some(Protocol::Ata))),
        Measure::ErrorLog => ("errors in the ATA error log:", report.error_log_count),
        _ => ("entries of the error log:", nvme?.error_log_entries),
    };
    Some(Seen::number(what, number?))
}

fn status_failed(report: &Report) -> Option<Seen> {
    // The exit status says the same (bit 3), also where the verdict itself is not in the output.
    let exit = report.call.exit_status.is_some_and(|exit| exit & 8 != 0);
    if report.status.passed != Some(false) && !exit || warning(report) == Some(TEMPERATURE_BIT) {
        return None;
    }
    let exception = report.status.exception.map(|(code, qualifier)| format!(", sense {code:02x}/{qualifier:02x}"));
    Some(Seen::words(format!("the drive's verdict: failed{}", exception.unwrap_or_default())))
}

fn warning(report: &Report) -> Option<u64> {
    let logged = report.nvme.and_then(|nvme| nvme.critical_warning);
    // Both say the same; if one of them is damaged, the worse counts.
    logged.max(report.status.nvme_warning).filter(|bits| *bits != 0)
}

fn bits(bits: u64) -> Seen {
    let names: Vec<&str> = WARNINGS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    let words = format!("critical warning 0x{bits:02x}: {}", names.join(", "));
    Seen { words: words.trim_end_matches([':', ' ']).to_owned(), number: Some(bits), ..Seen::default() }
}

/// Strictly below: QEMU says 0 of 0, and a drive exactly at its threshold is not warned of.
fn spare(report: &Report) -> Option<Seen> {
    let nvme = report.nvme?;
    let (spare, threshold) = nvme.available_spare.zip(nvme.spare_threshold)?;
    let words = format!("available spare {spare}%, threshold {threshold}%");
    (spare < threshold).then_some(Seen { words, subject: None, number: Some(spare), threshold: Some(threshold) })
}

fn named(attribute: &Attribute) -> String {
    format!("{} {}", attribute.id, attribute.name).trim_end().to_owned()
}

fn attributes(report: &Report, counts: impl Fn(&Attribute) -> bool) -> Vec<Seen> {
    let seen = |attribute: &Attribute| {
        let said = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let Attribute { value, worst, threshold, .. } = *attribute;
        let values = format!("value {}, worst {}, threshold {}", said(value), said(worst), said(threshold));
        let name = named(attribute);
        Seen { words: format!("attribute {name}: {values}"), subject: Some(name), number: value, threshold }
    };
    report.attributes.iter().filter(|attribute| counts(attribute)).map(seen).collect()
}

fn raw(report: &Report, id: u64) -> Option<Seen> {
    let attribute = report.attribute(id)?;
    Some(Seen::number(&format!("attribute {}: raw", named(attribute)), attribute.raw?))
}

fn wear_left(report: &Report) -> Vec<Seen> {
    if report.rotates() {
        return Vec::new();
    }
    let counts_down = |attribute: &&Attribute| WEAR_LEFT.contains(&attribute.name.as_str());
    let seen = |attribute: &Attribute| {
        let name = named(attribute);
        let left = attribute.value?;
        Some(Seen { subject: Some(name.clone()), ..Seen::number(&format!("attribute {name}: normalised"), left) })
    };
    report.attributes.iter().filter(counts_down).filter_map(seen).collect()
}

fn uncorrected(report: &Report) -> Vec<Seen> {
    let Some(model::Scsi { read_uncorrected, write_uncorrected, verify_uncorrected, .. }) = report.scsi else {
        return Vec::new();
    };
    let counters = [("read", read_uncorrected), ("write", write_uncorrected), ("verify", verify_uncorrected)];
    let seen = |(name, number): (&str, Option<u64>)| {
        let number = number?;
        Some(Seen { subject: Some(name.to_owned()), ..Seen::number(&format!("uncorrected {name} errors:"), number) })
    };
    counters.into_iter().filter_map(seen).collect()
}

/// Every failed test of the log is one of three: the newest one, an older one that a later one refutes, or an older one that none does.
/// ATA's status tells of the newest test also where the log is missing or was not asked for.
fn self_tests(measure: Measure, report: &Report) -> Vec<Seen> {
    let tests = &report.self_tests;
    let failed = |entry: &Entry| entry.outcome == Outcome::Failed;
    let newest_failed = tests.newest().is_some_and(failed);
    if measure == Measure::NewestSelfTest {
        let said = tests.newest().filter(|entry| failed(entry)).map(test);
        let status =
            (tests.last == Some(Outcome::Failed)).then(|| Seen::words("the last self-test ended with a failure"));
        return said.or(status).into_iter().collect();
    }
    let older = tests.log.iter().enumerate().filter(|(_, entry)| failed(entry)).skip(usize::from(newest_failed));
    let refuted = |place: usize| tests.log[..place].iter().any(|entry| entry.outcome == Outcome::Passed);
    let wanted = older.filter(|(place, _)| refuted(*place) == (measure == Measure::RefutedSelfTest));
    wanted.map(|(_, entry)| test(entry)).take(1).collect()
}

fn test(entry: &Entry) -> Seen {
    let at = |word: &str, number: Option<u64>| number.map(|number| format!(", {word} {number}")).unwrap_or_default();
    let words = format!("{}{}{}", entry.text, at("sector", entry.lba), at("at power-on hour", entry.hours));
    Seen { words: format!("self-test: {words}"), ..Seen::default() }
}

fn running(report: &Report) -> Option<Seen> {
    let left = report.self_tests.running?.remaining;
    Some(Seen::words(left.map_or("in progress".to_owned(), |left| format!("in progress, {left}% remaining"))))
}

/// A verdict that cannot be understood, or that was asked for and is not there although other data of health is.
fn status_unknown(report: &Report) -> Option<Seen> {
    if report.status.passed.is_some() || !access::has_data(report) {
        return None;
    }
    let asked = report.asked_for(&['H', 'a', 'x'], &["health", "all", "xall"]);
    let unreadable = report.status.unreadable;
    let missing = asked && matches!(report.protocol, Some(Protocol::Ata | Protocol::Nvme));
    (unreadable || missing).then(|| {
        Seen::words(if unreadable {
            "a verdict that is neither good nor bad"
        } else {
            "the verdict was asked for and is missing"
        })
    })
}

/// A good verdict and nothing beside it, as `-H` gives it.
fn verdict_only(report: &Report) -> Option<Seen> {
    let alone = report.status.passed == Some(true) && access::is_evidence(report) && !access::has_data(report);
    alone.then(|| Seen::words("no attributes, counters or logs"))
}

/// Section 2.2 and 2.3: a failed self-test leaves the verdict at "passed", and smartctl before 7.4 does not read `NVMe`'s log.
fn unseen_self_tests(report: &Report) -> Option<Seen> {
    let (major, minor) = report.call.version?;
    let unseen = report.nvme.is_some() && !report.self_tests.log_read && (major, minor) < (7, 4);
    unseen.then(|| Seen::words(format!("smartctl {major}.{minor} does not read the self-test log of NVMe")))
}
