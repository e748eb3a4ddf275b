//! The kinds of trouble that public reports tell of, each in inputs of its own.

use serde_json::{Value, json};
use shakedown::disk::{Device, Judgement, Policy, Verdict, identify, judge};

use crate::{gives, judged, report, verdict};

/// A SAS disk that is well.
pub(crate) fn sas() -> Value {
    let counters = json!({ "total_uncorrected_errors": 0 });
    json!({
        "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/sdb"], "exit_status": 0 },
        "device": { "name": "/dev/sdb", "type": "scsi", "protocol": "SCSI" },
        "scsi_vendor": "SEAGATE", "scsi_product": "ST10000NM0096", "serial_number": "ZA", "rotation_rate": 7200,
        "logical_unit_id": "0x5000c500aaaaaa01", "device_type": { "name": "disk" },
        "scsi_transport_protocol": { "name": "SAS (SPL-4)", "value": 6 },
        "smart_support": { "available": true, "enabled": true }, "smart_status": { "passed": true },
        "temperature": { "current": 33, "drive_trip": 60 }, "power_on_time": { "hours": 1000 },
        "scsi_grown_defect_list": 0, "scsi_error_counter_log": { "read": counters, "write": counters },
    })
}

/// A SATA drive with these attributes: number, name, normalised value, counter.
pub(crate) fn sata(rotation_rate: u64, rows: &[(u64, &str, u64, u64)]) -> Value {
    let row = |(id, name, value, raw): &(u64, &str, u64, u64)| {
        json!({ "id": id, "name": name, "value": value, "worst": value, "thresh": 0, "when_failed": "",
            "raw": { "value": raw, "string": raw.to_string() } })
    };
    json!({
        "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/sda"], "exit_status": 0 },
        "device": { "name": "/dev/sda", "type": "sat", "protocol": "ATA" },
        "model_name": "SSD 480GB", "in_smartctl_database": true, "rotation_rate": rotation_rate,
        "smart_support": { "available": true, "enabled": true }, "smart_status": { "passed": true },
        "power_on_time": { "hours": 1000 }, "ata_smart_data": { "self_test": { "status": { "value": 0, "passed": true } } },
        "ata_smart_attributes": { "table": rows.iter().map(row).collect::<Vec<_>>() },
    })
}

pub(crate) fn nvme() -> Value {
    json!({
        "smartctl": { "version": [7, 5], "argv": ["smartctl", "-x", "-j", "/dev/nvme0"], "exit_status": 0 },
        "device": { "name": "/dev/nvme0", "type": "nvme", "protocol": "NVMe" },
        "model_name": "NVMe 1TB", "user_capacity": { "bytes": 1_000_204_886_016_u64 },
        "smart_status": { "passed": true, "nvme": { "value": 0 } }, "power_on_time": { "hours": 1000 },
        "nvme_smart_health_information_log": { "critical_warning": 0, "available_spare": 100, "available_spare_threshold": 10,
            "percentage_used": 3, "media_errors": 0, "power_on_hours": 1000 },
        "nvme_self_test_log": { "current_self_test_operation": { "value": 0 } },
    })
}

pub(crate) fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (above, key) = pointer.rsplit_once('/').expect("a place");
    document.pointer_mut(above).expect("an object")[key] = value;
    document
}

pub(crate) fn said(document: &Value) -> Judgement {
    judged(document.to_string())
}

#[test]
fn a_warning_of_a_sas_drive_is_told_by_its_number() {
    let sense = |asc: u64, ascq: u64| {
        let status = json!({ "passed": false, "scsi": { "asc": asc, "ascq": ascq } });
        with(with(sas(), "/smart_status", status), "/smartctl/exit_status", json!(8))
    };
    for (asc, ascq, code, verdict) in [
        (0x0b, 0x01, "exception-temperature", Verdict::Degraded),
        (0x0b, 0x0c, "exception-temperature", Verdict::Degraded),
        (0x0b, 0x05, "exception-medium", Verdict::Degraded),
        (0x0b, 0x80, "exception-warning", Verdict::Degraded),
        (0x5d, 0xff, "exception-test", Verdict::Degraded),
        (0x5d, 0x00, "status-failed", Verdict::Failed),
        (0x5d, 0x73, "status-failed", Verdict::Failed),
    ] {
        let judgement = said(&sense(asc, ascq));
        assert_eq!(judgement.verdict, verdict, "{asc:02x}/{ascq:02x}");
        assert!(gives(&judgement, code), "{asc:02x}/{ascq:02x}: {judgement:?}");
    }
}

