//! PCI Express links that came up with less than both ends can do.

use std::collections::HashMap;

use super::super::Inventory;
use super::super::pcie::{Link, PciFunction};
use super::{Finding, finding};

pub(super) fn look(inventory: &Inventory, found: &mut Vec<Finding>) {
    let links = inventory.pci.iter().filter_map(|function| Some((function.address.as_str(), function.link.as_ref()?)));
    let links: HashMap<&str, &Link> = links.collect();
    for device in &inventory.pci {
        let Some(link) = &device.link else { continue };
        // A port is as narrow as what is plugged into it: the device tells. All functions of a card share its link; virtual ones
        // repeat what their card says.
        let first = device.address.rsplit_once('.').map(|(device, _)| format!("{device}.0")).unwrap_or_default();
        let is_first = device.address == first || !links.contains_key(first.as_str());
        if device.class.starts_with("06") || !device.virtual_function_of.is_empty() || !is_first {
            continue;
        }
        let port = links.get(device.parent.as_str()).copied();
        found.extend(narrow(device, link, port));
        found.extend(slow(device, link, port));
    }
}

fn name(device: &PciFunction) -> String {
    let slot = if device.slot.is_empty() { String::new() } else { format!(", slot {}", device.slot) };
    format!("{} {} ({}{slot})", device.vendor, device.product, device.address)
}

fn narrow(device: &PciFunction, link: &Link, port: Option<&Link>) -> Option<Finding> {
    if link.width == 0 || link.width >= link.maximum_width {
        return None;
    }
    let lanes = port.map_or(u64::MAX, |port| port.maximum_width);
    let reason = if lanes > link.width {
        String::new()
    } else if link.width * 4 <= link.maximum_width {
        // The board gives no more. Half the lanes are a usual choice of its maker; a quarter is the wrong slot.
        format!(", all that its slot has: {lanes}")
    } else {
        return None;
    };
    let text = format!("x{} card trained at x{}{reason}: {}", link.maximum_width, link.width, name(device));
    Some(finding("link-narrow", &device.identity, text))
}

fn slow(device: &PciFunction, link: &Link, port: Option<&Link>) -> Option<Finding> {
    let rate = Link::rate(&link.speed);
    let of_port = port.map(|port| Link::rate(&port.maximum_speed)).filter(|rate| *rate > 0.0).unwrap_or(f64::INFINITY);
    let possible = Link::rate(&link.maximum_speed).min(of_port);
    // Graphics cards and accelerators slow their links down while they have nothing to do.
    let rests = ["03", "12"].iter().any(|class| device.class.starts_with(class));
    if rate <= 0.0 || rate >= possible || rests {
        return None;
    }
    let text = format!("link runs at {} GT/s of {possible} GT/s: {}", rate, name(device));
    Some(finding("link-slow", &device.identity, text))
}

#[cfg(test)]
mod tests {
    use super::super::texts;
    use super::*;

    fn link(speed: &str, maximum_speed: &str, width: u64, maximum_width: u64) -> Link {
        Link { speed: speed.into(), maximum_speed: maximum_speed.into(), width, maximum_width }
    }

    fn device(address: &str, class: &str, parent: &str, link: Link) -> PciFunction {
        let text = |text: &str| text.to_owned();
        let (vendor, product) = (text("V"), text("P"));
        PciFunction {
            vendor,
            product,
            address: text(address),
            class: text(class),
            parent: text(parent),
            link: Some(link),
            ..PciFunction::default()
        }
    }

    fn seen(pci: Vec<PciFunction>) -> Vec<String> {
        let inventory = Inventory { pci, ..Inventory::default() };
        texts(|found| look(&inventory, found))
    }

    const GEN3: &str = "8.0 GT/s PCIe";
    const GEN4: &str = "16.0 GT/s PCIe";

    #[test]
    fn a_card_that_trained_narrow_or_slow_is_pointed_out() {
        let port = device("0000:40:01.0", "060400", "", link(GEN4, GEN4, 4, 16));
        let narrow = device("0000:41:00.0", "020000", "0000:40:01.0", link(GEN4, GEN4, 4, 16));
        assert_eq!(seen(vec![port.clone(), narrow]), ["x16 card trained at x4: V P (0000:41:00.0)"]);
        let slow = device("0000:41:00.0", "020000", "0000:40:01.0", link(GEN3, GEN4, 16, 16));
        assert_eq!(seen(vec![port, slow]), ["link runs at 8 GT/s of 16 GT/s: V P (0000:41:00.0)"]);
        let alone = device("0000:41:00.0", "020000", "", link(GEN4, GEN4, 4, 16));
        assert_eq!(seen(vec![alone]).len(), 1, "no port is known");
    }

    #[test]
    fn what_the_slot_cannot_do_is_no_fault_of_the_link() {
        let port = |width| device("0000:40:01.0", "060400", "", link(GEN3, GEN3, width, width));
        let card = |width| device("0000:41:00.0", "020000", "0000:40:01.0", link(GEN3, GEN4, width, 16));
        assert_eq!(seen(vec![port(8), card(8)]), [""; 0], "a card of the next generation in a slot of eight lanes");
        assert_eq!(
            seen(vec![port(4), card(4)]),
            ["x16 card trained at x4, all that its slot has: 4: V P (0000:41:00.0)"]
        );
    }

    #[test]
    fn a_graphics_card_at_rest_and_further_functions_are_no_findings() {
        assert!(seen(vec![device("0000:41:00.0", "030000", "", link("2.5 GT/s PCIe", GEN4, 16, 16))]).is_empty());
        let two = ["0000:41:00.0", "0000:41:00.1"].map(|address| device(address, "020000", "", link(GEN4, GEN4, 4, 8)));
        assert_eq!(seen(two.to_vec()).len(), 1, "one card is told once");
        assert!(seen(vec![device("0000:41:00.0", "020000", "", link("Unknown", GEN4, 0, 8))]).is_empty(), "asleep");
    }
}
