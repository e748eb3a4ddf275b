//! Machines in files, as `accept` and `compare` take them.

use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use crate::host::Host;
use crate::inventory::{collect_detail, open};

/// The most bytes of a file that is read as a document: the inventory of the largest machine has a tenth of it.
const MOST: u64 = 256 << 20;

/// What a file holds.
pub(in crate::cli) enum Content {
    /// JSON, one document or one a line.
    Documents(Vec<Value>),
    /// A snapshot, or the tree of a machine.
    Machine(Box<Value>),
}

/// The deep inventory of this machine.
pub(in crate::cli) fn live() -> anyhow::Result<Value> {
    serde_json::to_value(collect_detail(&Host::live())).context("cannot write the inventory as JSON")
}

/// The deep inventory of a machine in a file: a snapshot, a copied tree, or what `shakedown inventory --format json` printed.
pub(in crate::cli) fn inventory(path: &Path) -> anyhow::Result<Value> {
    match content(path)? {
        Content::Machine(inventory) => Ok(*inventory),
        Content::Documents(mut documents) if documents.len() == 1 => Ok(documents.remove(0)),
        Content::Documents(_) => anyhow::bail!("{} holds several documents, and no inventory", path.display()),
    }
}

/// What a file holds, by its first byte.
pub(in crate::cli) fn content(path: &Path) -> anyhow::Result<Content> {
    let shown = path.display();
    if path.is_file() {
        let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
        let mut reader = BufReader::new(file.take(MOST));
        let mut first = [0];
        reader.read_exact(&mut first).with_context(|| format!("{shown} is empty"))?;
        if matches!(first[0], b'{' | b'[') {
            let stream = serde_json::Deserializer::from_reader(first.as_slice().chain(reader)).into_iter::<Value>();
            let documents: Result<Vec<Value>, _> = stream.collect();
            return documents.map(Content::Documents).with_context(|| format!("{shown} is damaged JSON"));
        }
    }
    let opened = open(path).with_context(|| format!("cannot read {shown} as a machine"))?;
    let inventory = serde_json::to_value(collect_detail(&opened.host)).context("cannot write the inventory as JSON")?;
    Ok(Content::Machine(Box::new(inventory)))
}

/// The files that are meant: of a folder that is no machine's tree all in it, in the order of their names.
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
