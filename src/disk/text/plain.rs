//! smartctl's report as smartctl printed it, found in whatever text it stands: indented or quoted, behind the stamps of a log, in the
//! code block of a forum, double-spaced, with the blanks and signs of a word processor, between two prompts of a shell. The grammar knows
//! only smartctl's own form. Nothing is left out here: what fits no form stays as it is, and the grammar calls it an error.

use std::borrow::Cow;

use super::prefix::{self, is_anchor};
use super::{section, wrap};

/// A text in smartctl's form.
#[derive(Debug)]
pub(in crate::disk) struct Plain<'a> {
    text: Cow<'a, str>,
    /// Bytes of the report: what stands behind them is another's.
    end: usize,
    /// Something stands before a heading all the same.
    hidden: bool,
}

impl<'a> Plain<'a> {
    /// Undoes what was done to the text.
    pub(in crate::disk) fn of(text: &'a str) -> Self {
        let text = characters(wrap::unquoted(lines(Cow::Borrowed(text))));
        let text = wrap::unbroken(single_spaced(prefix::stripped(text)));
        let (text, end) = without_marks(text);
        let hidden = prefix::hides(&text[..end]);
        Plain { text, end, hidden }
    }

    /// All of it, the marks of others left empty.
    pub(in crate::disk) fn text(&self) -> &str {
        &self.text
    }

    /// True if lines of the report may be hidden behind a prefix that only some lines have.
    pub(in crate::disk) fn hides(&self) -> bool {
        self.hidden
    }

    /// The part that smartctl printed, as far as it is known. A mark behind it proves no more than the end of its last line: `head` ends a
    /// report, too, and a prompt follows.
    pub(in crate::disk) fn printed(&self) -> &str {
        &self.text[..self.end]
    }
}

/// Characters that forums and word processors put in place of those of smartctl, and the marks with which Markdown and HTML protect
/// them. A narrow or protected blank between two digits is the locale's and stays.
fn characters(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() && memchr::memchr2(b'\\', b'&', text.as_bytes()).is_none() {
        return text;
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    let text =
        entities.iter().fold(
            text,
            |text, (entity, one)| {
                if text.contains(entity) { Cow::Owned(text.replace(entity, one)) } else { text }
            },
        );
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        let next = rest.peek().copied();
        let grouped = plain.ends_with(|c: char| c.is_ascii_digit()) && next.is_some_and(|c| c.is_ascii_digit());
        match one {
            '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{3000}' if !grouped => plain.push(' '),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => plain.push('-'),
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => {}
            '\\' if next.is_some_and(|c| c.is_ascii_punctuation() && c != '\\') => {}
            one => plain.push(one),
        }
    }
    Cow::Owned(plain)
}

/// Ends of lines as Unix writes them.
fn lines(text: Cow<'_, str>) -> Cow<'_, str> {
    match () {
        () if memchr::memchr(b'\r', text.as_bytes()).is_none() => text,
        () if !text.contains('\n') => Cow::Owned(text.replace('\r', "\n")),
        () => Cow::Owned(text.replace('\r', "")),
    }
}

/// Fewer lines than these may stand alone by chance.
const SPACED: usize = 10;

/// The text without the empty line that a mail program puts behind each line: no report has ten lines with one behind each.
fn single_spaced(text: Cow<'_, str>) -> Cow<'_, str> {
    let Some(from) = prefix::first_anchor(&text) else { return text };
    let is_empty = |line: &str| line.trim().is_empty();
    let mut filled = 0;
    let mut before = "";
    let mut to = 0;
    for line in text[from..].lines() {
        if !is_empty(line) && !is_empty(before) {
            break;
        }
        filled += usize::from(!is_empty(line));
        to = if is_anchor(line) { filled } else { to };
        before = line;
    }
    if to < SPACED {
        return text;
    }
    let mut single = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        if is_empty(line) {
            empty += 1;
            continue;
        }
        single.extend(std::iter::repeat_n('\n', empty / 2));
        single.push_str(line);
        single.push('\n');
        empty = 0;
    }
    single.extend(std::iter::repeat_n('\n', empty / 2));
    Cow::Owned(single)
}

/// Marks that end a quoted block, at the end of the last line of a report.
const CLOSING: [&str; 6] = ["[/code]", "[/CODE]", "</pre>", "</code>", "[/quote]", "[/QUOTE]"];

/// True if a line is no part of the report: the end or the beginning of a quoted block, or a shell that waits for a command.
fn is_mark(line: &str) -> bool {
    let words = line.trim();
    let begins = |marks: &[&str]| marks.iter().any(|mark| words.starts_with(mark));
    begins(&["```", "~~~", "<details", "</details", "(END)", "Script done on "]) || begins(&CLOSING) || is_prompt(words)
}

/// `root@host:~# smartctl -x /dev/sda`, `[root@host ~]# `, `admin@nas[~]$ exit`, `$ `. A lone `#` begins an entry of a log.
fn is_prompt(words: &str) -> bool {
    if words == "$" || words.starts_with("$ ") {
        return true;
    }
    let Some(at) = words.find('@') else { return false };
    let Some(end) = words.find(['#', '$', '%']).filter(|end| *end > at) else { return false };
    let asks = words[end + 1..].is_empty() || words[end + 1..].starts_with(' ');
    // The name of a user, with the bracket or the environment before it, and at most one blank before the sign.
    let user = words[..at].rsplit([' ', '[', ')']).next().unwrap_or_default();
    let short = words[..end].split(' ').count() <= 3 && end < 80;
    asks && short && !user.is_empty()
}

/// True if a line may be or have a mark: nearly none of smartctl's do.
fn may_be_mark(line: &str) -> bool {
    let words = line.trim();
    words.starts_with(['`', '~', '<', '[', '(', '$'])
        || words.starts_with("Script")
        || words.ends_with([']', '>'])
        || words.contains('@')
}

/// The text with the marks behind the beginning of the report left empty, and where the report ends. A mark with a line of smartctl's behind
/// it ends nothing.
fn without_marks(text: Cow<'_, str>) -> (Cow<'_, str>, usize) {
    let closed = |line: &str| CLOSING.iter().find_map(|mark| line.trim_end().strip_suffix(mark).map(str::len));
    let has_mark = |line: &str| may_be_mark(line) && (is_mark(line) || closed(line).is_some());
    let Some(from) = prefix::first_anchor(&text).filter(|from| text[*from..].lines().any(has_mark)) else {
        let end = text.len();
        return (text, end);
    };
    let mut plain = text[..from].to_owned();
    let mut end: Option<usize> = None;
    for line in text[from..].split_inclusive('\n') {
        if is_mark(line) {
            end = end.or(Some(plain.len()));
            plain.push('\n');
            continue;
        }
        if is_anchor(line) || section::is_known(line.trim_start()) {
            end = None;
        }
        match closed(line) {
            Some(length) => {
                plain.push_str(&line[..length]);
                plain.push('\n');
                end = end.or(Some(plain.len()));
            }
            None => plain.push_str(line),
        }
    }
    let end = end.unwrap_or(plain.len());
    (Cow::Owned(plain), end)
}
