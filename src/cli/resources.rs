//! `shakedown resources`, also as `machine-resources`: the JSON by which MAAS knows a machine.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use super::{exit, gap, help, raw_output, state, unless_reader_has_gone};
use crate::inventory::{Opened, collect, open};

#[derive(Debug, clap::Args)]
#[command(after_help = help::RESOURCES)]
pub(super) struct Arguments {
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    state: state::Options,
}

/// Which machine is read.
#[derive(Debug, clap::Args)]
pub(super) struct Machine {
    /// Read a copied machine instead of this one: a snapshot, or a directory that holds its /sys, /proc, /run/udev …
    #[arg(long, value_name = "PATH")]
    root: Option<PathBuf>,
}

impl Machine {
    /// This machine, or a copied one.
    pub(super) fn open(&self) -> anyhow::Result<Opened> {
        self.root
            .as_ref()
            .map_or_else(|| Ok(Opened::live()), |root| open(root))
            .context("cannot read the copied machine")
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let machine = arguments.machine.open()?;
    let collected = collect(&machine.host);
    gap::tell(&machine.host, &collected.gaps, &arguments.state);
    let mut output = BufWriter::with_capacity(64 << 10, raw_output());
    let printed = collected.value.write_json(&mut output).and_then(|()| output.flush());
    unless_reader_has_gone(printed)?;
    Ok(exit::OK)
}
