//! One attempt at a time: sign, send, classify.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::enlist::read;
use super::exchange::{Accepts, acknowledged, broken_off, not_the_region, whole};
use super::signal::{beginning, scrubbed};
use super::{ClientOptions, Error, NodeEvent, Signal};
use crate::http::{self, innermost};
use crate::script::BmcConfig;

/// A request over this size is refused by the region's nginx, which takes 10 MB.
const DEFAULT_BUDGET: u64 = 8 << 20;
/// Below this a result is not shortened any further.
const SMALLEST_BUDGET: u64 = 64 << 10;
/// An archive larger than this is not fetched.
const LARGEST_ARCHIVE: u64 = 1 << 30;
/// Smallest tar archive: one block.
const TAR_BLOCK: u64 = 512;

/// What the region answered to the question for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing to run.
    Nothing,
    /// An archive of so many bytes.
    Archive(u64),
}

/// A connection to one region. Shared by all tasks of a run.
#[derive(Debug)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) options: ClientOptions,
    /// Region's clock minus ours, in seconds.
    skew: AtomicI64,
    /// Largest request that the region is known to take.
    budget: AtomicU64,
}

impl Client {
    /// Sets the client up. The system's CA bundle is used if there is one; without any, plain HTTP still works.
    ///
    /// # Errors
    /// When the CA file cannot be read, the proxy that leads to the region is of a kind that cannot be used, or the client cannot be built.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        let builder = http::builder(options.ca_file.as_deref()).map_err(|error| match error {
            http::CaError::Read { path, source } => Error::File { path: path.display().to_string(), source },
            other => Error::Setup(other.to_string()),
        })?;
        let builder = if options.direct {
            builder.no_proxy()
        } else {
            http::check_proxy(&options.metadata_url).map_err(Error::Setup)?;
            builder
        };
        let http = builder
            // What may be followed is decided for each request: see `send`.
            .redirect(Policy::none())
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.idle_timeout)
            .build()
            .map_err(|error| Error::Setup(format!("cannot set up HTTP: {}", innermost(&error))))?;
        Ok(Client { http, options, skew: AtomicI64::new(0), budget: AtomicU64::new(DEFAULT_BUDGET) })
    }

    /// Scheme, host and port of the region, for `MAAS_BASE_URL`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.options.metadata_url.origin().ascii_serialization()
    }

    /// What the region calls this node, if that is known.
    #[must_use]
    pub fn system_id(&self) -> Option<&str> {
        self.options.system_id.as_deref()
    }

    /// The region and the credentials in one word that gives neither key nor secret away: what is meant for one of them must
    /// never be delivered to another.
    #[must_use]
    pub fn identity(&self) -> String {
        let mut identity = self.base_url();
        if let Some(credentials) = &self.options.credentials {
            let digest = Sha256::digest(format!("{}\n{}", credentials.consumer_key, credentials.token_key.reveal()));
            identity.push_str(&format!(" token {:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]));
        }
        identity
    }

    /// Where the credentials came from.
    #[must_use]
    pub fn credentials_source(&self) -> &str {
        self.options.credentials.as_ref().map_or("", |credentials| &credentials.source)
    }

    /// Whether it has credentials; without, the node is enlisting.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.options.credentials.is_some()
    }

    pub(super) fn metadata(&self, rest: &str) -> Result<Url, Error> {
        self.options
            .metadata_url
            .join(&format!("{}/{rest}", self.options.api_version))
            .map_err(|error| Error::Setup(format!("{}: {error}", self.options.metadata_url)))
    }

    /// Fetches the script archive into a file.
    ///
    /// # Errors
    /// By class of answer, see [`Error::disposition`].
    pub async fn fetch_scripts(&self, to: &Path) -> Result<Fetched, Error> {
        let url = self.metadata("maas-scripts")?;
        let at = self.shown(&url);
        let limit = self.options.request_timeout + self.transfer_time(LARGEST_ARCHIVE);
        let accepts = Accepts::DocumentOrNothing;
        let response = self.send(&url, accepts, |url| Ok(self.http.get(url).timeout(limit))).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Fetched::Nothing);
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_text = ["text/", "application/json"].iter().any(|text| kind.starts_with(text));
        let failed = |source| Error::File { path: to.display().to_string(), source };
        let mut file = tokio::fs::File::create(to).await.map_err(failed)?;
        let mut body = response.bytes_stream();
        let mut size = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| broken_off(&at, &error))?;
            size += chunk.len() as u64;
            if size > LARGEST_ARCHIVE {
                return Err(Error::Unusable(format!("the script archive is larger than {LARGEST_ARCHIVE} bytes")));
            }
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        drop(file);
        if is_text {
            let what = format!("{:?} in place of a script archive", beginning(to, 200));
            return Err(not_the_region(&at, what));
        }
        if size < TAR_BLOCK && !is_packed(to) {
            return Err(not_the_region(&at, format!("{size} bytes in place of a script archive")));
        }
        Ok(Fetched::Archive(size))
    }

    /// Fetches a small document, such as the configuration that the kernel command line points to.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn fetch_small(&self, url: &Url) -> Result<Vec<u8>, Error> {
        self.small(url, |url| Ok(self.http.get(url))).await
    }

    /// Reads an answer of a few lines.
    pub(super) async fn small(
        &self,
        url: &Url,
        request: impl Fn(Url) -> Result<RequestBuilder, Error>,
    ) -> Result<Vec<u8>, Error> {
        const LARGEST: usize = 4 << 20;
        let limit = self.options.request_timeout;
        let response = self.send(url, Accepts::Document, |url| Ok(request(url)?.timeout(limit))).await?;
        whole(&self.shown(url), response, LARGEST).await
    }

    /// Sends a signal once, shortened to what the region is known to take.
    ///
    /// # Errors
    /// By class of answer. After [`Error::TooLarge`] the next call sends less, down to a floor; below it, the refusal is
    /// final.
    pub async fn signal(&self, signal: &Signal) -> Result<(), Error> {
        let budget = self.budget.load(Ordering::Relaxed);
        let power = signal.power()?;
        let sent = self.signal_within(signal, power.as_ref(), budget).await;
        match sent.map_err(|error| scrubbed(power.as_ref(), error)) {
            // No region takes less: somebody on the way refuses everything, until that is mended.
            Err(Error::TooLarge) if budget <= SMALLEST_BUDGET => Err(Error::Status {
                proxy: self.proxy_to(&self.options.metadata_url),
                status: StatusCode::PAYLOAD_TOO_LARGE,
                text: format!("even {SMALLEST_BUDGET} bytes are too many"),
                retry_after: None,
            }),
            Err(Error::TooLarge) => {
                self.budget.fetch_min((budget / 2).max(SMALLEST_BUDGET), Ordering::Relaxed);
                Err(Error::TooLarge)
            }
            Err(Error::AlreadyFinal { text, result_id, .. })
                if signal.result_id().is_some_and(|id| id != result_id) =>
            {
                let at = self.shown(&self.options.metadata_url);
                Err(not_the_region(&at, format!("{text:?}, which is about another result")))
            }
            other => other,
        }
    }

    /// Asks the region's API once, for example for `events/`; its JSON.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn api(&self, path: &str, pairs: &[(String, String)]) -> Result<serde_json::Value, Error> {
        let mut url = self
            .options
            .metadata_url
            .join(&format!("../api/2.0/{path}"))
            .map_err(|error| Error::Setup(format!("{}: {error}", self.options.metadata_url)))?;
        url.query_pairs_mut().extend_pairs(pairs);
        let bytes = self.fetch_small(&url).await?;
        read(&self.shown(&url), &bytes)
    }

    /// Posts a node event once.
    ///
    /// # Errors
    /// By class of answer. The region checks the credentials only later, so a success means "queued".
    pub async fn node_event(&self, event: &NodeEvent) -> Result<(), Error> {
        let url = self.status_url()?;
        let (limit, body) = (self.options.request_timeout, event.body());
        let request = |url: Url| {
            let request = self.http.post(url).timeout(limit).header(CONTENT_TYPE, "application/json");
            Ok(request.body(body.clone()))
        };
        self.send(&url, Accepts::Queued, request).await.map(drop)
    }

    /// Where node events are posted.
    pub(super) fn status_url(&self) -> Result<Url, Error> {
        let (base, system_id) = (&self.options.metadata_url, self.options.system_id.as_deref().unwrap_or("unknown"));
        base.join(&format!("status/{system_id}")).map_err(|error| Error::Setup(format!("{base}: {error}")))
    }

    async fn signal_within(&self, signal: &Signal, power: Option<&BmcConfig>, budget: u64) -> Result<(), Error> {
        let url = self.metadata("")?;
        let limit = self.options.request_timeout + self.transfer_time(if signal.is_result() { budget } else { 0 });
        let request = |url: Url| Ok(self.http.post(url).timeout(limit).multipart(signal.form(power, budget)?));
        acknowledged(&self.shown(&url), self.send(&url, Accepts::Document, request).await?).await
    }

    fn transfer_time(&self, bytes: u64) -> Duration {
        Duration::from_secs(bytes / self.options.slowest.max(1))
    }

    /// Region's clock minus ours, in seconds.
    pub(super) fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    pub(super) fn set_skew(&self, seconds: i64) {
        self.skew.store(seconds, Ordering::Relaxed);
    }
}

/// True if a file begins as what a packer made: such an archive may be shorter than a block.
fn is_packed(path: &Path) -> bool {
    const MAGIC: [&[u8]; 3] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"];
    let mut head = [0; 6];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut head));
    read.is_ok_and(|count| MAGIC.iter().any(|magic| head[..count].starts_with(magic)))
}
