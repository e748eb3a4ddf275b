//! The region is away, or answers badly, at each step of enlisting.

use nix::sys::signal::Signal;
use shakedown::sandbox::{Action, Fault, NodeStatus};
use shakedown::script::Status;

use crate::machine::{FIRST, Machine, SECOND, asked, assert_enlisted, exists};
use crate::support::proxy::Proxy;
use crate::support::{LIMIT, row, until};

/// Method and page of each step.
const STEPS: [(&str, &str); 6] = [
    ("GET", "api/2.0/machines/"),
    ("GET", "maas-scripts"),
    ("POST", "api/2.0/machines/"),
    ("GET", "by-id/"),
    ("POST", "metadata/2012-03-01/"),
    ("", ""),
];

#[tokio::test]
async fn trouble_at_any_step_passes_and_loses_nothing() {
    let page = "<html>please log in</html>".to_owned();
    let troubles = [
        Action::Answer(503, "later".into()),
        Action::Answer(500, "oops".into()),
        Action::DropBefore,
        Action::DropAfter,
        Action::Half(40),
        Action::Page(page),
    ];
    for (method, step) in STEPS {
        for trouble in troubles.clone() {
            // A page in place of the scripts is refused, as ever.
            if matches!(trouble, Action::Page(_)) && (step == "maas-scripts" || step.is_empty()) {
                continue;
            }
            let machine = Machine::new(2);
            let region = machine.region("", "").await;
            region.inject(Fault::new(method, 3, trouble.clone()).at(step));
            let finished = machine.run(&region.url()).finish().await;
            assert_enlisted(&machine, &region, &finished);
            assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (1, 1), "{trouble:?} at {method} {step}");
        }
    }
}

#[tokio::test]
async fn a_region_that_comes_late_is_waited_for() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    let mut network = Proxy::to(&region.url());
    network.cut().await;
    let running = machine.run(&network.url()).start();
    until("the agent has begun", || machine.path("state/journal.db").exists()).await;
    network.mend();
    let finished = running.finish(LIMIT).await;
    assert_enlisted(&machine, &region, &finished);
}

#[tokio::test]
async fn scripts_go_on_while_the_region_is_away_and_their_results_wait() {
    let machine = Machine::new(1);
    let region = machine.region(&machine.wait_for("go"), "").await;
    let mut network = Proxy::to(&region.url());
    let running = machine.run(&network.url()).start();
    until("the first script runs", || machine.ran(FIRST) == 1).await;
    network.cut().await;
    machine.write("go", "");
    until("the second script has run", || machine.ran(SECOND) == 1).await;
    network.mend();
    let finished = running.finish(LIMIT).await;
    assert_enlisted(&machine, &region, &finished);
}

#[tokio::test]
async fn a_region_that_will_not_have_the_machine_is_told_and_asked_again_at_the_next_start() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    let refusal = Action::Answer(400, "{\"architecture\": [\"'amd64/generic' is not a valid architecture.\"]}".into());
    region.inject(Fault::new("POST", u32::MAX, refusal).at("api/2.0/machines/"));
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!((finished.code, region.machines()), (Some(3), 0));
    let told = "cannot enlist: the region refuses it with 400 Bad Request: {\"architecture\"";
    assert!(finished.stderr.contains(told) && finished.stderr.contains("is kept"), "{}", finished.stderr);
    region.clear_faults();
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (1, 1), "nothing is run twice");
}

#[tokio::test]
async fn who_does_not_wait_for_the_region_leaves_and_goes_on_later() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    region.inject(Fault::new("POST", u32::MAX, Action::Answer(503, String::new())));
    let finished = machine.run(&region.url()).args(["--exit-when-done", "--farewell", "0"]).finish().await;
    assert_eq!((finished.code, region.machines()), (Some(4), 0), "{}", finished.stderr);
    region.clear_faults();
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (1, 1), "nothing is run twice");
}

