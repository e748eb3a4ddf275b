//! YAML from outside, read as the region reads it; nothing else here knows YAML.
//!
//! The region reads result files and headers with PyYAML's `safe_load`: YAML 1.1 in that reader's own dialect. A parser of YAML 1.2 finds
//! other structure and other types in the same bytes (`1e3`, `010`, `12:30:00`, tabs, keys that stand twice), so that a failed test could
//! be reported as passed. The rules are therefore written down here: [`scan`] tokens, [`compose`] a graph, [`resolve`] the types,
//! [`build`] the values. `scripts/dev/yaml-oracle` compares them with PyYAML itself.
//!
//! Memory and time are bounded by the length of a document: aliases share what they name, and nothing here calls itself.

mod build;
mod compose;
mod cursor;
mod directive;
mod graph;
mod json;
mod resolve;
mod scalar;
mod scan;
mod token;

use std::sync::Arc;

pub use json::Room;

/// Larger documents are refused: as much as a result file may have to be sent to a region (contract REGION).
pub const MAX_BYTES: usize = 8 << 20;

/// Values and aliases of a document that are read: a region needs a minute for as many.
const MAX_NODES: usize = 1 << 19;
/// Bytes and steps that aliases and `<<` may cost beside the text itself.
const MAX_WORK: usize = 32 << 20;

/// Any YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true`, `no`, `On` and the like.
    Bool(bool),
    /// A whole number.
    Int(Int),
    /// Any other number.
    Float(Float),
    /// Text.
    String(String),
    /// A list.
    Sequence(Arc<Vec<Node>>),
    /// Pairs in the order of the document, each key once.
    Mapping(Arc<Vec<(Node, Node)>>),
    /// What has no place in a result file or a header.
    Other(Other),
}

/// A whole number of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Int {
    /// What the region reads, in decimal digits.
    pub digits: String,
    /// As written: `0755`, `0x1F`, `12:30`.
    pub text: String,
}

/// A number with a fraction, or none of the finite ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Float {
    /// What the region reads.
    pub value: f64,
    /// As written.
    pub text: String,
}

/// Values that YAML knows and that neither JSON nor the region's fields take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// `2024-05-01`.
    Date,
    /// A date with a time.
    DateTime,
    /// `!!binary`.
    Binary,
    /// `!!set`.
    Set,
    /// An entry of `!!omap` or `!!pairs`.
    Pair,
    /// A list or mapping that holds itself.
    Recursive,
    /// A list or mapping deeper in others, by way of aliases, than anything here reads.
    Deep,
    /// A scalar on which the region's reader falls over.
    Impossible,
}

impl Other {
    /// In a word for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Other::Date => "date",
            Other::DateTime => "datetime",
            Other::Binary => "bytes",
            Other::Set => "set",
            Other::Pair => "tuple",
            Other::Recursive => "recursive",
            Other::Deep => "deep",
            Other::Impossible => "impossible",
        }
    }
}

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Over [`MAX_BYTES`].
    #[error("{0} bytes of YAML, more than the {MAX_BYTES} that are read")]
    TooLarge(usize),
    /// Few enough bytes that say too many values, or say too much by aliases.
    #[error("more values, or more that aliases and '<<' repeat, than are read")]
    TooMuch,
    /// Bytes that are neither UTF-8 nor UTF-16 with a byte order mark.
    #[error("not UTF-8 text")]
    NotText,
    /// Not YAML.
    #[error("line {line}: {message}")]
    Syntax {
        /// What is wrong, and what would be right.
        message: String,
        /// Line of the document, from 1.
        line: usize,
    },
    /// What the region's reader neither takes nor refuses: the whole request fails with a 500 (REGION, corrections 2).
    #[error("line {line}: {message}")]
    Poison {
        /// What it falls over.
        message: String,
        /// Line of the document, from 1.
        line: usize,
        /// All else that the document says.
        rest: Node,
    },
}

