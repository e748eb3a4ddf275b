//! The access to a BMC that a serial commissioning script may write to `BMC_CONFIG_PATH` (contract REGION, "What a script finds").
//!
//! The file is flat: `power_type` and, beside it, the parameters of that type. It holds passwords, so nothing here shows a value
//! that may be one: not `Debug`, not `Display`, no error. Only [`BmcConfig::parameters_json`] has them.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value};

use super::scrub::scrub;
use crate::yaml::{self, Float, Int, Node};

/// Larger files are refused: the access to a BMC is a dozen short lines.
const MAX_BYTES: usize = 64 << 10;
/// What stands for a value that must not be seen.
const MASK: &str = "…";
/// A key with one of these in its name has a secret value. Better one too many hidden than one too few.
const SECRET_KEYS: [&str; 11] =
    ["pass", "pwd", "secret", "token", "key", "k_g", "kg", "cred", "auth", "private", "community"];

/// How MAAS reaches a machine's BMC: a power type and its parameters.
#[derive(Clone, PartialEq)]
pub struct BmcConfig {
    power_type: String,
    parameters: Map<String, Value>,
}

/// Why a file is no access to a BMC. No text quotes a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BmcConfigError {
    /// Not a regular file, or the system does not let it be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Over 64 KiB.
    #[error("it is larger than the {MAX_BYTES} bytes that are read")]
    TooLarge,
    /// Nothing in it, or comments alone.
    #[error("it is empty; it must have power_type and the parameters of that type")]
    Empty,
    /// Bytes that are not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Not YAML; the line, 0 where it is not known.
    #[error("it is not valid YAML{}", place(*.0))]
    Syntax(usize),
    /// A list or a scalar.
    #[error("it is not a mapping; it must have lines like `power_type: ipmi`")]
    NotAMapping,
    /// A key that is a number, say; its place among the keys, from 1.
    #[error("its key number {0} is not text")]
    Key(usize),
    /// No `power_type`, or nothing in it.
    #[error("it has no power_type, for example ipmi or redfish")]
    NoPowerType,
    /// `power_type` is a list, say, or no word.
    #[error("its power_type is not a word of letters, digits, - and _")]
    PowerType,
    /// A value that is a mapping, or a list of other than scalars.
    #[error(
        "{0} is neither text, a number, yes or no, nor a list of those (parameters stand beside power_type, not below)"
    )]
    Nested(String),
    /// A number whose digits are not those that stand in the file: `0123` is 83 or 123 to YAML.
    #[error("{0} is written as a number that YAML reads as another one: put it in quotes")]
    Number(String),
}

fn place(line: usize) -> String {
    if line == 0 { String::new() } else { format!(" (line {line})") }
}

impl BmcConfig {
    /// Reads the file of a script; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read or is not what [`BmcConfig::parse`] takes.
    pub fn read(path: &Path) -> Result<Option<Self>, BmcConfigError> {
        let unreadable = |error: std::io::Error| BmcConfigError::Unreadable(error.to_string());
        match path.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
            // A pipe would be waited for.
            Ok(metadata) if !metadata.is_file() => {
                return Err(BmcConfigError::Unreadable("it is not a regular file".to_owned()));
            }
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        BmcConfig::parse(&bytes).map(Some)
    }

    /// Checks what a script wrote. Whether the region knows the type and needs more parameters is the region's to say.
    ///
    /// Numbers become text, which all parameters of MAAS's power types are; an empty value is empty text.
    ///
    /// # Errors
    /// When it is not a flat mapping of text to scalars, or to lists of scalars, with a `power_type`.
    pub fn parse(bytes: &[u8]) -> Result<Self, BmcConfigError> {
        if bytes.len() > MAX_BYTES {
            return Err(BmcConfigError::TooLarge);
        }
        let node = yaml::parse(bytes).map_err(|error| match error {
            yaml::Error::TooLarge(_) | yaml::Error::TooMuch => BmcConfigError::TooLarge,
            yaml::Error::NotText => BmcConfigError::NotText,
            // The text of the error may quote a password that begins with `*` or `!`.
            yaml::Error::Syntax { line, .. } | yaml::Error::Poison { line, .. } => BmcConfigError::Syntax(line),
        })?;
        let pairs = match &node {
            Node::Null => return Err(BmcConfigError::Empty),
            Node::Mapping(pairs) if pairs.is_empty() => return Err(BmcConfigError::Empty),
            Node::Mapping(pairs) => pairs,
            _ => return Err(BmcConfigError::NotAMapping),
        };
        let mut parameters = Map::new();
        for (number, (key, value)) in (1..).zip(pairs.iter()) {
            let key = key.as_str().ok_or(BmcConfigError::Key(number))?;
            parameters.insert(key.to_owned(), parameter(key, value)?);
        }
        let power_type = match parameters.shift_remove("power_type") {
            None => return Err(BmcConfigError::NoPowerType),
            Some(Value::String(word)) if word.is_empty() => return Err(BmcConfigError::NoPowerType),
            Some(Value::String(word)) if is_word(&word) => word,
            Some(_) => return Err(BmcConfigError::PowerType),
        };
        Ok(BmcConfig { power_type, parameters })
    }

