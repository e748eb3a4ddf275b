//! What changes on a deployed machine, and what its region hears of it.
//!
//! * `pairs`: a machine before and after somebody had a hand in it, made of small trees: the right change and nothing else.
//! * `numbers`: devices that share a name or a place and not a number.
//! * `fixtures`: the machines of `SHAKEDOWN_SHARED`, each against itself and with a device less.
//! * `quiet`, `changed`, `trouble`: synchronisations with the sandbox region, inside this process, for whoever calls them.
//!   `deployed` is the machine with its region.
//! * `stored`: what a region stores beside the hardware.
//! * `commands`: the program itself, and that none of its verbs takes a deployed machine out of use.
//! * `differences`: `shakedown diff`, `inventory --changed-since`.

mod changed;
mod commands;
mod deployed;
mod differences;
#[path = "../resources/document.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod document;
mod fixtures;
mod machine;
mod numbers;
mod pairs;
mod quiet;
#[path = "../resources/shared.rs"]
mod shared;
#[path = "../inventory/smbios.rs"]
mod smbios;
mod stored;
#[path = "../support/mod.rs"]
mod support;
#[path = "../resources/tree.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod tree;
mod trouble;

use std::io::Write as _;

use support::left_out;

/// Tells something also when the test passes: what the test runner captures it shows of failures only.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").expect("stdout takes it");
}
