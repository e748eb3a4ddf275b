//! Media of the passes that write, flush and read back: requests like reads, with the same threads, limits and watchdog.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;

use super::super::medium::{Answer, Buffer, Medium, OwnWait, Writable};
use super::stamp::{Kind, Pattern, SECTOR};

/// Wrong sectors that are kept in full; the others are counted.
const KEPT: usize = 100;
/// A second look at a sector reads so much, which every disk can give.
const AROUND: u64 = 4096;

/// Each request writes its place: the pattern, or zeros.
pub(super) struct Writer {
    pub(super) medium: Arc<dyn Writable>,
    pub(super) pattern: Option<Pattern>,
}

impl Medium for Writer {
    fn read(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer {
        match self.pattern {
            Some(pattern) => pattern.fill(offset, buffer),
            None => buffer.fill(0),
        }
        self.medium.write(offset, buffer, watch)
    }

    fn now(&self) -> Duration {
        self.medium.now()
    }

    fn size(&self) -> u64 {
        self.medium.size()
    }
}

/// Each request makes the drive put down what it has taken.
pub(super) struct Flusher(pub(super) Arc<dyn Writable>);

impl Medium for Flusher {
    fn read(&self, _: u64, buffer: &mut [u8], _: &mut OwnWait) -> Answer {
        let start = self.0.now();
        let result = self.0.flush().map(|()| buffer.len());
        Answer { result, start, end: self.0.now(), waited: Duration::ZERO }
    }

    fn now(&self) -> Duration {
        self.0.now()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }
}

/// Result of a second read of a wrong sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Right data: the disk holds it, and the way to here damaged the first read.
    Right,
    /// Something wrong again.
    Wrong,
    /// Nothing.
    Failed,
}

/// A sector that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) sector: u64,
    pub(super) kind: Kind,
    pub(super) again: Again,
}

/// Wrong sectors: the first ones in full, and the number of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kept: BTreeMap<u64, Wrong>,
    pub(super) count: u64,
}

/// Each request reads its place and compares.
pub(super) struct Verifier {
    pub(super) medium: Arc<dyn Writable>,
    pub(super) pattern: Pattern,
    pub(super) found: Mutex<Found>,
}

impl Verifier {
    /// Returns the wrong sectors that have been found until now.
    pub(super) fn found(&self) -> Found {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wrong(&self, sector: u64, kind: Kind, watch: &mut OwnWait) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.count += 1;
        if found.kept.len() < KEPT {
            // Not under the lock: a second read may take seconds.
            drop(found);
            let again = self.again(sector, watch);
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.kept.insert(sector, Wrong { sector, kind, again });
        }
    }

    fn again(&self, sector: u64, watch: &mut OwnWait) -> Again {
        let at = sector * SECTOR as u64;
        let start = at / AROUND * AROUND;
        let length = usize::try_from(AROUND.min(self.medium.size() - start)).unwrap_or(SECTOR);
        let mut buffer = Buffer::new(length);
        let bytes = buffer.first(length);
        if self.medium.read(start, bytes, watch).result != Ok(length) {
            return Again::Failed;
        }
        let inside = usize::try_from(at - start).unwrap_or(0);
        let mut again = Again::Right;
        self.pattern.check(at, &bytes[inside..inside + SECTOR], |_, _| again = Again::Wrong);
        again
    }
}

impl Medium for Verifier {
    fn read(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer {
        let answer = self.medium.read(offset, buffer, watch);
        if answer.result == Ok(buffer.len()) {
            self.pattern.check(offset, buffer, |sector, kind| self.wrong(sector, kind, watch));
        }
        answer
    }

    fn now(&self) -> Duration {
        self.medium.now()
    }

    fn size(&self) -> u64 {
        self.medium.size()
    }
}

/// A fault of writing that a test is to find, at a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    /// A write of it fails.
    Refused,
    /// A bit of it is stored wrong.
    Bit,
    /// Every second write of it is acknowledged and never arrives.
    Lost,
    /// Its data arrives eight sectors further on.
    Misplaced,
}

/// A disk that spoils what is written to one sector.
pub(super) struct Spoiling {
    pub(super) medium: Arc<dyn Writable>,
    fault: Spoilt,
    sector: u64,
    /// How often that sector was written.
    writes: AtomicU32,
}

impl Spoiling {
    pub(super) fn new(medium: Arc<dyn Writable>, fault: Spoilt, sector: u64) -> Self {
        Spoiling { medium, fault, sector, writes: AtomicU32::new(0) }
    }

    /// Changes the bytes of a write, which begin at `offset`, to what the disk will hold.
    fn spoil(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) {
        let place = usize::try_from(self.sector * SECTOR as u64 - offset).unwrap_or(0);
        let other = place + 8 * SECTOR;
        let is_second = self.writes.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        match self.fault {
            Spoilt::Refused => {}
            Spoilt::Lost if !is_second => {}
            Spoilt::Bit => buffer[place + 100] ^= 0x10,
            Spoilt::Lost | Spoilt::Misplaced => {
                let mut old = Buffer::new(buffer.len());
                let old = old.first(buffer.len());
                let _ = self.medium.read(offset, old, watch);
                if self.fault == Spoilt::Misplaced && other + SECTOR <= buffer.len() {
                    buffer.copy_within(place..place + SECTOR, other);
                }
                buffer[place..place + SECTOR].copy_from_slice(&old[place..place + SECTOR]);
            }
        }
    }
}

impl Medium for Spoiling {
    fn read(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer {
        self.medium.read(offset, buffer, watch)
    }

    fn now(&self) -> Duration {
        self.medium.now()
    }

    fn size(&self) -> u64 {
        self.medium.size()
    }
}

impl Writable for Spoiling {
    fn write(&self, offset: u64, buffer: &mut [u8], watch: &mut OwnWait) -> Answer {
        let sectors = offset / SECTOR as u64..(offset + buffer.len() as u64) / SECTOR as u64;
        if !sectors.contains(&self.sector) {
            return self.medium.write(offset, buffer, watch);
        }
        if self.fault == Spoilt::Refused {
            let now = self.now();
            return Answer { result: Err(Errno::EIO), start: now, end: now, waited: Duration::ZERO };
        }
        self.spoil(offset, buffer, watch);
        self.medium.write(offset, buffer, watch)
    }

    fn flush(&self) -> Result<(), Errno> {
        self.medium.flush()
    }
}
