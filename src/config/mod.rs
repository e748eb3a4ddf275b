//! What a run is set up with: command line first, then the files that MAAS leaves on a node (contract REGION, "Where
//! credentials come from").

mod creds;
mod enlisted;
mod files;
mod layers;
mod nearest;
mod site;
mod source;
mod timer;
mod value;

use std::path::{Path, PathBuf};

use reqwest::Url;

use crate::host::Host;
use crate::http::masked;
use crate::region::{ClientOptions, Credentials, RetryOptions, Secret};

pub use creds::{CredentialsPlace, credentials_file};
pub use enlisted::{enlisted_file, keep_enlisted, preseed_credentials};
pub use layers::{Assignment, From, Setting, assignment, set_by_command_line, settings, site};
#[cfg(test)]
pub(crate) use layers::{site_keys, site_with};
pub use site::Site;
pub use source::{Found, Given, Origin};
pub use timer::{DEFAULT_INTERVAL, sync_interval};

/// Why there is no usable configuration. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There are credentials already.
    #[error(
        "{path} is there already: this machine has credentials. Nothing was done; --force replaces them, and what they were good for \
         ends then on this machine"
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file or an answer is not what it should be.
    #[error("{origin}: {reason}")]
    Malformed {
        /// The file or address.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// Another user can have written it.
    #[error("what this machine got when it enlisted is not safe: {0}")]
    Exposed(#[source] crate::private::Error),
    /// Nothing says where the region is.
    #[error(
        "no region is known: give --url and credentials, or --config FILE; looked for a MAAS datasource in {looked}"
    )]
    NoRegion {
        /// The places that were tried.
        looked: String,
    },
    /// An address is no address.
    #[error("{text:?} is not the address of a region: {reason}")]
    Address {
        /// As given.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// Some of the three parts of the credentials are missing.
    #[error("the credentials from {origin} are incomplete: {missing} is missing")]
    Incomplete {
        /// Where they came from.
        origin: String,
        /// Names of the missing parts.
        missing: String,
    },
    /// The configuration had to be fetched, and was not.
    #[error("cannot fetch the configuration that {origin} points to: {source}")]
    Fetch {
        /// Where the address came from.
        origin: String,
        /// The region client's reason.
        source: crate::region::Error,
    },
}

/// How to reach the region as this machine.
#[derive(Clone, Debug)]
pub struct Connection {
    /// For the region client.
    pub client: ClientOptions,
    /// Pace of repetition.
    pub retry: RetryOptions,
    /// What kind of file the credentials came from.
    pub origin: Origin,
}

/// Puts together what was given and what is found on this machine.
///
/// # Errors
/// When no region or only half of the credentials are found, or a file is malformed.
pub async fn connection(given: &Given, host: &Host) -> Result<Connection, Error> {
    let found = if given.is_complete() { Found::default() } else { source::find(given, host).await? };
    let found = kept(given, &found)?.unwrap_or(found);
    let address = given.url.as_ref().or(found.metadata_url.as_ref());
    let Some(address) = address else { return Err(Error::NoRegion { looked: found.looked.join(", ") }) };
    let metadata_url = metadata_url(address)?;
    let credentials = credentials(given, &found)?;
    let mut client = ClientOptions::new(metadata_url, credentials);
    if let Some(version) = &given.api_version {
        client.api_version.clone_from(version);
    }
    client.ca_file.clone_from(&given.ca_file);
    client.system_id.clone_from(&found.system_id);
    Ok(Connection { client, retry: RetryOptions::default(), origin: found.origin })
}

