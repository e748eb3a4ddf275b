//! The agent's program for the machines of a region: its architecture, its xz-compressed form, and a file name made from its content.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use lzma_rust2::{XzOptions, XzReader, XzWriter};
use sha2::{Digest as _, Sha256};

use crate::region::LARGEST_FILE;

/// Level of the xz compression. At level 9 a packed program of 6 MB is hardly smaller, and takes three times as long.
const EFFORT: u32 = 6;
/// Memory limit of the xz decoder, in KiB: a file that an operator packed may need a dictionary of up to 64 MiB.
const MEMORY: u32 = 128 << 10;
/// Largest size of an unpacked program, in bytes: no program of this project is larger.
const LARGEST: u64 = 256 << 20;
/// The first bytes of every `.xz` file.
const XZ: &[u8] = b"\xfd7zXZ\0";

/// Architectures that machines of a region have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Architecture {
    /// amd64.
    X86_64,
    /// arm64.
    Aarch64,
    /// ppc64el.
    Ppc64le,
    /// s390x.
    S390x,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Architecture; 4] =
        [Architecture::X86_64, Architecture::Aarch64, Architecture::Ppc64le, Architecture::S390x];

    /// The name that `uname -m` prints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
            Architecture::Ppc64le => "ppc64le",
            Architecture::S390x => "s390x",
        }
    }

    /// The architecture with this name, as `uname -m` or Debian writes it; `None` for any other name.
    #[must_use]
    pub fn from_name(word: &str) -> Option<Self> {
        let word = match word {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            "ppc64el" => "ppc64le",
            other => other,
        };
        Architecture::ALL.into_iter().find(|one| one.name() == word)
    }

    /// The architecture of an ELF program (gABI: `e_machine`, in the byte order that `e_ident` names); `None` when it is none of these.
    fn of_program(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..20)?;
        if header[..5] != *b"\x7fELF\x02" {
            return None;
        }
        match (header[5], header[18], header[19]) {
            (1, 62, 0) => Some(Architecture::X86_64),
            (1, 183, 0) => Some(Architecture::Aarch64),
            (1, 21, 0) => Some(Architecture::Ppc64le),
            (2, 0, 22) => Some(Architecture::S390x),
            _ => None,
        }
    }
}

/// Why a file cannot be given to machines.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or unpacked.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file was read and is not a program that machines can run: wrong architecture, dynamically linked, too large.
    #[error("{path} {why}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The reason and the next step, in words that follow the path.
        why: String,
    },
}

/// The program for one architecture.
#[derive(Clone, PartialEq, Eq)]
pub struct Binary {
    /// The architecture that the program is built for.
    pub architecture: Architecture,
    /// The xz-compressed program, as the region stores it and machines download it.
    pub packed: Vec<u8>,
    /// SHA-256 of [`Binary::packed`], in hexadecimal.
    pub packed_sha256: String,
    /// Size of the unpacked program, in bytes.
    pub size: u64,
    /// SHA-256 of the unpacked program, in hexadecimal.
    pub sha256: String,
}

impl std::fmt::Debug for Binary {
    /// Prints architecture and checksum, not the bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binary")
            .field("architecture", &self.architecture)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

impl Binary {
    /// Reads a program, plain or packed by xz. The architecture is read from its ELF header; `said` is used where that names none.
    ///
    /// # Errors
    /// The file cannot be read, is built for another architecture than `said`, is dynamically linked, or is larger than a region accepts.
    pub fn read(path: &Path, said: Option<Architecture>) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let unfit = |why: String| Error::Unfit { path: path.to_owned(), why };
        let bytes = std::fs::read(path).map_err(failed)?;
        let program = if bytes.starts_with(XZ) { unpack(&bytes).map_err(failed)? } else { bytes.clone() };
        let architecture = match (Architecture::of_program(&program), said) {
            (Some(told), Some(said)) if told != said => {
                return Err(unfit(format!("is a program for {}, not for {}", told.name(), said.name())));
            }
            (Some(told), _) => told,
            (None, Some(said)) => said,
            (None, None) => {
                let names = Architecture::ALL.map(Architecture::name).join(", ");
                return Err(unfit(format!(
                    "does not say for which architecture it is: say ARCHITECTURE=FILE ({names})"
                )));
            }
        };
        let table = Table::of(&program);
        if table.as_ref().is_some_and(|table| table.end > program.len() as u64) {
            return Err(unfit("is cut off: its own tables say that it is longer. Fetch or build it again".to_owned()));
        }
        if table.is_some_and(|table| table.has_interpreter) {
            return Err(unfit(
                "needs libraries that other systems may not have: give the static program of a release, or of scripts/dev/release".to_owned(),
            ));
        }
        let packed = if bytes.starts_with(XZ) { bytes } else { pack(&program).map_err(failed)? };
        if packed.len() > LARGEST_FILE {
            return Err(unfit(format!(
                "has {} bytes when it is packed, and a region takes {LARGEST_FILE}: --binary-url names a web server of the site in its place",
                packed.len()
            )));
        }
        Ok(Binary {
            architecture,
            packed_sha256: sum(&packed),
            packed,
            size: program.len() as u64,
            sha256: sum(&program),
        })
    }

    /// The program's file name in a region. The name contains the checksum, so an older script still finds the program it was made with.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("shakedown-{}-{}-{}.xz", env!("CARGO_PKG_VERSION"), self.architecture.name(), &self.packed_sha256[..12])
    }
}

