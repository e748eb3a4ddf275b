//! The threads with their memory, and what all of them share: time, progress, and the reason to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use shakedown_kernels::memory::{Cells, Direction, Element, Misses, Run};
use shakedown_kernels::{Isa, Piece, place};

use super::limits::available;
use super::plan::Plan;
use crate::host::Host;

/// State that all threads share.
pub(super) struct Control {
    /// When every pass ends.
    pub(super) end: Instant,
    /// The first pass is over. Until then each thread tests its first piece, however late it is: a test that found no time would say
    /// nothing of healthy memory in a busy machine.
    has_passed: AtomicBool,
    /// Bytes that were written or read.
    pub(super) done: AtomicU64,
    /// Wrong words until now.
    pub(super) errors: AtomicU64,
    /// Current phase of the threads.
    phase: Mutex<String>,
    /// Why the test stops early.
    stopped: Mutex<Option<String>>,
}

impl Control {
    pub(super) fn until(end: Instant) -> Self {
        Control {
            end,
            has_passed: AtomicBool::new(false),
            done: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            phase: Mutex::new("taking memory".to_owned()),
            stopped: Mutex::new(None),
        }
    }

    /// No more passes: the time is over, or somebody else needs the memory.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end || self.stopped().is_some()
    }

    /// True if a thread skips its next piece, after `after` pieces.
    fn leaves_out(&self, after: usize) -> bool {
        self.stopped().is_some() || (self.is_over() && (after > 0 || self.has_passed.load(Ordering::Relaxed)))
    }

    /// The first pass is over.
    pub(super) fn passed(&self) {
        self.has_passed.store(true, Ordering::Relaxed);
    }

    pub(super) fn stop(&self, why: &str) {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.to_owned());
    }

    pub(super) fn stopped(&self) -> Option<String> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn enter(&self, phase: &str) {
        phase.clone_into(&mut self.phase.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn phase(&self) -> String {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A thread's memory and what it found there.
pub(super) struct Worker {
    /// Name of the node.
    pub(super) node: String,
    /// Processor.
    pub(super) cpu: usize,
    /// The memory.
    pub(super) pieces: Vec<Piece>,
    /// How many of the pieces were written by the pass at hand, from the first on.
    written: usize,
    /// How many of the pieces were written and checked completely at least once, from the first on.
    pub(super) tested: usize,
    /// Wrong words.
    pub(super) misses: Misses,
    /// Blocks whose checksum was wrong when they were copied, and whose words were right when they were read again.
    pub(super) passing: u64,
    /// Why it has less memory than planned.
    pub(super) refused: Option<String>,
}

/// All threads.
pub(super) struct Team<'a> {
    pub(super) workers: Vec<Worker>,
    pub(super) control: &'a Control,
    pub(super) isa: Isa,
    /// The byte in the first piece of the first thread that is made wrong before each check.
    pub(super) spoilt: Option<usize>,
    /// All memory was written since the last check.
    is_fresh: bool,
}

impl<'a> Team<'a> {
    /// Takes the memory of a plan: each thread on its processor, piece by piece, as long as the machine has enough for others. Taking ends
    /// at `end` at the latest, and never before each thread has a piece.
    pub(super) fn gather(plan: &Plan, host: &Host, reserve: u64, control: &'a Control, end: Instant) -> Team<'a> {
        let take = |part: &super::plan::Part| {
            let mut worker = Worker {
                node: part.node.clone(),
                cpu: part.cpu,
                pieces: Vec::new(),
                written: 0,
                tested: 0,
                misses: Misses::default(),
                passing: 0,
                refused: place::pin(part.cpu)
                    .err()
                    .map(|error| format!("cannot run on processor {}: {error}", part.cpu)),
            };
            let mut taken = 0;
            while worker.refused.is_none() && taken + part.piece <= part.bytes {
                if !worker.pieces.is_empty() && (Instant::now() >= end || control.is_over()) {
                    worker.refused = Some("there was no time to take more memory".to_owned());
                } else if available(host).is_some_and(|bytes| bytes < reserve + part.piece) {
                    worker.refused = Some("other programs took memory meanwhile".to_owned());
                } else {
                    match Piece::get(usize::try_from(part.piece).unwrap_or(usize::MAX)) {
                        Ok(piece) => worker.pieces.push(piece),
                        Err(refusal) => worker.refused = Some(refusal.to_string()),
                    }
                    taken += part.piece;
                    control.done.fetch_add(part.piece, Ordering::Relaxed);
                }
            }
            worker
        };
        let workers = thread::scope(|scope| {
            let threads: Vec<_> = plan.parts.iter().map(|part| scope.spawn(move || take(part))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        Team { workers, control, isa: Isa::best(), spoilt: None, is_fresh: false }
    }

    /// Bytes of all pieces.
    pub(super) fn bytes(&self) -> u64 {
        self.workers.iter().flat_map(|worker| &worker.pieces).map(|piece| piece.bytes() as u64).sum()
    }

    /// Writes all pieces in a new way.
    pub(super) fn write(&mut self, work: impl Fn(&mut Piece, Isa) + Sync) {
        let (control, isa) = (self.control, self.isa);
        self.is_fresh = true;
        self.together(|worker| {
            worker.written = 0;
            for piece in &mut worker.pieces {
                if control.leaves_out(worker.written) {
                    break;
                }
                work(piece, isa);
                worker.written += 1;
                control.done.fetch_add(piece.bytes() as u64, Ordering::Relaxed);
            }
        });
    }

    /// Checks all pieces that were written, from the last to the first if asked for. What the time leaves unchecked does not count as
    /// written any more.
    pub(super) fn check(&mut self, downwards: bool, work: impl Fn(&mut Piece, Isa, &mut Misses) + Sync) {
        let (control, isa) = (self.control, self.isa);
        self.spoil();
        self.together(|worker| {
            let Worker { pieces, written, misses, .. } = worker;
            let mut checked = 0;
            let before = misses.total;
            let mut visit = |piece: &mut Piece| {
                if !control.leaves_out(checked) {
                    work(piece, isa, misses);
                    checked += 1;
                    control.done.fetch_add(piece.bytes() as u64, Ordering::Relaxed);
                }
            };
            if downwards {
                pieces[..*written].iter_mut().rev().for_each(&mut visit);
            } else {
                pieces[..*written].iter_mut().for_each(&mut visit);
            }
            control.errors.fetch_add(misses.total - before, Ordering::Relaxed);
            if checked == *written || !downwards {
                worker.tested = worker.tested.max(checked);
            }
        });
    }

    /// Makes the word wrong that a test of this test asked for. A word that nobody wrote since is wrong already.
    fn spoil(&mut self) {
        if !std::mem::take(&mut self.is_fresh) {
            return;
        }
        if let (Some(offset), Some(worker)) = (self.spoilt, self.workers.first_mut())
            && worker.written > 0
            && let Some(piece) = worker.pieces.first_mut()
        {
            piece.spoil(offset);
        }
    }

    /// Runs something in all threads, each on its processor, and waits for the last one.
    pub(super) fn together(&mut self, work: impl Fn(&mut Worker) + Sync) {
        let work = &work;
        thread::scope(|scope| {
            for worker in &mut self.workers {
                scope.spawn(move || {
                    let _ = place::pin(worker.cpu); // a processor that went away: the words are tested all the same
                    work(worker);
                });
            }
        });
    }
}

impl Cells for Team<'_> {
    fn element(&mut self, element: Element, background: u64) -> bool {
        let run = Run { element, background };
        let pass = move |piece: &mut Piece, isa: Isa, misses: &mut Misses| {
            shakedown_kernels::memory::run(piece, run, isa, misses);
        };
        if element.read.is_none() {
            self.write(|piece, isa| pass(piece, isa, &mut Misses::default()));
        } else {
            self.check(element.direction == Direction::Down, pass);
            self.is_fresh = element.write.is_some();
        }
        !self.control.is_over()
    }
}
