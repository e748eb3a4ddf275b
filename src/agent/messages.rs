//! The texts that an operator reads on the region, as the reference words them (contract REGION, `error`).

use std::path::Path;
use std::time::Duration;

use crate::diagnosis::{Effect, Finding};
use crate::runner::{Ending, Finished};
use crate::script::{Script, ScriptType, Status};

/// The run is not over: the region is told nothing, and the next start goes on.
pub(super) const GOING_DOWN: &str =
    "This machine is going down under a script that may reboot it; the run goes on when the agent is started again";
pub(super) const ALL_RAN: &str = "All scripts successfully ran";
pub(super) const STOPPED: &str = "The run was stopped on the machine before all scripts had ended";

/// To a region that has nothing to run: a machine that enters rescue mode has entered it with that.
pub(super) const UP: &str = "The ephemeral system is up";

/// The region has every result of a run that nothing is known of here. In 255 characters, which is all that it keeps.
pub(super) const FORGOTTEN_RUN: &str = "The region had every result of this run, but the agent's record of it is gone, after a loss of power perhaps, \
                                        and it passes nothing that it has not seen. Look at the results, then commission or test again";

/// To the operator, after [`FORGOTTEN_RUN`].
pub(super) const TOLD_FAILED: &str = "The region was told FAILED, in case it waits for the end of a run whose record is gone; otherwise that changes nothing";

/// The region had begun tests that nobody here remembers. In 255 characters, too.
pub(super) const FORGOTTEN_TESTS: &str = "The agent's record of the beginning of this run is gone, after a loss of power perhaps. Tests that ended before are \
                                          not known to it, and it passes nothing that it has not seen. Look at the results, then test again";

/// Scripts that were handed out, and then no more.
pub(super) fn never_ended(names: &[&str]) -> String {
    format!(
        "{} of the scripts that the region handed out never ran, since it does not hand them out any more: {}. Test again",
        names.len(),
        names.join(", ")
    )
}

/// The end of a run that the region had nothing for.
pub(super) const NOTHING: &str = "The region has nothing to run";

pub(super) fn starting(script: &Script) -> String {
    format!("Starting {}", script.label())
}

pub(super) fn applying(script: &Script) -> String {
    format!("Applying custom network configuration for {}", script.label())
}

pub(super) fn installing(script: &Script, what: &str) -> String {
    format!("{what} for {}", script.label())
}

pub(super) fn finished(script: &Script, finished: &Finished) -> String {
    let label = script.label();
    let exit = finished.ending.exit_status();
    let mut text = match &finished.ending {
        Ending::Exited(_) | Ending::Killed(_) => format!("Finished {label}: {exit}"),
        Ending::TimedOut(limit) => format!("Timeout({}) expired on {label}", clock(*limit)),
        Ending::NotExecuted(_) => format!("Failed to execute {label}: {exit}"),
        Ending::Interrupted(why) => format!("{label} was interrupted by {}", why.text()),
        Ending::NotInstalled(_) => format!("Failed installing package(s) for {label}: {exit}"),
        Ending::NetworkingFailed(_) => format!("Failed to apply custom network configuration for {label}: {exit}"),
    };
    for note in &finished.notes {
        text.push_str("; ");
        text.push_str(note);
    }
    text
}

/// What an operator should see of an end that the region's own events do not tell.
pub(super) fn beyond_the_region(script: &Script, status: Status, finished: &Finished) -> Option<String> {
    let subject = script.subject();
    match (&finished.ending, status) {
        (Ending::Interrupted(why), _) => Some(format!("{subject} was interrupted by {}", why.text())),
        (_, Status::Degraded) => Some(match reported(finished) {
            Some(reported) => format!("{subject} is degraded: {reported}"),
            None => format!("{subject} is degraded: its output and results say why"),
        }),
        _ if !finished.notes.is_empty() => Some(format!("{subject}: {}", finished.notes.join("; "))),
        _ => None,
    }
}

/// The faults that the machine reported and that made the status what it is: code, device and number of each.
fn reported(finished: &Finished) -> Option<String> {
    let counts = finished.findings.iter().filter(|finding| finding.effect > Effect::Note);
    let named: Vec<String> = counts.map(Finding::words).collect();
    (!named.is_empty()).then(|| format!("while it ran, the machine reported {}", named.join(", ")))
}

/// The region does not take the credentials that it gave when the machine enlisted; the file that held them was deleted.
pub(super) fn forgotten(file: &Path) -> String {
    format!(
        "The region refuses the credentials that this machine got when it enlisted, so it may have been deleted there. {} was deleted: \
         the next start enlists the machine anew",
        file.display()
    )
}

/// What waited to be told of a BMC cannot be told: the script's file is gone.
pub(super) fn bmc_lost(finder: &str, file: &Path) -> String {
    format!(
        "the access to the BMC that {finder} found is gone from this machine ({}): it was lost, or the region got it just before the agent \
         was cut off. If the region has no power settings for this machine, run {finder} again or set them there",
        file.display()
    )
}

/// The end of a run whose scripts passed, and of which the region does not have every result.
pub(super) fn not_taken(refused: &[(String, String)]) -> String {
    let (first, reason) = refused.first().map_or(("", ""), |(label, reason)| (label.as_str(), reason.as_str()));
    let more = if refused.len() > 1 { format!(" and {} more", refused.len() - 1) } else { String::new() };
    format!(
        "The region did not take the {first}{more}, so the run has not passed. The results are kept: shakedown deliver --refused ({reason})"
    )
}

pub(super) fn failed_to_run(count: usize, kind: ScriptType) -> String {
    format!("{count} {} scripts failed to run", kind.in_messages())
}

/// Why a message of the journal is not sent.
pub(super) fn forged(path: &Path) -> String {
    format!("it names {}, which is no output of a script: no run has written that, and it is not sent", path.display())
}

/// `H:MM:SS`, with days in front where there are any.
fn clock(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        more => format!("{more} days, "),
    };
    format!("{days}{hours}:{minutes:02}:{:02}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_takes_the_texts_of_the_end_of_a_run() {
        for text in [GOING_DOWN, ALL_RAN, STOPPED, FORGOTTEN_RUN, UP] {
            assert!(text.chars().count() <= 255, "{text}");
        }
    }

    #[test]
    fn the_event_of_a_changed_status_names_what_the_machine_reported() {
        use crate::diagnosis::{Code, Severity};
        let finding = Finding {
            code: Code::PcieCorrected,
            severity: Severity::Warning,
            device: "0000:3b:00.0".into(),
            part: None,
            count: 12,
            effect: Effect::Degraded,
            after: None,
            line: None,
        };
        let told = Finding { effect: Effect::Note, device: "0000:5e:00.0".into(), ..finding.clone() };
        let script = Script::placeholder(ScriptType::Testing, "fio", None);
        let finished = Finished { findings: vec![finding, told], ..Finished::failed(Ending::Exited(0)) };
        let text = beyond_the_region(&script, Status::Degraded, &finished).expect("an event");
        assert!(
            text.ends_with("is degraded: while it ran, the machine reported pcie-corrected of 0000:3b:00.0 (12 times)"),
            "{text}"
        );
    }

    #[test]
    fn spans_are_written_as_the_reference_writes_them() {
        assert_eq!(clock(Duration::from_secs(60)), "0:01:00");
        assert_eq!(clock(Duration::from_secs(86_400 + 3600 + 1)), "1 day, 1:00:01");
    }
}
