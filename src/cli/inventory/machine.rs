//! Tables of what is no list of devices.

use super::section::{facts, rows};
use crate::inventory::{CacheInstance, Inventory};
use crate::report::{Section, bytes};

pub(super) fn system(inventory: &Inventory) -> Section {
    let system = &inventory.machine_resources.resources.system;
    let environment = &inventory.machine_resources.environment;
    let firmware = system.firmware.as_ref().map(|f| format!("{} {} {}", f.vendor, f.version, f.date));
    let board = system.motherboard.as_ref().map(|b| format!("{} {} {}", b.vendor, b.product, b.serial));
    let chassis = system.chassis.as_ref().map(|c| format!("{} {} {}", c.vendor, c.kind, c.serial));
    let known = |name: &str| if name == "unknown" { String::new() } else { name.to_owned() };
    let tree = inventory.device_tree.clone().unwrap_or_default();
    let first = |told: String, else_told: String| if told.trim().is_empty() { else_told } else { told };
    facts(
        "",
        [
            ("host", known(&inventory.hostname)),
            ("machine", first(format!("{} {} {}", system.vendor, system.product, system.version), tree.model)),
            ("serial", first(system.serial.clone(), tree.serial)),
            ("uuid", system.uuid.clone()),
            ("kind", known(&system.kind)),
            ("chassis", chassis.unwrap_or_default()),
            ("board", board.unwrap_or_default()),
            ("firmware", firmware.unwrap_or_default()),
            ("kernel", inventory.kernel.clone()),
            ("system", format!("{} {}", environment.os_name, environment.os_version)),
        ],
    )
}

pub(super) fn cpu(inventory: &Inventory) -> [Section; 3] {
    let state = &inventory.processors;
    let offline = state.offline.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let known = [("microcode", state.microcode.join(", ")), ("offline threads", offline)];
    let mitigations = state.mitigations.iter().map(|(name, state)| [name.clone(), state.clone()]);
    [
        facts("State", known),
        rows("Caches", ["Level", "Kind", "Size", "Instances", "Threads of each"], caches(&state.caches)),
        rows("Vulnerabilities", ["Name", "State"], mitigations),
    ]
}

/// A row for all caches that are alike. A large machine has hundreds: some tell who shares them, JSON tells all.
fn caches(all: &[CacheInstance]) -> Vec<[String; 5]> {
    const SHOWN: usize = 8;
    let mut alike: Vec<Vec<&CacheInstance>> = Vec::new();
    for cache in all {
        let is_like =
            |other: &CacheInstance| (other.level, &other.kind, other.size) == (cache.level, &cache.kind, cache.size);
        match alike.iter_mut().find(|caches| is_like(caches[0])) {
            Some(caches) => caches.push(cache),
            None => alike.push(vec![cache]),
        }
    }
    let row = |caches: &Vec<&CacheInstance>| {
        let threads: Vec<&str> = caches.iter().take(SHOWN).map(|cache| cache.threads.as_str()).collect();
        let more = if caches.len() > SHOWN { " …" } else { "" };
        let (level, size) = (format!("L{}", caches[0].level), bytes(caches[0].size));
        [level, caches[0].kind.clone(), size, caches.len().to_string(), format!("{}{more}", threads.join(" "))]
    };
    alike.iter().map(row).collect()
}

/// TPM, Secure Boot, start.
pub(super) fn trust(inventory: &Inventory) -> Section {
    let trust = &inventory.trust;
    let mut state: Vec<[String; 2]> = Vec::new();
    for tpm in &trust.tpms {
        let version = tpm.version.map(|version| format!("TPM {version}")).unwrap_or_default();
        state.push([tpm.name.clone(), format!("{version} {} {}", tpm.description, tpm.capabilities).trim().to_owned()]);
    }
    if let Some(on) = trust.secure_boot {
        state.push(["Secure Boot".to_owned(), if on { "on" } else { "off" }.to_owned()]);
    }
    if trust.uefi {
        state.push(["started by".to_owned(), "UEFI".to_owned()]);
    }
    rows("Trust", ["What", "State"], state)
}

pub(super) fn bmc(inventory: &Inventory) -> Section {
    let Some(bmc) = inventory.bmc.as_ref() else { return Section::default() };
    let number = |number: Option<u8>| number.map(|number| number.to_string()).unwrap_or_default();
    let known = [
        ("identity", bmc.identity.clone()),
        ("interface", format!("{} {}", bmc.interface, bmc.bus_address)),
        ("IPMI", bmc.ipmi_version.clone()),
        ("device", number(bmc.device_id)),
        ("revision", number(bmc.device_revision)),
        ("firmware", bmc.firmware.clone()),
        ("manufacturer", bmc.manufacturer_id.clone()),
        ("product", bmc.product_id.clone()),
        ("GUID", bmc.guid.clone()),
        ("devices", bmc.devices.join(" ")),
        ("Redfish", if bmc.redfish_interface { "by an interface of its own" } else { "" }.to_owned()),
    ];
    facts("", known)
}

pub(super) fn findings(inventory: &Inventory) -> [Section; 2] {
    let found =
        inventory.findings.iter().map(|finding| [finding.code.clone(), finding.text.clone(), finding.device.clone()]);
    let gaps = inventory.gaps.iter().map(|gap| [gap.to_string()]);
    [rows("", ["Code", "What", "Device"], found), rows("Not known", ["What"], gaps)]
}

/// All memory, and how many slots are fitted.
pub(super) fn memory(inventory: &Inventory) -> Section {
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
    facts("", [("total", total), ("modules", modules), ("boards", boards.collect::<Vec<_>>().join("; "))])
}

/// Errors of memory: of all controllers, and of those modules that have errors.
pub(super) fn memory_errors(inventory: &Inventory) -> Section {
    let mut errors = Vec::new();
    for controller in &inventory.memory.controllers {
        let row = |module: &str, correctable: u64, uncorrectable: u64| {
            let (id, name) = (controller.id.clone(), controller.name.clone());
            [id, name, module.to_owned(), correctable.to_string(), uncorrectable.to_string()]
        };
        errors.push(row("all", controller.correctable_errors, controller.uncorrectable_errors));
        for module in
            controller.modules.iter().filter(|module| module.correctable_errors + module.uncorrectable_errors > 0)
        {
            let name = if module.label.is_empty() { &module.id } else { &module.label };
            errors.push(row(name, module.correctable_errors, module.uncorrectable_errors));
        }
    }
    rows("Errors", ["Controller", "Kind", "Module", "Corrected", "Uncorrected"], errors)
}

/// The addresses of all interfaces.
pub(super) fn addresses(inventory: &Inventory) -> Section {
    let addresses = |name: &str| {
        let state = inventory.machine_resources.networks.get(name);
        let addresses = state.into_iter().flat_map(|state| &state.addresses);
        addresses.map(|address| format!("{}/{}", address.address, address.netmask)).collect::<Vec<_>>().join(" ")
    };
    let hardware = inventory.interfaces.iter().map(|nic| &nic.name);
    let all = hardware.chain(inventory.virtual_interfaces.iter().map(|other| &other.name));
    let reachable = all.map(|name| [name.clone(), addresses(name)]).filter(|[_, addresses]| !addresses.is_empty());
    rows("Addresses", ["Name", "Addresses"], reachable)
}
