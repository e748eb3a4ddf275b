//! The collection of machines as administrators and strangers see it (recorded: "machines: creating, finding, tokens", "`is_registered` by
//! status of the machine").

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::answers::{JSON, answer, json_answer};
use super::form::Form;
use super::machines::{Answer, Hardware, Machine, create as enlist, is_mac, refusals, refused, shown};
use super::node::NodeStatus;
use super::oauth::{Speaker, word};
use super::registration;
use super::state::{Region, State};

/// The region's answer where one of its own transactions gets into the way of another.
pub(super) const CONFLICT: &str = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \
\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" \
lang=\"en\">\n  <head>\n    <title>Error: Conflict Error</title>\n  </head>\n  <body>\n    <h2 class=\"p-heading--four\">\n      \
Conflict error. Try your request again, as it will most likely succeed.\n    </h2>\n  </body>\n</html>\n";
const UNCONFIGURED: &str = "Unconfigured power type. Please configure the power type and try again.";
const NOT_JSON: &str = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)";

/// `op=is_registered`: a stranger may still enlist a machine that is new or being commissioned.
pub(super) fn is_registered(state: &State, mac: &str, speaker: Speaker) -> bool {
    let counts = |status: NodeStatus| match status {
        NodeStatus::Retired => false,
        NodeStatus::New | NodeStatus::Commissioning => speaker == Speaker::Admin,
        _ => true,
    };
    let mac = plain_mac(mac);
    let machines = state.all_machines();
    state.all_registered || machines.iter().any(|machine| machine.has(&mac) && counts(machine.status))
}

/// Lower case with colons, as the region keeps addresses.
fn plain_mac(mac: &str) -> String {
    mac.to_ascii_lowercase().replace('-', ":")
}

/// A word that is true or false to the region; other words are refused.
fn flag(form: &Form, name: &str) -> Result<Option<bool>, Answer> {
    match form.get(name).map(str::to_lowercase).as_deref() {
        None => Ok(None),
        Some("true" | "1" | "yes" | "on") => Ok(Some(true)),
        Some("false" | "0" | "no" | "off") => Ok(Some(false)),
        Some(_) => {
            let told = format!("Invalid {name}: Value should be 'true' or 'false'");
            Err(Answer::Told(StatusCode::BAD_REQUEST, told))
        }
    }
}

/// `POST /MAAS/api/2.0/machines/`.
pub(super) fn create(region: &Region, form: &Form, speaker: Speaker) -> Answer {
    let is_admin = speaker == Speaker::Admin;
    let (deployed, commission) = match (flag(form, "deployed"), flag(form, "commission")) {
        (Err(answer), _) | (_, Err(answer)) => return answer,
        (Ok(deployed), Ok(commission)) => (deployed == Some(true), commission),
    };
    if is_admin && deployed {
        return registration::register(region, form);
    }
    if let Some(answer) = bad_power(form) {
        return answer;
    }
    let state = region.lock();
    let mut found = host_name(&state, form);
    if !is_admin {
        drop(state);
        return if found.is_empty() { enlist(region, form) } else { Answer::Refused(refused(&found)) };
    }
    let macs: Vec<String> = form.all("mac_addresses").map(plain_mac).collect();
    let mut problems = refusals(form, &macs);
    if let Some(odd) = macs.iter().find(|mac| !is_mac(mac)) {
        problems.push(("mac_addresses", format!("'{odd}' is not a valid MAC address.")));
    }
    let machines = state.all_machines();
    let taken = macs.iter().find_map(|mac| Some((mac, machines.iter().find(|machine| machine.has(mac))?)));
    if let Some((mac, machine)) = taken {
        problems.push(("mac_addresses", format!("MAC address {mac} already in use on {}.", machine.hostname)));
    }
    if macs.is_empty() && form.get("power_type") == Some("manual") {
        problems.push(("power_type", "Can't set power type to manual without network interfaces".to_owned()));
    }
    if let Some(domain) = form.get("domain").filter(|domain| *domain != "maas") {
        problems.push(("domain", format!("Unable to find domain {domain}")));
    }
    if form.get("zone").is_some_and(|zone| zone != "default") {
        let text = "Select a valid choice. That choice is not one of the available choices.";
        problems.push(("zone", text.to_owned()));
    }
    if macs.is_empty() && form.get("power_type").is_some_and(|kind| kind != "manual") {
        return Answer::Conflict;
    }
    problems.append(&mut found);
    if !problems.is_empty() {
        return Answer::Refused(refused(&problems));
    }
    if commission != Some(false) && form.get("power_type").is_none() {
        return Answer::Told(StatusCode::INTERNAL_SERVER_ERROR, UNCONFIGURED.to_owned());
    }
    drop(state);
    Answer::Machine(add(region, form, macs))
}

