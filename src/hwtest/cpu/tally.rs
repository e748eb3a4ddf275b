//! Records of the work of each processor, and the state that all threads share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use shakedown_kernels::cpu::{Answer, Kernel, WORDS};
use shakedown_kernels::place;

use super::super::wait::Standing;
use super::clock;

/// Most wrong answers of a processor that are kept in full.
const KEPT: usize = 20;
/// Most clocks of a processor that are kept.
const CLOCKS: usize = 1000;
/// How often work with a wrong answer is repeated at once.
const REPEATS: u32 = 10;

/// A kernel with seeds whose answers are known.
pub(super) struct Task {
    pub(super) kernel: Kernel,
    pub(super) known: Vec<(u64, Answer)>,
}

/// One wrong answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Name of the kernel.
    pub(super) kernel: &'static str,
    pub(super) seed: u64,
    /// The first wrong word: its number, what it must be, what it was.
    pub(super) word: usize,
    pub(super) expected: u64,
    pub(super) got: u64,
    /// How many of ten repetitions on the same processor were wrong, too.
    pub(super) again: u32,
}

/// Work of one processor: rounds, wrong answers, waiting and clocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) cpu: usize,
    /// Rounds and the nanoseconds that the processor worked for them, for each task, while all processors did the same.
    pub(super) paced: Vec<(u64, u64)>,
    /// All rounds.
    pub(super) rounds: u64,
    pub(super) wrong: Vec<Wrong>,
    pub(super) wrong_total: u64,
    /// How long its thread worked, and waited for the processor.
    pub(super) standing: Standing,
    /// Blocks after which the thread was on another processor.
    pub(super) moved: u64,
    /// Why there was no work on it.
    pub(super) barred: Option<String>,
    /// Megahertz under the load of all processors, after each block of work, and how long that load was.
    pub(super) clocks: Vec<u64>,
    pub(super) in_step: Duration,
    /// The highest megahertz while it worked alone.
    pub(super) clock_alone: Option<u64>,
}

/// Work of the other processors while one is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// They rest.
    Rest,
    /// All processors run the same kernel, begun in step: only then can paces be compared.
    Same,
    /// Something else.
    Other,
}

/// State that all threads share.
pub(super) struct Control {
    pub(super) rounds: AtomicU64,
    pub(super) errors: AtomicU64,
    phase: Mutex<String>,
    /// The processor whose answers are made wrong, for tests of this test.
    pub(super) spoilt: Option<usize>,
}

impl Control {
    pub(super) fn new(spoilt: Option<usize>) -> Self {
        let (rounds, errors) = (AtomicU64::new(0), AtomicU64::new(0));
        Control { rounds, errors, phase: Mutex::new("known answers".to_owned()), spoilt }
    }

    pub(super) fn enter(&self, phase: &str) {
        phase.clone_into(&mut self.phase.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn phase(&self) -> String {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tally {
    pub(super) fn of(cpu: usize, tasks: usize) -> Tally {
        Tally { cpu, paced: vec![(0, 0); tasks], ..Tally::default() }
    }

    /// Works on one task until a time, at least once. Rounds count for the pace only where all processors do the same.
    pub(super) fn block(&mut self, tasks: &[Task], at: usize, until: Instant, beside: Beside, control: &Control) {
        let start = Instant::now();
        let before = Standing::of_this_thread();
        let task = &tasks[at];
        let mut rounds = 0;
        while rounds == 0 || Instant::now() < until {
            for (seed, known) in &task.known {
                self.round(task.kernel, *seed, known, control);
                rounds += 1;
            }
        }
        let took = Standing::of_this_thread().since(before);
        self.standing.join(took);
        self.rounds += rounds;
        self.moved += u64::from(place::here() != self.cpu);
        match beside {
            Beside::Rest => self.clock_alone = self.clock_alone.max(clock::now(self.cpu)),
            Beside::Same => {
                self.paced[at].0 += rounds;
                self.paced[at].1 += took.ran;
                self.in_step += start.elapsed();
                if self.clocks.len() < CLOCKS {
                    self.clocks.extend(clock::now(self.cpu));
                }
            }
            Beside::Other => {}
        }
        control.rounds.fetch_add(rounds, Ordering::Relaxed);
    }

    fn round(&mut self, kernel: Kernel, seed: u64, known: &Answer, control: &Control) {
        let is_spoilt = control.spoilt == Some(self.cpu);
        let answer = |_| {
            let mut answer = kernel.work(seed);
            answer[0] ^= u64::from(is_spoilt);
            answer
        };
        let got = answer(0);
        if got == *known {
            return;
        }
        self.wrong_total += 1;
        control.errors.fetch_add(1, Ordering::Relaxed);
        if self.wrong.len() < KEPT {
            let word = (0..WORDS).find(|word| got[*word] != known[*word]).unwrap_or(0);
            let again = (0..REPEATS).filter(|time| answer(*time) != *known).count();
            self.wrong.push(Wrong {
                kernel: kernel.name,
                seed,
                word,
                expected: known[word],
                got: got[word],
                again: u32::try_from(again).unwrap_or(REPEATS),
            });
        }
    }

    /// Share of the time that the thread wanted to work and waited, because something else ran there.
    pub(super) fn disturbed(&self) -> f64 {
        self.standing.share()
    }
}
