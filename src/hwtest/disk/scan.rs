//! The scan of one disk: a pass over all that is planned, and further ones over what looked weak or slow.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::errno::Fault;
use super::geometry::{Geometry, Medium as Kind};
use super::histogram::Histogram;
use super::medium::{Buffer, Medium, OwnWait};
use super::narrow::{BadPlace, Limits};
use super::pass::{End, Manner, Read, Step, pass};
use super::plan::{Plan, REQUEST};
use super::zones::{SlowZone, Zones};

/// Most places that are read again, the slowest first: more of them are no weak places but a slow disk.
const MOST_WEAK: usize = 64;
/// Most zones that are read again.
const MOST_ZONES: usize = 16;
/// How often a weak place is read again, and how often it must be slow then.
const AGAIN: (usize, usize) = (3, 2);
/// So many times the disk's own mean is slow, whatever its kind's limit: a drive behind USB is no drive of weak places.
const TIMES_MEAN: u32 = 10;

/// Parameters of a scan.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Ranges to read, in order.
    pub(super) plan: Plan,
    /// Facts of the disk.
    pub(super) geometry: Geometry,
    /// Requests in flight.
    pub(super) depth: usize,
    /// When to end, as the medium's clock counts.
    pub(super) until: Duration,
    /// No answer for this long: the disk hangs.
    pub(super) silence: Duration,
    /// How much is spent on what cannot be read.
    pub(super) limits: Limits,
}

/// Results of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// How it ended.
    pub(super) end: Stop,
    /// Bytes that were planned.
    pub(super) planned: u64,
    /// Bytes that were read.
    pub(super) read: u64,
    /// Time that passed for them.
    pub(super) busy: Duration,
    /// The map.
    pub(super) zones: Zones,
    /// Time of each request, with what waited before it in the disk's queue.
    pub(super) latency: Histogram,
    /// Places that could not be read, or not at once.
    pub(super) bad: Vec<BadPlace>,
    /// Places that were slow at every read.
    pub(super) weak: Vec<WeakPlace>,
    /// Regions that are slower than their neighbours each time.
    pub(super) slow: Vec<SlowZone>,
    /// Zones with enough in them to be compared.
    pub(super) zones_judged: usize,
    /// Requests without data of their own: zeros, all bits set, one block repeated.
    pub(super) unwritten: u64,
    /// Requests in all.
    pub(super) requests: u64,
    /// Places that looked weak or slow, and were not read again for lack of time.
    pub(super) unconfirmed: usize,
    /// Bytes that were read again.
    pub(super) again: u64,
    /// Time in which threads of this program got no processor.
    pub(super) own_wait: Duration,
}

/// Why a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// As a pass ends.
    Pass(End),
    /// The first, a middle and the last block all fail alike: no sector is bad, but the drive gives nothing.
    Everywhere(Fault),
}

/// A place that needs much longer than others, each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WeakPlace {
    /// Its bytes on the disk.
    pub(super) range: Range<u64>,
    /// Time of the first read.
    pub(super) first: Duration,
    /// Times of the repeated reads, in order.
    pub(super) again: Vec<Duration>,
}

/// The longest that a read of a MiB may take on such a disk.
#[must_use]
pub(super) fn limit(kind: Kind) -> Duration {
    match kind {
        Kind::Rotating => Duration::from_millis(150),
        Kind::SolidState => Duration::from_millis(50),
    }
}

/// Scans a disk. `tick` hears after each request how many bytes are done.
pub(super) fn scan(medium: &Arc<dyn Medium>, task: &Task, tick: &mut dyn FnMut(&Scan)) -> Scan {
    let mut found = blank(medium.size(), task.plan.bytes());
    if let Some(fault) = fails_everywhere(medium.as_ref(), task.geometry.logical_block) {
        found.end = Stop::Everywhere(fault);
        return found;
    }
    let manner = task.manner(task.depth, task.until);
    let mut suspects: Vec<(Duration, Range<u64>)> = Vec::new();
    let limit = limit(task.geometry.medium);
    let end = pass(medium, &task.plan, &manner, |step| {
        found.take(step, limit, &mut suspects);
        tick(&found);
    });
    found.end = Stop::Pass(end);
    found.zones_judged = found.zones.judged();
    if matches!(end, End::Complete | End::TimeOver) {
        let settled = look_again(medium, task, &mut found, suspects);
        found.end = settled.map_or(found.end, Stop::Pass);
    }
    found
}

impl Task {
    fn manner(&self, depth: usize, until: Duration) -> Manner {
        let physical_block = self.geometry.physical_block;
        Manner { depth, physical_block, silence: self.silence, until, limits: self.limits }
    }
}

impl Scan {
    fn take(&mut self, step: Step, limit: Duration, suspects: &mut Vec<(Duration, Range<u64>)>) {
        self.requests += 1;
        match step {
            Step::Read(read) => self.take_read(&read, limit, suspects),
            Step::Bad(range, found) => {
                self.zones.at(range.start).errors += 1;
                self.read += found.read;
                self.bad.extend(found.places);
            }
        }
    }

    fn take_read(&mut self, read: &Read, limit: Duration, suspects: &mut Vec<(Duration, Range<u64>)>) {
        self.read += read.bytes;
        self.busy += read.busy;
        self.own_wait += read.waited;
        self.latency.add(read.latency);
        self.unwritten += u64::from(read.content.may_be_unwritten());
        let zone = self.zones.at(read.offset);
        zone.bytes += read.bytes;
        zone.busy += read.busy;
        zone.longest = zone.longest.max(read.service);
        if read.service > limit {
            zone.slow += 1;
            suspects.push((read.service, read.offset..read.offset + read.bytes));
            if suspects.len() > 4 * MOST_WEAK {
                suspects.sort_unstable_by_key(|suspect| Reverse(suspect.0));
                suspects.truncate(MOST_WEAK);
            }
        }
    }

