//! Figures of this machine in earlier runs, from the journal.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::acceptance::{Figures, figures};
use crate::cli::report::result_file;
use crate::journal::{RunId, Store};
use crate::script::Status;

/// Most runs that are looked at, the newest first.
const RUNS: usize = 50;

/// Figures of the machine's last run, those of each name from the newest run that has it. Without figures of now the newest run is taken
/// for now, and its figures are added to `own`: the last run is then the one before.
pub(super) fn last(store: &Store, own: &mut Figures) -> anyhow::Result<Figures> {
    let is_given = !own.is_empty();
    let (mut last, mut seen) = (Figures::new(), BTreeSet::new());
    for run in store.runs()?.iter().take(RUNS) {
        for (name, amount) in of_run(store, run.id, &mut seen)? {
            if !is_given && !own.contains_key(&name) {
                own.insert(name, amount);
            } else {
                last.entry(name).or_insert(amount);
            }
        }
    }
    Ok(last)
}

/// The figures in the result files of a run. What failed measured nothing that counts, and a file that a newer run wrote anew (`seen`) tells
/// nothing of this one.
fn of_run(store: &Store, run: RunId, seen: &mut BTreeSet<PathBuf>) -> anyhow::Result<Figures> {
    let mut found = Figures::new();
    for record in store.results(run)? {
        let is_its_own = record.started.is_none() || seen.insert(record.result_file.clone());
        if is_its_own && matches!(record.status, Status::Passed | Status::Degraded) {
            let values: serde_json::Map<String, serde_json::Value> = result_file(&record).results.into_iter().collect();
            found.extend(figures(&serde_json::Value::Object(values)));
        }
    }
    Ok(found)
}
