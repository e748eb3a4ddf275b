//! A message to the region as data, and as the body of a request.

use std::io::Read;
use std::path::{Path, PathBuf};

use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};

use super::file_part::{length, part};
use super::{Content, Error, FilePart, Secret, Slice, fit};
use crate::script::BmcConfig;

/// Room for the fields and the part headers of a request.
const OVERHEAD: u64 = 16 << 10;

/// Longest text of a signal about the node, in characters (contract REGION, corrections, 1).
const LONGEST_ERROR: usize = 255;
/// A run of ten years. Much longer ones, and what is no number, make the region fail (contract REGION, corrections, 16).
const LONGEST_RUNTIME: f64 = 315_576_000.0;

/// How messages with [`Signal::power_file`] are called.
pub const POWER_LABEL: &str = "access to the BMC";

/// The word in a signal's `status` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SignalStatus {
    /// All went well.
    Ok,
    /// Something failed.
    Failed,
    /// At work; also a script's start, its result, and the heartbeat.
    Working,
    /// Commissioning begins.
    Commissioning,
    /// Testing begins.
    Testing,
    /// A script was stopped at its time limit.
    #[serde(rename = "TIMEDOUT")]
    TimedOut,
    /// Packages are being installed.
    Installing,
    /// Networking is being applied.
    ApplyingNetconf,
    /// Release scripts begin.
    Releasing,
    /// Deployment scripts begin.
    Deploying,
}

impl SignalStatus {
    /// All ten.
    pub const ALL: [SignalStatus; 10] = [
        SignalStatus::Ok,
        SignalStatus::Failed,
        SignalStatus::Working,
        SignalStatus::Commissioning,
        SignalStatus::Testing,
        SignalStatus::TimedOut,
        SignalStatus::Installing,
        SignalStatus::ApplyingNetconf,
        SignalStatus::Releasing,
        SignalStatus::Deploying,
    ];

    /// The word itself.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            SignalStatus::Ok => "OK",
            SignalStatus::Failed => "FAILED",
            SignalStatus::Working => "WORKING",
            SignalStatus::Commissioning => "COMMISSIONING",
            SignalStatus::Testing => "TESTING",
            SignalStatus::TimedOut => "TIMEDOUT",
            SignalStatus::Installing => "INSTALLING",
            SignalStatus::ApplyingNetconf => "APPLYING_NETCONF",
            SignalStatus::Releasing => "RELEASING",
            SignalStatus::Deploying => "DEPLOYING",
        }
    }

    /// The status with that word, in any case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<SignalStatus> {
        SignalStatus::ALL.into_iter().find(|status| status.word().eq_ignore_ascii_case(word))
    }
}

/// Which script result a signal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptReference {
    /// Script name.
    pub name: String,
    /// The region's script result; `None` while enlisting, when the name has to do.
    pub result_id: Option<i64>,
    /// The version of the script.
    pub version_id: Option<i64>,
}

/// A message to the region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// What it says.
    pub status: SignalStatus,
    /// Free text for the operator.
    pub error: String,
    /// The script it is about.
    pub script: Option<ScriptReference>,
    /// How the script ended.
    pub exit_status: Option<i32>,
    /// How long it ran, in seconds.
    pub runtime: Option<f64>,
    /// BMC type.
    pub power_type: Option<String>,
    /// BMC parameters, as JSON. Never kept: what has to survive this process is in a file.
    #[serde(skip)]
    pub power_parameters: Option<Secret>,
    /// A file with type and parameters of the BMC, as a script writes it ([`BmcConfig`]); read as it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_file: Option<PathBuf>,
    /// Its output. At least one if it is a result: without one the region stores nothing.
    pub files: Vec<FilePart>,
}

impl Signal {
    /// A message about the node.
    #[must_use]
    pub fn node(status: SignalStatus, error: impl Into<String>) -> Self {
        Signal {
            status,
            error: error.into(),
            script: None,
            exit_status: None,
            runtime: None,
            power_type: None,
            power_parameters: None,
            power_file: None,
            files: Vec::new(),
        }
    }

    /// A message about a script.
    #[must_use]
    pub fn script(status: SignalStatus, script: ScriptReference, error: impl Into<String>) -> Self {
        Signal { script: Some(script), ..Signal::node(status, error) }
    }

