//! Enlisting: how a machine becomes one that the region knows (contract REGION, "Enlistment and registration").
//!
//! The scripts that run alone come first, since one of them may find the access to the BMC, which the machine is best made with. Their
//! results wait in the outbox until the region has made it; then everything goes on as for any machine.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dispatcher::Dispatcher;
use super::record::Record;
use super::run::{Verdict, Voice};
use super::{Agent, Error, machine, messages, resume};
use crate::config::{keep_enlisted, preseed_credentials};
use crate::event::EventType;
use crate::journal::{RunRecord, Store};
use crate::region::{self, Client, KnownMachine, NewMachine, persist};
use crate::runner::discard;
use crate::script::{BmcConfig, Index, Parallel, Script, ScriptType};

/// What came of it.
pub(super) struct Enlisted {
    /// The connection as the machine that the region made, if it did.
    pub(super) voice: Option<Voice>,
    /// How the run ends already.
    pub(super) verdict: Option<Verdict>,
}

impl Enlisted {
    fn not(verdict: Verdict) -> Self {
        Enlisted { voice: None, verdict: Some(verdict) }
    }
}

impl Agent {
    /// Makes this machine known, with the results of the scripts that run alone waiting to be told.
    pub(super) async fn enlist(
        &self,
        dispatcher: &mut Dispatcher,
        record: &Record,
        interrupted: Option<RunRecord>,
    ) -> Result<Enlisted, Error> {
        let machine = machine::of(&self.host)?;
        self.say(format!("This machine has no credentials: it enlists with the region {}", self.client.base_url()));
        if let Some(run) = &interrupted {
            let (reports, _) = mpsc::channel(1);
            self.settle(run, &self.runner(reports), dispatcher, record).await;
        }
        let index = match self.before_it_is_known(&machine, dispatcher).await {
            Ok(Some(index)) => index,
            Ok(None) => return Ok(Enlisted::not(Verdict::Registered)),
            Err(Error::Enlist(region::Error::Cancelled(_)) | Error::Fetch(region::Error::Cancelled(_))) => {
                return Ok(Enlisted::not(Verdict::Stopped));
            }
            Err(error) => return Err(error),
        };
        let earlier = self.bmc_of_earlier(dispatcher);
        if earlier.is_some() {
            dispatcher.power_is_kept();
        }
        let (ends, ended) = mpsc::unbounded_channel();
        dispatcher.tell_ends(Some(ends));
        let done = CancellationToken::new();
        let serial = async {
            let stopped = self.run_alone(&index, dispatcher, record).await;
            dispatcher.tell_ends(None);
            done.cancel();
            stopped
        };
        let (verdict, voice) = tokio::join!(serial, self.become_node(&machine, (earlier, ended), &done, record));
        match voice {
            Ok(voice) => Ok(Enlisted { voice: Some(voice), verdict }),
            Err(Error::Enlist(region::Error::Cancelled(_))) if self.stop.is_cancelled() => {
                Ok(Enlisted::not(Verdict::Stopped))
            }
            Err(Error::Enlist(region::Error::Cancelled(_))) => Ok(Enlisted::not(Verdict::Unfinished)),
            Err(error) => Err(error),
        }
    }

    /// The scripts to run as a stranger; `None` if the region has this machine already, which is asked once in a run.
    async fn before_it_is_known(&self, machine: &NewMachine, dispatcher: &Dispatcher) -> Result<Option<Index>, Error> {
        if !dispatcher.has_outcomes()
            && let Some(mac) = self.known_address(machine).await.map_err(Error::Enlist)?
        {
            self.say(format!("The region knows this machine already, by its address {mac}: nothing was run"));
            return Ok(None);
        }
        self.strangers_index(dispatcher).await.map(Some)
    }

    /// The first address by which the region has this machine.
    async fn known_address(&self, machine: &NewMachine) -> Result<Option<String>, region::Error> {
        for mac in &machine.mac_addresses {
            let asking = persist(&self.options.retry, &self.stop, "asking whether the region has this machine", || {
                self.client.is_registered(mac)
            });
            if asking.await? {
                return Ok(Some(mac.clone()));
            }
        }
        Ok(None)
    }

    /// The scripts for machines that the region does not know: those that run alone and have not run yet.
    async fn strangers_index(&self, dispatcher: &Dispatcher) -> Result<Index, Error> {
        let mut index = self.index(false).await?.unwrap_or_default();
        let is_due = |script: &Script| {
            script.parallel == Parallel::Disabled && !dispatcher.ended().any(|name| name == script.name)
        };
        index.scripts.retain(|script| script.kind == ScriptType::Commissioning && is_due(script));
        index.bad.clear();
        // They write to files that only their names tell apart.
        let mut names = BTreeSet::new();
        index.scripts.retain(|script| names.insert(script.name.clone()));
        for script in &mut index.scripts {
            script.has_started |= dispatcher.has_begun(script);
        }
        Ok(index)
    }

    /// Runs them; a verdict if the run was stopped, or the machine goes down. Failures count later, since the region has to hear of them.
    async fn run_alone(&self, index: &Index, dispatcher: &mut Dispatcher, record: &Record) -> Option<Verdict> {
        if index.is_empty() {
            return None;
        }
        let verdict = self.run_set(ScriptType::Commissioning, index, dispatcher, record).await;
        verdict.filter(|verdict| matches!(verdict, Verdict::Stopped | Verdict::GoingDown))
    }

    /// The access to the BMC that a script found before this process was started.
    fn bmc_of_earlier(&self, dispatcher: &Dispatcher) -> Option<(BmcConfig, Script)> {
        dispatcher.ended().find_map(|name| {
            let script = Script::placeholder(ScriptType::Commissioning, name, None);
            self.bmc_of(&script).map(|bmc| (bmc, script))
        })
    }