/// Version and architecture in a name that [`Binary::file_name`] makes; `None` for any other name.
#[must_use]
pub fn of_file_name(name: &str) -> Option<(&str, Architecture)> {
    let inner = name.strip_prefix("shakedown-")?.strip_suffix(".xz")?;
    let (rest, sum) = inner.rsplit_once('-')?;
    let (version, architecture) = rest.rsplit_once('-')?;
    let is_sum = sum.len() == 12 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_sum.then_some((version, Architecture::from_name(architecture)?))
}

/// Extents of an ELF program, as its tables state them (gABI, "ELF-64 Object File Format").
struct Table {
    /// True of a program that names an interpreter, which loads its libraries (`PT_INTERP`, 3).
    has_interpreter: bool,
    /// The offset behind the last byte that a table or a segment has in the file; beyond the file's end when that was cut off.
    end: u64,
}

impl Table {
    /// `None` for what is no program of a known architecture.
    fn of(program: &[u8]) -> Option<Table> {
        let is_big = Architecture::of_program(program)? == Architecture::S390x;
        // Bytes behind the file's end count as 0: that end is what the caller compares.
        let number = |at: u64, length: u64| {
            let byte = |at: u64| usize::try_from(at).ok().and_then(|at| program.get(at)).copied().unwrap_or(0);
            let add = |sum: u64, at: u64| sum << 8 | u64::from(byte(at));
            let places = at..at.saturating_add(length);
            if is_big { places.fold(0, add) } else { places.rev().fold(0, add) }
        };
        let (segments, sections) = (number(32, 8), number(40, 8));
        let (segment_size, segment_count) = (number(54, 2), number(56, 2));
        let behind = |start: u64, size: u64, count: u64| start.saturating_add(size.saturating_mul(count));
        let mut table = Table { has_interpreter: false, end: behind(segments, segment_size, segment_count) };
        if sections != 0 {
            table.end = table.end.max(behind(sections, number(58, 2), number(60, 2)));
        }
        for index in 0..segment_count {
            let at = behind(segments, segment_size, index);
            table.has_interpreter |= number(at, 4) == 3;
            let end = number(at.saturating_add(8), 8).saturating_add(number(at.saturating_add(32), 8));
            table.end = table.end.max(end);
        }
        Some(table)
    }
}

fn pack(program: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(EFFORT))?;
    writer.write_all(program)?;
    writer.finish()
}

fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut program = Vec::new();
    XzReader::new_mem_limit(packed, true, MEMORY).take(LARGEST).read_to_end(&mut program)?;
    Ok(program)
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// A program of 64 bytes and one entry of its table.
    fn elf(data: u8, machine: [u8; 2], kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; 120];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, data]);
        bytes[18..20].copy_from_slice(&machine);
        let big = data == 2;
        bytes[if big { 39 } else { 32 }] = 64;
        bytes[if big { 55 } else { 54 }] = 56;
        bytes[if big { 57 } else { 56 }] = 1;
        bytes[if big { 67 } else { 64 }] = kind;
        bytes
    }

    #[test]
    fn a_program_tells_its_architecture_and_whether_it_is_static() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let rows = [
            (1, [62, 0], Architecture::X86_64),
            (1, [183, 0], Architecture::Aarch64),
            (1, [21, 0], Architecture::Ppc64le),
            (2, [0, 22], Architecture::S390x),
        ];
        for (data, machine, expected) in rows {
            let path = at(place.path(), "static", &elf(data, machine, 1));
            let binary = Binary::read(&path, None).expect("a static program");
            assert_eq!((binary.architecture, binary.size), (expected, 120));
            assert_eq!(of_file_name(&binary.file_name()), Some((env!("CARGO_PKG_VERSION"), expected)));
            let packed = Binary::read(&at(place.path(), "packed", &binary.packed), None).expect("the same");
            assert_eq!(packed, binary);
            let mut whole = elf(data, machine, 1);
            whole[if data == 2 { 102 } else { 97 }] = 1; // A segment of 256 bytes in a file of 120.
            let path = at(place.path(), "cut", &whole);
            assert!(Binary::read(&path, None).is_err_and(|error| error.to_string().contains("is cut off")));
            let path = at(place.path(), "cut.xz", &binary.packed[..binary.packed.len() - 8]);
            assert!(Binary::read(&path, None).is_err(), "a packed file that was cut off");
            let path = at(place.path(), "dynamic", &elf(data, machine, 3));
            assert!(Binary::read(&path, None).is_err_and(|error| error.to_string().contains("libraries")));
        }
        let path = at(place.path(), "other", &elf(1, [62, 0], 1));
        assert!(
            Binary::read(&path, Some(Architecture::Aarch64))
                .is_err_and(|error| error.to_string().contains("not for aarch64"))
        );
        let path = at(place.path(), "script", b"#!/bin/sh\n");
        assert!(Binary::read(&path, None).is_err());
        assert_eq!(Binary::read(&path, Some(Architecture::S390x)).expect("said").architecture, Architecture::S390x);
    }

    #[test]
    fn names_of_others_are_not_ours() {
        for name in ["shakedown-0.2.0-x86_64.xz", "shakedown-x", "notes.txt", "shakedown-0.2.0-mips-0123456789ab.xz"] {
            assert_eq!(of_file_name(name), None, "{name}");
        }
    }
}