#[test]
fn what_a_background_scan_put_right_is_no_pending_sector() {
    let scan = |key: u64, status: u64| {
        let row = json!({ "sense_key": { "value": key }, "reassign_status": { "value": status } });
        verdict(&with(sas(), "/scsi_background_scan", json!({ "status": { "value": 0 }, "result_7": row })))
    };
    for (key, status) in [(1, 5), (3, 2), (3, 5), (3, 6), (4, 7)] {
        assert_eq!(scan(key, status), Verdict::Healthy, "{key} {status}");
    }
    for (key, status) in [(3, 1), (3, 4), (4, 8)] {
        assert_eq!(scan(key, status), Verdict::Degraded, "{key} {status}");
    }
}

#[test]
fn what_stands_before_the_json_is_read() {
    for (before, verdict) in [
        ("  Pending defect count:", Verdict::Healthy),
        ("  Pending defect count: 4\n", Verdict::Degraded),
        ("\u{feff}\n", Verdict::Healthy),
    ] {
        assert_eq!(judged(format!("{before}{:#}", sas())).verdict, verdict, "{before:?}");
    }
}

#[test]
fn utf_16_is_read_and_half_a_character_ends_nothing() {
    let text = crate::fixture("ata-pending-7.5.txt");
    let text = String::from_utf8(text).expect("UTF-8");
    for mark in ["\u{feff}", ""] {
        let wide: Vec<u8> = format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(judged(&wide).verdict, Verdict::Degraded, "{mark:?}");
        assert_eq!(judged(&wide[..wide.len() - 1]).verdict, Verdict::Error, "torn");
    }
}

#[test]
fn several_reports_are_never_put_together() {
    let lines = format!("{}\n{}\n", sas(), nvme());
    for output in [lines, json!([sas(), sas()]).to_string()] {
        let judgement = judged(&output);
        assert_eq!(judgement.verdict, Verdict::Error);
        assert!(judgement.reasons[0].seen.contains("more than one report"), "{judgement:?}");
    }
    assert_eq!(judged(json!([sas()]).to_string()).verdict, Verdict::Healthy, "a list of one is one");
}

#[test]
fn only_what_is_known_to_be_no_drive_may_have_no_smart() {
    let bare = |vendor: &str, product: &str| {
        json!({
            "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/sdc"], "exit_status": 4 },
            "device": { "name": "/dev/sdc", "type": "scsi", "protocol": "SCSI" },
            "scsi_vendor": vendor, "scsi_product": product, "device_type": { "name": "disk" },
            "smart_support": { "available": false }, "temperature": { "current": 0, "drive_trip": 0 },
        })
    };
    for (vendor, product, device) in [
        ("DELL", "PERC H740P Mini", Device::RaidVolume),
        ("HP", "LOGICAL VOLUME", Device::RaidVolume),
        ("AVAGO", "MR9361-16i", Device::RaidVolume),
        ("LIO-ORG", "disk01", Device::ArrayVolume),
        ("PURE", "FlashArray", Device::ArrayVolume),
        ("VMware", "Virtual disk", Device::Virtual),
    ] {
        let document = bare(vendor, product);
        assert_eq!(identify(&report(document.to_string())).device, device, "{vendor} {product}");
        assert_eq!(verdict(&document), Verdict::NotSupported, "{vendor} {product}");
    }
    for (vendor, product) in [("SEAGATE", "ST600MM0006"), ("ATA", "ST4000NM0033")] {
        assert_eq!(verdict(&bare(vendor, product)), Verdict::Error, "{vendor} {product}");
    }
    let uncorrected = with(
        bare("SEAGATE", "ST600MM0006"),
        "/scsi_error_counter_log",
        json!({ "read": { "total_uncorrected_errors": 7 } }),
    );
    assert_eq!(verdict(&uncorrected), Verdict::Degraded, "what is counted is judged");
}

#[test]
fn the_words_of_a_bridge_are_the_bridges() {
    for said in [
        "Read NVMe Identify Controller failed: scsi error unsupported field in scsi command",
        "Read NVMe Identify Controller failed: scsi error medium or hardware error (serious)",
    ] {
        let document = json!({
            "smartctl": { "version": [7, 5], "argv": ["smartctl", "-x", "-j", "/dev/sda"], "exit_status": 2,
                "messages": [{ "string": said, "severity": "error" }] },
            "device": { "name": "/dev/sda", "type": "sntasmedia", "protocol": "NVMe" },
        });
        let judgement = judged(document.to_string());
        assert_eq!(judgement.verdict, Verdict::NotSupported, "{said}");
        assert!(judgement.reasons[0].next.contains("-d sat"), "{judgement:?}");
    }
}

