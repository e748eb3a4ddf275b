//! `shakedown test cpu`: a pass counts the processors, and a wrong answer names the processor.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use shakedown::script::{Header, ResultFile, Verdict};

use crate::hwtest_document::{document, figure};
use crate::ocp_schema::faults;
use crate::support::program::Program;

fn cpu(words: &[&str]) -> Program {
    Program::new("test").args(["cpu", "--level", "smoke", "--seconds", "3"]).args(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_counts_the_processors() {
    let finished = cpu(&["--format", "json"]).finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let document = document(&finished);
    // A machine that throttles meanwhile is degraded, which is no fault of the test.
    assert!(["passed", "degraded"].contains(&document["outcome"].as_str().unwrap_or_default()), "{document}");
    let allowed = std::thread::available_parallelism().expect("processors").get() as u64;
    assert!(figure(&document, "cpus_tested")["value"].as_u64() >= Some(allowed), "{document}");
    assert_eq!(figure(&document, "wrong_answers")["value"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_that_computes_wrong_is_named() {
    let several = std::thread::available_parallelism().is_ok_and(|count| count.get() > 1);
    let (fault, subject) = if several { ("cpu:result@1", "cpu1") } else { ("cpu:result", "cpu0") };
    let finished = cpu(&["--format", "json", "--inject", fault]).finish().await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let document = document(&finished);
    let findings = document["findings"].as_array().expect("findings");
    let wrong: Vec<_> = findings.iter().filter(|finding| finding["code"] == "cpu-wrong-answer").collect();
    assert_eq!(wrong.len(), 1, "{findings:?}");
    assert_eq!(wrong[0]["subject"], subject);
    assert!(wrong[0]["what"].as_str().is_some_and(|what| what.contains("were wrong again")), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_for_other_programs_is_valid_whatever_happens() {
    for (words, result, verdict) in [
        (&[][..], "PASS", "cpu-good"),
        (&["--inject", "cpu:result"][..], "FAIL", "cpu-wrong-answer"),
        (&["--inject", "cpu:crash"][..], "FAIL", "test-crashed"),
    ] {
        let finished = cpu(&["--format", "ocp"]).args(words).finish().await;
        assert_eq!(faults(&finished.stdout), Vec::<String>::new(), "{}", finished.stdout);
        let last = finished.stdout.lines().last().expect("a line");
        assert!(last.contains(&format!("\"result\":\"{result}\"")), "{finished:?}");
        assert!(finished.stdout.contains(&format!("\"verdict\":\"{verdict}\"")), "{finished:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_of_a_region_has_a_result_whose_keys_it_declares() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/testing/shakedown-cpu");
    let folder = tempfile::tempdir().expect("a folder");
    let result = folder.path().join("result.yaml");
    // The limit leaves three seconds.
    let program = Program::at(&script).args(["--level=smoke", "--inject", "cpu:result"]).env("RUNTIME", "13");
    let program = program.env("SHAKEDOWN_BINARY", env!("CARGO_BIN_EXE_shakedown")).env("RESULT_PATH", &result);
    let finished = program.finish().await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let file =
        ResultFile::parse(&fs::read(&result).expect("a result"), false).expect("a result file that a region takes");
    assert_eq!(file.status, Some(Verdict::Failed));
    let header = Header::parse(&fs::read(&script).expect("a script")).expect("a header that a region takes");
    let declared: BTreeSet<&str> = header.results.iter().map(|(key, _)| key.as_str()).collect();
    let written: BTreeSet<&str> = file.results.iter().map(|(key, _)| key.as_str()).collect();
    assert!(written.is_subset(&declared) && written.len() >= 4, "{written:?} {declared:?}");
}
