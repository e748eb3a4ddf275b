//! Writing a disk and reading it back: two passes of inverted patterns, then zeros.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::super::course::Manner;
use super::super::geometry::{Geometry, Medium as Media};
use super::super::medium::{Medium, Writable};
use super::super::narrow::BadPlace;
use super::super::pass::{End, Manner as Passing, Read, Step, pass};
use super::super::plan::{Extent, Plan};
use super::media::{Flusher, Found, Verifier, Writer};
use super::stamp::Pattern;

/// Patterns that are written, one after the other.
const PASSES: u64 = 2;
/// Pieces that are read back from the last to the first: another order than that of writing, and few seeks on platters.
const PIECE: u64 = 64 << 20;

/// Result of one sweep over a disk: a write, a flush or a read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sweep {
    /// Bytes that were planned.
    pub(super) planned: u64,
    /// Bytes that were written, or read back.
    pub(super) done: u64,
    /// Time that passed for them.
    pub(super) busy: Duration,
    /// Where it failed.
    pub(super) bad: Vec<BadPlace>,
    /// Why it ended before its end.
    pub(super) ended: Option<End>,
}

/// One pattern, written and read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) write: Sweep,
    pub(super) flush: Sweep,
    pub(super) read: Sweep,
    /// Sectors that were read back otherwise than written.
    pub(super) found: Found,
}

/// Results of writing a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) size: u64,
    pub(super) extent: Extent,
    pub(super) rounds: Vec<Round>,
    /// The zeros at the end; `None` if they were not written.
    pub(super) zeros: Option<Sweep>,
}

/// How far a disk is: share, bytes a second, errors.
pub(super) type Tell<'a> = &'a mut dyn FnMut(f64, u64, u64);

/// Writes and reads back.
pub(super) fn test(medium: &Arc<dyn Writable>, geometry: &Geometry, manner: &Manner, tell: Tell<'_>) -> Written {
    let (size, extent) = (medium.size(), manner.extent());
    let mut course = Course { medium, geometry, manner, begun: medium.now(), errors: 0, part: 0, tell };
    let mut plan = Plan::new(extent, size, manner.seed);
    let mut written = Written { size, extent, rounds: Vec::new(), zeros: None };
    let mut all = Ranges::default();
    for number in 0..PASSES {
        let pattern = Pattern { seed: manner.seed, pass: number };
        let (round, done) = course.round(pattern, &plan);
        all.join(&done);
        let goes_on = round.is_whole();
        written.rounds.push(round);
        plan = Plan::of(done.0.iter().map(|(start, end)| *start..*end).collect());
        if !goes_on || course.left() < 0.4 {
            break;
        }
    }
    let can_go_on = written.rounds.last().is_some_and(Round::can_go_on);
    if can_go_on && course.left() > 0.0 {
        let zeros: Arc<dyn Medium> = Arc::new(Writer { medium: Arc::clone(medium), pattern: None });
        let plan = Plan::of(all.0.iter().map(|(start, end)| *start..*end).collect());
        let (mut sweep, _) = course.sweep(&zeros, &plan, 1.0);
        // The drive has put them down when this is true, or the zeros do not count.
        let flush = course.flush();
        sweep.ended = sweep.ended.or(flush.ended);
        sweep.bad.extend(flush.bad);
        written.zeros = Some(sweep);
    }
    written
}

struct Course<'a> {
    medium: &'a Arc<dyn Writable>,
    geometry: &'a Geometry,
    manner: &'a Manner,
    begun: Duration,
    errors: u64,
    /// Sweeps that are over.
    part: u32,
    tell: Tell<'a>,
}

