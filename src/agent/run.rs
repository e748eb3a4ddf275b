//! The course of a run: commissioning until the region has no more of it, then testing, release, deployment, the end.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dispatcher::Dispatcher;
use super::heartbeat::Heartbeat;
use super::{Agent, End, Error, Notice, Outcome, delivery, messages};
use crate::region::{self, Fetched, Signal, SignalStatus, persist, unpack};
use crate::runner::{Report, Runner};
use crate::script::{Index, ScriptType, parse_index};

/// What the sets came to.
#[derive(Debug)]
enum Verdict {
    Nothing,
    Passed,
    Failed(String),
    Stopped,
}

impl Agent {
    /// Does the run.
    ///
    /// # Errors
    /// When nothing could be run. FAILED is then signalled if the region may be told.
    pub async fn run(self) -> Result<Outcome, Error> {
        if self.options.send && !self.client.is_authenticated() {
            return Err(Error::NoCredentials);
        }
        self.prepare_storage()?;
        let heartbeat = self.options.send.then(|| Heartbeat::start(Arc::clone(&self.client), self.options.heartbeat));
        let delivering = delivery::start(&self.client, &self.outbox, &self.options.retry, &self.give_up);
        let farewell = tokio::spawn(farewell(self.stop.clone(), self.give_up.clone(), self.options.farewell));
        let mut dispatcher =
            Dispatcher::new(Arc::clone(&self.outbox), self.workspace.clone(), self.notices.clone(), self.options.send);
        let verdict = self.run_sets(&mut dispatcher).await;
        // Results first: the region ends the node's state at OK and FAILED and then takes nothing more.
        self.outbox.idle(&self.give_up).await;
        if let Some(heartbeat) = heartbeat {
            heartbeat.stop().await;
        }
        self.signal_end(&verdict);
        self.outbox.idle(&self.give_up).await;
        farewell.abort();
        self.give_up.cancel();
        delivering.await;
        Ok(Outcome {
            end: match verdict? {
                Verdict::Nothing => End::NothingToRun,
                Verdict::Passed => End::Passed,
                Verdict::Failed(_) => End::Failed,
                Verdict::Stopped => End::Stopped,
            },
            scripts: dispatcher.into_outcomes(),
            refused: self.outbox.refused(),
            undelivered: self.outbox.undelivered(),
        })
    }

    fn prepare_storage(&self) -> Result<(), Error> {
        let root = self.workspace.root();
        let storage = |source| Error::Storage { path: root.to_owned(), source };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(root).map_err(storage)?;
        builder.create(self.workspace.out()).map_err(storage)
    }

    async fn run_sets(&self, dispatcher: &mut Dispatcher) -> Result<Verdict, Error> {
        let mut done = BTreeSet::new();
        let mut index = loop {
            let Some(index) = self.index().await? else {
                return Ok(if done.is_empty() { Verdict::Nothing } else { Verdict::Passed });
            };
            self.check(&index, &done)?;
            if !holds(&index, ScriptType::Commissioning) {
                break index;
            }
            done.extend(index.of(ScriptType::Commissioning).filter_map(|script| script.result_id));
            if let Some(verdict) = self.run_set(ScriptType::Commissioning, &index, dispatcher).await {
                return Ok(verdict);
            }
            // New hardware facts may have selected more scripts. The region must know the results to answer that.
            self.outbox.idle(&self.give_up).await;
            if !self.options.download || !self.options.send {
                break index;
            }
        };
        for (kind, status) in [
            (ScriptType::Testing, SignalStatus::Testing),
            (ScriptType::Release, SignalStatus::Releasing),
            (ScriptType::Deployment, SignalStatus::Deploying),
        ] {
            if !holds(&index, kind) {
                continue;
            }
            self.signal_node(status, String::new());
            if let Some(verdict) = self.run_set(kind, &index, dispatcher).await {
                return Ok(verdict);
            }
        }
        index.scripts.clear();
        Ok(Verdict::Passed)
    }

