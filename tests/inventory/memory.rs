//! Modules, error counters, and what is found odd about them.

use serde_json::json;

use crate::program::{findings, of};
use crate::smbios::{self, Structure, dimm};
use crate::tree::Tree;

#[test]
fn a_module_is_told_with_all_that_the_firmware_says() {
    let tree = Tree::new();
    let board = Structure::new(16, 0x17).bytes(0x04, [3, 3, 6]).bytes(0x07, (64u32 << 20).to_le_bytes()).word(0x0d, 2);
    smbios::write(&tree, vec![board, dimm("P1-DIMMA1", 16, 4800, "0A1B2C3D"), dimm("P1-DIMMA2", 0, 0, "")]);
    let inventory = of(&tree);
    assert_eq!(
        inventory["memory"]["boards"],
        json!([{ "error_correction": "multi-bit ECC", "maximum": 64u64 << 30, "slots": 2 }])
    );
    let fitted = json!({
        "identity": "dimm:PART-7:0A1B2C3D", "slot": "P1-DIMMA1", "size": 16u64 << 30, "kind": "DDR5", "speed": 4800,
        "configured_speed": 4800, "ranks": 2, "ecc": true, "manufacturer": "Maker", "part": "PART-7", "serial": "0A1B2C3D",
    });
    assert_eq!(inventory["memory"]["dimms"][0], fitted);
    assert_eq!(inventory["memory"]["dimms"][1]["size"], 0);
    assert_eq!(inventory["memory"]["dimms"][1]["identity"], "dimm:slot:P1-DIMMA2");
}

#[test]
fn a_table_of_modules_that_is_missing_is_a_gap_but_not_beside_a_device_tree() {
    let gap = |tree: &Tree| {
        let inventory = of(tree);
        let gaps = inventory["gaps"].as_array().expect("gaps");
        gaps.iter().any(|gap| gap["topic"] == "modules" && gap["path"] == "/")
    };
    let tree = Tree::new();
    assert!(gap(&tree));
    tree.file("sys/firmware/devicetree/base/model", "Board\0");
    assert!(!gap(&tree));
    // The kernel found a table, which nobody could read.
    tree.directory("sys/firmware/dmi/tables");
    assert!(gap(&tree));
    let tree = Tree::new();
    smbios::write(&tree, vec![dimm("A1", 16, 4800, "S1")]);
    assert!(!gap(&tree));
}

#[test]
fn errors_are_counted_by_controller_and_by_module() {
    let tree = Tree::new();
    let place = "sys/devices/system/edac/mc/mc0";
    tree.files(place, &[("mc_name", "Skylake"), ("ce_count", "3"), ("ue_count", "1")]);
    tree.files(
        &format!("{place}/dimm0"),
        &[("dimm_label", "P1-DIMMA1"), ("dimm_ce_count", "3"), ("dimm_ue_count", "1")],
    );
    let inventory = of(&tree);
    let module = json!({ "id": "dimm0", "label": "P1-DIMMA1", "correctable_errors": 3, "uncorrectable_errors": 1 });
    assert_eq!(inventory["memory"]["controllers"][0]["modules"], json!([module]));
    let expected = [
        "memory-uncorrectable: memory controller mc0 has counted 1 uncorrectable error in P1-DIMMA1",
        "memory-correctable: memory controller mc0 has counted 3 correctable errors in P1-DIMMA1",
    ];
    assert_eq!(findings(&inventory), expected);
}

#[test]
fn a_slow_module_is_found() {
    let tree = Tree::new();
    smbios::write(
        &tree,
        vec![
            dimm("A1", 16, 4800, "S1"),
            dimm("A2", 16, 4400, "S2"),
            dimm("B1", 16, 4800, "S3"),
            dimm("B2", 16, 4800, "S4"),
        ],
    );
    assert_eq!(
        findings(&of(&tree)),
        ["dimm-slow: DIMM slot A2 slower than its neighbours: 4400 MT/s, theirs 4800 MT/s"]
    );
}

#[test]
fn missing_modules_are_found() {
    let tree = Tree::new();
    let slot = |number: u16| {
        let name =
            format!("P{}-DIMM{}1", number / 8 + 1, char::from(b'A' + u8::try_from(number % 8).expect("a letter")));
        dimm(&name, if [9, 12].contains(&number) { 0 } else { 16 }, 4800, &format!("A1B2-{number}"))
    };
    smbios::write(&tree, (0..16).map(slot).collect());
    assert_eq!(findings(&of(&tree)), ["dimm-missing: 2 of 16 DIMMs missing in a symmetric population"]);
}
