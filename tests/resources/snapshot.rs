//! A snapshot reads like the machine that it was taken of, and a damaged one is refused by name.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shakedown::host::Host;
use shakedown::inventory::{Snapshot, collect, collect_detail, open};

use crate::tree::Tree;
use crate::{document, machine, shared};

/// What both inventories tell of a machine, gaps included.
fn told(host: &Host) -> [Value; 2] {
    let resources = collect(host);
    let gaps: Vec<String> = resources.gaps.iter().map(ToString::to_string).collect();
    let deep = serde_json::to_value(collect_detail(host)).expect("an inventory is JSON");
    [json!({ "document": document::printed(&resources), "gaps": gaps }), deep]
}

/// Takes a snapshot that keeps all identifiers.
pub(crate) fn taken(host: &Host, place: &Path) -> PathBuf {
    let file = place.join("machine.tar.xz");
    Snapshot::take(host, true).expect("it can be taken").write(&file).expect("there is room");
    file
}

#[test]
fn a_snapshot_reads_like_the_machine_it_was_taken_of() {
    let tree = machine::small();
    // A directory in the place of a file cannot be read, here or there.
    tree.remove("sys/class/dmi/id/bios_version").directory("sys/class/dmi/id/bios_version");
    let host = Host::at(tree.root());
    let place = shared::temporary();
    let copied = open(&taken(&host, place.path())).expect("it can be opened");
    let [original, snapshot] = [told(&host), told(&copied.host)];
    assert_eq!(original, snapshot);
    assert!(original[0]["gaps"].to_string().contains("bios_version"), "{}", original[0]["gaps"]);
    assert!(!copied.host.has("/usr/share/misc/usb.ids/nothing"));
}

#[test]
fn every_fixture_reads_the_same_from_its_snapshot() {
    let Some(shared) = shared::folder() else { return };
    for name in shared::fixtures(&shared) {
        let unpacked = shared::unpack_as_referenced(&shared, &name);
        let host = Host::at(&unpacked.root);
        let place = shared::temporary();
        let copied = open(&taken(&host, place.path())).expect("it can be opened");
        assert_eq!(told(&host), told(&copied.host), "{name}");
    }
}

#[test]
fn the_snapshot_of_a_running_machine_answers_as_its_kernel_did() {
    let (live, place) = (Host::live(), shared::temporary());
    let copied = open(&taken(&live, place.path())).expect("it can be opened");
    assert!(copied.host.has_kernel() && !copied.host.is_live());
    let [ours, theirs] = [document::printed(&collect(&live)), document::printed(&collect(&copied.host))];
    for place in ["/environment", "/resources/system", "/resources/network", "/resources/storage", "/resources/pci"] {
        assert_eq!(ours.pointer(place), theirs.pointer(place), "{place}");
    }
    assert_eq!(ours["networks"]["lo"]["addresses"], theirs["networks"]["lo"]["addresses"]);
    assert_eq!(theirs["networks"]["lo"]["state"], "up");
    assert!(
        copied.host.link_detected("no-such-link").is_err(),
        "what was not asked then is not asked of this kernel now"
    );
}

#[test]
fn what_could_not_be_read_cannot_be_read_in_the_snapshot_either() {
    let tree = machine::small();
    tree.file(
        "snapshot.json",
        r#"{"form":1,"program":"test","redacted":true,"answers":null,"errors":{"/proc/meminfo":5}}"#,
    );
    let copied = open(tree.root()).expect("an unpacked snapshot is one, too");
    let gaps: Vec<String> = collect(&copied.host).gaps.iter().map(ToString::to_string).collect();
    assert!(gaps.iter().any(|gap| gap.contains("/proc/meminfo") && gap.contains("os error 5")), "{gaps:?}");
    let place = shared::temporary();
    let again = open(&taken(&copied.host, place.path())).expect("it can be opened");
    assert_eq!(told(&copied.host), told(&again.host), "a snapshot of a snapshot is the same");
}

