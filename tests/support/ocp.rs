//! A check of Test & Validation output of the Open Compute Project: every line against the project's own schema files
//! (`ocp-schema/`, MIT, with their licence), and the rules that a schema cannot state.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

const BASE: &str = "https://github.com/opencomputeproject/ocp-diag-core/";

/// All faults of an output; none for a valid one.
pub(crate) fn faults(output: &str) -> Vec<String> {
    let schemas = schemas();
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        schemas.check("output", "", line, &format!("line {number}"), &mut found);
    }
    found.extend(broken_rules(&lines));
    found
}

/// Schema files by the last part of their `$id`.
struct Schemas(BTreeMap<String, Value>);

fn schemas() -> Schemas {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/ocp-schema");
    let files = std::fs::read_dir(folder).expect("the folder of schemas").flatten();
    let json = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "json"));
    let schema = json.map(|file| {
        let text = std::fs::read_to_string(file.path()).expect("a schema");
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        let id = schema["$id"].as_str().expect("an id").strip_prefix(BASE).expect("the usual id").to_owned();
        (id, schema)
    });
    let all = Schemas(schema.collect());
    assert_eq!(all.0.len(), 21, "all schema files are there");
    all
}

impl Schemas {
    /// Checks a value against the part of a file at a JSON pointer.
    fn check(&self, file: &str, pointer: &str, value: &Value, at: &str, found: &mut Vec<String>) {
        let schema = self.0[file].pointer(pointer).expect("a part of the schema");
        let mut known = BTreeSet::new();
        self.check_words(file, pointer, value, at, found, &mut known);
        let is_closed = ["additionalProperties", "unevaluatedProperties"].iter().any(|word| schema[word] == false);
        if let (true, Some(object)) = (is_closed, value.as_object()) {
            let foreign = object.keys().filter(|key| !known.contains(*key));
            found.extend(foreign.map(|key| format!("{at}: {key} is not in the schema")));
        }
    }

    fn check_words(
        &self,
        file: &str,
        pointer: &str,
        value: &Value,
        at: &str,
        found: &mut Vec<String>,
        known: &mut BTreeSet<String>,
    ) {
        let words = self.0[file].pointer(pointer).and_then(Value::as_object).expect("a schema is an object");
        for (word, wanted) in words {
            let is_kept = match word.as_str() {
                "$ref" => {
                    let target = wanted.as_str().expect("a reference");
                    match target.strip_prefix('#') {
                        Some(own) => self.check(file, own, value, at, found),
                        None => self.check(target.rsplit('/').next().expect("a name"), "", value, at, found),
                    }
                    true
                }
                "type" => match wanted {
                    Value::Array(all) => all.iter().any(|one| is_of(one, value)),
                    one => is_of(one, value),
                },
                "enum" => wanted.as_array().expect("a list").contains(value),
                "const" => wanted == value,
                "minimum" => value.as_f64() >= wanted.as_f64(),
                "format" => wanted != "date-time" || is_time(value),
                "required" => wanted
                    .as_array()
                    .expect("a list")
                    .iter()
                    .all(|key| value.get(key.as_str().expect("a key")).is_some()),
                "items" => {
                    for (place, one) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(file, &format!("{pointer}/items"), one, &format!("{at}/{place}"), found);
                    }
                    true
                }
                "properties" => {
                    for key in wanted.as_object().expect("properties").keys() {
                        if let Some(one) = value.get(key) {
                            known.insert(key.clone());
                            self.check(
                                file,
                                &format!("{pointer}/properties/{key}"),
                                one,
                                &format!("{at}/{key}"),
                                found,
                            );
                        }
                    }
                    true
                }
                "oneOf" => {
                    let count = wanted.as_array().expect("a list").len();
                    let fitting: Vec<(Vec<String>, BTreeSet<String>)> = (0..count)
                        .map(|branch| {
                            let (mut own, mut keys) = (Vec::new(), BTreeSet::new());
                            self.check_words(
                                file,
                                &format!("{pointer}/oneOf/{branch}"),
                                value,
                                at,
                                &mut own,
                                &mut keys,
                            );
                            (own, keys)
                        })
                        .filter(|(_, keys)| !keys.is_empty())
                        .collect();
                    found.extend(fitting.iter().flat_map(|(own, _)| own.clone()));
                    known.extend(fitting.iter().flat_map(|(_, keys)| keys.clone()));
                    fitting.len() == 1
                }
                "$schema"
                | "$id"
                | "$comment"
                | "$defs"
                | "title"
                | "description"
                | "additionalProperties"
                | "unevaluatedProperties" => true,
                other => panic!("the schemas use a word that this check does not know: {other}"),
            };
            if !is_kept {
                found.push(format!("{at}: {word} {wanted} is broken by {value}"));
            }
        }
    }
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("the name of a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("a type that this check does not know: {other}"),
    }
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok())
}

/// The rules of the specification about the stream: numbers, order, references, endings.
fn broken_rules(lines: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let mut steps: BTreeMap<String, bool> = BTreeMap::new();
    let (mut hardware, mut has_failure) = (BTreeSet::new(), false);
    for (number, line) in lines.iter().enumerate() {
        let mut must = |holds: bool, rule: &str| {
            if !holds {
                found.push(format!("line {number}: {rule}"));
            }
        };
        must(line["sequenceNumber"] == number, "the sequence number is that of the line");
        must((number == 0) == line.get("schemaVersion").is_some(), "the version is in the first line alone");
        must(
            (number == 1) == line.pointer("/testRunArtifact/testRunStart").is_some(),
            "the start is in the second line alone",
        );
        let end = line.pointer("/testRunArtifact/testRunEnd");
        must((number + 1 == lines.len()) == end.is_some(), "the end is in the last line alone");
        for one in line
            .pointer("/testRunArtifact/testRunStart/dutInfo/hardwareInfos")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            must(hardware.insert(one["hardwareInfoId"].to_string()), "the id of hardware is unique");
        }
        if let Some(end) = end {
            let pair = (end["status"].as_str().unwrap_or(""), end["result"].as_str().unwrap_or(""));
            let allowed =
                [("COMPLETE", "PASS"), ("COMPLETE", "FAIL"), ("ERROR", "NOT_APPLICABLE"), ("SKIP", "NOT_APPLICABLE")];
            must(allowed.contains(&pair), "status and result fit together");
            must(!has_failure || pair.1 != "PASS", "no run passes after a failure");
            must(!steps.values().any(|is_open| *is_open), "every step has an end");
        }
        let Some(step) = line.get("testStepArtifact") else { continue };
        let id = step["testStepId"].to_string();
        if step.get("testStepStart").is_some() {
            must(steps.insert(id, true).is_none(), "a step starts once");
            continue;
        }
        must(steps.get(&id) == Some(&true), "the step is open");
        for kind in ["measurement", "diagnosis"] {
            if let Some(reference) = step[kind].get("hardwareInfoId") {
                must(hardware.contains(&reference.to_string()), "the hardware is listed");
            }
        }
        has_failure |= step["diagnosis"]["type"] == "FAIL";
        if step.get("testStepEnd").is_some() {
            steps.insert(id, false);
        }
    }
    found
}
