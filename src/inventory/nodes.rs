//! NUMA nodes across topics. A region refuses a whole inventory (contract RESOURCES §3.2) in which a device stands on a node
//! that neither a processor nor memory names, or in which there are USB devices and no node 0, where it puts them. Both happen:
//! where processors could not be read, where a node has neither, and where the firmware numbers nodes from 1.

use std::collections::BTreeSet;

use super::resources::Resources;
use super::{Gap, MemoryNode, Topic};

/// Puts devices on unknown nodes onto the lowest known one, and adds an empty node 0 where USB devices need it.
pub(super) fn settle(resources: &mut Resources) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut known = known(resources);
    if !resources.usb.devices.is_empty() && known.insert(0) {
        resources.memory.nodes.insert(0, MemoryNode::default());
        let reason = "there is no node 0, where a region puts USB devices; an empty one is told";
        gaps.push(Gap::of_file(Topic::Memory, "/sys/devices/system/node", reason));
    }
    let lowest = known.first().copied().unwrap_or(0);
    for (topic, name, node) in devices(resources) {
        if !known.contains(node) {
            let reason = format!("NUMA node {node} has neither processors nor memory; told as {lowest}");
            gaps.push(Gap::of_file(topic, name, reason));
            *node = lowest;
        }
    }
    gaps
}

/// The nodes that a region knows of a machine: without any node of memory it takes all memory for node 0.
fn known(resources: &Resources) -> BTreeSet<u64> {
    let cores = resources.cpu.sockets.iter().flat_map(|socket| &socket.cores);
    let of_threads = cores.flat_map(|core| &core.threads).map(|thread| thread.numa_node);
    let mut known: BTreeSet<u64> = of_threads.collect();
    known.extend(resources.memory.nodes.iter().map(|node| node.numa_node));
    if resources.memory.nodes.is_empty() {
        known.insert(0);
    }
    known
}

/// Topic, name and node of everything that stands on a node.
fn devices(resources: &mut Resources) -> impl Iterator<Item = (Topic, &str, &mut u64)> {
    let Resources { network, storage, pci, gpu, .. } = resources;
    let network = network.cards.iter_mut().flat_map(|card| {
        let functions = card.sriov.iter_mut().flat_map(|sriov| sriov.vfs.iter_mut().flatten());
        let functions = functions.map(|one| (Topic::Network, one.pci_address.as_str(), &mut one.numa_node));
        functions.chain([(Topic::Network, card.pci_address.as_str(), &mut card.numa_node)])
    });
    let gpu = gpu.cards.iter_mut().flat_map(|card| {
        let functions = card.sriov.iter_mut().flat_map(|sriov| sriov.vfs.iter_mut().flatten());
        let functions = functions.map(|one| (Topic::Gpu, one.pci_address.as_str(), &mut one.numa_node));
        functions.chain([(Topic::Gpu, card.pci_address.as_str(), &mut card.numa_node)])
    });
    let disks = storage.disks.iter_mut().map(|disk| (Topic::Storage, disk.id.as_str(), &mut disk.numa_node));
    let functions = pci.devices.iter_mut().map(|one| (Topic::Pci, one.pci_address.as_str(), &mut one.numa_node));
    network.chain(gpu).chain(disks).chain(functions)
}
