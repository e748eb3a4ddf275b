//! Facts that are computed from the inventory, because no single field holds them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fact::{Fact, plain};
use super::look::{Look, flag, number};

fn unknown(reason: &str) -> Fact {
    Fact::Unknown(reason.to_owned())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many of anything")]
fn count(number: usize) -> Fact {
    Fact::Number(number as f64)
}

/// Number of processors.
pub(super) fn packages(look: &Look<'_>) -> Fact {
    match list(&look.index.document["processors"]["packages"]).count() {
        0 => unknown("the machine tells no processors"),
        packages => count(packages),
    }
}

/// Number of NUMA nodes with threads; nodes of memory or devices alone are not counted.
pub(super) fn numa_nodes(look: &Look<'_>) -> Fact {
    let sockets = list(&look.index.resources()["cpu"]["sockets"]);
    let threads = sockets.flat_map(|socket| list(&socket["cores"])).flat_map(|core| list(&core["threads"]));
    let nodes: BTreeSet<u64> = threads.filter_map(|thread| thread["numa_node"].as_u64()).collect();
    if nodes.is_empty() {
        unknown("the machine does not tell which threads are in which node")
    } else {
        count(nodes.len())
    }
}

/// Number of threads that are offline.
pub(super) fn offline(look: &Look<'_>) -> Fact {
    look.index.document["processors"]["offline"]
        .as_array()
        .map_or_else(|| unknown("the machine does not tell it"), |threads| count(threads.len()))
}

/// Names of a disk's kind: its bus (`sata`, `nvme`), and `hdd` or `ssd`.
pub(super) fn disk_kind(look: &Look<'_>) -> Fact {
    let bus = look.text("kind");
    let turning = match look.device["rotational"].as_bool() {
        Some(true) => "hdd",
        Some(false) => "ssd",
        None => "",
    };
    let names = [bus, turning].into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    if names.is_empty() { unknown("the machine does not tell it") } else { Fact::Any(names) }
}

/// Names of a disk's location that are the same after a reboot: enclosure and bay, bay alone, bus path.
pub(super) fn disk_place(look: &Look<'_>) -> Fact {
    let (enclosure, bay, path) = (look.text("enclosure"), look.text("bay"), look.text("place"));
    let mut names = Vec::new();
    if !bay.is_empty() {
        if !enclosure.is_empty() {
            names.push(plain(&format!("enclosure {enclosure} bay {bay}")));
        }
        names.push(plain(&format!("bay {bay}")));
    }
    if !path.is_empty() {
        names.push(plain(path));
    }
    if names.is_empty() { unknown("the machine does not tell where it is") } else { Fact::Any(names) }
}

/// The device's PCI Express link as the kernel reports it; `None` if it reports none.
fn link<'a>(look: &Look<'a>) -> Option<&'a Value> {
    look.function().map(|function| &function["link"]).filter(|link| link.is_object())
}

fn of_link(look: &Look<'_>, key: &str) -> Fact {
    let known = link(look).map(|link| number(&link[key])).filter(|fact| *fact != Fact::Number(0.0));
    known.unwrap_or_else(|| unknown("the kernel tells no PCI Express link of it"))
}

fn speed(look: &Look<'_>, key: &str) -> Option<f64> {
    link(look)?[key].as_str()?.split_whitespace().next()?.parse().ok()
}

/// Number of lanes in use.
pub(super) fn width(look: &Look<'_>) -> Fact {
    of_link(look, "width")
}

/// Number of lanes that the device supports.
pub(super) fn maximum_width(look: &Look<'_>) -> Fact {
    of_link(look, "maximum_width")
}

/// Current speed of the link in GT/s. Below 5 GT/s it is unknown if the device supports more: an idle device may be saving power.
pub(super) fn link_speed(look: &Look<'_>) -> Fact {
    let Some(now) = speed(look, "speed") else { return unknown("the kernel tells no PCI Express link of it") };
    match speed(look, "maximum_speed") {
        Some(most) if now < 5.0 && most > now => Fact::Unknown(format!(
            "it runs at {now} of {most} GT/s, which may be power saving: look while the device is busy"
        )),
        _ => Fact::Number(now),
    }
}

/// Highest link speed that the device supports, in GT/s.
pub(super) fn maximum_link_speed(look: &Look<'_>) -> Fact {
    speed(look, "maximum_speed").map_or_else(|| unknown("the kernel tells no PCI Express link of it"), Fact::Number)
}

/// Speed of a port in Mbit/s; unknown while the port has no link.
pub(super) fn nic_speed(look: &Look<'_>) -> Fact {
    match number(&look.device["speed"]) {
        Fact::Unknown(_) => unknown("the port has no link, so its speed is not known: connect it"),
        known => known,
    }
}

/// Names of a module's slot, the most exact first; none if the firmware does not name it. The bank distinguishes slots of equal name.
pub(super) fn slot_names(document: &Value, module: &Value) -> Vec<String> {
    let text = |key: &str| plain(module[key].as_str().unwrap_or_default());
    let (slot, bank) = (text("slot"), text("bank"));
    let same = list(&document["memory"]["dimms"]).filter(|other| other["slot"] == module["slot"]).count();
    match (slot.is_empty(), bank.is_empty()) {
        (true, _) => Vec::new(),
        (false, false) if same > 1 => vec![format!("{slot} {bank}"), slot],
        (false, _) => vec![slot],
    }
}

/// Slot of a memory module.
pub(super) fn memory_slot(look: &Look<'_>) -> Fact {
    let mut names = slot_names(look.index.document, look.device);
    match names.len() {
        0 => unknown("the firmware does not name the slot"),
        1 => Fact::Text(names.remove(0)),
        _ => Fact::Any(names),
    }
}

