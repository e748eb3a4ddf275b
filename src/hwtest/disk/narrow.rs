//! A request that failed: which of its blocks cannot be read, and why.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use nix::errno::Errno;

use super::errno::Fault;
use super::medium::Answer;

/// Each look is at a sixteenth of the one before. A read that fails may take seconds, so few of them matter more than few reads.
const SHARE: u64 = 16;
/// A resource that this system lacked may be there again.
const TRIES: u32 = 3;

/// How much is spent on what cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Places.
    pub(super) places: usize,
    /// Time for reads that fail and for looking closer.
    pub(super) time: Duration,
}

/// Places and time spent on failed reads, and the limits of both.
pub(super) struct Recovery {
    limits: Limits,
    spent: Mutex<(usize, Duration)>,
}

/// Some bytes that could not be read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadPlace {
    /// Where, to a physical block, or larger if there was no time to look closer.
    pub(super) range: Range<u64>,
    /// Why.
    pub(super) fault: Fault,
    /// The error's number, for people.
    pub(super) errno: Errno,
    /// Read again at once, it could be read.
    pub(super) hidden: bool,
}

/// Outcome of a closer look at a failed request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Narrowed {
    /// Places that cannot be read, or that the first read failed at.
    pub(super) places: Vec<BadPlace>,
    /// Bytes of the request that were read. What is neither was not tried, for lack of time.
    pub(super) read: u64,
}

impl Recovery {
    /// With nothing spent.
    #[must_use]
    pub(super) fn new(limits: Limits) -> Self {
        Recovery { limits, spent: Mutex::default() }
    }

    fn spend(&self, places: usize, time: Duration) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = (spent.0 + places, spent.1 + time);
    }

    /// More would tell nothing new.
    #[must_use]
    pub(super) fn is_over(&self) -> bool {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.0 >= self.limits.places || spent.1 >= self.limits.time
    }
}

/// Looks closer at a request that failed, with `read` that reads some of its bytes.
///
/// # Errors
/// The fault, if every further read would end the same way.
pub(super) fn narrow(
    range: Range<u64>,
    first: &Answer,
    physical_block: u64,
    recovery: &Recovery,
    read: &mut impl FnMut(Range<u64>) -> Answer,
) -> Result<Narrowed, Fault> {
    recovery.spend(0, first.end.saturating_sub(first.start));
    let mut found = Narrowed::default();
    let errno = match first.result {
        Err(errno) => errno,
        // A short read: the error lies behind what was read.
        Ok(_) => Errno::EIO,
    };
    let search = Search { block: physical_block.max(512), recovery };
    search.look(&range, errno, read, &mut found)?;
    if found.places.is_empty() {
        found.places.push(BadPlace { range, fault: Fault::of(errno), errno, hidden: true });
        recovery.spend(1, Duration::ZERO);
    }
    Ok(found)
}

struct Search<'a> {
    block: u64,
    recovery: &'a Recovery,
}

impl Search<'_> {
    /// A range whose read failed: its parts one by one.
    fn look(
        &self,
        range: &Range<u64>,
        errno: Errno,
        read: &mut impl FnMut(Range<u64>) -> Answer,
        found: &mut Narrowed,
    ) -> Result<(), Fault> {
        let fault = Fault::of(errno);
        if fault.is_final() {
            return Err(fault);
        }
        let length = range.end - range.start;
        if self.recovery.is_over() {
            found.places.push(BadPlace { range: range.clone(), fault, errno, hidden: false });
            self.recovery.spend(1, Duration::ZERO);
            return Ok(());
        }
        if length <= self.block {
            let hidden = self.reads_again(range, fault, read)?;
            found.read += if hidden { length } else { 0 };
            found.places.push(BadPlace { range: range.clone(), fault, errno, hidden });
            self.recovery.spend(1, Duration::ZERO);
            return Ok(());
        }
        let (part, known) = ((length.next_power_of_two() / SHARE).max(self.block), found.places.len());
        let mut at = range.start;
        while at < range.end {
            if self.recovery.is_over() {
                // The rest of the range is not read. That something in it is bad is known.
                if found.places.len() == known {
                    found.places.push(BadPlace { range: range.clone(), fault, errno, hidden: false });
                }
                break;
            }
            let end = ((at / part + 1) * part).min(range.end);
            let answer = read(at..end);
            if let Some(errno) = failed(&answer, end - at) {
                self.recovery.spend(0, answer.end.saturating_sub(answer.start));
                self.look(&(at..end), errno, read, found)?;
            } else {
                found.read += end - at;
            }
            at = end;
        }
        Ok(())
    }

    /// Reads a block again; true if a repeated read succeeds.
    fn reads_again(
        &self,
        range: &Range<u64>,
        fault: Fault,
        read: &mut impl FnMut(Range<u64>) -> Answer,
    ) -> Result<bool, Fault> {
        let tries = if fault == Fault::Resource { TRIES } else { 1 };
        for _ in 0..tries {
            let answer = read(range.clone());
            self.recovery.spend(0, answer.end.saturating_sub(answer.start));
            match failed(&answer, range.end - range.start).map(Fault::of) {
                None => return Ok(true),
                Some(fault) if fault.is_final() => return Err(fault),
                Some(_) => {}
            }
        }
        Ok(false)
    }
}

