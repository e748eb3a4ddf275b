//! What an engineer would point at.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::pcie::Link;
use super::{Dimm, Inventory};

/// Something worth a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// `link-narrow`, `link-slow`, `dimm-slow`, `dimm-missing` …
    pub code: String,
    /// Identity of the device.
    pub device: String,
    /// What was seen, with the numbers.
    pub text: String,
}

pub(super) fn findings(inventory: &Inventory) -> Vec<Finding> {
    let mut found = Vec::new();
    links(inventory, &mut found);
    dimms(&inventory.memory.dimms, &mut found);
    errors(inventory, &mut found);
    sensors(inventory, &mut found);
    if inventory.processors.microcode.len() > 1 {
        let versions = inventory.processors.microcode.join(", ");
        found.push(finding("microcode-differs", "cpu", format!("processors run different microcode: {versions}")));
    }
    found
}

fn finding(code: &str, device: &str, text: String) -> Finding {
    Finding { code: code.to_owned(), device: device.to_owned(), text }
}

fn links(inventory: &Inventory, found: &mut Vec<Finding>) {
    for device in &inventory.pci {
        let Some(link) = &device.link else { continue };
        let name = format!("{} {} ({})", device.vendor, device.product, device.address);
        // A bridge's port is as narrow as what is plugged into it; the device itself tells.
        let is_bridge = device.class.starts_with("06");
        if link.width > 0 && link.width < link.maximum_width && !is_bridge {
            let text = format!("x{} card trained at x{}: {name}", link.maximum_width, link.width);
            found.push(finding("link-narrow", &device.identity, text));
        }
        if Link::rate(&link.speed) > 0.0 && Link::rate(&link.speed) < Link::rate(&link.maximum_speed) && !is_bridge {
            let text = format!("link runs at {} of {}: {name}", link.speed, link.maximum_speed);
            found.push(finding("link-slow", &device.identity, text));
        }
    }
}

fn dimms(dimms: &[Dimm], found: &mut Vec<Finding>) {
    let fitted: Vec<&Dimm> = dimms.iter().filter(|dimm| dimm.size > 0).collect();
    let usual = usual(fitted.iter().filter_map(|dimm| dimm.configured_speed.or(dimm.speed)));
    for dimm in &fitted {
        if let (Some(speed), Some(usual)) = (dimm.configured_speed.or(dimm.speed), usual)
            && speed < usual
        {
            let text = format!("DIMM slot {} runs at {speed} MT/s, its neighbours at {usual}", dimm.slot);
            found.push(finding("dimm-slow", &dimm.identity, text));
        }
    }
    // An odd one out: a power of two but for one or two looks like modules that are not seen.
    let count = fitted.len();
    let whole = count.next_power_of_two();
    let missing = whole - count;
    if count >= 3 && (1..=2).contains(&missing) && dimms.len() >= whole {
        let text = format!("{missing} of {whole} DIMMs missing in a symmetric population");
        found.push(finding("dimm-missing", "memory", text));
    }
}

/// The value that most have.
fn usual(values: impl Iterator<Item = u64>) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(value, count)| (*count, *value)).map(|(value, _)| value)
}

fn errors(inventory: &Inventory, found: &mut Vec<Finding>) {
    for controller in &inventory.memory.controllers {
        for (count, kind) in
            [(controller.uncorrectable_errors, "uncorrectable"), (controller.correctable_errors, "correctable")]
        {
            if count > 0 {
                let text = format!("memory controller {} has counted {count} {kind} errors", controller.id);
                found.push(finding(&format!("memory-{kind}"), &controller.id, text));
            }
        }
    }
    for device in &inventory.pci {
        let Some(errors) = &device.errors else { continue };
        if errors.fatal + errors.nonfatal > 0 {
            let text = format!(
                "{} has {} fatal and {} other uncorrected PCI errors",
                device.address, errors.fatal, errors.nonfatal
            );
            found.push(finding("pci-errors", &device.identity, text));
        }
    }
}

fn sensors(inventory: &Inventory, found: &mut Vec<Finding>) {
    for sensor in &inventory.sensors {
        let over =
            sensor.kind == "temperature" && sensor.critical.is_some_and(|limit| limit > 0.0 && sensor.value >= limit);
        if sensor.alarm || over {
            let device = format!("{} {}", sensor.chip, sensor.name);
            let text = format!("{device} raises an alarm at {} {}", sensor.value, sensor.unit);
            found.push(finding("sensor-alarm", &device, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{PciFunction, PciLink};

    fn dimm(slot: &str, speed: u64) -> Dimm {
        let size = if speed > 0 { 16 << 30 } else { 0 };
        Dimm { slot: slot.into(), size, configured_speed: Some(speed).filter(|s| *s > 0), ..Dimm::default() }
    }

    fn texts(inventory: &Inventory) -> Vec<String> {
        findings(inventory).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_slow_module_and_missing_ones_are_pointed_out() {
        let mut inventory = Inventory::default();
        inventory.memory.dimms = vec![dimm("A1", 4800), dimm("A2", 4400), dimm("B1", 4800), dimm("B2", 0)];
        assert_eq!(
            texts(&inventory),
            [
                "DIMM slot A2 runs at 4400 MT/s, its neighbours at 4800",
                "1 of 4 DIMMs missing in a symmetric population"
            ]
        );
        inventory.memory.dimms = vec![dimm("A1", 4800), dimm("B1", 4800), dimm("C1", 0), dimm("D1", 0)];
        assert!(texts(&inventory).is_empty());
    }

    #[test]
    fn a_card_that_trained_narrow_or_slow_is_pointed_out() {
        let link = |width, speed: &str| PciFunction {
            vendor: "V".into(),
            product: "P".into(),
            address: "0000:41:00.0".into(),
            class: "020000".into(),
            link: Some(PciLink {
                speed: speed.into(),
                maximum_speed: "16.0 GT/s PCIe".into(),
                width,
                maximum_width: 16,
            }),
            ..PciFunction::default()
        };
        let inventory =
            Inventory { pci: vec![link(4, "16.0 GT/s PCIe"), link(16, "8.0 GT/s PCIe")], ..Inventory::default() };
        assert_eq!(
            texts(&inventory),
            [
                "x16 card trained at x4: V P (0000:41:00.0)",
                "link runs at 8.0 GT/s PCIe of 16.0 GT/s PCIe: V P (0000:41:00.0)"
            ]
        );
    }
}
