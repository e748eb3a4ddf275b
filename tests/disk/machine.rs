//! A machine of copied files, and a smartctl that answers from files.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::program::{Finished, Program};

/// The machine.
pub(crate) struct Machine {
    home: TempDir,
}

impl Machine {
    /// One without disks.
    pub(crate) fn new() -> Machine {
        let machine = Machine { home: tempfile::tempdir().expect("a temporary directory") };
        let program = machine.smartctl();
        machine.write("fake/scan.json", &json!({"smartctl": {"exit_status": 0}}).to_string());
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/fake-smartctl");
        fs::copy(source, &program).expect("the fake smartctl");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("one's own file");
        machine.write("root/sys/class/block/.keep", "");
        machine
    }

    /// With one disk, which smartctl reads as this.
    pub(crate) fn with(name: &str, report: &Value) -> Machine {
        let machine = Machine::new();
        machine.disk(name, report);
        machine
    }

    /// The fake program.
    pub(crate) fn smartctl(&self) -> PathBuf {
        self.home.path().join("fake/smartctl")
    }

    /// A place for files of the test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Adds a disk that the kernel lists.
    pub(crate) fn disk(&self, name: &str, report: &Value) {
        let place = format!("root/sys/class/block/{name}");
        for (key, text) in
            [("dev", "8:0"), ("size", "2048"), ("ro", "0"), ("removable", "0"), ("queue/rotational", "1")]
        {
            self.write(&format!("{place}/{key}"), text);
        }
        let (above, node) = match name.strip_prefix("nvme").and_then(|rest| rest.split_once('n')) {
            Some((number, _)) => (format!("nvme{number}"), format!("/dev/nvme{number}")),
            None => (format!("{name}-device"), format!("/dev/{name}")),
        };
        let device = self.home.path().join("root/sys/devices").join(&above);
        fs::create_dir_all(&device).expect("a directory");
        symlink(format!("/sys/devices/{above}"), self.home.path().join(&place).join("device")).expect("a link");
        self.answer(&node, "x", report);
    }

    /// Puts a disk below a SCSI host.
    pub(crate) fn hang_on(&self, name: &str, host: &str) {
        let device = format!("/sys/devices/{host}/target0/{name}-device");
        fs::create_dir_all(self.home.path().join("root").join(&device[1..])).expect("a directory");
        let link = self.home.path().join("root/sys/class/block").join(name).join("device");
        fs::remove_file(&link).expect("the link of the disk");
        symlink(device, link).expect("a link");
    }

    /// A link in the machine.
    pub(crate) fn link(&self, path: &str, target: &str) {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().expect("a path in the machine")).expect("a directory");
        symlink(target, path).expect("a link");
    }

    /// What smartctl answers about a device: `x`, `look`, `look.1` …
    pub(crate) fn answer(&self, device: &str, answer: &str, report: &Value) {
        self.write(&format!("fake/{}/{answer}.json", device.replace('/', "_")), &format!("{report:#}"));
    }

    /// How smartctl misbehaves instead.
    pub(crate) fn mode(&self, device: &str, answer: &str, mode: &str) {
        self.write(&format!("fake/{}/{answer}.mode", device.replace('/', "_")), mode);
    }

    /// What `--scan-open` finds: nodes and types.
    pub(crate) fn scan(&self, found: &[(&str, &str)]) {
        let devices: Vec<Value> = found.iter().map(|(node, kind)| json!({"name": node, "type": kind})).collect();
        self.write("fake/scan.json", &json!({"smartctl": {"exit_status": 0}, "devices": devices}).to_string());
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().expect("a path in the machine")).expect("a directory");
        fs::write(path, text).expect("a small file");
    }

    /// All that smartctl was asked, a line a call.
    pub(crate) fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("fake/log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// How often smartctl was asked with this word.
    pub(crate) fn count(&self, word: &str) -> usize {
        self.calls().iter().filter(|call| call.split(' ').any(|one| one == word)).count()
    }

    /// `shakedown disk VERB` on this machine.
    pub(crate) fn program(&self, verb: &str) -> Program {
        let root = self.home.path().join("root");
        let program = Program::new("disk").env("SHAKEDOWN_STATE_DIR", self.home.path().join("state"));
        program.arg(verb).arg("--smartctl").arg(self.smartctl()).arg("--root").arg(root)
    }

    /// `shakedown disk test ARGUMENTS --format json`, looking as often as can be.
    pub(crate) async fn test(&self, arguments: &[&str]) -> Outcome {
        let program = self.program("test").args(["--poll", "0.02", "--format", "json"]).args(arguments);
        Outcome::of(program.finish().await)
    }
}

/// What came of a test.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) finished: Finished,
    pub(crate) document: Value,
}

impl Outcome {
    pub(crate) fn of(finished: Finished) -> Outcome {
        let document = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        Outcome { finished, document }
    }

