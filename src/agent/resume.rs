//! Going on where an earlier process of this program was cut off: what is unsent first, then what was running.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::delivery::drain;
use super::dispatcher::Dispatcher;
use super::message::{Entry, Payload, head, message};
use super::outbox::{Outbox, Refused};
use super::record::Record;
use super::uplink::Uplink;
use super::{Agent, Notice, fetch, messages};
use crate::event::{Event, EventType};
use crate::host::Host;
use crate::journal::{Actor, Audience, Journal, NewRun, ResultRecord, RunEnd, RunEnding, RunId, RunRecord, Store};
use crate::region::{Client, RetryOptions, Signal, SignalStatus, persist};
use crate::runner::{Ending, Finished, Interruption, Runner, discard, kept_end};
use crate::script::{Script, parse_index};

/// Puts what a journal still holds for this region into an outbox. How many messages are not sent, since they name files that no run has written:
/// those are kept as refused.
pub(super) async fn restore(journal: &Journal, outbox: &Outbox, region: String) -> usize {
    let restored = journal.with("the unsent messages", move |store| store.waiting_messages(&region)).await;
    let Some(messages) = restored else { return 0 };
    let entries = messages.iter().filter_map(Entry::from_message);
    let (forged, entries): (Vec<Entry>, Vec<Entry>) = entries.partition(|entry| entry.elsewhere().is_some());
    for entry in &forged {
        let Some(path) = entry.elsewhere() else { continue };
        let reason = messages::forged(path);
        tracing::error!(message = entry.payload.label(), "{reason}");
        let id = entry.id;
        journal.keep("a message that was forged", move |store| store.finish_message(id, Some(&reason))).await;
    }
    if !entries.is_empty() {
        tracing::info!(messages = entries.len(), "delivering what an earlier run could not");
    }
    outbox.restore(entries);
    forged.len()
}

/// What `deliver` came to.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Messages that are still undelivered.
    pub left: usize,
    /// Messages that the region will not take.
    pub refused: Vec<Refused>,
    /// What was signalled as the end of a run whose scripts had all ended, and its text.
    pub ended: Option<(SignalStatus, String)>,
    /// A run has not ended, and the region has scripts for it.
    pub goes_on: bool,
}

/// Delivers what the journal still holds for a region. A run that left when its scripts were done (`--exit-when-done`) is ended, if the region
/// has nothing more to run.
pub async fn deliver(
    client: Client,
    mut store: Store,
    retry: RetryOptions,
    limit: Option<Duration>,
    stop: CancellationToken,
) -> Delivered {
    store.set_system_id(client.system_id().map(str::to_owned));
    let identity = client.identity();
    let uplink = Uplink::Node(Arc::new(client));
    let journal = Arc::new(Journal::start(Some(store)));
    let stop = stop.child_token();
    let timer = limit.map(|limit| {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            stop.cancel();
        })
    });
    let drained = drain(uplink.clone(), Arc::clone(&journal), &retry, &stop).await;
    let mut delivered = Delivered { left: drained.left, refused: drained.refused, ..Delivered::default() };
    if delivered.left == 0 {
        end_run(&uplink, &journal, &retry, &stop, &identity, &mut delivered).await;
    }
    timer.inspect(tokio::task::JoinHandle::abort);
    delivered
}

/// Ends the run that has all of its results at the region, unless the region has more to run.
async fn end_run(
    uplink: &Uplink,
    journal: &Arc<Journal>,
    retry: &RetryOptions,
    stop: &CancellationToken,
    region: &str,
    delivered: &mut Delivered,
) {
    let region = region.to_owned();
    let open = journal.with("a run that has not ended", move |store| store.run_with_all_results(&region)).await;
    let Some(Some(run)) = open else { return };
    match persist(retry, stop, "asking for more scripts", || fetch::ask(uplink)).await {
        Ok(None) => {}
        Ok(Some(_)) => {
            delivered.goes_on = true;
            return;
        }
        Err(error) => {
            tracing::warn!(%error, "the run is not ended: the region does not say whether there is more to run");
            delivered.goes_on = true;
            return;
        }
    }
    let (end, status, text) = if !run.refused.is_empty() {
        (RunEnd::NotTaken, SignalStatus::Failed, messages::not_taken(&run.refused))
    } else if let Some((kind, count)) = run.failures.first() {
        (RunEnd::Failed, SignalStatus::Failed, messages::failed_to_run(*count, *kind))
    } else {
        (RunEnd::Passed, SignalStatus::Ok, messages::ALL_RAN.to_owned())
    };
    let signal = Payload::Signal(Signal::node(status, text.clone()));
    let (id, outcome, last) = (run.id, text.clone(), message(&signal, None, Some(run.id)));
    let tells = uplink.system_id().is_some();
    let record = move |store: &mut Store| {
        let ending = RunEnding { end, outcome: &outcome, took: None };
        store.end_run(id, &ending, |found| {
            let told = tells.then(|| message(&head(id, found), None, Some(id)));
            told.into_iter().chain([last]).collect()
        })
    };
    journal.with("the end of the run", record).await;
    let drained = drain(uplink.clone(), Arc::clone(journal), retry, stop).await;
    delivered.left += drained.left;
    delivered.refused.extend(drained.refused);
    delivered.ended = Some((status, text));
}

