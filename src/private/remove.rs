//! Removing a directory, however deep it is: what a script or an archive left may be deeper than a process may have files open, and longer than
//! a path may be.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

/// Directories that are open at once. What lies deeper is moved up, and removed in a later round.
const OPEN: u32 = 32;

/// Removes a directory with all that is in it, or a file, if it is there. Links are removed, never followed.
///
/// # Errors
/// The system's.
pub fn remove(path: &Path) -> io::Result<()> {
    match unlinkat(CWD, path, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let top = open(CWD, path)?;
    let mut round = Round { top: top.as_fd(), moved: 0 };
    // What was moved up is there in the next round, and less deep by as much as may be open at once.
    loop {
        let before = round.moved;
        round.clear(top.as_fd(), 0)?;
        if round.moved == before {
            break;
        }
    }
    unlinkat(CWD, path, AtFlags::REMOVEDIR)?;
    Ok(())
}

fn open<P: rustix::path::Arg>(at: BorrowedFd<'_>, name: P) -> Result<OwnedFd, Errno> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

struct Round<'a> {
    top: BorrowedFd<'a>,
    moved: u64,
}

impl Round<'_> {
    /// Empties a directory, but for what is too deep.
    fn clear(&mut self, directory: BorrowedFd<'_>, depth: u32) -> Result<(), Errno> {
        for (name, is_directory) in entries(directory)? {
            if !is_directory {
                match unlinkat(directory, &name, AtFlags::empty()) {
                    Err(error) if error != Errno::NOENT => return Err(error),
                    _ => continue,
                }
            }
            if depth < OPEN {
                let below = open(directory, &name)?;
                self.clear(below.as_fd(), depth + 1)?;
                unlinkat(directory, &name, AtFlags::REMOVEDIR)?;
            } else {
                self.move_up(directory, &name)?;
            }
        }
        Ok(())
    }

    fn move_up(&mut self, directory: BorrowedFd<'_>, name: &CString) -> Result<(), Errno> {
        loop {
            self.moved += 1;
            // A name that is in use already belongs to a directory with something in it, which a rename does not replace.
            match renameat(directory, name, self.top, format!(".removed-{}", self.moved)) {
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                other => return other,
            }
        }
    }
}

/// Names in a directory, and which are directories.
fn entries(directory: BorrowedFd<'_>) -> Result<Vec<(CString, bool)>, Errno> {
    let mut found = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if [b".".as_slice(), b".."].contains(&name.to_bytes()) {
            continue;
        }
        let is_directory = match entry.file_type() {
            // Some file systems do not say.
            FileType::Unknown => {
                let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode) == FileType::Directory
            }
            kind => kind == FileType::Directory,
        };
        found.push((name.to_owned(), is_directory));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_is_deeper_than_a_path_is_long_goes_and_what_links_lead_to_stays() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (tree, kept) = (home.path().join("tree"), home.path().join("kept"));
        std::fs::write(&kept, "kept").expect("a file");
        std::fs::create_dir(&tree).expect("a directory");
        let mut deepest = open(CWD, &tree).expect("it is there");
        for depth in 0..3000 {
            rustix::fs::mkdirat(&deepest, "directory", Mode::RWXU).expect("a directory");
            if depth % 500 == 0 {
                rustix::fs::symlinkat(&kept, &deepest, "link").expect("a link");
                rustix::fs::mkdirat(&deepest, ".removed-1", Mode::RWXU).expect("a directory");
            }
            deepest = open(deepest.as_fd(), "directory").expect("it was made");
        }
        remove(&tree).expect("it can be removed");
        assert!(!tree.exists() && kept.exists());
        remove(&tree).expect("what is not there is removed already");
        remove(&kept).expect("a file is removed, too");
        assert!(!kept.exists());
    }
}
