//! Words that were read with another value than was written.

use super::{Line, WORDS};

/// Most records kept in full; the rest is counted.
const KEPT: usize = 100;

/// One wrong word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Address in this process.
    pub address: usize,
    /// Value that was written.
    pub expected: u64,
    /// Value that the first read returned.
    pub first: u64,
    /// Value that the second read returned, past the caches.
    pub again: u64,
    /// Processor that read.
    pub cpu: usize,
}

impl Miss {
    /// The wrong bits.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.expected ^ self.first
    }
}

/// All wrong words of a run: the first hundred in full, then counts.
#[derive(Clone, Debug)]
pub struct Misses {
    /// The first ones.
    pub kept: Vec<Miss>,
    /// How many there were.
    pub total: u64,
    /// How often each bit was wrong.
    pub by_bit: [u64; 64],
    /// Bits that were written as 0 and read as 1.
    pub rose: u64,
    /// Bits that were written as 1 and read as 0.
    pub fell: u64,
    /// Words that a second read, past the caches, gave right.
    pub right_again: u64,
}

impl Default for Misses {
    fn default() -> Self {
        Misses { kept: Vec::new(), total: 0, by_bit: [0; 64], rose: 0, fell: 0, right_again: 0 }
    }
}

impl Misses {
    /// Records one wrong word.
    pub fn record(&mut self, miss: Miss) {
        self.total += 1;
        let bits = miss.bits();
        for (bit, count) in self.by_bit.iter_mut().enumerate() {
            *count += bits >> bit & 1;
        }
        self.rose += u64::from((bits & miss.first).count_ones());
        self.fell += u64::from((bits & miss.expected).count_ones());
        self.right_again += u64::from(miss.again == miss.expected);
        if self.kept.len() < KEPT {
            self.kept.push(miss);
        }
    }

    /// Adds what another thread found.
    pub fn join(&mut self, other: &Misses) {
        self.total += other.total;
        self.rose += other.rose;
        self.fell += other.fell;
        self.right_again += other.right_again;
        for (mine, theirs) in self.by_bit.iter_mut().zip(other.by_bit) {
            *mine += theirs;
        }
        let room = KEPT.saturating_sub(self.kept.len());
        self.kept.extend(other.kept.iter().take(room));
    }

    /// Records what is wrong in a line: `seen` is what the first read gave.
    #[cold]
    #[inline(never)]
    pub(super) fn line(&mut self, place: *const u8, expected: &Line, seen: &Line) {
        for word in 0..WORDS {
            if expected.0[word] == seen.0[word] {
                continue;
            }
            let place = place.wrapping_add(word * 8);
            self.record(Miss {
                address: place as usize,
                expected: expected.0[word],
                first: seen.0[word],
                again: super::line::read_again(place),
                cpu: crate::place::here(),
            });
        }
    }
}
