//! The units of systemd that are shipped.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::left_out;

const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd");
/// What MAAS installs on a deployed machine, in its gist: both are downloaded and run as root.
const STOCK: &str = "[Unit]\nDescription=as MAAS installs it\n[Service]\nType=oneshot\nExecStartPre=/bin/sh -c 'fetch a program'\n\
                     ExecStart=/bin/sh -c 'run it'\n";

fn analyze(words: &[&str], file: &Path) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(words).arg(file).output();
    if output.is_err() {
        left_out::say("the units of systemd: systemd-analyze is not installed");
    }
    output.ok()
}

/// Past the test's capture.
fn aloud(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The shipped text, with the program where this test has it.
fn shipped(name: &str) -> String {
    let text = fs::read_to_string(Path::new(UNITS).join(name)).expect("a shipped unit");
    text.replace("/usr/bin/shakedown", env!("CARGO_BIN_EXE_shakedown"))
}

fn put(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().expect("below the directory")).expect("a directory");
    fs::write(&path, text).expect("a small file");
    path
}

#[test]
fn the_units_are_what_systemd_understands() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["shakedown-watch.service", "shakedown-run.service", "shakedown-sync.service"] {
        let path = put(directory.path(), name, &shipped(name));
        let Some(output) = analyze(&["verify", "--man=no"], &path) else { return };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains(name), "{name}: {said}");
    }
}

#[test]
fn the_services_of_a_deployed_machine_have_little_that_they_do_not_need() {
    for name in ["shakedown-watch.service", "shakedown-sync.service"] {
        let path = Path::new(UNITS).join(name);
        let Some(output) = analyze(&["security", "--offline=true", "--threshold=40"], &path) else { return };
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        if errors.contains("unrecognized option") {
            return left_out::say("what the services may do: systemd before 250 cannot judge it");
        }
        aloud(said.lines().last().unwrap_or_default());
        assert!(output.status.success(), "{name}: more than 4.0: {}", said.lines().last().unwrap_or_default());
    }
}

/// What systemd would take from a run that its scripts need, and why, is in the unit itself.
#[test]
fn what_a_run_cannot_do_without_is_named_with_its_reason() {
    let text = shipped("shakedown-run.service");
    let path = Path::new(UNITS).join("shakedown-run.service");
    let Some(output) = analyze(&["security", "--offline=true", "--no-pager"], &path) else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    let settings = said.lines().filter(|line| line.starts_with('✗')).filter_map(|line| line.split_whitespace().nth(1));
    let unnamed: Vec<&str> = settings
        .filter_map(|setting| Some(&setting[..=setting.find('=')?]))
        .filter(|setting| !["RootDirectory=", "UMask="].contains(setting) && !text.contains(setting))
        .collect();
    assert_eq!(unnamed, [""; 0]);
    for setting in ["Restart=on-abnormal", "LimitNOFILE=65536", "UMask=0077"] {
        assert!(text.lines().any(|line| line == setting), "{setting}");
    }
}

#[test]
fn with_the_drop_in_the_unit_of_maas_downloads_nothing_and_runs_this_program() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let unit = put(directory.path(), "maas_hardware_sync.service", STOCK);
    let drop_in = "maas_hardware_sync.service.d/shakedown.conf";
    put(directory.path(), drop_in, &shipped(drop_in));
    let Some(output) = analyze(&["verify", "--man=no"], &unit) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = shipped(drop_in);
    let begins = |key: &str| text.lines().filter(|line| line.starts_with(key)).collect::<Vec<_>>();
    assert_eq!(begins("ExecStartPre="), ["ExecStartPre="], "takes back what was there");
    let starts = begins("ExecStart=");
    assert_eq!((starts.len(), starts[0]), (2, "ExecStart="));
    assert!(starts[1].contains("report-results --config /etc/maas/maas-machine-creds.yml"), "{starts:?}");
    assert!(!text.contains("http://") && !text.contains("wget") && !text.contains("curl"));
}

#[test]
fn each_machine_has_a_time_of_its_own_with_the_drop_in_of_the_timer() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    put(directory.path(), "maas_hardware_sync.service", STOCK);
    let stock = "[Unit]\nDescription=as MAAS installs it\n[Timer]\nOnCalendar=*-*-* *:00/15:00\n";
    let unit = put(directory.path(), "maas_hardware_sync.timer", stock);
    let drop_in = "maas_hardware_sync.timer.d/shakedown.conf";
    put(directory.path(), drop_in, &shipped(drop_in));
    let Some(output) = analyze(&["verify", "--man=no"], &unit) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
