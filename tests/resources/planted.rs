//! A machine with somebody's names, numbers and addresses planted in every file that its inventory reads: none of them comes out, and the
//! rest is as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shakedown::host::Host;
use shakedown::inventory::{collect_detail, open};

use crate::tree::Tree;
use crate::{machine, shared};

/// One of every kind of address, and what of it tells whose it is.
const ADDRESSES: [(&str, &str); 9] = [
    ("10.77.88.99", "77.88.99"),
    ("2001:db8:7788:12::99", "7788:12::99"),
    ("52:54:00:9a:bc:de", "9a:bc:de"),
    ("01-52-54-00-9a-bc-df", "9a-bc-df"),
    ("0c1f2a3b-1111-4222-8333-444455556666", "444455556666"),
    ("0x500605b0000272bf", "b0000272bf"),
    ("naa.5000c500a1b2c3d4", "a1b2c3d4"),
    ("iqn.2001-05.com.acmebank:storage.dbserver", "acmebank"),
    ("nqn.2014-08.org.nvmexpress:uuid:9a7be4c1-77aa-4bb1-8c0d-5566778899aa", "5566778899aa"),
];
/// One of every kind of name and number that people and sellers give. What tells whose it is cannot come about by chance: numbers are replaced by
/// other digits.
const NAMES: [(&str, &str); 8] = [
    ("acmebank--vg-root", "acmebank"),
    ("dbserver:data", "dbserver"),
    ("ACMEBACKUP", "acmebackup"),
    ("ACME-SKU-7H4K2L1", "7h4k2l1"),
    ("ASSET-7788XW", "7788xw"),
    ("SvcTag 9XK2QW3", "9xk2qw3"),
    ("ABCDEFGHIJ", "abcdefghij"),
    ("/home/bobsmith", "bobsmith"),
];
/// Files in which a maker or the kernel speaks in words of its own, by the end of their path: a name is not told from a product there.
const SPOKEN: [&str; 25] = [
    "/model",
    "/vendor",
    "/rev",
    "/firmware_rev",
    "/firmware_revision",
    "/firmware_version",
    "/fw_ver",
    "/fw_version",
    "/hca_type",
    "/model_name",
    "/version",
    "/label",
    "/proc_name",
    ".ids",
    "/sys_vendor",
    "/product_name",
    "/board_vendor",
    "/board_name",
    "/chassis_vendor",
    "/chassis_type",
    "/bios_vendor",
    "/bios_version",
    "/bios_date",
    "/stub/virt",
    "/ec_firmware_release",
];

fn planted_machine() -> Tree {
    let tree = machine::small();
    tree.file("proc/sys/kernel/hostname", "somehost\n");
    tree.files(
        "sys/devices/disks/nvme0n1",
        &[("wwid", "eui.0025385b71b03a1c"), ("eui", "0025385b71b03a1c"), ("serial", "S4EV1234")],
    );
    tree.files(
        "sys/class/dmi/id",
        &[("product_sku", "A1"), ("product_version", "1.0"), ("product_family", "F1"), ("board_version", "1.0")],
    );
    tree.files("sys/class/dmi/id", &[("chassis_version", "1.0"), ("board_serial", "B1"), ("bios_date", "01/02/2020")]);
    tree.files(
        "sys/class/hwmon/hwmon0",
        &[("name", "coretemp"), ("temp1_input", "45000"), ("temp1_label", "Package id 0")],
    );
    tree.disk("dm-0", "254:0", None)
        .files("sys/devices/disks/dm-0/dm", &[("name", "vg0-root"), ("uuid", "LVM-kqZzAbCdEfGh1234")]);
    tree.file("run/udev/data/b254:0", "E:DM_NAME=vg0-root\nE:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=root\nS:mapper/vg0-root\n");
    tree
}

/// Every file of a machine in a tree. A snapshot has just those that its inventory reads.
fn all_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    super::redaction::files(root, &mut files);
    files.retain(|file| !file.ends_with("snapshot.json"));
    files
}

/// A server with all that an emulator has, as a snapshot.
fn unpacked_server() -> tempfile::TempDir {
    let place = shared::temporary();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/emulated-server.tar.xz");
    let file = fs::File::open(archive).expect("a machine of ours");
    tar::Archive::new(lzma_rust2::XzReader::new(file, true)).unpack(place.path()).expect("it can be unpacked");
    place
}

fn is_spoken(file: &Path) -> bool {
    let text = file.to_string_lossy();
    SPOKEN.iter().any(|end| text.ends_with(end))
        || text.contains("/hwmon") && text.ends_with("/name")
        || text.contains("_label")
        || text.contains("/vulnerabilities/")
        || text.contains("/proc/cpuinfo")
        || text.contains("os-release")
}

/// All that a snapshot of the machine in a tree holds.
fn left(root: &Path) -> String {
    let place = shared::temporary();
    super::redaction::everything(&super::redaction::redacted(
        &open(root).map_or(Host::at(root), |opened| opened.host),
        place.path(),
    ))
}

/// What stands around each place of a text that should not be there.
fn around(all: &str, mark: &str) -> Vec<String> {
    let near = |at: usize| {
        String::from_utf8_lossy(&all.as_bytes()[at.saturating_sub(80)..(at + 40).min(all.len())]).into_owned()
    };
    all.match_indices(mark).map(|(at, _)| near(at)).collect()
}

