//! Verdict on the data that was written and read back.

use super::super::super::{Metric, Outcome, Report};
use super::super::errno::Fault;
use super::super::narrow::BadPlace;
use super::super::pass::End;
use super::super::plan::Extent;
use super::super::verdict::{blame, listed as places, megabytes, silent, unreadable};
use super::claim::Refusal;
use super::course::{Round, Sweep, Written};
use super::media::{Again, Wrong};
use super::signature::Content;
use super::stamp::Kind;

/// Sectors that a finding names; the others are counted.
const NAMED: usize = 5;

/// Lists the contents of a disk in words.
pub(super) fn listed(held: &[Content]) -> String {
    if held.is_empty() {
        return "nothing that is known".to_owned();
    }
    held.iter().map(|one| format!("{} on {}", one.kind, one.place)).collect::<Vec<_>>().join(", ")
}

/// Records that a disk was not erased, and why.
pub(super) fn refused(report: &mut Report, name: &str, refusal: &Refusal) {
    let what = format!("It was not erased: {}.", refusal.words());
    report.find(Outcome::Error, "disk-in-use", name, what).next(refusal.next());
}

/// Remembers what was on a disk.
pub(super) fn erased(report: &mut Report, name: &str, held: &[Content]) {
    let what = format!("It was erased. Before, it held: {}.", listed(held));
    report.find(Outcome::Passed, "disk-erased", name, what);
}

/// Adds what is known of a disk.
pub(super) fn add(report: &mut Report, name: &str, written: &Written) {
    // A second round is over what the first one wrote, or less.
    let verified = written.rounds.iter().map(|round| round.read.done).max().unwrap_or(0);
    report.covered(name, "bytes", verified, written.size);
    let writes = || written.rounds.iter().map(|round| &round.write).chain(&written.zeros);
    for sweep in writes() {
        ended(report, name, sweep, "Writing");
    }
    for round in &written.rounds {
        ended(report, name, &round.read, "Reading back");
    }
    unwritable(report, name, &writes().flat_map(|sweep| sweep.bad.clone()).collect::<Vec<_>>());
    for flush in written.rounds.iter().map(|round| &round.flush) {
        flushed(report, name, flush);
    }
    let bad: Vec<BadPlace> = written.rounds.iter().flat_map(|round| round.read.bad.clone()).collect();
    unreadable(report, name, &bad);
    wrong(report, name, &written.rounds);
    report.measure(Metric::BytesWritten, name, writes().map(|sweep| sweep.done).sum::<u64>());
    report.measure(Metric::BytesRead, name, written.rounds.iter().map(|round| round.read.done).sum::<u64>());
    let first = written.rounds.first();
    for (metric, rate) in [
        (Metric::DiskWrite, first.and_then(|round| round.write.rate())),
        (Metric::DiskRead, first.and_then(|round| round.read.rate())),
    ] {
        if let Some(rate) = rate {
            report.measure(metric, name, megabytes(rate));
        }
    }
    left_out(report, name, written, verified);
}

fn ended(report: &mut Report, name: &str, sweep: &Sweep, doing: &str) {
    match sweep.ended {
        Some(End::Final(fault)) => {
            let what = format!("{doing} ended after {} bytes: {}.", sweep.done, fault.words_of_write());
            report.find(blame(fault), "disk-gone", name, what).next(fault.next_step());
        }
        Some(End::Silent(time)) => silent(report, name, time),
        Some(End::TimeOver | End::EnoughErrors | End::Complete) | None => {}
    }
}

fn unwritable(report: &mut Report, name: &str, bad: &[BadPlace]) {
    let mut faults: Vec<Fault> = bad.iter().map(|place| place.fault).collect();
    faults.sort_unstable();
    faults.dedup();
    for (fault, hidden) in faults.into_iter().flat_map(|fault| [(fault, false), (fault, true)]) {
        let of: Vec<&BadPlace> = bad.iter().filter(|one| one.fault == fault && one.hidden == hidden).collect();
        let Some(first) = of.first() else { continue };
        let (count, words, errno) = (of.len(), fault.words_of_write(), first.errno);
        let ranges = places(of.iter().map(|place| &place.range));
        let (outcome, code, verb) = match (hidden, fault.blames_hardware()) {
            (false, true) => (Outcome::Failed, "disk-unwritable", "cannot be written"),
            (false, false) => (Outcome::Error, "disk-not-written", "were not written"),
            (true, true) => (Outcome::Degraded, "disk-write-retried", "could be written the second time only"),
            (true, false) => continue,
        };
        let what = format!("{count} places {verb} ({words}, {errno}): {ranges}.");
        report.find(outcome, code, name, what).next(fault.next_step());
    }
    report.measure(Metric::UnwritablePlaces, name, bad.iter().filter(|place| !place.hidden).count() as u64);
}

