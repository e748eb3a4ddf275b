//! What `shakedown disk show --format json` tells: all that a drive does, by its schema.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::machine::{Machine, ata, nvme, sas, virtio, volume};
use crate::support::schema::check;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/disk.schema.json")).expect("the schema is JSON")
}

/// Where a document does not keep to the schema.
fn objections(document: &Value) -> Vec<String> {
    let (schema, mut found) = (schema(), Vec::new());
    check(&schema, &schema, document, "", &mut found);
    found
}

/// What is told of a drive that answers this.
async fn shown(report: &Value) -> Value {
    let machine = Machine::with("sda", report);
    let told = machine.program("show").args(["sda", "--format", "json"]).finish().await;
    serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"))
}

/// A SAS disk with all that such a drive may tell.
fn telling() -> Value {
    let mut report = sas(&[(5, "Failed in segment -->"), (0, "Completed")]);
    report["scsi_self_test_0"]["failed_segment"] = json!({"value": 3});
    report["scsi_self_test_0"]["lba_first_failure"] = json!({"value": 123_456_789});
    report["scsi_pending_defects"] = json!({"count": 2, "table": [null, {"lba": 4711}, {"lba": 4712}]});
    let row = json!({"lba": 4711, "sense_key": {"value": 3, "string": "Medium Error"},
        "reassign_status": {"value": 1, "string": "Require Write or Reassign Blocks command"}});
    report["scsi_background_scan"] = json!({"status": {"value": 0, "string": "no scans active", "number_scans_performed": 31,
        "number_medium_scans_performed": 30}, "result_1": row});
    report["scsi_environmental_reports"] = json!({"temperature_1": {"current": 40, "lifetime_maximum": 72, "lifetime_minimum": -1},
        "relative_humidity_1": {"current": 55, "lifetime_maximum": 72, "lifetime_minimum": 35}});
    report
}

#[tokio::test]
async fn every_kind_of_disk_is_told_by_the_schema() {
    for report in
        [ata(), nvme(None), nvme(Some(40)), telling(), virtio(), volume(), json!({"smartctl": {"exit_status": 2}})]
    {
        let document = shown(&report).await;
        assert_eq!(objections(&document), [""; 0], "{document:#}");
        let mut other = document.clone();
        other["disks"][0]["novel"] = 1.into();
        other["disks"][0]["size"] = "large".into();
        assert_eq!(objections(&other).len(), 2, "the check finds what is wrong");
    }
}

#[tokio::test]
async fn what_no_rule_looks_at_is_told_too() {
    let document = shown(&telling()).await;
    let report = &document["disks"][0]["report"];
    assert_eq!(report["pending_sectors"], json!([4711, 4712]));
    assert_eq!(
        report["scan"]["found"][0],
        json!({"lba": 4711, "sense_key": 3, "fate": "Require Write or Reassign Blocks command"})
    );
    assert_eq!((&report["scan"]["scans"], &report["scan"]["medium_scans"]), (&json!(31), &json!(30)));
    let humidity =
        report["environment"].as_array().expect("reports").iter().find(|one| one["name"] == "relative_humidity_1");
    assert_eq!(humidity.expect("the humidity")["current"], 55);
    let test = &report["self_tests"]["log"][0];
    assert_eq!((&test["segment"], &test["lba"]), (&json!(3), &json!(123_456_789)));
    let page = Machine::with("sda", &telling()).program("show").arg("sda").finish().await.stdout;
    for said in [
        "BACKGROUND SCAN",
        "Require Write or Reassign",
        "4711 4712",
        "relative humidity 1 55 %, from 35 to 72",
        "segment 3",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let mut logging = ata();
    logging["ata_sct_temperature_history"] =
        json!({"logging_interval_minutes": 10, "table": [null, null, 36, null, 41, 39]});
    logging["ata_device_statistics"] = json!({"pages": [{"number": 5, "table": [{"offset": 80, "name": "Time in Over-Temperature",
        "value": 12, "flags": {"valid": true}}]}]});
    logging["seagate_farm_log"] = json!({"page_1_drive_information": {"poh": 100}});
    let document = shown(&logging).await;
    let report = &document["disks"][0]["report"];
    assert_eq!(report["temperatures"], json!({"interval_minutes": 10, "readings": [36, null, 41, 39]}));
    assert_eq!((&report["statistics"][0]["value"], &report["farm"]["hours"]), (&json!(12), &json!(100)));
}

#[tokio::test]
async fn the_printed_schema_is_the_one_in_docs() {
    let printed = Machine::new().program("show").arg("--schema").finish().await;
    assert_eq!((printed.code, printed.stdout.as_str()), (Some(0), include_str!("../../docs/disk.schema.json")));
}

/// The recordings that are no part of the project, by the same schema.
#[test]
fn every_recording_is_told_by_the_schema() {
    let Some(shared) = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty()) else {
        return crate::support::left_out::say("the recordings of smartctl: SHAKEDOWN_SHARED is not set");
    };
    let root = schema();
    let schema = json!({"$ref": "#/$defs/Report"});
    let folder = PathBuf::from(shared).join("cases/disk");
    for file in std::fs::read_dir(&folder).expect("the cases").flatten() {
        let Ok(report) = shakedown::disk::parse(&std::fs::read(file.path()).unwrap_or_default()) else { continue };
        let (document, mut found) = (serde_json::to_value(&report).expect("JSON"), Vec::new());
        check(&root, &schema, &document, "", &mut found);
        assert_eq!(found, [""; 0], "{}", file.path().display());
    }
}
