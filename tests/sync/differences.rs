//! `shakedown diff`, and what changed since a date.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::deployed::Deployed;
use crate::machine::{disk, server};
use crate::tree::Tree;

fn call(state: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.args(words).env("SHAKEDOWN_STATE_DIR", state).output().expect("the program can be started")
}

fn printed(state: &Path, words: &[&str]) -> String {
    let output = call(state, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in ASCII")
}

/// The same server with a disk in another bay, and one more.
fn changed() -> Tree {
    let tree = server();
    tree.remove("sys/class/block/sdb").remove("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:2");
    disk(&tree, "sdb", "9", "SERIAL-B");
    disk(&tree, "sdc", "2", "SERIAL-C");
    tree
}

#[test]
fn trees_documents_and_snapshots_tell_the_same_difference() {
    let (old, new) = (server(), changed());
    let room = tempfile::tempdir().expect("a temporary directory");
    let table = printed(room.path(), &["diff", text(old.root()), text(new.root())]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["CHANGE", "DEVICE", "WHAT", "BEFORE", "AFTER"]);
    assert!(lines[1..].iter().any(|line| line.starts_with(&["added", "block", "device", "sdc"])), "{table}");
    assert!(lines[1..].iter().any(|line| line.starts_with(&["moved", "block", "device", "sdb"])), "{table}");
    assert_eq!(lines.len(), 3, "{table}");
    let mut documents = Vec::new();
    for (name, tree) in [("old", &old), ("new", &new)] {
        let document = room.path().join(format!("{name}.json"));
        let inventory = printed(room.path(), &["inventory", "--format", "json", "--root", text(tree.root())]);
        std::fs::write(&document, inventory).expect("a file");
        let snapshot = room.path().join(format!("{name}.tar.xz"));
        printed(room.path(), &["snapshot", text(&snapshot), "--keep-serials", "--root", text(tree.root())]);
        documents.push((document, snapshot));
    }
    let (old_document, old_snapshot) = &documents[0];
    let (new_document, new_snapshot) = &documents[1];
    assert_eq!(printed(room.path(), &["diff", text(old_document), text(new_document)]), table);
    assert_eq!(printed(room.path(), &["diff", text(old_snapshot), text(new_document)]), table);
    assert_eq!(printed(room.path(), &["diff", text(old_snapshot), text(new_snapshot)]), table);
    assert_eq!(printed(room.path(), &["diff", text(new_document), text(new_snapshot)]), "Nothing changed\n");
}

#[test]
fn machines_get_the_difference_as_a_document() {
    let (old, new) = (server(), changed());
    let json = printed(old.root(), &["diff", "--format", "json", text(old.root()), text(new.root())]);
    let value: Value = serde_json::from_str(&json).expect("JSON");
    let changes = value["changes"].as_array().expect("a list");
    assert_eq!((changes.len(), value["unread"].as_array().map(Vec::len)), (2, Some(0)), "{json}");
    let moved = changes.iter().find(|change| change["change"] == "moved").expect("one that moved");
    assert_eq!((moved["kind"].as_str(), moved["device"].as_str()), (Some("block_device"), Some("block device sdb")));
    assert_eq!(moved["what"]["moved"]["to"], "6:0:0:0 9");
}

/// The server with what its firmware calls it.
fn named(version: &str, serial: &str, board: &str) -> Tree {
    let tree = server();
    let files =
        [("bios_version", version), ("product_serial", serial), ("board_serial", board), ("product_sku", "SKU-1")];
    tree.files("sys/class/dmi/id", &files);
    tree
}

#[test]
fn another_board_and_another_firmware_are_told_beside_the_hardware() {
    let (old, new) = (named("1.2.3", "SYS-1", "BOARD-1"), named("1.2.4", "SYS-2", "BOARD-2"));
    let room = tempfile::tempdir().expect("a temporary directory");
    let table = printed(room.path(), &["diff", text(old.root()), text(new.root())]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1], ["updated", "system", "serial", "SYS-1", "SYS-2"], "{table}");
    assert_eq!(lines[2], ["updated", "system", "firmware", "version", "1.2.3", "1.2.4"], "{table}");
    assert_eq!(lines[3], ["updated", "system", "board", "serial", "BOARD-1", "BOARD-2"], "{table}");
    assert_eq!(lines.len(), 4, "{table}");
    // A document that was printed earlier tells the same as the machine that it was printed of.
    let document = room.path().join("old.json");
    let inventory = printed(room.path(), &["inventory", "--format", "json", "--root", text(old.root())]);
    std::fs::write(&document, inventory).expect("a file");
    assert_eq!(printed(room.path(), &["diff", text(&document), text(new.root())]), table);
    let json = printed(room.path(), &["diff", "--format", "json", text(&document), text(new.root())]);
    let value: Value = serde_json::from_str(&json).expect("JSON");
    let serial = &value["changes"][0];
    assert_eq!((serial["kind"].as_str(), serial["change"].as_str()), (Some("system"), Some("updated")), "{json}");
    assert_eq!(serial["what"]["updated"]["after"], "SYS-2");
    // Only root may read a serial number: one that was not read has not changed.
    let unread = named("1.2.3", "", "BOARD-1");
    assert_eq!(printed(room.path(), &["diff", text(old.root()), text(unread.root())]), "Nothing changed\n");
}

