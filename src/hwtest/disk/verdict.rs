//! Verdict on the readings of a disk: findings, figures, coverage, and parts that were not tested.

use std::ops::Range;
use std::time::Duration;

use nix::errno::Errno;

use super::super::wait::DISTURBED;
use super::super::{Metric, Outcome, Report, Series};
use super::bench::{Broken, Figure, Way};
use super::course::{Manner, Obstacle, Reading, Tested};
use super::errno::Fault;
use super::narrow::BadPlace;
use super::pass::End;
use super::plan::Extent;
use super::scan::{self, Scan, Stop};

/// Places that a finding names; the others are counted.
const NAMED: usize = 5;

/// Adds what is known of a disk to a report.
pub(super) fn add(report: &mut Report, name: &str, manner: &Manner, tested: &Tested) {
    match tested {
        Tested::NotOpened(obstacle) => not_opened(report, name, *obstacle),
        Tested::Read(reading) => {
            report.covered(name, "bytes", reading.scan.read, reading.size);
            ended(report, name, reading);
            unreadable(report, name, &reading.scan.bad);
            speed(report, name, reading, manner);
            figures(report, name, reading);
            left_out(report, name, reading);
        }
    }
}

/// Adds that the test of a disk did not end by itself.
pub(super) fn hangs(report: &mut Report, name: &str, time: Duration) {
    silent(report, name, time);
    report.not_tested.push(format!("{name}: all of it"));
}

fn not_opened(report: &mut Report, name: &str, obstacle: Obstacle) {
    match obstacle {
        Obstacle::Empty => {
            report.find(Outcome::Skipped, "disk-empty", name, "There is no medium in it, or it has no size.");
        }
        Obstacle::HostManaged => report
            .find(Outcome::Error, "disk-zoned", name, "This test does not read zones that the host manages.")
            .next("Test it with its SMART self-test: shakedown disk test --test long."),
        Obstacle::Errno(Errno::ENOENT) => report
            .find(Outcome::Error, "disk-missing", name, "There is no such disk.")
            .next("List the disks: shakedown disk list."),
        Obstacle::Errno(errno) => {
            let fault = Fault::of(errno);
            let outcome = blame(fault);
            let what = format!("It cannot be opened: {} ({errno}).", fault.words());
            report.find(outcome, "disk-not-opened", name, what).next(fault.next_step());
        }
    }
}

pub(super) fn blame(fault: Fault) -> Outcome {
    if fault.blames_hardware() { Outcome::Failed } else { Outcome::Error }
}

fn ended(report: &mut Report, name: &str, reading: &Reading) {
    match reading.scan.end {
        Stop::Everywhere(fault @ (Fault::Refused | Fault::Reserved | Fault::NotPermitted | Fault::Resource)) => report
            .find(Outcome::Error, "disk-refuses", name, format!("It gives no block at all: {}.", fault.words()))
            .next(fault.next_step()),
        // NVMe drives say the same of locked ranges and of blocks that were never written.
        Stop::Everywhere(Fault::Medium) if reading.geometry.is_nvme => report
            .find(
                Outcome::Error,
                "disk-refuses",
                name,
                "It gives no block at all, so it may be locked or never written.",
            )
            .next("Look at its error log and its security state (Opal), and unlock it."),
        Stop::Everywhere(fault) => report
            .find(
                Outcome::Failed,
                "disk-unreadable",
                name,
                format!("Its first, middle and last blocks: {}.", fault.words()),
            )
            .next(fault.next_step()),
        Stop::Pass(End::Final(fault)) => {
            let what = format!("Reading ended after {} bytes: {}.", reading.scan.read, fault.words());
            report.find(blame(fault), "disk-gone", name, what).next(fault.next_step());
        }
        Stop::Pass(End::Silent(time)) => silent(report, name, time),
        Stop::Pass(End::Complete | End::TimeOver | End::EnoughErrors) => {}
    }
    if let Some(now) = reading.size_changed {
        let what = format!("It had {} bytes before the test and has {now} now.", reading.size);
        report
            .find(Outcome::Failed, "disk-size-changed", name, what)
            .next("Test it again after a power cycle, and replace it if that repeats.");
    }
}

pub(super) fn silent(report: &mut Report, name: &str, time: Duration) {
    let what = format!("No answer for {} s: a read hangs.", time.as_secs());
    report
        .find(Outcome::Failed, "disk-silent", name, what)
        .next("Look at the kernel's log for resets, and check cable and power.");
}

