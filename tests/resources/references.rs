//! Every fixture machine, read as a copied tree, against what MAAS's program printed in it.

use std::path::Path;

use serde_json::{Map, Value};

use crate::difference::{self, Difference};
use crate::{document, region, shared};

/// Those whose reference comes from elsewhere than their tree: `virtual_machine` compares it.
const OTHERWISE: [&str; 1] = ["qemu-q35"];

#[derive(Default)]
struct Count {
    compared: usize,
    equal: usize,
    listed: usize,
    complaints: Vec<String>,
}

/// Machines that a region does not take, since it does not know their architecture.
const REFUSED: [(&str, &str); 4] = [
    ("hwloc-2arm-2c", "kernel_architecture is \"armv7l\""),
    ("lscpu-armv7", "kernel_architecture is \"armv7l\""),
    ("lscpu-rv64-linux", "kernel_architecture is \"riscv64\""),
    ("lscpu-rv64-visionfive2", "kernel_architecture is \"riscv64\""),
];

#[test]
fn every_fixture_is_equal_to_its_reference_and_acceptable_to_a_region() {
    let Some(shared) = shared::folder() else { return };
    let mut count = Count::default();
    for name in shared::fixtures(&shared).iter().filter(|name| !OTHERWISE.contains(&name.as_str())) {
        fixture(&shared, name, &mut count);
    }
    crate::say(&format!(
        "{} fixtures compared, networks left out (a copied tree has no kernel to ask): {} equal, {} listed differences",
        count.compared, count.equal, count.listed
    ));
    assert!(count.complaints.is_empty(), "{}", count.complaints.join("\n"));
    assert!(count.compared >= 58, "only {} fixtures", count.compared);
}

fn fixture(shared: &Path, name: &str, count: &mut Count) {
    let unpacked = shared::unpack_as_referenced(shared, name);
    let ours = document::of(&unpacked.root);
    let objections = region::objections(&ours);
    let objections = objections.iter().filter(|objection| !REFUSED.contains(&(name, objection.as_str())));
    count.complaints.extend(objections.map(|objection| format!("{name}: a region objects: {objection}")));
    let reference = reference(shared, name);
    let ours = same_sections(&ours, &reference);
    let found = difference::between(&document::without_host(&reference), &document::without_host(&ours));
    let listed = difference::listed_for(name);
    count.complaints.extend(complaints(name, &found, &listed));
    count.compared += 1;
    count.equal += usize::from(found.is_empty());
    count.listed += found.len();
}

/// What differs and is not listed, and what is listed and does not differ.
fn complaints(name: &str, found: &[Difference], listed: &[Difference]) -> Vec<String> {
    let unlisted = found.iter().filter(|one| !listed.contains(one)).map(|one| format!("{name}: not listed: {one:?}"));
    let unmet = listed.iter().filter(|one| !found.contains(one)).map(|one| format!("{name}: does not occur: {one:?}"));
    unlisted.chain(unmet).collect()
}

/// Where the program failed on a machine, the sections that it had finished were kept.
fn reference(shared: &Path, name: &str) -> Value {
    let folder = shared.join("fixtures/sysfs").join(name);
    let whole = folder.join("reference.json");
    if whole.exists() {
        return document::read(&whole);
    }
    let sections = document::read(&folder.join("sections.json"));
    Value::Object(Map::from_iter([("resources".to_owned(), sections["resources"].clone())]))
}

/// The part of our document that a reference has, without networks. In a file of sections these stand in the order of their names.
fn same_sections(ours: &Value, reference: &Value) -> Value {
    let mut ours = ours.clone();
    let document = ours.as_object_mut().expect("a document is an object");
    document["networks"] = reference.get("networks").cloned().unwrap_or_default();
    if reference.get("environment").is_some() {
        return ours;
    }
    let wanted = reference["resources"].as_object().expect("sections");
    let sections = wanted.keys().map(|key| (key.clone(), ours["resources"][key].clone()));
    Value::Object(Map::from_iter([("resources".to_owned(), Value::Object(sections.collect()))]))
}

#[test]
fn an_unlisted_difference_and_one_that_does_not_occur_are_complaints() {
    let difference = |path: &str| Difference { path: path.to_owned(), reference: None, ours: Some(Value::Null) };
    assert!(complaints("x", &[difference("a")], &[difference("a")]).is_empty());
    assert_eq!(complaints("x", &[difference("a")], &[difference("b")]).len(), 2);
}

/// The table for people and the list for programs speak of the same rows, and every row has a test.
#[test]
fn every_row_of_the_table_has_a_test() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(project.join("docs/resources-differences.md")).expect("the table");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    for rule in difference::listed() {
        assert!(rows.iter().any(|row| row[0] == rule.row), "{} is listed and not in the table", rule.row);
    }
    let sources = sources(&[project.join("tests/resources"), project.join("src/inventory"), project.join("src/host")]);
    assert!(rows.len() >= 15, "only {} rows", rows.len());
    for row in &rows {
        let [name, .., test] = row.as_slice() else { panic!("a row without cells") };
        assert!(sources.contains(&format!("fn {test}()")), "{name}: there is no test {test}");
    }
}

fn sources(folders: &[std::path::PathBuf]) -> String {
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("sources"));
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    files.map(|file| std::fs::read_to_string(file).expect("a source")).collect()
}
