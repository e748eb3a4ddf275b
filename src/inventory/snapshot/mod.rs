//! A machine in a file: what its inventory reads, and nothing else, so that any machine becomes a test and a support case.
//!
//! `take` inventories a machine with a recorder, keeps every file, link and directory that was looked at and every answer of the
//! kernel, leaves out what is not needed (names of other machines' devices, mount points), and replaces what identifies this
//! machine. `archive` is the file: a tree with a [`MANIFEST`], packed as `.tar.xz`.

mod address;
mod allowed;
mod archive;
mod identifiers;
mod needed;
mod redact;
mod tree;
mod vpd;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::collect_detail;
use crate::host::{Host, Notes};

pub use archive::{Opened, SnapshotError, open};

/// The member that holds what is no file.
const MANIFEST: &str = "snapshot.json";
/// Version of the form.
const FORM: u32 = 1;

/// A recorded machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    nodes: Nodes,
    notes: Notes,
    is_redacted: bool,
}

/// What stands below the root, by absolute path.
type Nodes = BTreeMap<PathBuf, Node>;

/// A file, a link or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// With this content; empty where nobody read it.
    File(Vec<u8>),
    /// With this target.
    Link(PathBuf),
    /// Its entries stand beside it.
    Directory,
}

/// What [`MANIFEST`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    form: u32,
    /// Who took it.
    program: String,
    /// Whether serial numbers, addresses and names are replaced.
    redacted: bool,
    #[serde(flatten)]
    notes: Notes,
}

impl Snapshot {
    /// Reads a machine and keeps what was read. What identifies it – serial numbers, world-wide names, UUIDs, MAC and IP addresses, host
    /// name, labels – is replaced by something of the same form unless `keep_serials`; what was equal stays equal.
    ///
    /// # Errors
    /// When there are more identifiers than can be looked for.
    pub fn take(host: &Host, keep_serials: bool) -> Result<Self, SnapshotError> {
        let (watched, recorder) = host.recorded();
        let _ = collect_detail(&watched);
        let (mut nodes, errors) = tree::nodes(host, recorder.seen());
        needed::reduce(&mut nodes);
        let mut answered = Notes { answers: host.has_kernel().then(|| recorder.answers()), errors };
        if !keep_serials {
            redact::redact(&mut nodes, &mut answered)?;
        }
        Ok(Snapshot { nodes, notes: answered, is_redacted: !keep_serials })
    }

    /// How many files it holds.
    #[must_use]
    pub fn files(&self) -> usize {
        self.nodes.values().filter(|node| matches!(node, Node::File(_))).count()
    }

    /// Writes it as `.tar.xz`, whole or not at all; only its owner can read it.
    ///
    /// # Errors
    /// When there is no room or no permission.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        archive::write(self, path)
    }

    fn manifest(&self) -> Manifest {
        let program = format!("shakedown {}", env!("CARGO_PKG_VERSION"));
        Manifest { form: FORM, program, redacted: self.is_redacted, notes: self.notes.clone() }
    }
}
