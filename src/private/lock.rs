//! One process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Error, check_file};

/// How long a lock is waited for before its holder counts as at work. A process that was killed while it started a child leaves the lock with
/// that child until it runs its own program.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a lock could not be had.
#[derive(Debug)]
pub enum Taken {
    /// By another process, as it wrote itself down.
    By(String),
    /// The file is another user's, who could hold the lock for ever.
    Exposed(Error),
    /// The file system has no locks, or the file cannot be opened.
    Unusable(io::Error),
}

/// Takes a lock, which is held as long as the file is, and writes this process's number into it.
///
/// # Errors
/// `By` when another process holds it, `Exposed` when another user made the file, `Unusable` with the system's reason.
pub fn exclusive(path: &Path) -> Result<File, Taken> {
    match check_file(path) {
        Err(Error::Unusable { source, .. }) => return Err(Taken::Unusable(source)),
        Err(exposed) => return Err(Taken::Exposed(exposed)),
        Ok(_) => {}
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).read(true).append(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
    let file = options.open(path).map_err(Taken::Unusable)?;
    match wait_for(&file, Instant::now() + PATIENCE) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Taken::By(fs::read_to_string(path).unwrap_or_default().trim().to_owned()));
        }
        Err(TryLockError::Error(source)) => return Err(Taken::Unusable(source)),
    }
    file.set_len(0).map_err(Taken::Unusable)?;
    (&file).write_all(std::process::id().to_string().as_bytes()).map_err(Taken::Unusable)?;
    Ok(file)
}

/// Waits for a lock until a moment.
///
/// # Errors
/// As [`File::try_lock`].
pub fn wait_for(file: &File, deadline: Instant) -> Result<(), TryLockError> {
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            other => return other,
        }
    }
}
