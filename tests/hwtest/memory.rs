//! `shakedown test memory`: a pass says what it is worth, and every fault that is made to happen is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shakedown::script::{Header, ResultFile, Verdict};

use crate::hwtest_document::{document, figure};
use crate::ocp_schema::faults;
use crate::support::program::Program;

/// Little memory, so that these tests disturb nothing that runs beside them.
const MOST: (&str, &str) = ("SHAKEDOWN_TEST_MEMORY_MIB", "64");

fn memory(words: &[&str]) -> Program {
    let program = Program::new("test").args(["memory", "--level", "smoke", "--seconds", "3"]).args(words);
    program.env(MOST.0, MOST.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_says_how_much_was_tested_and_what_was_not() {
    let finished = memory(&["--format", "json", "--seed", "7"]).finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let document = document(&finished);
    assert_eq!((&document["outcome"], &document["seed"]), (&"passed".into(), &7.into()));
    let covered = &document["coverage"][0];
    let tested = covered["tested"].as_u64().expect("bytes");
    assert!((2 << 20..=64 << 20).contains(&tested), "{covered}");
    assert!(covered["whole"].as_u64() > Some(tested));
    assert_eq!(figure(&document, "miscompares")["value"], 0);
    let read = figure(&document, "memory_read");
    assert_eq!((&read["unit"], read["value"].as_f64() > Some(0.0)), (&"GiB/s".into(), true));
    let not_tested = document["not_tested"].as_array().expect("what was not tested");
    assert!(not_tested.iter().any(|text| text.as_str().is_some_and(|text| text.contains(MOST.0))), "{not_tested:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_bit_is_found_with_its_place() {
    for fault in ["memory:bit", "memory:bit@123456"] {
        let finished = memory(&["--format", "json", "--inject", fault]).finish().await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let document = document(&finished);
        assert_eq!((&document["outcome"], &document["injected"]), (&"failed".into(), &fault.into()));
        let finding = &document["findings"][0];
        let what = finding["what"].as_str().expect("a sentence");
        assert!(what.contains("a second read, past the caches, gave the same"), "{what}");
        assert!(what.contains("(wrong bits 0x20000000)"), "{what}");
        assert_eq!(finding["code"], "memory-bit-stuck");
        assert!(figure(&document, "miscompares")["value"].as_u64() > Some(0));
    }
}

/// The standard test has passes that the short one has not: each of them meets the wrong bit.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_standard_test_ends_within_its_time() {
    let program = Program::new("test").args(["memory", "--seconds", "4", "--format", "json"]).env(MOST.0, "16");
    let finished = program.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let seconds = document(&finished)["seconds"].as_f64().expect("seconds");
    assert!(seconds < 30.0, "{seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_test_is_a_failure_with_the_phase() {
    let finished = memory(&["--format", "json", "--inject", "memory:crash"]).finish().await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let document = document(&finished);
    assert_eq!(document["findings"][0]["code"], "test-crashed");
    assert!(document["findings"][0]["what"].as_str().is_some_and(|what| what.contains("SIGILL")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_lock_little_tests_that_much_and_is_told() {
    let words = ["prlimit", "--memlock=8388608:8388608", "setpriv", "--bounding-set", "-ipc_lock"];
    if !words[0..3].iter().step_by(2).all(|name| Path::new("/usr/bin").join(name).exists())
        || !nix::unistd::geteuid().is_root()
    {
        crate::support::left_out::say("memory test without rights: needs root, prlimit and setpriv");
        return;
    }
    let finished = memory(&["--format", "json"]).through(&words).finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let document = document(&finished);
    let tested = document["coverage"][0]["tested"].as_u64().expect("bytes");
    assert!((2 << 20..=8 << 20).contains(&tested), "{document}");
    assert!(document["not_tested"].to_string().contains("RLIMIT_MEMLOCK"), "{document}");
}

fn end(lines: &str) -> (String, String) {
    let last: Value = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    let end = &last["testRunArtifact"]["testRunEnd"];
    (end["status"].as_str().unwrap_or_default().to_owned(), end["result"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn output_for_other_programs_is_valid_whatever_happens() {
    for (words, expected, verdict) in [
        (&[][..], ("COMPLETE", "PASS"), "memory-good"),
        (&["--inject", "memory:bit"][..], ("COMPLETE", "FAIL"), "memory-bit-stuck"),
        (&["--inject", "memory:crash"][..], ("COMPLETE", "FAIL"), "test-crashed"),
    ] {
        let finished = memory(&["--format", "ocp"]).args(words).finish().await;
        assert_eq!(faults(&finished.stdout), Vec::<String>::new(), "{}", finished.stdout);
        let ended = end(&finished.stdout);
        assert_eq!((ended.0.as_str(), ended.1.as_str()), expected, "{finished:?}");
        assert!(finished.stdout.contains(&format!("\"verdict\":\"{verdict}\"")), "{finished:?}");
        let count = |word: &str| finished.stdout.lines().filter(|line| line.contains(word)).count();
        assert_eq!(count("\"measurementSeriesStart\""), count("\"measurementSeriesEnd\""), "{finished:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_is_stopped_is_no_pass_and_says_so() {
    let program = Program::new("test").args(["memory", "--level", "soak", "--format", "ocp"]).env(MOST.0, "16");
    let finished = program.through(&["timeout", "--preserve-status", "--signal=TERM", "4"]).finish().await;
    assert_eq!(finished.code, Some(130), "{finished:?}");
    assert_eq!(end(&finished.stdout), ("SKIP".to_owned(), "NOT_APPLICABLE".to_owned()), "{finished:?}");
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/testing/shakedown-memory")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_of_a_region_has_a_result_whose_keys_it_declares() {
    let folder = tempfile::tempdir().expect("a folder");
    for (fault, code, verdict) in [(None, Some(0), Verdict::Passed), (Some("memory:bit"), Some(1), Verdict::Failed)] {
        let result = folder.path().join("result.yaml");
        // The limit leaves three seconds.
        let program = Program::at(&script()).arg("--level=smoke").env("RUNTIME", "13").env("RESULT_PATH", &result);
        let program = program.env("SHAKEDOWN_BINARY", env!("CARGO_BIN_EXE_shakedown")).env(MOST.0, MOST.1);
        let finished = match fault {
            Some(fault) => program.args(["--inject", fault]).finish().await,
            None => program.finish().await,
        };
        assert_eq!(finished.code, code, "{finished:?}");
        let file =
            ResultFile::parse(&fs::read(&result).expect("a result"), false).expect("a result file that a region takes");
        assert_eq!(file.status, Some(verdict));
        let beside = fs::read(folder.path().join("result.test.json")).expect("the whole report beside it");
        let beside: Value = serde_json::from_slice(&beside).expect("JSON");
        assert_eq!(beside["injected"], fault.map_or(Value::Null, Value::from));
        let header = Header::parse(&fs::read(script()).expect("a script")).expect("a header that a region takes");
        let declared: BTreeSet<&str> = header.results.iter().map(|(key, _)| key.as_str()).collect();
        let written: BTreeSet<&str> = file.results.iter().map(|(key, _)| key.as_str()).collect();
        assert!(written.is_subset(&declared), "{written:?} {declared:?}");
        assert!(written.len() > 6, "{written:?}");
    }
}
