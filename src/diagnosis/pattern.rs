//! Patterns as the kernel's own format strings, matched without going back.
//!
//! A pattern is literal text with `*` (anything), `{}` (the captured part) and, at its start, `^` (the record begins here). Each part is
//! searched for once, behind the one before: the time is linear in the length of the record. All patterns are looked for at the same
//! time by their longest literal, so that a record that has none of them costs one pass.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem;

/// One pattern in its parts.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Literal texts, each with the kind of gap before it.
    parts: Vec<(Before, &'static str)>,
    /// The record must begin with the first part.
    at_start: bool,
    /// The pattern ends with a capture: the captured word ends where words end.
    open_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Anything,
    Capture,
}

/// The match of a pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found<'t> {
    /// The text captured by `{}`; empty if the pattern has none.
    pub(super) name: &'t str,
}

impl Pattern {
    pub(super) fn new(pattern: &'static str) -> Self {
        let at_start = pattern.starts_with('^');
        let mut rest = pattern.trim_start_matches('^');
        let mut parts = Vec::new();
        let mut before = if at_start { Before::Nothing } else { Before::Anything };
        loop {
            let star = rest.find('*').unwrap_or(rest.len());
            let hole = rest.find("{}").unwrap_or(rest.len());
            let end = star.min(hole);
            if end > 0 {
                parts.push((before, &rest[..end]));
            }
            if end == rest.len() {
                return Self { parts, at_start, open_end: false };
            }
            (before, rest) =
                if star < hole { (Before::Anything, &rest[star + 1..]) } else { (Before::Capture, &rest[hole + 2..]) };
            if rest.is_empty() {
                return Self { parts, at_start, open_end: before == Before::Capture };
            }
        }
    }

    /// The literal by which the pattern is found.
    fn longest(&self) -> &'static str {
        self.parts.iter().map(|(_, text)| *text).max_by_key(|text| text.len()).unwrap_or_default()
    }

    /// The pattern in a record.
    pub(super) fn find<'t>(&self, text: &'t str) -> Option<Found<'t>> {
        let mut at = 0;
        let mut name = "";
        for (index, (before, part)) in self.parts.iter().enumerate() {
            let rest = &text[at..];
            let found = if *before == Before::Nothing && (index == 0 && self.at_start) {
                rest.starts_with(part).then_some(0)?
            } else {
                memmem::find(rest.as_bytes(), part.as_bytes())?
            };
            if *before == Before::Capture {
                name = &rest[..found];
            }
            at += found + part.len();
        }
        if self.open_end {
            name = word(&text[at..]);
            if name.is_empty() {
                return None;
            }
        }
        Some(Found { name })
    }
}

/// The word at the start of a text.
pub(super) fn word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')' | ']' | '}')).unwrap_or(text.len());
    text[..end].trim_end_matches([':', '.', '!'])
}

/// Many patterns at once.
#[derive(Debug)]
pub(super) struct Patterns {
    automaton: Option<AhoCorasick>,
    /// The patterns that each literal of the automaton belongs to.
    of_literal: Vec<Vec<usize>>,
    all: Vec<Pattern>,
}

impl Patterns {
    pub(super) fn new(patterns: impl IntoIterator<Item = &'static str>) -> Self {
        let patterns: Vec<Pattern> = patterns.into_iter().map(Pattern::new).collect();
        let mut literals: Vec<&str> = Vec::new();
        let mut of_literal: Vec<Vec<usize>> = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let literal = pattern.longest();
            if let Some(at) = literals.iter().position(|known| *known == literal) {
                of_literal[at].push(index);
            } else {
                literals.push(literal);
                of_literal.push(vec![index]);
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&literals)
            .ok();
        Self { automaton, of_literal, all: patterns }
    }

    /// The first pattern, by the order of the table, that is in the text and that `take` accepts.
    pub(super) fn each<'t>(
        &self,
        text: &'t str,
        seen: &mut Vec<usize>,
        mut take: impl FnMut(usize, Found<'t>) -> bool,
    ) {
        let Some(automaton) = &self.automaton else { return };
        seen.clear();
        for found in automaton.find_overlapping_iter(text) {
            seen.extend_from_slice(&self.of_literal[found.pattern().as_usize()]);
        }
        if seen.is_empty() {
            return;
        }
        seen.sort_unstable();
        seen.dedup();
        for &index in seen.iter() {
            if let Some(found) = self.all[index].find(text)
                && take(index, found)
            {
                return;
            }
        }
    }
}
