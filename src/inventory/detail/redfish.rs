//! The network between a machine and the Redfish service of its BMC, as SMBIOS type 42 describes it (DMTF DSP0134, 7.43, and DSP0270,
//! "Redfish over IP").

use std::net::{Ipv4Addr, Ipv6Addr};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::smbios::Structure;

/// A network host interface.
const NETWORK: u8 = 0x40;
/// "Redfish over IP" among the protocols.
const REDFISH: u8 = 4;

/// A Redfish service that is reached from the machine itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct RedfishService {
    /// What the interface to it is: `usb` or `pci`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Its address; unknown where it is to be found by DHCP or its like.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The address that the machine is to have on that network.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host_address: String,
    /// The service's host name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host_name: String,
}

/// The services of a structure; what is cut off or of another kind is none.
pub(super) fn services(structure: &Structure<'_>) -> Vec<RedfishService> {
    if structure.kind != 42 || structure.byte(4) != Some(NETWORK) {
        return Vec::new();
    }
    // Length and data of the device, then the number of protocols, each with kind, length and data.
    let Some((device, rest)) = structure.fixed.get(5..).and_then(counted) else { return Vec::new() };
    let kind = match device.first() {
        Some(2 | 4) => "usb",
        Some(3 | 5) => "pci",
        _ => "",
    };
    let Some((count, mut rest)) = rest.split_first() else { return Vec::new() };
    let mut found = Vec::new();
    for _ in 0..*count {
        let Some((protocol, after)) = rest.split_first() else { break };
        let Some((data, after)) = counted(after) else { break };
        rest = after;
        if *protocol == REDFISH {
            found.extend(service(kind, data));
        }
    }
    found
}

/// Bytes that follow their number, and what comes after them.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// Offsets: 0 UUID of the service, 16 how the machine gets its address, 17 of which kind, 18 which, 34 its mask; 50, 51, 52, 68 the same of
/// the service, 84 its port, 86 its VLAN, 90 its name.
fn service(device: &str, data: &[u8]) -> Option<RedfishService> {
    let port = data.get(84..)?.first_chunk().map(|port| u16::from_le_bytes(*port));
    let name = data.get(90..).and_then(counted).map(|(name, _)| name).unwrap_or_default();
    Some(RedfishService {
        device: device.to_owned(),
        address: address(*data.get(51)?, data.get(52..68)?),
        port: port.filter(|port| *port > 0),
        host_address: address(*data.get(17)?, data.get(18..34)?),
        host_name: String::from_utf8_lossy(name).trim_matches(['\0', ' ']).to_owned(),
    })
}

/// An address that is all zeros is none.
fn address(kind: u8, bytes: &[u8]) -> String {
    let v4 = || bytes.first_chunk().map(|bytes: &[u8; 4]| Ipv4Addr::from(*bytes)).filter(|ip| !ip.is_unspecified());
    let v6 = || bytes.first_chunk().map(|bytes: &[u8; 16]| Ipv6Addr::from(*bytes)).filter(|ip| !ip.is_unspecified());
    match kind {
        1 => v4().map(|ip| ip.to_string()),
        2 => v6().map(|ip| ip.to_string()),
        _ => None,
    }
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(fixed: &[u8]) -> Structure<'_> {
        Structure { kind: 42, fixed, strings: Vec::new() }
    }

    fn v4(address: [u8; 4]) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&address);
        bytes
    }

    #[test]
    fn a_service_over_usb_is_told_and_what_is_cut_off_is_not() {
        let mut data = vec![7; 16];
        data.extend([&[1, 1][..], &v4([169, 254, 0, 17]), &v4([255, 255, 0, 0])].concat());
        data.extend([&[1, 1][..], &v4([169, 254, 0, 1]), &v4([255, 255, 0, 0])].concat());
        data.extend([0xbb, 0x01, 0, 0, 0, 0, 4]);
        data.extend(b"bmc0");
        let length = u8::try_from(data.len()).expect("short");
        let fixed = [&[42, 0, 0, 0, NETWORK, 3, 4, 9, 9, 1, REDFISH, length][..], &data].concat();
        let expected = RedfishService {
            device: "usb".into(),
            address: "169.254.0.1".into(),
            port: Some(443),
            host_address: "169.254.0.17".into(),
            host_name: "bmc0".into(),
        };
        assert_eq!(services(&structure(&fixed)), [expected]);
        for length in 0..fixed.len() {
            assert_eq!(services(&structure(&fixed[..length])), [], "{length} bytes");
        }
        assert_eq!(services(&Structure { kind: 41, ..structure(&fixed) }), []);
    }
}
