//! Texts of a profile: equal ones, regular expressions in linear time, places with numbers from one to another.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind, Look};

use super::fact::plain;

/// Most memory that one expression may take.
const LIMIT: usize = 1 << 20;

/// What a text has to be.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// This, in any case.
    Exact(String),
    /// All of it fits the expression, which begins with these letters.
    Expression(String, Regex),
    /// These words, some of which are numbers between two.
    Place(Vec<Word>),
}

/// A word of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// As it stands.
    Exact(String),
    /// A number from one to the other.
    Between(u64, u64),
}

impl Pattern {
    /// Reads a text of a profile; `~` begins an expression.
    ///
    /// # Errors
    /// The reason, also where it fits nothing.
    pub(super) fn parse(text: &str, has_ranges: bool) -> Result<Self, String> {
        if let Some(expression) = text.trim().strip_prefix('~') {
            return Ok(Pattern::Expression(beginning(expression).to_owned(), expression_of(expression)?));
        }
        let text = plain(text);
        if text.is_empty() {
            return Err("an empty text fits nothing: what a machine does not tell is unknown".to_owned());
        }
        let words: Vec<Word> = text.split(' ').map(word).collect::<Result<_, _>>()?;
        if has_ranges && words.iter().any(|word| matches!(word, Word::Between(..))) {
            return Ok(Pattern::Place(words));
        }
        Ok(Pattern::Exact(text.to_lowercase()))
    }

    /// Whether a text, with one blank for several, is what it has to be.
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Pattern::Exact(wanted) => text.chars().flat_map(char::to_lowercase).eq(wanted.chars()),
            Pattern::Expression(beginning, expression) => {
                text.starts_with(beginning.as_str()) && expression.is_match(text.as_bytes())
            }
            Pattern::Place(words) => {
                let given: Vec<&str> = text.split(' ').collect();
                given.len() == words.len() && words.iter().zip(given).all(|(word, given)| word.fits(given))
            }
        }
    }
}

impl Word {
    fn fits(&self, given: &str) -> bool {
        match self {
            Word::Exact(wanted) => given.to_lowercase() == *wanted,
            Word::Between(low, high) => given.parse().is_ok_and(|number: u64| (*low..=*high).contains(&number)),
        }
    }
}

fn word(text: &str) -> Result<Word, String> {
    let ends = text.split_once("..").and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    match ends {
        Some((low, high)) if low > high => Err(format!("{text} fits nothing: {low} is more than {high}")),
        Some((low, high)) => Ok(Word::Between(low, high)),
        None => Ok(Word::Exact(text.to_lowercase())),
    }
}

/// An expression that has to fit all of a text. Only ASCII has classes; other letters stand for themselves.
fn expression_of(text: &str) -> Result<Regex, String> {
    let anchored = format!("^(?:{text})$");
    let words = |error: &dyn ToString| {
        error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    };
    let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(&anchored);
    let parsed = parsed.map_err(|error| format!("this is no regular expression: {}", words(&error)))?;
    if !can_fit(&parsed) {
        return Err("this expression fits no text at all".to_owned());
    }
    if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
        return Err("this expression fits nothing: texts are compared without blanks around them, and with one blank for several".to_owned());
    }
    let made = RegexBuilder::new(&anchored).unicode(false).size_limit(LIMIT).dfa_size_limit(LIMIT).build();
    made.map_err(|error| format!("this expression is too large: {}", words(&error)))
}

/// The letters that an expression certainly begins with, which spares most texts the rest of it.
fn beginning(expression: &str) -> &str {
    if expression.contains('|') {
        return "";
    }
    let end = expression
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_')))
        .unwrap_or(expression.len());
    // What comes before one of these may be missing.
    let is_needed = !expression[end..].starts_with(['?', '*', '{']);
    &expression[..if is_needed { end } else { end.saturating_sub(1) }]
}

/// Whether there may be a text that fits: an empty class fits none, and nothing comes before the beginning or after the end.
fn can_fit(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Concat(parts) => {
            let is_long = |part: &Hir| part.properties().minimum_len().is_some_and(|length| length > 0);
            let after_end = parts.iter().skip_while(|part| !is_look(part, Look::End)).skip(1).any(is_long);
            let before = parts.iter().rev().skip_while(|part| !is_look(part, Look::Start)).skip(1).any(is_long);
            !after_end && !before && parts.iter().all(can_fit)
        }
        HirKind::Alternation(parts) => parts.iter().any(can_fit),
        HirKind::Capture(capture) => can_fit(&capture.sub),
        HirKind::Repetition(repetition) => repetition.min == 0 || can_fit(&repetition.sub),
        _ => hir.properties().minimum_len().is_some(),
    }
}

/// Whether a part can only stand at the beginning or the end.
fn is_look(hir: &Hir, look: Look) -> bool {
    match hir.kind() {
        HirKind::Look(own) => *own == look,
        HirKind::Capture(capture) => is_look(&capture.sub, look),
        HirKind::Concat(parts) => parts.iter().any(|part| is_look(part, look)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern, true).expect("a pattern").fits(text)
    }

    #[test]
    fn texts_are_equal_without_regard_to_case_and_blanks() {
        assert!(fits("Dell  Inc. ", "dell inc.") && !fits("Dell", "Dell Inc."));
    }

    #[test]
    fn expressions_fit_the_whole_text() {
        assert!(fits("~MZQL27T6HBLA.*", "MZQL27T6HBLA-00A07") && !fits("~MZQL", "MZQL27"));
        assert!(
            fits("~ab?", "a")
                && fits("~ab*c", "ac")
                && fits("~ab{0}", "a")
                && fits("~ab|cd", "cd")
                && fits("~ab+", "abb")
        );
        assert!(fits("~a|b", "b") && !fits("~a|b", "ab"));
        assert!(fits("~(?i)xeon .*", "XEON Gold") && !fits("~xeon .*", "XEON Gold"));
    }

    #[test]
    fn places_have_ranges() {
        assert!(
            fits("enclosure 0 bay 0..59", "Enclosure 0 bay 59") && !fits("enclosure 0 bay 0..59", "enclosure 0 bay 60")
        );
        assert!(!fits("bay 0..59", "enclosure 0 bay 5"));
    }

    #[test]
    fn what_fits_nothing_is_refused() {
        for text in ["", "  ", "~[^\\s\\S]", "~a$b", "~x^y", "~ a", "~a  b", "~(", "bay 5..4", "~(a$)b"] {
            assert!(Pattern::parse(text, true).is_err(), "{text}");
        }
        for text in ["~", "~a?$", "~^a.*", "~(a$)?b", "~x(?:|[^\\s\\S])"] {
            assert!(Pattern::parse(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_expression_that_would_take_for_ever_elsewhere_is_quick_here() {
        let text = "a".repeat(20_000);
        assert!(!fits("~(a*)*b", &text));
        assert!(Pattern::parse("~(a{1000}){1000}", true).is_err(), "too large");
    }
}