fn flushed(report: &mut Report, name: &str, flush: &Sweep) {
    ended(report, name, flush, "Emptying the drive's cache");
    for place in &flush.bad {
        let what = format!(
            "The drive did not put down what it had taken ({}, {}).",
            place.fault.words_of_write(),
            place.errno
        );
        report.find(blame(place.fault), "disk-flush-failed", name, what).next(place.fault.next_step());
    }
}

/// Returns the code of the finding that a wrong sector leads to.
fn code(wrong: &Wrong) -> &'static str {
    match wrong.kind {
        _ if wrong.again == Again::Right => "disk-read-path",
        Kind::Misplaced { .. } => "disk-write-misplaced",
        Kind::Stale | Kind::Blank => "disk-write-lost",
        Kind::Bits(_) | Kind::Foreign => "disk-data-wrong",
    }
}

fn in_words(wrong: &Wrong) -> String {
    let sector = wrong.sector;
    match wrong.kind {
        Kind::Bits(bits) => format!("sector {sector} ({bits} bits)"),
        Kind::Stale => format!("sector {sector} (what was written before)"),
        Kind::Blank => format!("sector {sector} (zeros or ones only)"),
        Kind::Foreign => format!("sector {sector} (other data)"),
        Kind::Misplaced { from } => format!("sector {sector} (what belongs to sector {from})"),
    }
}

fn wrong(report: &mut Report, name: &str, rounds: &[Round]) {
    let kept: Vec<&Wrong> = rounds.iter().flat_map(|round| round.found.kept.values()).collect();
    for (one, what, next) in [
        (
            "disk-write-misplaced",
            "Writes went to another place",
            "Replace the drive or its controller: it stores data under wrong addresses.",
        ),
        (
            "disk-write-lost",
            "Writes were acknowledged and lost",
            "Look at the drive's firmware and at its write cache, and replace it.",
        ),
        (
            "disk-data-wrong",
            "Data was stored wrong",
            "Replace the drive; test memory, too, if other drives do the same.",
        ),
        (
            "disk-read-path",
            "Data was read wrong, and right by a second read",
            "Check cable, backplane and controller, and test memory.",
        ),
    ] {
        let of: Vec<&&Wrong> = kept.iter().filter(|wrong| code(wrong) == one).collect();
        if of.is_empty() {
            continue;
        }
        let mut words: Vec<String> = of.iter().take(NAMED).map(|wrong| in_words(wrong)).collect();
        if of.len() > NAMED {
            words.push(format!("and {} more", of.len() - NAMED));
        }
        report.find(Outcome::Failed, one, name, format!("{what}: {}.", words.join(", "))).next(next);
    }
    report.measure(Metric::WrongSectors, name, rounds.iter().map(|round| round.found.count).sum::<u64>());
}

fn left_out(report: &mut Report, name: &str, written: &Written, verified: u64) {
    let mut say = |text: String| report.not_tested.push(format!("{name}: {text}"));
    let planned = written.rounds.first().map_or(0, |round| round.write.planned);
    if written.extent == Extent::Sample && planned < written.size {
        say(format!("{} bytes between the samples, which were not erased", written.size - planned));
    }
    if verified < planned {
        say(format!("{} bytes that were planned, for lack of time or after errors", planned - verified));
    }
    if written.rounds.len() < 2 {
        say("a second pass with inverted data, for lack of time or after errors".to_owned());
    }
    match &written.zeros {
        Some(sweep) if sweep.done == sweep.planned => {}
        _ => say("the pattern of the test is left on it, or a part of it: there was no time for zeros".to_owned()),
    }
    say("what a loss of power does to writes, and places that the drive has in its cache".to_owned());
}
