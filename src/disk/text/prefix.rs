//! Prefixes before every line of a report: an indent, quote marks, a list's sign, the stamp of a log, the number of the line. The
//! headings of smartctl begin their lines, so that what stands before them is another's.

use std::borrow::Cow;

use memchr::memmem::find_iter;

use super::find;

/// How every report begins a section of it.
const START: &str = "=== START OF ";
/// The line that people mark, with stars or colours, when they show a report to others.
const VERDICT: &str = "SMART overall-health self-assessment test result:";
/// Headings and lines that are in no other text and begin with their first character.
const ANCHORS: [&str; 15] = [
    START,
    VERDICT,
    "SMART Health Status:",
    "General SMART Values:",
    "SMART Attributes Data Structure revision",
    "Vendor Specific SMART Attributes with Thresholds:",
    "ID# ATTRIBUTE_NAME",
    "SMART/Health Information (NVMe Log",
    "SMART Self-test log structure revision",
    "SMART Extended Self-test Log Version:",
    "Num  Test_Description",
    "Error counter log:",
    "Page  Offset Size",
    "Elements in grown defect list:",
    "Percentage used endurance indicator:",
];

/// True if smartctl begins a line like this.
pub(super) fn is_anchor(line: &str) -> bool {
    ANCHORS.iter().any(|anchor| line.starts_with(anchor))
}

/// Where the first of them is.
pub(super) fn first_anchor(text: &str) -> Option<usize> {
    // Nearly every report has this one, which is looked for at once.
    let start = find(text, START);
    let before = &text[..start.unwrap_or(text.len())];
    ANCHORS[1..].iter().filter_map(|anchor| find(before, anchor)).min().or(start)
}

/// Longer ones are no prefix but a text.
const LONGEST: usize = 100;
/// Parts of a prefix that are tried: of a text with several, the first ones.
const TRIED: usize = 4;

/// A piece of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// A character that is the same in each line.
    One(char),
    /// Digits that count or tell the time: any number of them, with blanks before them where a column is filled up.
    Digits,
    /// So many blanks, or fewer at the end of a line.
    Blanks(usize),
}

/// The form of what stands before a line.
fn pieces(prefix: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for one in prefix.chars() {
        let last = pieces.last().copied();
        match (last, one) {
            (Some(Piece::Digits), one) if one.is_ascii_digit() => {}
            (Some(Piece::Blanks(_)), one) if one.is_ascii_digit() => {
                pieces.pop();
                pieces.push(Piece::Digits);
            }
            (_, one) if one.is_ascii_digit() => pieces.push(Piece::Digits),
            (Some(Piece::Blanks(count)), ' ' | '\t') => {
                pieces.pop();
                pieces.push(Piece::Blanks(count + 1));
            }
            (_, ' ' | '\t') => pieces.push(Piece::Blanks(1)),
            (_, one) => pieces.push(Piece::One(one)),
        }
    }
    pieces
}

/// The rest of a line behind a prefix of this form; `None` if the line has no such prefix.
fn behind<'a>(line: &'a str, pieces: &[Piece]) -> Option<&'a str> {
    let is_blank = |c: char| c == ' ' || c == '\t';
    let mut rest = line;
    for piece in pieces {
        rest = match piece {
            Piece::One(one) => rest.strip_prefix(*one)?,
            Piece::Digits => {
                let number = rest.trim_start_matches(is_blank);
                let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
                number.get(end..).filter(|_| end > 0)?
            }
            Piece::Blanks(most) => {
                let count = rest.bytes().take(*most).take_while(|byte| is_blank(char::from(*byte))).count();
                let whole = count == *most || rest.len() == count;
                rest.get(count..).filter(|_| whole)?
            }
        };
    }
    Some(rest)
}

/// The text before a heading.
fn before_anchor(line: &str) -> Option<&str> {
    let at = ANCHORS.iter().filter_map(|anchor| line.find(anchor)).min()?;
    Some(&line[..at]).filter(|before| before.len() <= LONGEST)
}

