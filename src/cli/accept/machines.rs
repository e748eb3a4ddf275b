//! Reads machines from files, for `accept` and `compare`.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::super::restore;
use crate::inventory::{collect_detail, open};

/// The mark of the byte order in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Maximum bytes of a file that are read as a document; the inventory of the largest known machine has a tenth of that.
const MOST: u64 = 256 << 20;

/// Content of a file.
pub(in crate::cli) enum Content {
    /// JSON: one document, or one per line.
    Documents(Vec<Value>),
    /// Deep inventory of a snapshot, or of the copied tree of a machine.
    Machine(Box<Value>),
}

/// The deep inventory of this machine.
pub(in crate::cli) fn live() -> anyhow::Result<Value> {
    serde_json::to_value(collect_detail(&restore::machine())).context("cannot write the inventory as JSON")
}

/// The deep inventory of a machine in a file: a snapshot, a copied tree, or the output of `shakedown inventory --format json`.
pub(in crate::cli) fn inventory(path: &Path) -> anyhow::Result<Value> {
    match content(path)? {
        Content::Machine(inventory) => Ok(*inventory),
        Content::Documents(mut documents) if documents.len() == 1 => Ok(documents.remove(0)),
        Content::Documents(_) => anyhow::bail!("{} holds several documents, and no inventory", path.display()),
    }
}

/// Reads a file: as JSON if its first byte is `{` or `[`, otherwise as a snapshot or a copied tree.
pub(in crate::cli) fn content(path: &Path) -> anyhow::Result<Content> {
    let shown = path.display();
    if path.is_file() {
        let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
        let mut reader = BufReader::new(file.take(MOST));
        let start = reader.fill_buf().with_context(|| format!("cannot read {shown}"))?;
        anyhow::ensure!(!start.is_empty(), "{shown} is empty");
        // Some editors begin a file with a mark of the byte order.
        let is_marked = start.starts_with(BYTE_ORDER_MARK);
        let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
        if matches!(start.first(), Some(b'{' | b'[')) {
            reader.consume(if is_marked { BYTE_ORDER_MARK.len() } else { 0 });
            let stream = serde_json::Deserializer::from_reader(reader).into_iter::<Value>();
            let documents: Result<Vec<Value>, _> = stream.collect();
            return documents.map(Content::Documents).with_context(|| format!("{shown} is damaged JSON"));
        }
    }
    let opened = open(path).with_context(|| format!("cannot read {shown} as a machine"))?;
    let inventory = serde_json::to_value(collect_detail(&opened.host)).context("cannot write the inventory as JSON")?;
    Ok(Content::Machine(Box::new(inventory)))
}

/// Replaces each folder by the files in it, in order of their names and without hidden ones. The tree of a machine stays one path.
pub(in crate::cli) fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let is_tree = ["sys", "proc"].iter().any(|name| path.join(name).is_dir());
        if !path.is_dir() || is_tree {
            found.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut own = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", path.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                own.push(entry.path());
            }
        }
        own.sort();
        found.extend(own);
    }
    Ok(found)
}
