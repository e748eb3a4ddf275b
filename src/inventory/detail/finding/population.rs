//! Modules that are missing where the others stand in symmetry.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Dimm;
use super::{Finding, finding};

/// Slots of a group by what tells them apart in it; whether a module is fitted.
type Groups = BTreeMap<String, BTreeMap<Vec<String>, bool>>;

pub(super) fn look(dimms: &[Dimm], found: &mut Vec<Finding>) {
    // Firmware lists chips of flash memory as modules, too.
    let dimms: Vec<&Dimm> = dimms.iter().filter(|dimm| dimm.kind != "Flash").collect();
    let fitted = dimms.iter().filter(|dimm| dimm.size > 0).count();
    let Some((missing, expected)) = by_symmetry(&dimms).or_else(|| by_number(fitted, dimms.len())) else { return };
    let text = format!("{missing} of {expected} DIMMs missing in a symmetric population");
    found.push(finding("dimm-missing", "memory", text));
}

/// Nearly all of many slots are fitted: nobody leaves an eighth or less empty by design.
fn by_number(fitted: usize, slots: usize) -> Option<(usize, usize)> {
    let missing = slots - fitted;
    (missing > 0 && slots >= 8 && missing * 8 <= slots).then_some((missing, slots))
}

/// Slots fall into groups – by processor, by channel – wherever a part of their names takes several values and each value has the same
/// slots. What one group has and another lacks is missing, as long as it is little.
fn by_symmetry(dimms: &[&Dimm]) -> Option<(usize, usize)> {
    let names: Vec<(Vec<String>, bool)> =
        dimms.iter().map(|dimm| (parts(&dimm.slot, &dimm.bank), dimm.size > 0)).collect();
    let length = names.first()?.0.len();
    if names.iter().any(|(parts, _)| parts.len() != length) {
        return None;
    }
    (0..length)
        .filter_map(|place| missing(&groups(&names, place)?))
        .max_by_key(|(missing, expected)| (*expected, *missing))
}

/// `P1-DIMMA2` becomes `p`, `1`, `dimma`, `2`: a last letter of a word is a part, too, so `dimm`, `a`.
fn parts(slot: &str, bank: &str) -> Vec<String> {
    let text = format!("{slot} {bank}").to_lowercase();
    let mut parts: Vec<String> = Vec::new();
    let mut kind = ' ';
    for character in text.chars() {
        let own = if character.is_ascii_digit() {
            '0'
        } else if character.is_alphabetic() {
            'a'
        } else {
            ' '
        };
        match parts.last_mut() {
            Some(part) if own == kind && own != ' ' => part.push(character),
            _ if own != ' ' => parts.push(character.to_string()),
            _ => {}
        }
        kind = own;
    }
    parts.into_iter().flat_map(|part| with_last_letter(&part)).collect()
}

