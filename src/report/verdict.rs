//! How a run went, in one line, and everything that is not well.

use serde::Serialize;

use super::findings;
use super::model::{Grade, Run, TestResult, Undelivered};
use crate::journal::RunEnd;

/// How a run went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The whole; `passed` only when the run came to its end, nothing failed and the region has everything.
    pub grade: Grade,
    /// In one sentence.
    pub headline: String,
}

/// Something that is not well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How it is.
    pub grade: Grade,
    /// What it is about.
    pub what: String,
    /// Its status.
    pub status: String,
    /// Why.
    pub reason: String,
    /// What to do.
    pub next: String,
    /// Place of its result among the results.
    pub result: Option<usize>,
}

/// Judges a run. A failure outweighs what is unfinished, that what is undelivered, that what is degraded. What the machine itself reported
/// comes first among the problems: the results follow from it.
pub(super) fn verdict(run: &Run, results: &[TestResult], undelivered: &[Undelivered]) -> (Verdict, Vec<Problem>) {
    let mut problems: Vec<Problem> =
        results.iter().enumerate().filter_map(|(at, result)| of_result(at, result)).collect();
    problems.extend(of_run(run, results));
    problems.extend(of_delivery(undelivered));
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.grade));
    problems.splice(0..0, findings::problems(results));
    let worst = problems.iter().map(|problem| problem.grade).max();
    let is_tested = results.iter().any(|result| result.grade == Grade::Passed);
    let grade = worst.unwrap_or(if is_tested { Grade::Passed } else { Grade::Skipped });
    let mut headline = headline(grade, run, results, &problems);
    if !run.is_for_region && !results.is_empty() {
        headline.push_str(" The region was told nothing of this run.");
    }
    (Verdict { grade, headline }, problems)
}

fn of_result(at: usize, result: &TestResult) -> Option<Problem> {
    if matches!(result.grade, Grade::Passed | Grade::Skipped) {
        return noted(at, result);
    }
    Some(Problem {
        grade: result.grade,
        what: result.subject.clone(),
        status: match result.exit_status {
            Some(exit) if exit != 0 => format!("{} (exit status {exit})", result.status),
            _ => result.status.name().to_owned(),
        },
        reason: result.reason.clone().unwrap_or_default(),
        next: result.next.clone().unwrap_or_default(),
        result: Some(at),
    })
}

/// What the agent noted of a result that ended well: a result file that the region does not accept, perhaps, so that what the script
/// said in it counts for nothing.
fn noted(at: usize, result: &TestResult) -> Option<Problem> {
    (!result.notes.trim().is_empty()).then(|| Problem {
        grade: Grade::Noted,
        what: result.subject.clone(),
        status: format!("{}, with a note", result.status),
        reason: result.notes.clone(),
        next: "look at what it printed, below, before you rely on this result; where the note names a mistake of the script, mend that"
            .to_owned(),
        result: Some(at),
    })
}

fn of_run(run: &Run, results: &[TestResult]) -> Option<Problem> {
    let problem = |grade, status: &str, reason: &str, next: &str| Problem {
        grade,
        what: format!("Run {}", run.id),
        status: status.to_owned(),
        reason: reason.to_owned(),
        next: next.to_owned(),
        result: None,
    };
    let outcome = run.outcome.as_deref().unwrap_or_default();
    let broke_off = || Some(problem(Grade::Failed, "Broke off", outcome, "mend what it names, and run it again"));
    match (&run.ended, run.end) {
        (None, _) => Some(problem(
            Grade::Unfinished,
            "Not at its end",
            "it is under way, or was interrupted; what it has not begun is not known to this report",
            "wait if it is still at work; else `shakedown run` goes on with it",
        )),
        (Some(_), Some(RunEnd::Abandoned)) => Some(problem(
            Grade::Unfinished,
            "Given up",
            "another run was begun in its place",
            "see the report of that run (`shakedown runs`)",
        )),
        (Some(_), Some(RunEnd::Unfinished)) => Some(problem(
            Grade::Undelivered,
            "Not at its end",
            outcome,
            "the next synchronisation brings the rest; see whether the region can be reached",
        )),
        (Some(_), Some(RunEnd::NotTaken)) => Some(problem(
            Grade::Undelivered,
            "Failed at the region",
            outcome,
            "mend what kept the region from the result, and run it again",
        )),
        // The failures speak for themselves, if they are there.
        (Some(_), Some(RunEnd::Failed)) if results.iter().any(|result| result.grade == Grade::Failed) => None,
        (Some(_), None | Some(RunEnd::Failed | RunEnd::Stopped | RunEnd::Refused)) => broke_off(),
        // A script without an end speaks for itself, too.
        (
            Some(_),
            Some(RunEnd::Passed | RunEnd::Nothing | RunEnd::Registered | RunEnd::Synchronised | RunEnd::Noticed),
        ) => None,
    }
}

