//! The content of a file as one descriptor gave it, and whether the file is still that one.
//!
//! What is to be run as root is hashed through a descriptor and then run by its path, not through `/proc/self/fd`: there `$0`, `BASH_SOURCE` and
//! `argv[0]` would name the descriptor, and scripts that look for files beside themselves would find nothing; without `/proc` nothing would run at
//! all. In place of that the file's identity is compared once more right before it is run. Nobody but root can come in between, since the
//! directories are root's alone ([`super::check`]).

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

/// SHA-256 of the content of a file; written in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum([u8; 32]);

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

/// A file that was read, as it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    path: PathBuf,
    identity: Identity,
    sum: Sum,
}

/// Changes with whatever becomes of a file or its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    /// Time of the last change, in seconds and nanoseconds: nobody can set it back.
    changed: (i64, i64),
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Seen {
    /// Reads a regular file, and no symbolic link; also gives its content.
    ///
    /// # Errors
    /// The system's, or that it is no regular file.
    pub fn read(path: &Path) -> io::Result<(Seen, Vec<u8>)> {
        let (mut file, identity) = open(path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let sum = Sum(Sha256::digest(&content).into());
        Ok((Seen { path: path.to_owned(), identity, sum }, content))
    }

    /// Reads a regular file, and no symbolic link, without keeping its content.
    ///
    /// # Errors
    /// Those of [`Seen::read`].
    pub fn look(path: &Path) -> io::Result<Seen> {
        let (mut file, identity) = open(path)?;
        let (mut hash, mut piece) = (Sha256::new(), vec![0; 64 << 10]);
        loop {
            match file.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => hash.update(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Seen { path: path.to_owned(), identity, sum: Sum(hash.finalize().into()) })
    }

    /// The hash of its content.
    #[must_use]
    pub fn sum(&self) -> Sum {
        self.sum
    }

    /// Fails unless the file is still the one that was read, with the content that it had.
    ///
    /// # Errors
    /// The system's, or that it is another one, or was changed.
    pub fn confirm(&self) -> io::Result<()> {
        if Identity::from(&fs::symlink_metadata(&self.path)?) == self.identity {
            return Ok(());
        }
        Err(io::Error::other("it was changed after its content was checked"))
    }
}

fn open(path: &Path) -> io::Result<(File, Identity)> {
    // A pipe in its place would be waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    // Before the content is read: a change while it is read shows afterwards.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    Ok((file, Identity::from(&metadata)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_seen_by_its_content_however_it_is_read() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("x");
        fs::write(&path, "abc").expect("a file");
        let (seen, content) = Seen::read(&path).expect("it can be read");
        assert_eq!((content.as_slice(), &seen), (b"abc".as_slice(), &Seen::look(&path).expect("as before")));
        // FIPS 180-2, appendix B.1.
        assert_eq!(seen.sum().to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        seen.confirm().expect("nothing happened");
    }

    #[test]
    fn a_file_that_was_written_or_replaced_is_another() {
        type Change = fn(&Path);
        let changes: [Change; 4] = [
            |path| fs::write(path, "longer than before").expect("a file"),
            |path| {
                fs::write(path.with_extension("new"), "abc").expect("a file");
                fs::rename(path.with_extension("new"), path).expect("one's own");
            },
            |path| {
                fs::rename(path, path.with_extension("old")).expect("one's own");
                std::os::unix::fs::symlink(path.with_extension("old"), path).expect("a link");
            },
            |path| fs::remove_file(path).expect("one's own"),
        ];
        for change in changes {
            let home = tempfile::tempdir().expect("a temporary directory");
            let path = home.path().join("x");
            fs::write(&path, "abc").expect("a file");
            let seen = Seen::look(&path).expect("it can be read");
            change(&path);
            assert!(seen.confirm().is_err());
        }
    }

    #[test]
    fn only_regular_files_are_read() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (pipe, link) = (home.path().join("pipe"), home.path().join("link"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        std::os::unix::fs::symlink("/etc/passwd", &link).expect("a link");
        for path in [home.path(), &pipe, &link] {
            assert!(Seen::look(path).is_err() && Seen::read(path).is_err(), "{}", path.display());
        }
    }
}
