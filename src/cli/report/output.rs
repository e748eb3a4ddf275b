//! Outputs of scripts, of which only as much is read as is shown.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::private;
use crate::report::Excerpt;

/// Head and tail of a file, `limit` bytes together.
pub(super) fn excerpt(path: &Path, limit: u64) -> Excerpt {
    let name = path.display().to_string();
    match ends(path, limit) {
        Ok((size, head, tail)) => Excerpt::new(name, size, &head, &tail),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Excerpt { path: name, ..Excerpt::default() },
        Err(error) => Excerpt { path: format!("{name}: {error}"), ..Excerpt::default() },
    }
}

/// Size, head and tail. The tail is larger: scripts say at their end what went wrong.
fn ends(path: &Path, limit: u64) -> io::Result<(u64, Vec<u8>, Vec<u8>)> {
    let mut file = private::output(path)?;
    let size = file.metadata()?.len();
    let for_head = if size <= limit { limit } else { limit / 3 };
    let mut head = Vec::new();
    (&mut file).take(for_head).read_to_end(&mut head)?;
    let mut tail = Vec::new();
    if size > limit {
        let for_tail = limit - for_head;
        file.seek(SeekFrom::Start(size - for_tail))?;
        file.take(for_tail).read_to_end(&mut tail)?;
    }
    Ok((size.max((head.len() + tail.len()) as u64), head, tail))
}

/// The last bytes of a file, as far as it can be read.
pub(super) fn tail(path: &Path, limit: u64) -> Vec<u8> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = private::output(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(limit)))?;
        let mut tail = Vec::new();
        file.take(limit).read_to_end(&mut tail)?;
        Ok(tail)
    };
    read().unwrap_or_default()
}

/// The whole of a file that is no larger than a limit.
pub(super) fn whole(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let file = private::output(path).ok()?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}
