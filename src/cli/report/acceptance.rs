//! The machine against a profile: as the run's script judged it, or as this report does.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::super::accept;
use super::gather::{shown, text};
use super::output;
use crate::acceptance::{Figures, Machine, Siblings, Verdict, judge};
use crate::journal::ResultRecord;
use crate::report::{Acceptance, Grade, Section};
use crate::script::ResultFile;

/// Largest document that is read, and most lines that are shown.
const LARGEST: u64 = 4 << 20;
const MOST: usize = 200;

/// The document that the last script of the run that judged the machine left beside its result file.
pub(super) fn on_record(records: &[ResultRecord], files: &[ResultFile]) -> Option<Acceptance> {
    let judged = records.iter().zip(files).rev().filter(|(record, _)| record.started.is_some());
    judged.into_iter().find_map(|(record, file)| {
        let bytes = output::whole(&accept::document_beside(&record.result_file), LARGEST)?;
        let document: Value = serde_json::from_slice(&bytes).ok()?;
        // The document of an earlier script with the same files does not say what the result file says.
        let said = |name: &str| file.results.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.as_str());
        let is_its =
            said("verdict") == document["headline"].as_str() && said("profile") == document["profile"].as_str();
        is_its.then(|| described(&document, &format!("judged by {} in this run", record.subject)))
    })
}

/// Judges an inventory by the profile of a file, or by the one of a folder that is made for the machine.
pub(super) fn by_profile(profile: &Path, inventory: Option<&Value>) -> anyhow::Result<Acceptance> {
    let inventory = inventory.context(
        "the run has no inventory on record that a profile can be held against: on the machine itself give --live, too",
    )?;
    let machine = Machine::of(inventory).map_err(anyhow::Error::msg)?;
    let profile = accept::profiles::choose(profile, &machine)?;
    let judged = judge(&profile, &machine, &Figures::new(), &Siblings::new());
    Ok(described(&judged.document(), "judged when this report was written"))
}

fn described(document: &Value, source: &str) -> Acceptance {
    let word = |value: &Value| shown(value).unwrap_or_default();
    let lines = |key: &str| document[key].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let deviation = |line: &Value| {
        let keys = ["severity", "what", "place", "key", "expected", "found", "next"];
        keys.map(|key| word(&line[key])).to_vec()
    };
    let unknown = |line: &Value| {
        let mut cells = vec!["unknown".to_owned()];
        cells.extend(["what", "place", "key", "expected", "reason", "next"].map(|key| word(&line[key])));
        cells
    };
    let rows: Vec<Vec<String>> = lines("deviations").map(deviation).chain(lines("unknown").map(unknown)).collect();
    let grade = match document["verdict"].as_str() {
        Some(verdict) if verdict == Verdict::Accepted.word() => Grade::Passed,
        Some(verdict) if verdict == Verdict::Noted.word() => Grade::Noted,
        Some(verdict) if verdict == Verdict::Incomplete.word() => Grade::Unfinished,
        _ => Grade::Failed,
    };
    Acceptance {
        source: text(source),
        profile: word(&document["profile"]),
        verdict: word(&document["headline"]),
        grade,
        checked: document["checked"].as_u64().unwrap_or(0),
        deviations: Section {
            title: "Deviations",
            columns: vec!["Severity", "What", "Where", "Key", "Ordered", "Found", "Next"],
            left_out: rows.len().saturating_sub(MOST),
            rows: rows.into_iter().take(MOST).collect(),
        },
    }
}
