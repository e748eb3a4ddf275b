//! Inventories for the scenarios of hardware sync. The recording keeps their sizes, what each changes, and what the region told of it; here
//! is a machine with the same parts, changed in the same way.

use serde_json::{Value, json};

use crate::second::text;

const CONTROLLER: &str = "0000:00:1f.2";

/// The machine of the recording: its disks, interfaces and devices by the events of its first inventory.
fn base() -> Value {
    let disks = ["nvme0n1", "nvme1n1", "sda", "sdb", "sdc", "sdd", "sde", "vda", "vdb"].map(|name| {
        let place = match name {
            "sdc" | "sdd" => ("pci_address", CONTROLLER),
            "sde" => ("usb_address", "2:2"),
            _ => ("pci_address", ""),
        };
        json!({"id": name, "model": format!("RIG {name}"), "serial": format!("RIG-{name}"), place.0: place.1})
    });
    let mut addresses: Vec<String> = (0..23).map(|number| format!("0000:00:{number:02x}.0")).collect();
    addresses.extend(
        ["00:1f.0", "00:1f.2", "00:1f.3", "02:00.0", "03:00.0", "04:00.0", "05:00.0", "06:00.0"]
            .map(|a| format!("0000:{a}")),
    );
    let pci: Vec<Value> = addresses.iter().map(|address| json!({"pci_address": address, "driver": "d"})).collect();
    let usb = [(1, 2), (1, 3), (2, 2)].map(|(bus, device)| json!({"bus_address": bus, "device_address": device}));
    let networks = json!({
        "enp0s19": {"hwaddr": "52:54:ee:00:00:13"},
        "enp0s5": {"hwaddr": "52:54:ee:00:00:05"},
        "enp4s0": {"hwaddr": "52:54:ee:00:00:11"},
        "enp5s0": {"hwaddr": "52:54:ee:00:00:12"},
    });
    let card = |place: &str, mac: &str| json!({"pci_address": place, "ports": [{"address": mac}]});
    let cards = [card("0000:04:00.0", "52:54:ee:00:00:11"), card("0000:05:00.0", "52:54:ee:00:00:12")];
    json!({
        "resources": {
            "memory": {"total": 1_u64 << 30},
            "storage": {"disks": disks},
            "network": {"cards": cards},
            "pci": {"devices": pci},
            "usb": {"devices": usb},
        },
        "networks": networks,
    })
}

/// The inventory that a step sends.
pub(crate) fn inventory(label: &str) -> Value {
    let mut all = base();
    let resources = &mut all["resources"];
    let without = |list: &mut Value, key: &str, gone: &str| {
        if let Some(items) = list.as_array_mut() {
            items.retain(|item| item[key] != gone);
        }
    };
    match label {
        _ if label.starts_with("sdd gone") => without(&mut resources["storage"]["disks"], "id", "sdd"),
        _ if label.starts_with("PCI driver") => resources["pci"]["devices"][28]["driver"] = "vfio-pci".into(),
        _ if label.starts_with("disk serial") => resources["storage"]["disks"][4]["serial"] = "other".into(),
        _ if label.starts_with("sdc and sdd") => {
            resources["storage"]["disks"][4]["id"] = "sdd".into();
            resources["storage"]["disks"][5]["id"] = "sdc".into();
        }
        "memory halved" => resources["memory"]["total"] = (1_u64 << 29).into(),
        "a USB device gone" => {
            resources["usb"]["devices"].as_array_mut().map(Vec::pop);
        }
        _ if label.starts_with("a PCI device gone") => {
            without(&mut resources["pci"]["devices"], "pci_address", "0000:05:00.0");
        }
        _ if label.starts_with("bridge br0") => {
            all["networks"]["br0"] = json!({"hwaddr": "52:54:ee:00:00:12", "type": "bridge"});
        }
        "VLAN enp5s0.7" => all["networks"]["enp5s0.7"] = json!({"hwaddr": "52:54:ee:00:00:12", "type": "vlan"}),
        _ if label.starts_with("a new NIC") || label == "the same inventory once more (3)" => {
            all["networks"]["enp6s0"] = json!({"hwaddr": "52:54:ee:00:00:66"});
        }
        "other MAC on enp4s0" => {
            all["networks"]["enp4s0"]["hwaddr"] = "52:54:ee:00:00:99".into();
            resources_card(&mut all)["address"] = "52:54:ee:00:00:99".into();
        }
        "enp4s0 renamed to eth7" => {
            let nic = all["networks"].as_object_mut().and_then(|networks| networks.remove("enp4s0"));
            all["networks"]["eth7"] = nic.unwrap_or_default();
        }
        _ if label.starts_with("an inventory without") => {
            all.as_object_mut().map(|all| all.remove("networks"));
        }
        _ => {}
    }
    all
}

fn resources_card(all: &mut Value) -> &mut Value {
    &mut all["resources"]["network"]["cards"][0]["ports"][0]
}

/// True if the first inventory was sent before that of a step, which was not recorded.
pub(crate) fn begins_anew(scenario: &Value, step: &Value) -> bool {
    const GOES_ON: [&str; 11] = [
        "first inventory",
        "the same",
        "sdd back",
        "BIOS version",
        "sdd gone, ",
        "names back",
        "link down again",
        "addresses gone",
        "bridge gone",
        "VLAN gone",
        "the new NIC gone",
    ];
    let label = text(&step["label"]);
    let goes_on = GOES_ON.iter().any(|word| label.starts_with(word)) || label.ends_with("back");
    text(&scenario["scenario"]).starts_with("hardware sync: what each") && !goes_on
}

/// The events that a step shows one by one, those of devices that are still there by their number only, where the recording counts them.
pub(crate) fn counted(step: &Value, came: Vec<Value>) -> (Vec<Value>, Value) {
    let Some(counts) = step["after"]["updated_events"].as_object() else { return (came, Value::Null) };
    let is_update = |event: &Value| event[4] == "updated" && text(&event[1]).starts_with("NODE_HARDWARE_SYNC");
    let (updates, others): (Vec<Value>, Vec<Value>) = came.into_iter().partition(is_update);
    // Which of two disks a controller belongs to is the region's own secret, so those of PCI devices are not counted.
    let kinds = counts.keys().filter(|kind| *kind != "NODE_HARDWARE_SYNC_PCI_DEVICE");
    let count = |kind: &String| (kind.clone(), json!(updates.iter().filter(|event| event[1] == kind.as_str()).count()));
    (others, kinds.map(count).collect::<serde_json::Map<_, _>>().into())
}
