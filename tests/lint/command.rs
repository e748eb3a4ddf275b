//! The command: what it prints, and its exit codes.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::BASE;
use super::support::program::{Finished, Program};

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(scripts: &[(&str, &str)]) -> Folder {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for (name, text) in scripts {
            fs::write(folder.path().join(name), text).expect("room for a script");
        }
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn lint(&self, words: &[&str], names: &[&str]) -> Finished {
        Program::new("lint").args(words).args(names.iter().map(|name| self.path(name))).finish().await
    }
}

#[tokio::test]
async fn exit_codes_tell_how_bad_it_is() {
    let warning = BASE.replace("set -u", "reboot");
    let error = BASE.replace("00:05:00", "soon");
    let folder = Folder::with(&[("good", BASE), ("warning", &warning), ("error", &error)]);
    for (words, names, code) in [
        (&[][..], &["good"][..], 0),
        (&[], &["warning"], 0),
        (&["--strict"], &["good"], 0),
        (&["--strict"], &["warning"], 1),
        (&[], &["error"], 1),
        (&[], &["absent"], 3),
        (&[], &["absent", "error"], 3),
    ] {
        let run = folder.lint(words, names).await;
        assert_eq!(run.code, Some(code), "{words:?} {names:?} {run:?}");
    }
    let run = folder.lint(&[], &["absent"]).await;
    assert!(run.stderr.contains("absent: No such file"), "{run:?}");
}

/// Contract VERSIONS, §6.
#[tokio::test]
async fn a_region_of_a_version_takes_what_that_version_takes() {
    let head = "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: x\n";
    let end = "# --- End MAAS 1.0 script metadata ---\necho \"$@\"\n";
    let with = |fields: &str| format!("{head}{fields}{end}");
    let parameter = |fields: &str| with(&format!("# script_type: testing\n# parameters:\n#   colour: {{{fields}}}\n"));
    let scripts = [
        ("release", with("# script_type: release\n"), "region-script-type", "3.4", "3.5"),
        ("deployment", with("# script_type: deployment\n"), "region-script-type", "3.7.3", "3.8"),
        ("boolean", parameter("type: boolean, argument_format: '{input}'"), "region-boolean", "3.4.10", "3.5"),
        ("format", parameter("type: string, argument_format: --plain"), "region-argument-format", "3.4", "3.5"),
        ("name", parameter("type: string, default: red"), "region-argument-name", "3.5", "3.6"),
    ];
    for (name, text, rule, without, with) in &scripts {
        let folder = Folder::with(&[(*name, text.as_str())]);
        let told = folder.lint(&["--region", without], &[*name]).await;
        assert!(told.stdout.contains(&format!("[{rule}]")), "{name}: {told:?}");
        for version in [&["--region", *with][..], &[]] {
            let told = folder.lint(version, &[*name]).await;
            assert!(!told.stdout.contains("[region-"), "{name}: {told:?}");
            assert_ne!(told.code, Some(1), "{name}: {told:?}");
        }
    }
    let run = Program::new("lint").args(["--region", "new", "x"]).finish().await;
    assert_eq!(run.code, Some(2), "{run:?}");
}

#[tokio::test]
async fn lines_are_those_of_compilers() {
    let script = BASE.replace("00:05:00", "soon").replace("set -u", "reboot");
    let folder = Folder::with(&[("x.sh", &script)]);
    let run = folder.lint(&[], &["x.sh"]).await;
    let path = folder.path("x.sh");
    let lines: Vec<&str> = run.stdout.lines().collect();
    let begins = |line: &str, with: String| assert!(line.starts_with(&with), "{line}");
    begins(lines[0], format!("{}:9: error: timeout: \"soon\" is neither seconds", path.display()));
    begins(lines[1], format!("{}:33: warning: ", path.display()));
    assert!(
        lines[1].ends_with("[reboot-undeclared]") && lines[2].starts_with("1 script: 1 error, 1 warning, "),
        "{run:?}"
    );
    assert_eq!(lines.len(), 3, "hints are asked for: {run:?}");
    let hints = folder.lint(&["--hints"], &["x.sh"]).await;
    assert!(hints.stdout.contains(": info: "), "{hints:?}");
}

#[tokio::test]
async fn a_document_has_everything() {
    let folder = Folder::with(&[("x.sh", &BASE.replace("00:05:00", "soon"))]);
    let run = folder.lint(&["--format", "json"], &["x.sh"]).await;
    let document: Value = serde_json::from_str(&run.stdout).expect("one JSON document");
    assert_eq!((&document["errors"], &document["warnings"]), (&1.into(), &0.into()), "{document}");
    let finding = &document["scripts"][0]["findings"][0];
    assert_eq!(
        (&finding["rule"], &finding["line"], &finding["level"]),
        (&"timeout".into(), &9.into(), &"error".into())
    );
    assert!(finding["advice"].as_str().is_some_and(|text| text.contains("00:01:30")), "{finding}");
}

#[tokio::test]
async fn two_scripts_of_one_name_are_told() {
    let folder = Folder::with(&[("a", BASE), ("b", BASE)]);
    let run = folder.lint(&[], &["a", "b"]).await;
    let expected = format!(
        "{}:3: error: {} has the name \"disk-look\", too",
        folder.path("b").display(),
        folder.path("a").display()
    );
    assert!(run.code == Some(1) && run.stdout.contains(&expected), "{run:?}");
}

/// The shell that will run it is asked, and runs nothing.
#[tokio::test]
async fn a_script_that_its_shell_cannot_read_is_an_error() {
    let broken = BASE.replacen("set -u", "if true; then\ntouch made", 1);
    let folder = Folder::with(&[("a", &broken), ("b", "#!/usr/bin/env python3\nif True: (\n")]);
    let finished = folder.lint(&[], &["a", "b"]).await;
    assert_eq!(finished.code, Some(1), "{}", finished.stdout);
    let lines: Vec<&str> = finished.stdout.lines().filter(|line| line.contains("[shell-syntax]")).collect();
    assert!(lines.len() == 1 && lines[0].contains("/a:") && lines[0].contains(": error: sh cannot read"), "{lines:?}");
    assert!(!std::path::Path::new("made").exists());
}
