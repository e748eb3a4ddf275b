//! Whole runs against a region over HTTP: what the region holds in the end, and in which order it came to know it.

mod support;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::json;
use shakedown::agent::End;
use shakedown::sandbox::{Device, NodeStatus, ResultRow, Sandbox};
use shakedown::script::Status;
use tokio_util::sync::CancellationToken;

use support::archive::{Tar, entry};
use support::tap::{Signal, Tap};
use support::{Marker, Node, events, plain, region, row, script, table, until};

/// What the flood prints: numbers of eight digits, a line each.
const FLOOD: usize = 200_000_007;
const FIRST: usize = 10_000_000;

/// A script of the large run and what has to become of it.
struct Case {
    name: String,
    parallel: &'static str,
    header: &'static str,
    body: String,
    status: Status,
    exit: Option<i64>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

fn case(name: &str, parallel: &'static str, body: &str, status: Status, exit: i64) -> Case {
    Case {
        name: name.to_owned(),
        parallel,
        header: "",
        body: body.to_owned(),
        status,
        exit: Some(exit),
        stdout: Vec::new(),
        stderr: Vec::new(),
    }
}

impl Case {
    fn prints(mut self, stdout: &[u8], stderr: &[u8]) -> Case {
        (self.stdout, self.stderr) = (stdout.to_vec(), stderr.to_vec());
        self
    }

