//! What a drive says of itself as a whole: its verdict, its warnings, its temperatures, its counters.

use super::{Bit, Exception, Measure, Seen};
use crate::disk::access;
use crate::disk::device::is_virtual;
use crate::disk::model::{self, Protocol, Report};

/// What a percentage that counts up is of.
const USED: &str = "percentage of the rated endurance that is used:";
/// SCSI's additional sense codes: a warning, and the prediction of a failure.
const WARNING: u64 = 0x0b;
const PREDICTION: u64 = 0x5d;

impl Bit {
    fn mask(self) -> u64 {
        match self {
            Self::Spare => 1,
            Self::Temperature => 2,
            Self::Reliability => 4,
            Self::ReadOnly => 8,
            Self::Backup => 16,
            Self::Persistent => 32,
            Self::Other => !63,
        }
    }

    /// The specification's name of it (NVMe Base 2.0, critical warning).
    fn name(self) -> &'static str {
        match self {
            Self::Spare => "spare below threshold",
            Self::Temperature => "temperature outside of its limits",
            Self::Reliability => "reliability degraded",
            Self::ReadOnly => "media read-only",
            Self::Backup => "volatile memory backup failed",
            Self::Persistent => "persistent memory region unreliable",
            Self::Other => "reserved bits",
        }
    }
}

/// The measures that see one thing at most.
pub(super) fn look(measure: Measure, report: &Report) -> Option<Seen> {
    match measure {
        Measure::StatusFailed => status_failed(report),
        Measure::Exception(kind) => {
            exception(report).filter(|(found, _)| *found == kind).map(|(_, words)| Seen::words(words))
        }
        Measure::ExceptionsOff => exceptions_off(report),
        Measure::NvmeBit(bit) => nvme_bit(report, bit),
        Measure::RatedEnduranceUsed => rated_endurance_used(report),
        Measure::EnduranceGroups => endurance_groups(report),
        Measure::SpareBelowThreshold => spare(report),
        Measure::FaultMode => fault_mode(report),
        Measure::TemperatureLimit => temperature(report, true),
        Measure::TemperatureWarm => temperature(report, false),
        Measure::FarmErrors => farm_errors(report),
        Measure::Virtual => emulated(report),
        Measure::FarmReallocated => farm_reallocated(report),
        Measure::Locked => report.notes.locked.filter(|locked| *locked).map(|_| Seen::words("ATA security: locked")),
        Measure::OfflineFatal => offline_fatal(report),
        Measure::ScanHalted => scan_halted(report),
        Measure::HoursSetBack => hours_set_back(report),
        Measure::VerdictOnly => verdict_only(report),
        Measure::StatusUnknown => status_unknown(report),
        Measure::Unexplained => unexplained(report),
        _ => counter(measure, report),
    }
}

/// The single counters.
fn counter(measure: Measure, report: &Report) -> Option<Seen> {
    let (nvme, scsi) = (report.nvme.as_ref(), report.scsi.as_ref());
    let ata = report.protocol == Some(Protocol::Ata);
    let grown = || scsi?.grown_defects;
    let (what, number) = match measure {
        Measure::MediaErrors => ("media and data integrity errors:", nvme?.media_errors),
        Measure::PendingDefects => ("pending defects", report.pending_defects),
        Measure::ScanDefects => ("sectors of the background scan:", report.scan_defects),
        Measure::GrownDefects => ("grown defects", grown().filter(|_| !is_flash(report))),
        Measure::GrownBlocks => ("grown defects", grown().filter(|_| is_flash(report))),
        Measure::NonMedium => ("non-medium errors:", scsi?.non_medium),
        Measure::LinkErrors => ("errors of the link:", report.notes.link_errors),
        Measure::OverLimit => ("times above the limit:", report.limits.exceeded),
        Measure::CriticalMinutes => ("minutes above the critical temperature:", nvme?.critical_minutes),
        Measure::EnduranceUsed => {
            (USED, nvme.and_then(|nvme| nvme.percentage_used).max(report.percentage_used.filter(|_| !ata)))
        }
        Measure::AtaEnduranceUsed => (USED, report.ata_endurance().filter(|used| *used != 255)),
        Measure::AtaEnduranceBogus => (USED, report.ata_endurance().filter(|used| *used == 255)),
        Measure::Statistic(page, offset, attribute) => {
            return statistic(report, page, offset, attribute);
        }
        Measure::ErrorLog => ("errors in the ATA error log:", report.error_log_count),
        _ => ("entries of the error log:", nvme?.error_log_entries),
    };
    Some(Seen::number(what, number?))
}

