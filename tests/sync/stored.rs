//! Data that a region stores beside the hardware: a change there sends the scripts' results, and is no event.

use shakedown::agent::sync::Reason;
use shakedown::host::Host;
use shakedown::inventory::{Counters, Inventory, NetworkState, VirtualInterface, collect_detail};
use shakedown::journal::Store;

use crate::deployed::Deployed;
use crate::machine::server;
use crate::support::row;

/// The scripts, and the head of the record as an event.
const SENT: [&str; 5] = ["GET maas-scripts 200", "POST  200", "POST  200", "POST  200", "POST event 204"];

#[tokio::test(flavor = "multi_thread")]
async fn new_firmware_of_the_board_is_sent_in_the_same_tick_and_is_no_event() {
    let tree = server();
    tree.files("sys/class/dmi/id", &[("bios_version", "1.0"), ("product_serial", "PS1")]);
    let mut machine = Deployed::new(&tree).await;
    machine.options().settle = std::time::Duration::from_millis(1);
    machine.sync().await;
    for (file, text) in [("bios_version", "1.1"), ("product_serial", "PS2")] {
        let requests = machine.requests();
        tree.files("sys/class/dmi/id", &[(file, text)]);
        let outcome = machine.sync().await;
        assert_eq!((outcome.reason, outcome.is_delivered, outcome.changes.len()), (Some(Reason::Stored), true, 0));
        assert_eq!(machine.requests_since(requests), SENT);
        let sent = String::from_utf8_lossy(&row(&machine.region, "20-maas-03-machine-resources").stdout).into_owned();
        assert!(sent.contains(&format!("{text:?}")), "{sent}");
        let requests = machine.requests();
        assert_eq!(machine.sync().await.reason, None);
        assert_eq!(machine.requests_since(requests), ["POST  200"], "and nothing is told twice");
    }
    assert_eq!((machine.log(), machine.told()), (Vec::new(), Vec::new()), "nobody plugged anything");
}

/// The machine at a tick, with the containers and the usage of that moment.
fn at_work(quiet: &Inventory, tick: u64) -> Inventory {
    let mut inventory = quiet.clone();
    let document = &mut inventory.machine_resources;
    document.resources.memory.used = 1_000_000 * (tick % 91);
    document.resources.storage.disks[0].mounted = tick % 2 == 1;
    for number in 0..tick % 7 {
        let name = format!("veth{tick:x}{number}");
        let counters = Counters { bytes_sent: tick, ..Counters::default() };
        document.networks.insert(name.clone(), NetworkState { counters, ..NetworkState::default() });
        inventory.virtual_interfaces.push(VirtualInterface {
            name,
            kind: "veth".into(),
            ..VirtualInterface::default()
        });
    }
    inventory
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_ticks_of_a_machine_with_containers_are_a_thousand_requests() {
    let tree = server();
    let machine = Deployed::new(&tree).await;
    let quiet = collect_detail(&Host::at(tree.root()));
    assert!(machine.sync_with(Some(at_work(&quiet, 3)), 0).await.is_delivered);
    let requests = machine.requests();
    for tick in 0..1000 {
        let outcome = machine.sync_with(Some(at_work(&quiet, tick)), 0).await;
        assert_eq!((outcome.reason, outcome.is_delivered), (None, true), "at tick {tick}");
    }
    assert_eq!(machine.requests_since(requests), ["POST  200"; 1000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_known_by_an_earlier_release_has_not_changed() {
    let tree = server();
    // Two sticks with the same serial number: the first had its bare identity, the second one with its place.
    tree.usb_device("1-5", &[("devnum", "6"), ("serial", "4C530001")]);
    let mut machine = Deployed::new(&tree).await;
    machine.sync().await;
    machine.end();
    earlier(&machine);
    machine.restart(&tree).await;
    let requests = machine.requests();
    let outcome = machine.sync().await;
    assert_eq!((outcome.reason, outcome.changes.len(), outcome.is_delivered), (None, 0, true));
    assert_eq!(machine.requests_since(requests), ["POST  200"], "no storm when a site takes a new release");
    assert_eq!(machine.log(), [""; 0]);
    // From then on the data that the region stores is on record.
    tree.files("sys/class/dmi/id", &[("bios_version", "1.1")]);
    assert_eq!(machine.sync().await.reason, Some(Reason::Stored));
}

/// Rewrites the record as an earlier release had it: fewer fields, one bare identity, no digests of the other data.
fn earlier(machine: &Deployed) {
    let region =
        Store::read(&machine.state()).expect("a journal").last_hardware().expect("readable").expect("known").region;
    let opened = Store::open(&machine.state(), "host", &region).expect("a journal");
    let mut store = opened.store;
    let known = store.hardware(&region).expect("readable").expect("it was told");
    let mut items: serde_json::Value = serde_json::from_str(&known.recorded).expect("JSON");
    let mut bare = false;
    for item in items.as_object_mut().expect("kinds").values_mut().flat_map(|list| list.as_array_mut().expect("items"))
    {
        let item = item.as_object_mut().expect("an item");
        for key in ["sources", "card", "paths"] {
            item.remove(key);
        }
        let identity = item["identity"].as_str().expect("an identity").to_owned();
        if let Some((name, _)) = identity.split_once('@').filter(|_| !bare) {
            item.insert("identity".to_owned(), name.into());
            bare = true;
        }
    }
    assert!(bare, "two devices share an identity: {items}");
    store.record_hardware(&region, &items.to_string(), &[], &[]).expect("writable");
    store.acknowledge_hardware(&region, &known.scripts, known.acknowledged_at.expect("taken")).expect("writable");
    store.keep_fact(&format!("stored by {region}"), "").expect("writable");
}
