//! The result file that a script may write to `RESULT_PATH` (contract SCRIPTS, "The result file").

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde_json::Value;

use super::{Unpassed, Verdict, result_scan};
use crate::yaml::{self, Node, Room};

/// A result file that the region will accept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultFile {
    /// Decides the status, whatever the exit status.
    pub status: Option<Verdict>,
    /// Whether the interface under test has a link.
    pub link_connected: Option<bool>,
    /// Named results, in the order of the file.
    pub results: Vec<(String, Value)>,
}

/// Why the region will not accept a result file. The first five texts are the region's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResultFileError {
    /// A list or a scalar.
    #[error("YAML must be a dictionary.")]
    NotADictionary,
    /// A word that is no status.
    #[error("status must be \"passed\", \"failed\", \"degraded\", \"timedout\", or \"skipped\".")]
    Status,
    /// `link_connected` of a script that tests no interface.
    #[error("link_connected may only be specified if the Script accepts an interface parameter.")]
    LinkWithoutInterface,
    /// A key that is a number, say.
    #[error("All keys in the results dictionary must be strings.")]
    Key,
    /// A value that is a mapping, say.
    #[error("All values in the results dictionary must be a string, float, int, or bool.")]
    Value,
    /// `results` is not a mapping.
    #[error("results must be a dictionary.")]
    Results,
    /// `link_connected` is neither true nor false.
    #[error("link_connected must be a boolean")]
    Link,
    /// Not YAML at all.
    #[error("{0}")]
    Syntax(String),
    /// The region falls over this file: it answers the whole signal with 500, stores nothing, and does so again at every repeat (REGION,
    /// corrections 2). In place of the file its status can be sent, if it says one.
    #[error("a region cannot store it: {reason}")]
    Poison {
        /// What it falls over, with its line.
        reason: String,
        /// The status that the file says besides.
        status: Option<Verdict>,
    },
    /// A script may leave anything there, also what never ends.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl ResultFile {
    /// The bytes of a result file, none where there is no file.
    ///
    /// # Errors
    /// When it is no regular file, or the system does not let it be read.
    pub fn bytes(path: &Path) -> Result<Vec<u8>, ResultFileError> {
        match Found::at(path) {
            Ok(Found::Content(bytes)) => Ok(bytes),
            Ok(Found::Absent) => Ok(Vec::new()),
            Ok(Found::Device) => Err(ResultFileError::Unreadable("it is a device".to_owned())),
            Ok(Found::Unreadable(why)) => Err(ResultFileError::Unreadable(why)),
            Err(error) => Err(ResultFileError::Unreadable(error.to_string())),
        }
    }

    /// Reads a result file as the region will.
    ///
    /// # Errors
    /// When the region would refuse it; the exit status of the script stands then.
    pub fn parse(bytes: &[u8], has_interface_parameter: bool) -> Result<Self, ResultFileError> {
        Self::of_node(&Self::node(bytes)?, has_interface_parameter)
    }

    fn node(bytes: &[u8]) -> Result<Node, ResultFileError> {
        yaml::parse(bytes).map_err(|error| match &error {
            yaml::Error::Poison { rest, .. } => {
                ResultFileError::Poison { reason: error.to_string(), status: named_status(rest) }
            }
            // The region may read what is too much for this program.
            yaml::Error::TooLarge(_) | yaml::Error::TooMuch => ResultFileError::Unreadable(error.to_string()),
            yaml::Error::NotText | yaml::Error::Syntax { .. } => ResultFileError::Syntax(error.to_string()),
        })
    }

    fn of_node(node: &Node, has_interface_parameter: bool) -> Result<Self, ResultFileError> {
        match node {
            Node::Null => return Ok(ResultFile::default()),
            Node::Mapping(_) => {}
            _ => return Err(ResultFileError::NotADictionary),
        }
        let status = match node.field("status") {
            None => None,
            Some(word) => Some(word.as_str().and_then(Verdict::from_word).ok_or(ResultFileError::Status)?),
        };
        let link_connected = match node.field("link_connected") {
            None => None,
            Some(_) if !has_interface_parameter => return Err(ResultFileError::LinkWithoutInterface),
            Some(value) => Some(value.as_bool().ok_or(ResultFileError::Link)?),
        };
        let mut room = Room::default();
        let results = match node.field("results") {
            None => Vec::new(),
            Some(Node::Mapping(pairs)) => pairs.iter().map(|pair| result(pair, &mut room)).collect::<Result<_, _>>()?,
            Some(_) => return Err(ResultFileError::Results),
        };
        if room.is_full() {
            return Err(ResultFileError::Unreadable(yaml::Error::TooMuch.to_string()));
        }
        Ok(ResultFile { status, link_connected, results })
    }

    /// The same file as JSON, which is YAML: for a file that this program has to change or write.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut map = serde_json::Map::new();
        if let Some(status) = self.status {
            map.insert("status".into(), status.word().into());
        }
        if let Some(connected) = self.link_connected {
            map.insert("link_connected".into(), connected.into());
        }
        if !self.results.is_empty() {
            map.insert("results".into(), Value::Object(self.results.iter().cloned().collect()));
        }
        Value::Object(map).to_string().into_bytes()
    }
}

