//! Disks, what they hang on, and what is stacked on them.

use serde_json::{Value, json};

use crate::program::{findings, of};
use crate::tree::Tree;

/// A SCSI disk behind a PCI function, as `HOST:0:TARGET:0`.
fn scsi(tree: &Tree, name: &str, number: &str, host: u32, target: u32, device: &[(&str, &str)]) {
    let place = format!("sys/devices/pci0000:00/0000:00:08.0/host{host}/target{host}:0:{target}/{host}:0:{target}:0");
    tree.files(
        &place,
        &[("model", "MODEL"), ("vendor", "MAKER"), ("rev", "1.0"), ("state", "running"), ("numa_node", "0")],
    );
    tree.files(&place, device);
    tree.link(&format!("{place}/subsystem"), "/sys/bus/scsi");
    let block = format!("{place}/block/{name}");
    tree.files(
        &block,
        &[("dev", number), ("size", "2048"), ("ro", "0"), ("removable", "0"), ("queue/rotational", "1")],
    );
    tree.link(&format!("{block}/device"), "../..");
    tree.link(&format!("sys/class/block/{name}"), &format!("/{block}"));
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array()
        .expect("a list")
        .iter()
        .find(|thing| thing["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {list:#}"))
}

#[test]
fn a_disk_is_told_with_its_identities_its_place_and_what_is_on_it() {
    let tree = Tree::new();
    tree.pci_function("0000:00:08.0", "0x010700", "0x1000", "0x0097");
    scsi(&tree, "sda", "8:0", 0, 3, &[("wwid", "naa.5000c50000000010")]);
    let device = "sys/devices/pci0000:00/0000:00:08.0/host0/target0:0:3/0:0:3:0";
    tree.file(&format!("{device}/vpd_pg80"), b"\0\x80\0\x08SER 123 ");
    tree.link(&format!("{device}/enclosure_device:Slot 03"), "/sys/class/enclosure/0:0:9:0/Slot 03");
    let part = format!("{device}/block/sda/sda1");
    tree.files(&part, &[("dev", "8:1"), ("size", "1024"), ("ro", "0"), ("partition", "1"), ("holders/dm-0/x", "")]);
    tree.link("sys/class/block/sda1", &format!("/{part}"));
    tree.file("run/udev/data/b8:0", "S:disk/by-id/wwn-0x5000c50000000010\n");
    tree.file("run/udev/data/b8:1", "E:ID_FS_TYPE=LVM2_member\nE:ID_FS_LABEL=data\nE:ID_FS_UUID=u-1\n");
    tree.file("proc/self/mountinfo", "22 1 8:1 / /srv/a\\040b rw - ext4 /dev/sda1 rw\n");
    tree.files(
        "sys/devices/pci0000:00/0000:00:08.0/host0/scsi_host/host0",
        &[("proc_name", "mpt3sas"), ("board_name", "HBA 9300"), ("version_fw", "16.00"), ("board_tracer", "SP1234")],
    );
    tree.link("sys/class/scsi_host/host0", "/sys/devices/pci0000:00/0000:00:08.0/host0/scsi_host/host0");
    let inventory = of(&tree);
    let disk = named(&inventory["disks"], "sda");
    let facts = [
        ("identity", "disk:naa.5000c50000000010"),
        ("serial", "SER 123"),
        ("vendor", "MAKER"),
        ("firmware", "1.0"),
        ("bay", "Slot 03"),
        ("enclosure", "0:0:9:0"),
        ("controller", "0000:00:08.0"),
        ("state", "running"),
        ("place", "0000:00/08.0/0:3:0"),
    ];
    for (key, expected) in facts {
        assert_eq!(disk[key], expected, "{key}");
    }
    assert_eq!(disk["links"], json!(["/dev/disk/by-id/wwn-0x5000c50000000010"]));
    let partition = json!({
        "name": "sda1", "size": 524_288, "file_system": "LVM2_member", "label": "data", "file_system_uuid": "u-1", "mounts": ["/srv/a b"],
        "holders": ["dm-0"],
    });
    assert_eq!(disk["partitions"], json!([partition]));
    let controller = named(&inventory["storage_controllers"], "host0");
    let facts = [
        ("driver", "mpt3sas"),
        ("kind", "scsi"),
        ("model", "HBA 9300"),
        ("firmware", "16.00"),
        ("serial", "SP1234"),
        ("identity", "controller:mpt3sas:SP1234"),
    ];
    for (key, expected) in facts {
        assert_eq!(controller[key], expected, "{key}");
    }
    assert_eq!(controller["disks"], json!(["sda"]));
}

