//! The agent is killed in the middle of enlisting, and started again.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use nix::sys::signal::Signal;
use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::machine::{BESIDE, FIRST, Machine, SECOND, asked, assert_enlisted, exists};
use crate::support::program::Running;
use crate::support::{LIMIT, row, table, until};

const LONG: Duration = Duration::from_secs(60);

async fn kill(running: Running) {
    running.signal(Signal::SIGKILL);
    assert_eq!(running.finish(LIMIT).await.code, None, "it was killed");
}

async fn begun(machine: &Machine, region: &Sandbox, what: &str, holds: impl FnMut() -> bool) -> Running {
    let running = machine.run(&region.url()).start();
    until(what, holds).await;
    running
}

#[tokio::test]
async fn before_the_machine_is_known_what_has_ended_counts_and_what_ran_is_told_as_interrupted() {
    let machine = Machine::new(2);
    let region = machine.region("", &machine.wait_for("never")).await;
    let running = begun(&machine, &region, "the second script runs", || machine.captured(SECOND)).await;
    kill(running).await;
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!(
        (finished.code, region.node_status()),
        (Some(1), NodeStatus::FailedCommissioning),
        "{}",
        finished.stderr
    );
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND), machine.ran(BESIDE)), (1, 1, 1), "nothing is run twice");
    assert_eq!(table(&region)[FIRST], (Status::Passed, Some(0)));
    let second = row(&region, SECOND);
    assert_eq!((second.status, second.exit_status), (Status::Failed, Some(137)));
    let output = String::from_utf8_lossy(&second.output).into_owned();
    assert!(output.starts_with("output of 30-maas-02-second\n") && output.contains("interrupted by"), "{output}");
}

#[tokio::test]
async fn a_reboot_before_the_machine_is_known_is_told_as_that() {
    let machine = Machine::new(1);
    let region = machine.region("", &machine.wait_for("never")).await;
    let running = begun(&machine, &region, "the second script runs", || machine.captured(SECOND)).await;
    kill(running).await;
    machine.reboot(2);
    machine.run(&region.url()).finish().await;
    let output = row(&region, SECOND).output;
    assert!(String::from_utf8_lossy(&output).contains("interrupted by a reboot or power loss"));
}

#[tokio::test]
async fn between_the_machine_and_its_credentials_the_same_machine_is_asked_for_again() {
    let machine = Machine::new(2);
    let region = machine.region("", "").await;
    region.inject(Fault::new("GET", 1, Action::Delay(LONG)).at("by-id/"));
    let running = begun(&machine, &region, "the region has made the machine", || region.machines() == 1).await;
    kill(running).await;
    assert!(!exists(&machine.credentials()));
    region.clear_faults();
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (1, 1), "nothing is run twice");
}

#[tokio::test]
async fn with_its_credentials_it_goes_on_as_that_machine() {
    let machine = Machine::new(2);
    let region = machine.region("", "").await;
    region.inject(Fault::for_results(u32::MAX, Action::Delay(LONG)));
    let running = begun(&machine, &region, "the credentials are kept", || exists(&machine.credentials())).await;
    let mode = machine.credentials().metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600, "its owner's alone");
    kill(running).await;
    region.clear_faults();
    machine.reboot(2);
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!(
        (finished.code, region.node_status(), region.machines()),
        (Some(0), NodeStatus::New, 1),
        "{}",
        finished.stderr
    );
    assert!(table(&region).values().all(|row| *row == (Status::Passed, Some(0))), "{:?}", table(&region));
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (1, 1), "nothing is run twice");
    assert_eq!(asked(&region, "POST", "/machines/"), 1, "it does not enlist again");
    assert!(!exists(&machine.credentials()), "the credentials are not needed any longer");
}

#[tokio::test]
async fn killed_again_and_again_it_is_one_machine_in_the_end() {
    let machine = Machine::new(2);
    let region = machine.region("sleep 0.1", "sleep 0.1").await;
    let mut life = Duration::from_millis(5);
    let finished = loop {
        let running = machine.run(&region.url()).start();
        match tokio::time::timeout(life, running.finish(LIMIT)).await {
            Ok(finished) => break finished,
            Err(_) => life += Duration::from_millis(15),
        }
    };
    assert!(matches!(finished.code, Some(0 | 1)), "{}", finished.stderr);
    assert_eq!(region.machines(), 1);
    assert!(
        matches!(region.node_status(), NodeStatus::New | NodeStatus::FailedCommissioning),
        "{:?}",
        region.node_status()
    );
    for name in [FIRST, SECOND, BESIDE] {
        // Killed between the note that it starts and the start, it has not run and counts as interrupted.
        let told = (row(&region, name).status, machine.ran(name));
        assert!(matches!(told, (Status::Passed, 1) | (Status::Failed, 0 | 1)), "{name}: {told:?}");
    }
}

#[tokio::test]
async fn cut_off_between_its_credentials_and_the_note_of_them_it_goes_on_as_that_machine() {
    let machine = Machine::new(2);
    let region = machine.region("", "").await;
    region.inject(Fault::new("GET", 1, Action::Delay(LONG)).at("by-id/"));
    let running = begun(&machine, &region, "the region has made the machine", || region.machines() == 1).await;
    kill(running).await;
    region.clear_faults();
    machine.write("state/enlisted.yaml", &region.node_config());
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!(
        (finished.code, region.node_status(), region.machines()),
        (Some(0), NodeStatus::New, 1),
        "{}",
        finished.stderr
    );
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (1, 1), "what waited was told, and nothing is run twice");
    assert_eq!(asked(&region, "POST", "/machines/"), 1, "it does not enlist again");
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_as_none() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    machine.write("state/enlisted.yaml", "datasource: {MAAS: {metadata_url: [");
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
}

#[tokio::test]
async fn credentials_of_another_region_are_not_used() {
    let (machine, other) = (Machine::new(1), Machine::new(1));
    let (region, elsewhere) = (machine.region("", "").await, other.region("", "").await);
    machine.write("state/enlisted.yaml", &elsewhere.node_config());
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert!(elsewhere.requests().is_empty());
}
