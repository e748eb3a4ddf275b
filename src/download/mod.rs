//! Files from HTTP servers that may be slow, cut off, lying or endless.
//!
//! [`Source`] is an address, with the checksum that its fragment may give; [`Downloader::fetch`] brings it into a file: repeated
//! a few times, resumed where the server can, within limits of size, silence and time. It knows nothing of what is fetched.

mod attempt;
mod name;
mod source;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::RngExt as _;
use reqwest::Url;
use reqwest::redirect::{Action, Attempt, Policy};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::{self, innermost, masked_whole};
use attempt::{Failure, Partial};

pub use name::file_name;
pub use source::{Source, sha256_of};

/// Room that a download leaves on its file system: a full one would cost results.
pub const RESERVE: u64 = 64 << 20;
/// More redirections than this are a loop.
const REDIRECTS: usize = 10;
/// First wait before an attempt is repeated; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Limits of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Largest file, in bytes.
    pub most: u64,
    /// Longest silence of a server.
    pub stall: Duration,
    /// Longest time for one file, with all repetitions.
    pub total: Duration,
    /// Attempts that may fail one after the other without bringing anything new.
    pub tries: u32,
    /// A CA bundle (PEM) besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Options {
    /// 4 GiB, a minute of silence, an hour, five tries.
    fn default() -> Self {
        Options {
            most: 4 << 30,
            stall: Duration::from_secs(60),
            total: Duration::from_secs(3600),
            tries: 5,
            ca_file: None,
        }
    }
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What the server calls it: a plain, visible file name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its checksum, in hexadecimal.
    pub sha256: String,
}

/// Why there is no file. No text holds a password or a query.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error("{address}: {reason}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The client cannot be set up.
    #[error("cannot set up HTTP: {0}")]
    Setup(String),
    /// The server does not give it, or not in time.
    #[error("cannot download {address}: {reason}")]
    Failed {
        /// The address.
        address: String,
        /// What happened last.
        reason: String,
    },
    /// Something else came.
    #[error(
        "{address} has the SHA-256 {found}, not {expected}: it is another file, or was changed on the way; correct the address or the file"
    )]
    Checksum {
        /// The address.
        address: String,
        /// The checksum in the address.
        expected: String,
        /// The file's.
        found: String,
    },
    /// The download was stopped.
    #[error("the download of {0} was stopped")]
    Cancelled(String),
}

/// Fetches files.
#[derive(Clone, Debug)]
pub struct Downloader {
    http: reqwest::Client,
    options: Options,
}

impl Downloader {
    /// Sets the client up.
    ///
    /// # Errors
    /// When the CA file cannot be used or the client cannot be built.
    pub fn new(options: Options) -> Result<Self, Error> {
        let http = http::builder(options.ca_file.as_deref())
            .map_err(|error| Error::Setup(error.to_string()))?
            // What is counted, resumed and summed up are the bytes of the file, not of an encoding.
            .no_gzip()
            .referer(false)
            .redirect(Policy::custom(redirect))
            .connect_timeout(options.stall.min(Duration::from_secs(30)))
            .build()
            .map_err(|error| Error::Setup(innermost(&error)))?;
        Ok(Downloader { http, options })
    }

    /// Fetches into a file, which is written anew. After an error the file may be there, with what came.
    ///
    /// # Errors
    /// When the file cannot be had within the limits, or is not what the address says.
    pub async fn fetch(&self, source: &Source, to: &Path, cancel: &CancellationToken) -> Result<Fetched, Error> {
        let address = http::by_proxy(source.shown(), source.url());
        let failed = |reason: String| Error::Failed { address: address.clone(), reason };
        http::check_proxy(source.url()).map_err(failed)?;
        let mut partial = Partial::create(to).await.map_err(&failed)?;
        tokio::select! {
            () = cancel.cancelled() => return Err(Error::Cancelled(source.shown())),
            fetched = tokio::time::timeout(self.options.total, self.persist(source, &mut partial)) => match fetched {
                Ok(fetched) => fetched.map_err(&failed)?,
                Err(_) => return Err(failed(format!(
                    "it took longer than {} s ({} bytes came); a faster mirror, --package-cache or a longer \
                     packages.download_seconds helps", self.options.total.as_secs(), partial.have()))),
            },
        }
        let fetched = partial.finish().await.map_err(failed)?;
        match source.sha256() {
            Some(expected) if expected != fetched.sha256 => {
                Err(Error::Checksum { address: source.shown(), expected: expected.to_owned(), found: fetched.sha256 })
            }
            _ => Ok(fetched),
        }
    }

    async fn persist(&self, source: &Source, partial: &mut Partial) -> Result<(), String> {
        let (mut failures, mut furthest, mut span) = (0, 0, FIRST_WAIT);
        loop {
            let (text, at_least) = match partial.attempt(&self.http, source.url(), &self.options).await {
                Ok(()) => return Ok(()),
                Err(Failure::Final(text)) => return Err(text),
                Err(Failure::Passing(text, at_least)) => (text, at_least),
            };
            if partial.have() > furthest {
                (failures, furthest, span) = (0, partial.have(), FIRST_WAIT);
            }
            failures += 1;
            if failures >= self.options.tries {
                return Err(format!("{text}, {failures} times without anything new"));
            }
            // Machines that lost the server together do not come back together.
            let wait = span.mul_f64(rand::rng().random_range(0.5..=1.0)).max(at_least.min(LONGEST_WAIT));
            span = (span * 2).min(LONGEST_WAIT);
            tracing::warn!(address = source.shown(), text, wait_seconds = wait.as_secs_f64(), "will be repeated");
            tokio::time::sleep_until(Instant::now() + wait).await;
        }
    }
}

fn redirect(attempt: Attempt<'_>) -> Action {
    match misdirection(attempt.previous(), attempt.url()) {
        None => attempt.follow(),
        Some(reason) => attempt.error(Redirected(reason)),
    }
}

/// Why a redirection is not followed: only a few are, over HTTP and HTTPS, and never from the latter to the former.
fn misdirection(previous: &[Url], to: &Url) -> Option<String> {
    let shown = masked_whole(to.as_str());
    if previous.len() > REDIRECTS {
        return Some(format!("it is redirected more than {REDIRECTS} times, now to {shown}"));
    }
    match to.scheme() {
        "https" => None,
        "http" if previous.iter().all(|url| url.scheme() == "http") => None,
        "http" => Some(format!("it is redirected from HTTPS to {shown}, which anybody could forge")),
        _ => Some(format!("it is redirected to {shown}, which is neither HTTP nor HTTPS")),
    }
}

/// Why a redirection is not followed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Redirected(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_gives_no_safety_away() {
        let url = |text: &str| Url::parse(text).expect("an address");
        let refused = |from: &str, to: &str| misdirection(&[url(from)], &url(to));
        assert_eq!(refused("http://a/", "http://b/"), None);
        assert_eq!(refused("http://a/", "https://b/"), None);
        assert_eq!(refused("https://a/", "https://b/"), None);
        let downgrade = refused("https://a/", "http://u:p@b/x?key=1").expect("refused");
        assert_eq!(downgrade, "it is redirected from HTTPS to http://b/x?…, which anybody could forge");
        assert!(refused("http://a/", "ftp://b/").is_some_and(|text| text.contains("neither HTTP nor HTTPS")));
        assert!(misdirection(&vec![url("http://a/"); 11], &url("http://a/")).is_some());
    }
}
