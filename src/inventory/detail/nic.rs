//! Network interfaces with hardware behind them.

use std::path::{Path, PathBuf};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::pci::DEVICES;
use super::super::survey::{Survey, storable};
use super::place::{nearest_pci, way};
use super::virtual_interface::{VirtualInterface, virtual_interface};
use crate::host::Origin;

const NET: &str = "/sys/class/net";

/// An interface with hardware behind it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Nic {
    /// Survives reboots, renames and other slots: the permanent MAC address, else the place of the card and the number of the port.
    pub identity: String,
    /// Name of the interface.
    pub name: String,
    /// `ethernet`, `infiniband`, `wireless` or `other`.
    pub kind: String,
    /// Name of the card.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// MAC address in use.
    pub mac_address: String,
    /// Permanent (burnt-in) MAC address, where the driver or a bond reports it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub permanent_address: String,
    /// Driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Firmware version that the driver reports.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// Speed of the link, in Mbit/s; absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<u64>,
    /// Highest speed that the card supports, in Mbit/s; absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_speed: Option<u64>,
    /// `full` or `half`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duplex: String,
    /// The interface has a link (carrier).
    pub link: bool,
    /// `operstate` of the kernel.
    pub state: String,
    /// Largest packet, in bytes (MTU); absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u64>,
    /// Number of the port on the card.
    pub port: u64,
    /// PCI address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pci_address: String,
    /// `BUS:DEVICE` of a USB interface.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub usb_address: String,
    /// Way from the root of its bus, of an interface that is not on PCI.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Name of the slot on the board.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub slot: String,
    /// NUMA node.
    pub numa_node: u64,
    /// SR-IOV.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_functions: Option<VirtualFunctions>,
    /// PCI address of the physical function, if this interface is a virtual function of SR-IOV.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub virtual_function_of: String,
    /// The bond, bridge or other interface that it belongs to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub master: String,
}

/// Virtual functions of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct VirtualFunctions {
    /// Number of virtual functions that are enabled.
    pub enabled: u64,
    /// Number of virtual functions that the card supports.
    pub possible: u64,
}

impl Nic {
    fn address(&self) -> &str {
        if self.pci_address.is_empty() { &self.place } else { &self.pci_address }
    }

    /// The address and the port. Distinguishes two interfaces that report the same MAC address.
    pub(in super::super) fn port_address(&self) -> String {
        let address = self.address().to_owned();
        if self.port == 0 { address } else { format!("{address} port {}", self.port) }
    }
}

pub(super) fn collect(survey: &Survey<'_>) -> (Vec<Nic>, Vec<VirtualInterface>) {
    let (mut nics, mut others) = (Vec::new(), Vec::new());
    let bonded = bonded(survey);
    for name in survey.names(NET) {
        let place = Path::new(NET).join(&name);
        // `bonding_masters` is a file.
        if !survey.host.is_directory(&place) {
            continue;
        }
        match device(survey, &place).filter(|_| survey.host.origin_of_interface(&place) == Origin::Hardware) {
            Some(device) => nics.push(nic(survey, &place, &device, name, &bonded)),
            None => others.push(virtual_interface(survey, &place, name)),
        }
    }
    (nics, others)
}

/// The sysfs directory of the hardware behind an interface; `None` when there is none. A copied tree may lack the link `device`, but not
/// the directories above the interface.
fn device(survey: &Survey<'_>, place: &Path) -> Option<PathBuf> {
    let device = place.join("device");
    if survey.host.has(&device) {
        return Some(device);
    }
    nearest_pci(survey, place).map(|address| Path::new(DEVICES).join(address))
}

/// Names and permanent addresses of the members of bonds (`/proc/net/bonding`): a bond gives each member its own address.
fn bonded(survey: &Survey<'_>) -> Vec<(String, String)> {
    const BONDS: &str = "/proc/net/bonding";
    let texts = survey.names(BONDS).into_iter().filter_map(|bond| survey.text(Path::new(BONDS).join(bond)));
    texts.flat_map(|text| members(&text)).collect()
}

fn members(text: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(member) = line.strip_prefix("Slave Interface:") {
            name = member.trim();
        } else if let Some(address) = line.strip_prefix("Permanent HW addr:")
            && !name.is_empty()
        {
            members.push((name.to_owned(), address.trim().to_ascii_lowercase()));
        }
    }
    members
}