/// Where a run is recorded, and what it goes on from.
pub(super) struct Opened {
    pub(super) record: Record,
    /// The run that is gone on with.
    pub(super) interrupted: Option<RunRecord>,
    /// Results of a run that is given up for this one.
    pub(super) abandoned: Vec<ResultRecord>,
}

impl Agent {
    /// Opens the record of this run: a new one, or the one that was interrupted.
    pub(super) async fn open_record(&mut self) -> Opened {
        let journal = Arc::new(Journal::start(self.store.take()));
        let outbox = Arc::new(Outbox::default());
        let identity = self.client.identity();
        let is_known = self.client.is_authenticated();
        if is_known && self.options.credentials_file.is_some() {
            // It was cut off between getting its credentials and noting that.
            let (stranger, known) = (self.client.base_url(), identity.clone());
            let adopt = move |store: &mut Store| store.adopt_runs(&stranger, &known);
            journal.with("the credentials of this machine", adopt).await;
        }
        if self.options.send && is_known {
            restore(&journal, &outbox, identity.clone()).await;
        }
        let new = NewRun {
            region: identity,
            audience: if self.options.send { Audience::Region } else { Audience::Nobody },
            storage: self.workspace.root().to_owned(),
            boot_id: boot_id(&self.host),
            requested_by: self.options.actor.username.clone(),
        };
        let (fresh, system_id) = (self.options.fresh, self.client.system_id().map(str::to_owned));
        let opened = journal
            .with("the beginning of the run", move |store| {
                store.set_system_id(system_id);
                if fresh && !is_known {
                    // A region that knows the machine gets what waits before anything is run. This one never would: what it comes to know
                    // is the machine of the new run, whose scripts write to the same files.
                    store.supersede_messages(&new)?;
                }
                let before = store.interrupted_run(&new)?;
                let abandoned = before.as_ref().filter(|_| fresh).map(|run| store.results(run.id)).transpose()?;
                let interrupted = before.filter(|_| !fresh);
                let id = match &interrupted {
                    Some(run) => store.resume_run(run.id, &new.boot_id).map(|()| run.id)?,
                    None => store.begin_run(&new)?,
                };
                Ok((Some(id), interrupted, abandoned.unwrap_or_default()))
            })
            .await;
        let (run_id, interrupted, abandoned) = opened.unwrap_or_default();
        let events = self.client.system_id().is_some() || self.enlists();
        let enlisting = self.options.credentials_file.is_some().then(|| Arc::new(AtomicBool::new(!is_known)));
        let (send, began) = (self.options.send, interrupted.is_none().then(std::time::Instant::now));
        let record = Record { journal, outbox, run_id, began, send, events, results_only: false, enlisting };
        Opened { record, interrupted, abandoned }
    }

    /// What somebody is answerable for at the beginning of a run.
    pub(super) async fn audit_beginning(&self, record: &Record, interrupted: Option<&RunRecord>) {
        self.audit_credentials(&self.client, record).await;
        let verb = if interrupted.is_some() { "Resumed" } else { "Started" };
        let text = format!("{verb} a run on '{}' for {}.", self.host.hostname(), self.client.base_url());
        record.audit(EventType::NODE, text, &self.options.actor).await;
    }

    /// That this machine acts with credentials that it did not have before.
    pub(super) async fn audit_credentials(&self, client: &Client, record: &Record) {
        let identity = client.identity();
        let source = client.credentials_source().to_owned();
        let answerable = self.options.actor.clone();
        let (address, known) = (client.base_url(), client.is_authenticated());
        let tell = move |before: Option<&str>| {
            let verb = if before.is_some() { "Rotated" } else { "Registered" };
            let text = format!("{verb} credentials for {address} (from {source}).");
            known.then(|| Event::new(EventType::AUTHORISATION, text))
        };
        let note = move |store: &mut Store| store.replace_fact("credentials", &identity, &answerable, tell);
        record.journal.with("the credentials", note).await;
    }

