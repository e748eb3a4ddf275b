//! Tables about memory.

use super::section::Section;
use crate::inventory::{Dimm, Inventory};
use crate::report::bytes;

pub(super) fn memory(inventory: &Inventory) -> Vec<Section> {
    let state = &inventory.memory;
    let fitted = state.dimms.iter().filter(|dimm| dimm.size > 0);
    let boards = state.boards.iter().map(|board| {
        let maximum = board.maximum.map(|maximum| format!(", at most {}", bytes(maximum))).unwrap_or_default();
        format!("{} slots{maximum}, error correction: {}", board.slots, board.error_correction)
    });
    let modules = if state.dimms.is_empty() {
        String::new()
    } else {
        let installed = bytes(fitted.clone().map(|dimm| dimm.size).sum());
        format!("{} of {} slots fitted with {installed}", fitted.count(), state.dimms.len())
    };
    let total = if state.total == 0 { String::new() } else { bytes(state.total) };
    let facts = [("total", total), ("modules", modules), ("boards", boards.collect::<Vec<_>>().join("; "))];
    let nodes = &inventory.machine_resources.resources.memory.nodes;
    let nodes = nodes.iter().map(|node| [node.numa_node.to_string(), bytes(node.total), bytes(node.used)]);
    let head = ["SLOT", "BANK", "SIZE", "KIND", "SPEED", "RANKS", "ECC", "MAKER", "PART", "SERIAL"];
    vec![
        Section::facts("", facts),
        Section::new("MODULES", head, state.dimms.iter().map(module)),
        Section::new("NUMA NODES", ["NODE", "TOTAL", "USED"], nodes),
        Section::new("ERRORS", ["CONTROLLER", "KIND", "MODULE", "CORRECTED", "UNCORRECTED"], errors(inventory)),
    ]
}

fn module(dimm: &Dimm) -> [String; 10] {
    let speed = match (dimm.speed, dimm.configured_speed) {
        (Some(speed), Some(configured)) if speed != configured => format!("{configured} of {speed} MT/s"),
        (speed, configured) => configured.or(speed).map(|speed| format!("{speed} MT/s")).unwrap_or_default(),
    };
    let kind = if dimm.technology == "DRAM" { String::new() } else { dimm.technology.clone() };
    [
        dimm.slot.clone(),
        dimm.bank.clone(),
        if dimm.size == 0 { "empty".to_owned() } else { bytes(dimm.size) },
        format!("{} {kind}", dimm.kind).trim().to_owned(),
        speed,
        dimm.ranks.map(|ranks| ranks.to_string()).unwrap_or_default(),
        if dimm.ecc == Some(true) { "ECC" } else { "" }.to_owned(),
        dimm.manufacturer.clone(),
        dimm.part.clone(),
        dimm.serial.clone(),
    ]
}

/// Controllers, and those modules that have errors.
fn errors(inventory: &Inventory) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for controller in &inventory.memory.controllers {
        let row = |module: &str, correctable: u64, uncorrectable: u64| {
            [
                controller.id.clone(),
                controller.name.clone(),
                module.to_owned(),
                correctable.to_string(),
                uncorrectable.to_string(),
            ]
        };
        rows.push(row("all", controller.correctable_errors, controller.uncorrectable_errors));
        for module in
            controller.modules.iter().filter(|module| module.correctable_errors + module.uncorrectable_errors > 0)
        {
            let name = if module.label.is_empty() { &module.id } else { &module.label };
            rows.push(row(name, module.correctable_errors, module.uncorrectable_errors));
        }
    }
    rows
}
