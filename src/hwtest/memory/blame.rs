//! Causes of wrong words. A slot is never guessed: addresses are spread over modules in ways that only the memory controller knows.

use shakedown_kernels::memory::{Miss, Misses};

use super::super::outcome::Outcome;
use super::super::report::Report;

/// Bytes of a line.
const LINE: usize = 64;

/// Faults that the threads of one node found.
pub(super) struct Found {
    /// Name of the node.
    pub(super) node: String,
    /// Wrong words.
    pub(super) misses: Misses,
    /// Blocks whose checksum was wrong only while they were copied.
    pub(super) passing: u64,
}

/// Puts findings into the report. `physical` gives the place of an address in the machine, if it can be known.
pub(super) fn blame(found: &[Found], is_virtual: bool, physical: impl Fn(usize) -> Option<u64>, report: &mut Report) {
    for one in found {
        if one.passing > 0 {
            let what = format!(
                "{} block(s) had a wrong checksum while they were copied, and every word was right when it was read again.",
                one.passing
            );
            report.find(Outcome::Failed, "memory-read-path", one.node.as_str(), what).next(next(is_virtual, false));
        }
        let Some(first) = one.misses.kept.first() else { continue };
        let (code, meaning) = pattern(&one.misses);
        let what = format!("{} {} {}", sentence(first, physical(first.address)), counts(&one.misses), meaning);
        report.find(Outcome::Failed, code, one.node.as_str(), what).next(next(is_virtual, code == "memory-read-path"));
    }
}

/// The first wrong word.
fn sentence(miss: &Miss, physical: Option<u64>) -> String {
    let again = if miss.again == miss.expected {
        "a second read, past the caches, was right".to_owned()
    } else if miss.again == miss.first {
        "a second read, past the caches, gave the same".to_owned()
    } else {
        format!("a second read, past the caches, gave {:#018x}", miss.again)
    };
    let place = physical.map_or_else(String::new, |place| format!(", physical {place:#x}"));
    format!(
        "The word at {:#x}{place} was written as {:#018x} and read as {:#018x} (wrong bits {:#x}) by processor {}; {again}.",
        miss.address,
        miss.expected,
        miss.first,
        miss.bits(),
        miss.cpu
    )
}

fn counts(misses: &Misses) -> String {
    let bits: Vec<_> = (0..64).filter(|bit| misses.by_bit[*bit] > 0).map(|bit| bit.to_string()).collect();
    let bits =
        if bits.len() > 8 { format!("{} different bits", bits.len()) } else { format!("bit {}", bits.join(", ")) };
    format!(
        "In all {} wrong word(s): {bits}; {} time(s) 1 instead of 0, {} time(s) 0 instead of 1.",
        misses.total, misses.rose, misses.fell
    )
}

/// Code and meaning of what was seen.
fn pattern(misses: &Misses) -> (&'static str, &'static str) {
    let one_bit = misses.by_bit.iter().filter(|count| **count > 0).count() == 1;
    let first = misses.kept.first().map_or(0, |miss| miss.address);
    let one_place = misses.kept.iter().all(|miss| miss.address == first);
    if misses.right_again == misses.total {
        ("memory-read-path", "Memory holds the right words: the way to the processor, a cache or a core is at fault.")
    } else if one_bit && one_place {
        ("memory-bit-stuck", "One bit at one place: a cell.")
    } else if one_bit {
        ("memory-bit-line", "One bit at several places: a data line or a contact of a module.")
    } else if whole_lines(&misses.kept) {
        ("memory-line-lost", "Whole lines are wrong: writes were lost, or went to another address.")
    } else {
        ("memory-words-wrong", "Several bits at several places: a module, its slot, or the memory controller.")
    }
}

/// Every line with a wrong word has nothing but wrong words.
fn whole_lines(kept: &[Miss]) -> bool {
    let mut words = std::collections::BTreeMap::<usize, std::collections::BTreeSet<usize>>::new();
    for miss in kept {
        words.entry(miss.address / LINE).or_default().insert(miss.address % LINE / 8);
    }
    // The last line may be cut off, as only so many are kept.
    let whole = words.values().filter(|words| words.len() == LINE / 8).count();
    whole > 0 && whole + 1 >= words.len()
}

fn next(is_virtual: bool, read_path: bool) -> &'static str {
    match (is_virtual, read_path) {
        (true, _) => "Test the memory of the host: this is a virtual machine.",
        (false, true) => {
            "Test the processors, then repeat this test; swap the processor of this node if only its cores read wrong."
        }
        (false, false) => {
            "Replace modules of this node; the machine's own log (EDAC, BMC) names the slot, if anything does. Swap modules between nodes, and repeat, to see what the fault goes with."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hwtest::{Kind, Level, Order};

    fn miss(address: usize, bits: u64, right_again: bool) -> Miss {
        let expected = 0x0f0f;
        Miss {
            address,
            expected,
            first: expected ^ bits,
            again: if right_again { expected } else { expected ^ bits },
            cpu: 3,
        }
    }

    fn code(misses: &[Miss]) -> (String, String) {
        let mut all = Misses::default();
        for miss in misses {
            all.record(*miss);
        }
        let found = [Found { node: "node1".to_owned(), misses: all, passing: 0 }];
        let mut report =
            Report::new(&Order { kind: Kind::Memory, level: Level::Smoke, seconds: 1, seed: 0, inject: None });
        blame(&found, false, |address| Some(address as u64 + 1), &mut report);
        assert_eq!(report.outcome(), Outcome::Failed);
        (report.findings[0].code.clone(), report.findings[0].what.clone())
    }

    #[test]
    fn what_was_seen_has_the_meaning_that_field_engineers_give_it() {
        assert_eq!(code(&[miss(64, 4, false), miss(64, 4, false)]).0, "memory-bit-stuck");
        assert_eq!(code(&[miss(64, 4, false), miss(640, 4, false)]).0, "memory-bit-line");
        assert_eq!(code(&[miss(64, 4, true), miss(640, 1, true)]).0, "memory-read-path");
        assert_eq!(code(&[miss(64, 4, false), miss(640, 3, false)]).0, "memory-words-wrong");
        let line: Vec<_> = (0..8).map(|word| miss(128 + word * 8, 0xff << word, false)).collect();
        assert_eq!(code(&line).0, "memory-line-lost");
    }

    #[test]
    fn a_finding_says_place_value_direction_and_reader() {
        let (_, what) = code(&[miss(0x4000, 1 << 4, false)]);
        for part in [
            "0x4000",
            "physical 0x4001",
            "0x0000000000000f0f",
            "0x0000000000000f1f",
            "processor 3",
            "1 time(s) 1 instead of 0",
        ] {
            assert!(what.contains(part), "{part}: {what}");
        }
    }
}