    /// A file that it names and that lies elsewhere than the outputs of scripts: no run has written such a message.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&Path> {
        let is_output = |path: &Path| path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "out");
        self.files
            .iter()
            .map(|file| file.path.as_path())
            .chain(self.power_file.as_deref())
            .find(|path| !is_output(path))
    }

    /// Whether it carries a script's final result.
    #[must_use]
    pub fn is_result(&self) -> bool {
        !self.files.is_empty()
    }

    /// The region's number of the script result that it is about, if there is one.
    #[must_use]
    pub fn result_id(&self) -> Option<i64> {
        self.script.as_ref().and_then(|script| script.result_id)
    }

    /// The BMC that it tells of, from its file.
    pub(super) fn power(&self) -> Result<Option<BmcConfig>, Error> {
        let Some(path) = &self.power_file else { return Ok(None) };
        let unusable = |why: &dyn std::fmt::Display| Error::Setup(format!("{}: {why}", path.display()));
        match BmcConfig::read(path) {
            Ok(Some(config)) => Ok(Some(config)),
            Ok(None) => Err(unusable(&"the file is gone")),
            Err(error) => Err(unusable(&error)),
        }
    }

    /// For log lines.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.script {
            _ if self.power_file.is_some() => POWER_LABEL.to_owned(),
            Some(script) if self.is_result() => format!("result of {}", script.name),
            Some(script) => format!("{} for {}", self.status.word(), script.name),
            None => self.status.word().to_owned(),
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("op", "signal".to_owned()), ("status", self.status.word().to_owned())];
        if let Some(script) = &self.script {
            match script.result_id {
                Some(id) => fields.push(("script_result_id", id.to_string())),
                None => fields.push(("name", script.name.clone())),
            }
            if let Some(version) = script.version_id {
                fields.push(("script_version_id", version.to_string()));
            }
        }
        let optional = [
            ("exit_status", self.exit_status.map(|status| status.to_string())),
            ("runtime", self.runtime.and_then(sendable).map(|seconds| format!("{seconds:.3}"))),
            ("power_type", self.power_type.clone()),
            ("power_parameters", self.power_parameters.as_ref().map(|json| json.reveal().to_owned())),
        ];
        fields.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value?))));
        if !self.error.is_empty() {
            fields.push(("error", self.sendable_error()));
        }
        fields
    }

    /// The text for the operator as the region takes it. In a signal about the node a longer one, or one with a NUL, makes the region refuse the
    /// signal, and the node's status stays as it was (contract REGION, corrections, 1).
    fn sendable_error(&self) -> String {
        let text: String = self.error.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        if self.script.is_some() || text.chars().count() <= LONGEST_ERROR {
            return text;
        }
        text.chars().take(LONGEST_ERROR - 1).chain(['…']).collect()
    }

    /// The body of a request of at most `budget` bytes. Its length is known, so that no chunked encoding is needed.
    pub(super) fn form(&self, power: Option<&BmcConfig>, budget: u64) -> Result<Form, Error> {
        let room = budget.saturating_sub(OVERHEAD);
        let packed: Vec<Option<Vec<u8>>> = self.files.iter().map(|file| file.packed(room)).collect();
        let size = |(file, packed): (&FilePart, &Option<Vec<u8>>)| {
            (packed.as_ref().map_or_else(|| length(&file.path), |bytes| bytes.len() as u64), file.is_whole())
        };
        let sizes: Vec<(u64, bool)> = self.files.iter().zip(&packed).map(size).collect();
        let slices = fit(&sizes, room);
        let mut form = Form::new();
        for (key, value) in self.fields() {
            form = form.text(key, value);
        }
        if let Some(power) = power {
            form = form.text("power_type", power.power_type().to_owned());
            form = form.text("power_parameters", power.parameters_json());
        }
        for (((file, &(size, _)), slice), packed) in self.files.iter().zip(&sizes).zip(slices).zip(packed) {
            let part = match (&file.content, slice, packed) {
                (Content::Parsed, Slice::Omitted, _) if size > 0 => {
                    return Err(Error::Oversized { name: file.name.clone(), size, room });
                }
                (Content::ResultFile { otherwise }, Slice::Omitted, _) if !otherwise.is_empty() => {
                    Part::text(otherwise.clone())
                }
                (_, Slice::Omitted, _) => continue,
                (_, _, Some(bytes)) => Part::bytes(bytes),
                (Content::ResultFile { otherwise }, ..) => file.result_file(otherwise)?,
                // A part of it would be taken for the whole.
                (Content::Parsed, ..) if self.exit_status == Some(0) => Part::bytes(file.all(size)?),
                (Content::Parsed | Content::Output, slice, None) => part(file, size, slice)?,
            };
            form = form.part(file.name.clone(), part.file_name(file.name.clone()));
        }
        Ok(form)
    }
}

/// A runtime that the region takes.
fn sendable(seconds: f64) -> Option<f64> {
    seconds.is_finite().then(|| seconds.clamp(0.0, LONGEST_RUNTIME))
}

/// An error without the secrets of a request: a region may quote what it refuses.
pub(super) fn scrubbed(power: Option<&BmcConfig>, error: Error) -> Error {
    match (power, error) {
        (Some(power), Error::Status { proxy, status, text, retry_after }) => {
            Error::Status { proxy, status, text: power.scrub(&text), retry_after }
        }
        (Some(power), Error::Refused { status, text }) => Error::Refused { status, text: power.scrub(&text) },
        (Some(power), Error::NotTheRegion { url, what }) => Error::NotTheRegion { url, what: power.scrub(&what) },
        (Some(power), Error::AlreadyFinal { text, result_id, status }) => {
            Error::AlreadyFinal { text: power.scrub(&text), result_id, status }
        }
        (Some(power), Error::BrokenOff { url, reason }) => Error::BrokenOff { url, reason: power.scrub(&reason) },
        (_, error) => error,
    }
}

/// The first bytes of a file, for messages.
pub(super) fn beginning(path: &Path, bytes: u64) -> String {
    let mut head = Vec::new();
    if let Ok(file) = crate::private::regular(path) {
        let _ = file.take(bytes).read_to_end(&mut head);
    }
    String::from_utf8_lossy(&head).split_whitespace().collect::<Vec<_>>().join(" ")
}
