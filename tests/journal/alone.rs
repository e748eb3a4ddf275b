//! One agent at a time works with a state directory.

use std::fs;

use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Ended, Machine, Script, region, row, until};

/// A run whose only script waits for a file `go`.
async fn waiting_run(machine: &Machine) -> (Sandbox, tokio::process::Child) {
    let body = format!("while [ ! -e {} ]; do sleep 0.02; done; echo done", machine.path("go").display());
    let region = region(NodeStatus::Testing, &[Script::testing("waits", body)]).await;
    let first = machine.run(&region).start();
    until("the first agent is at work", || row(&region, "waits").status == Status::Running).await;
    (region, first)
}

async fn ends_well(machine: &Machine, region: &Sandbox, first: tokio::process::Child) {
    fs::write(machine.path("go"), "").expect("a file");
    let ended = Ended::of(first).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!((row(region, "waits").status, row(region, "waits").output), (Status::Passed, b"done\n".to_vec()));
    assert_eq!(machine.store().runs().expect("readable").len(), 1);
    assert!(machine.store().verify_audit().expect("readable").is_ok());
}

#[tokio::test]
async fn a_second_run_leaves_and_names_the_first() {
    let machine = Machine::new();
    let (region, first) = waiting_run(&machine).await;
    let pid = first.id().expect("it runs").to_string();
    for options in [&[][..], &["--fresh"], &["--exit-when-done"]] {
        let second = machine.run(&region).words(options).end().await;
        assert_eq!(second.code, Some(3));
        let complaint = second.only_complaint();
        assert!(complaint.contains("another shakedown is at work"), "{complaint}");
        assert!(complaint.contains(&format!("process {pid}")), "{complaint} names {pid}");
    }
    ends_well(&machine, &region, first).await;
}

#[tokio::test]
async fn so_does_a_delivery() {
    let machine = Machine::new();
    let (region, first) = waiting_run(&machine).await;
    let second = machine.deliver(&region).end().await;
    assert_eq!(second.code, Some(3));
    assert!(second.only_complaint().contains("another shakedown is at work"), "{}", second.stderr);
    ends_well(&machine, &region, first).await;
}

#[tokio::test]
async fn looking_is_allowed_meanwhile() {
    let machine = Machine::new();
    let (region, first) = waiting_run(&machine).await;
    let runs = machine.ask("runs").end().await.answer();
    assert!(runs.contains("under way"), "{runs}");
    let results = machine.ask("results").end().await.answer();
    assert!(results.contains("waits") && results.contains("Running"), "{results}");
    assert!(machine.ask("events").word("verify").end().await.answer().contains("none altered"));
    ends_well(&machine, &region, first).await;
}

#[tokio::test]
async fn a_killed_agent_keeps_nobody_away() {
    let machine = Machine::new();
    let (region, mut first) = waiting_run(&machine).await;
    first.kill().await.expect("it is killed");
    let second = machine.run(&region).end().await;
    assert_eq!(second.code, Some(1), "its script was interrupted: {}", second.stderr);
}
