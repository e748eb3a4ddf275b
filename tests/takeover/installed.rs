//! Everything goes well.

use shakedown::sandbox::NodeStatus;
use shakedown::script::Status;

use crate::machine::{Machine, lines, operator};
use crate::support::{events, row, table, until};
use crate::{administer, adopted, binary, region, site};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_commissioned_and_tested_by_the_agent_and_the_region_is_as_before() {
    let machine = Machine::new();
    let scripts = [
        site(&machine, "first-of-all", "hardware_type: cpu\nparallel: disabled", ""),
        site(&machine, "look", "parallel: any", "echo seen"),
        site(&machine, "test-bad", "", "exit 3"),
    ];
    let region = adopted(&machine, &scripts[..2]).await;
    let mut runner = machine.boot(&region);
    assert_eq!(runner.finish(|| {}).await, None, "the runner is ended by a signal: {}", runner.log());
    until("nothing is left of the takeover", || machine.is_quiet()).await;

    let passed = |name: &str| (name.to_owned(), (Status::Passed, Some(0)));
    let expected = ["00-shakedown-commissioning", "00-shakedown-testing", "first-of-all", "look"].map(passed);
    assert_eq!(table(&region), expected.into());
    assert_eq!(region.node_status(), NodeStatus::Ready);
    assert_eq!(lines(&machine.at("trace")), ["first-of-all shakedown", "look shakedown"], "the agent ran all, once");
    let log = runner.log();
    assert!(log.contains("takes over (maas-run-remote-scripts") && log.contains("takeover.log"), "{log}");
    assert!(log.contains("has done its work") && !log.contains("stand-in: the end"), "{log}");

    // The next time the program is there already.
    operator(&region, "test").await;
    let mut runner = machine.boot(&region);
    runner.finish(|| {}).await;
    assert_eq!(row(&region, "00-shakedown-testing").status, Status::Passed);
    let told = events(&region);
    assert!(told.iter().any(|event| event.contains("00-shakedown-testing")), "{told:?}");
    // MAAS's runner had told the region that this test has begun, which is no trace of a run whose record is lost.
    assert_eq!(region.node_status(), NodeStatus::Ready, "{}", runner.log());

    let done = administer(&region, "remove").finish().await;
    assert!(done.stdout.contains("any more"), "{}{}", done.stdout, done.stderr);
    let done = administer(&region, "status").finish().await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Nothing of Shakedown is in this region.\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn installing_twice_changes_nothing_and_a_dry_run_never_does() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    let install = || administer(&region, "install").arg("--binary").arg(binary(&machine));
    let changes = || region.requests().iter().filter(|request| request["method"] != "GET").count();

    let done = install().arg("--dry-run").finish().await;
    assert!(
        done.stdout.contains("would upload shakedown-") && done.stdout.contains("would make script 00-"),
        "{}",
        done.stdout
    );
    assert_eq!(changes(), 0, "{}", done.stderr);

    let done = install().args(["--scripts", "shakedown-cpu"]).finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    for word in
        ["upload shakedown-", "make script 00-shakedown-testing", "make script shakedown-cpu", "as it was put there"]
    {
        assert!(done.stdout.contains(word), "{word}: {}", done.stdout);
    }
    let before = changes();
    let done = install().args(["--scripts", "shakedown-cpu"]).finish().await;
    assert!(done.stdout.contains("had everything already"), "{}{}", done.stdout, done.stderr);
    assert_eq!(changes(), before);

    // Another program: a new version of each script that takes over, and the older program stays for who is at work with it.
    machine.program("shakedown", "#!/bin/sh\nexit 9\n");
    let done = install().finish().await;
    assert!(done.stdout.contains("make a new version of script 00-shakedown-commissioning"), "{}", done.stdout);
    assert!(!done.stdout.contains("delete file"), "{}", done.stdout);
    machine.program("shakedown", "#!/bin/sh\nexit 8\n");
    let done = install().finish().await;
    assert_eq!(done.stdout.matches("delete file").count(), 1, "{}", done.stdout);

    let done = administer(&region, "remove").finish().await;
    assert!(done.stdout.contains("delete script shakedown-cpu"), "{}", done.stdout);
    assert!(!done.stdout.contains("script look"), "{}", done.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_put_there_is_neither_replaced_nor_removed() {
    let machine = Machine::new();
    let theirs = site(&machine, "shakedown-cpu", "", "echo theirs");
    let region = region(&[theirs]).await;
    let done =
        administer(&region, "install").arg("--binary").arg(binary(&machine)).args(["--scripts", "all"]).finish().await;
    assert_eq!(done.code, Some(3));
    assert!(done.stderr.contains("shakedown-cpu. Nothing was changed"), "{}", done.stderr);
    assert!(region.requests().iter().all(|request| request["method"] == "GET"));
    let done = administer(&region, "remove").finish().await;
    assert!(done.stdout.contains("Nothing of Shakedown"), "{}", done.stdout);
}
