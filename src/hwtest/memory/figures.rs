//! How quick memory is: all threads of a node together, and the time of one read.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::sync::Barrier;
use std::time::{Duration, Instant};

use shakedown_kernels::memory::{Block, Store, chase, copy_block, read, write};

use super::super::metric::Metric;
use super::super::report::Report;
use super::team::{Team, Worker};

/// Reads of a chain that are timed.
const STEPS: u64 = 500_000;
/// Best of so many.
const TRIES: usize = 3;
const GIB: f64 = (1_u64 << 30) as f64;

/// Measures every node. What the memory held is lost.
pub(super) fn measure(team: &mut Team<'_>, report: &mut Report, time: Duration) {
    let mut nodes: Vec<String> = team.workers.iter().map(|worker| worker.node.clone()).collect();
    nodes.dedup();
    let isa = team.isa;
    let turn = time / u32::try_from(nodes.len() * 3 * TRIES).unwrap_or(u32::MAX).max(1);
    for node in nodes {
        team.control.enter(&format!("figures of {node}"));
        let rate = |team: &mut Team<'_>, work: &(dyn Fn(&mut Worker) -> u64 + Sync)| {
            (0..TRIES).map(|_| together(team, &node, turn, work)).fold(0.0, f64::max)
        };
        let reads = rate(team, &|worker| {
            worker
                .pieces
                .iter_mut()
                .map(|piece| {
                    std::hint::black_box(read(piece, isa));
                    piece.bytes() as u64
                })
                .next()
                .unwrap_or(0)
        });
        let writes = rate(team, &|worker| {
            worker
                .pieces
                .iter_mut()
                .map(|piece| {
                    write(piece, isa);
                    piece.bytes() as u64
                })
                .next()
                .unwrap_or(0)
        });
        let copies = rate(team, &|worker| copied(worker, isa));
        report.measure(Metric::MemoryRead, node.as_str(), rounded(reads));
        report.measure(Metric::MemoryWrite, node.as_str(), rounded(writes));
        report.measure(Metric::MemoryCopy, node.as_str(), rounded(copies));
        if let Some(piece) = team.workers.iter_mut().find(|one| one.node == node).and_then(|one| one.pieces.first_mut())
        {
            report.measure(Metric::MemoryLatency, node.as_str(), rounded(chase(piece, STEPS)));
        }
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Copies the first half of a piece to its second half.
fn copied(worker: &mut Worker, isa: shakedown_kernels::Isa) -> u64 {
    let blocks = worker.pieces.first().map_or(0, |piece| piece.bytes() / Block::BYTES) / 2;
    for number in 0..blocks {
        let (from, to) = (Block { piece: 0, number }, Block { piece: 0, number: number + blocks });
        std::hint::black_box(copy_block(&mut worker.pieces, from, to, Store::Cached, isa));
    }
    (blocks * Block::BYTES) as u64
}

/// GiB/s of all threads of a node that do the same for a while.
fn together(team: &mut Team<'_>, node: &str, turn: Duration, work: &(dyn Fn(&mut Worker) -> u64 + Sync)) -> f64 {
    let count = team.workers.iter().filter(|worker| worker.node == node && !worker.pieces.is_empty()).count();
    let barrier = Barrier::new(count.max(1));
    let sum = std::sync::Mutex::new(0.0);
    team.together(|worker| {
        if worker.node != node || worker.pieces.is_empty() {
            return;
        }
        barrier.wait();
        let start = Instant::now();
        let mut bytes = 0;
        while bytes == 0 || start.elapsed() < turn {
            bytes += work(worker);
        }
        let rate = bytes as f64 / GIB / start.elapsed().as_secs_f64();
        *sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += rate;
    });
    sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
