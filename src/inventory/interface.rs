//! Network cards and their ports (contract RESOURCES §1.4), from `/sys/class/net`, PCI and ethtool.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::infiniband::{self, Infiniband};
use super::link_mode::MODES;
use super::names::Names;
use super::pci::{self, Function};
use super::survey::{Survey, is_zero};
use crate::host::LinkSettings;

const NET: &str = "/sys/class/net";

/// All network cards.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Network {
    /// Virtual functions stand below their physical one.
    pub cards: Vec<NetworkCard>,
    /// Cards and virtual functions.
    pub total: u64,
}

/// A network card: one PCI function, or one USB device.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct NetworkCard {
    /// Name of its driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Version of the driver's module, else of the kernel.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver_version: String,
    /// Its interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Virtual functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sriov: Option<Sriov>,
    /// vDPA device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vdpa: Option<Vdpa>,
    /// NUMA node.
    pub numa_node: u64,
    /// PCI function.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pci_address: String,
    /// Name of the vendor.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// Four hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor_id: String,
    /// Name of the product.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// Four hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product_id: String,
    /// Firmware, as the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware_version: String,
    /// USB device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub usb_address: String,
}

/// Virtual functions of a card.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Sriov {
    /// Switched on.
    pub current_vfs: u64,
    /// Possible.
    pub maximum_vfs: u64,
    /// Those that are there; `None` when there are none.
    pub vfs: Option<Vec<NetworkCard>>,
}

/// A vDPA device.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Vdpa {
    /// Name.
    pub name: String,
    /// Its vhost device.
    pub device: String,
}

/// An interface of a card.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Port {
    /// Name of the interface.
    pub id: String,
    /// Permanent MAC address. A port that has none, such as that of a CAN bus, is left out: a region refuses it.
    pub address: String,
    /// Number on the card.
    pub port: u64,
    /// `ethernet`, `infiniband`, `ATM` or `unknown`.
    pub protocol: String,
    /// Link modes that the card has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_modes: Vec<String>,
    /// Connectors that the card has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_ports: Vec<String>,
    /// Connector in use.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub port_type: String,
    /// `internal` or `external`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub transceiver_type: String,
    /// Speed is negotiated.
    pub auto_negotiation: bool,
    /// There is a link.
    pub link_detected: bool,
    /// Mbit/s.
    #[serde(skip_serializing_if = "is_zero")]
    pub link_speed: u64,
    /// `full` or `half`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub link_duplex: String,
    /// InfiniBand's own devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infiniband: Option<Infiniband>,
}

pub(super) fn collect(survey: &Survey<'_>, names: &Names<'_>, functions: &[Function], kernel: &str) -> Network {
    let mut known = BTreeSet::new();
    let mut cards = Vec::new();
    let mut virtual_functions: Vec<(String, NetworkCard)> = Vec::new();
    let mut take = |card: NetworkCard, place: &Path| match survey.host.link_name(place.join("physfn")) {
        Some(parent) => virtual_functions.push((parent, card)),
        None => cards.push(card),
    };
    for name in survey.names(NET) {
        let place = Path::new(NET).join(&name).join("device");
        if !survey.host.has(&place) {
            continue;
        }
        let address = survey.host.real(&place).and_then(|real| survey.pci_address(&real)).unwrap_or_default();
        if !address.is_empty() && !known.insert(address.clone()) {
            continue;
        }
        let deepest = survey.deepest(&place);
        let _near = survey.host.enter(&deepest);
        take(card(survey, names, &Function::read(survey, &deepest, address, kernel), &deepest), &place);
    }
    for function in functions {
        if !known.contains(&function.address) && function.class.starts_with("0x02") {
            let place = Path::new(pci::DEVICES).join(&function.address);
            let _near = survey.host.enter(&place);
            take(card(survey, names, function, &place), &place);
        }
    }
    let mut total = cards.len();
    let by_address: HashMap<String, usize> =
        cards.iter().enumerate().rev().map(|(place, card)| (card.pci_address.clone(), place)).collect();
    for (parent, function) in virtual_functions {
        // One whose physical function shows none has nowhere to stand.
        if let Some(sriov) = by_address.get(&parent).and_then(|place| cards[*place].sriov.as_mut()) {
            sriov.vfs.get_or_insert_default().push(function);
            total += 1;
        }
    }
    Network { cards, total: total as u64 }
}

fn card(survey: &Survey<'_>, names: &Names<'_>, function: &Function, place: &Path) -> NetworkCard {
    let Function { address, vendor_id, product_id, .. } = function;
    let ports = ports(survey, place);
    let firmware = ports.first().and_then(|port| firmware(survey, place, &port.id));
    NetworkCard {
        driver: function.driver.clone(),
        driver_version: function.driver_version.clone(),
        sriov: sriov(survey, place),
        vdpa: vdpa(survey, place),
        numa_node: function.numa_node,
        pci_address: address.clone(),
        vendor: names.vendor(vendor_id),
        product: names.product(vendor_id, product_id),
        vendor_id: vendor_id.clone(),
        product_id: product_id.clone(),
        firmware_version: firmware.unwrap_or_default(),
        usb_address: survey.host.real(place).and_then(|real| survey.usb_address(&real)).unwrap_or_default(),
        ports,
    }
}

