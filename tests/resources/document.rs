//! Inventories as JSON documents.

use std::path::Path;

use serde_json::{Map, Value};
use shakedown::host::Host;
use shakedown::inventory::{Collected, MachineResources, collect};

/// The host on which all references were made.
const REFERENCE_RELEASE: &str = "6.18.44-fc-v657";

/// What is printed of the machine below a root.
pub(crate) fn of(root: &Path) -> Value {
    printed(&collect(&Host::at(root)))
}

/// What is printed of an inventory.
pub(crate) fn printed(collected: &Collected<MachineResources>) -> Value {
    let mut bytes = Vec::new();
    collected.value.write_json(&mut bytes).expect("memory takes it");
    serde_json::from_slice(&bytes).expect("an inventory is valid JSON")
}

/// A document of a file.
pub(crate) fn read(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The document with its facts about the host that ran made neutral: kernel release and its use as a driver's version, host name,
/// architecture.
pub(crate) fn without_host(document: &Value) -> Value {
    let fact = |key: &str| document.pointer("/environment").and_then(|facts| facts.get(key)).and_then(Value::as_str);
    // A document without these facts is the reference's, or was read by the kernel that runs here.
    let here = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let releases =
        fact("kernel_version").map_or_else(|| vec![REFERENCE_RELEASE, here.trim(), "unknown"], |release| vec![release]);
    let architecture = fact("kernel_architecture").unwrap_or("x86_64").to_owned();
    masked(document, &releases, &architecture)
}

fn masked(value: &Value, releases: &[&str], architecture: &str) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|value| masked(value, releases, architecture)).collect(),
        Value::Object(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| {
                let mask = match key.as_str() {
                    "kernel_version" | "driver_version"
                        if value.as_str().is_some_and(|value| releases.contains(&value)) =>
                    {
                        Some("(kernel release)")
                    }
                    "kernel_architecture" | "architecture" if value == architecture => Some("(architecture)"),
                    "server_name" => Some("(host)"),
                    _ => None,
                };
                (key.clone(), mask.map_or_else(|| masked(value, releases, architecture), Value::from))
            });
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}