/// What is planted in a file: all kinds of addresses, and of names where they can be told from what may stay.
fn planted(file: &Path) -> Vec<(&'static str, &'static str)> {
    let names = NAMES.iter().filter(|_| !is_spoken(file));
    ADDRESSES.iter().chain(names).copied().collect()
}

#[test]
fn nothing_planted_in_any_file_comes_out_of_a_snapshot() {
    let tree = planted_machine();
    let files = all_files(tree.root());
    assert!(files.len() > 80, "{}", files.len());
    for file in &files {
        let content = fs::read(file).expect("readable");
        let mut text = content.clone();
        for (planted, _) in planted(file) {
            text.extend(
                format!("\n{planted}\nE:ID_OF_A_LATER_UDEV={planted}\nS:{planted}\nkey\t: {planted} x").bytes(),
            );
        }
        fs::write(file, text).expect("write");
        let all = left(tree.root());
        for (planted, mark) in planted(file) {
            assert_eq!(around(&all, mark), [""; 0], "{planted} in {}", file.display());
        }
        fs::write(file, content).expect("write");
    }
}

#[test]
fn a_value_that_is_nothing_but_a_name_or_an_address_comes_out_of_no_file() {
    let (tree, server) = (planted_machine(), unpacked_server());
    let mut left_over = Vec::new();
    for root in [tree.root(), server.path()] {
        let files: Vec<(PathBuf, Vec<u8>)> =
            all_files(root).into_iter().map(|file| (file.clone(), fs::read(&file).expect("readable"))).collect();
        for (index, (planted, mark)) in ADDRESSES.iter().chain(&NAMES).enumerate() {
            for (file, content) in &files {
                let is_planted = index < ADDRESSES.len() || !is_spoken(file);
                let text = if is_planted { format!("{planted}\n").into_bytes() } else { content.clone() };
                fs::write(file, text).expect("write");
            }
            left_over.extend(around(&left(root), mark).into_iter().map(|near| format!("{planted}: {near:?}")));
        }
    }
    assert!(left_over.is_empty(), "{}", left_over.join("\n"));
}

/// Fields whose values identify, or hold what does. Of DMI's strings makers and products stay.
const REPLACED: [&str; 35] = [
    "environment.server_name",
    "firmware.device",
    "bridge.id",
    "hostname",
    "serial",
    "wwn",
    "eui",
    "nguid",
    "uuid",
    "guid",
    "label",
    "links",
    "identity",
    "address",
    "permanent_address",
    "mac_address",
    "place",
    "file_system_uuid",
    "mounts",
    "gateway",
    "SN",
    "V0",
    "device_fs_uuid",
    "hwaddr",
    "mapping",
    "device_id",
    "subsystem",
    "family",
    "sku",
    "system.version",
    "motherboard.version",
    "chassis.version",
    "board.version",
    "findings.device",
    "node_guid",
];

/// The kind of a name that somebody chose for an interface: `dmz` and the like, by the parent's name.
const NAMED: [&str; 2] = ["interfaces.name", "virtual_interfaces.name"];

/// Compares two inventories leaf by leaf. What differs must be of a field that may, and always in the same way.
fn compare(
    field: &str,
    ours: &Value,
    theirs: &Value,
    replaced: &mut BTreeMap<String, String>,
    wrong: &mut Vec<String>,
) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) if ours.len() == theirs.len() => {
            // Under a name that somebody chose stands another one now.
            for (key, one) in ours {
                let Some(other) = theirs.get(key) else { continue };
                let parent = field.rsplit('.').next().unwrap_or_default();
                compare(&format!("{parent}.{key}"), one, other, replaced, wrong);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            ours.iter().zip(theirs).for_each(|(one, other)| compare(field, one, other, replaced, wrong));
        }
        (Value::String(one), Value::String(other)) if one != other => {
            let is_same = replaced.entry(format!("{field}={one}")).or_insert_with(|| other.clone()) == other;
            let name = field.rsplit('.').next().unwrap_or_default();
            let may = REPLACED.contains(&field) || REPLACED.contains(&name) || NAMED.contains(&field);
            if !may || !is_same {
                wrong.push(format!("{field}: {one} became {other}"));
            }
        }
        (one, other) if one != other => wrong.push(format!("{field}: {one} became {other}")),
        _ => {}
    }
}

fn differences(root: &Path) -> Vec<String> {
    let place = shared::temporary();
    let host = Host::at(root);
    let copied = open(&super::redaction::redacted(&host, place.path())).expect("it can be opened");
    let told = |host: &Host| serde_json::to_value(collect_detail(host)).expect("JSON");
    let mut wrong = Vec::new();
    compare("", &told(&host), &told(&copied.host), &mut BTreeMap::new(), &mut wrong);
    wrong
}

#[test]
fn the_inventory_of_a_redacted_snapshot_is_the_original_but_for_what_identifies() {
    assert_eq!(differences(planted_machine().root()), [""; 0]);
    let Some(shared) = shared::folder() else { return };
    let mut wrong = Vec::new();
    for name in shared::fixtures(&shared) {
        let unpacked = shared::unpack_as_referenced(&shared, &name);
        wrong.extend(differences(&unpacked.root).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
