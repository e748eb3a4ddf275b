//! The test of one disk from its opening to its findings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::super::{DiskFault, Level};
use super::bench::{self, Broken, Course, Figure, Way};
use super::geometry::{self, Geometry, Medium as Kind};
use super::medium::{Device, Faulty, Injected, Medium};
use super::narrow::Limits;
use super::pass::End;
use super::plan::{Extent, Plan};
use super::scan::{self, Scan, Stop, Task};
use crate::host::Host;

/// A disk that is to be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// As people call it: `sda`, or the path of a file.
    pub name: String,
    /// Its device node.
    pub path: PathBuf,
}

/// Result of the test of one disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tested {
    /// Could not be opened, or has nothing to read.
    NotOpened(Obstacle),
    /// Was read.
    Read(Box<Reading>),
}

/// Why a disk was not read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The kernel's reason.
    Errno(Errno),
    /// A drive or reader without a medium.
    Empty,
    /// Zones of a host-managed drive can be read up to their write pointers only, which this test does not follow.
    HostManaged,
}

/// Results of reading a disk: the scan, the figures, and the disk's properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Bytes of the disk.
    pub(super) size: u64,
    /// Bytes at the end of the test, if it had another size then.
    pub(super) size_changed: Option<u64>,
    /// Facts of the kernel.
    pub(super) geometry: Geometry,
    /// How much was planned.
    pub(super) extent: Extent,
    /// The scan.
    pub(super) scan: Scan,
    /// Figures in the order of measurement: way of reading, requests in flight, result.
    pub(super) figures: Vec<(Way, usize, Result<Figure, Broken>)>,
    /// Bytes that other programs moved meanwhile.
    pub(super) foreign: Option<u64>,
}

/// How a disk is tested.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// How thoroughly.
    pub(super) level: Level,
    /// Time for this disk.
    pub(super) time: Duration,
    /// Most requests in flight, so that many disks together stay within the memory that a test may take.
    pub(super) depth: usize,
    /// Seed of random places.
    pub(super) seed: u64,
    /// The fault to find.
    pub(super) inject: Option<DiskFault>,
}

impl Manner {
    pub(super) fn extent(&self) -> Extent {
        match self.level {
            Level::Smoke | Level::Standard => Extent::Sample,
            Level::Soak => Extent::Full,
        }
    }

