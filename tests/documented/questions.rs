//! The questions of newcomers: each place that `docs/questions.md` names is there, and has the words that the row names.

use crate::page;

const PAGE: &str = "docs/questions.md";
/// How far from the line of a row its words may be. Files change, and a reader who finds them within a screenful is served.
const NEAR: usize = 40;

/// A row of the tables.
struct Row {
    /// As it stands in the page.
    text: String,
    file: String,
    line: usize,
    words: String,
}

fn rows(text: &str) -> Vec<Row> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains("]("));
    rows.map(|line| {
        let place = line.split_once('[').and_then(|(_, rest)| rest.split_once("](")).expect("a link").0;
        let (file, number) = place.rsplit_once(':').expect("a file and a line");
        let words = line.rsplit('`').nth(1).expect("words between backticks");
        let line_number = number.parse().expect("the number of a line");
        Row { text: line.to_owned(), file: file.to_owned(), line: line_number, words: words.to_owned() }
    })
    .collect()
}

/// The line that has the words, the nearest to where the row says.
fn found(row: &Row) -> Option<usize> {
    let text = page::file(&row.file);
    let lines = text.lines().zip(1..).filter(|(line, _)| line.contains(&row.words)).map(|(_, number)| number);
    lines.min_by_key(|number: &usize| number.abs_diff(row.line))
}

#[test]
fn questions_of_newcomers_are_answered_where_the_page_says() {
    let text = page::file(PAGE);
    let all = rows(&text);
    assert!(all.len() >= 40, "only {} questions", all.len());
    let missing = all.iter().filter(|row| found(row).is_none());
    let missing: Vec<_> = missing.map(|row| format!("{} has no `{}`: {}", row.file, row.words, row.text)).collect();
    assert_eq!(missing, [""; 0], "name another place in {PAGE}");
    if std::env::var_os("SHAKEDOWN_WRITE_DOCS").is_some() {
        let anew = all.iter().fold(text, |text, row| {
            let (old, new) =
                (format!("{}:{}]", row.file, row.line), format!("{}:{}]", row.file, found(row).unwrap_or(0)));
            text.replace(&row.text, &row.text.replace(&old, &new))
        });
        std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), anew).expect("the page is written");
        return;
    }
    let far = all.iter().filter(|row| found(row).is_some_and(|line| line.abs_diff(row.line) > NEAR));
    let far: Vec<_> = far.map(|row| format!("{}: `{}` is in line {:?}", row.file, row.words, found(row))).collect();
    assert_eq!(far, [""; 0], "SHAKEDOWN_WRITE_DOCS=1 writes the lines anew");
}

/// The texts of the source, all on one line, as a message that is written over several lines is one text.
fn source(folder: &std::path::Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder of the source").flatten() {
        if entry.path().is_dir() {
            source(&entry.path(), text);
        } else if entry.path().extension().is_some_and(|end| end == "rs") {
            text.push_str(&std::fs::read_to_string(entry.path()).expect("a source file in UTF-8"));
        }
    }
}

#[test]
fn messages_by_which_somebody_looks_for_help_are_those_of_the_program() {
    let mut program = String::new();
    source(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut program);
    let text = page::file("docs/operating.md");
    let tables = text.split_once("## Troubleshooting by symptom").expect("the heading").1;
    let symptoms = tables.lines().filter_map(|line| line.strip_prefix("| ")).filter_map(|row| row.split(" | ").next());
    let messages: Vec<&str> = symptoms.flat_map(|symptom| symptom.split('"').skip(1).step_by(2)).collect();
    assert!(messages.len() > 15, "only {messages:?}");
    let unknown = messages.into_iter().filter(|message| !program.contains(message));
    assert_eq!(unknown.collect::<Vec<_>>(), [""; 0], "no text of the program has these words any more");
}

#[test]
fn a_place_that_is_not_there_is_found() {
    let wrong = rows("| 1 | Why? | [README.md:1](../README.md) | `no such words here` |");
    assert_eq!(wrong.iter().map(found).collect::<Vec<_>>(), [None]);
    let right = rows("| 1 | Why? | [README.md:9](../README.md) | `# Shakedown` |");
    assert_eq!(right.iter().map(found).collect::<Vec<_>>(), [Some(1)]);
}
