//! `shakedown resources`, also as `machine-resources`: the JSON by which MAAS knows a machine.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{exit, unless_reader_has_gone};
use crate::host::Host;
use crate::inventory::collect;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Read a copy of a machine's /sys, /proc, /run/udev … below this directory instead of this machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// This machine, or a copy of one.
pub(super) fn host(root: Option<&Path>) -> anyhow::Result<Host> {
    let Some(root) = root else { return Ok(Host::live()) };
    anyhow::ensure!(root.is_dir(), "{} is no directory", root.display());
    Ok(Host::at(root))
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let collected = collect(&host(arguments.root.as_deref())?);
    for gap in &collected.gaps {
        complain!("shakedown: {gap}");
    }
    let mut output = std::io::stdout();
    let printed = output.write_all(&collected.value.to_json()).and_then(|()| output.flush());
    unless_reader_has_gone(printed)?;
    Ok(exit::OK)
}
