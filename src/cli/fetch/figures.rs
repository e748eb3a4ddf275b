//! Test results of a machine in a region, as one document: names, statuses, and the figures in the result files of scripts that declare
//! results.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::acceptance::{Amount, figures, worst};
use crate::region::{KeptResult, ListedMachine, ResultSet};
use crate::script::{ResultFile, Status};

/// Most sets of one machine that are asked for their result files.
const SETS: usize = 6;
/// Runs of a script that are looked at: the newest, and the one before.
const RUNS: usize = 2;

/// The results that the scripts of a region declare.
#[derive(Debug, Default)]
pub(super) struct Declared {
    by_script: BTreeMap<String, Vec<String>>,
    /// Names that several scripts have.
    shared: BTreeSet<String>,
}

impl Declared {
    pub(super) fn new(by_script: BTreeMap<String, Vec<String>>) -> Declared {
        let (mut seen, mut shared) = (BTreeSet::new(), BTreeSet::new());
        for name in by_script.values().flatten() {
            if !seen.insert(name.clone()) {
                shared.insert(name.clone());
            }
        }
        Declared { by_script, shared }
    }

    /// The name of a figure: that of the result, after that of its script where several scripts have one of that name. `None` for a
    /// result that the script does not declare.
    fn name(&self, script: &str, result: &str) -> Option<String> {
        let names = self.by_script.get(script)?;
        let is_declared = names.iter().any(|name| name == result);
        is_declared.then(|| if self.shared.contains(result) { format!("{script} {result}") } else { result.to_owned() })
    }

    /// For each script with figures that count the sets of its last runs, the newest first.
    fn runs<'a>(&self, sets: &'a [ResultSet]) -> BTreeMap<&'a str, Vec<i64>> {
        let mut newest: Vec<&ResultSet> = sets.iter().collect();
        newest.sort_by_key(|set| std::cmp::Reverse(set.id));
        let mut runs: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for set in newest {
            let counting =
                set.results.iter().filter(|result| result.counts() && self.by_script.contains_key(&result.script));
            let scripts: BTreeSet<&str> = counting.map(|result| result.script.as_str()).collect();
            for script in scripts {
                let own = runs.entry(script).or_default();
                if own.len() < RUNS {
                    own.push(set.id);
                }
            }
        }
        runs
    }

    /// The sets to ask for, each with its scripts, the newest first.
    pub(super) fn questions<'a>(&self, sets: &'a [ResultSet]) -> Vec<(i64, Vec<&'a str>)> {
        let mut questions: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for (script, ids) in self.runs(sets) {
            for id in ids {
                questions.entry(id).or_default().push(script);
            }
        }
        questions.into_iter().rev().take(SETS).collect()
    }

    /// The document. `sets` has the statuses of all runs, `answers` the sets with the result files that were asked for.
    pub(super) fn document(&self, machine: &ListedMachine, sets: &[ResultSet], answers: &[ResultSet]) -> Value {
        let (mut now, mut before) = (BTreeMap::new(), BTreeMap::new());
        for (script, ids) in self.runs(sets) {
            for (id, into) in ids.iter().zip([&mut now, &mut before]) {
                let set = answers.iter().find(|set| set.id == *id);
                let results = set.into_iter().flat_map(|set| &set.results);
                into.extend(self.measured(script, results.filter(|result| result.script == script && result.counts())));
            }
        }
        json!({
            "machine": machine.hostname,
            "system_id": machine.system_id,
            "figures": shown(&now),
            "before": shown(&before),
            "scripts": statuses(sets),
        })
    }

    /// The figures of one run of a script, of several devices the worst.
    fn measured<'a>(&self, script: &str, results: impl Iterator<Item = &'a KeptResult>) -> BTreeMap<String, Amount> {
        let mut amounts: BTreeMap<String, Vec<Amount>> = BTreeMap::new();
        for result in results {
            // What the region took it can read; of anything else there are no figures.
            let file = ResultFile::parse(&result.result, true).unwrap_or_default();
            let values: serde_json::Map<String, Value> = file.results.into_iter().collect();
            for (name, amount) in figures(&json!({"figures": values})) {
                if let Some(name) = self.name(script, &name) {
                    amounts.entry(name).or_default().push(amount);
                }
            }
        }
        amounts.into_iter().filter_map(|(name, all)| Some((name.clone(), worst(&name, all)?))).collect()
    }
}

