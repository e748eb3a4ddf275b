//! A damaged journal is set aside, never deleted: an engineer may still get something out of it.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::Error;

/// Whether the file itself is damaged, as against out of reach or in use.
pub(super) fn is_damage(error: &Error) -> bool {
    let Error::Sqlite { source: rusqlite::Error::SqliteFailure(failure, _), .. } = error else { return false };
    matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
}

/// True if the same may be done later: somebody else holds the file, the disk is full, or does not answer just now.
pub(super) fn is_passing(error: &Error) -> bool {
    let Error::Sqlite { source: rusqlite::Error::SqliteFailure(failure, _), .. } = error else {
        return matches!(error, Error::Directory { .. });
    };
    matches!(
        failure.code,
        ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::PermissionDenied
    )
}

/// Whether all of a journal that `SQLite` cannot open is in the one file, so that it can be read as it is.
pub(super) fn is_whole_but_out_of_reach(error: &Error, path: &Path) -> bool {
    let Error::Sqlite { source: rusqlite::Error::SqliteFailure(failure, _), .. } = error else { return false };
    failure.code == ErrorCode::CannotOpen && is_empty(&with(path, "-wal"))
}

/// The name under which `SQLite` reads a file that nobody writes.
pub(super) fn as_it_is(path: &Path) -> PathBuf {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
    let text = |byte: &u8| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    let name: String = path.as_os_str().as_bytes().iter().map(text).collect();
    format!("file:{name}?immutable=1").into()
}

/// A file without a byte whose log has some is damaged, too; `SQLite` would delete the log without a word.
pub(super) fn check_log(path: &Path) -> Result<(), Error> {
    if is_empty(path) && !is_empty(&with(path, "-wal")) {
        return Err(damage(path, "it is empty and its log is not"));
    }
    Ok(())
}

/// What a failed check found.
pub(super) fn damage(path: &Path, found: &str) -> Error {
    let failure = rusqlite::ffi::Error { code: ErrorCode::DatabaseCorrupt, extended_code: 11 };
    let source = rusqlite::Error::SqliteFailure(failure, Some(found.to_owned()));
    Error::Sqlite { path: path.to_owned(), source }
}

/// Renames the file and its companions; the new name of the file.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let free = (0..1000).map(|n| with(path, &format!(".damaged-{stamp}-{n}"))).find(|candidate| !candidate.exists());
    let aside = free.unwrap_or_else(|| with(path, ".damaged"));
    fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        match fs::rename(with(path, suffix), with(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// Whether there is nothing in a file, or no file.
fn is_empty(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.len() == 0)
}

pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
