use super::*;
use crate::host::Host;
use crate::runner::Interruption;
use crate::script::{Killed, ResultFileError, Workspace, parse_index};

/// The end of a script that wrote these bytes as its result file (empty: no file), and the content sent as its result file.
fn concluded_of(written: &[u8], ending: Ending, kept: Kept, operstate: &str) -> (Finished, String) {
    concluded_with(written, ending, (kept, Machine::Quiet), operstate)
}

fn concluded_with(
    written: &[u8],
    ending: Ending,
    (kept, machine): (Kept, Machine),
    operstate: &str,
) -> (Finished, String) {
    let index = br#"{"1.0": {"testing_scripts": [{"name": "x", "path": "testing/x", "script_result_id": 5,
        "apply_configured_networking": true, "parameters": {"interface": {"type": "interface"}}}]}}"#;
    let script = parse_index(index).expect("index").scripts.remove(0);
    let root = tempfile::tempdir().expect("temporary directory");
    let net = root.path().join("sys/class/net/eth0");
    fs::create_dir_all(&net).expect("directories");
    fs::write(net.join("operstate"), operstate).expect("write");
    fs::create_dir_all(root.path().join("out")).expect("directories");
    let outputs = Workspace::new(root.path()).outputs(&script);
    if !written.is_empty() {
        fs::write(&outputs.result, written).expect("write");
    }
    let found = Found::at(&outputs.result).expect("descriptors");
    let host = Host::at(root.path());
    let finished =
        conclude(&script, &outputs, &found, || !host.link_is_up("eth0"), (Finished::failed(ending), kept, machine));
    let left = fs::read(&outputs.result).unwrap_or_default();
    assert_eq!(left, written, "what the script wrote stays");
    let sent = match &finished.result {
        ResultPart::None => String::new(),
        _ => String::from_utf8_lossy(&fs::read(&outputs.sent).expect("a file")).into_owned(),
    };
    (finished, sent)
}

fn concluded(written: &str, ending: Ending, operstate: &str) -> (Finished, String) {
    concluded_of(written.as_bytes(), ending, Kept::Whole, operstate)
}

