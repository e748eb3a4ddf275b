//! `shakedown test disk|network|pcie|gpu`: each verdict can be made to happen, and nothing passes untested.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use shakedown::script::{Header, ResultFile, Verdict};

use crate::hwtest_document::document;
use crate::ocp_schema::faults;
use crate::support::left_out::say as left_out;
use crate::support::program::Program;

/// A file with data on a disk that can be read past the page cache; none where the file system cannot.
fn file() -> Option<tempfile::NamedTempFile> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = Path::new(env!("CARGO_BIN_EXE_shakedown")).parent().expect("a folder");
    let file = tempfile::NamedTempFile::new_in(folder).expect("a file beside the program");
    let data: Vec<u8> =
        (0..2_u64 << 20).flat_map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
    fs::write(file.path(), data).expect("16 MiB");
    let opened = fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_DIRECT).open(file.path());
    if opened.is_err() {
        left_out("tests of disks: the file system of the build knows no O_DIRECT");
        return None;
    }
    Some(file)
}

fn disk(device: &Path, words: &[&str]) -> Program {
    let program = Program::new("test").args(["disk", "--level", "smoke", "--seconds", "4", "--device"]).arg(device);
    program.args(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_can_be_read_passes_with_its_figures() {
    let Some(file) = file() else { return };
    let finished = disk(file.path(), &["--format", "json"]).finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let document = document(&finished);
    assert_eq!(document["outcome"], "passed", "{document}");
    assert_eq!(document["coverage"][0]["tested"], 16 << 20);
    let names: BTreeSet<&str> =
        document["measurements"].as_array().expect("figures").iter().filter_map(|one| one["metric"].as_str()).collect();
    for name in ["disk_read", "disk_sequential", "disk_random_qd1", "disk_random_qd32", "disk_latency_p999"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    assert!(document["not_tested"].to_string().contains("writing"));
    let along: Vec<&str> =
        document["series"].as_array().expect("series").iter().filter_map(|one| one["along"].as_str()).collect();
    assert!(along.contains(&"zones") && along.contains(&"microseconds"), "{along:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_disk_is_found() {
    let Some(file) = file() else { return };
    for (fault, code, outcome, finding) in [
        ("disk:eio@20001", 1, "failed", "disk-unreadable"),
        ("disk:eio", 1, "failed", "disk-unreadable"),
        ("disk:slow", 0, "degraded", "disk-weak-place"),
        ("disk:crash", 1, "failed", "test-crashed"),
    ] {
        let finished = disk(file.path(), &["--format", "json", "--inject", fault]).finish().await;
        assert_eq!(finished.code, Some(code), "{fault}: {finished:?}");
        let document = document(&finished);
        assert_eq!(document["outcome"], outcome, "{fault}: {document}");
        let found = document["findings"].as_array().expect("findings").iter().find(|one| one["code"] == finding);
        let what = found.unwrap_or_else(|| panic!("{fault}: {document}"))["what"].as_str().unwrap_or_default();
        assert!(fault != "disk:eio@20001" || what.contains("sector 20001 (512 bytes)"), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_not_there_is_an_error_and_never_a_pass() {
    let finished = disk(Path::new("/dev/no-such-disk"), &["--format", "json"]).finish().await;
    assert_eq!((finished.code, &document(&finished)["outcome"]), (Some(3), &"error".into()), "{finished:?}");
    let finished = Program::new("test").args(["pcie", "--device", "sda"]).finish().await;
    assert_eq!(finished.code, Some(2), "{finished:?}");
}

/// Whatever this machine has: the end is one of the ends, and what was not tested is said.
#[tokio::test(flavor = "multi_thread")]
async fn ports_links_and_cards_of_any_machine_have_a_verdict() {
    for kind in ["network", "pcie", "gpu"] {
        let program = Program::new("test").args([kind, "--level", "smoke", "--seconds", "1", "--format", "json"]);
        let finished = program.finish().await;
        let document = document(&finished);
        let outcome = document["outcome"].as_str().unwrap_or_default();
        let code = match outcome {
            "passed" | "degraded" | "skipped" => 0,
            "failed" => 1,
            "error" => 3,
            other => panic!("{other}"),
        };
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(outcome != "passed" || document["coverage"][0]["tested"].as_u64() > Some(0), "{document}");
        assert!(
            outcome == "passed" || document["findings"].as_array().is_some_and(|all| !all.is_empty()),
            "{document}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_not_there_is_an_error() {
    let program = Program::new("test").args(["network", "--seconds", "1", "--device", "nosuch0", "--format", "json"]);
    let finished = program.finish().await;
    assert_eq!((finished.code, &document(&finished)["outcome"]), (Some(3), &"error".into()), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_of_a_disk_for_other_programs_is_valid() {
    let Some(file) = file() else { return };
    for fault in [&[][..], &["--inject", "disk:eio"], &["--inject", "disk:slow"]] {
        let finished = disk(file.path(), &["--format", "ocp"]).args(fault).finish().await;
        assert_eq!(faults(&finished.stdout), Vec::<String>::new(), "{}", finished.stdout);
    }
}

fn writing(device: &Path, words: &[&str]) -> Program {
    disk(device, &["--write", "--format", "json"]).args(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_not_erased_unless_somebody_really_means_it() {
    let Some(file) = file() else { return };
    let before = fs::read(file.path()).expect("the file");
    let finished = writing(file.path(), &[]).finish().await;
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stderr.contains("would erase") && finished.stderr.contains("--really"), "{finished:?}");
    assert_eq!(fs::read(file.path()).expect("the file"), before);
    let finished = Program::new("test").args(["disk", "--write", "--really"]).finish().await;
    assert_eq!(finished.code, Some(2), "which disk? {finished:?}");
    let all = Program::new("test").args(["disk", "--write", "--really", "--device", "all", "--format", "json"]);
    let finished = all.finish().await;
    assert_eq!((finished.code, &document(&finished)["outcome"]), (Some(3), &"error".into()), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_writing_is_found_and_a_crash_is_no_pass() {
    for (fault, code, outcome, finding) in [
        (None, 0, "passed", "disk-erased"),
        (Some("disk:wrong@20001"), 1, "failed", "disk-data-wrong"),
        (Some("disk:lost@20001"), 1, "failed", "disk-write-lost"),
        (Some("disk:misplaced@20001"), 1, "failed", "disk-write-misplaced"),
        (Some("disk:eio@20001"), 1, "failed", "disk-unwritable"),
        (Some("disk:crash"), 1, "failed", "test-crashed"),
    ] {
        // Closed: nobody else may have it open to write.
        let Some(file) = file().map(tempfile::NamedTempFile::into_temp_path) else { return };
        let words: Vec<&str> =
            ["--really"].into_iter().chain(fault.into_iter().flat_map(|fault| ["--inject", fault])).collect();
        let finished = writing(&file, &words).finish().await;
        assert_eq!(finished.code, Some(code), "{fault:?}: {finished:?}");
        let document = document(&finished);
        assert_eq!(document["outcome"], outcome, "{fault:?}: {document}");
        let is_there = document["findings"].as_array().expect("findings").iter().any(|one| one["code"] == finding);
        assert!(is_there, "{fault:?}: {document}");
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/testing").join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_of_a_region_have_results_whose_keys_they_declare() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(file) = file().map(tempfile::NamedTempFile::into_temp_path) else { return };
    let device = format!("--device={}", file.display());
    let disk = [device.as_str(), "--level=smoke"];
    for (name, words, least) in [
        ("shakedown-disk-scan", &disk[..], 12),
        ("shakedown-disk-write", &disk[..], 5),
        // A machine without such hardware has a reason and no figure.
        ("shakedown-network", &["--device=all", "--level=smoke"][..], 0),
        ("shakedown-pcie", &["--level=smoke"][..], 0),
        ("shakedown-gpu", &[][..], 0),
    ] {
        let result = folder.path().join(name);
        // The limit leaves three seconds.
        let program = Program::at(&script(name)).args(words).env("RUNTIME", "13").env("RESULT_PATH", &result);
        let finished = program.env("SHAKEDOWN_BINARY", env!("CARGO_BIN_EXE_shakedown")).finish().await;
        let bytes = fs::read(&result).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        let file = ResultFile::parse(&bytes, false).expect("a result file that a region takes");
        assert!(file.status.is_some());
        assert!(!name.starts_with("shakedown-disk") || file.status == Some(Verdict::Passed), "{finished:?}");
        let header = Header::parse(&fs::read(script(name)).expect("a script")).expect("a header that a region takes");
        assert!(!header.destructive || header.tags.iter().any(|tag| tag == "noauto"), "{name} runs by choice only");
        assert_eq!(header.destructive, name == "shakedown-disk-write");
        let declared: BTreeSet<&str> = header.results.iter().map(|(key, _)| key.as_str()).collect();
        let written: BTreeSet<&str> = file.results.iter().map(|(key, _)| key.as_str()).collect();
        assert!(written.is_subset(&declared), "{written:?} {declared:?}");
        assert!(written.len() > least, "{name}: {written:?}");
    }
}
