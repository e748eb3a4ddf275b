//! Machines of our own, as snapshots in `tests/machines`: each is told today as it was told when it was looked at by eye.

use std::path::{Path, PathBuf};

use shakedown::inventory::{collect, collect_detail, open};

use crate::{document, region};

fn machines() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines");
    let entries = std::fs::read_dir(folder).expect("the machines").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.to_string_lossy().ends_with(".tar.xz")).collect()
}

/// The text of the file beside a snapshot, and how to write it anew.
fn expected(snapshot: &Path, kind: &str) -> (String, String) {
    let file = PathBuf::from(snapshot.to_string_lossy().replace(".tar.xz", &format!(".{kind}.json")));
    let (from, to) = (snapshot.display(), file.display());
    let format = if kind == "inventory" { " --format json" } else { "" };
    let hint = format!("look at the difference; if it is right: shakedown {kind}{format} --root {from} > {to}");
    (std::fs::read_to_string(&file).unwrap_or_default(), hint)
}

#[test]
fn our_own_machines_are_told_as_they_were() {
    let machines = machines();
    assert!(machines.len() >= 2, "this project has the snapshots of two machines at least: {machines:?}");
    for snapshot in machines {
        let machine = open(&snapshot).expect("a snapshot of ours");
        let collected = collect(&machine.host);
        assert_eq!(region::objections(&document::printed(&collected)), [""; 0]);
        let mut printed = Vec::new();
        collected.value.write_json(&mut printed).expect("memory takes it");
        let (text, hint) = expected(&snapshot, "resources");
        assert!(printed == text.as_bytes(), "{hint}");
        let deep = serde_json::to_value(collect_detail(&machine.host)).expect("JSON");
        let (text, hint) = expected(&snapshot, "inventory");
        assert!(format!("{deep:#}\n") == text, "{hint}");
    }
}
