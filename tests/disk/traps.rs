//! What smartctl does not tell, or tells so that it is misread.

use serde_json::{Value, json};
use shakedown::disk::{Outcome, Verdict};

use crate::{fixture, gives, judged, report, verdict};

/// An ATA drive with these rows of attributes.
fn ata(rotation_rate: u64, rows: &Value) -> Value {
    json!({
        "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/sda"], "exit_status": 0 },
        "device": { "name": "/dev/sda", "type": "sat", "protocol": "ATA" },
        "rotation_rate": rotation_rate,
        "smart_status": { "passed": true },
        "ata_smart_attributes": { "table": rows },
    })
}

fn row(id: u64, raw: &str) -> Value {
    json!([{ "id": id, "name": "Name", "value": 100, "worst": 100, "thresh": 10, "when_failed": "", "raw": { "string": raw } }])
}

/// An `NVMe` drive with this health log.
fn nvme(log: &Value) -> Value {
    json!({
        "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/nvme0"], "exit_status": 0 },
        "device": { "name": "/dev/nvme0", "type": "nvme", "protocol": "NVMe" },
        "smart_status": { "passed": true, "nvme": { "value": 0 } },
        "nvme_smart_health_information_log": log,
    })
}

#[test]
fn passed_alone_says_nothing_of_a_scsi_device() {
    let alone = judged(fixture("scsi-no-smart-verdict-alone-7.5.json"));
    assert_eq!(alone.verdict, Verdict::Error, "nothing shows whether it is a drive");
    assert!(gives(&alone, "verdict-unproven"), "{alone:?}");
    let named = judged(fixture("cdrom-verdict-alone-7.3.json"));
    assert_eq!(named.verdict, Verdict::NotSupported, "its name is that of a CD");
    assert!(gives(&named, "not-a-disk"), "{named:?}");
}

#[test]
fn a_self_test_that_was_ignored_is_neither_started_nor_passed() {
    let output = fixture("nvme-self-test-ignored-7.2.json");
    assert_eq!(judged(&output).verdict, Verdict::Error);
    assert_eq!(report(&output).self_tests.running, None);
    assert_eq!(report(&output).self_tests.newest(), None);
}

#[test]
fn a_failed_self_test_of_nvme_counts_although_the_drive_says_passed() {
    for (name, path) in [("json", "nvme-self-test-failed-7.5.json"), ("text", "nvme-self-test-failed-7.5.txt")] {
        let output = fixture(path);
        assert_eq!(report(&output).status.passed, Some(true), "{name}");
        assert_eq!(judged(&output).verdict, Verdict::Failed, "{name}");
    }
}

#[test]
fn what_is_only_in_the_text_is_found_through_the_output_in_the_json() {
    let said =
        ["smartctl 7.4 2023-08-01 r5530", "", "Can't start self-test without aborting current test (90% remaining),"];
    let document = json!({
        "smartctl": { "version": [7, 4], "argv": ["smartctl", "-t", "short", "--json=o", "/dev/sda"], "exit_status": 4, "output": said },
        "device": { "name": "/dev/sda", "protocol": "ATA" },
    });
    let judgement = judged(document.to_string());
    assert_eq!(judgement.verdict, Verdict::Error);
    assert!(gives(&judgement, "self-test-refused"), "{judgement:?}");
}

#[test]
fn smart_that_is_switched_off_is_not_healthy_although_it_says_enabled() {
    for name in ["ata-switched-off-7.3.json", "ata-switched-off-7.3.txt"] {
        assert_eq!(report(fixture(name)).support.enabled, Some(true), "{name}");
        assert_eq!(judged(fixture(name)).verdict, Verdict::Error, "{name}");
        assert!(gives(&judged(fixture(name)), "smart-unanswered"), "{name}");
    }
}

#[test]
fn a_list_of_devices_is_no_report() {
    let devices = json!([{ "name": "/dev/sda", "type": "scsi", "open_error": "Permission denied" }]);
    let list = json!({ "smartctl": { "version": [7, 4], "exit_status": 0 }, "devices": devices });
    assert_eq!(verdict(&list), Verdict::Error);
    assert_eq!(judged("/dev/sda -d sat # /dev/sda [SAT], ATA device\n").verdict, Verdict::Error);
}

#[test]
fn a_partition_that_is_not_there_stands_for_no_disk() {
    let judgement = judged(fixture("missing-7.3.json"));
    assert!(gives(&judgement, "device-missing"), "{judgement:?}");
    assert_eq!(judgement.verdict, Verdict::Error);
}

