//! The health of drives, which no news tells: a smartctl that answers from files, since no drive here can die.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};

use crate::machine::{Machine, deployed};
use crate::support::program::Running;
use crate::support::{LIMIT, until};

const SELDOM: &str = "604800";
const HEALTHY: &str = "ata-self-test-running-7.5.json";
const DEGRADED: &str = "ata-pending-7.5.json";
const FAILING: &str = "ata-attribute-failing-7.5.json";

/// The drive `sda` of a machine, and the program that asks it.
struct Drive {
    place: PathBuf,
}

impl Drive {
    fn of(machine: &Machine, fixture: &str) -> Drive {
        let place = machine.path("fake");
        fs::create_dir_all(place.join("_dev_sda")).expect("a directory");
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(project.join("tests/support/fake-smartctl"), place.join("smartctl")).expect("the fake smartctl");
        fs::set_permissions(place.join("smartctl"), fs::Permissions::from_mode(0o755)).expect("one's own file");
        fs::write(place.join("scan.json"), json!({"smartctl": {"exit_status": 0}}).to_string()).expect("a file");
        let drive = Drive { place };
        drive.becomes(fixture);
        drive
    }

    /// From now on it is as a fixture says. It is the same drive throughout.
    fn becomes(&self, fixture: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/fixtures").join(fixture);
        let mut report: Value = serde_json::from_slice(&fs::read(path).expect("a fixture")).expect("JSON");
        report["model_name"] = "DRIVE".into();
        report["serial_number"] = "D1".into();
        self.answers(&report);
    }

    /// The answer is there whole or not at all: the service reads it meanwhile.
    fn answers(&self, report: &Value) {
        fs::write(self.place.join("new"), report.to_string()).expect("a file");
        fs::rename(self.place.join("new"), self.place.join("_dev_sda/x.json")).expect("it can be moved");
    }

    fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.place.join("log")).unwrap_or_default();
        log.lines().filter(|call| call.contains("sda")).map(str::to_owned).collect()
    }

    /// Waits until it was asked anew, and what it said then was dealt with: the next question comes after that.
    async fn is_asked_twice(&self) {
        let before = self.calls().len();
        until("the drive was asked", || self.calls().len() >= before + 3).await;
    }
}

/// The service, which asks drives every second.
async fn watch(machine: &Machine) -> Running {
    machine.watch_with(SELDOM, &["--disks-every", "1"], "fake/smartctl").await
}

/// What the region has as an error.
fn errors(region: &Sandbox) -> Vec<String> {
    let events = region.events().into_iter().filter(|event| event.type_name == "NODE_POST_INSTALL_EVENT_FAILED");
    events.map(|event| event.description).collect()
}

fn script_lists(region: &Sandbox) -> usize {
    region.requests().iter().filter(|request| request["path"].as_str().unwrap_or_default().contains("scripts")).count()
}

#[tokio::test]
async fn a_fault_that_the_kernel_logs_is_told_once_and_the_region_has_it_as_an_error() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, HEALTHY);
    let log = machine.path("root/dev/kmsg");
    fs::create_dir_all(log.parent().expect("a parent")).expect("a directory");
    let quiet = "6,1,1000000,-;usb 1-1: new high-speed USB device number 2 using xhci_hcd\n";
    fs::write(&log, quiet).expect("a file");
    let _service = watch(&machine).await;
    drive.is_asked_twice().await;
    assert_eq!(errors(&region), [""; 0]);
    let fault = "4,2,9000000,-;EDAC MC0: 1 UE memory read error on CPU0_DIMM_A1 (channel:0 slot:0 page:0x1)\n";
    fs::write(&log, format!("{quiet}{fault}")).expect("a file");
    until("the region has it", || !errors(&region).is_empty()).await;
    drive.is_asked_twice().await;
    let errors = errors(&region);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("memory-uncorrected of CPU0_DIMM_A1 on node"), "{errors:?}");
}

