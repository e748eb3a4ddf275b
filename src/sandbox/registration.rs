//! A machine that is in use already gets into the region by an administrator's hand (contract REGION, "Enlistment and
//! registration"), and its credentials out of it.

use serde_json::{Map, Value, json};

use super::form::Form;
use super::machines::{Answer, Hardware, Machine, refused, shown};
use super::node::NodeStatus;
use super::oauth::{Token, word};
use super::state::{Region, State};
use crate::event::{Event, EventType};
use crate::script::ScriptType;

/// `POST /MAAS/api/2.0/machines/` with `deployed=true` and an administrator's key. Where the region does not know its node
/// yet, this is the node; else it is a machine of which nobody sees more than its name and its token.
pub(super) fn register(region: &Region, form: &Form) -> Answer {
    let hostname = form.get("hostname").map_or_else(|| format!("sandbox-{}", word(4)), str::to_owned);
    let mut state = region.lock();
    if state.is_taken(&hostname) {
        return Answer::Refused(refused(&[("hostname", "Node with this Hostname already exists.".to_owned())]));
    }
    let machine = if state.node.awaits_enlistment {
        state.deploy_node(region, hostname);
        state.node.as_machine()
    } else {
        let (system_id, hardware, token) = (word(6), Hardware::default(), Some(Token::random()));
        let machine = Machine { system_id, hostname, status: NodeStatus::Deployed, hardware, token };
        state.others.push(machine.clone());
        machine
    };
    let event = Event::new(EventType::NODE_CHANGED_STATUS, "From 'New' to 'Deployed'");
    state.log_event_of(&machine.system_id, &machine.hostname, event);
    let mut shown = shown(&machine);
    // An administrator is shown more than somebody without a key.
    shown["node_type_name"] = "Machine".into();
    Answer::Machine(shown)
}

/// `GET /MAAS/api/2.0/machines/{system_id}/?op=get_token`: `null` for a machine without one, `None` without the machine.
pub(super) fn token(state: &State, system_id: &str) -> Option<Value> {
    let node = (!state.node.awaits_enlistment).then(|| state.node.as_machine());
    let machine = node.iter().chain(&state.others).find(|machine| machine.system_id == system_id)?;
    Some(machine.token.as_ref().map_or(
        Value::Null,
        |token| json!({"token_key": token.key, "token_secret": token.secret, "consumer_key": token.consumer_key}),
    ))
}

impl State {
    fn is_taken(&self, hostname: &str) -> bool {
        let node = !self.node.awaits_enlistment && self.node.hostname == hostname;
        node || self.others.iter().any(|machine| machine.hostname == hostname)
    }

    fn deploy_node(&mut self, region: &Region, hostname: String) {
        self.node.awaits_enlistment = false;
        self.node.token_is_valid = true;
        self.node.has_commissioning_set = true;
        self.node.hostname = hostname;
        self.node.status = NodeStatus::Deployed;
        for script in region.library.for_strangers() {
            self.create_result(ScriptType::Commissioning, &script.name, script.version_id, Map::new());
        }
    }
}
