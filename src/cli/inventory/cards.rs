//! Tables about what is plugged in: PCI, USB, graphics cards.

use super::section::Section;
use crate::inventory::{GpuDevice, Inventory, PciFunction, UsbNode};
use crate::report::bytes;

pub(super) fn pci(inventory: &Inventory) -> Vec<Section> {
    let row = |function: &PciFunction| {
        let link = function.link.as_ref().map(|link| {
            let speed = |text: &str| text.trim_end_matches(" PCIe").to_owned();
            format!(
                "x{} of x{}, {} of {}",
                link.width,
                link.maximum_width,
                speed(&link.speed),
                speed(&link.maximum_speed)
            )
        });
        let errors = function.errors.as_ref().filter(|errors| errors.correctable + errors.nonfatal + errors.fatal > 0);
        let errors = errors
            .map(|errors| format!("{} corrected, {} not, {} fatal", errors.correctable, errors.nonfatal, errors.fatal));
        [
            function.address.clone(),
            function.class_name.clone(),
            format!("{} {}", function.vendor, function.product),
            function.driver.clone(),
            link.unwrap_or_default(),
            function.slot.clone(),
            function.iommu_group.map(|group| group.to_string()).unwrap_or_default(),
            errors.unwrap_or_default(),
        ]
    };
    let head = ["ADDRESS", "CLASS", "DEVICE", "DRIVER", "LINK", "SLOT", "IOMMU", "ERRORS"];
    vec![Section::new("", head, inventory.pci.iter().map(row))]
}

pub(super) fn usb(inventory: &Inventory) -> Vec<Section> {
    let row = |node: &UsbNode| {
        let drivers: Vec<&str> =
            node.interfaces.iter().map(|interface| interface.driver.as_str()).filter(|name| !name.is_empty()).collect();
        [
            format!("{}{}", "  ".repeat(depth(inventory, node)), node.name),
            node.address.clone(),
            format!("{} {}", node.vendor, node.product).trim().to_owned(),
            node.ids.clone(),
            node.serial.clone(),
            format!("{} Mbit/s", node.speed),
            drivers.join(" "),
            node.identity.clone(),
        ]
    };
    let head = ["NAME", "ADDRESS", "DEVICE", "IDS", "SERIAL", "SPEED", "DRIVER", "IDENTITY"];
    vec![Section::new("", head, inventory.usb.iter().map(row))]
}

/// How many hubs are above a device; there are never more than seven tiers.
fn depth(inventory: &Inventory, node: &UsbNode) -> usize {
    let above = |node: &UsbNode| inventory.usb.iter().find(|other| other.name == node.parent);
    let mut depth = 0;
    let mut hub = above(node);
    while let Some(node) = hub.filter(|_| depth < 7) {
        depth += 1;
        hub = above(node);
    }
    depth
}

pub(super) fn gpu(inventory: &Inventory) -> Vec<Section> {
    let row = |gpu: &GpuDevice| {
        [
            gpu.name.clone(),
            gpu.pci_address.clone(),
            format!("{} {}", gpu.vendor, gpu.product),
            gpu.driver.clone(),
            gpu.driver_version.clone(),
            gpu.firmware.clone(),
            gpu.memory.map(bytes).unwrap_or_default(),
            gpu.slot.clone(),
            gpu.displays.join(" "),
            gpu.identity.clone(),
        ]
    };
    let head = ["NAME", "PCI", "DEVICE", "DRIVER", "VERSION", "FIRMWARE", "MEMORY", "SLOT", "DISPLAYS", "IDENTITY"];
    vec![Section::new("", head, inventory.gpus.iter().map(row))]
}
