//! Places for a file that are none: `/dev/stdout`, `/dev/null`, a pipe, a terminal, a link. A file that replaces the one in its place would take
//! such a place away from the whole machine.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// True if the path is something else than a regular file or a free name.
#[must_use]
pub fn is_stream(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| !there.is_file())
}

/// Opens such a place to be written to; `None` for a regular file or a free name, where a whole file may be put.
///
/// # Errors
/// The system's, or that the place is a directory or a disk, on which no file is written.
pub fn stream(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::FileTypeExt as _;
    if !is_stream(path) {
        return Ok(None);
    }
    match fs::metadata(path).map(|there| there.file_type()) {
        Ok(kind) if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(kind) if kind.is_block_device() => Err(io::Error::other("it is a disk, and no place for a file")),
        // A link whose target is not there yet makes it.
        _ => OpenOptions::new().write(true).create(true).truncate(true).open(path).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_regular_file_and_a_free_name_are_places_for_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("file"), "x").expect("a file");
        for name in ["file", "free"] {
            let path = folder.path().join(name);
            assert!(!is_stream(&path) && stream(&path).expect("no error").is_none(), "{name}");
        }
        assert!(stream(folder.path()).is_err(), "a directory");
    }

    #[test]
    fn what_is_written_to_a_link_or_a_pipe_leaves_it_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("target"), "longer than before").expect("a file");
        for (link, target) in [("link", at("target")), ("dangling", at("made")), ("null", "/dev/null".into())] {
            symlink(&target, at(link)).expect("a link");
            stream(&at(link)).expect("opened").expect("a stream").write_all(b"text").expect("written");
            assert_eq!(fs::read_link(at(link)).expect("still a link"), target);
        }
        assert_eq!(
            (fs::read(at("target")).expect("text"), fs::read(at("made")).expect("text")),
            (b"text".into(), b"text".into())
        );
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let reader = at("pipe");
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            File::open(reader).and_then(|mut pipe| pipe.read_to_string(&mut text)).map(|_| text)
        });
        stream(&at("pipe")).expect("opened").expect("a stream").write_all(b"text").expect("written");
        assert_eq!(reader.join().expect("a thread").expect("read"), "text");
        assert!(is_stream(&at("pipe")));
    }
}
