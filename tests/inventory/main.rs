//! The deep inventory, `shakedown inventory`, as people and machines call it: the program runs on trees that the tests make.
//!
//! * `memory`, `storage`, `network`, `cards`, `machine`: each fact and each finding, from the file that tells it.
//! * `identity`: what a device is known by survives a reboot, a rename and another slot, and no two devices share it.
//! * `people`: tables, pages, and a line where there is nothing.
//! * `changes`: between two looks that is reported which happened to the hardware, and nothing that only the kernel counted anew.
//! * `roots`: what is no copied machine is an error that says what was looked for.
//! * `damage`: what is broken spoils nothing else.
//! * `situations`: what people reported in public of machines that changed, or did not.
//! * `fixtures`: the machines of `SHAKEDOWN_SHARED` against their references; `schema` checks every document against the schema.

mod cards;
mod changes;
#[path = "../support/schema.rs"]
mod checker;
mod damage;
#[path = "../resources/document.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod document;
mod fixtures;
mod identity;
#[path = "../support/left_out.rs"]
mod left_out;
mod machine;
mod memory;
mod network;
mod people;
mod program;
mod roots;
mod schema;
#[path = "../resources/shared.rs"]
mod shared;
mod situations;
mod smbios;
mod storage;
#[path = "../resources/tree.rs"]
mod tree;

use std::io::Write as _;

/// Tells something also when the test passes: what the test runner captures it shows of failures only.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").expect("stdout takes it");
}
