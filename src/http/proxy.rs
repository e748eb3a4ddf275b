//! Which proxy leads to an address, by the variables of the environment as curl and Python read them.
//!
//! `http_proxy`, `https_proxy` and `all_proxy` name proxies, in small letters before capitals; one in small letters that is empty says that there
//! is none, whatever the capitals say (Python, `getproxies_environment`). `HTTP_PROXY` in capitals does not count inside of a CGI program, where a
//! visitor can set it. `no_proxy` lists where none is used: `*` everywhere; a name and what lies below it, with or
//! without a leading dot; an address; a network (`10.0.0.0/8`, `fd00::/8`); each with a port or without.

use std::net::IpAddr;

use reqwest::Url;

use super::{Parts, masked};

/// The variables that were found.
#[derive(Clone, Default)]
pub(super) struct Proxies {
    http: Option<Named>,
    https: Option<Named>,
    exceptions: Vec<Exception>,
    /// Variables that name a proxy by what is no address, with what may be shown of it.
    passed_over: Vec<(String, String)>,
}

/// A proxy and the variable that names it. There is no `Debug`, since the address may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Named {
    variable: String,
    url: Url,
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
        let is_cgi = variable("REQUEST_METHOD").is_some_and(|method| !method.trim().is_empty());
        let set = |name: String| variable(&name).map(|value| (name, value));
        let either = |name: &str| {
            let capitals = || set(name.to_uppercase()).filter(|_| !(is_cgi && name == "http_proxy"));
            set(name.to_owned()).or_else(capitals).filter(|(_, value)| !value.trim().is_empty())
        };
        let mut passed_over = Vec::new();
        let mut proxy = |name: &str| {
            let (variable, text) = either(name).or_else(|| either("all_proxy"))?;
            match address(&text) {
                Ok(url) => Some(Named { variable, url }),
                Err(shown) => {
                    passed_over.push((variable, shown));
                    None
                }
            }
        };
        let (http, https) = (proxy("http_proxy"), proxy("https_proxy"));
        passed_over.dedup();
        let exceptions = either("no_proxy").map(|(_, value)| value).unwrap_or_default();
        let words = exceptions.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        Proxies { http, https, exceptions: words.map(Exception::parse).collect(), passed_over }
    }

    /// The proxy for an address; `None` is straight.
    pub(super) fn of(&self, url: &Url) -> Option<&Named> {
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

    /// Says which variables are passed over, once in the life of the program.
    pub(super) fn tell_passed_over(&self) {
        static TOLD: std::sync::Once = std::sync::Once::new();
        for (variable, proxy) in &self.passed_over {
            TOLD.call_once(|| {
                tracing::warn!(
                    variable,
                    proxy,
                    "the proxy of the environment is no address and is passed over. In a name or a password, write @ as %40, : as %3A, / as %2F, ? as \
                     %3F and # as %23"
                );
            });
        }
    }
}

impl Named {
    /// Where it is, for the HTTP client.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Its address without name and password.
    pub(super) fn shown(&self) -> String {
        masked(self.url.as_str()).trim_end_matches('/').to_owned()
    }

    /// Why it cannot be used, with the next step.
    pub(super) fn unusable(&self) -> Option<String> {
        let Named { variable, url } = self;
        (!["http", "https"].contains(&url.scheme())).then(|| {
            format!(
                "the proxy {} that {variable} names cannot be used: only proxies with http:// and https:// can. Name such a one, or except the address \
                 with no_proxy",
                self.shown()
            )
        })
    }

    /// The meaning of its answer 407, with the next step.
    pub(super) fn wants_credentials(&self) -> String {
        let Named { variable, url } = self;
        let shown = self.shown();
        if url.username().is_empty() {
            let (scheme, host) = shown.split_once("://").unwrap_or(("http", &shown));
            format!(
                "the proxy {shown} wants a name and a password (407): put them into its address, {variable}={scheme}://NAME:PASSWORD@{host}, or except \
                 the address with no_proxy"
            )
        } else {
            format!(
                "the proxy {shown} refuses the name and the password that stand in its address (407): correct them in {variable}"
            )
        }
    }
}

