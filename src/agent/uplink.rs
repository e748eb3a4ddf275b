//! Who speaks to the region: a machine that is commissioned or tested, or one that is deployed and may not say everything.

use std::path::Path;
use std::sync::Arc;

use crate::region::{Client, DeployedClient, DeployedSignal, Error, Fetched, NodeEvent, Signal};

/// A connection to the region, with what may be said over it.
#[derive(Clone, Debug)]
pub(super) enum Uplink {
    /// Of a machine in a run: everything.
    Node(Arc<Client>),
    /// Of a deployed machine: nothing that would end its deployment ([`DeployedSignal`]).
    Deployed(Arc<DeployedClient>),
}

impl Uplink {
    /// Sends a signal once.
    ///
    /// # Errors
    /// By class of answer; `Setup` for a signal that a deployed machine must not send.
    pub(super) async fn signal(&self, signal: &Signal) -> Result<(), Error> {
        match self {
            Uplink::Node(client) => client.signal(signal).await,
            Uplink::Deployed(client) => {
                let signal = DeployedSignal::try_from(signal.clone())
                    .map_err(|status| Error::Setup(format!("a deployed machine does not say {}", status.word())))?;
                client.signal(&signal).await
            }
        }
    }

    /// Posts a node event once.
    ///
    /// # Errors
    /// By class of answer.
    pub(super) async fn node_event(&self, event: &NodeEvent) -> Result<(), Error> {
        match self {
            Uplink::Node(client) => client.node_event(event).await,
            Uplink::Deployed(client) => client.node_event(event).await,
        }
    }

    /// Fetches the script archive into a file once.
    ///
    /// # Errors
    /// By class of answer.
    pub(super) async fn fetch_scripts(&self, to: &Path) -> Result<Fetched, Error> {
        match self {
            Uplink::Node(client) => client.fetch_scripts(to).await,
            Uplink::Deployed(client) => client.fetch_scripts(to).await,
        }
    }

    /// See [`Client::identity`].
    pub(super) fn identity(&self) -> String {
        match self {
            Uplink::Node(client) => client.identity(),
            Uplink::Deployed(client) => client.identity(),
        }
    }

    /// What the region calls this machine, if that is known.
    pub(super) fn system_id(&self) -> Option<&str> {
        match self {
            Uplink::Node(client) => client.system_id(),
            Uplink::Deployed(client) => client.system_id(),
        }
    }
}
