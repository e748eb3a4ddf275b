//! The snapshot file: a tree and its manifest, packed as `.tar.xz`. A file that is read may come from an untrusted source.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use lzma_rust2::{XzOptions, XzReader, XzWriter};
use tar::{Archive, Builder, EntryType, Header};
use tempfile::{NamedTempFile, TempDir};

use super::{FORM, MANIFEST, Manifest, Node, Snapshot};
use crate::host::Host;
use crate::private;
use crate::unpack::XZ_MEMORY;

/// Level of the xz compression: snapshots are small, and sent by mail.
const EFFORT: u32 = 6;
/// The most members of an archive: a machine with ten thousand PCI functions has a few hundred thousand.
const MOST_MEMBERS: u64 = 2_000_000;
/// Paths of which every copied machine has at least one.
const MARKS: [&str; 3] = ["/sys", "/proc", "/run/udev"];
/// The largest unpacked size, in bytes.
const MOST_BYTES: u64 = 1 << 30;

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file does not exist or may not be read.
    #[error("cannot open {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is neither a directory nor an xz archive.
    #[error("{0} is neither a directory nor a .tar.xz archive, as `shakedown snapshot` writes it")]
    NoArchive(PathBuf),
    /// The `.tar.xz` is cut off or damaged.
    #[error("{path} is no whole .tar.xz archive: {}", in_words(reason))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The error of the decoder or the archive reader. No source: its own words tell of buffers.
        reason: io::Error,
    },
    /// The directory holds no copied machine; most often the machine is in the directory below or above.
    #[error("{path} holds no copied machine: sys, proc, run/udev and {MANIFEST} were looked for{hint}")]
    NoMachine {
        /// The directory.
        path: PathBuf,
        /// A hint where the machine may be, as the end of the message; empty when there is none.
        hint: String,
    },
    /// The archive unpacks to more than any machine has.
    #[error("{0} was refused: it unpacks to more than a machine can hold")]
    TooMuch(PathBuf),
    /// The machine has more serial numbers and addresses than there are replacements.
    #[error("the machine has too many serial numbers and addresses to replace them; keep them with --keep-serials")]
    Identifiers,
    /// The manifest is not one that this version of `shakedown snapshot` writes.
    #[error("{path} has a {MANIFEST} that this version cannot read: {reason}")]
    Manifest {
        /// The directory or file.
        path: PathBuf,
        /// The reason in words.
        reason: String,
    },
}

/// The library says of a file that ends too early what it did with its buffer.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is empty, or its end is missing".to_owned(),
        _ => error.to_string(),
    }
}

