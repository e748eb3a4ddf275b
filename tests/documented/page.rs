//! The command lines that a text shows.

use std::fs;
use std::path::Path;

/// One command line.
pub(crate) struct Line {
    /// The file, from the top of the project, or `shakedown VERB --help`.
    pub(crate) page: String,
    /// Where it begins in that.
    pub(crate) number: usize,
    /// The heading above it.
    pub(crate) heading: String,
    /// In one piece, without a comment.
    pub(crate) text: String,
}

/// A file of the project.
pub(crate) fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Those of a file.
pub(crate) fn of_file(path: &str) -> Vec<Line> {
    lines(path, &file(path))
}

/// Those of each page in `docs/`.
pub(crate) fn of_docs() -> Vec<Vec<Line>> {
    names().iter().map(|name| of_file(name)).collect()
}

/// The pages in `docs/` and the folders in it.
pub(crate) fn names() -> Vec<String> {
    let mut names = Vec::new();
    pages_below("docs", &mut names);
    names.sort();
    names
}

fn pages_below(folder: &str, names: &mut Vec<String>) {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("a folder");
    for entry in entries {
        let entry = entry.expect("readable");
        let name = format!("{folder}/{}", entry.file_name().into_string().expect("a name in UTF-8"));
        if entry.path().is_dir() {
            pages_below(&name, names);
        } else if name.ends_with(".md") {
            names.push(name);
        }
    }
}

/// The examples of all verbs.
pub(crate) fn of_helps() -> Vec<Line> {
    let mut found = Vec::new();
    helps(&shakedown::cli::command(), "", &mut found);
    found
}

fn helps(command: &clap::Command, above: &str, found: &mut Vec<Line>) {
    let path = format!("{above}{} ", command.get_name());
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = text.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty());
    found.extend(examples.zip(1..).map(|(line, number)| Line {
        page: format!("{path}--help"),
        number,
        heading: "Examples".to_owned(),
        text: without_comment(line).trim().to_owned(),
    }));
    command.get_subcommands().for_each(|verb| helps(verb, &path, found));
}

/// The command lines in the `sh` and `console` blocks of a page.
pub(crate) fn lines(page: &str, text: &str) -> Vec<Line> {
    let (mut found, mut heading, mut block): (Vec<Line>, String, Option<&str>) = (Vec::new(), String::new(), None);
    let mut is_continued = false;
    for (line, number) in text.lines().zip(1..) {
        if let Some(kind) = line.strip_prefix("```") {
            block = block.is_none().then_some(kind);
            continue;
        }
        let shown = match block {
            Some("sh") => line,
            Some("console") if is_continued => line,
            Some("console") => line.strip_prefix("$ ").unwrap_or_default(),
            None if line.starts_with('#') => {
                heading = line.trim_start_matches('#').trim().to_owned();
                continue;
            }
            _ => continue,
        };
        let shown = without_comment(shown).trim();
        let (piece, goes_on) = shown.strip_suffix('\\').map_or((shown, false), |piece| (piece.trim_end(), true));
        match found.last_mut().filter(|_| is_continued) {
            Some(last) => last.text.push_str(&format!(" {piece}")),
            None if piece.is_empty() => {}
            None => {
                found.push(Line { page: page.to_owned(), number, heading: heading.clone(), text: piece.to_owned() });
            }
        }
        is_continued = goes_on;
    }
    found
}

/// A shell's comment begins with a `#` that begins a word, outside of quotes.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut last) = (None, ' ');
    for (place, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '#') if last.is_whitespace() => return &line[..place],
            (None, '\'' | '"') => quote = Some(letter),
            (Some(begun), _) if begun == letter => quote = None,
            _ => {}
        }
        last = letter;
    }
    line
}
