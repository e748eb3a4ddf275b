//! The test that writes: it erases disks, and finds writes that were lost, went astray or were damaged.
//!
//! Nothing is written before every disk that was named has been found free ([`claim`]). A disk stays claimed until the end.

mod claim;
mod course;
mod media;
mod signature;
mod stamp;
mod verdict;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::meanwhile::Meanwhile;
use super::super::{DiskFault, Inject, Order, Outcome, Progress, Report, crash_if_asked};
use super::course::{Disk, Manner};
use super::geometry::Geometry;
use super::medium::{Device, Writable};
use super::together::together;
use super::{AT_ONCE, DEPTH, EVIDENCE, IN_FLIGHT};
use crate::host::Host;
use claim::{Claimed, Refusal};
use course::Written;
use media::{Spoiling, Spoilt};

/// A disk that is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The disk.
    pub disk: Disk,
    /// Other ways to the same disk, which must be free as well.
    pub other_paths: Vec<Disk>,
}

/// Lists the data that would be lost, in a line for each disk.
#[must_use]
pub fn would_erase(host: &Host, disks: &[Erased]) -> Vec<String> {
    let line = |one: &Erased| {
        let held = verdict::listed(&claim::content(host, &one.disk));
        format!("{} ({held})", one.disk.name)
    };
    disks.iter().map(line).collect()
}

/// Work on one disk: a free one is tested, a host-managed zoned one is not.
enum Job {
    Free { name: String, geometry: Geometry, medium: Arc<dyn Writable>, _others: Vec<Device> },
    Zoned(String),
}

/// Erases disks and tests that they keep what is written.
#[must_use]
pub fn run(host: &Host, order: &Order, disks: &[Erased], progress: &Progress) -> Report {
    crash_if_asked(order.inject);
    let every = disks.iter().flat_map(|one| std::iter::once(&one.disk).chain(&one.other_paths));
    let meanwhile = Meanwhile::of(host, every.map(|disk| disk.name.clone()).collect());
    let mut report = Report::new(order);
    let mut jobs = Vec::new();
    for one in disks {
        match claim_all(host, one) {
            Ok((claimed, others)) => {
                verdict::erased(&mut report, &one.disk.name, &claimed.held);
                jobs.push(job(host, order, &one.disk, claimed.device, others));
            }
            Err(refusal) => verdict::refused(&mut report, &one.disk.name, &refusal),
        }
    }
    if jobs.len() == disks.len() {
        let turns = u32::try_from(jobs.len().div_ceil(AT_ONCE).max(1)).unwrap_or(1);
        for (turn, jobs) in (0_u32..).zip(in_turns(jobs)) {
            let manner = Manner {
                level: order.level,
                time: Duration::from_secs(order.seconds) / turns,
                depth: (IN_FLIGHT / jobs.len().max(1)).clamp(1, DEPTH),
                seed: order.seed,
                inject: None,
            };
            one_turn(jobs, manner, (turn, turns), progress, &mut report);
        }
    } else {
        report.findings.retain(|finding| finding.code != "disk-erased");
        report.not_tested.push("all disks: since not every one of them is free, nothing was written to any".to_owned());
    }
    meanwhile.end(host, &EVIDENCE, &mut report);
    report
}

fn claim_all(host: &Host, one: &Erased) -> Result<(Claimed, Vec<Device>), Refusal> {
    let claimed = claim::claim(host, &one.disk)?;
    let mut others = Vec::new();
    for other in &one.other_paths {
        let path = |refusal| Refusal::OtherPath(other.name.clone(), Box::new(refusal));
        others.push(claim::claim(host, other).map_err(path)?.device);
    }
    Ok((claimed, others))
}

fn job(host: &Host, order: &Order, disk: &Disk, device: Device, others: Vec<Device>) -> Job {
    let geometry = Geometry::of(host, &disk.name);
    if geometry.is_host_managed {
        return Job::Zoned(disk.name.clone());
    }
    let medium: Arc<dyn Writable> = match spoilt(order.inject) {
        None => Arc::new(device),
        Some((fault, sector)) => Arc::new(Spoiling::new(Arc::new(device), fault, sector)),
    };
    Job::Free { name: disk.name.clone(), geometry, medium, _others: others }
}

fn spoilt(inject: Option<Inject>) -> Option<(Spoilt, u64)> {
    let Some(Inject::Disk(fault)) = inject else { return None };
    let (spoilt, place) = match fault {
        DiskFault::Eio(place) => (Spoilt::Refused, place),
        DiskFault::Wrong(place) => (Spoilt::Bit, place),
        DiskFault::Lost(place) => (Spoilt::Lost, place),
        DiskFault::Misplaced(place) => (Spoilt::Misplaced, place),
        DiskFault::Slow => return None,
    };
    // The first MiB is a part of each plan.
    Some((spoilt, place.unwrap_or(100)))
}

fn in_turns(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let mut turns: Vec<Vec<Job>> = Vec::new();
    for job in jobs {
        match turns.last_mut().filter(|turn| turn.len() < AT_ONCE) {
            Some(turn) => turn.push(job),
            None => turns.push(vec![job]),
        }
    }
    turns
}

fn one_turn(jobs: Vec<Job>, manner: Manner, (turn, turns): (u32, u32), progress: &Progress, report: &mut Report) {
    let names: Vec<String> = jobs.iter().map(|job| job.name().to_owned()).collect();
    let jobs: Arc<Vec<Mutex<Option<Job>>>> = Arc::new(jobs.into_iter().map(|job| Mutex::new(Some(job))).collect());
    let count = names.len();
    let test = {
        let jobs = Arc::clone(&jobs);
        move |number: usize, tell: course::Tell<'_>| -> Option<Written> {
            let job = jobs[number].lock().unwrap_or_else(PoisonError::into_inner).take()?;
            match job {
                Job::Free { geometry, medium, .. } if medium.size() >= geometry.logical_block => {
                    Some(course::test(&medium, &geometry, &manner, tell))
                }
                Job::Free { .. } | Job::Zoned(_) => None,
            }
        }
    };
    let phase = format!("write {} and read back", if count == 1 { names[0].clone() } else { format!("{count} disks") });
    let found = together(count, &phase, manner.deadline(), test, &mut |tick| {
        progress.tick(&super::Tick { share: (f64::from(turn) + tick.share) / f64::from(turns), ..tick });
    });
    for (name, written) in names.iter().zip(found) {
        match written {
            Some(Some(written)) => verdict::add(report, name, &written),
            Some(None) => {
                report
                    .find(
                        Outcome::Error,
                        "disk-zoned",
                        name,
                        "It has no size, or zones that the host manages, which this test does not write.",
                    )
                    .next("Test it with its SMART self-test: shakedown disk test --test long.");
            }
            None => super::verdict::hangs(report, name, manner.deadline()),
        }
    }
    if count > 1 {
        report.not_tested.push(format!("each disk alone: {count} of them were written at once"));
    }
}

impl Job {
    fn name(&self) -> &str {
        match self {
            Job::Free { name, .. } | Job::Zoned(name) => name,
        }
    }
}

#[cfg(test)]
mod tests;
