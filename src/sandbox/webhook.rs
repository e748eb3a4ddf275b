//! `POST /MAAS/metadata/status/{system_id}`: node events (contract REGION, "Node events").

use std::io::Read as _;

use base64::Engine as _;
use serde_json::Value;

use super::node::{Effect, NodeStatus, marked_failed};
use super::signal::script_name;
use super::state::{Region, ResultRow, State};
use crate::event::{Event, EventType};
use crate::script::{Evidence, ScriptType, Status, Transition};

/// The most bytes that a compressed file may come to.
const LARGEST_FILE: u64 = 256 << 20;

/// The first second of the year 10000, which Python has no date for.
const END_OF_DATES: f64 = 253_402_300_800.0;

/// What a node hears.
pub(super) enum Answer {
    /// 204.
    Queued,
    /// 400 with this text.
    Refused(String),
    /// 500.
    Broken,
    /// Nothing: the region stumbles without closing the connection.
    Never,
}

/// Takes an event; the real region does so up to a minute later, this one at once.
pub(super) fn take(region: &Region, body: &[u8]) -> Answer {
    if let Some(at) = body.iter().position(|byte| !byte.is_ascii()) {
        return Answer::Refused(format!(
            "Status payload must be ASCII-only: 'ascii' codec can't decode byte {:#x} in position {at}: ordinal not in \
             range(128)",
            body[at]
        ));
    }
    let text = String::from_utf8_lossy(body);
    let Some(message) = read(&text) else {
        return Answer::Refused(format!("Status payload is not valid JSON:\n{text}\n\n"));
    };
    if message.is_null() {
        return Answer::Broken;
    }
    let required = ["event_type", "origin", "name", "description"];
    let missing: Vec<&str> = required.into_iter().filter(|key| message.get(key).is_none()).collect();
    if !missing.is_empty() {
        return Answer::Refused(format!("Missing parameter(s) {} in status message.", missing.join(", ")));
    }
    let is_no_date = |time: &Value| time.as_f64().is_none_or(|time| time >= END_OF_DATES);
    if message["name"].is_null() || message.get("timestamp").is_some_and(is_no_date) {
        return Answer::Never;
    }
    let mut state = region.lock();
    // While there is no machine yet, nobody's token was deleted.
    if state.node.token_is_valid || state.node.awaits_enlistment {
        state.take_event(region, &message);
    }
    Answer::Queued
}

/// JSON as Python reads it: with NaN, which is null here, and with halves of surrogate pairs, which are NUL here.
fn read(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let text = text.replace(": NaN", ":NaN").replace(":NaN", ":null");
    let mut whole = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\\ud") {
        let is_half = |from: usize, letters: &str| {
            let half = rest.get(from..from + 6).filter(|half| half.starts_with("\\ud"));
            half.is_some_and(|half| letters.contains(half.as_bytes()[3].to_ascii_lowercase() as char))
        };
        let is_pair = is_half(at, "89ab") && is_half(at + 6, "cdef");
        whole.push_str(&rest[..at]);
        let end = (at + if is_pair { 12 } else { 6 }).min(rest.len());
        whole.push_str(if is_pair { &rest[at..end] } else { "\\u0000" });
        rest = &rest[end..];
    }
    whole.push_str(rest);
    serde_json::from_str(&whole).ok()
}

/// A value as Python prints it.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

