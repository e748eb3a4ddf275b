//! Copies with checksums between blocks in random order, on all processors at once, as a busy machine uses memory.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use shakedown_kernels::memory::{Block, Generator, Store, Sum, check_block, copy_block, fill, random, sum_of};
use shakedown_kernels::{Isa, Piece};

use super::team::{Control, Team, Worker};

/// Most blocks of a thread: a gibibyte.
const MOST: usize = 1024;
/// Words of a block.
const WORDS: u64 = (Block::BYTES / 8) as u64;

/// Copies for a while in all threads.
pub(super) fn load(team: &mut Team<'_>, seed: u64, time: Duration) {
    let (control, isa) = (team.control, team.isa);
    let end = (Instant::now() + time).min(control.end);
    let seed = |worker: &Worker| random(seed ^ worker.cpu as u64);
    team.together(|worker| {
        if worker.pieces.is_empty() || Instant::now() >= end {
            return;
        }
        let seed = seed(worker);
        for piece in &mut worker.pieces {
            fill(piece, Generator::Random { seed }, Store::Streaming, isa);
        }
        let mut blocks = Blocks::of(&worker.pieces, seed);
        blocks.work(worker, control, isa, end);
    });
}

/// The blocks of a thread: some are full, and some are empty for what is copied next.
struct Blocks {
    seed: u64,
    /// Full blocks: place, the number of the first word that the block holds, its checksum.
    full: Vec<(Block, u64, Sum)>,
    empty: Vec<Block>,
}

impl Blocks {
    /// Three fifths are full. Each block of a piece holds the words of its own place there.
    fn of(pieces: &[Piece], seed: u64) -> Blocks {
        let all = Block::all(pieces);
        let step = all.len().div_ceil(MOST).max(1);
        let (mut full, mut empty) = (Vec::new(), Vec::new());
        for (at, block) in all.into_iter().step_by(step).enumerate() {
            if at % 5 < 3 {
                let first = block.number as u64 * WORDS;
                full.push((block, first, sum_of(seed, first)));
            } else {
                empty.push(block);
            }
        }
        if empty.is_empty() {
            empty.extend(full.pop().map(|(block, _, _)| block));
        }
        Blocks { seed, full, empty }
    }

    fn work(&mut self, worker: &mut Worker, control: &Control, isa: Isa, end: Instant) {
        let mut step = self.seed;
        while !self.full.is_empty() && !self.empty.is_empty() && Instant::now() < end && !control.is_over() {
            step = step.wrapping_add(1);
            let dice = random(step);
            let from = usize::try_from(dice >> 32).unwrap_or(0) % self.full.len();
            let to = usize::try_from(dice & 0xffff_ffff).unwrap_or(0) % self.empty.len();
            // A third goes past the caches, so that memory is written at once.
            let store = if dice.is_multiple_of(3) { Store::Streaming } else { Store::Cached };
            let (source, first, sum) = self.full[from];
            let target = self.empty[to];
            if copy_block(&mut worker.pieces, source, target, store, isa) == sum {
                self.full[from].0 = target;
                self.empty[to] = source;
            } else {
                self.wrong(worker, control, from, first);
            }
            control.done.fetch_add(2 * Block::BYTES as u64, Ordering::Relaxed);
        }
    }

    /// A block whose checksum is wrong is read again, word by word, and not used any more.
    fn wrong(&mut self, worker: &mut Worker, control: &Control, at: usize, first: u64) {
        let (block, _, _) = self.full.swap_remove(at);
        let before = worker.misses.total;
        check_block(&mut worker.pieces, block, Generator::Random { seed: self.seed }, first, &mut worker.misses);
        let words = worker.misses.total - before;
        worker.passing += u64::from(words == 0);
        control.errors.fetch_add(words.max(1), Ordering::Relaxed);
    }
}
