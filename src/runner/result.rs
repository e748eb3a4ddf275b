//! The effect of a script's result file once the script has ended.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Conclusion, Ending, Finished, ResultPart, Runner};
use crate::script::{
    Evidence, Exit, Found, Judged, Kept, Lacking, Machine, Outputs, ResultFile, Said, Script, Unpassed, Verdict,
};

/// Longest wait until a result file can be opened while the system lacks descriptors or memory.
const SCARCE: Duration = Duration::from_secs(60);
/// A disk with fewer free bytes counts as full: the end of a script's output may be missing.
const FULL: u64 = 64 << 10;

impl Runner {
    /// Reads the result file, applies its status where that may count, and replaces the file where it must not.
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

/// Sets the conclusion, and the content that is sent as the result file.
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

/// Concludes a script that would have passed, had the machine not reported trouble: the region gets the changed status.
fn troubled(outputs: &Outputs, judged: &Judged, unpassed: Unpassed, finished: &mut Finished) {
    if unpassed == Unpassed::Failed {
        finished.disbelieve("the machine reported trouble while it ran: that is no pass");
        return set_aside(outputs, judged, finished, "the machine reported trouble while it ran");
    }
    let file = if let Judged::Accepted(file) = judged { file.clone() } else { ResultFile::default() };
    finished.conclusion = Conclusion::Said(unpassed);
    replace(outputs, &ResultFile { status: Some(unpassed.into()), ..file }, finished);
}

/// Sends the file as the script wrote it, from a copy of the bytes that were judged: a process that the script left behind may write
/// another verdict before the region has this one.
fn as_it_is(outputs: &Outputs, found: &Found, judged: &Judged, finished: &mut Finished) {
    let Found::Content(bytes) = found else { return };
    if bytes.is_empty() {
        return;
    }
    let status = if let Judged::Accepted(file) = judged { file.status } else { None };
    keep(outputs, bytes, finished);
    finished.result = ResultPart::AsItIs(status);
}

/// Sends only the status of a file with which the region would not store the result.
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

/// Discards the result file's status; a region, where it would count, gets another file.
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

/// The result file's status for an ending without a pass.
fn verdict_of(ending: &Ending) -> Verdict {
    if matches!(ending, Ending::TimedOut(_)) { Verdict::TimedOut } else { Verdict::Failed }
}

/// Concludes a script as failed after its result file had decided something else.
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

/// Replaces the content that is sent; the script's own file stays.
fn replace(outputs: &Outputs, file: &ResultFile, finished: &mut Finished) {
    let alone = file.status.map(|status| format!("status: {}\n", status.word())).unwrap_or_default();
    keep(outputs, &file.to_bytes(), finished);
    finished.result = ResultPart::Replaced(alone);
}

/// Writes the content that is sent as the result file.
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

/// The status in a file as its author wrote it, if it is none of the five.
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
mod tests;