/// A statistic, with the attribute that tells the same where that contradicts it.
fn statistic(report: &Report, page: u64, offset: u64, attribute: u64) -> Option<Seen> {
    let told = report.attribute(attribute).map(|one| one.raw.unwrap_or_default());
    let counts = |one: &&model::Statistic| one.page == page && one.offset == offset && !one.normalised;
    let statistic = report.statistics.iter().find(counts)?;
    if told.is_some_and(|raw| raw > 0) {
        return None;
    }
    let against = told.map(|_| format!(", against 0 in attribute {attribute}")).unwrap_or_default();
    let seen = Seen::number(&format!("statistic {}:", statistic.name), statistic.value);
    Some(Seen { words: seen.words + &against, ..seen })
}

/// Its health is what the host makes of it.
fn emulated(report: &Report) -> Option<Seen> {
    let model = report.identity.model.as_deref().unwrap_or_default();
    (is_virtual(report) && access::is_evidence(report)).then(|| Seen::words(format!("it calls itself {model:?}")))
}

fn offline_fatal(report: &Report) -> Option<Seen> {
    let fatal = report.notes.offline_fatal == Some(true);
    fatal.then(|| Seen::words("offline data collection: aborted by the device with a fatal error"))
}

fn scan_halted(report: &Report) -> Option<Seen> {
    let status = report.scan.as_ref()?.status.as_deref().filter(|status| status.starts_with("halted"))?;
    Some(Seen::words(format!("background scan: {status}")))
}

fn is_flash(report: &Report) -> bool {
    report.identity.rotation_rate == Some(0) || report.percentage_used.is_some()
}

/// The drive's verdict, where no rule of its own tells why: the exit status says the same (bit 3), also where the verdict itself is not in
/// the output.
fn status_failed(report: &Report) -> Option<Seen> {
    let exit = report.call.exit_status.is_some_and(|exit| exit & 8 != 0);
    let failed = report.status.passed == Some(false) || exit;
    if !failed || warning(report).is_some() || exception(report).is_some() {
        return None;
    }
    let sense = report.status.exception.map(|(code, qualifier)| format!(", sense {code:02x}/{qualifier:02x}"));
    Some(Seen::words(format!("the drive's verdict: failed{}", sense.unwrap_or_default())))
}

/// The kind of an exception that is no failure, and its numbers.
fn exception(report: &Report) -> Option<(Exception, String)> {
    let (code, qualifier) = report.status.exception?;
    let kind = match (code, qualifier) {
        (WARNING, 0x01 | 0x0a..=0x0d) => Exception::Temperature,
        (WARNING, 0x03..=0x05) => Exception::Medium,
        (WARNING, _) => Exception::Warning,
        (PREDICTION, 0xff) => Exception::Test,
        _ => return None,
    };
    let whose = if kind == Exception::Warning && qualifier >= 0x80 { " of the drive maker" } else { "" };
    Some((kind, format!("sense {code:02X}/{qualifier:02X}{whose}")))
}

fn exceptions_off(report: &Report) -> Option<Seen> {
    let off = report.protocol == Some(Protocol::Scsi) && report.support.enabled == Some(false);
    (off && report.status.passed.is_some()).then(|| Seen::words("SMART support is disabled"))
}

fn warning(report: &Report) -> Option<u64> {
    let logged = report.nvme.and_then(|nvme| nvme.critical_warning);
    // Both say the same; if one of them is damaged, the worse counts.
    let bits = logged.unwrap_or_default() | report.status.nvme_warning.unwrap_or_default();
    Some(bits).filter(|bits| *bits != 0)
}

fn nvme_bit(report: &Report, bit: Bit) -> Option<Seen> {
    let set = warning(report)? & bit.mask();
    let explained = bit == Bit::Reliability && rated_endurance_used(report).is_some();
    (set != 0 && !explained).then(|| Seen {
        number: Some(set),
        ..Seen::words(format!("critical warning 0x{:02x}: {}", warning(report).unwrap_or_default(), bit.name()))
    })
}

