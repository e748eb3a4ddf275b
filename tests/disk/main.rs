//! The health of disks: what smartctl printed, judged.
//!
//! * `fixtures/` holds output of the real program on emulated and fault-injected devices; `fixtures/INDEX.tsv` says what each is.
//!   `own` judges them.
//! * `corpus` judges the recordings of real drives that are no part of this project: `SHAKEDOWN_SHARED` names the folder that holds
//!   them. Rows of its index that are wrong stand in `docs/smart-disputed.md`.
//! * `cases`: inputs made from public reports of bugs.
//! * `traps`: what smartctl does not tell, or tells wrongly; `reference`: where the reference judges otherwise.
//! * `damage`: whatever is cut out or changed, nothing panics and nothing gets healthy.
//! * `beside`: what a report tells beside attributes and verdicts.
//! * `copied`: reports in mails, forums, logs; `whole`: reports that look cut off and are not.
//! * `kinds`, `flash`, `unanswered`: each kind of trouble that public reports tell of.
//! * `lost`: nothing that is lost makes a bad drive better.
//! * `unanswered`: whose fault it is that there is no health in the output.
//! * `policy`, `previous`, `command`: what a site may change, what is new, and the command line.
//! * `run`, `selftest`, `scripts`: disks that are tested, with a smartctl that touches no device (`tests/support/fake-smartctl`, on a
//!   machine of copied files: `machine`), and with the real one.

#[path = "../support/mod.rs"]
mod support;

mod beside;
mod cases;
mod command;
mod copied;
mod corpus;
mod damage;
mod document;
mod flash;
mod kinds;
mod lost;
mod machine;
mod memory;
#[path = "../support/ocp.rs"]
mod ocp_schema;
mod own;
mod policy;
mod previous;
mod reference;
mod run;
mod scripts;
mod selftest;
mod sequences;
mod traps;
mod unanswered;
mod whole;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use shakedown::disk::{Judgement, Policy, Report, Verdict, judge, judge_unreadable, parse};

/// A fixture of this project.
fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/disk/fixtures").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names and verdicts of the fixtures of this project.
fn fixtures() -> Vec<(String, String)> {
    let index = String::from_utf8(fixture("INDEX.tsv")).expect("the index in UTF-8");
    index.lines().map(|line| line.split_once('\t').expect("two columns")).map(|(a, b)| (a.into(), b.into())).collect()
}

/// What the program says of some output.
fn judged(output: impl AsRef<[u8]>) -> Judgement {
    match parse(output.as_ref()) {
        Ok(report) => judge(&report, &Policy::default(), None),
        Err(why) => judge_unreadable(&why),
    }
}

/// The verdict for a document.
#[track_caller]
fn verdict(document: &Value) -> Verdict {
    judged(document.to_string()).verdict
}

fn report(output: impl AsRef<[u8]>) -> Report {
    parse(output.as_ref()).expect("a report")
}

/// Whether a judgement gives this reason.
fn gives(judgement: &Judgement, code: &str) -> bool {
    judgement.reasons.iter().any(|reason| reason.code == code)
}
