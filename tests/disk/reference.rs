//! Cases in which the reference's `smartctl-*` scripts pass what is defective, fail what is not, or skip what was never tested.

use serde_json::{Value, json};
use shakedown::disk::Verdict::{Degraded, Error, Failed, Healthy, NotSupported};

use crate::{fixture, gives, judged, verdict};

/// A healthy disk with platters whose call ended with this status.
fn disk(exit_status: u64) -> Value {
    let table = json!([{ "id": 5, "name": "Reallocated_Sector_Ct", "value": 100, "worst": 100, "thresh": 36, "when_failed": "",
        "flags": { "prefailure": true }, "raw": { "value": 0, "string": "0" } }]);
    json!({
        "smartctl": { "version": [7, 2], "argv": ["smartctl", "-x", "-j", "/dev/sda"], "exit_status": exit_status },
        "device": { "name": "/dev/sda", "type": "sat", "protocol": "ATA" },
        "rotation_rate": 7200,
        "smart_status": { "passed": true },
        "ata_smart_attributes": { "table": table },
    })
}

/// A message of smartctl and nothing else.
fn message(exit_status: u64, text: &str) -> Value {
    let messages = json!([{ "severity": "error", "string": text }]);
    json!({ "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/sda"], "messages": messages, "exit_status": exit_status } })
}

#[test]
fn no_bit_of_the_exit_status_fails_a_drive_by_itself() {
    for exit_status in [0, 4, 32, 36, 64, 68] {
        assert_eq!(verdict(&disk(exit_status)), Healthy, "{exit_status}");
    }
    for exit_status in [128, 132] {
        let mut document = disk(exit_status);
        assert_eq!(verdict(&document), Error, "{exit_status}: the log of which it tells is lost");
        let passed = json!({ "type": { "string": "Short offline" }, "status": { "value": 0, "string": "-" } });
        document["ata_smart_self_test_log"] = json!({ "standard": { "table": [passed] } });
        assert_eq!(verdict(&document), Healthy, "{exit_status}");
    }
}

#[test]
fn the_bit_of_a_failing_drive_counts_where_its_verdict_is_missing() {
    let mut document = disk(8);
    document.as_object_mut().expect("an object").remove("smart_status");
    assert_eq!(verdict(&document), Failed);
}

#[test]
fn a_complaint_before_the_json_is_passed_over() {
    let output = format!("sudo: unable to resolve host node1\n{:#}", disk(0));
    assert_eq!(judged(output).verdict, Healthy);
}

#[test]
fn old_entries_of_the_error_log_are_history() {
    let judgement = judged(fixture("ata-error-log-7.5.json"));
    assert_eq!(judgement.verdict, Healthy);
    assert!(gives(&judgement, "error-log"));
}

#[test]
fn an_attribute_that_failed_once_is_no_failure() {
    let judgement = judged(fixture("ata-failed-before-7.5.txt"));
    assert_eq!(judgement.verdict, Degraded);
    assert!(gives(&judgement, "attribute-failed-before"));
    let mut warm = disk(32);
    warm["ata_smart_attributes"]["table"][0]["id"] = json!(190);
    warm["ata_smart_attributes"]["table"][0]["when_failed"] = json!("past");
    assert_eq!(verdict(&warm), Healthy, "of temperatures not even that");
}

#[test]
fn a_self_test_that_a_later_one_refutes_is_no_failure() {
    let log = |kinds: &[(&str, u64)]| {
        let entry = |(kind, value): &(&str, u64)| json!({ "type": { "string": kind }, "status": { "value": value, "string": "-" } });
        let mut document = disk(0);
        document["ata_smart_self_test_log"] =
            json!({ "standard": { "table": kinds.iter().map(entry).collect::<Vec<_>>() } });
        judged(document.to_string())
    };
    let judgement = log(&[("Extended offline", 0), ("Extended offline", 0x79)]);
    assert_eq!(judgement.verdict, Degraded);
    assert!(gives(&judgement, "self-test-failed-before"));
    assert_eq!(log(&[("Short offline", 0), ("Short offline", 0x79)]).verdict, Degraded, "of its own kind");
    for other in ["Short offline", "Conveyance offline", "Selective offline", "Vendor (0xff)"] {
        let judgement = log(&[(other, 0), ("Extended offline", 0x79)]);
        assert_eq!(judgement.verdict, Failed, "{other} does not look as deep");
        assert!(gives(&judgement, "self-test-not-refuted"), "{other}");
    }
    assert_eq!(judged(fixture("ata-self-test-refuted-7.5.json")).verdict, Failed, "a short one after an extended one");
}

#[test]
fn an_aborted_test_does_not_refute_a_failed_one() {
    let mut document = disk(128);
    let entry =
        |value: u64| json!({ "type": { "string": "Short offline" }, "status": { "value": value, "string": "-" } });
    document["ata_smart_self_test_log"] = json!({ "standard": { "table": [entry(0x19), entry(0x79), entry(0)] } });
    let judgement = judged(document.to_string());
    assert_eq!(judgement.verdict, Failed);
    assert!(gives(&judgement, "self-test-not-refuted"), "{judgement:?}");
}

#[test]
fn pending_sectors_do_not_pass() {
    assert_eq!(judged(fixture("ata-pending-7.5.json")).verdict, Degraded);
    assert_eq!(judged(fixture("ata-pending-7.5.txt")).verdict, Degraded);
}

