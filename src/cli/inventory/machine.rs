//! Tables about the machine as a whole.

use super::section::Section;
use crate::host::BmcLan;
use crate::inventory::{CacheInstance, Inventory, Package, PowerSupply, RedfishService, Sensor};
use crate::report::bytes;

pub(super) fn system(inventory: &Inventory) -> Vec<Section> {
    let system = &inventory.machine_resources.resources.system;
    let environment = &inventory.machine_resources.environment;
    let firmware = system.firmware.as_ref().map(|f| format!("{} {} {}", f.vendor, f.version, f.date));
    let board = system.motherboard.as_ref().map(|b| format!("{} {} {}", b.vendor, b.product, b.serial));
    let chassis = system.chassis.as_ref().map(|c| format!("{} {} {}", c.vendor, c.kind, c.serial));
    let known = |name: &str| if name == "unknown" { String::new() } else { name.to_owned() };
    let tree = inventory.device_tree.clone().unwrap_or_default();
    let first = |told: String, else_told: String| if told.trim().is_empty() { else_told } else { told };
    vec![Section::facts(
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
    )]
}

pub(super) fn cpu(inventory: &Inventory) -> Vec<Section> {
    let state = &inventory.processors;
    let package = |package: &Package| {
        let cores =
            package.cores_fitted.filter(|fitted| *fitted != package.cores).map(|fitted| format!(" of {fitted}"));
        [
            package.socket.to_string(),
            package.slot.clone(),
            package.model.clone(),
            format!("{}{}", package.cores, cores.unwrap_or_default()),
            package.threads.to_string(),
            package.identity.clone(),
        ]
    };
    let offline = state.offline.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let facts = [("microcode", state.microcode.join(", ")), ("offline threads", offline)];
    let mitigations = state.mitigations.iter().map(|(name, state)| [name.clone(), state.clone()]);
    vec![
        Section::new(
            "",
            ["SOCKET", "SLOT", "MODEL", "CORES", "THREADS", "IDENTITY"],
            state.packages.iter().map(package),
        ),
        Section::facts("STATE", facts),
        Section::new("CACHES", ["LEVEL", "KIND", "SIZE", "INSTANCES", "THREADS OF EACH"], caches(&state.caches)),
        Section::new("VULNERABILITIES", ["NAME", "STATE"], mitigations),
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

pub(super) fn firmware(inventory: &Inventory) -> Vec<Section> {
    let versions =
        inventory.firmware.iter().map(|f| [f.name.clone(), f.version.clone(), f.date.clone(), f.device.clone()]);
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
    vec![
        Section::new("", ["FIRMWARE OF", "VERSION", "DATE", "DEVICE"], versions),
        Section::new("TRUST", ["WHAT", "STATE"], state),
    ]
}

pub(super) fn bmc(inventory: &Inventory) -> Vec<Section> {
    let Some(bmc) = &inventory.bmc else { return Vec::new() };
    let number = |number: Option<u8>| number.map(|number| number.to_string()).unwrap_or_default();
    let facts = [
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
    let lan = |lan: &BmcLan| {
        let prefix = lan.prefix.map(|prefix| format!("/{prefix}")).unwrap_or_default();
        let suites: Vec<String> = lan.cipher_suites.iter().map(ToString::to_string).collect();
        [
            lan.channel.to_string(),
            format!("{}{prefix}", lan.address),
            lan.source.clone(),
            lan.gateway.clone(),
            lan.mac_address.clone(),
            lan.vlan.map(|vlan| vlan.to_string()).unwrap_or_default(),
            suites.join(" "),
            lan.ipv6.join(" "),
        ]
    };
    let service = |service: &RedfishService| {
        let port = service.port.map(|port| port.to_string()).unwrap_or_default();
        let RedfishService { device, address, host_address, host_name, .. } = service.clone();
        [device, address, port, host_name, host_address]
    };
    vec![
        Section::facts("", facts),
        Section::new(
            "LAN",
            ["CHANNEL", "ADDRESS", "FROM", "GATEWAY", "MAC", "VLAN", "CIPHER SUITES", "IPV6"],
            bmc.lan.iter().map(lan),
        ),
        Section::new(
            "REDFISH",
            ["INTERFACE", "ADDRESS", "PORT", "NAME", "ADDRESS OF THIS MACHINE"],
            bmc.redfish.iter().map(service),
        ),
    ]
}

pub(super) fn power(inventory: &Inventory) -> Vec<Section> {
    let row = |supply: &PowerSupply| {
        let charge = supply.charge.map(|charge| format!("{charge} %")).unwrap_or_default();
        [
            supply.name.clone(),
            supply.kind.clone(),
            supply.location.clone(),
            supply.state.clone(),
            charge,
            supply.watts.map(|watts| format!("{watts} W")).unwrap_or_default(),
            format!("{} {}", supply.manufacturer, supply.model).trim().to_owned(),
            supply.serial.clone(),
        ]
    };
    let head = ["NAME", "KIND", "LOCATION", "STATE", "CHARGE", "POWER", "MODEL", "SERIAL"];
    vec![Section::new("", head, inventory.power_supplies.iter().map(row))]
}

pub(super) fn sensors(inventory: &Inventory) -> Vec<Section> {
    let row = |sensor: &Sensor| {
        let limit = |name: &str, value: Option<f64>| value.map(|value| format!("{name} {value}")).unwrap_or_default();
        let limits = [limit("min", sensor.minimum), limit("max", sensor.maximum), limit("critical", sensor.critical)];
        let limits: Vec<String> = limits.into_iter().filter(|text| !text.is_empty()).collect();
        [
            sensor.chip.clone(),
            sensor.device.clone(),
            sensor.name.clone(),
            format!("{} {}", sensor.value, sensor.unit),
            limits.join(", "),
            if sensor.alarm { "ALARM" } else { "" }.to_owned(),
        ]
    };
    vec![Section::new("", ["CHIP", "DEVICE", "NAME", "VALUE", "LIMITS", "ALARM"], inventory.sensors.iter().map(row))]
}

pub(super) fn findings(inventory: &Inventory) -> Vec<Section> {
    let found =
        inventory.findings.iter().map(|finding| [finding.code.clone(), finding.text.clone(), finding.device.clone()]);
    let gaps = inventory.gaps.iter().map(|gap| [gap.to_string()]);
    vec![Section::new("", ["CODE", "WHAT", "DEVICE"], found), Section::new("NOT KNOWN", ["WHAT"], gaps)]
}
