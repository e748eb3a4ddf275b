//! Results of machines besides the node, which an administrator reads: `nodes/SYSTEM_ID/results/` and one set of them.

use serde_json::{Value, json};

use super::api;
use super::state::{ResultRow, State};
use crate::script::{ScriptType, Status};

/// The answer for a page of results; `None` if it is no such page, or if the region does not have the machine or the set.
pub(super) fn shown(state: &State, page: &str, pairs: &[(String, String)]) -> Option<Value> {
    let (system_id, rest) = page.strip_prefix("nodes/")?.split_once('/')?;
    let set = rest.strip_prefix("results/")?.trim_end_matches('/');
    let value = |key: &str| pairs.iter().rfind(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let include_output = value("include_output").is_some_and(|text| !matches!(text, "" | "false" | "0"));
    let filters: Option<Vec<&str>> = value("filters").map(|names| names.split(',').collect());
    let is_wanted = |row: &&ResultRow| filters.as_ref().is_none_or(|names| names.contains(&row.script.as_str()));
    let shown =
        |rows: &[ResultRow]| api::sets(system_id, &rows.iter().filter(is_wanted).collect::<Vec<_>>(), include_output);
    let sets = if state.node.system_id == system_id {
        let mut sets = shown(&state.results);
        for set in &mut sets {
            set["last_ping"] = json!(state.node.last_ping.map(|time| time.to_string()));
        }
        sets
    } else {
        let kept = state.kept.get(system_id)?.iter().enumerate();
        let numbered = kept.flat_map(|(number, rows)| {
            shown(rows).into_iter().map(move |mut set| {
                set["id"] = (number + 1).into();
                set
            })
        });
        numbered.collect()
    };
    if set.is_empty() {
        return Some(sets.into());
    }
    let id: i64 = set.parse().ok()?;
    sets.into_iter().find(|set| set["id"] == id)
}

/// A result of a script that passed.
pub(super) fn passed(id: i64, kind: ScriptType, script: &str, stdout: &[u8]) -> ResultRow {
    ResultRow {
        id,
        kind: Some(kind),
        script: script.to_owned(),
        version_id: id,
        status: Status::Passed,
        exit_status: Some(0),
        output: stdout.to_vec(),
        stdout: stdout.to_vec(),
        stderr: Vec::new(),
        result: Vec::new(),
        parameters: serde_json::Map::new(),
        started: None,
        ended: None,
    }
}
