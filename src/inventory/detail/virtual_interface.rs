//! Network interfaces without hardware of their own: who made them.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::Survey;
use crate::host::is_representor;

/// An interface without hardware of its own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct VirtualInterface {
    /// Name of the interface, which is all that it is known by.
    pub name: String,
    /// `bridge`, `bond`, `vlan`, `veth`, `macvlan`, `tunnel`, `tap`, `dummy`, `loopback`, `representor` of a virtual function,
    /// `sub-function` of a card, `guest` for the other end of a guest's interface,
    /// `container` for what belongs to a runtime of containers or virtual machines, or `other`.
    pub kind: String,
    /// MAC address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mac_address: String,
    /// `operstate` of the kernel.
    pub state: String,
    /// The bond, bridge or other interface that it belongs to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub master: String,
    /// Interfaces below it.
    pub lower: Vec<String>,
}

/// Beginnings of names that runtimes of containers and virtual machines give.
const RUNTIMES: [&str; 17] = [
    "docker",
    "cni",
    "cali",
    "cilium",
    "flannel",
    "kube-",
    "lxc",
    "lxdbr",
    "incusbr",
    "mpqemubr",
    "nodelocaldns",
    "podman",
    "virbr",
    "vnet",
    "weave",
    "antrea",
    "ovn-k8s",
];

pub(super) fn virtual_interface(survey: &Survey<'_>, place: &Path, name: String) -> VirtualInterface {
    let lower = survey.names(place).into_iter().filter_map(|entry| entry.strip_prefix("lower_").map(str::to_owned));
    let lower: Vec<String> = lower.collect();
    VirtualInterface {
        kind: kind(survey, place, &name, !lower.is_empty()).to_owned(),
        mac_address: survey.word(place.join("address")),
        state: survey.word(place.join("operstate")),
        master: survey.host.link_name(place.join("master")).unwrap_or_default(),
        lower,
        name,
    }
}

fn kind(survey: &Survey<'_>, place: &Path, name: &str, has_lower: bool) -> &'static str {
    let text = |key: &str| survey.host.text(place.join(key)).unwrap_or_default();
    let uevent = text("uevent");
    let declared = uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE=")).unwrap_or_default();
    let hardware: u64 = text("type").parse().unwrap_or(0);
    if is_representor(&text("phys_port_name")) {
        "representor"
    } else if survey.host.link_name(place.join("device/subsystem")).as_deref() == Some("auxiliary") {
        "sub-function"
    } else if survey.host.link_name(place.join("device/subsystem")).as_deref() == Some("xen-backend") {
        "guest"
    } else if hardware == 772 {
        "loopback"
    } else if is_of_runtime(name) {
        "container"
    } else if survey.host.has(place.join("bridge")) {
        "bridge"
    } else if survey.host.has(place.join("bonding")) {
        "bond"
    } else if declared == "vlan" {
        "vlan"
    } else if declared == "macvlan" || name.starts_with("macvlan") || name.starts_with("macvtap") {
        "macvlan"
    } else if survey.host.has(place.join("tun_flags")) {
        // Bit 1 is a TAP, which carries frames; without it, it is a TUN.
        let flags = u64::from_str_radix(text("tun_flags").trim_start_matches("0x"), 16).unwrap_or(0);
        if flags & 2 == 0 { "tunnel" } else { "tap" }
    } else if matches!(hardware, 768 | 769 | 776 | 778 | 65534) || ["vxlan", "geneve", "wireguard"].contains(&declared)
    {
        "tunnel"
    } else if name.starts_with("veth") || is_paired(&text("ifindex"), &text("iflink"), has_lower) {
        "veth"
    } else if name.starts_with("dummy") {
        "dummy"
    } else {
        "other"
    }
}

/// A pair's other end is an interface that is not below this one.
fn is_paired(own: &str, other: &str, has_lower: bool) -> bool {
    !own.is_empty() && !other.is_empty() && own != other && other != "0" && !has_lower
}

fn is_of_runtime(name: &str) -> bool {
    // Docker names its networks by twelve digits.
    let network =
        name.strip_prefix("br-").filter(|rest| rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    network.is_some() || RUNTIMES.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_known_by_the_names_that_they_give() {
        for name in ["docker0", "cni0", "cali12ab", "br-0123456789ab", "virbr0", "lxdbr0"] {
            assert!(is_of_runtime(name), "{name}");
        }
        for name in ["br-ex", "br-lan", "br0", "bond0", "eth0"] {
            assert!(!is_of_runtime(name), "{name}");
        }
    }

    #[test]
    fn a_pair_is_no_interface_on_top_of_another() {
        assert!(is_paired("4", "9", false));
        assert!(!is_paired("4", "4", false) && !is_paired("4", "2", true) && !is_paired("4", "0", false));
    }
}
