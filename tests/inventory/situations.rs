//! Situations that people reported in public, from `SHAKEDOWN_SHARED`: changes of a machine and, mostly, their absence.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::say;

/// Two inventories of a machine, and the right changes between them, as `WORD DEVICE`.
struct Pair {
    case: &'static str,
    before: &'static str,
    after: &'static str,
    changes: &'static [&'static str],
}

const fn pair(case: &'static str, changes: &'static [&'static str]) -> Pair {
    Pair { case, before: "before", after: "after", changes }
}

const fn among(
    case: &'static str,
    before: &'static str,
    after: &'static str,
    changes: &'static [&'static str],
) -> Pair {
    Pair { case, before, after, changes }
}

const PAIRS: &[Pair] = &[
    // Which threads are in use is state.
    pair("i01-cpu1-offline", &[]),
    among("i01-cpu1-offline", "before-dmi", "after-dmi", &[]),
    pair("i02-smt-off", &[]),
    pair("i07-dimms-one-serial", &["removed DIMM DIMM_A1"]),
    pair("i08-wwn-zeros", &["removed block device sda"]),
    pair("i11-bcache", &[]),
    pair("i13-dpu-representors", &[]),
    pair("i16-usb-nic-random-mac", &[]),
    pair("i18-ipoib-pkey-child", &[]),
    among("i19-path-lost", "before", "after-first", &["path lost block device sda"]),
    among("i19-path-lost", "before", "after-second", &["path lost block device sdb"]),
    pair("i20-nvme-name-changed", &[]),
    pair(
        "i22-two-nics-one-mac",
        &["removed interface enp0s20f0u1", "removed usb device Realtek Semiconductor Corp. USB 10/100/1000 LAN"],
    ),
    pair("i26-iscsi-volume", &[]),
    pair("i28-udev-record-gone", &[]),
    pair("i35-modules-with-one-place", &["replaced DIMM Channel-0-DIMM-0"]),
    pair("i36-nic-in-a-namespace", &[]),
    among("i36-nic-in-a-namespace", "before", "after-vfio", &[]),
    pair(
        "i38-one-pci-serial-for-all",
        &[
            "renamed interface enp2s0",
            "renamed interface enp3s0",
            "added pci device 0000:00:01.0",
            "added pci device 0000:01:00.0",
        ],
    ),
    pair("i39-bmc-reset", &[]),
    pair("i41-nvme-tcp-volume", &[]),
    pair("i42-usb-over-ip", &[]),
    pair("i43-bond-in-a-plain-tree", &[]),
];

/// A call of the program on one machine, with texts that its output must contain or must not contain.
struct Look {
    case: &'static str,
    arguments: &'static [&'static str],
    told: &'static [&'static str],
    untold: &'static [&'static str],
}

const fn look(
    case: &'static str,
    arguments: &'static [&'static str],
    told: &'static [&'static str],
    untold: &'static [&'static str],
) -> Look {
    Look { case, arguments, told, untold }
}

const LOOKS: &[Look] = &[
    look("i03-arm-package-36", &["inventory", "cpu"], &["36      GB10  GB10   20     20"], &[]),
    look("i04-power9-lpar", &["inventory", "system"], &["IBM,9009-42A", "0278ABCDE"], &[]),
    look("i04-power9-lpar", &["inventory", "cpu"], &["POWER9"], &[]),
    look("i06-mrdimm", &["inventory", "memory", "--format", "json"], &["\"technology\": \"MRDIMM\""], &[]),
    look("i10-emmc-boot-areas", &["inventory", "disk"], &["mmcblk0 "], &["mmcblk0boot"]),
    look("i15-nic-400g", &["inventory", "interface", "enp8s0np0"], &["400000 Mbit/s"], &[]),
    look("i15-nic-400g", &["inventory", "interface", "enp8s0np1"], &["400000 Mbit/s"], &[]),
    look("i15-nic-400g", &["inventory", "interface", "enp8s0np2"], &["maximum speed      200000 Mbit/s"], &[]),
    look("i30-memory-given-to-gpu", &["inventory", "finding"], &[], &["memory-unseen"]),
    look("i31-array-of-32-places", &["inventory", "finding"], &[], &["array-degraded"]),
    look("i32-wwan", &["resources"], &["iosm"], &[]),
];

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty());
    if shared.is_none() {
        crate::left_out::say("situations of public reports: SHAKEDOWN_SHARED is not set");
    }
    Some(Path::new(&shared?).join("cases/machine"))
}

