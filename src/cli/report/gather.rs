//! Fills a report from the journal, and from the files that it names.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::disks::Values;
use super::{acceptance, disks, hardware, inventory, output};
use crate::diagnosis::Finding;
use crate::event::EventRecord;
use crate::host::Host;
use crate::journal::{Audience, ResultRecord, RunId, RunRecord, Store, stamp};
use crate::report::{
    Event, Excerpt, Grade, Log, Machine, Parameter, Report, Run, TestResult, Undelivered, Words, plain, reason_and_next,
};
use crate::script::ResultFile;

/// Bytes of output that all results share, and what one has at most and at least of it.
const ALL_OUTPUT: u64 = 2 << 20;
const MOST_OUTPUT: u64 = 12 << 10;
const LEAST_OUTPUT: u64 = 1 << 10;
/// The same of a script that ended well: its output is looked at less.
const MOST_OF_PASSED: u64 = 4 << 10;
/// Bytes in which last words are looked for.
const LAST_WORDS: u64 = 12 << 10;
/// Largest result file.
const RESULT_FILE: u64 = 1 << 20;
/// Most events.
const EVENTS: u32 = 2000;
/// Most characters of a text from outside.
const LONGEST: usize = 2000;

pub(super) fn report(
    store: &Store,
    number: Option<RunId>,
    live: bool,
    profile: Option<&Path>,
) -> anyhow::Result<Report> {
    let runs = store.runs()?;
    let run = match number {
        Some(number) => runs.iter().find(|run| run.id == number).with_context(|| {
            format!("there is no run {number} in this journal; `shakedown runs` lists those that there are")
        })?,
        None => runs.first().context("nothing was run here yet")?,
    };
    let records = store.results(run.id)?;
    let (events, count) = store.events_of_run(run.id, EVENTS)?;
    let files: Vec<ResultFile> = records.iter().map(result_file).collect();
    let with_files = records.iter().zip(&files);
    let results: Vec<TestResult> =
        with_files.clone().map(|(record, file)| result(record, file, records.len())).collect();
    let values: Vec<(String, Values)> =
        with_files.map(|(record, file)| (record.subject.clone(), file.results.clone())).collect();
    let undelivered = store.undelivered_messages(run.id)?.into_iter().map(|message| Undelivered {
        is_result: message.leads_to.is_some(),
        message: text(&message.label),
        is_refused: message.is_refused,
        reason: text(&message.reason),
    });
    let mut report = Report::new(machine(&events), described(run), results, undelivered.collect());
    report.add_load(store.load(run.id)?);
    report.tests = hardware::on_record(&records);
    let found = inventory::on_record(&records);
    let found = if live && found.as_ref().is_none_or(|found| found.shown.findings.is_none()) {
        Some(inventory::live(&run.boot_id, &Host::live())?)
    } else {
        found
    };
    report.acceptance = match profile {
        Some(profile) => Some(acceptance::by_profile(profile, found.as_ref().and_then(|found| found.deep.as_ref()))?),
        None => acceptance::on_record(&records, &files),
    };
    report.disks = disks::tested(&values, found.as_ref());
    report.inventory = found.map(|found| found.shown);
    report.changes =
        events.iter().filter(|event| event.type_name.starts_with("NODE_HARDWARE_SYNC_")).map(event).collect();
    report.log = Log {
        left_out: count.saturating_sub(events.len() as u64),
        events: events.iter().map(event).collect(),
        ..chain(store)?
    };
    Ok(report)
}

/// As the newest event names it.
fn machine(events: &[EventRecord]) -> Machine {
    let newest = |pick: fn(&EventRecord) -> Option<String>| events.iter().rev().find_map(pick);
    Machine {
        hostname: newest(|event| (!event.hostname.is_empty()).then(|| text(&event.hostname))).unwrap_or_default(),
        system_id: newest(|event| event.node.as_deref().map(text)),
    }
}

fn described(run: &RunRecord) -> Run {
    Run {
        id: run.id.number(),
        started: stamp(run.started),
        ended: run.ended.map(stamp),
        seconds: run.duration.map(|duration| duration.as_secs_f64()),
        is_for_region: run.audience == Audience::Region,
        end: run.end,
        is_complete: run.is_complete,
        outcome: run.outcome.as_deref().map(text),
        region: text(&run.region),
        requested_by: text(&run.requested_by),
        storage: text(&run.storage),
    }
}

