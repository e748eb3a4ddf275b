//! Self-tests: what their log says of the drive, and whether the log is to be believed.

use super::{Measure, Seen};
use crate::disk::model::{Protocol, Report};
use crate::disk::self_test::{Entry, Kind, Outcome};

/// ATA counts the hours of a log entry in 16 bits.
const WRAP: u64 = 1 << 16;
/// Hours that an entry may be ahead of twice the drive's own count: some drives keep one of them badly.
const SLACK: u64 = 1000;

/// Why an entry cannot be.
fn doubt(entry: &Entry, report: &Report) -> Option<String> {
    let ata = report.protocol == Some(Protocol::Ata);
    let nvme = report.protocol == Some(Protocol::Nvme);
    let blank = |number: Option<u64>, ones: u64| number == Some(ones);
    let hours = entry.hours.zip(report.power_on_hours);
    let ahead = hours.filter(|(logged, own)| *logged > own.saturating_mul(2).saturating_add(SLACK));
    let wraps = |own: u64| ata && own.saturating_add(own / 10).saturating_add(SLACK) >= WRAP;
    match (ahead, entry.outcome) {
        (_, Outcome::Unknown) if nvme || ata => Some(format!("the result {:?} means nothing", entry.text)),
        (_, Outcome::Failed) if ata && entry.kind == Some(Kind::Other) && is_rubbish(report) => {
            Some("it stands among entries that mean nothing".to_owned())
        }
        _ if ata && blank(entry.hours, WRAP - 1) && entry.lba.is_some_and(|lba| lba >= 0xffff_ffff) => {
            Some("all bits are set".to_owned())
        }
        _ if nvme && (blank(entry.hours, u64::MAX) || blank(entry.lba, u64::MAX) && entry.segment == Some(255)) => {
            Some("all bits are set".to_owned())
        }
        (Some((logged, own)), _) if !wraps(own) && !is_older_than_its_drive(report) => {
            Some(format!("power-on hour {logged} of a drive with {own}"))
        }
        _ => None,
    }
}

/// True if the log holds entries that no test can have made: then one of a test that nobody knows is another of them.
fn is_rubbish(report: &Report) -> bool {
    report.self_tests.log.iter().any(|entry| entry.outcome == Outcome::Unknown)
}

/// Whether every entry is ahead of the drive's own count, each newer one more: then it is the count that was set back, and the log is
/// as it was. A lone entry shows no such order.
fn is_older_than_its_drive(report: &Report) -> bool {
    let hours: Vec<u64> = ended(report).filter_map(|entry| entry.hours).collect();
    let Some(own) = report.power_on_hours.filter(|_| !is_rubbish(report)) else { return false };
    ended(report).count() > 1
        && hours.is_sorted_by(|newer, older| newer >= older)
        && hours.iter().all(|logged| *logged > own && *logged < WRAP - 1)
}

fn ended(report: &Report) -> impl Iterator<Item = &Entry> {
    report.self_tests.log.iter().filter(|entry| entry.outcome != Outcome::Running)
}

/// Entries that are believed, newest first. `NVMe` fills its log from the front: what stands behind an empty slot is rubbish.
fn believed(report: &Report) -> Vec<&Entry> {
    let fits = |entry: &&Entry| doubt(entry, report).is_none();
    report.self_tests.log.iter().filter(fits).filter(|entry| !follows_a_gap(entry, report)).collect()
}

fn follows_a_gap(entry: &Entry, report: &Report) -> bool {
    if report.protocol != Some(Protocol::Nvme) {
        return false;
    }
    let before =
        |place: u64| report.self_tests.log.iter().filter(|other| other.place.is_some_and(|one| one < place)).count();
    entry.place.is_some_and(|place| u64::try_from(before(place)).unwrap_or(u64::MAX) < place)
}

/// That the log holds what cannot be.
pub(super) fn doubtful(report: &Report) -> Option<Seen> {
    let why = |entry: &Entry| {
        doubt(entry, report).or_else(|| follows_a_gap(entry, report).then(|| "it stands behind empty slots".to_owned()))
    };
    let (entry, why) = report.self_tests.log.iter().find_map(|entry| Some((entry, why(entry)?)))?;
    Some(Seen::words(format!("self-test: {}, but {why}", entry.text)))
}