fn firmware(survey: &Survey<'_>, place: &Path, interface: &str) -> Option<String> {
    match survey.host.driver_info(interface) {
        Ok([_, _, firmware]) => Some(firmware),
        Err(error) => {
            survey.gap(place, format!("the driver of {interface} does not tell its firmware: {error}"));
            None
        }
    }
}

fn sriov(survey: &Survey<'_>, place: &Path) -> Option<Sriov> {
    if !survey.host.has(place.join("sriov_numvfs")) {
        return None;
    }
    Some(Sriov {
        current_vfs: survey.number(place.join("sriov_numvfs")).unwrap_or(0),
        maximum_vfs: survey.needed(place.join("sriov_totalvfs")).unwrap_or(0),
        vfs: None,
    })
}

fn vdpa(survey: &Survey<'_>, place: &Path) -> Option<Vdpa> {
    let name = survey.names(place).into_iter().find(|name| name.starts_with("vdpa"))?;
    let device = survey.names(place.join(&name)).into_iter().find(|entry| entry.starts_with("vhost-vdpa-"));
    if device.is_none() {
        survey.gap(place.join(&name), "it has no vhost device, without which it is of no use");
    }
    Some(Vdpa { name, device: device? })
}

fn ports(survey: &Survey<'_>, place: &Path) -> Vec<Port> {
    let interfaces = survey.names(place.join("net"));
    let is_virtual_function = !interfaces.is_empty() && survey.host.has(place.join("physfn"));
    let ports = interfaces.iter().filter_map(|name| {
        let place = place.join("net").join(name);
        let port = port(survey, &place, name, is_virtual_function)?;
        if !is_hardware_address(&port.address) {
            survey.gap(place, "it has no MAC address, by which a region knows a port, and is left out");
            return None;
        }
        Some(port)
    });
    ports.collect()
}

/// Pairs of hexadecimal digits: six of a MAC address, twenty of an InfiniBand port's.
fn is_hardware_address(text: &str) -> bool {
    let is_pair = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.len() >= 17 && text.split(':').all(is_pair)
}

fn port(survey: &Survey<'_>, place: &Path, name: &str, is_virtual_function: bool) -> Option<Port> {
    let protocol = match survey.text(place.join("type")).as_deref() {
        None => "",
        Some("1") => "ethernet",
        Some("19") => "ATM",
        Some("32") => "infiniband",
        Some(_) => "unknown",
    };
    let mut port = Port {
        id: name.to_owned(),
        address: survey.word(place.join("address")),
        port: survey.number(place.join("dev_port")).unwrap_or(0),
        protocol: protocol.to_owned(),
        ..Port::default()
    };
    if protocol == "infiniband" {
        port.infiniband = infiniband::of_port(survey, &place.join("device"), port.port);
    }
    if is_virtual_function || ask_driver(survey, place, &mut port) { Some(port) } else { None }
}

/// Adds what the driver tells. False when it does not answer, or in a copied tree: the reference leaves such a port out.
fn ask_driver(survey: &Survey<'_>, place: &Path, port: &mut Port) -> bool {
    port.link_detected = match survey.host.link_detected(&port.id) {
        Ok(detected) => detected,
        Err(error) => {
            if survey.host.has_kernel() {
                survey.gap(place, format!("it does not tell whether it has a link: {error}"));
            }
            return false;
        }
    };
    if let Ok(address) = survey.host.permanent_address(&port.id) {
        port.address = address;
    }
    match survey.host.link_settings(&port.id) {
        Ok(settings) => apply(port, &settings),
        Err(error) if is_unsupported(&error) => {}
        Err(error) => {
            survey.gap(place, format!("it does not tell its settings: {error}"));
            return false;
        }
    }
    true
}

fn is_unsupported(error: &std::io::Error) -> bool {
    let codes = [nix::errno::Errno::EOPNOTSUPP, nix::errno::Errno::ENODEV];
    codes.iter().any(|code| error.raw_os_error() == Some(*code as i32))
}

fn apply(port: &mut Port, settings: &LinkSettings) {
    port.auto_negotiation = settings.autoneg == 1;
    if port.link_detected {
        port.link_duplex = ["half", "full"].get(usize::from(settings.duplex)).copied().unwrap_or("").to_owned();
        port.link_speed = if settings.speed == u32::MAX { 0 } else { settings.speed.into() };
    }
    port.transceiver_type =
        ["internal", "external"].get(usize::from(settings.transceiver)).copied().unwrap_or("").to_owned();
    port.port_type = connector(settings.port).to_owned();
    let has = |bit: &usize| settings.supported.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 == 1);
    port.supported_modes = MODES.iter().filter(|(bit, _)| has(bit)).map(|(_, name)| (*name).to_owned()).collect();
    port.supported_ports = CONNECTORS.iter().filter(|(bit, _)| has(bit)).map(|(_, name)| (*name).to_owned()).collect();
}

fn connector(number: u8) -> &'static str {
    match number {
        0 => "twisted pair",
        1 => "AUI",
        2 => "media-independent",
        3 => "fibre",
        4 => "BNC",
        5 => "direct attach",
        0xef => "none",
        0xff => "other",
        _ => "",
    }
}

/// Bits of ethtool's link modes that name a connector.
const CONNECTORS: [(usize, &str); 6] =
    [(7, "twisted pair"), (8, "AUI"), (9, "media-independent"), (10, "fibre"), (11, "BNC"), (16, "backplane")];
