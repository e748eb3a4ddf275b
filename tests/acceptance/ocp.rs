//! The judgement in the form of OCP Test & Validation 2.0, held to its rules: by a check of its own, and by the schemas where they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::{server, shared};

/// Keys of an object of the form: those that have to be there, and those that may be.
const OBJECTS: [(&str, &[&str], &[&str]); 9] = [
    ("testRunStart", &["name", "version", "commandLine", "parameters", "dutInfo"], &["metadata"]),
    ("testRunEnd", &["status", "result"], &[]),
    ("testStepStart", &["name"], &[]),
    ("testStepEnd", &["status"], &[]),
    ("measurement", &["name", "value"], &["unit", "validators", "hardwareInfoId", "subcomponent", "metadata"]),
    ("diagnosis", &["verdict", "type"], &["message", "hardwareInfoId", "subcomponent", "sourceLocation"]),
    ("error", &["symptom"], &["message", "softwareInfoIds", "sourceLocation"]),
    ("log", &["severity", "message"], &["sourceLocation"]),
    ("schemaVersion", &["major", "minor"], &[]),
];

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// What breaks the form in an object of a known name.
fn object(name: &str, value: &Value, found: &mut Vec<String>) {
    let Some((_, needed, allowed)) = OBJECTS.iter().find(|(known, ..)| *known == name) else {
        return found.push(format!("{name} is unknown"));
    };
    let own = keys(value);
    found.extend(needed.iter().filter(|key| !own.contains(*key)).map(|key| format!("{name} has no {key}")));
    let is_known = |key: &&str| needed.contains(key) || allowed.contains(key);
    found.extend(own.iter().filter(|key| !is_known(key)).map(|key| format!("{name} has {key}")));
    found.extend(
        value.as_object().into_iter().flatten().filter(|(_, v)| v.is_null()).map(|(k, _)| format!("{k} is null")),
    );
}

/// What breaks the form or its rules in the lines of a run.
fn faults(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut open, mut hardware, mut has_failed) = (BTreeSet::new(), BTreeSet::new(), false);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    for (number, line) in lines.iter().enumerate() {
        if line["sequenceNumber"] != json!(number)
            || !line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z'))
        {
            found.push(format!("line {number}: number or time"));
        }
        let kinds: Vec<&str> =
            keys(line).into_iter().filter(|key| !["sequenceNumber", "timestamp"].contains(key)).collect();
        let [kind] = kinds.as_slice() else { panic!("line {number} has {kinds:?}") };
        if (number == 0) != (*kind == "schemaVersion") {
            found.push(format!("line {number}: {kind}"));
        }
        if *kind == "schemaVersion" {
            object(kind, &line[kind], &mut found);
            continue;
        }
        let step = line[kind]["testStepId"].as_str();
        for (name, value) in line[kind].as_object().into_iter().flatten().filter(|(name, _)| *name != "testStepId") {
            object(name, value, &mut found);
            match name.as_str() {
                "testRunStart" => hardware.extend(parts(value)),
                "testStepStart" => drop(open.insert(step)),
                "diagnosis" => has_failed |= value["type"] == "FAIL",
                _ => {}
            }
            if step.is_some() && !open.contains(&step) || step.is_none() != name.starts_with("testRun") {
                found.push(format!("line {number}: {name} is out of place"));
            }
            if value["hardwareInfoId"].as_str().is_some_and(|id| !hardware.contains(id)) {
                found.push(format!("line {number}: the part is not in dutInfo"));
            }
            if name == "testStepEnd" {
                open.remove(&step);
            }
        }
    }
    let end = &lines.last().expect("a line")["testRunArtifact"]["testRunEnd"];
    let allowed = [("COMPLETE", "PASS"), ("COMPLETE", "FAIL"), ("ERROR", "NOT_APPLICABLE"), ("SKIP", "NOT_APPLICABLE")];
    let ending = (end["status"].as_str().unwrap_or(""), end["result"].as_str().unwrap_or(""));
    if !allowed.contains(&ending) || !open.is_empty() || has_failed && ending.1 == "PASS" {
        found.push(format!("the end: {ending:?}, open steps {open:?}"));
    }
    found
}

