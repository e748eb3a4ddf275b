//! A drive on one page, for a person: who it is, how it is and why, how worn, how warm, what it counted, how its self-tests ended.

use super::history::History;
use super::model::{Environment, Report, Temperatures};
use super::self_test::{Entry, Kind, Outcome};
use super::verdict::{Judgement, Reason};

/// Most self-tests that are shown; the log holds more, which matter less.
const SHOWN: usize = 10;
/// Attributes with a counter that is worth a line of its own.
const COUNTERS: [u64; 9] = [5, 10, 184, 187, 188, 196, 197, 198, 199];

/// The page. Lines that nothing is known for are left out.
#[must_use]
pub fn page(report: &Report, judgement: &Judgement) -> String {
    let mut text = identity(report);
    text.push_str(&section("HEALTH", &health(judgement)));
    text.push_str(&section("STATE", &state(report)));
    text.push_str(&section("COUNTED", &counted(report)));
    text.push_str(&section("STATISTICS", &statistics(report)));
    text.push_str(&section("BACKGROUND SCAN", &scan(report)));
    text.push_str(&section("SELF-TESTS", &self_tests(report)));
    text
}

/// What it counted over time, below its page; nothing where nothing is known of it.
#[must_use]
pub fn past(history: &History) -> String {
    section("HISTORY", &history.lines())
}

fn section(title: &str, lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    if lines.is_empty() { lines } else { format!("\n{title}\n{lines}") }
}

/// A line of a name and a value, if there is one.
fn line(name: &str, value: Option<impl std::fmt::Display>) -> Option<String> {
    value.map(|value| format!("{name:<20}{value}"))
}

fn identity(report: &Report) -> String {
    let identity = &report.identity;
    let capacity = identity.capacity.map(|bytes| format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10));
    let medium = identity.rotation_rate.map(|rate| match rate {
        0 => "solid state".to_owned(),
        rate => format!("{rate} rpm"),
    });
    let lines = [
        line("Device", report.name.as_ref()),
        line("Model", identity.model.as_ref()),
        line("Family", identity.family.as_ref()),
        line("Serial number", identity.serial.as_ref()),
        line("Firmware", identity.firmware.as_ref()),
        line("WWN", identity.wwn.as_ref()),
        line("Capacity", capacity),
        line("Medium", medium),
        line("Reached through", Some(report.transport().name())),
    ];
    lines.into_iter().flatten().map(|line| printable(&line) + "\n").collect()
}

/// What a drive calls itself goes to a terminal: control characters do not.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn health(judgement: &Judgement) -> Vec<String> {
    let mut lines = vec![judgement.verdict.name().to_uppercase()];
    for reason in &judgement.reasons {
        lines.extend(told(reason));
    }
    lines
}

fn told(reason: &Reason) -> [String; 2] {
    let Reason { code, severity, when, seen, meaning, next, new, .. } = reason;
    let new = if *new == Some(true) { ", new" } else { "" };
    let words = format!("{}, {when:?}{new}", severity.name()).to_lowercase();
    [printable(&format!("{code} ({words}): {seen}")), format!("    {meaning}; {next}")]
}

fn state(report: &Report) -> Vec<String> {
    let percent = |number: u64| format!("{number}%");
    let nvme = report.nvme.unwrap_or_default();
    let farm = report.farm.unwrap_or_default();
    let celsius = |limit: Option<i64>| limit.filter(|limit| *limit != 0).map(|limit| format!("{limit} °C"));
    let used = nvme.percentage_used.or(report.percentage_used);
    let spare = nvme.available_spare.map(|spare| match nvme.spare_threshold {
        Some(threshold) => format!("{spare}% (threshold {threshold}%)"),
        None => percent(spare),
    });
    let trip = report.trip_temperature.filter(|celsius| *celsius > 0);
    // SCSI devices that do not know say 0.
    let temperature = report.temperature.filter(|now| *now != 0).map(|now| match trip {
        Some(trip) => format!("{now} °C (trips at {trip} °C)"),
        None => format!("{now} °C"),
    });
    let lines = [
        line("Endurance used", used.map(percent)),
        line("Spare blocks", spare),
        line("Temperature", temperature),
        line("Switched on", report.power_on_hours.map(|hours| format!("{hours} h"))),
        line("Power cycles", report.power_cycles),
        line("Unclean power loss", nvme.unsafe_shutdowns),
        line("Highest allowed", celsius(report.limits.critical)),
        line("Highest advised", celsius(report.limits.operating)),
        line("Highest ever", celsius(report.limits.highest)),
        line("Above its limit", report.limits.exceeded.map(|times| format!("{times} times"))),
        line("Minutes too warm", nvme.warning_minutes),
        line("Minutes too hot", nvme.critical_minutes),
        line("Logged", report.temperatures.as_ref().and_then(logged_temperatures)),
        line("FARM hours", farm.hours),
        line("FARM spindle hours", farm.spindle_hours),
        line("FARM head hours", farm.head_hours),
    ];
    let environment = report.environment.iter().filter_map(environment).map(|line| printable(&line));
    lines.into_iter().flatten().chain(environment).collect()
}

/// `36 to 41 °C in the last 21 h (every 10 min)`.
fn logged_temperatures(logged: &Temperatures) -> Option<String> {
    let known = || logged.readings.iter().flatten();
    let (lowest, highest) = (known().min()?, known().max()?);
    let minutes = logged.interval_minutes?;
    let hours = minutes.saturating_mul(u64::try_from(logged.readings.len()).unwrap_or(u64::MAX)) / 60;
    Some(format!("{lowest} to {highest} °C in the last {hours} h (every {minutes} min)"))
}

