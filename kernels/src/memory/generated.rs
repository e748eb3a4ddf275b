//! Words that follow from their place: nothing has to be kept to check them.

use super::line::{Wide, dispatch, settle};
use super::{LINE, Line, Misses, Store, WORDS};
use crate::{Isa, Piece};

/// Lines that are made at once: they stay in the first cache.
const BATCH: usize = 32;

/// Rule for the value of each word of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generator {
    /// Its own address, mixed with the seed: finds addresses that reach the same memory.
    OwnAddress {
        /// The seed.
        seed: u64,
    },
    /// A random number of its index, counted in words from the start of the piece.
    Random {
        /// The seed.
        seed: u64,
    },
}

impl Generator {
    /// The word at an address, `index` words behind the start of its piece.
    #[must_use]
    #[inline(always)]
    pub fn word(self, address: usize, index: u64) -> u64 {
        match self {
            Generator::OwnAddress { seed } => address as u64 ^ seed,
            Generator::Random { seed } => random(index ^ seed),
        }
    }
}

/// SplitMix64 (G. L. Steele, D. Lea, C. H. Flood 2014) as a function of a counter.
#[must_use]
#[inline(always)]
pub fn random(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Writes a whole piece.
pub fn fill(piece: &mut Piece, generator: Generator, store: Store, isa: Isa) {
    let (base, lines) = (piece.base(), piece.lines());
    match store {
        Store::Cached => written::<false>(isa, base, lines, generator),
        Store::Streaming => written::<true>(isa, base, lines, generator),
    }
    settle();
}

/// Checks a whole piece, downwards if asked for.
pub fn check(piece: &mut Piece, generator: Generator, downwards: bool, isa: Isa, misses: &mut Misses) {
    let (base, lines) = (piece.base(), piece.lines());
    settle();
    if downwards {
        checked::<true>(isa, base, lines, 0, generator, misses);
    } else {
        checked::<false>(isa, base, lines, 0, generator, misses);
    }
}

/// Checks a block that holds the words of a generator from the number `first` on, a multiple of eight, wherever the block lies.
///
/// # Panics
/// When there is no such block.
pub fn check_block(pieces: &mut [Piece], block: super::Block, generator: Generator, first: u64, misses: &mut Misses) {
    let base = block.place(pieces);
    settle();
    checked::<false>(Isa::best(), base, super::Block::BYTES / LINE, first as usize / WORDS, generator, misses);
}

fn written<const STREAM: bool>(isa: Isa, base: *mut u8, lines: usize, generator: Generator) {
    dispatch!(isa, write_all::<STREAM>(base: *mut u8, lines: usize, generator: Generator));
}

fn checked<const DOWN: bool>(
    isa: Isa,
    base: *mut u8,
    lines: usize,
    ahead: usize,
    generator: Generator,
    misses: &mut Misses,
) {
    dispatch!(isa, check_all::<DOWN>(base: *mut u8, lines: usize, ahead: usize, generator: Generator, misses: &mut Misses));
}

/// The words of a batch of lines, the first of which is at `address`.
#[inline(always)]
fn make(batch: &mut [Line; BATCH], generator: Generator, address: usize, first: usize) {
    match generator {
        Generator::OwnAddress { .. } => {
            for (at, line) in batch.iter_mut().enumerate() {
                for (word, value) in line.0.iter_mut().enumerate() {
                    *value = generator.word(address + at * LINE + word * 8, 0);
                }
            }
        }
        Generator::Random { seed } => {
            let start = (first * WORDS) as u64;
            for (at, line) in batch.iter_mut().enumerate() {
                for (word, value) in line.0.iter_mut().enumerate() {
                    *value = random((start + (at * WORDS + word) as u64) ^ seed);
                }
            }
        }
    }
}

/// # Safety
/// `base` is the start of `lines` lines, a multiple of a batch, that the caller may write, and the processor has the instructions of `V`.
#[inline(always)]
unsafe fn write_all<V: Wide, const STREAM: bool>(base: *mut u8, lines: usize, generator: Generator) {
    let mut batch = [Line::of(0); BATCH];
    for first in (0..lines).step_by(BATCH) {
        make(&mut batch, generator, base as usize + first * LINE, first);
        for (at, line) in batch.iter().enumerate() {
            // SAFETY: a piece has whole large pages, so each batch lies in it completely.
            unsafe {
                let place = base.add((first + at) * LINE);
                let line = V::of(line);
                if STREAM { line.stream(place) } else { line.store(place) }
            }
        }
    }
}

/// # Safety
/// As for `write_all`, and the memory was written. `ahead` is how many lines of the generator come before the first one here.
#[inline(always)]
unsafe fn check_all<V: Wide, const DOWN: bool>(
    base: *mut u8,
    lines: usize,
    ahead: usize,
    generator: Generator,
    misses: &mut Misses,
) {
    let mut batch = [Line::of(0); BATCH];
    for step in (0..lines).step_by(BATCH) {
        let first = if DOWN { lines - BATCH - step } else { step };
        make(&mut batch, generator, base as usize + first * LINE, ahead + first);
        for step in 0..BATCH {
            let at = if DOWN { BATCH - 1 - step } else { step };
            // SAFETY: a piece has whole large pages, so each batch lies in it completely.
            unsafe {
                let place = base.add((first + at) * LINE);
                let seen = V::load(place);
                if seen.differs(V::of(&batch[at])) {
                    misses.line(place, &batch[at], &seen.line());
                }
            }
        }
    }
}