#[test]
fn a_log_that_cannot_be_is_not_believed() {
    let log = |table: Value| said(&with(nvme(), "/nvme_self_test_log/table", table));
    let failed = |hours: u64| json!({ "self_test_code": { "value": 2, "string": "Extended" }, "self_test_result": { "value": 7, "string": "Completed: failed segments" }, "power_on_hours": hours });
    assert_eq!(log(json!([failed(900)])).verdict, Verdict::Failed);
    for table in [json!([failed(u64::MAX)]), json!([failed(90_000)]), json!([null, failed(900)])] {
        let judgement = log(table.clone());
        assert_eq!(judgement.verdict, Verdict::Healthy, "{table}");
        assert!(gives(&judgement, "self-test-log-doubtful"), "{table}");
    }
    let entry = json!({ "type": { "string": "Extended offline" }, "status": { "value": 0x79, "string": "Completed: read failure" }, "lifetime_hours": 60_000 });
    let ata = with(
        sata(7200, &[(197, "Current_Pending_Sector", 100, 0)]),
        "/ata_smart_self_test_log",
        json!({ "standard": { "table": [entry] } }),
    );
    assert!(gives(&said(&ata), "self-test-log-doubtful"));
    let old = with(ata, "/power_on_time/hours", json!(66_000));
    assert_eq!(verdict(&old), Verdict::Failed, "the hours of the log have wrapped");
}

#[test]
fn wear_is_a_name_that_the_database_knows_and_the_standard_comes_first() {
    let healthy = |document: &Value| assert_eq!(verdict(document), Verdict::Healthy, "{document}");
    let degraded = |document: &Value| assert_eq!(verdict(document), Verdict::Degraded, "{document}");
    degraded(&sata(0, &[(231, "Lifetime_Left", 5, 5)]));
    degraded(&sata(0, &[(245, "DriveLife_Remaining%", 8, 8)]));
    degraded(&sata(0, &[(169, "Sys_Percent_Life_Remain", 2, 2)]));
    degraded(&sata(0, &[(233, "Media_Wearout_Indicator", 4, 0)]));
    healthy(&with(sata(0, &[(233, "Media_Wearout_Indicator", 4, 0)]), "/in_smartctl_database", json!(false)));
    healthy(&sata(0, &[(230, "Media_Wearout_Indicator", 1, 0)]));
    healthy(&with(sata(0, &[(231, "SSD_Life_Left", 3, 3)]), "/model_name", json!("KINGSTON SA400S37240G")));
    let used = |percent: u64| json!({ "pages": [{ "number": 7, "table": [{ "offset": 8, "name": "Percentage Used Endurance Indicator", "value": percent, "flags": { "valid": true } }] }] });
    degraded(&with(sata(0, &[(9, "Power_On_Hours", 99, 1)]), "/ata_device_statistics", used(95)));
    healthy(&with(sata(0, &[(9, "Power_On_Hours", 99, 1)]), "/ata_device_statistics", used(255)));
    healthy(&with(sata(0, &[(177, "Wear_Leveling_Count", 3, 9)]), "/ata_device_statistics", used(20)));
}

#[test]
fn the_hours_that_farm_keeps_cannot_be_set_back() {
    let farm = |hours: u64| {
        with(
            sata(7200, &[(197, "Current_Pending_Sector", 100, 0)]),
            "/seagate_farm_log",
            json!({ "page_1_drive_information": { "poh": hours } }),
        )
    };
    assert_eq!(verdict(&farm(1050)), Verdict::Healthy);
    assert!(gives(&said(&farm(25_000)), "hours-set-back"));
}

#[test]
fn statistics_count_where_no_attribute_tells_the_same() {
    let page = |number: u64, offset: u64, value: u64| json!({ "pages": [{ "number": number, "table": [{ "offset": offset, "name": "N", "value": value, "flags": { "valid": true } }] }] });
    let drive = |row: (u64, &'static str, u64, u64), statistics: Value| {
        verdict(&with(sata(7200, &[row]), "/ata_device_statistics", statistics))
    };
    assert_eq!(drive((9, "Power_On_Hours", 99, 1), page(4, 8, 3)), Verdict::Degraded);
    assert_eq!(drive((199, "UDMA_CRC_Error_Count", 100, 24), page(6, 0x18, 24)), Verdict::Healthy);
    assert_eq!(drive((9, "Power_On_Hours", 99, 1), page(3, 0x38, 24)), Verdict::Degraded);
    assert_eq!(drive((9, "Power_On_Hours", 99, 1), page(6, 0x18, 24)), Verdict::Healthy);
}

#[test]
fn errors_of_the_cable_count_when_they_grow() {
    let drive = |crc: u64| report(sata(7200, &[(199, "UDMA_CRC_Error_Count", 200, crc)]).to_string());
    let compare = |before: u64, now: u64| judge(&drive(now), &Policy::default(), Some(&drive(before)));
    assert_eq!(compare(3, 3).verdict, Verdict::Healthy);
    let grown = compare(3, 2412);
    assert_eq!(grown.verdict, Verdict::Degraded);
    let reason = &grown.reasons[0];
    assert_eq!((reason.before, reason.number), (Some(3), Some(2412)));
    assert!(reason.next.contains("look at the cable") && !reason.next.contains("unless"), "{reason:?}");
    assert_eq!(compare(0, 1).verdict, Verdict::Degraded, "from none");
}

