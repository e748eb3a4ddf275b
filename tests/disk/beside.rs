//! The facts that a report tells beside attributes and verdicts: contradictions between a drive's own logs, temperatures that it was made for, rows
//! that nobody can read, passwords, links, scans that stopped. The rest of a torn text is in `lost`.

use serde_json::{Value, json};
use shakedown::disk::{Judgement, Verdict};

use crate::kinds::{nvme, said, sas, sata, with};
use crate::{fixture, gives, judged};

#[track_caller]
fn is(judgement: &Judgement, verdict: Verdict, code: &str) {
    assert!(judgement.verdict == verdict && gives(judgement, code), "not {verdict:?} by {code}: {judgement:?}");
}

/// The statistics of a page.
fn page(number: u64, rows: &[(u64, u64, bool)]) -> Value {
    let row = |(offset, value, normalised): &(u64, u64, bool)| {
        json!({ "offset": offset, "name": "a statistic", "value": value,
            "flags": { "valid": true, "normalized": normalised } })
    };
    json!({ "pages": [{ "number": number, "table": rows.iter().map(row).collect::<Vec<_>>() }] })
}

fn platters(rows: &[(u64, &str, u64, u64)]) -> Value {
    sata(7200, rows)
}

#[test]
fn a_statistic_counts_against_an_attribute_that_says_zero() {
    let drive = platters(&[(187, "Reported_Uncorrect", 100, 0), (5, "Reallocated_Sector_Ct", 100, 0)]);
    let lost = with(drive.clone(), "/ata_device_statistics", page(4, &[(8, 14, false)]));
    is(&said(&lost), Verdict::Degraded, "statistics-uncorrectable");
    let replaced = with(drive.clone(), "/ata_device_statistics", page(3, &[(0x20, 512, false)]));
    is(&said(&replaced), Verdict::Degraded, "statistics-reallocated");
    // A value that the drive normalised is no count.
    let normalised = with(drive, "/ata_device_statistics", page(3, &[(0x20, 200, true)]));
    assert_eq!(said(&normalised).verdict, Verdict::Healthy);
    // What the attribute tells is told once.
    let told = platters(&[(187, "Reported_Uncorrect", 100, 14)]);
    let told = said(&with(told, "/ata_device_statistics", page(4, &[(8, 14, false)])));
    is(&told, Verdict::Degraded, "reported-uncorrectable");
    assert!(!gives(&told, "statistics-uncorrectable"), "{told:?}");
}

#[test]
fn farm_counts_where_smart_says_less() {
    let farm = |replaced: u64| json!({ "page_3_error_statistics": { "number_of_reallocated_sectors": replaced } });
    let drive = platters(&[(5, "Reallocated_Sector_Ct", 100, 0)]);
    is(&said(&with(drive.clone(), "/seagate_farm_log", farm(612))), Verdict::Degraded, "farm-reallocated");
    assert_eq!(said(&with(drive, "/seagate_farm_log", farm(4))).verdict, Verdict::Healthy);
    let same = platters(&[(5, "Reallocated_Sector_Ct", 100, 612)]);
    assert!(!gives(&said(&with(same, "/seagate_farm_log", farm(612))), "farm-reallocated"));
}

#[test]
fn a_drive_above_its_specified_maximum_is_too_hot_now() {
    let drive = platters(&[(194, "Temperature_Celsius", 38, 62)]);
    let made_for = |limit: u64, now: u64| page(5, &[(8, now, false), (0x58, limit, false)]);
    let hot = said(&with(drive.clone(), "/ata_device_statistics", made_for(60, 62)));
    is(&hot, Verdict::Degraded, "temperature-limit");
    let at = with(drive, "/ata_device_statistics", made_for(62, 62));
    assert_eq!(said(&at).verdict, Verdict::Healthy, "the maximum itself is allowed");
    // Where SCT knows the limit, that is the limit.
    let sct = |limit: i64| {
        let warm = with(platters(&[]), "/ata_device_statistics", made_for(60, 62));
        let warm = with(warm, "/temperature", json!({ "current": 62, "limit_max": limit }));
        said(&with(warm, "/ata_smart_attributes/table", json!([{ "id": 9, "raw": { "value": 1 } }]))).verdict
    };
    assert_eq!((sct(75), sct(62)), (Verdict::Healthy, Verdict::Degraded));
}

#[test]
fn a_row_that_nobody_can_read_may_be_the_one_that_tells() {
    let whole = String::from_utf8(fixture("ata-well-7.1.txt")).expect("a text");
    let row = whole.lines().find(|line| line.starts_with("  5 ")).expect("a row");
    is(&judged(whole.replace(row, &format!("\t| {row}"))), Verdict::Error, "row-not-understood");
    // Colours are no part of it.
    let coloured = whole.replace(row, &format!("\u{1b}[1;31m{row}\u{1b}[0m"));
    let judgement = judged(coloured);
    assert_eq!(judgement.verdict, judged(&whole).verdict, "{judgement:?}");
}

#[test]
fn words_in_brackets_before_a_text_are_no_json() {
    let whole = String::from_utf8(fixture("ata-pending-7.5.txt")).expect("a text");
    let asked = format!("[sudo] password for admin: \n{whole}");
    assert_eq!(judged(asked).verdict, judged(&whole).verdict);
    let document = String::from_utf8(fixture("ata-pending-7.5.json")).expect("a document");
    assert_eq!(judged(format!("[sudo] password for admin: {document}")).verdict, judged(&document).verdict);
}

