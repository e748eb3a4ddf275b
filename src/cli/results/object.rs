//! Runs and script results as JSON objects. docs/exit-codes.md lists the keys.

use serde_json::{Value, json};

use crate::journal::{Audience, ResultRecord, RunRecord, stamp};

pub(super) fn run(run: &RunRecord) -> Value {
    json!({
        "kind": "run",
        "time": stamp(run.started),
        "run": run.id.number(),
        "ended": run.ended.map(stamp),
        "seconds": run.duration.map(|duration| duration.as_secs_f64()),
        "scripts": run.scripts,
        "failed": run.failed,
        "is_complete": run.is_complete,
        "outcome": run.outcome,
        "requested_by": run.requested_by,
        "region": run.region,
        "region_is_told": run.audience == Audience::Region,
        "storage": run.storage,
    })
}

pub(super) fn result(result: &ResultRecord) -> Value {
    json!({
        "kind": "result",
        "time": result.started.map(stamp),
        "run": result.run_id.number(),
        "script": result.name,
        "subject": result.subject,
        "set": result.kind.folder(),
        "script_result_id": result.result_id,
        "status": result.status.name(),
        "exit_status": result.exit_status,
        "ended": result.ended.map(stamp),
        "seconds": result.runtime.map(|runtime| runtime.as_secs_f64()),
        "sha256": result.script_sha256,
        "notes": result.notes,
        "findings": result.findings,
        "cost": result.cost,
        "output": result.combined,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "result_file": result.result_file,
    })
}
