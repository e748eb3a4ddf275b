//! The fixture machines: none has changed against itself, and a device less is told as that and nothing else.

use std::path::Path;

use shakedown::agent::sync::parse_items;
use shakedown::host::Host;
use shakedown::inventory::{Change, Item, Kind, NetworkVolumes, Uncounted, What, changes, collect_detail, items, open};

use crate::{say, shared};

fn found(root: &Path) -> std::collections::BTreeMap<Kind, Vec<Item>> {
    items(&collect_detail(&Host::at(root)))
}

fn shown(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{:?} {}", change.what, shakedown::inventory::device(change))).collect()
}

/// What is told when something in a tree has another name for a while, or none.
fn while_away(root: &Path, path: &Path, to: &Path) -> Vec<Change> {
    let whole = found(root);
    let rename = |from: &Path, to: &Path| {
        std::fs::rename(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    };
    rename(path, to);
    let less = found(root);
    rename(to, path);
    let there = changes(&whole, &less);
    let mut back: Vec<Change> = changes(&less, &whole).into_iter().map(Change::reversed).collect();
    back.sort();
    assert_eq!(back, there, "the way back is the way there reversed");
    there
}

/// The machine of `tests/machines` as the release before this order of things put it on record: see
/// `tests/machines/emulated-server.recorded.json`, the column `recorded` of its journal.
#[test]
fn what_the_release_before_put_on_record_has_not_changed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines");
    let text = std::fs::read_to_string(folder.join("emulated-server.recorded.json")).expect("a record");
    let recorded = parse_items(&text).expect("it can still be read");
    assert!(recorded.values().flatten().count() > 30, "{recorded:#?}");
    let machine = open(&folder.join("emulated-server.tar.xz")).expect("a snapshot of ours");
    let inventory = collect_detail(&machine.host);
    let of_today = Uncounted::of(&inventory, NetworkVolumes::default()).taken_from(&recorded, true);
    assert_eq!(shown(&changes(&of_today, &items(&inventory))), [""; 0]);
    assert_eq!(shown(&changes(&items(&inventory), &of_today)), [""; 0]);
}

#[test]
fn a_device_less_is_one_change_and_another_name_is_none_but_of_an_interface() {
    let Some(shared) = shared::folder() else { return };
    let mut count = 0;
    for name in shared::fixtures(&shared) {
        let unpacked = shared::unpack_as_referenced(&shared, &name);
        let whole = found(&unpacked.root);
        assert_eq!(shown(&changes(&whole, &found(&unpacked.root))), [""; 0], "{name}");
        for (kind, class) in [(Kind::BlockDevice, "sys/class/block"), (Kind::Interface, "sys/class/net")] {
            for item in whole.get(&kind).into_iter().flatten() {
                let folder = unpacked.root.join(class);
                let place = folder.join(&item.name);
                let away = while_away(&unpacked.root, &place, &unpacked.root.join("away"));
                count += 1;
                // An interface whose card is still there went to a namespace.
                if !item.card.is_empty() {
                    assert_eq!(shown(&away), [""; 0], "{name} without {}", item.name);
                    continue;
                }
                assert_eq!(shown(&away).len(), 1, "{name} without {}: {:?}", item.name, shown(&away));
                assert_eq!((&away[0].what, away[0].before.as_ref()), (&What::Removed, Some(item)), "{name}");
            }
        }
        // One without an address and a place is known by nothing but its name.
        let named = |item: &&Item| item.identity.contains(&item.name);
        for item in whole.get(&Kind::Interface).into_iter().flatten().filter(|item| !named(item)).take(1) {
            let folder = unpacked.root.join("sys/class/net");
            let renamed = while_away(&unpacked.root, &folder.join(&item.name), &folder.join("other0"));
            let expected = What::Renamed { from: item.name.clone(), to: "other0".to_owned() };
            assert_eq!(renamed.iter().map(|change| &change.what).collect::<Vec<_>>(), [&expected], "{name}");
        }
    }
    say(&format!("{count} devices of fixture machines taken out and put back"));
    assert!(count >= 30, "{count} devices");
}