#[test]
fn what_the_machine_reports_makes_a_pass_less_and_nothing_more() {
    let with =
        |written: &[u8], code, machine| concluded_with(written, Ending::Exited(code), (Kept::Whole, machine), "up");
    let (finished, sent) = with(b"status: passed\nresults: {a: 1}", 0, Machine::Fails);
    assert_eq!((finished.conclusion, finished.ending.exit_status()), (Conclusion::Failed, 1));
    assert_eq!(sent, r#"{"status":"failed","results":{"a":1}}"#);
    let (finished, sent) = with(b"", 0, Machine::Fails);
    assert_eq!((finished.conclusion, finished.ending.exit_status(), sent.as_str()), (Conclusion::Failed, 1, ""));
    let (finished, sent) = with(b"results: {a: 1}", 0, Machine::Degrades);
    assert_eq!(finished.conclusion, Conclusion::Said(Unpassed::Degraded));
    assert_eq!(sent, r#"{"status":"degraded","results":{"a":1}}"#);
    let (finished, sent) = with(b"", 0, Machine::Degrades);
    assert_eq!(finished.conclusion, Conclusion::Said(Unpassed::Degraded));
    assert_eq!(sent, r#"{"status":"degraded"}"#);
    for machine in [Machine::Degrades, Machine::Fails] {
        let (finished, _) = with(b"", 7, machine);
        assert_eq!((finished.conclusion, finished.ending.exit_status()), (Conclusion::Failed, 7));
        let (finished, _) = with(b"status: skipped", 0, machine);
        assert_eq!(finished.conclusion, Conclusion::Said(Unpassed::Skipped));
        let (finished, _) = with(b"status: failed\nresults: [a]", 0, machine);
        assert_eq!(finished.conclusion, Conclusion::Failed, "what is no pass gets no better");
    }
}

fn is_passed(finished: &Finished) -> bool {
    matches!(finished.conclusion, Conclusion::Passed(_))
}

#[test]
fn a_stopped_script_has_not_passed_whatever_it_wrote() {
    let limit = Duration::from_secs(1);
    let (finished, sent) = concluded("status: passed\nresults: {a: 1}", Ending::TimedOut(limit), "up");
    assert_eq!(finished.conclusion, Conclusion::Failed);
    assert_eq!(sent, r#"{"status":"timedout","results":{"a":1}}"#);
    let (_, sent) = concluded("status: passed", Ending::Interrupted(Interruption::Reboot), "up");
    assert_eq!(sent, r#"{"status":"failed"}"#);
    let (_, sent) = concluded("status: [", Ending::TimedOut(limit), "up");
    assert_eq!(sent, r#"{"status":"timedout"}"#);
}

#[test]
fn a_killed_script_failed_whatever_it_wrote() {
    let killed = || Ending::Killed(Killed { signal: 9, out_of_memory: false });
    for said in ["passed", "skipped", "degraded", "timedout"] {
        let (finished, sent) = concluded(&format!("status: {said}\nresults: {{a: 1}}"), killed(), "up");
        assert_eq!((finished.conclusion, finished.ending.exit_status()), (Conclusion::Failed, 137));
        assert_eq!(sent, r#"{"status":"failed","results":{"a":1}}"#, "of {said}");
    }
    let (_, sent) = concluded("status: failed\n", killed(), "up");
    assert_eq!(sent, "status: failed\n");
}

#[test]
fn with_output_that_is_lost_there_is_no_pass() {
    let lost = || Kept::Lost("no space".into());
    let (finished, _) = concluded_of(b"", Ending::Exited(0), lost(), "up");
    assert_eq!((finished.conclusion, finished.ending.exit_status()), (Conclusion::Failed, 1));
    assert!(finished.notes[0].contains("no pass without all of its output"), "{:?}", finished.notes);
    let (_, sent) = concluded_of(b"status: passed", Ending::Exited(0), lost(), "up");
    assert_eq!(sent, r#"{"status":"failed"}"#);
    let (finished, _) = concluded_of(b"status: passed", Ending::Exited(0), Kept::Bounded, "up");
    assert!(is_passed(&finished), "a loss that is declared");
}

/// Recorded: each is refused, and the exit status decides.
#[test]
fn what_the_region_refuses_never_ends_better_than_its_word() {
    let faults = ["results: [a]", "results: {a: null}", "results: {1: a}", "results: {a: {b: c}}", "link_connected: 3"];
    for fault in faults {
        for status in ["failed", "degraded", "timedout", "skipped"] {
            let text = format!("status: {status}\n{fault}\n");
            let (finished, sent) = concluded(&text, Ending::Exited(0), "up");
            assert_eq!((finished.conclusion, finished.ending.exit_status()), (Conclusion::Failed, 1), "{text}");
            assert_eq!(sent, text, "as it is, with an exit status that fails the script there, too");
            assert!(finished.notes.iter().any(|note| note.contains("no pass")), "{:?}", finished.notes);
        }
        let (finished, _) = concluded(&format!("status: passed\n{fault}\n"), Ending::Exited(0), "up");
        assert!(is_passed(&finished), "its exit status decides: {fault}");
    }
}

#[test]
fn what_is_too_much_to_be_read_is_no_pass_here_or_there() {
    let text = format!("results: {{a: [{}]}}\nstatus: passed", "1,".repeat(600_000));
    let (finished, sent) = concluded(&text, Ending::Exited(0), "up");
    assert_eq!((finished.conclusion, sent.as_str()), (Conclusion::Failed, r#"{"status":"failed"}"#));
    assert!(finished.notes[0].contains("nobody knows what it says"), "{:?}", finished.notes);
}

#[test]
fn what_cannot_be_parsed_never_ends_better_than_its_word() {
    let (finished, sent) = concluded("status: failed\nresults: [", Ending::Exited(0), "up");
    assert_eq!((finished.conclusion, finished.ending.exit_status()), (Conclusion::Failed, 1));
    assert_eq!(sent, "status: failed\nresults: [", "the region gets it as it is");
    let huge = format!("status: degraded\nresults:\n{}", "  row: 'x'\n".repeat(200_000));
    let (finished, sent) = concluded(&huge, Ending::Exited(0), "up");
    assert!(!is_passed(&finished) && sent.len() == huge.len());
}

#[test]
fn what_a_region_would_never_store_is_replaced_by_its_status() {
    for (status, expected) in
        [("failed", Conclusion::Said(Unpassed::Failed)), ("degraded", Conclusion::Said(Unpassed::Degraded))]
    {
        let text = format!("status: {status}\nresults:\n  made: 2024-02-30\n");
        let (finished, sent) = concluded(&text, Ending::Exited(0), "up");
        assert_eq!((finished.conclusion, sent), (expected, format!(r#"{{"status":"{status}"}}"#)));
        assert!(finished.notes.iter().any(|note| note.contains("2024-02-30")), "{:?}", finished.notes);
    }
    let (finished, sent) = concluded("results:\n  made: 2024-02-30\n", Ending::Exited(3), "up");
    assert_eq!((finished.conclusion, sent.as_str()), (Conclusion::Failed, ""));
}

#[test]
fn what_is_no_file_is_told_and_fails_unless_it_is_a_device() {
    let home = tempfile::tempdir().expect("temporary directory");
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("directory")).expect("a directory");
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    std::os::unix::fs::symlink("nowhere", at("dangling")).expect("a link");
    std::os::unix::fs::symlink("loop", at("loop")).expect("a link");
    std::os::unix::fs::symlink("/dev/zero", at("device")).expect("a link");
    for name in ["directory", "pipe", "dangling", "loop"] {
        let found = Found::at(&at(name)).expect("descriptors");
        assert!(matches!(Judged::of(&found, false), Judged::Unreadable(_)), "{name}: {found:?}");
    }
    let device = Judged::of(&Found::at(&at("device")).expect("descriptors"), false);
    assert!(matches!(device, Judged::Refused(ResultFileError::Unreadable(_), None)));
}

#[test]
fn a_failed_link_is_told_unless_the_script_told_it() {
    assert_eq!(concluded("", Ending::Exited(1), "down").1, r#"{"link_connected":false}"#);
    assert_eq!(concluded("", Ending::Exited(0), "down").1, "");
    assert_eq!(concluded("", Ending::Exited(1), "up").1, "");
    assert_eq!(concluded("link_connected: true", Ending::Exited(1), "down").1, "link_connected: true");
}

#[test]
fn an_invalid_file_is_told_and_decides_nothing() {
    let (finished, sent) = concluded("status: FAIL", Ending::Exited(0), "up");
    assert!(is_passed(&finished), "by the rule of the region");
    assert_eq!(sent, "status: FAIL", "the region tells the operator too");
    assert!(finished.notes[0].contains("status must be") && finished.notes[0].contains("FAIL"), "{:?}", finished.notes);
}