/// Something wrong on a line.
#[derive(Clone, Debug)]
struct Fault {
    message: String,
    line: usize,
}

impl From<Fault> for Error {
    fn from(Fault { message, line }: Fault) -> Self {
        Error::Syntax { message, line }
    }
}

/// Parses the one document of some bytes; none at all is [`Node::Null`].
///
/// # Errors
/// When the bytes are too many, not text, not YAML as the region reads it, or what it falls over.
pub fn parse(bytes: &[u8]) -> Result<Node, Error> {
    read(bytes, &mut Vec::new())
}

/// The same, with the keys of any mapping that stand there again further down, and so count for nothing, with their lines from 1.
pub fn parse_noting(bytes: &[u8]) -> (Result<Node, Error>, Vec<(usize, String)>) {
    let mut repeated = Vec::new();
    let node = read(bytes, &mut repeated);
    repeated.sort();
    (node, repeated)
}

fn read(bytes: &[u8], repeated: &mut Vec<(usize, String)>) -> Result<Node, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge(bytes.len()));
    }
    let text = decode(bytes).ok_or(Error::NotText)?;
    if let Some(place) = text.iter().position(|c| !is_printable(*c)) {
        let line = 1 + text[..place].iter().filter(|c| **c == '\n').count();
        let code = u32::from(text[place]);
        return Err(Error::Syntax {
            message: format!("the control character U+{code:04X} (write it as \"\\x{code:02x}\")"),
            line,
        });
    }
    let (graph, read) = compose::compose(&text);
    if graph.is_too_much {
        return Err(Error::TooMuch);
    }
    if graph.poison.is_none() {
        read?;
    }
    build::build(graph, repeated)
}

/// UTF-16 where a byte order mark says so, else UTF-8.
fn decode(bytes: &[u8]) -> Option<Vec<char>> {
    let read: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return std::str::from_utf8(bytes).ok().map(|text| text.chars().collect()),
    };
    let (units, []) = bytes.as_chunks::<2>() else { return None };
    char::decode_utf16(units.iter().map(|unit| read(*unit))).collect::<Result<_, _>>().ok()
}

fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

