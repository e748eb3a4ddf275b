//! A pass needs evidence: whatever a script says of itself, it has not passed if it was killed, if some of its output is lost, or if nobody
//! can read its result file. Region and journal agree, and a reason is on record.

use shakedown::sandbox::NodeStatus;
use shakedown::script::Status;

use crate::harness::{Machine, Script, region, row, table};
use crate::unusable::Mount;

const SAYS_PASSED: &str = "echo 'status: passed' > \"$RESULT_PATH\"; echo said";

#[tokio::test]
async fn what_cannot_show_it_has_not_passed() {
    let machine = Machine::new();
    let cases = [
        ("killed", format!("{SAYS_PASSED}; kill -9 $$"), "SIGKILL"),
        ("crashed", format!("{SAYS_PASSED}; kill -SEGV $$"), "SIGSEGV"),
        ("directory", "mkdir \"$RESULT_PATH\"; echo said".to_owned(), "it is a directory"),
        ("pipe", "mkfifo \"$RESULT_PATH\"; echo said".to_owned(), "no regular file"),
        ("dead-link", "ln -s nowhere \"$RESULT_PATH\"; echo said".to_owned(), "No such file"),
        ("lost", "rm \"$OUTPUT_STDOUT_PATH\"; mkdir \"$OUTPUT_STDOUT_PATH\"; echo said".to_owned(), "output is lost"),
        (
            "unparsed",
            "printf 'status: failed\\nresults: [' > \"$RESULT_PATH\"; echo said".to_owned(),
            "that is no pass",
        ),
    ];
    let scripts: Vec<Script> = cases.iter().map(|(name, body, _)| Script::testing(name, body.clone())).collect();
    let region = region(NodeStatus::Testing, &scripts).await;
    let ended = machine.run(&region).words(&["--exit-when-done"]).end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
    let results = machine.store().results(1.into()).expect("readable");
    for (name, _, why) in cases {
        let stored = row(&region, name);
        assert_eq!(
            (stored.status, String::from_utf8_lossy(&stored.output).as_ref()),
            (Status::Failed, "said\n"),
            "{name}"
        );
        let result = results.iter().find(|result| result.name == name).expect("a result");
        assert_eq!(result.status, Status::Failed, "{name}");
        assert!(result.notes.contains(why), "{name}: {}", result.notes);
    }
}

#[tokio::test]
async fn output_without_an_end_leaves_room_for_the_rest() {
    let machine = Machine::new();
    let Some(_mount) = Mount::tmpfs(&machine.path("storage"), "32m") else { return };
    let scripts = [
        Script::testing("endless", "echo begun; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo ended"),
        Script::testing("fails", "echo 'status: failed' > \"$RESULT_PATH\"; echo said"),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    let ended = machine.run(&region).words(&["--exit-when-done"]).end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let states: Vec<_> = table(&region).into_iter().map(|(name, status, _)| (name, status)).collect();
    assert_eq!(
        states,
        [("endless".to_owned(), Status::Passed), ("fails".to_owned(), Status::Failed)],
        "a declared loss"
    );
    let output = String::from_utf8_lossy(&row(&region, "endless").output).into_owned();
    assert!(output.starts_with("begun\n") && output.ends_with("\nended\n") && output.contains("bytes left out here"));
    let notes = machine.store().results(1.into()).expect("readable").remove(0).notes;
    assert!(notes.contains("head and tail are kept"), "{notes}");
}
