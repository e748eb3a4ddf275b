//! A region that answers badly or not at all: no change is lost, and none is told or recorded twice.

use std::time::Duration;

use shakedown::agent::sync::Reason;
use shakedown::sandbox::{Action, Fault};

use crate::deployed::Deployed;
use crate::machine::{disk, server};
use crate::tree::Tree;

fn bad(code: u16) -> Action {
    Action::Answer(code, "a fault was asked for".to_owned())
}

fn move_disk(tree: &Tree, from: &str, to: &str) {
    tree.remove("sys/class/block/sdb");
    tree.remove(&format!("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:{from}"));
    disk(tree, "sdb", to, "SERIAL-B");
}

/// A machine that its region knows, and whose second disk has moved since.
async fn moved() -> (Tree, Deployed) {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    assert!(machine.sync().await.is_delivered);
    move_disk(&tree, "2", "9");
    (tree, machine)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_outlives_every_bad_answer_and_is_told_once() {
    let faults = [
        ("", bad(500)),
        ("", bad(409)),
        ("", Action::DropBefore),
        ("POST", bad(500)),
        ("POST", bad(409)),
        ("POST", bad(503)),
        ("GET", bad(500)),
        ("GET", bad(409)),
        ("POST", Action::DropBefore),
        ("GET", Action::Delay(Duration::from_secs(60))),
    ];
    for (method, action) in faults {
        let (_tree, machine) = moved().await;
        machine.region.inject(Fault::new(method, 10_000, action.clone()));
        let outcome = machine.sync().await;
        let what = format!("{method} {action:?}");
        assert_eq!((outcome.reason, outcome.is_delivered), (Some(Reason::Changed), false), "{what}");
        assert!(outcome.trouble.is_some(), "{what}");
        for _ in 0..2 {
            let outcome = machine.sync().await;
            assert_eq!((outcome.reason, outcome.changes.len()), (Some(Reason::Owed), 0), "{what}");
        }
        assert_eq!(machine.log().len(), 1, "{what}: on record at once, and once");
        machine.region.clear_faults();
        let requests = machine.requests();
        let outcome = machine.sync().await;
        assert_eq!((outcome.reason, outcome.is_delivered), (Some(Reason::Owed), true), "{what}: {:?}", outcome.trouble);
        assert_eq!((machine.log().len(), machine.told().len()), (1, 1), "{what}: {:?}", machine.told());
        let results = machine.requests_since(requests).iter().filter(|line| *line == "POST  200").count();
        assert_eq!(results, 3, "{what}: each script once, not once for each attempt");
        let requests = machine.requests();
        assert_eq!(machine.sync().await.reason, None, "{what}");
        assert_eq!(machine.requests_since(requests), ["POST  200"], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_result_that_is_refused_leaves_the_rest_owed() {
    let (_tree, machine) = moved().await;
    let refusal = "Machine status isn't valid (status is Allocated)";
    machine.region.inject(Fault::for_results(1, Action::Answer(409, refusal.to_owned())));
    assert!(!machine.sync().await.is_delivered);
    assert_eq!(machine.told().len(), 1);
    let outcome = machine.sync().await;
    assert_eq!((outcome.reason, outcome.is_delivered), (Some(Reason::Owed), true));
    assert_eq!((machine.log().len(), machine.told().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_while_the_region_is_away_are_all_told_in_their_order() {
    let (tree, mut machine) = moved().await;
    machine.region.inject(Fault::new("", 10_000, Action::DropBefore));
    assert!(!machine.sync().await.is_delivered);
    machine.restart(&tree).await;
    move_disk(&tree, "9", "2");
    assert_eq!(machine.sync().await.reason, Some(Reason::Changed));
    machine.region.clear_faults();
    machine.restart(&tree).await;
    assert!(machine.sync().await.is_delivered);
    assert_eq!(machine.log().len(), 2);
    let told = machine.told().concat();
    let place = |text: &str| told.find(text).unwrap_or_else(|| panic!("{text} in {told}"));
    assert!(place("from 6:0:0:0 2 to 6:0:0:0 9") < place("from 6:0:0:0 9 to 6:0:0:0 2"));
    assert_eq!(told.matches("was moved").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_tick_that_is_not_heard_owes_nothing() {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    machine.sync().await;
    machine.region.inject(Fault::new("POST", 10_000, bad(409)));
    let outcome = machine.sync().await;
    assert_eq!((outcome.reason, outcome.is_delivered), (None, false));
    machine.region.clear_faults();
    let requests = machine.requests();
    assert!(machine.sync().await.is_delivered);
    assert_eq!(machine.requests_since(requests), ["POST  200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_stopped_says_nothing_and_the_next_says_all() {
    let (tree, mut machine) = moved().await;
    let requests = machine.requests();
    machine.stop();
    let outcome = machine.sync().await;
    assert_eq!((outcome.is_stopped, outcome.is_delivered, machine.log().len()), (true, false, 1));
    assert!(machine.requests_since(requests).iter().all(|request| request.starts_with("GET")));
    machine.restart(&tree).await;
    assert!(machine.sync().await.is_delivered);
    assert_eq!((machine.log().len(), machine.told().len()), (1, 1));
}
