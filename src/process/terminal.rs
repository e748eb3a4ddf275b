//! Output files that behave like a terminal writing to a file (contract REGION, "Output files").
//!
//! Backspace steps back by one, also over a line feed. Carriage return goes to just after the previous line feed. Line feed
//! goes to the **end** of the file and is appended there. Any other byte overwrites at the position or extends the file.
//!
//! Edits are made in a window of bytes not yet written, so that a progress bar redrawn a thousand times costs memory copies,
//! not system calls. Memory is bounded by the window, however long a line grows.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const BACKSPACE: u8 = 0x08;
const LINE_FEED: u8 = b'\n';
const CARRIAGE_RETURN: u8 = b'\r';
/// Bytes held back at most. A few in tests, so that random output meets every edge.
const WINDOW: usize = if cfg!(test) { 16 } else { 32 << 10 };
/// A run as long as this is written as it comes, since copying it would cost more than the system call.
const LONG_RUN: usize = WINDOW / 2;
/// Bytes read at once when a line start has to be searched in the file.
const SEARCH_BLOCK: usize = if cfg!(test) { 10 } else { 64 << 10 };

/// An output file with a position.
#[derive(Debug)]
pub struct Terminal {
    path: PathBuf,
    file: File,
    /// Bytes of the file from `start` on that are not yet written.
    window: Vec<u8>,
    start: u64,
    position: u64,
    end: u64,
    /// What was in the file at first is never overwritten: it is the output of an earlier boot.
    floor: u64,
    /// Just after the last line feed before `position`, where known.
    line_start: Option<u64>,
    /// The start of the line before that one, where known.
    previous_line: Option<u64>,
    /// The position stepped back over a line feed and has not been at the end since.
    crossed: bool,
}

