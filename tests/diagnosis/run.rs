//! Incidents that the machine logs while a script runs appear in the result of the script.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use shakedown::diagnosis::{Code, Effect, Policy};
use shakedown::host::Host;
use shakedown::private::Seen;
use shakedown::runner::{Conclusion, Contents, Finished, Options, Report, Runner};
use shakedown::script::{Script, Unpassed, Workspace, parse_index};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const MODULE: &str = "sys/devices/system/edac/mc/mc0/dimm0";
const UNCORRECTED: &str = "4,7,9000000,-;EDAC MC0: 1 UE memory read error on CPU0_DIMM_A1 (channel:0 slot:0 page:0x1)";

/// A machine of files, whose log and counters a script can write.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in [
            (format!("{MODULE}/dimm_label"), "CPU0_DIMM_A1"),
            (format!("{MODULE}/dimm_ce_count"), "3"),
            ("dev/kmsg".into(), "4,1,1000000,-;EDAC MC0: 1 UE memory read error on BEFORE (channel:0)\n"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        Self { root }
    }

    /// Adds a disk at an ATA port.
    fn with_disk(self, name: &str, port: u32) -> Self {
        let scsi = format!("sys/devices/pci0000:00/0000:00:17.0/ata{port}/host{port}/target{port}:0:0/{port}:0:0:0");
        let block = format!("{scsi}/block/{name}");
        let serial = format!("serial-{name}");
        for (path, text) in [
            (format!("{block}/size"), "2048"),
            (format!("{scsi}/model"), "RIG"),
            (format!("{block}/serial"), serial.as_str()),
        ] {
            let path = self.root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        let all = self.root.path().join("sys/block");
        fs::create_dir_all(&all).expect("a folder");
        symlink(format!("../{}", block.trim_start_matches("sys/")), all.join(name)).expect("a link");
        symlink(format!("../../../{port}:0:0:0"), self.root.path().join(&block).join("device")).expect("a link");
        self
    }

    /// Runs scripts in parallel; returns the end and the output of each.
    async fn run(&self, policy: &str, scripts: &[(&str, &str)]) -> Vec<(String, Finished, String)> {
        let home = tempfile::tempdir().expect("a folder");
        let workspace = Workspace::new(home.path());
        for directory in workspace.directories() {
            fs::create_dir_all(directory).expect("folders");
        }
        let entries: Vec<String> = scripts
            .iter()
            .zip(1..)
            .map(|((name, _), id)| {
                // A script with the name of a disk is given that disk.
                let value = format!(r#"{{"name": "{name}", "model": "RIG", "serial": "serial-{name}"}}"#);
                let given = if name.starts_with("sd") {
                    format!(r#", "parameters": {{"storage": {{"type": "storage", "value": {value}}}}}"#)
                } else {
                    String::new()
                };
                format!(
                    r#"{{"name": "{name}", "path": "testing/{name}", "script_result_id": {id}, "parallel": 2{given}}}"#
                )
            })
            .collect();
        let index = format!(r#"{{"1.0": {{"testing_scripts": [{}]}}}}"#, entries.join(","));
        let parsed: Vec<Script> = parse_index(index.as_bytes()).expect("an index").scripts;
        let mut contents = Contents::default();
        for (script, (_, text)) in parsed.iter().zip(scripts) {
            let program: PathBuf = workspace.executable(script);
            fs::create_dir_all(program.parent().expect("a parent")).expect("folders");
            let text = text.replace("ROOT", &self.root.path().to_string_lossy());
            fs::write(&program, format!("#!/bin/sh\n{text}\n")).expect("a script");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
            contents.record(&program, Seen::look(&program).expect("a script").sum());
        }
        let mut options = Options::new("http://192.0.2.1/MAAS");
        options.meanwhile = Policy::parse(policy).expect("a policy");
        let (reports, mut received) = mpsc::channel(64);
        let host = Host::at(self.root.path());
        let runner = Runner::new(workspace.clone(), host, options, reports, CancellationToken::new());
        let runner = Arc::new(runner.of_contents(contents));
        let running = tokio::spawn(async move { runner.run(parsed).await });
        let mut ended = Vec::new();
        while let Some(report) = received.recv().await {
            match report {
                Report::Starting(_, go) => go.send(Ok(())).expect("it waits"),
                Report::Finished(script, finished) => {
                    let output = fs::read(workspace.outputs(&script).combined).expect("its output");
                    ended.push((script.name.clone(), finished, String::from_utf8_lossy(&output).into_owned()));
                }
                _ => {}
            }
        }
        running.await.expect("it ends");
        ended.sort_by(|a, b| a.0.cmp(&b.0));
        ended
    }

    async fn run_one(&self, policy: &str, text: &str) -> (Finished, String) {
        let (_, finished, output) = self.run(policy, &[("x", text)]).await.remove(0);
        (finished, output)
    }
}

fn is_passed(finished: &Finished) -> bool {
    matches!(finished.conclusion, Conclusion::Passed(_))
}

#[tokio::test]
async fn a_script_during_which_nothing_is_said_passes_and_its_output_is_its_own() {
    let (finished, output) = Machine::new().run_one("count", "echo fine").await;
    assert!(is_passed(&finished), "{finished:?}");
    assert_eq!(output, "fine\n");
    assert_eq!(finished.findings, []);
    let cost = finished.cost.expect("it ran");
    assert!(cost.cpu_seconds.is_some_and(|seconds| seconds < 60.0), "{cost:?}");
}

/// The first moves of processes into a group take their time; what a child did at once belongs to the script all the same.
#[tokio::test]
async fn the_time_of_children_that_work_at_once_is_the_scripts() {
    let work = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; times";
    let (finished, output) = Machine::new().run_one("count", work).await;
    // The shell's second line: what its children used, of programs and of the kernel for them, as in `0m1.352s 0m0.011s`.
    let children = output.lines().nth(1).expect("a line of the children");
    let seconds = |word: &str| {
        let (minutes, seconds) =
            word.strip_suffix('s').and_then(|word| word.split_once('m')).expect("minutes and seconds");
        minutes.parse::<f64>().expect("minutes") * 60.0 + seconds.parse::<f64>().expect("seconds")
    };
    let used: f64 = children.split_whitespace().map(seconds).sum();
    let cost = finished.cost.expect("it ran");
    assert!(used > 0.05 && cost.cpu_seconds.is_some_and(|told| told >= used * 0.9), "{cost:?} {output}");
}

#[tokio::test]
async fn a_line_of_the_kernel_meanwhile_fails_a_pass_and_stands_in_the_output() {
    let text = format!("echo fine; echo '{UNCORRECTED}' >> ROOT/dev/kmsg");
    let (finished, output) = Machine::new().run_one("count", &text).await;
    assert_eq!((finished.conclusion, finished.ending.exit_status()), (Conclusion::Failed, 1), "{finished:?}");
    assert!(output.starts_with("fine\n\nWhat the machine reported meanwhile\n"), "{output}");
    for part in
        ["error: memory-uncorrected CPU0_DIMM_A1", "a pass becomes failed", "next: replace the DIMM", "EDAC MC0: 1 UE"]
    {
        assert!(output.contains(part), "{part} in {output}");
    }
    assert!(!output.contains("BEFORE"), "what was said before is not of this script: {output}");
    assert!(finished.notes.iter().any(|note| note.contains("memory-uncorrected of CPU0_DIMM_A1")), "{finished:?}");
    let [finding] = finished.findings.as_slice() else { panic!("one finding: {finished:?}") };
    assert_eq!((finding.code, finding.device.as_str()), (Code::MemoryUncorrected, "CPU0_DIMM_A1"));
    assert_eq!((finding.count, finding.effect), (1, Effect::Failed));
}

#[tokio::test]
async fn a_counter_that_rose_degrades_a_pass_without_any_line() {
    let text = format!("echo 5 > ROOT/{MODULE}/dimm_ce_count");
    let (finished, output) = Machine::new().run_one("count", &text).await;
    assert_eq!(finished.conclusion, Conclusion::Said(Unpassed::Degraded), "{finished:?}");
    assert!(
        output.contains("memory-corrected CPU0_DIMM_A1, 2 times") && output.contains("3 before, 5 now"),
        "{output}"
    );
}

#[tokio::test]
async fn a_failure_stays_one_and_is_explained() {
    let text = format!("echo 5 > ROOT/{MODULE}/dimm_ce_count; exit 3");
    let (finished, output) = Machine::new().run_one("count", &text).await;
    assert_eq!((finished.conclusion, finished.ending.exit_status()), (Conclusion::Failed, 3));
    assert!(output.contains("memory-corrected"), "{output}");
}

#[tokio::test]
async fn site_and_script_may_want_less() {
    let rise = format!("echo 5 > ROOT/{MODULE}/dimm_ce_count");
    for (policy, head, is_told) in [
        ("note", "", true),
        ("off", "", false),
        ("count memory-corrected=note", "", true),
        ("count", "# shakedown: meanwhile=note\n", true),
        ("count", "# shakedown: meanwhile=off\n", false),
        ("off", "# shakedown: meanwhile=count\n", false),
    ] {
        let (finished, output) = Machine::new().run_one(policy, &format!("{head}{rise}")).await;
        assert!(is_passed(&finished), "{policy} {head}: {finished:?}");
        assert_eq!(output.contains("memory-corrected"), is_told, "{policy} {head}: {output}");
    }
}

#[tokio::test]
async fn all_scripts_that_ran_meanwhile_are_told_and_those_before_are_not() {
    let machine = Machine::new();
    // Both have begun before the line is written: each waits for the other's mark.
    let meet = |own: &str, other: &str| format!("touch ROOT/{own}; until [ -e ROOT/{other} ]; do sleep 0.02; done");
    let first = format!("{}; echo '{UNCORRECTED}' >> ROOT/dev/kmsg; touch ROOT/said", meet("a", "b"));
    let second = format!("{}; until [ -e ROOT/said ]; do sleep 0.02; done", meet("b", "a"));
    let ended = machine.run("count", &[("a", &first), ("b", &second)]).await;
    for (name, finished, output) in &ended {
        assert_eq!(finished.conclusion, Conclusion::Failed, "{name}: {output}");
    }
    assert!(ended[0].2.contains("These ran at the same time: b"), "{}", ended[0].2);
    let (finished, _) = machine.run_one("count", "true").await;
    assert!(is_passed(&finished), "what is in the log before it begins is not of this one");
}

#[tokio::test]
async fn what_is_of_the_disk_of_one_script_counts_more_for_that_one_and_nothing_for_those_beside_it() {
    const TIMEOUT: &str = "4,7,9000000,-;ata3: qc timeout (cmd 0xec)";
    let machine = Machine::new().with_disk("sda", 3).with_disk("sdb", 4);
    // All have begun before the line is written, and none ends before it is.
    let begun = "until [ -e ROOT/sda ] && [ -e ROOT/sdb ] && [ -e ROOT/cpu ]; do sleep 0.02; done";
    let say = format!("touch ROOT/sda; {begun}; echo '{TIMEOUT}' >> ROOT/dev/kmsg; touch ROOT/said");
    let wait = |own: &str| format!("touch ROOT/{own}; {begun}; until [ -e ROOT/said ]; do sleep 0.02; done");
    let ended = machine.run("count", &[("cpu", &wait("cpu")), ("sda", &say), ("sdb", &wait("sdb"))]).await;
    let [(_, cpu, _), (_, own, output), (_, another, of_another)] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!(own.conclusion, Conclusion::Failed, "a timeout of its own disk: {output}");
    assert!(is_passed(cpu), "the timeout is of the one script that was given the disk: {cpu:?}");
    assert!(is_passed(another), "{another:?}");
    assert!(of_another.contains("disk-timeout") && of_another.contains("changes nothing here"), "{of_another}");
}