impl State {
    fn take_event(&mut self, region: &Region, message: &Value) {
        let Some(files) = files(message) else { return };
        let described = printed(&message["description"]);
        if described.contains('\0') {
            // The database takes no NUL, and the event is lost.
            return;
        }
        let field = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, name, result) = (field("event_type"), field("name"), field("result"));
        let failed = matches!(result, "FAIL" | "FAILURE");
        let is_logged = kind == "start" || (failed && matches!(kind, "progress" | "finish"));
        if is_logged {
            // Seen on the region: FAIL chooses the failure type, FAILURE does not, except while commissioning.
            let failure = result == "FAIL" || (failed && self.node.status == NodeStatus::Commissioning);
            let description = format!("'{}' {described}", field("origin"));
            let event = Event { kind: self.event_type(failure), action: name.to_owned(), description };
            self.log_event(event);
        }
        for file in files {
            self.take_file(region, file);
        }
        if kind == "finish" && failed && !name.contains('/') {
            self.top_level_failure(field("description"));
        }
    }

    fn event_type(&self, failed: bool) -> EventType {
        match (self.node.status, failed) {
            (NodeStatus::Commissioning, false) => EventType::NODE_COMMISSIONING_EVENT,
            (NodeStatus::Commissioning, true) => EventType::NODE_COMMISSIONING_EVENT_FAILED,
            (NodeStatus::Deploying, false) => EventType::NODE_INSTALL_EVENT,
            (NodeStatus::Deploying, true) => EventType::NODE_INSTALL_EVENT_FAILED,
            (NodeStatus::Deployed, true) => EventType::NODE_POST_INSTALL_EVENT_FAILED,
            (NodeStatus::EnteringRescueMode, false) => EventType::NODE_ENTERING_RESCUE_MODE_EVENT,
            (NodeStatus::EnteringRescueMode, true) => EventType::NODE_ENTERING_RESCUE_MODE_EVENT_FAILED,
            _ => EventType::NODE_STATUS_EVENT,
        }
    }

    fn take_file(&mut self, region: &Region, file: File) {
        let set = match self.node.status {
            NodeStatus::Commissioning => Some(ScriptType::Commissioning),
            NodeStatus::Testing => Some(ScriptType::Testing),
            // What the installer and deployed machines post.
            _ => None,
        };
        let name = script_name(&file.path);
        let of_set = |row: &&mut ResultRow| row.kind == set;
        let by_id = self.results.iter_mut().filter(of_set).find(|row| Some(row.id) == file.id).map(|row| row.id);
        let by_name = || self.results.iter().find(|row| row.kind == set && row.script == name).map(|row| row.id);
        let id = by_id.or_else(by_name);
        let index = id.and_then(|id| self.results.iter().position(|row| row.id == id)).unwrap_or_else(|| {
            let index = self.create_result(ScriptType::Commissioning, &name, 0, serde_json::Map::new());
            self.results[index].kind = set;
            self.results[index].status = Status::Running;
            index
        });
        if self.results[index].status.is_final() {
            return;
        }
        self.results[index].exit_status = Some(file.exit);
        let came = self.results[index].keep(vec![(file.path, file.content)]);
        let exit = Transition::of_a_node(i32::try_from(file.exit).unwrap_or(1), Evidence::on_the_word_of_a_node());
        let transition = if set.is_some() { self.process(index, came, exit) } else { exit };
        self.transition(index, transition);
        self.recommission(region, index);
    }

    fn top_level_failure(&mut self, description: &str) {
        if self.node.status == NodeStatus::Commissioning {
            let text =
                "Commissioning failed, cloud-init reported a failure (refer to the event log for more information)";
            let effect =
                Effect { aborts: true, tells_error: true, ..marked_failed(NodeStatus::FailedCommissioning, text) };
            self.apply(effect, &format!("failed: {description}"));
        }
    }
}

/// A file that comes with an event.
struct File {
    path: String,
    id: Option<i64>,
    exit: i64,
    content: Vec<u8>,
}

/// The files of an event; `None` if one of them cannot be read, and then the event is lost with them.
fn files(message: &Value) -> Option<Vec<File>> {
    let file = |file: &Value| {
        let text = |key: &str| file.get(key).and_then(Value::as_str).unwrap_or_default();
        // As Python does, past whatever is no letter of base64.
        let is_letter = |c: &char| c.is_ascii_alphanumeric() || "+/=".contains(*c);
        let letters: String = text("content").chars().filter(is_letter).collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(letters).ok()?;
        let content = match text("compression") {
            "" => bytes,
            "bzip2" => {
                let mut plain = Vec::new();
                bzip2::read::BzDecoder::new(&bytes[..]).take(LARGEST_FILE).read_to_end(&mut plain).ok()?;
                plain
            }
            _ => return None,
        };
        let exit = file.get("result").and_then(Value::as_i64).unwrap_or(0);
        let id = file.get("script_result_id").and_then(Value::as_i64);
        Some(File { path: text("path").to_owned(), id, exit, content })
    };
    message.get("files").and_then(Value::as_array).into_iter().flatten().map(file).collect()
}
