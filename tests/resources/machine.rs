//! A small machine of our own with something of every topic, for tests that need a whole one.

use crate::tree::Tree;

/// Two threads, one node of memory, a graphics card, a network card, two disks, a USB stick, firmware, a bond.
pub(crate) fn small() -> Tree {
    let tree = Tree::new();
    processors(&tree);
    cards(&tree);
    disks(&tree);
    firmware(&tree);
    interfaces(&tree);
    tree
}

fn processors(tree: &Tree) {
    tree.file("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\n\nprocessor\t: 1\n");
    tree.file("proc/meminfo", "MemTotal:  4194304 kB\nMemFree:  1048576 kB\nBuffers:  1024 kB\nCached:  2048 kB\n");
    for number in 0..2 {
        tree.thread(number, "0", "0", &number.to_string());
        let place = format!("sys/devices/system/cpu/cpu{number}");
        tree.files(&place, &[("online", "1"), ("cpufreq/scaling_cur_freq", "2100000")]);
        tree.files(&format!("{place}/cache/index0"), &[("level", "1"), ("type", "Data"), ("size", "32K")]);
        tree.link(&format!("{place}/node0"), "../../node/node0");
    }
    let node = "sys/devices/system/node/node0";
    tree.files(node, &[("numastat", "x"), ("meminfo", "Node 0 MemTotal: 4194304 kB\nNode 0 MemUsed: 3145728 kB")]);
}

fn cards(tree: &Tree) {
    tree.pci_function("0000:00:02.0", "0x030000", "0x8086", "0x1572");
    tree.pci_function("0000:00:03.0", "0x020000", "0x8086", "0x1572");
    tree.pci_function("0000:00:04.0", "0x010802", "0x144d", "0xa808");
    tree.file("sys/devices/pci0000:00/0000:00:04.0/vpd", b"\x82\x04\x00Card\x90\x06\x00SN\x03123");
    tree.link("sys/devices/pci0000:00/0000:00:03.0/driver", "/sys/bus/pci/drivers/i40e");
    tree.file("sys/bus/pci/drivers/i40e/module/version", "2.8\n");
    tree.files("sys/devices/pci0000:00/0000:00:02.0/drm/card0", &[("dev", "226:0")]);
    tree.link("sys/devices/pci0000:00/0000:00:02.0/drm/card0/device", "../..");
    tree.link("sys/class/drm/card0", "/sys/devices/pci0000:00/0000:00:02.0/drm/card0");
    tree.file("usr/share/misc/pci.ids", "8086  Intel Corporation\n\t1572  Ethernet Controller X710\n144d  Samsung\n");
    tree.usb_device("1-3", &[("product", "Ultra"), ("serial", "4C53"), ("speed", "5000"), ("bDeviceClass", "00")]);
    let interface = "sys/devices/pci0000:00/usb1/1-3/1-3:1.0";
    tree.files(interface, &[("bInterfaceClass", "08"), ("bInterfaceSubClass", "06"), ("bInterfaceNumber", "00")]);
    tree.file("usr/share/misc/usb.ids", "0781  SanDisk Corp.\n\t5581  Ultra\nC 08  Mass Storage\n\t06  SCSI\n");
}

fn disks(tree: &Tree) {
    tree.disk("sda", "8:0", Some("scsi")).partition("sda", "sda1", "8:1").disk("nvme0n1", "259:0", Some("nvme"));
    tree.file("run/udev/data/b8:0", "E:ID_MODEL_ENC=SSD\\x20870\nE:ID_SERIAL_SHORT=S1\nE:ID_ATA_SATA=1\n");
    tree.file("run/udev/data/b8:1", "E:ID_FS_UUID=0c9f1b2e-0000-4000-8000-000000000001\n");
    tree.link("dev/disk/by-id/ata-SSD_870_S1", "../../sda")
        .link("dev/disk/by-path/pci-0000:00:17.0-ata-1", "../../sda");
    tree.file("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
}

fn firmware(tree: &Tree) {
    let names = ["sys_vendor", "product_name", "product_serial", "bios_version", "board_name", "chassis_serial"];
    for name in names {
        tree.file(&format!("sys/class/dmi/id/{name}"), format!("{name} of ours\n"));
    }
    tree.files("sys/class/dmi/id", &[("product_uuid", "03000200-0400-0500-0006-000700080009"), ("chassis_type", "17")]);
    tree.file("etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n").file("stub/virt", "none\n");
}

fn interfaces(tree: &Tree) {
    let port = "sys/devices/pci0000:00/0000:00:03.0/net/eth0";
    let files =
        [("type", "1"), ("address", "52:54:00:12:34:56"), ("mtu", "1500"), ("flags", "0x1003"), ("dev_port", "0")];
    tree.files(port, &files).link(&format!("{port}/device"), "../..").link("sys/class/net/eth0", &format!("/{port}"));
    let bond = "sys/devices/virtual/net/bond0";
    tree.files(bond, &[("type", "1"), ("address", "52:54:00:12:34:56"), ("mtu", "1500"), ("flags", "0x1403")]);
    let settings = [("mode", "802.3ad 4"), ("miimon", "100"), ("mii_status", "up"), ("slaves", "eth0")];
    tree.files(&format!("{bond}/bonding"), &settings).link("sys/class/net/bond0", &format!("/{bond}"));
    tree.file("proc/net/dev", "Inter-|\n face |\n  eth0: 10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n");
}

/// The machine is whole: nothing of it is unknown, and a region takes it.
#[test]
fn a_whole_machine_has_no_gaps() {
    let (document, gaps) = small().told();
    assert_eq!(gaps, [""; 0]);
    assert_eq!(crate::region::objections(&document), [""; 0]);
    let resources = &document["resources"];
    assert_eq!(resources["cpu"]["total"], 2);
    assert_eq!(resources["gpu"]["cards"][0]["drm"]["card_device"], "226:0");
    assert_eq!(resources["network"]["cards"][0]["driver_version"], "2.8");
    assert_eq!(resources["storage"]["disks"][1]["type"], "sata");
    assert_eq!(resources["storage"]["disks"][1]["mounted"], true);
    assert_eq!(resources["usb"]["devices"][0]["interfaces"][0]["subclass"], "SCSI");
    assert_eq!(resources["pci"]["devices"][2]["vpd"]["entries"]["SN"], "123");
    assert_eq!(resources["system"]["chassis"]["type"], "Main Server Chassis");
    assert_eq!(document["networks"]["bond0"]["bond"]["lower_devices"], serde_json::json!(["eth0"]));
}
