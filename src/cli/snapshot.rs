//! `shakedown snapshot`: what the inventory reads, as a file that any other machine can read in its place.

use std::path::PathBuf;

use anyhow::Context as _;

use super::resources::Machine;
use super::{answer, exit, help};
use crate::inventory::Snapshot;

#[derive(Debug, clap::Args)]
#[command(after_help = help::SNAPSHOT)]
pub(super) struct Arguments {
    /// The file to write, for example machine.tar.xz
    #[arg(value_name = "OUT.tar.xz")]
    out: PathBuf,
    /// Keep serial numbers, world-wide names, UUIDs, MAC and IP addresses, the host name and labels as they are; else they are replaced
    /// by others of the same form
    #[arg(long)]
    keep_serials: bool,
    #[command(flatten)]
    machine: Machine,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let folder = arguments.out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        anyhow::bail!("there is no folder {} to write the snapshot to", folder.display());
    }
    anyhow::ensure!(!arguments.out.is_dir(), "{} is a folder: give the file to write", arguments.out.display());
    let machine = arguments.machine.open()?;
    let snapshot = Snapshot::take(&machine.host, arguments.keep_serials)?;
    let out = arguments.out.display();
    snapshot.write(&arguments.out).with_context(|| format!("cannot write {out}"))?;
    let identifiers = if arguments.keep_serials {
        "serial numbers and addresses are in it"
    } else {
        "serial numbers and addresses are replaced"
    };
    answer(&format!(
        "{out}: {} files; {identifiers}. Read it with: shakedown inventory --root {out}",
        snapshot.files()
    ))?;
    Ok(exit::OK)
}