pub(super) fn unreadable(report: &mut Report, name: &str, bad: &[BadPlace]) {
    let mut faults: Vec<Fault> = bad.iter().map(|place| place.fault).collect();
    faults.sort_unstable();
    faults.dedup();
    for fault in faults {
        for hidden in [false, true] {
            let places: Vec<&BadPlace> =
                bad.iter().filter(|place| place.fault == fault && place.hidden == hidden).collect();
            let Some(first) = places.first() else { continue };
            let ranges = listed(places.iter().map(|place| &place.range));
            let (count, words, errno) = (places.len(), fault.words(), first.errno);
            let (outcome, code, what) = match (hidden, fault.blames_hardware()) {
                (false, true) => (
                    Outcome::Failed,
                    "disk-unreadable",
                    format!("{count} places cannot be read ({words}, {errno}): {ranges}."),
                ),
                (false, false) => (
                    Outcome::Error,
                    "disk-not-read",
                    format!("{count} places were not read ({words}, {errno}): {ranges}."),
                ),
                (true, true) => (
                    Outcome::Degraded,
                    "disk-read-retried",
                    format!("{count} places failed once ({words}, {errno}) and were read then: {ranges}."),
                ),
                (true, false) => continue,
            };
            report.find(outcome, code, name, what).next(fault.next_step());
        }
    }
    report.measure(Metric::UnreadablePlaces, name, bad.iter().filter(|place| !place.hidden).count() as u64);
}

/// Places as people and other tools look for them: by the number of a 512-byte sector.
pub(super) fn listed<'a>(ranges: impl ExactSizeIterator<Item = &'a Range<u64>>) -> String {
    let count = ranges.len();
    let mut words: Vec<String> = ranges
        .take(NAMED)
        .map(|range| format!("sector {} ({} bytes)", range.start / 512, range.end - range.start))
        .collect();
    if count > NAMED {
        words.push(format!("and {} more", count - NAMED));
    }
    words.join(", ")
}

fn speed(report: &mut Report, name: &str, reading: &Reading, manner: &Manner) {
    let scan = &reading.scan;
    let why_not = if manner.inject.is_some() { None } else { disturbed(reading) };
    let outcome = if why_not.is_some() { Outcome::Passed } else { Outcome::Degraded };
    let remark = why_not.map_or_else(String::new, |reason| format!(" No verdict follows: {reason}."));
    if !scan.weak.is_empty() {
        let slowest = scan.weak.iter().map(|place| place.first).max().unwrap_or_default();
        let ranges = listed(scan.weak.iter().map(|place| &place.range));
        let what = format!(
            "{} places are slow each time, up to {} ms: {ranges}.{remark}",
            scan.weak.len(),
            slowest.as_millis()
        );
        report
            .find(outcome, "disk-weak-place", name, what)
            .next("Look at SMART (pending sectors, media errors), and read the disk whole: --level soak.");
    }
    for zone in scan.slow.iter().take(NAMED) {
        let what = format!(
            "Bytes {} to {} are read at {} MB/s, their neighbours at {} MB/s, twice.{remark}",
            zone.range.start,
            zone.range.end,
            zone.rate / 1_000_000,
            zone.neighbours / 1_000_000
        );
        report
            .find(outcome, "disk-slow-zone", name, what)
            .next("Look at SMART (reallocated sectors), and read the disk whole: --level soak.");
    }
    report.measure(Metric::WeakPlaces, name, scan.weak.len() as u64);
    report.measure(Metric::SlowZones, name, scan.slow.len() as u64);
    let values: Vec<Option<f64>> = scan.zones.all().iter().map(|zone| zone.rate().map(megabytes)).collect();
    let is_marked = |at: &usize| {
        let range = scan.zones.range(*at);
        scan.zones.all()[*at].errors > 0 || scan.slow.iter().any(|slow| slow.range.start == range.start)
    };
    report.series.push(Series {
        metric: Metric::DiskRead,
        subject: name.to_owned(),
        along: "zones".to_owned(),
        at: Vec::new(),
        marked: (0..values.len()).filter(is_marked).collect(),
        values,
    });
}

/// Why the speed of a disk was not its own.
fn disturbed(reading: &Reading) -> Option<String> {
    if reading.geometry.is_virtual {
        return Some("the disk is virtual, and others share what is behind it".to_owned());
    }
    let moved = reading.scan.read.max(1);
    if let Some(foreign) = reading.foreign.filter(|foreign| *foreign > moved / 20) {
        return Some(format!("other programs moved {foreign} bytes meanwhile"));
    }
    (waiting(reading) > DISTURBED).then(|| "this machine had no processor free for the test".to_owned())
}

/// Share of the time of all requests in which the threads of the test waited for processors.
fn waiting(reading: &Reading) -> f64 {
    let figures = reading.figures.iter().filter_map(|(_, _, figure)| figure.as_ref().ok());
    let parts = figures.map(|figure| (&figure.latency, figure.own_wait));
    let (mut all, mut waited) = (0.0, 0.0);
    for (latency, wait) in std::iter::once((&reading.scan.latency, reading.scan.own_wait)).chain(parts) {
        let count = u32::try_from(latency.count()).unwrap_or(u32::MAX);
        all += latency.mean().as_secs_f64() * f64::from(count);
        waited += wait.as_secs_f64();
    }
    if all > 0.0 { waited / all } else { 0.0 }
}

