//! One machine, one change: exactly that change is reported, and nothing else.

use serde_json::{Value, json};
use shakedown::acceptance::{Figures, Judgement, Machine, Profile, Siblings, Verdict, judge};

use crate::server;

/// Name of a change, the change itself, and the expected report: `SEVERITY WHAT.KEY @ PLACE: FOUND`, with `unknown` for unreadable values.
type Case = (&'static str, fn(&mut Value), &'static str);

fn list<'a>(machine: &'a mut Value, name: &str) -> &'a mut Vec<Value> {
    machine.pointer_mut(name).and_then(Value::as_array_mut).expect("a list")
}

fn link<'a>(machine: &'a mut Value, address: &str) -> &'a mut Value {
    let function = list(machine, "/pci").iter_mut().find(|function| function["address"] == address);
    &mut function.expect("a function at this address")["link"]
}

const COMPUTE: [Case; 46] = [
    ("a module is missing", |m| m["memory"]["dimms"][18]["size"] = 0.into(), "fail memory.count @ : slot B3 is empty"),
    (
        "a module is in another slot",
        |m| {
            let other = m["memory"]["dimms"][18]["slot"].take();
            m["memory"]["dimms"][18]["slot"] = m["memory"]["dimms"][26]["slot"].take();
            m["memory"]["dimms"][26]["slot"] = other;
        },
        "fail memory.slot @ slot B11: B11",
    ),
    (
        "a module runs slower",
        |m| m["memory"]["dimms"][0]["configured_speed"] = 4000.into(),
        "fail memory.configured_speed @ slot A1: 4000 MT/s",
    ),
    (
        "a module is a slower one",
        |m| {
            m["memory"]["dimms"][0]["speed"] = 4000.into();
            m["memory"]["dimms"][0]["configured_speed"] = 4000.into();
        },
        "fail memory.speed @ slot A1: 4000 MT/s",
    ),
    (
        "a module is smaller",
        |m| m["memory"]["dimms"][3]["size"] = (32_u64 << 30).into(),
        "fail memory.size @ slot A4: 32 GiB",
    ),
    (
        "a module is of another generation",
        |m| m["memory"]["dimms"][3]["kind"] = "DDR4".into(),
        "fail memory.kind @ slot A4: DDR4",
    ),
    ("a module has other ranks", |m| m["memory"]["dimms"][7]["ranks"] = 1.into(), "fail memory.ranks @ slot A8: 1"),
    (
        "a module has no error correction",
        |m| m["memory"]["dimms"][7]["ecc"] = false.into(),
        "fail memory.ecc @ slot A8: off",
    ),
    (
        "the memory's mode is another",
        |m| m["memory"]["boards"][0]["error_correction"] = "none".into(),
        "fail settings.error_correction @ : none",
    ),
    (
        "the firmware does not tell ranks",
        |m| m["memory"]["dimms"][7]["ranks"] = Value::Null,
        "unknown memory.ranks @ slot A8: the machine does not tell it",
    ),
    ("a disk is missing", |m| drop(list(m, "/disks").remove(5)), "fail disk.count @ : 7 of 8 disks; empty: bay 5"),
    (
        "a disk is of another model",
        |m| m["disks"][2]["model"] = "KCD61LUL7T68".into(),
        "fail disk.model @ bay 2 (nvme2n1): KCD61LUL7T68",
    ),
    (
        "a disk's firmware is older",
        |m| m["disks"][6]["firmware"] = "GDC5602Q".into(),
        "fail disk.firmware @ bay 6 (nvme6n1): GDC5602Q",
    ),
    (
        "the other make's firmware is older",
        |m| m["disks"][1]["firmware"] = "0105".into(),
        "fail disk.firmware @ bay 1 (nvme1n1): 0105",
    ),
    (
        "a disk is smaller",
        |m| m["disks"][4]["size"] = 3_840_755_982_336_u64.into(),
        "fail disk.size @ bay 4 (nvme4n1): 3.84 TB",
    ),
    ("a disk is in another bay", |m| m["disks"][7]["bay"] = "9".into(), "fail disk.bay @ bay 9 (nvme7n1): 9"),
    (
        "a disk's link is narrower",
        |m| link(m, "0000:43:00.0")["width"] = 2.into(),
        "fail disk.link.width @ bay 2 (nvme2n1): 2",
    ),
    (
        "a disk is of an older generation of PCI Express",
        |m| link(m, "0000:43:00.0")["maximum_speed"] = "8.0 GT/s PCIe".into(),
        "fail disk.link.maximum_speed @ bay 2 (nvme2n1): 8 GT/s",
    ),
    (
        "a disk is foreign",
        |m| {
            let mut disk = m["disks"][8].clone();
            disk["model"] = "WDC WD40EFRX".into();
            disk["place"] = "pci-0000:00:17.0-ata-6.0".into();
            disk["name"] = "sdz".into();
            disk["rotational"] = true.into();
            list(m, "/disks").push(disk);
        },
        "fail disk.only @ pci-0000:00:17.0-ata-6.0 (sdz): WDC WD40EFRX, 480.1 GB",
    ),
    (
        "a disk is one too many",
        |m| {
            let mut disk = m["disks"][8].clone();
            disk["place"] = "pci-0000:01:00.0-ata-3.0".into();
            disk["name"] = "sd3".into();
            list(m, "/disks").push(disk);
        },
        "fail disk.count @ : 3 disks, 1 too many, in: pci-0000:01:00.0-ata-1.0 (sd1), pci-0000:01:00.0-ata-2.0 (sd2), pci-0000:01:00.0-ata-3.0 (sd3)",
    ),
    (
        "a stick was left in",
        |m| {
            let stick = json!({"name": "sdq", "kind": "usb", "model": "Ultra", "size": 30_752_000_000_u64, "removable": true,
                "rotational": true, "place": "pci-0000:00:14.0-usb-0:3"});
            list(m, "/disks").push(stick);
        },
        "note disk.only @ pci-0000:00:14.0-usb-0:3 (sdq): Ultra, 30.75 GB",
    ),
    ("a port is slower", |m| m["interfaces"][0]["speed"] = 25_000.into(), "fail nic.speed @ slot 3 (ens3): 25 Gbit/s"),
    (
        "a card is a slower one",
        |m| {
            m["interfaces"][0]["maximum_speed"] = 25_000.into();
            m["interfaces"][0]["speed"] = 25_000.into();
        },
        "fail nic.maximum_speed @ slot 3 (ens3): 25 Gbit/s",
    ),
    (
        "a port is down",
        |m| {
            m["interfaces"][1]["state"] = "down".into();
            m["interfaces"][1]["speed"] = Value::Null;
        },
        "fail nic.state @ slot 6 (ens6): down",
    ),
    ("a card is in another slot", |m| m["interfaces"][1]["slot"] = "5".into(), "fail nic.slot @ slot 5 (ens6): 5"),
    (
        "a card's firmware is older",
        |m| m["interfaces"][0]["firmware"] = "22.38.1002".into(),
        "fail nic.firmware @ slot 3 (ens3): 22.38.1002",
    ),
    (
        "a card's firmware is beyond the range",
        |m| m["interfaces"][0]["firmware"] = "22.44.1".into(),
        "fail nic.firmware @ slot 3 (ens3): 22.44.1",
    ),
    (
        "a card's link is narrower",
        |m| link(m, "0000:51:00.0")["width"] = 8.into(),
        "fail nic.link.width @ slot 3 (ens3): 8",
    ),
    (
        "a card is of another make",
        |m| m["interfaces"][1]["model"] = "Intel Ethernet Controller E810-C".into(),
        "fail nic.model @ slot 6 (ens6): Intel Ethernet Controller E810-C",
    ),
    ("a card is missing", |m| drop(list(m, "/interfaces").remove(1)), "fail nic.count @ : no interface is in slot 6"),
    ("a processor is missing", |m| drop(list(m, "/processors/packages").remove(1)), "fail cpu.count @ : 1 processor"),
    (
        "a processor is another",
        |m| {
            m["processors"]["packages"][1]["model"] = "Intel(R) Xeon(R) Gold 5418Y".into();
            m["processors"]["packages"][1]["cores"] = 24.into();
            m["processors"]["packages"][1]["threads"] = 48.into();
        },
        "fail cpu.model @ socket 1: Intel(R) Xeon(R) Gold 5418Y",
    ),
    (
        "cores are off",
        |m| {
            m["processors"]["packages"][1]["cores"] = 28.into();
            m["processors"]["packages"][1]["threads"] = 56.into();
        },
        "fail cpu.cores @ socket 1: 28",
    ),
    (
        "threads are off",
        |m| {
            for package in list(m, "/processors/packages") {
                package["threads"] = 32.into();
            }
        },
        "fail settings.smt @ : off",
    ),
    ("a thread is offline", |m| m["processors"]["offline"] = json!([7]), "fail cpu.offline @ : 1"),
    (
        "sockets are split into nodes",
        |m| {
            m["machine_resources"]["resources"]["cpu"]["sockets"][0]["cores"][0]["threads"] =
                json!([{"id": 0, "numa_node": 0}, {"id": 1, "numa_node": 2}]);
        },
        "fail cpu.numa_nodes @ : 3",
    ),
    (
        "the BIOS is older",
        |m| m["machine_resources"]["resources"]["system"]["firmware"]["version"] = "2.3.5".into(),
        "fail firmware.bios @ : 2.3.5",
    ),
    (
        "the BIOS is newer",
        |m| m["machine_resources"]["resources"]["system"]["firmware"]["version"] = "2.10.0".into(),
        "note firmware.bios @ : 2.10.0",
    ),
    ("the BMC is older", |m| m["bmc"]["firmware"] = "6.10".into(), "fail firmware.bmc @ : 6.10"),
    (
        "a microcode is older",
        |m| m["processors"]["microcode"] = json!(["0x2b000571", "0x2b000081"]),
        "warn firmware.microcode @ : 0x2b000571 and 0x2b000081",
    ),
    ("there is no TPM", |m| m["trust"]["tpms"] = json!([]), "fail settings.tpm @ : none"),
    ("Secure Boot is off", |m| m["trust"]["secure_boot"] = false.into(), "fail settings.secure_boot @ : off"),
    (
        "the IOMMU is off",
        |m| {
            for function in list(m, "/pci") {
                function["iommu_group"] = Value::Null;
            }
        },
        "fail settings.iommu @ : off",
    ),
    (
        "SR-IOV is off",
        |m| {
            for card in list(m, "/interfaces") {
                card["virtual_functions"] = Value::Null;
            }
        },
        "fail settings.sriov @ : off",
    ),
    (
        "a power supply is missing",
        |m| drop(list(m, "/power_supplies").remove(1)),
        "fail psu.count @ : 1 of 2 power supplies",
    ),
    (
        "a power supply has no input",
        |m| m["power_supplies"][1]["state"] = "critical".into(),
        "fail psu.state @ bay 2 (PSU.2): critical",
    ),
];

