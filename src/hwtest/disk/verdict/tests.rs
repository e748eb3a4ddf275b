//! Tests of the verdict on made-up readings.

use super::super::super::{Kind, Level, Order};
use super::super::geometry::Geometry;
use super::super::scan::{WeakPlace, blank};
use super::*;

const GIB: u64 = 1 << 30;

fn reading(end: Stop) -> Reading {
    let scan = Scan { end, read: GIB, busy: Duration::from_secs(1), requests: 1024, ..blank(GIB, GIB) };
    Reading {
        size: GIB,
        size_changed: None,
        geometry: Geometry::default(),
        extent: Extent::Full,
        scan,
        figures: vec![],
        foreign: Some(0),
    }
}

fn complete() -> Reading {
    reading(Stop::Pass(End::Complete))
}

fn judged(tested: &Tested) -> Report {
    let order = Order { kind: Kind::Disk, level: Level::Smoke, seconds: 20, seed: 7, inject: None };
    let manner = Manner { level: Level::Smoke, time: Duration::from_secs(20), depth: 8, seed: 7, inject: None };
    let mut report = Report::new(&order);
    add(&mut report, "sda", &manner, tested);
    report
}

fn read(reading: Reading) -> Report {
    judged(&Tested::Read(Box::new(reading)))
}

fn bad(errno: Errno, hidden: bool) -> BadPlace {
    BadPlace { range: 8192..12288, fault: Fault::of(errno), errno, hidden }
}

fn weak() -> WeakPlace {
    WeakPlace { range: 0..1 << 20, first: Duration::from_millis(300), again: vec![Duration::from_millis(300); 3] }
}

#[test]
fn a_disk_that_was_read_passes_and_says_what_was_not_tested() {
    let report = read(complete());
    assert_eq!((report.outcome(), report.findings.len()), (Outcome::Passed, 0));
    assert!(report.not_tested.iter().any(|line| line.contains("writing")), "{:?}", report.not_tested);
    assert_eq!(report.coverage[0].tested, GIB);
}

#[test]
fn each_errno_of_an_unreadable_place_leads_to_its_outcome() {
    let outcome = |errno, hidden| {
        let mut reading = complete();
        reading.scan.bad = vec![bad(errno, hidden)];
        read(reading).outcome()
    };
    for errno in [Errno::ENODATA, Errno::EILSEQ, Errno::EIO, Errno::ENOLINK, Errno::ETIMEDOUT] {
        assert_eq!((outcome(errno, false), outcome(errno, true)), (Outcome::Failed, Outcome::Degraded), "{errno}");
    }
    assert_eq!(outcome(Errno::ENOMEM, false), Outcome::Error, "this system's own lack");
    assert_eq!(outcome(Errno::ENOMEM, true), Outcome::Passed);
}

#[test]
fn a_bad_place_is_named_by_its_sector() {
    let mut reading = complete();
    reading.scan.bad = vec![bad(Errno::ENODATA, false)];
    let report = read(reading);
    assert!(report.findings[0].what.contains("sector 16 (4096 bytes)"), "{}", report.findings[0].what);
}

#[test]
fn what_could_not_be_opened_is_an_error_or_a_fault_and_never_a_pass() {
    let outcome = |errno| judged(&Tested::NotOpened(Obstacle::Errno(errno))).outcome();
    for (errno, expected) in [
        (Errno::EPERM, Outcome::Error),
        (Errno::EACCES, Outcome::Error),
        (Errno::ENOENT, Outcome::Error),
        (Errno::EBUSY, Outcome::Error),
        (Errno::ENXIO, Outcome::Failed),
        (Errno::EIO, Outcome::Failed),
    ] {
        assert_eq!(outcome(errno), expected, "{errno}");
    }
    assert_eq!(judged(&Tested::NotOpened(Obstacle::Empty)).outcome(), Outcome::Skipped);
    assert_eq!(judged(&Tested::NotOpened(Obstacle::HostManaged)).outcome(), Outcome::Error);
}

#[test]
fn a_locked_drive_is_no_broken_drive() {
    let everywhere = |fault, is_nvme| {
        let mut reading = reading(Stop::Everywhere(fault));
        (reading.scan.read, reading.geometry.is_nvme) = (0, is_nvme);
        read(reading).outcome()
    };
    assert_eq!(everywhere(Fault::Medium, true), Outcome::Error);
    assert_eq!(everywhere(Fault::Medium, false), Outcome::Failed);
    assert_eq!(everywhere(Fault::Refused, false), Outcome::Error);
    assert_eq!(everywhere(Fault::Unknown, false), Outcome::Failed);
}

#[test]
fn a_drive_that_went_away_hangs_or_shrank_has_failed() {
    assert_eq!(read(reading(Stop::Pass(End::Final(Fault::Gone)))).outcome(), Outcome::Failed);
    assert_eq!(read(reading(Stop::Pass(End::Final(Fault::Reserved)))).outcome(), Outcome::Error);
    let silent = read(reading(Stop::Pass(End::Silent(Duration::from_secs(42)))));
    assert_eq!(silent.outcome(), Outcome::Failed);
    assert!(silent.findings[0].what.contains("42 s"));
    assert_eq!(read(Reading { size_changed: Some(0), ..complete() }).outcome(), Outcome::Failed);
}

#[test]
fn slowness_degrades_a_disk_unless_something_else_explains_it() {
    let slow = || {
        let mut reading = complete();
        reading.scan.weak = vec![weak()];
        reading.scan.latency.add(Duration::from_millis(300));
        reading
    };
    assert_eq!(read(slow()).outcome(), Outcome::Degraded);
    assert_eq!(read(Reading { foreign: Some(GIB / 4), ..slow() }).outcome(), Outcome::Passed);
    assert_eq!(
        read(Reading { geometry: Geometry { is_virtual: true, ..Geometry::default() }, ..slow() }).outcome(),
        Outcome::Passed
    );
    let mut starved = slow();
    starved.scan.own_wait = Duration::from_millis(100);
    assert_eq!(read(starved).outcome(), Outcome::Passed);
}

#[test]
fn a_random_read_that_fails_is_a_fault_and_one_that_hangs_as_well() {
    for broken in [Broken::Read(Fault::Unknown), Broken::Silent(Duration::from_secs(30))] {
        let report = read(Reading { figures: vec![(Way::Random, 1, Err(broken))], ..complete() });
        assert_eq!(report.outcome(), Outcome::Failed, "{broken:?}");
    }
}

#[test]
fn a_sample_says_how_much_lies_between() {
    let mut reading = Reading { size: 1 << 40, extent: Extent::Sample, ..complete() };
    reading.scan.end = Stop::Pass(End::TimeOver);
    reading.scan.planned = 2 * GIB;
    let report = read(reading);
    assert_eq!(report.outcome(), Outcome::Passed);
    let words = report.not_tested.join("; ");
    assert!(words.contains(&format!("{} bytes between the samples", (1u64 << 40) - 2 * GIB)), "{words}");
    assert!(words.contains(&format!("{GIB} bytes, for lack of time")), "{words}");
}
