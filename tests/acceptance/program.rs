//! The verb as people and scripts call it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::{checker, server};

pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        let place = Place(tempfile::tempdir().expect("a temporary directory"));
        place.write("good.json", &server::compute().to_string());
        let mut bad = server::compute();
        bad["bmc"]["firmware"] = "6.10".into();
        place.write("bad.json", &bad.to_string());
        bad["bmc"] = Value::Null;
        place.write("mute.json", &bad.to_string());
        place
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
        fs::write(path, text).expect("a small file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).expect("a file")
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn accept(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
        command.arg("accept").args(words).current_dir(self.0.path()).env_remove("RESULT_PATH");
        command.output().expect("the program can be started")
    }
}

pub(crate) fn example(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profiles").join(name).display().to_string()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_exit_code_is_the_verdict() {
    let (place, profile) = (Place::new(), example("compute.toml"));
    for (file, code, word) in
        [("good.json", 0, "accepted"), ("bad.json", 1, "rejected: 1 deviation"), ("mute.json", 3, "incomplete")]
    {
        let output = place.accept(&["--profile", &profile, "--root", file]);
        let shown = text(&output.stdout);
        // A machine without BMC lacks one, too.
        let code = if file == "mute.json" { 1 } else { code };
        let word = if file == "mute.json" { "rejected" } else { word };
        assert_eq!(output.status.code(), Some(code), "{file}: {shown}{}", text(&output.stderr));
        assert!(shown.contains(word), "{shown}");
    }
    place.write("bmc.toml", "schema = 1\nname = \"b\"\nfirmware = { bmc = \"7.10\" }\n");
    assert_eq!(place.accept(&["--profile", "bmc.toml", "--root", "mute.json"]).status.code(), Some(3));
    place.write("wrong.toml", "schema = 1\nname = \"b\"\n[[disk]]\nmodl = \"x\"\n");
    let output = place.accept(&["--profile", "wrong.toml", "--root", "good.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("wrong.toml: line 4, column 1: disk has no \"modl\"; did you mean \"model\"?"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_folder_gives_the_one_profile_that_matches() {
    let place = Place::new();
    for name in ["compute.toml", "storage.toml", "gpu.toml"] {
        place.write(&format!("profiles/{name}"), &fs::read_to_string(example(name)).expect("a profile"));
    }
    let output = place.accept(&["--profile", "profiles", "--root", "good.json"]);
    assert!(output.status.success() && text(&output.stdout).contains("r760-compute-a"), "{}", text(&output.stdout));
    place.write(
        "profiles/second.toml",
        "schema = 1\nname = \"s\"\nmatch = { vendor = \"Dell Inc.\" }\n[cpu]\ncount = 2\n",
    );
    let output = place.accept(&["--profile", "profiles", "--root", "good.json"]);
    assert_eq!(output.status.code(), Some(3), "two are none");
    assert!(text(&output.stderr).contains("several profiles"), "{}", text(&output.stderr));
    place.write("empty/README", "");
    let output = place.accept(&["--profile", "empty", "--root", "good.json"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("Dell Inc. PowerEdge R760"), "{}", text(&output.stderr));
}

#[test]
fn the_document_and_the_result_file_say_the_same() {
    let (place, profile) = (Place::new(), example("compute.toml"));
    let output = place.accept(&[
        "--profile",
        &profile,
        "--root",
        "bad.json",
        "--format",
        "json",
        "--result-path",
        "result.yaml",
    ]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["verdict"], "rejected");
    let deviation = &document["deviations"][0];
    for (key, value) in
        [("what", "firmware"), ("key", "bmc"), ("found", "6.10"), ("expected", "at least 7.10"), ("severity", "fail")]
    {
        assert_eq!(deviation[key], value, "{deviation}");
    }
    let result = place.read("result.yaml");
    assert!(result.contains("failed") && result.contains("bmc 6.10, ordered at least 7.10"), "{result}");
    place.accept(&["--profile", "nowhere.toml", "--root", "bad.json", "--result-path", "result.yaml"]);
    assert!(place.read("result.yaml").contains("failed"), "what was not judged has not passed");
}

#[test]
fn what_is_learnt_is_in_order_and_accepts() {
    let place = Place::new();
    let output = place.accept(&["--learn", "good.json", "--name", "r760"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    place.write("learnt.toml", &text(&output.stdout));
    let checked = place.accept(&["--check", "learnt.toml", &example("gpu.toml"), &example("storage.toml")]);
    assert!(
        checked.status.success() && text(&checked.stdout).contains("r760 is in order"),
        "{}",
        text(&checked.stderr)
    );
    assert_eq!(place.accept(&["--profile", "learnt.toml", "--root", "good.json"]).status.code(), Some(0));
    assert_eq!(
        place.accept(&["--profile", "learnt.toml", "--root", "bad.json"]).status.code(),
        Some(0),
        "older firmware is a warning there"
    );
}

#[test]
fn figures_are_held_against_limits_and_siblings() {
    let place = Place::new();
    place.write(
        "m.toml",
        "schema = 1\nname = \"m\"\n[measure]\nread = \">=400 GiB/s\"\nrate = { within = \"3%\", of = \"siblings\" }\n",
    );
    let results = |read: &str, rate: &str| format!("{{\"read\": \"{read} GiB/s\", \"rate\": {rate}}}");
    (0..6).for_each(|number| {
        place.write(&format!("siblings/{number}.json"), &results("420", &(1000 + number).to_string()));
    });
    let run = |own: &str| {
        place.write("own.json", own);
        let words = ["--profile", "m.toml", "--root", "good.json", "--measured", "own.json", "--siblings", "siblings"];
        place.accept(&words)
    };
    for (own, code, word) in [
        (results("410", "1001"), 0, "accepted (profile"),
        (results("390", "1001"), 1, "read 390 GiB/s, ordered at least 400 GiB/s"),
        (results("410", "900"), 0, "accepted with notes"),
        ("{\"rate\": 1001}".to_owned(), 3, "no result has this figure as a number"),
    ] {
        let output = run(&own);
        let shown = text(&output.stdout);
        assert!(output.status.code() == Some(code) && shown.contains(word), "{own}: {shown}{}", text(&output.stderr));
    }
}

#[test]
fn the_examples_keep_to_the_schema() {
    let output = Place::new().accept(&["--schema"]);
    let schema: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for name in ["compute.toml", "storage.toml", "gpu.toml"] {
        let document: Value = toml::from_str(&fs::read_to_string(example(name)).expect("a profile")).expect("TOML");
        let mut found = Vec::new();
        checker::check(&schema, &schema, &document, "", &mut found);
        assert_eq!(found, [""; 0], "{name}");
    }
}