/// Number of virtual functions that a card supports; 0 if the inventory lists none.
pub(super) fn virtual_functions(look: &Look<'_>) -> Fact {
    match &look.device["virtual_functions"] {
        Value::Null => Fact::Number(0.0),
        functions => number(&functions["possible"]),
    }
}

/// Vendor and product name of a card.
pub(super) fn card_model(look: &Look<'_>) -> Fact {
    Fact::text(&format!("{} {}", look.text("vendor"), look.text("product")))
}

/// Version of the BIOS.
pub(super) fn bios(look: &Look<'_>) -> Fact {
    Fact::text(look.index.resources()["system"]["firmware"]["version"].as_str().unwrap_or_default())
}

/// Firmware version of the BMC.
pub(super) fn bmc_firmware(look: &Look<'_>) -> Fact {
    match &look.index.document["bmc"] {
        Value::Null => unknown("there is no BMC, or nothing here may ask it"),
        bmc => Fact::text(bmc["firmware"].as_str().unwrap_or_default()),
    }
}

/// Microcode versions of all processors.
pub(super) fn microcode(look: &Look<'_>) -> Fact {
    let versions = list(&look.index.document["processors"]["microcode"]).filter_map(Value::as_str);
    let versions: Vec<String> = versions.map(plain).filter(|version| !version.is_empty()).collect();
    if versions.is_empty() { unknown("the machine does not tell it") } else { Fact::Every(versions) }
}

/// Firmware version of the embedded controller.
pub(super) fn embedded_controller(look: &Look<'_>) -> Fact {
    let listed = list(&look.index.document["firmware"]).find(|entry| entry["name"] == "embedded controller");
    Fact::text(listed.and_then(|entry| entry["version"].as_str()).unwrap_or_default())
}

/// True if the machine was started by UEFI.
pub(super) fn uefi(look: &Look<'_>) -> Fact {
    flag(&look.index.document["trust"]["uefi"])
}

/// True if Secure Boot is on; false without UEFI.
pub(super) fn secure_boot(look: &Look<'_>) -> Fact {
    let trust = &look.index.document["trust"];
    match (trust["secure_boot"].as_bool(), trust["uefi"].as_bool()) {
        (Some(on), _) => Fact::Flag(on),
        (None, Some(false)) => Fact::Flag(false),
        (None, _) => unknown("its variable is not shown: efivarfs is not mounted"),
    }
}

/// Version of the TPM: `2.0`, `1.2`, or `none` if there is no TPM.
pub(super) fn tpm(look: &Look<'_>) -> Fact {
    let Some(tpms) = look.index.document["trust"]["tpms"].as_array() else {
        return unknown("the machine does not tell it");
    };
    match tpms.first() {
        None => Fact::Text("none".to_owned()),
        Some(tpm) => match tpm["version"].as_u64() {
            Some(1) => Fact::Text("1.2".to_owned()),
            Some(version) => Fact::Text(format!("{version}.0")),
            None => unknown("the kernel does not tell the version of the TPM"),
        },
    }
}

/// True if at least one PCI function is in an IOMMU group.
pub(super) fn iommu(look: &Look<'_>) -> Fact {
    let mut functions = list(&look.index.document["pci"]).peekable();
    if functions.peek().is_none() {
        return unknown("the machine tells no PCI functions");
    }
    if let Some(reason) = look.index.gap(&["iommu"], |_| true) {
        return Fact::Unknown(reason);
    }
    Fact::Flag(functions.any(|function| function["iommu_group"].is_u64()))
}

/// True if at least one network card supports virtual functions.
pub(super) fn sriov(look: &Look<'_>) -> Fact {
    let mut cards = list(&look.index.document["interfaces"]).peekable();
    if cards.peek().is_none() {
        return unknown("the machine tells no network cards");
    }
    Fact::Flag(cards.any(|card| card["virtual_functions"]["possible"].as_u64().is_some_and(|possible| possible > 0)))
}

/// True if the processors have more threads than cores.
pub(super) fn smt(look: &Look<'_>) -> Fact {
    let packages = || list(&look.index.document["processors"]["packages"]);
    let sum = |key: &str| packages().filter_map(|package| package[key].as_u64()).sum::<u64>();
    if sum("cores") == 0 || sum("threads") == 0 {
        return unknown("the machine does not tell its cores");
    }
    Fact::Flag(sum("threads") > sum("cores"))
}

/// True if there is a BMC; unknown if it could not be read.
pub(super) fn bmc(look: &Look<'_>) -> Fact {
    if look.index.document["bmc"].is_object() {
        return Fact::Flag(true);
    }
    look.index.gap(&["bmc"], |_| true).map_or(Fact::Flag(false), Fact::Unknown)
}

/// Kinds of error correction on all memory boards.
pub(super) fn error_correction(look: &Look<'_>) -> Fact {
    let boards = list(&look.index.document["memory"]["boards"]).filter_map(|board| board["error_correction"].as_str());
    let kinds: BTreeSet<String> = boards.map(plain).filter(|kind| !kind.is_empty()).collect();
    if kinds.is_empty() { unknown("the firmware does not tell it") } else { Fact::Every(kinds.into_iter().collect()) }
}

/// Memory in total as the kernel reports it, in bytes.
pub(super) fn memory_total(look: &Look<'_>) -> Fact {
    match number(&look.index.document["memory"]["total"]) {
        Fact::Number(total) if total > 0.0 => Fact::Number(total),
        _ => unknown("the kernel does not tell it"),
    }
}

/// Architecture of the processors.
pub(super) fn architecture(look: &Look<'_>) -> Fact {
    Fact::text(look.index.resources()["cpu"]["architecture"].as_str().unwrap_or_default())
}
