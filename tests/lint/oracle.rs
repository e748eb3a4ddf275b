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
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex")).collect()
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
        Ok(read) => json!({"answer": "accepted", "status": read.status.map(|status| status.word())}),
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
