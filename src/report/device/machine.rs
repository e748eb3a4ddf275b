//! Processors, memory modules, firmware, the BMC's networks, power supplies, sensors.

use serde_json::Value;

use super::super::table::bytes;
use super::{Devices, Unit, field, joined, made, number, text};

/// Processor packages.
pub const PACKAGES: Devices = Devices::new("Processors", "/processors/packages").with(&[
    field("socket", "Socket"),
    field("slot", "Slot"),
    field("model", "Model"),
    field("cores", "Cores").made(cores),
    field("threads", "Threads"),
    field("identity", "Identity"),
    field("maximum_speed", "").letters(" MHz").hidden(),
]);

/// Memory modules, and slots for them.
pub const MODULES: Devices = Devices::new("Memory modules", "/memory/dimms").with(&[
    field("slot", "Slot").report(1),
    field("bank", "Bank"),
    field("size", "Size").bytes().made(size).report(2),
    field("kind", "Kind").made(kind).report(3),
    field("speed", "Speed").letters(" MT/s").made(speed).report(4),
    field("configured_speed", "").letters(" MT/s").hidden(),
    field("ranks", "Ranks"),
    field("ecc", "ECC").made(|module, _| if module["ecc"] == true { "ECC" } else { "" }.to_owned()),
    field("manufacturer", "Maker"),
    field("part", "Part").report(5),
    field("serial", "Serial").report(6),
    field("millivolts", "").letters(" mV").hidden(),
]);

/// Memory of each NUMA node.
pub const NODES: Devices = Devices::new("NUMA nodes", "/machine_resources/resources/memory/nodes").with(&[
    field("numa_node", "Node"),
    field("total", "Total").bytes(),
    field("used", "Used").bytes(),
]);

/// Versions of firmware.
pub const FIRMWARE: Devices = Devices::new("Firmware", "/firmware").with(&[
    field("name", "Firmware of").report(2),
    field("version", "Version").report(3),
    field("date", "Date").report(4),
    field("device", "Device").report(1),
]);

/// Networks of the BMC.
pub const BMC_LAN: Devices = Devices::new("LAN", "/bmc/lan").with(&[
    field("channel", "Channel"),
    field("address", "Address").made(address),
    field("source", "From"),
    field("gateway", "Gateway"),
    field("mac_address", "MAC"),
    field("vlan", "VLAN"),
    field("cipher_suites", "Cipher suites"),
    field("ipv6", "IPv6"),
]);

/// Redfish services of the BMC that firmware reports.
pub const REDFISH: Devices = Devices::new("Redfish", "/bmc/redfish").with(&[
    field("device", "Interface"),
    field("address", "Address"),
    field("port", "Port"),
    field("host_name", "Name"),
    field("host_address", "Address of this machine"),
]);

/// Power supplies and batteries.
pub const POWER: Devices = Devices::new("Power supplies", "/power_supplies").with(&[
    field("name", "Name"),
    field("kind", "Kind"),
    field("location", "Location"),
    field("state", "State"),
    field("charge", "Charge").letters(" %"),
    field("watts", "Power").letters(" W"),
    made("Model", |supply, _| joined(supply, &["manufacturer", "model"])),
    field("serial", "Serial"),
]);

/// Readings of sensors.
pub const SENSORS: Devices = Devices::new("Sensors", "/sensors").with(&[
    field("chip", "Chip"),
    field("device", "Device"),
    field("name", "Name"),
    field("value", "Value").made(|sensor, _| format!("{} {}", plain(&sensor["value"]), text(sensor, "unit"))),
    made("Limits", limits),
    field("alarm", "Alarm").made(|sensor, _| if sensor["alarm"] == true { "ALARM" } else { "" }.to_owned()),
]);

fn plain(value: &Value) -> String {
    Unit::Letters("").written(value)
}

fn cores(package: &Value, _: &Value) -> String {
    match package["cores_fitted"].as_u64().filter(|fitted| *fitted != number(package, "cores")) {
        Some(fitted) => format!("{} of {fitted}", number(package, "cores")),
        None => number(package, "cores").to_string(),
    }
}

fn size(module: &Value, _: &Value) -> String {
    if number(module, "size") == 0 { "empty".to_owned() } else { bytes(number(module, "size")) }
}

fn kind(module: &Value, _: &Value) -> String {
    joined(module, if module["technology"] == "DRAM" { &["kind"] } else { &["kind", "technology"] })
}

/// The speed in use, and the speed of the module where that is another one.
fn speed(module: &Value, _: &Value) -> String {
    match (module["speed"].as_u64(), module["configured_speed"].as_u64()) {
        (Some(speed), Some(configured)) if speed != configured => format!("{configured} of {speed} MT/s"),
        (speed, configured) => configured.or(speed).map(|speed| format!("{speed} MT/s")).unwrap_or_default(),
    }
}

fn address(lan: &Value, _: &Value) -> String {
    let prefix = lan["prefix"].as_u64().map(|prefix| format!("/{prefix}")).unwrap_or_default();
    format!("{}{prefix}", text(lan, "address"))
}

fn limits(sensor: &Value, _: &Value) -> String {
    let names = [("min", "minimum"), ("max", "maximum"), ("critical", "critical")];
    let known = names.iter().filter(|(_, key)| !sensor[*key].is_null());
    known.map(|(name, key)| format!("{name} {}", plain(&sensor[*key]))).collect::<Vec<_>>().join(", ")
}
