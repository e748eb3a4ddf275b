//! A judgement in the form of the Open Compute Project: valid by its schema, and no verdict better than the judgement.

use std::process::Command;

use serde_json::Value;

use crate::ocp_schema::faults;
use crate::program::{Place, example, text};
use crate::{left_out, shared};

/// The lines of a judgement on a file.
fn judged(place: &Place, profile: &str, file: &str) -> Vec<Value> {
    let output = place.accept(&["--profile", profile, "--root", file, "--format", "ocp"]);
    let output = text(&output.stdout);
    assert_eq!(faults(&output), Vec::<String>::new(), "{output}");
    output.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn all<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter_map(|line| line["testStepArtifact"].get(kind)).collect()
}

fn end(lines: &[Value]) -> (Option<&str>, Option<&str>) {
    let end = &lines.last().expect("a last line")["testRunArtifact"]["testRunEnd"];
    (end["status"].as_str(), end["result"].as_str())
}

#[test]
fn an_accepted_machine_passes_with_the_values_that_prove_it() {
    let place = Place::new();
    let lines = judged(&place, &example("compute.toml"), "good.json");
    assert_eq!(end(&lines), (Some("COMPLETE"), Some("PASS")));
    let firmware = all(&lines, "measurement").into_iter().find(|one| one["name"] == "firmware.bmc").cloned();
    let firmware = firmware.expect("the firmware of the BMC was compared");
    assert_eq!((&firmware["value"], &firmware["metadata"]["ordered"]), (&"7.10".into(), &"at least 7.10".into()));
    let verdicts: Vec<&str> = all(&lines, "diagnosis").iter().filter_map(|one| one["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["bom-accepted"]);
}

#[test]
fn each_deviation_is_a_failure_with_its_device() {
    let place = Place::new();
    let lines = judged(&place, &example("compute.toml"), "bad.json");
    assert_eq!(end(&lines), (Some("COMPLETE"), Some("FAIL")));
    let verdicts: Vec<&str> = all(&lines, "diagnosis").iter().filter_map(|one| one["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["bom-firmware-bmc", "bom-rejected"]);
    let count = all(&lines, "measurement").into_iter().find(|one| one["name"] == "deviations").expect("their number");
    assert_eq!((&count["value"], &count["validators"][0]["value"]), (&1.into(), &0.into()));
}

#[test]
fn an_unknown_value_is_an_error_and_no_pass() {
    let place = Place::new();
    place.write("bmc.toml", "schema = 1\nname = \"b\"\nfirmware = { bmc = \"7.10\" }\n");
    let lines = judged(&place, "bmc.toml", "mute.json");
    assert_eq!(end(&lines), (Some("ERROR"), Some("NOT_APPLICABLE")));
    assert_eq!(all(&lines, "error")[0]["symptom"], "value-not-known");
}

/// A second opinion: the validator that stands beside the schema files, where Python has what it needs.
#[test]
fn the_validator_of_the_schema_finds_no_fault_either() {
    let Some(folder) = shared::folder() else { return };
    let has_module = Command::new("python3").args(["-c", "import jsonschema"]).output();
    if !has_module.is_ok_and(|output| output.status.success()) {
        return left_out::say("a second opinion on OCP output: python3 has no jsonschema");
    }
    let place = Place::new();
    for file in ["good.json", "bad.json", "mute.json"] {
        let output = place.accept(&["--profile", &example("compute.toml"), "--root", file, "--format", "ocp"]);
        place.write("output.jsonl", &text(&output.stdout));
        let validator = folder.join("contract/ocp-schema/validate.py");
        let checked = Command::new("python3").arg(&validator).arg(place.path("output.jsonl")).output();
        let checked = checked.expect("python3 was there a moment ago");
        assert!(checked.status.success(), "{file}: {}{}", text(&checked.stdout), text(&checked.stderr));
    }
}