    /// From what a region is told.
    #[must_use]
    pub fn new(power_type: impl Into<String>, parameters: Map<String, Value>) -> Self {
        BmcConfig { power_type: power_type.into(), parameters }
    }

    /// The power type, for example `ipmi`.
    #[must_use]
    pub fn power_type(&self) -> &str {
        &self.power_type
    }

    /// The parameters with their secrets, as the region takes them: for the request alone.
    #[must_use]
    pub fn parameters_json(&self) -> String {
        Value::Object(self.parameters.clone()).to_string()
    }

    /// The parameters for people: `…` in place of each value that may be a secret.
    #[must_use]
    pub fn masked(&self) -> Map<String, Value> {
        self.parameters.iter().map(|(key, value)| (key.clone(), masked(key, value))).collect()
    }

    /// A text from elsewhere without the secrets that it may quote, for example a region's refusal.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let secrets = self.parameters.iter().flat_map(|(key, value)| secrets(key, value));
        scrub(text, secrets, MASK)
    }
}

fn is_word(word: &str) -> bool {
    word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn parameter(key: &str, value: &Node) -> Result<Value, BmcConfigError> {
    match value {
        Node::Sequence(items) => items.iter().map(|item| scalar(key, item)).collect::<Result<_, _>>(),
        _ => scalar(key, value),
    }
}

fn scalar(key: &str, value: &Node) -> Result<Value, BmcConfigError> {
    match value {
        Node::Null => Ok(Value::from("")),
        Node::Bool(value) => Ok(Value::from(*value)),
        Node::String(text) => Ok(Value::from(text.as_str())),
        // `0123` or `1.50` may mean the text or the number, and the reference would send the number.
        // An address or a time is no number to whoever writes it.
        Node::Int(Int { digits, text }) if digits == text || text.contains(':') => Ok(Value::from(text.as_str())),
        Node::Float(Float { value, text }) if value.to_string() == *text => Ok(Value::from(text.as_str())),
        Node::Int(_) | Node::Float(_) | Node::Other(_) => Err(BmcConfigError::Number(key.to_owned())),
        Node::Sequence(_) | Node::Mapping(_) => Err(BmcConfigError::Nested(key.to_owned())),
    }
}

fn is_secret(key: &str, value: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // `qemu+ssh://user:password@host`, `https://host/on?token=...`
    let is_address_with_more = value.contains("://") && value.contains(['@', '?']);
    !value.is_empty() && (is_address_with_more || SECRET_KEYS.iter().any(|word| key.contains(word)))
}

fn masked(key: &str, value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| masked(key, item)).collect(),
        Value::String(text) if !is_secret(key, text) => value.clone(),
        Value::Bool(_) | Value::Null => value.clone(),
        Value::Number(number) if !is_secret(key, &number.to_string()) => value.clone(),
        Value::String(_) | Value::Number(_) | Value::Object(_) => Value::from(MASK),
    }
}

fn secrets<'a>(key: &str, value: &'a Value) -> Vec<&'a str> {
    match value {
        Value::String(text) if is_secret(key, text) => vec![text],
        Value::Array(items) => items.iter().flat_map(|item| secrets(key, item)).collect(),
        _ => Vec::new(),
    }
}

