//! Processors and the memory next to them, as the kernel describes them.

use std::collections::BTreeSet;

use crate::host::Host;

/// Memory with the processors next to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Number.
    pub(super) id: u32,
    /// Processors that this process may use, in ascending order.
    pub(super) cpus: Vec<usize>,
    /// Bytes that could be given: free, or pages of files.
    pub(super) available: u64,
}

impl Node {
    /// How findings name it.
    pub(super) fn name(&self) -> String {
        format!("node{}", self.id)
    }
}

/// The nodes of a machine, of which this process may use the processors `allowed`. A kernel that knows no nodes has one.
pub(super) fn nodes(host: &Host, allowed: &[usize]) -> Vec<Node> {
    const TOP: &str = "/sys/devices/system/node";
    let ids = host.list(TOP).into_iter().filter_map(|name| name.strip_prefix("node")?.parse::<u32>().ok());
    let mut nodes: Vec<Node> = ids.map(|id| node(host, &format!("{TOP}/node{id}"), id, allowed)).collect();
    nodes.sort_by_key(|node| node.id);
    nodes.retain(|node| node.available > 0 || !node.cpus.is_empty());
    if nodes.is_empty() {
        nodes.push(Node { id: 0, cpus: allowed.to_vec(), available: u64::MAX });
    }
    nodes
}

fn node(host: &Host, folder: &str, id: u32, allowed: &[usize]) -> Node {
    let own = range(&host.text(format!("{folder}/cpulist")).unwrap_or_default());
    let meminfo = host.text(format!("{folder}/meminfo")).unwrap_or_default();
    let bytes = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.split_once(key).map(|(_, rest)| rest));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0).saturating_mul(1024)
    };
    let available = bytes("MemFree:") + bytes("Active(file):") + bytes("Inactive(file):");
    Node { id, cpus: allowed.iter().copied().filter(|cpu| own.contains(cpu)).collect(), available }
}

/// The first processor of each core of some processors.
pub(super) fn one_a_core(host: &Host, cpus: &[usize]) -> Vec<usize> {
    let mut taken = BTreeSet::new();
    let mut first = Vec::new();
    for cpu in cpus {
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        if taken.insert(*cpu) {
            first.push(*cpu);
        }
        taken.extend(range(&host.text(path).unwrap_or_default()));
    }
    first
}

/// The numbers of a list as the kernel writes it: `0-3,8`.
pub(super) fn range(text: &str) -> BTreeSet<usize> {
    let mut numbers = BTreeSet::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<usize>(), last.trim().parse::<usize>()) {
            // More than any kernel has are no processors.
            numbers.extend(first..=last.min(first.saturating_add(1 << 16)));
        }
    }
    numbers
}

/// True if this is a virtual machine, where rates, clocks and physical addresses mean little.
pub(super) fn is_virtual(host: &Host) -> bool {
    let cpuinfo = host.text("/proc/cpuinfo").unwrap_or_default();
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"))
        || host.exists("/sys/hypervisor/type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    #[test]
    fn a_list_of_processors_is_read_as_the_kernel_writes_it() {
        assert_eq!(range("0-2,5,7-8\n"), BTreeSet::from([0, 1, 2, 5, 7, 8]));
        assert_eq!(range(""), BTreeSet::new());
        assert_eq!(range("x-3,4-"), BTreeSet::new());
    }

    #[test]
    fn a_node_has_the_processors_that_this_process_may_use_and_one_of_each_core_works() {
        let (_root, host) = machine_of(&[
            ("sys/devices/system/node/node0/cpulist", "0-3"),
            ("sys/devices/system/node/node0/meminfo", "Node 0 MemFree: 100 kB\nNode 0 Inactive(file): 24 kB"),
            ("sys/devices/system/node/node1/cpulist", ""),
            ("sys/devices/system/node/node1/meminfo", "Node 1 MemFree: 7 kB"),
            ("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2"),
            ("sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,3"),
            ("sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "0,2"),
        ]);
        let nodes = nodes(&host, &[0, 1, 2]);
        assert_eq!(nodes[0], Node { id: 0, cpus: vec![0, 1, 2], available: 124 * 1024 });
        assert_eq!(nodes[1], Node { id: 1, cpus: vec![], available: 7 * 1024 });
        assert_eq!(one_a_core(&host, &nodes[0].cpus), [0, 1]);
    }

    #[test]
    fn a_kernel_without_nodes_has_one() {
        let (_root, host) = machine_of(&[("proc/x", "")]);
        assert_eq!(nodes(&host, &[0, 1]), [Node { id: 0, cpus: vec![0, 1], available: u64::MAX }]);
    }
}