const STORAGE: [Case; 9] = [
    (
        "a disk is missing",
        |m| drop(list(m, "/disks").remove(17)),
        "fail disk.count @ : 59 of 60 disks; empty: enclosure 0 bay 17",
    ),
    (
        "a disk is in the other enclosure",
        |m| m["disks"][17]["enclosure"] = "1".into(),
        "fail disk.place @ enclosure 1 bay 17 (sd17): enclosure 1 bay 17",
    ),
    (
        "a disk's firmware is another",
        |m| m["disks"][20]["firmware"] = "SN02".into(),
        "fail disk.firmware @ enclosure 0 bay 20 (sd20): SN02",
    ),
    (
        "a disk is offline",
        |m| m["disks"][20]["state"] = "offline".into(),
        "fail disk.state @ enclosure 0 bay 20 (sd20): offline",
    ),
    (
        "a disk is smaller",
        |m| m["disks"][59]["size"] = 18_000_207_937_536_u64.into(),
        "fail disk.size @ enclosure 0 bay 59 (sd59): 18 TB",
    ),
    (
        "an array was left",
        |m| {
            list(m, "/arrays").push(json!({"name": "md127", "level": "raid6", "size": 1}));
        },
        "fail array.only @ md127: raid6, 1 B",
    ),
    (
        "the controller's link is narrower",
        |m| link(m, "0000:31:00.0")["width"] = 4.into(),
        "fail controller.link.width @ 0000:31:00.0 (host0): 4",
    ),
    (
        "memory is lost to the kernel",
        |m| m["memory"]["total"] = 137_438_953_472_u64.into(),
        "fail settings.memory_total @ : 128 GiB",
    ),
    (
        "a boot disk is a turning one",
        |m| m["disks"][61]["rotational"] = true.into(),
        "fail disk.kind @ pci-0000:00:17.0-ata-2.0 (boot2): sata",
    ),
];

