//! Nobody hears what the program says: the disk under its log is full, or whoever read its output has gone. That ends no run
//! and changes no exit code.

use std::fs::{self, OpenOptions};
use std::process::Stdio;

use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Agent, Machine, Script, region, table};

fn full_disk() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("the device that is always full").into()
}

/// A pipe that nobody reads any more.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// A region with two tests that is away for the first messages, so that there is something to say.
async fn troubled_region() -> Sandbox {
    let scripts = [Script::testing("a", "echo one"), Script::testing("b", "echo two; exit 3")];
    let region = region(NodeStatus::Testing, &scripts).await;
    region.inject(Fault::new("POST", 5, Action::Answer(503, "away".to_owned())));
    region
}

async fn ends_as_if_it_were_heard(agent: Agent, region: &Sandbox) {
    assert_eq!(agent.end().await.code, Some(1), "a script failed");
    let expected = [("a", Status::Passed, "one\n"), ("b", Status::Failed, "two\n")];
    assert_eq!(table(region), expected.map(|(name, status, output)| (name.to_owned(), status, output.to_owned())));
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
}

#[tokio::test]
async fn a_run_whose_log_is_on_a_full_disk() {
    for options in [&[][..], &["--log-format", "json"]] {
        let machine = Machine::new();
        let region = troubled_region().await;
        let agent = machine.run(&region).words(options).output_to(full_disk(), full_disk());
        ends_as_if_it_were_heard(agent, &region).await;
        assert_eq!(machine.store().runs().expect("readable")[0].failed, 1);
    }
}

#[tokio::test]
async fn a_run_that_has_no_journal_either() {
    let mut machine = Machine::new();
    fs::write(machine.path("file"), "in the way").expect("a file");
    machine.state = machine.path("file/state");
    let region = troubled_region().await;
    ends_as_if_it_were_heard(machine.run(&region).output_to(full_disk(), full_disk()), &region).await;
}

#[tokio::test]
async fn a_run_whose_reader_has_gone() {
    let machine = Machine::new();
    let region = troubled_region().await;
    ends_as_if_it_were_heard(machine.run(&region).output_to(closed_pipe(), closed_pipe()), &region).await;
}

#[tokio::test]
async fn answers_whose_reader_has_gone() {
    let machine = Machine::new();
    let region = troubled_region().await;
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    let verbs: [&[&str]; 8] = [
        &["runs"],
        &["results"],
        &["results", "--script", "a", "--output", "stdout"],
        &["events", "query", "level=DEBUG"],
        &["events", "query", "--format", "jsonl"],
        &["events", "query", "--format", "table"],
        &["events", "types"],
        &["events", "verify"],
    ];
    for verb in verbs {
        let agent = machine.ask(verb[0]).words(&verb[1..]).output_to(closed_pipe(), Stdio::piped());
        let ended = agent.end().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{verb:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_arrive_is_an_error() {
    let machine = Machine::new();
    let region = troubled_region().await;
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    for verb in
        [&["runs"][..], &["results", "--script", "a", "--output", "stdout"], &["events", "query", "level=DEBUG"]]
    {
        let ended = machine.ask(verb[0]).words(&verb[1..]).output_to(full_disk(), Stdio::piped()).end().await;
        assert_eq!(ended.code, Some(3), "{verb:?}");
        assert!(ended.stderr.contains("cannot print") && ended.stderr.contains("No space left"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn following_ends_when_nobody_reads_any_more() {
    let machine = Machine::new();
    let region = troubled_region().await;
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    let follow = machine.ask("events").words(&["query", "--follow", "level=DEBUG"]);
    assert_eq!(follow.output_to(closed_pipe(), Stdio::piped()).end().await.code, Some(0));
}
