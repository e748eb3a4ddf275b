//! Keeping processes apart that use one state directory.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::Error;
use crate::private::{self, Taken};

/// Longest wait for another process to open the journal.
const OPENING_WAIT: Duration = Duration::from_secs(20);

/// One process at a time works with a region: two would run every script twice and deliver over each other.
pub(super) fn of_region(directory: &Path, region: &str) -> Result<File, Error> {
    let digest = Sha256::digest(region);
    let path = directory.join(format!("lock-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]));
    private::exclusive(&path).map_err(|taken| match taken {
        Taken::By(pid) => Error::Locked { path, pid },
        Taken::Exposed(exposed) => Error::Exposed(exposed),
        // A file system without locks is no other process.
        Taken::Unusable(source) => Error::Directory { path, source },
    })
}

/// This process's turn to open the journal, until it is dropped: `SQLite` lets nobody wait while a new file gets its log. Nothing where
/// there can be no lock, or another process holds it for too long.
pub(super) fn turn_to_open(journal: &Path) -> Option<File> {
    let path = journal.with_file_name("lock-opening");
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
    let file = options.open(path).ok()?;
    private::wait_for(&file, Instant::now() + OPENING_WAIT).ok().map(|()| file)
}

#[cfg(test)]
mod tests {
    use super::super::Store;

    #[test]
    fn many_can_make_a_new_journal_at_the_same_moment() {
        for _ in 0..5 {
            let home = tempfile::tempdir().expect("a temporary directory");
            let opened: Vec<_> = std::thread::scope(|scope| {
                let open = |number: u32| {
                    let mut store = Store::open_beside(home.path(), "host").map_err(|error| error.to_string())?;
                    store.keep_fact(&format!("fact {number}"), "x").map_err(|error| error.to_string())
                };
                let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || open(number))).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            assert_eq!(opened, vec![Ok(()); 8]);
        }
    }
}
