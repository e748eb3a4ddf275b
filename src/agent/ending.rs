//! The end of a run: what it came to, what is signalled, and how long somebody waits for the region.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::dispatcher::Dispatcher;
use super::record::Record;
use super::run::{Verdict, Voice};
use super::{Agent, Error, messages};
use crate::journal::RunEnd;
use crate::region::{self, Signal, SignalStatus};
use crate::script::ScriptType;

impl Agent {
    /// The end of a run that would have passed, if not all of it was seen.
    pub(super) fn unless_unseen(dispatcher: &Dispatcher) -> Option<Verdict> {
        let unended = dispatcher.handed_out.unended();
        if !unended.is_empty() {
            return Some(Verdict::Failed(messages::never_ended(&unended)));
        }
        dispatcher.handed_out.has_forgotten().then(|| Verdict::Failed(messages::FORGOTTEN_TESTS.to_owned()))
    }

    /// Ends the run, and waits until the region has all of it; what is still being delivered when nobody waits any longer.
    pub(super) async fn end(
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

    /// OK is for a run of which the region has every result; any other ends otherwise.
    pub(super) async fn proved(&self, verdict: Result<Verdict, Error>, record: &Record) -> Result<Verdict, Error> {
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
    pub(super) async fn settled(&self, record: &Record) -> bool {
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
}

/// A stopped run may try for so long to deliver what it has.
pub(super) async fn farewell(
    stop: CancellationToken,
    running: Arc<Mutex<()>>,
    give_up: CancellationToken,
    limit: Duration,
) {
    stop.cancelled().await;
    // Scripts may take all of their grace to stop: only then is there anything to deliver.
    drop(running.lock().await);
    tokio::time::sleep(limit).await;
    give_up.cancel();
}
