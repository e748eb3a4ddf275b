//! Flash that is worn or damaged, and controllers that have lost their flash: inputs made from public reports.

use serde_json::json;
use shakedown::disk::{Policy, Verdict, judge};

use crate::kinds::{nvme, said, sata, with};
use crate::{gives, judged, report, verdict};

#[test]
fn damage_on_flash_is_a_number_and_a_name() {
    for (id, name) in [
        (184, "Factory_Bad_Block_Ct"),
        (197, "Not_In_Use"),
        (197, "ECC_Error_Count"),
        (198, "Host_Reads_GiB"),
        (199, "Host_Writes_GiB"),
    ] {
        assert_eq!(verdict(&sata(0, &[(id, name, 100, 77)])), Verdict::Healthy, "{id} {name}");
    }
    for (id, name) in
        [(187, "Uncorrectable_Error_Cnt"), (197, "Current_Pending_Sector"), (198, "Offline_Uncorrectable")]
    {
        assert_eq!(verdict(&sata(0, &[(id, name, 100, 1)])), Verdict::Degraded, "{id} {name}");
    }
}

#[test]
fn each_warning_of_nvme_has_its_own_words() {
    let warned = |bits: u64, used: u64| {
        let document = with(
            with(nvme(), "/nvme_smart_health_information_log/critical_warning", json!(bits)),
            "/smart_status",
            json!({ "passed": false, "nvme": { "value": bits } }),
        );
        said(&with(document, "/nvme_smart_health_information_log/percentage_used", json!(used)))
    };
    for (bits, code) in [
        (1, "nvme-spare"),
        (4, "nvme-reliability"),
        (8, "nvme-read-only"),
        (16, "nvme-backup"),
        (32, "nvme-persistent-memory"),
    ] {
        let judgement = warned(bits, 3);
        assert_eq!(judgement.verdict, Verdict::Failed, "{bits}");
        assert!(gives(&judgement, code), "{bits}: {judgement:?}");
    }
    assert!(warned(8, 3).reasons[0].next.contains("copy the data now"));
    assert_eq!(warned(4, 100).verdict, Verdict::Degraded, "its endurance is used, and nothing else");
    assert_eq!(warned(12, 100).verdict, Verdict::Failed);
    let policy = Policy::parse("rated-endurance-used = \"failed\"").expect("a policy");
    let document = with(
        with(nvme(), "/nvme_smart_health_information_log/critical_warning", json!(4)),
        "/nvme_smart_health_information_log/percentage_used",
        json!(120),
    );
    assert_eq!(judge(&report(document.to_string()), &policy, None).verdict, Verdict::Failed);
}

#[test]
fn a_controller_without_its_flash_is_failed() {
    for (model, bytes) in
        [("SATAFIRM   S11", 480_103_981_056_u64), ("INTEL SSDSA2CW120G3", 8_388_608), ("SAMSUNG MZ7", 1_073_741_824)]
    {
        let document = with(sata(0, &[(9, "Power_On_Hours", 99, 1)]), "/model_name", json!(model));
        assert_eq!(verdict(&with(document, "/user_capacity", json!({ "bytes": bytes }))), Verdict::Failed, "{model}");
    }
    let intact = [
        ("RIG SSD 1000", 1_073_741_824_u64),
        ("Disk On Module 512MB", 512_000_000),
        ("QEMU HARDDISK", 67_108_864),
        ("SAMSUNG MZ7KH480", 480_103_981_056),
    ];
    for (model, bytes) in intact {
        let document = with(sata(0, &[(9, "Power_On_Hours", 99, 1)]), "/model_name", json!(model));
        assert_eq!(verdict(&with(document, "/user_capacity", json!({ "bytes": bytes }))), Verdict::Healthy, "{model}");
        let small = with(with(nvme(), "/model_name", json!(model)), "/user_capacity/bytes", json!(bytes));
        assert_eq!(verdict(&small), Verdict::Healthy, "{model}, NVMe");
    }
}

