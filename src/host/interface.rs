//! Network interfaces by MAC address.

use super::Host;

/// A network interface of `/sys/class/net`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Kernel name, for example `eth0`.
    pub name: String,
    /// Lower-case MAC address; empty where the kernel shows none.
    pub mac_address: String,
    /// `operstate`: `up`, `down`, `unknown` …
    pub operstate: String,
    /// Whether hardware is behind it (`/sys/class/net/NAME/device`).
    pub physical: bool,
}

impl Host {
    /// All interfaces but the loopback, sorted by name.
    #[must_use]
    pub fn interfaces(&self) -> Vec<Interface> {
        self.list("/sys/class/net")
            .into_iter()
            .filter(|name| name != "lo" && self.exists(format!("/sys/class/net/{name}/address")))
            .map(|name| {
                let attribute = |key: &str| self.text(format!("/sys/class/net/{name}/{key}")).unwrap_or_default();
                Interface {
                    mac_address: attribute("address").to_ascii_lowercase(),
                    operstate: attribute("operstate"),
                    physical: self.exists(format!("/sys/class/net/{name}/device")),
                    name,
                }
            })
            .collect()
    }

    /// Whether an interface is up, by its `operstate`.
    #[must_use]
    pub fn link_is_up(&self, interface: &str) -> bool {
        self.text(format!("/sys/class/net/{interface}/operstate")).as_deref() == Some("up")
    }
}