#[tokio::test]
async fn a_drive_that_begins_to_fail_is_told_once_and_the_region_has_it_as_an_error() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, HEALTHY);
    let service = watch(&machine).await;
    drive.is_asked_twice().await;
    assert_eq!((machine.changes(), errors(&region)), (vec![], vec![]));
    let lists = script_lists(&region);
    drive.becomes(FAILING);
    until("the region has it", || !errors(&region).is_empty()).await;
    let told = machine.changes();
    assert!(told[0].starts_with("block device sda (DRIVE, serial number D1) is failing on node "), "{told:?}");
    assert!(told[0].contains("Next: "), "{told:?}");
    assert!(errors(&region)[0].contains(&told[0]), "{:?}", errors(&region));
    drive.is_asked_twice().await;
    service.signal(Signal::SIGTERM);
    service.finish(LIMIT).await;
    let service = watch(&machine).await;
    drive.is_asked_twice().await;
    assert_eq!((machine.changes().len(), errors(&region).len()), (1, 1), "it is told again");
    let local = machine.events_of(&[("level", "ERROR")]);
    assert_eq!(local.iter().map(|event| &event.description).collect::<Vec<_>>(), [&told[0]]);
    assert_eq!(script_lists(&region), lists, "for this no script has to run");
    assert_eq!(region.node_status(), NodeStatus::Deployed);
    drop(service);
}

#[tokio::test]
async fn a_drive_that_gets_worse_and_worse_is_told_at_each_step_and_only_its_failing_is_an_error() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, DEGRADED);
    let _service = watch(&machine).await;
    until("it is told", || machine.changes().len() == 1).await;
    until("the region has it", || region.events().iter().any(|event| event.description.contains("is degraded"))).await;
    assert_eq!(errors(&region), [""; 0]);
    drive.becomes(FAILING);
    until("the region has it", || !errors(&region).is_empty()).await;
    drive.becomes(DEGRADED);
    drive.is_asked_twice().await;
    drive.becomes(FAILING);
    drive.is_asked_twice().await;
    let told = machine.changes();
    assert_eq!((told.len(), errors(&region).len()), (2, 1), "{told:?}");
    assert!(told[0].contains("is degraded") && told[1].contains("is failing"), "{told:?}");
}

#[tokio::test]
async fn a_region_that_is_away_hears_of_a_failing_drive_when_it_is_back() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, HEALTHY);
    let service = watch(&machine).await;
    region.inject(Fault::new("POST", 10_000, Action::Answer(503, "away".into())));
    drive.becomes(FAILING);
    until("it is told here", || machine.changes().len() == 1).await;
    service.signal(Signal::SIGKILL);
    service.finish(LIMIT).await;
    assert_eq!(errors(&region), [""; 0]);
    region.clear_faults();
    let _service = watch(&machine).await;
    until("the region has it", || errors(&region).len() == 1).await;
}

#[tokio::test]
async fn a_drive_that_sleeps_is_neither_woken_nor_judged() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, FAILING);
    drive.answers(&json!({
        "json_format_version": [1, 0],
        "smartctl": {
            "version": [7, 3],
            "messages": [{"string": "Device is in STANDBY mode, exit(2)", "severity": "information"}],
            "exit_status": 2,
        },
        "device": {"name": "/dev/sda", "info_name": "/dev/sda [SAT]", "type": "sat", "protocol": "ATA"},
    }));
    let _service = watch(&machine).await;
    drive.is_asked_twice().await;
    assert!(drive.calls().iter().all(|call| call.contains("-n standby")), "{:?}", drive.calls());
    assert_eq!((machine.changes(), errors(&region)), (vec![], vec![]));
    drive.becomes(FAILING);
    until("the region has it", || errors(&region).len() == 1).await;
}

#[tokio::test]
async fn a_drive_that_comes_is_asked_without_waiting_for_the_next_turn() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, HEALTHY);
    let _service = machine.watch_with(SELDOM, &["--disks-every", "600000"], "fake/smartctl").await;
    until("it was asked", || drive.calls().len() == 1).await;
    machine.plug("sdb", "SECOND");
    machine.tell_of_disk("add", "sdb");
    until("it was asked again", || drive.calls().len() > 1).await;
}

#[tokio::test]
async fn a_drive_that_is_pulled_out_while_it_is_asked_is_not_told_as_failing() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, FAILING);
    machine.plug("sdb", "SECOND");
    fs::create_dir_all(drive.place.join("_dev_sdb")).expect("a directory");
    let report = fs::read_to_string(drive.place.join("_dev_sda/x.json")).expect("a report");
    fs::write(drive.place.join("_dev_sdb/x.json"), report.replace("\"D1\"", "\"D2\"")).expect("a file");
    fs::write(drive.place.join("_dev_sda/x.mode"), "sleep 2").expect("a file");
    let _service = watch(&machine).await;
    until("it was asked", || !drive.calls().is_empty()).await;
    machine.unplug("sda");
    until("the region has the other one", || !errors(&region).is_empty()).await;
    let failing: Vec<_> = machine.changes().into_iter().filter(|told| told.contains("is failing")).collect();
    assert!(failing.len() == 1 && failing[0].contains("sdb"), "{failing:?}");
    assert!(errors(&region).iter().all(|told| !told.contains("sda")), "{:?}", errors(&region));
}

