//! A machine on which nothing happens costs its region one request a tick.

use shakedown::agent::sync::Reason;
use shakedown::journal::Store;
use shakedown::sandbox::NodeStatus;
use shakedown::script::Status;

use crate::deployed::Deployed;
use crate::document;
use crate::machine::server;
use crate::support::row;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_one_sends_everything_with_true_exit_codes_and_tells_no_change() {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    let outcome = machine.sync().await;
    assert_eq!((outcome.reason, outcome.is_delivered, outcome.changes.len()), (Some(Reason::First), true, 0));
    let sent = ["GET maas-scripts 200", "POST  200", "POST  200", "POST  200", "POST event 204"];
    assert_eq!(machine.requests_since(0), sent);
    let head = machine.region.events().pop().expect("events");
    assert_eq!(head.action, "shakedown/audit-head");
    let told = head.description.rsplit(' ').next();
    let verified = Store::read(&machine.state()).expect("a journal").verify_against(told).expect("readable");
    assert!(verified.is_ok(), "the region has the head of the record: {verified:?}");
    let info = row(&machine.region, "maas-support-info");
    assert_eq!((info.status, info.exit_status, info.stdout.as_slice()), (Status::Failed, Some(7), &b"known\n"[..]));
    let resources = row(&machine.region, "20-maas-03-machine-resources");
    assert_eq!((resources.status, resources.exit_status), (Status::Passed, Some(0)));
    let sent: serde_json::Value = serde_json::from_slice(&resources.stdout).expect("an inventory");
    assert_eq!(sent["resources"], document::of(tree.root())["resources"], "as `shakedown resources` prints it");
    let later = row(&machine.region, "50-maas-01-commissioning");
    assert_eq!((later.exit_status, &later.stdout), (Some(0), &resources.stdout), "later scripts find it");
    for other in ["maas-untagged", "custom"] {
        assert!(row(&machine.region, other).output.is_empty(), "{other} is not asked of a deployed machine");
    }
    assert_eq!((machine.log(), machine.told()), (Vec::new(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_quiet_ticks_are_a_hundred_requests_and_no_event() {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    assert!(machine.sync().await.is_delivered);
    let (requests, events, own) = (machine.requests(), machine.region.events().len(), machine.events().len());
    let mut last = machine.region.last_sync();
    for _ in 0..100 {
        let outcome = machine.sync().await;
        assert_eq!((outcome.reason, outcome.is_delivered), (None, true));
        let now = machine.region.last_sync();
        assert!(now > last, "the region hears of the machine at each tick");
        last = now;
    }
    assert_eq!(machine.requests_since(requests), ["POST  200"; 100]);
    assert_eq!((machine.region.events().len(), machine.events().len()), (events, own));
    assert_eq!(machine.region.node_status(), NodeStatus::Deployed);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_sent_again_when_it_is_asked_for_and_after_a_week() {
    let tree = server();
    let mut machine = Deployed::new(&tree).await;
    machine.sync().await;
    assert_eq!(machine.sync_with(None, 6).await.reason, None);
    assert_eq!(machine.sync_with(None, 7).await.reason, Some(Reason::Due));
    assert_eq!(machine.sync_with(None, 13).await.reason, None, "a week from the last one");
    machine.options().full = true;
    let outcome = machine.sync_with(None, 13).await;
    assert_eq!((outcome.reason, outcome.scripts.len(), outcome.other_scripts), (Some(Reason::Asked), 3, false));
    assert_eq!(machine.log(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_when_the_region_asks_for_other_scripts_than_before() {
    let tree = server();
    let mut machine = Deployed::new(&tree).await;
    machine.sync().await;
    let journal = rusqlite::Connection::open(machine.state().join("journal.db")).expect("a journal");
    journal.execute("UPDATE hardware SET scripts = 'of an older list'", []).expect("a row");
    assert_eq!(machine.sync().await.reason, None, "a quiet tick does not ask");
    machine.options().full = true;
    assert!(machine.sync().await.other_scripts);
    assert!(!machine.sync().await.other_scripts);
}
