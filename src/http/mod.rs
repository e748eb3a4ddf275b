//! What everybody who speaks HTTP needs: a client with the machine's certificates, and texts without secrets.

mod certificate;
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
    proxies.tell_passed_over();
    let by_environment = Proxy::custom(move |url| proxies.of(url).map(|proxy| proxy.url().clone()));
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
    Proxies::of_environment().of(url).map(proxy::Named::shown)
}

/// An address as errors name it, with the proxy of the environment that leads there.
#[must_use]
pub fn by_proxy(shown: String, url: &Url) -> String {
    match proxy_to(url) {
        Some(proxy) => format!("{shown} (by the proxy {proxy})"),
        None => shown,
    }
}

/// Checks that the proxy of the environment that leads to an address, if there is one, is of a kind that can be used.
///
/// # Errors
/// Why not, with the next step.
pub fn check_proxy(url: &Url) -> Result<(), String> {
    Proxies::of_environment().of(url).and_then(proxy::Named::unusable).map_or(Ok(()), Err)
}

/// The meaning of the answer 407 (RFC 9110, 15.5.8) to whoever asked for an address; `None` where no proxy leads there.
#[must_use]
pub fn proxy_wants_credentials(url: &Url) -> Option<String> {
    Proxies::of_environment().of(url).map(proxy::Named::wants_credentials)
}

/// True if a proxy did not connect since it wants a name and a password, or others.
#[must_use]
pub fn is_proxy_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|cause| words::is_proxy_refusal(&cause.to_string()))
}

/// The last cause of a chain, which is the one that says what happened, in words that name the next step where the cause is known.
#[must_use]
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(tls) = tls_cause(error) {
        return words::of_tls(tls);
    }
    causes(error).last().map(|cause| words::of_http(&cause.to_string())).unwrap_or_default()
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |cause| cause.source())
}

/// True if a server was reached and its certificate not accepted, or it speaks no TLS, or none that this program speaks: waiting does not mend that.
#[must_use]
pub fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        tls_cause(error),
        Some(
            rustls::Error::InvalidCertificate(_)
                | rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)
                | rustls::Error::PeerIncompatible(_)
                | rustls::Error::NoCertificatesPresented
                | rustls::Error::AlertReceived(
                    Alert::ProtocolVersion
                        | Alert::HandshakeFailure
                        | Alert::InsufficientSecurity
                        | Alert::CertificateRequired
                        | Alert::NoApplicationProtocol
                )
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

/// An address without the name and password that a careless configuration may put into it: all up to the last `@` counts as these, whatever can be
/// read as an address, since a password may hold `/`, `#`, `?`, `@` or a blank as it is. Where a path or a query can be meant, `…` says that
/// something is left out.
#[must_use]
pub fn masked(address: &str) -> String {
    let parts = Parts::of(address);
    let left_out = if parts.hidden.contains(['/', '\\', '?', '#']) { "…@" } else { "" };
    format!("{}{left_out}{}", parts.scheme, parts.shown)
}

/// The same without its query and fragment, where downloads carry signatures and keys.
#[must_use]
pub fn masked_whole(address: &str) -> String {
    let Parts { scheme, hidden, .. } = Parts::of(address);
    if hidden.contains(['?', '#']) {
        return format!("{scheme}…");
    }
    let address = masked(address);
    match address.find(['?', '#']) {
        Some(end) if address[end..].starts_with('?') => format!("{}?…", &address[..end]),
        Some(end) => address[..end].to_owned(),
        None => address,
    }
}

/// An address, taken apart by what may be shown of it.
struct Parts<'a> {
    /// With `://`; empty where there is none.
    scheme: &'a str,
    /// Name and password, and whatever may be a part of them.
    hidden: &'a str,
    shown: &'a str,
}

impl<'a> Parts<'a> {
    fn of(address: &'a str) -> Self {
        let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let start = address.find("://").filter(|end| is_scheme(&address[..*end])).map_or(0, |end| end + 3);
        let (scheme, rest) = address.split_at(start);
        let (hidden, shown) = rest.rsplit_once('@').unwrap_or(("", rest));
        Parts { scheme, hidden, shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_not_shown() {
        assert_eq!(masked("http://u:p@h:5240/a?c=1"), "http://h:5240/a?c=1");
        assert_eq!(masked("http://u:p@x@h:port"), "http://h:port");
        assert_eq!(masked("u:p@h:3128"), "h:3128");
        assert_eq!(masked("u:p://x@h:3128"), "…@h:3128");
        assert_eq!(masked("no address"), "no address");
        assert_eq!(masked_whole("https://u:p@h/a.tgz?key=1#sha256=2"), "https://h/a.tgz?…");
        assert_eq!(masked_whole("https://h/a.tgz#sha256=2"), "https://h/a.tgz");
    }

    /// RFC 3986, 3.2.1 takes a password to end at the first `/`, `?` or `#`, and people write passwords as they are.
    #[test]
    fn a_password_is_not_shown_whatever_is_in_it() {
        for inside in ["/", "#", "?", "@", ":", "\\", "//", "://", " ", "%", "\"", "/?#@:", "1/"] {
            for scheme in ["http://", "https://", "socks5://", ""] {
                let address = format!("{scheme}user:hun{inside}ter@proxy.example:3128/");
                for shown in [masked(&address), masked_whole(&address)] {
                    assert!(
                        !["user", "hun", "ter"].iter().any(|word| shown.contains(word)),
                        "{address} is shown as {shown}"
                    );
                    assert!(shown.starts_with(scheme), "{address} is shown as {shown}");
                }
                assert!(
                    masked(&address).ends_with("proxy.example:3128/"),
                    "{address} is shown as {}",
                    masked(&address)
                );
            }
        }
        assert_eq!(masked("https://h/@scope/a"), "https://…@scope/a", "that something is left out is seen");
        assert_eq!(masked_whole("https://h/a?mail=x@y&key=1"), "https://…");
    }
}