fn parts(start: &Value) -> Vec<String> {
    let list = start["dutInfo"]["hardwareInfos"].as_array().expect("a list");
    list.iter().map(|part| part["hardwareInfoId"].as_str().expect("an id").to_owned()).collect()
}

fn accept(profile: &str, machine: &Value) -> (String, Option<i32>) {
    let place = tempfile::tempdir().expect("a temporary directory");
    fs::write(place.path().join("machine.json"), machine.to_string()).expect("a small file");
    fs::write(place.path().join("x.toml"), profile).expect("a small file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.args(["accept", "--profile", "x.toml", "--root", "machine.json", "--format", "ocp"]);
    let output =
        command.current_dir(place.path()).env_remove("RESULT_PATH").output().expect("the program can be started");
    (String::from_utf8(output.stdout).expect("UTF-8"), output.status.code())
}

/// Each verdict: the profile, a change of the server, the exit status and the end of the run.
type Case = (&'static str, fn(&mut Value), i32, (&'static str, &'static str));

const CASES: [Case; 4] = [
    ("[cpu]\ncount = 2\n", |_| {}, 0, ("COMPLETE", "PASS")),
    ("[firmware]\nbios = \"2.4.3\"\n", |_| {}, 0, ("COMPLETE", "PASS")),
    (
        "[[memory]]\ncount = 16\nsize = \"64 GiB\"\nkind = \"DDR5\"\n",
        |m| m["memory"]["dimms"][0]["size"] = (32_u64 << 30).into(),
        1,
        ("COMPLETE", "FAIL"),
    ),
    ("[firmware]\nbmc = \"7.10\"\n", |m| m["bmc"]["firmware"] = Value::Null, 3, ("ERROR", "NOT_APPLICABLE")),
];

#[test]
fn each_verdict_is_a_run_that_keeps_to_the_form() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut files = Vec::new();
    for (number, (profile, change, code, (status, result))) in CASES.into_iter().enumerate() {
        let mut machine = server::compute();
        change(&mut machine);
        let (text, exit) = accept(&format!("schema = 1\nname = \"x\"\n{profile}"), &machine);
        assert_eq!((exit, faults(&text)), (Some(code), vec![]), "{text}");
        let end = format!("{{\"testRunEnd\":{{\"status\":\"{status}\",\"result\":\"{result}\"}}}}");
        assert!(text.lines().last().is_some_and(|line| line.contains(&end)), "{text}");
        let path = place.path().join(format!("{number}.jsonl"));
        fs::write(&path, text).expect("a small file");
        files.push(path);
    }
    // The schemas themselves, where they are and Python has a validator.
    let Some(folder) = shared::folder() else { return };
    let validator = folder.join("contract/ocp-schema/validate.py");
    assert!(Path::new(&validator).is_file(), "{} is missing", validator.display());
    let has_module = Command::new("python3").args(["-c", "import jsonschema"]).output();
    if has_module.is_ok_and(|output| output.status.success()) {
        let output = Command::new("python3").arg(validator).args(&files).output().expect("python3 is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn a_deviation_is_a_measurement_with_its_diagnosis_on_the_part() {
    let (profile, change, ..) = CASES[2];
    let mut machine = server::compute();
    change(&mut machine);
    let (text, _) = accept(&format!("schema = 1\nname = \"x\"\n{profile}"), &machine);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let part = &lines[1]["testRunArtifact"]["testRunStart"]["dutInfo"]["hardwareInfos"][0];
    assert_eq!(
        *part,
        json!({"name": "memory slot A1", "location": "slot A1", "partType": "DIMM", "hardwareInfoId": "0"})
    );
    let measurement = &lines[3]["testStepArtifact"]["measurement"];
    assert_eq!((measurement["name"].as_str(), measurement["value"].as_str()), (Some("memory.size"), Some("32 GiB")));
    assert_eq!(measurement["metadata"]["ordered"], "64 GiB");
    let diagnosis = &lines[4]["testStepArtifact"]["diagnosis"];
    assert_eq!((diagnosis["verdict"].as_str(), diagnosis["type"].as_str()), (Some("bom-memory-size"), Some("FAIL")));
}
