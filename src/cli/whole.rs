//! Files that their readers find whole or not at all, whenever they come.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::private;

/// Who may read a file besides its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Nobody: the file may hold serial numbers or secrets.
    Owner,
    /// Everybody.
    All,
}

/// Writes a file in place of the one that is there. `/dev/stdout`, `/dev/null`, a pipe or a link stays, and gets the bytes.
pub(super) fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    if let Some(mut there) = private::stream(path)? {
        return there.write_all(bytes);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut part = tempfile::NamedTempFile::new_in(folder)?;
    part.write_all(bytes)?;
    if readers == Readers::All {
        part.as_file().set_permissions(Permissions::from_mode(0o644))?;
    }
    part.persist(path).map(drop).map_err(|error| error.error)
}