const GPU: [Case; 8] = [
    ("a card is missing", |m| drop(list(m, "/gpus").remove(6)), "fail gpu.count @ : socket 1 has 3 of 4"),
    (
        "a card is another",
        |m| m["gpus"][6]["product"] = "GH100 [H200]".into(),
        "fail gpu.model @ slot G6 (card6): NVIDIA Corporation GH100 [H200]",
    ),
    (
        "a card has less memory",
        |m| m["gpus"][1]["memory"] = 42_949_672_960_u64.into(),
        "fail gpu.memory @ slot G1 (card1): 40 GiB",
    ),
    (
        "a card's link is narrower",
        |m| link(m, "0000:62:00.0")["width"] = 8.into(),
        "fail gpu.link.width @ slot G2 (card2): 8",
    ),
    ("a card is at the other socket", |m| m["gpus"][4]["numa_node"] = 0.into(), "fail gpu.socket @ slot G4 (card4): 0"),
    (
        "the driver is older",
        |m| m["gpus"][0]["driver_version"] = "535.183.01".into(),
        "warn gpu.driver_version @ slot G0 (card0): 535.183.01",
    ),
    (
        "a port of the fabric is down",
        |m| m["interfaces"][3]["state"] = "down".into(),
        "fail nic.state @ 0000:73:00.0 (ib3): down",
    ),
    (
        "a port of the fabric is slower",
        |m| m["interfaces"][3]["speed"] = 200_000.into(),
        "fail nic.speed @ 0000:73:00.0 (ib3): 200 Gbit/s",
    ),
];

