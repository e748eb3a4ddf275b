//! What people see.

use crate::program::{call, printed};
use crate::smbios::{self, dimm};
use crate::tree::Tree;

/// All topics, and what each says when it has nothing.
const NOTHING: [(&str, &str); 13] = [
    ("system", "nothing is known of the machine as a whole"),
    ("cpu", "no processors"),
    ("memory", "no memory"),
    ("disk", "no disks"),
    ("interface", "no network interfaces with hardware"),
    ("pci", "no PCI devices"),
    ("usb", "no USB devices"),
    ("gpu", "no graphics cards"),
    ("firmware", "no firmware versions are known"),
    ("bmc", "no BMC"),
    ("power", "no power supplies are known"),
    ("sensor", "no sensors"),
    ("finding", "no findings"),
];

#[test]
fn a_topic_with_nothing_to_show_says_so_in_a_line() {
    let tree = Tree::new();
    let text = printed(tree.root(), &["disk"]);
    assert_eq!(text, "DISK\nnot known: the copy holds no /sys/class/block\n");
    for place in ["devices/system/cpu", "class/block", "class/net", "bus/pci", "bus/usb", "class/hwmon"] {
        tree.directory(&format!("sys/{place}"));
    }
    for (topic, expected) in NOTHING {
        let text = printed(tree.root(), &[topic]);
        assert!(text.starts_with(&format!("{}\n{expected}\n", topic.to_uppercase())), "{topic}: {text}");
        let json = printed(tree.root(), &[topic, "--format", "json"]);
        assert!(
            serde_json::from_str::<serde_json::Value>(&json).is_ok_and(|value| value.is_object()),
            "{topic}: {json}"
        );
    }
    let all = printed(tree.root(), &[]);
    assert!(NOTHING.iter().all(|(_, expected)| all.contains(expected)), "{all}");
}

#[test]
fn tables_show_what_is_known_and_no_empty_columns() {
    let tree = Tree::new();
    smbios::write(&tree, vec![dimm("A1", 16, 4800, "S123"), dimm("A2", 0, 0, "")]);
    let text = printed(tree.root(), &["memory"]);
    let expected = "MEMORY\nFIELD    VALUE\nmodules  1 of 2 slots fitted with 16.0 GiB\n\nMODULES\n\
                    SLOT  SIZE      KIND  SPEED      RANKS  ECC  MAKER  PART    SERIAL\n\
                    A1    16.0 GiB  DDR5  4800 MT/s  2      ECC  Maker  PART-7  S123\n\
                    A2    empty     DDR5             2      ECC\n";
    assert_eq!(text, expected);
}

#[test]
fn a_page_tells_all_of_one_device_with_what_is_odd_about_it() {
    let tree = Tree::new();
    smbios::write(
        &tree,
        vec![
            dimm("A1", 16, 4800, "S1"),
            dimm("A2", 16, 4400, "S2"),
            dimm("B1", 16, 4800, "S3"),
            dimm("B2", 16, 4800, "S4"),
        ],
    );
    let text = printed(tree.root(), &["memory", "A2"]);
    let expected = "MEMORY A2\nidentity          dimm:PART-7:S2\nslot              A2\nsize              16.0 GiB (17179869184 bytes)\n\
                    kind              DDR5\nspeed             4400 MT/s\nconfigured speed  4400 MT/s\nranks             2\necc               yes\n\
                    manufacturer      Maker\npart              PART-7\nserial            S2\n\n\
                    FINDINGS\nDIMM slot A2 slower than its neighbours: 4400 MT/s, theirs 4800 MT/s\n";
    assert_eq!(text, expected);
}

#[test]
fn a_device_is_found_by_any_of_its_names() {
    let tree = Tree::new();
    tree.disk("sda", "8:0", Some("scsi")).partition("sda", "sda1", "8:1");
    tree.file("run/udev/data/b8:0", "E:ID_SERIAL_SHORT=S4T7\nS:disk/by-id/ata-X\nS:disk/by-id/ata-Y\n");
    for name in ["sda", "/dev/sda", "S4T7", "disk:MODEL:S4T7"] {
        let text = printed(tree.root(), &["disk", name]);
        assert!(text.contains("serial               S4T7\n"), "{name}: {text}");
        assert!(!text.contains(['{', '[', '"']), "no fragments of JSON: {text}");
        assert!(
            text.contains("links                /dev/disk/by-id/ata-X\n                     /dev/disk/by-id/ata-Y\n"),
            "{text}"
        );
        assert!(text.contains("\nPARTITIONS\nNAME  SIZE\nsda1  1.0 MiB (1048576 bytes)\n"), "{text}");
    }
    assert!(printed(tree.root(), &["disk", "sda1"]).starts_with("DISK sda1\nname  sda1\n"));
    let json: serde_json::Value =
        serde_json::from_str(&printed(tree.root(), &["disk", "sda", "--format", "json"])).expect("JSON");
    assert_eq!(json["serial"], "S4T7");
}

#[test]
fn a_device_that_is_not_there_is_an_error_that_says_what_to_do() {
    let tree = Tree::new();
    let output = call(tree.root(), &["disk", "sdz"]);
    assert!(!output.status.success() && output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(text.contains("sdz") && text.contains("shakedown inventory disk"), "{text}");
}

#[test]
fn a_directory_that_holds_no_machine_is_an_error_that_names_what_was_looked_for() {
    let place = tempfile::tempdir().expect("a directory");
    let refused = |words: &[&str]| {
        let output = call(place.path(), &["disk"]);
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success() && output.stdout.is_empty(), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    refused(&["sys, proc", "it is empty"]);
    std::fs::create_dir_all(place.path().join("copy/sys")).expect("directories");
    refused(&["copy is one: give that"]);
}

#[test]
fn what_firmware_says_does_not_reach_the_terminal_as_a_command() {
    let tree = Tree::new();
    tree.files("sys/class/dmi/id", &[("sys_vendor", "Maker\u{1b}[2J"), ("product_name", "X")]);
    let text = printed(tree.root(), &["system"]);
    assert!(text.contains("Maker\u{fffd}[2J X") && !text.contains('\u{1b}'), "{text:?}");
}
