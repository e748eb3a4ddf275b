//! How quick memory is: all threads of a node together, and the time of one read; for each pair of nodes, too.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use shakedown_kernels::memory::{Block, Store, chain, copy_block, follow, read, write};
use shakedown_kernels::{Isa, place};

use super::super::metric::Metric;
use super::super::report::Report;
use super::super::wait::{Standing, Stolen};
use super::team::{Team, Worker};
use crate::host::Host;

/// Reads of a chain that are timed: next to the memory, and from another node.
const STEPS: u64 = 500_000;
const STEPS_FAR: u64 = 100_000;
/// Lines between the beginnings of two ways along a chain, so that none finds what another one left in a cache.
const APART: u64 = 1_000_003;
/// Best of so many.
const TRIES: usize = 3;
/// Most nodes of which each pair is measured.
const MOST_NODES: usize = 16;
const GIB: f64 = (1_u64 << 30) as f64;

/// State of the measurements: the threads, the time of one rate, and how long threads waited for processors.
struct Meter<'a, 'b> {
    team: &'a mut Team<'b>,
    /// Nodes by name, each with its processors.
    nodes: Vec<(String, Vec<usize>)>,
    /// Time of one rate.
    turn: Duration,
    standing: Standing,
    /// Ways along chains that were followed.
    ways: u64,
}

/// Measures every node, and every pair of them. What the memory held is lost.
pub(super) fn measure(team: &mut Team<'_>, host: &Host, report: &mut Report, time: Duration) {
    let mut nodes: Vec<(String, Vec<usize>)> = Vec::new();
    for worker in team.workers.iter().filter(|worker| !worker.pieces.is_empty()) {
        match nodes.iter_mut().find(|(name, _)| *name == worker.node) {
            Some((_, cpus)) => cpus.push(worker.cpu),
            None => nodes.push((worker.node.clone(), vec![worker.cpu])),
        }
    }
    // Three rates of each node by several tries, and one of each further pair.
    let far = if nodes.len() > MOST_NODES { 0 } else { nodes.len().saturating_sub(1) };
    let rates = nodes.len() * (3 * TRIES + far);
    let turn = time / u32::try_from(rates).unwrap_or(u32::MAX).max(1);
    if nodes.len() > 1 {
        misplaced(team, host, report);
    }
    if nodes.len() > MOST_NODES {
        report.not_tested.push(format!("Figures of each pair of {} nodes: there are too many.", nodes.len()));
    }
    let stolen = Stolen::begin();
    let mut meter = Meter { team, nodes, turn, standing: Standing::default(), ways: 0 };
    for at in 0..meter.nodes.len() {
        meter.node(at, far > 0, report);
    }
    let share = meter.standing.share().max(stolen.share());
    report.waited("", share);
}

impl Meter<'_, '_> {
    /// The memory of one node, from its own processors and from those of the others.
    fn node(&mut self, at: usize, pairs: bool, report: &mut Report) {
        let (name, own) = self.nodes[at].clone();
        self.team.control.enter(&format!("figures of {name}"));
        let isa = self.team.isa;
        let best = |meter: &mut Self, work: &(dyn Fn(&mut Worker, usize) -> u64 + Sync)| {
            (0..TRIES).map(|_| meter.rate(&name, &own, work)).fold(0.0, f64::max)
        };
        let reads = best(self, &|worker, piece| reading(worker, piece, isa));
        let writes = best(self, &|worker, piece| {
            write(&mut worker.pieces[piece], isa);
            worker.pieces[piece].bytes() as u64
        });
        let copies = best(self, &|worker, piece| copied(worker, piece, isa));
        report.measure(Metric::MemoryRead, name.as_str(), rounded(reads));
        report.measure(Metric::MemoryWrite, name.as_str(), rounded(writes));
        report.measure(Metric::MemoryCopy, name.as_str(), rounded(copies));
        if let Some(worker) = self.team.workers.iter_mut().find(|one| one.node == name && !one.pieces.is_empty()) {
            chain(&mut worker.pieces[0]);
        }
        report.measure(Metric::MemoryLatency, name.as_str(), rounded(self.latency(&name, &own, STEPS)));
        let others: Vec<_> = self.nodes.iter().filter(|(other, _)| pairs && *other != name).cloned().collect();
        for (other, cpus) in others {
            self.team.control.enter(&format!("figures of {name} from {other}"));
            let pair = format!("{other}-{name}");
            report.measure(Metric::MemoryLatencyFar, pair.as_str(), rounded(self.latency(&name, &cpus, STEPS_FAR)));
            let reads = self.rate(&name, &cpus, &|worker, piece| reading(worker, piece, isa));
            report.measure(Metric::MemoryReadFar, pair.as_str(), rounded(reads));
        }
    }

