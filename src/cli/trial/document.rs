//! A trial in JSON.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::Told;
use crate::agent::{Outcome, ScriptOutcome};
use crate::private::regular;
use crate::sandbox::{ResultRow, Sandbox};
use crate::script::{ResultFile, ResultFileError};

/// Everything in one document; paths of outputs only if they are kept.
pub(super) fn document(outcome: &Outcome, region: &Sandbox, told: &Told, kept: bool) -> Value {
    let rows = region.results();
    let results: Vec<Value> = outcome.scripts.iter().map(|script| result(script, &rows, kept)).collect();
    let events = region.events();
    let event = |event: &crate::event::EventRecord| json!({"type": event.type_name, "level": event.level.name(), "description": event.description});
    json!({
        "end": format!("{:?}", outcome.end),
        "node_status": region.node_status().name(),
        "results": results,
        "events": events.iter().map(event).collect::<Vec<_>>(),
        "notes": told.notes,
        "findings": told.findings,
    })
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular(path)?.read_to_end(&mut bytes).map(|_| bytes)
}

fn result(script: &ScriptOutcome, rows: &[ResultRow], kept: bool) -> Value {
    let row = row(script, rows);
    let output = read(&script.output).unwrap_or_default();
    let file = row.map(result_file);
    json!({
        "script": script.subject,
        "script_result_id": script.result_id,
        // The region's word counts, not the agent's.
        "status": row.map_or(script.status, |row| row.status).name(),
        "exit_status": script.exit_status,
        "runtime": script.runtime.map(|runtime| runtime.as_secs_f64()),
        "output": String::from_utf8_lossy(&output),
        "output_path": kept.then(|| script.output.clone()),
        "parameters": row.map(|row| parameters(&row.parameters)),
        "results": file.as_ref().and_then(|file| file.as_ref().ok()).map(|file| file.results.iter().cloned().collect::<Map<_, _>>()),
        "result_file_error": file.and_then(Result::err).map(|error| error.to_string()),
        "notes": script.notes,
    })
}

/// The region's row of a script.
pub(super) fn row<'a>(script: &ScriptOutcome, rows: &'a [ResultRow]) -> Option<&'a ResultRow> {
    rows.iter().find(|row| Some(row.id) == script.result_id)
}

/// What the region reads in a result file.
pub(super) fn result_file(row: &ResultRow) -> Result<ResultFile, ResultFileError> {
    ResultFile::parse(&row.result, row.parameters.values().any(|parameter| parameter["type"] == "interface"))
}

/// Values without secrets.
fn parameters(parameters: &Map<String, Value>) -> Map<String, Value> {
    let value = |parameter: &Value| match parameter["type"].as_str() {
        Some("password") => Value::from("(hidden)"),
        _ => parameter["value"].clone(),
    };
    parameters.iter().map(|(name, parameter)| (name.clone(), value(parameter))).collect()
}