fn printed(arguments: &[&str], paths: &[&Path]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    let output = command.args(arguments).args(paths).output().expect("the program can be started");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?} {paths:?}: {err}");
    out.into_owned()
}

pub(crate) fn diff(before: &Path, after: &Path) -> Vec<String> {
    let value: Value = serde_json::from_str(&printed(&["diff", "--format", "json"], &[before, after])).expect("JSON");
    let text = |change: &Value, key: &str| change[key].as_str().expect("a text").to_owned();
    let changes = value["changes"].as_array().expect("changes").iter();
    changes.map(|change| format!("{} {}", text(change, "change"), text(change, "device"))).collect()
}

#[test]
fn between_two_looks_that_is_told_which_happened_to_the_hardware() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for pair in PAIRS {
        let file = |name: &str| folder.join(pair.case).join(format!("{name}.tar.xz"));
        let mut found = diff(&file(pair.before), &file(pair.after));
        let mut expected: Vec<&str> = pair.changes.to_vec();
        found.sort();
        expected.sort_unstable();
        if found != expected {
            wrong.push(format!("{} {}: {found:?} instead of {expected:?}", pair.case, pair.after));
        }
        let back = diff(&file(pair.after), &file(pair.before));
        if back.len() != found.len() {
            wrong.push(format!("{} back from {}: {back:?} is not {found:?} reversed", pair.case, pair.after));
        }
    }
    say(&format!("{} situations", PAIRS.len()));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), PAIRS.len(), wrong.join("\n"));
}

#[test]
fn one_look_tells_what_the_machine_is() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for look in LOOKS {
        let file = folder.join(look.case).join("tree.tar.xz");
        let arguments: Vec<&str> = look.arguments.iter().copied().chain(["--root"]).collect();
        let printed = printed(&arguments, &[&file]);
        let missing = look.told.iter().filter(|text| !printed.contains(**text));
        let surplus = look.untold.iter().filter(|text| printed.contains(**text));
        wrong.extend(missing.map(|text| format!("{} {:?} lacks {text:?}", look.case, look.arguments)));
        wrong.extend(surplus.map(|text| format!("{} {:?} has {text:?}", look.case, look.arguments)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn threads_stand_on_one_node_and_nodes_without_memory_are_there() {
    let Some(folder) = folder() else { return };
    let resources = |case: &str| -> Value {
        let file = folder.join(case).join("tree.tar.xz");
        serde_json::from_str(&printed(&["resources", "--root"], &[&file])).expect("JSON")
    };
    let two = resources("i05-cpu-in-two-nodes");
    let threads = two["resources"]["cpu"]["sockets"][0]["cores"].as_array().expect("cores").iter();
    let threads = threads.flat_map(|core| core["threads"].as_array().expect("threads"));
    assert!(threads.into_iter().all(|thread| thread["numa_node"] == 0), "{two:#}");
    assert_eq!(two["resources"]["memory"]["nodes"].as_array().map(Vec::len), Some(2));
    let six = resources("i25-nodes-without-memory");
    let nodes = six["resources"]["memory"]["nodes"].as_array().expect("nodes");
    let empty: Vec<&Value> = nodes.iter().filter(|node| node["total"] == 0).map(|node| &node["numa_node"]).collect();
    assert_eq!(empty, [0, 3, 4, 5]);
    assert_eq!(six["resources"]["gpu"]["cards"][0]["numa_node"], 4);
}