#[test]
fn packed_counters_are_told_apart() {
    for (raw, number) in [("4295032833", 1), ("0 0 5", 5), ("12", 12)] {
        let mut document = sata(7200, &[(188, "Command_Timeout", 100, 0)]);
        document["ata_smart_attributes"]["table"][0]["raw"] = json!({ "string": raw });
        let judgement = said(&document);
        assert_eq!(judgement.reasons[0].number, Some(number), "{raw}: {judgement:?}");
    }
}

#[test]
fn a_device_that_cannot_be_opened_is_told_in_smartctls_words() {
    for said in [
        "Smartctl open device: /dev/ada0 failed: Device busy",
        "/dev/disk2: Unable to open device",
        "Smartctl open device: /dev/pd0 [areca_disk#02_enc#01] failed: Unknown error",
    ] {
        let document = json!({ "smartctl": { "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/x"], "exit_status": 2, "messages": [{ "string": said, "severity": "error" }] } });
        let judgement = judged(document.to_string());
        assert_eq!(judgement.verdict, Verdict::Error, "{said}");
        assert!(judgement.reasons[0].seen.contains(said), "{judgement:?}");
    }
}

/// A SCSI disk with a serial number, platters and a drive's world-wide name, whose controller fails the first command of smartctl.
fn refused(vendor: &str, product: &str, revision: &str) -> Value {
    json!({
        "smartctl": { "version": [7, 4], "argv": ["smartctl", "--json=o", "-x", "/dev/sdc"], "exit_status": 2,
            "output": ["=== START OF INFORMATION SECTION ===", "device Test Unit Ready  [medium or hardware error (serious)]",
                "A mandatory SMART command failed: exiting. To continue, add one or more '-T permissive' options."] },
        "device": { "name": "/dev/sdc", "type": "scsi", "protocol": "SCSI" },
        "scsi_vendor": vendor, "scsi_product": product, "scsi_revision": revision, "serial_number": "SAS0001",
        "logical_unit_id": "0x5000c50000000020", "rotation_rate": 15000, "device_type": { "name": "disk" },
    })
}

#[test]
fn an_emulated_disk_is_not_dead_whatever_it_is_told_to_call_itself() {
    for (vendor, product) in [("QEMU", "QEMU HARDDISK"), ("RIGCORP", "SAS DISK")] {
        let judgement = said(&refused(vendor, product, "2.5+"));
        assert_eq!(judgement.verdict, Verdict::NotSupported, "{judgement:?}");
        assert!(gives(&judgement, "virtual-silent"), "{judgement:?}");
        let mut silent = refused(vendor, product, "2.5+");
        silent["smartctl"] =
            json!({ "version": [7, 4], "argv": ["smartctl", "-x", "-j", "/dev/sdc"], "exit_status": 4 });
        silent["smart_support"] = json!({ "available": false });
        assert_eq!(verdict(&silent), Verdict::NotSupported, "{vendor}");
        silent["device"]["type"] = json!("megaraid,0");
        assert_eq!(verdict(&silent), Verdict::NotSupported, "{vendor} behind its controller");
    }
    assert_eq!(said(&refused("SEAGATE", "ST600MM0006", "LS0B")).verdict, Verdict::Failed, "a real one is dead");
}

#[test]
fn the_kernels_driver_tells_whose_answer_it_is() {
    let driven = |document: &Value, driver: &str| {
        let mut report = report(document.to_string());
        report.driver = Some(driver.to_owned());
        judge(&report, &Policy::default(), None)
    };
    let dead = refused("SEAGATE", "ST600MM0006", "LS0B");
    for driver in ["megaraid_sas", "aacraid", "smartpqi"] {
        let judgement = driven(&dead, driver);
        assert_eq!(judgement.verdict, Verdict::Error, "{driver}: {judgement:?}");
        assert!(gives(&judgement, "controller-answers"), "{driver}: {judgement:?}");
    }
    assert_eq!(driven(&dead, "mpt3sas").verdict, Verdict::Failed, "a host adapter hands the drive's own answer on");
    for driver in ["virtio_scsi", "vmw_pvscsi", "storvsc_host"] {
        assert_eq!(driven(&dead, driver).verdict, Verdict::NotSupported, "{driver}");
    }
    let failing = with(with(sas(), "/smart_status", json!({ "passed": false })), "/smartctl/exit_status", json!(8));
    assert_eq!(
        driven(&failing, "virtio_scsi").verdict,
        Verdict::Failed,
        "what a drive passed through says of itself counts"
    );
}
