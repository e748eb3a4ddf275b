//! What only shows over time, in the sequences of public reports: `SHAKEDOWN_SHARED` names the folder that holds them.

use std::path::PathBuf;

use serde_json::Value;
use shakedown::disk::{Policy, Verdict, judge, parse};

use crate::machine::Machine;

/// The folder of the sequences; without one it says what is left out.
fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty());
    let folder = shared.map(|shared| PathBuf::from(shared).join("cases/disk/sequences"));
    if folder.is_none() {
        crate::support::left_out::say("the sequences of public reports: SHAKEDOWN_SHARED is not set");
    }
    folder
}

fn bytes(file: &str) -> Option<Vec<u8>> {
    let path = folder()?.join(file);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn document(file: &str) -> Option<Value> {
    Some(serde_json::from_slice(&bytes(file)?).unwrap_or_else(|error| panic!("{file}: {error}")))
}

#[test]
fn errors_of_the_cable_that_grew_are_told_with_what_to_look_at() {
    let Some((before, after)) = bytes("C24-crc-before.txt").zip(bytes("C24-crc-after.txt")) else { return };
    let (before, after) = (parse(&before).expect("a report"), parse(&after).expect("a report"));
    let alone = judge(&after, &Policy::default(), None);
    assert_eq!(alone.verdict, Verdict::Healthy, "without a past the number says nothing: {alone:?}");
    let grown = judge(&after, &Policy::default(), Some(&before));
    assert_eq!(grown.verdict, Verdict::Degraded, "{grown:?}");
    let reason = &grown.reasons[0];
    assert!(reason.next.contains("cable") && reason.before < reason.number, "{reason:?}");
}

#[tokio::test]
async fn two_units_of_one_drive_have_each_their_own_past() {
    let Some((first, second)) = document("E01-mach2-lun0.json").zip(document("E01-mach2-lun1.json")) else { return };
    let machine = Machine::with("sda", &first);
    machine.disk("sdb", &second);
    for _ in 0..2 {
        let outcome = machine.test(&["--all"]).await;
        let disks = outcome.document["disks"].as_array().expect("disks");
        let verdicts: Vec<&Value> = disks.iter().map(|disk| &disk["verdict"]).collect();
        assert_eq!(verdicts, ["healthy", "degraded"], "{outcome:?}");
        let news: Vec<&Value> = disks[1]["health"]["reasons"].as_array().expect("reasons").iter().collect();
        assert!(
            news.iter().all(|reason| reason["new"] != true),
            "what the other unit counts is no past of it: {news:?}"
        );
    }
}

#[tokio::test]
async fn a_drive_with_two_paths_tests_itself_once_and_both_know() {
    let Some((idle, running)) = document("E02-idle.json").zip(document("E02-running.json")) else { return };
    let Some((start, after)) = document("E02-start.json").zip(document("E02-after.json")) else { return };
    let machine = Machine::new();
    for name in ["sda", "sdb"] {
        let node = format!("/dev/{name}");
        machine.disk(name, &idle);
        for (answer, report) in
            [("look", &idle), ("start", &start), ("look.1", &running), ("look.2", &after), ("x.1", &after)]
        {
            machine.answer(&node, answer, report);
        }
    }
    let outcome = machine.test(&["sda", "sdb", "--test", "short"]).await;
    assert_eq!(machine.count("-t"), 1, "{outcome:?}");
    let disks = outcome.document["disks"].as_array().expect("disks");
    let states: Vec<&Value> = disks.iter().map(|disk| &disk["self_test"]["state"]).collect();
    assert_eq!(states, ["passed", "passed"], "{outcome:?}");
}

#[tokio::test]
async fn a_drive_that_tests_itself_for_somebody_else_is_left_alone() {
    let Some((idle, running)) = document("E02-idle.json").zip(document("E02-running.json")) else { return };
    let machine = Machine::with("sda", &running);
    machine.answer("/dev/sda", "look", &running);
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.self_test().0), ("error", "busy"), "{outcome:?}");
    assert_eq!((machine.count("-t"), machine.count("-X")), (0, 0), "the other test goes on");
    machine.answer("/dev/sda", "x", &idle);
    assert_eq!(machine.test(&["sda"]).await.verdict(), "healthy");
}
