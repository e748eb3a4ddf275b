//! A file of a result, and how it is read for the region.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use nix::libc;
use reqwest::multipart::Part;
use serde::{Deserialize, Serialize};

use super::{Error, Slice, oversized};
use crate::private;
use crate::script::Found;

/// Bytes that are read at once of a file that is sent.
const CHUNK: usize = 64 << 10;

/// The role of a result's file for the region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Output for people. The middle is left out if the whole is too large for the region.
    Output,
    /// Output that the region parses: sent whole or not at all.
    Parsed,
    /// The result file, whose status decides: sent whole or not at all.
    ResultFile {
        /// The text that is sent in place of a file that is gone, empty or too large, so that the status that counted here reaches the
        /// region in any case. Empty if no status of the file counted.
        otherwise: String,
    },
}

/// A file of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct FilePart {
    /// `NAME`, `NAME.out`, `NAME.err` or `NAME.yaml`.
    pub name: String,
    /// The file's path. A file that was never written is sent empty.
    pub path: PathBuf,
    /// The file's size when the script ended, in bytes; `None` if unknown. A smaller file was changed since, or its disk lost data.
    pub size: Option<u64>,
    /// The role of the file for the region.
    pub content: Content,
}

/// A file as a journal may hold it. Messages of version 0.1 have only `whole`; the file's name then decides between the two whole roles.
#[derive(Deserialize)]
struct Stored {
    name: String,
    path: PathBuf,
    #[serde(default)]
    size: Option<u64>,
    content: Option<Content>,
    #[serde(default)]
    otherwise: String,
    #[serde(default)]
    whole: bool,
}

impl From<Stored> for FilePart {
    fn from(stored: Stored) -> Self {
        let Stored { name, path, size, content, otherwise, whole } = stored;
        let content = content.unwrap_or_else(|| match whole {
            false => Content::Output,
            true if name.ends_with(".out") => Content::Parsed,
            true => Content::ResultFile { otherwise },
        });
        FilePart { name, path, size, content }
    }
}

impl FilePart {
    /// True if the file is sent whole or not at all.
    pub(super) fn is_whole(&self) -> bool {
        self.content != Content::Output
    }

    /// True if the file is output that the region parses.
    pub(super) fn is_parsed(&self) -> bool {
        self.content == Content::Parsed
    }

    /// The result file as it is, or `otherwise`. The file is read to its end before its length is sent: a file that breaks off while it
    /// is sent would lose the status that counted here.
    pub(super) fn result_file(&self, otherwise: &str) -> Result<Part, Error> {
        match Found::at(&self.path) {
            Ok(Found::Content(bytes)) if !bytes.is_empty() && self.lost(bytes.len() as u64) == 0 => {
                Ok(Part::bytes(bytes))
            }
            Ok(_) => Ok(Part::text(otherwise.to_owned())),
            Err(source) => Err(Error::File { path: self.path.display().to_string(), source }),
        }
    }

    /// Bytes that are gone since the script ended; `size` is the present size.
    fn lost(&self, size: u64) -> u64 {
        self.size.unwrap_or(0).saturating_sub(size)
    }

    /// The whole file, which has `size` bytes.
    pub(super) fn all(&self, size: u64) -> Result<Vec<u8>, Error> {
        let read = || {
            if self.lost(size) > 0 {
                return Err(std::io::Error::other(format!("{} bytes of it are gone", self.lost(size))));
            }
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
            Source::open(&self.path)?.0.read_exact_at(&mut bytes, 0)?;
            Ok(bytes)
        };
        read().map_err(|source: std::io::Error| {
            if is_want(&source) {
                Error::File { path: self.path.display().to_string(), source }
            } else {
                Error::Unreadable { name: self.name.clone(), reason: source.to_string() }
            }
        })
    }

    /// Compact JSON of parsed output that is larger than `room` bytes; `None` for all other files.
    pub(super) fn packed(&self, room: u64) -> Option<Vec<u8>> {
        (self.is_parsed() && length(&self.path) > room).then(|| oversized::compact(&self.path)).flatten()
    }
}

