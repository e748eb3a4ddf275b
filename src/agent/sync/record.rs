//! What is on record of a region: the hardware that it was told, and what else it stores.

use super::super::Notice;
use super::compare::{Compared, OnRecord, parse};
use super::stored::Stored;
use super::{Error, Reason, Sync};
use crate::journal::Store;

impl Sync {
    /// What the region was told.
    pub(in super::super) async fn on_record(&self) -> Result<OnRecord, Error> {
        let (region, fact) = (self.client.identity(), self.stored_fact());
        let read = move |store: &mut Store| Ok((store.hardware(&region)?, store.read_fact(&fact)?));
        let (hardware, stored) = self.journal.with("what the region knows", read).await.ok_or(Error::NoJournal)?;
        let items = hardware.as_ref().and_then(|known| parse(&known.recorded));
        // Without the hardware it was never told anything.
        let stored = stored.filter(|_| items.is_some()).and_then(|text| Stored::parse(&text));
        Ok(OnRecord { hardware, items, stored })
    }

    /// Where the journal keeps what the region stores beside the hardware.
    pub(super) fn stored_fact(&self) -> String {
        Stored::fact(&self.client.identity())
    }

    /// What an earlier release told is taken for what is there: the region is told everything now and then anyway.
    pub(super) async fn adopt(&self, stored: Option<&Stored>) -> Result<(), Error> {
        let Some(text) = stored.map(Stored::to_text) else { return Ok(()) };
        let fact = self.stored_fact();
        let keep = move |store: &mut Store| store.keep_fact(&fact, &text);
        self.journal.with("what the region stores", keep).await.ok_or(Error::NoJournal)
    }

    pub(super) fn say_what_differs(&self, on_record: &OnRecord, compared: &Compared) {
        if let (Some(Reason::Stored), Some(old), Some(new)) = (compared.reason, &on_record.stored, &compared.stored) {
            let parts = old.differing(new).into_iter().collect::<Vec<_>>().join(", ");
            let _ =
                self.notices.send(Notice::Said(format!("no hardware changed, but what the region stores: {parts}")));
        }
    }
}
