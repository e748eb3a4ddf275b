//! Sequences of reads and writes that find faulty memory, as data: real memory runs them, and a model of a faulty memory, too.
//!
//! March C- (M. Marinescu 1982; A. J. van de Goor, "Testing Semiconductor Memories", 1991) finds all stuck-at, transition and address
//! decoder faults and all unlinked coupling faults between two words, with ten accesses to each.

/// The order in which words are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the lowest address.
    Up,
    /// From the highest address.
    Down,
}

/// A word relative to a background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The background.
    Background,
    /// Its complement.
    Inverted,
}

impl Word {
    /// The word for a background.
    #[must_use]
    pub fn over(self, background: u64) -> u64 {
        match self {
            Word::Background => background,
            Word::Inverted => !background,
        }
    }
}

/// One pass: every word is read and compared, then written, before the next word is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// The order.
    pub direction: Direction,
    /// Word that a read must return; `None` reads nothing.
    pub read: Option<Word>,
    /// Word to write; `None` writes nothing.
    pub write: Option<Word>,
}

const fn element(direction: Direction, read: Option<Word>, write: Option<Word>) -> Element {
    Element { direction, read, write }
}

use Direction::{Down, Up};
use Word::{Background, Inverted};

/// March C-: ⇑(w0) ⇑(r0,w1) ⇑(r1,w0) ⇓(r0,w1) ⇓(r1,w0) ⇓(r0).
pub const MARCH_C_MINUS: [Element; 6] = [
    element(Up, None, Some(Background)),
    element(Up, Some(Background), Some(Inverted)),
    element(Up, Some(Inverted), Some(Background)),
    element(Down, Some(Background), Some(Inverted)),
    element(Down, Some(Inverted), Some(Background)),
    element(Down, Some(Background), None),
];

/// Moving inversions: a pattern, upwards turned into its complement, downwards back.
const MOVING_INVERSIONS: [Element; 4] = [
    element(Up, None, Some(Background)),
    element(Up, Some(Background), Some(Inverted)),
    element(Down, Some(Inverted), Some(Background)),
    element(Up, Some(Background), None),
];

/// Memory that can run one element. All of it is visited before the call returns.
pub trait Cells {
    /// Runs an element with a background. Returns whether to go on.
    fn element(&mut self, element: Element, background: u64) -> bool;
}

/// Runs March C- with a background; ends early when the memory says so. Returns whether all was done.
pub fn march(cells: &mut impl Cells, background: u64) -> bool {
    MARCH_C_MINUS.iter().all(|element| cells.element(*element, background))
}

