//! A snapshot tells what a machine is, not whose: identifiers are replaced, everything else stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use shakedown::host::Host;
use shakedown::inventory::{Pci, Snapshot, collect, collect_detail, open};

use crate::tree::Tree;
use crate::{document, machine, shared, snapshot};

/// Names, link targets and contents of everything in a snapshot, in lower case.
pub(crate) fn everything(file: &Path) -> String {
    let mut tar = tar::Archive::new(lzma_rust2::XzReader::new(File::open(file).expect("it is there"), true));
    let mut all = Vec::new();
    for entry in tar.entries().expect("an archive") {
        let mut entry = entry.expect("a member");
        all.extend_from_slice(&entry.path_bytes());
        all.extend(entry.link_name_bytes().iter().flat_map(|name| name.iter()));
        entry.read_to_end(&mut all).expect("its content");
        all.push(b'\n');
    }
    String::from_utf8_lossy(&all).to_lowercase()
}

pub(crate) fn redacted(host: &Host, place: &Path) -> std::path::PathBuf {
    let file = place.join("redacted.tar.xz");
    Snapshot::take(host, false).expect("it can be taken").write(&file).expect("there is room");
    file
}

/// A machine with an identifier in every place that one is read from.
fn identified() -> (Tree, Vec<&'static str>) {
    let tree = machine::small();
    tree.file("sys/class/dmi/id/product_serial", "CZ3141592K\n");
    tree.file("sys/class/dmi/id/board_serial", "..CN7220065A00B3..\n");
    tree.file("sys/class/dmi/id/product_uuid", "4c4c4544-0042-3510-8052-b9c04f4e4b32\n");
    tree.file("sys/devices/pci0000:00/0000:00:03.0/net/eth0/address", "a0:36:9f:12:ab:cd\n");
    tree.file("run/udev/data/b8:0", "S:disk/by-id/ata-SSD_870_S5Y1NX0R\nE:ID_MODEL_ENC=SSD\\x20870\nE:ID_SERIAL=SSD_870_S5Y1NX0R\n\
        E:ID_SERIAL_SHORT=S5Y1NX0R\nE:ID_WWN=0x5002538e40a1b2c3\nE:ID_WWN_WITH_EXTENSION=0x5002538e40a1b2c3\nE:ID_ATA_SATA=1\n");
    tree.file(
        "run/udev/data/b8:1",
        "E:ID_FS_UUID=0c9f1b2e-1234-4000-8000-00000000abcd\nE:ID_FS_LABEL=alice\nS:disk/by-label/alice\n",
    );
    tree.remove("dev/disk/by-id/ata-SSD_870_S1").link("dev/disk/by-id/ata-SSD_870_S5Y1NX0R", "../../sda");
    tree.link("dev/disk/by-id/wwn-0x5002538e40a1b2c3", "../../sda");
    tree.files("sys/devices/disks/nvme0n1", &[("wwid", "eui.0025385b71b03a1c")]);
    tree.file("sys/devices/pci0000:00/0000:00:04.0/vpd", b"\x82\x04\x00Card\x90\x0b\x00SN\x08MT1234X5");
    tree.file("proc/sys/kernel/hostname", "db-alice-7\n");
    tree.file("proc/self/mountinfo", "22 1 8:1 / /home/bob/secret rw - ext4 /dev/sda1 rw\n");
    tree.link("dev/disk/by-path/pci-0000:03:00.0-sas-exp0x500304801f715d3f-phy4-lun-0", "../../sda");
    tree.link("dev/disk/by-path/ip-10.77.66.55:3260-iscsi-iqn.2001.example:vol7-lun-1", "../../sdz");
    let controller = "sys/class/nvme/nvme0";
    let subsystem = "nqn.2014-08.org.nvmexpress:uuid:9a7be4c1-77aa-4bb1-8c0d-5566778899aa";
    tree.files(controller, &[("subsysnqn", subsystem), ("transport", "tcp")]);
    tree.files(controller, &[("address", "traddr=10.99.88.77,trsvcid=4420")]);
    tree.file("proc/net/bonding/bond0", "ARP IP target/s (n.n.n.n form): 10.44.33.22\nSlave Interface: eth0\n");
    let secrets = [
        "CZ3141592K",
        "CN7220065A00B3",
        "4c4c4544-0042-3510-8052-b9c04f4e4b32",
        "12:ab:cd",
        "S5Y1NX0R",
        "538e40a1b2c3",
    ];
    let more = [
        "0c9f1b2e-1234",
        "00000000abcd",
        "alice",
        "5b71b03a1c",
        "MT1234X5",
        "4C53",
        "bob",
        "secret",
        "801f715d3f",
        "10.77.66.55",
        "9a7be4c1",
        "10.99.88.77",
        "10.44.33.22",
    ];
    (tree, secrets.into_iter().chain(more).collect())
}

#[test]
fn nothing_that_identifies_a_machine_is_in_its_snapshot() {
    let ((tree, secrets), place) = (identified(), shared::temporary());
    let kept = everything(&snapshot::taken(&Host::at(tree.root()), place.path()));
    let left = everything(&redacted(&Host::at(tree.root()), place.path()));
    for secret in secrets {
        assert!(kept.contains(&secret.to_lowercase()), "{secret} was there");
        assert!(!left.contains(&secret.to_lowercase()), "{secret} is still there");
    }
}

