//! Two looks at one machine: what happened to its hardware is reported, once, and nothing that only the kernel counted anew.

use crate::program::of;
use crate::situations::diff;
use crate::smbios::{self, Structure, dimm};
use crate::tree::Tree;

fn between(before: &Tree, after: &Tree) -> Vec<String> {
    let mut found = diff(before.root(), after.root());
    let back = diff(after.root(), before.root());
    assert_eq!(back.len(), found.len(), "the way back is the way there: {found:?} {back:?}");
    found.sort();
    found
}

/// A disk behind a SCSI host on a PCI function.
struct Scsi<'a> {
    function: &'a str,
    host: usize,
    target: usize,
    name: &'a str,
    serial: &'a str,
    has_name: bool,
}

impl Scsi<'_> {
    fn put(&self, tree: &Tree) {
        let Scsi { function, host, target, name, serial, .. } = self;
        let device =
            format!("sys/devices/pci0000:00/{function}/host{host}/target{host}:0:{target}/{host}:0:{target}:0");
        tree.files(&device, &[("model", "HUH728080AL5200"), ("vendor", "HGST"), ("state", "running")]);
        tree.file(&format!("{device}/vpd_pg80"), [&[0, 0x80, 0, 6][..], serial.as_bytes()].concat());
        if self.has_name {
            tree.files(&device, &[("wwid", &format!("naa.5000cca26{serial}"))]);
        }
        tree.link(&format!("{device}/subsystem"), "/sys/bus/scsi");
        block(tree, &device, name, host * 16 + target, "15628053168", "0");
    }
}

/// A block device below a device.
fn block(tree: &Tree, device: &str, name: &str, minor: usize, size: &str, removable: &str) {
    let place = format!("{device}/block/{name}");
    let number = format!("8:{minor}");
    let files = [("dev", number.as_str()), ("size", size), ("ro", "0"), ("removable", removable)];
    tree.files(&place, &files).files(&format!("{place}/queue"), &[("rotational", "0")]);
    tree.link(&format!("{place}/device"), "../..").link(&format!("sys/class/block/{name}"), &format!("/{place}"));
}

/// Disks in the bays of an enclosure that two adapters lead to, by serial number; an empty text is an empty bay.
fn enclosure(adapters: &[usize], bays: &[&str], has_names: bool) -> Tree {
    let tree = Tree::new();
    let mut names = ('a'..='z').map(|letter| format!("sd{letter}"));
    for adapter in adapters {
        let function = format!("0000:00:0{}.0", adapter + 3);
        tree.pci_function(&function, "0x010700", "0x1000", "0x0097");
        for (target, serial) in bays.iter().enumerate().filter(|(_, serial)| !serial.is_empty()) {
            let name = names.next().expect("a letter");
            Scsi { function: &function, host: *adapter, target, name: &name, serial, has_name: has_names }.put(&tree);
        }
    }
    tree
}

#[test]
fn a_disk_of_two_paths_is_one_disk_wherever_it_goes() {
    let (both, one) = (&[0, 1][..], &[0][..]);
    let all = ["000001", "000002", "000003", ""];
    for has_names in [true, false] {
        let from = |adapters: &[usize], bays: &[&str]| {
            between(&enclosure(both, &all, has_names), &enclosure(adapters, bays, has_names))
        };
        assert_eq!(from(both, &["000001", "", "000003", "000002"]), ["moved block device sdc"], "to an empty bay");
        let exchanged = from(both, &["000002", "000001", "000003", ""]);
        assert_eq!(exchanged, ["moved block device sda", "moved block device sdb"]);
        assert_eq!(from(both, &["000001", "000009", "000003", ""]), ["replaced block device sdb"]);
        assert_eq!(from(both, &["000001", "", "000003", ""]), ["removed block device sdb"]);
        let lost = [
            "path lost block device sdd",
            "path lost block device sde",
            "path lost block device sdf",
            "removed pci device 0000:00:04.0",
        ];
        assert_eq!(from(one, &all), lost, "names: {has_names}");
        // The paths of a disk that is no longer there are not lost, they are its own.
        let replaced = from(one, &["000001", "000009", "000003", ""]);
        assert_eq!(replaced, [lost[0], lost[2], lost[3], "replaced block device sdb"]);
    }
}

