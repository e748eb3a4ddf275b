//! Network interfaces by MAC address, and as the kernel lists them with their addresses.

use std::io;
use std::net::IpAddr;

use nix::ifaddrs::{InterfaceAddress as Listed, getifaddrs};
use serde::{Deserialize, Serialize};

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

/// A line of the kernel's list: an interface, or an address of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceAddress {
    /// The interface's name, or the label of an address, such as `eth0:1`.
    pub name: String,
    /// `IFF_UP`, `IFF_LOOPBACK` …
    pub flags: i32,
    /// Of an interface; of a tunnel, which may have none, without bytes.
    pub hardware: Option<HardwareAddress>,
    /// Of an address, with the length of its prefix.
    pub ip: Option<(IpAddr, u32)>,
}

/// The address of an interface on its medium.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardwareAddress {
    /// How many bytes it has: 6 is a MAC address.
    pub length: usize,
    /// The first six of them, as `52:54:00:12:34:56`.
    pub text: String,
}

impl InterfaceAddress {
    fn of(listed: &Listed) -> Self {
        let link = listed.address.as_ref().and_then(|address| address.as_link_addr());
        let hardware = match (link, &listed.address) {
            (Some(link), _) => {
                let bytes = link.addr().unwrap_or_default();
                Some(HardwareAddress { length: link.halen(), text: bytes.map(|byte| format!("{byte:02x}")).join(":") })
            }
            (None, None) => Some(HardwareAddress::default()),
            (None, Some(_)) => None,
        };
        InterfaceAddress {
            name: listed.interface_name.clone(),
            flags: listed.flags.bits(),
            hardware,
            ip: ip_address(listed),
        }
    }
}

fn ip_address(listed: &Listed) -> Option<(IpAddr, u32)> {
    let (address, mask) = (listed.address.as_ref()?, listed.netmask.as_ref());
    if let Some(v4) = address.as_sockaddr_in() {
        let mask = mask.and_then(|mask| mask.as_sockaddr_in()).map_or(0, |mask| u32::from(mask.ip()).count_ones());
        return Some((IpAddr::V4(v4.ip()), mask));
    }
    let v6 = address.as_sockaddr_in6()?;
    let mask = mask.and_then(|mask| mask.as_sockaddr_in6()).map_or(0, |mask| u128::from(mask.ip()).count_ones());
    Some((IpAddr::V6(v6.ip()), mask))
}

impl Host {
    /// What the kernel lists (`getifaddrs`): interfaces, each before its addresses.
    ///
    /// # Errors
    /// The kernel's; always in a plain copy.
    pub fn interface_addresses(&self) -> io::Result<Vec<InterfaceAddress>> {
        self.ask("interface_addresses", || Ok(getifaddrs()?.map(|listed| InterfaceAddress::of(&listed)).collect()))
    }

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