/// Largest file that fits into a request (contract REGION: nginx refuses a body over 10 MB, and the rest of a result needs room, too): all
/// of such a file is read, or its script has not passed.
const LARGEST: u64 = yaml::MAX_BYTES as u64;

/// What lies in the place of a result file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the script wrote none.
    Absent,
    /// A device, such as `/dev/null`: what was written there was meant for nobody.
    Device,
    /// A file.
    Content(Vec<u8>),
    /// Something that was to say something, and nobody can read it.
    Unreadable(String),
}

impl Found {
    /// Looks, and waits for nobody.
    ///
    /// # Errors
    /// When the system has no room for an open file just now: to be tried again.
    pub fn at(path: &Path) -> io::Result<Found> {
        let passing = |error: &io::Error| {
            use nix::libc::{EAGAIN, EMFILE, ENFILE, ENOMEM};
            matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOMEM | EAGAIN))
        };
        let unreadable =
            |error: io::Error| if passing(&error) { Err(error) } else { Ok(Found::Unreadable(error.to_string())) };
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Absent),
            Err(error) => return unreadable(error),
            Ok(_) => {}
        }
        // A pipe would else be waited for, and a terminal become this program's.
        let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;
        let read = || -> io::Result<Found> {
            let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
            let kind = file.metadata()?.file_type();
            if kind.is_char_device() || kind.is_block_device() {
                return Ok(Found::Device);
            }
            if !kind.is_file() {
                let what = if kind.is_dir() { "it is a directory" } else { "it is no regular file" };
                return Ok(Found::Unreadable(what.to_owned()));
            }
            let mut bytes = Vec::new();
            file.take(LARGEST + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > LARGEST {
                return Ok(Found::Unreadable(format!("it has more than the {LARGEST} bytes that a region takes")));
            }
            Ok(Found::Content(bytes))
        };
        read().or_else(unreadable)
    }
}

/// What a region makes of a result file.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// There is none, or nothing in it: the exit status decides.
    Absent,
    /// The region takes it.
    Accepted(ResultFile),
    /// The region refuses it and says so in an event; the exit status decides. Nothing better may come of it than the status that it names
    /// all the same.
    Refused(ResultFileError, Option<Unpassed>),
    /// The region would answer it with an error, each time: its status has to go alone.
    Poison(String, Option<Verdict>),
    /// Nobody can read it.
    Unreadable(String),
}

impl Judged {
    /// Judges what was found.
    #[must_use]
    pub fn of(found: &Found, has_interface_parameter: bool) -> Judged {
        let bytes = match found {
            Found::Absent => return Judged::Absent,
            Found::Device => return Judged::Refused(ResultFileError::Unreadable("it is a device".to_owned()), None),
            Found::Unreadable(why) => return Judged::Unreadable(why.clone()),
            Found::Content(bytes) => bytes,
        };
        if bytes.trim_ascii().is_empty() {
            return Judged::Absent;
        }
        let node = match ResultFile::node(bytes) {
            Ok(node) => node,
            Err(ResultFileError::Poison { reason, status }) => {
                return Judged::Poison(reason, status.or_else(|| result_scan::status(bytes)));
            }
            Err(ResultFileError::Unreadable(why)) => return Judged::Unreadable(why),
            Err(error) => return Judged::Refused(error, result_scan::status(bytes).and_then(Verdict::unpassed)),
        };
        match ResultFile::of_node(&node, has_interface_parameter) {
            Ok(file) => Judged::Accepted(file),
            Err(ResultFileError::Unreadable(why)) => Judged::Unreadable(why),
            Err(error) => Judged::Refused(error, named_status(&node).and_then(Verdict::unpassed)),
        }
    }
}

/// The status that a document names, whatever else is wrong with it.
fn named_status(node: &Node) -> Option<Verdict> {
    node.get("status").and_then(Node::as_str).and_then(Verdict::from_word)
}