#[test]
fn a_drive_that_is_write_protected_is_failed() {
    for name in ["Write_Protect_Mode", "SSD_Write_Protect_Mode", "SSD_Protect_Mode"] {
        assert_eq!(verdict(&sata(0, &[(167, name, 100, 1)])), Verdict::Failed, "{name}");
        assert_eq!(verdict(&sata(0, &[(167, name, 100, 0)])), Verdict::Healthy, "{name}");
    }
    assert_eq!(verdict(&sata(0, &[(167, "Max_Bad_Blocks_per_Die", 100, 65)])), Verdict::Healthy);
}

#[test]
fn an_average_of_erases_is_no_write_protection_whatever_the_database_calls_it() {
    let drive = |most: u64, fewest: u64, raw: u64| {
        let rows = [
            (165, "Unknown_Attribute", 100, most),
            (166, "Later_Bad_Block_Count", 100, fewest),
            (167, "SSD_Protect_Mode", 100, raw),
        ];
        verdict(&sata(0, &rows))
    };
    assert_eq!(drive(35, 3, 31), Verdict::Healthy);
    assert_eq!(drive(2, 1, 1), Verdict::Healthy);
    assert_eq!(drive(0, 0, 1), Verdict::Failed, "nothing was erased, and it is protected");
    assert_eq!(drive(35, 3, 1), Verdict::Failed);
}

#[test]
fn a_counter_that_is_no_number_counts_for_nothing_and_is_told() {
    // The normalised value in each byte; ones; one less than none.
    for raw in [0x6464_6464, 0xffff_ffff_ffff, 0xffff_ffff, 0xffff_fffd] {
        for (rate, name) in [(0, "Current_Pending_Sector"), (7200, "Current_Pending_Sector")] {
            let judgement = said(&sata(
                rate,
                &[(197, name, 100, raw), (3, "Spin_Up_Time", 100, 0), (7, "Seek_Error_Rate", 100, 0)],
            ));
            assert_eq!(judgement.verdict, Verdict::Healthy, "{raw:#x}: {judgement:?}");
            assert!(gives(&judgement, "counter-no-number"), "{raw:#x}: {judgement:?}");
        }
    }
    for raw in [1, 0x0101, 0x64_6464, 0x1_0023_0000, 0x079d_0207] {
        assert_eq!(verdict(&sata(0, &[(197, "Current_Pending_Sector", 100, raw)])), Verdict::Degraded, "{raw:#x}");
    }
}

#[test]
fn a_worst_value_that_no_attribute_has_tells_of_no_past() {
    let drive = |value: u64, worst: u64| {
        let row = json!([{ "id": 195, "name": "Cumulativ_Corrected_ECC", "value": value, "worst": worst, "thresh": 50,
            "when_failed": "past", "raw": { "value": 0, "string": "0" } }]);
        said(&with(sata(0, &[]), "/ata_smart_attributes/table", row))
    };
    let unset = drive(100, 0);
    assert!(unset.verdict == Verdict::Healthy && gives(&unset, "attribute-worst-unset"), "{unset:?}");
    assert_eq!(drive(100, 1).verdict, Verdict::Degraded);
}