/// True if the error is a lack of descriptors or memory, which other processes will free again.
fn is_want(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

/// Bytes of a file; 0 if there is none, and 1 if the path is no regular file, so that [`part`] runs and reports that.
pub(super) fn length(path: &Path) -> u64 {
    path.symlink_metadata().map_or(0, |metadata| if metadata.is_file() { metadata.len() } else { 1 })
}

/// A part that reads its file while it is sent. A line with the error replaces a file that cannot be read: no file holds up a result.
pub(super) fn part(file: &FilePart, size: u64, slice: Slice) -> Result<Part, Error> {
    let path = &file.path;
    let gone = match file.lost(size) {
        0 => String::new(),
        lost => format!(
            "\n[shakedown: {lost} bytes of {} are gone, which were there as the script ended]\n",
            path.display()
        ),
    };
    if size == 0 {
        return Ok(Part::text(gone));
    }
    let source = match Source::open(path) {
        Ok(source) => source,
        Err(error) if is_want(&error) => return Err(Error::File { path: path.display().to_string(), source: error }),
        Err(error) => return Ok(Part::text(format!("[shakedown: {} cannot be read: {error}]\n", path.display()))),
    };
    let gone_length = gone.len() as u64;
    let gone = stream::iter([Ok::<_, std::io::Error>(gone.into_bytes())]);
    let Slice::HeadAndTail { head, tail } = slice else {
        let body = source.piece(0, size).chain(gone);
        return Ok(Part::stream_with_length(reqwest::Body::wrap_stream(body), size + gone_length));
    };
    let marker = format!(
        "\n[shakedown: {} bytes left out here; the whole output is on the node in {}]\n",
        size - head - tail,
        path.display()
    );
    let length = head + tail + marker.len() as u64 + gone_length;
    let marker = stream::iter([Ok::<_, std::io::Error>(marker.into_bytes())]);
    let (head, tail) = (source.clone().piece(0, head), source.piece(size - tail, tail));
    let body = head.chain(marker).chain(tail).chain(gone);
    Ok(Part::stream_with_length(reqwest::Body::wrap_stream(body), length))
}

/// A file that is read while it is sent. As many bytes as announced are sent in any case, or the region would wait for the rest.
#[derive(Clone)]
struct Source(Arc<std::fs::File>);

impl Source {
    /// Opens a file if it is a regular one (a script may have put something else in its place), and checks that the disk can read it.
    fn open(path: &Path) -> std::io::Result<Self> {
        let file = private::regular(path)?;
        file.read_at(&mut [0], 0)?;
        Ok(Source(Arc::new(file)))
    }

    /// `length` bytes from offset `from` on; bytes that cannot be read are replaced by a line about that and blanks.
    fn piece(self, from: u64, length: u64) -> impl stream::Stream<Item = std::io::Result<Vec<u8>>> {
        stream::unfold((self, from, length, None::<String>), |(source, from, left, missing)| async move {
            let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            if most == 0 {
                return None;
            }
            let (bytes, missing) = match missing {
                Some(text) => (text.bytes().chain(std::iter::repeat(b'\n')).take(most).collect(), Some(String::new())),
                None => source.clone().read(from, most).await.map_or_else(
                    |error| (Vec::new(), Some(format!("\n[shakedown: the rest cannot be read: {error}]\n"))),
                    |bytes| (bytes, None),
                ),
            };
            let count = bytes.len() as u64;
            Some((Ok(bytes), (source, from + count, left - count, missing)))
        })
    }

    async fn read(self, from: u64, most: usize) -> std::io::Result<Vec<u8>> {
        let read = move || {
            let mut bytes = vec![0; most];
            let count = self.0.read_at(&mut bytes, from)?;
            bytes.truncate(count);
            if count == 0 { Err(std::io::Error::other("it has become shorter")) } else { Ok(bytes) }
        };
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_version_0_1_left_in_a_journal_keep_their_meaning() {
        let read = |json: &str| serde_json::from_str::<FilePart>(json).expect("a file").content;
        assert_eq!(read(r#"{"name": "a", "path": "/a", "whole": false}"#), Content::Output);
        assert_eq!(
            read(r#"{"name": "a.out", "path": "/a", "size": 7, "otherwise": "", "whole": true}"#),
            Content::Parsed
        );
        let otherwise = "status: failed\n".to_owned();
        assert_eq!(
            read(r#"{"name": "a.yaml", "path": "/a", "otherwise": "status: failed\n", "whole": true}"#),
            Content::ResultFile { otherwise }
        );
    }

    #[test]
    fn a_file_is_read_back_as_it_was_written() {
        for content in
            [Content::Output, Content::Parsed, Content::ResultFile { otherwise: "status: passed\n".to_owned() }]
        {
            let part = FilePart { name: "a.out".to_owned(), path: "/a".into(), size: Some(1), content };
            let json = serde_json::to_string(&part).expect("JSON");
            assert_eq!(serde_json::from_str::<FilePart>(&json).expect("a file"), part);
        }
    }
}
