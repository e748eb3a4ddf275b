//! The recording as it lies in the contract: one scenario a line. A field that is not known here fails the reading.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Lists by set of scripts, for example `commissioning_scripts`.
pub(crate) type Sets<T> = BTreeMap<String, Vec<T>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    #[serde(rename = "scenario")]
    pub(crate) name: String,
    pub(crate) node: Option<Beginning>,
    pub(crate) steps: Vec<Step>,
}

/// In which state the node began.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beginning {
    pub(crate) status: String,
    pub(crate) options: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) label: String,
    pub(crate) request: Request,
    pub(crate) response: Response,
    pub(crate) after: Option<After>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) credentials: String,
    /// Instead of the header that the credentials would make.
    pub(crate) authorization: Option<String>,
    #[serde(default)]
    pub(crate) altered: Altered,
    pub(crate) multipart: Option<Multipart>,
    pub(crate) form: Option<Vec<(String, String)>>,
    pub(crate) json: Option<Value>,
    /// Bytes of a body, each as the character with its number.
    pub(crate) raw: Option<String>,
    pub(crate) content_type: Option<String>,
}

/// What in the Authorization header is not as the node would write it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Altered {
    pub(crate) ts: Option<f64>,
    pub(crate) nonce: Option<String>,
    pub(crate) oauth_signature_method: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Multipart {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) files: Vec<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) bytes: usize,
    /// Left out where it is long.
    pub(crate) text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Option<String>,
    /// Entries of `index.json` for scripts that an operator uploaded.
    #[serde(default)]
    pub(crate) index: Sets<Map<String, Value>>,
    /// Names of the scripts that every region brings along.
    #[serde(default)]
    pub(crate) index_others: Sets<String>,
    pub(crate) members: Option<Vec<Member>>,
    #[serde(rename = "bytes")]
    _size_of_the_archive: Option<u64>,
    /// Keys of a machine of which the recording keeps nothing else.
    pub(crate) body_keys: Option<Vec<String>>,
    /// The body is a configuration with credentials, of which the recording keeps nothing.
    #[serde(default)]
    pub(crate) has_datasource: bool,
}

/// A file in the archive of scripts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) mode: String,
    #[serde(rename = "size")]
    _size_of_other_peoples_scripts: Option<u64>,
}

/// What the region holds of the node once the request is answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    pub(crate) node: String,
    pub(crate) error: String,
    pub(crate) results: Vec<ScriptResult>,
    pub(crate) new_events: Vec<NewEvent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptResult {
    pub(crate) set: String,
    pub(crate) script: String,
    pub(crate) status: String,
    pub(crate) exit_status: Option<i64>,
    /// Sizes of what was stored: `output`, `stdout`, `stderr`, `result`.
    pub(crate) bytes: Value,
    #[serde(rename = "runtime")]
    _runtime_of_that_day: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvent {
    pub(crate) level: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) type_description: String,
    pub(crate) description: String,
    pub(crate) action: String,
}

/// Reads a recording.
pub(crate) fn read(path: &Path) -> Vec<Scenario> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .zip(1..)
        .map(|(line, number)| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}:{number}: {error}", path.display()))
        })
        .collect()
}

/// The scripts that every region brings along, as far as the recording names them, by set.
pub(crate) fn built_in(scenarios: &[Scenario]) -> Sets<String> {
    let mut built_in = Sets::new();
    let answers = scenarios.iter().flat_map(|scenario| &scenario.steps).map(|step| &step.response.index_others);
    for (set, names) in answers.flatten() {
        let known: &mut Vec<String> = built_in.entry(set.clone()).or_default();
        known.extend(names.iter().cloned());
        known.sort();
        known.dedup();
    }
    built_in
}
