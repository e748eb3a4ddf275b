//! What a script's result file means once the script has ended.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Conclusion, Ending, Finished, ResultPart, Runner};
use crate::script::{
    Evidence, Exit, Found, Judged, Kept, Lacking, Machine, Outputs, ResultFile, Said, Script, Unpassed, Verdict,
};

/// Longest wait until the system lets a result file be opened.
const SCARCE: Duration = Duration::from_secs(60);
/// A disk with less room is full: what a script wrote last may be cut.
const FULL: u64 = 64 << 10;

impl Runner {
    /// Reads the result file, lets it decide what it may decide, and replaces it where it must not decide.
    pub(super) async fn conclude(
        &self,
        script: &Script,
        outputs: &Outputs,
        interface: Option<&str>,
        seen: (Finished, Kept, Machine),
    ) -> Finished {
        let begun = Instant::now();
        let found = loop {
            match Found::at(&outputs.result) {
                Ok(found) => break found,
                Err(error) if begun.elapsed() >= SCARCE || self.cancel.is_cancelled() => {
                    break Found::Unreadable(error.to_string());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        let is_without_link = || interface.is_some_and(|name| !self.host.link_is_up(name));
        conclude(script, outputs, &found, is_without_link, seen)
    }
}

fn has_interface(script: &Script) -> bool {
    script.parameters.iter().any(|(_, parameter)| parameter.kind == "interface")
}

fn conclude(
    script: &Script,
    outputs: &Outputs,
    found: &Found,
    is_without_link: impl FnOnce() -> bool,
    (mut finished, kept, machine): (Finished, Kept, Machine),
) -> Finished {
    let judged = Judged::of(found, has_interface(script));
    if let Judged::Refused(error, said) = &judged {
        let decides = if said.is_none() { ", so its exit status decides" } else { "" };
        finished.notes.push(format!(
            "its result file is invalid{decides}: {error} (see contract of RESULT_PATH){}",
            named(found)
        ));
    }
    decide(outputs, (found, &judged), &kept, machine, &mut finished);
    let failed = match finished.conclusion {
        Conclusion::Passed(_) => false,
        Conclusion::Said(said) => Verdict::from(said).status().is_failure(),
        Conclusion::Failed => true,
    };
    let file = match judged {
        Judged::Accepted(file) => file,
        Judged::Absent => ResultFile::default(),
        _ => return finished,
    };
    if script.apply_configured_networking && failed && file.link_connected.is_none() && is_without_link() {
        let status = match &finished.result {
            ResultPart::Replaced(_) => Some(verdict_of(&finished.ending)),
            _ => file.status,
        };
        replace(outputs, &ResultFile { status, link_connected: Some(false), ..file }, &mut finished);
    }
    finished
}

/// Sets the conclusion, and what is sent as the result file.
fn decide(
    outputs: &Outputs,
    (found, judged): (&Found, &Judged),
    kept: &Kept,
    machine: Machine,
    finished: &mut Finished,
) {
    finished.result = ResultPart::None;
    as_it_is(outputs, found, judged, finished);
    if let Judged::Unreadable(why) = judged {
        finished.disbelieve(format!("its result file cannot be read, so nobody knows what it says: {why}"));
        return send_alone(outputs, Some(verdict_of(&finished.ending)), finished);
    }
    let exit = match &finished.ending {
        Ending::Exited(code) => Exit::Code(*code),
        Ending::Killed(killed) => Exit::Signal(*killed),
        _ => return set_aside(outputs, judged, finished, "it was stopped"),
    };
    let (said, status) = match judged {
        Judged::Accepted(file) => (None, file.status),
        Judged::Refused(_, said) => (*said, None),
        Judged::Poison(_, status) => (None, *status),
        Judged::Absent | Judged::Unreadable(_) => (None, None),
    };
    let is_own_end = matches!(exit, Exit::Code(_)) && !matches!(kept, Kept::Lost(_));
    if let (true, Some(unpassed)) = (is_own_end, status.and_then(Verdict::unpassed)) {
        finished.conclusion = Conclusion::Said(unpassed);
        return poisoned(outputs, judged, status, finished);
    }
    let word = if status == Some(Verdict::Passed) { Said::Passed } else { Said::Nothing };
    match Evidence::weigh(&exit, kept, word, machine) {
        Ok(_) | Err(Lacking::Machine(_)) if said.is_some() => {
            let word = said.map(|said| Verdict::from(said).word()).unwrap_or_default();
            finished.disbelieve(format!("its result file says {word:?}, though it is invalid: that is no pass"));
        }
        Ok(_) | Err(Lacking::Machine(_)) if word == Said::Nothing && is_written(found) && is_full(&outputs.result) => {
            finished.disbelieve("the disk is full, so its result file may be cut: that is no pass");
        }
        Ok(evidence) => {
            finished.conclusion = Conclusion::Passed(evidence);
            poisoned(outputs, judged, status, finished);
        }
        Err(Lacking::Machine(unpassed)) => troubled(outputs, judged, unpassed, finished),
        Err(_) if finished.ending == Ending::Exited(0) => {
            finished.disbelieve("it ended with exit status 0, which is no pass without all of its output");
            set_aside(outputs, judged, finished, "not all is known of it");
        }
        Err(_) if is_own_end => poisoned(outputs, judged, status, finished),
        Err(_) => set_aside(outputs, judged, finished, "not all is known of it, or it did not end by itself"),
    }
}

/// It would have passed, but the machine itself reported trouble: the region hears the changed status.
fn troubled(outputs: &Outputs, judged: &Judged, unpassed: Unpassed, finished: &mut Finished) {
    if unpassed == Unpassed::Failed {
        finished.disbelieve("the machine reported trouble while it ran: that is no pass");
        return set_aside(outputs, judged, finished, "the machine reported trouble while it ran");
    }
    let file = if let Judged::Accepted(file) = judged { file.clone() } else { ResultFile::default() };
    finished.conclusion = Conclusion::Said(unpassed);
    replace(outputs, &ResultFile { status: Some(unpassed.into()), ..file }, finished);
}

/// The file as the script wrote it, in a copy of what was judged: what is left behind of a script may write another verdict before the region
/// has this one.
fn as_it_is(outputs: &Outputs, found: &Found, judged: &Judged, finished: &mut Finished) {
    let Found::Content(bytes) = found else { return };
    if bytes.is_empty() {
        return;
    }
    let status = if let Judged::Accepted(file) = judged { file.status } else { None };
    keep(outputs, bytes, finished);
    finished.result = ResultPart::AsItIs(status);
}

/// The region would not store the result with such a file: its status goes alone.
fn poisoned(outputs: &Outputs, judged: &Judged, status: Option<Verdict>, finished: &mut Finished) {
    let Judged::Poison(why, _) = judged else { return };
    finished
        .notes
        .push(format!("its result file is not sent, only the status in it: {why}, which a region cannot store"));
    send_alone(outputs, status, finished);
}

fn send_alone(outputs: &Outputs, status: Option<Verdict>, finished: &mut Finished) {
    match status {
        Some(_) => replace(outputs, &ResultFile { status, ..ResultFile::default() }, finished),
        None => finished.result = ResultPart::None,
    }
}

/// What a result file said does not count: a region, to which it would, gets another one.
fn set_aside(outputs: &Outputs, judged: &Judged, finished: &mut Finished, why: &str) {
    let ours = Some(verdict_of(&finished.ending));
    match judged {
        Judged::Accepted(file) if file.status.is_some() && file.status != ours => {
            finished.notes.push(format!("the status in its result file was set aside, since {why}"));
            replace(outputs, &ResultFile { status: ours, ..file.clone() }, finished);
        }
        // Perhaps the region reads what this program cannot.
        Judged::Refused(crate::script::ResultFileError::Syntax(_), _) | Judged::Poison(..) => {
            send_alone(outputs, ours, finished);
        }
        _ => {}
    }
}

/// The status that an ending without a pass has in a result file.
fn verdict_of(ending: &Ending) -> Verdict {
    if matches!(ending, Ending::TimedOut(_)) { Verdict::TimedOut } else { Verdict::Failed }
}

/// The script failed after its result file had decided something else.
pub(super) fn overrule(script: &Script, outputs: &Outputs, finished: &mut Finished) {
    let found = Found::at(&outputs.sent).unwrap_or(Found::Absent);
    if matches!(finished.result, ResultPart::None) {
        return;
    }
    finished.notes.push("the status in its result file was set aside".to_owned());
    let file = match Judged::of(&found, has_interface(script)) {
        Judged::Accepted(file) => file,
        _ => ResultFile::default(),
    };
    replace(outputs, &ResultFile { status: Some(Unpassed::Failed.into()), ..file }, finished);
}

/// Replaces what is sent; the script's own file stays.
fn replace(outputs: &Outputs, file: &ResultFile, finished: &mut Finished) {
    let alone = file.status.map(|status| format!("status: {}\n", status.word())).unwrap_or_default();
    keep(outputs, &file.to_bytes(), finished);
    finished.result = ResultPart::Replaced(alone);
}

/// Writes what is sent as the result file.
fn keep(outputs: &Outputs, bytes: &[u8], finished: &mut Finished) {
    // A file of an earlier end would be sent in its place.
    let written = fs::remove_file(&outputs.sent).or_else(absent_is_fine).and_then(|()| fs::write(&outputs.sent, bytes));
    if let Err(error) = written {
        let _ = fs::remove_file(&outputs.sent);
        finished.notes.push(format!("its result file could not be kept, so its status is sent alone: {error}"));
    }
}

fn absent_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// The word that a file has for its status, if it is none of the five.
fn named(found: &Found) -> String {
    let Found::Content(bytes) = found else { return String::new() };
    let text = String::from_utf8_lossy(bytes);
    let word = text.lines().find_map(|line| line.strip_prefix("status:")).map(str::trim).unwrap_or_default();
    if word.is_empty() || Verdict::from_word(word).is_some() {
        return String::new();
    }
    format!("; it says status: {}", word.chars().filter(|c| !c.is_control()).take(40).collect::<String>())
}

fn is_written(found: &Found) -> bool {
    matches!(found, Found::Content(_))
}

fn is_full(path: &Path) -> bool {
    let Some(Ok(disk)) = path.parent().map(rustix::fs::statvfs) else { return false };
    disk.f_bfree.saturating_mul(disk.f_frsize) < FULL || (disk.f_files > 0 && disk.f_ffree == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::runner::Interruption;
    use crate::script::{Killed, ResultFileError, Workspace, parse_index};

    /// What a script came to that wrote this (nothing: no file), and what is sent as its result file.
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
        let faults =
            ["results: [a]", "results: {a: null}", "results: {1: a}", "results: {a: {b: c}}", "link_connected: 3"];
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
        assert!(
            finished.notes[0].contains("status must be") && finished.notes[0].contains("FAIL"),
            "{:?}",
            finished.notes
        );
    }
}
