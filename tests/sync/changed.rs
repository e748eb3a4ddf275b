//! A change is on record, and told, once.

use shakedown::agent::sync::Reason;
use shakedown::host::Host;
use shakedown::inventory::{Gap, Topic, collect_detail};
use shakedown::script::Status;

use crate::deployed::Deployed;
use crate::machine::{disk, server};
use crate::support::row;

/// The event at the end is the head of the record's chain.
const SENT: [&str; 5] = ["GET maas-scripts 200", "POST  200", "POST  200", "POST  200", "POST event 204"];

#[tokio::test(flavor = "multi_thread")]
async fn what_the_region_sees_itself_is_only_in_our_own_log() {
    let tree = server();
    let mut machine = Deployed::new(&tree).await;
    // A second look agrees with the first.
    machine.options().settle = std::time::Duration::from_millis(1);
    machine.sync().await;
    let requests = machine.requests();
    disk(&tree, "sdc", "3", "SERIAL-C");
    let outcome = machine.sync().await;
    assert_eq!((outcome.reason, outcome.is_delivered), (Some(Reason::Changed), true));
    assert_eq!(machine.requests_since(requests), SENT);
    let node = machine.region.system_id();
    let text = format!("block device sdc was added on node {node} (MODEL-1 SERIAL-C)");
    assert_eq!(machine.log(), [format!("NODE_HARDWARE_SYNC_BLOCK_DEVICE added: {text}")]);
    assert_eq!(machine.told(), [""; 0]);
    let sent = String::from_utf8_lossy(&row(&machine.region, "20-maas-03-machine-resources").stdout).into_owned();
    assert!(sent.contains("\"sdc\""), "the region has it from the inventory");
    let requests = machine.requests();
    assert_eq!(machine.sync().await.reason, None);
    assert_eq!(machine.requests_since(requests), ["POST  200"], "and nothing is told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_region_cannot_see_is_told_it_too() {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    machine.sync().await;
    let requests = machine.requests();
    tree.remove("sys/class/block/sdb").remove("sys/devices/pci0000:00/0000:00:04.0/host0/target0:0:2");
    disk(&tree, "sdb", "9", "SERIAL-B");
    assert!(machine.sync().await.is_delivered);
    assert_eq!(
        machine.requests_since(requests),
        ["GET maas-scripts 200", "POST event 204", "POST  200", "POST  200", "POST  200", "POST event 204"]
    );
    let node = machine.region.system_id();
    let text = format!("block device sdb was moved from 6:0:0:0 2 to 6:0:0:0 9 on node {node}");
    assert_eq!(machine.log(), [format!("NODE_HARDWARE_SYNC_BLOCK_DEVICE moved: {text}")]);
    assert_eq!(machine.told(), [format!("'shakedown' {text}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_inventory_removes_nothing_here_and_nothing_there() {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    machine.sync().await;
    let before = row(&machine.region, "20-maas-03-machine-resources").stdout;
    let mut half = collect_detail(&Host::at(tree.root()));
    half.disks.clear();
    half.machine_resources.resources.storage.disks.clear();
    half.gaps.push(Gap::of_all(Topic::Storage, "a drive hangs"));
    let requests = machine.requests();
    assert_eq!(machine.sync_with(Some(half.clone()), 0).await.reason, None);
    assert_eq!(machine.requests_since(requests), ["POST  200"]);
    let outcome = machine.sync_with(Some(half), 8).await;
    assert_eq!(outcome.reason, Some(Reason::Due));
    let resources = row(&machine.region, "20-maas-03-machine-resources");
    assert_eq!((resources.status, resources.exit_status), (Status::Failed, Some(1)));
    assert!(!before.is_empty() && resources.stdout.is_empty(), "a region that is sent no document keeps what it has");
    assert!(String::from_utf8_lossy(&resources.stderr).contains("a drive hangs"));
    let later = row(&machine.region, "50-maas-01-commissioning");
    assert_ne!(later.exit_status, Some(0), "nor is it told an old one by another script");
    assert_eq!(machine.sync_with(None, 8).await.reason, Some(Reason::Owed), "it is owed the whole");
    assert_eq!(row(&machine.region, "20-maas-03-machine-resources").status, Status::Passed);
    assert_eq!((machine.log(), machine.sync_with(None, 8).await.reason), (Vec::new(), None));
}

/// A region takes nothing of a script that fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_again_until_every_script_that_the_region_parses_has_passed() {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    machine.sync().await;
    disk(&tree, "sdc", "3", "SERIAL-C");
    let fail = machine.state().with_file_name("storage").join("fail");
    std::fs::write(&fail, "").expect("a small file");
    assert_eq!(machine.sync().await.reason, Some(Reason::Changed));
    assert_eq!(row(&machine.region, "50-maas-01-commissioning").exit_status, Some(1));
    std::fs::remove_file(&fail).expect("it is there");
    assert_eq!(machine.sync().await.reason, Some(Reason::Owed), "tried again");
    assert_eq!(machine.sync().await.reason, None);
}