    /// Settles what an interrupted run left: finished scripts count, a script that was running is concluded as interrupted,
    /// or waits to be run again if it may reboot the machine.
    pub(super) async fn settle(&self, run: &RunRecord, runner: &Runner, dispatcher: &mut Dispatcher, record: &Record) {
        let run_id = run.id;
        let results = record.journal.with("the interrupted run", move |store| store.results(run_id)).await;
        let why = if run.boot_id == boot_id(&self.host) { Interruption::AgentEnded } else { Interruption::Reboot };
        let results: Vec<_> =
            results.unwrap_or_default().into_iter().map(|result| self.with_end(run_id, result)).collect();
        // With no script under way the agent may have left by itself, while the region was away.
        let may_have_left = why == Interruption::AgentEnded
            && !results.iter().any(|(result, end)| result.status.is_running() && end.is_none());
        let (said, text) = if may_have_left {
            ("where the agent left it".to_owned(), format!("run {run_id} goes on where the agent left it"))
        } else {
            (format!("interrupted by {}", why.text()), format!("run {run_id} goes on after {}", why.text()))
        };
        let _ = self.notices.send(Notice::Said(format!("Resuming run {run_id}, {said}")));
        record.notice(EventType::NODE_STATUS_EVENT, "shakedown/resumed", text).await;
        for (result, end) in results {
            dispatcher.remember(&result);
            let script = Arc::new(self.script_of(&result));
            if let Some(finished) = end {
                // It had ended; the journal was out of reach, or the region was being told of the BMC that it found.
                dispatcher.begin_at(&script, result.status);
                dispatcher.finish(&script, finished).await;
                continue;
            }
            if !result.status.is_running() {
                continue;
            }
            if result.may_reboot {
                runner.stop_remains(&script).await;
                tracing::info!(script = %script, "it may reboot the machine and will be run again");
                continue;
            }
            let finished = runner.conclude_interrupted(&script, why).await;
            // What it had not handed over may be half a file.
            let bmc_config = self.workspace.outputs(&script).bmc_config;
            if !record.outbox.needs(&bmc_config) {
                discard(&bmc_config);
            }
            dispatcher.begin_at(&script, result.status);
            dispatcher.finish(&script, finished).await;
        }
    }

    /// A result that is not final in the journal, with the end that lies beside its outputs.
    fn with_end(&self, run_id: RunId, result: ResultRecord) -> (ResultRecord, Option<Finished>) {
        if result.status.is_final() {
            return (result, None);
        }
        let outputs = self.workspace.outputs(&self.script_of(&result));
        let end = kept_end(&outputs, run_id.number()).or_else(|| {
            let lost = "how it ended is on record, and what came of it is not";
            let failed = |status: i32| Finished {
                runtime: result.runtime,
                notes: vec![lost.to_owned()],
                ..Finished::failed(Ending::Exited(if status == 0 { 1 } else { status }))
            };
            result.exit_status.map(failed)
        });
        (result, end)
    }

    /// The script of a result, from the archive that is still on disk, else from what the journal knows.
    fn script_of(&self, result: &ResultRecord) -> Script {
        let index = std::fs::read(self.workspace.index()).ok().and_then(|bytes| parse_index(&bytes).ok());
        let known = index.and_then(|index| {
            index.scripts.into_iter().find(|script| script.name == result.name && script.result_id == result.result_id)
        });
        known.unwrap_or_else(|| Script {
            version_id: result.version_id,
            ..Script::placeholder(result.kind, &result.name, result.result_id)
        })
    }
}

/// Tells one boot from another.
pub(super) fn boot_id(host: &Host) -> String {
    host.text("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// What an actor is when nobody in particular acts.
impl Actor {
    /// The user behind this process: the one who called `sudo`, else the process's own.
    #[must_use]
    pub fn current() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let uid = nix::unistd::getuid();
        let own = || nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
        Actor {
            username: variable("SUDO_USER").unwrap_or_else(own),
            user_id: variable("SUDO_UID").and_then(|id| id.parse().ok()).or(Some(uid.as_raw())),
            ip_address: variable("SSH_CONNECTION").and_then(|text| text.split(' ').next().map(str::to_owned)),
        }
    }
}
