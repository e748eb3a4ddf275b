//! What an engineer would point at. Only what is surely odd: a finding on a healthy machine costs the trust in all others.

mod errors;
mod health;
mod link;
mod memory;
mod population;
mod storage;

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Inventory;

/// Something worth a look.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Finding {
    /// `link-narrow`, `link-slow`, `dimm-slow`, `dimm-missing` …
    pub code: String,
    /// Identity of the device, or the topic where it is of no single one.
    pub device: String,
    /// What was seen, with the numbers.
    pub text: String,
}

/// Findings in the order of topics, then of devices.
pub(super) fn findings(inventory: &Inventory) -> Vec<Finding> {
    let mut found = Vec::new();
    link::look(inventory, &mut found);
    memory::look(inventory, &mut found);
    population::look(&inventory.memory.dimms, &mut found);
    storage::look(inventory, &mut found);
    errors::look(inventory, &mut found);
    health::look(inventory, &mut found);
    found
}

fn finding(code: &str, device: &str, text: String) -> Finding {
    Finding { code: code.to_owned(), device: device.to_owned(), text }
}

/// The value that most have, and how many.
fn usual<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(value, count)| (*count, *value))
}

/// `1 error`, `2 errors`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
fn texts(look: impl FnOnce(&mut Vec<Finding>)) -> Vec<String> {
    let mut found = Vec::new();
    look(&mut found);
    found.into_iter().map(|finding| finding.text).collect()
}
