//! `POST /MAAS/metadata/status/{system_id}`: node events (contract REGION, the section of that name).

use std::io::Read as _;

use axum::http::StatusCode;
use base64::Engine as _;
use serde_json::Value;

use super::node::{Effect, NodeStatus, marked_failed};
use super::signal::script_name;
use super::state::{Region, ResultRow, State};
use crate::event::{Event, EventType};
use crate::script::{ScriptType, Status, Transition};

/// The most bytes that a compressed file may come to.
const LARGEST_FILE: u64 = 256 << 20;

/// Takes an event; the real region does so up to a minute later, this one at once.
pub(super) fn take(region: &Region, body: &[u8], is_node: bool) -> (StatusCode, String) {
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    if let Some(at) = body.iter().position(|byte| !byte.is_ascii()) {
        return bad(format!(
            "Status payload must be ASCII-only: 'ascii' codec can't decode byte {:#x} in position {at}: ordinal not in \
             range(128)",
            body[at]
        ));
    }
    let text = String::from_utf8_lossy(body);
    let Ok(message) = serde_json::from_slice::<Value>(body) else {
        return bad(format!("Status payload is not valid JSON:\n{text}\n\n"));
    };
    let required = ["event_type", "origin", "name", "description"];
    let missing: Vec<&str> = required.into_iter().filter(|key| message.get(key).is_none()).collect();
    if !missing.is_empty() {
        return bad(format!("Missing parameter(s) {} in status message.", missing.join(", ")));
    }
    if is_node {
        region.lock().take_event(region, &message);
    }
    (StatusCode::NO_CONTENT, String::new())
}

impl State {
    fn take_event(&mut self, region: &Region, message: &Value) {
        let Some(files) = files(message) else { return };
        let field = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, name, result) = (field("event_type"), field("name"), field("result"));
        let failed = matches!(result, "FAIL" | "FAILURE");
        let is_logged = kind == "start" || (failed && matches!(kind, "progress" | "finish"));
        if is_logged {
            // Seen on the region: FAIL chooses the failure type, FAILURE does not, except while commissioning.
            let failure = result == "FAIL" || (failed && self.node.status == NodeStatus::Commissioning);
            let description = format!("'{}' {}", field("origin"), field("description"));
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
        let has_stdout = self.results[index].keep(vec![(file.path, file.content)]);
        let exit = Transition::Exit(i32::try_from(file.exit).unwrap_or(1));
        let transition = if set.is_some() { self.process(index, has_stdout, exit) } else { exit };
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
        let bytes = base64::engine::general_purpose::STANDARD.decode(text("content")).ok()?;
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