    /// GiB/s of all threads with memory of a node, each on one of these processors, that do the same for a while.
    fn rate(&mut self, node: &str, cpus: &[usize], work: &(dyn Fn(&mut Worker, usize) -> u64 + Sync)) -> f64 {
        let turn = self.turn;
        let is_of_it = |worker: &&mut Worker| worker.node == node && !worker.pieces.is_empty();
        // Never more threads than processors: they would wait for each other.
        let workers: Vec<&mut Worker> = self.team.workers.iter_mut().filter(is_of_it).take(cpus.len()).collect();
        let barrier = Barrier::new(workers.len().max(1));
        let sum = Mutex::new((0.0, Standing::default()));
        thread::scope(|scope| {
            for (worker, cpu) in workers.into_iter().zip(cpus) {
                let (barrier, sum) = (&barrier, &sum);
                scope.spawn(move || {
                    let _ = place::pin(*cpu); // a processor that went away: the figure is one of this machine all the same
                    barrier.wait();
                    let (start, before) = (Instant::now(), Standing::of_this_thread());
                    let (mut bytes, mut pieces) = (0, (0..worker.pieces.len()).cycle());
                    while bytes == 0 || start.elapsed() < turn {
                        bytes += work(worker, pieces.next().unwrap_or(0)).max(1);
                    }
                    let rate = bytes as f64 / GIB / start.elapsed().as_secs_f64();
                    let stood = Standing::of_this_thread().since(before);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.0 += rate;
                    sum.1.join(stood);
                });
            }
        });
        let (rate, stood) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.standing.join(stood);
        rate
    }

    /// Nanoseconds of a read of a chain in the memory of a node, from the first of these processors.
    fn latency(&mut self, node: &str, cpus: &[usize], steps: u64) -> f64 {
        let cpu = cpus.first().copied();
        let worker = self.team.workers.iter_mut().find(|one| one.node == node && !one.pieces.is_empty());
        let Some((worker, cpu)) = worker.zip(cpu) else { return 0.0 };
        let way = self.ways * APART;
        self.ways += 1;
        let followed = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _ = place::pin(cpu); // as above
                let before = Standing::of_this_thread();
                let nanoseconds = follow(&mut worker.pieces[0], way, steps);
                (nanoseconds, Standing::of_this_thread().since(before))
            });
            thread.join().unwrap_or_default()
        });
        self.standing.join(followed.1);
        followed.0
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn reading(worker: &mut Worker, piece: usize, isa: Isa) -> u64 {
    std::hint::black_box(read(&mut worker.pieces[piece], isa));
    worker.pieces[piece].bytes() as u64
}

/// Copies the first half of a piece to its second half.
fn copied(worker: &mut Worker, piece: usize, isa: Isa) -> u64 {
    let blocks = worker.pieces[piece].bytes() / Block::BYTES / 2;
    for number in 0..blocks {
        let (from, to) = (Block { piece, number }, Block { piece, number: number + blocks });
        std::hint::black_box(copy_block(&mut worker.pieces, from, to, Store::Cached, isa));
    }
    (blocks * Block::BYTES) as u64
}

/// Reports how much memory of a node the kernel put elsewhere: figures of the node are not its own then.
fn misplaced(team: &Team<'_>, host: &Host, report: &mut Report) {
    let Some(text) = host.text("/proc/self/numa_maps") else { return };
    let mut nodes: Vec<&str> = team.workers.iter().map(|worker| worker.node.as_str()).collect();
    nodes.dedup();
    for node in nodes {
        let own = team.workers.iter().filter(|worker| worker.node == node).flat_map(|worker| &worker.pieces);
        let planned: u64 = own.map(|piece| piece.bytes() as u64).sum();
        let elsewhere = planned.saturating_sub(lies_on(&text, node));
        // The program's own pages are few.
        if elsewhere > planned / 50 {
            report.not_tested.push(format!(
                "{} MiB that were meant to lie on {node} lie on other nodes: the figures of {node} are not its own.",
                elsewhere >> 20
            ));
        }
    }
}

