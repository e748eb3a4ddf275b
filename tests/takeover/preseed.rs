//! The preseed: what cloud-init runs early in a boot, and the unit that it makes, as far as they can be tried outside an ephemeral system
//! (`tests/vm/image_test.py` tries them in one).

use std::fs;
use std::path::PathBuf;

use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::machine::{Machine, lines, operator};
use crate::support::table;
use crate::{administer, binary, region, site};

/// User data as MAAS sends them, as far as anybody looks at them.
const USER_DATA: &str = "#!/bin/sh\nexec maas-run-remote-scripts --config=x y\n";

/// A machine whose region has written a preseed; it is booted, and user data wait to be run.
async fn booted(machine: &Machine, region: &Sandbox) {
    let file = machine.at("preseed");
    let done =
        administer(region, "install").arg("--binary").arg(binary(machine)).arg("--preseed").arg(&file).finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    operator(region, "commission").await;
    region.boot();
    let cloud = machine.at("root/etc/cloud/cloud.cfg.d");
    fs::create_dir_all(&cloud).expect("a folder");
    fs::write(cloud.join("91_kernel_cmdline_url.cfg"), region.node_config()).expect("written");
    for folder in ["units", "scripts"] {
        fs::create_dir(machine.at(folder)).expect("a folder");
    }
    fs::write(user_data(machine), USER_DATA).expect("written");
    machine.program("bin/systemctl", &format!("#!/bin/sh\necho \"$@\" >>{}\n", machine.at("called").display()));
    // What is read as YAML is what stands there, indented by four.
    let text = fs::read_to_string(file).expect("a preseed");
    let script = text.strip_prefix("{{preseed_data}}\nbootcmd:\n  - |\n").expect("its beginning");
    let script: Vec<&str> = script.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    fs::write(machine.at("bootcmd"), script.join("\n")).expect("written");
}

fn user_data(machine: &Machine) -> PathBuf {
    machine.at("scripts/part-001")
}

/// Runs a script of the machine with a shell; its standard error.
async fn sh(machine: &Machine, script: PathBuf) -> String {
    let mut command = tokio::process::Command::new("sh");
    let path = format!("{}:{}", machine.at("bin").display(), std::env::var("PATH").unwrap_or_default());
    command.arg(script).env("PATH", path).env("SHAKEDOWN_RETRY_WAIT", "0.1").env("NO_PROXY", "*");
    command
        .env("SHAKEDOWN_CLOUD", machine.at("root/etc/cloud/cloud.cfg.d"))
        .env("SHAKEDOWN_PLACE", machine.at("place"));
    command.env("SHAKEDOWN_TEST_ROOT", machine.at("root")).env("SHAKEDOWN_STATE_DIR", machine.state());
    command.env("SHAKEDOWN_UNITS", machine.at("units")).env("SHAKEDOWN_USER_DATA", machine.at("scripts"));
    command.env_remove("SHAKEDOWN_BINARY").env_remove("SHAKEDOWN_LOG");
    let output = command.output().await.expect("a shell");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_runs_before_user_data_which_then_run_nothing_again() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    booted(&machine, &region).await;
    let said = sh(&machine, machine.at("bootcmd")).await;
    assert_eq!(lines(&machine.at("called")), ["daemon-reload", "start --no-block shakedown-preseed.service"], "{said}");
    let unit = fs::read_to_string(machine.at("units/shakedown-preseed.service")).expect("a unit");
    assert!(unit.contains("Before=cloud-final.service"), "{unit}");
    let run = machine.state().join("preseed-run");
    assert!(unit.contains(&format!("ExecStart=/bin/sh {}", run.display())), "{unit}");

    let said = sh(&machine, run).await;
    assert!(table(&region).values().all(|(status, _)| *status == Status::Passed), "{said} {:?}", table(&region));
    assert_eq!(region.node_status(), NodeStatus::Ready, "{said}");
    assert_eq!(lines(&machine.at("trace")), ["look shakedown"]);
    let left = fs::read_to_string(user_data(&machine)).expect("a script");
    assert!(left.contains("# shakedown-run") && !left.contains("exec"), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_be_had_changes_nothing() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    booted(&machine, &region).await;
    administer(&region, "remove").finish().await;
    let said = sh(&machine, machine.at("bootcmd")).await;
    assert!(said.contains("no address gave the right file"), "{said}");
    assert_eq!(lines(&machine.at("called")), [""; 0]);
    assert_eq!(fs::read_to_string(user_data(&machine)).expect("a script"), USER_DATA);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_cannot_begin_leaves_user_data_as_they_are() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    booted(&machine, &region).await;
    sh(&machine, machine.at("bootcmd")).await;
    // A file is in the place of the storage directory.
    fs::write(machine.state().join("run"), "").expect("written");
    sh(&machine, machine.state().join("preseed-run")).await;
    assert_eq!(fs::read_to_string(user_data(&machine)).expect("a script"), USER_DATA);
    assert_eq!(lines(&machine.at("trace")), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_data_that_erase_disks_are_not_touched() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    booted(&machine, &region).await;
    let erasing = format!("{USER_DATA}maas-wipe\n");
    fs::write(user_data(&machine), &erasing).expect("written");
    sh(&machine, machine.at("bootcmd")).await;
    sh(&machine, machine.state().join("preseed-run")).await;
    assert_eq!(fs::read_to_string(user_data(&machine)).expect("a script"), erasing);
}
