//! The tests of disks: one reads them past every cache and writes nothing; the other ([`write`]) erases them.
//!
//! A disk is read in parts by a few threads ([`pass`]). What cannot be read is narrowed to its blocks ([`narrow`]); what is slow is read
//! again ([`scan`]). Then follow figures ([`bench`]) and what all of that means ([`verdict`]). A read that hangs cannot be ended, so
//! each wait has a limit, and a disk that passes it is left.

mod bench;
mod content;
mod course;
mod errno;
mod geometry;
mod histogram;
mod medium;
mod narrow;
mod pass;
mod plan;
mod scan;
mod together;
mod verdict;
mod write;
mod zones;

use std::time::Duration;

pub use course::Disk;
use course::{Manner, Tested};
use together::together;
pub use write::{Erased, run as run_writing, would_erase};

use super::meanwhile::Meanwhile;
use super::{Inject, Order, Outcome, Progress, Report, Tick, crash_if_asked};
use crate::diagnosis;
use crate::host::Host;

/// Kinds of incidents that count as evidence about a disk or the way to it.
const EVIDENCE: [diagnosis::Kind; 2] = [diagnosis::Kind::Disk, diagnosis::Kind::Pcie];

/// Requests of 1 MiB that all disks together have in flight: the test stays within 64 MiB.
const IN_FLIGHT: usize = 40;
/// Requests in flight of one disk.
const DEPTH: usize = 8;
/// Disks at a time; more of them take turns.
const AT_ONCE: usize = 20;

/// Tests disks, all at once.
#[must_use]
pub fn run(host: &Host, order: &Order, disks: &[Disk], progress: &Progress) -> Report {
    crash_if_asked(order.inject);
    let meanwhile = Meanwhile::of(host, disks.iter().map(|disk| disk.name.clone()).collect());
    let mut report = Report::new(order);
    if disks.is_empty() {
        report.find(Outcome::Skipped, "no-disk", "disk", "This machine has no disk.");
    }
    let turns = u32::try_from(disks.len().div_ceil(AT_ONCE).max(1)).unwrap_or(1);
    let inject = match order.inject {
        Some(Inject::Disk(fault)) => Some(fault),
        _ => None,
    };
    for (turn, together) in (0_u32..).zip(disks.chunks(AT_ONCE)) {
        let manner = Manner {
            level: order.level,
            time: Duration::from_secs(order.seconds) / turns,
            depth: (IN_FLIGHT / together.len()).clamp(1, DEPTH),
            seed: order.seed,
            inject,
        };
        let show = |share: f64| (f64::from(turn) + share) / f64::from(turns);
        let found = all_at_once(host, together, manner, &mut |tick| {
            progress.tick(&Tick { share: show(tick.share), ..tick });
        });
        for (disk, tested) in together.iter().zip(found) {
            match tested {
                Some(tested) => verdict::add(&mut report, &disk.name, &manner, &tested),
                None => verdict::hangs(&mut report, &disk.name, manner.deadline()),
            }
        }
        if together.len() > 1 {
            report.not_tested.push(format!("each disk alone: {} of them were read at once", together.len()));
        }
    }
    meanwhile.end(host, &EVIDENCE, &mut report);
    report
}

