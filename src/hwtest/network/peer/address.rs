//! Where the other end of a test is: `HOST`, `HOST:PORT`, `[IPV6]:PORT`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use super::trouble::Trouble;

/// Port of a listener if nobody says otherwise, for TCP and UDP.
pub const PORT: u16 = 7878;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write HOST, HOST:PORT or [IPV6]:PORT, with a port from 0 to 65535")]
pub struct NoAddress;

impl Address {
    /// All addresses that the host has now. A name asks the machine's name servers, which may take seconds.
    pub(super) fn resolve(&self) -> Result<Vec<SocketAddr>, Trouble> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let all: Vec<SocketAddr> =
            found.map_err(|error| Trouble::NoName(self.host.clone(), error.to_string()))?.collect();
        if all.is_empty() {
            return Err(Trouble::NoName(self.host.clone(), "there is none".to_owned()));
        }
        Ok(all)
    }

    /// True if only this machine can reach the address: `localhost`, or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

fn is_v6(text: &str) -> bool {
    text.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let (host, port) = if is_v6(text) {
            (text, None)
        } else if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or(NoAddress)?;
            if !is_v6(host) {
                return Err(NoAddress);
            }
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(NoAddress)?) })
        } else {
            text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
        };
        let is_name = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
        if host.is_empty() || host.len() > 253 || !host.chars().all(is_name) || host.starts_with('-') {
            return Err(NoAddress);
        }
        let port = port.map_or(Ok(PORT), |port| port.parse::<u16>().map_err(|_| NoAddress))?;
        Ok(Address { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_perhaps_a_port() {
        for (text, shown) in [
            ("node-7", "node-7:7878"),
            ("node-7.maas:9", "node-7.maas:9"),
            ("10.0.0.7:0", "10.0.0.7:0"),
            ("::1", "[::1]:7878"),
            ("fe80::1%eth0", "[fe80::1%eth0]:7878"),
            ("[fd00::7]:80", "[fd00::7]:80"),
            ("[fd00::7]", "[fd00::7]:7878"),
        ] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for wrong in ["", ":80", "a:", "a:65536", "a:-1", "[::1", "[::1]80", "[a]:80", "a b", "a:1:2", "-x", "http://a"]
        {
            assert_eq!(wrong.parse::<Address>(), Err(NoAddress), "{wrong}");
        }
    }

    #[test]
    fn addresses_of_this_machine_alone_are_known() {
        let is = |text: &str| text.parse::<Address>().is_ok_and(|address| address.is_loopback());
        assert!(is("127.0.0.1") && is("127.9.9.9:1") && is("::1") && is("localhost"));
        assert!(!is("0.0.0.0") && !is("::") && !is("10.0.0.1"));
    }
}