fn add(region: &Region, form: &Form, macs: Vec<String>) -> Value {
    let hostname = form.get("hostname").map_or_else(|| format!("sandbox-{}", word(4)), str::to_owned);
    let architecture = super::machines::architecture(form);
    let hardware = Hardware { macs, architecture, power: None };
    let machine = Machine { system_id: word(6), hostname, status: NodeStatus::New, hardware, token: None };
    let shown = to_admins(&machine);
    region.lock().others.push(machine);
    shown
}

/// The fields of a machine that an administrator is shown beyond those for somebody without a key.
pub(super) fn to_admins(machine: &Machine) -> Value {
    let mut value = shown(machine);
    value["node_type_name"] = "Machine".into();
    value["owner"] = if machine.status == NodeStatus::Deployed { "admin".into() } else { Value::Null };
    value["interface_set"] = machine.hardware.macs.iter().map(|mac| json!({"mac_address": mac})).collect();
    value
}

/// The fault in how the machine is switched on and off, beyond those that the signal of a node may have.
fn bad_power(form: &Form) -> Option<Answer> {
    let kind = form.get("power_type")?;
    let given = form.get("power_parameters").filter(|text| !text.is_empty()).unwrap_or("{}");
    let Ok(given) = serde_json::from_str::<Value>(given) else {
        return Some(Answer::Told(StatusCode::INTERNAL_SERVER_ERROR, NOT_JSON.to_owned()));
    };
    let has_address = given.get("power_address").is_some() || form.get("power_parameters_power_address").is_some();
    (kind == "ipmi" && !has_address)
        .then(|| Answer::Refused(refused(&[("power_parameters", "This field is required.".to_owned())])))
}

fn host_name(state: &State, form: &Form) -> Vec<(&'static str, String)> {
    let Some(name) = form.get("hostname").filter(|name| !name.is_empty()) else { return Vec::new() };
    let label = name.split('.').next().unwrap_or_default();
    let text = if state.is_taken(label) {
        "Node with this Hostname already exists.".to_owned()
    } else if label.contains('_') {
        format!("Host label cannot contain underscore: '{label}'.")
    } else if !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        format!("Label contains disallowed characters: '{label}'.")
    } else {
        return Vec::new();
    };
    vec![("hostname", text)]
}

/// `GET /MAAS/api/2.0/machines/`, with constraints that the machines have to meet.
pub(super) fn list(state: &State, form: &Form) -> Response {
    const CONSTRAINTS: [&str; 9] =
        ["hostname", "mac_address", "zone", "domain", "pool", "agent_name", "id", "status", "owner"];
    let bad = |field: &str, text: String| answer(StatusCode::BAD_REQUEST, JSON, refused(&[(field, text)]));
    for (name, value) in &form.fields {
        match name.as_str() {
            "zone" | "pool" if value != "default" => return bad(name, format!("No such {name}(s): {value}.")),
            "mac_address" if !is_mac(&plain_mac(value)) => {
                return bad(name, format!("'{value}' is not a valid MAC address."));
            }
            _ if !CONSTRAINTS.contains(&name.as_str()) => return bad(name, "No such constraint.".to_owned()),
            _ => {}
        }
    }
    let fits = |machine: &&Machine| {
        form.fields.iter().all(|(name, value)| match name.as_str() {
            "hostname" => machine.hostname == *value,
            "mac_address" => machine.has(&plain_mac(value)),
            "domain" => value == "maas",
            "agent_name" => machine.system_id == state.node.system_id && state.agent_name == *value,
            "id" => machine.system_id == *value,
            "status" => machine.status.word() == value.replace('_', "-"),
            "owner" => value == "admin",
            _ => true,
        })
    };
    json_answer(&state.all_machines().iter().filter(fits).map(to_admins).collect())
}

impl State {
    /// The node and all others.
    fn all_machines(&self) -> Vec<Machine> {
        let mut machines = self.others.clone();
        if !self.node.awaits_enlistment {
            let mut node = self.node.as_machine();
            node.hardware.macs.extend(self.node.interfaces.iter().map(|nic| nic.mac.clone()));
            machines.insert(0, node);
        }
        machines
    }
}