/// Runs moving inversions with a pattern. Returns whether all was done.
pub fn moving_inversions(cells: &mut impl Cells, pattern: u64) -> bool {
    MOVING_INVERSIONS.iter().all(|element| cells.element(*element, pattern))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A fault of a memory, by the classes of van de Goor. Words are numbered; a bit is in both words of a coupling at the same place.
    #[derive(Clone, Copy, Debug)]
    enum Fault {
        None,
        /// The bit always reads as this.
        StuckAt(usize, u32, bool),
        /// The bit cannot go to this value.
        Transition(usize, u32, bool),
        /// When the bit of the first word goes to the value, the bit of the second one flips.
        CouplingInversion(usize, usize, u32, bool),
        /// When the bit of the first word goes to the value, the bit of the second one becomes the other value.
        CouplingIdempotent(usize, usize, u32, bool, bool),
        /// While the bit of the first word has the value, the bit of the second one is forced to the other value.
        CouplingState(usize, usize, u32, bool, bool),
        /// The first address reaches the second word.
        WrongWord(usize, usize),
        /// The first address reaches the second word, too; a read gives the AND of both.
        BothWords(usize, usize),
        /// The address reaches no word; a read gives this.
        NoWord(usize, bool),
    }

    struct Model {
        words: Vec<u64>,
        fault: Fault,
        found: bool,
    }

    fn bit(word: u64, bit: u32) -> bool {
        word >> bit & 1 == 1
    }

    fn set(word: &mut u64, bit: u32, value: bool) {
        *word = *word & !(1 << bit) | u64::from(value) << bit;
    }

    impl Model {
        fn new(fault: Fault, size: usize, power_up: u64) -> Model {
            Model { words: vec![power_up; size], fault, found: false }
        }

        fn force(&mut self) {
            match self.fault {
                Fault::StuckAt(at, place, value) => set(&mut self.words[at], place, value),
                Fault::CouplingState(from, to, place, when, forced) if bit(self.words[from], place) == when => {
                    set(&mut self.words[to], place, forced);
                }
                _ => {}
            }
        }

        fn read(&mut self, at: usize) -> u64 {
            self.force();
            match self.fault {
                Fault::WrongWord(from, to) if from == at => self.words[to],
                Fault::BothWords(from, to) if from == at => self.words[from] & self.words[to],
                Fault::NoWord(from, value) if from == at => 0_u64.wrapping_sub(u64::from(value)),
                _ => self.words[at],
            }
        }

        fn write(&mut self, at: usize, value: u64) {
            match self.fault {
                Fault::WrongWord(from, to) if from == at => self.words[to] = value,
                Fault::BothWords(from, to) if from == at => (self.words[from], self.words[to]) = (value, value),
                Fault::NoWord(from, _) if from == at => {}
                _ => self.store(at, value),
            }
            self.force();
        }

        fn store(&mut self, at: usize, value: u64) {
            let before = std::mem::replace(&mut self.words[at], value);
            match self.fault {
                Fault::Transition(from, place, to) if from == at && bit(before, place) != to => {
                    set(&mut self.words[at], place, !to);
                }
                Fault::CouplingInversion(from, to, place, when)
                    if from == at && bit(before, place) != when && bit(value, place) == when =>
                {
                    self.words[to] ^= 1 << place;
                }
                Fault::CouplingIdempotent(from, to, place, when, forced)
                    if from == at && bit(before, place) != when && bit(value, place) == when =>
                {
                    set(&mut self.words[to], place, forced);
                }
                _ => {}
            }
        }
    }

    impl Cells for Model {
        fn element(&mut self, element: Element, background: u64) -> bool {
            let size = self.words.len();
            for step in 0..size {
                let at = if element.direction == Up { step } else { size - 1 - step };
                if let Some(word) = element.read {
                    self.found |= self.read(at) != word.over(background);
                }
                if let Some(word) = element.write {
                    self.write(at, word.over(background));
                }
            }
            true
        }
    }

    const SIZE: usize = 9;

    fn pairs() -> impl Strategy<Value = (usize, usize)> {
        (0..SIZE, 1..SIZE).prop_map(|(one, distance)| (one, (one + distance) % SIZE))
    }

    fn faults() -> impl Strategy<Value = Fault> {
        let place = 0_u32..64;
        prop_oneof![
            (0..SIZE, place.clone(), any::<bool>()).prop_map(|(at, bit, to)| Fault::StuckAt(at, bit, to)),
            (0..SIZE, place.clone(), any::<bool>()).prop_map(|(at, bit, to)| Fault::Transition(at, bit, to)),
            (pairs(), place.clone(), any::<bool>())
                .prop_map(|((from, to), bit, when)| Fault::CouplingInversion(from, to, bit, when)),
            (pairs(), place.clone(), any::<bool>(), any::<bool>())
                .prop_map(|((from, to), bit, when, forced)| Fault::CouplingIdempotent(from, to, bit, when, forced)),
            (pairs(), place, any::<bool>(), any::<bool>())
                .prop_map(|((from, to), bit, when, forced)| Fault::CouplingState(from, to, bit, when, forced)),
            pairs().prop_map(|(from, to)| Fault::WrongWord(from, to)),
            pairs().prop_map(|(from, to)| Fault::BothWords(from, to)),
            (0..SIZE, any::<bool>()).prop_map(|(at, value)| Fault::NoWord(at, value)),
        ]
    }

    const BACKGROUNDS: [u64; 5] =
        [0, 0x5555_5555_5555_5555, 0x3333_3333_3333_3333, 0x0f0f_0f0f_0f0f_0f0f, 0x00ff_00ff_00ff_00ff];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

        #[test]
        fn march_finds_every_fault_that_it_is_known_to_find(
            fault in faults(), background in prop::sample::select(&BACKGROUNDS[..]), power_up in any::<u64>(),
        ) {
            let mut model = Model::new(fault, SIZE, power_up);
            prop_assert!(march(&mut model, background));
            prop_assert!(model.found, "{:?}", fault);
        }

        #[test]
        fn good_memory_has_no_fault(background in any::<u64>(), power_up in any::<u64>()) {
            let mut model = Model::new(Fault::None, SIZE, power_up);
            prop_assert!(march(&mut model, background) && moving_inversions(&mut model, background));
            prop_assert!(!model.found);
        }
    }

    #[test]
    fn a_shorter_march_misses_faults_that_the_whole_one_finds() {
        // Two words, the higher one disturbs the lower one: only a pass downwards tells.
        let fault = Fault::CouplingIdempotent(1, 0, 7, true, true);
        let mut short = Model::new(fault, 2, 0);
        assert!(MARCH_C_MINUS[..2].iter().all(|element| short.element(*element, 0)));
        assert!(!short.found);
        let mut whole = Model::new(fault, 2, 0);
        assert!(march(&mut whole, 0) && whole.found);
    }
}
