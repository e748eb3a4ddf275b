//! One attempt at a time: sign, send, classify.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::signal::{beginning, scrubbed};
use super::{ClientOptions, Error, NodeEvent, Signal, oauth};
use crate::http::{self, innermost, masked};
use crate::script::BmcConfig;

/// A request over this size is refused by the region's nginx, which takes 10 MB.
const DEFAULT_BUDGET: u64 = 8 << 20;
/// Below this a result is not shortened any further.
const SMALLEST_BUDGET: u64 = 64 << 10;
/// An archive larger than this is not fetched.
const LARGEST_ARCHIVE: u64 = 1 << 30;
/// A difference of clocks that is worth a correction: well below the 300 s that the region forgives.
const SKEW_STEP: i64 = 5;

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
    /// When the CA file cannot be read or the client cannot be built.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        let builder = http::builder(options.ca_file.as_deref()).map_err(|error| match error {
            http::CaError::Read { path, source } => Error::File { path: path.display().to_string(), source },
            other => Error::Setup(other.to_string()),
        })?;
        let builder = if options.direct { builder.no_proxy() } else { builder };
        let http = builder
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
        let limit = self.options.request_timeout + self.transfer_time(LARGEST_ARCHIVE);
        let response = self.send(self.http.get(url.clone()).timeout(limit), &url).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Fetched::Nothing);
        }
        let failed = |source| Error::File { path: to.display().to_string(), source };
        let mut file = tokio::fs::File::create(to).await.map_err(failed)?;
        let mut body = response.bytes_stream();
        let mut size = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| broken_off(&url, &error))?;
            size += chunk.len() as u64;
            if size > LARGEST_ARCHIVE {
                return Err(Error::Unusable(format!("the script archive is larger than {LARGEST_ARCHIVE} bytes")));
            }
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        drop(file);
        let head = beginning(to, 200);
        if head.starts_with('<') {
            return Err(Error::Unusable(format!("it is a web page, not a script archive: {head}")));
        }
        Ok(Fetched::Archive(size))
    }

    /// Fetches a small document, such as the configuration that the kernel command line points to.
    ///
    /// # Errors
    /// By class of answer.
    pub async fn fetch_small(&self, url: &Url) -> Result<Vec<u8>, Error> {
        self.small(self.http.get(url.clone()), url).await
    }

    /// Reads an answer of a few lines.
    pub(super) async fn small(&self, request: RequestBuilder, url: &Url) -> Result<Vec<u8>, Error> {
        const LARGEST: usize = 4 << 20;
        let response = self.send(request.timeout(self.options.request_timeout), url).await?;
        let mut body = response.bytes_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| broken_off(url, &error))?);
            if bytes.len() > LARGEST {
                return Err(Error::Unusable(format!("{} answers more than {LARGEST} bytes", shown(url))));
            }
        }
        Ok(bytes)
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
            Err(Error::TooLarge) if budget <= SMALLEST_BUDGET => Err(Error::Status {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                text: format!("even {SMALLEST_BUDGET} bytes are too many"),
                retry_after: None,
            }),
            Err(Error::TooLarge) => {
                self.budget.fetch_min((budget / 2).max(SMALLEST_BUDGET), Ordering::Relaxed);
                Err(Error::TooLarge)
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
        serde_json::from_slice(&bytes).map_err(|error| Error::Unusable(format!("it is not JSON: {error}")))
    }

    /// Posts a node event once.
    ///
    /// # Errors
    /// By class of answer. The region checks the credentials only later, so a success means "queued".
    pub async fn node_event(&self, event: &NodeEvent) -> Result<(), Error> {
        let system_id = self.options.system_id.as_deref().unwrap_or("unknown");
        let url = self
            .options
            .metadata_url
            .join(&format!("status/{system_id}"))
            .map_err(|error| Error::Setup(format!("{}: {error}", self.options.metadata_url)))?;
        let request = self.http.post(url.clone()).timeout(self.options.request_timeout);
        let request = request.header(CONTENT_TYPE, "application/json").body(event.body());
        self.send(request, &url).await.map(drop)
    }

    async fn signal_within(&self, signal: &Signal, power: Option<&BmcConfig>, budget: u64) -> Result<(), Error> {
        let url = self.metadata("")?;
        let limit = self.options.request_timeout + self.transfer_time(if signal.is_result() { budget } else { 0 });
        let request = self.http.post(url.clone()).timeout(limit).multipart(signal.form(power, budget)?);
        let answer = text(self.send(request, &url).await?).await;
        if answer.starts_with('<') {
            // A captive portal's, with a 200: the region says OK in plain text.
            let reason = format!("a web page came instead of an acknowledgement: {answer}");
            return Err(Error::BrokenOff { url: shown(&url), reason });
        }
        Ok(())
    }

    fn transfer_time(&self, bytes: u64) -> Duration {
        Duration::from_secs(bytes / self.options.slowest.max(1))
    }

    /// Signs, sends, and classifies the answer.
    pub(super) async fn send(&self, request: RequestBuilder, url: &Url) -> Result<Response, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
        let skew = self.skew.load(Ordering::Relaxed);
        let request = match &self.options.credentials {
            Some(credentials) => request.header(AUTHORIZATION, oauth::authorization(credentials, now + skew)),
            None => request,
        };
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                Error::Unreachable { url: shown(url), reason: innermost(&error) }
            } else {
                broken_off(url, &error)
            }
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(self.unauthorized(response, now, skew).await);
        }
        Err(classify(response).await)
    }

    async fn unauthorized(&self, response: Response, now: i64, skew: i64) -> Error {
        let status = response.status();
        if let Some(date) = server_date(response.headers()) {
            let change = date - now - skew;
            if change.abs() > SKEW_STEP {
                self.skew.store(date - now, Ordering::Relaxed);
                return Error::ClockSkew { seconds: change };
            }
        }
        // The text can hold the secret that the region expects: it is looked at and never shown.
        let text = text(response).await;
        if text.contains("Nonce already used") || text.contains("Expired timestamp") {
            return Error::SignAgain;
        }
        let hint = if text.contains("Invalid access token") {
            ": it does not know the token (is the node still in this state?)"
        } else if text.contains("Invalid API key") {
            ": it does not know the consumer key"
        } else if text.contains("Invalid signature") {
            ": the token secret is wrong"
        } else if text.contains("Not authenticated as a known node") {
            ": they are not a node's (an administrator's key, perhaps)"
        } else {
            ""
        };
        let source = self.options.credentials.as_ref().map_or("nowhere (there are none)", |c| c.source.as_str());
        Error::Unauthorized { status, source_of_credentials: source.to_owned(), hint }
    }
}

async fn classify(response: Response) -> Error {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Error::TooLarge;
    }
    let text = text(response).await;
    if status == StatusCode::INTERNAL_SERVER_ERROR && text.contains("is not running or pending") {
        let number = text.rsplit_once('(').and_then(|(_, rest)| rest.trim_end_matches([')', '\n', ' ']).parse().ok());
        return Error::AlreadyFinal { text, status: number };
    }
    Error::Status { status, text, retry_after }
}

/// The beginning of an answer as one line.
async fn text(response: Response) -> String {
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(Ok(chunk)) = body.next().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > 2000 {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().take(300).collect()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn server_date(headers: &HeaderMap) -> Option<i64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date).ok().map(|zoned| zoned.timestamp().as_second())
}

fn broken_off(url: &Url, error: &reqwest::Error) -> Error {
    Error::BrokenOff { url: shown(url), reason: innermost(error) }
}

pub(super) fn shown(url: &Url) -> String {
    masked(url.as_str())
}
