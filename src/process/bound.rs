//! How much a process may print to disk, and the tail that is kept of what is beyond.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Space of a file system that output never takes, or a quarter of it where it is small: result files and the journal need room, too.
const RESERVE: u64 = 512 << 20;
/// So much of its beginning is kept of every output, however little room there is.
const HEAD: u64 = 1 << 20;
/// So much of its end is kept of each file.
const TAIL: usize = if cfg!(test) { 64 } else { 256 << 10 };
/// The file system is asked each time that so much was printed.
const STEP: u64 = 1 << 20;

/// The bound of one process's output.
#[derive(Debug)]
pub(super) struct Bound {
    most: Option<u64>,
    directory: PathBuf,
    written: u64,
    asked: u64,
}

impl Bound {
    pub(super) fn new(most: Option<u64>, file: &Path) -> Self {
        Bound { most, directory: file.parent().unwrap_or(Path::new(".")).to_owned(), written: 0, asked: 0 }
    }

    /// Counts what is about to be written; whether that is too much.
    pub(super) fn is_met(&mut self, bytes: u64) -> bool {
        self.written += bytes;
        if self.most.is_some_and(|most| self.written > most) {
            return true;
        }
        if self.written < HEAD || self.written - self.asked < STEP {
            return false;
        }
        self.asked = self.written;
        let Ok(disk) = rustix::fs::statvfs(&self.directory) else { return false };
        let (free, size) = (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
        free < RESERVE.min(size / 4)
    }
}

/// The last bytes of what is not written as it comes.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    left_out: u64,
}

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(TAIL)..];
        let over = (self.bytes.len() + kept.len()).saturating_sub(TAIL);
        self.bytes.drain(..over);
        self.bytes.extend(kept);
        self.left_out += (bytes.len() - kept.len() + over) as u64;
    }

    /// Bytes that are nowhere.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// What goes behind the head: a line that says what is missing, if anything is, and the tail.
    pub(super) fn text(self) -> Vec<u8> {
        let line = match self.left_out {
            0 => String::new(),
            left_out => format!("\n[shakedown: {left_out} bytes left out here: more output than is kept]\n"),
        };
        line.into_bytes().into_iter().chain(self.bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_of_it_and_counts_the_rest() {
        let mut tail = Tail::default();
        tail.push(b"short");
        assert_eq!((tail.left_out(), Tail { bytes: tail.bytes.clone(), left_out: 0 }.text()), (0, b"short".to_vec()));
        tail.push(&[b'x'; 2 * TAIL]);
        tail.push(b"end");
        assert_eq!(tail.left_out(), 5 + TAIL as u64 + 3);
        let text = tail.text();
        assert!(text.ends_with(b"xend") && text.starts_with(b"\n[shakedown: 72 bytes left out"));
    }

    #[test]
    fn the_bound_counts_what_is_written() {
        let mut bound = Bound::new(Some(100), Path::new("/x"));
        assert!(!bound.is_met(100) && bound.is_met(1));
    }
}
