//! Network interfaces: those with hardware, and the virtual ones kept apart.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::survey::Survey;

const NET: &str = "/sys/class/net";

/// An interface with hardware behind it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Nic {
    /// Survives reboots, renames and other slots: the permanent MAC address, else the PCI address.
    pub identity: String,
    /// Name of the interface.
    pub name: String,
    /// MAC address in use.
    pub mac_address: String,
    /// MAC address that is burnt in, where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub permanent_address: String,
    /// Driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Firmware, as the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// Mbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<u64>,
    /// There is a link.
    pub link: bool,
    /// `operstate` of the kernel.
    pub state: String,
    /// PCI address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pci_address: String,
    /// `BUS:DEVICE` of a USB interface.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub usb_address: String,
    /// Virtual functions that are switched on, and that are possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_functions: Option<(u64, u64)>,
    /// It is itself a virtual function, of the function with this address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub virtual_function_of: String,
    /// The bond, bridge or other interface that it belongs to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub master: String,
}

/// An interface without hardware.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct VirtualInterface {
    /// Name of the interface.
    pub name: String,
    /// `bridge`, `bond`, `vlan`, `veth`, `tunnel`, `loopback`, `container` or `other`.
    pub kind: String,
    /// MAC address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mac_address: String,
    /// Interfaces below it.
    pub lower: Vec<String>,
}

pub(super) fn collect(survey: &Survey<'_>) -> (Vec<Nic>, Vec<VirtualInterface>) {
    let (mut nics, mut others) = (Vec::new(), Vec::new());
    for name in survey.names(NET) {
        let place = Path::new(NET).join(&name);
        if !survey.host.is_directory(&place) {
            continue;
        }
        if survey.host.has(place.join("device")) {
            nics.push(nic(survey, &place, name));
        } else {
            others.push(virtual_interface(survey, &place, name));
        }
    }
    (nics, others)
}

fn nic(survey: &Survey<'_>, place: &Path, name: String) -> Nic {
    let device = place.join("device");
    let [driver, _, firmware] = survey.host.driver_info(&name).unwrap_or_default();
    let permanent = survey.host.permanent_address(&name).unwrap_or_default();
    let permanent_address =
        if permanent.bytes().all(|byte| byte == b'0' || byte == b':') { String::new() } else { permanent };
    let mac_address = survey.word(place.join("address"));
    let pci_address = survey.host.real(&device).and_then(|real| survey.pci_address(&real)).unwrap_or_default();
    let identity = match (permanent_address.as_str(), mac_address.as_str()) {
        ("", "") => format!("nic:{pci_address}"),
        ("", mac) | (mac, _) => format!("nic:{mac}"),
    };
    let number = |key: &str| survey.number::<u64>(device.join(key));
    // The file gives an error instead of a number while there is no link, and -1 when nobody knows.
    let speed = survey.host.read(place.join("speed")).ok().and_then(|text| String::from_utf8(text).ok());
    Nic {
        identity,
        mac_address,
        permanent_address,
        driver: if driver.is_empty() { survey.driver(&device) } else { driver },
        firmware,
        speed: speed.and_then(|text| text.trim().parse().ok()).filter(|speed| *speed > 0),
        link: survey.host.read(place.join("carrier")).is_ok_and(|text| text.starts_with(b"1")),
        state: survey.word(place.join("operstate")),
        usb_address: survey.host.real(&device).and_then(|real| survey.usb_address(&real)).unwrap_or_default(),
        virtual_functions: if survey.host.has(device.join("sriov_totalvfs")) {
            Some((number("sriov_numvfs").unwrap_or(0), number("sriov_totalvfs").unwrap_or(0)))
        } else {
            None
        },
        virtual_function_of: survey.host.link_name(device.join("physfn")).unwrap_or_default(),
        master: survey.host.link_name(place.join("master")).unwrap_or_default(),
        pci_address,
        name,
    }
}

fn virtual_interface(survey: &Survey<'_>, place: &Path, name: String) -> VirtualInterface {
    let lower = survey.names(place).into_iter().filter_map(|entry| entry.strip_prefix("lower_").map(str::to_owned));
    VirtualInterface {
        kind: kind(survey, place, &name).to_owned(),
        mac_address: survey.word(place.join("address")),
        lower: lower.collect(),
        name,
    }
}

fn kind(survey: &Survey<'_>, place: &Path, name: &str) -> &'static str {
    let uevent = survey.word(place.join("uevent"));
    let declared = uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE=")).unwrap_or_default();
    let number: Option<u64> = survey.number(place.join("type"));
    let of_containers = ["docker", "br-", "cni", "cali", "flannel", "virbr", "lxdbr", "lxcbr", "podman", "tap", "vnet"];
    if number == Some(772) {
        "loopback"
    } else if of_containers.iter().any(|prefix| name.starts_with(prefix)) {
        "container"
    } else if survey.host.has(place.join("bridge")) {
        "bridge"
    } else if survey.host.has(place.join("bonding")) {
        "bond"
    } else if declared == "vlan" {
        "vlan"
    } else if name.starts_with("veth") {
        "veth"
    } else if matches!(number, Some(768..=769 | 776 | 778)) || ["vxlan", "geneve", "wireguard"].contains(&declared) {
        "tunnel"
    } else {
        "other"
    }
}