impl Terminal {
    /// Opens a file, created with mode 0600 if it is absent; output goes after what it holds.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let end = file.metadata()?.len();
        Ok(Terminal {
            path: path.to_owned(),
            file,
            window: Vec::with_capacity(WINDOW),
            start: end,
            position: end,
            end,
            floor: end,
            line_start: Some(end),
            previous_line: None,
            crossed: false,
        })
    }

    /// Takes bytes as a process printed them.
    ///
    /// # Errors
    /// When the file cannot be written or read back.
    pub fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let run = if self.position == self.end {
                let run = memchr::memchr2(BACKSPACE, CARRIAGE_RETURN, rest).unwrap_or(rest.len());
                self.append(&rest[..run])?;
                run
            } else {
                let run = memchr::memchr3(BACKSPACE, CARRIAGE_RETURN, LINE_FEED, rest).unwrap_or(rest.len());
                self.overwrite(&rest[..run])?;
                run
            };
            rest = &rest[run..];
            let Some((&control, after)) = rest.split_first() else { break };
            rest = after;
            match control {
                BACKSPACE => self.backspace(),
                CARRIAGE_RETURN => self.carriage_return()?,
                _ => self.line_feed()?,
            }
        }
        Ok(())
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// When the file cannot be written; the bytes are dropped then.
    pub fn flush(&mut self) -> io::Result<()> {
        let written = self.file.write_all_at(&self.window, self.start);
        self.window.clear();
        self.start = self.position;
        written
    }

    /// Writes what is held back, and puts the file back to its place if it was deleted there.
    ///
    /// # Errors
    /// When the file cannot be written, has lost bytes, or is not in its place any more: the script moved it, or its directory, and may have
    /// written its result file elsewhere, too.
    pub fn close(&mut self) -> io::Result<()> {
        self.flush()?;
        let own = self.file.metadata()?;
        if own.len() < self.end {
            return Err(io::Error::other(format!("{} bytes of it were removed", self.end - own.len())));
        }
        let there = self.path.symlink_metadata().map(|there| (there.dev(), there.ino()));
        match there {
            Ok(there) if there == (own.dev(), own.ino()) => Ok(()),
            Err(_) if own.nlink() == 0 => self.put_back(),
            Err(_) => {
                if let Some(directory) = self.path.parent() {
                    std::fs::create_dir_all(directory)?;
                }
                self.put_back()?;
                Err(io::Error::other("it was moved away"))
            }
            Ok(_) => Err(io::Error::other("another file has taken its place")),
        }
    }

    fn put_back(&mut self) -> io::Result<()> {
        let mut again = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)?;
        self.file.rewind()?;
        io::copy(&mut self.file, &mut again).map(drop)
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length of the file with what is held back.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end
    }

    /// Whether nothing was ever written to the file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// A run without backspace or carriage return, at the end of the file.
    fn append(&mut self, run: &[u8]) -> io::Result<()> {
        if let Some(last) = memchr::memrchr(LINE_FEED, run) {
            let before = memchr::memrchr(LINE_FEED, &run[..last]);
            self.previous_line = before.map(|at| self.end + at as u64 + 1).or(self.line_start);
            self.line_start = Some(self.end + last as u64 + 1);
        }
        self.crossed = false;
        self.overwrite(run)
    }

    /// A run that starts at the position and stays on one line or goes to the end of the file.
    fn overwrite(&mut self, run: &[u8]) -> io::Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        let window_end = self.start + self.window.len() as u64;
        let is_long = run.len() >= LONG_RUN;
        if is_long || !(self.start..=window_end).contains(&self.position) {
            self.flush()?;
        }
        let mut offset = usize::try_from(self.position - self.start).unwrap_or(0);
        if is_long {
            self.file.write_all_at(run, self.position)?;
        } else {
            if offset + run.len() > WINDOW {
                self.flush()?;
                offset = 0;
            }
            let inside = run.len().min(self.window.len() - offset);
            self.window[offset..offset + inside].copy_from_slice(&run[..inside]);
            self.window.extend_from_slice(&run[inside..]);
        }
        self.position += run.len() as u64;
        if self.position >= self.end {
            self.end = self.position;
            self.crossed = false;
        }
        Ok(())
    }

    fn backspace(&mut self) {
        if self.position == self.floor {
            return;
        }
        self.position -= 1;
        if self.line_start.is_none_or(|start| self.position < start) {
            self.line_start = self.previous_line.take();
            self.crossed = true;
        }
    }

    fn carriage_return(&mut self) -> io::Result<()> {
        let start = match self.line_start {
            Some(start) => start,
            None => self.search_line_start()?,
        };
        self.line_start = Some(start);
        self.position = start;
        Ok(())
    }

    fn line_feed(&mut self) -> io::Result<()> {
        // After a step back over a line feed, the last line of the file is not the one that `line_start` speaks of.
        if self.crossed && self.position < self.end {
            self.line_start = None;
        }
        self.position = self.end;
        self.append(&[LINE_FEED])
    }

    /// Reads backwards to the previous line feed.
    fn search_line_start(&mut self) -> io::Result<u64> {
        self.flush()?;
        let mut upper = self.position;
        let mut block = vec![0; usize::try_from(upper - self.floor).unwrap_or(SEARCH_BLOCK).min(SEARCH_BLOCK)];
        while upper > self.floor {
            let lower = upper.saturating_sub(SEARCH_BLOCK as u64).max(self.floor);
            let part = &mut block[..usize::try_from(upper - lower).unwrap_or(SEARCH_BLOCK)];
            self.file.read_exact_at(part, lower)?;
            if let Some(at) = memchr::memrchr(LINE_FEED, part) {
                return Ok(lower + at as u64 + 1);
            }
            upper = lower;
        }
        Ok(self.floor)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The contract, one byte at a time.
    fn model(first: &[u8], printed: &[u8]) -> Vec<u8> {
        let mut file = first.to_vec();
        let floor = file.len();
        let mut position = floor;
        for &byte in printed {
            match byte {
                BACKSPACE => position = position.saturating_sub(1).max(floor),
                CARRIAGE_RETURN => {
                    position =
                        file[floor..position].iter().rposition(|&b| b == LINE_FEED).map_or(floor, |at| floor + at + 1);
                }
                LINE_FEED => {
                    file.push(LINE_FEED);
                    position = file.len();
                }
                other => {
                    if position == file.len() {
                        file.push(other);
                    } else {
                        file[position] = other;
                    }
                    position += 1;
                }
            }
        }
        file
    }

    fn print(first: &[u8], pieces: &[Vec<u8>], flush: bool) -> Vec<u8> {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("out");
        std::fs::write(&path, first).expect("write");
        let mut terminal = Terminal::open(&path).expect("open");
        for piece in pieces {
            terminal.feed(piece).expect("feed");
            if flush {
                terminal.flush().expect("flush");
            }
        }
        drop(terminal);
        std::fs::read(&path).expect("read")
    }

    #[test]
    fn the_table_of_the_contract() {
        let rows: [(&str, &str); 14] = [
            ("plain\n", "plain\n"),
            ("abc\x08X", "abX"),
            ("\x08\x08a", "a"),
            ("ab\n\x08c", "abc"),
            ("10%\r20%\r30%\n", "30%\n"),
            ("long line\rab\n", "abng line\n"),
            ("one\ntwo\rT", "one\nTwo"),
            ("one\n\rT", "one\nT"),
            ("ab\x08\x08\nc", "ab\nc"),
            ("a\r\nb", "a\nb"),
            ("a\nb\x08\x08\x08X\n", "X\nb\n"),
            ("a\nb\n\x08\x08\rX", "a\nX\n"),
            ("\r\r\r", ""),
            ("a\nbb\x08\x08\x08\nc\x08\x08\rZ", "a\nZb\nc"),
        ];
        for (printed, expected) in rows {
            let expected = expected.as_bytes();
            assert_eq!(model(b"", printed.as_bytes()), expected, "the model for {printed:?}");
            assert_eq!(print(b"", &[printed.as_bytes().to_vec()], false), expected, "{printed:?}");
        }
    }

    #[test]
    fn output_of_an_earlier_boot_stays() {
        assert_eq!(print(b"before 50%", &[b"\r\x08after".to_vec()], false), b"before 50%after");
    }

    #[test]
    fn a_line_longer_than_the_window_is_edited_in_the_file() {
        let long = vec![b'x'; 3 * WINDOW];
        let mut expected = long.clone();
        expected[0] = b'A';
        expected.push(b'\n');
        assert_eq!(print(b"", &[long, b"\rA\n".to_vec()], false), expected);
    }

    fn printed() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let byte = prop_oneof![
            4 => proptest::sample::select(b"abcdefgh\xff\x00".to_vec()),
            2 => Just(BACKSPACE),
            2 => Just(CARRIAGE_RETURN),
            2 => Just(LINE_FEED),
        ];
        proptest::collection::vec(proptest::collection::vec(byte, 0..40), 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        #[test]
        fn equals_the_byte_by_byte_model(first in proptest::sample::select(vec![&b""[..], b"x", b"x\n", b"x\ny"]), pieces in printed(), flush: bool) {
            let all: Vec<u8> = pieces.concat();
            prop_assert_eq!(print(first, &pieces, flush), model(first, &all));
        }
    }
}
