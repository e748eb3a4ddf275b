//! The few words of roff that the pages need (`man 7 groff_man`).

use std::fmt::Write as _;

/// The width that a line of an example may have beside the indentation of a page, so that a terminal of 80 columns does not break it.
const WIDTH: usize = 68;

/// Text that roff takes for nothing but text. A hyphen stays one that can be copied.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('…', "...");
    let lines =
        text.lines().map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}

pub(crate) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text))
}

pub(crate) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escaped(text))
}

/// A section with its text; nothing when the text is empty.
pub(crate) fn section(name: &str, text: &str) -> String {
    if text.trim().is_empty() { String::new() } else { format!(".SH {name}\n{}\n", text.trim_end()) }
}

/// A list of terms, each with what it is.
pub(crate) fn list<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (term, meaning) in rows {
        let _ = write!(text, ".TP\n{}\n{}\n", bold(term), escaped(meaning));
    }
    text
}

/// Paragraphs of plain text.
pub(crate) fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(escaped).collect::<Vec<_>>().join("\n.PP\n")
}

/// Command lines, each as it is typed: what is too long is broken where the shell lets it, and a comment that does not fit stands above.
pub(crate) fn examples(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = ".nf\n".to_owned();
    for line in lines {
        let (command, comment) =
            line.split_once("  #").map_or((line.as_str(), ""), |(command, comment)| (command, comment.trim()));
        if !comment.is_empty() {
            let _ = writeln!(text, "{}", escaped(&format!("# {comment}")));
        }
        for part in broken(command.trim()) {
            let _ = writeln!(text, "{}", escaped(&part));
        }
    }
    text + ".fi\n"
}

/// A command in lines that are not too long, each but the last with a backslash at its end.
pub(crate) fn broken(command: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in command.split(' ') {
        let last = lines.last_mut().expect("there is always one");
        // Before an option, so that it stays together with its value.
        if word.starts_with("--") && last.len() + word.len() + 24 > WIDTH && last.trim() != "" {
            last.push_str(" \\");
            lines.push(format!("    {word}"));
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
