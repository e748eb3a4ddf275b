//! A directory of packages that a site brings along, for machines that reach no archive: looked into before anything is fetched.
//!
//! `*.deb` are known to apt as an archive's packages are; `NAME.snap` or `NAME_REVISION.snap`, with its `.assert`, is the snap
//! NAME; a URL's file is found by the checksum in the URL, or by the name at the end of its path.

use std::fs;
use std::path::{Path, PathBuf};

use crate::download::Source;

fn with_extension(cache: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == extension) && path.is_file()).collect();
    found.sort();
    found
}

/// All packages for apt.
pub(super) fn debs(cache: &Path) -> Vec<PathBuf> {
    with_extension(cache, "deb")
}

/// The newest revision of a snap.
pub(super) fn snap(cache: &Path, name: &str) -> Option<PathBuf> {
    let revision = |path: &PathBuf| {
        let rest = path.file_stem()?.to_str()?.strip_prefix(name)?;
        if rest.is_empty() { Some(0) } else { rest.strip_prefix('_')?.parse::<u64>().ok() }
    };
    with_extension(cache, "snap").into_iter().filter(|path| revision(path).is_some()).max_by_key(|path| revision(path))
}

/// The file of an address, and its name.
pub(super) fn file(cache: &Path, source: &Source) -> Option<(PathBuf, String)> {
    let name = source.file_name();
    let by_checksum = source.sha256().map(|sha256| cache.join(sha256));
    let candidates = by_checksum.into_iter().chain([cache.join(&name)]);
    candidates.into_iter().find(|path| path.is_file()).map(|path| (path, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_revision_of_exactly_that_snap_is_taken() {
        let cache = tempfile::tempdir().expect("a temporary directory");
        for name in ["fio_9.snap", "fio_10.snap", "fio.snap", "fio-extra_99.snap", "fio_x.snap", "fio_11.assert"] {
            fs::write(cache.path().join(name), "").expect("room");
        }
        assert_eq!(snap(cache.path(), "fio"), Some(cache.path().join("fio_10.snap")));
        assert_eq!(snap(cache.path(), "fi"), None);
        assert_eq!(snap(Path::new("/nonexistent"), "fio"), None);
    }
}