#[test]
fn a_raid_controller_shows_its_volumes_and_where_members_sit() {
    let tree = Tree::new();
    tree.pci_function("0000:00:08.0", "0x010400", "0x103c", "0x3239");
    scsi(
        &tree,
        "sda",
        "8:0",
        1,
        0,
        &[("raid_level", "RAID 6"), ("path_info", "[1:0:3:0]  Direct-Access PORT: 1I BOX: 1 BAY: 4 Active")],
    );
    tree.files(
        "sys/devices/pci0000:00/0000:00:08.0/host1/scsi_host/host1",
        &[("proc_name", "hpsa"), ("firmware_revision", "8.32")],
    );
    tree.link("sys/class/scsi_host/host1", "/sys/devices/pci0000:00/0000:00:08.0/host1/scsi_host/host1");
    let inventory = of(&tree);
    let controller = &inventory["storage_controllers"][0];
    assert_eq!((&controller["kind"], &controller["firmware"]), (&json!("raid"), &json!("8.32")));
    let disk = &inventory["disks"][0];
    assert_eq!(
        (&disk["raid_level"], &disk["bay"], &disk["enclosure"]),
        (&json!("RAID 6"), &json!("4"), &json!("port 1I box 1"))
    );
}

#[test]
fn an_array_that_lacks_a_member_is_found() {
    let tree = Tree::new();
    let place = "sys/devices/virtual/block/md0";
    tree.files(
        place,
        &[
            ("dev", "9:0"),
            ("size", "4096"),
            ("md/level", "raid1"),
            ("md/raid_disks", "2"),
            ("md/degraded", "1"),
            ("md/array_state", "clean"),
            ("md/uuid", "5f529b25-6efd"),
        ],
    );
    tree.files(
        place,
        &[
            ("md/dev-sda1/state", "in_sync"),
            ("md/dev-sda1/slot", "0"),
            ("md/dev-sdb1/state", "faulty"),
            ("md/dev-sdb1/slot", "none"),
        ],
    );
    tree.link("sys/class/block/md0", &format!("/{place}"));
    let inventory = of(&tree);
    let array = &inventory["arrays"][0];
    assert_eq!(
        (&array["identity"], &array["level"], &array["size"]),
        (&json!("array:5f529b25-6efd"), &json!("raid1"), &json!(2_097_152))
    );
    let members = json!([{ "name": "sda1", "state": "in_sync", "slot": 0 }, { "name": "sdb1", "state": "faulty" }]);
    assert_eq!(array["members"], members);
    assert_eq!(findings(&inventory), ["array-degraded: raid1 md0 lacks 1 of 2 members, faulty: sdb1"]);
}

#[test]
fn a_multipath_map_shows_its_paths_and_the_lost_one_is_found() {
    let tree = Tree::new();
    scsi(&tree, "sda", "8:0", 1, 0, &[("wwid", "naa.600a098000000001")]);
    scsi(&tree, "sdb", "8:16", 2, 0, &[("wwid", "naa.600a098000000001"), ("state", "transport-offline")]);
    let place = "sys/devices/virtual/block/dm-0";
    tree.files(
        place,
        &[("dev", "253:0"), ("size", "2048"), ("dm/name", "mpatha"), ("dm/uuid", "mpath-3600a098000000001")],
    );
    tree.link(&format!("{place}/slaves/sda"), "/sys/class/block/sda")
        .link(&format!("{place}/slaves/sdb"), "/sys/class/block/sdb");
    tree.link("sys/class/block/dm-0", &format!("/{place}"));
    let inventory = of(&tree);
    let paths = json!([{ "name": "sda", "state": "running" }, { "name": "sdb", "state": "transport-offline" }]);
    let expected =
        json!({ "identity": "multipath:3600a098000000001", "name": "dm-0", "kind": "device-mapper", "paths": paths });
    assert_eq!(inventory["multipaths"], json!([expected]));
    assert_eq!(inventory["volumes"][0]["mapping"], "mpatha");
    assert_eq!(findings(&inventory), ["path-lost: 1 of 2 paths to dm-0 lost: sdb transport-offline"]);
    let identities: Vec<&Value> =
        inventory["disks"].as_array().expect("disks").iter().map(|disk| &disk["identity"]).collect();
    assert_eq!(
        identities,
        ["disk:naa.600a098000000001@0000:00/08.0/0:0:0", "disk:naa.600a098000000001@sdb"],
        "two paths are told apart"
    );
}

