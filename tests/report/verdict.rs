//! The verdict: first, plain, and never better than what is known.

use shakedown::sandbox::{Action, Fault, NodeStatus};

use crate::harness::{Agent, Machine, Script, region};

#[tokio::test]
async fn a_failing_run_says_first_what_is_broken_why_and_what_to_do() {
    let machine = Machine::new();
    let scripts = [
        Script::testing("a", "echo fine"),
        Script::testing("dying-disk", "echo 'sda: 24 sectors are lost'; echo '    Next: replace the drive'; exit 3"),
        Script::testing("told", "echo '{status: failed, results: {reason: the fan stands still}}' > \"$RESULT_PATH\""),
        Script::testing("slow", "echo half way; sleep 60").field("timeout: 1"),
        Script::testing("worn", "echo '{status: degraded, results: {reason: worn}}' > \"$RESULT_PATH\""),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    let seen = machine.first_screenful().await;
    for expected in [
        "Failed 3 of 5 scripts failed. 3 failed 1 degraded 1 passed",
        "dying-disk Failed (exit status 3) sda: 24 sectors are lost Next replace the drive",
        "told Failed the fan stands still Next",
        "slow Timed out (exit status 124) it was stopped at its time limit; half way Next",
        "worn Degraded worn Next",
    ] {
        assert!(seen.contains(expected), "{expected:?} in {seen}");
    }
}

#[tokio::test]
async fn a_run_that_passed_says_so() {
    let machine = Machine::new();
    let scripts = [
        Script::testing("a", "echo fine"),
        Script::testing("b", "echo '{status: skipped, results: {reason: no GPU}}' > \"$RESULT_PATH\""),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    assert_eq!(machine.run(&region).end().await.code, Some(0));
    let seen = machine.first_screenful().await;
    assert!(
        seen.contains("Passed 1 of 2 scripts passed; 1 had nothing to do here. 1 passed 1 skipped Started"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_run_in_which_nothing_was_tested_did_not_pass() {
    let machine = Machine::new();
    let script = Script::testing("b", "echo '{status: skipped}' > \"$RESULT_PATH\"");
    let region = region(NodeStatus::Testing, &[script]).await;
    assert_eq!(machine.run(&region).end().await.code, Some(0));
    let seen = machine.first_screenful().await;
    assert!(seen.contains("Nothing tested Nothing was tested: none of 1 script had anything to do here."), "{seen}");
}

#[tokio::test]
async fn a_run_that_was_killed_is_unfinished() {
    let machine = Machine::new();
    let scripts = [Script::testing("a", "echo begun; sleep 60"), Script::testing("b", "echo never")];
    let region = region(NodeStatus::Testing, &scripts).await;
    machine.run(&region).killed_when("it has begun", || machine.has("storage/out/a.4000", "begun")).await;
    let seen = machine.first_screenful().await;
    for expected in [
        "Unfinished 2 of 2 scripts without a result; nothing is known of what they test.",
        "a Running it was begun and has no result; its last words: begun",
        "b Pending it was never begun",
        "Run 1 Not at its end",
    ] {
        assert!(seen.contains(expected), "{expected:?} in {seen}");
    }
    assert!(!machine.report("junit").await.contains("name=\"a\" time=\"0.000\"/>"), "no pass for CI systems, too");
}

#[tokio::test]
async fn a_result_that_the_region_does_not_have_is_no_pass() {
    let machine = Machine::new();
    let refusing = region(NodeStatus::Testing, &[Script::testing("a", "echo fine")]).await;
    refusing.inject(Fault::for_results(1, Action::Answer(400, "Invalid runtime: no room".to_owned())));
    machine.run(&refusing).end().await;
    let seen = machine.first_screenful().await;
    assert!(seen.contains("Not delivered The scripts ended, but the region does not have everything."), "{seen}");
    assert!(seen.contains("1 refused") && seen.contains("no room"), "{seen}");

    let machine = Machine::new();
    let away = region(NodeStatus::Testing, &[Script::testing("a", "echo fine")]).await;
    away.inject(Fault::for_results(1000, Action::Answer(503, "away".to_owned())));
    machine.run(&away).words(&["--exit-when-done", "--farewell", "0"]).end().await;
    let seen = machine.first_screenful().await;
    assert!(!seen.contains("Passed 1 of") && seen.contains("waiting") && seen.contains("shakedown deliver"), "{seen}");
    let junit = machine.report("junit").await;
    assert!(
        junit.contains("name=\"the region has every result\"") && junit.contains("<error type=\"Not everything"),
        "{junit}"
    );
}

#[tokio::test]
async fn a_run_that_kept_to_itself_says_so() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo fine")]).await;
    machine.run(&region).word("--no-send").end().await;
    let seen = machine.first_screenful().await;
    assert!(seen.contains("Passed 1 of 1 script passed. The region was told nothing of this run."), "{seen}");
    let junit = machine.report("junit").await;
    let (_, case) = junit.split_once("name=\"the region has every result\"").expect("a case for the delivery");
    let (case, _) = case.split_once("</testcase>").expect("it has more to say than that it passed");
    assert!(case.contains("<skipped"), "{case}");
}

#[tokio::test]
async fn an_output_that_is_gone_is_told_as_gone() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo lost; exit 1")]).await;
    machine.run(&region).end().await;
    std::fs::remove_dir_all(machine.path("storage")).expect("the outputs are removed");
    let page = machine.report("html").await;
    assert!(page.contains("No output is on record (") && page.contains("it ended with exit status 1"), "{page}");
}

#[tokio::test]
async fn what_cannot_be_reported_is_said_with_the_next_step() {
    let machine = Machine::new();
    let none = machine.ask("report").end().await;
    assert_eq!(none.code, Some(3));
    assert!(none.only_complaint().contains("there is no journal in"), "{}", none.stderr);
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo fine")]).await;
    machine.run(&region).end().await;
    let missing = machine.ask("report").word("7").end().await;
    assert_eq!(missing.code, Some(3));
    assert!(
        missing.only_complaint().contains("there is no run 7 in this journal; `shakedown runs`"),
        "{}",
        missing.stderr
    );
    let report = |file: &str| -> Agent { machine.ask("report").word("-o").word(machine.path(file)) };
    let strange = report("report.docx").end().await;
    assert_eq!(strange.code, Some(3));
    assert!(strange.only_complaint().contains("report.docx tells no form"), "{}", strange.stderr);
    let nowhere = report("no-such-folder/report.html").end().await;
    assert_eq!(nowhere.code, Some(3));
    for (file, beginning) in [("r.html", "<!doctype html>"), ("r.md", "# PASSED"), ("r.json", "{"), ("r.xml", "<?xml")]
    {
        assert_eq!(report(file).end().await.answer(), "");
        assert!(machine.read(file).starts_with(beginning), "{file}");
    }
}
