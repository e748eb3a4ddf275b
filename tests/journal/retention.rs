//! What is kept and what is deleted: never a message that the region has not got, never an audit row, and no output but that
//! of the runs that go.

use std::fs;

use shakedown::journal::{Pruned, Retention, RunId, Store};
use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};

use crate::harness::{Machine, Script, region};

const EVERYTHING: Retention = Retention { runs: None, days: None, bytes: None };

/// A run of one script that prints its own name.
async fn run(machine: &Machine, script: &str) -> Sandbox {
    let region = region(NodeStatus::Testing, &[Script::testing(script, format!("echo {script}"))]).await;
    assert_eq!(machine.run(&region).words(&["--exit-when-done"]).end().await.code, Some(0));
    region
}

/// A run whose messages wait.
async fn run_without_region(machine: &Machine, script: &str) -> Sandbox {
    let region = region(NodeStatus::Testing, &[Script::testing(script, format!("echo {script}"))]).await;
    region.inject(Fault::new("POST", 100_000, Action::Answer(503, String::new())));
    assert_eq!(machine.run(&region).words(&["--exit-when-done", "--farewell", "1"]).end().await.code, Some(4));
    region
}

fn prune(machine: &Machine, retention: &Retention) -> Pruned {
    let mut store = Store::open(&machine.state, "host", "a region").expect("nobody else is at work").store;
    store.prune(retention).expect("it can be written")
}

fn runs(machine: &Machine) -> Vec<i64> {
    machine.store().runs().expect("readable").iter().map(|run| run.id.number()).collect()
}

/// The scripts whose output is still there.
fn outputs(machine: &Machine) -> Vec<String> {
    let entries = fs::read_dir(machine.path("storage/out")).expect("the outputs").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter_map(|name| name.strip_suffix(".4000").map(str::to_owned)).collect();
    names.sort();
    names
}

#[tokio::test]
async fn within_bounds_nothing_is_deleted() {
    let machine = Machine::new();
    run(&machine, "a").await;
    let events = machine.events("DEBUG");
    assert_eq!(prune(&machine, &EVERYTHING), Pruned::default());
    assert_eq!(prune(&machine, &Retention::default()), Pruned::default());
    assert_eq!((runs(&machine), outputs(&machine), machine.events("DEBUG")), (vec![1], vec!["a".into()], events));
}

#[tokio::test]
async fn runs_beyond_the_bound_go_with_their_outputs_and_no_others() {
    let machine = Machine::new();
    for script in ["a", "b", "c"] {
        run(&machine, script).await;
    }
    fs::write(machine.path("storage/out/mine"), "not the journal's").expect("a file");
    let pruned = prune(&machine, &Retention { runs: Some(2), ..EVERYTHING });
    assert_eq!((pruned.runs, pruned.bytes), (1, 4), "combined and standard output: {pruned:?}");
    assert_eq!((runs(&machine), outputs(&machine)), (vec![3, 2], vec!["b".to_owned(), "c".to_owned()]));
    assert!(machine.path("storage/out/mine").exists());
    assert!(machine.store().results(RunId::from(1)).expect("readable").is_empty());
    assert_eq!(machine.read("storage/out/b.4000.out"), "b\n");
}

#[tokio::test]
async fn bytes_are_a_bound_that_the_last_run_may_pass() {
    let machine = Machine::new();
    for script in ["a", "b"] {
        run(&machine, script).await;
    }
    assert_eq!(prune(&machine, &Retention { days: Some(u32::MAX), ..EVERYTHING }).runs, 0, "longer ago than time goes");
    prune(&machine, &Retention { bytes: Some(1), ..EVERYTHING });
    assert_eq!((runs(&machine), outputs(&machine)), (vec![2], vec!["b".to_owned()]));
}

#[tokio::test]
async fn what_the_region_has_not_got_stays_until_it_has() {
    let machine = Machine::new();
    let waits_for = run_without_region(&machine, "waits").await;
    run(&machine, "b").await;
    let none = Retention { runs: Some(0), days: Some(0), bytes: Some(0) };
    assert_eq!(prune(&machine, &none).runs, 1);
    assert_eq!((runs(&machine), outputs(&machine)), (vec![1], vec!["waits".to_owned()]));
    waits_for.clear_faults();
    assert_eq!(machine.deliver(&waits_for).end().await.code, Some(0));
    assert_eq!(waits_for.results()[0].output, b"waits\n");
    assert_eq!(prune(&machine, &none).runs, 1);
    assert_eq!((runs(&machine), outputs(&machine)), (vec![], vec![]));
}

#[tokio::test]
async fn a_run_that_was_interrupted_stays() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo begun; sleep 60")]).await;
    machine.run(&region).killed_when("it has begun", || machine.has("storage/out/a.4000", "begun")).await;
    let none = Retention { runs: Some(0), days: Some(0), bytes: Some(0) };
    assert_eq!(prune(&machine, &none).runs, 0);
    assert_eq!((runs(&machine), outputs(&machine)), (vec![1], vec!["a".to_owned()]));
    assert_eq!(machine.run(&region).end().await.code, Some(1), "it can still be gone on with");
}

#[tokio::test]
async fn audit_rows_stay_for_ever_and_other_events_for_their_days() {
    let machine = Machine::new();
    run(&machine, "a").await;
    let audit = machine.events("AUDIT");
    assert!(!audit.is_empty() && !machine.events("DEBUG").is_empty());
    let pruned = prune(&machine, &Retention { runs: Some(0), days: Some(0), bytes: Some(0) });
    assert!(pruned.events > 0, "{pruned:?}");
    assert_eq!((machine.events("DEBUG"), machine.events("AUDIT")), (Vec::new(), audit));
    let verified = machine.store().verify_audit().expect("readable");
    assert!(verified.is_ok(), "{verified:?}");
    run(&machine, "b").await;
    assert!(machine.ask("events").word("verify").end().await.answer().contains("none altered"));
}

/// Begun anew on the same region, a run's results have the same numbers and so the same files.
#[tokio::test]
async fn an_output_that_a_kept_run_names_as_well_stays() {
    let machine = Machine::new();
    let body = "echo begun; [ $HAS_STARTED = True ] || sleep 60; echo ended";
    let region = region(NodeStatus::Testing, &[Script::testing("a", body)]).await;
    machine.run(&region).killed_when("it has begun", || machine.has("storage/out/a.4000", "begun")).await;
    assert_eq!(machine.run(&region).words(&["--fresh"]).end().await.code, Some(0));
    assert_eq!(prune(&machine, &Retention { runs: Some(1), ..EVERYTHING }).runs, 1);
    assert_eq!(runs(&machine), [2]);
    assert!(machine.read("storage/out/a.4000").ends_with("ended\n"), "{:?}", machine.read("storage/out/a.4000"));
}
