//! What a script's result file means once the script has ended.

use std::fs;

use super::{Ending, Finished};
use crate::host::Host;
use crate::script::{Outputs, ResultFile, Script, Verdict};

/// An invalid result file larger than this is not sent: the region would only log it.
const LARGEST_INVALID: usize = 64 << 10;

/// Reads the result file, lets it decide what it may decide, and changes it where it must not decide.
pub(super) fn conclude(
    script: &Script,
    outputs: &Outputs,
    interface: Option<&str>,
    host: &Host,
    mut finished: Finished,
) -> Finished {
    let has_interface = script.parameters.iter().any(|(_, parameter)| parameter.kind == "interface");
    let read = ResultFile::bytes(&outputs.result);
    let bytes = read.as_deref().unwrap_or_default().to_vec();
    let mut file = match read.and_then(|bytes| ResultFile::parse(&bytes, has_interface)) {
        Ok(file) => file,
        Err(error) => {
            finished.notes.push(format!(
                "its result file is invalid, so its exit status decides: {error} (see contract of RESULT_PATH)"
            ));
            finished.has_result = (1..=LARGEST_INVALID).contains(&bytes.len()) && finished.ending.may_be_overruled();
            return finished;
        }
    };
    let mut changed = false;
    let unfinished = match finished.ending {
        Ending::TimedOut(_) => Some(Verdict::TimedOut),
        Ending::Interrupted(_) => Some(Verdict::Failed),
        _ => None,
    };
    // A script that was stopped may have written "passed" before its work was done.
    if let Some(verdict) = unfinished
        && file.status.is_some_and(|said| said != verdict)
    {
        file.status = Some(verdict);
        changed = true;
        finished.notes.push("the status in its result file was set aside, since it was stopped".to_owned());
    }
    finished.verdict = file.status;
    if link_is_missing(script, interface, host, &file, &finished) {
        file.link_connected = Some(false);
        changed = true;
    }
    if changed && let Err(error) = fs::write(&outputs.result, file.to_bytes()) {
        finished.notes.push(format!("its result file could not be changed and is not sent: {error}"));
        finished.has_result = false;
        return finished;
    }
    finished.has_result = changed || !bytes.is_empty();
    finished
}

impl Ending {
    /// Whether a result file may say something else than the ending itself.
    fn may_be_overruled(&self) -> bool {
        !matches!(self, Ending::TimedOut(_) | Ending::Interrupted(_))
    }
}

fn link_is_missing(
    script: &Script,
    interface: Option<&str>,
    host: &Host,
    file: &ResultFile,
    finished: &Finished,
) -> bool {
    let failed = match finished.verdict {
        Some(verdict) => verdict.status().is_failure(),
        None => finished.ending.exit_status() != 0,
    };
    script.apply_configured_networking
        && failed
        && file.link_connected.is_none()
        && interface.is_some_and(|name| !host.link_is_up(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::Interruption;
    use crate::script::{Workspace, parse_index};
    use std::time::Duration;

    fn concluded(written: &str, ending: Ending, operstate: &str) -> (Finished, String) {
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
        let finished = Finished { ending, verdict: None, runtime: None, has_result: false, notes: Vec::new() };
        let finished = conclude(&script, &outputs, Some("eth0"), &Host::at(root.path()), finished);
        let left = fs::read_to_string(&outputs.result).unwrap_or_default();
        (finished, left)
    }

    #[test]
    fn a_stopped_script_has_not_passed_whatever_it_wrote() {
        let limit = Duration::from_secs(1);
        let (finished, left) = concluded("status: passed\nresults: {a: 1}", Ending::TimedOut(limit), "up");
        assert_eq!(finished.verdict, Some(Verdict::TimedOut));
        assert_eq!(left, r#"{"status":"timedout","results":{"a":1}}"#);
        let (finished, left) = concluded("status: passed", Ending::Interrupted(Interruption::Reboot), "up");
        assert_eq!((finished.verdict, left.as_str()), (Some(Verdict::Failed), r#"{"status":"failed"}"#));
        let (finished, _) = concluded("status: [", Ending::TimedOut(limit), "up");
        assert!(!finished.has_result && finished.verdict.is_none());
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
        let (finished, _) = concluded("status: great", Ending::Exited(0), "up");
        assert_eq!(finished.verdict, None);
        assert!(finished.has_result, "the region tells the operator too");
        assert!(finished.notes[0].contains("status must be"), "{:?}", finished.notes);
    }
}
