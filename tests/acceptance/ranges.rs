//! A count that is a range takes no bad device for one that nobody ordered; and what nobody can read sends no part away.

use serde_json::{Value, json};
use shakedown::acceptance::{Figures, Judgement, Machine, Profile, Siblings, Verdict, judge};

use crate::seeded::told;
use crate::server;

fn judged(text: &str, machine: &Value) -> Judgement {
    let profile = Profile::parse(&format!("schema = 1\nname = \"x\"\n{text}"));
    let profile = profile.unwrap_or_else(|error| panic!("{text}: {error}"));
    judge(&profile, &Machine::of(machine).expect("an inventory"), &Figures::new(), &Siblings::new())
}

fn with(machine: fn() -> Value, change: impl Fn(&mut Value)) -> Value {
    let mut machine = machine();
    change(&mut machine);
    machine
}

const MODULES: &str = "[[memory]]\nsize = \"64 GiB\"\nkind = \"DDR5\"\nspeed = 4800\ncount = ";
const SUPPLIES: &str = "[[psu]]\nwatts = 1400\nstate = \"ok\"\ncount = ";
const DISKS: &str = "[[disk]]\nkind = \"nvme\"\nmodel = \"KCD8XPUG7T68\"\nsize = \"7.68 TB\"\nstate = \"live\"\nlink = { width = 4 }\ncount = ";

#[test]
fn a_bad_device_is_told_although_enough_good_ones_are_there() {
    for count in ["\">=1\"", "\"15..16\"", "\"1..32\""] {
        let case = |pointer: &str, value: Value| {
            let machine =
                with(server::compute, |machine| *machine.pointer_mut(pointer).expect("a place") = value.clone());
            told(&judged(&format!("{MODULES}{count}\n"), &machine))
        };
        assert_eq!(
            case("/memory/dimms/3/size", json!(32_u64 << 30)),
            ["fail memory.size @ slot A4: 32 GiB"],
            "{count}"
        );
        assert_eq!(case("/memory/dimms/3/speed", json!(5600)), ["fail memory.speed @ slot A4: 5600 MT/s"], "{count}");
        assert_eq!(
            case("/memory/dimms/3/speed", Value::Null),
            ["unknown memory.speed @ slot A4: the machine does not tell it"],
            "{count}"
        );
    }
    for count in ["\">=1\"", "\"1..2\""] {
        let case = |key: &str, value: Value| {
            let machine = with(server::compute, |machine| machine["power_supplies"][1][key] = value.clone());
            told(&judged(&format!("{SUPPLIES}{count}\n"), &machine))
        };
        assert_eq!(case("state", json!("unplugged")), ["fail psu.state @ bay 2 (PSU.2): unplugged"]);
        assert_eq!(case("watts", json!(1100)), ["fail psu.watts @ bay 2 (PSU.2): 1100 W"]);
        assert_eq!(case("state", json!("")), ["unknown psu.state @ bay 2 (PSU.2): the machine does not tell it"]);
    }
    for count in ["\">=1\"", "\"4..5\""] {
        let case = |change: fn(&mut Value)| {
            // The disks of the other model have a group of their own.
            let text = format!("{DISKS}{count}\n[[disk]]\ncount = 3\nmodel = \"~MZQL.*\"\n");
            told(&judged(&text, &with(server::compute, change)))
        };
        assert_eq!(case(|_| {}), [""; 0]);
        assert_eq!(
            case(|machine| machine["disks"][2]["state"] = "dead".into()),
            ["fail disk.state @ bay 2 (nvme2n1): dead"]
        );
        assert_eq!(
            case(|machine| machine["disks"][2]["model"] = "KCD8XPUG7T69".into()),
            ["fail disk.model @ bay 2 (nvme2n1): KCD8XPUG7T69"]
        );
        assert_eq!(
            case(|machine| machine["pci"][2]["link"]["width"] = 2.into()),
            ["fail disk.link.width @ bay 2 (nvme2n1): 2"]
        );
    }
}

