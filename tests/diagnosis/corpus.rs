//! Excerpts of real logs against their labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use shakedown::diagnosis::judge;

/// Rows whose label is not followed, and why.
const EXCEPTIONS: [(&str, &str); 1] = [(
    "a418a84bcf.kmsg",
    "the label names the CPU on which the watchdog of the clocks ran; two other rows with the same line name none, and the clock is \
     not that CPU's",
)];

/// A file with what it holds.
struct Row {
    file: String,
    kind: String,
    severity: String,
    incidents: Vec<(String, String)>,
}

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty())?;
    Some(PathBuf::from(shared).join("fixtures/kernel-log"))
}

/// NVIDIA's reports leave out the function of a PCI address: both are right.
fn device(name: &str) -> String {
    name.strip_suffix(".0").unwrap_or(name).to_owned()
}

fn rows(folder: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("the index of the corpus");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let mut incidents = Vec::new();
        if cells[3] != "none" {
            incidents.push((cells[3].to_owned(), device(cells[4])));
            let also = cells.get(10).into_iter().flat_map(|also| also.split(';')).filter_map(|one| one.split_once('@'));
            incidents.extend(also.map(|(code, name)| (code.to_owned(), device(name))));
        }
        Row { file: cells[0].to_owned(), kind: cells[1].to_owned(), severity: cells[2].to_owned(), incidents }
    };
    index.lines().skip(1).map(row).collect()
}

#[test]
fn logs_of_real_machines_are_judged_as_they_are_labelled() {
    let Some(folder) = folder() else { return };
    let mut kinds: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    let (mut wrong, mut alarms) = (String::new(), String::new());
    for row in rows(&folder) {
        let log = std::fs::read(folder.join(&row.file)).expect("a file of the corpus");
        let incidents = judge(&String::from_utf8_lossy(&log));
        let found: Vec<(String, String)> =
            incidents.iter().map(|one| (one.code.word().to_owned(), device(&one.device))).collect();
        let missing = row.incidents.iter().filter(|one| !found.contains(one)).count();
        let extra = found.iter().filter(|one| !row.incidents.contains(one)).count();
        let sum = kinds.entry(row.kind).or_default();
        let right = row.incidents.len() - missing;
        for (place, number) in sum.iter_mut().zip([row.incidents.len(), right, missing, extra]) {
            *place += number;
        }
        if row.severity == "none" && !found.is_empty() {
            let _ = writeln!(alarms, "{}: {found:?}", row.file);
        } else if missing + extra > 0 && !EXCEPTIONS.iter().any(|(file, _)| *file == row.file) {
            let _ = writeln!(wrong, "{}: {:?} is labelled, {found:?} was found", row.file, row.incidents);
        }
    }
    let mut table = format!("{:10} {:>8} {:>8} {:>8} {:>8}\n", "kind", "expected", "found", "missing", "extra");
    for (kind, [expected, found, missing, extra]) in &kinds {
        let _ = writeln!(table, "{kind:10} {expected:8} {found:8} {missing:8} {extra:8}");
    }
    std::io::stdout().lock().write_all(table.as_bytes()).expect("stdout takes it");
    let expected: usize = kinds.values().map(|sum| sum[0]).sum();
    let found: usize = kinds.values().map(|sum| sum[1]).sum();
    assert!(expected > 0, "the corpus is empty");
    assert!(alarms.is_empty(), "false alarms:\n{alarms}");
    assert!(wrong.is_empty(), "neither as labelled nor an exception:\n{wrong}");
    assert!(found * 100 >= expected * 99, "only {found} of {expected}");
}
