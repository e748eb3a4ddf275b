//! Versions of several machines: what most of them have is asked for, and who has another one is told.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::super::catalogue::Kind;
use super::super::fact::Fact;
use super::super::machine::Machine;
use super::super::version::Version;
use super::draft::{self, Learnt, Value};

/// A value that requires at least the version that more than half of the machines have; of several devices in a machine the lowest one counts. Each
/// machine with another version is listed. The error is the reason to leave the key out.
pub(super) fn least(
    learnt: &mut Learnt,
    (kind, key): (Kind, &'static str),
    machines: &[Machine],
    each: &[Vec<&Fact>],
) -> Result<Value, String> {
    let written: Vec<&str> = each.iter().map(|facts| lowest(facts)).collect::<Result<_, _>>()?;
    // 02.04.04 and 2.4.4 are one version.
    let is_same = |one: &str, other: &str| Version::of(one).is_same(&Version::of(other));
    let same = |version: &str| written.iter().copied().find(|first| is_same(first, version)).unwrap_or_default();
    let lowest: Vec<&str> = written.iter().map(|version| same(version)).collect();
    let no_words = || "a profile has no words for it".to_owned();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for version in &lowest {
        *counts.entry(version).or_default() += 1;
    }
    let most = counts.iter().find(|(_, count)| **count * 2 > lowest.len()).map(|(version, _)| *version);
    let Some(usual) = most else { return Err(format!("the machines differ: {}", split(machines, &lowest))) };
    let own: Vec<&Fact> = each
        .iter()
        .zip(&lowest)
        .filter(|(_, version)| **version == usual)
        .flat_map(|(facts, _)| facts.clone())
        .collect();
    let value = draft::at_least(kind, key, usual, &own).ok_or_else(no_words)?;
    if counts.len() > 1 {
        let text =
            format!("{}.{key}: most have {usual}, which is asked for: {}", kind.name(), split(machines, &lowest));
        learnt.left_out.push(text);
    }
    Ok(value)
}

/// Values with the machines that have them, the rarest first; the last one is that of the rest.
pub(super) fn split(machines: &[Machine], values: &[&str]) -> String {
    let mut owners: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (number, value) in values.iter().enumerate() {
        let name = machines.get(number).map(|machine| machine.name.as_str()).unwrap_or_default();
        let is_own = machines.iter().filter(|machine| machine.name == name).count() == 1;
        let name = if name.is_empty() || !is_own { format!("machine {}", number + 1) } else { name.to_owned() };
        owners.entry(value).or_default().push(name);
    }
    let mut owners: Vec<(&str, Vec<String>)> = owners.into_iter().collect();
    owners.sort_by_key(|(_, names)| names.len());
    let last = owners.len().saturating_sub(1);
    let text = |(place, (value, names)): (usize, &(&str, Vec<String>))| {
        let value = if value.is_empty() { "none" } else { value };
        let who = if place == last && names.len() > 3 { format!("{} others", names.len()) } else { names.join(", ") };
        format!("{value} on {who}")
    };
    owners.iter().enumerate().map(text).collect::<Vec<_>>().join("; ")
}

/// The lowest version of one machine.
fn lowest<'a>(facts: &[&'a Fact]) -> Result<&'a str, String> {
    let mut versions: Vec<&'a str> = Vec::new();
    for fact in facts {
        match *fact {
            Fact::Text(text) => versions.push(text),
            Fact::Unknown(reason) => return Err(reason.clone()),
            _ => {}
        }
    }
    let mut lowest: &str = versions.first().ok_or("the machine does not tell it")?;
    for version in versions {
        match Version::of(version).compare(&Version::of(lowest)) {
            Some(Ordering::Less) => lowest = version,
            Some(_) => {}
            // One that has no numbers is left to the reader of profiles.
            None if version == lowest => {}
            None => return Err(format!("{lowest} and {version} are versions of different schemes")),
        }
    }
    Ok(lowest)
}
