//! Time of one `judge` call for 500 disks and a profile of 200 groups: all disks as ordered, then all with firmware that is too old.
//!
//! `cargo bench --bench acceptance [-- RUNS]`, with 21 runs by default. The target is 50 ms.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shakedown::acceptance::{Figures, Machine, Profile, Siblings, judge};

const GROUPS: usize = 200;
const DISKS: usize = 500;

fn main() {
    let runs = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(21);
    let mut text = "schema = 1\nname = \"large\"\nonly = [\"disk\"]\n".to_owned();
    for group in 0..GROUPS {
        let count = DISKS / GROUPS + usize::from(group % 2 == 0);
        // Half of the groups match the model by a regular expression; kind and size are the same in all groups.
        let model = if group % 2 == 0 { format!("~MODEL-{group}(-.*)?") } else { format!("MODEL-{group}") };
        text.push_str(&format!(
            "[[disk]]\ncount = {count}\nkind = \"ssd\"\nsize = \"7.68 TB\"\nmodel = \"{model}\"\nfirmware = \">=2.4.{}\"\n",
            group % 7
        ));
    }
    let profile = Profile::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    for (title, firmware) in [("as ordered", "2.5"), ("every disk has older firmware", "1.9")] {
        let machine = Machine::of(&machine(firmware)).expect("an inventory");
        let mut times: Vec<Duration> = (0..runs).map(|_| one(&profile, &machine)).collect();
        times.sort();
        let told = judge(&profile, &machine, &Figures::new(), &Siblings::new());
        say(&format!(
            "{title}: least {:?}, median {:?}, most {:?}; {}",
            times[0],
            times[runs / 2],
            times[runs - 1],
            told.headline()
        ));
    }
}

fn one(profile: &Profile, machine: &Machine) -> Duration {
    let start = Instant::now();
    let judged = judge(profile, machine, &Figures::new(), &Siblings::new());
    let time = start.elapsed();
    assert!(judged.checked > GROUPS);
    time
}

fn machine(firmware: &str) -> Value {
    let disk = |number: usize, group: usize| {
        json!({"name": format!("sd{number}"), "kind": "sata", "model": format!("MODEL-{group}"), "firmware": firmware, "rotational": false,
            "size": 7_681_501_126_656_u64, "place": format!("pci-0000:00:17.0-ata-{number}"), "numa_node": 0, "removable": false})
    };
    let groups = (0..GROUPS).flat_map(|group| std::iter::repeat_n(group, DISKS / GROUPS + usize::from(group % 2 == 0)));
    json!({"form": 1, "disks": groups.enumerate().map(|(number, group)| disk(number, group)).collect::<Vec<_>>(), "gaps": []})
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").expect("stdout takes it");
}
