//! YAML as a region reads it: against PyYAML itself, which is the region's reader, and against what a region answered.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use shakedown::script::{ResultFile, ResultFileError};
use shakedown::yaml::{self, Node};

use crate::support::left_out;

/// What PyYAML makes of generated files, or of given ones; nothing where there is no PyYAML.
fn asked(arguments: &[&str], given: &str) -> Option<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/dev/yaml-oracle.py");
    // Debian's own python has the package python3-yaml, whatever else is first in PATH.
    for python in ["python3", "/usr/bin/python3"] {
        let mut command = Command::new(python);
        command.arg(&script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else { continue };
        let mut stdin = child.stdin.take().expect("a pipe");
        let given = given.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(given.as_bytes()));
        let output = child.wait_with_output().expect("an end");
        let _ = writer.join();
        if output.status.code() == Some(77) {
            continue;
        }
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        return Some(text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect());
    }
    left_out::say("YAML against PyYAML: there is no python3 with the package python3-yaml");
    None
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex"))
        .collect()
}

fn typed(node: &Node) -> Value {
    match node {
        Node::Null => json!(["null"]),
        Node::Bool(value) => json!(["bool", value]),
        Node::Int(number) => json!(["int", number.digits]),
        Node::Float(number) if number.value.is_nan() => json!(["float", "nan"]),
        Node::Float(number) => json!(["float", format!("{:016x}", number.value.to_bits())]),
        Node::String(text) => json!(["str", text]),
        Node::Sequence(items) => json!(["list", items.iter().map(typed).collect::<Vec<_>>()]),
        Node::Mapping(pairs) => {
            json!(["dict", pairs.iter().map(|(key, value)| json!([typed(key), typed(value)])).collect::<Vec<_>>()])
        }
        Node::Other(other) => json!([other.name()]),
    }
}

/// What we make of a file, in the oracle's words.
fn ours(file: &[u8]) -> Value {
    let mut ours = match ResultFile::parse(file, false) {
        Ok(read) => json!({"answer": "accepted", "status": read.status.map(shakedown::script::Verdict::word)}),
        Err(error @ ResultFileError::Poison { .. }) => json!({"answer": "poison", "why": error.to_string()}),
        Err(error) => json!({"answer": "refused", "why": error.to_string()}),
    };
    if let Ok(document) = yaml::parse(file) {
        ours["document"] = typed(&document);
    }
    ours
}

fn differs(case: &Value) -> bool {
    let ours = ours(&bytes(case["hex"].as_str().expect("hex")));
    // PyYAML's document is missing where it holds itself.
    let is_other = |field: &str| ours[field] != case[field];
    is_other("answer") || is_other("status") || case.get("document").is_some() && is_other("document")
}

fn differences(cases: &[Value]) -> Vec<String> {
    let tell = |case: &Value| {
        let file = bytes(case["hex"].as_str().expect("hex"));
        format!("{:?}\n  PyYAML {}\n  ours   {}", String::from_utf8_lossy(&file), without_hex(case), ours(&file))
    };
    cases.iter().filter(|case| differs(case)).map(tell).collect()
}

fn without_hex(case: &Value) -> Value {
    let mut case = case.clone();
    case.as_object_mut().map(|fields| fields.remove("hex"));
    case
}

/// `scripts/dev/yaml-oracle COUNT SEED` asks for more of them than the thousand that every run makes.
#[test]
fn generated_files_are_read_as_pyyaml_reads_them() {
    let variable = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let (count, seed) = (variable("SHAKEDOWN_ORACLE_COUNT", "1000"), variable("SHAKEDOWN_ORACLE_SEED", "1"));
    let Some(cases) = asked(&[&count, &seed], "") else { return };
    assert_eq!(cases.len().to_string(), count);
    let accepted = cases.iter().filter(|case| case["answer"] == "accepted").count();
    assert!(accepted * 5 > cases.len(), "only {accepted} of {count} can be read, which compares little");
    let found = differences(&cases);
    assert!(found.is_empty(), "{} of {count} differ:\n{}", found.len(), found[..found.len().min(25)].join("\n"));
}

