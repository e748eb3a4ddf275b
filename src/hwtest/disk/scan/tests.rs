//! Scans of disks that never were, in time of their own.

use std::sync::Mutex;

use nix::errno::Errno;

use super::super::medium::simulated::{Bad, Simulated};
use super::super::plan::Extent;
use super::*;

const MIB: u64 = 1 << 20;
const SLOW: Duration = Duration::from_millis(80);

fn scanned(disk: Simulated) -> Scan {
    scanned_as(disk, Geometry::default())
}

fn scanned_as(disk: Simulated, geometry: Geometry) -> Scan {
    let task = Task {
        plan: Plan::new(Extent::Full, disk.size, 1),
        geometry,
        depth: 1,
        until: Duration::from_secs(10_000),
        silence: Duration::from_secs(10_000),
        limits: Limits { places: 100, time: Duration::from_secs(600) },
    };
    let medium: Arc<dyn Medium> = Arc::new(disk);
    scan(&medium, &task, &mut |_| {})
}

const SIZE: u64 = 8 << 30;

/// 8 GiB at 1 GiB/s.
fn disk() -> Simulated {
    Simulated { size: SIZE, pace: 954, ..Simulated::default() }
}

fn slow(place: Range<u64>, more: Duration, times: u32) -> Mutex<Vec<(Range<u64>, Duration, u32)>> {
    vec![(place, more, times)].into()
}

#[test]
fn a_good_disk_has_nothing_but_figures() {
    let found = scanned(disk());
    assert_eq!((found.end, found.read, found.planned), (Stop::Pass(End::Complete), SIZE, SIZE));
    assert_eq!((found.bad.len(), found.weak.len(), found.slow.len(), found.unconfirmed), (0, 0, 0, 0));
    let rate = found.rate().expect("a rate");
    assert!((1_000_000_000..1_100_000_000).contains(&rate), "{rate}");
    assert!(!is_mostly_unwritten(&found));
    assert_eq!(found.zones_judged, 128);
}

#[test]
fn a_place_is_weak_only_if_it_is_slow_again() {
    let again = scanned(Simulated { slow: slow(500 * MIB..501 * MIB, SLOW, 99), ..disk() });
    let [place] = &again.weak[..] else { panic!("one place: {:?}", again.weak) };
    assert_eq!((&place.range, place.again.len()), (&(500 * MIB..501 * MIB), 3));
    let once = scanned(Simulated { slow: slow(500 * MIB..501 * MIB, SLOW, 1), ..disk() });
    assert_eq!((once.weak.len(), once.unconfirmed), (0, 0));
    assert!(once.latency.longest() > SLOW, "the figure stays");
}

#[test]
fn the_wait_for_processors_of_this_machine_is_not_the_disks() {
    let found = scanned(Simulated { waits: SLOW, ..disk() });
    assert_eq!((found.weak.len(), found.slow.len()), (0, 0));
    assert_eq!(found.own_wait, SLOW * 8192);
}

#[test]
fn a_slow_disk_has_no_weak_places_since_all_are_alike() {
    let found = scanned(Simulated { pace: 60_000, ..disk() });
    assert_eq!(found.weak, []);
}

#[test]
fn platters_may_take_longer_than_flash() {
    let disk = || Simulated { slow: slow(500 * MIB..501 * MIB, Duration::from_millis(100), 99), ..disk() };
    assert_eq!(scanned(disk()).weak.len(), 1);
    assert_eq!(scanned_as(disk(), Geometry { medium: Kind::Rotating, ..Geometry::default() }).weak, []);
}

#[test]
fn a_region_that_is_slow_twice_is_a_slow_zone() {
    let found = scanned(Simulated { slow: slow(1024 * MIB..1088 * MIB, Duration::from_millis(2), 1000), ..disk() });
    let [zone] = &found.slow[..] else { panic!("one zone: {:?}", found.slow) };
    assert_eq!(zone.range, 1024 * MIB..1088 * MIB);
    assert!(zone.rate < zone.neighbours * 6 / 10);
    let once = scanned(Simulated { slow: slow(1024 * MIB..1088 * MIB, Duration::from_millis(2), 64), ..disk() });
    assert_eq!(once.slow, []);
}

#[test]
fn a_disk_that_gives_nothing_anywhere_is_refusing_and_has_no_bad_sector() {
    let bad = Bad { range: 0..SIZE, errno: Errno::ENODATA, times: None, takes: Duration::ZERO };
    let found = scanned(Simulated { bad: vec![bad].into(), ..disk() });
    assert_eq!((found.end, found.bad.len()), (Stop::Everywhere(Fault::Medium), 0));
}

#[test]
fn a_disk_with_many_errors_is_not_read_to_its_end() {
    let bad = Bad { range: 100 * MIB..SIZE, errno: Errno::EIO, times: None, takes: Duration::from_secs(7) };
    let found = scanned(Simulated { bad: vec![bad].into(), ..disk() });
    assert_eq!(found.end, Stop::Pass(End::EnoughErrors));
    assert_eq!(found.read, 100 * MIB);
    assert!(!found.bad.is_empty());
}

#[test]
fn what_was_never_written_is_told() {
    let found = scanned(Simulated { filled: vec![(0..5000 * MIB, 0)], ..disk() });
    assert_eq!(found.unwritten, 5000);
    assert!(is_mostly_unwritten(&found));
}
