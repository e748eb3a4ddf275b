//! Each script result with what it printed. What is not well stands open.

use super::escape::Html;
use super::icon::icon;
use super::pairs;
use crate::report::excerpt::Excerpt;
use crate::report::load::machine_meanwhile;
use crate::report::model::{Grade, TestResult};
use crate::report::time::{length, moment};
use crate::report::used::used;

pub(super) fn section(results: &[TestResult]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let mut html = "<section id=\"results\">\n<h2>Results</h2>\n".to_owned();
    let mut set = "";
    for (at, result) in results.iter().enumerate() {
        if result.set != set {
            set = &result.set;
            html.push_str(&format!("<h3>{}</h3>\n", Html(set)));
        }
        html.push_str(&one(at, result));
    }
    html + "</section>\n"
}

fn one(at: usize, result: &TestResult) -> String {
    let open = if result.grade >= Grade::Degraded || !result.notes.is_empty() { " open" } else { "" };
    let word = result.grade.word();
    let mut html = format!(
        "<details class=\"result {word}\" id=\"r{at}\"{open}><summary>{}<b>{}</b><span class=\"status\">{}</span><span class=\"n\">{}</span></summary>\n",
        icon(result.grade),
        Html(&result.subject),
        result.status,
        length(result.seconds),
    );
    if let Some(reason) = &result.reason {
        html.push_str(&format!("<p class=\"why\">{}</p>\n", Html(reason)));
    }
    if let Some(next) = &result.next {
        html.push_str(&format!("<p class=\"next\"><span>Next</span> {}</p>\n", Html(next)));
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let rows = [
        ("Script", if result.script == result.subject { String::new() } else { result.script.clone() }),
        ("Started", result.started.as_deref().map(moment).unwrap_or_default()),
        ("Ended", result.ended.as_deref().map(moment).unwrap_or_default()),
        ("Exit status", result.exit_status.map(|exit| exit.to_string()).unwrap_or_default()),
        ("Noted", result.notes.clone()),
        ("Used", result.cost.as_ref().map(used).unwrap_or_default()),
        ("Machine meanwhile", result.meanwhile.as_ref().map(machine_meanwhile).unwrap_or_default()),
        ("SHA-256", text(&result.sha256)),
    ];
    let named = |values: &[crate::report::Parameter]| {
        values.iter().map(|value| format!("{} = {}", value.name, value.value)).collect::<Vec<_>>()
    };
    let reported: Vec<String> = result.findings.iter().map(|one| format!("{} {}", one.severity, one.words())).collect();
    let lists = [
        ("The machine reported", reported.join(" · ")),
        ("Parameters", named(&result.parameters).join(", ")),
        ("Result file", named(&result.values).join(" · ")),
    ];
    html.push_str(&format!("<dl class=\"facts\">{}{}</dl>\n", pairs(&rows), pairs(&lists)));
    html + &output(result) + "</details>\n"
}

fn output(result: &TestResult) -> String {
    let Excerpt { path, bytes: size, head, left_out, tail } = &result.output;
    let path = Html(path);
    let end = if result.grade >= Grade::Degraded { " end" } else { "" };
    let part = |class: &str, text: &str| {
        format!("<div class=\"output{class}\" tabindex=\"0\"><pre>{}</pre></div>\n", Html(text.trim_end()))
    };
    match size {
        None => format!("<p class=\"none\">No output is on record ({path}).</p>\n"),
        Some(0) => "<p class=\"none\">It printed nothing.</p>\n".to_owned(),
        Some(size) if *left_out == 0 => {
            format!("{}<p class=\"file\">{size} bytes, all of {path}</p>\n", part(end, head))
        }
        Some(size) => format!(
            "{}<p class=\"gap\">{left_out} of {size} bytes are left out here; the whole is in {path}</p>\n{}",
            part(" head", head),
            part(" end", tail)
        ),
    }
}