    fn file(&self) -> (String, String) {
        let text = if self.body.starts_with("#!") {
            self.body.clone()
        } else {
            script(&format!("parallel: {}\n{}", self.parallel, self.header), &self.body)
        };
        (format!("commissioning/{}", self.name), text)
    }
}

/// Thirty scripts, some of each kind.
fn cases(marker: &Marker) -> Vec<Case> {
    let overtime = format!(
        "echo begun\n\
         setsid sh -c 'trap \"\" TERM; exec sleep {0}' &\n\
         (setsid sh -c 'trap \"\" TERM; exec sleep {0}' &)\n\
         (env -i PATH=\"$PATH\" setsid sh -c 'trap \"\" TERM; exec sleep {0}' &)\n\
         sleep {0}",
        marker.word()
    );
    let mut cases = vec![
        case("broken", "disabled", "echo broken; exit 7", Status::Failed, 7).prints(b"broken\n", b""),
        Case {
            header: "timeout: 2",
            exit: None,
            ..case("overtime", "disabled", &overtime, Status::TimedOut, 124).prints(b"begun\n", b"")
        },
        case("flood", "any", &format!("seq {FIRST} {}", FIRST + FLOOD / 9 - 1), Status::Passed, 0),
        case("no-interpreter", "disabled", "#!/nonexistent/interpreter\n", Status::Failed, 2),
        case("bad-result", "any", "echo 'status: [' >\"$RESULT_PATH\"", Status::Passed, 0),
        case("latin1", "instance", r"printf '\377\376 caf\351\n'", Status::Passed, 0)
            .prints(b"\xff\xfe caf\xe9\n", b""),
        case("overruled", "any", "echo 'status: passed' >\"$RESULT_PATH\"; exit 1", Status::Passed, 1),
        case("degraded", "instance", "echo 'status: degraded' >\"$RESULT_PATH\"", Status::Degraded, 0),
        case("skipped", "any", "echo 'status: skipped' >\"$RESULT_PATH\"", Status::Skipped, 0),
        Case {
            header: "parameters: {storage: {type: storage}}",
            ..case("no-disk", "instance", "echo never", Status::Failed, 2)
        },
    ];
    for number in 0..20 {
        let parallel = ["disabled", "instance", "any"][number % 3];
        let name = format!("plain-{number:02}");
        let plain = case(&name, parallel, &format!("echo to {name}; echo of {name} >&2"), Status::Passed, 0);
        cases.push(plain.prints(format!("to {name}\n").as_bytes(), format!("of {name}\n").as_bytes()));
    }
    cases
}

fn missing_disk() -> Device {
    let disk = json!({"id": 9, "name": "nvme7n1", "model": "GONE", "serial": "G-1", "id_path": "/dev/disk/by-id/gone"});
    disk.as_object().cloned().expect("an object")
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_scripts_end_as_they_should() {
    let marker = Marker::new();
    let cases = cases(&marker);
    assert_eq!(cases.len(), 30);
    let files: Vec<(String, String)> = cases.iter().map(Case::file).collect();
    let region = region(&files, |options| options.disks = vec![missing_disk()]).await;
    let node = Node::of(&region);
    let run = node.run().start().finish(Duration::from_secs(300)).await;

    assert_eq!(run.code, Some(1), "{run:?}");
    let expected = cases.iter().map(|case| (case.name.clone(), (case.status, case.exit))).collect();
    assert_eq!(table(&region), expected, "{run:?}");
    assert_eq!(region.node_status(), NodeStatus::FailedCommissioning);
    assert_eq!(region.node_error(), "4 commissioning scripts failed to run");
    for case in &cases {
        let row = row(&region, &case.name);
        for (stored, suffix) in [(&row.output, ""), (&row.stdout, ".out"), (&row.stderr, ".err")] {
            assert!(case.name == "flood" || *stored == node.output(&row, suffix), "{}{suffix}", case.name);
        }
        let silent = matches!(case.name.as_str(), "flood" | "no-interpreter" | "no-disk");
        if !silent {
            assert_eq!((&row.stdout, &row.stderr), (&case.stdout, &case.stderr), "{}", case.name);
            let printed = [&case.stdout[..], &case.stderr].concat();
            let added =
                row.output.strip_prefix(&printed[..]).unwrap_or_else(|| panic!("{}: {:?}", case.name, row.output));
            // A time limit adds where the processes stood.
            let heading: &[u8] =
                if case.name == "overtime" { b"\nWhere its processes stood at its time limit\n" } else { b"" };
            assert_eq!(&added[..heading.len().min(added.len())], heading, "{}", case.name);
            assert_eq!(added.is_empty(), heading.is_empty(), "{}", case.name);
        }
    }
    says_why(&region);
    the_flood_is_kept(&node, &row(&region, "flood"));
    until("nothing is left running", || marker.alive().is_empty()).await;
    // Of a debug build some 34 MiB are the program itself.
    assert!(run.peak_kib > 0 && run.peak_kib < 48 << 10, "{} KiB at most in memory", run.peak_kib);
}

/// A script that could not be run says so in its own output, an invalid result file in the event log.
fn says_why(region: &Sandbox) {
    let output = |name: &str| String::from_utf8_lossy(&row(region, name).output).into_owned();
    assert!(output("no-interpreter").contains("could not be started"), "{}", output("no-interpreter"));
    for word in ["GONE", "G-1", "/dev/disk/by-id/gone"] {
        assert!(output("no-disk").contains(word), "{}", output("no-disk"));
    }
    let events = events(region);
    assert!(events.iter().any(|text| text.contains("sent a script result with invalid YAML")), "{events:?}");
}

/// The region has head, marker and tail of it, the node all of it.
fn the_flood_is_kept(node: &Node, row: &ResultRow) {
    for (stored, suffix) in [(&row.output, ""), (&row.stdout, ".out")] {
        let whole = node.output(row, suffix);
        assert_eq!(whole.len(), FLOOD / 9 * 9, "flood{suffix} on the node");
        for line in (0..whole.len() / 9).step_by(997) {
            assert_eq!(whole[9 * line..9 * line + 9], *format!("{}\n", FIRST + line).as_bytes());
        }
        let at = memchr::memmem::find(stored, b"\n[shakedown: ").expect("a marker");
        let rest = &stored[at + 1..];
        let (marker, tail) = rest.split_at(memchr::memchr(b'\n', rest).expect("a line") + 1);
        let left_out = whole.len() - at - tail.len();
        let marker = String::from_utf8_lossy(marker);
        assert!(marker.contains(&format!(" {left_out} bytes left out here")), "{marker}");
        assert!(marker.contains(&format!("out/flood.{}{suffix}]", row.id)), "{marker}");
        assert!(at > 1 << 20 && tail.len() > 1 << 20, "much of it: {at} and {} bytes", tail.len());
        assert!(whole.starts_with(&stored[..at]) && whole.ends_with(tail), "flood{suffix} on the region");
    }
}

/// Signals about one script or about the node, in short.
fn in_short(signals: &[Signal], region: &Sandbox) -> Vec<String> {
    let rows = region.results();
    let name = |signal: &Signal| {
        let id: i64 = signal.field("script_result_id").parse().ok()?;
        rows.iter().find(|row| row.id == id).map(|row| row.script.clone())
    };
    let short = |signal: &Signal| {
        let kind = if signal.is_result() { "result" } else { signal.status() };
        name(signal).map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
    };
    signals.iter().map(short).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn commissioning_then_testing_then_ready() {
    let scripts = [
        ("commissioning/20-second", plain("echo two")),
        ("commissioning/10-first", plain("echo one")),
        ("testing/check", plain("echo three")),
    ];
    let region = region(&scripts, |_| {}).await;
    let tap = Tap::before(&region, |_, _| None).await;
    let node = Node::behind(&region, &tap.url());
    let run = node.run().finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(region.node_status(), NodeStatus::Ready);
    assert_eq!(tap.questions(), 2, "after commissioning the scripts are asked for again");

    // The head of the record is told as an event, which is no signal.
    let signals: Vec<_> = tap.signals().into_iter().filter(|signal| !signal.status().is_empty()).collect();
    let short = in_short(&signals, &region);
    let at = |what: &str| short.iter().position(|signal| signal == what).unwrap_or_else(|| panic!("{what}: {short:?}"));
    assert_eq!(short.len(), 8, "{short:?}");
    for name in ["10-first", "20-second", "check"] {
        assert!(at(&format!("WORKING {name}")) < at(&format!("result {name}")), "{short:?}");
    }
    assert!(at("WORKING 10-first") < at("WORKING 20-second"), "{short:?}");
    assert_eq!((short[4].as_str(), short[7].as_str()), ("TESTING", "OK"), "{short:?}");
    assert_eq!(signals[7].field("error"), "All scripts successfully ran");

    let events = events(&region);
    for text in [
        "10-first changed status from 'Pending' to 'Running'",
        "10-first changed status from 'Running' to 'Passed'",
        "20-second changed status from 'Running' to 'Passed'",
        "check",
        "check changed status from 'Running' to 'Passed'",
    ] {
        assert_eq!(events.iter().filter(|event| *event == text).count(), 1, "{text:?} in {events:?}");
    }
    for text in ["10-first changed status from 'Running' to 'Passed'", "3 scripts: 0 failed"] {
        assert!(run.stdout.contains(text), "{}", run.stdout);
    }
}

/// The region reads a test's failure as one of commissioning while it has not heard that testing began.
#[tokio::test(flavor = "multi_thread")]
async fn testing_has_begun_before_a_test_ends() {
    let scripts =
        [("commissioning/first", plain("true")), ("testing/fails", plain("exit 3")), ("testing/zz", plain("true"))];
    let region = region(&scripts, |_| {}).await;
    let refused = AtomicU32::new(0);
    let tap = Tap::before(&region, move |_, signal| {
        let begins = signal.is_some_and(|signal| signal.status() == "TESTING");
        (begins && refused.fetch_add(1, Ordering::Relaxed) < 4).then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
    })
    .await;
    let node = Node::behind(&region, &tap.url());
    let outcome = node.run_here(&CancellationToken::new(), |_| {}).await.expect("a run");
    assert_eq!(outcome.end, End::Failed);
    assert_eq!(region.node_status(), NodeStatus::FailedTesting, "{:?}", in_short(&tap.signals(), &region));
    assert_eq!(region.node_error(), "1 test scripts failed to run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_entry_of_the_index_fails_alone() {
    let mut bad = entry("late", 41);
    bad["timeout_seconds"] = json!("soon");
    let scripts = json!([entry("good", 40), bad, "nonsense", entry("also-good", 42)]);
    let good = "#!/bin/sh\ntrue\n";
    let tar = Tar::new().file("testing/good", 0o755, good).file("testing/also-good", 0o755, good);
    let tap = Tap::archive(tar.index(&json!({ "testing_scripts": scripts })).bytes()).await;
    let run = Node::new(&tap.config()).run().finish().await;
    assert_eq!(run.code, Some(1), "{run:?}");
    let signals = tap.signals();
    let result = |id: &str| {
        let mut found = signals.iter().filter(|signal| signal.is_result() && signal.field("script_result_id") == id);
        let result = found.next().unwrap_or_else(|| panic!("no result for {id}: {signals:?}"));
        assert!(found.next().is_none(), "two results for {id}: {signals:?}");
        result.clone()
    };
    assert_eq!(result("40").field("exit_status"), "0");
    assert_eq!(result("42").field("exit_status"), "0");
    assert_eq!(result("41").field("exit_status"), "2");
    let [reason, ..] = &result("41").files[..] else { panic!("a result has a file") };
    assert!(reason.1 > 0, "the reason is in its output");
    assert!(run.stdout.contains("testing_scripts[2]"), "an entry without a result is told here: {}", run.stdout);
    let last = signals.last().expect("signals");
    assert_eq!((last.status(), last.field("error")), ("FAILED", "2 test scripts failed to run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_output_of_an_earlier_boot_is_appended_to() {
    let mut again = entry("reboots", 50);
    again["has_started"] = json!(true);
    let tar = Tar::new()
        .file("testing/reboots", 0o755, "#!/bin/sh\necho \"after, $HAS_STARTED\"\n")
        .file("out/reboots.50", 0o644, "before\n")
        .file("out/reboots.50.out", 0o644, "before\n")
        .file("out/reboots.50.err", 0o644, "")
        .index(&json!({"testing_scripts": [again]}));
    let tap = Tap::archive(tar.bytes()).await;
    let node = Node::new(&tap.config());
    let run = node.run().finish().await;
    assert_eq!(run.code, Some(1), "what ended before the reboot is not known: {run:?}");
    for file in ["reboots.50", "reboots.50.out"] {
        let text = std::fs::read_to_string(node.storage().join("out").join(file)).expect("an output file");
        assert_eq!(text, "before\nafter, True\n", "{file}");
    }
    let signals = tap.signals();
    let result = signals.iter().find(|signal| signal.is_result()).expect("a result");
    assert_eq!(result.files[0], ("reboots".to_owned(), "before\nafter, True\n".len()));
}
