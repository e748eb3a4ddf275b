//! `POST /MAAS/metadata/status/{system_id}`: node events (contract REGION, the section of that name).

use axum::http::StatusCode;
use base64::Engine as _;
use serde_json::Value;

use super::node::{Effect, NodeStatus, marked_failed};
use super::state::{Region, ResultRow, State};
use crate::event::{Event, EventType};
use crate::script::{Evidence, Transition};

/// Takes an event; the real region does so up to a minute later, this one at once.
pub(super) fn take(region: &Region, body: &[u8]) -> (StatusCode, String) {
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
    region.lock().take_event(&message);
    (StatusCode::NO_CONTENT, String::new())
}

impl State {
    fn take_event(&mut self, message: &Value) {
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
        for file in message.get("files").and_then(Value::as_array).into_iter().flatten() {
            self.take_file(file);
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

    fn take_file(&mut self, file: &Value) {
        let id = file.get("script_result_id").and_then(Value::as_i64);
        let path = file.get("path").and_then(Value::as_str).unwrap_or_default();
        // The installer knows no number.
        let is_meant = |row: &ResultRow| id.map_or(row.kind.is_none() && row.script == path, |id| row.id == id);
        let Some(index) = self.results.iter().position(is_meant) else { return };
        let content = file.get("content").and_then(Value::as_str).unwrap_or_default();
        let exit = file.get("result").and_then(Value::as_i64).unwrap_or(0);
        if self.results[index].status.is_final() {
            return;
        }
        self.results[index].output = base64::engine::general_purpose::STANDARD.decode(content).unwrap_or_default();
        self.results[index].exit_status = Some(exit);
        self.transition(
            index,
            Transition::of_a_node(i32::try_from(exit).unwrap_or(1), Evidence::on_the_word_of_a_node()),
        );
    }

    fn top_level_failure(&mut self, description: &str) {
        if self.node.status == NodeStatus::Commissioning {
            let text =
                "Commissioning failed, cloud-init reported a failure (refer to the event log for more information)";
            let effect = Effect { aborts: true, ..marked_failed(NodeStatus::FailedCommissioning, text) };
            self.apply(effect, &format!("failed: {description}"));
        }
    }
}