/// Bytes of this process on a node: ` N0=512 … kernelpagesize_kB=4` of `numa_maps` (numa(7)).
fn lies_on(numa_maps: &str, node: &str) -> u64 {
    let Some(number) = node.strip_prefix("node") else { return 0 };
    let of_line = |line: &str| -> Option<u64> {
        let value = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key)?.parse::<u64>().ok());
        Some(value(&format!("N{number}="))? * value("kernelpagesize_kB=").unwrap_or(4) * 1024)
    };
    numa_maps.lines().filter_map(of_line).sum()
}

#[cfg(test)]
mod tests {
    use super::super::super::topology::nodes;
    use super::super::limits::Limits;
    use super::super::plan::Plan;
    use super::super::team::Control;
    use super::*;
    use crate::host::machine_of;
    use crate::hwtest::{Kind, Level, Order};

    /// A machine that says of this one's processors that they are of different nodes.
    fn of_two_nodes() -> Option<Report> {
        let allowed = place::allowed().ok()?;
        let [first, second, ..] = allowed[..] else { return None };
        let (first, second) = (first.to_string(), second.to_string());
        let free = "Node 0 MemFree: 4194304 kB";
        let (_root, host) = machine_of(&[
            ("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 8388608 kB\n"),
            (
                "proc/self/numa_maps",
                "7f0 bind:0 anon=1 N0=1 kernelpagesize_kB=4\n7f1 anon=4 N0=4 kernelpagesize_kB=2048\n",
            ),
            ("sys/devices/system/node/node0/cpulist", &first),
            ("sys/devices/system/node/node0/meminfo", free),
            ("sys/devices/system/node/node1/cpulist", &second),
            ("sys/devices/system/node/node1/meminfo", free),
        ]);
        let mut limits = Limits::read(&host, None).ok()?;
        limits.most = Some(16 << 20);
        let plan = Plan::new(&limits, &nodes(&host, &allowed), 1);
        // The time is over before it begins, and each thread has a piece all the same.
        let control = Control::until(Instant::now());
        let mut team = Team::gather(&plan, &host, limits.reserve, &control, Instant::now());
        assert_eq!(team.workers.len(), 2);
        if team.workers.iter().any(|worker| worker.pieces.is_empty()) {
            return None; // this user may not lock memory
        }
        let order = Order { kind: Kind::Memory, level: Level::Smoke, seconds: 1, seed: 0, inject: None };
        let mut report = Report::new(&order);
        measure(&mut team, &host, &mut report, Duration::from_millis(10));
        Some(report)
    }

    #[test]
    fn each_node_has_its_figures_and_each_pair_has_two() {
        let Some(report) = of_two_nodes() else { return };
        let of = |metric: Metric| -> Vec<&str> {
            report.measurements.iter().filter(|one| one.metric == metric).map(|one| one.subject.as_str()).collect()
        };
        for metric in [Metric::MemoryRead, Metric::MemoryWrite, Metric::MemoryCopy, Metric::MemoryLatency] {
            assert_eq!(of(metric), ["node0", "node1"], "{metric}");
        }
        for metric in [Metric::MemoryReadFar, Metric::MemoryLatencyFar] {
            assert_eq!(of(metric), ["node1-node0", "node0-node1"], "{metric}: processors, then memory");
        }
        let is_more =
            |one: &crate::hwtest::Measurement| matches!(one.value, crate::hwtest::Value::Number(n) if n > 0.0);
        assert!(report.measurements.iter().all(|one| one.metric == Metric::Disturbed || is_more(one)), "{report:?}");
        assert_eq!(of(Metric::Disturbed), [""]);
        assert!(report.not_tested[0].contains("lie on node1 lie on other nodes"), "{:?}", report.not_tested);
    }

    #[test]
    fn pages_of_each_size_count_for_the_node_that_they_lie_on() {
        let text = "7f00 default anon=3 N0=2 N1=1 kernelpagesize_kB=4\n7f01 default N1=2 kernelpagesize_kB=2048\nx\n";
        assert_eq!((lies_on(text, "node0"), lies_on(text, "node1")), (8 << 10, (4 << 10) + (4 << 20)));
        assert_eq!((lies_on(text, "node10"), lies_on("N0=9999999999999999999999", "node0")), (0, 0));
    }
}
