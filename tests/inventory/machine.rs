//! The machine as a whole: processors, trust, BMC, power, readings, firmware.

use serde_json::{Value, json};

use crate::program::{findings, of};
use crate::smbios::{self, Structure};
use crate::tree::Tree;

#[test]
fn all_that_the_region_gets_is_there() {
    let tree = Tree::new();
    tree.thread(0, "0", "0", "0").disk("sda", "8:0", Some("scsi"));
    let (resources, _) = tree.told();
    let known = |mut document: Value| {
        document["environment"] = Value::Null;
        document
    };
    assert_eq!(known(of(&tree)["machine_resources"].clone()), known(resources));
}

#[test]
fn processors_are_told_with_caches_microcode_and_mitigations() {
    let tree = Tree::new();
    let cpu = |number: u32, microcode: &str| {
        format!("processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nmicrocode\t: {microcode}\n\n")
    };
    tree.file("proc/cpuinfo", cpu(0, "0x1") + &cpu(1, "0x2"));
    for number in 0..2 {
        tree.thread(number, "0", "0", &number.to_string());
        let place = format!("sys/devices/system/cpu/cpu{number}/cache");
        tree.files(
            &format!("{place}/index0"),
            &[("level", "1"), ("type", "Data"), ("size", "32K"), ("shared_cpu_list", &number.to_string())],
        );
        tree.files(
            &format!("{place}/index3"),
            &[("level", "3"), ("type", "Unified"), ("size", "16M"), ("shared_cpu_list", "0-1")],
        );
    }
    tree.files(
        "sys/devices/system/cpu",
        &[("vulnerabilities/meltdown", "Not affected"), ("present", "0-3"), ("offline", "2-7")],
    );
    let package = Structure::new(4, 0x2a)
        .bytes(0x05, [3])
        .word(0x14, 4000)
        .bytes(0x18, [0x41])
        .text(0x04, "CPU1")
        .text(0x20, "A1B2")
        .bytes(0x23, [8]);
    smbios::write(&tree, vec![package]);
    let inventory = of(&tree);
    let processors = &inventory["processors"];
    let package = json!([{
        "identity": "cpu:Xeon:A1B2", "socket": 0, "slot": "CPU1", "model": "Xeon", "vendor": "GenuineIntel", "cores": 2, "threads": 2,
        "cores_fitted": 8, "maximum_speed": 4000, "serial": "A1B2",
    }]);
    assert_eq!(processors["packages"], package);
    let caches = json!([
        { "level": 1, "kind": "Data", "size": 32768, "threads": "0" },
        { "level": 1, "kind": "Data", "size": 32768, "threads": "1" },
        { "level": 3, "kind": "Unified", "size": 16_777_216, "threads": "0-1" },
    ]);
    assert_eq!(processors["caches"], caches);
    assert_eq!(processors["mitigations"], json!({ "meltdown": "Not affected" }));
    assert_eq!(processors["offline"], json!([2, 3]), "those that could be plugged in are not there");
    assert_eq!(findings(&inventory), ["microcode-differs: processors run different microcode: 0x1, 0x2"]);
}

#[test]
fn trust_and_the_bmc_are_told() {
    let tree = Tree::new();
    tree.files("sys/class/tpm/tpm0", &[("tpm_version_major", "2"), ("device/description", "TPM 2.0 Device")]);
    tree.file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\x06\0\0\0\x01");
    let interface = Structure::new(38, 0x12).bytes(0x04, [1, 0x20]).bytes(0x08, 0xca3u64.to_le_bytes());
    smbios::write(&tree, vec![interface, Structure::new(42, 0x0b).bytes(0x04, [0x40])]);
    tree.files(
        "sys/devices/platform/ipmi_bmc.0",
        &[("firmware_revision", "1.74"), ("manufacturer_id", "0x0002a2"), ("product_id", "0x0100"), ("guid", "3a-4b")],
    );
    tree.directory("sys/class/ipmi/ipmi0");
    let inventory = of(&tree);
    let expected = json!({
        "identity": "bmc:3a-4b", "interface": "KCS", "bus_address": "io 0xca2", "ipmi_version": "2.0", "devices": ["ipmi0"], "firmware": "1.74",
        "manufacturer_id": "0x0002a2", "product_id": "0x0100", "guid": "3a-4b", "redfish_interface": true,
    });
    assert_eq!(inventory["bmc"], expected);
    assert_eq!((&inventory["trust"]["secure_boot"], &inventory["trust"]["uefi"]), (&json!(true), &json!(true)));
    assert_eq!(inventory["trust"]["tpms"][0]["description"], "TPM 2.0 Device");
    assert_eq!(of(&Tree::new())["trust"]["secure_boot"], Value::Null);
}

