//! Problems in a profile, each with its line and column.

use std::fmt;
use std::ops::Range;

/// One problem in a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Description of the problem, with the correction.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.text)
    }
}

/// All problems in a profile, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ProfileError {
    /// The problems, sorted by line and column.
    pub problems: Vec<Problem>,
}

/// Collects the problems in a profile's text.
pub(super) struct Notes<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Notes { text, problems: Vec::new() }
    }

    /// Records a problem at a byte range of the text.
    pub(super) fn add(&mut self, at: Range<usize>, text: impl Into<String>) {
        let before = &self.text[..self.text.floor_char_boundary(at.start)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.problems.push(Problem { line, column: before[line_start..].chars().count() + 1, text: text.into() });
    }

    /// True if no problem has been recorded so far.
    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns `value` if there is no problem, otherwise all problems in the order of lines.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, ProfileError> {
        if self.problems.is_empty() {
            return Ok(value);
        }
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        Err(ProfileError { problems: self.problems })
    }
}

/// Names that people use for a key or a kind, each with the name in a profile.
const CALLED: [(&str, &str); 36] = [
    ("acceleratorcard", "gpu"),
    ("accelerator", "gpu"),
    ("baseboard", "bmc"),
    ("capacity", "size"),
    ("clock", "configured_speed"),
    ("dimm", "memory"),
    ("dimms", "memory"),
    ("drive", "disk"),
    ("drives", "disk"),
    ("ethernet", "nic"),
    ("frequency", "configured_speed"),
    ("fw", "firmware"),
    ("graphics", "gpu"),
    ("ht", "smt"),
    ("hyperthreading", "smt"),
    ("idrac", "bmc"),
    ("ilo", "bmc"),
    ("interface", "nic"),
    ("lanes", "width"),
    ("maker", "vendor"),
    ("manufacturer", "vendor"),
    ("maxspeed", "maximum_speed"),
    ("network", "nic"),
    ("numa", "numa_nodes"),
    ("part_number", "part"),
    ("partnumber", "part"),
    ("power", "psu"),
    ("powersupply", "psu"),
    ("processor", "cpu"),
    ("processors", "cpu"),
    ("raid", "array"),
    ("ram", "memory"),
    ("sockets", "count"),
    ("storage", "disk"),
    ("uefiboot", "uefi"),
    ("vtd", "iommu"),
];

/// End of a message on an unknown word: the known word that is near, or is called so; otherwise all known words.
pub(super) fn suggestion(given: &str, known: &[&str]) -> String {
    match meant(given, known) {
        Some(word) => format!("; did you mean \"{word}\"?"),
        None => format!("; there are: {}", known.join(", ")),
    }
}

/// The known word that was probably meant: what people call so, else the nearest one if it is close enough.
pub(in super::super) fn meant<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let squeezed = |text: &str| text.replace(['-', '_', ' '], "").to_lowercase();
    let own = squeezed(given);
    let called = CALLED.iter().find(|(called, _)| squeezed(called) == own);
    let called = called
        .and_then(|(_, name)| known.iter().find(|word| *word == name || word.strip_prefix("link.") == Some(name)));
    let same = called.or_else(|| known.iter().find(|word| squeezed(word) == own));
    let nearest = || known.iter().map(|word| (distance(&given.to_lowercase(), &word.to_lowercase()), word)).min();
    let length = given.chars().count();
    let near = || nearest().filter(|(distance, _)| length > 2 && distance * 5 <= length * 2).map(|(_, word)| word);
    // A part of a longer name, or a longer name of a known part, if there is but one.
    let alike = || {
        let mut alike = known.iter().filter(|word| {
            own.len() > 2 && word.len() > 2 && (squeezed(word).contains(&own) || own.contains(&squeezed(word)))
        });
        alike.next().filter(|_| alike.next().is_none())
    };
    same.or_else(near).or_else(alike).copied()
}

/// Number of letters to insert, delete or replace (Levenshtein); only the first 40 letters of `a` are compared.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(40).collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested() {
        assert_eq!(suggestion("firmwre", &["model", "firmware"]), "; did you mean \"firmware\"?");
        assert_eq!(meant("hyperthreading", &["uefi", "smt"]), Some("smt"));
        assert_eq!(meant("secure-boot", &["uefi", "secure_boot"]), Some("secure_boot"));
        assert_eq!(meant("modle", &["count", "model"]), Some("model"));
        assert_eq!(meant("ECC", &["none", "parity", "CRC"]), None);
        assert_eq!(meant("warning", &["fail", "warn", "note"]), Some("warn"));
        assert_eq!(suggestion("colour", &["model", "size"]), "; there are: model, size");
        assert_eq!((distance("", "ab"), distance("ab", "ba"), distance("same", "same")), (2, 2, 0));
    }
}