#[test]
fn only_its_owner_can_read_a_snapshot_and_one_that_cannot_be_written_leaves_nothing() {
    let (tree, place) = (machine::small(), shared::temporary());
    let file = taken(&Host::at(tree.root()), place.path());
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    let snapshot = Snapshot::take(&Host::at(tree.root()), false).expect("it can be taken");
    assert!(snapshot.write(&place.path().join("absent/machine.tar.xz")).is_err());
    fs::create_dir(place.path().join("taken")).expect("a directory");
    assert!(snapshot.write(&place.path().join("taken")).is_err());
    assert_eq!(fs::read_dir(place.path()).expect("readable").count(), 2, "no temporary file is left");
}

/// Why a file is refused.
fn refusal(file: &Path) -> String {
    let error = open(file).map(|_| ()).expect_err("it is damaged").to_string();
    assert!(error.contains(&file.display().to_string()), "the message names the file: {error}");
    error
}

#[test]
fn a_damaged_snapshot_is_refused_by_name() {
    let (tree, place) = (machine::small(), shared::temporary());
    let whole = fs::read(taken(&Host::at(tree.root()), place.path())).expect("readable");
    let file = place.path().join("damaged.tar.xz");
    for length in [0, 1, 6, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length]).expect("write");
        assert!(refusal(&file).contains("whole .tar.xz"), "{length}");
    }
    for at in (40..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(&file, bytes).expect("write");
        refusal(&file);
    }
    assert!(refusal(&place.path().join("absent.tar.xz")).contains("No such file"));
}

#[test]
fn a_manifest_of_another_form_or_none_at_all_is_told() {
    let tree = Tree::new();
    tree.file("snapshot.json", r#"{"form":2,"program":"shakedown 9","redacted":true,"answers":{},"errors":{}}"#);
    assert!(refusal(tree.root()).contains("written by shakedown 9"));
    tree.file("snapshot.json", "{");
    assert!(refusal(tree.root()).contains("snapshot.json"));
    tree.remove("snapshot.json").file("proc/meminfo", "MemTotal:  4194304 kB\n");
    assert!(!open(tree.root()).expect("a plain copy").host.has_kernel());
}

/// An archive with one member, as somebody who means ill would write it.
fn hostile(place: &Path, name: &str, kind: tar::EntryType, target: &str) -> PathBuf {
    let file = place.join("hostile.tar.xz");
    let packed = lzma_rust2::XzWriter::new(File::create(&file).expect("a file"), lzma_rust2::XzOptions::with_preset(0));
    let mut tar = tar::Builder::new(packed.expect("a writer"));
    let mut header = tar::Header::new_gnu();
    header.as_gnu_mut().expect("of this kind").name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o777);
    header.set_size(if kind == tar::EntryType::Regular { 4 } else { 0 });
    if kind == tar::EntryType::Symlink {
        header.set_link_name_literal(target).expect("a target");
    }
    header.set_cksum();
    tar.append(&header, &b"evil"[..if kind == tar::EntryType::Regular { 4 } else { 0 }]).expect("a member");
    tar.into_inner().expect("whole").finish().expect("whole");
    file
}

#[test]
fn a_member_that_leads_out_of_the_snapshot_reads_nothing_and_writes_nothing_outside() {
    let place = shared::temporary();
    let outside = place.path().join("outside");
    for name in ["../../outside", "/../outside"] {
        let opened = open(&hostile(place.path(), name, tar::EntryType::Regular, ""));
        assert!(
            !outside.exists() && opened.is_ok_and(|opened| opened.host.names("/").is_ok_and(|names| names.len() <= 1))
        );
    }
    fs::write(&outside, "secret").expect("write");
    let opened = open(&hostile(place.path(), "link", tar::EntryType::Symlink, &outside.display().to_string()));
    assert!(opened.expect("a link is no harm").host.read("/link").is_err());
    let opened = open(&hostile(place.path(), "null", tar::EntryType::Char, ""));
    assert!(!opened.expect("devices are passed over").host.has("/null"));
}