/// A drive for discs and a reader for cards, with and without media.
fn drives(disc: &str, card: &str) -> Tree {
    let tree = Tree::new();
    tree.pci_function("0000:00:17.0", "0x010601", "0x8086", "0xa352");
    let drive = "sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0";
    let reader = "sys/devices/pci0000:00/0000:00:14.0/usb1/1-6/1-6:1.0/host6/target6:0:0/6:0:0:0";
    for (device, model, name, size) in [(drive, "DVDRAM GUD1N", "sr0", disc), (reader, "SD/MMC", "sdb", card)] {
        tree.files(device, &[("model", model), ("rev", "1.0")]).link(&format!("{device}/subsystem"), "/sys/bus/scsi");
        block(&tree, device, name, size.len(), size, "1");
    }
    tree
}

#[test]
fn a_medium_is_no_hardware_and_its_drive_is() {
    // Without a disc the kernel reports 2097151 sectors, or none (Linux, `drivers/scsi/sr.c`).
    for empty in ["0", "2097151"] {
        assert_eq!(between(&drives(empty, "0"), &drives("8388608", "62333952")), [""; 0], "{empty}");
    }
    assert_eq!(between(&drives("8388608", "62333952"), &drives("4194304", "31166976")), [""; 0], "other media");
    let without = drives("0", "0");
    without.remove("sys/class/block/sr0");
    assert_eq!(between(&drives("0", "0"), &without), ["removed block device sr0"], "an empty drive was pulled");
}

/// Two USB controllers with the numbers of their buses, and what is plugged into the first port of each.
fn usb(buses: [u32; 2], plugged: [bool; 2]) -> Tree {
    let tree = Tree::new();
    for (number, function) in ["0000:00:14.0", "0000:00:1a.0"].into_iter().enumerate() {
        tree.pci_function(function, "0x0c0330", "0x8086", "0xa36d");
        let bus = buses[number];
        let device = format!("sys/devices/pci0000:00/{function}/usb{bus}/{bus}-1");
        if !plugged[number] {
            continue;
        }
        // Both are of one make, and of one serial number: the maker's only one.
        let text = bus.to_string();
        let files = [("busnum", text.as_str()), ("devnum", "4"), ("idVendor", "0bda"), ("idProduct", "8153")];
        tree.files(&device, &files).files(&device, &[("serial", "5A5B5C"), ("bDeviceClass", "00")]);
        tree.link(&format!("{device}/subsystem"), "/sys/bus/usb");
        tree.link(&format!("sys/bus/usb/devices/{bus}-1"), &format!("/{device}"));
        let interface = format!("{device}/{bus}-1:1.0");
        tree.files(&interface, &[("bInterfaceClass", "ff")]).link(&format!("{interface}/subsystem"), "/sys/bus/usb");
        let (place, address) = (format!("{interface}/net/eth{number}"), format!("00:e0:4c:00:00:0{number}"));
        tree.files(&place, &[("address", &address), ("type", "1"), ("addr_assign_type", "0"), ("operstate", "up")]);
        tree.link(&format!("{place}/device"), "../..")
            .link(&format!("sys/class/net/eth{number}"), &format!("/{place}"));
    }
    tree
}

#[test]
fn numbers_of_usb_buses_say_nothing_of_places() {
    let both = usb([1, 2], [true, true]);
    assert_eq!(between(&both, &usb([2, 1], [true, true])), [""; 0]);
    let pulled = ["removed interface eth0", "removed usb device 0bda 8153"];
    for buses in [[1, 2], [2, 1]] {
        let found = between(&both, &usb(buses, [false, true]));
        assert_eq!(found.len(), pulled.len(), "{buses:?} {found:?}");
        assert!(found[0] == pulled[0] && found[1].starts_with("removed usb device"), "{buses:?} {found:?}");
    }
    let places = |tree: &Tree, list: &str| -> Vec<String> {
        let all = of(tree)[list].as_array().expect("a list").clone();
        all.iter().map(|it| it["place"].as_str().expect("a place").to_owned()).collect()
    };
    assert_eq!(places(&both, "interfaces"), ["0000:00/14.0/1", "0000:00/1a.0/1"]);
    assert_eq!(places(&both, "usb"), ["0000:00/14.0/1", "0000:00/1a.0/1"]);
}

