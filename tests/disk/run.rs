//! What is said of disks, and of a smartctl that does not do its work.

use serde_json::{Value, json};

use crate::machine::{Machine, Outcome, ata, nvme, sas, serial, virtio, volume};
use crate::ocp_schema::faults;
use crate::support::program::Program;
use crate::support::{LIMIT, Marker, until};

#[tokio::test]
async fn validation_asks_once_and_starts_stops_and_sets_nothing() {
    let machine = Machine::with("sda", &ata());
    let outcome = machine.test(&["/dev/sda"]).await;
    assert_eq!((outcome.verdict(), outcome.code(), outcome.self_test().0), ("healthy", 0, "not-asked"), "{outcome:?}");
    assert_eq!(machine.calls(), ["--json=o -x /dev/sda"]);
}

#[tokio::test]
async fn output_for_other_programs_is_valid_whatever_the_disks_are() {
    let mut bad = ata();
    bad["smart_status"]["passed"] = json!(false);
    for (report, mode, result, verdict) in [
        (ata(), None, "PASS", "disk-healthy"),
        (bad, None, "FAIL", "disk-failed"),
        (virtio(), None, "NOT_APPLICABLE", "disk-not-supported"),
        (ata(), Some("hang"), "NOT_APPLICABLE", "disk-error"),
    ] {
        let machine = Machine::with("sda", &report);
        if let Some(mode) = mode {
            machine.mode("/dev/sda", "x", mode);
        }
        let program = machine.program("test").args(["sda", "--format", "ocp", "--call-limit", "1"]);
        let finished = program.finish().await;
        assert_eq!(faults(&finished.stdout), Vec::<String>::new(), "{}", finished.stdout);
        let last = finished.stdout.lines().last().expect("a line");
        assert!(last.contains(&format!("\"result\":\"{result}\"")), "{finished:?}");
        assert!(finished.stdout.contains(&format!("\"verdict\":\"{verdict}\"")), "{finished:?}");
    }
}

#[tokio::test]
async fn a_disk_without_smart_is_neither_passed_nor_failed() {
    let machine = Machine::with("vda", &virtio());
    for test in ["validate", "short"] {
        let outcome = machine.test(&["vda", "--test", test]).await;
        assert_eq!((outcome.verdict(), outcome.code()), ("not-supported", 0), "{outcome:?}");
    }
    assert_eq!(machine.count("-t"), 0);
}

#[tokio::test]
async fn whatever_smartctl_does_wrong_is_an_error_with_a_next_step() {
    for (mode, said) in [
        ("flood", "printed more than"),
        ("cut", "cut off"),
        ("killed", "killed by signal 11"),
        ("absent", "exit status 127"),
        ("hang", "no answer within 1 s"),
        ("deaf", "no answer within 1 s"),
    ] {
        let machine = Machine::with("sda", &ata());
        machine.mode("/dev/sda", "x", mode);
        for test in ["validate", "short"] {
            let outcome = machine.test(&["sda", "--test", test, "--call-limit", "1"]).await;
            assert_eq!((outcome.verdict(), outcome.code()), ("error", 3), "{mode}: {outcome:?}");
            let (what, next_step) = outcome.problem();
            assert!(what.contains(said) && !next_step.is_empty(), "{mode}: {outcome:?}");
            assert!(outcome.finished.peak_kib < 100 << 10, "{mode}: {} KiB", outcome.finished.peak_kib);
        }
        assert_eq!(machine.count("-t"), 0, "{mode}");
    }
}

