//! The options that say which region, and as whom; the same for every verb that speaks to one.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::config::{self, Connection, Given, Origin, connection};
use crate::host::Host;
use crate::region::{Client, Credentials, RetryOptions};

/// Of the metadata service.
const API_VERSION: &str = "2012-03-01";

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
    #[arg(long, value_name = "VERSION", default_value = API_VERSION)]
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
    /// Finds region and credentials without connecting. On a `deployed` machine what hardware sync left on it comes first.
    pub(super) async fn find(self, host: &Host, deployed: bool) -> Result<Connection, config::Error> {
        connection(&self.given(deployed), host).await
    }

    fn given(self, deployed: bool) -> Given {
        Given {
            config: self.config,
            consumer_key: self.ckey,
            consumer_secret: self.csec,
            token_key: self.tkey,
            token_secret: self.tsec,
            url: self.url,
            api_version: Some(self.apiver),
            ca_file: self.cacert,
            deployed,
            enlisted: None,
        }
    }

    /// The CA bundle that was given.
    pub(super) fn ca_file(&self) -> Option<PathBuf> {
        self.cacert.clone()
    }

    pub(super) async fn connect(self, host: &Host) -> anyhow::Result<Connected> {
        self.connect_as(host, false, None).await
    }

    /// As whoever this machine became when it enlisted, if nothing else says who it is.
    pub(super) async fn connect_enlisted(self, host: &Host, file: PathBuf) -> anyhow::Result<Connected> {
        self.connect_as(host, false, Some(file)).await
    }

    /// As a deployed machine.
    pub(super) async fn connect_deployed(self, host: &Host) -> anyhow::Result<Connected> {
        self.connect_as(host, true, None).await
    }

    async fn connect_as(self, host: &Host, deployed: bool, enlisted: Option<PathBuf>) -> anyhow::Result<Connected> {
        let found = connection(&Given { enlisted, ..self.given(deployed) }, host).await?;
        Ok(Connected { client: Client::new(found.client)?, retry: found.retry, origin: found.origin })
    }

    /// From what `maas-run-scripts report-results` is given; the token as users have it, `CONSUMER:TOKEN:SECRET[:CONSUMER_SECRET]`.
    pub(super) fn reporting(config: Option<String>, token: Option<&str>, url: Option<String>) -> anyhow::Result<Self> {
        let token = token.map(|token| {
            Credentials::from_api_key(token).context("--machine-token is not CONSUMER_KEY:TOKEN_KEY:TOKEN_SECRET")
        });
        let token = token.transpose()?;
        let part = |pick: fn(&Credentials) -> &str| token.as_ref().map(|token| pick(token).to_owned());
        Ok(Options {
            config,
            ckey: part(|token| &token.consumer_key),
            tkey: part(|token| token.token_key.reveal()),
            csec: part(|token| token.consumer_secret.reveal()),
            tsec: part(|token| token.token_secret.reveal()),
            apiver: API_VERSION.to_owned(),
            url,
            cacert: None,
        })
    }
}
