//! The course of a run: commissioning until the region has no more of it, then testing, release, deployment, the end.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::delivery::Delivery;
use super::dispatcher::Dispatcher;
use super::ending::farewell;
use super::enlist::Enlisted;
use super::heartbeat::Heartbeat;
use super::message::Payload;
use super::prepare::Expected;
use super::record::Record;
use super::resume::Opened;
use super::uplink::Uplink;
use super::{Agent, End, Error, Notice, Outcome, messages, order, prepare};
use crate::journal::RunRecord;
use crate::netplan;
use crate::region::{Backoff, Client, Signal, SignalStatus};
use crate::runner::{Report, Runner};
use crate::script::{Index, Script, ScriptType};

/// How often an answer is asked for again that may be somebody else's.
const DOUBTS: u32 = 2;
/// For one question whether the region answers: a connection from before the network changed does not.
pub(super) const QUESTION: Duration = Duration::from_secs(10);

/// What the sets came to.
#[derive(Debug)]
pub(super) enum Verdict {
    Nothing,
    /// The region has this machine already.
    Registered,
    Passed,
    Failed(String),
    /// All passed, and the region has not every result.
    NotTaken(String),
    Stopped,
    /// The machine reboots under a script that may reboot it: the next start goes on.
    GoingDown,
    /// The region does not answer, and nobody waits for it.
    Unfinished,
}

