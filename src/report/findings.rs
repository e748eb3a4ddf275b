//! Incidents that the machine reported while scripts ran: the first thing to read when something is wrong.

use super::model::{Grade, TestResult};
use super::verdict::Problem;
use crate::diagnosis::{Effect, Finding};

/// A problem for each fault that counted, whatever number of scripts ran meanwhile, gravest first. A fault is never graver than the
/// gravest result that it happened to, so that no run is judged by anything but its results.
pub(super) fn problems(results: &[TestResult]) -> Vec<Problem> {
    let mut told: Vec<(&Finding, Vec<usize>)> = Vec::new();
    for (at, result) in results.iter().enumerate() {
        for finding in result.findings.iter().filter(|finding| finding.effect > Effect::Note) {
            let same =
                |(known, _): &&mut (&Finding, Vec<usize>)| known.code == finding.code && known.device == finding.device;
            match told.iter_mut().find(same) {
                Some((known, places)) => {
                    places.push(at);
                    // A later script saw the same fault again, or more of it.
                    if finding.count > known.count {
                        *known = finding;
                    }
                }
                None => told.push((finding, vec![at])),
            }
        }
    }
    let mut problems: Vec<Problem> = told.iter().map(|(finding, places)| problem(finding, places, results)).collect();
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.grade));
    problems
}

fn problem(finding: &Finding, places: &[usize], results: &[TestResult]) -> Problem {
    let grades = places.iter().filter_map(|at| results.get(*at)).map(|result| result.grade);
    let worst = grades.max().unwrap_or(Grade::Noted);
    let effect = if finding.effect == Effect::Failed { Grade::Failed } else { Grade::Degraded };
    let names: Vec<&str> = places.iter().filter_map(|at| results.get(*at)).map(|one| one.subject.as_str()).collect();
    let part = finding.part.as_ref().map(|part| format!(" ({part})")).unwrap_or_default();
    let line = finding.line.as_ref().map(|line| format!(": {line}")).unwrap_or_default();
    let times = if finding.count == 1 { "once".to_owned() } else { format!("{} times", finding.count) };
    Problem {
        grade: effect.min(worst).max(Grade::Noted),
        what: format!("{}{part}", finding.name()),
        status: format!("{}, reported {times} by the machine while {} ran", finding.severity, listed(&names)),
        reason: format!("{}{line}", finding.meaning()),
        next: finding.next().to_owned(),
        result: places.first().copied(),
    }
}

/// At most three names.
fn listed(names: &[&str]) -> String {
    match names {
        [] => "scripts".to_owned(),
        [one] => (*one).to_owned(),
        [first, second] => format!("{first} and {second}"),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    }
}
