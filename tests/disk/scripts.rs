//! The scripts for MAAS: `scripts/testing/shakedown-smartctl-*`, called by hand and by the agent's own runner.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shakedown::sandbox::{NodeStatus, Options};
use shakedown::script::{Header, ResultFile, Status, Verdict};

use crate::machine::{Machine, ata, ata_after, ata_running, virtio, volume};
use crate::support::program::{Finished, Program};
use crate::support::{Node, region, row};

const TESTS: [&str; 4] = ["validate", "short", "long", "conveyance"];

fn script(test: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/testing").join(format!("shakedown-smartctl-{test}"))
}

/// Calls a script on a machine, and gives what it wrote as its result.
async fn call(machine: &Machine, test: &str, runtime: &str) -> (Finished, ResultFile) {
    // The agent of this machine: the real one, told where the machine's files are.
    let agent = machine.path("agent");
    let wrapper = format!(
        "#!/bin/sh\nshift 2\nexec {} disk test --poll 0.02 --root {} --smartctl {} \"$@\"\n",
        env!("CARGO_BIN_EXE_shakedown"),
        machine.path("root").display(),
        machine.smartctl().display()
    );
    machine.write("agent", &wrapper);
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).expect("one's own file");
    let result = machine.path("result.yaml");
    let program = Program::at(&script(test)).arg("/dev/sda").env("SHAKEDOWN_BINARY", &agent);
    let finished = program.env("RESULT_PATH", &result).env("RUNTIME", runtime).finish().await;
    let written = fs::read(&result).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    (finished, ResultFile::parse(&written, false).expect("a result file that a region takes"))
}

fn value<'a>(file: &'a ResultFile, key: &str) -> Option<&'a Value> {
    file.results.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn with_pending_sectors(count: u64) -> Value {
    let mut report = ata();
    let row = json!({"id": 197, "name": "Current_Pending_Sector", "value": 100, "worst": 100, "thresh": 0,
        "when_failed": "", "raw": {"value": count, "string": count.to_string()}});
    report["ata_smart_attributes"]["table"].as_array_mut().expect("a table").push(row);
    report
}

#[test]
fn the_headers_are_what_a_region_knows_of_its_own_scripts() {
    for (test, timeout) in TESTS.into_iter().zip([300, 600, 0, 0]) {
        let header = Header::parse(&fs::read(script(test)).expect("a script")).expect("a header that a region takes");
        assert_eq!((header.name, header.timeout), (Some(format!("shakedown-smartctl-{test}")), timeout));
        assert_eq!(header.packages["apt"], json!(["smartmontools"]));
        assert!(!header.destructive && !header.may_reboot);
        let is_default = !header.tags.contains(&"noauto".to_owned());
        assert_eq!(is_default, test == "validate", "a self-test is not begun unasked");
    }
}

#[tokio::test]
async fn a_script_tells_status_values_and_the_whole_report() {
    let machine = Machine::with("sda", &with_pending_sectors(2));
    let (finished, file) = call(&machine, "validate", "300.0").await;
    assert_eq!((finished.code, file.status), (Some(0), Some(Verdict::Degraded)), "{finished:?}");
    assert!(finished.stdout.starts_with("degraded: /dev/sda: "), "the verdict comes first: {finished:?}");
    assert_eq!(value(&file, "pending_sectors"), Some(&json!(2)));
    assert_eq!(value(&file, "disk"), Some(&json!("/dev/sda")));
    for key in ["power_on_hours", "temperature", "reallocated_sectors"] {
        assert!(value(&file, key).is_some_and(Value::is_number), "{key}: {file:?}");
    }
    assert_eq!(machine.calls(), ["--json=o -x /dev/sda"]);
}

