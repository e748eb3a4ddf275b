//! A region that hands out scripts and then takes nothing: the scripts run to their end, nothing is lost, and what was kept
//! is delivered later, in order, once.

use std::fs;

use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Machine, Script, region, row, table, texts, until};

/// Leave when the scripts are done, after a moment.
const LEAVE: [&str; 3] = ["--exit-when-done", "--farewell", "1"];
const AWAY: &str = "the region is being moved";

/// From now on every POST is answered with 503.
fn take_away(region: &Sandbox) {
    region.inject(Fault::new("POST", 100_000, Action::Answer(503, AWAY.to_owned())));
}

/// Three tests, of which the last ends with this exit status.
fn scripts(exit: i32) -> [Script; 3] {
    [
        Script::testing("a", "echo one; echo two >&2"),
        Script::testing("b", "echo '{status: degraded, results: {wear: 97}}' > \"$RESULT_PATH\""),
        Script::testing("c", format!("echo three; exit {exit}")),
    ]
}

fn expected(last: Status) -> Vec<(String, Status, String)> {
    [("a", Status::Passed, "one\ntwo\n"), ("b", Status::Degraded, ""), ("c", last, "three\n")]
        .map(|(name, status, output)| (name.to_owned(), status, output.to_owned()))
        .to_vec()
}

/// What the region derived from the messages about one script, in its order.
fn story(region: &Sandbox, script: &str) -> Vec<String> {
    let (is_it, begins) = (script.to_owned(), format!("{script} changed "));
    let events = region.events().into_iter().map(|event| event.description);
    events.filter(|text| *text == is_it || text.starts_with(&begins)).collect()
}

#[tokio::test]
async fn a_run_leaves_with_exit_4_and_deliver_sends_all_of_it_in_order() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &scripts(0)).await;
    take_away(&region);
    let ended = machine.run(&region).words(&LEAVE).end().await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.text().contains("messages could not be delivered"), "{}", ended.text());
    assert!(region.events().is_empty(), "the region took nothing: {:?}", region.events());
    let store = machine.store();
    let run = store.runs().expect("readable").remove(0);
    let waiting = store.waiting_messages(&run.region).expect("readable");
    assert!(waiting.len() >= 8, "each message is kept: {waiting:?}");

    region.clear_faults();
    let delivered = machine.deliver(&region).end().await;
    assert_eq!((delivered.code, delivered.stderr.as_str()), (Some(0), ""));
    assert_eq!(table(&region), expected(Status::Passed));
    assert_eq!(row(&region, "a").stderr, b"two\n");
    assert_eq!(region.node_status(), NodeStatus::Ready);
    for (script, status) in [("a", "Passed"), ("b", "Degraded"), ("c", "Passed")] {
        let end = format!("{script} changed status from 'Running' to '{status}'");
        assert_eq!(story(&region, script), [script.to_owned(), end], "each script in its order");
    }
    let last = region.events().pop().expect("events");
    assert_eq!(last.description, "From 'Testing' to 'Ready'", "the end comes last");
    assert_eq!(machine.store().waiting_messages(&run.region).expect("readable"), []);

    let requests = region.requests().len();
    assert_eq!(machine.deliver(&region).end().await.code, Some(0), "there is nothing left to deliver");
    assert_eq!(region.requests().len(), requests, "nothing is sent twice");
}

#[tokio::test]
async fn a_failed_run_says_that_it_failed_and_deliver_tells_the_region() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &scripts(3)).await;
    take_away(&region);
    let ended = machine.run(&region).words(&LEAVE).end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.text().contains("messages could not be delivered"), "{}", ended.text());
    region.clear_faults();
    assert_eq!(machine.deliver(&region).end().await.code, Some(0));
    assert_eq!(table(&region), expected(Status::Failed));
    assert_eq!(
        (region.node_status(), region.node_error().as_str()),
        (NodeStatus::FailedTesting, "1 test scripts failed to run")
    );
}

#[tokio::test]
async fn deliver_gives_up_when_it_is_told_to_and_says_what_is_left() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &scripts(0)).await;
    take_away(&region);
    machine.run(&region).words(&LEAVE).end().await;
    let ended = machine.deliver(&region).words(&["--give-up-after", "1"]).end().await;
    assert_eq!(ended.code, Some(4));
    assert!(ended.text().contains("messages are still undelivered"), "{}", ended.text());
    region.clear_faults();
    assert_eq!(machine.deliver(&region).end().await.code, Some(0));
    assert_eq!(table(&region), expected(Status::Passed));
}

