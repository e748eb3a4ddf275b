//! Many machines against each other.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::server;

struct Batch(tempfile::TempDir);

impl Batch {
    fn new() -> Batch {
        Batch(tempfile::tempdir().expect("a temporary directory"))
    }

    fn write(&self, name: &str, document: &Value) {
        let path = self.0.path().join("batch").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
        fs::write(path, document.to_string()).expect("a small file");
    }

    fn compare(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
        command
            .arg("compare")
            .arg("batch")
            .args(words)
            .current_dir(self.0.path())
            .output()
            .expect("the program can be started")
    }

    fn text(&self) -> String {
        let output = self.compare(&[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }
}

#[test]
fn the_odd_ones_of_a_batch_are_named_with_the_split_and_no_other() {
    let batch = Batch::new();
    for number in 1..=12 {
        let mut machine = server::compute();
        machine["hostname"] = format!("host-{number}").into();
        if number == 12 {
            machine["machine_resources"]["resources"]["system"]["firmware"]["version"] = "2.3.5".into();
        }
        if number == 7 {
            machine["pci"][0]["link"]["width"] = 2.into();
        }
        batch.write(&format!("node-{number}.json"), &machine);
        let rate = if number == 9 { 88.0 } else { 100.0 + f64::from(number % 3) / 10.0 };
        batch.write(
            &format!("node-{number}.results.json"),
            &json!({"figures": [{"name": "cpu-rate", "value": rate, "unit": "GiB/s"}]}),
        );
    }
    let text = batch.text();
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let expected = [
        "Dell Inc. PowerEdge R760: 12 machines",
        "",
        "MACHINE WHAT HERE USUALLY",
        "node-7 disk link width KCD8XPUG7T68 2, 4 4 on 11",
        "node-12 firmware bios 2.3.5 2.4.4 on 11",
        "node-9 cpu-rate 88 GiB/s, 12 % below the median 100 GiB/s",
    ];
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn two_machines_are_no_majority_and_five_have_a_rank() {
    let batch = Batch::new();
    let mut other = server::storage();
    other["bmc"]["firmware"] = "9.9".into();
    batch.write("a.json", &server::storage());
    batch.write("b.json", &other);
    for number in 0..5 {
        batch.write(&format!("r{number}.json"), &json!({"rate": if number == 3 { 90 } else { 100 }}));
    }
    let text = batch.text();
    assert!(text.contains("firmware bmc: no majority: 7.10 on a; 9.9 on b"), "{text}");
    assert!(text.contains("rate: too few for a verdict: the last of 5 is 10 % off the median"), "{text}");
    assert!(!text.contains("MACHINE"), "nothing is odd: {text}");
}

#[test]
fn a_figure_in_another_unit_is_left_out_and_counted_and_the_usual_unit_decides() {
    let batch = Batch::new();
    batch.write("n0.json", &json!({"rate": 100}));
    for number in 1..8 {
        batch.write(
            &format!("n{number}.json"),
            &json!({"rate": {"value": if number == 5 { 50 } else { 100 }, "unit": "GiB/s"}}),
        );
    }
    let text = batch.text();
    assert!(text.contains("n5") && text.contains("50"), "seven are enough for a verdict: {text}");
    assert!(text.contains("left out, since the unit is missing or of another quantity: 1"), "{text}");
}

#[test]
fn the_page_shows_every_machine_and_means_nothing_to_a_browser_that_comes_from_one() {
    let batch = Batch::new();
    for number in 0..500 {
        let mut machine = server::compute();
        if number == 77 {
            machine["machine_resources"]["resources"]["system"]["firmware"]["version"] =
                "<script>alert(1)</script>".into();
        }
        batch.write(&format!("n{number}/inventory.json"), &machine);
        batch.write(&format!("n{number}/results.json"), &json!({"read": {"value": 400 + number % 5, "unit": "GiB/s"}}));
    }
    let output = batch.compare(&["--html", "batch.html", "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["groups"][0]["machines"].as_array().map(Vec::len), Some(500));
    let page = fs::read_to_string(batch.0.path().join("batch.html")).expect("a page");
    assert_eq!(page.matches("<tr><th>").count(), 501, "a row for each, and the head");
    assert_eq!(page.matches("<circle").count(), 500, "a dot for each");
    assert!(
        page.contains("<td class=\"odd\">&lt;script&gt;alert(1)&lt;/script&gt;</td>")
            && page.matches("<script>").count() == 1
    );
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
}

#[test]
fn a_file_that_is_neither_is_named() {
    let batch = Batch::new();
    batch.write("node-1.json", &json!({"what": []}));
    let output = batch.compare(&[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("node-1.json is neither an inventory nor are there figures in it")
    );
}

/// A function of a card at an address of its own, which no other list has.
fn card(address: &str, ids: &str, product: &str) -> Value {
    json!({"address": address, "vendor": "Maker", "product": product, "ids": ids, "class": "120000"})
}

#[test]
fn a_foreign_card_and_what_graphics_cards_run_with_are_facts() {
    let batch = Batch::new();
    for number in 1..=7 {
        let mut machine = server::compute();
        machine["gpus"] = server::gpu()["gpus"].clone();
        for gpu in machine["gpus"].as_array_mut().expect("a list") {
            (gpu["driver_version"], gpu["firmware"]) = ("570.1".into(), "96.00.A1".into());
        }
        let functions = machine["pci"].as_array_mut().expect("a list");
        functions.push(card("0000:f0:00.0", "10ee:9038", "FPGA"));
        match number {
            // Its second function is another thing.
            2 => {
                functions
                    .extend([card("0000:f1:00.0", "1234:5678", "Coin"), card("0000:f1:00.1", "1234:5679", "Coin")]);
            }
            3 => functions.retain(|function| function["ids"] != "10ee:9038"),
            4 => functions.push(card("0000:f2:00.0", "10EE:9038", "FPGA")),
            // Firmware shows a bridge where something is behind it.
            5 => functions.push(json!({"address": "0000:00:1c.0", "ids": "8086:1", "class": "060400"})),
            // What a machine does not tell is unknown.
            6 => machine["gaps"] = json!([{"topic": "pci", "path": "/", "reason": "no permission"}]),
            7 => {
                (machine["gpus"][1]["driver_version"], machine["gpus"][0]["firmware"]) =
                    ("535.2".into(), "96.00.00".into());
            }
            _ => {}
        }
        batch.write(&format!("node-{number}.json"), &machine);
    }
    let text = batch.text();
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let odd: Vec<&String> = lines.iter().filter(|line| line.starts_with("node-")).collect();
    let expected = [
        "node-3 PCI Maker FPGA (10ee:9038) none 1 on 4",
        "node-4 PCI Maker FPGA (10ee:9038) 2 1 on 4",
        "node-2 PCI Maker Coin (1234:5678) 1 none on 5",
        "node-2 PCI Maker Coin (1234:5679) 1 none on 5",
    ];
    for line in expected {
        assert!(odd.iter().any(|own| *own == line), "{line}: {text}");
    }
    let of_cards: Vec<&&String> = odd.iter().filter(|line| line.starts_with("node-7 gpu")).collect();
    assert_eq!((of_cards.len(), odd.len()), (2, expected.len() + 2), "{text}");
    for word in ["driver version", "535.2, 570.1", "firmware", "96.00.00, 96.00.A1"] {
        assert!(of_cards.iter().any(|line| line.contains(word)), "{word}: {text}");
    }
}

#[test]
fn a_machine_is_held_against_its_own_last_run() {
    let batch = Batch::new();
    let figures = |read: f64, late: f64| json!({"figures": {"memory-read": {"value": read, "unit": "GiB/s"}, "latency": {"value": late, "unit": "ns"}}});
    for (number, now, before) in
        [(1, (308.0, 90.0), (400.0, 90.0)), (2, (399.0, 99.0), (400.0, 90.0)), (3, (500.0, 80.0), (400.0, 90.0))]
    {
        batch.write(&format!("node-{number}.results.json"), &figures(now.0, now.1));
        let (place, name) = (batch.0.path().join("before"), format!("node-{number}.json"));
        fs::create_dir_all(&place).expect("a folder");
        fs::write(place.join(name), figures(before.0, before.1).to_string()).expect("a small file");
    }
    let told = |words: &[&str]| {
        let output = batch.compare(words);
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
    };
    let text = told(&["--before", "before", "--html", "page.html"]);
    assert!(text.contains("node-1 memory-read 308 GiB/s, 23 % below its last run 400 GiB/s then"), "{text}");
    assert!(text.contains("node-2 latency 99 ns, 10 % above its last run 90 ns then"), "{text}");
    assert_eq!(text.matches("its last run").count(), 2, "{text}");
    assert!(fs::read_to_string(batch.0.path().join("page.html")).expect("a page").contains("308 (last 400)"));
    assert!(!told(&[]).contains("its last run"));
    fs::write(batch.0.path().join("before/other.json"), "{\"memory-read\": 3}").expect("a small file");
    assert!(
        told(&["--before", "before/other.json"]).contains("no machine has a figure both"),
        "{}",
        told(&["--before", "before/other.json"])
    );
}
