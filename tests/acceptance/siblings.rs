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