#[test]
fn what_was_not_read_is_not_compared_and_that_is_said() {
    let (old, new) = (server(), changed());
    let room = tempfile::tempdir().expect("a temporary directory");
    let inventory = printed(room.path(), &["inventory", "--format", "json", "--root", text(new.root())]);
    let mut value: Value = serde_json::from_str(&inventory).expect("JSON");
    value["disks"] = serde_json::json!([]);
    value["gaps"] = serde_json::json!([{"topic": "disks", "path": "/", "reason": "a drive hangs"}]);
    let document = room.path().join("half.json");
    std::fs::write(&document, value.to_string()).expect("a file");
    let output = call(room.path(), &["diff", text(old.root()), text(&document)]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Nothing changed\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("block device"), "{output:?}");
}

/// Asserts that nothing has changed between two trees, either way, and that these kinds were not compared.
fn assert_not_compared(old: &Tree, new: &Tree, kinds: &str) {
    let room = tempfile::tempdir().expect("a temporary directory");
    for (one, other) in [(old, new), (new, old)] {
        let output = call(room.path(), &["diff", text(one.root()), text(other.root())]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Nothing changed\n");
        let expected = format!("shakedown: not compared, since it could not be read: {kinds}\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}

#[test]
fn modules_of_a_table_that_cannot_be_read_are_not_removed() {
    let spoilt: [fn(&Tree); 4] = [
        |tree| {
            tree.remove("sys/firmware");
        },
        |tree| {
            tree.remove("sys/firmware/dmi/tables").directory("sys/firmware/dmi/tables");
        },
        // A directory does not let itself be read as a file, whoever asks; files of mode 0400 do so for root.
        |tree| {
            tree.remove("sys/firmware/dmi/tables/DMI").directory("sys/firmware/dmi/tables/DMI");
        },
        |tree| {
            tree.file("sys/firmware/dmi/tables/DMI", "");
        },
    ];
    for spoil in spoilt {
        let (old, new) = (server(), server());
        spoil(&new);
        assert_not_compared(&old, &new, "memory modules");
    }
}

#[test]
fn a_copy_without_content_of_sys_has_lost_no_device() {
    let kinds = "block device, bmc, cpu, interface, memory modules, pci device, usb device";
    assert_not_compared(&server(), &Tree::new(), kinds);
}

#[test]
fn what_is_no_machine_is_named() {
    let room = tempfile::tempdir().expect("a temporary directory");
    for (name, content) in [("other.json", "{\"a\": 1}"), ("broken.json", "{"), ("text", "hello"), ("empty", "")] {
        let path = room.path().join(name);
        std::fs::write(&path, content).expect("a file");
        let output = call(room.path(), &["diff", text(&path), text(&path)]);
        assert_eq!(output.status.code(), Some(3), "{name}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(name), "{output:?}");
    }
    let output = call(room.path(), &["diff", "--last"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(call(room.path(), &["diff", "one"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_a_date_is_in_the_journal() {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    machine.sync().await;
    disk(&tree, "sdc", "3", "SERIAL-C");
    machine.sync().await;
    let ask = |words: &[&str]| printed(&machine.state(), &[&["inventory", "--changed-since"], words].concat());
    let table = ask(&["1h"]);
    assert!(table.contains("block device sdc was added on node") && table.lines().count() == 2, "{table}");
    let json: Value = serde_json::from_str(&ask(&["2026-01-01", "--format", "json"])).expect("JSON");
    assert_eq!(
        (json["changes"].as_array().map(Vec::len), json["changes"][0]["change"].as_str()),
        (Some(1), Some("added"))
    );
    assert!(ask(&["2126-01-01"]).starts_with("Nothing changed since"));
}
