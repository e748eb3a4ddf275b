//! The form of the Open Compute Project: valid by its schema, and no verdict better than the run's.

use serde_json::Value;
use shakedown::sandbox::NodeStatus;

use crate::forms::mixed;
use crate::harness::{Machine, Script, region};
use crate::ocp_schema::faults;

fn lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn end(output: &str) -> (String, String) {
    let end = lines(output).pop().expect("a last line")["testRunArtifact"]["testRunEnd"].clone();
    let word = |key: &str| end[key].as_str().unwrap_or_default().to_owned();
    (word("status"), word("result"))
}

#[tokio::test]
async fn every_result_is_a_step_with_its_conclusion() {
    let machine = mixed().await;
    let output = machine.report("ocp").await;
    assert_eq!(faults(&output), Vec::<String>::new());
    let lines = lines(&output);
    let step_of = |name: &str| {
        let start =
            lines.iter().find(|line| line.pointer("/testStepArtifact/testStepStart/name") == Some(&name.into()));
        let id = start.unwrap_or_else(|| panic!("a step {name}"))["testStepArtifact"]["testStepId"].clone();
        let own: Vec<&Value> =
            lines.iter().map(|line| &line["testStepArtifact"]).filter(|one| one["testStepId"] == id).collect();
        let find = |kind: &str, key: &str| own.iter().find_map(|one| one[kind][key].as_str()).unwrap_or("-").to_owned();
        [
            find("diagnosis", "type"),
            find("diagnosis", "verdict"),
            find("error", "symptom"),
            find("testStepEnd", "status"),
        ]
    };
    let words = |words: [&str; 4]| words.map(str::to_owned);
    assert_eq!(step_of("passes"), words(["PASS", "script-passed", "-", "COMPLETE"]));
    assert_eq!(step_of("fails"), words(["FAIL", "script-failed", "-", "COMPLETE"]));
    assert_eq!(step_of("slow"), words(["FAIL", "script-timed-out", "-", "COMPLETE"]));
    assert_eq!(step_of("degraded"), words(["UNKNOWN", "script-degraded", "-", "COMPLETE"]));
    assert_eq!(step_of("skipped"), words(["-", "-", "-", "SKIP"]));
    assert_eq!(step_of("lacking"), words(["-", "-", "packages-not-installed", "ERROR"]));
    // One script never came to its test, so nobody can say that all was tested.
    assert_eq!(end(&output), ("ERROR".into(), "NOT_APPLICABLE".into()));
    let degraded = lines
        .iter()
        .find(|line| line.pointer("/testStepArtifact/diagnosis/verdict") == Some(&"script-degraded".into()));
    let hardware = &degraded.expect("a diagnosis")["testStepArtifact"]["diagnosis"]["hardwareInfoId"];
    let listed = &lines[1]["testRunArtifact"]["testRunStart"]["dutInfo"]["hardwareInfos"];
    let named = listed.as_array().expect("hardware").iter().find(|one| one["hardwareInfoId"] == *hardware);
    assert_eq!(named.expect("it is listed")["name"], "sda");
}

#[tokio::test]
async fn the_result_of_the_run_is_that_of_its_scripts() {
    for (script, expected) in [
        (Script::testing("one", "true"), ("COMPLETE", "PASS")),
        (Script::testing("one", "false"), ("COMPLETE", "FAIL")),
        (Script::testing("one", "echo '{status: skipped}' > \"$RESULT_PATH\""), ("SKIP", "NOT_APPLICABLE")),
    ] {
        let machine = Machine::new();
        let region = region(NodeStatus::Testing, &[script]).await;
        machine.run(&region).end().await;
        let output = machine.report("ocp").await;
        assert_eq!(faults(&output), Vec::<String>::new());
        let (status, result) = end(&output);
        assert_eq!((status.as_str(), result.as_str()), expected, "{output}");
    }
}

#[test]
fn the_check_finds_faults() {
    let valid = [
        r#"{"schemaVersion":{"major":2,"minor":0},"sequenceNumber":0,"timestamp":"2026-11-30T09:30:00Z"}"#,
        r#"{"testRunArtifact":{"testRunStart":{"name":"a","version":"1","commandLine":"a","parameters":{},"dutInfo":{"dutInfoId":"x"}}},"sequenceNumber":1,"timestamp":"2026-11-30T09:30:00Z"}"#,
        r#"{"testStepArtifact":{"testStepId":"0","testStepStart":{"name":"s"}},"sequenceNumber":2,"timestamp":"2026-11-30T09:30:00Z"}"#,
        r#"{"testStepArtifact":{"testStepId":"0","diagnosis":{"verdict":"bad","type":"FAIL"}},"sequenceNumber":3,"timestamp":"2026-11-30T09:30:00Z"}"#,
        r#"{"testStepArtifact":{"testStepId":"0","testStepEnd":{"status":"COMPLETE"}},"sequenceNumber":4,"timestamp":"2026-11-30T09:30:00Z"}"#,
        r#"{"testRunArtifact":{"testRunEnd":{"status":"COMPLETE","result":"FAIL"}},"sequenceNumber":5,"timestamp":"2026-11-30T09:30:00Z"}"#,
    ]
    .join("\n");
    assert_eq!(faults(&valid), Vec::<String>::new());
    for (right, wrong) in [
        ("\"major\":2", "\"major\":3"),
        ("\"sequenceNumber\":3", "\"sequenceNumber\":7"),
        ("\"sequenceNumber\":3", "\"sequenceNumber\":null"),
        ("\"type\":\"FAIL\"", "\"type\":\"BROKEN\""),
        ("\"verdict\":\"bad\"", "\"verdict\":\"bad\",\"hardwareInfoId\":\"9\""),
        ("\"verdict\":\"bad\"", "\"verdict\":\"bad\",\"colour\":\"red\""),
        ("\"verdict\":\"bad\",", ""),
        ("\"result\":\"FAIL\"", "\"result\":\"PASS\""),
        ("\"testStepEnd\"", "\"testStepStop\""),
        ("\"parameters\":{},", ""),
        ("09:30:00Z\"}", "09:30\"}"),
    ] {
        assert!(valid.contains(right), "{right}");
        assert_ne!(faults(&valid.replacen(right, wrong, 1)), Vec::<String>::new(), "{wrong}");
    }
}
