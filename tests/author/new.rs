//! Templates.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use shakedown::host::Host;
use shakedown::script::lint::{Level, lint};
use shakedown::script::{Header, ScriptType};

use super::support::program::Program;

const KINDS: [&str; 4] = ["commissioning", "testing", "release", "deployment"];
const HARDWARE: [&str; 6] = ["node", "cpu", "memory", "storage", "network", "gpu"];

#[tokio::test(flavor = "multi_thread")]
async fn every_template_has_no_fault_and_passes() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let host = Host::live();
    for kind in KINDS {
        for hardware in HARDWARE {
            let path = home.path().join(format!("{kind}-{hardware}"));
            let new =
                Program::new("new").args(["test", "my-look", "--type", kind, "--hardware", hardware, "-o"]).arg(&path);
            let run = new.finish().await;
            assert!(run.code == Some(0) && run.stderr.is_empty(), "{run:?}");
            let script = fs::read(&path).expect("it was written");
            let complaints: Vec<_> = lint(&script).into_iter().filter(|finding| finding.level > Level::Info).collect();
            assert_eq!(complaints, [], "{kind} {hardware}");
            let header = Header::parse(&script).expect("a valid header");
            assert_eq!((header.kind.folder(), header.hardware_type.name()), (kind, hardware));
            assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o755);
            let without_device = (hardware == "storage" && host.disks().is_empty())
                || (hardware == "network"
                    && !host.interfaces().iter().any(|nic| nic.physical && !nic.mac_address.is_empty()));
            if without_device {
                continue;
            }
            let run = Program::new("try").arg(&path).arg("--really").finish().await;
            assert_eq!(run.code, Some(0), "{kind} {hardware}: {run:?}");
            let status = if hardware == "gpu" { ["Passed", "Skipped"] } else { ["Passed"; 2] };
            let row = run.stdout.lines().find(|line| line.starts_with("my-look") && line.ends_with('B'));
            assert!(row.is_some_and(|row| status.iter().any(|word| row.contains(word))), "{kind} {hardware}: {run:?}");
            assert_eq!(header.kind == ScriptType::Testing, run.stdout.contains("Running test: my-look"), "{run:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_overwritten_and_bad_names_are_refused() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let path = home.path().join("mine");
    fs::write(&path, "a day's work").expect("room for a file");
    let run = Program::new("new").args(["test", "mine", "-o"]).arg(&path).finish().await;
    assert!(run.code == Some(3) && run.stderr.contains("mine"), "{run:?}");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "a day's work");
    for name in ["none", "12", "two words", "a/b", ""] {
        let other = home.path().join("other");
        let run = Program::new("new").args(["test", name, "-o"]).arg(&other).finish().await;
        assert!(run.code == Some(2) && !other.exists(), "{name}: {run:?}");
    }
}
