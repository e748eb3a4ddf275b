//! What testing 64 disks at once costs: wall time beside the slowest single call of smartctl, and peak memory of
//! `shakedown disk test --all`. smartctl is the one of the tests, which answers each call after two seconds with 60 KB of JSON.
//! The aims: no more than 1.2 times the slowest call, and less than 24 MiB.
//!
//! `cargo bench --bench disk`; the program is the one that `SHAKEDOWN_BINARY` names, else the one that cargo builds for the bench.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const DISKS: usize = 64;
/// How long each call of smartctl takes.
const SECONDS: u64 = 2;
/// Lines of text that make the report as long as the longest of real drives.
const LINES: usize = 700;

fn main() {
    let home = tempfile::tempdir().expect("a temporary directory");
    set_up(home.path());
    let smartctl = home.path().join("fake/smartctl");
    let single = (0..3).map(|_| once(&smartctl)).max().unwrap_or_default();
    say(&format!("slowest of three single calls: {:.2} s", single.as_secs_f64()));
    for _ in 0..3 {
        let (wall, peak) = test_all(home.path());
        let share = wall.as_secs_f64() / single.as_secs_f64();
        say(&format!("{DISKS} disks: {:.2} s, {share:.2} times a single call; peak {} KiB", wall.as_secs_f64(), peak));
    }
}

fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").expect("stdout takes it");
}

fn set_up(home: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    write(&home.join("fake/scan.json"), "{\"smartctl\": {\"exit_status\": 0}}");
    fs::copy(source.join("tests/support/fake-smartctl"), home.join("fake/smartctl")).expect("the fake smartctl");
    fs::set_permissions(home.join("fake/smartctl"), fs::Permissions::from_mode(0o755)).expect("one's own file");
    let fixture = fs::read(source.join("tests/disk/fixtures/ata-well-with-text-7.3.json")).expect("a fixture");
    let mut report: Value = serde_json::from_slice(&fixture).expect("JSON");
    let lines = report["smartctl"]["output"].as_array_mut().expect("its text");
    lines.extend((0..LINES).map(|number| {
        format!("0x08  0x{number:06x}  4  {:>20}  --- A statistic of the device", number * number).into()
    }));
    for number in 0..DISKS {
        let name = format!("sd{}{}", letter(number / 8), letter(number % 8));
        let place = home.join("root/sys/class/block").join(&name);
        let files = [("dev", "8:0"), ("size", "2048"), ("ro", "0"), ("removable", "0"), ("queue/rotational", "1")];
        for (key, text) in files {
            write(&place.join(key), text);
        }
        fs::create_dir_all(home.join("root/sys/devices").join(&name)).expect("a directory");
        symlink(format!("/sys/devices/{name}"), place.join("device")).expect("a link");
        report["serial_number"] = format!("SERIAL{number}").into();
        let answers = home.join("fake").join(format!("_dev_{name}"));
        write(&answers.join("x.json"), &format!("{report:#}"));
        write(&answers.join("x.mode"), &format!("sleep {SECONDS}"));
    }
}

fn letter(number: usize) -> char {
    u8::try_from(number).map_or('z', |number| char::from(b'a' + number))
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a path below a directory")).expect("a directory");
    fs::write(path, text).expect("a file");
}

fn once(smartctl: &Path) -> Duration {
    let began = Instant::now();
    let output = Command::new(smartctl).args(["--json=o", "-x", "/dev/sdaa"]).output().expect("the fake smartctl");
    assert!(output.stdout.len() > 50_000, "a report of {} bytes", output.stdout.len());
    began.elapsed()
}

/// Wall time and peak memory in KiB.
fn test_all(home: &Path) -> (Duration, u64) {
    let program =
        std::env::var_os("SHAKEDOWN_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_shakedown").into(), PathBuf::from);
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(["disk", "test", "--all", "--format", "json", "--root"])
        .arg(home.join("root"))
        .arg("--smartctl")
        .arg(home.join("fake/smartctl"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("one's own child").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    (began.elapsed(), peak)
}