#[test]
fn a_usb_device_that_is_plugged_into_the_other_controller_has_moved() {
    let (before, after) = (usb([1, 2], [true, false]), usb([1, 2], [false, true]));
    let found = between(&before, &after);
    assert!(found.iter().any(|change| change.starts_with("moved usb device")), "{found:?}");
}

/// A built-in disk and a card on two controllers, with the numbers of these.
fn cards(fixed: usize, card: usize, number: &str) -> Tree {
    let tree = Tree::new();
    let rows = [("fe310000.mmc", fixed, "0001", "150100a1b2"), ("fe320000.mmc", card, "aaaa", number)];
    for (controller, host, address, cid) in rows {
        let device = format!("sys/devices/platform/{controller}/mmc_host/mmc{host}/mmc{host}:{address}");
        tree.files(&device, &[("cid", cid), ("name", "SM000"), ("serial", &format!("0x{cid}"))]);
        tree.link(&format!("{device}/subsystem"), "/sys/bus/mmc");
        block(&tree, &device, &format!("mmcblk{host}"), host, "61071360", "0");
    }
    tree
}

#[test]
fn a_memory_card_is_known_by_its_number_and_its_place_is_the_controller() {
    assert_eq!(between(&cards(0, 1, "1b534d3030"), &cards(1, 0, "1b534d3030")), [""; 0]);
    assert_eq!(between(&cards(0, 1, "1b534d3030"), &cards(0, 1, "1b534d3099")), ["replaced block device mmcblk1"]);
    let places = of(&cards(1, 0, "1b534d3030"))["disks"].clone();
    assert_eq!(
        (&places[0]["place"], &places[1]["place"]),
        (&"platform/fe320000.mmc".into(), &"platform/fe310000.mmc".into())
    );
}

#[test]
fn a_module_without_a_number_is_another_one_if_its_part_or_its_size_is() {
    let module = |gib: u16, speed: u16, part: &str| {
        Structure::new(17, 0x28)
            .word(0x08, 72)
            .word(0x0a, 64)
            .word(0x0c, gib * 1024)
            .bytes(0x12, [0x22])
            .word(0x15, speed)
            .text(0x10, "DIMM_B1")
            .text(0x1a, part)
    };
    let machine = |structure: Structure| {
        let tree = Tree::new();
        smbios::write(&tree, vec![dimm("DIMM_A1", 16, 4800, "S1"), structure]);
        tree
    };
    let before = || machine(module(16, 4800, "PART-8"));
    assert_eq!(between(&before(), &machine(module(16, 4800, "PART-9"))), ["replaced DIMM DIMM_B1"]);
    assert_eq!(between(&before(), &machine(module(31, 4800, "PART-8"))), ["replaced DIMM DIMM_B1"]);
    assert_eq!(between(&before(), &machine(module(16, 4800, "PART-8  "))), [""; 0], "firmware fills texts up");
    assert_eq!(between(&before(), &machine(module(16, 4800, ""))), [""; 0], "the firmware stopped to tell it");
}

#[test]
fn a_table_of_modules_that_is_cut_off_says_nothing_of_the_rest() {
    let machine = |structures: Vec<Structure>, length: Option<usize>| {
        let tree = Tree::new();
        let bytes = smbios::bytes(structures);
        tree.file("sys/firmware/dmi/tables/DMI", &bytes[..length.unwrap_or(bytes.len())]);
        tree
    };
    let modules = || vec![dimm("A1", 16, 4800, "S1"), dimm("A2", 16, 4800, "S2"), dimm("A3", 16, 4800, "S3")];
    let whole = smbios::bytes(modules()).len();
    for length in [whole / 2, whole / 3, 0] {
        assert_eq!(between(&machine(modules(), None), &machine(modules(), Some(length))), [""; 0], "{length}");
    }
    let other = vec![dimm("A1", 16, 4800, "S9"), dimm("A2", 16, 4800, "S2"), dimm("A3", 16, 4800, "S3")];
    let found = between(&machine(modules(), None), &machine(other, Some(whole / 2)));
    assert_eq!(found, ["replaced DIMM A1"], "what was read counts");
    let gaps = of(&machine(modules(), Some(whole / 2)))["gaps"].to_string();
    assert!(gaps.contains("cut off"), "{gaps}");
}

