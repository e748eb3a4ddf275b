//! Symbolic links of an archive, as libraries have them (`libx.so` to `libx.so.1`).
//!
//! One that is harmless wherever it stands is made; none is ever followed here. All directories are there and all files are written before
//! the first link is made, so that nothing is written through one. Each climbs from the real directory that it stands in, no higher than the
//! directory that is unpacked to, and then only goes down: what it leads to by way of other links stays below that, too.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use super::{Error, make_directory};

/// Most bytes of paths that are kept until the links are made.
const MOST: usize = 4 << 20;

/// Links that wait for the end of an archive.
#[derive(Default)]
pub(super) struct Links {
    /// Path below the directory that is unpacked to, with its directories there, and what it leads to.
    waiting: Vec<(PathBuf, PathBuf)>,
    bytes: usize,
}

impl Links {
    /// Makes the directory that a harmless link will stand in.
    pub(super) fn add(&mut self, to: &Path, link: PathBuf, target: PathBuf) -> Result<(), Error> {
        self.bytes += link.as_os_str().len() + target.as_os_str().len();
        if self.bytes > MOST {
            return Err(Error::TooMuch("4 MiB of links".to_owned()));
        }
        let path = to.join(&link);
        let directory = path.parent().unwrap_or(to);
        make_directory(directory).map_err(|source| Error::Write { path: directory.to_owned(), source })?;
        self.waiting.push((link, target));
        Ok(())
    }

    /// Makes the links. What stands in the place of one, such as a directory that other members are in, is not replaced.
    pub(super) fn make(self, to: &Path) -> Result<(), Error> {
        let one = |(link, target): (PathBuf, PathBuf)| -> Result<(), (PathBuf, io::Error)> {
            let path = to.join(link);
            symlink(target, &path).map_err(|error| (path, error))
        };
        self.waiting.into_iter().try_for_each(one).map_err(|(path, source)| Error::Write { path, source })
    }
}

/// Whether a link leads down, after it has climbed no higher than the archive's directory. A climb behind a name would depend on where
/// that name leads.
pub(super) fn is_harmless(link: &Path, target: &Path) -> bool {
    let mut above = link.components().count().saturating_sub(1);
    let mut has_name = false;
    for part in target.components() {
        match part {
            Component::Normal(_) => has_name = true,
            Component::CurDir => {}
            Component::ParentDir if !has_name && above > 0 => above -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    has_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_climbs_first_and_no_higher_than_the_archive() {
        let harmless = |link: &str, target: &str| is_harmless(Path::new(link), Path::new(target));
        for (link, target) in [
            ("libx.so", "libx.so.1"),
            ("lib/libx.so", "./libx.so.1"),
            ("bin/run", "../lib/run"),
            ("a/b/c", "../../d/e"),
            ("x", "..y/z"),
            ("x", "x"),
        ] {
            assert!(harmless(link, target), "{link} -> {target}");
        }
        for (link, target) in [
            ("x", "../y"),
            ("a/x", "../../y"),
            ("x", "/etc/passwd"),
            ("a/x", "b/../../../y"),
            ("a/x", "b/../y"),
            ("a/x", ".."),
            ("x", "."),
            ("x", ""),
        ] {
            assert!(!harmless(link, target), "{link} -> {target}");
        }
    }
}
