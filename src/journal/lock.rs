//! Keeping processes apart that use one state directory.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::Error;

/// How long a region's lock is waited for before its holder counts as at work.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Longest wait for another process to open the journal.
const OPENING_WAIT: Duration = Duration::from_secs(20);

/// One process at a time works with a region: two would run every script twice and deliver over each other.
pub(super) fn of_region(directory: &Path, region: &str) -> Result<File, Error> {
    let digest = Sha256::digest(region);
    let path = directory.join(format!("lock-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]));
    let failed = |source| Error::Directory { path: path.clone(), source };
    let file = fs::OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path).map_err(failed)?;
    // A process that was killed while it started a child leaves the lock with that child until it runs its own program.
    let deadline = Instant::now() + LOCK_WAIT;
    match wait(&file, deadline) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
            return Err(Error::Locked { path, pid });
        }
        // A file system without locks is no other process.
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).map_err(failed)?;
    std::io::Write::write_all(&mut &file, std::process::id().to_string().as_bytes()).map_err(failed)?;
    Ok(file)
}

/// This process's turn to open the journal, until it is dropped: `SQLite` lets nobody wait while a new file gets its log. Nothing where
/// there can be no lock, or another process holds it for too long.
pub(super) fn turn_to_open(journal: &Path) -> Option<File> {
    let path = journal.with_file_name("lock-opening");
    let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).ok()?;
    wait(&file, Instant::now() + OPENING_WAIT).ok().map(|()| file)
}

fn wait(file: &File, deadline: Instant) -> Result<(), TryLockError> {
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            other => return other,
        }
    }
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
