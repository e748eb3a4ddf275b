//! A script that reboots the machine while it enlists, and what is kept over that.

use std::os::unix::fs::PermissionsExt as _;

use nix::sys::signal::Signal;
use shakedown::sandbox::{NodeStatus, Options, Sandbox};
use shakedown::script::Status;

use crate::machine::{FIRST, Machine, SECOND, assert_enlisted, exists, stranger};
use crate::support::program::Program;
use crate::support::{LIMIT, plain, region, row, script, until};

const BMC: &str = "printf 'power_type: ipmi\\npower_address: 10.1.2.3\\n' > \"$BMC_CONFIG_PATH\"";

/// A region with a script that finds the BMC, and one that reboots the machine when it is begun for the first time.
async fn rebooting(machine: &Machine, first: &str, change: impl FnOnce(&mut Options)) -> Sandbox {
    let body = format!(
        "echo \"HAS_STARTED=$HAS_STARTED\"; touch '{}'; [ \"$HAS_STARTED\" = True ] || sleep 60",
        machine.path("told").display()
    );
    let second = machine.counted(SECOND, &body);
    let scripts = [
        (format!("commissioning/{FIRST}"), plain(&machine.counted(FIRST, first))),
        (format!("commissioning/{SECOND}"), script("may_reboot: true", &second)),
    ];
    region(&scripts, |options| {
        stranger(options);
        change(options);
    })
    .await
}

/// A run on a machine whose service manager says that it is going down. It is a fake: this machine stays up.
fn going_down(machine: &Machine, region: &Sandbox) -> Program {
    machine.write("bin/systemctl", "#!/bin/sh\necho stopping\nexit 1\n");
    let program = machine.path("bin/systemctl");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its owner");
    let path = std::env::var("PATH").unwrap_or_default();
    machine.run(&region.url()).env("PATH", format!("{}:{path}", machine.path("bin").display()))
}

async fn goes_on_after_its_reboot(first: &str) {
    let machine = Machine::new(1);
    let region = rebooting(&machine, first, |_| {}).await;
    let running = going_down(&machine, &region).start();
    until("the second script runs", || machine.path("told").exists()).await;
    if !first.is_empty() {
        until("the machine is known", || row_of(&region, FIRST) == Some(Status::Passed)).await;
    }
    running.signal(Signal::SIGTERM);
    let finished = running.finish(LIMIT).await;
    assert_eq!(finished.code, Some(130), "{}", finished.stderr);
    assert_eq!(exists(&machine.credentials()), !first.is_empty(), "credentials are kept over the reboot");
    if !first.is_empty() {
        assert_eq!(region.node_status(), NodeStatus::Commissioning, "nothing has failed");
    }
    machine.reboot(2);
    let finished = machine.run(&region.url()).finish().await;
    if first.is_empty() {
        assert_enlisted(&machine, &region, &finished);
    }
    assert_eq!(
        (finished.code, region.node_status(), region.machines()),
        (Some(0), NodeStatus::New, 1),
        "{}",
        finished.stderr
    );
    assert!(!exists(&machine.credentials()), "the credentials are not needed any longer");
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (1, 2));
    let output = String::from_utf8_lossy(&row(&region, SECOND).output).into_owned();
    let once = |started: &str| format!("output of {SECOND}\nHAS_STARTED={started}\n");
    assert_eq!(output, once("False") + &once("True"));
}

fn row_of(region: &Sandbox, name: &str) -> Option<Status> {
    region.results().iter().find(|row| row.script == name).map(|row| row.status)
}

#[tokio::test]
async fn it_goes_on_as_the_machine_that_the_region_made_before_the_reboot() {
    goes_on_after_its_reboot(BMC).await;
}

#[tokio::test]
async fn it_goes_on_with_enlisting_when_the_region_did_not_know_it_yet() {
    goes_on_after_its_reboot("").await;
}
