//! The inventory against what MAAS's own program printed on the same machines, and against what a region accepts.
//!
//! The fixture machines are not part of this project: `SHAKEDOWN_SHARED` names the folder that holds them. Without it the tests that
//! need them are left out, which the first of them says; with it, a missing file is a failure.
//!
//! * `references`: every fixture is equal to its reference, but for the differences that `docs/resources-differences.json`
//!   lists, and acceptable to a region. `virtual_machine` and `processors` do the same for what was recorded otherwise.
//! * `region`: the rules by which a region refuses an inventory; `refusals` proves that each of them can fail.
//! * `deliberate`, `neutral`: each deliberate difference, on a small tree of its own.
//! * `damage`: whatever is broken in a tree, the rest is told.
//! * `snapshot`: a machine in a file reads like the machine; `redaction`: and does not tell whose it is.
//! * `old_kernel`: all this reads the same on a kernel that cannot look paths up below a directory.
//! * `huge`: a machine of 10,000 functions is inventoried to its end.

mod damage;
mod deliberate;
mod difference;
mod document;
mod huge;
mod large;
#[path = "../support/left_out.rs"]
mod left_out;
mod machine;
mod machines;
mod neutral;
#[path = "../support/old_kernel.rs"]
mod old_kernel;
mod planted;
mod processors;
mod redaction;
mod references;
mod refusals;
mod region;
mod shared;
mod snapshot;
mod tree;
mod virtual_machine;

use std::io::Write as _;

/// Tells something also when the test passes: what the test runner captures it shows of failures only.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").expect("stdout takes it");
}

#[test]
fn on_an_old_kernel_a_machine_reads_the_same() {
    let names = ["damage::", "deliberate::", "machines::", "neutral::", "references::", "snapshot::"];
    old_kernel::again(&names, &["on_an_old_kernel"], left_out::say);
}