#[tokio::test]
async fn a_smartctl_that_is_not_there_or_cannot_be_run_is_an_error_with_a_next_step() {
    let machine = Machine::with("sda", &ata());
    machine.write("text", "no program");
    for (path, said) in [("nowhere", "there is no"), ("text", "cannot be run"), ("root", "cannot be run")] {
        let program = machine.program("test").env("SHAKEDOWN_SMARTCTL", "").args(["sda", "--format", "json"]);
        let finished = program.arg(format!("--smartctl={}", machine.path(path).display())).finish().await;
        assert_eq!(finished.code, Some(2), "an option given twice is a wrong command line: {finished:?}");
        let root = machine.path("root");
        let program = Program::new("disk").args(["test", "sda", "--format", "json", "--root"]).arg(root);
        let outcome = Outcome::of(program.arg("--smartctl").arg(machine.path(path)).finish().await);
        assert_eq!((outcome.verdict(), outcome.code()), ("error", 3), "{outcome:?}");
        assert!(outcome.problem().0.contains(said) && !outcome.problem().1.is_empty(), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_drive_with_bytes_in_its_model_that_are_no_text_is_judged() {
    let machine = Machine::with("sda", &ata());
    machine.mode("/dev/sda", "x", "latin1");
    let outcome = machine.test(&["sda"]).await;
    assert_eq!((outcome.verdict(), outcome.code()), ("healthy", 0), "{outcome:?}");
    assert!(outcome.disk()["model"].as_str().is_some_and(|model| model.contains('\u{fffd}')), "{outcome:?}");
}

#[tokio::test]
async fn a_disk_that_may_not_be_opened_says_so_first() {
    let report = serde_json::from_slice(&crate::fixture("ata-permission-7.1.json")).expect("JSON");
    let machine = Machine::with("sda", &report);
    for test in ["validate", "short"] {
        let finished = machine.program("test").args(["sda", "--test", test]).finish().await;
        assert_eq!(finished.code, Some(3), "{finished:?}");
        let first = finished.stdout.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: /dev/sda: smartctl was not allowed to open the device"), "{first}");
    }
    assert_eq!(machine.count("-t"), 0);
}

#[tokio::test]
async fn one_bad_disk_spoils_nothing_of_the_others() {
    let machine = Machine::with("sda", &ata());
    machine.disk("sdb", &ata());
    machine.mode("/dev/sdb", "x", "cut");
    machine.disk("nvme0n1", &nvme(None));
    let outcome = machine.test(&["sda", "sdb", "sdz", "nvme0n1"]).await;
    let verdicts: Vec<&Value> =
        outcome.document["disks"].as_array().expect("a list").iter().map(|disk| &disk["verdict"]).collect();
    assert_eq!(verdicts, ["healthy", "error", "error", "healthy"]);
    assert_eq!((outcome.code(), &outcome.document["verdict"]), (3, &json!("error")));
}

#[tokio::test]
async fn a_partition_and_what_is_not_there_are_told_by_name() {
    let machine = Machine::with("sda", &ata());
    machine.write("root/sys/devices/sda-device/block/sda/sda1/partition", "1");
    std::os::unix::fs::symlink("/sys/devices/sda-device/block/sda/sda1", machine.path("root/sys/class/block/sda1"))
        .expect("a link");
    let outcome = machine.test(&["/dev/sda1"]).await;
    assert_eq!((outcome.verdict(), outcome.code()), ("error", 3), "{outcome:?}");
    assert_eq!(outcome.problem().0, "/dev/sda1 is a partition: test the whole disk, /dev/sda");
    let outcome = machine.test(&["sdz"]).await;
    assert_eq!(outcome.problem().0, "there is no sdz on this machine; there is /dev/sda");
    assert!(machine.calls().is_empty(), "smartctl is not asked about what is no disk");
}

#[tokio::test]
async fn all_disks_are_tested_also_those_behind_controllers_and_none_twice() {
    let machine = Machine::with("sda", &volume());
    machine.disk("sdb", &serial(ata(), "SHOWN"));
    machine.write("root/run/udev/data/b8:0", "");
    machine.scan(&[
        ("/dev/sda", "scsi"),
        ("/dev/bus/6", "megaraid,8"),
        ("/dev/bus/6", "megaraid,9"),
        ("/dev/bus/6", "megaraid,8"),
        ("/dev/sdb", "sat"),
    ]);
    machine.answer("/dev/bus/6+megaraid,8", "x", &serial(ata(), "BEHIND8"));
    machine.answer("/dev/bus/6+megaraid,9", "x", &serial(ata(), "BEHIND9"));
    let outcome = machine.test(&["--all"]).await;
    let disks: Vec<(&str, &str)> = outcome.document["disks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|disk| (disk["device"].as_str().expect("a name"), disk["verdict"].as_str().expect("a verdict")))
        .collect();
    let expected = [
        ("/dev/sda", "not-supported"),
        ("/dev/sdb", "healthy"),
        ("/dev/bus/6:megaraid,8", "healthy"),
        ("/dev/bus/6:megaraid,9", "healthy"),
    ];
    assert_eq!(disks, expected);
    assert!(machine.calls().contains(&"--json=o -x -d megaraid,8 /dev/bus/6".to_owned()), "{:?}", machine.calls());
}

/// So an emulated controller does; a real volume of one disk may.
#[tokio::test]
async fn a_volume_with_the_serial_number_of_its_disk_does_not_stand_for_it() {
    let machine = Machine::with("sda", &serial(volume(), "SAME"));
    machine.hang_on("sda", "host6");
    machine.disk("sdb", &serial(ata(), "SHOWN"));
    machine.write("root/sys/devices/host6/target0/sda-device/serial", "SAME");
    machine.write("root/sys/devices/sdb-device/serial", "SHOWN");
    machine.scan(&[("/dev/bus/6", "megaraid,0"), ("/dev/bus/6", "megaraid,1")]);
    let mut failing = serial(ata(), "SAME");
    failing["smart_status"]["passed"] = false.into();
    machine.answer("/dev/bus/6+megaraid,0", "x", &failing);
    machine.answer("/dev/bus/6+megaraid,1", "x", &serial(ata(), "SHOWN"));
    let disks = |document: &Value, key: &str| -> Vec<String> {
        let disks = document["disks"].as_array().expect("a list");
        disks.iter().map(|disk| format!("{} {}", disk["device"].as_str().unwrap_or("-"), disk[key])).collect()
    };
    let outcome = machine.test(&["--all"]).await;
    let expected = ["/dev/sda \"not-supported\"", "/dev/sdb \"healthy\"", "/dev/bus/6:megaraid,0 \"failed\""];
    assert_eq!(disks(&outcome.document, "verdict"), expected);
    let listed = machine.program("list").args(["--format", "json"]).finish().await;
    let listed = disks(&serde_json::from_str(&listed.stdout).expect("JSON"), "serial");
    assert_eq!(listed, ["/dev/sda \"SAME\"", "/dev/sdb \"SHOWN\"", "/dev/bus/6:megaraid,0 \"SAME\""]);
}

#[tokio::test]
async fn a_sata_disk_that_looks_like_scsi_is_asked_in_its_own_language() {
    let plain = json!({"smartctl": {"version": [7, 5], "exit_status": 4, "argv": ["smartctl", "-x", "/dev/sda"]},
        "device": {"name": "/dev/sda", "type": "scsi", "protocol": "SCSI"}, "model_name": "HITACHI", "smart_support": {"available": false}});
    let machine = Machine::with("sda", &plain);
    machine.answer("/dev/sda+sat", "x", &ata());
    let outcome = machine.test(&["sda"]).await;
    assert_eq!((outcome.verdict(), outcome.code()), ("healthy", 0), "{outcome:?}");
    assert_eq!(outcome.disk()["smartctl_device"], "-d sat /dev/sda");
}

#[tokio::test]
async fn a_hanging_smartctl_and_its_children_are_gone_when_the_program_leaves() {
    let machine = Machine::with("sda", &ata());
    let marker = Marker::new();
    let script = format!("#!/bin/sh\ntrap '' TERM\n(trap '' TERM; sleep {0}) &\nsleep {0}\nsleep {0}\n", marker.word());
    machine.write("fake/smartctl", &script);
    let running = machine.program("test").args(["sda", "--format", "json"]).start();
    until("smartctl hangs", || marker.alive().len() == 2).await;
    running.signal(nix::sys::signal::Signal::SIGTERM);
    let outcome = Outcome::of(running.finish(LIMIT).await);
    assert_eq!((outcome.verdict(), outcome.code()), ("error", 130), "{outcome:?}");
    assert_eq!(marker.alive(), [0; 0]);
}

#[tokio::test]
async fn the_list_tells_what_each_disk_can_be_tested_with() {
    let machine = Machine::with("sda", &ata());
    machine.disk("vda", &virtio());
    machine.disk("nvme0n1", &nvme(None));
    let finished = machine.program("list").args(["--format", "json"]).finish().await;
    let list: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let tests: Vec<&Value> = list["disks"].as_array().expect("a list").iter().map(|disk| &disk["tests"]).collect();
    assert_eq!(
        tests,
        [&json!(["validate", "short", "long"]), &json!(["validate", "short", "long", "conveyance"]), &json!([])],
        "{list:#}"
    );
    assert!(machine.calls().iter().all(|call| call.contains("-i -c") || call.contains("--scan-open")));
}

#[tokio::test]
async fn a_disk_that_the_inventory_cannot_tell_of_is_tested_all_the_same() {
    let machine = Machine::with("sda", &ata());
    std::fs::remove_file(machine.path("root/sys/class/block/sda/dev")).expect("without it the inventory knows no disk");
    machine.write("root/sys/block/sda/size", "2048");
    let outcome = machine.test(&["--all"]).await;
    assert_eq!((outcome.verdict(), outcome.code()), ("healthy", 0), "{outcome:?}");
}

#[tokio::test]
async fn two_names_of_one_disk_are_one_disk() {
    let machine = Machine::with("nvme0n1", &nvme(None));
    machine.disk("nvme0n2", &nvme(None));
    let outcome = machine.test(&["nvme0n1", "/dev/nvme0n1", "/dev/nvme0", "nvme0n2"]).await;
    assert_eq!(outcome.verdict(), "healthy", "{outcome:?}");
    assert_eq!(machine.calls(), ["--json=o -x /dev/nvme0"]);
    let outcome = machine.test(&["--all"]).await;
    assert_eq!(outcome.verdict(), "healthy", "both namespaces belong to one controller: {outcome:?}");
}

#[tokio::test]
async fn the_answer_is_told_although_a_file_cannot_be_written() {
    let machine = Machine::with("sda", &ata());
    let program =
        machine.program("test").args(["sda", "--result-path", "/nowhere/result", "--output", "/nowhere/output"]);
    let finished = program.finish().await;
    assert_eq!(finished.code, Some(3));
    assert!(finished.stdout.starts_with("healthy: /dev/sda"), "{finished:?}");
    assert!(finished.stderr.contains("/nowhere/result"), "{finished:?}");
    let file = machine.path("document.json");
    let finished = machine.program("test").arg("sda").arg("--output").arg(&file).finish().await;
    assert_eq!(finished.code, Some(0));
    let document: Value = serde_json::from_slice(&std::fs::read(file).expect("the file")).expect("JSON");
    assert_eq!(document["disks"][0]["verdict"], "healthy");
}

#[tokio::test]
async fn a_policy_decides_what_is_held_against_a_disk() {
    let machine = Machine::with("sda", &nvme(None));
    machine.write("policy.toml", "endurance-used = { limit = 1, counts = \"failed\" }\n");
    let policy = machine.path("policy.toml").display().to_string();
    assert_eq!(machine.test(&["sda", "--policy", &policy]).await.verdict(), "failed");
    assert_eq!(machine.test(&["sda"]).await.verdict(), "healthy");
}

#[tokio::test]
async fn a_page_shows_one_disk() {
    let machine = Machine::with("sda", &ata());
    let finished = machine.program("show").arg("sda").finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("QEMU HARDDISK") && finished.stdout.contains("HEALTHY"), "{finished:?}");
    let finished = machine.program("show").arg("sdz").finish().await;
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stdout.contains("there is no sdz on this machine"), "{finished:?}");
}

/// The installed smartctl is found although `PATH` does not lead to it, and asked about a device that is no disk.
#[tokio::test]
async fn the_real_smartctl_leaves_out_what_is_no_disk() {
    if !crate::support::left_out::unless_root("the installed smartctl") {
        return;
    }
    let installed = ["/usr/sbin/smartctl", "/sbin/smartctl"].iter().any(|path| std::path::Path::new(path).exists());
    let program = Program::new("disk").env("PATH", "/nowhere").args(["test", "/dev/null", "--format", "json"]);
    let outcome = Outcome::of(program.finish().await);
    if installed {
        assert_eq!((outcome.verdict(), outcome.code()), ("not-supported", 0), "{outcome:?}");
    } else {
        assert_eq!((outcome.verdict(), outcome.code()), ("error", 3), "{outcome:?}");
        assert!(outcome.problem().0.contains("not installed"), "{outcome:?}");
    }
}

#[tokio::test]
async fn drives_behind_a_controller_that_no_scan_lists_are_asked_for_by_number() {
    let machine = Machine::with("sda", &volume());
    machine.hang_on("sda", "host3");
    machine.write("root/sys/class/scsi_host/host3/proc_name", "hpsa\n");
    machine.write("root/sys/devices/host3/target3/3:0:0:0/type", "12\n");
    machine.link("root/sys/class/scsi_generic/sg1/device", "/sys/devices/host3/target3/3:0:0:0");
    for number in 0..3 {
        machine.answer(&format!("/dev/sg1+cciss,{number}"), "x", &serial(ata(), &format!("MEMBER{number}")));
    }
    let outcome = machine.test(&["--all"]).await;
    let disks = outcome.document["disks"].as_array().expect("disks");
    let names: Vec<&str> = disks.iter().filter_map(|disk| disk["device"].as_str()).collect();
    assert_eq!(names, ["/dev/sda", "/dev/sg1:cciss,0", "/dev/sg1:cciss,1", "/dev/sg1:cciss,2"], "{outcome:?}");
    let also = disks[0]["also"][0].as_str().expect("what the volume stands for");
    assert!(also.contains("/dev/sg1:cciss,2"), "{also}");
    assert!(machine.count("cciss,3") <= 1, "it asks until there is none, once");
}

/// A volume whose controller fails smartctl's commands in its own name is no dead drive, and its drives are asked.
#[tokio::test]
async fn a_controller_that_answers_with_errors_is_asked_for_its_drives() {
    let dead = serde_json::json!({
        "smartctl": {"version": [7, 4], "argv": ["smartctl", "--json=o", "-x", "/dev/sda"], "exit_status": 2,
            "output": ["=== START OF INFORMATION SECTION ===", "device Test Unit Ready  [medium or hardware error (serious)]"]},
        "device": {"name": "/dev/sda", "type": "scsi", "protocol": "SCSI"},
        "scsi_vendor": "VENDOR", "scsi_product": "BRANDED", "rotation_rate": 15000, "device_type": {"name": "disk"},
    });
    let machine = Machine::with("sda", &dead);
    machine.hang_on("sda", "host6");
    machine.write("root/sys/class/scsi_host/host6/proc_name", "megaraid_sas\n");
    machine.scan(&[("/dev/bus/6", "megaraid,0")]);
    machine.answer("/dev/bus/6+megaraid,0", "x", &serial(ata(), "BEHIND0"));
    let outcome = machine.test(&["sda"]).await;
    let disks = outcome.document["disks"].as_array().expect("disks");
    let found: Vec<_> = disks.iter().map(|disk| (&disk["device"], &disk["verdict"])).collect();
    let expected = [(&json!("/dev/sda"), &json!("error")), (&json!("/dev/bus/6:megaraid,0"), &json!("healthy"))];
    assert_eq!(found, expected, "{outcome:?}");
    let said = disks[0].to_string();
    assert!(said.contains("controller-answers") && said.contains("/dev/bus/6:megaraid,0"), "{said}");
}

/// A SAS disk with this name of its unit.
fn unit(wwn: &str, tested: &[(u64, &str)]) -> serde_json::Value {
    let mut report = serial(sas(tested), "SAME");
    report["logical_unit_id"] = format!("0x{wwn}").into();
    report
}

#[tokio::test]
async fn two_paths_are_one_disk_and_two_units_are_two() {
    let machine = Machine::with("sda", &unit("5000c500aaaaaa01", &[]));
    machine.disk("sdb", &unit("5000c500aaaaaa01", &[]));
    machine.disk("sdc", &unit("6000c500aaaaaa010001000000000000", &[]));
    let outcome = machine.test(&["--all"]).await;
    let disks = outcome.document["disks"].as_array().expect("disks");
    let names: Vec<&str> = disks.iter().filter_map(|disk| disk["device"].as_str()).collect();
    assert_eq!(names, ["/dev/sda", "/dev/sdc"], "{outcome:?}");
    assert!(disks[0]["also"][0].as_str().is_some_and(|also| also.contains("/dev/sdb")), "{outcome:?}");
}

#[tokio::test]
async fn two_paths_of_one_disk_do_one_self_test() {
    let before = [(0, "Completed")];
    let after = [(0, "Completed"), (0, "Completed")];
    let machine = Machine::new();
    for name in ["sda", "sdb"] {
        machine.disk(name, &unit("5000c500aaaaaa01", &before));
        let node = format!("/dev/{name}");
        machine.answer(&node, "look", &unit("5000c500aaaaaa01", &before));
        machine.answer(
            &node,
            "look.1",
            &unit("5000c500aaaaaa01", &[(15, "Self test in progress ..."), (0, "Completed")]),
        );
        machine.answer(&node, "look.2", &unit("5000c500aaaaaa01", &after));
        machine.answer(&node, "x.1", &unit("5000c500aaaaaa01", &after));
    }
    let outcome = machine.test(&["--all", "--test", "short"]).await;
    assert_eq!(machine.count("-t"), 1, "{outcome:?}");
    assert_eq!(outcome.self_test().0, "passed", "{outcome:?}");
}