/// `relative humidity 1   55, from 35 to 72`; the first temperature is the drive's own, which is told already.
fn environment(one: &Environment) -> Option<String> {
    let range = one.lowest.zip(one.highest).map(|(lowest, highest)| format!(", from {lowest} to {highest}"));
    let unit = if one.name.starts_with("temperature") { " °C" } else { " %" };
    line(&one.name.replace('_', " "), one.current.map(|now| format!("{now}{unit}{}", range.unwrap_or_default())))
}

/// The first of them.
fn sectors(pending: &[u64]) -> Option<String> {
    let first: Vec<String> = pending.iter().take(SHOWN).map(u64::to_string).collect();
    let more = if pending.len() > SHOWN { " …" } else { "" };
    (!first.is_empty()).then(|| first.join(" ") + more)
}

fn counted(report: &Report) -> Vec<String> {
    let (nvme, scsi) = (report.nvme.unwrap_or_default(), report.scsi.unwrap_or_default());
    let farm = report.farm.unwrap_or_default();
    let attributes = report.attributes.iter().filter(|attribute| COUNTERS.contains(&attribute.id));
    let attributes = attributes.map(|attribute| {
        let title = format!("{} {}", attribute.id, attribute.name);
        attribute.raw.map(|raw| format!("{title:<30}{raw}"))
    });
    let others = [
        line("Media errors", nvme.media_errors),
        line("Error log entries", nvme.error_log_entries.or(report.error_log_count)),
        line("Grown defects", scsi.grown_defects),
        line("Uncorrected reads", scsi.read_uncorrected),
        line("Uncorrected writes", scsi.write_uncorrected),
        line("Uncorrected verifies", scsi.verify_uncorrected),
        line("Non-medium errors", scsi.non_medium),
        line("Pending defects", report.pending_defects),
        line("Pending sectors", sectors(&report.pending_sectors)),
        line("Unreadable by scan", report.scan_defects),
        line("Endurance groups", nvme.endurance_groups.map(|bits| format!("warning 0x{bits:02x}"))),
        line("FARM lost reads", farm.unrecoverable_reads),
        line("FARM lost writes", farm.unrecoverable_writes),
        line("FARM reallocated", farm.reallocated),
        line("FARM candidates", farm.candidates),
    ];
    attributes.chain(others).flatten().map(|line| printable(&line)).collect()
}

/// What a SAS drive's own scan of its medium found.
fn scan(report: &Report) -> Vec<String> {
    let Some(scan) = &report.scan else { return Vec::new() };
    let head = [
        line("Now", scan.status.as_ref()),
        line("Scans", scan.scans),
        line("Of the medium", scan.medium_scans),
        line("Found", Some(scan.found.len()).filter(|found| *found > 0)),
    ];
    let found = scan.found.iter().take(SHOWN).map(|one| {
        let sector = one.lba.map_or_else(|| "-".to_owned(), |lba| lba.to_string());
        let key = one.sense_key.map_or_else(|| "-".to_owned(), |key| key.to_string());
        format!("sector {sector:>16}  sense key {key}  {}", one.fate)
    });
    head.into_iter().flatten().chain(found).map(|line| printable(&line)).collect()
}

/// What the drive keeps by the standard.
fn statistics(report: &Report) -> Vec<String> {
    let said = report.statistics.iter().map(|one| format!("{:<50}{}", one.name, one.value));
    said.map(|line| printable(&line)).collect()
}

fn self_tests(report: &Report) -> Vec<String> {
    let tests = &report.self_tests;
    let running = tests.running.map(|running| match running.remaining {
        Some(left) => format!("in progress, {left}% remaining"),
        None => "in progress".to_owned(),
    });
    let estimates = [("Short", Kind::Short), ("Extended", Kind::Extended), ("Conveyance", Kind::Conveyance)];
    let estimates = estimates.into_iter().filter_map(|(name, kind)| {
        let minutes = tests.ability(kind).estimate?.as_secs().div_ceil(60);
        line(name, Some(format!("about {minutes} min")))
    });
    let log = tests.log.iter().take(SHOWN).map(|entry| printable(&logged(entry)));
    let none = (tests.log.is_empty() && tests.log_read).then(|| "none was ever run".to_owned());
    running.into_iter().chain(estimates).chain(log).chain(none).collect()
}

fn logged(entry: &Entry) -> String {
    let kind = match entry.kind {
        Some(Kind::Short) => "short",
        Some(Kind::Extended) => "extended",
        Some(Kind::Conveyance) => "conveyance",
        Some(Kind::Selective) => "selective",
        Some(Kind::Other) | None => "other",
    };
    let hours = entry.hours.map_or_else(|| "-".to_owned(), |hours| hours.to_string());
    let mark = if entry.outcome == Outcome::Failed { " !" } else { "" };
    let lba = entry.lba.filter(|_| entry.outcome == Outcome::Failed);
    let lba = lba.map(|lba| format!(", sector {lba}")).unwrap_or_default();
    let part = |word: &str, number: Option<u64>| {
        let number = number.filter(|_| entry.outcome == Outcome::Failed);
        number.map(|number| format!(", {word} {number}")).unwrap_or_default()
    };
    let (segment, namespace) = (part("segment", entry.segment), part("namespace", entry.namespace));
    format!("at {hours:>6} h  {kind:<11}{}{lba}{segment}{namespace}{mark}", entry.text)
}
