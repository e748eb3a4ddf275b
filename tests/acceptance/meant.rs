//! Texts that operators write into a profile: each is understood as meant, or it is an error with the way to write it; and each difference
//! names its cause.

use serde_json::{Value, json};
use shakedown::acceptance::{
    Amount, Figures, Judgement, Machine, Member, Profile, Siblings, Verdict, compare, judge, judge_over_time, learn,
};

use crate::server;

fn profile(text: &str) -> Profile {
    Profile::parse(&format!("schema = 1\nname = \"x\"\n{text}")).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn problem(text: &str) -> String {
    match Profile::parse(&format!("schema = 1\nname = \"x\"\n{text}")) {
        Ok(_) => format!("in order: {text}"),
        Err(error) => error.to_string(),
    }
}

fn judged(text: &str, machine: &Value) -> Judgement {
    judge(&profile(text), &Machine::of(machine).expect("an inventory"), &Figures::new(), &Siblings::new())
}

fn told(text: &str, machine: &Value) -> Vec<String> {
    judged(text, machine).rows().into_iter().map(|[what, found, next]| format!("{what}: {found} -> {next}")).collect()
}

fn with_bios(version: &str) -> Value {
    let mut machine = server::compute();
    machine["machine_resources"]["resources"]["system"]["firmware"]["version"] = version.into();
    machine
}

#[test]
fn a_version_of_another_scheme_is_neither_accepted_nor_rejected() {
    for (wanted, found) in [("2.4.4", "X1.2"), (">=2.4.4", "X1.2"), ("<3", "U30"), ("2.4..2.6", "20230501")] {
        let judged = judged(&format!("[firmware]\nbios = \"{wanted}\"\n"), &with_bios(found));
        assert_eq!((judged.verdict(), judged.deviations.len()), (Verdict::Incomplete, 0), "{wanted} {found}");
        assert!(judged.unknown[0].reason.contains("another scheme"), "{:?}", judged.unknown);
    }
    let mut machine = server::compute();
    machine["disks"][6]["firmware"] = "GXA7802Q".into();
    let text = "[[disk]]\ncount = 3\nmodel = \"~MZQL.*\"\nfirmware = \">=GDC5702Q\"\n";
    assert_eq!(judged(text, &machine).verdict(), Verdict::Incomplete);
    // In a list the value of its own scheme decides.
    let text = "[[disk]]\ncount = 8\nkind = \"nvme\"\nfirmware = [\">=0106\", \">=GDC5702Q\"]\n";
    machine["disks"][6]["firmware"] = "GDC5602Q".into();
    assert_eq!(judged(text, &machine).verdict(), Verdict::Rejected);
}

#[test]
fn a_version_with_its_mark_is_the_version() {
    for (wanted, found) in [("v2.4.4", "2.4.4"), ("2.4.4", "v2.4.4"), (">=2.4.4 <3", "2.10"), ("2.4.4", "2.4.4 (x)")] {
        let judged = judged(&format!("[firmware]\nbios = \"{wanted}\"\n"), &with_bios(found));
        assert_eq!(judged.verdict(), Verdict::Accepted, "{wanted} {found}: {:?}", judged.rows());
    }
    let judged = judged("[firmware]\nmicrocode = 0x2b000571\n", &server::compute());
    assert_eq!(judged.verdict(), Verdict::Accepted, "{:?}", judged.rows());
}

#[test]
fn what_is_newer_than_a_range_is_not_told_to_be_updated() {
    let told = told("[firmware]\nbios = \"2.4..2.6\"\n", &with_bios("2.7"));
    assert_eq!(
        told,
        [
            "firmware: bios 2.7, ordered 2.4 to 2.6 -> this is newer than what was ordered: install what was ordered, or widen it in the profile"
        ]
    );
}

#[test]
fn a_table_by_model_speaks_of_the_models_own_value_and_leaves_none_out() {
    let text = "[[disk]]\ncount = 8\nkind = \"nvme\"\nfirmware = { KCD8XPUG7T68 = \">=0108\", \"~MZQL.*\" = \">=GDC5702Q\" }\n";
    let told_of = told(text, &server::compute());
    assert!(told_of.len() == 5 && told_of[0].contains("firmware 0107, ordered at least 0108 ->"), "{told_of:?}");
    let text = "[[disk]]\ncount = 8\nkind = \"nvme\"\nfirmware = { KCD8XPUG7T68 = \">=0106\" }\n";
    let judged = judged(text, &server::compute());
    assert_eq!((judged.verdict(), judged.unknown.len()), (Verdict::Incomplete, 3));
    assert!(judged.unknown[0].reason.contains("no entry for MZQL27T6HBLA-00A07"), "{:?}", judged.unknown);
}

#[test]
fn a_profile_of_another_machine_rejects_by_its_match() {
    let text = "match = { vendor = \"Dell Inc.\", product = \"PowerEdge R750\" }\n[cpu]\ncount = 2\n";
    let told = told(text, &server::compute());
    assert!(
        told.len() == 1 && told[0].starts_with("match: product PowerEdge R760, ordered PowerEdge R750 ->"),
        "{told:?}"
    );
    let mut machine = server::compute();
    machine["machine_resources"]["resources"]["system"]["product"] = "".into();
    assert_eq!(judged(text, &machine).verdict(), Verdict::Incomplete);
}

#[test]
fn a_group_that_asks_for_one_thing_tells_what_is_there_instead() {
    let told_of = told("[[nic]]\ncount = 2\nmaximum_speed = \"25 Gbit/s\"\n", &server::compute());
    // The nearest ones are those that were meant.
    assert_eq!(
        told_of,
        ["eno0", "eno1"].map(|name| format!(
            "nic: 0000:04:00.{} ({name}): maximum speed 1 Gbit/s, ordered 25 Gbit/s -> compare the part with the order; claim it",
            &name[3..]
        ))
    );
    let told_of = told("[[nic]]\ncount = 2\nmaximum_speed = \"200 Gbit/s\"\n", &server::compute());
    assert!(
        told_of.len() == 2 && told_of.iter().all(|line| line.contains("maximum speed 100 Gbit/s, ordered 200")),
        "{told_of:?}"
    );
    // A second key changes nothing: newer firmware alone is a note.
    for key in ["", "model = \"~.*ConnectX-6 Dx.*\"\n"] {
        let mut machine = server::compute();
        machine["interfaces"].as_array_mut().expect("a list").truncate(2);
        let judged = judged(&format!("[[nic]]\ncount = 2\nfirmware = \"22.39\"\n{key}"), &machine);
        assert_eq!((judged.verdict(), judged.deviations.len()), (Verdict::Noted, 2), "{:?}", judged.rows());
    }
    let told = told("[[disk]]\ncount = 8\nmodel = \"~MZQL\"\n", &server::compute());
    assert!(
        told[0].contains(
            "0 of 8 disks; model of the others: KCD8XPUG7T68 on 5, MZQL27T6HBLA-00A07 on 3, DELLBOSS-N1 480 on 2"
        ),
        "{told:?}"
    );
}

#[test]
fn a_slot_that_the_board_does_not_have_is_not_empty() {
    let told = told("[[memory]]\nsize = \"64 GiB\"\nslots = [\"DIMM_A1\"]\n", &{
        let mut machine = server::compute();
        machine["memory"]["dimms"].as_array_mut().expect("a list").iter_mut().for_each(|dimm| {
            if dimm["size"] != 0 {
                dimm["size"] = (32_u64 << 30).into();
            }
        });
        machine
    });
    assert!(
        told[0].contains("the firmware names no slot DIMM_A1; it names A1, A2") && told[0].contains("correct the name"),
        "{told:?}"
    );
}

#[test]
fn of_too_many_that_are_alike_none_is_picked_out() {
    let mut machine = server::compute();
    let mut more = machine["memory"]["dimms"][0].clone();
    more["slot"] = "A9".into();
    machine["memory"]["dimms"][8] = more;
    let told = told("[[memory]]\ncount = 16\nsize = \"64 GiB\"\n", &machine);
    assert!(told[0].contains("17 modules, 1 too many, in: slot A1, slot A2"), "{told:?}");
    let told = crate::meant::told("[[psu]]\ncount = 0\n", &machine);
    assert!(
        told[0].contains("2 power supplies, 2 too many, in: bay 1 (PSU.1), bay 2 (PSU.2), ordered 0 power supplies"),
        "{told:?}"
    );
}

#[test]
fn what_no_machine_can_be_is_an_error_of_the_profile() {
    for (text, hint) in [
        ("[[gpu]]\ncount = 8\nper_socket = 3\n", "line 3, column 1: 3 cards at each socket are never 8 in all"),
        ("[cpu]\ncount = 2\n[[gpu]]\ncount = 8\nper_socket = 2\n", "2 cards at each socket are never 8 in all"),
        ("[[gpu]]\ncount = 2\nper_socket = 0\n", "0 cards at each socket are never 2 in all"),
        ("[[disk]]\nkind = \"flash\"\n", "kind is never \"flash\"; there are: nvme"),
        ("[[disk]]\ncount = 8\nbay = \"0-7\"\n", "a range of numbers is \"0..7\""),
        ("[[disk]]\ncount = 61\nplace = \"enclosure 0 bay 0..59\"\n", "61 disks do not fit into 60 places"),
        ("[[disk]]\ncount = 9\nenclosure = \"0\"\nbay = \"0..7\"\n", "9 disks do not fit into 8 places"),
        ("[[disk]]\nmodel = \"SAMSUNG*\"\n", "an expression begins with ~, as \"~SAMSUNG.*\""),
        ("[[disk]]\nmodel = \"/SAMSUNG.*/\"\n", "as \"~SAMSUNG.*\""),
        ("[[disk]]\nmodel = \"A\"\nfirmware = { B = \"1\" }\n", "no model of this group is B"),
        ("[[disk]]\nmodel = [\"A\", \"B\"]\nfirmware = { B = \"1\" }\n", "the table by model has no entry for A"),
        ("[cpu]\ncount = 0\n", "at least 1 is there"),
        ("[cpu]\ncores = 64\nthreads = 32\n", "cores 64 is more than threads 32"),
        ("[cpu]\ncores = 32\nthreads = 32\n[settings]\nsmt = true\n", "more threads than cores"),
        ("[settings]\nuefi = false\nsecure_boot = true\n", "there is no Secure Boot without UEFI"),
        ("[settings]\nbmc = false\n[firmware]\nbmc = \"1\"\n", "asks for a version of the BMC"),
        (
            "[[memory]]\nspeed = 4400\nconfigured_speed = 4800\n",
            "configured_speed 4800 MT/s is more than speed 4400 MT/s",
        ),
        ("[[memory]]\nsize = \"64 GB\"\n", "not \"64 GB\""),
        ("[[memory]]\nsize = 64\n", "64 B are meant by 64: a unit is missing"),
        ("[settings]\nmemory_total = \"1024\"\n", "a unit is missing"),
        ("[[nic]]\nlink = { width = 16, maximum_width = 8 }\n", "link.width 16 is more than link.maximum_width 8"),
        ("[[nic]]\nlink = \"x16\"\n", "\"link\" is a table: `link = { width = 16 }`"),
        ("[[nic]]\nspeed = \"100 GB/s\"\n", "1 GB/s is 8 Gbit/s"),
        ("[[disk]]\nsize = [\"7.68 TB\", \"3.84 Tb\"]\n", "b is bits, B is bytes"),
        ("[firmware]\nbios = \"latest\"\n", "line 4, column 8: bios: \"latest\" is no version"),
        ("[firmware]\nbios = \">=2.4\"\nwarn = [\"bios\"]\nnote = [\"bios\"]\n", "has another severity"),
        ("[firmware]\nseverity = \"warning\"\nbios = \"2\"\n", "did you mean \"warn\"?"),
        ("[measure]\nread = \">=400 GiBs\"\n", "did you mean \"GiB/s\"?"),
        ("[settings]\narchitecture = \"amd64\"\n", "did you mean \"x86_64\"?"),
        ("[[processor]]\ncount = 2\n", "did you mean \"cpu\"?"),
        ("[settings]\nsr_iov = true\n", "did you mean \"sriov\"?"),
    ] {
        let told = problem(text);
        assert!(told.contains(hint), "{text}: {told}");
    }
}

#[test]
fn what_has_one_meaning_is_understood() {
    for text in [
        "[[disk]]\ncount = 8\nbay = [0, 1, 2, 3, 4, 5, 6, 7]\n",
        "[[disk]]\ncount = 8\nkind = \"NVMe\"\nlink = { width = \"x4\", maximum_speed = \"Gen4\" }\n",
        "[[disk]]\ncount = \">=5 <9\"\nkind = \"nvme\"\n",
        "[[memory]]\ncount = 16\nsize = \"32..64 GiB\"\n",
        "[[nic]]\ncount = 2\nspeed = \"100 gbps\"\n",
        "[settings]\ntpm = 2\n",
    ] {
        let judged = judged(text, &server::compute());
        assert_eq!(judged.verdict(), Verdict::Accepted, "{text}: {:?}", judged.rows());
    }
}

#[test]
fn a_figure_and_a_limit_need_a_unit_of_one_quantity() {
    let amount = |number: f64, unit: &str| Amount { number, unit: unit.to_owned() };
    let machine = Machine::of(&server::compute()).expect("an inventory");
    for (limit, own, verdict) in [
        (">=400 GiB/s", amount(412.5, "GiB/s"), Verdict::Accepted),
        (">=400 GiB/s", amount(422_400.0, "MiB/s"), Verdict::Accepted),
        (">=400 GiB/s", amount(100_000.0, "MiB/s"), Verdict::Rejected),
        (">=400 Gbit/s", amount(49.0, "GB/s"), Verdict::Rejected),
        (">=400 Gbit/s", amount(50.0, "GB/s"), Verdict::Accepted),
        (">=400", amount(422_400.0, "MiB/s"), Verdict::Incomplete),
        (">=400 GiB/s", amount(412.5, ""), Verdict::Incomplete),
        (">=400 GiB/s", amount(412.5, "ns"), Verdict::Incomplete),
        (">=400", amount(412.5, ""), Verdict::Accepted),
        ("400..500 GiB/s", amount(412.5, "GiB/s"), Verdict::Accepted),
    ] {
        let figures = Figures::from([("read".to_owned(), own.clone())]);
        let judged = judge(&profile(&format!("[measure]\nread = \"{limit}\"\n")), &machine, &figures, &Siblings::new());
        assert_eq!(judged.verdict(), verdict, "{limit} {own:?}: {:?}", judged.rows());
    }
}

#[test]
fn of_machines_with_other_numbers_of_modules_the_modules_are_learnt() {
    let mut other = server::compute();
    (0..4).for_each(|slot| other["memory"]["dimms"][slot]["size"] = 0.into());
    let machines = [server::compute(), other].map(|machine| Machine::of(&machine).expect("an inventory"));
    let text = learn(&machines, None).expect("a profile");
    assert!(text.contains("[[memory]]\ncount = \"12..16\"\nsize = \"64 GiB\"\nkind = \"DDR5\"\n"), "{text}");
    assert!(text.contains("# - memory.count: the machines have 12 to 16"), "{text}");
    let profile = Profile::parse(&text).expect("in order");
    for machine in &machines {
        assert_eq!(judge(&profile, machine, &Figures::new(), &Siblings::new()).verdict(), Verdict::Accepted);
    }
    let mut mute = server::compute();
    mute["memory"]["dimms"] = json!([]);
    let machines = [server::compute(), mute].map(|machine| Machine::of(&machine).expect("an inventory"));
    let text = learn(&machines, None).expect("a profile");
    assert!(text.contains("# - memory: the firmware lists no memory modules"), "{text}");
}

/// The facts by which the fifth of eight machines is odd.
fn odd(change: fn(&mut Value)) -> Vec<String> {
    let member = |number: usize| {
        let mut machine = server::gpu();
        (machine["disks"], machine["power_supplies"]) =
            (server::compute()["disks"].clone(), server::compute()["power_supplies"].clone());
        for disk in machine["disks"].as_array_mut().expect("a list") {
            (disk["read_only"], disk["logical_block_size"]) = (false.into(), 4096.into());
        }
        for port in machine["interfaces"].as_array_mut().expect("a list") {
            port["duplex"] = "full".into();
        }
        for function in machine["pci"].as_array_mut().expect("a list") {
            function["errors"] = json!({"correctable": 0, "nonfatal": 0, "fatal": 0});
        }
        machine["arrays"] = json!([{"name": "md0", "level": "raid1", "state": "clean", "devices": 2, "degraded": 0}]);
        machine["machine_resources"]["resources"]["system"]["motherboard"] = json!({"vendor": "M", "version": "B1"});
        if number == 5 {
            change(&mut machine);
        }
        let machine = Machine::of(&machine).expect("an inventory");
        Member { name: format!("n{number}"), machine: Some(machine), figures: Figures::new(), last: Figures::new() }
    };
    let herds = compare((1..=8).map(member).collect());
    let facts = herds.iter().flat_map(|herd| &herd.facts).filter(|fact| fact.odd == [4]);
    facts.map(|fact| format!("{}: {}", fact.name, fact.values[4].clone().unwrap_or_default())).collect()
}

#[test]
fn a_machine_without_a_kind_is_odd_among_those_that_have_it() {
    // The functions of the cards are gone with them.
    assert_eq!(odd(|machine| (machine["gpus"], machine["pci"]) = (json!([]), json!([])))[0], "graphics: none");
    assert_eq!(odd(|machine| machine["disks"] = json!([])), ["disks: none"]);
    let told = odd(|machine| machine["interfaces"] = json!([]));
    assert!(told.contains(&"network: none".to_owned()), "{told:?}");
    // A card that is there and that no driver makes an interface of.
    assert!(told.iter().any(|fact| fact.starts_with("PCI Maker Card")), "{told:?}");
    // A list that is empty because the firmware tells nothing is no fact.
    assert_eq!(odd(|machine| machine["power_supplies"] = json!([])), [""; 0]);
}

#[test]
fn what_is_unknown_is_never_odd_and_what_is_known_beside_it_is() {
    for change in [
        |machine: &mut Value| machine["memory"]["dimms"][3]["ranks"] = Value::Null,
        |machine: &mut Value| {
            machine["memory"]["dimms"]
                .as_array_mut()
                .expect("a list")
                .iter_mut()
                .for_each(|dimm| dimm["ranks"] = Value::Null);
        },
        |machine: &mut Value| machine["memory"]["dimms"][3]["speed"] = Value::Null,
        |machine: &mut Value| machine["disks"][4]["firmware"] = Value::Null,
        |machine: &mut Value| machine["disks"][4]["bay"] = Value::Null,
        |machine: &mut Value| machine["disks"][4]["model"] = Value::Null,
        |machine: &mut Value| machine["gpus"][4]["numa_node"] = Value::Null,
        |machine: &mut Value| machine["gpus"][4]["memory"] = Value::Null,
        |machine: &mut Value| machine["processors"]["packages"][1]["cores"] = Value::Null,
    ] {
        assert_eq!(odd(change), [""; 0]);
    }
    let told = odd(|machine| {
        machine["disks"][4]["bay"] = Value::Null;
        machine["disks"][3]["bay"] = "9".into();
    });
    assert_eq!(told, ["disk bay KCD8XPUG7T68: 0, 1, 2, 9"]);
}

#[test]
fn siblings_differ_by_state_sectors_board_and_errors_too() {
    for (change, fact) in [
        (
            (|machine| machine["disks"][4]["state"] = "dead".into()) as fn(&mut Value),
            "disk state KCD8XPUG7T68: dead, live",
        ),
        (|machine| machine["disks"][4]["read_only"] = true.into(), "disk read only KCD8XPUG7T68: on, off"),
        (
            |machine| machine["disks"][4]["logical_block_size"] = 512.into(),
            "disk logical block size KCD8XPUG7T68: 512, 4096",
        ),
        (
            |machine| machine["interfaces"][0]["duplex"] = "half".into(),
            "nic duplex Mellanox MT2910 Family [ConnectX-7]: full, half",
        ),
        (|machine| machine["arrays"][0]["state"] = "inactive".into(), "array state: inactive"),
        (|machine| machine["arrays"][0]["degraded"] = 1.into(), "array degraded: 1"),
        (|machine| machine["arrays"] = json!([]), "arrays: none"),
        (
            |machine| machine["machine_resources"]["resources"]["system"]["motherboard"]["version"] = "B2".into(),
            "board version: B2",
        ),
        (
            |machine| machine["pci"][0]["errors"]["correctable"] = 8.into(),
            "gpu PCI Express errors NVIDIA Corporation GH100 [H100 SXM5 80GB]: none, correctable",
        ),
    ] {
        assert_eq!(odd(change), [fact]);
    }
}

#[test]
fn siblings_differ_by_speed_place_and_socket_too() {
    assert_eq!(
        odd(|machine| machine["memory"]["dimms"][3]["speed"] = 4400.into()),
        ["memory speed: 4400 MT/s, 4800 MT/s"]
    );
    assert_eq!(odd(|machine| machine["memory"]["dimms"][3]["ecc"] = false.into()), ["memory ecc: on, off"]);
    assert_eq!(odd(|machine| machine["disks"][4]["bay"] = "9".into()), ["disk bay KCD8XPUG7T68: 0, 1, 2, 3, 9"]);
    let told = odd(|machine| machine["interfaces"][0]["state"] = "down".into());
    assert!(told.len() == 1 && told[0].starts_with("nic state") && told[0].ends_with(": up, down"), "{told:?}");
    let told = odd(|machine| {
        machine["gpus"].as_array_mut().expect("a list").iter_mut().for_each(|card| card["numa_node"] = 0.into());
    });
    assert!(told.len() == 1 && told[0].starts_with("gpu socket"), "{told:?}");
    assert_eq!(
        odd(|machine| machine["disks"].as_array_mut().expect("a list").reverse()),
        [""; 0],
        "the order is nothing"
    );
}

#[test]
fn a_machine_that_is_slower_than_in_its_last_run_is_told_by_how_much() {
    let amount = |number: f64, unit: &str| Amount { number, unit: unit.to_owned() };
    let machine = Machine::of(&server::compute()).expect("an inventory");
    let profile = profile("[measure]\nread = { within = \"10%\", of = \"history\" }\n");
    assert!(profile.asks_for_history());
    let told = |own: Amount, last: Option<Amount>| {
        let figures = |amount: Amount| Figures::from([("read".to_owned(), amount)]);
        let last = last.map(figures).unwrap_or_default();
        let judged = judge_over_time(&profile, &machine, &figures(own), &Siblings::new(), &last);
        (judged.verdict(), judged.rows().first().map(|row| row[1].clone()).unwrap_or_default())
    };
    let slow = told(amount(308.0, "GiB/s"), Some(amount(400.0, "GiB/s")));
    assert_eq!(slow.0, Verdict::Noted);
    assert_eq!(slow.1, "read 308 GiB/s, 23 % below its last run (400 GiB/s), ordered within 10 % of its last run");
    let late = told(amount(120.0, "ns"), Some(amount(100.0, "ns")));
    assert!(late.0 == Verdict::Noted && late.1.contains("20 % above its last run (100 ns)"), "{late:?}");
    for (own, last, verdict) in [
        (amount(500.0, "GiB/s"), Some(amount(400.0, "GiB/s")), Verdict::Accepted),
        (amount(380.0, "GiB/s"), Some(amount(400.0 * 1024.0, "MiB/s")), Verdict::Accepted),
        (amount(400.0, "GiB/s"), None, Verdict::Incomplete),
        (amount(400.0, "GiB/s"), Some(amount(400.0, "")), Verdict::Incomplete),
        (amount(400.0, "GiB/s"), Some(amount(0.0, "GiB/s")), Verdict::Incomplete),
    ] {
        assert_eq!(told(own, last).0, verdict);
    }
}
