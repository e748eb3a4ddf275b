//! `shakedown disk judge` as a user calls it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::fixture;

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.args(["disk", "judge"]).args(words);
    command.current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/disk/fixtures"));
    command
}

fn judge(words: &[&str]) -> Output {
    program(words).output().expect("the program starts")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn with_policy(policy: &str) -> Output {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(policy.as_bytes()).expect("the policy");
    judge(&["--policy", &file.path().to_string_lossy(), "ata-pending-7.5.txt"])
}

#[test]
fn each_file_has_a_line_with_its_verdict_and_reasons() {
    let output = judge(&["ata-pending-7.5.txt", "nvme-well-7.3.json", "usage-7.3.json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = lines(&output);
    let told = |line: &Value| [line["file"].clone(), line["transport"].clone(), line["verdict"].clone()];
    assert_eq!(told(&lines[0]), ["ata-pending-7.5.txt", "ata", "degraded"]);
    assert_eq!(told(&lines[1]), ["nvme-well-7.3.json", "nvme", "healthy"]);
    assert_eq!(told(&lines[2]), ["usage-7.3.json", "unknown", "error"]);
    let reason = &lines[0]["reasons"][0];
    assert_eq!(reason["code"], "pending-sectors");
    assert_eq!((&reason["severity"], &reason["when"]), (&"degraded".into(), &"present".into()));
    assert_eq!((&reason["number"], &reason["threshold"]), (&2.into(), &0.into()));
    assert!(reason["seen"].is_string() && reason["meaning"].is_string() && reason["next"].is_string());
}

#[test]
fn a_file_that_is_not_there_spoils_nothing_and_is_told_by_the_exit_code() {
    let output = judge(&["nowhere", "ata-pending-7.5.txt"]);
    assert_eq!(output.status.code(), Some(3));
    let lines = lines(&output);
    assert_eq!((&lines[0]["verdict"], &lines[1]["verdict"]), (&"error".into(), &"degraded".into()));
    assert_eq!(lines[0]["reasons"][0]["code"], "unreadable");
}

#[test]
fn with_check_the_exit_code_tells_of_failures() {
    assert_eq!(judge(&["--check", "ata-pending-7.5.txt", "virtio-7.3.json"]).status.code(), Some(0));
    assert_eq!(judge(&["--check", "ata-pending-7.5.txt", "nvme-read-only-7.2.txt"]).status.code(), Some(1));
    assert_eq!(judge(&["--check", "usage-7.3.json"]).status.code(), Some(1));
    assert_eq!(judge(&["nvme-read-only-7.2.txt"]).status.code(), Some(0));
}

#[test]
fn standard_input_is_a_file() {
    let mut child = program(&["-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    child.stdin.take().expect("its input").write_all(&fixture("ata-pending-7.5.txt")).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((&lines(&output)[0]["file"], &lines(&output)[0]["verdict"]), (&"-".into(), &"degraded".into()));
}

#[test]
fn a_policy_is_applied_and_a_wrong_one_judges_nothing() {
    assert_eq!(lines(&with_policy("pending-sectors = \"failed\""))[0]["verdict"], "failed");
    let output = with_policy("pending-sector = \"failed\"");
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("did you mean `pending-sectors`"), "{error}");
}

#[test]
fn a_previous_report_tells_what_is_new_and_must_be_of_the_same_drive() {
    let output = judge(&["--previous", "ata-well-7.1.txt", "ata-pending-7.5.txt"]);
    assert_eq!(lines(&output)[0]["reasons"][0]["new"], true);
    let output = judge(&["--previous", "nvme-well-7.3.json", "ata-pending-7.5.txt"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another drive"));
}
