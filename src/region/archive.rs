//! Unpacking what the region hands out, as if it came from an enemy.
//!
//! The archive is fetched over a network that may be plain HTTP and is unpacked as root. Only regular files are taken, only
//! below the archive's directory; `out/…` goes to where the runner appends to it, `../config/netplan.yaml` to exactly that
//! place, and everything else is refused before anything of the new archive takes the old one's place.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::script::Workspace;
use crate::unpack::{Error, Limits, make_directory, plain_path, remove, untar};

/// More members than this are refused.
const MAX_MEMBERS: u64 = 20_000;
/// More bytes than this, unpacked, are refused.
const MAX_BYTES: u64 = 1 << 30;

/// Why an archive was refused. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A member that tries to get out, or is no file.
    #[error("the script archive was refused: its member {member:?} {reason}")]
    Hostile {
        /// The member's path.
        member: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More than any script set needs.
    #[error("the script archive was refused: it unpacks to more than {0}")]
    TooMuch(String),
    /// Not an archive, or half of one.
    #[error("the script archive cannot be read, it is damaged or no archive: {0}")]
    Damaged(io::Error),
    /// No room, no permission.
    #[error("cannot unpack the script archive to {path}: {source}")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An archive without its index.
    #[error("the script archive has no index.json")]
    NoIndex,
}

impl From<Error> for ArchiveError {
    fn from(error: Error) -> Self {
        match error {
            Error::Hostile { member, reason } => ArchiveError::Hostile { member, reason },
            Error::TooMuch(what) => ArchiveError::TooMuch(what),
            Error::Damaged(source) => ArchiveError::Damaged(source),
            Error::Write { path, source } => ArchiveError::Write { path, source },
        }
    }
}

/// Unpacks an archive into a workspace, in place of the one before. Plain, gzip, xz and bzip2 are told apart by content.
///
/// # Errors
/// When anything about it is not as it should be; the workspace is then as it was.
pub fn unpack(archive: &Path, workspace: &Workspace) -> Result<(), ArchiveError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| ArchiveError::Write { path, source }
    };
    let staging = workspace.incoming();
    remove(&staging).map_err(write(&staging))?;
    make_directory(&staging).map_err(write(&staging))?;
    let result = stage(archive, &staging).and_then(|()| take_over(&staging, workspace));
    let _ = remove(&staging);
    result
}

/// Writes all members below `staging`: `scripts/…`, `out/…`, `netplan.yaml`.
fn stage(archive: &Path, staging: &Path) -> Result<(), ArchiveError> {
    let limits = Limits { members: MAX_MEMBERS, bytes: MAX_BYTES, links: false, stop: CancellationToken::new() };
    untar(archive, staging, &limits, place)?;
    if staging.join("scripts/index.json").is_file() { Ok(()) } else { Err(ArchiveError::NoIndex) }
}

/// Where a member goes below the staging directory. Directories come with their files.
fn place(member: &Path, is_directory: bool) -> Result<Option<PathBuf>, &'static str> {
    if member == Path::new("../config/netplan.yaml") {
        return Ok((!is_directory).then(|| PathBuf::from("netplan.yaml")));
    }
    let plain = plain_path(member)?;
    let below = if plain.starts_with("out") { plain } else { Path::new("scripts").join(plain) };
    Ok((!is_directory).then_some(below))
}

/// Puts what was staged in the place of what was there. Outputs that this machine still has are kept: they are newer than
/// what the region holds of them.
fn take_over(staging: &Path, workspace: &Workspace) -> Result<(), ArchiveError> {
    let attempt = || -> io::Result<()> {
        let scripts = workspace.scripts();
        remove(&scripts)?;
        fs::rename(staging.join("scripts"), &scripts)?;
        make_directory(&workspace.out())?;
        let earlier = staging.join("out");
        if earlier.is_dir() {
            restore(&earlier, &workspace.out())?;
        }
        let netplan = staging.join("netplan.yaml");
        if netplan.exists() {
            make_directory(workspace.netplan().parent().unwrap_or(workspace.root()))?;
            fs::rename(netplan, workspace.netplan())?;
        } else {
            // That of an earlier archive is not meant for these scripts.
            match fs::remove_file(workspace.netplan()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    };
    attempt().map_err(|source| ArchiveError::Write { path: workspace.root().to_owned(), source })
}

fn restore(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            make_directory(&target)?;
            restore(&entry.path(), &target)?;
        } else if fs::metadata(&target).map_or(0, |m| m.len()) == 0 {
            fs::rename(entry.path(), &target)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_go_to_their_places_and_nowhere_else() {
        let at = |path: &str| place(Path::new(path), false);
        assert_eq!(at("testing/x"), Ok(Some("scripts/testing/x".into())));
        assert_eq!(at("./index.json"), Ok(Some("scripts/index.json".into())));
        assert_eq!(at("out/x.12.err"), Ok(Some("out/x.12.err".into())));
        assert_eq!(at("../config/netplan.yaml"), Ok(Some("netplan.yaml".into())));
        for outside in [
            "../config/other",
            "../x",
            "/etc/passwd",
            "a/../../x",
            "../config/../config/netplan.yaml",
            "../../config/netplan.yaml",
        ] {
            assert!(at(outside).is_err(), "{outside}");
        }
    }
}
