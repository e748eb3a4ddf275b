//! How a client is set up.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::credentials::Credentials;

/// How to reach a region.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Address of the metadata service, ending in `/MAAS/metadata/`.
    pub metadata_url: Url,
    /// Version of the metadata service.
    pub api_version: String,
    /// `None` while enlisting.
    pub credentials: Option<Credentials>,
    /// What the region calls this node, where a configuration says so; node events need it.
    pub system_id: Option<String>,
    /// A CA bundle (PEM) besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Limit for making a connection.
    pub connect_timeout: Duration,
    /// Limit for silence in an exchange.
    pub idle_timeout: Duration,
    /// Limit for a whole exchange without its body.
    pub request_timeout: Duration,
    /// Past any proxy of the environment, as to a region on this machine.
    pub direct: bool,
    /// Slowest transfer that is put up with, in bytes per second; a body adds to the limit at this rate.
    pub slowest: u64,
}

impl ClientOptions {
    /// Defaults for a metadata address.
    #[must_use]
    pub fn new(metadata_url: Url, credentials: Option<Credentials>) -> Self {
        ClientOptions {
            metadata_url,
            api_version: "2012-03-01".to_owned(),
            credentials,
            system_id: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(120),
            direct: false,
            slowest: 64 << 10,
        }
    }
}
