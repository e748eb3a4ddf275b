//! What one processor did, and what it did wrong.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use shakedown_kernels::cpu::{Answer, Kernel, WORDS};
use shakedown_kernels::place;

/// Most wrong answers of a processor that are kept in full.
const KEPT: usize = 20;
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

/// What one processor did.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) cpu: usize,
    /// Rounds and the nanoseconds that the processor worked for them, for each task, while all processors did the same.
    pub(super) paced: Vec<(u64, u64)>,
    /// All rounds.
    pub(super) rounds: u64,
    pub(super) wrong: Vec<Wrong>,
    pub(super) wrong_total: u64,
    /// Nanoseconds that its thread worked, and that it waited for the processor.
    pub(super) worked: u64,
    pub(super) waited: u64,
    /// Blocks after which the thread was on another processor.
    pub(super) moved: u64,
    /// Why there was no work on it.
    pub(super) barred: Option<String>,
    /// Megahertz under load, as the kernel says.
    pub(super) clock: Option<u64>,
}

/// What all threads share.
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

    /// Works on one task until a time. Rounds count for the pace only where all processors do the same.
    pub(super) fn block(&mut self, tasks: &[Task], at: usize, until: Instant, is_paced: bool, control: &Control) {
        let before = standing();
        let task = &tasks[at];
        let mut rounds = 0;
        while rounds == 0 || Instant::now() < until {
            for (seed, known) in &task.known {
                self.round(task.kernel, *seed, known, control);
                rounds += 1;
            }
        }
        let after = standing();
        let worked = after.0.saturating_sub(before.0);
        self.worked += worked;
        self.waited += after.1.saturating_sub(before.1);
        self.rounds += rounds;
        self.moved += u64::from(place::here() != self.cpu);
        if is_paced {
            self.paced[at].0 += rounds;
            self.paced[at].1 += worked;
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
        self.waited as f64 / (self.worked + self.waited).max(1) as f64
    }
}

/// Nanoseconds that this thread ran and that it waited for a processor (Documentation/scheduler/sched-stats.rst).
fn standing() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
