//! Arguments of `--root` that are no copied machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shared;
use crate::tree::Tree;

/// Error of the program for a place that it refuses.
fn refused(verb: &str, root: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    let output = command.arg(verb).arg("--root").arg(root).output().expect("the program can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{verb} {}: {said}", root.display());
    assert!(output.stdout.is_empty(), "{verb}: this machine is not read in its place");
    said
}

#[test]
fn a_place_without_a_machine_is_refused_with_what_was_looked_for() {
    let room = shared::temporary();
    let tree = Tree::new();
    tree.file("sys/class/dmi/id/product_name", "M\n");
    let make = |name: &str| {
        let place = room.path().join(name);
        fs::create_dir_all(place.join("etc")).expect("directories");
        place
    };
    let (empty, other, above) = (room.path().join("empty"), make("other"), make("above"));
    fs::create_dir(&empty).expect("a directory");
    fs::create_dir_all(above.join("rack7/proc")).expect("directories");
    let below = tree.root().join("sys");
    let is_one = |place: &Path| format!("{} is one: give that", place.canonicalize().expect("it is there").display());
    let rows = [
        (&empty, "; it is empty".to_owned()),
        (&other, "were looked for\n".to_owned()),
        (&above, is_one(&above.join("rack7"))),
        (&below, is_one(tree.root())),
    ];
    for (root, hint) in rows {
        for verb in ["resources", "inventory", "snapshot"] {
            if verb == "snapshot" && root != &empty {
                continue;
            }
            let said = if verb == "snapshot" { snapshot(root) } else { refused(verb, root) };
            for word in ["sys, proc, run/udev and snapshot.json", root.to_str().expect("a plain path"), &hint] {
                assert!(said.contains(word), "{verb} {}: {word:?} is missing: {said}", root.display());
            }
        }
    }
}

/// Error of `snapshot` for a place that it refuses; no file is written.
fn snapshot(root: &Path) -> String {
    let out = root.with_extension("tar.xz");
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    let output =
        command.arg("snapshot").arg(&out).arg("--root").arg(root).output().expect("the program can be started");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(!out.exists());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_file_that_is_no_snapshot_and_a_path_that_is_not_there_are_named() {
    let room = shared::temporary();
    let (file, cut, nowhere) =
        (room.path().join("notes.txt"), room.path().join("cut.tar.xz"), room.path().join("nowhere"));
    fs::write(&file, "a machine").expect("a file");
    fs::write(&cut, b"\xfd7zXZ\0\0").expect("a file");
    let rows = [
        (&file, "is neither a directory nor a .tar.xz archive"),
        (&cut, "is no whole .tar.xz archive"),
        (&nowhere, "cannot open"),
    ];
    for (root, reason) in rows {
        for verb in ["resources", "inventory"] {
            let said = refused(verb, root);
            assert!(said.contains(reason) && said.contains(root.to_str().expect("a plain path")), "{verb}: {said}");
        }
    }
}
