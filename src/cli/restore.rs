//! What any start does first on this machine: put back the networking that an earlier one was killed with.

use super::state;
use crate::event::{Event, EventType};
use crate::host::Host;
use crate::journal::{Actor, Store};
use crate::netplan;

/// This machine. A program that was built for tests takes what a test gives it for one.
pub(super) fn machine() -> Host {
    let root = if cfg!(debug_assertions) { std::env::var_os("SHAKEDOWN_TEST_ROOT") } else { None };
    root.map_or_else(Host::live, Host::at)
}

/// Puts the machine's own networking back if an earlier run left another, says so, and notes it in the journal as far as there is one to
/// be had.
pub(super) async fn networking(host: &Host, state: &state::Options) {
    let text = match netplan::restore(host).await {
        Ok(None) => return,
        Ok(Some(restored)) => {
            let what = restored.what;
            let trouble = restored.trouble.iter().map(|line| format!("; {line}")).collect::<String>();
            format!(
                "Put this machine's own networking back, since an earlier run was cut off with that of {what}{trouble}."
            )
        }
        Err(error) => format!(
            "This machine's own networking could not be put back after an earlier run: {error}. `shakedown deliver`, called by root, \
             tries again."
        ),
    };
    complain!("shakedown: WARNING: {text}");
    let noted = Store::open_beside(&state.state_dir, &host.hostname()).and_then(|mut store| {
        store.append_event(&Event::new(EventType::NODE, text.clone()), &Actor::current())?;
        store.append_event(&Event::new(EventType::NODE_STATUS_EVENT, text), &Actor::default())
    });
    if let Err(error) = noted {
        tracing::warn!(%error, "the journal does not have that");
    }
}
