//! Errors that the kernel has counted.

use super::super::Inventory;
use super::{Finding, counted, finding};

pub(super) fn look(inventory: &Inventory, found: &mut Vec<Finding>) {
    for controller in &inventory.memory.controllers {
        let of_module = |count: fn(&super::super::ModuleErrors) -> u64| {
            let modules = controller.modules.iter().filter(|module| count(module) > 0);
            let names: Vec<&str> = modules
                .map(|module| if module.label.is_empty() { &module.id } else { &module.label })
                .map(String::as_str)
                .collect();
            if names.is_empty() { String::new() } else { format!(" in {}", names.join(", ")) }
        };
        let kinds = [
            ("uncorrectable", controller.uncorrectable_errors, of_module(|module| module.uncorrectable_errors)),
            ("correctable", controller.correctable_errors, of_module(|module| module.correctable_errors)),
        ];
        for (kind, count, place) in kinds.into_iter().filter(|(_, count, _)| *count > 0) {
            let errors = counted(count, &format!("{kind} error"));
            let text = format!("memory controller {} has counted {errors}{place}", controller.id);
            found.push(finding(&format!("memory-{kind}"), &controller.id, text));
        }
    }
    for device in &inventory.pci {
        let Some(errors) = &device.errors else { continue };
        if errors.fatal + errors.nonfatal > 0 {
            let (fatal, nonfatal) = (errors.fatal, errors.nonfatal);
            let text = format!("{} has {fatal} fatal and {nonfatal} other uncorrected PCI errors", device.address);
            found.push(finding("pci-errors", &device.identity, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{MemoryController, ModuleErrors, PciErrors, PciFunction};
    use super::super::texts;
    use super::*;

    #[test]
    fn errors_are_told_with_their_place() {
        let module = ModuleErrors {
            id: "dimm3".into(),
            label: "P1-DIMMB1".into(),
            correctable_errors: 1,
            uncorrectable_errors: 0,
        };
        let controller = MemoryController {
            id: "mc0".into(),
            correctable_errors: 1,
            modules: vec![module],
            ..MemoryController::default()
        };
        let errors = Some(PciErrors { correctable: 9, nonfatal: 2, fatal: 0 });
        let mut inventory = Inventory {
            pci: vec![PciFunction { address: "0000:41:00.0".into(), errors, ..PciFunction::default() }],
            ..Inventory::default()
        };
        inventory.memory.controllers = vec![controller];
        let expected = [
            "memory controller mc0 has counted 1 correctable error in P1-DIMMB1",
            "0000:41:00.0 has 0 fatal and 2 other uncorrected PCI errors",
        ];
        assert_eq!(texts(|found| look(&inventory, found)), expected);
    }
}
