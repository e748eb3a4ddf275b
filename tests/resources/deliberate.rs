//! Deliberate differences from MAAS's program, each on a small tree: its bugs that are not copied, and its failures that are gaps here.
//! `docs/resources-differences.md` names the test of each row.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::tree::Tree;
use crate::{machine, region};

/// Whether a gap speaks of a path.
fn has_gap(gaps: &[String], path: &str) -> bool {
    gaps.iter().any(|gap| gap.contains(path))
}

#[test]
fn cores_stand_by_number_then_die() {
    let tree = Tree::new();
    // The kernel numbers threads across dies, and cpu10 is met before cpu2.
    for (number, die, core) in [(0, "1", "0"), (1, "0", "0"), (2, "0", "1"), (10, "1", "1")] {
        tree.thread(number, "0", die, core);
    }
    let (document, _) = tree.told();
    let cores = document["resources"]["cpu"]["sockets"][0]["cores"].as_array().expect("cores");
    let order: Vec<(Option<u64>, Option<u64>)> =
        cores.iter().map(|core| (core["core"].as_u64(), core["die"].as_u64())).collect();
    assert_eq!(order, [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(core, die)| (Some(core), Some(die))));
}

#[test]
fn partitions_belong_to_the_disk_that_bears_their_name() {
    let tree = Tree::new();
    tree.disk("sda", "8:0", Some("scsi")).partition("sda", "sda1", "8:1");
    tree.disk("sdaa", "65:160", Some("scsi")).partition("sdaa", "sdaa1", "65:161");
    tree.disk("nvme1n1", "259:1", Some("nvme"));
    tree.disk("nvme1n10", "259:10", Some("nvme")).partition("nvme1n10", "nvme1n10p1", "259:11");
    let (document, _) = tree.told();
    let storage = &document["resources"]["storage"];
    let disks = storage["disks"].as_array().expect("disks");
    let partitions: Vec<(&Value, Vec<&Value>)> = disks
        .iter()
        .map(|disk| {
            (&disk["id"], disk["partitions"].as_array().expect("a list").iter().map(|one| &one["id"]).collect())
        })
        .collect();
    let expected = json!([["nvme1n1", []], ["nvme1n10", ["nvme1n10p1"]], ["sda", ["sda1"]], ["sdaa", ["sdaa1"]]]);
    assert_eq!(serde_json::to_value(&partitions).expect("plain values"), expected);
    assert_eq!(storage["total"], 7);
}

#[test]
fn a_usb_serial_number_is_read_where_the_kernel_puts_it() {
    let tree = Tree::new();
    tree.usb_device("1-3", &[("serial", "4C530001"), ("iSerial", "3")]);
    assert_eq!(tree.told().0["resources"]["usb"]["devices"][0]["serial"], "4C530001");
}

#[test]
fn bad_vital_product_data_loses_only_itself() {
    let tree = Tree::new();
    tree.pci_function("0000:00:03.0", "0x020000", "0x8086", "0x1572");
    tree.pci_function("0000:00:04.0", "0x020000", "0x8086", "0x1572");
    tree.file("sys/devices/pci0000:00/0000:00:03.0/vpd", b"\x82\x04\x00Card\x90\xff\x7fPN\x03123");
    tree.file("sys/devices/pci0000:00/0000:00:04.0/vpd", b"\x90\x06\x00SN\x03123");
    let (document, gaps) = tree.told();
    let devices = &document["resources"]["pci"]["devices"];
    assert_eq!(devices[0]["vpd"], json!({"product_name": "Card"}));
    assert_eq!(devices[1]["vpd"], json!({"entries": {"SN": "123"}}));
    assert!(has_gap(&gaps, "0000:00:03.0/vpd"), "{gaps:?}");
}

#[test]
fn numbers_that_are_none_lose_only_themselves() {
    let whole = machine::small().told().0;
    let files = [
        "sys/devices/system/cpu/cpu0/topology/core_id",
        "sys/devices/system/cpu/cpu1/online",
        "sys/devices/system/cpu/cpu0/cache/index0/level",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq",
        "sys/devices/pci0000:00/0000:00:03.0/numa_node",
        "sys/devices/disks/sda/size",
        "sys/devices/disks/sda/ro",
        "sys/devices/disks/sda/queue/rotational",
        "sys/devices/disks/sda/sda1/partition",
        "sys/devices/pci0000:00/usb1/1-3/busnum",
        "sys/devices/pci0000:00/usb1/1-3/speed",
    ];
    for file in files {
        for content in ["", "none", "-7x", "99999999999999999999999"] {
            if file.ends_with("speed") && content.starts_with('9') {
                continue; // The only one that need not be whole, so that it may be as large as it likes.
            }
            let tree = machine::small();
            tree.file(file, content);
            let (document, gaps) = tree.told();
            // A partition and a USB device cannot be told without their numbers; everything else stays.
            let name = file.rsplit('/').next().expect("a file");
            assert!(!gaps.is_empty() && gaps.iter().all(|gap| gap.contains(name)), "{file} {content:?}: {gaps:?}");
            assert_eq!(region::objections(&document), [""; 0], "{file} {content:?}");
            assert_eq!(document["resources"]["system"], whole["resources"]["system"]);
            assert_eq!(document["resources"]["memory"], whole["resources"]["memory"]);
        }
    }
}

