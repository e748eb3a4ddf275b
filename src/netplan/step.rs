//! Changes of files, one by one, so that a plan of them can be cut off after any.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Error;

/// A change that happens wholly or not at all, whatever ends this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Makes a directory for its owner alone, unless it is there.
    MakeDirectory(PathBuf),
    /// Writes a file for its owner alone; it is on disk under its name when it is whole.
    Write(PathBuf, Vec<u8>),
    /// Moves within a file system.
    Rename(PathBuf, PathBuf),
    /// Removes a file, if there is one.
    Remove(PathBuf),
    /// Removes a directory that is empty, if there is one.
    RemoveDirectory(PathBuf),
    /// Waits until what happened in a directory survives a loss of power.
    Sync(PathBuf),
}

impl Step {
    /// Does it.
    ///
    /// # Errors
    /// The system's, with the file.
    pub(super) fn perform(&self) -> Result<(), Error> {
        let (path, done) = match self {
            Step::MakeDirectory(path) => {
                (path, unless(DirBuilder::new().mode(0o700).create(path), io::ErrorKind::AlreadyExists))
            }
            Step::Write(path, bytes) => (path, write(path, bytes)),
            Step::Rename(from, to) => (from, fs::rename(from, to)),
            Step::Remove(path) => (path, unless(fs::remove_file(path), io::ErrorKind::NotFound)),
            Step::RemoveDirectory(path) => (path, unless(fs::remove_dir(path), io::ErrorKind::NotFound)),
            Step::Sync(path) => (path, sync(path)),
        };
        done.map_err(|source| Error::File { path: path.clone(), source })
    }
}

/// Does one after the other until one fails.
///
/// # Errors
/// That of the one that failed.
pub(super) fn perform(steps: &[Step]) -> Result<(), Error> {
    steps.iter().try_for_each(Step::perform)
}

/// Where a file is while it is written.
pub(super) fn part(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}

fn unless(done: io::Result<()>, kind: io::ErrorKind) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == kind => Ok(()),
        other => other,
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = part(path);
    unless(fs::remove_file(&part), io::ErrorKind::NotFound)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(part, path)
}

fn sync(directory: &Path) -> io::Result<()> {
    // A file system that cannot do that for directories says "invalid argument".
    unless(File::open(directory)?.sync_all(), io::ErrorKind::InvalidInput)
}
