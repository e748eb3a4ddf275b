//! The disks that the scripts of a run tested, from their result files (`scripts/testing/shakedown-smartctl-*` tell the keys).

use serde_json::Value;

use super::gather::{shown, text};
use super::inventory::Found;
use crate::report::Disk;

/// A result file's named results.
pub(super) type Values = Vec<(String, Value)>;

/// A disk for each that a script told the health of; of a RAID volume, each behind it.
pub(super) fn tested(files: &[(String, Values)], found: Option<&Found>) -> Vec<Disk> {
    files.iter().flat_map(|(source, values)| of_file(source, values, found)).collect()
}

fn of_file(source: &str, values: &Values, found: Option<&Found>) -> Vec<Disk> {
    let get = |key: &str| values.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let (Some(names), Some(_)) = (get("disk"), get("health")) else { return Vec::new() };
    let count = names.as_array().map_or(1, Vec::len);
    let at = |key: &str, place: usize| {
        let value = match get(key) {
            Some(Value::Array(list)) => list.get(place),
            one => one,
        };
        value.and_then(shown).unwrap_or_default()
    };
    let disk = |place: usize| {
        let name = at("disk", place);
        let kernel_name = name.strip_prefix("/dev/").unwrap_or(&name);
        let known = found.and_then(|found| found.disks.iter().find(|disk| disk.name == kernel_name));
        Disk {
            model: known.map(|disk| disk.model.clone()).unwrap_or_default(),
            serial: known.map(|disk| disk.serial.clone()).unwrap_or_default(),
            health: at("health", place),
            reason: at("reason", place),
            self_test: at("self_test", place),
            temperature: at("temperature", place),
            wear: at("wear", place),
            power_on_hours: at("power_on_hours", place),
            reallocated_sectors: at("reallocated_sectors", place),
            pending_sectors: at("pending_sectors", place),
            media_errors: at("media_errors", place),
            source: text(source),
            name,
        }
    };
    (0..count).map(disk).collect()
}