/// Every failed test of the log is one of three: the newest one, an older one that none refutes, or an older one that a later one does.
/// ATA's status tells of the newest test also where the log is missing or was not asked for.
pub(super) fn failed(measure: Measure, report: &Report) -> Vec<Seen> {
    let (tests, log) = (&report.self_tests, believed(report));
    let failed = |entry: &Entry| entry.outcome == Outcome::Failed;
    let newest = log.iter().find(|entry| entry.outcome != Outcome::Running);
    if measure == Measure::NewestSelfTest {
        let said = newest.filter(|entry| failed(entry)).map(|entry| test(entry));
        let status =
            (tests.last == Some(Outcome::Failed)).then(|| Seen::words("the last self-test ended with a failure"));
        return said.or(status).into_iter().collect();
    }
    let newest_failed = newest.is_some_and(|entry| failed(entry));
    let older = log.iter().enumerate().filter(|(_, entry)| failed(entry)).skip(usize::from(newest_failed));
    // Nobody but its vendor knows what a test of the vendor's looked for; an older one is history.
    let vendors = |entry: &Entry| entry.kind == Some(Kind::Other);
    let refuted = |place: usize| vendors(log[place]) || log[..place].iter().any(|entry| entry.refutes(log[place]));
    let wanted = older.filter(|(place, _)| refuted(*place) == (measure == Measure::RefutedSelfTest));
    wanted.map(|(_, entry)| test(entry)).take(1).collect()
}

fn test(entry: &Entry) -> Seen {
    let at = |word: &str, number: Option<u64>| number.map(|number| format!(", {word} {number}")).unwrap_or_default();
    let place = [
        ("sector", entry.lba),
        ("segment", entry.segment),
        ("namespace", entry.namespace),
        ("at power-on hour", entry.hours),
    ];
    let place: String = place.into_iter().map(|(word, number)| at(word, number)).collect();
    Seen::words(format!("self-test: {}{place}", entry.text))
}

/// Bit 7 of the exit status: smartctl sets it for a log that it has read, so entries without a log were lost. A failed entry that cannot be
/// is left out of account only where the drive's own status of its newest test is known.
pub(super) fn hidden(report: &Report) -> Option<Seen> {
    let told = report.call.exit_status.is_some_and(|exit| exit & 128 != 0);
    let tests = &report.self_tests;
    let left_out = tests.log.iter().any(|entry| entry.outcome == Outcome::Failed && doubt(entry, report).is_some());
    let known = match tests.last {
        Some(Outcome::Failed) => true,
        Some(_) => !tests.log.is_empty(),
        None => !tests.log.is_empty() && !left_out,
    };
    (told && !known).then(|| Seen::words(format!("exit status {}", report.call.exit_status.unwrap_or_default())))
}

pub(super) fn running(report: &Report) -> Option<Seen> {
    let left = report.self_tests.running?.remaining;
    Some(Seen::words(left.map_or("in progress".to_owned(), |left| format!("in progress, {left}% remaining"))))
}

/// Section 2.2 and 2.3: a failed self-test leaves the verdict at "passed", and smartctl before 7.4 does not read `NVMe`'s log; 7.4 asks
/// some drives for it in a way that they refuse.
pub(super) fn unseen(report: &Report) -> Option<Seen> {
    report.nvme.filter(|_| !report.self_tests.log_read)?;
    if let Some(said) = report.call.messages.iter().find(|said| said.contains("Self-test Log failed")) {
        return Some(Seen::words(said));
    }
    let (major, minor) = report.call.version?;
    let reads = (major, minor) >= (7, 4);
    if reads && report.self_tests.short.supported == Some(false) {
        return None;
    }
    let does = if reads { "shows no self-test log of this drive" } else { "does not read the self-test log of NVMe" };
    Some(Seen::words(format!("smartctl {major}.{minor} {does}")))
}