impl Node {
    /// The value under a text key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().iter().rev().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v)
    }

    /// The same, but nothing where it is null, as the region reads fields.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Node> {
        self.get(key).filter(|value| !matches!(value, Node::Null))
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean; `"yes"` in quotes is text.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A scalar as text: what a configuration file means by `key: 0012` where text is wanted. Numbers stay as written.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        match self {
            Node::String(text) => Some(text.clone()),
            Node::Int(number) => Some(number.text.clone()),
            Node::Float(number) => Some(number.text.clone()),
            Node::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// Bytes of a scalar, which each copy of it takes.
    fn text_len(&self) -> usize {
        match self {
            Node::String(text) => text.len(),
            Node::Int(number) => number.digits.len() + number.text.len(),
            Node::Float(number) => number.text.len(),
            _ => 0,
        }
    }

    /// True if a result may be it: text, a number or a boolean.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(self, Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::String(_))
    }

    /// The pairs of a mapping, or nothing.
    #[must_use]
    pub fn pairs(&self) -> &[(Node, Node)] {
        match self {
            Node::Mapping(pairs) => pairs,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_type() {
        let node = parse(b"results: {1: 2, two: [1, 2.5, true, x]}").expect("valid YAML");
        let results = node.get("results").expect("key");
        let int = |text: &str| Node::Int(Int { digits: text.into(), text: text.into() });
        let float = Node::Float(Float { value: 2.5, text: "2.5".into() });
        assert_eq!(results.pairs()[0], (int("1"), int("2")));
        let two = vec![int("1"), float, Node::Bool(true), Node::String("x".into())];
        assert_eq!(results.get("two"), Some(&Node::Sequence(Arc::new(two))));
    }

    #[test]
    fn keys_that_stand_twice_are_noted_where_they_count_for_nothing() {
        let text =
            "a: &a {x: 1, y: 2}\nb:\n  c: 1\n  d: [{e: 1, e: 2}]\n  'c': 2\n  c: 3\nf: {<<: *a, x: 3}\n1: a\n1.0: b\n";
        let (node, repeated) = parse_noting(text.as_bytes());
        let repeated: Vec<_> = repeated.iter().map(|(line, key)| (*line, key.as_str())).collect();
        assert_eq!(repeated, [(3, "c"), (4, "e"), (5, "c"), (8, "1")], "{node:?}");
    }

    #[test]
    fn an_empty_document_is_null() {
        assert_eq!(parse(b"").expect("empty"), Node::Null);
        assert_eq!(parse(b"# only a comment\n\n").expect("comment"), Node::Null);
    }

    /// Real files repeat themselves by aliases, and the region reads a bomb as well: what counts is what it costs.
    #[test]
    fn an_alias_bomb_costs_what_its_text_costs() {
        let mut bomb = String::from("status: failed\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let previous = format!("*a{}, ", i - 1).repeat(10);
            bomb.push_str(&format!("a{i}: &a{i} [{}]\n", previous.trim_end_matches(", ")));
        }
        let node = parse(bomb.as_bytes()).expect("the region reads it");
        assert_eq!(node.get("status").and_then(Node::as_str), Some("failed"));
        let json = serde_json::Value::from(&node).to_string();
        assert!(json.len() < 96 << 20, "{}", json.len());
    }

    /// Each costs far more than its text if it is read as it comes.
    #[test]
    fn what_costs_more_than_its_text_is_not_read_on() {
        let text = "x".repeat(1 << 20);
        let merge = |entry: &str, count: usize| format!("a: &a {{b: c}}\nd: {{{}}}\n", entry.repeat(count));
        let documents = [
            "a,".repeat(600_000),
            format!("a: &a {text}\nb: [{}]\n", "*a,".repeat(100)),
            format!("a: &a {text}\nb: [{}]\n", "!!str {=: *a},".repeat(100)),
            format!("a: &a [{}]\nb: {{{}}}\n", "{},".repeat(100_000), "<<: *a,".repeat(100)),
            merge("<<: *a,", 30_000),
        ];
        for document in documents {
            let document = if document.starts_with("a,") { format!("[{document}]") } else { document };
            assert_eq!(parse(document.as_bytes()), Err(Error::TooMuch), "{document:.40}");
        }
        assert!(parse(merge("<<: *a,", 1000).as_bytes()).is_ok());
        let tags = format!("%TAG !e! {text}\n---\n[{}]", "!e!x a,".repeat(20_000));
        assert!(matches!(parse(tags.as_bytes()), Err(Error::Syntax { message, .. }) if message.len() < 2000));
    }

    /// Each was answered with 500 by a region: the whole signal was lost, and so was each repeat of it.
    #[test]
    fn what_the_region_falls_over_is_told_apart_and_the_rest_is_read() {
        let deep = format!("[{}]", "[".repeat(500) + &"]".repeat(500));
        let digits = "1".repeat(5000);
        let bad = [
            "2024-02-30",
            "0000-01-01",
            "2024-05-01T25:00:00Z",
            "2024-05-01t10:20:30+99:99",
            "!!int \"\"",
            "!!float foo",
            "!!bool foo",
            "!!timestamp foo",
            &digits,
            &deep,
            "0x_",
        ];
        for value in bad {
            match parse(format!("results: {{a: {value}}}\nstatus: failed\n").as_bytes()) {
                Err(Error::Poison { line: 1, rest, .. }) => {
                    assert_eq!(rest.get("status").and_then(Node::as_str), Some("failed"), "{value:.30}");
                }
                other => panic!("{value:.30}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_yaml_is_told_in_one_line() {
        let error = parse(b"a: [1").expect_err("unclosed");
        assert!(!error.to_string().contains('\n'), "{error}");
        assert!(matches!(parse(&[0xff, 0x41]), Err(Error::NotText)));
    }
}