/// The text without what stands before each line of the report. Lines without it stay as they are.
pub(super) fn stripped(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut starts = find_iter(text.as_bytes(), START);
    let begins_line = |at: usize| at == 0 || text.as_bytes()[at - 1] == b'\n';
    let first = starts.next();
    if first.is_some_and(begins_line) && starts.all(begins_line) {
        return text;
    }
    let prefixes = text.lines().filter_map(before_anchor);
    let mut tried: Vec<Vec<Piece>> = Vec::new();
    for form in prefixes.map(pieces) {
        if !tried.contains(&form) && tried.len() < TRIED {
            tried.push(form);
        }
    }
    let region = region(&text);
    let Some(form) = tried.into_iter().filter(|form| !form.is_empty()).find(|form| is_prefix(form, region)) else {
        return text;
    };
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (words, end) = line.strip_suffix('\n').map_or((line, ""), |words| (words, "\n"));
        plain.push_str(behind(words, &form).unwrap_or(words));
        plain.push_str(end);
    }
    Cow::Owned(plain)
}

/// True if a heading still has a prefix, so that lines of the report may hide behind it. A marked verdict is asked for
/// elsewhere.
pub(super) fn hides(text: &str) -> bool {
    let begins_line = |at: usize| at == 0 || text.as_bytes()[at - 1] == b'\n';
    ANCHORS
        .iter()
        .filter(|anchor| **anchor != VERDICT)
        .any(|anchor| find_iter(text.as_bytes(), anchor).any(|at| !begins_line(at)))
}

/// The lines from the first heading to the last one.
fn region(text: &str) -> &str {
    let headings = || ANCHORS.iter().filter_map(|anchor| Some((text.find(anchor)?, text.rfind(anchor)?)));
    let from = headings().map(|(first, _)| first).min().unwrap_or_default();
    let to = headings().map(|(_, last)| last).max().unwrap_or_default();
    let from = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let to = text[to..].find('\n').map_or(text.len(), |at| to + at);
    &text[from..to]
}

/// True if nine of ten lines of the report have the prefix, and all of its headings but those that somebody marked.
fn is_prefix(form: &[Piece], region: &str) -> bool {
    let filled = || region.lines().filter(|line| !line.trim().is_empty());
    let with = filled().filter(|line| behind(line, form).is_some()).count();
    with * 10 >= filled().count() * 9
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
=== START OF READ SMART DATA SECTION ===
SMART overall-health self-assessment test result: PASSED

ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE
  5 Reallocated_Sector_Ct   0x0033   100   100   010    Pre-fail  Always       -       0
197 Current_Pending_Sector  0x0032   100   100   000    Old_age   Always       -       8

";

    /// The report with this before each line, by its number.
    fn with(prefix: impl Fn(usize) -> String) -> String {
        REPORT.lines().enumerate().map(|(at, line)| format!("{}{line}\n", prefix(at))).collect()
    }

    #[track_caller]
    fn is_found(text: &str) {
        assert_eq!(stripped(Cow::Borrowed(text)), REPORT, "in\n{text}");
    }

    #[test]
    fn what_stands_before_each_line_is_taken_away() {
        is_found(REPORT);
        for prefix in ["    ", "\t", "> ", ">", "> > ", "- ", "| ", "+", "#  "] {
            is_found(&with(|_| prefix.to_owned()));
        }
        is_found(&with(|at| format!("{:6}\t", at + 98)));
        is_found(&with(|at| format!("{}:", at + 8)));
        is_found(&with(|at| format!("2026-11-19T05:10:{at:02}+0100 ")));
        is_found(&with(|at| format!("Nov  {} 05:10:07 host smartctl[{}]: ", at + 7, 95 + at)));
        is_found(&with(|at| format!("[{:5}.{:06}] ", at * 7, at)));
    }

    #[test]
    fn an_editor_may_have_taken_the_blanks_at_the_ends() {
        let text: String = with(|_| "> ".to_owned()).lines().map(|line| format!("{}\n", line.trim_end())).collect();
        is_found(&text);
        let text: String = with(|_| "    ".to_owned()).lines().map(|line| format!("{}\n", line.trim_end())).collect();
        is_found(&text);
    }

    #[test]
    fn what_stands_before_one_heading_is_none() {
        let marked = REPORT.replace("SMART overall", "**SMART overall");
        assert_eq!(stripped(Cow::Borrowed(&marked)), marked);
        let said = format!("they say {}", REPORT.trim_end());
        assert_eq!(stripped(Cow::Borrowed(&said)), said);
    }
}
