//! The one owner of what is known of a run: applies every report to the status table, makes the event and the message.

mod change;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroI32;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::handed_out::HandedOut;
use super::message::Payload;
use super::power::Power;
use super::record::Record;
use super::{Notice, ScriptOutcome, messages, order, parts};
use crate::event::{Event, EventType};
use crate::journal::{Actor, ResultRecord};
use crate::process;
use crate::region::{NodeEvent, ScriptReference, Signal, SignalStatus};
use crate::runner::{Conclusion, Ending, Finished, Interruption, Report, Told};
use crate::script::{Declared, Index, Script, ScriptType, Status, Transition, Workspace};

/// Name and result of a script: what tells instances apart.
type Key = (String, Option<i64>);

pub(super) struct Dispatcher {
    record: Record,
    workspace: Workspace,
    notices: mpsc::UnboundedSender<Notice>,
    /// Hears of every script that ended.
    ends: Option<mpsc::UnboundedSender<Arc<Script>>>,
    states: BTreeMap<Key, (Arc<Script>, Status)>,
    outcomes: Vec<ScriptOutcome>,
    power: Power,
    /// Scripts that were begun before the run was interrupted.
    begun: BTreeSet<Key>,
    /// Failures of the whole run, also from before it was interrupted.
    failures: BTreeMap<ScriptType, usize>,
    /// Scripts that ask for a second commissioning when they pass.
    recommission: BTreeSet<Key>,
    /// Scripts of this set that may reboot the machine.
    may_reboot: BTreeSet<Key>,
    /// Those that were cut off since the machine is going down: their end is for the next start to find.
    cut_off: BTreeSet<Key>,
    /// All that the region has handed out in this run.
    pub(super) handed_out: HandedOut,
    /// Ends the wait for the region's word before data are destroyed; `None` where nobody waits for it.
    before_destroying: Option<CancellationToken>,
}

impl Dispatcher {
    pub(super) fn new(record: Record, workspace: Workspace, notices: mpsc::UnboundedSender<Notice>) -> Self {
        Dispatcher {
            record,
            workspace,
            notices,
            ends: None,
            states: BTreeMap::new(),
            outcomes: Vec::new(),
            power: Power::default(),
            begun: BTreeSet::new(),
            failures: BTreeMap::new(),
            recommission: BTreeSet::new(),
            may_reboot: BTreeSet::new(),
            cut_off: BTreeSet::new(),
            handed_out: HandedOut::default(),
            before_destroying: None,
        }
    }

    /// From now on scripts that destroy data start when the region has taken all that was said until then, or not at all. `None` lets them
    /// start at once.
    pub(super) fn hear_before_destroying(&mut self, stop: Option<CancellationToken>) {
        self.before_destroying = stop;
    }

    /// A result from before the run was interrupted.
    pub(super) fn remember(&mut self, result: &ResultRecord) {
        if result.status != Status::Pending {
            self.begun.insert((result.name.clone(), result.result_id));
        }
        if !result.status.is_final() {
            return;
        }
        let script = Script {
            path: format!("{}/{}", result.kind.folder(), result.name).into(),
            ..Script::placeholder(result.kind, &result.name, result.result_id)
        };
        let declared = Declared::of(std::fs::read(self.workspace.executable(&script)).ok().as_deref());
        if declared.recommissions() && result.kind == ScriptType::Commissioning {
            self.recommission.insert(key(&script));
        }
        *self.failures.entry(result.kind).or_default() += usize::from(result.status.is_failure());
        self.handed_out.end(result.kind, &result.name, result.result_id);
        self.outcomes.push(ScriptOutcome {
            subject: result.subject.clone(),
            kind: result.kind,
            result_id: result.result_id,
            status: result.status,
            exit_status: result.exit_status.unwrap_or(0),
            runtime: result.runtime,
            notes: (!result.notes.is_empty()).then(|| result.notes.clone()).into_iter().collect(),
            output: result.combined.clone(),
        });
    }

    /// The region hands these out.
    pub(super) fn see(&mut self, index: &Index) {
        let mut seen = std::mem::take(&mut self.handed_out);
        seen.list(index, |script| self.has_begun(script) || self.has_finished(script));
        self.handed_out = seen;
    }

    /// A set is about to run.
    pub(super) fn begin(&mut self, scripts: &[Script]) {
        self.may_reboot.clear();
        for script in scripts {
            let declared = Declared::of(std::fs::read(self.workspace.executable(script)).ok().as_deref());
            if declared.may_reboot() {
                self.may_reboot.insert(key(script));
            }
            if declared.recommissions() && script.kind == ScriptType::Commissioning {
                self.recommission.insert(key(script));
            }
        }
        self.states = scripts.iter().map(|script| (key(script), (Arc::new(script.clone()), Status::Pending))).collect();
    }

    /// A script that an earlier process left in a status.
    pub(super) fn begin_at(&mut self, script: &Arc<Script>, status: Status) {
        self.states.insert(key(script), (Arc::clone(script), status));
    }

