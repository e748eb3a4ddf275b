//! The largest machine is inventoried to its end. How long that takes is measured in `benches/inventory.rs`.

use crate::{large, region, shared};

#[test]
fn a_machine_of_ten_thousand_functions_is_inventoried() {
    let directory = shared::temporary();
    large::write(directory.path());
    let document = crate::document::of(directory.path());
    let resources = &document["resources"];
    assert_eq!(resources["pci"]["total"], large::FUNCTIONS);
    assert_eq!(resources["cpu"]["total"], large::THREADS);
    assert_eq!(resources["storage"]["total"], large::DISKS + large::PARTITIONS);
    let cards = resources["network"]["cards"].as_array().expect("cards");
    assert_eq!((cards.len(), &resources["network"]["total"]), (200, &serde_json::json!(200 * 41)));
    let functions = cards[199]["sriov"]["vfs"].as_array().map(Vec::len);
    assert_eq!(functions, Some(40));
    assert_eq!(region::objections(&document), [""; 0]);
}
