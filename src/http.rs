//! What everybody who speaks HTTP needs: a client with the machine's certificates, and texts without secrets.

use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder};

/// Why a CA bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The bundle.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is none.
    #[error("{path} {reason}")]
    Content {
        /// The bundle.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A client that trusts the system's CA bundle, if there is one, and the given one: without any, plain HTTP still works. Proxies
/// are those of the environment (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`).
///
/// # Errors
/// When the given bundle cannot be read or holds no certificate.
pub fn builder(ca_file: Option<&Path>) -> Result<ClientBuilder, CaError> {
    // A second installation finds the first in place, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().user_agent(concat!("shakedown/", env!("CARGO_PKG_VERSION")));
    Ok(client.tls_certs_only(certificates(ca_file)?))
}

fn certificates(ca_file: Option<&Path>) -> Result<Vec<Certificate>, CaError> {
    let system = rustls_native_certs::load_native_certs();
    if system.certs.is_empty() {
        tracing::info!("this machine has no CA bundle: only plain HTTP and a given CA file will work");
    }
    let mut all: Vec<Certificate> =
        system.certs.iter().filter_map(|der| Certificate::from_der(der.as_ref()).ok()).collect();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|source| CaError::Read { path: path.to_owned(), source })?;
        let content = |reason| CaError::Content { path: path.to_owned(), reason };
        let own =
            Certificate::from_pem_bundle(&pem).map_err(|error| content(format!("is not a PEM bundle: {error}")))?;
        if own.is_empty() {
            return Err(content("holds no certificate".to_owned()));
        }
        all.extend(own);
    }
    Ok(all)
}

/// The last cause of a chain, which is the one that says what happened.
#[must_use]
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// An address without the name and password that a careless configuration may put into it. Works on anything that
/// looks like an address, also where it is none that can be used.
#[must_use]
pub fn masked(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", &rest[end..])
}

/// The same without its query and fragment, where downloads carry signatures and keys.
#[must_use]
pub fn masked_whole(address: &str) -> String {
    let address = masked(address);
    match address.find(['?', '#']) {
        Some(end) if address[end..].starts_with('?') => format!("{}?…", &address[..end]),
        Some(end) => address[..end].to_owned(),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_not_shown() {
        assert_eq!(masked("http://u:p@h:5240/a@b?c=1"), "http://h:5240/a@b?c=1");
        assert_eq!(masked("http://u:p@x@h:port"), "http://h:port");
        assert_eq!(masked("no address"), "no address");
        assert_eq!(masked_whole("https://u:p@h/a.tgz?key=1#sha256=2"), "https://h/a.tgz?…");
        assert_eq!(masked_whole("https://h/a.tgz#sha256=2"), "https://h/a.tgz");
    }
}
