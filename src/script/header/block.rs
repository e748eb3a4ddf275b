//! Where the metadata stands in a script, as the region finds it (recorded: "spellings of the marker lines").
//!
//! A marker may stand anywhere in a line but the first; the first one begins the block, the next one ends it, whether they say Start or End.
//! Those of another version are passed over. Without an end the block goes on to the end of the file.

use super::Problem;

/// The lines between the two marker comments.
#[derive(Debug)]
pub(in crate::script) struct Block {
    /// Line of the script that they begin on.
    pub(in crate::script) first: usize,
    /// Line of the marker that ends them, or the last one.
    pub(in crate::script) end: usize,
    /// True if there is a marker that ends them.
    pub(in crate::script) is_closed: bool,
    /// They themselves, without their `#`.
    pub(in crate::script) yaml: String,
}

/// A line that marks a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::script) struct Marker {
    /// `start` or `end`.
    pub(in crate::script) word: String,
    /// `1.0`, or what the region passes over.
    pub(in crate::script) version: String,
}

impl Marker {
    pub(in crate::script) fn counts(&self) -> bool {
        self.version == "1.0"
    }
}

/// The marker in a line: `# --- Start MAAS 1.0 script metadata ---`, in any case and with any number of dashes, which stand apart from the
/// last word.
pub(in crate::script) fn marker(line: &str) -> Option<Marker> {
    line.match_indices('#').find_map(|(at, _)| marker_at(&line[at + 1..]))
}

fn marker_at(text: &str) -> Option<Marker> {
    let text = text.trim_start();
    let rest = text.trim_start_matches('-');
    let rest = (rest.len() < text.len()).then(|| rest.trim_start().to_ascii_lowercase())?;
    let word = ["start", "end"].into_iter().find(|word| rest.starts_with(word))?;
    let rest = rest[word.len()..].strip_prefix(" maas ")?;
    let (version, rest) = rest.split_once(' ')?;
    let is_version = version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let rest = rest.strip_prefix("script metadata")?;
    let dashes = rest.trim_start();
    (is_version && dashes.len() < rest.len() && dashes.starts_with('-'))
        .then(|| Marker { word: word.to_owned(), version: version.to_owned() })
}

/// Lines as Python splits text, each with its number as editors count.
pub(in crate::script) fn lines(text: &str) -> Vec<(usize, &str)> {
    let is_end =
        |c: char| matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let (mut lines, mut number, mut begin) = (Vec::new(), 1, 0);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !is_end(c) {
            continue;
        }
        lines.push((number, &text[begin..at]));
        begin = at + c.len_utf8();
        if c == '\r' && chars.next_if(|(_, next)| *next == '\n').is_some() {
            begin += 1;
        }
        number += usize::from(matches!(c, '\n' | '\r'));
    }
    if begin < text.len() {
        lines.push((number, &text[begin..]));
    }
    lines
}

/// The block of a script.
///
/// # Errors
/// A line in it that has no `#`.
pub(super) fn block(text: &str) -> Result<Option<Block>, Problem> {
    let lines = lines(text);
    let is_marker = |line: &str| marker(line).is_some_and(|marker| marker.counts());
    let Some(start) = lines.iter().skip(1).position(|(_, line)| is_marker(line)).map(|place| place + 1) else {
        return Ok(None);
    };
    let end = lines.iter().skip(start + 1).position(|(_, line)| is_marker(line)).map(|place| place + start + 1);
    let inside = &lines[start + 1..end.unwrap_or(lines.len())];
    let mut yaml = String::new();
    for (number, line) in inside {
        // The blank after the `#` stays: a line without it is indented otherwise, for the region as well.
        match line.split_once('#') {
            _ if marker(line).is_some() => {}
            Some((_, rest)) => yaml.push_str(rest),
            None if line.trim().is_empty() => {}
            None if end.is_none() => {
                let message =
                    "the metadata block has no '# --- End MAAS 1.0 script metadata ---' before the commands".to_owned();
                return Err(Problem { rule: "block-open", line: lines[start].0, message });
            }
            None => {
                let message = "a line inside the metadata block has no '#'".to_owned();
                return Err(Problem { rule: "block-line", line: *number, message });
            }
        }
        yaml.push('\n');
    }
    let last = lines.last().map_or(1, |(number, _)| *number);
    let end_line = end.map_or(last, |end| lines[end].0);
    Ok(Some(Block { first: lines[start].0 + 1, end: end_line, is_closed: end.is_some(), yaml }))
}