pub(super) fn write(snapshot: &Snapshot, path: &Path) -> io::Result<()> {
    if let Some(mut there) = private::stream(path)? {
        return pack(snapshot, &mut there);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A temporary file is readable by its owner only, and stays so.
    let mut file = NamedTempFile::new_in(directory)?;
    pack(snapshot, file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn pack(snapshot: &Snapshot, file: &mut File) -> io::Result<()> {
    let packed = XzWriter::new(file, XzOptions::with_preset(EFFORT))?;
    let mut tar = Builder::new(packed);
    let manifest = serde_json::to_vec_pretty(&snapshot.manifest())?;
    tar.append_data(&mut header(EntryType::Regular, manifest.len()), MANIFEST, manifest.as_slice())?;
    for (place, node) in &snapshot.nodes {
        let place = place.strip_prefix("/").unwrap_or(place);
        match node {
            Node::Directory => tar.append_data(&mut header(EntryType::Directory, 0), place, io::empty())?,
            Node::Link(target) => tar.append_link(&mut header(EntryType::Symlink, 0), place, target)?,
            Node::File(content) => {
                tar.append_data(&mut header(EntryType::Regular, content.len()), place, content.as_slice())?;
            }
        }
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(())
}

/// The tar header of a member, without times and owners, so that one machine always gives the same archive.
fn header(kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// A copied machine that can be read; its unpacked files are deleted when this value is dropped.
#[derive(Debug)]
pub struct Opened {
    /// The machine.
    pub host: Host,
    _directory: Option<TempDir>,
}

impl Opened {
    /// The live machine, which needs no unpacking.
    #[must_use]
    pub fn live() -> Self {
        Opened { host: Host::live(), _directory: None }
    }
}

/// Opens a copied machine: a directory with its tree, or a snapshot, packed or not.
///
/// # Errors
/// The path is neither, or the archive is damaged or too large.
pub fn open(path: &Path) -> Result<Opened, SnapshotError> {
    let opening = |source| SnapshotError::Open { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(opening)?.is_dir() {
        let given = Host::at(path);
        if !MARKS.iter().any(|mark| given.has(mark)) && !given.has(Path::new("/").join(MANIFEST)) {
            return Err(SnapshotError::NoMachine { path: path.to_owned(), hint: hint(path) });
        }
        return Ok(Opened { host: host(path, path)?, _directory: None });
    }
    let file = File::open(path).map_err(opening)?;
    // Thousands of small files: in memory where there is such a place.
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).map_err(opening)?;
    if !is_packed(&file).map_err(opening)? {
        return Err(SnapshotError::NoArchive(path.to_owned()));
    }
    unpack(file, path, directory.path(), MOST_BYTES)?;
    // Other programs pack a tree with its directory around it.
    let inner = directory.path().join("tree");
    let root = if inner.is_dir() { inner } else { directory.path().to_owned() };
    Ok(Opened { host: host(&root, path)?, _directory: Some(directory) })
}

/// True if a file begins as every `.xz` does (the .xz file format, 2.1.1.1), or was cut off within its first bytes.
fn is_packed(mut file: &File) -> io::Result<bool> {
    const MAGIC: &[u8] = b"\xfd7zXZ\0";
    let mut start = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(MAGIC.starts_with(&start))
}

/// Unpacks files, directories and links; devices, and members that would leave the directory, are skipped. At most `most` bytes are
/// unpacked, whatever sizes the headers claim.
fn unpack(file: File, path: &Path, into: &Path, most: u64) -> Result<(), SnapshotError> {
    let mut archive = Archive::new(XzReader::new_mem_limit(BufReader::new(file), true, XZ_MEMORY).take(most));
    archive.set_preserve_permissions(false);
    archive.set_preserve_mtime(false);
    let unpacked = members(&mut archive, into);
    let mut rest = archive.into_inner();
    // The checksum of xz comes after the end of the tar archive, so the rest is read, too.
    let drained = unpacked.and_then(|()| io::copy(&mut rest, &mut io::sink()).map(drop));
    if rest.limit() == 0 {
        return Err(SnapshotError::TooMuch(path.to_owned()));
    }
    drained.map_err(|reason| SnapshotError::Damaged { path: path.to_owned(), reason })
}

fn members<R: Read>(archive: &mut Archive<R>, into: &Path) -> io::Result<()> {
    for (entry, count) in archive.entries()?.zip(1..) {
        let mut entry = entry?;
        if count > MOST_MEMBERS {
            return Err(io::Error::other("it has more files than any machine"));
        }
        if matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Directory | EntryType::Symlink) {
            entry.unpack_in(into)?;
        }
    }
    Ok(())
}

/// A hint where the machine that was not found may be: one directory below or above; empty when there is none.
fn hint(path: &Path) -> String {
    let names = Host::at(path).list("/");
    let is_machine = |place: &PathBuf| MARKS.iter().any(|mark| Host::at(place).has(mark));
    let above = path
        .canonicalize()
        .ok()
        .and_then(|path| Some(path.parent()?.to_owned()))
        .filter(|above| above != Path::new("/"));
    match names.iter().map(|name| path.join(name)).chain(above).find(is_machine) {
        Some(place) => format!("; {} is one: give that", place.display()),
        None if names.is_empty() => "; it is empty".to_owned(),
        None => String::new(),
    }
}

/// The machine below a root, with the recorded answers of its kernel if it is a snapshot.
fn host(root: &Path, named: &Path) -> Result<Host, SnapshotError> {
    let host = Host::at(root);
    let refused = |reason: String| SnapshotError::Manifest { path: named.to_owned(), reason };
    let text = match host.read(Path::new("/").join(MANIFEST)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(host),
        Err(error) => return Err(refused(error.to_string())),
    };
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    if manifest.form != FORM {
        return Err(refused(format!(
            "its form is {}, not {FORM}; it was written by {}",
            manifest.form, manifest.program
        )));
    }
    Ok(host.with_notes(manifest.notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_to_too_much_is_refused_also_behind_its_last_member() {
        let place = tempfile::tempdir().expect("temporary directory");
        let path = place.path().join("bomb.tar.xz");
        let most = 1 << 20;
        for (size, behind, is_taken) in [(1000, 0, true), (2 << 20, 0, false), (1000, 2 << 20, false)] {
            let packed = XzWriter::new(File::create(&path).expect("a file"), XzOptions::with_preset(0));
            let mut tar = Builder::new(packed.expect("a writer"));
            tar.append_data(&mut header(EntryType::Regular, size), "file", io::repeat(0).take(size as u64))
                .expect("room");
            let mut packed = tar.into_inner().expect("room");
            io::copy(&mut io::repeat(0).take(behind), &mut packed).expect("room");
            packed.finish().expect("room");
            let unpacked = unpack(File::open(&path).expect("it is there"), &path, place.path(), most);
            assert_eq!(unpacked.is_ok(), is_taken, "{size} {behind}: {unpacked:?}");
            assert!(is_taken || matches!(unpacked, Err(SnapshotError::TooMuch(_))), "{size} {behind}: {unpacked:?}");
        }
    }
}
