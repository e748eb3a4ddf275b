//! Blocks that are copied with a checksum that is made on the way, as a busy machine uses memory.

use super::line::{Wide, dispatch, flush, settle};
use super::{LINE, Line, Store, WORDS, random};
use crate::{Isa, Piece};

/// Bytes of a block.
const BLOCK: usize = 1 << 20;

/// A block of one of several pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Number of the piece.
    pub piece: usize,
    /// Number of the block in the piece.
    pub number: usize,
}

impl Block {
    /// Bytes of a block.
    pub const BYTES: usize = BLOCK;

    /// All blocks of some pieces.
    #[must_use]
    pub fn all(pieces: &[Piece]) -> Vec<Block> {
        let of = |(piece, one): (usize, &Piece)| (0..one.bytes() / BLOCK).map(move |number| Block { piece, number });
        pieces.iter().enumerate().flat_map(of).collect()
    }

    pub(super) fn place(self, pieces: &mut [Piece]) -> *mut u8 {
        let piece = &mut pieces[self.piece];
        assert!(self.number < piece.bytes() / BLOCK, "a block lies in its piece");
        piece.base().wrapping_add(self.number * BLOCK)
    }
}

/// Checksum of a block: sums of its words and sums of these sums, so that a change of place shows, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum(Line, Line);

/// The checksum of a block of random words whose first has the number `first`, from the numbers alone.
#[must_use]
pub fn sum_of(seed: u64, first: u64) -> Sum {
    let (mut plain, mut weighted) = ([0_u64; WORDS], [0_u64; WORDS]);
    for line in 0..(BLOCK / LINE) as u64 {
        for lane in 0..WORDS {
            let word = random((first + line * WORDS as u64 + lane as u64) ^ seed);
            plain[lane] = plain[lane].wrapping_add(word);
            weighted[lane] = weighted[lane].wrapping_add(plain[lane]);
        }
    }
    Sum(Line(plain), Line(weighted))
}

/// Copies a block to another and returns the checksum of what was read. With [`Store::Streaming`] the source is taken out of the caches
/// before, and the copy goes past them.
///
/// # Panics
/// When both are the same block, or one is not there.
pub fn copy_block(pieces: &mut [Piece], from: Block, to: Block, store: Store, isa: Isa) -> Sum {
    assert_ne!(from, to, "a block is copied to another one");
    let (from, to) = (from.place(pieces).cast_const(), to.place(pieces));
    let sum = match store {
        Store::Cached => copied::<false>(isa, from, to),
        Store::Streaming => {
            // SAFETY: the block lies in a mapped piece.
            unsafe { flush(from, BLOCK) };
            copied::<true>(isa, from, to)
        }
    };
    settle();
    sum
}

fn copied<const STREAM: bool>(isa: Isa, from: *const u8, to: *mut u8) -> Sum {
    dispatch!(isa, copy::<STREAM>(from: *const u8, to: *mut u8) -> Sum)
}

/// # Safety
/// Both are different blocks of pieces, which the caller may read and write, and the processor has the instructions of `V`.
#[inline(always)]
unsafe fn copy<V: Wide, const STREAM: bool>(from: *const u8, to: *mut u8) -> Sum {
    // SAFETY: every offset is below the size of a block and a multiple of a line.
    unsafe {
        let (mut plain, mut weighted) = (V::zero(), V::zero());
        for offset in (0..BLOCK).step_by(LINE) {
            let line = V::load(from.add(offset));
            plain = plain.add(line);
            weighted = weighted.add(plain);
            if STREAM { line.stream(to.add(offset)) } else { line.store(to.add(offset)) }
        }
        Sum(plain.line(), weighted.line())
    }
}