fn shown(figures: &BTreeMap<String, Amount>) -> Value {
    let one = |(name, amount): (&String, &Amount)| (name.clone(), json!({"value": amount.number, "unit": amount.unit}));
    Value::Object(figures.iter().map(one).collect())
}

/// Name and status of the newest result of each script and device.
fn statuses(sets: &[ResultSet]) -> Vec<Value> {
    let mut newest: BTreeMap<(&str, &str), (i64, &KeptResult)> = BTreeMap::new();
    for set in sets {
        for result in &set.results {
            let own = newest.entry((&result.script, &result.device)).or_insert((set.id, result));
            if set.id > own.0 {
                *own = (set.id, result);
            }
        }
    }
    let shown = |((script, device), (set, result)): ((&str, &str), (i64, &KeptResult))| {
        json!({
            "script": script,
            "device": device,
            "status": result.status.map_or("unknown", Status::name),
            "exit_status": result.exit_status,
            "ended": result.ended,
            "set": set,
        })
    };
    newest.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(script: &str, device: &str, status: Status, file: &str) -> KeptResult {
        KeptResult {
            script: script.to_owned(),
            device: device.to_owned(),
            status: Some(status),
            result: file.as_bytes().to_vec(),
            ..KeptResult::default()
        }
    }

    fn set(id: i64, results: &[KeptResult]) -> ResultSet {
        ResultSet { id, is_commissioning: false, results: results.to_vec() }
    }

    fn declared() -> Declared {
        let list = [("fio", ["read", "seconds"]), ("stream", ["triad", "seconds"])];
        Declared::new(list.map(|(name, names)| (name.to_owned(), names.map(str::to_owned).to_vec())).into())
    }

    #[test]
    fn the_newest_run_that_counts_is_now_and_the_one_before_it_is_before() {
        let machine = ListedMachine { system_id: "abc".to_owned(), hostname: "node-1".to_owned() };
        let sets = [
            set(4, &[result("stream", "", Status::Passed, "results: {triad: 300 GiB/s, seconds: 9}")]),
            set(
                7,
                &[
                    result("fio", "sda", Status::Passed, "results: {read: 3 GB/s, other: 5}"),
                    result("fio", "sdb", Status::Degraded, "results: {read: 900 MB/s}"),
                    result("fio", "sdc", Status::Failed, "results: {read: 1 MB/s}"),
                    result("stream", "", Status::TimedOut, "results: {triad: 1 GiB/s}"),
                    result("undeclared", "", Status::Passed, "results: {x: 1}"),
                ],
            ),
            set(9, &[result("stream", "", Status::Passed, "results: {triad: 250 GiB/s}")]),
            set(2, &[result("stream", "", Status::Passed, "results: {triad: 1 GiB/s}")]),
        ];
        let declared = declared();
        assert_eq!(declared.questions(&sets), [(9, vec!["stream"]), (7, vec!["fio"]), (4, vec!["stream"])]);
        let document = declared.document(&machine, &sets, &sets);
        assert_eq!(
            document["figures"],
            json!({"read": {"value": 900.0, "unit": "MB/s"}, "triad": {"value": 250.0, "unit": "GiB/s"}})
        );
        let before = json!({"triad": {"value": 300.0, "unit": "GiB/s"}, "stream seconds": {"value": 9.0, "unit": ""}});
        assert_eq!(document["before"], before);
        let told = |script: &str, device: &str| {
            let all = document["scripts"].as_array().expect("a list");
            let one = all.iter().find(|one| one["script"] == script && one["device"] == device).expect("it is there");
            (one["status"].as_str().unwrap_or_default().to_owned(), one["set"].as_i64().unwrap_or_default())
        };
        assert_eq!((told("fio", "sdc"), told("stream", "")), (("Failed".to_owned(), 7), ("Passed".to_owned(), 9)));
    }

    #[test]
    fn what_a_region_answers_is_never_too_odd() {
        let machine = ListedMachine { system_id: "abc".to_owned(), hostname: "x".to_owned() };
        let many: Vec<ResultSet> = (0..40)
            .map(|id| {
                set(id, &[result(["fio", "stream"][usize::from(id % 2 == 0)], "", Status::Passed, "results: [\u{0}")])
            })
            .collect();
        let declared = declared();
        assert_eq!(declared.questions(&many).len(), 4);
        assert_eq!(declared.document(&machine, &many, &many)["figures"], json!({}));
        assert_eq!(Declared::default().document(&machine, &many, &[])["scripts"].as_array().map(Vec::len), Some(2));
    }
}
