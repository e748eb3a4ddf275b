//! Network interfaces as they are set up (contract RESOURCES §2), from `/sys/class/net`, `/proc` and the kernel's addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use nix::net::if_::InterfaceFlags;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::survey::Survey;
use crate::host::HardwareAddress;

const NET: &str = "/sys/class/net";

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct NetworkState {
    /// IP addresses.
    pub addresses: Vec<Address>,
    /// Traffic.
    pub counters: Counters,
    /// MAC address; empty for the loopback.
    pub hwaddr: String,
    /// Largest packet in bytes.
    pub mtu: u64,
    /// `up` or `down`, as set by the administrator.
    pub state: String,
    /// `broadcast`, `loopback`, `point-to-point` or `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// If it is a bond.
    pub bond: Option<Bond>,
    /// If it is a bridge.
    pub bridge: Option<Bridge>,
    /// If it is a VLAN.
    pub vlan: Option<Vlan>,
    /// Never known here.
    pub ovn: Option<()>,
}

/// An IP address.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Address {
    /// `inet` or `inet6`.
    pub family: String,
    /// The address.
    pub address: String,
    /// Length of the prefix.
    pub netmask: String,
    /// `local`, `link` or `global`.
    pub scope: String,
}

/// Traffic of an interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Counters {
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Packets sent.
    pub packets_sent: u64,
}

/// A bond.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Bond {
    /// Mode.
    pub mode: String,
    /// Transmit hash policy.
    pub transmit_policy: String,
    /// Milliseconds.
    pub up_delay: u64,
    /// Milliseconds.
    pub down_delay: u64,
    /// Milliseconds.
    pub mii_frequency: u64,
    /// State of the link monitor.
    pub mii_state: String,
    /// Members.
    pub lower_devices: Vec<String>,
}

/// A bridge.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Bridge {
    /// Bridge id.
    pub id: String,
    /// Spanning tree is on.
    pub stp: bool,
    /// Hundredths of seconds.
    pub forward_delay: u64,
    /// Default port VLAN.
    pub vlan_default: u64,
    /// VLAN filtering is on.
    pub vlan_filtering: bool,
    /// Its ports (the name is the reference's).
    pub upper_devices: Vec<String>,
}

/// A VLAN.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Vlan {
    /// The interface that carries it.
    pub lower_device: String,
    /// Its number.
    pub vid: u64,
}

pub(super) fn collect(survey: &Survey<'_>) -> BTreeMap<String, NetworkState> {
    let counters = survey.text("/proc/net/dev").map(|text| counters(&text)).unwrap_or_default();
    let vlans = survey.text("/proc/net/vlan/config").map(|text| vlans(&text)).unwrap_or_default();
    // A mounted /sys may belong to another network namespace; the kernel's own list is the truth.
    let mut live = if survey.host.has_kernel() { kernel_interfaces(survey) } else { BTreeMap::new() };
    let mut names: Vec<String> = live.keys().cloned().collect();
    if !survey.host.has_kernel() {
        names = survey.names(NET);
        names.retain(|name| survey.host.is_directory(Path::new(NET).join(name)));
    }
    let states = names.into_iter().map(|name| {
        let mut state = state(survey, &name, live.remove(&name));
        state.counters = counters.get(&name).cloned().unwrap_or_default();
        state.vlan = vlans.get(&name).cloned();
        (name, state)
    });
    states.collect()
}

/// What the kernel tells of an interface.
struct Kernel {
    flags: InterfaceFlags,
    addresses: Vec<Address>,
    hwaddr: String,
    mtu: u64,
}

/// The same from a copied tree, which tells no addresses.
fn copied_interface(survey: &Survey<'_>, place: &Path) -> Kernel {
    let flags = survey.word(place.join("flags"));
    let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
    let hwaddr = survey.word(place.join("address"));
    Kernel {
        flags: InterfaceFlags::from_bits_truncate(flags.cast_signed()),
        addresses: Vec::new(),
        hwaddr: if is_zero(&hwaddr) { String::new() } else { hwaddr },
        mtu: survey.number(place.join("mtu")).unwrap_or(0),
    }
}

fn is_zero(hwaddr: &str) -> bool {
    !hwaddr.bytes().any(|byte| byte.is_ascii_hexdigit() && byte != b'0')
}

fn kernel_interfaces(survey: &Survey<'_>) -> BTreeMap<String, Kernel> {
    let mut found: BTreeMap<String, Kernel> = BTreeMap::new();
    let all = match survey.host.interface_addresses() {
        Ok(all) => all,
        Err(error) => {
            survey.gap(NET, format!("the kernel does not list its interfaces: {error}"));
            return found;
        }
    };
    for one in all {
        if let Some(hardware) = &one.hardware {
            found.insert(one.name.clone(), kernel_interface(survey, &one.name, one.flags, hardware));
        } else if let Some((ip, prefix)) = one.ip {
            // An address may bear a label such as `eth0:1` in the place of its interface's name.
            let name = one.name.split(':').next().unwrap_or_default();
            match found.get_mut(name) {
                Some(interface) => interface.addresses.push(address(ip, prefix)),
                None => survey.gap(Path::new(NET).join(name), "it has an address and is no interface"),
            }
        }
    }
    found
}

