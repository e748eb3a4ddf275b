//! A profile that was learnt from a machine accepts that machine: for all fixture machines, and for generated ones.

use proptest::prelude::*;
use serde_json::{Value, json};
use shakedown::acceptance::{Figures, Machine, Profile, Siblings, Verdict, judge, learn};
use shakedown::host::Host;
use shakedown::inventory::{collect_detail, open};

use crate::{server, shared};

fn machine(document: &Value) -> Machine {
    Machine::of(document).expect("an inventory")
}

/// Learns a profile from a machine and judges the machine by it; the faults found.
fn disagreement(machines: &[Machine]) -> Option<String> {
    let text = match learn(machines, None) {
        Ok(text) => text,
        Err(reason) => return Some(reason),
    };
    let profile = match Profile::parse(&text) {
        Ok(profile) => profile,
        Err(error) => return Some(format!("{error}\n{text}")),
    };
    machines.iter().find_map(|machine| {
        let judged = judge(&profile, machine, &Figures::new(), &Siblings::new());
        (judged.verdict() != Verdict::Accepted).then(|| format!("{:?}\n{text}", judged.rows()))
    })
}

fn document(host: &Host) -> Value {
    serde_json::to_value(collect_detail(host)).expect("JSON")
}

fn own() -> Vec<Value> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines");
    let snapshots = ["emulated-server.tar.xz", "small-vm.tar.xz"]
        .map(|name| document(&open(&folder.join(name)).expect("a snapshot").host));
    snapshots.into_iter().chain([server::compute(), server::storage(), server::gpu()]).collect()
}