/// Some makers set the bit of reliability when the rated endurance is used. No other bit, enough spare blocks and no lost data show that
/// nothing else is meant.
fn rated_endurance_used(report: &Report) -> Option<Seen> {
    let nvme = report.nvme?;
    let only = warning(report)? & !Bit::Temperature.mask() == Bit::Reliability.mask();
    let (spare, threshold) = nvme.available_spare.zip(nvme.spare_threshold)?;
    let used = nvme.percentage_used.filter(|used| *used >= 100)?;
    let well = only && spare > threshold && nvme.media_errors == Some(0);
    well.then(|| Seen {
        number: Some(used),
        ..Seen::words(format!("{used}% used, available spare {spare}%, no media errors"))
    })
}

fn endurance_groups(report: &Report) -> Option<Seen> {
    let bits = report.nvme?.endurance_groups.filter(|bits| *bits != 0)?;
    let names = [(1, "spare below threshold"), (4, "reliability degraded"), (8, "read-only")];
    let names: Vec<&str> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    Some(Seen {
        number: Some(bits),
        ..Seen::words(format!("endurance group warning 0x{bits:02x}: {}", names.join(", ")))
    })
}

/// Strictly below: QEMU says 0 of 0, and a drive exactly at its threshold is not warned of.
fn spare(report: &Report) -> Option<Seen> {
    let nvme = report.nvme?;
    let (spare, threshold) = nvme.available_spare.zip(nvme.spare_threshold)?;
    let words = format!("available spare {spare}%, threshold {threshold}%");
    (spare < threshold).then_some(Seen { words, subject: None, number: Some(spare), threshold: Some(threshold) })
}

/// Names that controllers give when they do not find their firmware or their flash.
const FALLBACK_NAMES: [&str; 9] = [
    "satafirm",
    "bad_ctx",
    "sandforce{",
    "yatapdong",
    "safe mode",
    "jmloader",
    "phison flash reader",
    "sm2246",
    "rom mode",
];
/// Drives that keep their name and show a documented number of bytes instead: Intel's 320 series 8 MiB, Samsung's data centre drives 1 GiB.
/// A small capacity alone says nothing: emulated, old and embedded drives are small and well.
const FALLBACK_CAPACITIES: [(&str, u64); 2] = [("intel ssd", 8 << 20), ("samsung mz", 1 << 30)];

/// The firmware name that Samsung's SATA drives give when they do not find it.
const FALLBACK_FIRMWARE: &str = "errormod";
/// Controllers by the number of their maker, as the beginning of a name: Silicon Motion, Phison. With nothing behind it but a variant and
/// next to no capacity the name is the controller's own; drives are sold as something else.
const CONTROLLERS: [&str; 5] = ["sm224", "sm225", "sm226", "ps3", "ps5"];
/// Bytes that no drive with such a controller is sold with.
const NEXT_TO_NOTHING: u64 = 4_000_000_000;

/// True if the whole name is the number of a controller: `SM2258AB`, `PS3111`, `PS5012-E12`.
fn is_controller(model: &str) -> bool {
    let is_number = model.len() >= 6 && model.is_ascii() && model[2..6].bytes().all(|b| b.is_ascii_digit());
    is_number && model.len() <= 10 && !model.contains(' ') && CONTROLLERS.iter().any(|name| model.starts_with(name))
}

/// That a controller fell back to itself: by its name or its firmware's, or by the capacity that its maker documents for that.
fn fault_mode(report: &Report) -> Option<Seen> {
    let identity = &report.identity;
    let model = identity.model.as_deref().unwrap_or_default().to_ascii_lowercase();
    let serial = identity.serial.as_deref().unwrap_or_default().to_ascii_lowercase();
    let named = FALLBACK_NAMES.iter().any(|name| model.contains(name)) || serial.starts_with("bad_ctx");
    let firmware = identity.firmware.as_deref().unwrap_or_default().trim();
    let lost = firmware.eq_ignore_ascii_case(FALLBACK_FIRMWARE);
    let bare = is_controller(model.trim()) && identity.capacity.is_none_or(|bytes| bytes < NEXT_TO_NOTHING);
    let shrunk =
        FALLBACK_CAPACITIES.iter().any(|(maker, bytes)| model.starts_with(maker) && identity.capacity == Some(*bytes));
    let size = identity.capacity.map(|bytes| format!(", {} MB", bytes / 1_000_000)).unwrap_or_default();
    let is_drive = matches!(report.protocol, Some(Protocol::Ata | Protocol::Nvme));
    let seen =
        if lost { format!("its firmware calls itself {firmware:?}") } else { format!("it calls itself {model:?}") };
    (is_drive && (named || shrunk || lost || bare)).then(|| Seen::words(seen + &size))
}