fn profile(name: &str) -> Profile {
    let path = format!("{}/docs/profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("a profile in docs");
    // Figures are no part of a machine.
    let text = text.split("[measure]").next().unwrap_or_default().to_owned();
    Profile::parse(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn judged(profile: &Profile, machine: &Value) -> Judgement {
    judge(profile, &Machine::of(machine).expect("an inventory"), &Figures::new(), &Siblings::new())
}

/// Deviations and unknown values, a line each.
pub(crate) fn told(judged: &Judgement) -> Vec<String> {
    let deviations = judged
        .deviations
        .iter()
        .map(|one| format!("{} {}.{} @ {}: {}", one.severity.word(), one.what, one.key, one.place, one.found));
    let unknown =
        judged.unknown.iter().map(|one| format!("unknown {}.{} @ {}: {}", one.what, one.key, one.place, one.reason));
    deviations.chain(unknown).collect()
}

fn run(name: &str, machine: &Value, cases: &[Case]) {
    let profile = profile(name);
    assert_eq!(told(&judged(&profile, machine)), [""; 0], "{name}: nothing was changed");
    assert_eq!(judged(&profile, machine).verdict(), Verdict::Accepted);
    let mut wrong = Vec::new();
    for (title, change, expected) in cases {
        let mut changed = machine.clone();
        change(&mut changed);
        assert_ne!(&changed, machine, "{title}: nothing was changed");
        let judged = judged(&profile, &changed);
        if told(&judged) != [*expected] {
            wrong.push(format!("{title}: {expected}\n   told: {:?}", told(&judged)));
        }
        let verdict = match expected.split(' ').next() {
            Some("fail") => Verdict::Rejected,
            Some("unknown") => Verdict::Incomplete,
            _ => Verdict::Noted,
        };
        if judged.verdict() != verdict {
            wrong.push(format!("{title}: {:?}", judged.verdict()));
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

#[test]
fn each_change_of_a_compute_server_is_named_alone() {
    run("compute", &server::compute(), &COMPUTE);
}

#[test]
fn each_change_of_a_storage_server_is_named_alone() {
    run("storage", &server::storage(), &STORAGE);
}

#[test]
fn each_change_of_a_gpu_server_is_named_alone() {
    run("gpu", &server::gpu(), &GPU);
}

#[test]
fn what_cannot_be_read_is_neither_as_ordered_nor_not() {
    let mut machine = server::compute();
    machine["memory"]["dimms"] = json!([]);
    machine["power_supplies"] = json!([]);
    machine["gaps"] =
        json!([{"topic": "modules", "path": "/sys/firmware/dmi/tables/DMI", "reason": "Permission denied"}]);
    let judged = judged(&profile("compute"), &machine);
    assert_eq!(judged.verdict(), Verdict::Incomplete);
    assert!(judged.deviations.is_empty(), "{:?}", told(&judged));
    assert_eq!(judged.unknown.len(), 2, "all slots together, and the power supplies: {:?}", told(&judged));
    assert!(judged.unknown[0].reason.contains("Permission denied"), "{:?}", judged.unknown[0]);
}

#[test]
fn a_broad_group_takes_nothing_that_a_narrow_one_needs_in_whatever_order_they_stand() {
    let broad = "[[disk]]\ncount = 5\nkind = \"nvme\"\n";
    let narrow = "[[disk]]\ncount = 3\nkind = \"nvme\"\nmodel = \"~MZQL.*\"\n";
    for text in [format!("{broad}{narrow}"), format!("{narrow}{broad}")] {
        let profile = Profile::parse(&format!("schema = 1\nname = \"x\"\n{text}")).expect("a profile");
        assert_eq!(judged(&profile, &server::compute()).verdict(), Verdict::Accepted, "{text}");
    }
    let profile = Profile::parse(&format!("schema = 1\nname = \"x\"\n{broad}{narrow}")).expect("a profile");
    let mut machine = server::compute();
    machine["disks"][7]["model"] = "KCD8XPUG7T68".into();
    assert_eq!(told(&judged(&profile, &machine)), ["fail disk.model @ bay 7 (nvme7n1): KCD8XPUG7T68"]);
}

#[test]
fn where_not_all_devices_could_be_read_an_exact_count_is_unknown() {
    let mut machine = server::compute();
    machine["gaps"] = json!([{"topic": "disks", "path": "/", "reason": "no answer within 20 s"}]);
    let judged = judged(&profile("compute"), &machine);
    assert_eq!(judged.verdict(), Verdict::Incomplete);
    let expected = [
        "unknown disk.count @ : /: no answer within 20 s",
        "unknown disk.count @ : /: no answer within 20 s",
        "unknown disk.only @ : /: no answer within 20 s",
    ];
    assert_eq!(told(&judged), expected);
}

#[test]
fn slots_that_have_one_name_in_each_bank_are_told_apart_by_it() {
    let mut machine = server::storage();
    for (number, module) in list(&mut machine, "/memory/dimms").iter_mut().enumerate() {
        module["slot"] = "DIMM 0".into();
        module["bank"] = format!("P0 CHANNEL {number}").into();
    }
    let text = "schema = 1\nname = \"x\"\n[[memory]]\nsize = \"32 GiB\"\nslots = [\"DIMM 0 P0 CHANNEL 0\", \"DIMM 0 P0 CHANNEL 5\"]\n";
    let profile = Profile::parse(text).expect("a profile");
    machine["memory"]["dimms"][5]["size"] = 0.into();
    let told = told(&judged(&profile, &machine));
    // Other modules are left over: one of them is taken for the one that is missing, in another slot.
    assert_eq!(told, ["fail memory.slot @ slot DIMM 0 P0 CHANNEL 1: DIMM 0 P0 CHANNEL 1"]);
}

#[test]
fn devices_of_which_nothing_is_known_are_not_missing() {
    let mut machine = server::compute();
    for disk in list(&mut machine, "/disks") {
        disk["firmware"] = Value::Null;
    }
    let profile =
        Profile::parse("schema = 1\nname = \"x\"\n[[disk]]\ncount = 10\nfirmware = \">=1\"\n").expect("a profile");
    let judged = judged(&profile, &machine);
    assert_eq!((judged.verdict(), judged.unknown.len()), (Verdict::Incomplete, 10));
}

#[test]
fn the_ports_of_one_card_share_its_slot() {
    let mut machine = server::compute();
    let mut second = machine["interfaces"][0].clone();
    second["port"] = 1.into();
    list(&mut machine, "/interfaces").push(second);
    let text = |slot: &str| {
        format!("schema = 1\nname = \"x\"\n[[nic]]\ncount = 2\nspeed = \"100 Gbit/s\"\nslots = [\"{slot}\"]\n")
    };
    let profile = Profile::parse(&text("3")).expect("a profile");
    assert_eq!(judged(&profile, &machine).verdict(), Verdict::Accepted);
    let profile = Profile::parse(&text("6")).expect("a profile");
    assert_eq!(told(&judged(&profile, &machine)), ["fail nic.slot @ slot 3 (ens3): 3"]);
}