    /// A read that the kernel repeats for a drive may take minutes, so only the longer levels can tell slow from dead.
    pub(super) fn silence(&self) -> Duration {
        match self.level {
            Level::Smoke => Duration::from_secs(30),
            Level::Standard => Duration::from_secs(120),
            Level::Soak => Duration::from_secs(600),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        let time = match self.level {
            Level::Smoke => 60,
            Level::Standard => 180,
            Level::Soak => 1800,
        };
        // A drive repeats a read for seven seconds and more; a few of them are wanted even if the test is short.
        let most = (self.time / 4).max(Duration::from_secs(25));
        Limits { places: 100, time: Duration::from_secs(time).min(most) }
    }

    /// When a disk whose test has not ended is left, so that the others have a report before the process above ends this one.
    pub(super) fn deadline(&self) -> Duration {
        self.time + Duration::from_secs(45)
    }
}

/// Tests a disk. `tick` hears which share of it is done and what is known until then.
pub(super) fn test(host: &Host, disk: &Disk, manner: &Manner, tick: &mut dyn FnMut(f64, &Scan)) -> Tested {
    let geometry = Geometry::of(host, &disk.name);
    if geometry.is_host_managed {
        return Tested::NotOpened(Obstacle::HostManaged);
    }
    let device = match Device::open(&disk.path) {
        Ok(device) => device,
        Err(Errno::ENOMEDIUM) => return Tested::NotOpened(Obstacle::Empty),
        Err(errno) => return Tested::NotOpened(Obstacle::Errno(errno)),
    };
    if device.size() < geometry.logical_block {
        return Tested::NotOpened(Obstacle::Empty);
    }
    let before = geometry::sectors_moved(host, &disk.name);
    let medium = with_fault(device, manner.inject, geometry.medium);
    let mut reading = read(&medium, geometry, manner, tick);
    reading.size_changed = size_changed(&disk.path, &reading);
    let after = geometry::sectors_moved(host, &disk.name);
    let own = reading.moved();
    reading.foreign = before.zip(after).map(|(before, after)| {
        let sectors = after.0.saturating_sub(before.0) + after.1.saturating_sub(before.1);
        (sectors * 512).saturating_sub(own)
    });
    Tested::Read(Box::new(reading))
}

fn with_fault(device: Device, inject: Option<DiskFault>, kind: Kind) -> Arc<dyn Medium> {
    // The first MiB is a part of each plan.
    let fault = match inject {
        Some(DiskFault::Eio(sector)) => Injected::Unreadable(sector.unwrap_or(100)),
        Some(DiskFault::Slow) => Injected::Slow(scan::limit(kind) + Duration::from_millis(20)),
        None | Some(DiskFault::Wrong(_) | DiskFault::Lost(_) | DiskFault::Misplaced(_)) => return Arc::new(device),
    };
    Arc::new(Faulty { medium: device, fault })
}

fn read(medium: &Arc<dyn Medium>, geometry: Geometry, manner: &Manner, tick: &mut dyn FnMut(f64, &Scan)) -> Reading {
    let (extent, size) = (manner.extent(), medium.size());
    let plan = Plan::new(extent, size, manner.seed);
    let depth = match geometry.medium {
        Kind::Rotating => manner.depth.min(2),
        Kind::SolidState => manner.depth,
    };
    // Figures and further looks need the rest.
    let share = if manner.level == Level::Soak { 0.9 } else { 0.5 };
    let task = Task {
        plan,
        geometry: geometry.clone(),
        depth,
        until: medium.now() + manner.time.mul_f64(share),
        silence: manner.silence(),
        limits: manner.limits(),
    };
    let planned = task.plan.bytes().max(1);
    let scan = scan::scan(medium, &task, &mut |scan| tick(share_of(scan.read, planned) * share, scan));
    let goes_on = matches!(scan.end, Stop::Pass(End::Complete | End::TimeOver));
    let figures = if goes_on { figures(medium, manner, &scan, tick) } else { Vec::new() };
    Reading { size, size_changed: None, geometry, extent, scan, figures, foreign: None }
}

pub(super) fn share_of(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = part as f64 / whole as f64;
    share.min(1.0)
}

/// Three figures. A disk that hangs in one of them is not asked again.
fn figures(
    medium: &Arc<dyn Medium>,
    manner: &Manner,
    scan: &Scan,
    tick: &mut dyn FnMut(f64, &Scan),
) -> Vec<(Way, usize, Result<Figure, Broken>)> {
    let (row, random) = match manner.level {
        Level::Smoke => (Duration::from_millis(1500), Duration::from_millis(1000)),
        Level::Standard | Level::Soak => (Duration::from_secs(10), Duration::from_secs(5)),
    };
    // A tenth of a short budget at most.
    let most = manner.time / 8;
    let all = [(Way::Sequential, manner.depth, row), (Way::Random, 1, random), (Way::Random, 32, random)];
    let mut found = Vec::new();
    for (number, (way, depth, time)) in (0_u32..).zip(all) {
        let course = Course { way, depth, time: time.min(most), silence: manner.silence(), seed: manner.seed };
        let figure = bench::measure(medium, &course);
        let is_silent = matches!(figure, Err(Broken::Silent(_)));
        found.push((way, depth, figure));
        tick(0.7 + 0.1 * f64::from(number), scan);
        if is_silent {
            break;
        }
    }
    found
}

/// A drive that lost its medium or fell back to a safe mode has another size.
fn size_changed(path: &Path, reading: &Reading) -> Option<u64> {
    let is_there = matches!(reading.scan.end, Stop::Pass(End::Complete | End::TimeOver | End::EnoughErrors));
    let now = is_there.then(|| Device::open(path).map_or(0, |device| device.size()))?;
    (now != reading.size).then_some(now)
}

impl Reading {
    /// Bytes that this test read, once each, whatever it read again.
    fn moved(&self) -> u64 {
        let figures = self.figures.iter().filter_map(|(_, _, figure)| figure.as_ref().ok());
        self.scan.read + self.scan.again + figures.map(|figure| figure.bytes).sum::<u64>()
    }
}
