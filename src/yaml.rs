//! YAML from outside, with a budget; the only user of the YAML crate.
//!
//! Scripts, cloud-init and netplan write YAML that nobody checked. Everything is parsed into [`Node`], which keeps the type of
//! keys (the region refuses a result file whose keys are numbers), and then read field by field.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Larger documents are refused: no configuration or result file that a person writes comes near.
pub const MAX_BYTES: usize = 1 << 20;

/// Any YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Pairs in the order of the document.
    Mapping(Vec<(Node, Node)>),
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Over [`MAX_BYTES`].
    #[error("{0} bytes of YAML, more than the {MAX_BYTES} that are read")]
    TooLarge(usize),
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 text")]
    NotText,
    /// Not YAML, or an alias bomb.
    #[error("{text}")]
    Syntax {
        /// What is wrong, which may quote the document.
        text: String,
        /// Where, from 1; 0 where that is not known. For documents that must not be quoted.
        line: u64,
    },
}

/// Parses one document.
///
/// # Errors
/// When the bytes are too many, not text, or not YAML.
pub fn parse(bytes: &[u8]) -> Result<Node, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge(bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Error::NotText)?;
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Node::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        Error::Syntax { text: error.to_string().lines().next().unwrap_or_default().to_owned(), line }
    })
}

impl Node {
    /// The value under a text key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Mapping(pairs) => pairs.iter().rev().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean, also in YAML 1.1's words (`yes`, `off`), since the region's parser takes those.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Node::Bool(value) => Some(*value),
            Node::String(text) => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" => Some(true),
                "no" | "off" | "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A scalar as text: what a configuration file means by `key: 12` where text is wanted.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        match self {
            Node::String(text) => Some(text.clone()),
            Node::Int(number) => Some(number.to_string()),
            Node::Float(number) => Some(number.to_string()),
            Node::Bool(value) => Some(value.to_string()),
            _ => None,
        }
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

impl From<&Node> for serde_json::Value {
    /// Keys that are not text are written as text.
    fn from(node: &Node) -> Self {
        match node {
            Node::Null => serde_json::Value::Null,
            Node::Bool(value) => (*value).into(),
            Node::Int(number) => (*number).into(),
            Node::Float(number) => (*number).into(),
            Node::String(text) => text.clone().into(),
            Node::Sequence(items) => items.iter().map(serde_json::Value::from).collect(),
            Node::Mapping(pairs) => serde_json::Value::Object(
                pairs.iter().map(|(k, v)| (k.to_text().unwrap_or_default(), v.into())).collect(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        #[expect(clippy::cast_precision_loss, reason = "beyond i64 a float is what YAML readers give")]
        Ok(i64::try_from(value).map_or(Node::Float(value as f64), Node::Int))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Node::Mapping(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_type() {
        let node = parse(b"results: {1: 2, two: [1, 2.5, true, x]}").expect("valid YAML");
        let results = node.get("results").expect("key");
        assert_eq!(results.pairs()[0], (Node::Int(1), Node::Int(2)));
        assert_eq!(
            results.get("two"),
            Some(&Node::Sequence(vec![Node::Int(1), Node::Float(2.5), Node::Bool(true), Node::String("x".into())]))
        );
    }

    #[test]
    fn an_empty_document_is_null() {
        assert_eq!(parse(b"").expect("empty"), Node::Null);
        assert_eq!(parse(b"# only a comment\n\n").expect("comment"), Node::Null);
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let previous = format!("*a{}, ", i - 1).repeat(10);
            bomb.push_str(&format!("a{i}: &a{i} [{}]\n", previous.trim_end_matches(", ")));
        }
        assert!(parse(bomb.as_bytes()).is_err());
    }

    #[test]
    fn what_is_not_yaml_is_told_in_one_line() {
        let error = parse(b"a: [1").expect_err("unclosed");
        assert!(!error.to_string().contains('\n'), "{error}");
        assert!(matches!(parse(&[0xff, 0xfe]), Err(Error::NotText)));
    }
}
