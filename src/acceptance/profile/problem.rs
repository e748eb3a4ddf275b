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

/// End of a message on an unknown word: the nearest known word if one is close enough, otherwise all known words.
pub(super) fn suggestion(given: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|word| (distance(given, word), word)).min();
    match nearest {
        Some((distance, word)) if distance * 3 <= given.chars().count().max(3) => format!("; did you mean \"{word}\"?"),
        _ => format!("; there are: {}", known.join(", ")),
    }
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
        assert_eq!(suggestion("colour", &["model", "size"]), "; there are: model, size");
        assert_eq!((distance("", "ab"), distance("ab", "ba"), distance("same", "same")), (2, 2, 0));
    }
}