#[tokio::test]
async fn a_stopped_machine_that_nobody_knows_yet_goes_on_at_the_next_start() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    region.inject(Fault::new("POST", u32::MAX, Action::Answer(503, String::new())));
    let running = machine.run(&region.url()).start();
    until("the region was asked for the machine", || asked(&region, "POST", "/machines/") > 0).await;
    running.signal(Signal::SIGTERM);
    let finished = running.finish(LIMIT).await;
    assert_eq!((finished.code, region.machines()), (Some(130), 0), "{}", finished.stderr);
    assert!(finished.stdout.contains("the next start goes on with enlisting"), "{}", finished.stdout);
    region.clear_faults();
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert_eq!((region.node_status(), machine.ran(SECOND)), (NodeStatus::New, 1), "nothing is run twice");
}

#[tokio::test]
async fn what_waits_for_the_machine_to_be_known_is_not_spent_on_a_region_that_does_not_know_it() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    region.inject(Fault::new("POST", u32::MAX, Action::Answer(503, String::new())));
    machine.run(&region.url()).args(["--exit-when-done", "--farewell", "0"]).finish().await;
    region.clear_faults();
    let before = asked(&region, "POST", "");
    let told = machine.deliver(&region.url()).finish().await;
    assert_eq!((told.code, asked(&region, "POST", "")), (Some(4), before), "{}", told.stderr);
    assert!(told.stdout.contains("`shakedown run` goes on with that"), "{}", told.stdout);
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (1, 1), "nothing is run twice");
}

#[tokio::test]
async fn begun_anew_it_keeps_no_message_of_the_stranger_that_it_was() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    region.inject(Fault::new("POST", u32::MAX, Action::Answer(503, String::new())));
    let leaves = ["--exit-when-done", "--farewell", "0"];
    machine.run(&region.url()).args(leaves).finish().await;
    region.clear_faults();
    let finished = machine.run(&region.url()).arg("--fresh").finish().await;
    assert_enlisted(&machine, &region, &finished);
    assert_eq!((machine.ran(FIRST), machine.ran(SECOND)), (2, 2), "anew means from the beginning");
    let told = machine.deliver(&region.url()).finish().await;
    assert!(told.stderr.contains("nothing waits for the region"), "{} {}", told.stdout, told.stderr);
}

#[tokio::test]
async fn a_machine_that_was_deleted_in_its_region_is_told_that_it_will_enlist_anew() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    machine.write("state/enlisted.yaml", &region.node_config().replace("token_key: ", "token_key: gone"));
    let finished = machine.run(&region.url()).finish().await;
    assert_eq!((finished.code, region.machines()), (Some(3), 0), "{}", finished.stderr);
    let file = machine.credentials();
    let told = format!("{} was deleted: the next start enlists the machine anew", file.display());
    assert!(
        finished.stdout.contains(&told) && finished.stdout.contains("refuses the credentials"),
        "{}",
        finished.stdout
    );
    assert!(!exists(&file));
    let finished = machine.run(&region.url()).finish().await;
    assert_enlisted(&machine, &region, &finished);
}

#[tokio::test]
async fn cut_off_before_the_note_of_its_credentials_what_waits_can_be_delivered() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    let nobody = Action::Answer(503, String::new());
    region.inject(Fault::new("GET", u32::MAX, nobody).at("by-id/"));
    let running = machine.run(&region.url()).start();
    // Its scripts have ended by then, and the region has made it.
    until("it asks for its credentials", || asked(&region, "GET", "by-id/") > 0).await;
    running.signal(Signal::SIGKILL);
    running.finish(LIMIT).await;
    region.clear_faults();
    assert_eq!(region.machines(), 1);
    machine.write("state/enlisted.yaml", &region.node_config());
    let told = machine.deliver(&region.url()).finish().await;
    assert_eq!(told.code, Some(0), "{} {}", told.stdout, told.stderr);
    assert_eq!((row(&region, FIRST).status, row(&region, SECOND).status), (Status::Passed, Status::Passed));
}

#[tokio::test]
async fn a_machine_that_nobody_knows_does_not_enlist_with_old_scripts() {
    let machine = Machine::new(1);
    let region = machine.region("", "").await;
    let finished = machine.run(&region.url()).arg("--no-download").finish().await;
    assert_eq!((finished.code, region.machines()), (Some(3), 0), "{}", finished.stderr);
    assert!(finished.stderr.contains("--no-download") && finished.stderr.contains("--no-send"), "{}", finished.stderr);
}