fn result(record: &ResultRecord, file: &ResultFile, count: usize) -> TestResult {
    let grade = Grade::of(record.status);
    let most = if matches!(grade, Grade::Passed | Grade::Skipped) { MOST_OF_PASSED } else { MOST_OUTPUT };
    let share = (ALL_OUTPUT / count.max(1) as u64).clamp(LEAST_OUTPUT, most);
    let values: Vec<Parameter> = file.results.iter().filter_map(|(name, value)| parameter(name, value)).collect();
    let notes = text(&record.notes);
    let (stderr, printed) =
        (plain(&output::tail(&record.stderr, LAST_WORDS)), plain(&output::tail(&record.combined, LAST_WORDS)));
    let words = Words {
        status: record.status,
        exit_status: record.exit_status,
        said: file.status,
        values: &values,
        notes: &notes,
        stderr: &stderr,
        output: &printed,
    };
    let (reason, next) = reason_and_next(&words);
    // What never began may find files of an earlier run with the same results.
    let output = match record.started {
        Some(_) => output::excerpt(&record.combined, share),
        None => Excerpt { path: text(&record.combined.to_string_lossy()), ..Excerpt::default() },
    };
    TestResult {
        subject: text(&record.subject),
        script: text(&record.name),
        set: record.kind.folder().to_owned(),
        status: record.status,
        grade,
        reason,
        next,
        exit_status: record.exit_status,
        started: record.started.map(stamp),
        ended: record.ended.map(stamp),
        seconds: record.runtime.map(|runtime| runtime.as_secs_f64()),
        sha256: record.script_sha256.clone(),
        result_id: record.result_id,
        parameters: parameters(record),
        values,
        notes,
        findings: record.findings.iter().map(finding).collect(),
        cost: record.cost,
        meanwhile: None,
        output,
    }
}

/// With its texts in bounds: the devices and lines come from outside.
fn finding(found: &Finding) -> Finding {
    Finding {
        device: text(&found.device),
        part: found.part.as_deref().map(text),
        line: found.line.as_deref().map(text),
        ..found.clone()
    }
}

/// Passwords are hidden already in the journal.
fn parameters(record: &ResultRecord) -> Vec<Parameter> {
    let map: serde_json::Map<String, Value> = serde_json::from_str(&record.parameters).unwrap_or_default();
    map.iter().filter_map(|(name, value)| parameter(name, value)).collect()
}

fn parameter(name: &str, value: &Value) -> Option<Parameter> {
    Some(Parameter { name: text(name), value: shown(value)? })
}

/// What the result file says; one that the region would refuse says nothing.
pub(in crate::cli) fn result_file(record: &ResultRecord) -> ResultFile {
    let bytes =
        record.started.as_ref().and_then(|_| output::whole(&record.result_file, RESULT_FILE)).unwrap_or_default();
    ResultFile::parse(&bytes, true).unwrap_or_default()
}

/// A value as text; several are separated by semicolons.
pub(super) fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(value) => Some(text(value)),
        Value::Array(list) => Some(list.iter().filter_map(shown).collect::<Vec<_>>().join("; ")),
        // A device that a parameter stands for.
        Value::Object(map) => {
            let name = map.get("name").or_else(|| map.get("id_path")).and_then(shown);
            Some(name.unwrap_or_else(|| text(&value.to_string())))
        }
        other => Some(other.to_string()),
    }
}

fn event(record: &EventRecord) -> Event {
    Event {
        id: record.id,
        time: record.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        level: record.level.name(),
        kind: record.type_name.clone(),
        description: text(&record.description),
        user: text(&record.username),
    }
}

fn chain(store: &Store) -> anyhow::Result<Log> {
    let (chain, is_sound) = match store.verify_audit()? {
        Ok(verified) => (format!("{} events, none altered; seal of the last: {}", verified.rows, verified.head), true),
        Err(broken) => (broken.to_string(), false),
    };
    Ok(Log { chain, is_sound, ..Log::default() })
}

/// A text from outside, in bounds.
pub(super) fn text(text: &str) -> String {
    let clean = plain(text.as_bytes());
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &clean[..end]),
        None => clean,
    }
}
