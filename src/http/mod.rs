//! What everybody who speaks HTTP needs: a client with the machine's certificates, and texts without secrets.

mod curves;
mod proxy;
mod trust;
mod words;

use std::path::{Path, PathBuf};

use reqwest::{ClientBuilder, Proxy, Url};

use proxy::Proxies;

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
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Setup(String),
}

/// A client that trusts the system's CA bundle, if there is one, and the given one: without any, plain HTTP still works. Proxies
/// are those of the environment (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`).
///
/// # Errors
/// When the given bundle cannot be read or holds no certificate.
pub fn builder(ca_file: Option<&Path>) -> Result<ClientBuilder, CaError> {
    let proxies = Proxies::of_environment();
    let by_environment = Proxy::custom(move |url| proxies.of(url).cloned());
    Ok(reqwest::Client::builder()
        .user_agent(concat!("shakedown/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(trust::configuration(ca_file)?)
        // The library's own reading of the environment passes `no_proxy=*` over for addresses.
        .no_proxy()
        .proxy(by_environment))
}

/// The proxy of the environment that leads to an address, without name and password; `None` is straight.
#[must_use]
pub fn proxy_to(url: &Url) -> Option<String> {
    Proxies::of_environment().of(url).map(|proxy| masked(proxy.as_str()).trim_end_matches('/').to_owned())
}

/// The last cause of a chain, which is the one that says what happened, in words that name the next step where the cause is known.
#[must_use]
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(words) = tls_cause(error).and_then(words::of_tls) {
        return words;
    }
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    words::of_http(&cause.to_string())
}

/// True if a server was reached and its certificate not accepted, or it speaks no TLS: waiting does not mend that.
#[must_use]
pub fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(
        tls_cause(error),
        Some(
            rustls::Error::InvalidCertificate(_)
                | rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)
        )
    )
}

/// The TLS error among the causes of another. Such errors travel inside of the system's, which name only what is behind them as their source.
fn tls_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref() {
            return Some(tls);
        }
        let inside = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside as &(dyn std::error::Error + 'static)),
            None => cause.source(),
        };
    }
    None
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