    pub(crate) fn code(&self) -> i32 {
        self.finished.code.expect("it ended by itself")
    }

    /// The only disk.
    pub(crate) fn disk(&self) -> &Value {
        let disks = self.document["disks"].as_array().expect("a list");
        assert_eq!(disks.len(), 1, "{disks:?}");
        &disks[0]
    }

    pub(crate) fn verdict(&self) -> &str {
        self.disk()["verdict"].as_str().expect("a verdict")
    }

    /// State and reason of the self-test.
    pub(crate) fn self_test(&self) -> (&str, &str) {
        let ending = &self.disk()["self_test"];
        (ending["state"].as_str().expect("a state"), ending["reason"].as_str().expect("a reason"))
    }

    /// What kept the disk from being judged, and the next step.
    pub(crate) fn problem(&self) -> (&str, &str) {
        let problem = &self.disk()["problem"];
        (problem["what"].as_str().expect("a problem"), problem["next_step"].as_str().expect("a next step"))
    }
}

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/fixtures").join(name);
    serde_json::from_slice(&fs::read(&path).expect("a fixture")).expect("JSON")
}

/// A healthy hard disk with a log of two self-tests.
pub(crate) fn ata() -> Value {
    let mut report = fixture("ata-self-test-running-7.5.json");
    report["ata_smart_data"]["self_test"]["status"] =
        json!({"value": 0, "string": "completed without error", "passed": true});
    with_ata_log(report, &[ata_entry("Extended offline", 0, 4600), ata_entry("Short offline", 0, 4500)])
}

/// The same while a test runs.
pub(crate) fn ata_running(remaining: u64) -> Value {
    let mut report = ata();
    report["ata_smart_data"]["self_test"]["status"] =
        json!({"value": 240 + remaining / 10, "string": "in progress", "remaining_percent": remaining});
    report
}

/// The same after a test.
pub(crate) fn ata_after(status: u64, kind: &str) -> Value {
    let mut report = ata();
    report["ata_smart_data"]["self_test"]["status"] = json!({"value": status, "string": "as it ended"});
    let mut log = vec![ata_entry(kind, status, 4711)];
    log.extend([ata_entry("Extended offline", 0, 4600), ata_entry("Short offline", 0, 4500)]);
    with_ata_log(report, &log)
}

pub(crate) fn ata_entry(kind: &str, status: u64, hours: u64) -> Value {
    let text = match status >> 4 {
        0 => "Completed without error",
        1 => "Aborted by host",
        2 => "Interrupted (host reset)",
        7 => "Completed: read failure",
        _ => "Completed: unknown failure",
    };
    json!({"type": {"string": kind}, "status": {"value": status, "string": text}, "lifetime_hours": hours})
}

pub(crate) fn with_ata_log(mut report: Value, entries: &[Value]) -> Value {
    report["ata_smart_self_test_log"] = json!({"standard": {"table": entries, "count": entries.len()}});
    report
}

/// A healthy NVMe drive with a log of two self-tests, idle or with this percentage done.
pub(crate) fn nvme(done: Option<u64>) -> Value {
    let mut report = fixture("nvme-self-test-passed-7.5.json");
    if let Some(done) = done {
        let log = &mut report["nvme_self_test_log"];
        log["current_self_test_operation"] = json!({"value": 1, "string": "Short self-test in progress"});
        log["current_self_test_completion_percent"] = done.into();
    }
    report
}

/// The same after one more short test with this result.
pub(crate) fn nvme_after(result: u64, text: &str) -> Value {
    let mut report = nvme(None);
    let entry = json!({"self_test_code": {"value": 1, "string": "Short"},
        "self_test_result": {"value": result, "string": text}, "power_on_hours": 8756});
    report["nvme_self_test_log"]["table"].as_array_mut().expect("a table").insert(0, entry);
    report
}

/// A SAS disk with these entries in its log, as smartctl 7.3 to 7.5 tell them.
pub(crate) fn sas(entries: &[(u64, &str)]) -> Value {
    let mut report = fixture("scsi-well-7.5.json");
    report["smart_support"] = json!({"available": true, "enabled": true});
    report["scsi_grown_defect_list"] = 0.into();
    report["scsi_extended_self_test_seconds"] = 6429.into();
    for (number, (result, text)) in entries.iter().enumerate() {
        report[format!("scsi_self_test_{number}")] = json!({"code": {"value": 1, "string": "Background short"},
            "result": {"value": result, "string": text}, "power_on_time": {"hours": 100 - number}});
    }
    report
}

/// A virtio disk.
pub(crate) fn virtio() -> Value {
    fixture("virtio-7.3.json")
}

/// A volume of a RAID controller.
pub(crate) fn volume() -> Value {
    fixture("raid-volume-7.5.json")
}

/// With a serial number of its own.
pub(crate) fn serial(mut report: Value, serial: &str) -> Value {
    report["serial_number"] = serial.into();
    report
}