#[test]
fn what_a_machine_is_stays_and_what_was_equal_stays_equal() {
    let ((tree, _), place) = (identified(), shared::temporary());
    let copied = open(&redacted(&Host::at(tree.root()), place.path())).expect("it can be opened");
    let resources = document::printed(&collect(&copied.host));
    assert_eq!(crate::region::objections(&resources), [""; 0]);
    let disks = resources["resources"]["storage"]["disks"].as_array().expect("disks");
    let disk = disks.iter().find(|disk| disk["id"] == "sda").expect("the disk");
    assert_eq!(disk["model"], "SSD 870");
    let serial = disk["serial"].as_str().expect("a serial number");
    assert_eq!(serial.len(), "S5Y1NX0R".len());
    let id = disk["device_id"].as_str().expect("its link");
    assert!(id == format!("ata-SSD_870_{serial}") || id.starts_with("wwn-0x5002538"), "{id}: the maker stays");
    let port = &resources["networks"]["eth0"]["hwaddr"];
    assert!(port.as_str().expect("an address").starts_with("a0:36:9f:"), "{port}: the maker stays");
    assert_eq!(resources["resources"]["system"]["uuid"].as_str().map(str::len), Some(36));
    assert_eq!(resources["resources"]["pci"]["devices"][0]["vendor"], "Intel Corporation");
}

/// Every regular file below a directory.
pub(crate) fn files(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).expect("readable").map(|entry| entry.expect("an entry")) {
        let kind = entry.file_type().expect("its kind");
        if kind.is_dir() {
            files(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

#[test]
fn a_machine_with_garbage_in_any_file_can_be_taken_and_read() {
    let ((tree, _), place) = (identified(), shared::temporary());
    let mut all = Vec::new();
    files(tree.root(), &mut all);
    assert!(all.len() > 60, "{}", all.len());
    let nonsense = [&b"\xff\xfe\x00\x80SN\xffV0\x01"[..], b"E:ID_SERIAL_SHORT=\xc3\xa9\xff 1234567 \nE:ID_WWN=0x\n"];
    for file in all {
        let content = fs::read(&file).expect("readable");
        for garbage in nonsense {
            fs::write(&file, garbage).expect("write");
            let copied = open(&redacted(&Host::at(tree.root()), place.path())).expect("it can be opened");
            let _ = collect_detail(&copied.host);
        }
        fs::write(&file, content).expect("write");
    }
}

#[test]
fn two_snapshots_of_one_machine_do_not_tell_that_they_are() {
    let ((tree, _), place) = (identified(), shared::temporary());
    let serial = || {
        let copied = open(&redacted(&Host::at(tree.root()), place.path())).expect("it can be opened");
        collect(&copied.host).value.resources.system.serial
    };
    assert_ne!(serial(), serial());
}

/// The values of all fields that identify something.
fn identifiers(value: &Value, found: &mut BTreeSet<String>) {
    const FIELDS: [&str; 8] =
        ["serial", "wwn", "uuid", "guid", "address", "hwaddr", "mac_address", "permanent_address"];
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let text = value.as_str().unwrap_or_default();
                let has = |test: fn(&u8) -> bool| text.bytes().filter(test).count();
                // A PCI address is a place, and a word without digits is no number.
                let is_place = text.len() == 12 && text.contains('.');
                let is_one = has(u8::is_ascii_alphanumeric) >= 6 && has(u8::is_ascii_digit) > 0 && !is_place;
                if FIELDS.contains(&key.as_str()) && is_one {
                    found.insert(text.trim_start_matches("0x").to_lowercase());
                }
                identifiers(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| identifiers(value, found)),
        _ => {}
    }
}

/// Placeholders are no identifiers: all digits alike, or counting up; the model of a drive that has no serial number is none either.
fn is_placeholder(text: &str) -> bool {
    let letters: BTreeSet<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.len() == 1
        || text == "matshita_uj8hc"
        || text == "0123456789"
        || text.contains("serial")
        || text.contains("o.e.m")
}

#[test]
fn no_fixture_is_known_by_its_snapshot() {
    let Some(shared) = shared::folder() else { return };
    let mut count = BTreeMap::new();
    for name in shared::fixtures(&shared) {
        let (unpacked, place) = (shared::unpack_as_referenced(&shared, &name), shared::temporary());
        let host = Host::at(&unpacked.root);
        let mut found = BTreeSet::new();
        identifiers(&document::printed(&collect(&host)), &mut found);
        identifiers(&serde_json::to_value(collect_detail(&host)).expect("JSON"), &mut found);
        found.retain(|text| !is_placeholder(text));
        let file = redacted(&host, place.path());
        let left = everything(&file);
        let seen: Vec<&String> = found.iter().filter(|text| left.contains(text.as_str())).collect();
        assert!(seen.is_empty(), "{name}: {seen:?}");
        let copied = open(&file).expect("it can be opened");
        let [ours, theirs] = [&host, &copied.host].map(|host| collect(host).value.resources);
        assert_eq!(ours.storage.disks.len(), theirs.storage.disks.len(), "{name}");
        let functions = |pci: &Pci| {
            let known = pci.devices.iter().map(|one| format!("{} {} {}", one.pci_address, one.product, one.driver));
            known.collect::<Vec<_>>()
        };
        assert_eq!(functions(&ours.pci), functions(&theirs.pci), "{name}");
        assert_eq!(ours.cpu, theirs.cpu, "{name}");
        count.insert(name, found.len());
    }
    crate::say(&format!(
        "{} identifiers of {} fixtures are not in their snapshots",
        count.values().sum::<usize>(),
        count.len()
    ));
}