#[test]
fn what_is_missing_loses_only_itself() {
    let rows = [
        ("proc/cpuinfo", "cpu: /proc/cpuinfo"),
        ("proc/meminfo", "memory: /proc/meminfo"),
        ("sys/devices/system/cpu", "cpu: /sys/devices/system/cpu"),
        ("sys/devices/disks/sda/size", "storage: /sys/class/block/sda/size"),
        ("sys/devices/disks/sda/ro", "storage: /sys/class/block/sda/ro"),
        ("sys/devices/disks/sda/removable", "storage: /sys/class/block/sda/removable"),
        ("sys/devices/pci0000:00/usb1/1-3/devnum", "usb: /sys/bus/usb/devices/1-3/devnum"),
        ("sys/devices/pci0000:00/0000:00:02.0/drm/card0/dev", "gpu: /sys/bus/pci/devices/0000:00:02.0/drm/card0/dev"),
    ];
    for (path, expected) in rows {
        let tree = machine::small();
        tree.remove(path);
        let (document, gaps) = tree.told();
        assert!(has_gap(&gaps, expected), "{path}: {gaps:?}");
        assert_eq!(region::objections(&document), [""; 0], "{path}");
        assert_eq!(document["resources"]["pci"]["total"], 3, "{path}");
    }
    let tree = machine::small();
    tree.file("sys/devices/pci0000:00/0000:00:03.0/sriov_numvfs", "0\n");
    let (document, gaps) = tree.told();
    assert!(has_gap(&gaps, "sriov_totalvfs"), "{gaps:?}");
    assert_eq!(document["resources"]["network"]["cards"][0]["sriov"]["maximum_vfs"], 0);
}

#[test]
fn a_port_keeps_its_place_without_the_number_of_its_verbs() {
    let tree = Tree::new();
    tree.pci_function("0000:00:03.0", "0x020000", "0x15b3", "0x101b");
    tree.pci_function("0000:00:03.1", "0x020000", "0x15b3", "0x101c");
    let (parent, function) = ("sys/devices/pci0000:00/0000:00:03.0", "sys/devices/pci0000:00/0000:00:03.1");
    tree.files(parent, &[("sriov_numvfs", "1"), ("sriov_totalvfs", "8")]);
    tree.link(&format!("{function}/physfn"), "../0000:00:03.0");
    tree.files(&format!("{function}/net/ib0"), &[("type", "32"), ("address", "80:00:02:08:fe:80:00:00")]);
    tree.link(&format!("{function}/net/ib0/device"), "../..");
    tree.directory(&format!("{function}/infiniband/mlx5_1")).directory(&format!("{function}/infiniband_verbs/uverbs1"));
    let (document, gaps) = tree.told();
    let port = &document["resources"]["network"]["cards"][0]["sriov"]["vfs"][0]["ports"][0];
    assert_eq!(port["infiniband"], json!({"verb_name": "uverbs1"}));
    assert!(has_gap(&gaps, "uverbs1/dev"), "{gaps:?}");
}

#[test]
fn links_that_lead_nowhere_lose_nothing() {
    let tree = machine::small();
    tree.link("dev/disk/by-id/ata-GONE", "../../sdz").file("dev/disk/by-id/no-link", "");
    tree.link("sys/devices/pci0000:00/0000:00:04.0/driver", "/sys/bus/pci/drivers/gone");
    tree.link("sys/class/net/gone0", "/sys/devices/nowhere").link("sys/class/block/gone", "/sys/devices/nowhere");
    tree.link("sys/bus/pci/devices/0000:00:05.0", "/sys/devices/nowhere");
    let (document, gaps) = tree.told();
    assert_eq!(document["resources"]["pci"]["devices"][2]["driver"], "gone");
    assert_eq!(document["resources"]["storage"]["disks"][1]["device_id"], "ata-SSD_870_S1");
    assert_eq!(document["resources"]["storage"]["total"], 3);
    assert!(has_gap(&gaps, "no-link"), "{gaps:?}");
    assert_eq!(region::objections(&document), [""; 0]);
}