    fn bmc_of(&self, script: &Script) -> Option<BmcConfig> {
        BmcConfig::read(&self.workspace.outputs(script).bmc_config).unwrap_or_else(|error| {
            tracing::warn!(script = %script, "the access to the BMC that it wrote to BMC_CONFIG_PATH is wrong: {error}");
            None
        })
    }

    /// Lets the region make the machine as soon as the access to its BMC is known, or when all scripts that run alone have ended (`done`);
    /// keeps the credentials, and begins to deliver what has waited.
    async fn become_node(
        &self,
        machine: &NewMachine,
        (earlier, mut ended): (Option<(BmcConfig, Script)>, mpsc::UnboundedReceiver<Arc<Script>>),
        done: &CancellationToken,
        record: &Record,
    ) -> Result<Voice, Error> {
        let mut bmc = earlier;
        while bmc.is_none() {
            let Some(script) = ended.recv().await else { break };
            bmc = self.bmc_of(&script).map(|bmc| (bmc, Script::clone(&script)));
        }
        let client = tokio::select! {
            made = self.made(machine, bmc.as_ref().map(|(bmc, _)| bmc), record) => made?,
            () = self.impatience(done) => return Err(Error::Enlist(region::Error::Cancelled("the region does not answer".into()))),
        };
        if let Some((_, script)) = &bmc {
            // It holds a password, and nobody needs it any more.
            discard(&self.workspace.outputs(script).bmc_config);
        }
        self.adopt(&client, record).await;
        Ok(self.voice(Arc::new(client), record))
    }

    /// Strikes when nobody waits for the region any longer.
    async fn impatience(&self, done: &CancellationToken) {
        done.cancelled().await;
        if !self.options.exit_when_done {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.options.farewell).await;
    }

    /// Creation and credentials, until the region has given both.
    async fn made(&self, machine: &NewMachine, bmc: Option<&BmcConfig>, record: &Record) -> Result<Client, Error> {
        if self.stop.is_cancelled() {
            return Err(Error::Enlist(region::Error::Cancelled(messages::STOPPED.to_owned())));
        }
        let (retry, stop) = (&self.options.retry, &self.stop);
        let making = persist(retry, stop, "making this machine known", || self.create(machine, bmc));
        let (known, refusal) = making.await.map_err(Error::Enlist)?;
        if !known.is_enlisting() {
            return Err(Error::Taken { system_id: known.system_id, status: known.status });
        }
        let system_id = known.system_id;
        let preseed = persist(retry, stop, "fetching the credentials", || self.client.preseed(&system_id));
        let preseed = preseed.await.map_err(Error::Enlist)?;
        let place = self.options.credentials_file.clone().unwrap_or_default();
        let credentials = preseed_credentials(&preseed, &place).map_err(Error::Preseed)?;
        let client = self.client.as_node(credentials, system_id.clone()).map_err(Error::Enlist)?;
        if let Some(file) = &self.options.credentials_file
            && let Err(error) = keep_enlisted(file, client.options())
        {
            tracing::warn!(path = %file.display(), %error, "the credentials cannot be kept: after a crash this machine enlists again");
        }
        self.say(format!("The region knows this machine as {system_id}"));
        if let Some(reason) = refusal {
            let text = format!("the region took this machine without its BMC: {reason}");
            self.say(text.clone());
            record.notice(EventType::NODE_STATUS_EVENT, "shakedown/bmc", text).await;
        }
        Ok(client)
    }

    /// One attempt: with the BMC, and if the region finds fault with that, without. The machine, and the region's reason
    /// against the BMC.
    async fn create(
        &self,
        machine: &NewMachine,
        bmc: Option<&BmcConfig>,
    ) -> Result<(KnownMachine, Option<String>), region::Error> {
        match self.client.create_machine(machine, bmc).await {
            Err(error) if bmc.is_some() && error.is_about_request() => {
                self.client.create_machine(machine, None).await.map(|known| (known, Some(error.to_string())))
            }
            other => other.map(|known| (known, None)),
        }
    }

    /// What a script printed before it rebooted the machine, when it had no number yet, belongs to its result.
    pub(super) fn number_outputs(&self, script: &Script) {
        let unnumbered = Script::placeholder(script.kind, &script.name, None);
        let (before, now) = (self.workspace.outputs(&unnumbered), self.workspace.outputs(script));
        let files = [
            (before.combined, now.combined),
            (before.stdout, now.stdout),
            (before.stderr, now.stderr),
            (before.result, now.result),
            (before.bmc_config, now.bmc_config),
        ];
        for (from, to) in files.iter().filter(|(from, to)| from.exists() && !to.exists()) {
            if let Err(error) = std::fs::rename(from, to) {
                tracing::warn!(path = %from.display(), %error, "what it printed before the reboot is not in its result");
            }
        }
    }

    /// From now on the record is that of a machine that the region knows, and what waits is for it.
    async fn adopt(&self, client: &Client, record: &Record) {
        let (region, system_id) = (client.identity(), client.system_id().map(str::to_owned));
        let (stranger, adopted, id) = (self.client.identity(), region.clone(), system_id.clone());
        let adopt = move |store: &mut Store| {
            store.set_system_id(id);
            store.adopt_runs(&stranger, &adopted)
        };
        record.journal.with("the credentials of this machine", adopt).await;
        self.audit_credentials(client, record).await;
        let name = system_id.unwrap_or_default();
        let text = format!("Enlisted '{}' with {} as {name}.", self.host.hostname(), client.base_url());
        record.audit(EventType::NODE, text, &self.options.actor).await;
        record.is_heard();
        resume::restore(&record.journal, &record.outbox, region).await;
    }
}
