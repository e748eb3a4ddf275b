//! Which proxy leads to an address, by the variables of the environment as curl and Python read them.
//!
//! `http_proxy`, `https_proxy` and `all_proxy` name proxies, in small letters before capitals. `HTTP_PROXY` in capitals does not count inside of
//! a CGI program, where a visitor can set it. `no_proxy` lists where none is used: `*` everywhere; a name and what lies below it, with or
//! without a leading dot; an address; a network (`10.0.0.0/8`, `fd00::/8`); each with a port or without.

use std::net::IpAddr;

use reqwest::Url;

/// The variables that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    exceptions: Vec<Exception>,
}

/// An entry of `no_proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    place: Place,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Everywhere,
    /// A host and what lies below it.
    Name(String),
    /// A network, by its address and the number of bits that count.
    Network(IpAddr, u8),
}

impl Proxies {
    /// From this process's environment.
    pub(super) fn of_environment() -> Self {
        Proxies::new(|name| std::env::var(name).ok())
    }

    fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let is_cgi = set("REQUEST_METHOD").is_some();
        let either =
            |name: &str| set(name).or_else(|| set(&name.to_uppercase()).filter(|_| !(is_cgi && name == "http_proxy")));
        let proxy = |name: &str| either(name).or_else(|| either("all_proxy")).and_then(|text| address(&text));
        let exceptions = either("no_proxy").unwrap_or_default();
        let words = exceptions.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        Proxies {
            http: proxy("http_proxy"),
            https: proxy("https_proxy"),
            exceptions: words.map(Exception::parse).collect(),
        }
    }

    /// The proxy for an address; `None` is straight.
    pub(super) fn of(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "http" => self.http.as_ref(),
            "https" => self.https.as_ref(),
            _ => None,
        }?;
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches([']', '.']).to_lowercase();
        let port = url.port_or_known_default();
        let is_excepted = self.exceptions.iter().any(|exception| exception.holds(&host, port));
        (!is_excepted).then_some(proxy)
    }
}

/// A proxy's address; one without a scheme speaks HTTP.
fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole).ok().filter(Url::has_host);
    if url.is_none() {
        tracing::warn!(proxy = super::masked(text), "a proxy of the environment is no address and is passed over");
    }
    url
}

impl Exception {
    fn parse(word: &str) -> Self {
        if let Some((place, port)) = word.rsplit_once(':')
            && let Ok(port) = port.parse()
            && (!place.contains(':') || place.ends_with(']'))
        {
            return Exception { place: Place::parse(place), port: Some(port) };
        }
        Exception { place: Place::parse(word), port: None }
    }

    fn holds(&self, host: &str, port: Option<u16>) -> bool {
        let is_port = self.port.is_none() || self.port == port;
        is_port
            && match (&self.place, host.parse::<IpAddr>()) {
                (Place::Everywhere, _) => true,
                (Place::Network(network, bits), Ok(address)) => shares(*network, address, *bits),
                (Place::Name(name), Err(_)) => {
                    host.strip_suffix(name.as_str()).is_some_and(|below| below.is_empty() || below.ends_with('.'))
                }
                _ => false,
            }
    }
}

impl Place {
    fn parse(word: &str) -> Self {
        let bare = word.trim_start_matches('[').trim_end_matches(']');
        let (address, bits) = match bare.split_once('/') {
            Some((address, bits)) => (address.trim_end_matches(']'), bits.parse().ok()),
            None => (bare, Some(u8::MAX)),
        };
        if let (Ok(address), Some(bits)) = (address.parse(), bits) {
            return Place::Network(address, bits);
        }
        match word.trim_start_matches("*.").trim_matches('.') {
            "*" => Place::Everywhere,
            name => Place::Name(name.to_lowercase()),
        }
    }
}

/// True if two addresses are equal in their first bits.
fn shares(network: IpAddr, address: IpAddr, bits: u8) -> bool {
    match (network.to_canonical(), address.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let rest = 32_u32.saturating_sub(bits.into());
            (a.to_bits() ^ b.to_bits()).checked_shr(rest).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let rest = 128_u32.saturating_sub(bits.into());
            (a.to_bits() ^ b.to_bits()).checked_shr(rest).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::new(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn goes_by_proxy(no_proxy: &str, url: &str) -> bool {
        let proxies = proxies(&[("all_proxy", "http://p:3128"), ("no_proxy", no_proxy)]);
        proxies.of(&Url::parse(url).expect("an address")).is_some()
    }

    /// curl's manual, `NO_PROXY`, and Python's `urllib.request.proxy_bypass_environment`.
    #[test]
    fn exceptions_are_read_as_curl_and_python_read_them() {
        for (no_proxy, url, by_proxy) in [
            ("*", "http://10.0.0.1:5240/", false),
            ("*", "https://maas.example/", false),
            ("", "http://10.0.0.1/", true),
            ("example", "http://maas.example/", false),
            (".example", "http://maas.example/", false),
            (".example", "http://example/", false),
            ("*.example", "http://maas.example/", false),
            ("example.", "http://maas.example./", false),
            ("EXAMPLE", "http://maas.example/", false),
            ("ample", "http://maas.example/", true),
            ("a, maas.example", "http://maas.example/", false),
            ("a maas.example", "http://maas.example/", false),
            ("maas.example:5240", "http://maas.example:5240/", false),
            ("maas.example:5240", "http://maas.example/", true),
            ("maas.example:80", "http://maas.example/", false),
            ("10.0.0.1", "http://10.0.0.1:5240/", false),
            ("10.0.0.1:5240", "http://10.0.0.1:5240/", false),
            ("10.0.0.0/8", "http://10.20.30.40/", false),
            ("10.0.0.0/8", "http://11.0.0.1/", true),
            ("10.0.0.0/33", "http://10.0.0.0/", false),
            ("0.0.0.0/0", "http://192.0.2.1/", false),
            ("0.0.0.1", "http://10.0.0.1/", true),
            ("0.1", "http://10.0.0.1/", true),
            ("[fd00::1]", "http://[fd00::1]:5240/", false),
            ("fd00::1", "http://[fd00::1]:5240/", false),
            ("[fd00::1]:5240", "http://[fd00::1]:5240/", false),
            ("[fd00::1]:5240", "http://[fd00::1]:80/", true),
            ("fd00::/8", "http://[fd12::9]/", false),
            ("fd00::/8", "http://[fe80::9]/", true),
        ] {
            assert_eq!(goes_by_proxy(no_proxy, url), by_proxy, "no_proxy={no_proxy} {url}");
        }
    }

    #[test]
    fn a_scheme_has_its_own_proxy_or_that_of_all() {
        let http = Url::parse("http://region/").expect("an address");
        let https = Url::parse("https://region/").expect("an address");
        let of = |variables: &[(&str, &str)], url: &Url| proxies(variables).of(url).map(Url::to_string);
        let both = [("https_proxy", "s:1"), ("ALL_PROXY", "a:2")];
        assert_eq!(of(&both, &https).as_deref(), Some("http://s:1/"));
        assert_eq!(of(&both, &http).as_deref(), Some("http://a:2/"));
        assert_eq!(
            of(&[("http_proxy", "small:1"), ("HTTP_PROXY", "large:1")], &http).as_deref(),
            Some("http://small:1/")
        );
        assert_eq!(
            of(&[("HTTP_PROXY", "x:1"), ("REQUEST_METHOD", "GET")], &http),
            None,
            "a visitor's header is no proxy"
        );
        assert_eq!(of(&[("http_proxy", "")], &http), None);
    }
}
