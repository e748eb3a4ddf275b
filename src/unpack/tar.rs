//! Tar archives: plain, gzip, xz and bzip2, told apart by content.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::link::{Links, is_harmless};
use super::{Budget, Error, Limits, Place, Stoppable, make_directory, write};

/// More bytes than this in the name or the PAX records of one member are refused.
const MAX_DESCRIPTION: u64 = 1 << 20;
/// An xz file may ask for so much memory, in KiB: `xz -9` makes files that need 65 MiB, the format knows up to 4 GiB.
pub const XZ_MEMORY: u32 = 96 << 10;

/// Unpacks a tar archive below a directory; how many members it had.
///
/// # Errors
/// When anything about it is not as it should be. What was written until then stays: it is the caller's to remove.
pub fn untar(archive: &Path, to: &Path, limits: &Limits, place: Place) -> Result<u64, Error> {
    check(archive, limits)?;
    let mut archive = tar::Archive::new(open(archive, &limits.stop).map_err(Error::Damaged)?);
    let (mut budget, mut links) = (Budget::new(limits), Links::default());
    for entry in archive.entries().map_err(Error::Damaged)? {
        let mut entry = entry.map_err(Error::Damaged)?;
        budget.take(entry.size())?;
        let path = entry.path().map_err(Error::Damaged)?.into_owned();
        let hostile = |reason| Error::Hostile { member: path.display().to_string(), reason };
        let kind = entry.header().entry_type();
        // A note about the archive, as `git archive` puts it first; nothing in it is heeded.
        if kind.is_pax_global_extensions() {
            continue;
        }
        if kind.is_dir() {
            if let Some(below) = place(&path, true).map_err(hostile)? {
                let path = to.join(below);
                make_directory(&path).map_err(|source| Error::Write { path, source })?;
            }
            continue;
        }
        if kind.is_symlink() && limits.links {
            let Some(below) = place(&path, false).map_err(hostile)? else { continue };
            let target = entry.link_name().map_err(Error::Damaged)?.unwrap_or_default();
            if !is_harmless(&below, &target) {
                return Err(hostile("is a link that may lead out of the archive's directory"));
            }
            links.add(to, below, target.into_owned())?;
            continue;
        }
        if !kind.is_file() && !kind.is_contiguous() {
            return Err(hostile("is neither a file nor a directory"));
        }
        let Some(below) = place(&path, false).map_err(hostile)? else { continue };
        let (mode, size) = (entry.header().mode().unwrap_or(0o644), entry.size());
        write(&mut entry, &to.join(below), mode, Some(size), size)?;
    }
    if budget.members == 0 {
        return Err(Error::Damaged(io::Error::other("it is empty")));
    }
    links.make(to)?;
    Ok(budget.members)
}

/// What is in a file, unpacked if it is compressed.
pub(super) fn open(path: &Path, stop: &CancellationToken) -> io::Result<Box<dyn Read>> {
    let mut magic = [0; 6];
    let mut file = File::open(path)?;
    let got = file.read(&mut magic)?;
    let content = Stoppable { content: File::open(path)?, stop: stop.clone() };
    let reader = BufReader::with_capacity(64 << 10, content);
    Ok(match &magic[..got] {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Box::new(lzma_rust2::XzReader::new_mem_limit(reader, true, XZ_MEMORY)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
        _ => Box::new(reader),
    })
}

/// Looks at all headers before anything is written. A name or PAX records that claim to be a gigabyte long must not be
/// met by the reading proper, which takes them into memory.
fn check(archive: &Path, limits: &Limits) -> Result<(), Error> {
    let mut archive = tar::Archive::new(open(archive, &limits.stop).map_err(Error::Damaged)?);
    // A member may have two more headers that describe it.
    let mut budget = Budget::new(&Limits { members: limits.members.saturating_mul(3), ..limits.clone() });
    for entry in archive.entries().map_err(Error::Damaged)?.raw(true) {
        let mut entry = entry.map_err(Error::Damaged)?;
        let kind = entry.header().entry_type();
        let describes = kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions();
        budget.take(entry.size())?;
        if describes && entry.size() > MAX_DESCRIPTION {
            return Err(Error::TooMuch("1 MiB of names".to_owned()));
        }
        let hostile = |member: &[u8], reason| {
            Err(Error::Hostile { member: String::from_utf8_lossy(member).into_owned(), reason })
        };
        // Its blocks are listed in memory, too.
        if kind.is_gnu_sparse() {
            return hostile(&entry.path_bytes(), "is neither a file nor a directory");
        }
        // The reading proper would then find other headers than this one does.
        if kind.is_pax_local_extensions() && says_size(&mut entry).map_err(Error::Damaged)? {
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
