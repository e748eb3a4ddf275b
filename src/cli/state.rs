//! The state directory: where the journal is.

use std::path::PathBuf;

use crate::journal::{self, Store};

/// The option that says where; the same for every verb.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "state_options")]
pub(super) struct Options {
    /// Where the journal of runs and events is kept
    #[arg(
        long, value_name = "DIR", env = "SHAKEDOWN_STATE_DIR", default_value = "/var/lib/shakedown", global = true,
        value_parser = absolute
    )]
    pub(super) state_dir: PathBuf,
}

/// Scripts, which run elsewhere, are told the directory, too.
fn absolute(text: &str) -> std::io::Result<PathBuf> {
    std::path::absolute(text)
}

impl Options {
    /// The journal to write to. One that was damaged is told.
    pub(super) fn open(&self, hostname: &str, region: &str) -> Result<Store, journal::Error> {
        let opened = Store::open(&self.state_dir, hostname, region)?;
        if let Some(aside) = opened.set_aside {
            complain!(
                "shakedown: WARNING: the journal was damaged; it is kept as {}, and a new one is begun. What it held unsent is \
                 lost to the region.",
                aside.display()
            );
        }
        Ok(opened.store)
    }

    /// The journal for a run. Without one the run still does its work: that it leaves no record is said loudly, once.
    pub(super) fn open_for_run(&self, hostname: &str, region: &str) -> anyhow::Result<Option<Store>> {
        match self.open(hostname, region) {
            Ok(store) => Ok(Some(store)),
            // Two runs at once would spoil each other's measurements and report twice; what others can change is not to be believed.
            Err(error @ (journal::Error::Locked { .. } | journal::Error::Exposed(_))) => Err(error.into()),
            Err(error) => {
                complain!(
                    "shakedown: WARNING: no journal: {error}. The run goes on and reports to the region, but leaves no record on \
                     this machine and cannot be resumed."
                );
                Ok(None)
            }
        }
    }

    /// The journal, to look at it.
    pub(super) fn read(&self) -> anyhow::Result<Store> {
        anyhow::ensure!(
            journal::file(&self.state_dir).exists(),
            "there is no journal in {}: nothing was run here yet, or --state-dir is another",
            self.state_dir.display()
        );
        Store::read(&self.state_dir).map_err(|error| match error {
            exposed @ journal::Error::Exposed(_) => anyhow::Error::new(exposed)
                .context("root believes no journal that another user can have written: read it as that user, or mend the directory"),
            other => other.into(),
        })
    }
}
