//! The overview in words.

use std::fmt::Display;

use jiff::Timestamp;

use super::{Overview, Run, State};
use crate::report::span;

/// Most results that are named.
const NAMED: usize = 10;

/// The overview, one subject per line, worst news first within each.
#[must_use]
pub fn text(overview: &Overview) -> String {
    let mut lines = vec![row("State", headline(overview))];
    let at_work = overview.working.iter().map(|worker| format!("shakedown {} (process {})", worker.verb, worker.pid));
    lines.push(row("At work", listed(&at_work.collect::<Vec<_>>(), "nothing")));
    match &overview.run {
        None => lines.push(row("Last run", "none yet".to_owned())),
        Some(run) => lines.extend(of_run(run, overview.time)),
    }
    let undelivered = &overview.undelivered;
    lines.push(row(
        "Undelivered",
        match (undelivered.waiting, &undelivered.since) {
            (0, _) => "nothing".to_owned(),
            (count, since) => {
                let age = since.as_deref().map(|since| format!(", the oldest since {}", ago(since, overview.time)));
                format!("{count} messages{}: {}", age.unwrap_or_default(), more(&undelivered.messages, count))
            }
        },
    ));
    for refusal in &undelivered.refusals {
        lines.push(row("Refused", refusal.clone()));
    }
    for sync in &overview.sync {
        let when = sync
            .acknowledged
            .as_deref()
            .map_or_else(|| "never".to_owned(), |at| format!("{} ({at})", ago(at, overview.time)));
        let owed = if sync.is_owed { "; the region lacks something" } else { "" };
        lines.push(row("Hardware sync", format!("{when}{owed}, {}", sync.region)));
    }
    for drive in &overview.drives {
        let state = if drive.is_failing { "failing" } else { "degraded" };
        lines.push(row("Drive", format!("{} is {state}", drive.name)));
    }
    lines.push(row("Hardware", format!("{} changes in 24 hours", overview.hardware_changes)));
    lines.concat()
}

fn row(name: &str, value: impl Display) -> String {
    format!("{:<15}{value}\n", format!("{name}:"))
}

fn headline(overview: &Overview) -> String {
    match overview.state {
        State::Well => "nothing is wrong",
        State::Working => "a run is under way",
        State::Undelivered => "a region lacks something: `shakedown deliver` sends what waits",
        State::Failed => "something failed: `shakedown report` says what and what to do",
    }
    .to_owned()
}

fn of_run(run: &Run, now: Timestamp) -> Vec<String> {
    let outcome = run.outcome.as_deref().unwrap_or("not at its end");
    let took = run.seconds.map(|seconds| format!(", in {}", length(seconds)));
    let mut lines = vec![row(
        "Last run",
        format!("run {}, begun {}{}: {outcome}", run.id, ago(&run.started, now), took.unwrap_or_default()),
    )];
    let failed = run.results.iter().filter(|result| result.is_failure);
    let failed: Vec<String> = failed.map(|result| format!("{} ({})", result.subject, result.status)).collect();
    let open = run.results.iter().filter(|result| result.is_open && result.started.is_some());
    let open: Vec<String> = open
        .map(|result| {
            let since = result.started.as_deref().map(|started| format!(", begun {}", ago(started, now)));
            format!("{} ({}{})", result.subject, result.status, since.unwrap_or_default())
        })
        .collect();
    if !failed.is_empty() {
        lines.push(row("Failed", more(&failed, failed.len())));
    }
    if !open.is_empty() {
        lines.push(row("Running", more(&open, open.len())));
    }
    let ended = run.results.iter().filter(|result| !result.is_open).count();
    lines.push(row("Scripts", format!("{ended} of {} at their end", run.results.len())));
    lines
}

fn listed(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

fn more(names: &[String], count: usize) -> String {
    let shown = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if count > NAMED.min(names.len()) { format!("{shown} and {} more", count - NAMED.min(names.len())) } else { shown }
}

/// `5 minutes ago`; a time in the future or none is shown as it is.
fn ago(time: &str, now: Timestamp) -> String {
    let Ok(then) = time.parse::<Timestamp>() else { return time.to_owned() };
    let seconds = now.duration_since(then).as_secs();
    let (number, unit) = match seconds {
        ..0 => return time.to_owned(),
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}

fn length(seconds: f64) -> String {
    std::time::Duration::try_from_secs_f64(seconds).map(span).unwrap_or_default()
}
