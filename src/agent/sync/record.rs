//! The journal's record of a region – the hardware that it was sent, and the other data that it stores – and of each synchronisation.

use super::super::message::{Payload, head, message};
use super::super::{Notice, resume};
use super::compare::{Compared, OnRecord, parse};
use super::stored::Stored;
use super::{EVENT_NAME, Error, Reason, Sync};
use crate::inventory::describe;
use crate::journal::{Audience, NewRun, RunEnd, RunEnding, RunId, Store};
use crate::region::NodeEvent;

impl Sync {
    /// Reads the record of the data that the region was sent.
    pub(in super::super) async fn on_record(&self) -> Result<OnRecord, Error> {
        let (region, fact) = (self.client.identity(), self.stored_fact());
        let read = move |store: &mut Store| Ok((store.hardware(&region)?, store.read_fact(&fact)?));
        let (hardware, stored) = self.journal.with("what the region knows", read).await.ok_or(Error::NoJournal)?;
        let items = hardware.as_ref().and_then(|known| parse(&known.recorded));
        // Without hardware on record the region was never sent anything.
        let stored = stored.filter(|_| items.is_some()).and_then(|text| Stored::parse(&text));
        Ok(OnRecord { hardware, items, stored })
    }

    /// The key under which the journal keeps digests of the data that the region stores beside the hardware.
    pub(super) fn stored_fact(&self) -> String {
        Stored::fact(&self.client.identity())
    }

    /// Takes the present state as the one that an earlier release sent, which recorded no digests. A later full report corrects any
    /// difference.
    pub(super) async fn adopt(&self, on_record: &OnRecord, compared: &Compared) -> Result<(), Error> {
        let Some(text) = compared.stored.as_ref().map(Stored::to_text) else { return Ok(()) };
        let known = on_record.hardware.as_ref().filter(|_| compared.forgets);
        let told = known.and_then(|known| Some((known.region.clone(), known.scripts.clone(), known.acknowledged_at?)));
        let (fact, recorded) = (self.stored_fact(), compared.recorded.clone());
        let keep = move |store: &mut Store| {
            if let Some((region, scripts, at)) = told {
                store.record_hardware(&region, &recorded, &[], &[])?;
                store.acknowledge_hardware(&region, &scripts, at)?;
            }
            store.keep_fact(&fact, &text)
        };
        self.journal.with("what the region stores", keep).await.ok_or(Error::NoJournal)
    }

    pub(super) fn say_what_differs(&self, compared: &Compared) {
        if compared.reason == Some(Reason::Stored) {
            let parts = compared.differing.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let text = format!("no hardware changed, but what the region stores: {parts}");
            let _ = self.notices.send(Notice::Said(text));
        }
    }

    /// Records the changes and begins a run, in one transaction. Returns the number of the run; `None` when the journal failed.
    pub(super) async fn begin(&self, compared: &Compared) -> Option<RunId> {
        let new = self.new_run();
        let (node, changes, recorded) = (self.node(), compared.changes.clone(), compared.recorded.clone());
        let system_id = self.client.system_id().map(str::to_owned);
        let record = move |store: &mut Store| {
            store.set_system_id(system_id.clone());
            let run_id = store.begin_run(&new)?;
            store.supersede_results(&new.region)?;
            let events: Vec<_> = changes.iter().map(|change| change.event(&node)).collect();
            // An event is posted to the node's address, which contains its system id.
            let told = changes.iter().filter(|change| system_id.is_some() && change.is_beyond_the_region());
            let told = told.map(|change| NodeEvent::new(EVENT_NAME, describe(change, &node), false));
            let messages: Vec<_> = told.map(|event| message(&Payload::Event(event), None, Some(run_id))).collect();
            store.record_hardware(&new.region, &recorded, &events, &messages)?;
            Ok(run_id)
        };
        self.journal.with("changes of the hardware", record).await
    }

    /// The journal entry of a synchronisation's run.
    pub(in super::super) fn new_run(&self) -> NewRun {
        NewRun {
            region: self.client.identity(),
            audience: Audience::Region,
            storage: self.options.storage.clone(),
            boot_id: resume::boot_id(&self.host),
            requested_by: self.options.actor.username.clone(),
        }
    }

    pub(super) async fn end(&self, run_id: RunId, end: RunEnd, text: String) {
        let (retention, tells) = (self.options.retention, self.client.system_id().is_some());
        let record = move |store: &mut Store| {
            let ending = RunEnding { end, outcome: &text, took: None };
            store.end_run(run_id, &ending, |found| {
                tells.then(|| message(&head(run_id, found), None, Some(run_id))).into_iter().collect()
            })?;
            store.prune(&retention)
        };
        self.journal.with("the end of a synchronisation", record).await;
    }
}