#[test]
fn what_is_plainly_another_thing_or_belongs_to_another_group_is_left_alone() {
    // Boot disks on another bus, ports of another card.
    for text in [
        format!("{DISKS}\">=5\"\n[[disk]]\ncount = 3\nmodel = \"~MZQL.*\"\n"),
        "[[nic]]\ncount = \">=1\"\nkind = \"ethernet\"\nmodel = \"~.*ConnectX-6 Dx.*\"\nspeed = \"100 Gbit/s\"\n"
            .to_owned(),
        "[[disk]]\ncount = \">=2\"\nsize = \"7.68 TB\"\n".to_owned(),
    ] {
        let judged = judged(&text, &server::compute());
        assert_eq!(judged.verdict(), Verdict::Accepted, "{text}: {:?}", judged.rows());
    }
    // As many as the range takes are there: one more is a matter of `only`.
    let machine = with(server::compute, |machine| machine["memory"]["dimms"][3]["size"] = json!(32_u64 << 30));
    assert_eq!(judged(&format!("{MODULES}\"14..15\"\n"), &machine).verdict(), Verdict::Accepted);
    assert_eq!(judged(&format!("only = [\"memory\"]\n{MODULES}\"14..15\"\n"), &machine).verdict(), Verdict::Rejected);
}

#[test]
fn a_processor_that_is_missing_or_not_told_sends_no_card_away() {
    let text = "only = [\"gpu\"]\n[cpu]\ncount = 2\n[[gpu]]\ncount = 8\nper_socket = 4\nmodel = \"~.*H100.*\"\n";
    let told_of = |change: fn(&mut Value)| told(&judged(text, &with(server::gpu, change)));
    assert_eq!(told_of(|_| {}), [""; 0]);
    let missing = told_of(|machine| drop(machine["processors"]["packages"].as_array_mut().expect("a list").pop()));
    assert_eq!(missing, ["fail cpu.count @ : 1 processor"]);
    for change in [
        |machine: &mut Value| machine["processors"]["packages"][1]["socket"] = Value::Null,
        |machine: &mut Value| machine["processors"]["packages"] = Value::Null,
        |machine: &mut Value| {
            machine["processors"]["packages"] = Value::Null;
            machine["machine_resources"]["resources"]["cpu"]["sockets"] = json!([]);
        },
        |machine: &mut Value| machine["gpus"][7]["numa_node"] = Value::Null,
    ] {
        let told = told_of(change);
        assert!(told.iter().all(|line| line.starts_with("unknown ")), "{told:?}");
    }
}

#[test]
fn a_disk_that_does_not_tell_its_bay_is_not_told_to_move() {
    let text = "only = [\"disk\"]\n[[disk]]\ncount = 60\nkind = \"hdd\"\nplace = \"enclosure 0 bay 0..59\"\n[[disk]]\ncount = 2\nkind = \"ssd\"\n";
    let no_bays = with(server::storage, |machine| {
        machine["disks"].as_array_mut().expect("a list").iter_mut().for_each(|disk| disk["bay"] = json!(""));
    });
    let judged_so = judged(text, &no_bays);
    assert_eq!((judged_so.verdict(), judged_so.deviations.len()), (Verdict::Incomplete, 0), "{:?}", judged_so.rows());
    // One that tells another bay has to move.
    let moved = with(server::storage, |machine| machine["disks"][4]["bay"] = "77".into());
    assert_eq!(told(&judged(text, &moved)), ["fail disk.place @ enclosure 0 bay 77 (sd4): enclosure 0 bay 77"]);
    let bay = |key: &str| {
        let two = with(server::compute, |machine| {
            let disks = machine["disks"].as_array_mut().expect("a list");
            drop((disks.remove(6), disks.remove(2)));
        });
        told(&judged(&format!("[[disk]]\ncount = 8\nkind = \"nvme\"\n{key}\n"), &two))
    };
    assert_eq!(bay("bay = \"0..7\""), ["fail disk.count @ : 6 of 8 disks; empty: bay 2, bay 6"]);
    assert_eq!(bay("bay = [\"0..3\", \"4..7\"]"), ["fail disk.count @ : 6 of 8 disks; empty: bay 2, bay 6"]);
}
