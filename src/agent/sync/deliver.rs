//! Bringing a deployed machine's messages from the journal to the region.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::super::Refused;
use super::super::delivery::drain;
use super::super::uplink::Uplink;
use crate::journal::Journal;
use crate::region::{DeployedClient, Error, RetryOptions};

/// What became of a deployed machine's messages.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Messages that the region has not taken; they are kept, and tried the next time.
    pub left: usize,
    /// Messages that it refused; they are kept.
    pub refused: Vec<Refused>,
    /// Why it did not take everything.
    pub trouble: Option<Error>,
}

/// Delivers what the journal holds for the region of a deployed machine, until `deadline` strikes.
pub async fn deliver(
    client: Arc<DeployedClient>,
    journal: Arc<Journal>,
    retry: &RetryOptions,
    deadline: &CancellationToken,
) -> Delivery {
    let drained = drain(Uplink::Deployed(client), journal, retry, deadline).await;
    Delivery { left: drained.left, refused: drained.refused, trouble: drained.trouble }
}