#[tokio::test]
async fn what_is_meant_for_one_region_is_never_delivered_to_another() {
    let machine = Machine::new();
    let first = region(NodeStatus::Testing, &scripts(0)).await;
    take_away(&first);
    machine.run(&first).words(&LEAVE).end().await;
    let second = region(NodeStatus::Testing, &scripts(0)).await;
    assert_eq!(machine.deliver(&second).end().await.code, Some(0), "nothing waits for it");
    assert_eq!(second.requests().len(), 0);
    first.clear_faults();
    assert_eq!(machine.deliver(&first).end().await.code, Some(0));
    assert_eq!(table(&first), expected(Status::Passed));
}

#[tokio::test]
async fn without_being_told_to_leave_a_run_tries_on_and_ends_when_the_region_is_back() {
    let machine = Machine::new();
    let seen = machine.path("seen");
    let scripts =
        [Script::testing("a", "echo one"), Script::testing("b", format!("echo two; echo ran >> {}", seen.display()))];
    let region = region(NodeStatus::Testing, &scripts).await;
    take_away(&region);
    let agent = machine.run(&region).start();
    until("the scripts went on", || machine.has("seen", "ran")).await;
    let refused = || region.requests().iter().filter(|request| request["answer"] == 503).count();
    let so_far = refused();
    until("it keeps trying", || refused() > so_far + 5).await;
    region.clear_faults();
    let ended = crate::harness::Ended::of(agent).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = [("a", Status::Passed, "one\n"), ("b", Status::Passed, "two\n")];
    assert_eq!(table(&region), expected.map(|(name, status, output)| (name.to_owned(), status, output.to_owned())));
    assert_eq!((region.node_status(), machine.read("seen").as_str()), (NodeStatus::Ready, "ran\n"));
}

/// After commissioning a region may have more scripts, so the run is not at its end while the region is away.
#[tokio::test]
async fn a_run_that_has_to_ask_for_more_is_unfinished_and_the_next_start_goes_on_with_it() {
    let machine = Machine::new();
    let scripts = [Script::commissioning("facts", "echo facts"), Script::testing("test", "echo test")];
    let region = region(NodeStatus::Commissioning, &scripts).await;
    take_away(&region);
    let ended = machine.run(&region).words(&LEAVE).end().await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.text().contains("the rest is kept"), "{}", ended.text());
    assert_eq!(machine.store().runs().expect("readable")[0].outcome, None);

    region.clear_faults();
    let ended = machine.run(&region).end().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.text().contains("Resuming run 1, where the agent left it"), "nobody killed it: {}", ended.text());
    let runs = machine.store().runs().expect("readable");
    assert_eq!((runs.len(), runs[0].scripts, runs[0].failed), (1, 2, 0), "one run: {runs:?}");
    let expected = [("facts", Status::Passed, "facts\n"), ("test", Status::Passed, "test\n")];
    assert_eq!(table(&region), expected.map(|(name, status, output)| (name.to_owned(), status, output.to_owned())));
    assert_eq!(region.node_status(), NodeStatus::Ready);
    assert_eq!(texts(&machine.events("DEBUG"), "facts").len(), 2, "it ran once: {:?}", machine.events("DEBUG"));
}

/// A region hands out again what it has no result of.
#[tokio::test]
async fn the_next_run_delivers_before_it_asks_for_scripts_and_runs_nothing_twice() {
    let machine = Machine::new();
    let seen = machine.path("seen");
    let body = |name: &str, exit: i32| format!("echo {name} >> {}; echo {name}; exit {exit}", seen.display());
    let scripts = [Script::testing("a", body("a", 0)), Script::testing("b", body("b", 3))];
    let region = region(NodeStatus::Testing, &scripts).await;
    take_away(&region);
    assert_eq!(machine.run(&region).words(&LEAVE).end().await.code, Some(1));
    region.clear_faults();
    let ended = machine.run(&region).end().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.text());
    assert_eq!(machine.read("seen"), "a\nb\n");
    let expected = [("a", Status::Passed, "a\n"), ("b", Status::Failed, "b\n")];
    assert_eq!(table(&region), expected.map(|(name, status, output)| (name.to_owned(), status, output.to_owned())));
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
}

#[tokio::test]
async fn a_run_that_is_to_tell_nothing_tells_nothing_from_before_either() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &scripts(0)).await;
    take_away(&region);
    machine.run(&region).words(&LEAVE).end().await;
    region.clear_faults();
    let requests = region.requests().len();
    let ended = machine.run(&region).words(&["--no-send", "--no-download"]).end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(region.requests().len(), requests, "{:?}", region.requests().last());
    assert_eq!(machine.deliver(&region).end().await.code, Some(0), "it can still be delivered");
    assert_eq!(region.node_status(), NodeStatus::Ready);
}

#[tokio::test]
async fn the_scripts_themselves_are_waited_for_as_well() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &scripts(0)).await;
    region.inject(Fault::new("GET", 30, Action::Answer(503, AWAY.to_owned())));
    let ended = machine.run(&region).words(&LEAVE).end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(table(&region), expected(Status::Passed));
    assert!(fs::metadata(machine.journal()).is_ok());
}
