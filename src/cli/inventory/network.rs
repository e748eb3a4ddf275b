//! Tables about network interfaces.

use super::section::Section;
use crate::inventory::{Inventory, Nic, VirtualInterface};

pub(super) fn interfaces(inventory: &Inventory) -> Vec<Section> {
    let head = [
        "NAME",
        "MAC",
        "PERMANENT",
        "LINK",
        "SPEED",
        "DRIVER",
        "FIRMWARE",
        "PLACE",
        "SLOT",
        "SR-IOV",
        "MASTER",
        "MODEL",
        "IDENTITY",
    ];
    let addresses = |name: &str| {
        let state = inventory.machine_resources.networks.get(name);
        let addresses = state.into_iter().flat_map(|state| &state.addresses);
        addresses.map(|address| format!("{}/{}", address.address, address.netmask)).collect::<Vec<_>>().join(" ")
    };
    let of_virtual = |interface: &VirtualInterface| {
        [
            interface.name.clone(),
            interface.kind.clone(),
            interface.mac_address.clone(),
            interface.state.clone(),
            interface.lower.join(" "),
            interface.master.clone(),
        ]
    };
    let all = inventory
        .interfaces
        .iter()
        .map(|nic| &nic.name)
        .chain(inventory.virtual_interfaces.iter().map(|other| &other.name));
    let reachable = all.map(|name| [name.clone(), addresses(name)]).filter(|[_, addresses]| !addresses.is_empty());
    vec![
        Section::new("", head, inventory.interfaces.iter().map(nic)),
        Section::new(
            "VIRTUAL",
            ["NAME", "KIND", "MAC", "STATE", "ON", "MASTER"],
            inventory.virtual_interfaces.iter().map(of_virtual),
        ),
        Section::new("ADDRESSES", ["NAME", "ADDRESSES"], reachable),
    ]
}

fn nic(nic: &Nic) -> [String; 13] {
    let functions = match (&nic.virtual_functions, nic.virtual_function_of.is_empty()) {
        (Some(functions), _) => format!("{} of {}", functions.enabled, functions.possible),
        (None, false) => format!("of {}", nic.virtual_function_of),
        (None, true) => String::new(),
    };
    let permanent =
        if nic.permanent_address == nic.mac_address { String::new() } else { nic.permanent_address.clone() };
    [
        nic.name.clone(),
        nic.mac_address.clone(),
        permanent,
        if nic.link { "link" } else { "no link" }.to_owned(),
        nic.speed.map(|speed| format!("{speed} Mbit/s")).unwrap_or_default(),
        nic.driver.clone(),
        nic.firmware.clone(),
        nic.shown_place(),
        nic.slot.clone(),
        functions,
        nic.master.clone(),
        nic.model.clone(),
        nic.identity.clone(),
    ]
}
