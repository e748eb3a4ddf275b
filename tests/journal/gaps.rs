//! What an inventory could not find out about the machine stands in its event log.

use std::path::Path;
use std::process::Command;

use shakedown::sandbox::NodeStatus;

use crate::harness::{Machine, Script, region, texts};
use crate::left_out::{say, unless_root};

/// Whether a file of this machine can be broken for one program alone. In a plain chroot it cannot.
fn can_break() -> bool {
    const WHAT: &str = "gaps of an inventory of this machine";
    if !unless_root(WHAT) {
        return false;
    }
    let can = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !can {
        say(&format!("{WHAT}: unshare --mount does not work here"));
    }
    can
}

/// An inventory of this machine with a device in the place of its `/proc/meminfo`, which cannot be read then.
fn inventory(verb: &str, state: &Path) -> String {
    let broken = "mount --bind /dev/null /proc/meminfo && exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", broken, env!("CARGO_BIN_EXE_shakedown"), verb, "--state-dir"]).arg(state);
    let output = command.output().expect("unshare is part of every system");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.contains("memory: /proc/meminfo"), "{complaint}");
    complaint
}

#[tokio::test]
async fn a_gap_of_the_inventory_is_an_event_once() {
    if !can_break() {
        return;
    }
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo one")]).await;
    assert_eq!(machine.run(&region).end().await.code, Some(0));
    let state = machine.journal().parent().expect("a directory").to_owned();
    for verb in ["resources", "inventory", "resources"] {
        inventory(verb, &state);
    }
    let events = texts(&machine.events("DEBUG"), "hardware could not be read: memory: /proc/meminfo");
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(machine.store().verify_audit().expect("readable").is_ok());
}

#[test]
fn an_inventory_makes_no_journal() {
    if !can_break() {
        return;
    }
    let place = tempfile::tempdir().expect("temporary directory");
    inventory("resources", place.path());
    assert_eq!(std::fs::read_dir(place.path()).expect("readable").count(), 0);
}