/// A proxy's address; one without a scheme speaks HTTP.
///
/// # Errors
/// The part that may be shown of a text that is no address. A proxy whose password would be taken for a path counts as one.
fn address(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let is_plain = !Parts::of(&whole).hidden.contains(['/', '\\', '?', '#']);
    Url::parse(&whole).ok().filter(|url| is_plain && url.has_host()).ok_or_else(|| masked(&whole))
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
        let of =
            |variables: &[(&str, &str)], url: &Url| proxies(variables).of(url).map(|named| named.url().to_string());
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

    /// Python 3.11, `urllib.request.getproxies_environment`; curl 7.88.1 agrees for `http_proxy`.
    #[test]
    fn an_empty_variable_in_small_letters_says_that_there_is_none() {
        let url = Url::parse("http://region/").expect("an address");
        let of = |variables: &[(&str, &str)]| proxies(variables).of(&url).map(|named| named.url().to_string());
        assert_eq!(of(&[("http_proxy", ""), ("HTTP_PROXY", "x:1")]), None);
        assert_eq!(of(&[("http_proxy", " "), ("HTTP_PROXY", "x:1")]), None);
        assert_eq!(of(&[("HTTP_PROXY", ""), ("http_proxy", "x:1")]).as_deref(), Some("http://x:1/"));
        assert_eq!(of(&[("all_proxy", ""), ("ALL_PROXY", "x:1")]), None);
        let excepted = [("http_proxy", "x:1"), ("NO_PROXY", "region")];
        assert_eq!(of(&excepted), None);
        assert_eq!(of(&[("no_proxy", ""), excepted[0], excepted[1]]).as_deref(), Some("http://x:1/"));
    }

    #[test]
    fn a_password_is_never_taken_for_a_path_nor_shown() {
        let url = Url::parse("http://region/").expect("an address");
        for inside in ["/x", "#x", "?x", "/1:2", "\\x"] {
            for text in [format!("http://user:80{inside}@proxy:3128"), format!("user:80{inside}@proxy:3128")] {
                let proxies = proxies(&[("http_proxy", &text)]);
                assert!(proxies.of(&url).is_none(), "{text}");
                assert_eq!(proxies.passed_over, [("http_proxy".to_owned(), "http://…@proxy:3128".to_owned())]);
            }
        }
        let proxies = proxies(&[("http_proxy", "http://user:p@ss:w@proxy:3128")]);
        assert_eq!(proxies.of(&url).map(Named::shown).as_deref(), Some("http://proxy:3128"));
    }

    #[test]
    fn what_a_proxy_needs_is_said_without_its_password() {
        let url = Url::parse("http://region/").expect("an address");
        let said =
            |text: &str, say: fn(&Named) -> Option<String>| proxies(&[("ALL_PROXY", text)]).of(&url).and_then(say);
        let socks = said("socks5://user:hunter2@proxy:1080", Named::unusable).expect("a refusal");
        assert!(
            socks.contains("socks5://proxy:1080") && socks.contains("ALL_PROXY") && socks.contains("http://"),
            "{socks}"
        );
        assert!(!socks.contains("hunter2"), "{socks}");
        assert_eq!(said("https://proxy:1080", Named::unusable), None);
        let wants = |text| said(text, |named| Some(named.wants_credentials())).expect("words");
        assert!(wants("proxy:3128").contains("ALL_PROXY=http://NAME:PASSWORD@proxy:3128"), "{}", wants("proxy:3128"));
        let refused = wants("http://user:hunter2@proxy:3128");
        assert!(refused.contains("correct them in ALL_PROXY") && !refused.contains("hunter2"), "{refused}");
    }
}