/// What was kept from enlisting, if it is for the region that is meant and nothing else says who this machine is.
fn kept(given: &Given, found: &Found) -> Result<Option<Found>, Error> {
    let is_nobody = given.consumer_key.is_none()
        && given.token_key.is_none()
        && given.token_secret.is_none()
        && found.consumer_key.is_none()
        && found.token_key.is_none()
        && found.token_secret.is_none();
    let path = given.enlisted.as_deref().filter(|_| is_nobody);
    let Some(kept) = path.map(enlisted::kept).transpose()?.flatten() else { return Ok(None) };
    let origin = |address: &Option<String>| address.as_deref().and_then(|text| Some(metadata_url(text).ok()?.origin()));
    let meant = if given.url.is_some() { &given.url } else { &found.metadata_url };
    Ok((meant.is_none() || origin(meant) == origin(&kept.metadata_url)).then_some(kept))
}

/// Given values win; found ones only fill what is missing.
fn credentials(given: &Given, found: &Found) -> Result<Option<Credentials>, Error> {
    let pick = |own: &Option<String>, other: &Option<String>| own.clone().or_else(|| other.clone()).unwrap_or_default();
    let consumer_key = pick(&given.consumer_key, &found.consumer_key);
    let token_key = pick(&given.token_key, &found.token_key);
    let token_secret = pick(&given.token_secret, &found.token_secret);
    let consumer_secret = pick(&given.consumer_secret, &found.consumer_secret);
    let parts = [("consumer key", &consumer_key), ("token key", &token_key), ("token secret", &token_secret)];
    let missing: Vec<&str> = parts.iter().filter(|(_, part)| part.is_empty()).map(|(name, _)| *name).collect();
    let source = if given.token_secret.is_some() { "the command line".to_owned() } else { found.place.clone() };
    match missing.len() {
        0 => Ok(Some(Credentials {
            consumer_key,
            consumer_secret: Secret::new(consumer_secret),
            token_key: Secret::new(token_key),
            token_secret: Secret::new(token_secret),
            source,
        })),
        3 => Ok(None),
        _ => Err(Error::Incomplete { origin: source, missing: missing.join(", ") }),
    }
}

/// The metadata address of a region from any address that people and files give for it: the region itself, its
/// `/MAAS`, its `/MAAS/metadata/…`, or the status endpoint of a deployed machine.
///
/// # Errors
/// When it is not an HTTP address.
pub fn metadata_url(text: &str) -> Result<Url, Error> {
    let wrong = |reason: &str| Error::Address { text: masked(text), reason: reason.to_owned() };
    let mut url = Url::parse(text.trim()).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("it must begin with http:// or https://"));
    }
    let path = url.path();
    let base = match path.find("/metadata") {
        Some(at) => &path[..at],
        None if path.trim_matches('/').is_empty() => "/MAAS",
        None => path.trim_end_matches('/'),
    };
    let path = format!("{base}/metadata/");
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// Where a run keeps its files if nothing else is said.
#[must_use]
pub fn default_storage() -> &'static Path {
    Path::new("/var/lib/shakedown/run")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address_leads_to_the_metadata_service() {
        let rows = [
            ("http://r:5240/MAAS/metadata/", "http://r:5240/MAAS/metadata/"),
            ("http://r:5248/MAAS/metadata/2012-03-01/", "http://r:5248/MAAS/metadata/"),
            ("http://r:5240/MAAS", "http://r:5240/MAAS/metadata/"),
            ("https://r", "https://r/MAAS/metadata/"),
            ("http://r:5240/MAAS/metadata/status/abc123", "http://r:5240/MAAS/metadata/"),
            ("http://r/proxy/MAAS/metadata/?x=1#y", "http://r/proxy/MAAS/metadata/"),
        ];
        for (given, expected) in rows {
            assert_eq!(metadata_url(given).expect("an address").as_str(), expected, "{given}");
        }
        for wrong in ["region:5240", "ftp://r/", "", "/MAAS"] {
            assert!(metadata_url(wrong).is_err(), "{wrong:?}");
        }
        let error = metadata_url("ftp://user:hidden@r/").expect_err("no HTTP").to_string();
        assert!(!error.contains("hidden"), "{error}");
    }
}
