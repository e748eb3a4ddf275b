//! Archives, as if they came from an enemy: only regular files, directories, and where a caller wants them harmless symbolic links, only
//! below one directory, only so many of them and only so large.
//!
//! What is unpacked here came over a network and is written as root. A caller unpacks into a directory of its own and takes
//! it over when everything is there: after an error it removes the directory.

mod kind;
mod link;
mod member;
mod tar;
mod zip;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

pub use crate::private::remove;
pub use kind::{Kind, kind};
pub use member::{inside, plain_path};
pub use tar::{XZ_MEMORY, untar};
pub use zip::unzip;

/// How much an archive may hold.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most members.
    pub members: u64,
    /// Most bytes, unpacked.
    pub bytes: u64,
    /// Symbolic links in a tar that lead nowhere but to what is unpacked with them are made; else any link is refused.
    pub links: bool,
    /// Ends the unpacking, as damaged, when it strikes.
    pub stop: CancellationToken,
}

/// A file that ends with an error when nobody wants it any more.
struct Stoppable<R> {
    content: R,
    stop: CancellationToken,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() { Err(io::Error::other("it was stopped")) } else { self.content.read(buffer) }
    }
}

/// Where a member goes, below the directory that is unpacked to: `None` where it is not wanted, or why it is refused. The second
/// argument says whether it is a directory.
pub type Place = fn(&Path, bool) -> Result<Option<PathBuf>, &'static str>;

/// Why an archive was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A member that tries to get out, or is no file.
    #[error("its member {member:?} {reason}")]
    Hostile {
        /// The member's path.
        member: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More than is allowed; what, in words.
    #[error("it unpacks to more than {0}")]
    TooMuch(String),
    /// Not an archive, or half of one.
    #[error("it is damaged or no archive: {0}")]
    Damaged(io::Error),
    /// No room, no permission.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// What was unpacked so far.
struct Budget {
    limits: Limits,
    members: u64,
    bytes: u64,
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        Budget { limits: limits.clone(), members: 0, bytes: 0 }
    }

    /// One member more, of so many bytes.
    fn take(&mut self, bytes: u64) -> Result<(), Error> {
        self.members += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.members > self.limits.members {
            return Err(Error::TooMuch(format!("{} members", grouped(self.limits.members))));
        }
        if self.bytes > self.limits.bytes { Err(self.too_large()) } else { Ok(()) }
    }

    fn too_large(&self) -> Error {
        Error::TooMuch(in_words(self.limits.bytes))
    }
}

/// Writes one member, of exactly `size` bytes where that is known and of `most` at most; how many there were. The content's
/// own errors are told apart from the disk's: those have a number.
fn write(content: &mut impl Read, target: &Path, mode: u32, size: Option<u64>, most: u64) -> Result<u64, Error> {
    let written = (|| {
        make_directory(target.parent().unwrap_or(Path::new("/")))?;
        let mut file = File::create(target)?;
        let copied = io::copy(&mut content.take(most.saturating_add(1)), &mut file);
        file.set_permissions(fs::Permissions::from_mode(mode & 0o777))?;
        copied
    })();
    match written {
        Ok(copied) if size.is_none_or(|size| size == copied) => Ok(copied),
        Ok(_) => Err(Error::Damaged(io::ErrorKind::UnexpectedEof.into())),
        Err(error) if error.raw_os_error().is_none() => Err(Error::Damaged(error)),
        Err(source) => Err(Error::Write { path: target.to_owned(), source }),
    }
}

/// With all parents, for root only: what is unpacked may hold secrets.
///
/// # Errors
/// The system's.
pub fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Bytes in the largest unit that divides them, as `1 GiB`.
#[must_use]
pub fn in_words(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift) {
        Some((unit, shift)) => format!("{} {unit}", bytes >> shift),
        None => format!("{} bytes", grouped(bytes)),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let comma = |index: usize| index > 0 && (digits.len() - index).is_multiple_of(3);
    digits.char_indices().map(|(i, digit)| if comma(i) { format!(",{digit}") } else { digit.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([in_words(1 << 30), in_words(3 << 20), in_words(1_234_567)], ["1 GiB", "3 MiB", "1,234,567 bytes"]);
        assert_eq!([grouped(0), grouped(999), grouped(20_000)], ["0", "999", "20,000"]);
    }
}
