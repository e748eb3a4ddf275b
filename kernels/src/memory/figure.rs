//! Reads, writes and latency, for figures.

use std::hint::black_box;

use super::line::{Wide, dispatch, settle};
use super::{LINE, Line, random};
use crate::{Isa, Piece};

/// Reads a piece once. Returns a sum, so that nothing can be left out.
#[must_use]
pub fn read(piece: &mut Piece, isa: Isa) -> u64 {
    let (base, lines) = (piece.base(), piece.lines());
    let sum: Line = dispatch!(isa, read_all::<>(base: *mut u8, lines: usize) -> Line);
    sum.0.iter().fold(0, |all, one| all.wrapping_add(*one))
}

/// Writes a piece once, past the caches.
pub fn write(piece: &mut Piece, isa: Isa) {
    let (base, lines) = (piece.base(), piece.lines());
    dispatch!(isa, write_all::<>(base: *mut u8, lines: usize));
    settle();
}

/// # Safety
/// `base` is the start of `lines` lines that the caller may read, and the processor has the instructions of `V`.
#[inline(always)]
unsafe fn read_all<V: Wide>(base: *mut u8, lines: usize) -> Line {
    // SAFETY: every offset is inside, and a piece begins at a multiple of 64. The number of lines is a multiple of four.
    unsafe {
        let mut sums = [V::zero(); 4];
        for at in (0..lines).step_by(4) {
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum = sum.add(V::load(base.add((at + lane) * LINE)));
            }
        }
        sums[0].add(sums[1]).add(sums[2].add(sums[3])).line()
    }
}

/// # Safety
/// As for `read_all`, with memory that the caller may write.
#[inline(always)]
unsafe fn write_all<V: Wide>(base: *mut u8, lines: usize) {
    // SAFETY: as in `read_all`.
    unsafe {
        let line = V::of(&Line::of(0xa5a5_a5a5_a5a5_a5a5));
        for at in 0..lines {
            line.stream(base.add(at * LINE));
        }
    }
}

/// The place of a line of a chain in a piece, whose lines are the largest power of two that fits in.
fn place(piece: &Piece, bits: u32, line: u64) -> *mut u64 {
    // The mask keeps the line inside the piece.
    piece.base().wrapping_add((line & ((1 << bits) - 1)) as usize * LINE).cast::<u64>()
}

/// Makes a chain through all lines of the largest power of two that fits into a piece, in random order. What was in the piece is lost.
pub fn chain(piece: &mut Piece) {
    let bits = piece.lines().ilog2();
    for step in 0..1_u64 << bits {
        // SAFETY: the place is a line of the piece, which `&mut` gives to this function alone.
        unsafe { place(piece, bits, scatter(step, bits)).write_volatile(scatter(step + 1, bits)) };
    }
    settle();
}

/// Follows a chain from one of its lines for `steps` reads, each of which needs the one before. Returns the nanoseconds of one read.
#[must_use]
pub fn follow(piece: &mut Piece, from: u64, steps: u64) -> f64 {
    let bits = piece.lines().ilog2();
    let start = std::time::Instant::now();
    let mut line = scatter(from, bits);
    for _ in 0..steps {
        // SAFETY: as above; `place` masks whatever was read, so that faulty memory leads nowhere else.
        line = unsafe { place(piece, bits, line).read_volatile() };
    }
    black_box(line);
    start.elapsed().as_secs_f64() * 1e9 / steps.max(1) as f64
}

/// A permutation of the numbers below 2^bits without order: multiplications by odd numbers and shifts can be undone.
fn scatter(step: u64, bits: u32) -> u64 {
    let mask = (1_u64 << bits) - 1;
    let mut x = step & mask;
    for round in 0..3 {
        x = x.wrapping_mul(random(round) | 1) & mask;
        x ^= x >> (bits / 2).max(1);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_visits_every_line_once() {
        for bits in [1, 5, 12] {
            let mut seen: Vec<u64> = (0..1 << bits).map(|step| scatter(step, bits)).collect();
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(0..1 << bits), "{bits} bits");
        }
    }
}