#[test]
fn siblings_that_are_switched_off_hide_no_processor() {
    let machine = |is_smt_on: bool, with_control: bool| {
        let tree = Tree::new();
        for number in (0..8).filter(|number| is_smt_on || number % 2 == 0) {
            tree.thread(number, &(number / 4).to_string(), "0", &(number / 2).to_string());
        }
        let text = |number: u32| {
            format!(
                "processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nphysical id\t: {}\n\n",
                number / 4
            )
        };
        let threads = (0..8).filter(|number| is_smt_on || number % 2 == 0);
        tree.file("proc/cpuinfo", threads.map(text).collect::<String>());
        let offline = if is_smt_on { "" } else { "1,3,5,7" };
        tree.files("sys/devices/system/cpu", &[("present", "0-7"), ("offline", offline)]);
        if with_control {
            tree.files("sys/devices/system/cpu/smt", &[("control", if is_smt_on { "on" } else { "off" })]);
        }
        tree
    };
    let unread = |before: &Tree, after: &Tree| -> Vec<String> {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_shakedown"));
        let output = command.args(["diff", "--format", "json"]).args([before.root(), after.root()]).output();
        let value: serde_json::Value =
            serde_json::from_slice(&output.expect("the program can be started").stdout).expect("JSON");
        assert_eq!(value["changes"], serde_json::json!([]));
        serde_json::from_value(value["unread"].clone()).expect("names")
    };
    let cpu = "cpu".to_owned();
    assert!(!unread(&machine(true, true), &machine(false, true)).contains(&cpu));
    assert!(unread(&machine(true, false), &machine(false, false)).contains(&cpu), "a package may be hidden");
}

#[test]
fn a_display_that_software_made_is_no_card() {
    let tree = Tree::new();
    tree.pci_function("0000:00:02.0", "0x030000", "0x1002", "0x740f");
    for (device, card) in
        [("platform/vkms", "card0"), ("pci0000:00/0000:00:02.0", "card1"), ("platform/evdi.0", "card2")]
    {
        let place = format!("sys/devices/{device}/drm/{card}");
        tree.files(&place, &[("dev", "226:0")]).link(&format!("{place}/device"), "../..");
        tree.link(&format!("sys/class/drm/{card}"), &format!("/{place}"));
    }
    let gpus = of(&tree)["gpus"].clone();
    assert_eq!((gpus.as_array().map(Vec::len), &gpus[0]["name"]), (Some(1), &"card1".into()), "{gpus}");
}

#[test]
fn what_a_copy_lacks_as_a_whole_is_neither_gone_nor_new() {
    let machine = || {
        let tree = usb([1, 2], [true, true]);
        Scsi { function: "0000:00:14.0", host: 4, target: 0, name: "sda", serial: "000001", has_name: true }.put(&tree);
        tree
    };
    for (part, topic) in [
        ("sys/class/net", "interfaces: /: the copy holds no /sys/class/net"),
        ("sys/bus/pci", "cards: /: the copy holds no /sys/bus/pci"),
        ("sys/bus/usb", "usb tree: /: the copy holds no /sys/bus/usb"),
        ("sys/class/block", "disks: /: the copy holds no /sys/class/block"),
    ] {
        let (whole, copy) = (machine(), machine());
        copy.remove(part);
        assert_eq!(between(&whole, &copy), [""; 0], "{part}");
        let said = String::from_utf8(crate::program::call(copy.root(), &[]).stderr).expect("text");
        assert!(said.contains(topic), "{part}: {said}");
    }
}
