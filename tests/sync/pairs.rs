//! A machine before and after: the right change, and nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shakedown::host::Host;
use shakedown::inventory::{Change, Item, Kind, NetworkVolumes, Uncounted, What, changes, collect_detail, items_with};

use crate::machine::{disk, found, function, interface, server, told};
use crate::smbios::{self, dimm};
use crate::tree::Tree;

/// The changes that are reported after `act` was done to the server.
fn after(act: impl FnOnce(&Tree)) -> Vec<String> {
    let tree = server();
    let before = found(&tree);
    act(&tree);
    let now = found(&tree);
    let mut back = told(&now, &before);
    let there = told(&before, &now);
    back.sort();
    assert_eq!(back.len(), there.len(), "the way back has as many changes: {there:?} {back:?}");
    there
}

fn without_disk(tree: &Tree, name: &str, bay: &str) {
    tree.remove(&format!("sys/class/block/{name}"));
    tree.remove(&format!("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:{bay}"));
}

fn without_interface(tree: &Tree, function: &str, name: &str) {
    tree.remove(&format!("sys/class/net/{name}"));
    tree.remove(&format!("sys/devices/pci0000:00/{function}/net"));
}

#[test]
fn a_machine_that_nobody_touched_has_not_changed() {
    assert_eq!(after(|_| {}), [""; 0]);
}

