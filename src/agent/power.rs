//! The access to the machine's BMC, as a commissioning script found it: told to the region once in a run.
//!
//! The message names the script's file and holds nothing of it, so the password is in that file alone, which only its owner can
//! read and which is deleted once the region has answered.

use std::sync::Arc;

use super::message::Payload;
use super::record::Record;
use crate::event::{Event, EventType};
use crate::journal::{MessageId, ResultChange};
use crate::region::{POWER_LABEL, Signal};
use crate::runner::{FoundBmc, Told};
use crate::script::Script;

/// What the region was told in this run.
#[derive(Debug, Default)]
pub(super) struct Power {
    /// The last message.
    message: Option<MessageId>,
    /// A machine that enlists will be made with what a script found: its file is kept for that.
    is_kept: bool,
}

impl Power {
    /// What is found from now on is not needed: there is something already for the region to make the machine with.
    pub(super) fn is_kept(&mut self) {
        self.is_kept = true;
    }

    /// Puts the message on its way, unless one is; whoever found it hears what the region says.
    pub(super) async fn tell(
        &mut self,
        record: &Record,
        script: &Script,
        change: Option<ResultChange>,
        signal: Signal,
        found: FoundBmc,
    ) {
        let FoundBmc { config, told, .. } = found;
        if self.is_told(record).await {
            tracing::info!(script = %script, "the region was told of the BMC before in this run");
            let _ = told.send(Told::Unneeded);
            return;
        }
        let event = Event::new(EventType::NODE_STATUS_EVENT, format!("{} found the BMC {config}", script.subject()));
        let ids = record.change(change, vec![event], vec![(Payload::Signal(signal), None)]).await;
        self.message = ids.first().copied();
        let Some(id) = self.message else {
            self.is_kept |= record.is_unheard();
            let _ = told.send(if record.results_only { Told::Unneeded } else { Told::Nobody });
            return;
        };
        let outbox = Arc::clone(&record.outbox);
        tokio::spawn(async move {
            let mut told = told;
            tokio::select! {
                answer = outbox.answered(id) => {
                    let _ = told.send(answer.map_or_else(Told::Refused, |()| Told::Taken));
                }
                () = told.closed() => {}
            }
        });
    }

    /// In this process, or before it was started.
    async fn is_told(&self, record: &Record) -> bool {
        if self.is_kept {
            return true;
        }
        if let Some(id) = self.message {
            return record.outbox.refusal(id).is_none();
        }
        let Some(run_id) = record.run_id else { return false };
        let earlier = record.journal.with("an earlier message", move |store| store.has_message(run_id, POWER_LABEL));
        earlier.await.unwrap_or(false)
    }
}
