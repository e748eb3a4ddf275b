//! Whatever is broken, the rest is told, and what is not known is told as not known.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::network::interface;
use crate::program::{inventory, of, shared_identities};
use crate::smbios::{self, Structure, dimm};
use crate::tree::Tree;
use crate::{say, shared};

/// A machine with something of every topic.
fn machine() -> Tree {
    let tree = Tree::new();
    tree.thread(0, "0", "0", "0").disk("sda", "8:0", Some("scsi"));
    tree.pci_function("0000:00:03.0", "0x020000", "0x8086", "0x1572");
    interface(&tree, "0000:00:03.0", "eth0", &[("address", "3c:fd:fe:00:00:01")]);
    tree.usb_device("1-3", &[("serial", "4C53")]);
    let supply = Structure::new(39, 0x16).text(0x06, "PSU").text(0x08, "SN1A").word(0x0e, 0x18b);
    smbios::write(&tree, vec![dimm("A1", 16, 4800, "S1A"), supply]);
    tree.files("sys/devices/system/edac/mc/mc0", &[("ce_count", "0"), ("ue_count", "0")]);
    tree.files("sys/class/hwmon/hwmon0", &[("name", "chip"), ("temp1_input", "40000"), ("fan1_input", "900")]);
    tree.files("sys/class/nvme/nvme0", &[("model", "DRIVE"), ("serial", "N1A"), ("state", "live")]);
    tree.files(
        "sys/devices/virtual/block/md0",
        &[("dev", "9:0"), ("size", "8"), ("md/level", "raid1"), ("md/degraded", "0"), ("md/array_state", "clean")],
    );
    tree.link("sys/class/block/md0", "/sys/devices/virtual/block/md0");
    tree.file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\x06\0\0\0\x01");
    tree.files("sys/class/tpm/tpm0", &[("tpm_version_major", "2")]);
    tree.files("sys/devices/platform/ipmi_bmc.0", &[("firmware_revision", "1.74")]);
    tree
}

/// How much there is of each topic.
fn counts(inventory: &Value) -> Vec<usize> {
    let lists = [
        "/processors/packages",
        "/memory/dimms",
        "/memory/controllers",
        "/disks",
        "/storage_controllers",
        "/arrays",
        "/interfaces",
        "/pci",
        "/usb",
        "/trust/tpms",
        "/power_supplies",
        "/sensors",
    ];
    lists.iter().map(|place| inventory.pointer(place).and_then(Value::as_array).map_or(0, Vec::len)).collect()
}

#[test]
fn a_table_that_is_cut_off_gives_what_it_has_and_spoils_no_other_topic() {
    let whole = smbios::bytes(vec![dimm("A1", 16, 4800, "S1A"), dimm("A2", 16, 4800, "S2A")]);
    let tree = machine();
    let all = counts(&of(&tree));
    assert_eq!(all, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2], "the machine has something of everything");
    for length in [0, 3, 39, 41, 70, 90, whole.len() - 1] {
        tree.file("sys/firmware/dmi/tables/DMI", &whole[..length]);
        let inventory = of(&tree);
        let counts = counts(&inventory);
        assert!(counts[1] <= 2, "{length}");
        for (place, count) in counts.iter().enumerate().filter(|(place, _)| ![1, 10].contains(place)) {
            assert_eq!(*count, all[place], "cut at {length}: list {place}");
        }
        let is_told =
            inventory["gaps"].as_array().expect("gaps").iter().any(|gap| gap["path"] == "/sys/firmware/dmi/tables/DMI");
        assert_eq!(is_told, length > 0, "cut at {length}: {}", inventory["gaps"]);
    }
}

#[test]
fn garbage_in_any_file_spoils_no_other_topic() {
    let garbage = [&b""[..], b"\xff\xfe\0\x1b[2J\n", b"-1\n", b"99999999999999999999999999\n"];
    let paths = files(machine().root());
    assert!(paths.len() > 40, "{}", paths.len());
    for path in paths {
        for content in garbage {
            let tree = machine();
            fs::write(tree.root().join(&path), content).expect("a file of the tree");
            at_most_one_topic_suffers(&tree, &path);
        }
    }
}

#[test]
fn what_cannot_be_read_spoils_no_other_topic() {
    for path in files(machine().root()) {
        let tree = machine();
        let place = tree.root().join(&path);
        fs::remove_file(&place).expect("a file of the tree");
        fs::create_dir(&place).expect("a directory in its place");
        at_most_one_topic_suffers(&tree, &path);
    }
}

/// A damaged file takes at most the devices of its own topic: for SMBIOS that is modules and power supplies.
fn at_most_one_topic_suffers(tree: &Tree, path: &Path) {
    let all = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2];
    let inventory = of(tree);
    let lost = counts(&inventory).iter().zip(all).filter(|(count, whole)| *count < whole).count();
    assert!(
        lost <= if path.ends_with("DMI") { 2 } else { 1 },
        "{}: {lost} topics suffer: {:?}",
        path.display(),
        counts(&inventory)
    );
    assert_eq!(shared_identities(&inventory), [""; 0], "{}", path.display());
}

/// All regular files below a root.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("a directory of the tree") {
            let entry = entry.expect("an entry");
            let kind = entry.file_type().expect("its kind");
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path().strip_prefix(root).expect("below the root").to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn damage_to_fixture_machines_leaves_a_document_that_keeps_to_its_schema() {
    let Some(shared) = shared::folder() else { return };
    let mut damaged = 0;
    for name in ["qemu-q35", "synth-server"] {
        let unpacked = shared::unpack(&shared, name);
        let paths = files(&unpacked.root);
        // Every so many, with another start for each kind of damage.
        for (start, content) in [&b""[..], b"\xff\x00garbage", b"-7\n"].into_iter().enumerate() {
            for path in paths.iter().skip(start).step_by(7) {
                fs::write(unpacked.root.join(path), content).expect("a file of the fixture");
                damaged += 1;
            }
            assert_eq!(shared_identities(&inventory(&unpacked.root)), [""; 0], "{name}");
        }
    }
    say(&format!("{damaged} files of two fixture machines damaged"));
}
