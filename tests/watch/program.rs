//! The service for a machine in a tree: from news to event and report.

use nix::sys::signal::Signal;
use shakedown::sandbox::{NodeStatus, Sandbox};

use crate::machine::{Machine, deployed};
use crate::support::{LIMIT, answers, until};

/// So long that no report is due while a test runs.
const SELDOM: &str = "604800";

fn requests(region: &Sandbox) -> usize {
    region.requests().len()
}

#[tokio::test]
async fn a_disk_that_is_plugged_in_is_told_once_and_the_region_hears_of_it() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let service = machine.watch(SELDOM).await;
    let (before, posts) = (requests(&region), answers(&region, "POST", 200));
    machine.plug("sdb", "SECOND");
    machine.tell_of_disk("add", "sdb");
    until("the change is in the event log", || !machine.changes().is_empty()).await;
    until("the region took it", || machine.looks() == 2).await;
    assert_eq!(machine.changes().len(), 1, "{:?}", machine.changes());
    assert!(machine.changes()[0].starts_with("block device sdb was added on node "), "{:?}", machine.changes());
    assert!(answers(&region, "POST", 200) > posts && requests(&region) > before);
    assert_eq!(region.node_status(), NodeStatus::Deployed);
    service.signal(Signal::SIGTERM);
    let ended = service.finish(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    until("the service manager heard of the end", || machine.count("STOPPING=1") == 1).await;
}

#[tokio::test]
async fn news_that_is_no_change_is_looked_into_and_told_to_nobody() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let _service = machine.watch(SELDOM).await;
    let before = requests(&region);
    machine.tell_of_disk("add", "sda");
    until("it was looked into", || machine.looks() == 2).await;
    assert_eq!((requests(&region), machine.changes()), (before, Vec::new()));
}

#[tokio::test]
async fn news_of_what_is_no_hardware_is_not_even_looked_into() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let _service = machine.watch(SELDOM).await;
    machine.plug("sdb", "SECOND");
    for (action, path, subsystem) in [
        ("add", "/devices/virtual/block/loop0", "block"),
        ("change", "/devices/virtual/block/loop0", "block"),
        ("add", "/devices/virtual/net/dummy0", "net"),
        ("remove", "/devices/virtual/net/veth0", "net"),
        ("bind", "/devices/pci0000:00/0000:00:05.0", "pci"),
        ("change", "/devices/pci0000:00/x/block/sda", "block"),
    ] {
        machine.tell(action, path, subsystem);
    }
    let pulses = machine.count("WATCHDOG=1");
    // Thirty pulses are longer than a burst takes to settle.
    until("time has passed", || machine.count("WATCHDOG=1") > pulses + 30).await;
    assert_eq!((machine.looks(), machine.changes()), (1, Vec::new()));
}

#[tokio::test]
async fn a_quiet_machine_reports_with_one_request_and_makes_no_event() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let _service = machine.watch("1").await;
    let first = requests(&region);
    let events = region.events().len();
    let heard = region.last_sync();
    until("it reported five times", || machine.looks() >= 6).await;
    let reports = requests(&region) - first;
    assert!((4..=7).contains(&reports), "{reports} requests for five reports");
    assert_eq!((region.events().len(), machine.changes()), (events, Vec::new()));
    assert!(region.last_sync() > heard);
    assert_eq!(region.node_status(), NodeStatus::Deployed);
}

#[tokio::test]
async fn the_watchdog_is_fed_and_a_look_cannot_keep_it_hungry() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let _service = machine.watch(SELDOM).await;
    let pulses = machine.count("WATCHDOG=1");
    machine.tell_of_disk("add", "sda");
    until("it is alive", || machine.count("WATCHDOG=1") > pulses + 10).await;
}

#[tokio::test]
async fn killed_and_started_again_it_repeats_nothing_and_misses_nothing() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let service = machine.watch(SELDOM).await;
    machine.plug("sdb", "SECOND");
    machine.tell_of_disk("add", "sdb");
    until("the region took it", || machine.looks() == 2).await;
    service.signal(Signal::SIGKILL);
    assert_eq!(service.finish(LIMIT).await.code, None);
    let before = requests(&region);
    let service = machine.watch(SELDOM).await;
    assert_eq!(requests(&region), before, "nothing is sent again");
    service.signal(Signal::SIGKILL);
    service.finish(LIMIT).await;
    machine.unplug("sda");
    let _service = machine.watch(SELDOM).await;
    let changes = machine.changes();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(changes[1].starts_with("block device sda was removed"), "changed while nobody watched: {changes:?}");
}

#[tokio::test]
async fn killed_at_any_point_of_a_look_it_tells_a_change_once() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let service = machine.watch(SELDOM).await;
    machine.plug("sdb", "SECOND");
    machine.tell_of_disk("add", "sdb");
    until("the change is in the event log", || !machine.changes().is_empty()).await;
    service.signal(Signal::SIGKILL);
    service.finish(LIMIT).await;
    let _service = machine.watch(SELDOM).await;
    assert_eq!(machine.changes().len(), 1, "{:?}", machine.changes());
    until("the region has everything", || machine.count("STATUS=watching; the last look found nothing") >= 1).await;
}

#[tokio::test]
async fn a_disk_that_comes_and_goes_is_told_as_that_and_then_not_again() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let _service = machine.watch(SELDOM).await;
    for turn in 0..6 {
        let looks = machine.looks();
        if turn % 2 == 0 {
            machine.plug("sdb", "SECOND");
        } else {
            machine.unplug("sdb");
        }
        machine.tell_of_disk("change", "sdb");
        machine.tell_of_disk("add", "sdb");
        until("it was looked into", || machine.looks() > looks).await;
    }
    let changes = machine.changes();
    let flapping = changes.iter().filter(|text| text.contains("comes and goes")).count();
    assert_eq!((changes.len(), flapping), (5, 1), "{changes:#?}");
    let told = region.events().iter().filter(|event| event.description.contains("comes and goes")).count();
    assert_eq!(told, 1, "and the region, once");
}

/// Other disks under one name: what the region stores by that name changes again and again, and the region has it each time.
#[tokio::test]
async fn what_was_told_is_what_the_region_has_of_the_rest_too() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let service = machine.watch(SELDOM).await;
    for (turn, serial) in ["SECOND", "THIRD", "FOURTH", "FIFTH"].iter().enumerate() {
        for (word, action) in [("plugged in", "add"), ("pulled out", "remove")] {
            if action == "add" {
                machine.plug("sdb", serial);
            } else {
                machine.unplug("sdb");
            }
            let looks = machine.looks();
            machine.tell_of_disk(action, "sdb");
            until(&format!("it was looked into: {word}"), || machine.looks() > looks).await;
            assert_eq!(
                machine.preview().await,
                "Nothing changed: the region would get one sign of life\n",
                "{turn} {word}"
            );
        }
    }
    let changes = machine.changes();
    assert_eq!(changes.len(), 8, "{changes:#?}");
    service.signal(Signal::SIGTERM);
    assert_eq!(service.finish(LIMIT).await.code, Some(0));
}

#[tokio::test]
async fn without_the_credentials_of_a_deployed_machine_it_does_not_start() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let node = crate::support::Node::of(&region);
    for (config, reason) in [(node.config(), "ephemeral"), (node.home().join("absent"), "absent")] {
        let ended = machine.service().arg("--config").arg(config);
        let ended = ended.finish().await;
        assert_ne!(ended.code, Some(0));
        assert!(ended.stderr.contains(reason) || ended.stderr.contains("cannot be used multiple"), "{}", ended.stderr);
    }
}
