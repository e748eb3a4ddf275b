//! One cause is told once: a module of another size has other ranks, and nobody needs to hear of those.

use super::super::catalogue::Kind;
use super::{Findings, Found};

/// Keys of one device: what follows from which.
const OF_DEVICE: [(&str, &[&str]); 11] = [
    (
        "model",
        &[
            "vendor", "product", "ids", "subsystem_ids", "revision", "firmware", "driver", "driver_version", "cores", "threads",
            "class", "class_name", "manufacturer",
        ],
    ),
    ("size", &["part", "ranks"]),
    ("part", &["manufacturer"]),
    ("speed", &["configured_speed"]),
    ("cores", &["threads"]),
    ("slot", &["bank", "numa_node", "socket"]),
    ("place", &["bay", "enclosure", "numa_node"]),
    ("state", &["speed", "duplex"]),
    ("maximum_speed", &["speed"]),
    ("link.maximum_width", &["link.width"]),
    ("link.maximum_speed", &["link.speed"]),
];
/// Keys of the machine: what follows from which. An empty key is any of the kind.
const OF_MACHINE: [(Kind, &str, Kind, &str); 9] = [
    (Kind::Settings, "smt", Kind::Cpu, "threads"),
    (Kind::Settings, "sriov", Kind::Nic, "virtual_functions"),
    (Kind::Settings, "uefi", Kind::Settings, "secure_boot"),
    (Kind::Settings, "bmc", Kind::Firmware, "bmc"),
    (Kind::Cpu, "count", Kind::Cpu, "numa_nodes"),
    (Kind::Cpu, "count", Kind::Settings, "memory_total"),
    (Kind::Memory, "count", Kind::Settings, "memory_total"),
    (Kind::Memory, "size", Kind::Settings, "memory_total"),
    (Kind::Memory, "ecc", Kind::Settings, "error_correction"),
];

/// Leaves out what follows from something else that is told.
pub(super) fn settle(found: &mut Findings) {
    let told: Vec<(Kind, Option<usize>, String)> =
        found.deviations.iter().map(|it| (it.kind, it.device, it.deviation.key.clone())).collect();
    let follows = |kind: Kind, device: Option<usize>, key: &str| {
        told.iter().any(|(cause, its, by)| {
            let of_device = *cause == kind
                && its.is_some()
                && *its == device
                && OF_DEVICE.iter().any(|(cause, effects)| cause == by && effects.contains(&key));
            let of_machine = OF_MACHINE
                .iter()
                .any(|(from, by_key, to, effect)| from == cause && by_key == by && *to == kind && *effect == key);
            of_device || of_machine
        })
    };
    found.deviations.retain(|it: &Found| !follows(it.kind, it.device, &it.deviation.key));
    found.unknown.retain(|it| !follows(it.kind, it.device, &it.unknown.key));
}
