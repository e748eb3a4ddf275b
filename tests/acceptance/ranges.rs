//! A count that is a range takes no bad device for one that nobody ordered; and what nobody can read sends no part away.

use serde_json::{Value, json};
use shakedown::acceptance::{Amount, Figures, Judgement, Machine, Profile, Siblings, Verdict, judge};

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
    assert!(
        judged_so.unknown.iter().all(|unknown| unknown.next.starts_with("make it readable")),
        "{:?}",
        judged_so.rows()
    );
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

#[test]
fn a_number_whose_unit_was_forgotten_is_an_error_in_a_range_too() {
    let problem = |text: &str| match Profile::parse(&format!("schema = 1\nname = \"x\"\n{text}\n")) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    for (kind, key, number, meant) in [
        ("disk", "size", "7.68", "64 GiB"),
        ("memory", "size", "64", "64 GiB"),
        ("gpu", "memory", "48", "64 GiB"),
        ("nic", "speed", "100", "100 Gbit/s"),
        ("nic", "maximum_speed", "25", "100 Gbit/s"),
        ("pci", "link.speed", "4", "Gen4"),
        ("psu", "watts", "1.4", "1.4 kW"),
        ("memory", "speed", "5", "4800 MT/s"),
    ] {
        let forms = [number.to_owned(), format!(">={number}"), format!("<{number}"), format!("{number}..")];
        for form in forms {
            let told = problem(&format!("[[{kind}]]\n{key} = \"{form}\""));
            assert!(told.contains("a unit is missing") && told.contains(meant), "{kind} {key} {form}: {told}");
        }
    }
    for text in [
        "[[memory]]\nspeed = \">=4800\"",
        "[[psu]]\nwatts = \"1100..1400\"",
        "[[nic]]\nspeed = \">=25000\"",
        "[[nic]]\nspeed = \">=100 Mbit/s\"",
        "[[disk]]\nsize = \"3.84..7.68 TB\"",
        "[[pci]]\nlink = { speed = \">=8\" }",
        "[settings]\nmemory_total = \">=1 TiB\"",
    ] {
        assert_eq!(problem(text), "", "{text}");
    }
    // A table by model is for what has models.
    for key in ["firmware]\nbios", "firmware]\nbmc", "settings]\ntpm", "[memory]]\nsize"] {
        let told = problem(&format!("[{key} = {{ \"PowerEdge R760\" = \"2.4.4\" }}"));
        assert!(told.contains("has no model: write the value itself"), "{key}: {told}");
    }
    let told = problem("[measure]\nread = \">=400 MBps\"");
    assert!(told.contains("did you mean \"MB/s\" or \"Mbit/s\"?"), "{told}");
}

#[test]
fn a_figure_is_judged_on_its_bad_side_or_on_both_where_nobody_knows_it() {
    let judged = |name: &str, unit: &str, usual: f64, own: f64| {
        let amount = |number: f64| Amount { number, unit: unit.to_owned() };
        let text = format!("schema = 1\nname = \"x\"\n[measure]\n{name} = {{ within = \"10%\", of = \"siblings\" }}\n");
        let siblings = Siblings::from([(name.to_owned(), vec![amount(usual); 8])]);
        let figures = Figures::from([(name.to_owned(), amount(own))]);
        let machine = Machine::of(&server::compute()).expect("an inventory");
        judge(&Profile::parse(&text).expect("a profile"), &machine, &figures, &siblings).verdict()
    };
    for (name, unit, usual, bad) in [
        ("gpu-temperature", "C", 65.0, 92.0),
        ("ecc-errors", "", 10.0, 500.0),
        ("ecc-errors", "", 0.0, 5.0),
        ("packet-loss", "%", 0.1, 3.0),
        ("power-idle", "W", 200.0, 320.0),
        ("duration", "min", 10.0, 15.0),
        ("memory-latency", "", 95.0, 130.0),
        ("throttle-count", "", 1.0, 400.0),
        ("ib-bw", "Gbit/s", 390.0, 190.0),
    ] {
        assert_eq!(judged(name, unit, usual, bad), Verdict::Noted, "{name}");
        let good = if bad > usual { usual / 2.0 } else { usual * 2.0 };
        assert_eq!(judged(name, unit, usual, good), Verdict::Accepted, "{name}");
    }
    for other in [4000.0, 16_000.0] {
        assert_eq!(judged("fan", "rpm", 8000.0, other), Verdict::Noted, "{other}");
    }
    assert_eq!(judged("memory-latency", "ns", 95.0, 0.0), Verdict::Incomplete, "a test that wrote 0 measured nothing");
}