/// What speaks to the region while scripts run.
pub(super) struct Voice {
    client: Arc<Client>,
    pub(super) heartbeat: Option<Heartbeat>,
    pub(super) delivering: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Agent {
    /// Does the run, or goes on with the one that was interrupted.
    ///
    /// # Errors
    /// When nothing could be run. FAILED is then signalled if the region may be told.
    pub async fn run(mut self) -> Result<Outcome, Error> {
        let _storage = prepare::storage(&self.workspace)?;
        let Opened { record, interrupted, abandoned } = self.open_record().await;
        let farewell = tokio::spawn(farewell(
            self.stop.clone(),
            Arc::clone(&self.running),
            self.give_up.clone(),
            self.options.farewell,
        ));
        self.audit_beginning(&record, interrupted.as_ref()).await;
        let mut dispatcher = Dispatcher::new(record.clone(), self.workspace.clone(), self.notices.clone());
        dispatcher.handed_out.know(&abandoned);
        dispatcher.handed_out.take_over(self.options.begun);
        let enlists = self.enlists();
        let (voice, verdict) = if enlists {
            self.run_as_stranger(&mut dispatcher, &record, interrupted).await
        } else {
            let voice = self.voice(Arc::clone(&self.client), &record);
            (Some(voice), self.run_sets(&mut dispatcher, &record, interrupted).await)
        };
        let verdict = if voice.is_some() { self.proved(verdict, &record).await } else { verdict };
        let delivering = self.end(voice, &verdict, &dispatcher, &record).await;
        let retention = self.options.retention;
        record.journal.with("deleting what is too old", move |store| store.prune(&retention)).await;
        farewell.abort();
        self.give_up.cancel();
        if let Some(delivering) = delivering {
            delivering.await;
        }
        record.journal.settle().await;
        Ok(Outcome {
            enlisted: self.client.system_id().filter(|_| enlists).map(str::to_owned),
            end: match verdict? {
                Verdict::Nothing => End::NothingToRun,
                Verdict::Registered => End::Registered,
                Verdict::Passed => End::Passed,
                Verdict::Failed(_) | Verdict::NotTaken(_) => End::Failed,
                Verdict::Stopped | Verdict::GoingDown => End::Stopped,
                Verdict::Unfinished => End::Unfinished,
            },
            scripts: dispatcher.into_outcomes(),
            refused: record.outbox.refused(),
            undelivered: record.outbox.undelivered(),
        })
    }

    /// Heartbeat and delivery begin.
    pub(super) fn voice(&self, client: Arc<Client>, record: &Record) -> Voice {
        let heartbeat = self.options.send.then(|| Heartbeat::start(Arc::clone(&client), self.options.heartbeat));
        let delivery = Delivery {
            uplink: Uplink::Node(Arc::clone(&client)),
            record: record.clone(),
            retry: self.options.retry.clone(),
            give_up: self.give_up.clone(),
        };
        Voice { client, heartbeat, delivering: Box::pin(delivery.start()) }
    }

    /// Becomes known to the region, then goes on as any machine.
    async fn run_as_stranger(
        &mut self,
        dispatcher: &mut Dispatcher,
        record: &Record,
        interrupted: Option<RunRecord>,
    ) -> (Option<Voice>, Result<Verdict, Error>) {
        let Enlisted { voice, verdict } = match self.enlist(dispatcher, record, interrupted).await {
            Ok(enlisted) => enlisted,
            Err(error) => return (None, Err(error)),
        };
        if let Some(voice) = &voice {
            self.client = Arc::clone(&voice.client);
        }
        match verdict {
            Some(verdict) => (voice, Ok(verdict)),
            None => (voice, self.run_sets(dispatcher, record, None).await),
        }
    }

    async fn run_sets(
        &self,
        dispatcher: &mut Dispatcher,
        record: &Record,
        interrupted: Option<RunRecord>,
    ) -> Result<Verdict, Error> {
        if let Some(run) = interrupted {
            let (reports, _) = mpsc::channel(1);
            self.settle(&run, &self.runner(reports), dispatcher, record).await;
        }
        // The region hands out again what it has no result of.
        if !self.settled(record).await {
            return Ok(Verdict::Unfinished);
        }
        let index = match self.commission(dispatcher, record).await? {
            ControlFlow::Break(Verdict::Nothing) => {
                self.end_what_was_forgotten().await;
                return Ok(Verdict::Nothing);
            }
            ControlFlow::Break(verdict) => return Ok(verdict),
            ControlFlow::Continue(index) => index,
        };
        self.check_purpose(&index, dispatcher).await?;
        for (kind, status) in [
            (ScriptType::Testing, SignalStatus::Testing),
            (ScriptType::Release, SignalStatus::Releasing),
            (ScriptType::Deployment, SignalStatus::Deploying),
        ] {
            if holds(&index, kind) {
                let signal = Payload::Signal(Signal::node(status, ""));
                record.change(None, Vec::new(), vec![(signal, None)]).await;
                if let Some(verdict) = self.run_set(kind, &index, dispatcher, record).await {
                    return Ok(verdict);
                }
            } else if let Some(verdict) = Self::failure(dispatcher, kind) {
                return Ok(verdict);
            }
        }
        Ok(Self::unless_unseen(dispatcher).unwrap_or(Verdict::Passed))
    }

    /// The region's answer. One that may be somebody else's is believed when it was given again and again.
    async fn answer(&self, has_begun: bool, dispatcher: &Dispatcher) -> Result<Option<Index>, Error> {
        let mut backoff = Backoff::new(&self.options.retry);
        for _ in 0..DOUBTS {
            let index = self.index(has_begun).await?;
            if !self.options.download || !dispatcher.handed_out.is_doubtful(index.as_ref()) {
                return Ok(index);
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.wait()) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.index(has_begun).await
    }

    /// Runs commissioning scripts until the region has no more of them; the index with what comes after.
    async fn commission(
        &self,
        dispatcher: &mut Dispatcher,
        record: &Record,
    ) -> Result<ControlFlow<Verdict, Index>, Error> {
        let mut begun = BTreeSet::<i64>::new();
        loop {
            let Some(mut index) = self.answer(!begun.is_empty(), dispatcher).await? else {
                return Ok(ControlFlow::Break(Self::verdict_of_nothing(dispatcher)));
            };
            dispatcher.see(&index);
            if Self::begins_anew(&index, dispatcher) {
                self.say("The region lets its own scripts run again, since a script asked for that".to_owned());
                dispatcher.forget(index.of(ScriptType::Commissioning));
                begun.clear();
            }
            order::check_repeats(&index, &begun)?;
            begun.extend(index.of(ScriptType::Commissioning).filter_map(|script| script.result_id));
            index.scripts.retain(|script| !dispatcher.has_finished(script));
            for script in &mut index.scripts {
                if dispatcher.has_begun(script) {
                    script.has_started = true;
                    self.number_outputs(script);
                }
            }
            if !holds(&index, ScriptType::Commissioning) {
                let failure = Self::failure(dispatcher, ScriptType::Commissioning);
                return Ok(failure.map_or(ControlFlow::Continue(index), ControlFlow::Break));
            }
            if let Some(verdict) = self.run_set(ScriptType::Commissioning, &index, dispatcher, record).await {
                return Ok(ControlFlow::Break(verdict));
            }
            // New hardware facts may have selected more scripts. The region must know the results to answer that.
            if !self.settled(record).await {
                return Ok(ControlFlow::Break(Verdict::Unfinished));
            }
            if !self.options.download || !self.options.send {
                return Ok(ControlFlow::Continue(index));
            }
        }
    }

    /// True if a script with `recommission` has passed, so that the region hands out its own scripts again under the numbers that they had
    /// (contract REGION, correction 7). Once for each such script: else a region could keep a machine at it for ever.
    fn begins_anew(index: &Index, dispatcher: &mut Dispatcher) -> bool {
        let again =
            index.of(ScriptType::Commissioning).any(|script| !script.has_started && dispatcher.has_finished(script));
        again && dispatcher.use_recommission()
    }

    /// The region has nothing more: what ran until now decides.
    fn verdict_of_nothing(dispatcher: &Dispatcher) -> Verdict {
        let failure = ScriptType::ALL.into_iter().find_map(|kind| Self::failure(dispatcher, kind));
        let otherwise = if dispatcher.has_outcomes() { Verdict::Passed } else { Verdict::Nothing };
        failure.or_else(|| Self::unless_unseen(dispatcher)).unwrap_or(otherwise)
    }

    fn failure(dispatcher: &Dispatcher, kind: ScriptType) -> Option<Verdict> {
        let failed = dispatcher.failures(kind);
        (failed > 0).then(|| Verdict::Failed(messages::failed_to_run(failed, kind)))
    }

    pub(super) fn runner(&self, reports: mpsc::Sender<Report>) -> Runner {
        let mut options = self.options.runner.clone();
        let (client, asks) = (Arc::clone(&self.client), self.options.send || self.options.download);
        let confirm = netplan::Confirm::new(move || {
            let client = Arc::clone(&client);
            async move { if asks { client.answers(QUESTION).await.map_err(|error| error.to_string()) } else { Ok(()) } }
        });
        options.networking = Some(netplan::Options { confirm, patience: self.options.networking_wait });
        Runner::new(self.workspace.clone(), self.host.clone(), options, reports, self.stop.clone())
    }

    /// Runs one set; a verdict if the run ends with it.
    pub(super) async fn run_set(
        &self,
        kind: ScriptType,
        index: &Index,
        dispatcher: &mut Dispatcher,
        record: &Record,
    ) -> Option<Verdict> {
        let scripts: Vec<Script> = index.of(kind).cloned().collect();
        let _running = self.running.lock().await;
        let bad: Vec<_> = index.bad.iter().filter(|bad| bad.kind == kind).cloned().collect();
        self.say(format!("Running {} {} scripts", scripts.len() + bad.len(), kind.in_messages()));
        let unreadable: Vec<Script> = bad.iter().map(Script::unreadable).collect();
        let expected: Vec<Script> = scripts.iter().chain(&unreadable).cloned().collect();
        let (hostname, known) = (self.host.hostname(), self.client.is_authenticated());
        let permission = order::Permission::of(&self.options, known);
        dispatcher.hear_before_destroying((permission == order::Permission::Ordered).then(|| self.stop.clone()));
        let Expected { contents, refused } =
            prepare::expect(&expected, &self.workspace, &hostname, record, permission).await;
        dispatcher.begin(&scripts);
        let (reports, received) = mpsc::channel::<Report>(64);
        let depends = scripts.iter().any(Script::depends_on_version);
        let version = if depends { self.region_version().await } else { None };
        let runner = Arc::new(self.runner(reports).of_region(version.unwrap_or_default()).of_contents(contents));
        let work = async move {
            for entry in &bad {
                runner.report_bad_entry(entry).await;
            }
            runner.run_but(scripts, &refused).await;
        };
        dispatcher.drive(work, received, &self.stop).await;
        if dispatcher.goes_on_after_reboot() {
            return Some(Verdict::GoingDown);
        }
        if self.stop.is_cancelled() { Some(Verdict::Stopped) } else { Self::failure(dispatcher, kind) }
    }

    pub(super) fn say(&self, text: String) {
        tracing::info!("{text}");
        let _ = self.notices.send(Notice::Said(text));
    }
}

pub(super) fn holds(index: &Index, kind: ScriptType) -> bool {
    index.of(kind).next().is_some() || index.bad.iter().any(|bad| bad.kind == kind)
}