#[test]
fn an_nvme_namespace_shows_its_identities_and_its_paths() {
    let tree = Tree::new();
    let subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys0";
    tree.files(subsystem, &[("subsysnqn", "nqn.test"), ("model", "DRIVE"), ("serial", "S1"), ("firmware_rev", "F1")]);
    tree.link("sys/class/nvme-subsystem/nvme-subsys0", &format!("/{subsystem}"));
    for (number, state) in [(0, "live"), (1, "connecting")] {
        let function = format!("0000:00:0{number}.0");
        tree.pci_function(&function, "0x010802", "0x144d", "0xa808");
        let place = format!("sys/devices/pci0000:00/{function}/nvme/nvme{number}");
        tree.files(
            &place,
            &[
                ("model", "DRIVE"),
                ("serial", "S1"),
                ("firmware_rev", "F1"),
                ("state", state),
                ("transport", "pcie"),
                ("subsysnqn", "nqn.test"),
            ],
        );
        tree.file(&format!("{place}/cntlid"), format!("{}\n", number + 1));
        tree.file(&format!("{place}/nvme0c{number}n1/ana_state"), "optimized\n");
        tree.link(&format!("sys/class/nvme/nvme{number}"), &format!("/{place}"));
        tree.link(&format!("{subsystem}/nvme{number}"), &format!("/{place}"));
    }
    let head = format!("{subsystem}/nvme0n1");
    tree.files(
        &head,
        &[
            ("dev", "259:0"),
            ("size", "2048"),
            ("ro", "0"),
            ("removable", "0"),
            ("queue/rotational", "0"),
            ("wwid", "eui.0025385b71b00001"),
            ("nsid", "1"),
            ("nguid", "11112222-0000-0000-0000-000000000001"),
            ("eui", "00 25 38 5b 71 b0 00 01"),
        ],
    );
    tree.link(&format!("{head}/device"), "..").link("sys/class/block/nvme0n1", &format!("/{head}"));
    tree.link(&format!("{subsystem}/subsystem"), "/sys/class/nvme-subsystem");
    tree.files("sys/bus/pci/slots/Bay 12", &[("address", "0000:00:00")]);
    let inventory = of(&tree);
    let disk = &inventory["disks"][0];
    let facts = [
        ("identity", "disk:eui.0025385b71b00001"),
        ("kind", "nvme"),
        ("nguid", "11112222-0000-0000-0000-000000000001"),
        ("eui", "00 25 38 5b 71 b0 00 01"),
        ("controller", "0000:00:00.0"),
        ("bay", "Bay 12"),
    ];
    for (key, expected) in facts {
        assert_eq!(disk[key], expected, "{key}");
    }
    assert_eq!((&disk["namespace"], &disk["hosts"]), (&json!(1), &json!(["nvme0", "nvme1"])));
    let paths = &inventory["multipaths"][0]["paths"];
    assert_eq!(paths[0], json!({ "name": "nvme0c0n1", "state": "live", "access": "optimized", "transport": "pcie" }));
    let controllers: Vec<&Value> =
        inventory["storage_controllers"].as_array().expect("controllers").iter().map(|one| &one["identity"]).collect();
    assert_eq!(controllers, ["controller:nvme:DRIVE:S1:1", "controller:nvme:DRIVE:S1:2"]);
    let expected = [
        "path-lost: 1 of 2 paths to nvme0n1 lost: nvme0c1n1 connecting",
        "controller-state: NVMe controller nvme1 is connecting",
    ];
    assert_eq!(findings(&inventory), expected);
}

#[test]
fn an_array_without_redundancy_that_is_broken_and_a_member_that_is_to_be_replaced_are_found() {
    let array = |level: &str, state: &str, member: &str| {
        let tree = Tree::new();
        let place = "sys/devices/virtual/block/md0";
        let facts = [("dev", "9:0"), ("size", "2048"), ("ro", "0"), ("removable", "0"), ("md/level", level)];
        tree.files(place, &facts).files(place, &[("md/array_state", state), ("md/raid_disks", "2")]);
        for name in ["sda1", "sdb1"] {
            tree.files(
                &format!("{place}/md/dev-{name}"),
                &[("state", if name == "sdb1" { member } else { "in_sync" })],
            );
        }
        tree.link("sys/class/block/md0", &format!("/{place}"));
        findings(&of(&tree))
    };
    for level in ["raid0", "linear"] {
        assert_eq!(array(level, "clean", "in_sync"), [""; 0]);
        let told = format!("array-broken: {level} md0 has lost a member that it cannot do without");
        assert_eq!(array(level, "broken", "in_sync"), [told]);
    }
    let wanted = ["array-replacement-wanted: raid1 md0 is to get others in place of sdb1"];
    assert_eq!(array("raid1", "clean", "in_sync,want_replacement"), wanted);
}
