//! A state directory that cannot be used costs the record and nothing else: every result reaches the region, the exit code is
//! the same, and the operator is told once.

use std::fs;
use std::path::{Path, PathBuf};

use shakedown::sandbox::NodeStatus;
use shakedown::script::Status;

use crate::harness::{Ended, Machine, Script, region, table};

/// What the world outside sees of a run.
type Seen = (Option<i32>, String, Vec<(String, Status, String)>);

/// A run of a script that passes, one that fails and one that finds something worn.
async fn run(machine: &Machine) -> (Seen, Ended) {
    let scripts = [
        Script::testing("fine", "echo all is well"),
        Script::testing("failing", "echo a fault; exit 3"),
        Script::testing("worn", "echo '{status: degraded}' > \"$RESULT_PATH\""),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    let ended = machine.run(&region).words(&["--fresh", "--exit-when-done"]).end().await;
    ((ended.code, region.node_status().name().to_owned(), table(&region)), ended)
}

/// A run on this machine is seen as one on a machine without fault, and the operator is told why there is no record.
async fn costs_only_the_record(machine: &Machine, why: &str) {
    let (with_journal, _) = run(&Machine::new()).await;
    assert_eq!(with_journal.0, Some(1), "a script fails: {with_journal:?}");
    let (seen, ended) = run(machine).await;
    assert_eq!(seen, with_journal);
    let complaint = ended.only_complaint();
    assert!(complaint.contains("WARNING") && complaint.contains("leaves no record"), "{complaint}");
    assert!(complaint.contains(&machine.state.display().to_string()) && complaint.contains(why), "{complaint}");
}

/// A file system of its own for the state directory, unmounted when this is dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// `None`, with one clear line, where this is not allowed.
    pub(crate) fn tmpfs(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).expect("a directory to mount on");
        let options = format!("size={size},mode=700");
        if mount(&["-t", "tmpfs", "-o", &options, "shakedown-test"], at) {
            return Some(Mount(at.to_owned()));
        }
        crate::left_out::say("a state directory on a file system of its own: mounting is not allowed here");
        None
    }

    fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], &self.0), "what was mounted can be mounted again");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(options: &[&str], at: &Path) -> bool {
    let command = std::process::Command::new("mount").args(options).arg(at).output();
    command.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn below_a_regular_file() {
    let mut machine = Machine::new();
    fs::write(machine.path("file"), "in the way").expect("a file");
    machine.state = machine.path("file/state");
    costs_only_the_record(&machine, "Not a directory").await;
    assert_eq!(machine.read("file"), "in the way");
}

#[tokio::test]
async fn with_a_directory_in_the_place_of_the_journal() {
    let machine = Machine::new();
    fs::create_dir_all(machine.journal()).expect("a directory");
    costs_only_the_record(&machine, "Is a directory").await;
}

#[tokio::test]
async fn on_a_full_disk() {
    let machine = Machine::new();
    let Some(_mount) = Mount::tmpfs(&machine.state, "64k") else { return };
    let filled = fs::write(machine.state.join("filler"), vec![0; 1 << 20]);
    assert!(filled.is_err(), "the disk is full");
    costs_only_the_record(&machine, "No space left").await;
}

#[tokio::test]
async fn on_a_disk_with_less_room_than_an_empty_journal_takes() {
    let machine = Machine::new();
    let Some(_mount) = Mount::tmpfs(&machine.state, "24k") else { return };
    costs_only_the_record(&machine, "disk I/O error").await;
}

#[tokio::test]
async fn on_a_disk_that_became_read_only() {
    let machine = Machine::new();
    let Some(mount) = Mount::tmpfs(&machine.state, "4m") else { return };
    let (_, ended) = run(&machine).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));
    let record = machine.ask("runs").end().await.answer();
    mount.make_read_only();
    costs_only_the_record(&machine, "Read-only file system").await;
    assert_eq!(machine.ask("runs").end().await.answer(), record, "what was recorded before can still be read");
}

/// Without the log that a run leaves, as after its orderly end.
#[tokio::test]
async fn the_record_on_a_read_only_disk_can_be_read() {
    let mut machine = Machine::new();
    machine.state = machine.path("100 % für ?#");
    let Some(mount) = Mount::tmpfs(&machine.state, "4m") else { return };
    run(&machine).await;
    let record = machine.ask("runs").end().await.answer();
    machine.settle_file();
    assert!(!machine.state.join("journal.db-wal").exists());
    mount.make_read_only();
    assert_eq!(machine.ask("runs").end().await.answer(), record);
    assert!(machine.ask("events").word("verify").end().await.answer().contains("none altered"));
}

#[tokio::test]
async fn what_only_looks_at_the_journal_says_so_and_makes_none() {
    let machine = Machine::new();
    for verb in ["runs", "results"] {
        let ended = machine.ask(verb).end().await;
        assert_eq!(ended.code, Some(3));
        assert!(ended.only_complaint().contains("there is no journal in"), "{}", ended.stderr);
    }
    assert!(!machine.state.exists());
}

#[tokio::test]
async fn nothing_can_be_delivered_from_there() {
    let mut machine = Machine::new();
    fs::write(machine.path("file"), "in the way").expect("a file");
    machine.state = machine.path("file/state");
    let region = region(NodeStatus::Testing, &[]).await;
    let ended = machine.deliver(&region).end().await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("Not a directory"), "{}", ended.stderr);
}