/// The temperature against the highest that the drive allows, or against the highest that is recommended. Drives that do not know say 0.
fn temperature(report: &Report, critical: bool) -> Option<Seen> {
    let logged = report.statistic(5, 8).and_then(|now| i64::try_from(now).ok());
    let now = report.temperature.max(logged).filter(|now| (1..=120).contains(now))?;
    // No drive is too hot at room temperature: such a limit is another number.
    let plausible = |limit: Option<i64>| limit.filter(|limit| (40..=120).contains(limit));
    let highest = plausible(report.trip_temperature).or(plausible(report.limits.critical));
    // The maximum that the drive was made for is allowed; above it the drive counts the minutes (ACS-4, statistics page 5). Where SCT knows
    // the limit, that is the limit.
    let specified = report.statistic(5, 0x58).and_then(|limit| i64::try_from(limit).ok());
    let over = plausible(specified).filter(|limit| now > *limit && highest.is_none());
    let highest = highest.filter(|limit| now >= *limit).or(over);
    let hot = highest.is_some();
    let limit =
        if critical { highest } else { plausible(report.limits.operating).filter(|limit| now > *limit && !hot) }?;
    let what = if critical { "limit" } else { "recommended" };
    let number = |celsius: i64| u64::try_from(celsius).ok();
    let words = format!("temperature {now} °C, {what} {limit} °C");
    Some(Seen { words, subject: None, number: number(now), threshold: number(limit) })
}

fn farm_errors(report: &Report) -> Option<Seen> {
    let farm = report.farm?;
    let errors =
        [farm.unrecoverable_reads, farm.unrecoverable_writes].into_iter().flatten().reduce(u64::saturating_add)?;
    Some(Seen::number("unrecoverable reads and writes:", errors))
}

/// FARM counts where SMART does, so that more of it means that SMART's counters were set back.
fn farm_reallocated(report: &Report) -> Option<Seen> {
    let number = report.farm?.reallocated?;
    let told = report.attribute(5).and_then(|one| one.raw);
    let against = told.map(|raw| format!(", {raw} by SMART")).unwrap_or_default();
    let seen = Seen::number("reallocated sectors by FARM:", number);
    (number > told.unwrap_or_default()).then(|| Seen { words: seen.words + &against, ..seen })
}

/// A tenth and some weeks more than SMART says: the two are not kept at the same moment.
fn hours_set_back(report: &Report) -> Option<Seen> {
    let (farm, smart) = report.farm?.hours.zip(report.power_on_hours)?;
    let far = farm > smart.saturating_add(smart / 10).saturating_add(500);
    far.then(|| Seen { number: Some(farm), ..Seen::words(format!("{farm} hours by FARM, {smart} by SMART")) })
}

pub(super) fn uncorrected(report: &Report) -> Vec<Seen> {
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

/// A verdict that cannot be understood, or that was asked for and is not there although other data of health is.
fn status_unknown(report: &Report) -> Option<Seen> {
    if report.status.passed.is_some() || !access::has_data(report) {
        return None;
    }
    let asked = report.asked_for(&['H', 'a', 'x'], &["health", "all", "xall"]);
    let unreadable = report.status.unreadable;
    // A text does not say what was asked for; the status of the self-tests stands in the same section as the verdict.
    let sectioned =
        report.call.arguments.is_empty() && report.self_tests.last.is_some() && !report.attributes.is_empty();
    let missing = (asked || sectioned) && matches!(report.protocol, Some(Protocol::Ata | Protocol::Nvme));
    (unreadable || missing).then(|| {
        Seen::words(if unreadable {
            "a verdict that is neither good nor bad"
        } else {
            "the verdict was asked for and is missing"
        })
    })
}

/// Bits 4 and 5 of the exit status: attributes at their thresholds, now or once. smartctl prints what it counts.
fn unexplained(report: &Report) -> Option<Seen> {
    let exit = report.call.exit_status.filter(|exit| exit & 0x30 != 0)?;
    let lost = report.attributes.is_empty() && report.status.passed == Some(true);
    lost.then(|| Seen::words(format!("exit status {exit}, and no attributes")))
}

/// A good verdict and nothing beside it, as `-H` gives it.
fn verdict_only(report: &Report) -> Option<Seen> {
    let alone = report.status.passed == Some(true) && access::is_evidence(report) && !access::has_data(report);
    alone.then(|| Seen::words("no attributes, counters or logs"))
}