#[test]
fn what_may_not_be_read_loses_only_itself() {
    let tree = machine::small();
    for name in ["sys_vendor", "product_serial"] {
        let place = tree.root().join("sys/class/dmi/id").join(name);
        fs::set_permissions(place, Permissions::from_mode(0o000)).expect("it is ours");
    }
    fs::set_permissions(tree.root(), Permissions::from_mode(0o755)).expect("it is ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.args(["resources", "--root"]).arg(tree.root());
    if nix::unistd::geteuid().is_root() {
        // Root may read everything, so somebody else has to look.
        command.uid(65534);
    }
    let Ok(output) = command.output() else {
        crate::left_out::say("another user's look at a tree, for it may not run the program from its folder");
        return;
    };
    let document: Value = serde_json::from_slice(&output.stdout).expect("an inventory");
    let system = &document["resources"]["system"];
    assert_eq!((&system["vendor"], &system["serial"]), (&json!(""), &json!("")));
    assert_eq!(system["product"], "product_name of ours");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("sys_vendor: Permission denied"), "{said}");
    assert!(output.status.success());
}

#[test]
fn odd_lines_are_passed_over() {
    let tree = machine::small();
    tree.file(
        "sys/devices/system/node/node0/meminfo",
        "\nNode 0 MemTotal: 4194304 kB\n\nno colon\nNode 0 MemUsed: 8 kB\n",
    );
    tree.file(
        "proc/cpuinfo",
        "processor\t: 0\nodd line\nvendor_id: X\nmodel name: Y\n\nprocessor : 0\nmodel name: Z\n",
    );
    let (document, gaps) = tree.told();
    assert_eq!(document["resources"]["memory"]["nodes"][0]["used"], 8192);
    let socket = &document["resources"]["cpu"]["sockets"][0];
    assert_eq!((&socket["vendor"], &socket["name"]), (&json!("X"), &json!("Y")), "a number that is told twice");
    assert!(has_gap(&gaps, "\"odd line\"") && has_gap(&gaps, "\"processor : 0\""), "{gaps:?}");
}

#[test]
fn interface_names_are_taken_as_they_are() {
    let tree = machine::small();
    for name in ["x", "wlan@home", "eth0..1"] {
        tree.files(&format!("sys/class/net/{name}"), &[("mtu", "1500"), ("flags", "0x1003")]);
    }
    let (document, gaps) = tree.told();
    let networks = document["networks"].as_object().expect("networks");
    assert_eq!(networks.keys().collect::<Vec<_>>(), ["bond0", "eth0", "eth0..1", "wlan@home", "x"]);
    assert_eq!(gaps, [""; 0]);
}

#[test]
fn a_bond_without_members_has_none() {
    let tree = machine::small();
    tree.file("sys/devices/virtual/net/bond0/bonding/slaves", "\n");
    assert_eq!(tree.told().0["networks"]["bond0"]["bond"]["lower_devices"], json!([]));
}

#[test]
fn file_system_ids_come_from_udev() {
    let (document, _) = machine::small().told();
    let disk = &document["resources"]["storage"]["disks"][1];
    assert_eq!(disk["device_fs_uuid"], "", "there is no file system on the disk itself");
    assert_eq!(disk["partitions"][0]["device_fs_uuid"], "0c9f1b2e-0000-4000-8000-000000000001");
}

/// On this machine itself: of all the programs that the reference runs, one is left.
#[test]
fn no_program_is_run_but_one() {
    let tree = Tree::new();
    for name in ["blkid", "lshw", "ovs-vsctl", "nvidia-container-cli", "systemd-detect-virt"] {
        let script = format!("#!/bin/sh\n: > '{}/{name}.ran'\nexit 1\n", tree.root().display());
        tree.file(&format!("bin/{name}"), script);
        fs::set_permissions(tree.root().join("bin").join(name), Permissions::from_mode(0o755)).expect("it is ours");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    let output = command.arg("resources").env("PATH", tree.root().join("bin")).output().expect("the program starts");
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).expect("an inventory");
    assert_eq!(document["resources"]["system"]["type"], "physical");
    let ran = |name: &str| Path::new(tree.root()).join(format!("{name}.ran")).exists();
    assert!(ran("systemd-detect-virt"));
    assert!(!["blkid", "lshw", "ovs-vsctl", "nvidia-container-cli"].into_iter().any(ran));
}

#[test]
fn memory_is_never_searched_for_firmware() {
    let table = b"\x04\x05\x00\x00\xffCPU0\0Intel\0Xeon\0\0\x7f\x04\x00\x00\0\0";
    let tree = Tree::new();
    tree.thread(0, "0", "0", "0").file("dev/mem", table);
    assert_eq!(tree.told().0["resources"]["cpu"]["sockets"][0].get("name"), None);
    tree.file("sys/firmware/dmi/tables/DMI", table);
    assert_eq!(tree.told().0["resources"]["cpu"]["sockets"][0]["name"], "Xeon");
}
