//! The machine as its device tree names it (`/proc/device-tree`, Devicetree Specification 0.4, 2.3 and 3.2): boards without SMBIOS,
//! POWER partitions.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::{Survey, legible, storable};

const TREE: &str = "/proc/device-tree";

/// Model, serial number and compatible boards of the machine, from the root of its device tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct DeviceTree {
    /// Model, for example `IBM,9009-42A` or `Raspberry Pi 5 Model B Rev 1.0`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Serial number (`serial-number`); on POWER machines from `system-id`, without the prefix that names the maker.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// The boards that the machine is compatible with (`compatible`), from the most to the least specific.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compatible: Vec<String>,
}

/// Reads the root of the device tree; `None` on a machine without one.
pub(super) fn collect(survey: &Survey<'_>) -> Option<DeviceTree> {
    let file = |name: &str| survey.host.read(Path::new(TREE).join(name)).unwrap_or_default();
    let text = |name: &str| storable(legible(&file(name)).trim_matches(|c: char| c == '\0' || c.is_whitespace()));
    let names = file("compatible");
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let system_id = text("system-id");
    let system_id = system_id.split_once(',').map_or(system_id.as_str(), |(_, number)| number);
    let serial = text("serial-number");
    let found = DeviceTree {
        model: text("model"),
        serial: if serial.is_empty() { system_id.to_owned() } else { serial },
        compatible: names.map(|name| storable(legible(name))).collect(),
    };
    (found != DeviceTree::default()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::super::topic::Topic;
    use super::*;
    use crate::host::machine_of;

    fn of(files: &[(&str, &str)]) -> Option<DeviceTree> {
        let files: Vec<(String, &str)> =
            files.iter().map(|(name, text)| (format!("proc/device-tree/{name}"), *text)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let (_root, host) = machine_of(&files);
        collect(&Survey::new(&host, Topic::System))
    }

    #[test]
    fn boards_and_partitions_say_who_they_are() {
        let pi = of(&[
            ("model", "Raspberry Pi 5 Model B Rev 1.0\0"),
            ("serial-number", "c0ffee0123456789\0"),
            ("compatible", "raspberrypi,5-model-b\0brcm,bcm2712\0"),
        ]);
        let pi = pi.expect("a device tree");
        assert_eq!((pi.model.as_str(), pi.serial.as_str()), ("Raspberry Pi 5 Model B Rev 1.0", "c0ffee0123456789"));
        assert_eq!(pi.compatible, ["raspberrypi,5-model-b", "brcm,bcm2712"]);
        let power = of(&[("model", "IBM,9009-42A\0"), ("system-id", "IBM,0278ABCDE\0")]).expect("a device tree");
        assert_eq!((power.model.as_str(), power.serial.as_str()), ("IBM,9009-42A", "0278ABCDE"));
        assert_eq!(of(&[]), None);
    }
}
