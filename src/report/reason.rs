//! Why a script result is as it is, and what to do: from its result file, the agent's notes, or its last words.

use super::model::Parameter;
use crate::diagnosis::MEANWHILE;
use crate::process::Stood;
use crate::script::{Status, Verdict};

/// Longest reason; the rest is in the output.
const LONGEST: usize = 400;
/// What a script says in its output about what to do, in the line after the reason.
const NEXT: &str = "Next:";

/// What a script result left behind.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// Status.
    pub status: Status,
    /// Exit status.
    pub exit_status: Option<i32>,
    /// The status in its result file.
    pub said: Option<Verdict>,
    /// The rest of its result file.
    pub values: &'a [Parameter],
    /// What the agent noted.
    pub notes: &'a str,
    /// The end of its standard error.
    pub stderr: &'a str,
    /// The end of all its output.
    pub output: &'a str,
}

/// Why, and what to do; nothing for a result that passed.
#[must_use]
pub fn reason_and_next(words: &Words<'_>) -> (Option<String>, Option<String>) {
    if words.status == Status::Passed {
        return (None, None);
    }
    let own = words.values.iter().find(|value| value.name == "reason").map(|value| value.value.as_str());
    let said = [own, Some(words.notes)].into_iter().flatten().find(|text| !text.trim().is_empty()).map(str::to_owned);
    let last = || last_line(words.stderr).or_else(|| last_line(words.output)).map(str::to_owned);
    let reason = match words.status {
        Status::Pending => Some("it was never begun".to_owned()),
        Status::Running | Status::Installing | Status::ApplyingNetconf => Some(match said.or_else(last) {
            Some(last) => format!("it was begun and has no result; its last words: {last}"),
            None => "it was begun and has no result".to_owned(),
        }),
        Status::TimedOut => Some(match said.or_else(last) {
            Some(last) => format!("it was stopped at its time limit; {last}"),
            None => "it was stopped at its time limit, and printed nothing".to_owned(),
        }),
        _ => said
            .or_else(|| by_result_file(words))
            .or_else(last)
            .or_else(|| words.exit_status.map(|exit| format!("it ended with exit status {exit} and printed nothing"))),
    };
    (reason.map(|reason| shortened(&reason)), next(words))
}

/// A status that its result file decided needs no other reason: what it printed last may be of something else. Its errors may tell more.
fn by_result_file(words: &Words<'_>) -> Option<String> {
    let said = words.said.filter(|said| said.status() == words.status)?;
    let exit = words.exit_status.map(|exit| format!(" (exit status {exit})")).unwrap_or_default();
    let error = last_line(words.stderr).map(|line| format!("; its last error: {line}")).unwrap_or_default();
    Some(format!("its result file says {:?}{exit}{error}", said.word()))
}

/// The script's own output, without the agent's sections, which come last.
fn own(text: &str) -> &str {
    let sections = [MEANWHILE, Stood::HANGING, Stood::AT_LIMIT];
    let begin = sections.iter().filter_map(|heading| text.find(&format!("\n{heading}\n"))).min();
    begin.map_or(text, |begin| &text[..begin])
}

fn last_line(text: &str) -> Option<&str> {
    own(text).lines().rev().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(NEXT))
}

fn next(words: &Words<'_>) -> Option<String> {
    let told = words.output.lines().find_map(|line| line.trim().strip_prefix(NEXT));
    if let Some(told) = told.map(str::trim).filter(|told| !told.is_empty()) {
        return Some(shortened(told));
    }
    let text = match words.status {
        Status::Passed | Status::Skipped => return None,
        Status::Degraded => "read its output below: it says what is not as it should be",
        Status::TimedOut => {
            "see below where its output stops: give it more time (its timeout or the parameter runtime) if the work is sound, else look \
             at the device"
        }
        Status::Aborted => "run it again: it was given up before it had a result",
        Status::FailedInstalling => {
            "see whether this machine reaches its package archives, and the package names in the script's header"
        }
        Status::FailedApplyingNetconf => "see the network configuration that the region has for this machine",
        Status::Pending | Status::Running | Status::Installing | Status::ApplyingNetconf => {
            "wait if the run is still at work; else `shakedown run` goes on with it"
        }
        Status::Failed => "read the end of its output below, mend what it names, and run it again",
    };
    Some(text.to_owned())
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(status: Status, output: &str) -> Words<'_> {
        Words { status, exit_status: Some(3), said: None, values: &[], notes: "", stderr: "", output }
    }

    #[test]
    fn a_result_file_knows_best_then_the_agent_then_the_last_words() {
        let values = [Parameter { name: "reason".into(), value: "the drive is dying".into() }];
        let mut told = Words { notes: "noted", stderr: "no such file\n\n", ..words(Status::Failed, "out\nend\n") };
        let reason = |words: &Words<'_>| reason_and_next(words).0.unwrap_or_default();
        assert_eq!(reason(&Words { values: &values, ..told }), "the drive is dying");
        assert_eq!(reason(&told), "noted");
        told.notes = "";
        assert_eq!(reason(&told), "no such file");
        told.stderr = "";
        assert_eq!(reason(&told), "end");
        assert_eq!(reason(&words(Status::Failed, "")), "it ended with exit status 3 and printed nothing");
    }

    #[test]
    fn what_the_agent_added_is_not_what_the_script_said_last() {
        for heading in [MEANWHILE, Stood::HANGING, Stood::AT_LIMIT] {
            let output = format!("half way\n\n{heading}\n- sh (1): waits\n");
            let reason = reason_and_next(&words(Status::TimedOut, &output)).0;
            assert_eq!(reason.as_deref(), Some("it was stopped at its time limit; half way"));
        }
    }

    #[test]
    fn a_failure_by_result_file_has_that_for_its_reason() {
        let said =
            |verdict, output| Words { said: Some(verdict), exit_status: Some(0), ..words(Status::Failed, output) };
        let reason = |words: &Words<'_>| reason_and_next(words).0.unwrap_or_default();
        let told = said(Verdict::Failed, "all good\n");
        assert_eq!(reason(&told), r#"its result file says "failed" (exit status 0)"#);
        let told = Words { stderr: "bad sector\n", ..told };
        assert_eq!(reason(&told), r#"its result file says "failed" (exit status 0); its last error: bad sector"#);
        assert_eq!(reason(&Words { notes: "noted", ..told }), "noted");
        assert_eq!(reason(&said(Verdict::Passed, "all good\n")), "all good", "another status decided");
    }

    #[test]
    fn what_a_script_says_is_next_is_told() {
        let output = "failed: sda: dying\n    Next: replace the drive\nmore\n";
        assert_eq!(reason_and_next(&words(Status::Failed, output)).1.as_deref(), Some("replace the drive"));
    }

    #[test]
    fn only_a_pass_has_no_reason_and_a_long_one_is_cut() {
        for status in Status::ALL {
            let (reason, _) = reason_and_next(&words(status, "x"));
            assert_eq!(reason.is_none(), status == Status::Passed, "{status}");
        }
        let long = "x".repeat(10_000);
        assert!(reason_and_next(&words(Status::Failed, &long)).0.is_some_and(|reason| reason.len() < 500));
    }
}