    /// Whether a script ended before the run was interrupted: it is not run again, whatever the region says.
    pub(super) fn has_finished(&self, script: &Script) -> bool {
        self.outcomes.iter().any(|outcome| {
            outcome.result_id.is_some() && outcome.result_id == script.result_id && outcome.kind == script.kind
        })
    }

    /// Takes note that a second commissioning begins; false if no script that passed asks for one that has not been.
    pub(super) fn use_recommission(&mut self) -> bool {
        let passed = |asking: &&Key| {
            let is = |it: &&ScriptOutcome| it.result_id == asking.1 && it.kind == ScriptType::Commissioning;
            asking.1.is_some() && self.outcomes.iter().find(is).is_some_and(|it| it.status == Status::Passed)
        };
        let asking: Vec<Key> = self.recommission.iter().filter(passed).cloned().collect();
        for key in &asking {
            self.recommission.remove(key);
        }
        !asking.is_empty()
    }

    /// Lets scripts that have ended be run again.
    pub(super) fn forget<'a>(&mut self, scripts: impl Iterator<Item = &'a Script>) {
        for script in scripts {
            self.begun.remove(&key(script));
            self.handed_out.begin_anew(script);
            self.outcomes.retain(|it| it.result_id.is_none() || it.result_id != script.result_id);
        }
    }

    /// Names the scripts that ended without the region having numbered their results.
    pub(super) fn ended(&self) -> impl Iterator<Item = &str> {
        self.outcomes.iter().filter(|outcome| outcome.result_id.is_none()).map(|outcome| outcome.subject.as_str())
    }

    /// Lets somebody hear of every script that ends from now on.
    pub(super) fn tell_ends(&mut self, ends: Option<mpsc::UnboundedSender<Arc<Script>>>) {
        self.ends = ends;
    }

    /// Whether a script was begun before the run was interrupted, whatever the region knows of it.
    pub(super) fn has_begun(&self, script: &Script) -> bool {
        // While the machine enlisted, a script had no number.
        let had_no_number = || {
            let is_open = !self.ended().any(|name| name == script.name);
            is_open && script.may_tell_bmc() && self.begun.contains(&(script.name.clone(), None))
        };
        self.begun.contains(&key(script)) || had_no_number()
    }

    /// The access to the BMC was found before this process was started, and waits for the machine to be made.
    pub(super) fn power_is_kept(&mut self) {
        self.power.is_kept();
    }

    /// Takes a report.
    pub(super) async fn take(&mut self, report: Report) {
        match report {
            Report::ApplyingNetconf(script, go) => {
                let text = messages::applying(&script);
                self.step(&script, Transition::ApplyNetconf, SignalStatus::ApplyingNetconf, text).await;
                let _ = go.send(());
            }
            Report::Networking(text) => {
                let region = Actor { username: "region".to_owned(), ..Actor::default() };
                tracing::info!("{text}");
                self.record.audit(EventType::NODE, text, &region).await;
            }
            Report::Installing(script, what) => {
                let text = messages::installing(&script, &what);
                self.step(&script, Transition::Install, SignalStatus::Installing, text).await;
            }
            Report::Starting(script, go) => {
                let text = messages::starting(&script);
                self.step(&script, Transition::Start, SignalStatus::Working, text).await;
                // Only now: a script must not have run without the journal knowing that it may have.
                self.let_start(&script, go);
            }
            Report::Running(script, progress) => {
                let _ = self.notices.send(Notice::Running(script, progress));
            }
            Report::Load(load) => self.record.keep_load(load).await,
            Report::Bmc(script, found) if self.goes_down_under(&script, &found.finished).await => {
                // Its end is not on record, so that it is run again, and tells of its file then.
                let _ = found.told.send(Told::Nobody);
            }
            Report::Bmc(script, found) => {
                // Still running as far as anybody knows, but a crash does not lose how it ended.
                self.keep_end(&script, &found.finished).await;
                let change = self.change(&script, Status::Running, Some(&found.finished));
                let path = self.workspace.outputs(&script).bmc_config;
                let signal =
                    Signal { power_file: Some(path), ..Signal::script(SignalStatus::Working, reference(&script), "") };
                self.power.tell(&self.record, &script, change, signal, found).await;
            }
            Report::Finished(script, finished) if self.goes_down_under(&script, &finished).await => {
                self.cut_off.insert(key(&script));
            }
            Report::Finished(script, finished) => self.finish(&script, finished).await,
        }
    }

    /// Runs a set – `work` holds all senders of reports – and takes what it reports, to its end.
    pub(super) async fn drive(
        &mut self,
        work: impl Future<Output = ()> + Send + 'static,
        mut received: mpsc::Receiver<Report>,
        stop: &CancellationToken,
    ) {
        let running = tokio::spawn(work);
        while let Some(report) = received.recv().await {
            self.take(report).await;
        }
        // All senders are gone, so the work is done, with a panic at worst.
        let _ = running.await;
        self.end_of_set(stop.is_cancelled()).await;
    }

    /// The set has run. A script that vanished without an end is an end, too.
    async fn end_of_set(&mut self, stopped: bool) {
        let open: Vec<_> = self.states.values().filter(|(_, status)| !status.is_final()).cloned().collect();
        for (script, status) in open {
            if stopped && status == Status::Pending || self.cut_off.contains(&key(&script)) {
                continue;
            }
            tracing::error!(script = %script, "it ended without a report");
            let notes = vec!["the agent lost track of it: this is a defect of the agent".to_owned()];
            self.finish(&script, Finished { notes, ..Finished::failed(Ending::NotExecuted(1)) }).await;
        }
    }

    /// Whether a script was stopped since it, or somebody else, reboots the machine: with the service manager's SIGTERM to the agent, or to
    /// the script itself.
    async fn goes_down_under(&self, script: &Script, finished: &Finished) -> bool {
        let stopped =
            matches!(finished.ending, Ending::Interrupted(Interruption::Stop) | Ending::Exited(129 | 137 | 143))
                || matches!(&finished.ending, Ending::Killed(killed) if [1, 9, 15].contains(&killed.signal));
        stopped && self.may_reboot.contains(&key(script)) && process::machine_is_going_down().await
    }

    /// Whether the run is to be gone on with after a reboot.
    pub(super) fn goes_on_after_reboot(&self) -> bool {
        !self.cut_off.is_empty()
    }

    /// How many scripts of a type have failed in this run.
    pub(super) fn failures(&self, kind: ScriptType) -> usize {
        self.failures.get(&kind).copied().unwrap_or(0)
    }

    pub(super) fn has_outcomes(&self) -> bool {
        !self.outcomes.is_empty()
    }

    /// Whether a script of a type has ended in this run.
    pub(super) fn has_outcomes_of(&self, kind: ScriptType) -> bool {
        self.outcomes.iter().any(|outcome| outcome.kind == kind)
    }

    pub(super) fn into_outcomes(self) -> Vec<ScriptOutcome> {
        self.outcomes
    }

    /// A step on the way: the status changes and the region is told.
    async fn step(&mut self, script: &Arc<Script>, transition: Transition, status: SignalStatus, text: String) {
        let Some((next, event)) = self.transition(script, transition) else { return };
        let signal = Signal::script(status, reference(script), text);
        let change = self.change(script, next, None);
        self.record.change(change, vec![event], vec![(Payload::Signal(signal), Some(next))]).await;
    }

    /// Lets a script start, which may have to wait for the region's word.
    fn let_start(&self, script: &Script, go: oneshot::Sender<Result<(), String>>) {
        let destroys = order::destroys_by_file(script, &self.workspace);
        let Some(stop) = self.before_destroying.clone().filter(|_| destroys) else {
            let _ = go.send(Ok(()));
            return;
        };
        let outbox = Arc::clone(&self.record.outbox);
        tokio::spawn(async move {
            outbox.idle(&stop).await;
            let _ = go.send(order::check_heard(&outbox));
        });
    }

    /// An end, whatever came before it.
    pub(super) async fn finish(&mut self, script: &Arc<Script>, finished: Finished) {
        let transition = match (&finished.ending, finished.conclusion) {
            (_, Conclusion::Passed(evidence)) => Transition::Pass(evidence),
            (_, Conclusion::Said(said)) => Transition::Decide(said),
            (Ending::TimedOut(_), Conclusion::Failed) => Transition::TimeOut,
            (ending, Conclusion::Failed) => {
                Transition::Fail(NonZeroI32::new(ending.exit_status()).unwrap_or(NonZeroI32::MIN))
            }
        };
        let Some((status, event)) = self.transition(script, transition) else { return };
        self.handed_out.end(script.kind, &script.name, script.result_id);
        self.keep_end(script, &finished).await;
        let mut events = vec![event];
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
            files: parts::files(self.workspace.outputs(script), script, &finished),
            ..Signal::script(signal_status, reference(script), messages::finished(script, &finished))
        };
        let mut outgoing = vec![(Payload::Signal(signal), Some(status))];
        if let Some(text) = messages::beyond_the_region(script, status, &finished) {
            events.push(Event::new(EventType::NODE_STATUS_EVENT, text.clone()));
            outgoing.push((Payload::Event(NodeEvent::new("shakedown/script-status", text, false)), None));
        }
        let change = self.change(script, status, Some(&finished));
        self.record.change(change, events, outgoing).await;
        *self.failures.entry(script.kind).or_default() += usize::from(status.is_failure());
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
        if let Some(ends) = &self.ends {
            let _ = ends.send(Arc::clone(script));
        }
        self.outcomes.push(outcome);
    }
}

fn key(script: &Script) -> Key {
    (script.name.clone(), script.result_id)
}

fn reference(script: &Script) -> ScriptReference {
    ScriptReference { name: script.name.clone(), result_id: script.result_id, version_id: script.version_id }
}
