//! Patterns for texts in a profile: exact texts, regular expressions (in linear time), and places with ranges (`bay 0..59`).

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind, Look};

use super::fact::plain;

/// Maximum memory of one compiled expression, in bytes.
const LIMIT: usize = 1 << 20;

/// A pattern that a text of the inventory has to match.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// This text; case is ignored.
    Exact(String),
    /// A regular expression for the whole text, preceded by the letters that every match begins with.
    Expression(String, Regex),
    /// These words, at least one of which is a range of numbers.
    Place(Vec<Word>),
}

/// A word of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// This word, in lower case; case is ignored.
    Exact(String),
    /// A number within these bounds, both included.
    Between(u64, u64),
}

impl Pattern {
    /// Parses a text of a profile: `~` begins a regular expression; `has_ranges` allows words such as `0..59`.
    ///
    /// # Errors
    /// A message if the pattern is invalid, too large, or can match no text.
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
        Ok(Pattern::Exact(text))
    }

    /// The text that alone matches; `None` if several texts do.
    pub(super) fn literal(&self) -> Option<&str> {
        if let Pattern::Exact(text) = self { Some(text) } else { None }
    }

    /// The pattern for messages.
    pub(super) fn show(&self) -> String {
        match self {
            Pattern::Exact(text) => text.clone(),
            Pattern::Expression(_, expression) => {
                let text = expression.as_str();
                let own = text.strip_prefix("^(?:").and_then(|text| text.strip_suffix(")$")).unwrap_or(text);
                format!("matching {own}")
            }
            Pattern::Place(words) => words.iter().map(Word::show).collect::<Vec<_>>().join(" "),
        }
    }

    /// True if this is a regular expression.
    pub(super) fn is_expression(&self) -> bool {
        matches!(self, Pattern::Expression(..))
    }

    /// All texts that match, in their order; `None` if there are more than `most`, or no end of them.
    pub(super) fn all(&self, most: u64) -> Option<Vec<String>> {
        self.places().filter(|places| *places <= most)?;
        match self {
            Pattern::Exact(text) => Some(vec![text.clone()]),
            Pattern::Expression(..) => None,
            Pattern::Place(words) => Some(words.iter().fold(vec![String::new()], |starts, word| {
                let ends: Vec<String> = match word {
                    Word::Exact(word) => vec![word.clone()],
                    Word::Between(low, high) => (*low..=*high).map(|number| number.to_string()).collect(),
                };
                let join = |start: &String| {
                    ends.iter().map(|end| format!("{start} {end}").trim().to_owned()).collect::<Vec<_>>()
                };
                starts.iter().flat_map(join).collect()
            })),
        }
    }

    /// How many different places match; `None` if there is no limit to them.
    pub(super) fn places(&self) -> Option<u64> {
        match self {
            Pattern::Exact(_) => Some(1),
            Pattern::Expression(..) => None,
            Pattern::Place(words) => words.iter().try_fold(1_u64, |product, word| match word {
                Word::Exact(_) => Some(product),
                Word::Between(low, high) => product.checked_mul(high.checked_sub(*low)?.checked_add(1)?),
            }),
        }
    }

    /// True if `text` matches; its runs of blanks must have been reduced to one before (see `plain`).
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Pattern::Exact(wanted) => {
                text.chars().flat_map(char::to_lowercase).eq(wanted.chars().flat_map(char::to_lowercase))
            }
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
    fn show(&self) -> String {
        match self {
            Word::Exact(word) => word.clone(),
            Word::Between(low, high) => format!("{low}..{high}"),
        }
    }

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

/// Compiles an expression for the whole text. Character classes cover ASCII only; other letters match themselves.
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

/// Letters that every match begins with. Comparing them first is cheap and excludes most texts.
fn beginning(expression: &str) -> &str {
    if expression.contains('|') {
        return "";
    }
    let end = expression
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_')))
        .unwrap_or(expression.len());
    // These signs make the letter before them optional.
    let is_needed = !expression[end..].starts_with(['?', '*', '{']);
    &expression[..if is_needed { end } else { end.saturating_sub(1) }]
}

/// False if no text can match: an empty class matches nothing, and no letter comes before the start or after the end of a text.
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

/// True if every match of a part includes the anchor `look`, so that the part stands at the start or the end of the text.
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