/// What PyYAML raises of a tag is refused by a region, or breaks the whole request, depending on the kind of error.
#[test]
fn each_tag_on_each_kind_of_value_is_read_as_pyyaml_reads_it() {
    let tags = "str int float bool null timestamp binary seq map set omap pairs merge value".split(' ');
    let values = "x|\"\"|12|1:2|- a|\"2024-01-01\"|[a]|[]|{}|{a: b}|{=: \"2024-01-01\"}|{=: x}|{=: 1}|{=: yes}|{=: [a]}|{=: {=: 1}}|{=: {a: 1}}\
        |{=: \"\"}|{? =: x}|{a: 1, =: 2, =: x}|{<<: {=: \"2024-01-01\"}}|{=: 2024-02-30}|\"+\"|\"--1\"|\"+-1\"|\"-\"|\"0_\"|\"0b\"|\"0x\"|\"0\"\
        |\"0o7\"|\"0o8\"|\"08\"|\"0b0b1\"|\"0x0x1\"|\"1:x\"|\"1::5\"|\"- 1\"|\" 1 \"|\"1\\u00a0\"|\"\\u20031\"|\"é\"|\"İ\"|\"1e400\"\
        |\"1__0.5\"|\"0x1p3\"|\"nan\"|\"-Infinity\"|\"1:2:x\"|\"2024-01-01T00:00:00.9999999999\"|\"2024-01-01\\n\"|\"2024-1-1\"\
        |[{a: b}]|[{a: b, c: d}]|[[a]]|{a}|{[a]}|[x, 2024-13-01]|\"YQ==\"|\"YQ=\"|\"Y Q = =\"|{=: \"YQ==\"}";
    let values: Vec<&str> = values.split('|').collect();
    let mut documents: Vec<String> = tags
        .flat_map(|tag| {
            let written = values.iter().flat_map(move |value| {
                [format!("a: !!{tag} {value}\n"), format!("status: failed\nresults: {{!!{tag} {value}: 1}}\n")]
            });
            written.collect::<Vec<_>>()
        })
        .collect();
    let (nines, ones) = ("9".repeat(4301), "1".repeat(20_000));
    documents.extend([
        "a: &a !!timestamp {=: *a}".to_owned(),
        "a: &a !!str {=: *a}".to_owned(),
        "<<: {<<: [1]}".to_owned(),
        "a: &a {<<: *a}".to_owned(),
        "a: &a {<<: [*a]}".to_owned(),
        "{=: x}: 1".to_owned(),
        "a: !%00x b".to_owned(),
        "2024-01-01: a\n2024-01-01T00:00:00Z: b\n2024-01-01T00:00:00: c".to_owned(),
        "a: 0001-01-01T00:00:00+23:59".to_owned(),
        format!("%YAML 1.{nines}\n---\na: b"),
        format!("%YAML {nines}.1\n---\na: b"),
        format!("a: 1:{nines}"),
        format!("a: {nines}.5"),
        format!("a: !!float {nines}"),
        format!("a: 1_{nines}"),
        format!("a: {}1", "1:".repeat(500)),
        format!("a: 0b{ones}"),
    ]);
    let hex = |text: &String| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n";
    let Some(cases) = asked(&["-"], &documents.iter().map(hex).collect::<String>()) else { return };
    assert_eq!(cases.len(), documents.len());
    let found = differences(&cases);
    assert!(found.is_empty(), "{} of {} differ:\n{}", found.len(), cases.len(), found.join("\n"));
}

/// Scenarios of a real region whose names begin like this; none where the recordings are not at hand.
fn recorded(name: &str) -> Vec<Value> {
    let Some(folder) = std::env::var_os("SHAKEDOWN_SHARED") else { return Vec::new() };
    let file = Path::new(&folder).join("contract/exchanges-2.jsonl");
    let text = std::fs::read_to_string(&file).expect("the recordings");
    let scenarios = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    scenarios.filter(|scenario: &Value| scenario["scenario"].as_str().is_some_and(|it| it.starts_with(name))).collect()
}

/// The content of an uploaded file, where the recording has it.
fn content(file: &Value) -> Option<Vec<u8>> {
    use base64::Engine as _;
    match (file["text"].as_str(), file["base64"].as_str()) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (_, Some(text)) => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        _ => None,
    }
}

