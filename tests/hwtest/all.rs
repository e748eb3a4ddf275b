//! `shakedown test all`: each test has its verdict, and the worst of them is that of all.

use std::fs;

use shakedown::script::{ResultFile, Verdict};

use crate::hwtest_document::document;
use crate::ocp_schema::faults;
use crate::support::program::Program;

const KINDS: [&str; 6] = ["memory", "cpu", "disk", "network", "pcie", "gpu"];

fn all(words: &[&str]) -> Program {
    Program::new("test").args(["all", "--level", "smoke", "--seconds", "12"]).args(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_answer_fails_all_and_hides_no_other_verdict() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("result");
    let finished = all(&["--format", "json", "--inject", "cpu:result"]).env("RESULT_PATH", &path).finish().await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let document = document(&finished);
    let tests = document["tests"].as_array().expect("tests");
    assert_eq!(tests.iter().filter_map(|test| test["kind"].as_str()).collect::<Vec<_>>(), KINDS);
    assert_eq!((&document["outcome"], &tests[1]["outcome"]), (&"failed".into(), &"failed".into()));
    let file = ResultFile::parse(&fs::read(&path).expect("a result file"), false).expect("one that a region takes");
    assert_eq!(file.status, Some(Verdict::Failed));
    for kind in KINDS {
        assert!(file.results.iter().any(|(key, _)| *key == format!("{kind}_reason")), "{kind}: {:?}", file.results);
    }
    let seconds: u64 = tests.iter().filter_map(|test| test["order"]["seconds"].as_u64()).sum();
    assert!(seconds <= 12, "the time is that of all together: {seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_for_other_programs_is_one_run_with_a_verdict_of_each() {
    let finished = all(&["--format", "ocp", "--inject", "cpu:result"]).finish().await;
    assert_eq!(faults(&finished.stdout), Vec::<String>::new(), "{}", finished.stdout);
    for kind in KINDS {
        assert!(finished.stdout.contains(&format!("\"{kind}: verdict\"")), "{kind}: {}", finished.stdout);
    }
    assert!(finished.stdout.lines().last().is_some_and(|line| line.contains("\"result\":\"FAIL\"")), "{finished:?}");
}
