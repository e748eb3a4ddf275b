//! Script archives byte by byte, so that they can be as bad as an enemy makes them.

use std::io::Read;

use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

/// A tar being written.
pub(crate) struct Tar(Builder<Vec<u8>>);

impl Tar {
    pub(crate) fn new() -> Tar {
        Tar(Builder::new(Vec::new()))
    }

    /// A regular file.
    pub(crate) fn file(self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Tar {
        let content = content.as_ref();
        let mut header = header(path, EntryType::Regular, content.len() as u64);
        header.set_mode(mode);
        self.append(header, content)
    }

    /// A link, a device, a fifo.
    pub(crate) fn special(self, path: &str, kind: EntryType, target: &str) -> Tar {
        let mut header = header(path, kind, 0);
        header.as_gnu_mut().expect("made as GNU").linkname[..target.len()].copy_from_slice(target.as_bytes());
        self.append(header, &[][..])
    }

    /// A member of any kind whose content is only said to be there.
    pub(crate) fn claimed(self, path: &str, kind: EntryType, size: u64, content: impl Read) -> Tar {
        self.append(header(path, kind, size), content)
    }

    fn append(mut self, mut header: Header, content: impl Read) -> Tar {
        header.set_cksum();
        self.0.append(&header, content).expect("memory can be written");
        self
    }

    /// `index.json`.
    pub(crate) fn index(self, sets: &Value) -> Tar {
        self.file("index.json", 0o644, json!({ "1.0": sets }).to_string())
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("memory can be written")
    }
}

/// The path is written as it is: the library would refuse what an enemy does not.
fn header(path: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_gnu_mut().expect("made as GNU").name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o755);
    header.set_mtime(0);
    header
}

/// An entry of the index for a testing script.
pub(crate) fn entry(name: &str, id: i64) -> Value {
    json!({
        "name": name, "path": format!("testing/{name}"), "script_result_id": id, "script_version_id": 7,
        "timeout_seconds": 60.0, "parallel": 0, "hardware_type": 0, "parameters": {}, "packages": {}, "for_hardware": [],
        "apply_configured_networking": false, "has_started": false, "has_finished": false, "default": false, "tags": [],
    })
}

/// An archive with one testing script, as a region makes it.
pub(crate) fn honest(body: &str) -> Tar {
    let text = format!("#!/bin/sh\n{body}\n");
    Tar::new().file("testing/honest", 0o755, text).index(&json!({"testing_scripts": [entry("honest", 1)]}))
}