    /// Bytes a second while it was read.
    #[must_use]
    pub(super) fn rate(&self) -> Option<u64> {
        let rate = (u128::from(self.read) * 1_000_000_000).checked_div(self.busy.as_nanos())?;
        (self.read > 0).then(|| u64::try_from(rate).unwrap_or(u64::MAX))
    }
}

/// The scan of a disk of which nothing was read.
pub(super) fn blank(size: u64, planned: u64) -> Scan {
    Scan {
        end: Stop::Pass(End::Complete),
        planned,
        read: 0,
        busy: Duration::ZERO,
        zones: Zones::new(size),
        latency: Histogram::default(),
        bad: Vec::new(),
        weak: Vec::new(),
        slow: Vec::new(),
        zones_judged: 0,
        unwritten: 0,
        requests: 0,
        unconfirmed: 0,
        again: 0,
        own_wait: Duration::ZERO,
    }
}

/// The fault, if the first, a middle and the last block fail with the same one.
fn fails_everywhere(medium: &dyn Medium, block: u64) -> Option<Fault> {
    let (mut buffer, mut watch) = (Buffer::new(usize::try_from(block).ok()?), OwnWait::of_this_thread());
    let blocks = medium.size() / block;
    let places = [0, blocks / 2, blocks.checked_sub(1)?];
    let mut faults = places.iter().map_while(|place| {
        let length = usize::try_from(block).ok()?;
        medium.read(place * block, buffer.first(length), &mut watch).result.err().map(Fault::of)
    });
    let first = faults.next()?;
    (faults.filter(|other| *other == first).count() == 2).then_some(first)
}

/// Reads the suspects again, alone, and the slow zones as they were read at first. A pass that ended badly is told.
fn look_again(
    medium: &Arc<dyn Medium>,
    task: &Task,
    found: &mut Scan,
    mut suspects: Vec<(Duration, Range<u64>)>,
) -> Option<End> {
    // The time for this is not the first pass's: a disk that used all of it is looked at again for a quarter more.
    let until = medium.now() + (task.until / 4).max(Duration::from_secs(2));
    let limit = limit(task.geometry.medium).max(found.busy_of_a_request() * TIMES_MEAN);
    suspects.retain(|(took, _)| *took > limit);
    suspects.sort_unstable_by_key(|suspect| Reverse(suspect.0));
    found.unconfirmed += suspects.len().saturating_sub(MOST_WEAK);
    suspects.truncate(MOST_WEAK);
    let mut weak: Vec<WeakPlace> =
        suspects.into_iter().map(|(first, range)| WeakPlace { range, first, again: Vec::new() }).collect();
    // In the order of the disk, and each once in a round: between two reads of a place lies the rest of the round.
    weak.sort_unstable_by_key(|place| place.range.start);
    for _ in 0..AGAIN.0 {
        let plan = Plan::of(weak.iter().map(|place| place.range.clone()).collect());
        let end = pass(medium, &plan, &task.manner(1, until), |step| match step {
            Step::Read(read) => {
                found.again += read.bytes;
                if let Some(place) = weak.iter_mut().find(|place| place.range.start == read.offset) {
                    place.again.push(read.service);
                }
            }
            Step::Bad(_, again) => found.bad.extend(again.places),
        });
        match end {
            End::Complete => {}
            End::TimeOver => break,
            other => return Some(other),
        }
    }
    found.unconfirmed += weak.iter().filter(|place| place.again.len() < AGAIN.1).count();
    weak.retain(|place| place.again.iter().filter(|took| **took > limit).count() >= AGAIN.1);
    found.weak = weak;
    zones_again(medium, task, found, until)
}

fn zones_again(medium: &Arc<dyn Medium>, task: &Task, found: &mut Scan, until: Duration) -> Option<End> {
    let mut slow = found.zones.slow();
    found.unconfirmed += slow.len().saturating_sub(MOST_ZONES);
    slow.truncate(MOST_ZONES);
    let mut again = Zones::new(medium.size());
    // A zone of a large disk has gigabytes. The first of them tell its rate.
    let ranges = slow
        .iter()
        .map(|index| found.zones.range(*index))
        .map(|range| range.start..range.end.min(range.start + 64 * REQUEST));
    let end = pass(medium, &Plan::of(ranges.collect()), &task.manner(task.depth, until), |step| {
        if let Step::Read(read) = step {
            found.again += read.bytes;
            let zone = again.at(read.offset);
            zone.bytes += read.bytes;
            zone.busy += read.busy;
        }
    });
    found.slow = slow.iter().filter_map(|index| found.zones.confirmed(*index, &again)).collect();
    found.unconfirmed += slow.iter().filter(|index| again.all()[**index].bytes == 0).count();
    (!matches!(end, End::Complete | End::TimeOver)).then_some(end)
}

impl Scan {
    /// Returns the mean time that the disk was busy with a request.
    fn busy_of_a_request(&self) -> Duration {
        let count = u32::try_from(self.latency.count()).unwrap_or(u32::MAX).max(1);
        self.busy / count
    }
}

/// True if more than half of the requests returned no data of their own, so the drive may have answered from its map.
#[must_use]
pub(super) fn is_mostly_unwritten(found: &Scan) -> bool {
    found.unwritten * 2 > found.requests
}

#[cfg(test)]
mod tests;
