//! When each script ran: a bar a script on one scale, drawn with the page's own shapes and colours.

use super::escape::Html;
use super::graph;
use super::icon::icon;
use crate::diagnosis::{Effect, Finding, Severity};
use crate::host::Load;
use crate::report::model::{Grade, Run, TestResult};
use crate::report::time::{clock, length, seconds};

/// Width of the scale in its own units.
pub(super) const WIDTH: f64 = 1000.0;
/// A bar is at least so wide, or nobody sees it.
const LEAST: f64 = 4.0;
/// Width of the mark of an incident.
const MARK: f64 = 3.0;

pub(super) fn section(run: &Run, results: &[TestResult], load: Option<&Load>) -> String {
    let times = results.iter().flat_map(|result| [result.started.as_deref(), result.ended.as_deref()]).flatten();
    let times = [Some(run.started.as_str()), run.ended.as_deref()].into_iter().flatten().chain(times);
    let times: Vec<(f64, &str)> = times.filter_map(|time| Some((seconds(time)?, time))).collect();
    // A clock that is set right while scripts run may be set back to before the run.
    let first = times.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0));
    let last = times.iter().map(|(time, _)| *time).max_by(f64::total_cmp);
    let (Some((first, begin)), Some(last), false) = (first, last, results.is_empty()) else { return String::new() };
    let scale = Scale { first, span: (last - first).max(0.001) };
    let axis = format!(
        "<li class=\"axis\"><span>{}</span><span class=\"middle\">+ {}</span><span class=\"last\">+ {}</span></li>\n",
        clock(begin),
        length(Some(scale.span / 2.0)),
        length(Some(scale.span)),
    );
    let mut order: Vec<usize> = (0..results.len()).collect();
    // What never began comes last.
    order.sort_by_key(|at| (results[*at].started.is_none(), results[*at].started.as_deref()));
    let rows: String = order.into_iter().map(|at| row(at, &results[at], &scale)).collect();
    let machine = load.map(|load| graph::rows(load, &scale)).unwrap_or_default();
    format!(
        "<section id=\"timeline\">\n<h2>Timeline</h2>\n<ol class=\"timeline\">\n{axis}{rows}</ol>\n{machine}</section>\n"
    )
}

pub(super) struct Scale {
    /// When it begins, in seconds since 1970.
    pub(super) first: f64,
    /// Its seconds.
    pub(super) span: f64,
}

impl Scale {
    fn place(&self, time: &str) -> Option<f64> {
        Some(self.at(seconds(time)?))
    }

    /// The place of a time in seconds since 1970.
    pub(super) fn at(&self, seconds: f64) -> f64 {
        ((seconds - self.first) / self.span * WIDTH).clamp(0.0, WIDTH)
    }
}

/// Where in a script's bar the machine first reported something; a counter only tells that it was before the end.
fn mark(finding: &Finding, (begin, width): (f64, f64), scale: &Scale) -> String {
    if finding.severity < Severity::Warning {
        return String::new();
    }
    let place = finding.after.map_or(width, |after| after / scale.span * WIDTH);
    let x = begin + place.clamp(0.0, (width - MARK).max(0.0));
    let word = match finding.effect {
        Effect::Failed => Grade::Failed,
        Effect::Degraded => Grade::Degraded,
        Effect::Note => Grade::Noted,
    }
    .word();
    format!(
        "<rect class=\"mark {word}\" x=\"{x:.1}\" width=\"{MARK}\" y=\"0\" height=\"10\"><title>{}</title></rect>",
        Html(&finding.words())
    )
}

fn row(at: usize, result: &TestResult, scale: &Scale) -> String {
    let begin = result.started.as_deref().and_then(|time| scale.place(time));
    let end = result.ended.as_deref().and_then(|time| scale.place(time));
    let word = result.grade.word();
    let bar = begin.map(|begin| {
        let width = (end.unwrap_or(WIDTH) - begin).max(LEAST);
        let begin = begin.min(WIDTH - width);
        let marks: String = result.findings.iter().map(|finding| mark(finding, (begin, width), scale)).collect();
        format!("<rect class=\"{word}\" x=\"{begin:.1}\" width=\"{width:.1}\" y=\"1\" height=\"8\"/>{marks}")
    });
    let time = match result.grade {
        Grade::Unfinished if begin.is_none() => "not begun".to_owned(),
        Grade::Unfinished => "no end".to_owned(),
        _ => length(result.seconds),
    };
    format!(
        "<li><a class=\"{word}\" href=\"#r{at}\">{}<span>{}</span></a><svg viewBox=\"0 0 {WIDTH} 10\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{}, {time}\"><path d=\"M0 9.5H{WIDTH}\"/>{}</svg><span class=\"n\">{time}</span></li>\n",
        icon(result.grade),
        Html(&result.subject),
        result.status,
        bar.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Excerpt;
    use crate::script::Status;

    #[test]
    fn the_scale_begins_with_what_was_first_though_the_clock_was_set_back() {
        let run = Run {
            started: "2026-11-20T12:00:00Z".into(),
            ended: Some("2026-11-20T11:30:10Z".into()),
            ..Run::default()
        };
        let result = TestResult {
            subject: "a".into(),
            script: "a".into(),
            set: "testing".into(),
            status: Status::Passed,
            grade: Grade::Passed,
            reason: None,
            next: None,
            exit_status: Some(0),
            started: Some("2026-11-20T11:30:00Z".into()),
            ended: Some("2026-11-20T11:30:10Z".into()),
            seconds: Some(10.0),
            sha256: None,
            result_id: None,
            parameters: Vec::new(),
            values: Vec::new(),
            notes: String::new(),
            findings: Vec::new(),
            cost: None,
            meanwhile: None,
            output: Excerpt::default(),
        };
        let html = section(&run, &[result], None);
        assert!(!html.contains("class=\"mark"), "{html}");
        assert!(html.contains("<span>11:30:00</span>") && html.contains("+ 30:00</span>"), "{html}");
    }
}
