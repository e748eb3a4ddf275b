//! Modules that differ from their neighbours, and memory that the kernel does not get.

use super::super::{Dimm, Inventory};
use super::{Finding, finding, usual};

pub(super) fn look(inventory: &Inventory, found: &mut Vec<Finding>) {
    let memory = &inventory.memory;
    let fitted: Vec<&Dimm> = memory.dimms.iter().filter(|dimm| dimm.size > 0).collect();
    for dimm in &fitted {
        // Modules of another technology are slower and larger by nature.
        let neighbours: Vec<&&Dimm> = fitted.iter().filter(|other| is_alike(other, dimm)).collect();
        found.extend(slow(dimm, &neighbours));
        found.extend(odd_size(dimm, &neighbours));
    }
    let installed = fitted.iter().map(|dimm| dimm.size).sum::<u64>();
    found.extend(unseen(memory.total + carved(inventory, installed.saturating_sub(memory.total)), &fitted));
}

fn is_alike(one: &Dimm, other: &Dimm) -> bool {
    one.kind == other.kind && one.technology == other.technology
}

/// A slow module makes the firmware run all at its pace, so what it can do counts, not only what it does.
fn slow(dimm: &Dimm, neighbours: &[&&Dimm]) -> Option<Finding> {
    let is_below = |speed: fn(&Dimm) -> Option<u64>| {
        let (usual, _) = usual(neighbours.iter().filter_map(|dimm| speed(dimm)))?;
        speed(dimm).filter(|speed| *speed < usual).map(|speed| (speed, usual))
    };
    if let Some((speed, usual)) = is_below(|dimm| dimm.speed) {
        let text = format!("DIMM slot {} slower than its neighbours: {speed} MT/s, theirs {usual} MT/s", dimm.slot);
        return Some(finding("dimm-slow", &dimm.identity, text));
    }
    let (speed, usual) = is_below(|dimm| dimm.configured_speed)?;
    let text = format!("DIMM slot {} runs at {speed} MT/s, its neighbours at {usual} MT/s", dimm.slot);
    Some(finding("dimm-slow", &dimm.identity, text))
}

/// One among at least four that are all alike: mixed pairs are a choice, an odd one out is none.
fn odd_size(dimm: &Dimm, neighbours: &[&&Dimm]) -> Option<Finding> {
    let (usual, count) = usual(neighbours.iter().map(|dimm| dimm.size))?;
    if dimm.size == usual || count < 3 || count + 1 != neighbours.len() {
        return None;
    }
    let gib = |bytes: u64| format!("{} GiB", bytes >> 30);
    let text = format!("DIMM slot {} has {}, each of its neighbours {}", dimm.slot, gib(dimm.size), gib(usual));
    Some(finding("dimm-size", &dimm.identity, text))
}

/// Memory that the firmware gave to graphics processors on the board: of what the kernel lacks, as much as they have. A card in a slot
/// brings its own.
fn carved(inventory: &Inventory, missing: u64) -> u64 {
    const FIRMWARE: u64 = 2 << 30;
    let given = inventory.gpus.iter().filter(|gpu| gpu.slot.is_empty()).filter_map(|gpu| gpu.memory).sum::<u64>();
    if inventory.memory.total > 0 && given <= missing.saturating_add(FIRMWARE) { given } else { 0 }
}

/// At least the smallest module is not there for the kernel: switched off after errors, or spared or mirrored by the firmware's set-up.
fn unseen(total: u64, fitted: &[&Dimm]) -> Option<Finding> {
    let ordinary =
        || fitted.iter().filter(|dimm| matches!(dimm.technology.as_str(), "" | "DRAM") && dimm.kind != "Flash");
    let (installed, smallest) =
        (ordinary().map(|dimm| dimm.size).sum::<u64>(), ordinary().map(|dimm| dimm.size).min()?);
    // The firmware and the kernel keep some for themselves; that is never a module of a machine with several.
    if fitted.len() < 2 || total == 0 || installed.saturating_sub(total) < smallest {
        return None;
    }
    let (installed, total) = (installed >> 30, total >> 30);
    let text =
        format!("modules of {installed} GiB are fitted, the kernel has {total} GiB: switched off, spared or mirrored");
    Some(finding("memory-unseen", "memory", text))
}

#[cfg(test)]
mod tests {
    use super::super::texts;
    use super::*;

    fn dimm(slot: &str, gib: u64, speed: u64, configured: u64) -> Dimm {
        Dimm {
            slot: slot.into(),
            size: gib << 30,
            speed: Some(speed),
            configured_speed: Some(configured),
            ..Dimm::default()
        }
    }

    fn seen(total_gib: u64, dimms: Vec<Dimm>) -> Vec<String> {
        let mut inventory = Inventory::default();
        (inventory.memory.total, inventory.memory.dimms) = (total_gib << 30, dimms);
        texts(|found| look(&inventory, found))
    }

    #[test]
    fn a_slow_module_is_pointed_out() {
        let rated = vec![dimm("A1", 16, 4800, 4400), dimm("A2", 16, 4400, 4400), dimm("B1", 16, 4800, 4400)];
        assert_eq!(seen(48, rated), ["DIMM slot A2 slower than its neighbours: 4400 MT/s, theirs 4800 MT/s"]);
        let run = vec![dimm("A1", 16, 4800, 4800), dimm("A2", 16, 4800, 4000), dimm("B1", 16, 4800, 4800)];
        assert_eq!(seen(48, run), ["DIMM slot A2 runs at 4000 MT/s, its neighbours at 4800 MT/s"]);
        let all = vec![dimm("A1", 16, 4800, 4400), dimm("A2", 16, 4800, 4400)];
        assert!(seen(32, all).is_empty(), "two modules on a channel run slower by design");
        let mut optane = dimm("A2", 128, 2666, 2666);
        optane.technology = "Optane".into();
        assert!(seen(16, vec![dimm("A1", 16, 3200, 3200), optane]).is_empty(), "another technology");
    }

    #[test]
    fn an_odd_size_is_pointed_out_and_a_mixed_pair_is_not() {
        let of = |sizes: &[u64]| sizes.iter().map(|size| dimm("A", *size, 1, 1)).collect::<Vec<_>>();
        assert_eq!(seen(112, of(&[32, 32, 32, 16])), ["DIMM slot A has 16 GiB, each of its neighbours 32 GiB"]);
        assert!(seen(96, of(&[32, 32, 16, 16])).is_empty() && seen(24, of(&[16, 8])).is_empty());
    }

    #[test]
    fn memory_that_the_kernel_does_not_get_is_pointed_out() {
        let modules = || vec![dimm("A", 16, 1, 1), dimm("B", 16, 1, 1)];
        assert_eq!(
            seen(15, modules()),
            ["modules of 32 GiB are fitted, the kernel has 15 GiB: switched off, spared or mirrored"]
        );
        assert!(seen(31, modules()).is_empty() && seen(0, modules()).is_empty());
    }
}