fn nic(survey: &Survey<'_>, place: &Path, device: &Path, name: String, bonded: &[(String, String)]) -> Nic {
    let [driver, _, firmware] = survey.host.driver_info(&name).unwrap_or_default();
    // Many of these files give an error instead of a value while there is no link.
    let quiet = |key: &str| survey.host.text(place.join(key)).map(storable).unwrap_or_default();
    let asked = survey.host.permanent_address(&name).ok();
    let of_bond = || bonded.iter().find(|(member, _)| *member == name).map(|(_, address)| address.clone());
    let permanent = asked.filter(|address| is_address(address)).or_else(of_bond).unwrap_or_default();
    let number = |key: &str| survey.number::<u64>(device.join(key));
    let functions = || VirtualFunctions {
        enabled: number("sriov_numvfs").unwrap_or(0),
        possible: number("sriov_totalvfs").unwrap_or(0),
    };
    let real = survey.host.real(device);
    let usb_address = real.as_deref().and_then(|real| survey.usb_address(real)).unwrap_or_default();
    // For a USB interface this would be the address of the USB controller.
    let nearest = |device: &Path| if usb_address.is_empty() { nearest_pci(survey, device) } else { None };
    let settings = survey.host.link_settings(&name).ok();
    let mut nic = Nic {
        kind: kind(survey, place).to_owned(),
        mac_address: survey.word(place.join("address")),
        permanent_address: permanent,
        driver: if driver.is_empty() { survey.driver(device) } else { driver },
        firmware: storable(firmware),
        speed: speed(&quiet("speed")),
        maximum_speed: settings.and_then(|settings| super::super::link_mode::fastest(&settings)),
        duplex: Some(quiet("duplex")).filter(|duplex| duplex != "unknown").unwrap_or_default(),
        link: quiet("carrier") == "1",
        state: survey.word(place.join("operstate")),
        mtu: survey.number(place.join("mtu")),
        port: survey.number(place.join("dev_port")).unwrap_or(0),
        pci_address: real.and_then(|real| survey.pci_address(&real)).or_else(|| nearest(device)).unwrap_or_default(),
        usb_address,
        numa_node: survey.numa_node(device),
        virtual_functions: survey.host.has(device.join("sriov_totalvfs")).then(functions),
        virtual_function_of: survey.host.link_name(device.join("physfn")).unwrap_or_default(),
        master: survey.host.link_name(place.join("master")).unwrap_or_default(),
        name,
        ..Nic::default()
    };
    let way = way(survey, device).unwrap_or_default();
    nic.identity = identity(survey, place, &way, &nic);
    if nic.pci_address.is_empty() {
        nic.place = way;
    }
    nic
}

/// Mbit/s; `None` when the kernel does not know it: 0 and -1, which old kernels print as a number without a sign of 16 or 32 bits (Linux,
/// `SPEED_UNKNOWN`).
fn speed(text: &str) -> Option<u64> {
    let is_known = |speed: &u64| ![0, u64::from(u16::MAX), u64::from(u32::MAX)].contains(speed);
    text.parse().ok().filter(is_known)
}

fn kind(survey: &Survey<'_>, place: &Path) -> &'static str {
    match survey.host.text(place.join("type")).as_deref() {
        _ if survey.host.has(place.join("wireless")) || survey.host.has(place.join("phy80211")) => "wireless",
        Some("1") => "ethernet",
        Some("32") => "infiniband",
        _ => "other",
    }
}

/// True if a MAC address is neither empty, nor all zeros, nor all ones.
fn is_address(address: &str) -> bool {
    !address.bytes().all(|byte| matches!(byte, b'0' | b':')) && !address.bytes().all(|byte| matches!(byte, b'f' | b':'))
}

/// True if an address is locally administered (IEEE 802, the second bit of the first byte). A USB interface without an address of its own
/// gets a random one at each boot; an address that a hypervisor assigned stays.
fn is_made_up(address: &str) -> bool {
    address.get(..2).and_then(|byte| u8::from_str_radix(byte, 16).ok()).is_some_and(|byte| byte & 2 != 0)
}

fn identity(survey: &Survey<'_>, place: &Path, way: &str, nic: &Nic) -> String {
    // The origin of the address in use: 0 is permanent; random, taken from another interface and set by an administrator are not its own.
    let assigned = survey.host.text(place.join("addr_assign_type"));
    let is_own = assigned.is_none_or(|how| how == "0") && nic.master.is_empty();
    let is_known = |address: &str| is_address(address) && (nic.usb_address.is_empty() || !is_made_up(address));
    let address = match (is_known(&nic.permanent_address), is_own && is_known(&nic.mac_address)) {
        // A virtual function gets another address at each boot, and all of a card may get the same one.
        _ if !nic.virtual_function_of.is_empty() => None,
        (true, _) => Some(&nic.permanent_address),
        (false, true) => Some(&nic.mac_address),
        (false, false) => None,
    };
    match address {
        // An InfiniBand address has 20 bytes, of which only the last eight, the port's GUID, are constant.
        Some(address) if address.len() == 20 * 3 - 1 => format!("nic:guid:{}", &address[12 * 3..]),
        Some(address) => format!("nic:{address}"),
        None => {
            let place = if way.is_empty() { &nic.name } else { way };
            format!("nic:at:{place}:port {}", nic.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bond_tells_its_members_addresses() {
        let text = "Bonding Mode: x\n\nSlave Interface: eth0\nMII Status: up\nPermanent HW addr: AA:00:00:00:00:01\n\n\
                    Slave Interface: eth1\nPermanent HW addr: aa:00:00:00:00:02\n";
        let expected = [("eth0", "aa:00:00:00:00:01"), ("eth1", "aa:00:00:00:00:02")];
        assert_eq!(members(text), expected.map(|(name, address)| (name.to_owned(), address.to_owned())));
        assert!(members("Permanent HW addr: aa").is_empty());
    }

    #[test]
    fn zeros_and_ones_are_no_address() {
        assert!(!is_address("") && !is_address("00:00:00:00:00:00") && !is_address("ff:ff:ff:ff:ff:ff"));
        assert!(is_address("02:00:00:00:00:01"));
        assert!(is_made_up("02:00:00:00:00:01") && is_made_up("a6:3f:5d:8a:7d:52") && !is_made_up("3c:fd:fe:00:00:01"));
    }
}
