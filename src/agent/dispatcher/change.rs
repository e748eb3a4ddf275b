//! A change of a script's status: in the table, for the journal, and beside the outputs.

use std::sync::Arc;
use std::time::Duration;

use super::{Dispatcher, key};
use crate::agent::Notice;
use crate::event::Event;
use crate::journal::{ResultChange, RunId};
use crate::runner::{Finished, keep_end};
use crate::script::{Script, Status, Transition, transition_event};
use crate::telemetry;

/// Longest wait for the small file with an end.
const LONGEST_KEEP: Duration = Duration::from_secs(10);

impl Dispatcher {
    /// The end is also beside the outputs: the journal may be out of reach when the next start asks how it ended.
    pub(super) async fn keep_end(&self, script: &Script, finished: &Finished) {
        let Some(run_id) = self.record.run_id else { return };
        let (outputs, finished) = (self.workspace.outputs(script), finished.clone());
        let keep = tokio::task::spawn_blocking(move || keep_end(&outputs, run_id.number(), &finished));
        // A disk that hangs holds up nobody.
        match tokio::time::timeout(LONGEST_KEEP, keep).await {
            Ok(Ok(Err(error))) => {
                tracing::warn!(script = %script, %error, "how it ended is not kept beside its outputs");
            }
            Err(_) => tracing::warn!(script = %script, "how it ended could not be kept beside its outputs in time"),
            _ => {}
        }
    }

    /// Applies a transition and tells it; the new status and its event, `None` if the table does not have it.
    pub(super) fn transition(&mut self, script: &Arc<Script>, transition: Transition) -> Option<(Status, Event)> {
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
        let run = self.record.run_id.map(RunId::number);
        tracing::info!(
            target: telemetry::NEWS,
            message_id = telemetry::id::SCRIPT_STATUS,
            syslog_priority = if new.is_failure() { telemetry::priority::WARNING } else { telemetry::priority::INFO },
            script = %script.subject(),
            status = new.name(),
            run,
            "{}",
            event.description
        );
        let _ = self.notices.send(Notice::Transition { script: Arc::clone(script), status: new, event: event.clone() });
        Some((new, event))
    }

    /// The change of a script's status as the journal keeps it, if this run is on record there.
    pub(super) fn change(&self, script: &Script, status: Status, finished: Option<&Finished>) -> Option<ResultChange> {
        Some(ResultChange {
            run_id: self.record.run_id?,
            name: script.name.clone(),
            result_id: script.result_id,
            status,
            exit_status: finished.map(|finished| finished.ending.exit_status()),
            runtime: finished.and_then(|finished| finished.runtime),
            notes: finished.map(|finished| finished.notes.join("; ")).unwrap_or_default(),
            findings: finished.map(|finished| finished.findings.clone()).unwrap_or_default(),
            cost: finished.and_then(|finished| finished.cost),
        })
    }
}
