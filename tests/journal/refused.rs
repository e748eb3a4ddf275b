//! What the region will not take for good holds up nothing else, and the operator hears of it in every place where an
//! operator looks.

use shakedown::event::Level;
use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Ended, Machine, Script, region, row, texts};

const REASON: &str = "Invalid runtime: it is Tuesday";

/// A run of three tests one of whose results, the first to be sent, is refused.
async fn run(machine: &Machine, times: u32, exit: i32) -> (Sandbox, Ended) {
    let scripts = [
        Script::testing("a", format!("echo one; exit {exit}")),
        // Each result has a lane of its own: the first is on its way long before the second.
        Script::testing("b", "sleep 1; echo two"),
        Script::testing("c", "echo three"),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    region.inject(Fault::for_results(times, Action::Answer(400, REASON.to_owned())));
    let ended = machine.run(&region).words(&["--exit-when-done"]).end().await;
    (region, ended)
}

#[tokio::test]
async fn the_others_are_delivered_and_the_run_does_not_end_as_if_all_were_well() {
    let machine = Machine::new();
    let (region, ended) = run(&machine, 1, 0).await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    let printed = ended.text();
    assert!(printed.contains("The region did not take the result of a") && printed.contains(REASON), "{printed}");
    assert_eq!(row(&region, "a").status, Status::Aborted, "it never got the result, and FAILED ended the rest");
    for (script, output) in [("b", "two\n"), ("c", "three\n")] {
        assert_eq!((row(&region, script).status, row(&region, script).output), (Status::Passed, output.into()));
    }
    let store = machine.store();
    let run = store.runs().expect("readable").remove(0);
    assert_eq!(store.results(run.id).expect("readable")[0].status, Status::Passed, "the machine knows how it ended");
    assert_eq!(store.waiting_messages(&run.region).expect("readable"), [], "nothing is tried for ever");
}

#[tokio::test]
async fn a_failure_is_told_before_a_refusal() {
    let machine = Machine::new();
    let (region, ended) = run(&machine, 1, 3).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.text().contains(REASON), "{}", ended.text());
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
}

#[tokio::test]
async fn it_is_told_on_both_sides_with_its_reason() {
    let machine = Machine::new();
    let (region, ended) = run(&machine, 1, 0).await;
    assert!(ended.only_complaint().contains("the region refused a message for good"), "{}", ended.stderr);
    let shown = machine.ask("runs").end().await.answer();
    let line = shown.lines().find(|line| line.starts_with("refused by the region")).expect("a line for it");
    assert!(line.contains("result of a") && line.contains(REASON), "{line}");

    let events = machine.events("ERROR");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].level, events[0].type_name.as_str()), (Level::Error, "SCRIPT_RESULT_ERROR"));
    let text = &events[0].description;
    assert!(text.starts_with("the region refused the result of a") && text.contains(REASON), "{text}");

    let told = texts(&region.events(), "the region refused the ");
    assert_eq!(told, [format!("'shakedown' {text}")]);
}

#[tokio::test]
async fn each_of_several_is_told() {
    let machine = Machine::new();
    let (region, ended) = run(&machine, 3, 0).await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert_eq!(machine.events("ERROR").len(), 3);
    assert_eq!(machine.ask("runs").end().await.answer().matches("refused by the region").count(), 3);
    let told = texts(&region.events(), "the region refused the ").join("; ");
    assert_eq!(told.matches("the region refused the ").count(), 3, "{told}");
}

#[tokio::test]
async fn a_refusal_at_a_later_delivery_is_told_as_well() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo one")]).await;
    region.inject(Fault::new("POST", 100_000, Action::Answer(503, String::new())));
    assert_eq!(machine.run(&region).words(&["--exit-when-done", "--farewell", "1"]).end().await.code, Some(4));
    region.clear_faults();
    region.inject(Fault::for_results(1, Action::Answer(400, REASON.to_owned())));
    let ended = machine.deliver(&region).end().await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.text().contains("The region did not take the ") && ended.text().contains(REASON), "{}", ended.text());
    let events = machine.events("ERROR");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].node, Some(region.system_id()), "it is known which node it was");
    assert!(machine.ask("runs").end().await.answer().contains(REASON));
    assert_eq!(texts(&region.events(), "the region refused the ").len(), 1);
}