#[test]
fn a_locked_drive_that_answers_nothing_is_to_be_unlocked() {
    let text = "smartctl 7.3 2022-02-28 r5338 [x86_64-linux] (local build)\n\n=== START OF INFORMATION SECTION ===\n\
        Device Model:     ST1\nSerial Number:    Z\nATA Version is:   ACS-3\nSMART support is: Available - device has SMART capability.\n\
        SMART support is: Enabled\nATA Security is:  ENABLED, PW level HIGH, **LOCKED** [SEC4]\n\n\
        === START OF READ SMART DATA SECTION ===\nSMART Status command failed: scsi error aborted command\n\
        SMART overall-health self-assessment test result: UNKNOWN!\n\
        SMART Status, Attributes and Thresholds cannot be read.\n\n";
    is(&judged(text), Verdict::Error, "locked-unanswered");
    let locked = with(platters(&[]), "/ata_security", json!({ "enabled": true, "locked": true }));
    let locked = with(locked, "/ata_smart_attributes/table", json!([{ "id": 9, "raw": { "value": 1 } }]));
    is(&said(&locked), Verdict::Healthy, "security-locked");
}

#[test]
fn identity_alone_is_no_dying_drive() {
    let text = "smartctl 7.3 2022-02-28 r5338 [x86_64-linux] (local build)\n\n=== START OF INFORMATION SECTION ===\n\
        Device Model:     ST1\nSerial Number:    Z\nATA Version is:   ACS-3\n\
        SMART support is: Available - device has SMART capability.\nSMART support is: Enabled\n\n";
    is(&judged(text), Verdict::Error, "no-health-data");
}

#[test]
fn what_stopped_by_itself_is_told() {
    let halted = json!({ "status": { "value": 3, "string": "halted due to fatal error" } });
    is(&said(&with(sas(), "/scsi_background_scan", halted)), Verdict::Healthy, "background-scan-halted");
    let fatal = json!({ "status": { "value": 0x86 } });
    let drive = platters(&[(9, "Power_On_Hours", 100, 1)]);
    let broken = with(drive.clone(), "/ata_smart_data/offline_data_collection", fatal);
    is(&said(&broken), Verdict::Healthy, "offline-collection-failed");
    let events = json!({ "table": [{ "id": 1, "value": 912 }] });
    is(&said(&with(drive, "/sata_phy_event_counters", events)), Verdict::Healthy, "link-errors");
    let port = json!({ "phy_0": { "invalid_dword_count": 7 } });
    is(&said(&with(sas(), "/scsi_sas_port_0", port)), Verdict::Healthy, "link-errors");
    let minutes = with(nvme(), "/nvme_smart_health_information_log/critical_comp_time", json!(213));
    is(&said(&minutes), Verdict::Healthy, "temperature-critical-before");
}

#[test]
fn an_emulated_drive_with_health_is_told_as_one() {
    is(&said(&with(nvme(), "/model_name", json!("QEMU NVMe Ctrl"))), Verdict::Healthy, "virtual-drive");
    assert!(!gives(&said(&nvme()), "virtual-drive"));
}

#[test]
fn a_device_that_nothing_tells_is_not_to_be_replaced_for_its_want_of_smart() {
    let stick = json!({
        "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/sdc"], "exit_status": 4 },
        "device": { "name": "/dev/sdc", "type": "scsi", "protocol": "SCSI" },
        "scsi_vendor": "SanDisk", "scsi_product": "Ultra", "device_type": { "name": "disk" },
        "smart_support": { "available": false },
    });
    let judgement = said(&stick);
    is(&judgement, Verdict::Error, "smart-unavailable");
    assert!(judgement.reasons.iter().all(|reason| !reason.next.contains("replace")), "{judgement:?}");
}

#[test]
fn an_attribute_that_smartctl_lists_twice_is_told_once() {
    let whole = String::from_utf8(fixture("ata-attribute-failing-7.5.txt")).expect("a text");
    let row = whole.lines().find(|line| line.contains("NOW")).expect("a row that fails");
    let twice = whole.replace(row, &format!("{row}\n{row}"));
    let count = |text: &str| judged(text).reasons.iter().filter(|one| one.code == "attribute-failing").count();
    assert_eq!((count(&whole), count(&twice)), (1, 1));
}

#[test]
fn a_failed_segment_is_told_in_whole_words() {
    let log = "SMART Self-test log\nNum  Test              Status                 segment  LifeTime  LBA_first_err [SK ASC ASQ]\n\
        \x20    Description                              number   (hours)\n\
        # 1  Background long   Failed in segment -->       7   30210            123456 [0x3 0x11 0x0]\n\n";
    let judgement = judged(format!(
        "smartctl 7.3 2022-02-28 [x]\n\n=== START OF READ SMART DATA SECTION ===\nSMART Health Status: OK\n\n{log}"
    ));
    let seen: Vec<&str> = judgement.reasons.iter().map(|reason| reason.seen.as_str()).collect();
    assert!(seen.iter().any(|words| words.contains("Failed in segment, sector 123456, segment 7")), "{seen:?}");
}
