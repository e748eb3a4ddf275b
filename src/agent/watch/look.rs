//! One look at the machine: collect, damp, compare, tell.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::sync::{self, Found, OnRecord, Reason, Sync};
use super::damper::Damper;
use super::notice::{Noticed, note};
use super::schedule::{Looked, Purpose};
use crate::host::Host;
use crate::inventory::{Inventory, Item, Kind, collect_detail};
use crate::region::Disposition;

/// While it is there, udev is still at work on what the kernel told it.
const UDEV_QUEUE: &str = "/run/udev/queue";
/// Longest wait for udev: a rule that hangs must not hide a change.
const UDEV_PATIENCE: Duration = Duration::from_millis(1500);
/// Where the journal keeps what devices did lately.
const FACT: &str = "restless hardware";

/// Looks once. What flaps is told once as that, and is then as it was told before until it has settled.
///
/// # Errors
/// When nothing could be compared or run.
pub async fn look(sync: &Sync, purpose: Purpose) -> Result<Looked, sync::Error> {
    let host = sync.host.clone();
    let collected = tokio::task::spawn_blocking(move || collect(&host)).await;
    let inventory = collected.unwrap_or_else(|_| Inventory::unread());
    let now = Timestamp::now();
    let on_record = sync.on_record().await?;
    let damped = damp(sync, &on_record, &inventory, now).await?;
    let outcome = Box::pin(sync.compared(&on_record, inventory, damped.found, now)).await?;
    let retry_after = outcome.trouble.as_ref().and_then(|error| match error.disposition() {
        Disposition::Retry(after) => after,
        _ => None,
    });
    tracing::info!(?purpose, "{}", outcome.text());
    Ok(Looked {
        changed: damped.is_told || !outcome.changes.is_empty() || outcome.reason == Some(Reason::Stored),
        failed: !outcome.is_delivered,
        retry_after,
        again: damped.again,
    })
}

/// Collects once udev has finished with the burst that led to this look, so that no device is taken for one without a serial number.
fn collect(host: &Host) -> Inventory {
    let deadline = Instant::now() + UDEV_PATIENCE;
    while host.is_live() && host.exists(UDEV_QUEUE) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    collect_detail(host)
}

struct Damped {
    found: Found,
    /// Something began to flap, and that is told.
    is_told: bool,
    again: Option<Duration>,
}

/// Holds back what is flapping; what begins to is on record together with what is known of it.
async fn damp(sync: &Sync, on_record: &OnRecord, inventory: &Inventory, now: Timestamp) -> Result<Damped, sync::Error> {
    let read = sync.journal.with(FACT, |store| store.read_fact(FACT)).await.ok_or(sync::Error::NoJournal)?;
    // What another version wrote is forgotten: it is no more than some minutes old.
    let mut damper: Damper = read.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let Found { items, stored, uncounted, .. } = Found::of(inventory, sync.options.network_volumes);
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let restless = damper.damp_stored(on_record.stored.as_ref(), stored.as_ref(), seconds);
    let told = on_record.hardware_of_today(&uncounted).unwrap_or_default();
    let held = damper.damp(&told, items, seconds);
    let text = serde_json::to_string(&damper).unwrap_or_default();
    let noticed: Vec<Noticed> = flapping(&held.began, &sync.node()).into_iter().collect();
    let is_told = !noticed.is_empty();
    note(sync, FACT, text, noticed).await?;
    Ok(Damped {
        found: Found { items: held.items, stored, restless, uncounted },
        is_told,
        again: held.again.map(Duration::from_secs),
    })
}

/// What comes and goes.
fn flapping(began: &[(Kind, Item)], node: &str) -> Option<Noticed> {
    let (kind, _) = began.first()?;
    let names: Vec<String> = began.iter().map(|(kind, item)| format!("{} {}", kind.name(), item.name)).collect();
    let text = format!("{} comes and goes on node {node}: not told again until it has settled", names.join(", "));
    Some(Noticed { action: "flapping", kind: kind.event_type(), text, is_failure: false })
}