fn failed(answer: &Answer, wanted: u64) -> Option<Errno> {
    match answer.result {
        Ok(bytes) if bytes as u64 == wanted => None,
        Ok(_) => Some(Errno::EIO),
        Err(errno) => Some(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::super::medium::simulated::{Bad, Simulated};
    use super::super::medium::{Medium as _, OwnWait};
    use super::*;

    const MIB: u64 = 1 << 20;
    const MANY: Limits = Limits { places: 100, time: Duration::from_secs(600) };

    fn disk(bad: Vec<Bad>) -> Simulated {
        Simulated { size: 8 * MIB, pace: 1000, bad: bad.into(), ..Simulated::default() }
    }

    fn bad(range: Range<u64>, errno: Errno, times: Option<u32>) -> Bad {
        Bad { range, errno, times, takes: Duration::from_secs(7) }
    }

    fn narrowed(disk: &Simulated, block: u64, limits: Limits) -> Result<Narrowed, Fault> {
        let mut watch = OwnWait::unknown();
        let mut read = |place: Range<u64>| {
            let mut buffer = vec![0; usize::try_from(place.end - place.start).expect("small")];
            disk.read(place.start, &mut buffer, &mut watch)
        };
        let first = read(0..MIB);
        narrow(0..MIB, &first, block, &Recovery::new(limits), &mut read)
    }

    #[test]
    fn a_bad_sector_is_found_to_its_physical_block_with_few_reads_that_fail() {
        for (block, start) in [(4096, 777 * 512 / 4096 * 4096), (512, 777 * 512)] {
            let disk = disk(vec![bad(777 * 512..778 * 512, Errno::ENODATA, None)]);
            let found = narrowed(&disk, block, MANY).expect("a drive that is there");
            let fault = Fault::Medium;
            let place = BadPlace { range: start..start + block, fault, errno: Errno::ENODATA, hidden: false };
            assert_eq!(found, Narrowed { places: vec![place], read: MIB - block });
            // Of 1 MiB, of 64 KiB, of 4 KiB, of the block, and the block again: 7 s each.
            assert!(disk.now() < Duration::from_secs(5 * 7 + 1), "{:?}", disk.now());
        }
    }

    #[test]
    fn two_bad_sectors_in_a_request_are_two_places() {
        let disk = disk(vec![bad(0..512, Errno::EIO, None), bad(MIB - 512..MIB, Errno::ENODATA, None)]);
        let found = narrowed(&disk, 512, MANY).expect("a drive that is there");
        let places = found.places;
        let found: Vec<_> = places.iter().map(|place| (place.range.start, place.fault)).collect();
        assert_eq!(found, [(0, Fault::Unknown), (MIB - 512, Fault::Medium)]);
    }

    #[test]
    fn what_a_second_read_gives_is_hidden_and_not_forgotten() {
        let disk = disk(vec![bad(5 * 512..6 * 512, Errno::EIO, Some(1))]);
        let found = narrowed(&disk, 512, MANY).expect("a drive that is there");
        let places = found.places;
        assert!(matches!(&places[..], [place] if place.hidden && place.range == (0..MIB)), "{places:?}");
        assert_eq!(found.read, MIB);
    }

    #[test]
    fn a_drive_that_is_gone_is_not_asked_block_by_block() {
        let disk = disk(vec![bad(0..MIB, Errno::ENODEV, None)]);
        assert_eq!(narrowed(&disk, 512, MANY), Err(Fault::Gone));
        assert_eq!(disk.asked.lock().expect("a lock").len(), 1);
    }

    #[test]
    fn where_everything_is_bad_the_search_ends_at_its_limits() {
        let limits = Limits { places: 100, time: Duration::from_secs(60) };
        let disk = disk(vec![bad(0..MIB, Errno::EIO, None)]);
        let found = narrowed(&disk, 512, limits).expect("a drive that is there");
        assert!(!found.places.is_empty());
        assert!(disk.now() < Duration::from_secs(60 + 2 * 7), "{:?}", disk.now());
        assert_eq!(found.read, 0);
    }
}
