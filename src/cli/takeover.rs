//! `shakedown takeover`: started by a script under MAAS's runner, the agent does its work in that runner's place.

use std::io::Write as _;
use std::path::PathBuf;

use super::{exit, help, state};
use crate::adoption::{self, Ending, Place};
use crate::config::default_storage;
use crate::process;

#[derive(Debug, clap::Args)]
#[command(after_help = help::TAKEOVER)]
pub(super) struct Arguments {
    /// Where scripts and their outputs are kept
    #[arg(long, value_name = "DIR", default_value_os_t = default_storage().to_owned())]
    storage: PathBuf,
    /// CA bundle (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// The process that halts the runner and starts the agent
    #[arg(long, hide = true, conflicts_with = "watch")]
    guard: bool,
    /// The process that starts the other one
    #[arg(long, hide = true)]
    watch: bool,
    #[command(flatten)]
    state: state::Options,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let place = Place {
        state: arguments.state.state_dir,
        storage: std::path::absolute(arguments.storage)?,
        ca_file: arguments.cacert,
    };
    if arguments.guard || arguments.watch {
        process::prefer_this_process();
    }
    if arguments.guard {
        adoption::guard(&place).await?;
        return Ok(exit::OK);
    }
    if arguments.watch {
        adoption::watch(&place);
        return Ok(exit::OK);
    }
    if std::env::var_os("SHAKEDOWN_BINARY").is_some() {
        say!("Shakedown runs this machine's scripts already: there is nothing to take over.");
        return Ok(exit::OK);
    }
    match adoption::hand_over(&place).await {
        Ok(Ending::GivenBack(reason)) => degraded(&reason),
        Ok(Ending::Done | Ending::Hopeless(_)) => Ok(exit::OK),
        Err(error) => degraded(&error.to_string()),
    }
}

/// MAAS's runner goes on, and its operator sees why: not passed, and nothing that fails the machine.
fn degraded(reason: &str) -> anyhow::Result<u8> {
    complain!("shakedown: nothing was taken over, and MAAS's runner goes on: {reason}");
    if let Some(path) = std::env::var_os("RESULT_PATH") {
        std::fs::File::create(path)?.write_all(b"{status: degraded}\n")?;
    }
    Ok(exit::OK)
}
