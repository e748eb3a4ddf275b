//! Lines that two processors write in turn.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::memory::random;

/// One line for both: a sequence number, words that belong to it, and counters that each side has alone in the same line.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Shared {
    sequence: AtomicU64,
    words: [AtomicU64; 4],
    counters: [AtomicU64; 2],
}

/// Wrong words and turns of one side of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchanged {
    /// Words that arrived wrong.
    pub wrong: u64,
    /// Turns that this side had; fewer than were asked for if the other one did not come in time.
    pub turns: u64,
}

/// One side of an exchange: waits for its turn, checks what the other one wrote, and answers. Both sides call this with the same seed and
/// turns, `side` 0 and 1. `is_over` ends the waiting for a side that never comes.
pub fn exchange(shared: &Shared, side: usize, seed: u64, turns: u64, is_over: &dyn Fn() -> bool) -> Exchanged {
    let mut wrong = 0;
    for turn in 0..turns {
        let own = turn * 2 + side as u64;
        let mut spins = 0_u32;
        while shared.sequence.load(Ordering::Acquire) != own {
            spins = spins.wrapping_add(1);
            std::hint::spin_loop();
            if spins.is_multiple_of(4096) {
                if is_over() {
                    return Exchanged { wrong, turns: turn };
                }
                std::thread::yield_now();
            }
        }
        if own > 0 {
            for (at, word) in (0..).zip(&shared.words) {
                wrong += u64::from(word.load(Ordering::Relaxed) != random(seed ^ (own - 1) << 3 ^ at));
            }
        }
        for (at, word) in (0..).zip(&shared.words) {
            word.store(random(seed ^ own << 3 ^ at), Ordering::Relaxed);
        }
        // No other processor writes this word, though both write its line.
        let count = shared.counters[side % 2].load(Ordering::Relaxed);
        wrong += u64::from(count != turn);
        shared.counters[side % 2].store(turn + 1, Ordering::Relaxed);
        shared.sequence.store(own + 1, Ordering::Release);
    }
    Exchanged { wrong, turns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_that_keep_to_the_rules_find_nothing_wrong() {
        let shared = Shared::default();
        let side = |side| exchange(&shared, side, 7, 500, &|| false);
        let both = std::thread::scope(|scope| {
            let other = scope.spawn(|| side(1));
            [side(0), other.join().expect("no panic")]
        });
        assert_eq!(both, [Exchanged { wrong: 0, turns: 500 }; 2]);
    }

    #[test]
    fn a_word_of_another_turn_is_found() {
        let shared = Shared::default();
        shared.sequence.store(1, Ordering::Release);
        assert_eq!(exchange(&shared, 1, 7, 1, &|| true), Exchanged { wrong: 4, turns: 1 });
    }

    #[test]
    fn a_side_whose_other_side_never_comes_has_no_turn() {
        assert_eq!(exchange(&Shared::default(), 1, 7, 9, &|| true), Exchanged::default());
    }
}
