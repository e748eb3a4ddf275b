//! No health in the output: whether the drive, a bridge, a driver, the caller's rights or nobody is to blame. Inputs have the words of
//! public reports.

use serde_json::{Value, json};
use shakedown::disk::{Judgement, Verdict};

use crate::{gives, judged};

/// A text of smartctl on this platform.
fn text(platform: &str, below: &str) -> String {
    format!("smartctl 7.3 2022-02-28 r5338 [{platform}] (local build)\nCopyright (C) 2002-22\n\n{below}\n")
}

/// JSON of a device that gives this complaint.
fn complaining(kind: &str, protocol: &str, said: &str) -> Value {
    json!({
        "smartctl": { "version": [7, 5], "argv": ["smartctl", "-x", "--json=c", "/dev/x"], "exit_status": 2,
            "messages": [{ "string": said, "severity": "error" }] },
        "device": { "name": "/dev/x", "info_name": "/dev/x", "type": kind, "protocol": protocol },
    })
}

#[track_caller]
fn is(judgement: &Judgement, verdict: Verdict, code: &str) {
    assert!(judgement.verdict == verdict && gives(judgement, code), "not {verdict:?} by {code}: {judgement:?}");
}

#[test]
fn a_native_nvme_drive_that_takes_no_command_does_not_answer() {
    for error in ["Input/output error", "No such device", "Interrupted system call"] {
        let words = |what: &str| format!("Read NVMe {what} failed: NVME_IOCTL_ADMIN_CMD: {error}");
        let nobody = words("Identify Controller");
        is(&judged(text("x86_64-linux-5.15.0", &nobody)), Verdict::Failed, "device-unreadable");
        let mut named = complaining("nvme", "NVMe", &words("SMART/Health Information"));
        named["model_name"] = json!("KIOXIA KCD61LUL3T84");
        named["smartctl"]["exit_status"] = json!(4);
        is(&judged(named.to_string()), Verdict::Failed, "device-unreadable");
    }
    let refused = "Read NVMe SMART/Health Information failed: NVME_IOCTL_ADMIN_CMD: Invalid argument";
    let judgement = judged(complaining("nvme", "NVMe", refused).to_string());
    assert_eq!(judgement.verdict, Verdict::Error, "{judgement:?}");
    assert!(!gives(&judgement, "platform-raid"), "{judgement:?}");
}

#[test]
fn a_health_log_that_was_refused_is_not_cut_off() {
    let said = "=== START OF INFORMATION SECTION ===\nModel Number:                       SAMSUNG MZQL2960HCJR-00A07\n\
                NVMe Version:                       1.4\n\n=== START OF SMART DATA SECTION ===\n\
                Read NVMe SMART/Health Information failed: NVME_IOCTL_ADMIN_CMD: Input/output error\n";
    let judgement = judged(text("x86_64-linux-5.15.0", said));
    is(&judgement, Verdict::Failed, "device-unreadable");
    assert!(!gives(&judgement, "report-cut"), "{judgement:?}");
}

#[test]
fn an_optical_drive_that_speaks_ata_is_no_disk() {
    let said = format!(
        "=== START OF INFORMATION SECTION ===\nDevice Model:     HL-DT-ST DVDRAM GH24NSC0\n\
         SMART support is: Unavailable - Packet Interface Devices [this device: CD/DVD] don't support ATA SMART\n{MANDATORY}"
    );
    is(&judged(text("x86_64-linux-5.15.0", &said)), Verdict::NotSupported, "not-a-disk");
}

#[test]
fn an_unreadable_optional_log_of_nvme_says_nothing_of_a_drive_whose_health_is_known() {
    let said = "Read Error Information Log failed: NVME_IOCTL_ADMIN_CMD: Input/output error";
    let mut document = complaining("nvme", "NVMe", said);
    document["smart_status"] = json!({ "passed": true, "nvme": { "value": 0 } });
    document["nvme_smart_health_information_log"] =
        json!({ "critical_warning": 0, "available_spare": 100, "available_spare_threshold": 10, "media_errors": 0 });
    assert!(!gives(&judged(document.to_string()), "device-unreadable"));
}

