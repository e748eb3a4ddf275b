//! What a file is, by its content: a name is only what somebody says.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::tar::open;

/// Length of a tar header.
const BLOCK: usize = 512;
/// Where its checksum stands in it.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// What can be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tar archive, plain or compressed with gzip, xz or bzip2.
    Tar,
    /// A zip archive.
    Zip,
    /// A Debian package.
    Deb,
    /// A snap: a squashfs image.
    Snap,
    /// Anything else.
    Other,
}

/// Looks at the beginning of a file, and of what is in it if it is compressed.
///
/// # Errors
/// When it cannot be read, or says that it is compressed and is not.
pub fn kind(path: &Path) -> io::Result<Kind> {
    let mut head = Vec::new();
    File::open(path)?.take(BLOCK as u64).read_to_end(&mut head)?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Kind::Zip);
    }
    if head.starts_with(b"!<arch>\ndebian-binary") {
        return Ok(Kind::Deb);
    }
    if head.starts_with(b"hsqs") {
        return Ok(Kind::Snap);
    }
    let mut block = Vec::new();
    open(path, &CancellationToken::new())?.take(BLOCK as u64).read_to_end(&mut block)?;
    Ok(if is_tar_header(&block) { Kind::Tar } else { Kind::Other })
}

/// The magic word is younger than the format; the sum of all bytes, with blanks for the sum itself, is not.
fn is_tar_header(block: &[u8]) -> bool {
    if block.len() < BLOCK || block[0] == 0 {
        return false;
    }
    let sum: u32 =
        block.iter().enumerate().map(|(i, byte)| if CHECKSUM.contains(&i) { 32 } else { u32::from(*byte) }).sum();
    let said = String::from_utf8_lossy(&block[CHECKSUM]).into_owned();
    u32::from_str_radix(said.trim_matches([' ', '\0']), 8).is_ok_and(|said| said == sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &[u8]) -> io::Result<Kind> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), content).expect("room");
        kind(file.path())
    }

    #[test]
    fn content_decides() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_old();
        header.set_size(1);
        header.set_mode(0o644);
        tar.append_data(&mut header, "x", &b"y"[..]).expect("memory");
        let tar = tar.into_inner().expect("memory");
        assert_eq!(of(&tar).expect("read"), Kind::Tar);
        assert_eq!(of(b"PK\x03\x04rest").expect("read"), Kind::Zip);
        assert_eq!(of(b"!<arch>\ndebian-binary   ").expect("read"), Kind::Deb);
        assert_eq!(of(b"!<arch>\nlibc.o/ ").expect("read"), Kind::Other);
        assert_eq!(of(b"hsqs\0\0").expect("read"), Kind::Snap);
        for other in [&b""[..], b"#!/bin/sh\n", &[0; 2048]] {
            assert_eq!(of(other).expect("read"), Kind::Other);
        }
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut packed, &tar).expect("memory");
        let packed = packed.finish().expect("memory");
        assert_eq!(of(&packed).expect("read"), Kind::Tar);
        assert!(of(&packed[..20]).is_err(), "half of it is no file to keep");
    }
}
