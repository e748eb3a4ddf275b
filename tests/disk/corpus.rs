//! Recordings of real drives against their verdicts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A row of the corpus, or of the table of disputed rows.
struct Row {
    file: String,
    verdict: String,
}

/// The folder with fixtures that are not part of the project.
fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty())?;
    Some(PathBuf::from(shared).join("fixtures/smartctl"))
}

fn say(text: &str) {
    writeln!(std::io::stdout().lock(), "{text}").expect("stdout takes it");
}

/// The table; fields with quotes in them are quoted.
fn rows(folder: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("the index of the corpus");
    let head: Vec<&str> = index.lines().next().expect("a head").split('\t').collect();
    let column = |name: &str| head.iter().position(|one| *one == name).expect(name);
    let (file, verdict) = (column("file"), column("expected_verdict"));
    let cells = index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    cells.map(|cells| Row { file: cells[file].to_owned(), verdict: cells[verdict].to_owned() }).collect()
}

/// The rows of the corpus that are wrong: file, and what is right.
fn disputed() -> Vec<Row> {
    let table = include_str!("../../docs/smart-disputed.md");
    let cells = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    cells.map(|cells| Row { file: cells[1].trim_matches('`').to_owned(), verdict: cells[3].to_owned() }).collect()
}

/// One call for all files, as a user would.
fn judge(folder: &Path, files: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .current_dir(folder)
        .args(["disk", "judge"])
        .args(files)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let verdicts: Vec<String> = lines
        .zip(files)
        .map(|(line, file)| {
            let line: Value = serde_json::from_slice(line).expect("a JSON line");
            assert_eq!(line["file"], *file);
            line["verdict"].as_str().expect("a verdict").to_owned()
        })
        .collect();
    assert_eq!(verdicts.len(), files.len(), "a line for each file");
    verdicts
}

#[test]
fn every_recording_has_its_verdict() {
    let Some(folder) = folder() else {
        return crate::support::left_out::say("the recordings of 1014 calls of smartctl: SHAKEDOWN_SHARED is not set");
    };
    let rows = rows(&folder);
    let files: Vec<&str> = rows.iter().map(|row| row.file.as_str()).collect();
    let disputed = disputed();
    let mut confusion: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (row, found) in rows.iter().zip(judge(&folder, &files)) {
        *confusion.entry((row.verdict.clone(), found.clone())).or_default() += 1;
        let right = disputed.iter().find(|one| one.file == row.file).map_or(&row.verdict, |one| &one.verdict);
        // What has no verdict in the corpus was no test of a drive: that is never a pass, and nothing that may be left out.
        let fits = if right == "n/a" { found == "error" } else { found == *right };
        if !fits {
            wrong.push(format!("{}: {found} instead of {right}", row.file));
        }
    }
    for ((right, found), count) in &confusion {
        say(&format!("{right:>13} judged {found:<13} {count:>4}"));
    }
    assert_eq!(wrong, [""; 0], "docs/smart-disputed.md may tell why a row of the corpus is wrong");
}

#[test]
fn every_disputed_row_is_one_of_the_corpus_and_really_disputed() {
    let Some(folder) = folder() else { return };
    let rows = rows(&folder);
    let disputed = disputed();
    assert!(!disputed.is_empty(), "the table is found");
    for one in disputed {
        let row = rows.iter().find(|row| row.file == one.file);
        assert!(row.is_some_and(|row| row.verdict != one.verdict), "{} is no disputed row", one.file);
    }
}