#[tokio::test]
async fn of_several_drives_only_the_one_that_fails_is_told_and_once() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, HEALTHY);
    let of = |fixture: &str, serial: &str| -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/fixtures").join(fixture);
        let mut report: Value = serde_json::from_slice(&fs::read(path).expect("a fixture")).expect("JSON");
        report["serial_number"] = serial.into();
        report
    };
    // A small solid state drive, an emulated disk whose controller fails every command, and a drive that is reached by two paths.
    let mut small = of(HEALTHY, "SMALL");
    small["model_name"] = "RIG SSD 1000".into();
    small["user_capacity"] = json!({"bytes": 1_073_741_824});
    small["rotation_rate"] = 0.into();
    let silent = json!({
        "smartctl": {"version": [7, 4], "argv": ["smartctl", "--json=o", "-x", "/dev/sdc"], "exit_status": 2,
            "output": ["=== START OF INFORMATION SECTION ===", "device Test Unit Ready  [medium or hardware error (serious)]"]},
        "device": {"name": "/dev/sdc", "type": "scsi", "protocol": "SCSI"}, "scsi_vendor": "RIGCORP", "scsi_product": "SAS DISK",
        "scsi_revision": "2.5+", "serial_number": "SILENT", "rotation_rate": 15000, "device_type": {"name": "disk"},
    });
    let mut path = of(FAILING, "PATHS");
    path["wwn"] = json!({"naa": 5, "oui": 3152, "id": 17});
    for (name, serial, report) in
        [("sdb", "SMALL", &small), ("sdc", "SILENT", &silent), ("sdd", "PATHS", &path), ("sde", "PATHS", &path)]
    {
        machine.plug(name, serial);
        let place = drive.place.join(format!("_dev_{name}"));
        fs::create_dir_all(&place).expect("a directory");
        fs::write(place.join("x.json"), report.to_string()).expect("a file");
    }
    let _service = watch(&machine).await;
    until("the region has it", || !errors(&region).is_empty()).await;
    drive.is_asked_twice().await;
    let health: Vec<_> =
        machine.changes().into_iter().filter(|told| told.contains("is failing") || told.contains("degraded")).collect();
    assert!(health.len() == 1 && health[0].contains("serial number PATHS"), "{health:?}");
    assert_eq!(errors(&region).len(), 1, "{:?}", errors(&region));
}

#[tokio::test]
async fn a_drive_that_hangs_keeps_no_change_from_being_told() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, HEALTHY);
    fs::write(drive.place.join("_dev_sda/x.mode"), "hang").expect("a file");
    let service = watch(&machine).await;
    until("it was asked", || !drive.calls().is_empty()).await;
    machine.plug("sdb", "SECOND");
    machine.tell_of_disk("add", "sdb");
    until("the change is told", || machine.changes().len() == 1).await;
    service.signal(Signal::SIGTERM);
    assert_eq!(service.finish(LIMIT).await.code, Some(0), "and it can be stopped");
}

#[tokio::test]
async fn without_smartctl_it_says_once_that_the_disks_are_not_watched() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let service = machine.watch_with(SELDOM, &["--disks-every", "1"], "absent").await;
    let pulses = machine.count("WATCHDOG=1");
    until("some seconds have passed", || machine.count("WATCHDOG=1") > pulses + 35).await;
    service.signal(Signal::SIGTERM);
    let said = service.finish(LIMIT).await.stderr;
    assert_eq!(said.matches("the health of the disks is not watched").count(), 1, "{said}");
    assert_eq!(machine.changes(), [""; 0]);
}

#[tokio::test]
async fn a_site_can_have_the_disks_left_alone() {
    let region = deployed().await;
    let machine = Machine::new(&region);
    let drive = Drive::of(&machine, FAILING);
    let words = ["--set", "watch.disks_every_minutes=0"];
    let _service = machine.watch_with(SELDOM, &words, "fake/smartctl").await;
    let pulses = machine.count("WATCHDOG=1");
    until("some time has passed", || machine.count("WATCHDOG=1") > pulses + 20).await;
    assert_eq!(drive.calls(), [""; 0]);
}
