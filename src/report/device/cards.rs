//! Network interfaces, PCI functions, USB devices, graphics cards.

use serde_json::Value;

use super::{Devices, field, list, made, number, text, vendor_and_product};

/// Network interfaces with hardware.
pub const INTERFACES: Devices = Devices::new("Network interfaces", "/interfaces").with(&[
    field("name", "Name").report(1).region(1, "id"),
    field("mac_address", "MAC").report(3).region(3, "address"),
    field("permanent_address", "Permanent").made(permanent_address),
    field("link", "Link").made(link).region(4, "link_detected"),
    field("speed", "Speed").letters(" Mbit/s").report(5).region(5, "link_speed"),
    field("driver", "Driver"),
    field("firmware", "Firmware").report(6),
    made("Place", place),
    field("slot", "Slot"),
    made("SR-IOV", virtual_functions),
    field("master", "Master"),
    field("model", "Model").report(2).region(2, "product"),
    field("identity", "Identity"),
    field("state", "State").hidden().report(4),
    field("maximum_speed", "").letters(" Mbit/s").hidden(),
    field("mtu", "").letters(" bytes").hidden(),
]);

/// Network interfaces without hardware.
pub const VIRTUAL_INTERFACES: Devices = Devices::new("Virtual", "/virtual_interfaces").with(&[
    field("name", "Name"),
    field("kind", "Kind"),
    field("mac_address", "MAC"),
    field("state", "State"),
    field("lower", "On"),
    field("master", "Master"),
]);

/// PCI functions.
pub const FUNCTIONS: Devices = Devices::new("PCI functions", "/pci").with(&[
    field("address", "Address"),
    field("class_name", "Class"),
    made("Device", vendor_and_product),
    field("driver", "Driver"),
    field("link", "Link").made(lanes),
    field("slot", "Slot"),
    field("iommu_group", "IOMMU"),
    field("errors", "Errors").made(errors),
]);

/// USB devices.
pub const USB: Devices = Devices::new("USB devices", "/usb").with(&[
    field("name", "Name").made(|node, whole| format!("{}{}", "  ".repeat(depth(node, whole)), text(node, "name"))),
    field("address", "Address"),
    made("Device", vendor_and_product),
    field("ids", "IDs"),
    field("serial", "Serial"),
    field("speed", "Speed").letters(" Mbit/s"),
    made("Driver", drivers),
    field("identity", "Identity"),
]);

/// Graphics and compute cards.
pub const GRAPHICS: Devices = Devices::new("Graphics and compute cards", "/gpus").with(&[
    field("name", "Name"),
    field("pci_address", "PCI").report(4).region(4, "pci_address"),
    made("Device", vendor_and_product),
    field("vendor", "Vendor").hidden().report(1).region(1, "vendor"),
    field("product", "Product").hidden().report(2).region(2, "product"),
    field("driver", "Driver").report(3).region(3, "driver"),
    field("driver_version", "Version"),
    field("firmware", "Firmware"),
    field("memory", "Memory").bytes(),
    field("slot", "Slot"),
    field("displays", "Displays"),
    field("identity", "Identity"),
]);

/// The permanent address where another one is in use.
fn permanent_address(nic: &Value, _: &Value) -> String {
    let is_in_use = nic["permanent_address"] == nic["mac_address"];
    if is_in_use { String::new() } else { text(nic, "permanent_address").to_owned() }
}

fn link(nic: &Value, _: &Value) -> String {
    if nic["link"] == true { "link" } else { "no link" }.to_owned()
}

/// The PCI address, the USB address behind the word `usb`, or the way from the root of its bus.
fn place(nic: &Value, _: &Value) -> String {
    match (text(nic, "pci_address"), text(nic, "usb_address")) {
        ("", "") => text(nic, "place").to_owned(),
        ("", usb) => format!("usb {usb}"),
        (pci, _) => pci.to_owned(),
    }
}

fn virtual_functions(nic: &Value, _: &Value) -> String {
    match (&nic["virtual_functions"], text(nic, "virtual_function_of")) {
        (Value::Null, "") => String::new(),
        (Value::Null, card) => format!("of {card}"),
        (functions, _) => format!("{} of {}", number(functions, "enabled"), number(functions, "possible")),
    }
}

fn lanes(function: &Value, _: &Value) -> String {
    let link = &function["link"];
    let speed = |key| text(link, key).trim_end_matches(" PCIe");
    let (width, maximum) = (number(link, "width"), number(link, "maximum_width"));
    let lanes = || format!("x{width} of x{maximum}, {} of {}", speed("speed"), speed("maximum_speed"));
    if link.is_null() { String::new() } else { lanes() }
}

fn errors(function: &Value, _: &Value) -> String {
    let count = |key| number(&function["errors"], key);
    match (count("correctable"), count("nonfatal"), count("fatal")) {
        (0, 0, 0) => String::new(),
        (corrected, not, fatal) => format!("{corrected} corrected, {not} not, {fatal} fatal"),
    }
}

/// The number of hubs above a device; there are never more than seven tiers.
fn depth(node: &Value, whole: &Value) -> usize {
    let above = |node: &Value| list(whole, "usb").iter().find(|other| other["name"] == node["parent"]);
    std::iter::successors(above(node), |hub| above(hub)).take(7).count()
}

fn drivers(node: &Value, _: &Value) -> String {
    let all = list(node, "interfaces").iter().map(|interface| text(interface, "driver"));
    all.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}