fn of_delivery(undelivered: &[Undelivered]) -> Option<Problem> {
    let (refused, waiting): (Vec<_>, Vec<_>) = undelivered.iter().partition(|message| message.is_refused);
    let first = refused.first().or(waiting.first())?;
    let counts = [(waiting.len(), "waiting"), (refused.len(), "refused")];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    Some(Problem {
        grade: Grade::Undelivered,
        what: "Delivery to the region".to_owned(),
        status: format!("Not everything: {}", counts.collect::<Vec<_>>().join(", ")),
        reason: match first.reason.as_str() {
            "" => format!("the region has not taken: {}", first.message),
            reason => format!("the region refused the {}: {reason}", first.message),
        },
        next: if waiting.is_empty() {
            "see what the region said, below; the results are kept on this machine".to_owned()
        } else {
            "`shakedown deliver` sends what waits once the region answers".to_owned()
        },
        result: None,
    })
}

fn headline(grade: Grade, run: &Run, results: &[TestResult], problems: &[Problem]) -> String {
    let count = |grade: Grade| results.iter().filter(|result| result.grade == grade).count();
    let total = results.len();
    let scripts = |count: usize| if count == 1 { "1 script".to_owned() } else { format!("{count} scripts") };
    let skipped = match count(Grade::Skipped) {
        0 => String::new(),
        skipped => format!("; {skipped} had nothing to do here"),
    };
    match grade {
        Grade::Passed => format!("{} of {} passed{skipped}.", count(Grade::Passed), scripts(total)),
        Grade::Skipped if results.is_empty() => match run.outcome.as_deref() {
            Some(outcome) if !outcome.is_empty() => format!("No script was run: {outcome}."),
            _ => "No script was run.".to_owned(),
        },
        Grade::Skipped => format!("Nothing was tested: none of {} had anything to do here.", scripts(total)),
        Grade::Degraded => format!("Nothing failed; {} of {} degraded.", count(Grade::Degraded), scripts(total)),
        Grade::Noted => format!(
            "Nothing failed; {} of {} ended well and should be looked at all the same.",
            problems.iter().filter(|problem| problem.grade == Grade::Noted).count(),
            scripts(total)
        ),
        Grade::Undelivered if results.is_empty() => "The region does not have everything.".to_owned(),
        Grade::Undelivered => "The scripts ended, but the region does not have everything.".to_owned(),
        Grade::Unfinished => match count(Grade::Unfinished) {
            0 => "The run did not come to its end; it says nothing about what it did not run.".to_owned(),
            open => format!("{open} of {} without a result; nothing is known of what they test.", scripts(total)),
        },
        Grade::Failed => match (count(Grade::Failed), count(Grade::Unfinished)) {
            (0, _) => format!(
                "The run broke off: {}.",
                problems
                    .iter()
                    .find(|problem| problem.grade == Grade::Failed)
                    .map_or("", |problem| problem.reason.trim_end_matches('.'))
            ),
            (failed, 0) => format!("{failed} of {} failed.", scripts(total)),
            (failed, open) => format!("{failed} of {} failed, {open} without a result.", scripts(total)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Excerpt;
    use crate::script::Status;

    fn result(status: Status) -> TestResult {
        TestResult {
            subject: "a".into(),
            script: "a".into(),
            set: "testing".into(),
            status,
            grade: Grade::of(status),
            reason: None,
            next: None,
            exit_status: None,
            started: None,
            ended: None,
            seconds: None,
            sha256: None,
            result_id: None,
            parameters: Vec::new(),
            values: Vec::new(),
            notes: String::new(),
            findings: Vec::new(),
            cost: None,
            meanwhile: None,
            output: Excerpt::default(),
        }
    }

    fn run(end: Option<RunEnd>) -> Run {
        let outcome = end.map(|end| format!("any words for {}", end.word()));
        Run { id: 7, ended: end.map(|_| String::new()), end, is_for_region: true, outcome, ..Run::default() }
    }

    fn grade(run: &Run, statuses: &[Status], undelivered: &[Undelivered]) -> Grade {
        let results: Vec<TestResult> = statuses.iter().map(|status| result(*status)).collect();
        verdict(run, &results, undelivered).0.grade
    }

    #[test]
    fn only_a_whole_run_that_the_region_knows_of_has_passed() {
        let (whole, message) = (run(Some(RunEnd::Passed)), |is_refused| Undelivered {
            message: "signal".into(),
            is_refused,
            is_result: true,
            reason: String::new(),
        });
        assert_eq!(grade(&whole, &[Status::Passed, Status::Skipped], &[]), Grade::Passed);
        assert_eq!(grade(&whole, &[Status::Passed], &[message(false)]), Grade::Undelivered);
        assert_eq!(grade(&whole, &[Status::Passed], &[message(true)]), Grade::Undelivered);
        assert_eq!(grade(&whole, &[Status::Passed, Status::Degraded], &[]), Grade::Degraded);
        assert_eq!(grade(&run(None), &[Status::Passed], &[]), Grade::Unfinished);
        assert_eq!(grade(&run(Some(RunEnd::Abandoned)), &[Status::Passed], &[]), Grade::Unfinished);
        assert_eq!(grade(&run(Some(RunEnd::Stopped)), &[Status::Passed], &[]), Grade::Failed);
        assert_eq!(grade(&whole, &[Status::Skipped], &[]), Grade::Skipped);
        assert_eq!(grade(&whole, &[], &[]), Grade::Skipped);
        for status in Status::ALL {
            let expected = [Status::Passed].contains(&status);
            assert_eq!(grade(&whole, &[status], &[]) == Grade::Passed, expected, "{status}");
        }
    }

    #[test]
    fn that_a_run_was_stopped_is_told_besides_its_failures() {
        let of_run = |end| {
            let (_, problems) = verdict(&run(Some(end)), &[result(Status::Failed)], &[]);
            problems.iter().filter(|problem| problem.result.is_none()).count()
        };
        assert_eq!(of_run(RunEnd::Stopped), 1);
        assert_eq!(of_run(RunEnd::Failed), 0);
    }

    #[test]
    fn no_end_but_a_whole_one_lets_a_run_pass() {
        for end in RunEnd::ALL {
            let passes = grade(&run(Some(*end)), &[Status::Passed], &[]) == Grade::Passed;
            let expected = end.may_be_complete() && *end != RunEnd::Failed;
            assert_eq!(passes, expected, "{end:?}");
        }
        assert_ne!(grade(&Run { end: None, ..run(Some(RunEnd::Passed)) }, &[Status::Passed], &[]), Grade::Passed);
    }

    #[test]
    fn what_was_noted_of_a_pass_is_a_problem_that_is_shown() {
        let noted =
            TestResult { notes: "its result file is not accepted: status must be".into(), ..result(Status::Passed) };
        let (verdict, problems) = verdict(&run(Some(RunEnd::Passed)), &[noted, result(Status::Passed)], &[]);
        assert_eq!((verdict.grade, problems.len()), (Grade::Noted, 1));
        assert!(problems[0].reason.contains("status must be") && problems[0].result == Some(0), "{problems:?}");
        assert_eq!(verdict.headline, "Nothing failed; 1 of 2 scripts ended well and should be looked at all the same.");
    }

    #[test]
    fn what_the_machine_reported_comes_before_the_results_that_follow_from_it() {
        use crate::diagnosis::{Code, Effect, Finding, Severity};
        let finding = |effect, count| Finding {
            code: Code::MemoryUncorrected,
            severity: Severity::Error,
            device: "DIMM_A1".into(),
            part: None,
            count,
            effect,
            after: None,
            line: Some("EDAC MC0: 1 UE".into()),
        };
        let with = |status, effect, count| TestResult { findings: vec![finding(effect, count)], ..result(status) };
        let results = [
            result(Status::TimedOut),
            with(Status::Failed, Effect::Failed, 1),
            with(Status::Failed, Effect::Failed, 3),
            with(Status::Passed, Effect::Note, 3),
        ];
        let (told, problems) = verdict(&run(Some(RunEnd::Failed)), &results, &[]);
        assert_eq!(told.headline, "3 of 4 scripts failed.");
        assert_eq!((problems.len(), problems[0].result, problems[0].grade), (4, Some(1), Grade::Failed));
        assert_eq!(problems[0].what, "memory-uncorrected of DIMM_A1");
        assert_eq!(problems[0].status, "error, reported 3 times by the machine while a and a ran");
        assert!(problems[0].reason.ends_with("could not correct: EDAC MC0: 1 UE"), "{problems:?}");
        // A script that had nothing to do here keeps its word; the run is one to look at.
        let skipped = [result(Status::Passed), with(Status::Skipped, Effect::Failed, 1)];
        let (told, problems) = verdict(&run(Some(RunEnd::Passed)), &skipped, &[]);
        assert_eq!((told.grade, problems[0].grade), (Grade::Noted, Grade::Noted));
    }

    #[test]
    fn what_failed_comes_first() {
        let results = [result(Status::Degraded), result(Status::Running), result(Status::TimedOut)];
        let (verdict, problems) = verdict(&run(None), &results, &[]);
        assert_eq!(verdict.headline, "1 of 3 scripts failed, 1 without a result.");
        let grades: Vec<Grade> = problems.iter().map(|problem| problem.grade).collect();
        assert_eq!(grades, [Grade::Failed, Grade::Unfinished, Grade::Unfinished, Grade::Degraded]);
    }
}
