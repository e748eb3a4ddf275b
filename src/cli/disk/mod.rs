//! `shakedown disk`: which disks there are, how they are, and their own tests.

mod judge;
mod list;
mod ocp;
mod progress;
mod result;
mod show;
mod test;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::format::Format;
use super::help;
use crate::disk::{Disks, Error, Smartctl};
use crate::host::Host;
use crate::telemetry::LogFormat;

#[derive(Debug, clap::Args)]
#[command(after_help = help::DISK)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The disks of this machine, also those behind RAID controllers, and what they can be tested with
    List(list::Arguments),
    /// Test disks, all at once: their health as it is, or one of their own self-tests to its end
    Test(test::Arguments),
    /// One disk on a page: who it is, how it is and why, what it counted, how its self-tests ended
    Show(show::Arguments),
    /// Judge what smartctl printed elsewhere: one JSON line for each file
    Judge(judge::Arguments),
}

/// Where the disks are and what asks them.
#[derive(Debug, clap::Args)]
struct Machine {
    /// The smartctl to use, called as it is. By default the one in PATH, /usr/sbin or /sbin, for users other than root by `sudo -n`
    #[arg(long, value_name = "PATH", env = "SHAKEDOWN_SMARTCTL")]
    smartctl: Option<PathBuf>,
    /// Read the list of disks from a copy of a machine's /sys
    #[arg(long, value_name = "DIR", hide = true)]
    root: Option<PathBuf>,
    /// Longest call of smartctl, in seconds
    #[arg(long, value_name = "SECONDS", hide = true)]
    call_limit: Option<u64>,
}

impl Machine {
    fn disks(&self) -> anyhow::Result<Disks> {
        Ok(Disks::of(&self.host()?))
    }

    fn host(&self) -> anyhow::Result<Host> {
        let Some(root) = &self.root else { return Ok(Host::live()) };
        anyhow::ensure!(root.is_dir(), "{} is no directory", root.display());
        Ok(Host::at(root))
    }

    /// The smartctl that asks the drives. For a copied machine it has to be named: this machine's own would ask this machine's drives.
    fn smartctl(&self) -> Result<Smartctl, Error> {
        if let Some(root) = self.root.as_ref().filter(|_| self.smartctl.is_none()) {
            return Err(Error::Copied(root.clone()));
        }
        let smartctl = Smartctl::find(self.smartctl.as_deref())?;
        Ok(match self.call_limit {
            Some(limit) => smartctl.with_limit(Duration::from_secs(limit)),
            None => smartctl,
        })
    }
}

pub(super) async fn run(arguments: Arguments, format: LogFormat) -> anyhow::Result<u8> {
    match arguments.verb {
        Verb::List(arguments) => list::run(&arguments).await,
        Verb::Test(arguments) => test::run(arguments, format).await,
        Verb::Show(arguments) => show::run(&arguments).await,
        Verb::Judge(arguments) => judge::run(&arguments),
    }
}
