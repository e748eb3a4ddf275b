//! One cause is told once: a module of another size has other ranks, and nobody needs to hear of those.

use std::collections::{BTreeMap, BTreeSet};

use super::super::catalogue::Kind;
use super::{Findings, Found};

/// Keys of one device: what follows from which.
const OF_DEVICE: [(&str, &[&str]); 11] = [
    (
        "model",
        &[
            "vendor",
            "product",
            "ids",
            "subsystem_ids",
            "revision",
            "firmware",
            "driver",
            "driver_version",
            "cores",
            "threads",
            "class",
            "class_name",
            "manufacturer",
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
/// Keys of the machine: what follows from which.
const OF_MACHINE: [(Kind, &str, Kind, &str); 10] = [
    (Kind::Settings, "smt", Kind::Cpu, "threads"),
    (Kind::Settings, "sriov", Kind::Nic, "virtual_functions"),
    (Kind::Nic, "count", Kind::Settings, "sriov"),
    (Kind::Settings, "uefi", Kind::Settings, "secure_boot"),
    (Kind::Settings, "bmc", Kind::Firmware, "bmc"),
    (Kind::Cpu, "count", Kind::Cpu, "numa_nodes"),
    (Kind::Cpu, "count", Kind::Settings, "memory_total"),
    (Kind::Memory, "count", Kind::Settings, "memory_total"),
    (Kind::Memory, "size", Kind::Settings, "memory_total"),
    (Kind::Memory, "ecc", Kind::Settings, "error_correction"),
];

/// Kinds of devices that hang on a socket, so that they are missing with their processor.
const ON_SOCKET: [Kind; 5] = [Kind::Memory, Kind::Disk, Kind::Nic, Kind::Gpu, Kind::Pci];

/// Leaves out what follows from something else that is told.
pub(super) fn settle(found: &mut Findings) {
    let mut of_devices: BTreeMap<(Kind, usize), Vec<String>> = BTreeMap::new();
    let mut of_kinds: BTreeSet<(Kind, String)> = BTreeSet::new();
    // Figures and names are no parts of the machine.
    let is_figure = |what: &str| what == "measure" || what == "match";
    for it in found.deviations.iter().filter(|it| !is_figure(it.deviation.what)) {
        of_kinds.insert((it.kind, it.deviation.key.clone()));
        if let Some(device) = it.device {
            of_devices.entry((it.kind, device)).or_default().push(it.deviation.key.clone());
        }
    }
    let follows = |kind: Kind, device: Option<usize>, key: &str| {
        let told = device.and_then(|device| of_devices.get(&(kind, device)));
        let of_device = told
            .into_iter()
            .flatten()
            .any(|by| OF_DEVICE.iter().any(|(cause, effects)| cause == by && effects.contains(&key)));
        let mut of_machine = OF_MACHINE.iter().filter(|(.., to, effect)| *to == kind && *effect == key);
        of_device || of_machine.any(|(from, by, ..)| of_kinds.contains(&(*from, (*by).to_owned())))
    };
    found
        .deviations
        .retain(|it: &Found| is_figure(it.deviation.what) || !follows(it.kind, it.device, &it.deviation.key));
    if of_kinds.contains(&(Kind::Cpu, "count".to_owned())) {
        let hangs = |it: &&mut Found| {
            ON_SOCKET.contains(&it.kind) && it.deviation.key == "count" && !is_figure(it.deviation.what)
        };
        for it in found.deviations.iter_mut().filter(hangs) {
            it.deviation.next = "seat the processor first: what hangs on its socket is there only then".to_owned();
        }
    }
    found.unknown.retain(|it| is_figure(it.unknown.what) || !follows(it.kind, it.device, &it.unknown.key));
}