#[test]
fn the_driver_of_a_platforms_raid_is_known_by_what_windows_was_asked() {
    let said = "Read NVMe Identify Controller failed: IOCTL_STORAGE_QUERY_PROPERTY(NVMe) failed, Error=1";
    is(&judged(text("x86_64-w64-mingw32-w11-b22621", said)), Verdict::Error, "platform-raid");
}

#[test]
fn a_usb_bridge_that_refuses_is_no_platform_raid() {
    let said = "Read NVMe Identify Controller failed: IOCTL_SCSI_PASS_THROUGH_DIRECT failed, Error=1117";
    for output in [complaining("sntjmicron", "NVMe", said).to_string(), text("x86_64-w64-mingw32-w11-b26200", said)] {
        let judgement = judged(&output);
        is(&judgement, Verdict::NotSupported, "usb-bridge-silent");
        assert!(judgement.reasons[0].next.contains("-d sntjmicron"), "{judgement:?}");
    }
    let open = "Smartctl open device: /dev/sdc [USB NVMe Realtek] failed: IOCTL_SCSI_PASS_THROUGH failed, Error=31";
    is(&judged(text("x86_64-w64-mingw32-w11-b26200", open)), Verdict::NotSupported, "usb-bridge-silent");
}

const MANDATORY: &str =
    "A mandatory SMART command failed: exiting. To continue, add one or more '-T permissive' options.";

#[test]
fn an_emulated_disk_without_smart_is_left_out_although_smartctl_stops_there() {
    for model in ["VBOX HARDDISK", "Virtual HD", "VMware Virtual SATA Hard Drive"] {
        let said = format!(
            "=== START OF INFORMATION SECTION ===\nDevice Model:     {model}\nFirmware Version: 1.0\n\
             ATA Version is:   ATA/ATAPI-6 published, ANSI INCITS 361-2002\n\
             SMART support is: Unavailable - device lacks SMART capability.\n\n{MANDATORY}"
        );
        is(&judged(text("x86_64-linux-5.15.0", &said)), Verdict::NotSupported, "no-smart");
        let mut document = complaining("sat", "ATA", MANDATORY);
        document["model_name"] = json!(model);
        document["smart_support"] = json!({ "available": false });
        document["smartctl"]["exit_status"] = json!(4);
        is(&judged(document.to_string()), Verdict::NotSupported, "no-smart");
        document["smart_support"] = json!({ "available": true, "enabled": true });
        assert_eq!(judged(document.to_string()).verdict, Verdict::Error, "{model} has SMART and does not tell it");
    }
    let mut dying = complaining("sat", "ATA", MANDATORY);
    dying["model_name"] = json!("WDC WD20EARX-00PASB0");
    dying["smart_support"] = json!({ "available": false });
    assert_eq!(judged(dying.to_string()).verdict, Verdict::Error, "a drive whose IDENTIFY may be damaged");
}

#[test]
fn a_device_that_may_not_be_opened_is_told_as_that_by_every_build_and_platform() {
    let windows = r"Smartctl open device: /dev/sdc [USB NVMe Realtek] failed: \\.\PhysicalDrive2: Open failed, Error=5";
    let access = r"Smartctl open device: /dev/sda failed: \\.\PhysicalDrive0: Access is denied";
    for (said, code) in [
        (windows, "permission-denied"),
        (access, "permission-denied"),
        ("Smartctl open device: /dev/disk0 failed: Operation not permitted", "permission-denied"),
        ("Smartctl open device: /dev/ada0 failed: Permission denied", "permission-denied"),
        (r"Smartctl open device: /dev/sda failed: \\.\PhysicalDrive0: Open failed, Error=53", "open-failed"),
        ("Smartctl open device: /dev/ada0 failed: Device busy", "open-failed"),
        ("Smartctl open device: /dev/nvme3 failed: No such device", "device-missing"),
    ] {
        let early =
            format!("smartctl pre-7.4 (build date Nov 30 2023) [i686-pc-mingw32-w10] (local build)\n\n{said}\n");
        for output in [text("i686-pc-mingw32-w10", said), early, format!("{said}\n")] {
            is(&judged(&output), Verdict::Error, code);
        }
    }
}
