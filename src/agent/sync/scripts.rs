//! The scripts that a region asks of a deployed machine.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};

use super::super::dispatcher::Dispatcher;
use super::super::outbox::Outbox;
use super::super::record::Record;
use super::super::run::QUESTION;
use super::super::uplink::Uplink;
use super::super::{Error, ScriptOutcome, fetch, order, prepare};
use super::{Sync, native};
use crate::inventory::Inventory;
use crate::journal::RunId;
use crate::region;
use crate::runner::{Report, Runner};
use crate::script::{Script, ScriptType, Status, Workspace, is_parsed};

/// The tag of the scripts that describe a machine without disturbing it (contract REGION, `tags`).
const TAG: &str = "deploy-info";

/// What the scripts came to.
pub(super) struct Ran {
    pub(super) outcomes: Vec<ScriptOutcome>,
    /// Of the list of scripts.
    pub(super) digest: String,
    /// The region gets all of the machine's hardware.
    pub(super) is_whole: bool,
}

/// Why none were run.
pub(super) enum Failed {
    Region(region::Error),
    Machine(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match error {
            Error::Fetch(error) => Failed::Region(error),
            other => Failed::Machine(other),
        }
    }
}

impl Sync {
    /// Fetches and runs what the region asks for; the results are in the journal.
    pub(super) async fn run_scripts(&self, run_id: RunId, inventory: Inventory) -> Result<Ran, Failed> {
        let workspace = Workspace::new(&self.options.storage);
        let _storage = prepare::storage(&workspace).map_err(Failed::Machine)?;
        let scripts = self.fetch(&workspace).await?;
        let record = Record {
            journal: Arc::clone(&self.journal),
            // The journal is delivered from; what waits in memory is not needed.
            outbox: Arc::new(Outbox::default()),
            began: None,
            run_id: Some(run_id),
            send: true,
            events: false,
            results_only: true,
            enlisting: None,
        };
        let (hostname, permission) = (self.host.hostname(), order::Permission::None);
        let expected = prepare::expect(&scripts, &workspace, &hostname, &record, permission).await;
        let mut dispatcher = Dispatcher::new(record, workspace.clone(), self.notices.clone());
        dispatcher.begin(&scripts);
        let digest = digest(&scripts);
        let (reports, received) = mpsc::channel::<Report>(64);
        let (host, mut options) = (self.host.clone(), self.options.runner.clone());
        if scripts.iter().any(Script::depends_on_version) {
            options.region = self.client.version(QUESTION).await.unwrap_or_default();
        }
        let runner = Runner::new(workspace.clone(), host, options, reports.clone(), self.stop.clone());
        let runner = Arc::new(runner.of_contents(expected.contents));
        let work = async move {
            let (own, others): (Vec<Script>, Vec<Script>) = scripts.into_iter().partition(native::is_native);
            for script in own {
                write_own(script, &workspace, &inventory, &reports).await;
            }
            for script in &others {
                // An earlier process of this program may have been killed while it was at work.
                runner.stop_remains(script).await;
            }
            drop(reports);
            runner.run_but(others, &expected.refused).await;
        };
        dispatcher.drive(work, received, &self.stop).await;
        let outcomes = dispatcher.into_outcomes();
        // Of a script that fails the region takes nothing. One that it reads nothing from is no reason to tell it everything again.
        let is_whole = outcomes.iter().all(|outcome| !is_parsed(&outcome.subject) || outcome.status == Status::Passed);
        Ok(Ran { outcomes, digest, is_whole })
    }

    /// The scripts that the region asks of a deployed machine: of its default set those that only describe it.
    async fn fetch(&self, workspace: &Workspace) -> Result<Vec<Script>, Failed> {
        let patience = self.patience();
        let uplink = Uplink::Deployed(Arc::clone(&self.client));
        let fetched = fetch::fetch_into(workspace, &uplink, false, &self.options.retry, &patience.token).await;
        if !fetched? {
            return Ok(Vec::new());
        }
        let index = fetch::read(workspace)?;
        for bad in &index.bad {
            tracing::warn!(script = bad.name, reason = bad.reason, "an entry of the region's index cannot be read");
        }
        let mut scripts: Vec<Script> = index.of(ScriptType::Commissioning).filter(|it| is_asked(it)).cloned().collect();
        if scripts.iter().any(|script| script.result_id.is_none()) {
            return Err(Failed::Machine(Error::Stranger));
        }
        // A deployed machine is in use, whoever orders what.
        scripts.retain(|script| {
            let destroys = order::destroys_by_file(script, workspace);
            if destroys {
                tracing::error!(%script, "it destroys data and is not run on a deployed machine");
            }
            !destroys
        });
        for script in &mut scripts {
            // What it printed the last time is no beginning of what it prints now.
            (script.has_started, script.has_finished) = (false, false);
        }
        Ok(scripts)
    }
}

/// Whether a deployed machine runs it.
fn is_asked(script: &Script) -> bool {
    script.default && script.tags.iter().any(|tag| tag == TAG)
}

/// Names and versions, whatever their order.
fn digest(scripts: &[Script]) -> String {
    let mut lines: Vec<String> =
        scripts.iter().map(|script| format!("{} {}\n", script.name, script.version_id.unwrap_or(0))).collect();
    lines.sort_unstable();
    base16ct::lower::encode_string(&Sha256::digest(lines.concat()))
}

async fn write_own(script: Script, workspace: &Workspace, inventory: &Inventory, reports: &mpsc::Sender<Report>) {
    let script = Arc::new(script);
    let (go, recorded) = oneshot::channel();
    // The receiver lives as long as the run does.
    let _ = reports.send(Report::Starting(Arc::clone(&script), go)).await;
    let _ = recorded.await;
    let finished = native::write(&script, workspace, inventory);
    let _ = reports.send(Report::Finished(script, finished)).await;
}
