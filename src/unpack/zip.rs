//! Zip archives.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;

use tokio_util::sync::CancellationToken;
use zip::ZipArchive;
use zip::result::ZipError;

use super::{Budget, Error, Limits, Place, make_directory, write};

/// A directory larger than this is not taken into memory, which the reader does before it tells of the first member.
const MAX_DIRECTORY: u64 = 16 << 20;
/// The type of a file in its mode, and two of its values.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// Unpacks a zip archive below a directory; how many members it had.
///
/// # Errors
/// When anything about it is not as it should be. What was written until then stays: it is the caller's to remove.
pub fn unzip(archive: &Path, to: &Path, limits: &Limits, place: Place) -> Result<u64, Error> {
    let file = File::open(archive).map_err(Error::Damaged)?;
    let left = Rc::new(Cell::new(Some(MAX_DIRECTORY)));
    let mut archive =
        ZipArchive::new(Metered { file: BufReader::new(file), stop: limits.stop.clone(), left: Rc::clone(&left) })
            .map_err(damaged)?;
    left.set(None);
    let mut budget = Budget::new(limits);
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(damaged)?;
        // What it says of its size is not believed, but a claim that is too large spares the writing.
        let said = budget.bytes.saturating_add(member.size());
        if said > limits.bytes {
            return Err(budget.too_large());
        }
        budget.take(0)?;
        let path = Path::new(OsStr::from_bytes(member.name_raw())).to_owned();
        let hostile = |reason| Error::Hostile { member: path.display().to_string(), reason };
        let mode = member.unix_mode().unwrap_or(0o644);
        let is_directory = member.name_raw().ends_with(b"/") || mode & TYPE == DIRECTORY;
        if !is_directory && ![0, REGULAR].contains(&(mode & TYPE)) {
            return Err(hostile("is neither a file nor a directory"));
        }
        let Some(below) = place(&path, is_directory).map_err(hostile)? else { continue };
        let target = to.join(below);
        if is_directory {
            make_directory(&target).map_err(|source| Error::Write { path: target, source })?;
            continue;
        }
        let left = limits.bytes - budget.bytes;
        budget.bytes += write(&mut member, &target, mode, None, left)?;
        if budget.bytes > limits.bytes {
            return Err(budget.too_large());
        }
    }
    Ok(budget.members)
}

/// A file of which only so much may be read, while there is a limit.
struct Metered {
    file: BufReader<File>,
    left: Rc<Cell<Option<u64>>>,
    stop: CancellationToken,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("it was stopped"));
        }
        let read = self.file.read(buffer)?;
        if let Some(left) = self.left.get() {
            let left = left.checked_sub(read as u64).ok_or_else(|| io::Error::other("its directory is too large"))?;
            self.left.set(Some(left));
        }
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn damaged(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => Error::Damaged(error),
        ZipError::CompressionMethodNotSupported(method) => Error::Damaged(io::Error::other(format!(
            "it is compressed with method {method}, only deflate is understood"
        ))),
        other => Error::Damaged(io::Error::other(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::inside;
    use std::io::Write as _;
    use zip::CompressionMethod;
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn unpacked(archive: &[u8]) -> Result<u64, Error> {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("archive");
        std::fs::write(&path, archive).expect("room");
        let limits = Limits { members: 1000, bytes: 64 << 20, links: true, stop: CancellationToken::new() };
        unzip(&path, &place.path().join("to"), &limits, inside)
    }

    #[test]
    fn a_directory_that_does_not_fit_into_memory_is_not_taken_there() {
        let (count, name) = (300u16, vec![b'x'; 60_000]);
        let mut entry = b"PK\x01\x02".to_vec();
        entry.resize(46, 0);
        entry[28..30].copy_from_slice(&60_000u16.to_le_bytes());
        entry.extend_from_slice(&name);
        let mut archive = entry.repeat(usize::from(count));
        let size = u32::try_from(archive.len()).expect("18 MB").to_le_bytes();
        archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        archive.extend_from_slice(&[count.to_le_bytes(), count.to_le_bytes()].concat());
        archive.extend_from_slice(&[&size[..], &[0; 6]].concat());
        let error = unpacked(&archive).expect_err("it is refused").to_string();
        assert!(error.contains("its directory is too large"), "{error}");
    }

    #[test]
    fn a_large_archive_with_a_small_directory_is_unpacked() {
        let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file("large", options).expect("memory");
        writer.write_all(&vec![b'P'; 24 << 20]).expect("memory");
        let archive = writer.finish().expect("memory").into_inner();
        assert_eq!(unpacked(&archive).expect("it is honest"), 1);
    }
}