/// Tests all disks at once and returns their results; `None` for a disk whose test did not end by itself.
fn all_at_once(host: &Host, disks: &[Disk], manner: Manner, tick: &mut dyn FnMut(Tick)) -> Vec<Option<Tested>> {
    let (host, disks) = (host.clone(), disks.to_vec());
    let count = disks.len();
    let phase = format!("read {count} {}", if count == 1 { "disk" } else { "disks" });
    let test = move |number: usize, tell: &mut dyn FnMut(f64, u64, u64)| {
        course::test(&host, &disks[number], &manner, &mut |share, scan| {
            tell(share, scan.rate().unwrap_or(0), scan.bad.len() as u64);
        })
    };
    together(count, &phase, manner.deadline(), test, tick)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{DiskFault, Kind, Level};
    use super::*;

    /// A file on a disk that can be read past the page cache, with data in it; `None` where the file system cannot.
    fn file(bytes: usize) -> Option<(tempfile::NamedTempFile, Disk)> {
        let file = tempfile::NamedTempFile::new_in(Path::new(env!("CARGO_MANIFEST_DIR")).join("target")).ok()?;
        let data: Vec<u8> =
            (0..bytes / 8).flat_map(|word| (word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
        std::fs::write(file.path(), data).ok()?;
        let disk = Disk { name: file.path().to_string_lossy().into_owned(), path: file.path().to_owned() };
        medium::Device::open(&disk.path).ok().map(|_| (file, disk))
    }

    fn tested(disks: &[Disk], inject: Option<DiskFault>) -> Report {
        let inject = inject.map(Inject::Disk);
        let order = Order { kind: Kind::Disk, level: Level::Smoke, seconds: 2, seed: 7, inject };
        run(&Host::live(), &order, disks, &Progress::silent())
    }

    #[test]
    fn a_file_on_a_disk_is_read_whole_and_passes() {
        let Some((_file, disk)) = file(24 << 20) else { return };
        let report = tested(&[disk], None);
        assert_eq!(report.outcome(), Outcome::Passed, "{:?}", report.findings);
        assert_eq!((report.coverage[0].tested, report.coverage[0].whole), (24 << 20, 24 << 20));
        let names: Vec<_> = report.measurements.iter().map(|one| one.metric.name()).collect();
        for name in ["disk_read", "disk_sequential", "disk_random_qd1", "disk_random_qd32", "disk_latency_p99"] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
    }

    #[test]
    fn a_file_is_read_a_little_though_the_time_is_over_before_it_begins() {
        let Some((_file, disk)) = file(24 << 20) else { return };
        let order = Order { kind: Kind::Disk, level: Level::Smoke, seconds: 0, seed: 7, inject: None };
        let report = run(&Host::live(), &order, &[disk], &Progress::silent());
        assert_eq!(report.outcome(), Outcome::Passed, "{:?}", report.findings);
        assert!(report.coverage[0].tested >= 1 << 20, "{:?}", report.coverage);
        let is_number =
            |one: &super::super::Measurement| matches!(one.value, super::super::Value::Number(n) if n > 0.0);
        let rates = report.measurements.iter().filter(|one| one.metric.name().starts_with("disk_random"));
        // On a busy machine there may be none; what was not measured is not zero.
        assert!(rates.clone().all(is_number), "{:?}", report.measurements);
    }

    #[test]
    fn an_injected_sector_fails_the_disk_and_is_named() {
        let Some((_file, disk)) = file(24 << 20) else { return };
        let report = tested(&[disk], Some(DiskFault::Eio(Some(20_001))));
        assert_eq!(report.outcome(), Outcome::Failed);
        let named = report.findings.iter().find(|finding| finding.code == "disk-unreadable").expect("a finding");
        // A file has no queue, so the physical block is not known; 512 bytes is the smallest that a medium loses.
        assert!(named.what.contains("sector 20001 (512 bytes)"), "{}", named.what);
        assert!(report.injected.is_some(), "and nobody takes it for a fault of the machine");
    }

    #[test]
    fn an_injected_slowness_degrades_the_disk() {
        let Some((_file, disk)) = file(24 << 20) else { return };
        let report = tested(&[disk], Some(DiskFault::Slow));
        assert_eq!(report.outcome(), Outcome::Degraded, "{:?}", report.findings);
        assert!(report.findings.iter().any(|finding| finding.code == "disk-weak-place"));
    }

    #[test]
    fn a_machine_without_disks_is_skipped_and_a_disk_that_is_not_there_is_an_error() {
        assert_eq!(tested(&[], None).outcome(), Outcome::Skipped);
        let missing = Disk { name: "sdzz".to_owned(), path: "/dev/no-such-disk".into() };
        assert_eq!(tested(&[missing], None).outcome(), Outcome::Error);
    }
}
