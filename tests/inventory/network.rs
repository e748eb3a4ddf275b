//! Interfaces with hardware, and those without.

use serde_json::{Value, json};

use crate::program::of;
use crate::tree::Tree;

/// An interface of a PCI function.
pub(crate) fn interface(tree: &Tree, function: &str, name: &str, files: &[(&str, &str)]) {
    let device = format!("sys/devices/pci0000:00/{function}");
    let place = format!("{device}/net/{name}");
    tree.files(&place, &[("type", "1"), ("operstate", "up"), ("mtu", "1500"), ("addr_assign_type", "0")]);
    tree.files(&place, files);
    tree.link(&format!("{place}/device"), "../..").link(&format!("sys/class/net/{name}"), &format!("/{place}"));
}

#[test]
fn an_interface_is_told_with_its_card_and_its_place() {
    let tree = Tree::new();
    tree.pci_function("0000:00:03.0", "0x020000", "0x8086", "0x1572");
    tree.file("usr/share/misc/pci.ids", "8086  Intel\n\t1572  X710\n");
    let device = "sys/devices/pci0000:00/0000:00:03.0";
    tree.files(device, &[("sriov_numvfs", "2"), ("sriov_totalvfs", "64"), ("label", "NIC 1")]);
    tree.link(&format!("{device}/driver"), "/sys/bus/pci/drivers/i40e");
    let files =
        [("address", "3c:fd:fe:00:00:01"), ("speed", "10000"), ("duplex", "full"), ("carrier", "1"), ("dev_port", "1")];
    interface(&tree, "0000:00:03.0", "eth0", &files);
    let expected = json!({
        "identity": "nic:3c:fd:fe:00:00:01", "name": "eth0", "kind": "ethernet", "model": "Intel X710", "mac_address": "3c:fd:fe:00:00:01",
        "driver": "i40e", "speed": 10000, "duplex": "full", "link": true, "state": "up", "mtu": 1500, "port": 1,
        "pci_address": "0000:00:03.0", "slot": "NIC 1", "numa_node": 0, "virtual_functions": { "enabled": 2, "possible": 64 },
    });
    assert_eq!(of(&tree)["interfaces"], json!([expected]));
}

#[test]
fn a_member_of_a_bond_is_known_by_its_own_address() {
    let tree = Tree::new();
    for (function, name, own) in
        [("0000:00:03.0", "eth0", "3c:fd:fe:00:00:01"), ("0000:00:04.0", "eth1", "3c:fd:fe:00:00:02")]
    {
        tree.pci_function(function, "0x020000", "0x8086", "0x1572");
        let place = format!("sys/devices/pci0000:00/{function}/net/{name}");
        tree.files(&place, &[("type", "1"), ("address", "3c:fd:fe:00:00:01"), ("addr_assign_type", "3")]);
        tree.link(&format!("{place}/device"), "../..").link(&format!("{place}/master"), "/sys/class/net/bond0");
        tree.link(&format!("sys/class/net/{name}"), &format!("/{place}"));
        let known = std::fs::read_to_string(tree.root().join("proc/net/bonding/bond0")).unwrap_or_default();
        tree.file("proc/net/bonding/bond0", format!("{known}\nSlave Interface: {name}\nPermanent HW addr: {own}\n"));
    }
    let inventory = of(&tree);
    let identities: Vec<&Value> =
        inventory["interfaces"].as_array().expect("interfaces").iter().map(|nic| &nic["identity"]).collect();
    assert_eq!(identities, ["nic:3c:fd:fe:00:00:01", "nic:3c:fd:fe:00:00:02"]);
    tree.remove("proc/net/bonding");
    let inventory = of(&tree);
    assert_eq!(
        inventory["interfaces"][1]["identity"], "nic:at:0000:00/04.0:port 0",
        "the bond's address is not its own"
    );
}

#[test]
fn a_speed_of_all_ones_is_unknown_whatever_its_width() {
    for (speed, expected) in
        [("65535", None), ("4294967295", None), ("-1", None), ("0", None), ("100000", Some(100_000))]
    {
        let tree = Tree::new();
        tree.pci_function("0000:00:03.0", "0x020000", "0x8086", "0x1572");
        interface(&tree, "0000:00:03.0", "eth0", &[("address", "3c:fd:fe:00:00:01"), ("speed", speed)]);
        assert_eq!(of(&tree)["interfaces"][0]["speed"].as_u64(), expected, "{speed}");
    }
}

#[test]
fn a_computer_at_the_end_of_a_thunderbolt_cable_is_no_hardware() {
    let tree = Tree::new();
    tree.pci_function("0000:00:0d.2", "0x088000", "0x8086", "0x9a1b");
    let device = "sys/devices/pci0000:00/0000:00:0d.2/domain0/0-0/0-1/0-1.0";
    let place = format!("{device}/net/thunderbolt0");
    let files = [("type", "1"), ("operstate", "up"), ("addr_assign_type", "3"), ("address", "02:47:11:00:00:01")];
    tree.files(&place, &files).link(&format!("{device}/subsystem"), "/sys/bus/thunderbolt");
    tree.link(&format!("{place}/device"), "../..").link("sys/class/net/thunderbolt0", &format!("/{place}"));
    let inventory = of(&tree);
    assert_eq!(inventory["interfaces"], json!([]));
    assert_eq!(inventory["virtual_interfaces"][0]["name"], "thunderbolt0");
}

#[test]
fn virtual_interfaces_stand_apart_with_what_they_are() {
    let tree = Tree::new();
    let virtual_interface = |name: &str, files: &[(&str, &str)]| {
        let place = format!("sys/class/net/{name}");
        tree.files(
            &place,
            &[("type", "1"), ("address", "02:00:00:00:00:01"), ("operstate", "up"), ("ifindex", "5"), ("iflink", "5")],
        );
        tree.files(&place, files);
    };
    virtual_interface("br0", &[("bridge/bridge_id", "x")]);
    virtual_interface("bond0", &[("bonding/mode", "802.3ad 4"), ("lower_eth0/x", "")]);
    virtual_interface("eth0.7", &[("uevent", "DEVTYPE=vlan\nINTERFACE=eth0.7")]);
    virtual_interface("veth12ab", &[("iflink", "9")]);
    virtual_interface("cali0123", &[("iflink", "9")]);
    virtual_interface("docker0", &[("bridge/bridge_id", "x")]);
    virtual_interface("vx", &[("uevent", "DEVTYPE=vxlan")]);
    virtual_interface("mytap", &[("tun_flags", "0x1002")]);
    virtual_interface("lo", &[("type", "772")]);
    virtual_interface("dummy0", &[]);
    tree.file("sys/class/net/bonding_masters", "bond0\n");
    let inventory = of(&tree);
    assert_eq!(inventory["interfaces"], json!([]));
    let interfaces = inventory["virtual_interfaces"].as_array().expect("interfaces");
    let kinds: Vec<String> =
        interfaces.iter().map(|one| format!("{} {}", one["name"], one["kind"]).replace('"', "")).collect();
    let expected = [
        "bond0 bond",
        "br0 bridge",
        "cali0123 container",
        "docker0 container",
        "dummy0 dummy",
        "eth0.7 vlan",
        "lo loopback",
        "mytap tap",
        "veth12ab veth",
        "vx tunnel",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(interfaces[0]["lower"], json!(["eth0"]));
}