fn with_last_letter(part: &str) -> Vec<String> {
    // Words that end in what is no letter of a channel.
    const WHOLE: [&str; 12] =
        ["dimm", "node", "cpu", "proc", "processor", "channel", "bank", "slot", "sodimm", "memory", "mem", "board"];
    let is_word = part.len() > 1 && part.bytes().all(|byte| byte.is_ascii_alphabetic()) && !WHOLE.contains(&part);
    let (head, tail) = part.split_at(part.len() - usize::from(is_word));
    [head, tail].into_iter().filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// The groups by one part of the names; `None` unless there are several that have the same slots.
fn groups(names: &[(Vec<String>, bool)], place: usize) -> Option<Groups> {
    let mut groups = Groups::new();
    for (parts, is_fitted) in names {
        let mut rest = parts.clone();
        let own = rest.remove(place);
        if groups.entry(own).or_default().insert(rest, *is_fitted).is_some() {
            return None;
        }
    }
    let mut slots = groups.values().map(|slots| slots.keys().collect::<Vec<_>>());
    let first = slots.next()?;
    // One slot in each group tells of no symmetry.
    (groups.len() > 1 && first.len() > 1 && slots.all(|slots| slots == first)).then_some(groups)
}

fn missing(groups: &Groups) -> Option<(usize, usize)> {
    let fitted = |slots: &BTreeMap<Vec<String>, bool>| slots.iter().filter(|(_, fitted)| **fitted).count();
    // A group without any module has no processor, or is left empty by design.
    let used: Vec<_> = groups.values().filter(|slots| fitted(slots) > 0).collect();
    let anywhere: BTreeSet<_> =
        used.iter().flat_map(|slots| slots.iter()).filter(|(_, fitted)| **fitted).map(|(name, _)| name).collect();
    let expected = used.len() * anywhere.len();
    let missing = expected - used.iter().map(|slots| fitted(slots)).sum::<usize>();
    (used.len() > 1 && missing > 0 && expected >= 4 && missing * 4 <= expected).then_some((missing, expected))
}

#[cfg(test)]
mod tests {
    use super::super::texts;
    use super::*;

    /// Slots of a board, and which of them are fitted.
    fn seen(slots: &[String], is_fitted: impl Fn(&str) -> bool) -> Vec<String> {
        let dimm = |slot: &String| Dimm {
            slot: slot.clone(),
            size: if is_fitted(slot) { 16 << 30 } else { 0 },
            ..Dimm::default()
        };
        let dimms: Vec<Dimm> = slots.iter().map(dimm).collect();
        texts(|found| look(&dimms, found))
    }

    fn named(first: &[&str], second: &[&str], form: impl Fn(&str, &str) -> String) -> Vec<String> {
        first.iter().flat_map(|a| second.iter().map(|b| form(a, b)).collect::<Vec<_>>()).collect()
    }

    const LETTERS: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

    #[test]
    fn two_of_sixteen_are_missed_whatever_the_slots_are_called() {
        let expected = ["2 of 16 DIMMs missing in a symmetric population"];
        let supermicro = named(&["1", "2"], &LETTERS, |cpu, channel| format!("P{cpu}-DIMM{channel}1"));
        assert_eq!(seen(&supermicro, |slot| !["P2-DIMMA1", "P2-DIMMB1"].contains(&slot)), expected);
        assert_eq!(seen(&supermicro, |slot| !slot.contains("DIMMH")), expected, "one at each processor");
        let dell = named(&["A", "B"], &["1", "2", "3", "4", "5", "6", "7", "8"], |cpu, slot| format!("{cpu}{slot}"));
        assert_eq!(seen(&dell, |slot| !["A7", "B2"].contains(&slot)), expected);
        let plain: Vec<String> = (1..=16).map(|number| format!("DIMM {number}")).collect();
        assert_eq!(seen(&plain, |slot| !["DIMM 3", "DIMM 11"].contains(&slot)), expected);
    }

    #[test]
    fn half_of_the_slots_are_enough_to_see_a_gap() {
        let slots = named(&["1", "2"], &["A1", "A2", "B1", "B2", "C1", "C2", "D1", "D2"], |cpu, slot| {
            format!("CPU{cpu}_DIMM_{slot}")
        });
        let expected = ["1 of 8 DIMMs missing in a symmetric population"];
        assert_eq!(seen(&slots, |slot| slot.ends_with('1') && slot != "CPU2_DIMM_C1"), expected);
        let small = named(&["A", "B"], &["1", "2"], |channel, slot| format!("{channel}{slot}"));
        assert_eq!(seen(&small, |slot| slot != "B2"), ["1 of 4 DIMMs missing in a symmetric population"]);
    }

    #[test]
    fn usual_populations_are_complete() {
        let six_channels = named(&["1", "2"], &LETTERS[..6], |cpu, channel| format!("CPU{cpu}_DIMM_{channel}1"));
        assert!(seen(&six_channels, |_| true).is_empty(), "twelve is no power of two");
        assert!(seen(&six_channels, |slot| slot.starts_with("CPU1")).is_empty(), "one processor");
        let three_channels = named(&["A", "B", "C"], &["1", "2"], |channel, slot| format!("DIMM_{channel}{slot}"));
        assert!(seen(&three_channels, |slot| slot.ends_with('1')).is_empty(), "three modules");
        assert!(seen(&three_channels, |_| true).is_empty(), "six modules");
        let eight = named(&["1"], &LETTERS, |cpu, channel| format!("P{cpu}-DIMM{channel}1"));
        for count in [1, 2, 4, 6, 8] {
            assert!(
                seen(&eight, |slot| LETTERS[..count].iter().any(|letter| slot.ends_with(&format!("{letter}1"))))
                    .is_empty()
            );
        }
        let uneven: Vec<String> = ["A1", "A2", "B1", "C1", "D1", "D2", "E1", "F1"].map(str::to_owned).to_vec();
        assert!(seen(&uneven, |slot| slot.ends_with('1')).is_empty(), "six channels with eight slots");
        assert!(seen(&[], |_| true).is_empty() && seen(&["DIMM 0".to_owned()], |_| true).is_empty());
    }
}
