//! The one owner of what is known of a run: applies every report to the status table, makes the event and the message.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::outbox::Outbox;
use super::{Notice, ScriptOutcome, messages};
use crate::region::{FilePart, ScriptReference, Signal, SignalStatus};
use crate::runner::{Ending, Finished, Report};
use crate::script::{Script, Status, Transition, Workspace, transition_event};

/// Name and result of a script: what tells instances apart.
type Key = (String, Option<i64>);

pub(super) struct Dispatcher {
    outbox: Arc<Outbox>,
    workspace: Workspace,
    notices: mpsc::UnboundedSender<Notice>,
    send: bool,
    states: BTreeMap<Key, (Arc<Script>, Status)>,
    outcomes: Vec<ScriptOutcome>,
    failed_in_set: usize,
}

impl Dispatcher {
    pub(super) fn new(
        outbox: Arc<Outbox>,
        workspace: Workspace,
        notices: mpsc::UnboundedSender<Notice>,
        send: bool,
    ) -> Self {
        Dispatcher { outbox, workspace, notices, send, states: BTreeMap::new(), outcomes: Vec::new(), failed_in_set: 0 }
    }

    /// A set is about to run.
    pub(super) fn begin(&mut self, scripts: &[Script]) {
        self.failed_in_set = 0;
        self.states = scripts.iter().map(|script| (key(script), (Arc::new(script.clone()), Status::Pending))).collect();
    }

    /// Takes a report.
    pub(super) fn take(&mut self, report: Report) {
        match report {
            Report::ApplyingNetconf(script) => {
                let text = messages::applying(&script);
                self.step(&script, Transition::ApplyNetconf, SignalStatus::ApplyingNetconf, text);
            }
            Report::Installing(script, what) => {
                let text = messages::installing(&script, &what);
                self.step(&script, Transition::Install, SignalStatus::Installing, text);
            }
            Report::Starting(script) => {
                let text = messages::starting(&script);
                self.step(&script, Transition::Start, SignalStatus::Working, text);
            }
            Report::Running(script, progress) => {
                let _ = self.notices.send(Notice::Running(script, progress));
            }
            Report::Finished(script, finished) => self.finish(&script, finished),
        }
    }

    /// The set has run: how many of its scripts failed. One that vanished without an end is an end, too.
    pub(super) fn end_of_set(&mut self, stopped: bool) -> usize {
        let open: Vec<_> = self.states.values().filter(|(_, status)| !status.is_final()).cloned().collect();
        for (script, status) in open {
            if stopped && status == Status::Pending {
                continue;
            }
            tracing::error!(script = %script, "it ended without a report");
            let notes = vec!["the agent lost track of it: this is a defect of the agent".to_owned()];
            let ending = Ending::NotExecuted(1);
            self.finish(&script, Finished { ending, verdict: None, runtime: None, has_result: false, notes });
        }
        self.failed_in_set
    }

    pub(super) fn into_outcomes(self) -> Vec<ScriptOutcome> {
        self.outcomes
    }

    /// A step on the way: the status changes and the region is told.
    fn step(&mut self, script: &Arc<Script>, transition: Transition, status: SignalStatus, text: String) {
        // A second kind of packages is told to the operator although the status stays.
        if let Some(next) = self.transition(script, transition) {
            self.append(Signal::script(status, reference(script), text), next);
        }
    }

    fn finish(&mut self, script: &Arc<Script>, finished: Finished) {
        let transition = match (&finished.ending, finished.verdict) {
            (Ending::TimedOut(_), _) => Transition::TimeOut,
            (Ending::Exited(_), Some(verdict)) => Transition::Decide(verdict),
            (ending, _) => Transition::Exit(ending.exit_status()),
        };
        let Some(status) = self.transition(script, transition) else { return };
        let exit_status = finished.ending.exit_status();
        let signal_status = match finished.ending {
            Ending::TimedOut(_) => SignalStatus::TimedOut,
            Ending::NotInstalled(_) => SignalStatus::Installing,
            Ending::NetworkingFailed(_) => SignalStatus::ApplyingNetconf,
            _ => SignalStatus::Working,
        };
        let signal = Signal {
            exit_status: Some(exit_status),
            runtime: finished.runtime.map(|runtime| runtime.as_secs_f64()),
            files: self.files(script, finished.has_result),
            ..Signal::script(signal_status, reference(script), messages::finished(script, &finished))
        };
        self.append(signal, status);
        self.failed_in_set += usize::from(status.is_failure());
        let outcome = ScriptOutcome {
            subject: script.subject().to_string(),
            kind: script.kind,
            result_id: script.result_id,
            status,
            exit_status,
            runtime: finished.runtime,
            notes: finished.notes,
            output: self.workspace.outputs(script).combined,
        };
        let _ = self.notices.send(Notice::Ended(outcome.clone()));
        self.outcomes.push(outcome);
    }

    /// Applies a transition, tells it, and gives the new status; `None` if the table does not have it.
    fn transition(&mut self, script: &Arc<Script>, transition: Transition) -> Option<Status> {
        let (_, status) = self.states.entry(key(script)).or_insert_with(|| (Arc::clone(script), Status::Pending));
        let old = *status;
        let new = match old.next(transition) {
            Ok(new) => new,
            Err(illegal) => {
                tracing::debug!(script = %script, %illegal, "ignored");
                return None;
            }
        };
        *status = new;
        let event = transition_event(&script.subject(), script.kind, old, new);
        tracing::info!(kind = event.kind.name, level = %event.kind.level, "{}", event.description);
        let _ = self.notices.send(Notice::Transition { script: Arc::clone(script), status: new, event });
        Some(new)
    }

    fn append(&self, signal: Signal, leads_to: Status) {
        // Without a script result there is nothing on the region that the message could be about.
        let has_result = signal.script.as_ref().is_some_and(|script| script.result_id.is_some());
        if self.send && has_result {
            self.outbox.append(signal, Some(leads_to));
        }
    }

    /// The combined file always goes, even empty: a result without a file is not stored.
    fn files(&self, script: &Script, has_result: bool) -> Vec<FilePart> {
        let outputs = self.workspace.outputs(script);
        let part = |suffix: &str, path, whole| FilePart { name: format!("{}{suffix}", script.name), path, whole };
        let mut files = vec![
            part("", outputs.combined, false),
            part(".out", outputs.stdout, script.stdout_is_parsed()),
            part(".err", outputs.stderr, false),
        ];
        if has_result {
            files.push(part(".yaml", outputs.result, true));
        }
        files
    }
}

fn key(script: &Script) -> Key {
    (script.name.clone(), script.result_id)
}

fn reference(script: &Script) -> ScriptReference {
    ScriptReference { name: script.name.clone(), result_id: script.result_id, version_id: script.version_id }
}