fn kernel_interface(survey: &Survey<'_>, name: &str, flags: i32, hardware: &HardwareAddress) -> Kernel {
    let hwaddr = match hardware.length {
        // Those of tunnels are IP addresses.
        0 | 4 | 16 => String::new(),
        6 => hardware.text.clone(),
        // Longer ones, as InfiniBand's, do not fit into what the kernel lists.
        _ => survey.word(Path::new(NET).join(name).join("address")),
    };
    let hwaddr = if is_zero(&hwaddr) { String::new() } else { hwaddr };
    let mtu = survey.host.mtu(name).unwrap_or_else(|error| {
        survey.gap(Path::new(NET).join(name), format!("it does not tell its MTU: {error}"));
        0
    });
    Kernel { flags: InterfaceFlags::from_bits_truncate(flags), addresses: Vec::new(), hwaddr, mtu }
}

fn address(ip: IpAddr, prefix: u32) -> Address {
    let (family, scope) = match ip {
        IpAddr::V4(v4) if v4.is_loopback() => ("inet", "local"),
        IpAddr::V4(v4) if v4.is_link_local() => ("inet", "link"),
        IpAddr::V4(_) => ("inet", "global"),
        IpAddr::V6(v6) if v6.is_loopback() => ("inet6", "local"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => ("inet6", "link"),
        IpAddr::V6(_) => ("inet6", "global"),
    };
    Address { family: family.to_owned(), address: ip.to_string(), netmask: prefix.to_string(), scope: scope.to_owned() }
}

fn state(survey: &Survey<'_>, name: &str, kernel: Option<Kernel>) -> NetworkState {
    let place = Path::new(NET).join(name);
    let Kernel { flags, addresses, hwaddr, mtu } = kernel.unwrap_or_else(|| copied_interface(survey, &place));
    let kind = if flags.contains(InterfaceFlags::IFF_LOOPBACK) {
        "loopback"
    } else if flags.contains(InterfaceFlags::IFF_POINTOPOINT) {
        "point-to-point"
    } else if flags.contains(InterfaceFlags::IFF_BROADCAST) {
        "broadcast"
    } else {
        "unknown"
    };
    NetworkState {
        addresses,
        hwaddr,
        mtu,
        state: if flags.contains(InterfaceFlags::IFF_UP) { "up" } else { "down" }.to_owned(),
        kind: kind.to_owned(),
        bond: bond(survey, &place.join("bonding")),
        bridge: bridge(survey, &place),
        ..NetworkState::default()
    }
}

fn bond(survey: &Survey<'_>, place: &PathBuf) -> Option<Bond> {
    if !survey.host.is_directory(place) {
        return None;
    }
    let first = |key: &str| survey.word(place.join(key)).split(' ').next().unwrap_or_default().to_owned();
    let number = |key: &str| survey.number(place.join(key)).unwrap_or(0);
    Some(Bond {
        mode: first("mode"),
        transmit_policy: first("xmit_hash_policy"),
        up_delay: number("updelay"),
        down_delay: number("downdelay"),
        mii_frequency: number("miimon"),
        mii_state: survey.word(place.join("mii_status")),
        lower_devices: survey.word(place.join("slaves")).split_whitespace().map(str::to_owned).collect(),
    })
}

fn bridge(survey: &Survey<'_>, place: &Path) -> Option<Bridge> {
    let own = place.join("bridge");
    if !survey.host.is_directory(&own) {
        return None;
    }
    let number = |key: &str| survey.number::<u64>(own.join(key)).unwrap_or(0);
    Some(Bridge {
        id: survey.word(own.join("bridge_id")),
        stp: number("stp_state") == 1,
        forward_delay: number("forward_delay"),
        vlan_default: number("default_pvid"),
        vlan_filtering: number("vlan_filtering") == 1,
        upper_devices: survey.names(place.join("brif")),
    })
}

/// `/proc/net/dev`: a name, eight numbers of reception, eight of sending.
fn counters(text: &str) -> BTreeMap<String, Counters> {
    let line = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
        let [bytes_received, packets_received, ..] = *numbers.as_slice() else { return None };
        let counters =
            Counters { bytes_received, bytes_sent: *numbers.get(8)?, packets_received, packets_sent: *numbers.get(9)? };
        Some((name.trim().to_owned(), counters))
    };
    text.lines().filter_map(line).collect()
}

/// `/proc/net/vlan/config`: `name | number | carrier` below a head.
fn vlans(text: &str) -> BTreeMap<String, Vlan> {
    let line = |line: &str| {
        let mut fields = line.split('|').map(str::trim);
        let (name, vid, lower) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
        Some((name.to_owned(), Vlan { lower_device: lower.to_owned(), vid }))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_proc_are_read() {
        let text = "Inter-|   Receive |\n face |bytes packets\n  eth0: 100 2 0 0 0 0 0 0 300 4 0 0 0 0 0 0\n";
        let all = counters(text);
        assert_eq!(all.len(), 1);
        assert_eq!((all["eth0"].bytes_received, all["eth0"].packets_sent), (100, 4));
        let text = "VLAN Dev name    | VLAN ID\nName-Type: VLAN_NAME_TYPE\neth0.5         | 5  | eth0\n";
        assert_eq!(vlans(text)["eth0.5"], Vlan { lower_device: "eth0".into(), vid: 5 });
    }

    #[test]
    fn addresses_have_a_scope() {
        let scope = |text: &str| address(text.parse().expect("an address"), 8).scope;
        assert_eq!(
            ["127.0.0.1", "169.254.1.1", "10.0.0.1", "::1", "fe80::1", "2001:db8::1"].map(scope),
            ["local", "link", "global", "local", "link", "global"]
        );
    }
}
