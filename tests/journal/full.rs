//! A disk that fills up in mid-run: what the journal does not take waits and is written when it can be; nothing is lost, whatever comes first.

use std::fs;

use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Ended, Machine, Script, region, row, table, until};
use crate::unusable::Mount;

/// A run whose first script fills the state directory; what follows waits for a file `go`.
async fn region_that_fills(machine: &Machine) -> Sandbox {
    let filler = machine.state.join("filler");
    let go = machine.path("go");
    let scripts = [
        Script::testing("a-fills", format!("cat /dev/zero > {} 2>/dev/null; echo full", filler.display())),
        Script::testing("b-fails", "echo a fault; exit 3"),
        Script::testing("c-waits", format!("while [ ! -e {} ]; do sleep 0.02; done; echo done", go.display())),
    ];
    region(NodeStatus::Testing, &scripts).await
}

fn check(ended: &Ended, region: &Sandbox) {
    assert_eq!(ended.code, Some(1), "as with a journal: {}", ended.stderr);
    let complaint = ended.stderr.lines().next().unwrap_or_default();
    assert!(complaint.contains("THE JOURNAL CANNOT BE WRITTEN") && complaint.contains("full"), "{complaint}");
    let expected = [
        ("a-fills", Status::Passed, "full\n"),
        ("b-fails", Status::Failed, "a fault\n"),
        ("c-waits", Status::Passed, "done\n"),
    ];
    assert_eq!(table(region), expected.map(|(name, status, output)| (name.to_owned(), status, output.to_owned())));
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
}

#[tokio::test]
async fn the_run_goes_on_and_the_region_has_every_result() {
    let machine = Machine::new();
    let Some(_mount) = Mount::tmpfs(&machine.state, "2m") else { return };
    let region = region_that_fills(&machine).await;
    fs::write(machine.path("go"), "").expect("a file");
    let ended = machine.run(&region).words(&["--exit-when-done"]).end().await;
    check(&ended, &region);
}

#[tokio::test]
async fn the_run_still_keeps_others_away() {
    let machine = Machine::new();
    let Some(_mount) = Mount::tmpfs(&machine.state, "2m") else { return };
    let region = region_that_fills(&machine).await;
    let first = machine.run(&region).start();
    until("the journal is full", || row(&region, "c-waits").status == Status::Running).await;
    fs::remove_file(machine.state.join("filler")).expect("there is room again");
    let second = machine.run(&region).end().await;
    assert_eq!(second.code, Some(3), "{}", second.stderr);
    fs::write(machine.path("go"), "").expect("a file");
    check(&Ended::of(first).await, &region);
}

/// How scripts ended, by the journal.
fn ends(machine: &Machine) -> Vec<(String, Status)> {
    let store = machine.store();
    let run = store.runs().expect("readable").remove(0);
    store.results(run.id).expect("readable").into_iter().map(|result| (result.name, result.status)).collect()
}

fn expected() -> Vec<(String, Status)> {
    [("a-fills", Status::Passed), ("b-fails", Status::Failed), ("c-waits", Status::Passed)]
        .map(|(name, status)| (name.to_owned(), status))
        .to_vec()
}

#[tokio::test]
async fn with_room_again_the_journal_has_everything() {
    let machine = Machine::new();
    let Some(_mount) = Mount::tmpfs(&machine.state, "2m") else { return };
    let region = region_that_fills(&machine).await;
    let run = machine.run(&region).start();
    until("the journal is full", || row(&region, "c-waits").status == Status::Running).await;
    fs::remove_file(machine.state.join("filler")).expect("there is room again");
    fs::write(machine.path("go"), "").expect("a file");
    check(&Ended::of(run).await, &region);
    assert_eq!(ends(&machine), expected());
    let store = machine.store();
    let run = store.runs().expect("readable").remove(0);
    assert!(run.ended.is_some(), "{run:?}");
    assert_eq!(store.undelivered_messages(run.id).expect("readable"), []);
}

/// The end of the run itself was never written: the next start finds how each script ended beside its outputs.
#[tokio::test]
async fn what_ended_is_never_called_killed_by_the_next_start() {
    let machine = Machine::new();
    let Some(_mount) = Mount::tmpfs(&machine.state, "2m") else { return };
    let region = region_that_fills(&machine).await;
    fs::write(machine.path("go"), "").expect("a file");
    let agent = machine.run(&region);
    agent.killed_when("the last script ended", || row(&region, "c-waits").status == Status::Passed).await;
    fs::remove_file(machine.state.join("filler")).expect("there is room again");
    let again = machine.run(&region).words(&["--exit-when-done"]).end().await;
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    assert_eq!(ends(&machine), expected());
    assert!(!again.text().contains("killed"), "{}", again.text());
    assert_eq!(row(&region, "b-fails").status, Status::Failed);
}
