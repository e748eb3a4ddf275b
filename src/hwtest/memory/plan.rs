//! Who tests what: the memory of each node is filled in and tested by threads on that node's own processors.

use super::super::topology::Node;
use super::limits::Limits;

const MIB: u64 = 1 << 20;
/// A large page: no piece is smaller.
const SMALLEST: u64 = 2 * MIB;
/// Largest piece, and that of a test of a minute or less: each thread tests one, however short the time is.
const LARGEST: u64 = 1024 * MIB;
const LARGEST_OF_SHORT: u64 = 256 * MIB;
/// Seconds of a short test. One of a few seconds has pieces of a quarter of that.
const SHORT: u64 = 60;
const FEW: u64 = 10;
/// Pieces of each thread, so that all end at about the same time.
const PIECES: u64 = 4;

/// The part of one thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Name of the node.
    pub(super) node: String,
    /// Processor.
    pub(super) cpu: usize,
    /// Bytes that the thread takes.
    pub(super) bytes: u64,
    /// Bytes of each of its pieces.
    pub(super) piece: u64,
}

/// The parts of all threads, and what no thread gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// One for each thread.
    pub(super) parts: Vec<Part>,
    /// Parts that cannot be tested, and why: one sentence each.
    pub(super) not_tested: Vec<String>,
}

impl Plan {
    /// A plan for nodes whose processors are one for each core, and a test of so many seconds.
    pub(super) fn new(limits: &Limits, nodes: &[Node], seconds: u64) -> Plan {
        let largest = match seconds {
            ..FEW => LARGEST_OF_SHORT / 4,
            FEW..=SHORT => LARGEST_OF_SHORT,
            _ => LARGEST,
        };
        let mut plan = Plan { parts: Vec::new(), not_tested: limits.reasons() };
        let (near, far): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| !node.cpus.is_empty());
        for node in far {
            let mib = node.available / MIB;
            plan.not_tested.push(format!("{}: {mib} MiB without a processor next to it.", node.name()));
        }
        let sum: u128 = near.iter().map(|node| u128::from(node.available)).sum();
        for node in near {
            // The reserve of the machine is left on each node in proportion to the node's available memory.
            let share = u128::from(limits.budget()) * u128::from(node.available) / sum.max(1);
            let share = u64::try_from(share).unwrap_or(u64::MAX).min(node.available);
            plan.parts.extend(parts(node, share, largest));
        }
        plan
    }

    /// All bytes of the plan.
    pub(super) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}

fn parts(node: &Node, bytes: u64, largest: u64) -> Vec<Part> {
    let pieces = bytes / SMALLEST;
    let threads = (node.cpus.len() as u64).min(pieces);
    if threads == 0 {
        return Vec::new();
    }
    let each = pieces / threads * SMALLEST;
    let piece = (each / PIECES / SMALLEST * SMALLEST).clamp(SMALLEST, largest);
    let cpus = node.cpus.iter().take(usize::try_from(threads).unwrap_or(usize::MAX));
    cpus.map(|cpu| Part { node: node.name(), cpu: *cpu, bytes: each, piece }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(available: u64, lock: Option<u64>) -> Limits {
        Limits { total: available * 2, available, reserve: 512 * MIB, group: None, lock, most: None }
    }

    fn node(id: u32, cpus: usize, available: u64) -> Node {
        Node { id, cpus: (0..cpus).collect(), available }
    }

    #[test]
    fn a_large_machine_is_shared_out_by_its_nodes() {
        let gib = 1024 * MIB;
        let nodes = [node(0, 64, 512 * gib), node(1, 64, 512 * gib), node(2, 0, 128 * gib)];
        let plan = Plan::new(&limits(1000 * gib, None), &nodes, 900);
        assert_eq!(plan.parts.len(), 128);
        assert!(plan.bytes() > 990 * gib, "{}", plan.bytes());
        assert!(plan.parts.iter().all(|part| part.piece == LARGEST));
        assert!(plan.not_tested.iter().any(|text| text.contains("node2")), "{:?}", plan.not_tested);
        let short = Plan::new(&limits(1000 * gib, None), &nodes, 20);
        assert!(short.parts.iter().all(|part| part.piece == LARGEST_OF_SHORT), "a first piece is tested in seconds");
    }

    #[test]
    fn a_user_with_eight_mebibytes_has_four_pieces() {
        let plan = Plan::new(&limits(4096 * MIB, Some(8 * MIB)), &[node(0, 16, 4096 * MIB)], 20);
        assert_eq!((plan.parts.len(), plan.bytes()), (4, 8 * MIB));
    }

    proptest! {
        #[test]
        fn a_plan_never_takes_more_than_it_may(
            seconds in 0_u64..200, available in 0_u64..1 << 44, lock in prop::option::of(0_u64..1 << 40),
            nodes in prop::collection::vec((0_usize..200, 0_u64..1 << 43), 1..5),
        ) {
            let nodes: Vec<_> = (0..).zip(nodes).map(|(id, (cpus, free))| node(id, cpus, free)).collect();
            let limits = limits(available, lock);
            let plan = Plan::new(&limits, &nodes, seconds);
            prop_assert!(plan.bytes() <= limits.budget());
            for node in &nodes {
                let taken: u64 = plan.parts.iter().filter(|part| part.node == node.name()).map(|part| part.bytes).sum();
                prop_assert!(taken <= node.available);
            }
            for part in &plan.parts {
                prop_assert!(part.piece >= SMALLEST && part.piece <= LARGEST && part.piece <= part.bytes.max(SMALLEST));
                prop_assert!(part.piece % SMALLEST == 0 && part.bytes >= SMALLEST);
            }
        }
    }
}