#[test]
fn output_that_is_empty_or_cut_is_an_error() {
    assert_eq!(judged("").verdict, Verdict::Error);
    assert_eq!(judged(" \n\u{feff}\n").verdict, Verdict::Error);
    let whole = fixture("ata-well-verbose-7.5.json");
    assert_eq!(judged(&whole).verdict, Verdict::Healthy);
    assert_eq!(judged(&whole[..whole.len() / 2]).verdict, Verdict::Error);
}

#[test]
fn a_counter_is_what_the_raw_value_begins_with() {
    for (id, raw) in [(5, "0 (2000 0)"), (197, "0 0 3"), (187, "0h+02m+39s")] {
        let mut rows = row(id, raw);
        rows[0]["raw"]["value"] = json!(131_072_000);
        assert_eq!(verdict(&ata(7200, &rows)), Verdict::Healthy, "{id}: {raw}");
    }
    assert_eq!(verdict(&ata(7200, &row(5, "8 (2000 0)"))), Verdict::Degraded);
}

#[test]
fn spare_blocks_count_strictly_below_the_threshold() {
    let drive = |spare: u64, threshold: u64| {
        nvme(
            &json!({ "critical_warning": 0, "media_errors": 0, "available_spare": spare, "available_spare_threshold": threshold }),
        )
    };
    assert_eq!(verdict(&drive(0, 0)), Verdict::Healthy);
    assert_eq!(verdict(&drive(10, 10)), Verdict::Healthy);
    assert_eq!(verdict(&drive(9, 10)), Verdict::Failed);
}

#[test]
fn a_broadcast_namespace_and_a_percentage_of_255_are_read() {
    let mut document = nvme(&json!({ "critical_warning": 0, "media_errors": 0, "percentage_used": 255, "nsid": -1 }));
    document["nvme_self_test_log"] = json!({ "nsid": -1, "current_self_test_operation": { "value": 0 }, "table": [
        { "self_test_code": { "value": 1, "string": "Short" }, "self_test_result": { "value": 0 }, "nsid": -1 } ] });
    assert_eq!(verdict(&document), Verdict::Degraded);
    let newest = report(document.to_string()).self_tests.newest().map(|entry| entry.outcome);
    assert_eq!(newest, Some(Outcome::Passed));
}

#[test]
fn a_drive_in_its_fail_safe_mode_is_failed_although_it_says_passed() {
    let log = json!({ "critical_warning": 0, "media_errors": 0, "available_spare": 0, "available_spare_threshold": 10, "percentage_used": 255 });
    assert_eq!(verdict(&nvme(&log)), Verdict::Failed);
}

#[test]
fn one_field_of_a_wrong_type_loses_nothing_else() {
    let mut document = ata(7200, &row(197, "2"));
    document["serial_number"] = json!(12);
    document["temperature"] = json!("warm");
    document["user_capacity"] = json!([1]);
    document["ata_smart_self_test_log"] =
        json!({ "standard": { "table": [7, null, { "status": { "value": "127" } }] } });
    document["ata_smart_attributes"]["table"][0]["worst"] = json!(null);
    document["smartctl"]["version"] = json!("7.4");
    let judgement = judged(document.to_string());
    assert!(gives(&judgement, "pending-sectors") && gives(&judgement, "self-test-failed"), "{judgement:?}");
    document["smart_status"]["passed"] = json!("false");
    assert!(gives(&judged(document.to_string()), "status-failed"));
}

#[test]
fn a_verdict_that_cannot_be_understood_or_is_missing_is_an_error() {
    for status in [json!({ "passed": "perhaps" }), json!({}), json!(null), json!("PASSED")] {
        let mut document = ata(7200, &row(197, "0"));
        document["smart_status"] = status.clone();
        assert_eq!(verdict(&document), Verdict::Error, "{status}");
    }
}

#[test]
fn the_temperature_alone_of_nvme_is_no_failure_and_every_other_warning_is() {
    let drive = |bits: u64| {
        let mut document = nvme(&json!({ "critical_warning": bits, "media_errors": 0 }));
        document["smart_status"] = json!({ "passed": bits == 0, "nvme": { "value": bits } });
        document
    };
    assert_eq!(verdict(&drive(0)), Verdict::Healthy);
    assert_eq!(verdict(&drive(2)), Verdict::Degraded);
    for bits in [1, 3, 4, 6, 8, 16, 32, 64] {
        assert_eq!(verdict(&drive(bits)), Verdict::Failed, "{bits:#x}");
    }
}

#[test]
fn sense_is_a_number_since_its_words_change_between_versions() {
    for name in ["scsi-failing-7.1.json", "scsi-failing-7.5.txt"] {
        assert_eq!(report(fixture(name)).status.exception, Some((0x5d, 0xff)), "{name}");
    }
}