    /// Runs one set; a verdict if the run ends with it.
    async fn run_set(&self, kind: ScriptType, index: &Index, dispatcher: &mut Dispatcher) -> Option<Verdict> {
        self.say(format!("Running {} {} scripts", index.of(kind).count(), kind.in_messages()));
        let (reports, mut received) = mpsc::channel::<Report>(64);
        let runner = Arc::new(Runner::new(
            self.workspace.clone(),
            self.host.clone(),
            self.options.runner.clone(),
            reports,
            self.stop.clone(),
        ));
        let scripts: Vec<_> = index.of(kind).cloned().collect();
        let bad: Vec<_> = index.bad.iter().filter(|bad| bad.kind == kind).cloned().collect();
        dispatcher.begin(&scripts);
        let running = tokio::spawn(async move {
            for entry in &bad {
                runner.report_bad_entry(entry).await;
            }
            runner.run(scripts).await;
        });
        while let Some(report) = received.recv().await {
            dispatcher.take(report);
        }
        // All senders are gone, so the runner is done, with a panic at worst.
        let _ = running.await;
        let failed = dispatcher.end_of_set(self.stop.is_cancelled());
        if self.stop.is_cancelled() {
            Some(Verdict::Stopped)
        } else if failed > 0 {
            Some(Verdict::Failed(messages::failed_to_run(failed, kind)))
        } else {
            None
        }
    }

    /// Fetches and reads the index; `None` when there is nothing to run.
    async fn index(&self) -> Result<Option<Index>, Error> {
        if self.options.download {
            let archive = self.workspace.root().join("scripts.tar.part");
            self.say("Asking the region for scripts".to_owned());
            let fetched = persist(&self.options.retry, &self.stop, "fetching the scripts", || {
                self.client.fetch_scripts(&archive)
            })
            .await
            .map_err(Error::Fetch)?;
            if fetched == Fetched::Nothing {
                return Ok(None);
            }
            let workspace = self.workspace.clone();
            let part = archive.clone();
            let unpacked = tokio::task::spawn_blocking(move || unpack(&part, &workspace)).await;
            let _ = std::fs::remove_file(&archive);
            unpacked.map_err(|panic| self.unreadable(format!("unpacking failed: {panic}")))??;
        }
        let bytes = std::fs::read(self.workspace.index()).map_err(|error| self.unreadable(error.to_string()))?;
        let index = parse_index(&bytes).map_err(|error| self.unreadable(error.to_string()))?;
        Ok((!index.is_empty()).then_some(index))
    }

    fn unreadable(&self, reason: String) -> Error {
        Error::Index { path: self.workspace.index(), reason }
    }

    /// Whether the answer is for this machine in a state that may be run.
    fn check(&self, index: &Index, done: &BTreeSet<i64>) -> Result<(), Error> {
        if !self.options.send {
            return Ok(());
        }
        if index.scripts.iter().any(|script| script.has_finished) {
            return Err(Error::Deployed);
        }
        if index.scripts.iter().any(|script| script.result_id.is_none()) {
            return Err(Error::Stranger);
        }
        match index.scripts.iter().find(|script| script.result_id.is_some_and(|id| done.contains(&id))) {
            Some(script) => Err(Error::Repeated(script.label())),
            None => Ok(()),
        }
    }

    /// Signals how the run ended, where the region may be told.
    fn signal_end(&self, verdict: &Result<Verdict, Error>) {
        let (status, text) = match verdict {
            Ok(Verdict::Nothing) => return self.say("The region has nothing to run".to_owned()),
            Ok(Verdict::Passed) => (SignalStatus::Ok, messages::ALL_RAN.to_owned()),
            Ok(Verdict::Failed(text)) => (SignalStatus::Failed, text.clone()),
            Ok(Verdict::Stopped) | Err(Error::Fetch(region::Error::Cancelled(_))) => {
                (SignalStatus::Failed, messages::STOPPED.to_owned())
            }
            // The node's status must not be touched, or nobody would listen.
            Err(Error::Deployed | Error::Stranger | Error::Fetch(region::Error::Unauthorized { .. })) => return,
            Err(error) => (SignalStatus::Failed, error.to_string()),
        };
        self.say(text.clone());
        self.signal_node(status, text);
    }

    fn signal_node(&self, status: SignalStatus, text: String) {
        if self.options.send {
            self.outbox.append(Signal::node(status, text), None);
        }
    }

    fn say(&self, text: String) {
        tracing::info!("{text}");
        let _ = self.notices.send(Notice::Said(text));
    }
}

fn holds(index: &Index, kind: ScriptType) -> bool {
    index.of(kind).next().is_some() || index.bad.iter().any(|bad| bad.kind == kind)
}

/// A stopped run may try for so long to deliver what it has.
async fn farewell(stop: CancellationToken, give_up: CancellationToken, limit: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(limit).await;
    give_up.cancel();
}
