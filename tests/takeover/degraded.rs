//! A fault that keeps the agent from beginning leaves MAAS's runner at work, and is logged.

use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::machine::{Machine, lines};
use crate::support::{row, until};
use crate::{administer, adopted, binary, region, site};

/// MAAS's runner has run everything, and the output of the takeover script contains the reason.
async fn is_left_alone(machine: &Machine, region: &Sandbox, reason: &str) {
    let mut runner = machine.boot(region);
    assert_eq!(runner.finish(|| {}).await, Some(0), "{}", runner.log());
    let log = runner.log();
    assert!(log.contains("stand-in: the end") && log.contains(reason), "{reason}: {log}");
    assert_eq!(lines(&machine.at("trace")), ["look "], "MAAS's runner ran it, once");
    assert_eq!(row(region, "look").status, Status::Passed);
    let takeover = row(region, "00-shakedown-commissioning");
    assert_eq!((takeover.status, takeover.exit_status), (Status::Degraded, Some(0)), "{log}");
    assert!(String::from_utf8_lossy(&takeover.stderr).contains(reason));
    assert_eq!(region.node_status(), NodeStatus::Ready);
    until("nothing is left of the takeover", || machine.is_quiet()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_program_for_its_architecture() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    let other = format!("s390x={}", machine.at("shakedown").display());
    let done = administer(&region, "install").arg("--binary").arg(other).finish().await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    crate::operator(&region, "commission").await;
    is_left_alone(&machine, &region, "there is no program for").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_file_of_another_checksum() {
    let machine = Machine::new();
    let region = adopted(&machine, &[site(&machine, "look", "", "")]).await;
    // The file with that name has other content of the same length.
    let client = shakedown::region::Client::new(options(&region)).expect("a client");
    let files = client.files("shakedown-").await.expect("a list");
    let mut content = client.file_content(&files[0]).await.expect("a file");
    let last = content.len() - 1;
    content[last] ^= 1;
    client.upload_file(&files[0].name, &content).await.expect("taken");
    is_left_alone(&machine, &region, "no address gave the right file").await;
    let done = administer(&region, "status").finish().await;
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("DAMAGED"), "{}", done.stdout);
}

pub(crate) fn options(region: &Sandbox) -> shakedown::region::ClientOptions {
    let key = shakedown::region::Credentials::from_api_key(&region.api_key());
    let address = format!("{}metadata/", region.url()).parse().expect("an address");
    let mut options = shakedown::region::ClientOptions::new(address, key);
    options.direct = true;
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn without_space() {
    let machine = Machine::new();
    let region = adopted(&machine, &[site(&machine, "look", "", "")]).await;
    // The program that prints the free space is looked up by name.
    machine.program("bin/df", "#!/bin/sh\necho Filesystem\necho /dev/x 100 100 7 100% /\n");
    let path = format!("{}:{}", machine.at("bin").display(), std::env::var("PATH").unwrap_or_default());
    let text = std::fs::read_to_string(machine.at("bin/maas-run-remote-scripts")).expect("a program");
    let own = format!("os.environ[\"PATH\"] = {path:?}\n\n\nclass Region:");
    machine.program("bin/maas-run-remote-scripts", &text.replacen("class Region:", &own, 1));
    is_left_alone(&machine, &region, "has 7 KiB free").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_way_to_the_file() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    let site = ["--binary-url", "http://127.0.0.1:9/nothing/"];
    let done = administer(&region, "install").arg("--binary").arg(binary(&machine)).args(site).finish().await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("http://127.0.0.1:9/nothing/ has to serve shakedown-"), "{}", done.stdout);
    crate::operator(&region, "commission").await;
    is_left_alone(&machine, &region, "no address gave the right file").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_program_that_does_not_run_here() {
    let machine = Machine::new();
    machine.program("shakedown", "#!/no/such/interpreter\n");
    let region = adopted(&machine, &[site(&machine, "look", "", "")]).await;
    is_left_alone(&machine, &region, "does not run on this").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_agent_that_cannot_begin_although_all_else_can() {
    let machine = Machine::new();
    let region = adopted(&machine, &[site(&machine, "look", "", "")]).await;
    // A file is in the place of the storage directory: this shows only after MAAS's runner was halted.
    std::fs::write(machine.state().join("run"), "").expect("written");
    is_left_alone(&machine, &region, "the agent could not begin").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_test_that_maas_runner_has_run() {
    let machine = Machine::new();
    // It sorts before the takeover script.
    let earlier = site(&machine, "test-00", "hardware_type: cpu\nparallel: disabled", "exit 3");
    let earlier = (earlier.0.replace("test-00", "00-a"), earlier.1.replace("name: test-00", "name: 00-a"));
    let region = region(&[earlier, site(&machine, "test-look", "", "")]).await;
    let done = administer(&region, "install").arg("--binary").arg(binary(&machine)).finish().await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    crate::operator(&region, "test").await;
    let mut runner = machine.boot(&region);
    assert_eq!(runner.finish(|| {}).await, Some(0), "{}", runner.log());
    assert!(runner.log().contains("has run other tests before (00-a)"), "{}", runner.log());
    assert_eq!(row(&region, "00-shakedown-testing").status, Status::Degraded);
    assert_eq!(lines(&machine.at("trace")), ["test-00 ", "test-look "], "MAAS's runner ran them");
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_goes_away_in_the_moment_of_the_takeover_is_waited_for() {
    let machine = Machine::new();
    let region = adopted(&machine, &[site(&machine, "look", "", "")]).await;
    let mut runner = machine.boot(&region);
    let mut cut = false;
    let code = runner
        .finish(|| {
            if !cut && machine.state().join("takeover.json").exists() {
                cut = true;
                region.inject(Fault::new("any", 15, Action::DropBefore));
            }
        })
        .await;
    assert_eq!((code, cut), (None, true), "{}", runner.log());
    assert_eq!(row(&region, "look").status, Status::Passed);
    assert_eq!(region.node_status(), NodeStatus::Ready);
    assert_eq!(lines(&machine.at("trace")), ["look shakedown"]);
}