#[test]
fn a_controller_that_shows_its_own_name_is_failed() {
    let drive = |model: &str, firmware: &str, bytes: u64| {
        let document = with(sata(0, &[(9, "Power_On_Hours", 99, 1)]), "/model_name", json!(model));
        with(with(document, "/user_capacity", json!({ "bytes": bytes })), "/firmware_version", json!(firmware))
    };
    for (model, firmware, bytes) in [
        ("SM2258AB", "MPTOOL", 2_097_152_u64),
        ("PS3111", "0956", 20_972_032),
        ("PS3111-S11", "SBFM00.0", 2_097_152),
        ("SAMSUNG MZ7KM480HAHP-00005", "ERRORMOD", 1_006_264_320),
        ("Samsung SSD 850 PRO 512GB", "ERRORMOD", 1_073_741_824),
        ("Samsung SSD 850 PRO 512GB", "ERRORMOD", 512_110_190_592),
    ] {
        let document = drive(model, firmware, bytes);
        assert_eq!(verdict(&document), Verdict::Failed, "{model} {firmware}");
        assert!(gives(&said(&document), "fault-mode"), "{model} {firmware}");
    }
    let controller =
        with(with(nvme(), "/model_name", json!("SM2260")), "/user_capacity/bytes", json!(1_073_741_824_u64));
    assert!(gives(&said(&controller), "fault-mode"));
    for (model, firmware, bytes) in [
        // Sold with such a name, in part or whole, and with all of its flash.
        ("SM2258XT", "R0427A0", 120_034_123_776_u64),
        ("PS3111-S11 120GB", "SBFM61.3", 20_972_032),
        ("SM2280S3G2120GB", "SAFM02.2", 1_073_741_824),
        ("SM2236AC", "R1013", 1_073_741_824),
        ("KINGSTON SM2280S3", "S8FM06.A", 2_097_152),
        ("Samsung SSD 850 PRO 512GB", "EXM04B6Q", 1_073_741_824),
    ] {
        assert_eq!(verdict(&drive(model, firmware, bytes)), Verdict::Healthy, "{model} {firmware}");
    }
}

#[test]
fn a_small_namespace_is_no_small_drive() {
    let named = with(nvme(), "/model_name", json!("SAMSUNG MZQL21T9HCJR-00A07"));
    let mut document = with(named, "/user_capacity/bytes", json!(1_u64 << 30));
    document["nvme_total_capacity"] = json!(1_920_383_410_176_u64);
    assert_eq!(verdict(&document), Verdict::Healthy);
    document["nvme_total_capacity"] = json!(1_u64 << 30);
    assert_eq!(verdict(&document), Verdict::Failed, "the whole drive is as small");
}

#[test]
fn the_wear_of_a_sas_ssd_is_read_under_its_older_name() {
    let used = |name: &str| {
        judged(format!(
            "smartctl 6.6 2017-11-05 r4594 [x86_64-linux-5.15.0] (local build)\n\n\
             === START OF INFORMATION SECTION ===\nVendor:               HGST\nProduct:              HUSMM1640ASS204\n\
             Rotation Rate:        Solid State Device\nTransport protocol:   SAS (SPL-3)\n\
             SMART support is:     Available - device has SMART capability.\nSMART support is:     Enabled\n\n\
             === START OF READ SMART DATA SECTION ===\nSMART Health Status: OK\n\n\
             {name}: 97%\nCurrent Drive Temperature:     33 C\nDrive Trip Temperature:        70 C\n\n\
             Error Counter logging not supported\n\nNo Self-tests have been logged\n\n"
        ))
    };
    for name in ["SS Media used endurance indicator", "Percentage used endurance indicator"] {
        let judgement = used(name);
        assert_eq!(judgement.verdict, Verdict::Degraded, "{name}: {judgement:?}");
        assert!(gives(&judgement, "endurance-used"), "{name}: {judgement:?}");
    }
}

#[test]
fn a_text_that_breaks_off_hides_no_fault_mode() {
    let text = "smartctl 7.1 2019-12-30 r5022 [x86_64-linux-5.15.0] (local build)\n\n=== START OF INFORMATION SECTION ===\n\
        Device Model:     PS3111\nFirmware Version: 0956\nUser Capacity:    20,972,032 bytes [20.9 MB]\n\
        SMART support is: Available - device has SMART capability.\nSMART support is: Enabled\n\n\
        === START OF READ SMART DATA SECTION ===\nSMART overall-health self-assessment test result: PASSED\n\n\
        General SMART Values:\nOffline data collection status:  (0x00)\tOffline data collection activity\n";
    let judgement = judged(text);
    assert_eq!(judgement.verdict, Verdict::Failed, "{judgement:?}");
    assert!(gives(&judgement, "report-cut") && gives(&judgement, "fault-mode"), "{judgement:?}");
}
