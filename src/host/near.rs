//! Directories that are kept open, so that what is asked for below them is looked up from there and not from the root.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::Host;
use super::resolve::{self, Way};

/// Directories that are kept open, innermost last. A clone begins without any.
#[derive(Debug, Default)]
pub(super) struct Near(Mutex<Vec<Arc<Entered>>>);

impl Clone for Near {
    fn clone(&self) -> Self {
        Near::default()
    }
}

impl Near {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Entered>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A directory that is kept open.
#[derive(Debug)]
pub(super) struct Entered {
    path: PathBuf,
    directory: OwnedFd,
}

impl AsFd for Entered {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// Keeps a directory open: see [`Host::enter`].
#[derive(Debug)]
pub struct Inside<'a> {
    host: &'a Host,
    /// Nothing when it cannot be opened, which whoever reads there will be told.
    entered: Option<Arc<Entered>>,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut all = self.host.near.all();
        let own = |one: &Arc<Entered>| self.entered.as_ref().is_some_and(|entered| Arc::ptr_eq(entered, one));
        if let Some(place) = all.iter().rposition(own) {
            all.remove(place);
        }
    }
}

impl Host {
    /// Opens a directory and keeps it open for as long as the answer lives: what is asked for below it meanwhile is looked up from
    /// there. The longer the way from the root and the more that is asked for, the more is saved.
    #[must_use]
    pub fn enter(&self, absolute: impl AsRef<Path>) -> Inside<'_> {
        let path = absolute.as_ref().to_owned();
        let opened = self.open(&path, OFlags::PATH | OFlags::DIRECTORY).ok();
        let entered = opened.map(|directory| Arc::new(Entered { path, directory }));
        self.near.all().extend(entered.clone());
        Inside { host: self, entered }
    }

    /// The innermost directory that is kept open and that a path leads through, and the path from there.
    pub(super) fn nearest<'a>(&self, absolute: &'a Path) -> Option<(Arc<Entered>, &'a OsStr)> {
        let path = absolute.as_os_str().as_bytes();
        let all = self.near.all();
        all.iter().rev().find_map(|entered| match path.strip_prefix(entered.path.as_os_str().as_bytes())? {
            [] => Some((Arc::clone(entered), OsStr::new("."))),
            [b'/', inside @ ..] => Some((Arc::clone(entered), OsStr::from_bytes(inside))),
            _ => None,
        })
    }

    /// The directory that something is in, if that is kept open, and its name there.
    pub(super) fn parent<'a>(&self, absolute: &'a Path) -> Option<(Arc<Entered>, &'a OsStr)> {
        self.nearest(absolute).filter(|(_, name)| *name != "." && *name != ".." && !name.as_bytes().contains(&b'/'))
    }

    /// Opens what is in a directory that is kept open; `None` when it has to be looked up from the root.
    pub(super) fn open_near(&self, absolute: &Path, flags: OFlags) -> Option<io::Result<OwnedFd>> {
        let (directory, inside) = self.nearest(absolute)?;
        if inside == "." && flags.contains(OFlags::NOFOLLOW) {
            return None;
        }
        if self.is_live() {
            return Some(rustix::fs::openat(&directory, inside, flags, Mode::empty()).map_err(Into::into));
        }
        // In a copied tree only a look-up from the root can follow a link.
        match resolve::open(directory.as_fd(), inside, flags, Way::Plain) {
            Err(Errno::LOOP | Errno::XDEV | Errno::AGAIN) => None,
            opened => Some(opened.map_err(Into::into)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_below_a_directory_that_is_kept_open_is_found_as_from_the_root() {
        let outside = tempfile::tempdir().expect("temporary directory");
        std::fs::write(outside.path().join("secret"), "no").expect("write");
        let root = tempfile::tempdir().expect("temporary directory");
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("real/below")).expect("directories");
        std::fs::write(at("real/below/file"), "yes").expect("write");
        symlink("real", at("linked")).expect("link");
        symlink("/real/below/file", at("real/absolute")).expect("link");
        symlink("../../..", at("real/top")).expect("link");
        symlink(outside.path(), at("real/escaping")).expect("link");
        let host = Host::at(root.path());
        let told = |host: &Host| {
            let paths =
                ["", "/below", "/below/file", "/absolute", "/top", "/top/linked/below/file", "/escaping/secret", "/no"];
            paths.map(|path| {
                let path = format!("/linked{path}");
                let is = (host.has(&path), host.is_directory(&path), host.is_real_directory(&path));
                (host.read(&path).ok(), host.names(&path).ok(), host.link(&path), host.real(&path), is)
            })
        };
        let expected = told(&host);
        assert_eq!(expected[3].0.as_deref(), Some(&b"yes"[..]));
        {
            let _linked = host.enter("/linked");
            assert_eq!(told(&host), expected);
            let _below = host.enter("/linked/below");
            let _absent = host.enter("/linked/no");
            assert_eq!(told(&host), expected);
        }
        std::fs::remove_file(at("linked")).expect("it was there");
        assert!(!host.has("/linked/below"), "nothing is kept open any more");
    }
}