impl Course<'_> {
    /// Share of the time that is left.
    fn left(&self) -> f64 {
        let spent = self.medium.now().saturating_sub(self.begun).as_secs_f64();
        1.0 - spent / self.manner.time.as_secs_f64().max(0.001)
    }

    /// Writes, flushes and reads back; also what was written.
    fn round(&mut self, pattern: Pattern, plan: &Plan) -> (Round, Ranges) {
        let mut round = Round::default();
        let writer: Arc<dyn Medium> = Arc::new(Writer { medium: Arc::clone(self.medium), pattern: Some(pattern) });
        let (write, done) = self.sweep(&writer, plan, 0.45);
        round.write = write;
        if !round.can_go_on() {
            return (round, done);
        }
        round.flush = self.flush();
        if !round.can_go_on() {
            return (round, done);
        }
        let verifier =
            Arc::new(Verifier { medium: Arc::clone(self.medium), pattern, found: std::sync::Mutex::default() });
        let medium: Arc<dyn Medium> = Arc::clone(&verifier) as Arc<dyn Medium>;
        (round.read, _) = self.sweep(&medium, &done.backwards(), 0.8);
        round.found = verifier.found();
        self.errors += round.found.count;
        (round, done)
    }

    fn flush(&mut self) -> Sweep {
        let flusher: Arc<dyn Medium> = Arc::new(Flusher(Arc::clone(self.medium)));
        let mut sweep = Sweep::default();
        let manner = Passing { depth: 1, until: Duration::MAX, ..self.passing(1.0) };
        // One request stands for the whole disk. What fails once has lost data, even if the kernel says nothing the next time.
        let end = pass(&flusher, &Plan::of(std::iter::once(0..512).collect()), &manner, |step| match step {
            Step::Read(_) => {}
            Step::Bad(_, found) => {
                sweep.bad.extend(found.places.into_iter().map(|place| BadPlace { hidden: false, ..place }));
            }
        });
        sweep.ended = (end != End::Complete).then_some(end);
        sweep
    }

    /// Limits of a sweep that may take this share of the time that is left.
    fn passing(&self, share: f64) -> Passing {
        let depth = match self.geometry.medium {
            Media::Rotating => self.manner.depth.min(2),
            Media::SolidState => self.manner.depth,
        };
        let left = self.manner.time.mul_f64(self.left().max(0.0));
        Passing {
            depth,
            physical_block: self.geometry.physical_block,
            silence: self.manner.silence(),
            until: self.medium.now() + left.mul_f64(share),
            limits: self.manner.limits(),
        }
    }

    fn sweep(&mut self, medium: &Arc<dyn Medium>, plan: &Plan, share: f64) -> (Sweep, Ranges) {
        let mut sweep = Sweep { planned: plan.bytes(), ..Sweep::default() };
        let (mut done, planned, part) = (Ranges::default(), plan.bytes().max(1), self.part);
        let end = pass(medium, plan, &self.passing(share), |step| {
            match step {
                Step::Read(Read { offset, bytes, busy, .. }) => {
                    sweep.done += bytes;
                    sweep.busy += busy;
                    done.add(offset..offset + bytes);
                }
                Step::Bad(_, found) => {
                    self.errors += found.places.len() as u64;
                    sweep.bad.extend(found.places);
                }
            }
            let rate = sweep.rate().unwrap_or(0);
            // Two rounds of two sweeps, and the zeros.
            let share = (f64::from(part) + super::super::course::share_of(sweep.done, planned)) / 5.0;
            (self.tell)(share.min(1.0), rate, self.errors);
        });
        self.part += 1;
        sweep.ended = (end != End::Complete).then_some(end);
        (sweep, done)
    }
}

impl Sweep {
    /// Bytes a second.
    pub(super) fn rate(&self) -> Option<u64> {
        let rate = (u128::from(self.done) * 1_000_000_000).checked_div(self.busy.as_nanos())?;
        (self.done > 0).then(|| u64::try_from(rate).unwrap_or(u64::MAX))
    }
}

impl Round {
    fn is_whole(&self) -> bool {
        [&self.write, &self.flush, &self.read].into_iter().all(|sweep| sweep.ended.is_none())
    }

    /// A disk that is gone, hangs or has errors all over is not asked any more.
    fn can_go_on(&self) -> bool {
        let sweeps = [&self.write, &self.flush, &self.read];
        self.flush.bad.is_empty() && sweeps.into_iter().all(|sweep| matches!(sweep.ended, None | Some(End::TimeOver)))
    }
}

/// Parts of a disk, joined where they touch: start and end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    fn add(&mut self, range: Range<u64>) {
        let Range { mut start, mut end } = range;
        if let Some((before, last)) = self.0.range(..=start).next_back().map(|(before, last)| (*before, *last))
            && last >= start
        {
            (start, end) = (before, end.max(last));
        }
        while let Some((next, last)) = self.0.range(start + 1..=end).next().map(|(next, last)| (*next, *last)) {
            self.0.remove(&next);
            end = end.max(last);
        }
        self.0.insert(start, end);
    }

    fn join(&mut self, other: &Ranges) {
        for (start, end) in &other.0 {
            self.add(*start..*end);
        }
    }

    /// The pieces of them, the last one first.
    fn backwards(&self) -> Plan {
        let pieces = self.0.iter().flat_map(|(start, end)| {
            let (first, last) = (start / PIECE, end.div_ceil(PIECE));
            (first..last).map(move |piece| (piece * PIECE).max(*start)..((piece + 1) * PIECE).min(*end))
        });
        let mut pieces: Vec<Range<u64>> = pieces.collect();
        pieces.reverse();
        Plan::of(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one_whatever_their_order() {
        let mut ranges = Ranges::default();
        for at in [3_u64, 0, 1, 7, 2, 3] {
            ranges.add(at * 10..at * 10 + 10);
        }
        assert_eq!(ranges.0.into_iter().collect::<Vec<_>>(), [(0, 40), (70, 80)]);
    }

    #[test]
    fn what_was_written_is_read_back_from_its_end() {
        let mut ranges = Ranges::default();
        ranges.add(0..3 * PIECE);
        ranges.add(9 * PIECE + 512..9 * PIECE + 1024);
        let requests: Vec<_> = ranges.backwards().requests(PIECE).collect();
        let expected = [9 * PIECE + 512..9 * PIECE + 1024, 2 * PIECE..3 * PIECE, PIECE..2 * PIECE, 0..PIECE];
        assert_eq!(requests, expected);
        assert_eq!(ranges.backwards().bytes(), 3 * PIECE + 512);
    }
}
