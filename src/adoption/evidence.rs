//! Evidence of the work that an agent did, read from its journal, and from the scripts' output files where the journal has nothing.

use std::path::Path;

use super::next::Facts;
use crate::journal::{RunEnd, RunRecord, Store};

/// The work that journal and output files show since a takeover began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// A count of output files, runs, and starts and ends of scripts: it grows whenever the agent gets on.
    pub(super) progress: u64,
    pub(super) has_run: bool,
    pub(super) is_finished: bool,
    pub(super) has_told: bool,
}

impl Evidence {
    /// Reads the runs after `last_run` from the journal, and counts the output files of the storage directory.
    pub(super) fn of(state_directory: &Path, storage: &Path, last_run: i64) -> Evidence {
        let outputs = std::fs::read_dir(storage.join("out")).map_or(0, |entries| entries.flatten().count() as u64);
        let mut evidence = Evidence { progress: outputs, has_run: outputs > 0, ..Evidence::default() };
        let Ok(store) = Store::read(state_directory) else { return evidence };
        let runs: Vec<RunRecord> = store.runs().unwrap_or_default();
        let mut own: Vec<&RunRecord> = runs.iter().filter(|run| run.id.number() > last_run).collect();
        own.sort_by_key(|run| run.id);
        for run in &own {
            let results = store.results(run.id).unwrap_or_default();
            let begun = results.iter().filter(|result| result.started.is_some()).count() as u64;
            let ended = results.iter().filter(|result| result.ended.is_some()).count() as u64;
            evidence.progress += 1 + begun + ended + u64::from(run.ended.is_some());
            evidence.has_run |= begun > 0;
        }
        if let Some(last) = own.last() {
            let has_everything = store.undelivered_messages(last.id).is_ok_and(|messages| messages.is_empty());
            evidence.has_told = last.end == Some(RunEnd::Refused);
            evidence.is_finished = has_everything
                && matches!(last.end, Some(RunEnd::Passed | RunEnd::Failed | RunEnd::NotTaken | RunEnd::Nothing));
        }
        evidence
    }

    /// The facts for [`super::next::next`]; `deaths` counts the agent's deaths in a row without progress.
    pub(super) fn facts(&self, deaths: u32, goes_down: bool) -> Facts {
        Facts { has_run: self.has_run, is_finished: self.is_finished, has_told: self.has_told, goes_down, deaths }
    }
}

/// The number of the newest run in the journal; 0 when there is none.
pub(super) fn last_run(state_directory: &Path) -> i64 {
    let runs = Store::read(state_directory).and_then(|store| store.runs()).unwrap_or_default();
    runs.iter().map(|run| run.id.number()).max().unwrap_or(0)
}
