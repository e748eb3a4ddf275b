//! Loops over memory: what is written, what is read back, and what was wrong.

mod copy;
mod element;
mod figure;
mod generated;
mod line;
mod march;
mod miss;

pub use copy::{Block, Sum, copy_block, sum_of};
pub use element::{Run, run};
pub use figure::{chain, follow, read, write};
pub use generated::{Generator, check, check_block, fill, random};
pub use march::{Cells, Direction, Element, MARCH_C_MINUS, Word, march, moving_inversions};
pub use miss::{Miss, Misses};

/// Bytes of a cache line. Memory is written and read in such bursts.
pub const LINE: usize = 64;
/// Words of a line.
pub const WORDS: usize = LINE / 8;

/// One line as words, aligned as in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Line(pub [u64; WORDS]);

impl Line {
    /// Returns a line of one word, repeated eight times.
    #[must_use]
    pub fn of(word: u64) -> Line {
        Line([word; WORDS])
    }
}

/// How bytes reach memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Through the caches, as programs write.
    Cached,
    /// Past the caches, so that memory is written now.
    Streaming,
}
