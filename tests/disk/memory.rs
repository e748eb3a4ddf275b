//! What is new since the last test on this machine, by the journal.

use serde_json::{Value, json};

use crate::machine::{Machine, ata, serial};

/// The drive with a count of an attribute.
fn with_raw(id: u64, raw: u64) -> Value {
    let mut report = ata();
    let table = report["ata_smart_attributes"]["table"].as_array_mut().expect("attributes");
    table.retain(|attribute| attribute["id"] != id);
    table.push(json!({"id": id, "name": "Counted", "value": 100, "worst": 100, "thresh": 0, "when_failed": "",
        "flags": {"prefailure": false}, "raw": {"value": raw, "string": raw.to_string()}}));
    report
}

/// Whether each test that follows another one finds this reason new.
async fn news(machine: &Machine, code: &str, reports: &[Value]) -> Vec<Option<bool>> {
    let mut news = Vec::new();
    for report in reports {
        machine.answer("/dev/sda", "x", report);
        let outcome = machine.test(&["sda"]).await;
        let reasons = outcome.disk()["health"]["reasons"].as_array().expect("reasons").clone();
        let reason = reasons.iter().find(|reason| reason["code"] == code);
        news.push(reason.and_then(|reason| reason["new"].as_bool()));
    }
    news
}

#[tokio::test]
async fn a_count_that_grew_since_the_last_test_here_is_new() {
    let machine = Machine::with("sda", &ata());
    let reports = [with_raw(197, 2), with_raw(197, 2), with_raw(197, 3), with_raw(197, 1)];
    let expected = [None, Some(false), Some(true), Some(false)];
    assert_eq!(
        news(&machine, "pending-sectors", &reports).await,
        expected,
        "the first test has nothing to compare with"
    );
}

#[tokio::test]
async fn another_drive_in_the_same_place_has_no_past() {
    let machine = Machine::with("sda", &ata());
    let reports = [with_raw(197, 2), serial(with_raw(197, 2), "ANOTHER")];
    assert_eq!(news(&machine, "pending-sectors", &reports).await, [None, None]);
}

#[tokio::test]
async fn a_policy_can_make_new_ones_count() {
    let machine = Machine::with("sda", &ata());
    machine.write("policy", "crc-errors = { counts = \"info\", new = \"failed\" }\n");
    let policy = machine.path("policy").display().to_string();
    for (crc, verdict) in [(5, "healthy"), (5, "healthy"), (6, "failed"), (6, "healthy")] {
        machine.answer("/dev/sda", "x", &with_raw(199, crc));
        let outcome = machine.test(&["sda", "--policy", &policy]).await;
        assert_eq!(outcome.verdict(), verdict, "{outcome:?}");
    }
}

#[tokio::test]
async fn people_are_told_what_is_new() {
    let machine = Machine::with("sda", &ata());
    for (raw, said) in [
        (1, "raw 1)"),
        (4, "raw 4, 1 at the last look, new since the last test here)"),
        (4, "raw 4, as at the last test here)"),
    ] {
        machine.answer("/dev/sda", "x", &with_raw(197, raw));
        let told = machine.program("test").arg("sda").finish().await;
        assert!(told.stdout.contains(said), "{said}: {}", told.stdout);
    }
}

#[tokio::test]
async fn a_drive_is_tested_where_nothing_can_be_kept() {
    let machine = Machine::with("sda", &ata());
    machine.write("no-directory", "");
    let program = machine.program("test").args(["sda", "--state-dir"]).arg(machine.path("no-directory/below"));
    let finished = program.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.starts_with("healthy"), "{finished:?}");
}

#[tokio::test]
async fn a_page_draws_what_a_drive_counted_over_time() {
    let machine = Machine::with("sda", &ata());
    for pending in [0, 1, 500] {
        machine.answer("/dev/sda", "x", &with_raw(197, pending));
        machine.test(&["sda"]).await;
    }
    let shown = machine.program("show").arg("sda").finish().await;
    let history = shown.stdout.split_once("HISTORY").map(|(_, history)| history).unwrap_or_default();
    let line = history.lines().find(|line| line.trim_start().starts_with("pending-sectors "));
    let words: Vec<&str> = line.unwrap_or_else(|| panic!("{}", shown.stdout)).split_whitespace().collect();
    let numbers: Vec<&str> = words.iter().copied().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["0", "1", "500"], "{words:?}");
    let told = machine.program("show").args(["sda", "--format", "json"]).finish().await;
    let document: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let history = document["disks"][0]["history"].as_array().expect("a history");
    let pending = history.iter().find(|series| series["counter"] == "pending-sectors").expect("the counter");
    let values: Vec<&Value> = pending["values"].as_array().expect("values").iter().map(|one| &one["number"]).collect();
    assert_eq!(values, [0, 1, 500]);
}

#[tokio::test]
async fn looking_at_a_drive_keeps_nothing_and_needs_no_journal() {
    let machine = Machine::with("sda", &ata());
    let shown = machine.program("show").arg("sda").finish().await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(!shown.stdout.contains("HISTORY"), "{}", shown.stdout);
    assert!(!machine.path("state").exists(), "no journal is made");
}
