//! `POST /MAAS/api/2.0/machines/{system_id}/` with `op=test` or `op=commission`: an operator lets the node run scripts (recorded:
//! "parameters, judged when a machine is told to run them").

use axum::http::StatusCode;
use axum::response::Response;

use super::answers::{JSON, answer, json_answer, plain, text};
use super::api;
use super::form::Form;
use super::library::LibraryScript;
use super::node::NodeStatus;
use super::parameters::{Refusal, judged};
use super::state::{Region, State};
use crate::event::{Event, EventType};
use crate::script::ScriptType;

pub(super) fn serve(region: &Region, system_id: &str, form: &Form) -> Response {
    let mut state = region.lock();
    if state.node.awaits_enlistment || state.node.system_id != system_id {
        return plain(StatusCode::NOT_FOUND, "No Machine matches the given query.");
    }
    let started = match form.get("op") {
        Some("test") => state.start(region, form, &[ScriptType::Testing]),
        Some("commission") => state.start(region, form, &[ScriptType::Commissioning, ScriptType::Testing]),
        op => {
            let told = format!("Unrecognised signature: method=POST op={}", op.unwrap_or("None"));
            return text(StatusCode::BAD_REQUEST, told);
        }
    };
    match started {
        Ok(()) => json_answer(&api::machine(&state)),
        Err(Refusal::Form(body)) => answer(StatusCode::BAD_REQUEST, JSON, body),
        Err(Refusal::Values(body)) => answer(StatusCode::BAD_REQUEST, "application/json", body),
        Err(Refusal::Broken(told)) => text(StatusCode::INTERNAL_SERVER_ERROR, told),
    }
}

impl State {
    /// Makes the results of the chosen scripts, and lets the node go from what it is to running them.
    fn start(&mut self, region: &Region, form: &Form, sets: &[ScriptType]) -> Result<(), Refusal> {
        let library = region.library();
        let mut made = Vec::new();
        for kind in sets {
            let field = if *kind == ScriptType::Testing { "testing_scripts" } else { "commissioning_scripts" };
            let words: Option<Vec<String>> = form.get(field).map(|words| words.split(',').map(str::to_owned).collect());
            let scripts: Vec<&LibraryScript> = library.select(*kind, words.as_deref()).collect();
            for script in scripts {
                for parameters in judged(script, &self.disks, &self.nics, form)? {
                    made.push((*kind, script.name.clone(), script.version_id, parameters));
                }
            }
        }
        // The results of before are history, which nobody is handed out.
        self.results.retain(|row| row.kind.is_none_or(|kind| !sets.contains(&kind)));
        for (kind, script, version_id, parameters) in made {
            self.create_result(kind, &script, version_id, parameters);
        }
        self.note_sets();
        let is_test = sets == [ScriptType::Testing];
        let (request, to, event, action) = if is_test {
            (EventType::REQUEST_NODE_START_TESTING, NodeStatus::Testing, EventType::TESTING, "start testing")
        } else {
            let request = EventType::REQUEST_NODE_START_COMMISSIONING;
            (request, NodeStatus::Commissioning, EventType::COMMISSIONING, "start commissioning")
        };
        self.log_event(Event { action: action.to_owned(), ..Event::new(request, "(admin)") });
        if let Some(event) = self.events.last_mut() {
            event.username = "admin".to_owned();
        }
        self.log_event(Event::new(event, ""));
        let from = std::mem::replace(&mut self.node.status, to);
        self.node.previous = Some(from);
        // The node gets new credentials when it boots.
        self.node.token_is_valid = false;
        let told = format!("From '{}' to '{}'", from.name(), to.name());
        self.log_event(Event::new(EventType::NODE_CHANGED_STATUS, told));
        Ok(())
    }
}