#[test]
fn every_fixture_machine_is_accepted_by_what_is_learnt_from_it() {
    let mut wrong = Vec::new();
    for document in own() {
        wrong.extend(disagreement(&[machine(&document)]));
    }
    let Some(shared) = shared::folder() else { return assert!(wrong.is_empty(), "{}", wrong.join("\n")) };
    for name in shared::fixtures(&shared) {
        let unpacked = shared::unpack_as_referenced(&shared, &name);
        wrong.extend(
            disagreement(&[machine(&document(&Host::at(&unpacked.root)))]).map(|text| format!("{name}: {text}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_of_a_profile_says_which_machine_it_was_learnt_from() {
    let text = learn(&[machine(&own()[0])], Some("rig")).expect("a profile");
    for word in [
        "RIG-SYS-0001",
        "RIGNVME0001",
        "RIGSATA0001",
        "52:54:00",
        "nvme0n1",
        "enp4s0",
        "sda",
        "RIG-DIMM-0001",
        "5000c5",
    ] {
        assert!(!text.contains(word), "{word} in\n{text}");
    }
    assert!(text.contains("# - disk: QEMU HARDDISK can be taken out"), "{text}");
    assert!(text.contains("name = \"rig\"") && text.contains("# slots = [\"DIMM 0\"]"), "{text}");
}

#[test]
fn of_several_machines_what_all_agree_on_is_kept() {
    let (one, mut other) = (server::compute(), server::compute());
    other["machine_resources"]["resources"]["system"]["firmware"]["version"] = "2.3.5".into();
    other["memory"]["dimms"][0]["configured_speed"] = 4000.into();
    other["processors"]["packages"][0]["cores"] = 28.into();
    let machines = [machine(&one), machine(&other)];
    assert_eq!(disagreement(&machines), None);
    let text = learn(&machines, None).expect("a profile");
    assert!(!text.contains("bios = "), "neither is that of most: {text}");
    assert!(text.contains("# - firmware.bios: the machines differ: 2.3.5 on machine 2; 2.4.4 on machine 1"), "{text}");
    assert!(text.contains("# - memory.configured_speed: the machines differ"), "{text}");
    assert!(text.contains("# - cpu.cores: the machines differ: 32, 28") && !text.contains("\ncores ="), "{text}");
    assert!(text.contains("count = 16\nsize = \"64 GiB\"\nkind = \"DDR5\"\n"), "{text}");
}

#[test]
fn what_most_have_is_asked_for_and_who_has_another_is_told() {
    let named = |number: usize, change: fn(&mut Value)| {
        let mut document = server::compute();
        document["hostname"] = format!("node-{number}").into();
        change(&mut document);
        machine(&document)
    };
    let machines = [
        named(1, |_| {}),
        named(2, |machine| {
            machine["machine_resources"]["resources"]["system"]["firmware"]["version"] = "2.3.5".into();
            machine["machine_resources"]["resources"]["system"]["product"] = "PowerEdge R760xs".into();
        }),
        named(3, |machine| machine["disks"][6]["firmware"] = "GDC5602Q".into()),
        named(4, |_| {}),
    ];
    let text = learn(&machines, None).expect("a profile");
    assert!(text.contains("bios = \">=2.4.4\"") && text.contains("firmware = \">=GDC5702Q\""), "{text}");
    for line in [
        "# - firmware.bios: most have 2.4.4, which is asked for: 2.3.5 on node-2; 2.4.4 on node-1, node-3, node-4",
        "# - disk.firmware: most have GDC5702Q, which is asked for: GDC5602Q on node-3; GDC5702Q on node-1, node-2, node-4",
        "# - match.product: the machines differ: PowerEdge R760xs on node-2; PowerEdge R760 on node-1, node-3, node-4",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("product ="), "a machine with another name would be rejected: {text}");
}

#[test]
fn every_key_that_is_not_learnt_is_told_with_its_reason() {
    let mut document = server::compute();
    document["power_supplies"][1]["state"] = "unplugged".into();
    document["memory"]["dimms"][0]["ranks"] = Value::Null;
    let text = learn(&[machine(&document)], None).expect("a profile");
    for line in [
        "# - psu.state: unplugged is not in order, so it is not asked for",
        "# - memory.ranks: the machine does not tell it",
        "# - memory: never learnt: slot, bank, technology, speed, manufacturer, part: ",
        "# - firmware: never learnt: microcode, embedded_controller: ",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn where_not_all_was_read_at_least_what_was_seen_is_learnt() {
    let mut document = server::compute();
    document["gaps"] = json!([{"topic": "disks", "path": "/", "reason": "no answer"}, {"topic": "cpu", "path": "/", "reason": "no answer"}]);
    let text = learn(&[machine(&document)], None).expect("a profile");
    assert!(text.contains("count = \">=5\"") && text.contains("# - cpu.count: /: no answer"), "{text}");
    assert_eq!(disagreement(&[machine(&document)]), None);
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        Just("~a".to_owned()),
        Just(">=2".to_owned()),
        Just("bay 1..2".to_owned()),
        Just("1..2".to_owned())
    ]
}

fn disk() -> impl Strategy<Value = Value> {
    (word(), word(), word(), 0_u64..1 << 45, any::<bool>(), prop::option::of(any::<bool>())).prop_map(
        |(model, firmware, bay, size, removable, rotational)| {
            json!({"name": "x", "kind": "scsi", "model": model, "firmware": firmware, "bay": bay, "size": size, "removable": removable,
                "rotational": rotational, "numa_node": 0})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_a_machine_says_it_is_accepted_by_what_is_learnt_from_it(
        disks in prop::collection::vec(disk(), 0..8), product in word(), bios in word(), slots in prop::collection::vec((word(), 0_u64..4), 0..6),
    ) {
        let mut document = server::compute();
        document["disks"] = disks.into();
        document["machine_resources"]["resources"]["system"]["product"] = product.into();
        document["machine_resources"]["resources"]["system"]["firmware"]["version"] = bios.into();
        document["memory"]["dimms"] = slots.into_iter().map(|(slot, size)| json!({"slot": slot, "size": size << 30, "kind": "DDR5"})).collect();
        let wrong = disagreement(&[machine(&document)]);
        prop_assert_eq!(wrong, None);
    }
}