pub(super) fn megabytes(rate: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = rate as f64;
    (rate / 1e5).round() / 10.0
}

fn microseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}

fn figures(report: &mut Report, name: &str, reading: &Reading) {
    report.measure(Metric::BytesRead, name, reading.scan.read);
    if let Some(rate) = reading.scan.rate() {
        report.measure(Metric::DiskRead, name, megabytes(rate));
        report.measure(Metric::LongestRead, name, microseconds(reading.scan.latency.longest()));
    }
    let is_empty = |figure: &Figure| figure.latency.count() == 0;
    if reading.figures.iter().any(|(_, _, figure)| figure.as_ref().is_ok_and(is_empty)) {
        report.not_tested.push(format!("{name}: some of its rates, for lack of time"));
    }
    for (way, depth, figure) in &reading.figures {
        match figure {
            Ok(figure) if is_empty(figure) => {}
            Ok(figure) => measured(report, name, (*way, *depth), figure),
            Err(Broken::TooSmall) => {}
            Err(Broken::Silent(time)) => silent(report, name, *time),
            // The scan has found such places already, and told them.
            Err(Broken::Read(_)) if reading.scan.bad.iter().any(|place| !place.hidden) => {
                report.not_tested.push(format!("{name}: figures of random reads, since some of them failed"));
            }
            Err(Broken::Read(fault)) => {
                let what =
                    format!("A read at random failed, at a place that the scan did not read: {}.", fault.words());
                report.find(blame(*fault), "disk-unreadable", name, what).next("Read the disk whole: --level soak.");
            }
        }
    }
    report.waited(name, waiting(reading));
    if scan::is_mostly_unwritten(&reading.scan) {
        let what = "Most of it is zeros, ones or one block again and again: a drive that was never written answers without its medium, so \
                    rates are those of bus and controller.";
        report.find(Outcome::Passed, "disk-unwritten", name, what);
    }
}

fn measured(report: &mut Report, name: &str, kind: (Way, usize), figure: &Figure) {
    match kind {
        (Way::Sequential, _) => {
            report.measure(Metric::DiskSequential, name, (figure.megabytes() * 10.0).round() / 10.0);
        }
        (Way::Random, 1) => {
            report.measure(Metric::DiskRandom1, name, figure.requests().round());
            let latency = &figure.latency;
            for (metric, permille) in [
                (Metric::DiskLatency50, 500),
                (Metric::DiskLatency99, 990),
                (Metric::DiskLatency999, 999),
                (Metric::DiskLatencyMost, 1000),
            ] {
                report.measure(metric, name, microseconds(latency.permille(permille)));
            }
            let (at, values) = latency.parts().into_iter().unzip();
            report.series.push(Series {
                metric: Metric::DiskReadsByTime,
                subject: name.to_owned(),
                along: "microseconds".to_owned(),
                at,
                values,
                marked: Vec::new(),
            });
        }
        (Way::Random, _) => {
            report.measure(Metric::DiskRandom32, name, figure.requests().round());
            report.measure(Metric::DiskLatency99Of32, name, microseconds(figure.latency.permille(990)));
        }
    }
}

fn left_out(report: &mut Report, name: &str, reading: &Reading) {
    let Scan { planned, read, .. } = reading.scan;
    let mut say = |text: String| report.not_tested.push(format!("{name}: {text}"));
    if reading.extent == Extent::Sample && planned < reading.size {
        say(format!(
            "{} bytes between the samples; 1 % of bad sectors is found in 92 of 100 cases, a single one practically never",
            reading.size - planned
        ));
    }
    let lost: u64 =
        reading.scan.bad.iter().filter(|place| !place.hidden).map(|place| place.range.end - place.range.start).sum();
    let missing = planned.saturating_sub(read).saturating_sub(lost);
    match reading.scan.end {
        Stop::Pass(End::Complete) if missing == 0 => {}
        Stop::Pass(End::Complete | End::TimeOver) => say(format!("{missing} bytes, for lack of time")),
        Stop::Pass(End::EnoughErrors) => say(format!("{missing} bytes, since there were errors enough to know")),
        Stop::Pass(End::Final(_) | End::Silent(_)) | Stop::Everywhere(_) => {
            say(format!("{missing} bytes, since the disk gave none"));
        }
    }
    if reading.scan.unconfirmed > 0 {
        say(format!("{} places that were slow once, for lack of time", reading.scan.unconfirmed));
    }
    if reading.scan.zones_judged < reading.scan.zones.all().len() / 2 {
        say("slow zones, since too little of each zone was read".to_owned());
    }
    say("writing: this test reads only".to_owned());
}

#[cfg(test)]
mod tests;