fn result((key, value): &(Node, Node), room: &mut Room) -> Result<(String, Value), ResultFileError> {
    let key = key.as_str().ok_or(ResultFileError::Key)?;
    let fits = match value {
        Node::Sequence(items) => items.iter().all(Node::is_scalar),
        other => other.is_scalar(),
    };
    if fits { Ok((key.to_owned(), value.to_json(room))) } else { Err(ResultFileError::Value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_region_accepts_is_accepted() {
        let file =
            ResultFile::parse(b"status: degraded\nresults:\n  read_errors: 3\n  list: [1, 2.5, true, x]\n", false)
                .expect("valid");
        assert_eq!(file.status, Some(Verdict::Degraded));
        assert_eq!(file.results[0], ("read_errors".to_owned(), 3.into()));
        assert_eq!(ResultFile::parse(b"", false), Ok(ResultFile::default()));
        assert_eq!(ResultFile::parse(b"status: passed\nmore: 1", false).map(|f| f.status), Ok(Some(Verdict::Passed)));
        assert_eq!(ResultFile::parse(b"link_connected: false", true).map(|f| f.link_connected), Ok(Some(false)));
    }

    #[test]
    fn what_the_region_refuses_is_refused_in_its_words() {
        use ResultFileError::*;
        let rows: [(&[u8], ResultFileError); 6] = [
            (b"- a\n", NotADictionary),
            (b"status: great", Status),
            (b"link_connected: false", LinkWithoutInterface),
            (b"results: {1: 2}", Key),
            (b"results: {a: {b: 1}}", Value),
            (b"results: [1]", Results),
        ];
        for (text, error) in rows {
            assert_eq!(ResultFile::parse(text, false), Err(error));
        }
        assert!(matches!(ResultFile::parse(b"a: [1", false), Err(Syntax(_))));
    }

    #[test]
    fn a_changed_file_reads_back() {
        let file = ResultFile {
            status: Some(Verdict::TimedOut),
            link_connected: Some(false),
            results: vec![("speed: fast".into(), "a\nb".into())],
        };
        assert_eq!(ResultFile::parse(&file.to_bytes(), true), Ok(file));
    }

    /// Of any size that is sent, whatever it looks like.
    #[test]
    fn a_large_file_is_read_or_nobody_calls_it_passed() {
        let log = "x".repeat((2 << 20) - 100);
        let rows: [(String, bool); 5] = [
            (format!(r#"{{"results": {{"log": "{log}"}}, "status": "failed"}}"#), true),
            (format!(r#"{{"results": {{"log": "{}"}}, "st\u0061tus": "failed"}}"#, log.repeat(3)), true),
            (format!("{{results: {{log: {log}}},\n  ? status\n  : failed}}"), true),
            (format!("results: {{a: [{}]}}\nstatus: failed", "1,".repeat(600_000)), false),
            (
                format!(
                    "x: &x [{log}]\nresults: {{{}}}\nstatus: failed",
                    (0..1000).map(|n| format!("k{n}: *x,")).collect::<String>()
                ),
                false,
            ),
        ];
        for (text, is_read) in rows {
            match Judged::of(&Found::Content(text.clone().into_bytes()), false) {
                Judged::Accepted(file) => assert!(is_read && file.status == Some(Verdict::Failed), "{text:.40}"),
                Judged::Unreadable(_) => assert!(!is_read, "{text:.40}"),
                other => panic!("{text:.40}: {other:?}"),
            }
        }
    }

    /// Contract REGION, corrections 2.
    #[test]
    fn what_a_region_would_choke_on_for_ever_is_found() {
        let deep = format!("x: {}1{}", "[".repeat(500), "]".repeat(500));
        let endless = "[".repeat(500_000);
        let digits = format!("x: {}", "1".repeat(5000));
        let poisons = [
            "a: 2024-02-30",
            "a: [1, 2024-13-01]",
            "a: 2024-01-01T25:00:00Z",
            "a: 2024-01-01 10:00:00+99:99",
            "a: !!int abc",
            "a: !!float x",
            "a: !!bool maybe",
            "a: !!timestamp soon",
            "a: 0000-01-01",
            &digits,
            &deep,
            &endless,
        ];
        for text in poisons {
            let judged = Judged::of(&Found::Content(text.as_bytes().to_vec()), false);
            assert!(matches!(judged, Judged::Poison(..)), "{}: {judged:?}", &text[..text.len().min(60)]);
        }
    }

    #[test]
    fn what_a_region_stores_or_refuses_is_no_poison() {
        let dashes = format!("a: {}", "-".repeat(300));
        let rows = [
            "a: 2024-02-29",
            "a: '2024-02-30'",
            "a: \"x\" # 2024-02-30",
            "a: 2024-05-01T10:20:30Z",
            "a: 2024-05-01 10:20:30 +02:00",
            "a: !!int 12",
            "a: !!str abc",
            "a: 10.0.0-13-99",
            "serial: 2024-99-99-7",
            "a: [[[1]]]",
            "- - 1",
            &dashes,
        ];
        for text in rows {
            let judged = Judged::of(&Found::Content(text.as_bytes().to_vec()), false);
            assert!(!matches!(judged, Judged::Poison(..)), "{text}: {judged:?}");
        }
    }
}