#[tokio::test]
async fn every_result_is_announced_in_every_header() {
    let mut worn = with_pending_sectors(0);
    worn["endurance_used"] = json!({"current_percent": 95});
    let machine = Machine::with("sda", &worn);
    for (answer, report) in [("look", &ata()), ("look.1", &ata_running(10)), ("look.2", &ata_after(0, "Short offline"))]
    {
        machine.answer("/dev/sda", answer, report);
    }
    let (finished, file) = call(&machine, "short", "600.0").await;
    assert_eq!(value(&file, "self_test"), Some(&json!("passed")), "{finished:?}");
    assert!(file.results.len() >= 8, "{file:?}");
    for test in TESTS {
        let header = Header::parse(&fs::read(script(test)).expect("a script")).expect("a header");
        for (key, _) in &file.results {
            assert!(header.results.iter().any(|(known, _)| known == key), "{key} in shakedown-smartctl-{test}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_tested_is_skipped_with_the_reason() {
    let machine = Machine::with("sda", &virtio());
    for test in TESTS {
        let (finished, file) = call(&machine, test, "None").await;
        assert_eq!((finished.code, file.status), (Some(0), Some(Verdict::Skipped)), "{test}: {finished:?}");
        assert!(
            value(&file, "reason").and_then(Value::as_str).is_some_and(|reason| reason.contains("Unable to detect"))
        );
    }
}

#[tokio::test]
async fn what_has_no_proof_fails() {
    let machine = Machine::with("sda", &ata());
    let (finished, file) = call(&machine, "long", "None").await;
    assert_eq!((finished.code, file.status), (Some(3), Some(Verdict::Failed)), "never begun: {finished:?}");
    machine.mode("/dev/sda", "x", "absent");
    let (finished, file) = call(&machine, "validate", "300.0").await;
    assert_eq!((finished.code, file.status), (Some(3), Some(Verdict::Failed)), "no smartctl: {finished:?}");
    assert!(finished.stdout.starts_with("error: /dev/sda: "), "{finished:?}");
}

#[tokio::test]
async fn a_raid_volume_is_tested_by_the_disks_behind_it() {
    let machine = Machine::with("sda", &volume());
    machine.hang_on("sda", "host6");
    machine.scan(&[("/dev/bus/6", "megaraid,8"), ("/dev/bus/6", "megaraid,9"), ("/dev/bus/7", "megaraid,1")]);
    let mut bad = ata();
    bad["smart_status"]["passed"] = false.into();
    for (number, report) in [("8", &ata()), ("9", &bad)] {
        let mut report = report.clone();
        report["serial_number"] = number.into();
        machine.answer(&format!("/dev/bus/6+megaraid,{number}"), "x", &report);
    }
    let (finished, file) = call(&machine, "validate", "300.0").await;
    assert_eq!((finished.code, file.status), (Some(1), Some(Verdict::Failed)), "{finished:?}");
    assert_eq!(value(&file, "health"), Some(&json!(["not-supported", "healthy", "failed"])), "{finished:?}");
    assert!(machine.calls().iter().all(|call| !call.contains("/dev/bus/7")), "another controller's");
}

#[tokio::test]
async fn a_raid_volume_whose_disks_cannot_be_found_is_not_skipped() {
    let machine = Machine::with("sda", &volume());
    machine.hang_on("sda", "host6");
    fs::remove_file(machine.path("fake/scan.json")).expect("the list of the fake smartctl");
    let (finished, file) = call(&machine, "validate", "300.0").await;
    assert_eq!((finished.code, file.status), (Some(3), Some(Verdict::Failed)), "{finished:?}");
    let outcome = machine.test(&["--all"]).await;
    assert_eq!((outcome.verdict(), outcome.code()), ("error", 3), "{outcome:?}");
}

#[tokio::test]
async fn a_script_without_agent_says_so() {
    let program = Program::at(&script("validate")).arg("/dev/sda");
    let finished = program.env("SHAKEDOWN_BINARY", "/nowhere").env("PATH", "/usr/bin:/bin").finish().await;
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.starts_with("failed: the program shakedown"), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runner_hands_a_disk_to_the_script_and_the_region_gets_its_result() {
    let mut failing = ata();
    failing["smart_status"]["passed"] = false.into();
    for (report, status, node_status) in [
        (ata(), Status::Passed, NodeStatus::Ready),
        (virtio(), Status::Skipped, NodeStatus::Ready),
        (failing, Status::Failed, NodeStatus::FailedTesting),
    ] {
        // A node that every machine has and that is no disk: smartctl is asked about it, and the fake one answers.
        let machine = Machine::new();
        machine.answer("/dev/null", "x", &report);
        let text = fs::read_to_string(script("validate")).expect("a script");
        let text = text.replace("# packages:\n#   apt: smartmontools\n", "");
        let region = region(&[("testing/shakedown-smartctl-validate", text)], |options: &mut Options| {
            options.status = NodeStatus::Testing;
            let disk = json!({"id": 1, "name": "sda", "model": null, "serial": null, "id_path": "/dev/null"});
            options.disks = vec![disk.as_object().cloned().expect("a mapping")];
        })
        .await;
        let node = Node::of(&region);
        let finished = node.run().env("SHAKEDOWN_SMARTCTL", machine.smartctl()).finish().await;
        let row = row(&region, "shakedown-smartctl-validate");
        assert_eq!(row.status, status, "{finished:?} {}", String::from_utf8_lossy(&row.stdout));
        assert_eq!(region.node_status(), node_status);
        assert_eq!(machine.calls(), ["--json=o -x /dev/null"]);
    }
}
