//! The recorded machines, changed at one place: exactly that change is reported, and nothing else; unchanged, nothing is.
//!
//! Each profile is the one that is learnt from the machine, with the places that `--learn` writes as comments made part of it, so that the
//! profile asks for all that it can.

use std::path::Path;

use serde_json::{Value, json};
use shakedown::acceptance::{Figures, Machine, Profile, Siblings, Verdict, judge, learn};
use shakedown::host::Host;
use shakedown::inventory::{collect_detail, open};

use crate::seeded::told;
use crate::shared;

/// Pointer to a field of the inventory, its new value (`null` takes an entry out of a list), and the expected report.
type Case = (&'static str, fn() -> Value, &'static str);

fn document(host: &Host) -> Value {
    serde_json::to_value(collect_detail(host)).expect("JSON")
}

/// Learns a profile and makes its comments on places part of it.
fn profile(machine: &Value) -> Profile {
    let text = learn(&[Machine::of(machine).expect("an inventory")], None).expect("a profile");
    let text = ["slots = [", "place = ["].iter().fold(text, |text, key| text.replace(&format!("# {key}"), key));
    let kinds = ["memory", "disk", "nic", "gpu", "controller"].into_iter();
    let kinds: Vec<&str> = kinds.filter(|kind| text.contains(&format!("\n[[{kind}]]"))).collect();
    let text = text.replace("# only = [\"disk\", \"nic\"]", &format!("only = {kinds:?}"));
    Profile::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn changed(machine: &Value, (pointer, value, _): &Case) -> Value {
    let mut machine = machine.clone();
    let value = value();
    let (list, entry) = pointer.rsplit_once('/').expect("a pointer");
    if let ("-", Some(list)) = (entry, machine.pointer_mut(list).and_then(Value::as_array_mut)) {
        list.push(value);
        return machine;
    }
    let number = entry.parse().ok().filter(|_| value.is_null());
    match (number, machine.pointer_mut(list)) {
        (Some(number), Some(Value::Array(list))) => drop::<Value>(list.remove(number)),
        (_, Some(Value::Object(fields))) => {
            // A field that is not there is as good as one that is.
            fields.insert(entry.to_owned(), value);
        }
        (_, Some(Value::Array(list))) => list[entry.parse::<usize>().expect("a number")] = value,
        _ => panic!("{pointer}: there is no such place"),
    }
    machine
}

fn run(name: &str, machine: &Value, cases: &[Case]) {
    let profile = profile(machine);
    let of = |machine: &Value| {
        let machine = Machine::of(machine).expect("an inventory");
        judge(&profile, &machine, &Figures::new(), &Siblings::new())
    };
    // What can be taken out is no part of what is learnt, and a note where nothing else is allowed.
    let before = told(&of(machine));
    let is_loose = |line: &String| line.starts_with("note ") && line.contains(".only @ ");
    assert!(before.iter().all(is_loose), "{name}: nothing was changed: {before:?}");
    assert_ne!(of(machine).verdict(), Verdict::Rejected);
    let mut wrong = Vec::new();
    for case in cases {
        let changed = changed(machine, case);
        assert!(changed != *machine, "{name} {}: nothing was changed", case.0);
        let told: Vec<String> = told(&of(&changed)).into_iter().filter(|line| !before.contains(line)).collect();
        if told != [case.2] {
            wrong.push(format!("{}: {}\n   told: {told:#?}", case.0, case.2));
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

fn run_shared(name: &str, cases: &[Case]) {
    let Some(folder) = shared::folder() else { return };
    let unpacked = shared::unpack_as_referenced(&folder, name);
    run(name, &document(&Host::at(&unpacked.root)), cases);
}

const EMULATED: [Case; 22] = [
    ("/memory/dimms/0/size", || json!(536_870_912), "fail memory.size @ slot DIMM 0: 512 MiB"),
    ("/memory/dimms/0/kind", || json!("DDR4"), "fail memory.kind @ slot DIMM 0: DDR4"),
    ("/memory/dimms/0/configured_speed", || json!(2400), "fail memory.configured_speed @ slot DIMM 0: 2400 MT/s"),
    ("/memory/dimms/0/slot", || json!("DIMM 1"), "fail memory.slot @ slot DIMM 1: DIMM 1"),
    ("/memory/boards/0/error_correction", || json!("none"), "fail settings.error_correction @ : none"),
    ("/disks/0/firmware", || json!("9.2.0"), "warn disk.firmware @ bay 0 (nvme0n1): 9.2.0"),
    ("/disks/0/model", || json!("QEMU NVMe Ctrl 2"), "fail disk.model @ bay 0 (nvme0n1): QEMU NVMe Ctrl 2"),
    ("/disks/0/size", || json!(1_073_741_824), "fail disk.size @ bay 0 (nvme0n1): 1 GiB"),
    ("/disks/0/bay", || json!("7"), "fail disk.place @ bay 7 (nvme0n1): bay 7"),
    ("/disks/0", || Value::Null, "fail disk.count @ : 0 of 1 disk; empty: bay 0"),
    ("/disks/4/rotational", || json!(true), "fail disk.kind @ pci-0000:00:1f.2-ata-2.0 (sdc): sata"),
    ("/interfaces/2/maximum_speed", || json!(100), "fail nic.maximum_speed @ slot 0-4 (enp4s0): 100 Mbit/s"),
    ("/interfaces/2/firmware", || json!("1.9-0"), "warn nic.firmware @ slot 0-4 (enp4s0): 1.9-0"),
    ("/interfaces/2/slot", || json!("0-9"), "fail nic.slot @ slot 0-9 (enp4s0): 0-9"),
    (
        "/interfaces/0/model",
        || json!("Intel Corporation I350"),
        "fail nic.model @ 0000:00:13.0 (enp0s19): Intel Corporation I350",
    ),
    ("/interfaces/0", || Value::Null, "fail nic.count @ : 0 of 1 interface"),
    ("/trust/tpms", || json!([]), "fail settings.tpm @ : none"),
    ("/processors/packages/0/threads", || json!(2), "fail cpu.threads @ socket 0: 2"),
    ("/processors/packages/0/model", || json!("Other"), "fail cpu.model @ socket 0: Other"),
    ("/storage_controllers/0/firmware", || json!("10.0.1"), "warn controller.firmware @ 0000:01:00.0 (nvme0): 10.0.1"),
    ("/machine_resources/resources/system/firmware/version", || json!("1.2.2"), "warn firmware.bios @ : 1.2.2"),
    (
        "/disks/-",
        || json!({"name": "sdx", "kind": "sata", "model": "WDC WD10EZEX", "size": 1_000_204_886_016_u64, "rotational": true, "place": "pci-0000:00:1f.2-ata-5.0"}),
        "fail disk.only @ pci-0000:00:1f.2-ata-5.0 (sdx): WDC WD10EZEX, 1 TB",
    ),
];

const SYNTHETIC: [Case; 20] = [
    ("/disks/1/firmware", || json!("EDA5102Q"), "warn disk.firmware @ pci-0000:41:00.0-nvme-1 (nvme0n1): EDA5102Q"),
    ("/disks/1/model", || json!("MICRON 7400"), "fail disk.model @ pci-0000:41:00.0-nvme-1 (nvme0n1): MICRON 7400"),
    ("/disks/1/size", || json!(1_920_383_410_176_u64), "fail disk.size @ pci-0000:41:00.0-nvme-1 (nvme0n1): 1.92 TB"),
    ("/disks/2", || Value::Null, "fail disk.count @ : 0 of 1 disk"),
    ("/disks/2/rotational", || json!(true), "fail disk.kind @ pci-0000:00:1f.2-ata-1.0 (sda): sata"),
    ("/disks/3/firmware", || json!("SN04"), "warn disk.firmware @ 0000:00/1f.2/ata2/0:0:0 (sdaa): SN04"),
    (
        "/disks/3/place",
        || json!("0000:00/1f.2/ata6/0:0:0"),
        "fail disk.place @ 0000:00/1f.2/ata6/0:0:0 (sdaa): 0000:00/1f.2/ata6/0:0:0",
    ),
    ("/disks/8/size", || json!(10_737_418_240_u64), "fail disk.size @ 0000:00/05.0 (vda): 10 GiB"),
    (
        "/disks/2/firmware",
        || json!("0106"),
        "unknown disk.firmware @ pci-0000:00:1f.2-ata-1.0 (sda): 0106 is a version of another scheme, so it is neither older nor newer",
    ),
    ("/interfaces/0", || Value::Null, "fail nic.count @ : 0 of 1 interface"),
    ("/interfaces/6/kind", || json!("ethernet"), "fail nic.kind @ 0000:83:00.0 (ib0): ethernet"),
    (
        "/interfaces/3/model",
        || json!("Intel Corporation E810"),
        "fail nic.model @ 0000:82:00.0 (enp130s0): Intel Corporation E810",
    ),
    (
        "/gpus/1/product",
        || json!("TU104GL [Tesla T40]"),
        "fail gpu.model @ 0000:65:00.0 (card1): NVIDIA Corporation TU104GL [Tesla T40]",
    ),
    ("/gpus/1", || Value::Null, "fail gpu.count @ : 0 of 1 card"),
    ("/processors/packages/1/cores", || json!(3), "fail cpu.cores @ socket 1: 3"),
    ("/processors/packages/1/threads", || json!(4), "fail cpu.threads @ socket 1: 4"),
    ("/processors/packages/1", || Value::Null, "fail cpu.count @ : 1 processor"),
    ("/memory/total", || json!(1_006_632_960), "fail settings.memory_total @ : 960 MiB"),
    ("/trust/uefi", || json!(true), "fail settings.uefi @ : on"),
    ("/machine_resources/resources/system/firmware/version", || json!("1.9.0"), "warn firmware.bios @ : 1.9.0"),
];

const R910: [Case; 11] = [
    ("/disks/0/model", || json!("PERC H200"), "fail disk.model @ 0000:00/03.0/00.0/2:0:0 (sda): PERC H200"),
    ("/disks/0/size", || json!(898_651_772_928_u64), "fail disk.size @ 0000:00/03.0/00.0/2:0:0 (sda): 898.65 GB"),
    ("/disks/0/firmware", || json!("2.9"), "warn disk.firmware @ 0000:00/03.0/00.0/2:0:0 (sda): 2.9"),
    ("/disks/0", || Value::Null, "fail disk.count @ : 0 of 1 disk"),
    ("/interfaces/1/slot", || json!("3"), "fail nic.slot @ slot 3 (eth1): 3"),
    ("/interfaces/2", || Value::Null, "fail nic.count @ : no interface is in slot Embedded NIC 3"),
    ("/interfaces/4/model", || json!("Mellanox MT27500"), "fail nic.model @ 0000:43:00.0 (ib0): Mellanox MT27500"),
    ("/processors/packages/3/cores", || json!(8), "fail cpu.cores @ socket 3: 8"),
    (
        "/processors/packages/2/model",
        || json!("Intel(R) Xeon(R) CPU E7- 4850"),
        "fail cpu.model @ socket 2: Intel(R) Xeon(R) CPU E7- 4850",
    ),
    ("/memory/total", || json!(406_601_005_056_u64), "fail settings.memory_total @ : 406.6 GB"),
    (
        "/machine_resources/resources/system/product",
        || json!("PowerEdge R810"),
        "fail match.product @ : PowerEdge R810",
    ),
];

const POWER9: [Case; 4] = [
    ("/gpus/5", || Value::Null, "fail gpu.count @ : 5 of 6 cards"),
    ("/gpus/2/product", || json!("GV100GL"), "fail gpu.model @ 0006:00:00.0: 0000 GV100GL"),
    ("/processors/packages/1/threads", || json!(8), "fail cpu.threads @ socket 8: 8"),
    ("/processors/packages/0", || Value::Null, "fail cpu.count @ : 1 processor"),
];

const NODE: [Case; 5] = [
    ("/interfaces/0", || Value::Null, "fail nic.count @ : 0 of 1 interface"),
    ("/interfaces/0/kind", || json!("infiniband"), "fail nic.kind @ eth0: infiniband"),
    ("/storage_controllers/0/firmware", || json!("1B2QEXP6"), "warn controller.firmware @ nvme0: 1B2QEXP6"),
    ("/processors/packages/1/cores", || json!(1), "fail cpu.cores @ socket 1: 1"),
    ("/machine_resources/resources/system/firmware/version", || json!("2.2.3"), "warn firmware.bios @ : 2.2.3"),
];

#[test]
fn each_change_of_the_emulated_server_is_named_alone() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/emulated-server.tar.xz");
    run("emulated-server", &document(&open(&path).expect("a snapshot").host), &EMULATED);
}

#[test]
fn each_change_of_the_synthetic_server_is_named_alone() {
    run_shared("synth-server", &SYNTHETIC);
}

#[test]
fn each_change_of_a_server_with_four_sockets_is_named_alone() {
    run_shared("hwloc-40intel64-2g2n4c_pcilocality", &R910);
}

#[test]
fn each_change_of_a_server_of_another_architecture_is_named_alone() {
    run_shared("hwloc-nvidiagpunumanodes", &POWER9);
}

#[test]
fn each_change_of_a_node_with_few_devices_is_named_alone() {
    run_shared("prometheus-node_exporter", &NODE);
}
