//! What an inventory could not find out: told on standard error, and kept in the machine's event log.

use super::state;
use crate::event::{Event, EventType};
use crate::host::Host;
use crate::inventory::Gap;
use crate::journal::{self, Store};

/// Tells gaps. Of this machine they are also kept, once each, if it has a journal; an inventory makes none.
pub(super) fn tell(host: &Host, gaps: &[Gap], state: &state::Options) {
    for gap in gaps {
        complain!("shakedown: {gap}");
    }
    if gaps.is_empty() || !host.is_live() || !journal::file(&state.state_dir).exists() {
        return;
    }
    if let Err(error) = keep(host, gaps, state) {
        tracing::warn!(%error, "what the inventory could not find out is not kept in the event log");
    }
}

fn keep(host: &Host, gaps: &[Gap], state: &state::Options) -> Result<(), journal::Error> {
    let mut store = Store::open_beside(&state.state_dir, &host.hostname())?;
    for gap in gaps {
        let mut event = Event::new(EventType::NODE_STATUS_EVENT, format!("hardware could not be read: {gap}"));
        event.action = "shakedown/inventory".to_owned();
        store.append_news(&event)?;
    }
    Ok(())
}