/// `accepted`, `refused`, `not stored` with what it decided.
#[test]
fn result_files_are_read_as_a_region_read_them() {
    let scenarios = recorded("result file");
    let mut seen = 0;
    for scenario in &scenarios {
        let name = scenario["scenario"].as_str().expect("a name");
        for step in scenario["steps"].as_array().expect("steps") {
            let files = step["request"]["multipart"]["files"].as_array().cloned().unwrap_or_default();
            let file = files.iter().find(|file| file["name"].as_str().is_some_and(|name| name.ends_with(".yaml")));
            let Some((file, answer)) = file.and_then(content).zip(step["after"]["result_file"].as_str()) else {
                continue;
            };
            seen += 1;
            let read = ResultFile::parse(&file, name.contains("interface"));
            let text = String::from_utf8_lossy(&file).chars().take(200).collect::<String>();
            match answer {
                "not stored" => assert!(matches!(read, Err(ResultFileError::Poison { .. })), "{text}: {read:?}"),
                "refused" => assert!(
                    read.is_err() && !matches!(read, Err(ResultFileError::Poison { .. })),
                    "{text}: {read:?} {}",
                    step["after"]["why"]
                ),
                _ => {
                    let status =
                        read.as_ref().map(|file| file.status.map_or("Passed".to_owned(), |it| it.status().to_string()));
                    let stored = &step["after"]["results"][0];
                    let exit_decides = read.as_ref().is_ok_and(|file| file.status.is_none());
                    assert!(
                        read.is_ok()
                            && (exit_decides
                                || status.as_ref().ok() == stored["status"].as_str().map(str::to_owned).as_ref()),
                        "{text}: {read:?}, region {stored}"
                    );
                }
            }
        }
    }
    assert!(scenarios.is_empty() || seen > 150, "{seen}");
}

/// Uploads of a script: what was taken, and what of it was kept.
#[test]
fn headers_are_read_as_a_region_read_them() {
    let scenarios = recorded("script header");
    let (mut seen, mut found) = (0, Vec::new());
    for step in scenarios.iter().flat_map(|scenario| scenario["steps"].as_array().cloned().unwrap_or_default()) {
        let request = &step["request"]["multipart"];
        let is_plain = step["request"]["method"] == "POST" && request["fields"].as_array().is_none_or(Vec::is_empty);
        let answer = &step["response"];
        // Which names are taken is not in the script.
        let is_about_others = answer["json"].to_string().contains("already exists");
        let Some(script) = content(&request["files"][0]).filter(|_| is_plain && !is_about_others) else { continue };
        seen += 1;
        let read = shakedown::script::Header::parse(&script);
        let is_taken = read.as_ref().is_ok_and(|header| header.name.is_some());
        // Parameters are judged when a machine is told to run the script, by us at once.
        let is_later = |problem: &shakedown::script::Problem| ["parameters", "parameter-type"].contains(&problem.rule);
        let differs = match (&read, &answer["stored"]) {
            (Err(problems), _) if answer["status"] == 200 => !problems.iter().all(is_later),
            _ if is_taken != (answer["status"] == 200) => true,
            (Ok(header), stored) if is_taken && stored.is_object() => {
                let text = |field: &str| stored[field].as_str().unwrap_or_default().to_owned();
                let flag = |field: &str| stored[field] == true;
                header.name.as_deref() != Some(&*text("name"))
                    // Lists and the like as Python prints them are nothing that anybody means.
                    || header.title.as_ref().is_some_and(|title| *title != text("title"))
                    || stored["parallel"].as_u64().unwrap_or(0) != header.parallel as u64
                    || stored["hardware_type"].as_u64().unwrap_or(0) != header.hardware_type as u64
                    || header.destructive != flag("destructive")
                    || header.may_reboot != flag("may_reboot")
                    || header.recommission != flag("recommission")
                    || header.apply_configured_networking != flag("apply_configured_networking")
            }
            _ => false,
        };
        if differs {
            found.push(format!(
                "{:?}\n  region {} {}\n  ours   {read:?}",
                step["label"], answer["status"], answer["stored"]
            ));
        }
    }
    assert!(found.is_empty(), "{} of {seen} differ:\n{}", found.len(), found.join("\n"));
    assert!(scenarios.is_empty() || seen > 250, "{seen}");
}
