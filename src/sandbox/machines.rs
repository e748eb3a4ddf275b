//! How a machine gets into the region (contract REGION, "Enlistment and registration"): what those meet who have no
//! credentials yet.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::form::Form;
use super::node::NodeStatus;
use super::oauth::{Token, word};
use super::signal::{POWER_TYPES, power};
use super::state::{Device, Node, Region, State};
use crate::event::{EventQuery, EventRecord, Place};
use crate::script::{BmcConfig, ScriptType};

/// Architectures of which the region has images.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// An interface of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nic {
    pub(super) name: String,
    /// In lower case.
    pub(super) mac: String,
    /// The kind of an interface that is made of others, for example a bridge; nothing for a card of its own.
    pub(super) made_as: Option<String>,
}

impl Nic {
    /// True if both are the same, whatever it is called now.
    pub(super) fn is(&self, other: &Nic) -> bool {
        match (&self.made_as, &other.made_as) {
            (None, None) => self.mac == other.mac,
            (own, others) => own == others && self.name == other.name,
        }
    }

    pub(super) fn is_bridge(&self) -> bool {
        self.made_as.as_deref() == Some("bridge")
    }

    /// Of a device as the region knows it; `None` without an address.
    pub(super) fn of(device: &Device) -> Option<Self> {
        let text = |key: &str| device.get(key).and_then(Value::as_str);
        Some(Nic { name: text("name")?.to_owned(), mac: text("mac_address")?.to_ascii_lowercase(), made_as: None })
    }
}

/// What a machine is made with.
#[derive(Clone, Debug, Default)]
pub(super) struct Hardware {
    /// In lower case.
    pub(super) macs: Vec<String>,
    pub(super) architecture: String,
    /// How its BMC is reached.
    pub(super) power: Option<BmcConfig>,
}

impl Hardware {
    pub(super) fn has(&self, mac: &str) -> bool {
        self.macs.iter().any(|own| own.eq_ignore_ascii_case(mac))
    }
}

/// A machine that is in the region and does nothing there.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) system_id: String,
    pub(super) hostname: String,
    pub(super) status: NodeStatus,
    pub(super) hardware: Hardware,
    /// Its credentials, if it has any.
    pub(super) token: Option<Token>,
}

impl Machine {
    pub(super) fn has(&self, mac: &str) -> bool {
        self.hardware.has(mac)
    }
}

impl Node {
    /// What is known of it as of any machine.
    pub(super) fn as_machine(&self) -> Machine {
        Machine {
            system_id: self.system_id.clone(),
            hostname: self.hostname.clone(),
            status: self.status,
            hardware: self.hardware.clone(),
            token: self.token_is_valid.then(|| self.token.clone()),
        }
    }
}

/// What the region does with a machine.
pub(super) enum Answer {
    /// The machine as the API shows it.
    Machine(Value),
    /// The form is refused; the JSON that says why.
    Refused(String),
    /// Another status with a text of the region.
    Told(StatusCode, String),
    /// 409 with a page.
    Conflict,
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Answer::Machine(_) => StatusCode::OK,
            Answer::Refused(_) => StatusCode::BAD_REQUEST,
            Answer::Told(status, _) => *status,
            Answer::Conflict => StatusCode::CONFLICT,
        }
    }
}

/// `POST /MAAS/api/2.0/machines/`: the machine of which the region has one of the addresses already, else a new one.
pub(super) fn create(region: &Region, form: &Form) -> Answer {
    let macs: Vec<String> = form.all("mac_addresses").map(str::to_owned).collect();
    if macs.iter().any(|mac| !is_mac(mac)) {
        let told = "'ValidationError' object has no attribute 'message'".to_owned();
        return Answer::Told(StatusCode::INTERNAL_SERVER_ERROR, told);
    }
    let mut refusals = refusals(form, &macs);
    let power = match power(form) {
        Ok(power) => power,
        // A type that it does not know is refused already.
        Err(_) if !refusals.is_empty() => None,
        Err(text) => {
            refusals.push(("power_parameters", text));
            None
        }
    };
    if !refusals.is_empty() {
        return Answer::Refused(refused(&refusals));
    }
    let hardware = Hardware {
        macs: macs.iter().map(|mac| mac.to_ascii_lowercase()).collect(),
        architecture: architecture(form),
        power,
    };
    let is_commissioned = form.get("commission") == Some("true");
    let mut state = region.lock();
    if let Some(known) = state.machine_with(&macs) {
        return Answer::Machine(known);
    }
    if state.node.awaits_enlistment {
        state.enlist(region, hardware, is_commissioned);
        return Answer::Machine(shown(&state.node.as_machine()));
    }
    let hostname = form.get("hostname").map_or_else(|| format!("sandbox-{}", word(4)), str::to_owned);
    let machine = Machine { system_id: word(6), hostname, status: NodeStatus::New, hardware, token: None };
    state.others.push(machine.clone());
    Answer::Machine(shown(&machine))
}

