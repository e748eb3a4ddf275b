//! Memory that a test owns: mapped for it alone, in large pages where the kernel gives them, present and locked before the test begins.

use std::io;
use std::ptr::{self, NonNull};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};

use crate::memory::LINE;

/// Size of a large page, and what a piece is aligned to.
const LARGE: usize = 2 << 20;
/// Smallest page of any supported architecture.
const SMALL: usize = 4096;

/// Why there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The kernel has no memory to map or to fill in.
    NoMemory(Errno),
    /// The memory is there, but may not be locked: the limit of this process (`RLIMIT_MEMLOCK`) is reached. Unlocked memory may be swapped.
    NotLocked(Errno),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoMemory(error) => write!(f, "the kernel gives no memory: {}", io::Error::from(*error)),
            Refusal::NotLocked(error) => write!(f, "the memory may not be locked: {}", io::Error::from(*error)),
        }
    }
}

/// One mapped, present and locked piece of memory. The bytes belong to this value alone.
#[derive(Debug)]
pub struct Piece {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping is private, this value is its only owner, and nothing in it refers to the thread that made it.
unsafe impl Send for Piece {}
// SAFETY: a shared reference gives numbers only (size and address); every access to the bytes takes `&mut`.
unsafe impl Sync for Piece {}

impl Piece {
    /// Maps at least `bytes` (rounded up to 2 MiB), fills the pages in from the calling thread, and locks them. Never merged, never in a
    /// core dump, never in a child.
    ///
    /// # Errors
    /// When the kernel refuses. Nothing is kept then.
    pub fn get(bytes: usize) -> Result<Piece, Refusal> {
        let bytes = bytes.max(1).next_multiple_of(LARGE);
        let piece = Piece::map(bytes).map_err(Refusal::NoMemory)?;
        for advice in [Advice::LinuxHugepage, Advice::LinuxDontFork, Advice::LinuxDontDump, Advice::LinuxUnmergeable] {
            let _ = piece.advise(advice); // a kernel without one of them tests the same memory
        }
        piece.fill_in().map_err(Refusal::NoMemory)?;
        // SAFETY: the range is the mapping of `piece`; locking changes no bytes.
        unsafe { mlock(piece.base.as_ptr().cast(), piece.bytes) }.map_err(Refusal::NotLocked)?;
        Ok(piece)
    }

    /// A mapping that is aligned to large pages. What was mapped too much before and behind is given back.
    fn map(bytes: usize) -> Result<Piece, Errno> {
        let whole = bytes.checked_add(LARGE).ok_or(Errno::NOMEM)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: the kernel chooses the place (no fixed address), so no other mapping is touched.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), whole, ProtFlags::READ | ProtFlags::WRITE, flags) }?;
        let before = start.cast::<u8>().align_offset(LARGE);
        let base = start.cast::<u8>().wrapping_add(before);
        let piece = Piece { base: NonNull::new(base).ok_or(Errno::NOMEM)?, bytes };
        for (place, length) in [(start.cast::<u8>(), before), (base.wrapping_add(bytes), LARGE - before)] {
            if length > 0 {
                // SAFETY: both ranges lie in the mapping made above, outside of `piece`, and nobody has a pointer into them.
                let _ = unsafe { munmap(place.cast(), length) };
            }
        }
        Ok(piece)
    }

    fn advise(&self, advice: Advice) -> Result<(), Errno> {
        // SAFETY: the range is this value's own mapping; none of the advice used here discards bytes.
        unsafe { madvise(self.base.as_ptr().cast(), self.bytes, advice) }
    }

    /// Makes every page present. Linux before 5.14 cannot be asked for that, so each page is touched there.
    fn fill_in(&self) -> Result<(), Errno> {
        match self.advise(Advice::LinuxPopulateWrite) {
            Err(Errno::INVAL) => {
                for offset in (0..self.bytes).step_by(SMALL) {
                    // SAFETY: the offset lies in this value's own mapping, and nobody else reads or writes there.
                    unsafe { self.base.as_ptr().add(offset).write_volatile(0) };
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Size in bytes, a multiple of 2 MiB.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of lines of 64 bytes.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.bytes / LINE
    }

    /// Address of the first byte in this process.
    #[must_use]
    pub fn address(&self) -> usize {
        self.base.as_ptr() as usize
    }

    /// The bytes, as a program has them.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: the mapping has so many bytes, all present and zero or written, and `&mut` excludes every other access.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.bytes) }
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Makes one bit of the word at an offset in bytes wrong: for tests of tests.
    pub fn spoil(&mut self, offset: usize) {
        let offset = (offset % self.bytes) & !7;
        // SAFETY: the offset is inside the mapping and aligned to words, and `&mut` excludes every other access.
        unsafe {
            let word = self.base.as_ptr().add(offset).cast::<u64>();
            word.write_volatile(word.read_volatile() ^ Self::SPOILT);
        }
    }

    /// The bit that [`Piece::spoil`] makes wrong.
    pub const SPOILT: u64 = 1 << 29;
}

impl Drop for Piece {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and no reference into it outlives the value.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_begins_at_a_large_page_and_has_whole_ones() {
        match Piece::get(1) {
            Ok(piece) => {
                assert_eq!((piece.address() % LARGE, piece.bytes(), piece.lines()), (0, LARGE, LARGE / 64));
            }
            Err(refusal) => assert!(matches!(refusal, Refusal::NotLocked(_)), "{refusal}"),
        }
    }

    #[test]
    fn more_memory_than_there_can_be_is_refused_and_nothing_else_happens() {
        assert!(matches!(Piece::get(1 << 62), Err(Refusal::NoMemory(_))));
    }
}
