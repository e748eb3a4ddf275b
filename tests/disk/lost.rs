//! What is lost of a report never makes a bad drive healthy: a text that was torn off at any byte, a line or a key that is missing.

use serde_json::Value;
use shakedown::disk::Verdict;

use crate::{fixture, fixtures, judged};

/// Inputs with their verdicts: those of this project, and where there are, the recordings and the cases that are no part of it.
fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<(String, Vec<u8>)> =
        fixtures().into_iter().map(|(name, _)| (name.clone(), fixture(&name))).collect();
    let Some(shared) = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty()) else { return inputs };
    for folder in ["cases/disk", "fixtures/smartctl", "fixtures/smartctl/text"] {
        let folder = std::path::PathBuf::from(&shared).join(folder);
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.ends_with(".txt") || name.ends_with(".json") {
                inputs.push((name, std::fs::read(file.path()).expect("a file")));
            }
        }
    }
    inputs.sort();
    inputs
}

/// Worse ones are larger; what was not judged is no better than anything.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::NotSupported | Verdict::Healthy => 0,
        Verdict::Degraded => 1,
        Verdict::Failed | Verdict::Error => 2,
    }
}

/// Bytes between two cuts: every byte in the long form.
fn stride() -> usize {
    if std::env::var_os("SHAKEDOWN_LONG_TESTS").is_some() { 1 } else { 211 }
}

#[test]
fn a_report_that_is_torn_off_is_never_better_than_the_whole() {
    let mut better = Vec::new();
    for (name, whole) in inputs() {
        let verdict = judged(&whole).verdict;
        if rank(verdict) == 0 || verdict == Verdict::Error {
            continue;
        }
        let short = whole.len() < 6000 || stride() == 1;
        let step = if short { stride() } else { whole.len() / 16 };
        for end in (0..whole.len()).step_by(step).chain(line_ends(&whole).filter(|_| short)) {
            let found = judged(&whole[..end]).verdict;
            if rank(found) < rank(verdict) && !may_be_whole(&String::from_utf8_lossy(&whole[..end])) {
                better.push(format!(
                    "{name}: {} of {} bytes: {} instead of {}: {:?}",
                    end,
                    whole.len(),
                    found.name(),
                    verdict.name(),
                    String::from_utf8_lossy(&whole[end.saturating_sub(60)..end])
                ));
            }
        }
    }
    assert_eq!(better, [""; 0], "{}", better.len());
}

/// What `smartctl -a` prints of some drives ends behind any row of the self-test log, or where its statistics would begin, and such a text
/// shows health by itself: verdict, attributes, self-tests.
fn may_be_whole(text: &str) -> bool {
    let extended = ["Log Directory Version", "Extended Self-test Log Version", "Extended Comprehensive Error Log"];
    let shown = ["test result: PASSED", "Vendor Specific SMART Attributes", "SMART Self-test log structure"];
    shown.iter().all(|words| text.contains(words)) && !extended.iter().any(|words| text.contains(words))
}

/// Behind each line.
fn line_ends(whole: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (1..whole.len()).filter(|at| whole[at - 1] == b'\n')
}

#[test]
fn a_line_that_is_lost_makes_no_bad_drive_healthy() {
    let mut healthy = Vec::new();
    for (name, whole) in inputs().into_iter().filter(|(name, _)| name.ends_with(".txt")) {
        if judged(&whole).verdict != Verdict::Failed || whole.len() > 6000 && stride() > 1 {
            continue;
        }
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        for lost in 0..lines.len() {
            let rest: Vec<u8> =
                lines.iter().enumerate().filter(|(at, _)| *at != lost).flat_map(|(_, line)| line.to_vec()).collect();
            let found = judged(rest).verdict;
            // Of a drive that says "passed" a row alone may tell of the fault: the last one of the log, or of the attributes.
            let line = String::from_utf8_lossy(lines[lost]);
            let alone = ["read failure", "FAILING_NOW", "failed segments"].iter().any(|words| line.contains(words));
            if rank(found) == 0 && !alone {
                healthy.push(format!("{name} without {line:?}: {}", found.name()));
            }
        }
    }
    assert_eq!(healthy, [""; 0], "{}", healthy.len());
}

/// Every document that lacks one key.
fn without_a_key(value: &Value, path: &str, found: &mut dyn FnMut(String, Value)) {
    match value {
        Value::Object(object) => {
            for key in object.keys() {
                let here = format!("{path}.{key}");
                let mut rest = object.clone();
                rest.remove(key);
                found(here.clone(), Value::Object(rest));
                without_a_key(&object[key], &here, &mut |path, inner| {
                    let mut whole = object.clone();
                    whole.insert(key.clone(), inner);
                    found(path, Value::Object(whole));
                });
            }
        }
        Value::Array(list) => {
            for (at, one) in list.iter().enumerate() {
                without_a_key(one, &format!("{path}[{at}]"), &mut |path, inner| {
                    let mut whole = list.clone();
                    whole[at] = inner;
                    found(path, Value::Array(whole));
                });
            }
        }
        _ => {}
    }
}

#[test]
fn a_key_that_is_lost_makes_no_bad_drive_healthy() {
    let mut healthy = Vec::new();
    for (name, whole) in inputs().into_iter().filter(|(name, _)| name.ends_with(".json")) {
        if judged(&whole).verdict != Verdict::Failed || whole.len() > 20_000 && stride() > 1 {
            continue;
        }
        let Ok(document) = serde_json::from_slice::<Value>(&whole) else { continue };
        without_a_key(&document, "", &mut |path, rest| {
            let found = judged(rest.to_string()).verdict;
            if rank(found) == 0 {
                healthy.push(format!("{name} without {path}: {}", found.name()));
            }
        });
    }
    // A log of NVMe without rows is that of a drive that was never tested, and one that is not there that of a drive without self-tests,
    // of which the answer says `self-tests-unseen`.
    healthy.retain(|one| {
        !one.contains("without .nvme_self_test_log: ") && !one.contains("without .nvme_self_test_log.table: ")
    });
    assert_eq!(healthy, [""; 0], "{}", healthy.len());
}
