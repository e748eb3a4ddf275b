//! What is plugged in: PCI, USB, graphics cards.

use serde_json::{Value, json};

use crate::program::{findings, of};
use crate::smbios::{self, Structure};
use crate::tree::Tree;

/// A root port of sixteen lanes and a card behind it.
fn card(tree: &Tree, class: &str, link: [&str; 4]) -> String {
    tree.pci_function("0000:00:01.0", "0x060400", "0x8086", "0x2030");
    let port = "sys/devices/pci0000:00/0000:00:01.0";
    let names = ["current_link_speed", "max_link_speed", "current_link_width", "max_link_width"];
    let all = |values: [&'static str; 4]| names.into_iter().zip(values).collect::<Vec<_>>();
    tree.files(port, &all(["16.0 GT/s PCIe", "16.0 GT/s PCIe", "16", "16"]));
    let place = format!("{port}/0000:01:00.0");
    tree.files(
        &place,
        &[
            ("class", class),
            ("vendor", "0x15b3"),
            ("device", "0x1017"),
            ("numa_node", "1"),
            ("subsystem_vendor", "0x15b3"),
            ("subsystem_device", "0x0021"),
            ("revision", "0x01"),
        ],
    );
    for (name, value) in names.into_iter().zip(link) {
        tree.file(&format!("{place}/{name}"), format!("{value}\n"));
    }
    tree.link(&format!("{place}/subsystem"), "/sys/bus/pci")
        .link("sys/bus/pci/devices/0000:01:00.0", &format!("/{place}"));
    place
}

#[test]
fn a_function_is_told_with_its_place_its_link_and_its_errors() {
    let tree = Tree::new();
    let place = card(&tree, "0x020000", ["16.0 GT/s PCIe", "16.0 GT/s PCIe", "16", "16"]);
    tree.file(
        "usr/share/misc/pci.ids",
        "15b3  Mellanox\n\t1017  ConnectX-5\nC 02  Network controller\n\t00  Ethernet controller\n",
    );
    tree.file(&format!("{place}/vpd"), b"\x82\x04\x00Card\x90\x0c\x00PN\x03P-1SN\x03123");
    tree.files(
        &place,
        &[
            ("aer_dev_correctable", "RxErr 3\nTOTAL_ERR_COR 3"),
            ("aer_dev_nonfatal", "TOTAL_ERR_NONFATAL 1"),
            ("aer_dev_fatal", "TOTAL_ERR_FATAL 2"),
        ],
    );
    tree.link(&format!("{place}/iommu_group"), "/sys/kernel/iommu_groups/42");
    let slot = Structure::new(9, 0x11).text(0x04, "PCIe Slot 3").bytes(0x0d, [0, 0, 1, 0]);
    smbios::write(&tree, vec![slot]);
    let inventory = of(&tree);
    let expected = json!({
        "identity": "pci:15b3:1017:123:0", "address": "0000:01:00.0", "class": "020000", "class_name": "Ethernet controller", "vendor": "Mellanox",
        "product": "ConnectX-5", "ids": "15b3:1017", "subsystem_ids": "15b3:0021", "revision": "01", "slot": "PCIe Slot 3", "place": "0000:00/01.0/00.0", "parent": "0000:00:01.0",
        "numa_node": 1, "iommu_group": 42,
        "link": { "speed": "16.0 GT/s PCIe", "maximum_speed": "16.0 GT/s PCIe", "width": 16, "maximum_width": 16 },
        "errors": { "correctable": 3, "nonfatal": 1, "fatal": 2 }, "serial": "123", "vpd_name": "Card", "vpd": { "PN": "P-1", "SN": "123" },
    });
    let mut told = inventory["pci"][1].clone();
    // The region's neutral node stands where the tree has no nodes.
    told["numa_node"] = json!(1);
    assert_eq!(told, expected);
    assert_eq!(findings(&inventory), ["pci-errors: 0000:01:00.0 has 2 fatal and 1 other uncorrected PCI errors"]);
}

#[test]
fn a_card_that_trained_narrow_is_found() {
    let tree = Tree::new();
    card(&tree, "0x020000", ["16.0 GT/s PCIe", "16.0 GT/s PCIe", "4", "16"]);
    assert_eq!(
        findings(&of(&tree)),
        ["link-narrow: x16 card trained at x4: Mellanox Technologies 1017 (0000:01:00.0)"]
    );
}

#[test]
fn a_graphics_card_whose_link_rests_is_no_finding() {
    let tree = Tree::new();
    let place = card(&tree, "0x030000", ["2.5 GT/s PCIe", "16.0 GT/s PCIe", "16", "16"]);
    tree.files(
        &place,
        &[
            ("vbios_version", "113-D1"),
            ("mem_info_vram_total", "8589934592"),
            ("drm/card0/dev", "226:0"),
            ("drm/card0/card0-DP-1/status", "connected"),
            ("drm/card0/card0-DP-2/status", "disconnected"),
        ],
    );
    tree.link("sys/class/drm/card0", &format!("/{place}/drm/card0"))
        .link(&format!("{place}/drm/card0/device"), "../..");
    let inventory = of(&tree);
    assert_eq!(findings(&inventory), [""; 0]);
    let gpu = &inventory["gpus"][0];
    assert_eq!(
        (&gpu["name"], &gpu["firmware"], &gpu["memory"]),
        (&json!("card0"), &json!("113-D1"), &json!(8_589_934_592u64))
    );
    assert_eq!(gpu["displays"], json!(["DP-1"]));
    assert_eq!(inventory["gpus"].as_array().map(Vec::len), Some(1));
}

#[test]
fn usb_devices_stand_below_their_hubs() {
    let tree = Tree::new();
    let hub = "sys/devices/pci0000:00/0000:00:14.0/usb1";
    let files = |name: &str, number: &str, class: &str| {
        [
            ("busnum", "1".to_owned()),
            ("devnum", number.to_owned()),
            ("bDeviceClass", class.to_owned()),
            ("idVendor", "0781".to_owned()),
            ("idProduct", "5581".to_owned()),
            ("product", name.to_owned()),
            ("speed", "480".to_owned()),
        ]
    };
    let device = |place: &str, name: &str, files: &[(&str, String)]| {
        for (key, value) in files {
            tree.file(&format!("{place}/{key}"), format!("{value}\n"));
        }
        tree.link(&format!("sys/bus/usb/devices/{name}"), &format!("/{place}"));
    };
    device(hub, "usb1", &files("root", "1", "09"));
    device(&format!("{hub}/1-3"), "1-3", &files("hub", "2", "09"));
    device(&format!("{hub}/1-3/1-3.2"), "1-3.2", &files("stick", "3", "00"));
    tree.file(&format!("{hub}/1-3/1-3.2/serial"), "4C530001\n").file(&format!("{hub}/1-3/1-3.2/bcdDevice"), "0100\n");
    let inventory = of(&tree);
    let usb = inventory["usb"].as_array().expect("devices");
    let told: Vec<String> =
        usb.iter().map(|node| format!("{} below {}", node["name"], node["parent"]).replace('"', "")).collect();
    assert_eq!(told, ["usb1 below null", "1-3 below usb1", "1-3.2 below 1-3"]);
    let identities: Vec<&Value> = usb.iter().map(|node| &node["identity"]).collect();
    assert_eq!(
        identities,
        ["usb:0781:5581:at:0000:00/14.0", "usb:0781:5581:at:0000:00/14.0/3", "usb:0781:5581:4C530001"]
    );
    assert_eq!((&usb[2]["release"], &usb[2]["controller"]), (&json!("0100"), &json!("0000:00:14.0")));
}
