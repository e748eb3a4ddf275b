//! The course of a run: commissioning until the region has no more of it, then testing, release, deployment, the end.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::delivery::Delivery;
use super::dispatcher::Dispatcher;
use super::enlist::Enlisted;
use super::heartbeat::Heartbeat;
use super::message::Payload;
use super::record::Record;
use super::uplink::Uplink;
use super::{Agent, End, Error, Notice, Outcome, messages, order, prepare};
use crate::journal::{RunEnd, RunRecord};
use crate::netplan;
use crate::region::{self, Backoff, Client, Signal, SignalStatus};
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
    heartbeat: Option<Heartbeat>,
    delivering: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Agent {
    /// Does the run, or goes on with the one that was interrupted.
    ///
    /// # Errors
    /// When nothing could be run. FAILED is then signalled if the region may be told.
    pub async fn run(mut self) -> Result<Outcome, Error> {
        let _storage = prepare::storage(&self.workspace)?;
        let (record, interrupted) = self.open_record().await;
        let farewell = tokio::spawn(farewell(
            self.stop.clone(),
            Arc::clone(&self.running),
            self.give_up.clone(),
            self.options.farewell,
        ));
        self.audit_beginning(&record, interrupted.as_ref()).await;
        let mut dispatcher = Dispatcher::new(record.clone(), self.workspace.clone(), self.notices.clone());
        if self.options.send && !self.options.allow_destructive {
            dispatcher.hear_before_destroying(self.stop.clone());
        }
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

    /// Ends the run, and waits until the region has all of it; what is still being delivered when nobody waits any longer.
    async fn end(
        &self,
        voice: Option<Voice>,
        verdict: &Result<Verdict, Error>,
        dispatcher: &Dispatcher,
        record: &Record,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let Some(voice) = voice else {
            match verdict {
                Ok(Verdict::Registered) => {
                    record.end(RunEnd::Registered, "The region has this machine already".to_owned(), None).await;
                }
                // Not an end: there is nobody yet who could hear of it.
                Ok(_) => self.say("What was found out is kept; the next start goes on with enlisting".to_owned()),
                // Its text says so.
                Err(_) => {}
            }
            return None;
        };
        if let Some(heartbeat) = voice.heartbeat {
            heartbeat.stop().await;
        }
        self.record_end(verdict, dispatcher, record).await;
        // Whoever did not wait any longer does not begin to wait again.
        let has_waited = matches!(verdict, Ok(Verdict::Unfinished));
        let is_told = !has_waited && self.settled(record).await && self.options.send;
        let is_over = is_told && !matches!(verdict, Ok(Verdict::GoingDown));
        if let (true, Some(file)) = (is_over, &self.options.credentials_file) {
            // A later run is another one: the region gives the machine new credentials then, or has it forgotten.
            let removed = std::fs::remove_file(file);
            if let (Ok(()), Err(Error::Fetch(region::Error::Unauthorized { .. }))) = (removed, verdict) {
                self.say(messages::forgotten(file));
            }
        }
        Some(voice.delivering)
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

    /// The end of a run that would have passed, if not all of it was seen.
    fn unless_unseen(dispatcher: &Dispatcher) -> Option<Verdict> {
        let unended = dispatcher.handed_out.unended();
        if !unended.is_empty() {
            return Some(Verdict::Failed(messages::never_ended(&unended)));
        }
        dispatcher.handed_out.has_forgotten().then(|| Verdict::Failed(messages::FORGOTTEN_TESTS.to_owned()))
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
        let mut refused = prepare::expect(&expected, &self.workspace, &self.host.hostname(), record).await;
        if self.options.allow_destructive {
            refused.clear();
        }
        dispatcher.begin(&scripts);
        let (reports, received) = mpsc::channel::<Report>(64);
        let depends = scripts.iter().any(Script::depends_on_version);
        let version = if depends { self.region_version().await } else { None };
        let runner = Arc::new(self.runner(reports).of_region(version.unwrap_or_default()));
        let work = async move {
            for entry in &bad {
                runner.report_bad_entry(entry).await;
            }
            let (refused, scripts) = scripts.into_iter().partition::<Vec<_>, _>(|script| refused.contains(script));
            for script in refused {
                runner.report_not_run(script, order::NOT_ON_RECORD).await;
            }
            runner.run(scripts).await;
        };
        dispatcher.drive(work, received, &self.stop).await;
        if dispatcher.goes_on_after_reboot() {
            return Some(Verdict::GoingDown);
        }
        if self.stop.is_cancelled() { Some(Verdict::Stopped) } else { Self::failure(dispatcher, kind) }
    }

    /// OK is for a run of which the region has every result; any other ends otherwise.
    async fn proved(&self, verdict: Result<Verdict, Error>, record: &Record) -> Result<Verdict, Error> {
        if !self.options.send || !matches!(verdict, Ok(Verdict::Passed)) {
            return verdict;
        }
        if !self.settled(record).await {
            return Ok(Verdict::Unfinished);
        }
        let refused = record.refused_results().await;
        if refused.is_empty() { verdict } else { Ok(Verdict::NotTaken(messages::not_taken(&refused))) }
    }

    /// Waits until the region has everything; false when nobody waits any longer.
    async fn settled(&self, record: &Record) -> bool {
        let patience = if self.options.exit_when_done { self.options.farewell } else { Duration::MAX };
        tokio::select! {
            () = record.outbox.idle(&self.give_up) => {}
            () = tokio::time::sleep(patience), if self.options.exit_when_done => {}
        }
        record.outbox.undelivered() == 0
    }

    /// Records how the run ended, and signals it where the region may be told.
    async fn record_end(&self, verdict: &Result<Verdict, Error>, dispatcher: &Dispatcher, record: &Record) {
        let (end, status, text) = match verdict {
            // Not an end: the next start goes on with it.
            Ok(Verdict::GoingDown) => return self.say(messages::GOING_DOWN.to_owned()),
            Ok(Verdict::Unfinished) => return self.say("The region does not answer; the rest is kept".to_owned()),
            Ok(Verdict::Nothing) => (RunEnd::Nothing, None, messages::NOTHING.to_owned()),
            Ok(Verdict::Registered) => (RunEnd::Registered, None, messages::NOTHING.to_owned()),
            // A deploying node does nothing with OK, and one that is deployed by the time it arrives would be released.
            Ok(Verdict::Passed) if dispatcher.has_outcomes_of(ScriptType::Deployment) => {
                (RunEnd::Passed, None, messages::ALL_RAN.to_owned())
            }
            Ok(Verdict::Passed) => (RunEnd::Passed, Some(SignalStatus::Ok), messages::ALL_RAN.to_owned()),
            Ok(Verdict::Failed(text)) => (RunEnd::Failed, Some(SignalStatus::Failed), text.clone()),
            Ok(Verdict::NotTaken(text)) => (RunEnd::NotTaken, Some(SignalStatus::Failed), text.clone()),
            Ok(Verdict::Stopped) | Err(Error::Fetch(region::Error::Cancelled(_))) => {
                (RunEnd::Stopped, Some(SignalStatus::Failed), messages::STOPPED.to_owned())
            }
            // The node's status must not be touched, or nobody would listen.
            Err(
                error @ (Error::Deployed
                | Error::Stranger
                | Error::NotOrdered(_)
                | Error::Erasing
                | Error::MayErase
                | Error::Fetch(region::Error::Unauthorized { .. } | region::Error::Untrusted { .. })),
            ) => (RunEnd::Refused, None, error.to_string()),
            Err(error) => (RunEnd::Refused, Some(SignalStatus::Failed), error.to_string()),
        };
        if verdict.is_ok() {
            self.say(text.clone());
        }
        record.end(end, text.clone(), status.map(|status| Signal::node(status, text))).await;
    }

    pub(super) fn say(&self, text: String) {
        tracing::info!("{text}");
        let _ = self.notices.send(Notice::Said(text));
    }
}

pub(super) fn holds(index: &Index, kind: ScriptType) -> bool {
    index.of(kind).next().is_some() || index.bad.iter().any(|bad| bad.kind == kind)
}

/// A stopped run may try for so long to deliver what it has.
async fn farewell(stop: CancellationToken, running: Arc<Mutex<()>>, give_up: CancellationToken, limit: Duration) {
    stop.cancelled().await;
    // Scripts may take all of their grace to stop: only then is there anything to deliver.
    drop(running.lock().await);
    tokio::time::sleep(limit).await;
    give_up.cancel();
}
