//! POSIX access control lists, as the kernel keeps them beside a file's mode (`linux/posix_acl_xattr.h`, acl(5)): whom else they let write.

use std::io;
use std::path::Path;

use rustix::fs::getxattr;
use rustix::io::Errno;

/// Who may use a file.
const ACCESS: &str = "system.posix_acl_access";
/// The list that files and directories made in a directory begin with, whatever the maker's mask.
const DEFAULT: &str = "system.posix_acl_default";
/// Largest value of an extended attribute on Linux.
const LARGEST: usize = 64 << 10;
/// The one version of the layout: a header of four bytes, then entries of eight.
const VERSION: u32 = 2;
const WRITE: u16 = 2;
/// Kinds of entries; those of the owner tell nothing new.
const USER: u16 = 2;
const OWNING_GROUP: u16 = 4;
const GROUP: u16 = 8;
const MASK: u16 = 16;
const OTHERS: u16 = 32;

/// Somebody whom a list lets write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    User(u32),
    Group(u32),
    OwningGroup,
    Everybody,
}

/// Those whom the list of a file or directory lets write; `None` where there is no list beside the mode.
///
/// # Errors
/// The system's, or that the list has a form that nobody knows.
pub(super) fn writers(path: &Path) -> io::Result<Option<Vec<Writer>>> {
    read(path, ACCESS)?.map(|list| parse(&list)).transpose()
}

/// Those whom files that are made in a directory let write from their start.
///
/// # Errors
/// As of [`writers`].
pub(super) fn future_writers(path: &Path) -> io::Result<Vec<Writer>> {
    Ok(read(path, DEFAULT)?.map(|list| parse(&list)).transpose()?.unwrap_or_default())
}

fn read(path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; LARGEST];
    match getxattr(path, name, &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn parse(list: &[u8]) -> io::Result<Vec<Writer>> {
    let unknown = || io::Error::new(io::ErrorKind::InvalidData, "its access control list has an unknown form");
    let (version, rest) = list.split_first_chunk().ok_or_else(unknown)?;
    let (entries, left) = rest.as_chunks::<8>();
    if u32::from_le_bytes(*version) != VERSION || !left.is_empty() {
        return Err(unknown());
    }
    let entry = |[k0, k1, p0, p1, i0, i1, i2, i3]: &[u8; 8]| {
        (u16::from_le_bytes([*k0, *k1]), u16::from_le_bytes([*p0, *p1]), u32::from_le_bytes([*i0, *i1, *i2, *i3]))
    };
    let entries: Vec<(u16, u16, u32)> = entries.iter().map(entry).collect();
    let mask = entries.iter().find(|(kind, ..)| *kind == MASK).map_or(u16::MAX, |(_, mask, _)| *mask);
    let writer = |(kind, permissions, id): &(u16, u16, u32)| match *kind {
        OTHERS if permissions & WRITE != 0 => Some(Writer::Everybody),
        _ if permissions & mask & WRITE == 0 => None,
        USER => Some(Writer::User(*id)),
        GROUP => Some(Writer::Group(*id)),
        OWNING_GROUP => Some(Writer::OwningGroup),
        _ => None,
    };
    Ok(entries.iter().filter_map(writer).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Sets a list on a directory; false where the file system has none.
    pub(in super::super) fn set(path: &Path, is_default: bool, entries: &[(u16, u16, u32)]) -> bool {
        let name = if is_default { DEFAULT } else { ACCESS };
        rustix::fs::setxattr(path, name, &list(entries), rustix::fs::XattrFlags::empty()).is_ok()
    }

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (kind, permissions, id) in entries {
            bytes.extend(kind.to_le_bytes().iter().chain(&permissions.to_le_bytes()).chain(&id.to_le_bytes()));
        }
        bytes
    }

    /// What `setfacl -m u:65534:rwx` makes of a directory of mode 0755, but for the permissions.
    pub(in super::super) fn with_nobody(permissions: u16, mask: u16) -> [(u16, u16, u32); 5] {
        let no_id = u32::MAX;
        [(1, 7, no_id), (USER, permissions, 65534), (OWNING_GROUP, 5, no_id), (MASK, mask, no_id), (OTHERS, 5, no_id)]
    }

    #[test]
    fn the_mask_limits_what_users_and_groups_may() {
        let of = |entries: &[(u16, u16, u32)]| parse(&list(entries)).expect("a list");
        assert_eq!(of(&with_nobody(7, 7)), [Writer::User(65534)]);
        assert_eq!(of(&with_nobody(5, 7)), []);
        assert_eq!(of(&with_nobody(7, 5)), []);
        let all = [(USER, 2, 7), (OWNING_GROUP, 3, 0), (GROUP, 6, 8), (MASK, 2, 0), (OTHERS, 2, 0)];
        assert_eq!(of(&all), [Writer::User(7), Writer::OwningGroup, Writer::Group(8), Writer::Everybody]);
        let masked = all.map(|(kind, may, id)| (kind, if kind == MASK { 5 } else { may }, id));
        assert_eq!(of(&masked), [Writer::Everybody], "the mask is none of theirs");
    }

    #[test]
    fn a_list_of_an_unknown_form_is_an_error() {
        for bytes in [&b""[..], &[2, 0, 0], &[3, 0, 0, 0], &[2, 0, 0, 0, 1]] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