/// The architecture of a form with the one sub-architecture that counts.
pub(super) fn architecture(form: &Form) -> String {
    match form.get("architecture") {
        None | Some("") => String::new(),
        Some(name) if name.contains('/') => name.to_owned(),
        Some(name) => format!("{name}/generic"),
    }
}

/// What the region finds wrong with a form: fields and texts.
pub(super) fn refusals(form: &Form, macs: &[String]) -> Vec<(&'static str, String)> {
    let required = || "This field is required.".to_owned();
    let mut refusals = Vec::new();
    match form.get("architecture") {
        None => refusals.push(("architecture", required())),
        Some(name) if !ARCHITECTURES.contains(&name.trim_end_matches("/generic")) => {
            let known = ARCHITECTURES.map(|name| format!("'{name}/generic'")).join(", ");
            let text = format!("'{}' is not a valid architecture.  It should be one of: {known}.", architecture(form));
            refusals.push(("architecture", text));
        }
        Some(_) => {}
    }
    // Nobody needs the addresses of a machine that is not going to be booted over them.
    if macs.is_empty() && form.get("deployed") != Some("true") {
        refusals.push(("mac_addresses", required()));
    }
    if let Some(name) = form.get("power_type").filter(|name| !POWER_TYPES.contains(name)) {
        let text = format!("Select a valid choice. {name} is not one of the available choices.");
        refusals.push(("power_type", text));
    }
    refusals
}

/// The JSON of a refused form, with the region's blanks.
pub(super) fn refused(refusals: &[(&str, String)]) -> String {
    let field = |(field, text): &(&str, String)| format!("{}: [{}]", json!(field), json!(text));
    format!("{{{}}}", refusals.iter().map(field).collect::<Vec<_>>().join(", "))
}

impl State {
    /// The log as far as it is about machines at the place that a query wants. All machines are at the same place.
    pub(super) fn events_at(&self, query: &EventQuery) -> impl DoubleEndedIterator<Item = &EventRecord> {
        let own = self.node.interfaces.iter().map(|nic| nic.mac.clone());
        let place = Place {
            zone: "default".to_owned(),
            pool: "default".to_owned(),
            domain: "maas".to_owned(),
            agent_name: self.agent_name.clone(),
            macs: self.node.hardware.macs.iter().cloned().chain(own).collect(),
        };
        let fits = query.place.fits(&place);
        self.events.iter().filter(move |_| fits)
    }

    /// The machine that has one of these addresses.
    fn machine_with(&self, macs: &[String]) -> Option<Value> {
        let node = self.node.as_machine();
        let mut machines = std::iter::once(&node).chain(&self.others);
        machines.find(|machine| macs.iter().any(|mac| machine.hardware.has(mac))).map(shown)
    }

    /// The node comes into being, with results for the scripts that it was shown as a stranger, and those that were chosen
    /// besides.
    fn enlist(&mut self, region: &Region, hardware: Hardware, is_commissioned: bool) {
        self.node.awaits_enlistment = false;
        self.node.enlists = is_commissioned;
        self.node.token_is_valid = true;
        self.node.power.clone_from(&hardware.power);
        self.node.hardware = hardware;
        self.node.status = if is_commissioned { NodeStatus::Commissioning } else { NodeStatus::New };
        let library = region.library();
        let built_in = library.for_strangers().map(|script| (ScriptType::Commissioning, script));
        let chosen = region.enlisting.iter().flat_map(|(kind, words)| {
            library.select(*kind, Some(words)).filter(|script| !script.is_built_in()).map(|script| (*kind, script))
        });
        let all: Vec<_> = built_in.chain(chosen).collect();
        for (kind, script) in all {
            self.create_result(kind, &script.name, script.version_id, Map::new());
        }
        self.note_sets();
    }
}

/// A machine as the API shows it to those who made it.
pub(super) fn shown(machine: &Machine) -> Value {
    json!({
        "system_id": machine.system_id,
        "hostname": machine.hostname,
        "fqdn": format!("{}.maas", machine.hostname),
        "domain": {"id": 0, "name": "maas"},
        "zone": {"id": 1, "name": "default"},
        "architecture": machine.hardware.architecture,
        "node_type": 0,
        "power_type": machine.hardware.power.as_ref().map_or("", BmcConfig::power_type),
        "power_state": "unknown",
        "status": machine.status.number(),
        "status_name": machine.status.name(),
        "status_action": "",
        "status_message": null,
        "resource_uri": format!("/MAAS/api/2.0/machines/{}/", machine.system_id),
    })
}

/// Six bytes in hexadecimal with colons between them.
pub(super) fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit()))
}
