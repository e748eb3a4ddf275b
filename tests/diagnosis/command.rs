//! `shakedown diagnose` as a user calls it.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const LOG: &str =
    "[   10.000000] critical medium error, dev sda, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2\n";
const QUIET: &str = "[   10.000000] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n";

fn diagnose(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shakedown")).arg("diagnose").args(words).output().expect("the program starts")
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("the log");
    file
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

#[test]
fn each_file_is_a_line_with_all_that_is_known_of_each_incident() {
    let (bad, quiet) = (file(LOG), file(QUIET));
    let names = [bad.path().to_string_lossy(), quiet.path().to_string_lossy()];
    let output = diagnose(&["--format", "json", &names[0], &names[1]]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = lines(&output);
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["file"], &lines[1]["file"]), (&names[0].as_ref().into(), &names[1].as_ref().into()));
    assert_eq!(lines[1]["incidents"], Value::Array(Vec::new()));
    let incident = lines[0]["incidents"][0].as_object().expect("an incident");
    let fields: Vec<&str> = incident.keys().map(String::as_str).collect();
    let expected = ["code", "kind", "severity", "device", "count", "first", "last", "meaning", "next", "lines"];
    assert_eq!(fields, expected);
    assert_eq!((&incident["code"], &incident["kind"]), (&"disk-medium-error".into(), &"disk".into()));
    assert_eq!((&incident["severity"], &incident["device"]), (&"error".into(), &"sda".into()));
    assert_eq!((&incident["count"], &incident["first"]), (&1.into(), &"10.000000".into()));
}

#[test]
fn the_exit_code_tells_of_findings_only_when_it_is_asked_to() {
    let (bad, quiet) = (file(LOG), file(QUIET));
    let names = [bad.path().to_string_lossy(), quiet.path().to_string_lossy()];
    assert_eq!(diagnose(&[&names[0]]).status.code(), Some(0));
    assert_eq!(diagnose(&["--check", &names[0], &names[1]]).status.code(), Some(1));
    assert_eq!(diagnose(&["--check", &names[1]]).status.code(), Some(0));
    let output = diagnose(&["--check", "/no/such/log", &names[0]]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/log"), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("disk-medium-error sda"), "the others are judged");
}

#[test]
fn a_text_that_is_no_log_is_not_judged_and_never_called_healthy() {
    let letter = file("Dear all,\n\nthe machine is slow.\n");
    let name = letter.path().to_string_lossy();
    let output = diagnose(&[&name]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("not judged: no line of it is a log line") && !text.contains("nothing is wrong"), "{text}");
}

#[test]
fn people_are_told_meaning_next_step_and_evidence() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(["diagnose", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    program.stdin.take().expect("a pipe").write_all(LOG.as_bytes()).expect("the log");
    let output = program.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    for part in ["error", "disk-medium-error sda", "next: ", "| [10.000000] critical medium error, dev sda"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_copied_machine_tells_its_crash_records_and_its_counters() {
    let root = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    };
    write(
        "sys/fs/pstore/dmesg-efi-170000000001001",
        "Panic#1 Part1\n<0>[  9.0] Kernel panic - not syncing: Fatal exception\n",
    );
    write(
        "sys/fs/pstore/dmesg-efi-170000000002001",
        "Panic#1 Part2\n<1>[  8.0] BUG: kernel NULL pointer dereference, address: 0000000000000000\n",
    );
    write("var/lib/systemd/pstore/16/001/dmesg-efi-160000000001001", "Panic#1 Part1\n[  9.0] rcu: no\n");
    write(
        "var/lib/systemd/pstore/16/001/dmesg.txt",
        "[  9.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [a:1]\n",
    );
    write("sys/devices/system/edac/mc/mc0/dimm0/dimm_ue_count", "2\n");
    write("sys/devices/system/edac/mc/mc0/dimm0/dimm_label", "CPU0_DIMM_A1\n");
    let output = diagnose(&["--format", "json", "--root", &root.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = lines(&output);
    let codes: Vec<_> = lines.iter().map(|line| (&line["file"], &line["incidents"][0]["code"])).collect();
    let expected = [
        ("/sys/fs/pstore/dmesg-efi-170000000001001 (2 parts)", "kernel-panic"),
        ("/var/lib/systemd/pstore/16/001/dmesg.txt", "kernel-soft-lockup"),
        ("counters", "memory-uncorrected"),
    ];
    assert_eq!(
        codes,
        expected.map(|(file, code)| (Value::from(file), Value::from(code))).each_ref().map(|(a, b)| (a, b))
    );
    assert_eq!(lines[2]["incidents"][0]["device"], "CPU0_DIMM_A1");
    assert_eq!(lines[0]["incidents"].as_array().map(Vec::len), Some(1), "the fault is why it stopped: one incident");
}