#[test]
fn failures_of_nvme_do_not_pass() {
    assert_eq!(judged(fixture("nvme-self-test-failed-7.5.json")).verdict, Failed);
    assert_eq!(judged(fixture("nvme-media-errors-7.5.json")).verdict, Degraded);
    assert_eq!(judged(fixture("nvme-spare-at-threshold-7.5.json")).verdict, Degraded, "99% of the endurance is used");
}

#[test]
fn a_test_that_still_runs_is_told() {
    for name in ["nvme-self-test-running-7.5.json", "nvme-self-test-running-7.5.txt", "ata-self-test-running-7.5.json"]
    {
        assert!(gives(&judged(fixture(name)), "self-test-running"), "{name}");
    }
}

#[test]
fn an_old_smartctl_says_that_it_does_not_see_the_tests_of_nvme() {
    assert!(gives(&judged(fixture("nvme-well-7.3.json")), "self-tests-unseen"));
}

#[test]
fn what_was_never_tested_is_not_skipped() {
    for (exit_status, text) in [
        (2, "Smartctl open device: /dev/sda failed: Permission denied"),
        (2, "Smartctl open device: /dev/sda failed: Operation not permitted"),
        (1, "=======> UNRECOGNIZED OPTION: bogus"),
        (2, "Device is in STANDBY mode, exit(2)"),
        (2, "Smartctl open device: /dev/sda failed: No such device"),
    ] {
        assert_eq!(verdict(&message(exit_status, text)), Error, "{text}");
    }
    for text in ["sh: 1: smartctl: not found", "sudo: a password is required", "Killed"] {
        assert_eq!(judged(text).verdict, Error, "{text}");
    }
}

#[test]
fn a_disk_that_cannot_be_read_is_failed_not_skipped() {
    assert_eq!(verdict(&message(2, "Smartctl open device: /dev/sda failed: Input/output error")), Failed);
    let mut silent = disk(2);
    for key in ["smart_status", "ata_smart_attributes", "rotation_rate"] {
        silent.as_object_mut().expect("an object").remove(key);
    }
    assert_eq!(verdict(&silent), Failed, "an ATA disk without IDENTIFY");
    let nvme = json!({
        "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/nvme0"], "exit_status": 4 },
        "device": { "name": "/dev/nvme0", "type": "nvme", "protocol": "NVMe" },
    });
    assert_eq!(verdict(&nvme), Error, "an NVMe drive that does not give its health");
    let physical = "smartctl 7.4\n=== START OF INFORMATION SECTION ===\nVendor: X\nProduct: Y\nTransport protocol: SAS (SPL-4)\n\
        device Test Unit Ready  [medium or hardware error (serious)]\n";
    assert_eq!(judged(physical).verdict, Failed, "a SAS disk that does not get ready");
}

#[test]
fn what_has_no_smart_is_left_out_with_a_reason() {
    for (name, code) in [
        ("virtio-7.3.json", "type-unknown"),
        ("virtio-forced-7.3.json", "no-pass-through"),
        ("usb-unknown-7.3.json", "usb-bridge-unknown"),
        ("raid-volume-7.3.txt", "virtual-silent"),
        ("cdrom-7.3.json", "not-a-disk"),
        ("scsi-no-smart-7.3.json", "no-smart"),
    ] {
        let judgement = judged(fixture(name));
        assert_eq!(judgement.verdict, NotSupported, "{name}");
        assert!(gives(&judgement, code), "{name}: {judgement:?}");
    }
    for text in [
        "Smartctl open device: /dev/sda failed: DELL or MegaRaid controller, please try adding '-d megaraid,N'",
        "/dev/sda: requires option '-d cciss,N'",
        "/dev/sdc: Unsupported USB bridge [0x152d:0x2338 (0x100)]",
    ] {
        assert_eq!(verdict(&message(2, text)), NotSupported, "{text}");
        assert_eq!(judged(format!("smartctl 7.2\n\n{text}\n")).verdict, NotSupported, "{text}");
    }
    let volume = "smartctl 7.1\n=== START OF INFORMATION SECTION ===\nVendor:               DELL\nProduct:              PERC H730P Mini\n\
        Device type:          disk\nSMART support is:     Unavailable - device lacks SMART capability.\n";
    assert_eq!(judged(volume).verdict, NotSupported, "whatever a controller is called");
}

#[test]
fn bytes_that_are_no_utf_8_change_nothing() {
    let mut output = fixture("ata-pending-7.5.txt");
    let serial = output.windows(7).position(|window| window == b"QM00001").expect("the serial number");
    output[serial..serial + 3].copy_from_slice(&[0xff, 0xfe, 0x80]);
    assert_eq!(judged(&output).verdict, Degraded);
    let mut output = fixture("ata-pending-7.5.json");
    let serial = output.windows(7).position(|window| window == b"QM00001").expect("the serial number");
    output[serial] = 0xff;
    assert_eq!(judged(&output).verdict, Degraded);
}

#[test]
fn reallocation_is_wear_in_flash_and_damage_on_platters() {
    let mut document = disk(0);
    document["ata_smart_attributes"]["table"][0]["raw"] = json!({ "value": 46, "string": "46" });
    assert_eq!(verdict(&document), Degraded);
    document["rotation_rate"] = json!(0);
    assert_eq!(verdict(&document), Healthy);
}