#[test]
fn what_varies_by_nature_is_no_change() {
    let told = after(|tree| {
        tree.file("sys/devices/pci0000:00/0000:00:03.0/net/eth0/operstate", "down\n");
        tree.file("sys/devices/pci0000:00/0000:00:03.0/net/eth0/carrier", "0\n");
        tree.file("sys/devices/pci0000:00/0000:00:03.0/net/eth0/statistics/rx_bytes", "77\n");
        tree.file("sys/devices/pci0000:00/0000:00:03.0/current_link_speed", "2.5 GT/s\n");
        tree.file("proc/meminfo", "MemTotal:       31990000 kB\nMemFree: 900 kB\n");
        // A loop device, a bridge and a container's interface.
        tree.files(
            "sys/devices/virtual/block/loop7",
            &[("dev", "7:7"), ("size", "2048"), ("ro", "0"), ("removable", "0")],
        );
        tree.link("sys/class/block/loop7", "/sys/devices/virtual/block/loop7");
        for name in ["br0", "veth12ab", "dummy0"] {
            let place = format!("sys/devices/virtual/net/{name}");
            tree.files(&place, &[("type", "1"), ("address", "5a:00:00:00:00:01"), ("operstate", "up")]);
            tree.link(&format!("sys/class/net/{name}"), &format!("/{place}"));
        }
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_disk_that_comes_or_goes_is_told() {
    assert_eq!(
        after(|tree| disk(tree, "sdc", "3", "SERIAL-C")),
        ["block device sdc was added on node n (MODEL-1 SERIAL-C)"]
    );
    assert_eq!(
        after(|tree| without_disk(tree, "sdb", "2")),
        ["block device sdb was removed on node n (MODEL-1 SERIAL-B)"]
    );
}

#[test]
fn a_disk_in_another_bay_has_moved_whatever_the_kernel_calls_it() {
    let told = after(|tree| {
        without_disk(tree, "sdb", "2");
        disk(tree, "sdc", "9", "SERIAL-B");
    });
    assert_eq!(told, ["block device sdc was moved from 6:0:0:0 2 to 6:0:0:0 9 on node n"]);
}

#[test]
fn disks_that_the_kernel_found_in_another_order_have_not_changed() {
    let told = after(|tree| {
        without_disk(tree, "sda", "1");
        without_disk(tree, "sdb", "2");
        disk(tree, "sda", "2", "SERIAL-B");
        disk(tree, "sdb", "1", "SERIAL-A");
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_disk_that_was_replaced_by_one_of_the_same_model_is_told_by_its_number() {
    let told = after(|tree| {
        without_disk(tree, "sdb", "2");
        disk(tree, "sdb", "2", "SERIAL-Z");
    });
    assert_eq!(told, ["block device sdb (MODEL-1 SERIAL-B) was replaced by another (MODEL-1 SERIAL-Z) on node n"]);
}

#[test]
fn new_firmware_of_a_disk_is_told_with_both_versions() {
    let told = after(|tree| {
        tree.file("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:1/0:0:1:0/rev", "B2\n");
    });
    assert_eq!(told, ["block device sda was updated on node n: firmware A1 is now B2"]);
}

#[test]
fn an_interface_with_another_name_was_renamed() {
    let told = after(|tree| {
        without_interface(tree, "0000:00:03.0", "eth0");
        interface(tree, "0000:00:03.0", "enp0s3", "3c:fd:fe:00:00:01");
    });
    assert_eq!(told, ["interface enp0s3 was renamed from eth0 to enp0s3 on node n"]);
}

/// An interface of the board that is on neither PCI nor USB, as small boards with a device tree have them.
fn on_board(tree: &Tree, address: &str) {
    let device = "sys/devices/platform/soc/fd580000.ethernet";
    let place = format!("{device}/net/end0");
    let files = [("type", "1"), ("operstate", "up"), ("addr_assign_type", "0"), ("address", address)];
    tree.files(&place, &files).link(&format!("{device}/subsystem"), "/sys/bus/platform");
    tree.link(&format!("{place}/device"), "../..").link("sys/class/net/end0", &format!("/{place}"));
}

#[test]
fn an_interface_of_the_board_has_its_place_there() {
    let (old, new) = (server(), server());
    on_board(&old, "2c:cf:67:00:00:01");
    on_board(&new, "2c:cf:67:00:00:02");
    let (old, new) = (found(&old), found(&new));
    let place = |items: &BTreeMap<Kind, Vec<Item>>| {
        items[&Kind::Interface].iter().find(|item| item.name == "end0").map(|item| item.place.clone())
    };
    assert_eq!(place(&old).as_deref(), Some("platform/soc/fd580000.ethernet"));
    let expected = "interface end0 (2c:cf:67:00:00:01) was replaced by another (2c:cf:67:00:00:02) on node n";
    assert_eq!(told(&old, &new), [expected]);
    // An earlier release recorded no place.
    let mut recorded = old.clone();
    for item in recorded.values_mut().flatten().filter(|item| item.name == "end0") {
        item.place.clear();
    }
    assert_eq!(told(&recorded, &old), [""; 0]);
}

/// A member of a bond, which gives it the address of the first one.
fn member(tree: &Tree, own: &str) {
    let place = "sys/devices/pci0000:00/0000:00:05.0/net/eth1";
    tree.files(place, &[("address", "3c:fd:fe:00:00:01"), ("addr_assign_type", "3")]);
    tree.link(&format!("{place}/master"), "/sys/class/net/bond0");
    tree.file("proc/net/bonding/bond0", format!("Slave Interface: eth1\nPermanent HW addr: {own}\n"));
}

#[test]
fn a_member_of_a_bond_that_was_replaced_is_told_by_its_own_address() {
    let (old, new) = (server(), server());
    member(&old, "3c:fd:fe:00:00:02");
    member(&new, "3c:fd:fe:00:00:09");
    let told = told(&found(&old), &found(&new));
    assert_eq!(told.len(), 1, "{told:?}");
    let (before, after) = told[0].split_once("was replaced by another").expect("a replacement");
    assert!(before.contains("3c:fd:fe:00:00:02)") && after.contains("3c:fd:fe:00:00:09)"), "{told:?}");
}

#[test]
fn cards_that_were_exchanged_took_their_interfaces_along() {
    let told = after(|tree| {
        without_interface(tree, "0000:00:03.0", "eth0");
        without_interface(tree, "0000:00:05.0", "eth1");
        interface(tree, "0000:00:05.0", "eth0", "3c:fd:fe:00:00:01");
        interface(tree, "0000:00:03.0", "eth1", "3c:fd:fe:00:00:02");
    });
    assert_eq!(
        told,
        [
            "interface eth0 was moved from 0000:00/03.0 to 0000:00/05.0 on node n",
            "interface eth1 was moved from 0000:00/05.0 to 0000:00/03.0 on node n",
        ]
    );
}

#[test]
fn identical_modules_that_were_exchanged_have_moved() {
    let told = after(|tree| smbios::write(tree, vec![dimm("A1", 16, 4800, "S2"), dimm("A2", 16, 4800, "S1")]));
    assert_eq!(told, ["DIMM A2 was moved from A1 to A2 on node n", "DIMM A1 was moved from A2 to A1 on node n"]);
}

#[test]
fn a_module_that_is_gone_takes_its_memory_along() {
    let told = after(|tree| {
        smbios::write(tree, vec![dimm("A1", 16, 4800, "S1"), dimm("A2", 0, 0, "")]);
        tree.file("proc/meminfo", "MemTotal:       15222784 kB\nMemFree: 1000 kB\n");
    });
    assert_eq!(told, ["DIMM A2 was removed on node n (Maker PART-7 S2)", "16 GiB of memory was removed on node n"]);
}

#[test]
fn a_new_bridge_that_renumbers_the_buses_is_all_that_changed() {
    let told = after(|tree| {
        for name in ["0000:00:06.0", "0000:01:00.0"] {
            tree.remove(&format!("sys/bus/pci/devices/{name}"));
        }
        tree.remove("sys/class/net/eth2").remove("sys/devices/pci0000:00/0000:00:06.0");
        // The new bridge comes before the other and takes bus 1.
        function(tree, "0000:00:02.0", "0x060400");
        function(tree, "0000:00:06.0", "0x060400");
        function(tree, "0000:00:06.0/0000:02:00.0", "0x020000");
        interface(tree, "0000:00:06.0/0000:02:00.0", "eth2", "3c:fd:fe:00:00:03");
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("pci device 0000:00:02.0 was added on node n"), "{told:?}");
}

#[test]
fn usb_devices_that_were_plugged_elsewhere_have_moved_with_and_without_a_number() {
    let told = after(|tree| {
        for name in ["1-3", "1-4"] {
            tree.remove(&format!("sys/bus/usb/devices/{name}"));
            tree.remove(&format!("sys/devices/pci0000:00/usb1/{name}"));
        }
        tree.usb_device("1-5", &[("devnum", "8"), ("serial", "4C530001")]);
        tree.usb_device("1-6", &[("devnum", "9"), ("idProduct", "5590")]);
    });
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|text| text.contains("was moved from")), "{told:?}");
}

#[test]
fn a_tree_that_cannot_be_read_takes_nothing_away() {
    let tree = server();
    let (before, mut now) = (found(&tree), found(&tree));
    now.remove(&shakedown::inventory::Kind::BlockDevice);
    assert_eq!((told(&before, &now), told(&now, &before)), (Vec::new(), Vec::new()));
}

/// A thread in a socket of its own, with firmware tables of two sockets: both are filled, and have the same part number.
fn processor(tree: &Tree, socket: u64) {
    let topology = format!("sys/devices/system/cpu/cpu{socket}/topology");
    let number = socket.to_string();
    tree.files(&topology, &[("physical_package_id", number.as_str()), ("core_id", "0"), ("die_id", "0")]);
    let block = |number: u64| format!("processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Rig CPU\n\n");
    tree.file("proc/cpuinfo", (0..=socket).map(block).collect::<String>());
    tree.file("sys/devices/system/cpu/present", format!("0-{socket}\n"));
    let described = |slot: &str| {
        let fitted = smbios::Structure::new(4, 0x30).bytes(0x05, [3]).bytes(0x18, [0x41]).bytes(0x23, [1]);
        fitted.text(0x04, slot).text(0x20, "RIG-CPU-0001")
    };
    smbios::write(tree, vec![described("CPU 0"), described("CPU 1")]);
}

/// When the kernel lists one of two processors in the firmware tables, it is unknown which one that is; with two, each has its number.
#[test]
fn a_processor_that_comes_or_goes_is_told_with_its_number_and_the_other_one_is_the_same() {
    let tree = server();
    processor(&tree, 0);
    let one = found(&tree);
    processor(&tree, 1);
    let two = found(&tree);
    assert_eq!(told(&one, &two), ["cpu Rig CPU was added on node n (Rig CPU RIG-CPU-0001)"]);
    assert_eq!(told(&two, &one), ["cpu Rig CPU was removed on node n (Rig CPU RIG-CPU-0001)"]);
    tree.remove("sys/devices/system/cpu/cpu0");
    let other = found(&tree);
    assert_eq!(told(&two, &other).len(), 1, "{:?}", told(&two, &other));
}

#[test]
fn a_disk_that_answers_is_one_whatever_it_hangs_on() {
    let told = after(|tree| {
        // The kernel's own stand-in for a disk, `scsi_debug`.
        let device = "sys/devices/pseudo_0/adapter0/host7/target7:0:0/7:0:0:0";
        let place = format!("{device}/block/sdz");
        tree.files(&place, &[("dev", "65:144"), ("size", "131072"), ("ro", "0"), ("removable", "0")]);
        tree.files(device, &[("vendor", "Linux"), ("model", "scsi_debug"), ("rev", "0191")]);
        tree.link(&format!("{place}/device"), &format!("/{device}"));
        tree.link("sys/class/block/sdz", &format!("/{place}"));
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("block device sdz was added on node n (scsi_debug"), "{told:?}");
}

/// A port of a drive with two, and the way to its controller.
fn port(tree: &Tree, number: u32, function: &str) {
    let place = format!("sys/devices/pci0000:00/{function}/nvme/nvme{number}");
    let facts = [("model", "DRIVE"), ("serial", "S1"), ("cntlid", "1"), ("state", "live"), ("transport", "pcie")];
    tree.files(&place, &facts);
    tree.link(&format!("{place}/device"), &format!("/sys/devices/pci0000:00/{function}"));
    tree.link(&format!("sys/class/nvme/nvme{number}"), &format!("/{place}"));
    tree.link(&format!("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme{number}"), &format!("/{place}"));
}

#[test]
fn a_port_of_an_nvme_drive_that_is_lost_is_a_path_and_the_drive_stays() {
    let tree = server();
    let subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys0";
    for (number, function) in [(0, "0000:00:08.0"), (1, "0000:00:09.0")] {
        tree.pci_function(function, "0x010802", "0x144d", "0xa824");
        port(&tree, number, function);
    }
    let head = format!("{subsystem}/nvme0n1");
    let facts = [("dev", "259:0"), ("size", "2048"), ("ro", "0"), ("removable", "0"), ("wwid", "eui.0025385000000001")];
    tree.files(&head, &facts);
    tree.link(&format!("{head}/device"), "..").link("sys/class/block/nvme0n1", &format!("/{head}"));
    tree.link(&format!("{subsystem}/subsystem"), "/sys/class/nvme-subsystem");
    tree.link("sys/class/nvme-subsystem/nvme-subsys0", &format!("/{subsystem}"));
    let before = found(&tree);
    assert!(before[&Kind::BlockDevice].iter().any(|item| item.controllers.len() == 2), "{before:#?}");
    tree.remove("sys/class/nvme/nvme1").remove(&format!("{subsystem}/nvme1"));
    let after = found(&tree);
    let there = told(&before, &after);
    assert_eq!(there.len(), 1, "{there:?}");
    assert!(there[0].starts_with("block device nvme1, a path to"), "{there:?}");
    assert!(told(&after, &before)[0].contains("was found"), "{:?}", told(&after, &before));
    // An earlier release did not record the controllers of a drive.
    let mut earlier = before;
    for item in earlier.values_mut().flatten() {
        item.controllers.clear();
    }
    assert_eq!(told(&earlier, &after), [""; 0]);
}

/// A volume in another machine.
fn volume(tree: &Tree, way: &str) {
    let device = format!("sys/devices/{way}/target5:0:0/5:0:0:1");
    let place = format!("{device}/block/sdv");
    tree.files(&place, &[("dev", "65:80"), ("size", "976773168"), ("ro", "0"), ("removable", "0")]);
    tree.files(&device, &[("vendor", "LIO-ORG"), ("model", "volume"), ("rev", "4.0")]);
    tree.link(&format!("{place}/device"), &format!("/{device}"));
    tree.link("sys/class/block/sdv", &format!("/{place}"));
}

#[test]
fn a_volume_in_another_machine_counts_when_the_system_is_on_it_or_the_site_says_so() {
    for way in ["platform/host5/session1", "pci0000:00/0000:00:04.0/host5/rport-5:0-1"] {
        let tree = server();
        let collect = |tree: &Tree| collect_detail(&Host::at(tree.root()));
        let before = collect(&tree);
        volume(&tree, way);
        let after = collect(&tree);
        let told = |volumes| changes(&items_with(&before, volumes), &items_with(&after, volumes)).len();
        assert_eq!((told(NetworkVolumes::OfTheSystem), told(NetworkVolumes::All)), (0, 1), "{way}");
        tree.file("proc/self/mountinfo", "22 1 65:80 / / rw - ext4 /dev/sdv rw\n");
        let root = collect(&tree);
        let found =
            changes(&items_with(&before, NetworkVolumes::default()), &items_with(&root, NetworkVolumes::default()));
        assert_eq!(found.len(), 1, "{way}: {found:?}");
    }
}

/// An earlier release, or other settings, recorded devices that do not count as hardware.
#[test]
fn what_counts_no_longer_was_not_pulled() {
    let tree = server();
    volume(&tree, "platform/host5/session1");
    tree.disk("bcache0", "252:0", None);
    tree.remove("sys/class/block/bcache0").link("sys/class/block/bcache0", "/sys/devices/virtual/block/bcache0");
    tree.files(
        "sys/devices/virtual/block/bcache0",
        &[("dev", "252:0"), ("size", "2048"), ("ro", "0"), ("removable", "0")],
    );
    tree.files("sys/devices/virtual/block/bcache0/device", &[("model", "")]);
    let inventory = collect_detail(&Host::at(tree.root()));
    let (own, all) = (NetworkVolumes::OfTheSystem, NetworkVolumes::All);
    let mut recorded = items_with(&inventory, all);
    let today = items_with(&inventory, own);
    let uncounted = Uncounted::of(&inventory, own);
    assert_eq!(changes(&recorded, &today).len(), 1, "the volume");
    assert_eq!(changes(&uncounted.taken_from(&recorded, false), &today), [], "by its identity, at any time");
    let bcache = Item { identity: "disk:name:bcache0".into(), name: "bcache0".into(), ..Item::default() };
    recorded.entry(Kind::BlockDevice).or_default().push(bcache);
    assert_eq!(changes(&uncounted.taken_from(&recorded, true), &today), [], "by its name, of an earlier release");
    assert_eq!(changes(&uncounted.taken_from(&recorded, false), &today).len(), 1, "a name alone is not enough else");
}

/// The name of each device, by kind and place. There are few names, so that several devices share one.
fn machines() -> impl Strategy<Value = BTreeMap<(u8, u8), u8>> {
    proptest::collection::btree_map((0..4u8, 1..9u8), 0..3u8, 1..12)
}

/// The machine of such devices, all but one.
fn machine_of(devices: &BTreeMap<(u8, u8), u8>, without: Option<&(u8, u8)>) -> Tree {
    let tree = Tree::new();
    tree.pci_function("0000:00:04.0", "0x010700", "0x1000", "0x0097");
    tree.file("proc/meminfo", "MemTotal:       32000000 kB\n");
    // The kernel has these also where no device is in them; a copy without them was not made whole.
    tree.directory("sys/class/block").directory("sys/class/net").directory("sys/bus/usb/devices");
    let mut modules = vec![dimm("Z9", 0, 0, "")];
    for ((kind, place), name) in devices.iter().filter(|(key, _)| Some(*key) != without) {
        let letter = char::from(b'a' + place);
        match kind {
            0 => disk(&tree, &format!("sd{letter}"), &place.to_string(), &format!("SHARED-{name}")),
            1 => modules.push(dimm(&format!("A{place}"), 16, 4800, &format!("SHARED-{name}"))),
            2 => {
                let serial = format!("SHARED-{name}");
                tree.usb_device(&format!("1-{place}"), &[("devnum", &place.to_string()), ("serial", &serial)]);
            }
            _ => {
                let way = format!("sys/devices/platform/nic{place}");
                let address = format!("3c:fd:fe:00:00:0{name}");
                tree.files(
                    &format!("{way}/net/eth{place}"),
                    &[("type", "1"), ("addr_assign_type", "0"), ("address", &address)],
                );
                tree.link(&format!("{way}/net/eth{place}/device"), "../..");
                tree.link(&format!("sys/class/net/eth{place}"), &format!("/{way}/net/eth{place}"));
            }
        }
    }
    smbios::write(&tree, modules);
    tree
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn whichever_of_devices_with_shared_names_is_pulled_is_the_one_that_is_told(all in machines(), which: prop::sample::Index) {
        let keys: Vec<(u8, u8)> = all.keys().copied().collect();
        let pulled = which.get(&keys);
        let (before, after) = (found(&machine_of(&all, None)), found(&machine_of(&all, Some(pulled))));
        let there = changes(&before, &after);
        prop_assert_eq!(there.len(), 1, "{:?} of {:?}: {:?}", pulled, all, told(&before, &after));
        prop_assert_eq!(&there[0].what, &What::Removed);
        let gone = there[0].before.as_ref().map(|item| item.place.clone()).unwrap_or_default();
        prop_assert!(gone.ends_with(&pulled.1.to_string()) || pulled.0 == 3, "{:?}: {}", pulled, gone);
        let mut back: Vec<Change> = changes(&after, &before).into_iter().map(Change::reversed).collect();
        back.sort();
        prop_assert_eq!(back, there);
    }
}
