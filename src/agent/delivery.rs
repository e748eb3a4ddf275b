//! Bringing messages from the outbox to the region.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outbox::{Entry, Outbox};
use crate::region::{Client, Disposition, Error, RetryOptions, persist};
use crate::script::Status;

/// Messages under way at once: a large upload must not hold up small ones, and a machine must not crowd the region.
const WORKERS: usize = 3;

/// What became of a message.
enum Delivered {
    Acknowledged,
    Refused(String),
    GivenUp,
}

/// Starts delivering; the returned future ends when `give_up` has struck and nothing is under way.
pub(super) fn start(
    client: &Arc<Client>,
    outbox: &Arc<Outbox>,
    retry: &RetryOptions,
    give_up: &CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (client, outbox) = (Arc::clone(client), Arc::clone(outbox));
        let (retry, give_up) = (retry.clone(), give_up.clone());
        workers.spawn(async move {
            while let Some(entry) = outbox.claim(&give_up).await {
                match deliver(&client, &entry, &retry, &give_up).await {
                    Delivered::Acknowledged => outbox.acknowledge(entry.id),
                    Delivered::GivenUp => outbox.release(entry.id),
                    Delivered::Refused(reason) => {
                        tracing::error!(
                            message = entry.signal.label(),
                            reason,
                            "the region refused a message for good"
                        );
                        outbox.refuse(entry.id, reason);
                    }
                }
            }
        });
    }
    async move { while workers.join_next().await.is_some() {} }
}

async fn deliver(client: &Client, entry: &Entry, retry: &RetryOptions, give_up: &CancellationToken) -> Delivered {
    let label = entry.signal.label();
    let may_have_arrived = AtomicBool::new(false);
    loop {
        let sent = persist(retry, give_up, &label, || async {
            let sent = client.signal(&entry.signal).await;
            may_have_arrived.fetch_or(sent.as_ref().is_err_and(Error::may_have_arrived), Ordering::Relaxed);
            sent
        })
        .await;
        let error = match sent {
            Ok(()) => return Delivered::Acknowledged,
            Err(Error::Cancelled(_)) => return Delivered::GivenUp,
            Err(error) => error,
        };
        match error.disposition() {
            Disposition::Shrink => tracing::warn!(message = label, "too large for the region: will be shortened"),
            Disposition::AlreadyFinal if is_ours(&error, may_have_arrived.load(Ordering::Relaxed), entry.leads_to) => {
                tracing::info!(message = label, "the region already has it");
                return Delivered::Acknowledged;
            }
            _ => return Delivered::Refused(error.to_string()),
        }
    }
}

/// Whether the final result that the region holds is the one that we sent: an earlier answer was lost, or it says the same.
/// A result that the region gave up itself (Aborted) is never ours.
fn is_ours(error: &Error, may_have_arrived: bool, leads_to: Option<Status>) -> bool {
    let Error::AlreadyFinal { status, .. } = error else { return false };
    let held = status.and_then(Status::from_number);
    held != Some(Status::Aborted) && (may_have_arrived || (held.is_some() && held == leads_to))
}
