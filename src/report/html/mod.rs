//! One page that holds everything: no network, no font, no script but its own few lines, which it does without.
//!
//! The verdict comes first, then what is wrong and what to do, then how it went, then all that is known.

mod details;
mod drawing;
mod escape;
mod graph;
mod icon;
mod result;
mod timeline;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::model::{Grade, Report};
use super::time::{between, length, moment};
use super::verdict::Problem;
pub use escape::Html;
use icon::{icon, symbols};

const STYLE: &str = include_str!("style.css");
const FILTER: &str = include_str!("filter.js");
/// Most problems in the first screenful; the others follow folded.
const FIRST: usize = 6;

pub(super) fn page(report: &Report) -> String {
    let machine = if report.machine.hostname.is_empty() { "this machine" } else { report.machine.hostname.as_str() };
    let grade = report.verdict.grade.word();
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}: run {} on {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        // Whatever gets into the page, this alone runs and is heeded.
        STANDARD.encode(Sha256::digest(STYLE)),
        STANDARD.encode(Sha256::digest(FILTER)),
        grade.to_uppercase(),
        report.run.id,
        Html(machine),
    );
    html.push_str(&symbols());
    html.push_str(&head(report, machine));
    html.push_str(&format!("<main>\n{}", contents(report)));
    html.push_str(&timeline::section(&report.run, &report.results, report.load.as_ref()));
    html.push_str(&result::section(&report.results));
    html.push_str(&drawing::section(&report.tests));
    html.push_str(&details::acceptance(report.acceptance.as_ref()));
    html.push_str(&details::disks(&report.disks));
    html.push_str(&details::inventory(report.inventory.as_ref()));
    html.push_str(&details::changes(&report.changes));
    html.push_str(&details::delivery(&report.undelivered, report.undelivered_left_out));
    html.push_str(&details::log(&report.log));
    html.push_str(&format!(
        "</main>\n<footer>Written by {} from the journal of the machine. All times are UTC.</footer>\n",
        report.program
    ));
    html.push_str(&format!("<script>{FILTER}</script>\n</body>\n</html>\n"));
    html
}

fn head(report: &Report, machine: &str) -> String {
    let (run, verdict) = (&report.run, &report.verdict);
    let system_id = report.machine.system_id.as_ref().map(|id| format!(" <span class=\"id\">{}</span>", Html(id)));
    let mut html = format!(
        "<header class=\"{grade}\">\n<p class=\"where\"><b>{}</b>{} <span>run {}</span> <span>{}</span></p>\n\
         <h1>{} {}</h1>\n<p class=\"headline\">{}</p>\n{}",
        Html(machine),
        system_id.unwrap_or_default(),
        run.id,
        moment(&run.started),
        icon(verdict.grade),
        title(verdict.grade),
        Html(&verdict.headline),
        counts(report),
        grade = verdict.grade.word(),
    );
    html.push_str(&problems(&report.problems));
    html + &facts(report) + "</header>\n"
}

fn title(grade: Grade) -> &'static str {
    match grade {
        Grade::Skipped => "Nothing tested",
        Grade::Passed => "Passed",
        Grade::Noted => "Look at it",
        Grade::Degraded => "Degraded",
        Grade::Undelivered => "Not delivered",
        Grade::Unfinished => "Unfinished",
        Grade::Failed => "Failed",
    }
}

/// How many results there are of each kind, gravest first.
fn counts(report: &Report) -> String {
    let kinds = [Grade::Failed, Grade::Unfinished, Grade::Degraded, Grade::Passed, Grade::Skipped];
    let counted = kinds.into_iter().filter_map(|grade| {
        let count = report.results.iter().filter(|result| result.grade == grade).count();
        (count > 0)
            .then(|| format!("<li class=\"{word}\">{}<b>{count}</b> {word}</li>", icon(grade), word = grade.word()))
    });
    format!("<ul class=\"counts\">{}</ul>\n", counted.collect::<String>())
}

/// What is broken, why, and what to do.
fn problems(problems: &[Problem]) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let (first, rest) = problems.split_at(problems.len().min(FIRST));
    let mut html = format!("<ol class=\"problems\">\n{}</ol>\n", first.iter().map(problem).collect::<String>());
    if !rest.is_empty() {
        let rest_of_them: String = rest.iter().map(problem).collect();
        html.push_str(&format!(
            "<details class=\"more\"><summary>{} more</summary>\n<ol class=\"problems\">\n{rest_of_them}</ol></details>\n",
            rest.len()
        ));
    }
    html
}

fn problem(problem: &Problem) -> String {
    let name = match problem.result {
        Some(at) => format!("<a href=\"#r{at}\">{}</a>", Html(&problem.what)),
        None => Html(&problem.what).to_string(),
    };
    format!(
        "<li class=\"{}\">{}<div><p class=\"what\"><b>{name}</b> <span>{}</span></p><p class=\"why\">{}</p><p class=\"next\"><span>Next</span> {}</p></div></li>\n",
        problem.grade.word(),
        icon(problem.grade),
        Html(&problem.status),
        Html(&problem.reason),
        Html(&problem.next),
    )
}

fn facts(report: &Report) -> String {
    let run = &report.run;
    let ended = run.ended.as_deref().map_or_else(|| "not at its end".to_owned(), moment);
    // The clock of the day may have been set in mid-run.
    let by_day = || run.ended.as_deref().and_then(|ended| between(&run.started, ended));
    let lasted = length(run.seconds.or_else(by_day));
    let rows = [
        ("Started", moment(&run.started)),
        ("Ended", ended),
        ("Lasted", lasted),
        ("Region", run.region.clone()),
        ("Asked for by", run.requested_by.clone()),
        ("Outcome", run.outcome.clone().unwrap_or_default()),
        ("Kept in", run.storage.clone()),
    ];
    format!("<dl class=\"facts\">{}</dl>\n", pairs(&rows))
}

/// Names and values, as far as there are values.
fn pairs(rows: &[(&str, String)]) -> String {
    let known = rows.iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", Html(name), Html(value))).collect()
}

fn contents(report: &Report) -> String {
    let entries = [
        ("timeline", "Timeline", !report.results.is_empty()),
        ("results", "Results", !report.results.is_empty()),
        ("tests", "Tests of hardware", !report.tests.is_empty()),
        ("acceptance", "Acceptance", report.acceptance.is_some()),
        ("disks", "Disks", true),
        ("inventory", "Inventory", true),
        ("changes", "Hardware changes", true),
        ("delivery", "Delivery", !report.undelivered.is_empty()),
        ("log", "Log", true),
    ];
    let shown = entries.iter().filter(|(_, _, is_there)| *is_there);
    let links: String = shown.map(|(id, name, _)| format!("<a href=\"#{id}\">{name}</a>")).collect();
    format!("<nav aria-label=\"Contents\">{links}</nav>\n")
}