#[test]
fn the_bmc_alone_is_told_and_its_absence_is_said() {
    let bmc = |tree: &Tree, format: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_shakedown"));
        command.args(["bmc", "--format", format, "--root"]).arg(tree.root());
        let output = command.output().expect("the program can be started");
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let without = Tree::new();
    assert!(bmc(&without, "table").starts_with("this machine has no BMC: "));
    let value: Value = serde_json::from_str(&bmc(&without, "json")).expect("JSON");
    assert_eq!(value, json!({"bmc": null, "gaps": []}));
    let tree = Tree::new();
    let host_interface = Structure::new(42, 0x65).bytes(0x04, [0x40, 1, 4, 1, 4, 91]);
    let host_interface = host_interface.bytes(0x0a + 51, [1, 169, 254, 0, 1]).bytes(0x0a + 84, [0xbb, 1]);
    smbios::write(&tree, vec![host_interface]);
    tree.directory("sys/class/ipmi/ipmi0");
    let page = bmc(&tree, "table");
    for words in
        ["ipmi0", "by an interface of its own", "usb        169.254.0.1  443", "no connection to a network is known"]
    {
        assert!(page.contains(words), "{words} in:\n{page}");
    }
    let value: Value = serde_json::from_str(&bmc(&tree, "json")).expect("JSON");
    assert_eq!(value["bmc"], of(&tree)["bmc"]);
}

#[test]
fn power_supplies_and_readings_are_told() {
    let tree = Tree::new();
    let supply = |bay: &str, serial: &str, state: u16| {
        Structure::new(39, 0x16)
            .text(0x05, bay)
            .text(0x06, "PSU")
            .text(0x08, serial)
            .text(0x0a, "P-800")
            .text(0x0b, "A02")
            .word(0x0c, 800)
            .word(0x0e, state)
    };
    smbios::write(&tree, vec![supply("Bay 1", "SN1", 0x18b), supply("Bay 2", "SN2", 0x18f)]);
    tree.files(
        "sys/class/power_supply/BAT0",
        &[("type", "Battery"), ("status", "Discharging"), ("capacity", "81"), ("serial_number", "38109")],
    );
    let chip = "sys/devices/platform/coretemp.0/hwmon/hwmon3";
    tree.files(
        chip,
        &[
            ("name", "coretemp"),
            ("temp1_input", "101000"),
            ("temp1_label", "Package id 0"),
            ("temp1_crit", "100000"),
            ("temp2_label", "no reading"),
        ],
    );
    tree.link(&format!("{chip}/device"), "../..").link("sys/class/hwmon/hwmon3", &format!("/{chip}"));
    let inventory = of(&tree);
    let supplies = inventory["power_supplies"].as_array().expect("supplies");
    let told: Vec<String> =
        supplies.iter().map(|supply| format!("{} {}", supply["identity"], supply["state"]).replace('"', "")).collect();
    assert_eq!(told, ["power:P-800:SN1 ok", "power:P-800:SN2 unplugged", "power:38109 discharging"]);
    let sensor = json!([{
        "identity": "sensor:platform/coretemp.0:coretemp:temp1", "chip": "coretemp", "device": "coretemp.0", "name": "Package id 0", "file": "temp1",
        "kind": "temperature", "value": 101.0, "unit": "°C", "alarm": false, "critical": 100.0,
    }]);
    assert_eq!(inventory["sensors"], sensor);
    let expected = [
        "sensor-alarm: temperature Package id 0 of coretemp.0 raises an alarm at 101 °C",
        "power-supply: power supply Bay 2 PSU was unplugged when the machine started",
    ];
    assert_eq!(findings(&inventory), expected);
    assert!(
        inventory["firmware"]
            .as_array()
            .expect("versions")
            .iter()
            .any(|one| one["device"] == "power:P-800:SN1" && one["version"] == "A02")
    );
}
