//! The overview in the text format of Prometheus, for the textfile collector of `node_exporter`. Names follow its conventions: the unit is
//! in the name, times are seconds since 1970 and end in `_time_seconds`.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::Overview;
use crate::script::Status;

/// One metric: its name, its explanation, and its samples with their labels.
struct Metric<'a> {
    name: &'static str,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, &'a str)>, f64)>,
}

/// The metrics of an overview. A value that is not known is left out.
#[must_use]
pub fn metrics(overview: &Overview) -> String {
    let mut text = String::new();
    let all = [about(overview), of_run(overview), of_results(overview), of_delivery(overview), of_hardware(overview)];
    for metric in all.into_iter().flatten().filter(|metric| !metric.samples.is_empty()) {
        let _ = writeln!(text, "# HELP {} {}\n# TYPE {} gauge", metric.name, metric.help, metric.name);
        for (labels, value) in &metric.samples {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{}{labels} {value}", metric.name);
        }
    }
    text
}

fn plain(name: &'static str, help: &'static str, value: Option<f64>) -> Metric<'static> {
    Metric { name, help, samples: value.into_iter().map(|value| (Vec::new(), value)).collect() }
}

fn about(overview: &Overview) -> Vec<Metric<'_>> {
    let version = vec![(vec![("version", env!("CARGO_PKG_VERSION"))], 1.0)];
    vec![
        Metric { name: "shakedown_build_info", help: "Version of the program that wrote this file.", samples: version },
        plain("shakedown_written_time_seconds", "When this file was written.", Some(of_time(overview.time))),
        plain("shakedown_working_processes", "Processes at work with a region.", Some(number(overview.working.len()))),
    ]
}

fn of_run(overview: &Overview) -> Vec<Metric<'_>> {
    let Some(run) = &overview.run else { return Vec::new() };
    let count = |status: Status| run.results.iter().filter(|result| result.status == status.name()).count();
    let scripts = Status::ALL.map(|status| (vec![("status", status.name())], number(count(status)))).to_vec();
    vec![
        plain("shakedown_run_started_time_seconds", "When the newest run began.", seconds(Some(&run.started))),
        plain("shakedown_run_ended_time_seconds", "When the newest run ended.", seconds(run.ended.as_ref())),
        plain("shakedown_run_duration_seconds", "Duration of the newest run.", run.seconds),
        plain(
            "shakedown_run_complete",
            "1 if every script of the newest run came to its end.",
            Some(flag(run.is_complete)),
        ),
        Metric { name: "shakedown_run_scripts", help: "Script results of the newest run by status.", samples: scripts },
    ]
}

fn of_results(overview: &Overview) -> Vec<Metric<'_>> {
    let Some(run) = &overview.run else { return Vec::new() };
    let labels = |result: &'_ super::Result| -> Vec<(&'static str, &str)> { vec![("set", result.set)] };
    let named = run.results.iter().map(|result| {
        let mut all = labels(result);
        all.insert(0, ("script", result.subject.as_str()));
        (result, all)
    });
    let (mut failed, mut durations) = (Vec::new(), Vec::new());
    for (result, labels) in named {
        if !result.is_open {
            failed.push((labels.clone(), flag(result.is_failure)));
        }
        if let Some(seconds) = result.seconds {
            durations.push((labels, seconds));
        }
    }
    vec![
        Metric { name: "shakedown_script_failed", help: "1 if the script of the newest run failed.", samples: failed },
        Metric {
            name: "shakedown_script_duration_seconds",
            help: "Duration of the script in the newest run.",
            samples: durations,
        },
    ]
}

fn of_delivery(overview: &Overview) -> Vec<Metric<'_>> {
    let undelivered = &overview.undelivered;
    let regions = || overview.sync.iter().map(|sync| (vec![("region", sync.region.as_str())], sync));
    let synced = regions().filter_map(|(labels, sync)| Some((labels, seconds(sync.acknowledged.as_ref())?)));
    vec![
        plain("shakedown_undelivered_messages", "Messages that wait for a region.", Some(number(undelivered.waiting))),
        plain(
            "shakedown_undelivered_oldest_time_seconds",
            "When the oldest message that waits was written.",
            seconds(undelivered.since.as_ref()),
        ),
        plain(
            "shakedown_refused_messages",
            "Messages that a region refused for good.",
            Some(number(undelivered.refused)),
        ),
        Metric {
            name: "shakedown_sync_acknowledged_time_seconds",
            help: "When the region acknowledged the hardware last.",
            samples: synced.collect(),
        },
        Metric {
            name: "shakedown_sync_owed",
            help: "1 if the region lacks something of the hardware.",
            samples: regions().map(|(labels, sync)| (labels, flag(sync.is_owed))).collect(),
        },
    ]
}

fn of_hardware(overview: &Overview) -> Vec<Metric<'_>> {
    let drives = overview.drives.iter().map(|drive| {
        let state = if drive.is_failing { "failing" } else { "degraded" };
        (vec![("drive", drive.name.as_str()), ("state", state)], 1.0)
    });
    let changes = Some(f64::from(u32::try_from(overview.hardware_changes).unwrap_or(u32::MAX)));
    vec![
        Metric { name: "shakedown_drive_in_trouble", help: "Drives in trouble.", samples: drives.collect() },
        plain("shakedown_hardware_changes_last_day", "Changes of the hardware within the last 24 hours.", changes),
    ]
}

/// Backslash, quote and line feed are escaped (exposition format of Prometheus); other control characters do not belong into a label.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn flag(is_set: bool) -> f64 {
    f64::from(u8::from(is_set))
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn of_time(time: Timestamp) -> f64 {
    // Whole seconds: nobody plots the rest, and every reader keeps them.
    time.as_duration().as_secs_f64().floor()
}

fn seconds(time: Option<&String>) -> Option<f64> {
    time?.parse().ok().map(of_time)
}
