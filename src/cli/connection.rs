//! The options that say which region, and as whom; the same for every verb that speaks to one.

use std::path::PathBuf;

use crate::config::{Given, Origin, connection};
use crate::host::Host;
use crate::region::{Client, RetryOptions};

/// With the reference's names.
#[derive(Clone, clap::Args)]
#[command(next_help_heading = "Region and credentials")]
#[group(id = "connection")]
pub(super) struct Options {
    /// Cloud-init style file or address with metadata address and credentials. Without it, cloud-init's files, the kernel
    /// command line and MAAS's hardware-sync file are looked through
    #[arg(long, value_name = "FILE|URL")]
    config: Option<String>,
    /// OAuth consumer key
    #[arg(long, value_name = "KEY")]
    ckey: Option<String>,
    /// OAuth token key
    #[arg(long, value_name = "KEY")]
    tkey: Option<String>,
    /// OAuth consumer secret; empty for a node
    #[arg(long, value_name = "SECRET")]
    csec: Option<String>,
    /// OAuth token secret. Everybody on this machine can read command lines: prefer --config
    #[arg(long, value_name = "SECRET")]
    tsec: Option<String>,
    /// Version of the metadata service
    #[arg(long, value_name = "VERSION", default_value = "2012-03-01")]
    apiver: String,
    /// Address of the region or of its metadata service
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// CA bundle (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

impl std::fmt::Debug for Options {
    /// Without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("config", &self.config).field("url", &self.url).finish_non_exhaustive()
    }
}

/// A client for the region that was found.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) retry: RetryOptions,
    pub(super) origin: Origin,
}

impl Options {
    pub(super) async fn connect(self, host: &Host) -> anyhow::Result<Connected> {
        let given = Given {
            config: self.config,
            consumer_key: self.ckey,
            consumer_secret: self.csec,
            token_key: self.tkey,
            token_secret: self.tsec,
            url: self.url,
            api_version: Some(self.apiver),
            ca_file: self.cacert,
        };
        let found = connection(&given, host).await?;
        Ok(Connected { client: Client::new(found.client)?, retry: found.retry, origin: found.origin })
    }
}
