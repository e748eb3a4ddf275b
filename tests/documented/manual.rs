//! Man pages and completions, as the package gets them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::left_out;
use crate::{completions, pages};

#[test]
fn every_page_has_its_sections_and_every_program_its_page() {
    let pages = pages::all();
    for name in [
        "shakedown",
        "shakedown-disk-test",
        "maas-run-remote-scripts",
        "maas-run-scripts",
        "maas-signal",
        "machine-resources",
    ] {
        assert!(pages.iter().any(|(file, _)| *file == format!("{name}.1")), "{name}");
    }
    let mut missing = Vec::new();
    for (file, text) in &pages {
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"]
        {
            if !text.contains(&format!("\n.SH {section}\n")) {
                missing.push(format!("{file}: {section}"));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_page_that_is_referred_to_is_there() {
    let pages = pages::all();
    for (file, text) in &pages {
        let (_, references) = text.split_once(".SH SEE ALSO\n").expect("references");
        for reference in references.lines().next().unwrap_or_default().split(", ") {
            let name = reference.replace("\\-", "-").replace('(', ".").replace(')', "");
            assert!(pages.iter().any(|(file, _)| *file == name), "{file}: {name}");
        }
        let document = references.lines().last().unwrap_or_default().trim_start_matches("/usr/share/doc/shakedown/");
        let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(place.join(document).exists(), "{file}: {document}");
    }
}

#[test]
fn every_setting_of_the_file_that_comes_with_the_package_is_told_with_its_variable() {
    let pages = pages::all();
    let (_, text) = pages.iter().find(|(file, _)| file == "shakedown-config.5").expect("the page of the settings");
    for variable in ["SHAKEDOWN_JOURNAL_KEEP_RUNS", "SHAKEDOWN_RUNNER_PASS_ENVIRONMENT", "SHAKEDOWN_PACKAGES_CACHE"] {
        assert!(text.contains(variable), "{variable}: {text}");
    }
}

#[test]
fn man_finds_no_fault_and_breaks_no_example() {
    if Command::new("man").arg("--version").output().is_err() {
        return left_out::say("the man pages as man shows them: there is no man");
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    for (file, text) in pages::all() {
        let path = place.path().join(&file);
        fs::write(&path, text).expect("written");
        let mut man = Command::new("man");
        man.args(["--warnings=w", "--encoding=UTF-8", "--local-file"]).arg(path);
        let output = man.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80").output().expect("man");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{file}");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let examples = shown.split("\nEXAMPLES\n").nth(1).and_then(|rest| rest.split("\nEXIT STATUS\n").next());
        for line in examples.expect("examples").lines() {
            assert!(line.chars().count() <= 80, "{file}: {line}");
        }
    }
}

/// Completions that bash offers for a line, with programs that print what a machine has.
fn offered(line: &str) -> Vec<String> {
    let place = tempfile::tempdir().expect("a temporary directory");
    let program = place.path().join("shakedown");
    let text = "#!/bin/sh\ncase $1 in\nruns) printf 'RUN STARTED\\n12 today\\n11 yesterday\\n' ;;\nresults) printf 'SCRIPT SET\\nlook-one testing\\n' ;;\nesac\n";
    fs::write(&program, text).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("one's own");
    let script = completions::all().into_iter().find(|(name, _)| *name == "shakedown.bash").expect("bash").1;
    fs::write(place.path().join("completion"), script).expect("written");
    let asked = format!(
        "export PATH={0}:$PATH; . {0}/completion; COMP_WORDS=({line} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         _shakedown_here shakedown '' \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        place.path().display()
    );
    let output = Command::new("bash").args(["--norc", "-c", &asked]).output().expect("bash");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn completions_know_runs_scripts_disks_and_the_states_of_a_node() {
    assert_eq!(offered("shakedown results"), ["12", "11"]);
    assert_eq!(offered("shakedown report"), ["12", "11"]);
    assert_eq!(offered("shakedown results --script"), ["look-one"]);
    let states = offered("shakedown sandbox --node-status");
    assert!(states.contains(&"commissioning".to_owned()) && states.contains(&"deployed".to_owned()), "{states:?}");
    let disk = fs::read_dir("/sys/block")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let virtual_ones = ["loop", "ram", "zram", "dm-", "md", "sr", "nbd"];
    if let Some(disk) = disk.into_iter().find(|name| !virtual_ones.iter().any(|start| name.starts_with(start))) {
        assert!(offered("shakedown disk test").contains(&disk), "{disk}");
    }
    assert!(offered("shakedown").contains(&"region".to_owned()), "the verbs");
}
