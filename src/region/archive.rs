//! Unpacking what the region hands out, as if it came from an enemy.
//!
//! The archive is fetched over a network that may be plain HTTP and is unpacked as root. Only regular files are taken, only
//! below the archive's directory; `out/…` goes to where the runner appends to it, `../config/netplan.yaml` to exactly that
//! place, and everything else is refused before anything of the new archive takes the old one's place.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use crate::script::Workspace;

/// More members than this are refused.
const MAX_MEMBERS: u64 = 20_000;
/// More bytes than this, unpacked, are refused.
const MAX_BYTES: u64 = 1 << 30;
/// More bytes than this in the name or the PAX records of one member are refused.
const MAX_DESCRIPTION: u64 = 1 << 20;

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
    TooMuch(&'static str),
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

/// Unpacks an archive into a workspace, in place of the one before. Plain, gzip, xz and bzip2 are told apart by content.
///
/// # Errors
/// When anything about it is not as it should be; the workspace is then as it was.
pub fn unpack(archive: &Path, workspace: &Workspace) -> Result<(), ArchiveError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| ArchiveError::Write { path, source }
    };
    let staging = workspace.root().join("incoming");
    remove(&staging).map_err(write(&staging))?;
    make_directory(&staging).map_err(write(&staging))?;
    let result = check(archive).and_then(|()| stage(archive, &staging)).and_then(|()| take_over(&staging, workspace));
    let _ = remove(&staging);
    result
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut magic = [0; 6];
    let mut file = File::open(path)?;
    let got = file.read(&mut magic)?;
    let reader = BufReader::with_capacity(64 << 10, File::open(path)?);
    Ok(match &magic[..got] {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Box::new(lzma_rust2::XzReader::new(reader, true)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
        _ => Box::new(reader),
    })
}

/// Looks at all headers before anything is written. A name or PAX records that claim to be a gigabyte long must not be
/// met by the reading proper, which takes them into memory.
fn check(archive: &Path) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(open(archive).map_err(ArchiveError::Damaged)?);
    let (mut headers, mut bytes) = (0, 0);
    for entry in archive.entries().map_err(ArchiveError::Damaged)?.raw(true) {
        let mut entry = entry.map_err(ArchiveError::Damaged)?;
        let kind = entry.header().entry_type();
        let describes = kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions();
        headers += 1;
        bytes += entry.size();
        if headers > 3 * MAX_MEMBERS {
            return Err(ArchiveError::TooMuch("20,000 members"));
        }
        if bytes > MAX_BYTES {
            return Err(ArchiveError::TooMuch("1 GiB"));
        }
        if describes && entry.size() > MAX_DESCRIPTION {
            return Err(ArchiveError::TooMuch("1 MiB of names"));
        }
        let hostile = |member: &[u8], reason| {
            Err(ArchiveError::Hostile { member: String::from_utf8_lossy(member).into_owned(), reason })
        };
        // Its blocks are listed in memory, too.
        if kind.is_gnu_sparse() {
            return hostile(&entry.path_bytes(), "is neither a file nor a directory");
        }
        // The reading proper would then find other headers than this one does.
        if kind.is_pax_local_extensions() && says_size(&mut entry).map_err(ArchiveError::Damaged)? {
            return hostile(&entry.path_bytes(), "gives another size than its header");
        }
    }
    Ok(())
}

fn says_size(records: &mut impl Read) -> io::Result<bool> {
    let mut bytes = Vec::new();
    records.read_to_end(&mut bytes)?;
    Ok(tar::PaxExtensions::new(&bytes).flatten().any(|record| record.key_bytes() == b"size"))
}

/// Writes all members below `staging`: `scripts/…`, `out/…`, `netplan.yaml`.
fn stage(archive: &Path, staging: &Path) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(open(archive).map_err(ArchiveError::Damaged)?);
    let (mut members, mut bytes) = (0, 0);
    for entry in archive.entries().map_err(ArchiveError::Damaged)? {
        let mut entry = entry.map_err(ArchiveError::Damaged)?;
        members += 1;
        bytes += entry.size();
        if members > MAX_MEMBERS {
            return Err(ArchiveError::TooMuch("20,000 members"));
        }
        if bytes > MAX_BYTES {
            return Err(ArchiveError::TooMuch("1 GiB"));
        }
        let path = entry.path().map_err(ArchiveError::Damaged)?.into_owned();
        let hostile = |reason| ArchiveError::Hostile { member: path.display().to_string(), reason };
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            place(&path).map_err(hostile)?;
            continue;
        }
        if !kind.is_file() && !kind.is_contiguous() {
            return Err(hostile("is neither a file nor a directory"));
        }
        let target = staging.join(place(&path).map_err(hostile)?);
        let mode = entry.header().mode().unwrap_or(0o644) & 0o777;
        let written = (|| {
            make_directory(target.parent().unwrap_or(staging))?;
            let mut file = File::create(&target)?;
            let copied = io::copy(&mut entry, &mut file);
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            copied
        })();
        match written {
            Ok(copied) if copied == entry.size() => {}
            Ok(_) => return Err(ArchiveError::Damaged(io::ErrorKind::UnexpectedEof.into())),
            Err(error) if error.raw_os_error().is_none() => return Err(ArchiveError::Damaged(error)),
            Err(source) => return Err(ArchiveError::Write { path: target, source }),
        }
    }
    if members == 0 {
        return Err(ArchiveError::Damaged(io::Error::other("it is empty")));
    }
    if staging.join("scripts/index.json").is_file() { Ok(()) } else { Err(ArchiveError::NoIndex) }
}

/// Where a member goes below the staging directory.
fn place(member: &Path) -> Result<PathBuf, &'static str> {
    if member == Path::new("../config/netplan.yaml") {
        return Ok(PathBuf::from("netplan.yaml"));
    }
    let mut plain = PathBuf::new();
    for part in member.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return Err("has an absolute path"),
            Component::ParentDir => return Err("leaves the archive's directory"),
        }
    }
    Ok(if plain.starts_with("out") { plain } else { Path::new("scripts").join(plain) })
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

/// With all parents, for root only: scripts and outputs may hold secrets.
fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_go_to_their_places_and_nowhere_else() {
        let at = |path: &str| place(Path::new(path));
        assert_eq!(at("testing/x"), Ok("scripts/testing/x".into()));
        assert_eq!(at("./index.json"), Ok("scripts/index.json".into()));
        assert_eq!(at("out/x.12.err"), Ok("out/x.12.err".into()));
        assert_eq!(at("../config/netplan.yaml"), Ok("netplan.yaml".into()));
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
