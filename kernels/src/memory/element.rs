//! One march element over real memory.

use super::line::{Wide, dispatch, settle};
use super::march::{Direction, Element};
use super::{LINE, Line, Misses};
use crate::{Isa, Piece};

/// An element with its background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The pass.
    pub element: Element,
    /// The word that the pass is relative to.
    pub background: u64,
}

/// Runs an element over a piece, line by line: for memory, which sees bursts of a line, that is the same as word by word.
pub fn run(piece: &mut Piece, run: Run, isa: Isa, misses: &mut Misses) {
    let line = |word: super::Word| Line::of(word.over(run.background));
    let read = line(run.element.read.unwrap_or(super::Word::Background));
    let write = line(run.element.write.unwrap_or(super::Word::Background));
    let (base, lines) = (piece.base(), piece.lines());
    match (run.element.direction, run.element.read.is_some(), run.element.write.is_some()) {
        (Direction::Up, false, true) => whole::<true, false, true>(isa, base, lines, &read, &write, misses),
        (Direction::Up, true, true) => whole::<true, true, true>(isa, base, lines, &read, &write, misses),
        (Direction::Up, true, false) => whole::<true, true, false>(isa, base, lines, &read, &write, misses),
        (Direction::Down, false, true) => whole::<false, false, true>(isa, base, lines, &read, &write, misses),
        (Direction::Down, true, true) => whole::<false, true, true>(isa, base, lines, &read, &write, misses),
        (Direction::Down, true, false) => whole::<false, true, false>(isa, base, lines, &read, &write, misses),
        (_, false, false) => {}
    }
    settle();
}

fn whole<const UP: bool, const READ: bool, const WRITE: bool>(
    isa: Isa,
    base: *mut u8,
    lines: usize,
    read: &Line,
    write: &Line,
    misses: &mut Misses,
) {
    dispatch!(isa, pass::<UP, READ, WRITE>(base: *mut u8, lines: usize, read: &Line, write: &Line, misses: &mut Misses));
}

/// # Safety
/// `base` is the start of `lines` lines that the caller may read and write, and the processor has the instructions of `V`.
#[inline(always)]
unsafe fn pass<V: Wide, const UP: bool, const READ: bool, const WRITE: bool>(
    base: *mut u8,
    lines: usize,
    read: &Line,
    write: &Line,
    misses: &mut Misses,
) {
    // SAFETY: lines are local and aligned.
    let (expected, written) = unsafe { (V::of(read), V::of(write)) };
    for step in 0..lines {
        let at = if UP { step } else { lines - 1 - step };
        // SAFETY: `at` is below `lines`, and a piece begins at a multiple of 64.
        unsafe {
            let place = base.add(at * LINE);
            if READ {
                let seen = V::load(place);
                if seen.differs(expected) {
                    misses.line(place, read, &seen.line());
                }
            }
            if WRITE {
                // A write without a read goes past the caches: the whole region is written before any of it is read.
                if READ { written.store(place) } else { written.stream(place) }
            }
        }
    }
}