impl fmt::Display for BmcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.power_type)?;
        for (key, value) in self.masked() {
            match value {
                Value::String(text) => write!(f, " {key}={text}")?,
                other => write!(f, " {key}={other}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for BmcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BmcConfig({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(String, Value), BmcConfigError> {
        let config = BmcConfig::parse(text.as_bytes())?;
        let parameters = serde_json::from_str(&config.parameters_json()).expect("JSON of our own");
        Ok((config.power_type().to_owned(), parameters))
    }

    #[test]
    fn what_power_types_take_goes_to_the_region_as_it_was_written() {
        let ipmi = "power_type: ipmi\npower_address: 10.0.0.9\npower_user: maas\npower_pass: 'p: #1'\nk_g: \"\"\n\
            mac_address: 52:54:00:12:34:56\ncipher_suite_id: 17\npower_driver: LAN_2_0\nprivilege_level: OPERATOR\n\
            power_boot_type: auto\nworkaround_flags:\n- opensesspriv\n- authcap\n";
        let expected = serde_json::json!({"power_address": "10.0.0.9", "power_user": "maas", "power_pass": "p: #1",
            "k_g": "", "mac_address": "52:54:00:12:34:56", "cipher_suite_id": "17", "power_driver": "LAN_2_0",
            "privilege_level": "OPERATOR", "power_boot_type": "auto", "workaround_flags": ["opensesspriv", "authcap"]});
        assert_eq!(parsed(ipmi), Ok(("ipmi".to_owned(), expected)));
        let redfish =
            r#"{"power_type": "redfish", "power_address": "https://10.0.0.9", "node_id": 1, "verify": false}"#;
        let expected = serde_json::json!({"power_address": "https://10.0.0.9", "node_id": "1", "verify": false});
        assert_eq!(parsed(redfish), Ok(("redfish".to_owned(), expected)));
        assert_eq!(parsed("power_type: manual\nx:\n"), Ok(("manual".to_owned(), serde_json::json!({"x": ""}))));
    }

    #[test]
    fn what_is_wrong_is_named() {
        use BmcConfigError as E;
        let cases = [
            ("", E::Empty),
            ("# nothing\n", E::Empty),
            ("{}", E::Empty),
            ("- power_type: ipmi", E::NotAMapping),
            ("ipmi", E::NotAMapping),
            ("power_type: ipmi\npower_pass: [", E::Syntax(2)),
            ("power_user: maas", E::NoPowerType),
            ("power_type:", E::NoPowerType),
            ("power_type: [ipmi]", E::PowerType),
            ("power_type: not a word", E::PowerType),
            ("power_type: ipmi\n1: 2", E::Key(2)),
            ("power_type: ipmi\npower_parameters: {power_user: maas}", E::Nested("power_parameters".into())),
            ("power_type: ipmi\nflags: [[a]]", E::Nested("flags".into())),
            ("power_type: ipmi\npower_pass: 0123", E::Number("power_pass".into())),
            ("power_type: ipmi\npower_pass: 1.50", E::Number("power_pass".into())),
        ];
        for (text, error) in cases {
            assert_eq!(parsed(text), Err(error), "{text:?}");
        }
        let large = format!("power_type: ipmi\npower_user: {}", "x".repeat(MAX_BYTES));
        assert_eq!(parsed(&large), Err(E::TooLarge));
        assert_eq!(BmcConfig::parse(b"power_type: \xff").err(), Some(E::NotText));
    }

    #[test]
    fn a_file_is_read_only_if_it_is_one() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("x.bmc");
        assert_eq!(BmcConfig::read(&path), Ok(None));
        std::fs::write(&path, "power_type: ipmi").expect("write");
        assert_eq!(BmcConfig::read(&path).map(|config| config.is_some()), Ok(true));
        nix::unistd::mkfifo(&directory.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        for other in [directory.path(), &directory.path().join("pipe")] {
            assert!(matches!(BmcConfig::read(other), Err(BmcConfigError::Unreadable(_))), "{}", other.display());
        }
    }

    #[test]
    fn no_secret_is_seen_but_by_the_region() {
        let text = "power_type: ipmi\npower_user: maas\npower_pass: hidden-1\nk_g: hidden-2\nPower_Token: [hidden-3]\n\
            power_address: qemu+ssh://root:hidden-4@host/system\nkey: 12345\non_uri: http://h/?t=hidden-5\nempty_pass:\n";
        let config = BmcConfig::parse(text.as_bytes()).expect("a valid file");
        for shown in [format!("{config}"), format!("{config:?}"), Value::Object(config.masked()).to_string()] {
            assert!(!shown.contains("hidden") && !shown.contains("12345"), "{shown}");
            assert!(shown.contains("maas") && shown.contains("power_pass"), "{shown}");
        }
        assert_eq!(config.scrub("bad hidden-1 of 12345"), "bad … of …");
        assert_eq!(config.scrub("too weak: hidd"), "too weak: …", "an answer is cut off somewhere");
        assert!(config.parameters_json().contains("hidden-4"));
        for text in ["power_type: ipmi\npower_pass: *hidden", "power_type: ipmi\npower_pass: !hidden [", "hidden: [a"] {
            let error = BmcConfig::parse(text.as_bytes()).expect_err("no YAML");
            assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
        }
    }
}