#[test]
fn a_figure_beside_its_limit_is_told_with_the_digits_that_tell_them_apart() {
    let text = "schema = 1\nname = \"x\"\n[measure]\nread = \">=400 GiB/s\"\n";
    let own = Figures::from([("read".to_owned(), Amount { number: 399.98, unit: "GiB/s".to_owned() })]);
    let machine = Machine::of(&server::compute()).expect("an inventory");
    let judged = judge(&Profile::parse(text).expect("a profile"), &machine, &own, &Siblings::new());
    assert_eq!(judged.deviations[0].sentence(), "read 399.98 GiB/s, ordered at least 400 GiB/s");
    let disks = crate::ranges::judged(
        "[[disk]]\ncount = 5\nmodel = \"KCD8XPUG7T68\"\nsize = \">=7.69 TB\"\n",
        &with(server::compute, |machine| machine["disks"][0]["size"] = json!(7_613_000_000_000_u64)),
    );
    assert!(disks.rows().iter().any(|row| row[1].contains("ordered at least 7.69 TB")), "{:?}", disks.rows());
}

#[test]
fn an_inventory_of_another_form_is_refused() {
    let other = with(server::compute, |machine| machine["form"] = 99.into());
    assert!(Machine::of(&other).is_err_and(|reason| reason.contains("form 99")));
}

/// Returns the profile's findings about a machine, without the verdict's other parts.
fn lines(profile: &str, machine: &Value) -> Vec<String> {
    crate::ranges::judged(profile, machine).rows().into_iter().map(|row| row[1].clone()).collect()
}

#[test]
fn a_module_or_a_disk_too_many_is_found_wherever_it_is_and_a_stricter_count_finds_no_less() {
    let more = with(server::compute, |machine| {
        let mut module = machine["memory"]["dimms"][0].clone();
        module["slot"] = json!("A9");
        machine["memory"]["dimms"].as_array_mut().expect("modules").push(module);
    });
    let slots: Vec<String> =
        ["A", "B"].iter().flat_map(|bank| (1..=8).map(move |n| format!("\"{bank}{n}\""))).collect();
    let size = more["memory"]["dimms"][0]["size"].as_u64().expect("a size");
    for count in ["16", "\">=16\""] {
        let text =
            format!("[[memory]]\ncount = {count}\nsize = \"{} GiB\"\nslots = [{}]\n", size >> 30, slots.join(", "));
        assert_eq!(lines(&text, &server::compute()), [""; 0], "{count}: as ordered");
        let found = lines(&text, &more);
        assert!(found.iter().any(|line| line.contains("A9")), "{count}: {found:?}");
    }
    // Who names one place says nothing of the others.
    let one = format!("[[memory]]\ncount = 1\nsize = \"{} GiB\"\nslots = [\"A1\"]\n", size >> 30);
    assert_eq!(lines(&one, &more), [""; 0]);
}

#[test]
fn a_version_after_an_equals_sign_is_that_version_alone() {
    let bios = |wanted: &str| lines(&format!("firmware = {{ bios = \"{wanted}\" }}\n"), &server::compute());
    // The machine has 2.4.4.
    assert_eq!(bios("==2.4.4"), [""; 0]);
    assert_eq!(bios("=2.4.4"), [""; 0]);
    for other in ["==2.3.5", "==2.5.0"] {
        assert!(
            bios(other).iter().any(|line| line.contains("bios 2.4.4, ordered exactly")),
            "{other}: {:?}",
            bios(other)
        );
    }
}

#[test]
fn sizes_of_disks_are_rounded_in_ranges_too_and_those_of_modules_never() {
    let disks = |size: &str| lines(&format!("[[disk]]\ncount = 10\nsize = \"{size}\"\n"), &server::compute());
    // 7,681,501,126,656 bytes are sold as 7.68 TB, and 6.99 TiB.
    for fits in [">=7.68 TB", ">=7.7 TB", ">=6.99 TiB", "7.68 TB..8 TB", "<=7.68 TB"] {
        let told = disks(fits);
        assert!(!told.iter().any(|line| line.contains("7.68 TB, ordered")), "{fits}: {told:?}");
    }
    for wrong in ["64 GB", "65536 MB", "65.536 GB", "131072 MB"] {
        let text = format!("schema = 1\nname = \"x\"\n[[memory]]\ncount = 1\nsize = \"{wrong}\"\n");
        let error = Profile::parse(&text).expect_err("no module has that size").to_string();
        assert!(error.contains("modules have \"64 GiB\""), "{wrong}: {error}");
    }
    for right in ["64 GiB", "65536 MiB", "96 GiB", "24 GiB", "1.5 TiB"] {
        let text = format!("schema = 1\nname = \"x\"\n[[memory]]\ncount = 1\nsize = \"{right}\"\n");
        assert!(Profile::parse(&text).is_ok(), "{right}");
    }
}

#[test]
fn a_list_of_versions_is_all_that_is_allowed() {
    let bios = |wanted: &str| lines(&format!("firmware = {{ bios = {wanted} }}\n"), &server::compute());
    assert_eq!(bios("[\"2.3.5\", \"2.4.4\"]"), [""; 0]);
    assert!(!bios("[\"2.3.4\", \"2.3.5\"]").is_empty(), "2.4.4 is newer than both");
    assert_eq!(judged("firmware = { bios = \"2.3.5\" }\n", &server::compute()).verdict(), Verdict::Noted, "alone");
    assert_eq!(
        judged("firmware = { bios = [\"2.3.4\", \"2.3.5\"] }\n", &server::compute()).verdict(),
        Verdict::Rejected
    );
}
