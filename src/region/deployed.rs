//! What a deployed machine may say. OK from it would release it, TESTING would take it out of use, FAILED is refused with all that came
//! along (contract REGION, "What each does to the node"): there is no value of [`DeployedSignal`] that says one of these, and
//! [`DeployedClient`] sends nothing else.

use std::path::Path;
use std::time::Duration;

use super::{Client, Error, Fetched, NodeEvent, Signal, SignalStatus};
use crate::script::RegionVersion;

/// A signal that leaves a deployed machine deployed.
#[derive(Clone, Debug, PartialEq)]
pub struct DeployedSignal(Signal);

impl DeployedSignal {
    /// A bare WORKING: the region notes the time of it as the last synchronisation, and nothing else.
    #[must_use]
    pub fn alive() -> Self {
        DeployedSignal(Signal::node(SignalStatus::Working, ""))
    }
}

impl TryFrom<Signal> for DeployedSignal {
    type Error = SignalStatus;

    /// Fails with the status that must not be said.
    fn try_from(signal: Signal) -> Result<Self, SignalStatus> {
        match signal.status {
            SignalStatus::Working
            | SignalStatus::TimedOut
            | SignalStatus::Installing
            | SignalStatus::ApplyingNetconf => Ok(DeployedSignal(signal)),
            other => Err(other),
        }
    }
}

/// A connection to the region of a deployed machine.
#[derive(Debug)]
pub struct DeployedClient(Client);

impl DeployedClient {
    /// Leaves of a client what a deployed machine may do with it.
    #[must_use]
    pub fn new(client: Client) -> Self {
        DeployedClient(client)
    }

    /// See [`Client::base_url`].
    #[must_use]
    pub fn base_url(&self) -> String {
        self.0.base_url()
    }

    /// See [`Client::identity`].
    #[must_use]
    pub fn identity(&self) -> String {
        self.0.identity()
    }

    /// See [`Client::system_id`].
    #[must_use]
    pub fn system_id(&self) -> Option<&str> {
        self.0.system_id()
    }

    /// See [`Client::is_authenticated`].
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.0.is_authenticated()
    }

    /// See [`Client::version`].
    pub async fn version(&self, limit: Duration) -> Option<RegionVersion> {
        self.0.version(limit).await
    }

    /// See [`Client::fetch_scripts`].
    ///
    /// # Errors
    /// By class of answer.
    pub async fn fetch_scripts(&self, to: &Path) -> Result<Fetched, Error> {
        self.0.fetch_scripts(to).await
    }

    /// See [`Client::signal`].
    ///
    /// # Errors
    /// By class of answer.
    pub async fn signal(&self, signal: &DeployedSignal) -> Result<(), Error> {
        self.0.signal(&signal.0).await
    }

    /// See [`Client::node_event`].
    ///
    /// # Errors
    /// By class of answer.
    pub async fn node_event(&self, event: &NodeEvent) -> Result<(), Error> {
        self.0.node_event(event).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_deployment_cannot_be_said() {
        let said = |status: &SignalStatus| DeployedSignal::try_from(Signal::node(*status, "")).is_ok();
        let words: Vec<&str> = SignalStatus::ALL.iter().filter(|status| said(status)).map(|it| it.word()).collect();
        assert_eq!(words, ["WORKING", "TIMEDOUT", "INSTALLING", "APPLYING_NETCONF"]);
    }
}
