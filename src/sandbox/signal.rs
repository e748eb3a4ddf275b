//! `POST {md}` with `op=signal` (contract REGION, "What each does to a script result").

use axum::http::StatusCode;

use super::form::Form;
use super::node::{NodeStatus, effect};
use super::state::{Region, State};
use crate::event::{Event, EventType};
use crate::region::SignalStatus;
use crate::script::{BmcConfig, Evidence, ResultFile, ScriptType, Status, Transition};

/// Status and text of an answer.
type Answer = (StatusCode, String);

/// Takes a signal of the node.
pub(super) fn take(region: &Region, form: Form) -> Answer {
    let bad = |text: &str| (StatusCode::BAD_REQUEST, text.to_owned());
    let Some(word) = form.get("status") else { return bad("No provided status!") };
    let Some(status) = SignalStatus::ALL.into_iter().find(|status| status.word() == word) else {
        return bad(&format!("Unknown status: '{word}'"));
    };
    let mut numbers = [None; 3];
    for (number, name) in numbers.iter_mut().zip(["script_result_id", "exit_status", "script_version_id"]) {
        match form.get(name).map(str::parse::<i64>) {
            Some(Err(_)) => return bad(&format!("Invalid {name}: Please enter an integer value")),
            Some(Ok(value)) => *number = Some(value),
            None => {}
        }
    }
    let [result_id, exit_status, version_id] = numbers;
    let mut state = region.lock();
    if !state.node.status.may_signal() {
        let text = format!("Machine status isn't valid (status is {})", state.node.status.name());
        return (StatusCode::CONFLICT, text);
    }
    let error = form.get("error").unwrap_or_default().to_owned();
    if state.node.status == NodeStatus::Commissioning
        && let Some(power) = power(&form).transpose()
    {
        match power {
            Ok(power) => state.node.power = Some(power),
            Err(text) => return (StatusCode::BAD_REQUEST, text),
        }
    }
    let known = state.result_of(result_id, form.get("name"));
    if let Err(text) = state.take_script(status, (known, result_id), exit_status, version_id, form.files) {
        return (StatusCode::INTERNAL_SERVER_ERROR, text);
    }
    if state.node.status == NodeStatus::Testing && state.node.lacks_testing_set {
        let text = "'NoneType' object has no attribute 'last_ping' and no __dict__ for setting new attributes";
        return (StatusCode::INTERNAL_SERVER_ERROR, text.to_owned());
    }
    let now = jiff::Timestamp::now();
    state.node.last_ping = Some(now);
    if state.node.status == NodeStatus::Deployed {
        state.node.last_sync = Some(now);
    }
    let mut effect = effect(state.node.status, status, state.has_failure());
    if state.node.enlists {
        effect = effect.for_enlisting();
    }
    if let Some(text) = effect.conflict {
        return (StatusCode::CONFLICT, text);
    }
    state.apply(effect, &error);
    (StatusCode::OK, "OK".to_owned())
}

impl State {
    /// The result that a signal is about: by its number, or while enlisting by the script's name.
    fn result_of(&self, id: Option<i64>, name: Option<&str>) -> Option<usize> {
        match (id, name) {
            (Some(id), _) => self.results.iter().position(|row| row.id == id),
            (None, Some(name)) if self.node.enlists => self.results.iter().position(|row| row.script == name),
            _ => None,
        }
    }

    fn take_script(
        &mut self,
        status: SignalStatus,
        (known, result_id): (Option<usize>, Option<i64>),
        exit_status: Option<i64>,
        version_id: Option<i64>,
        files: Vec<(String, Vec<u8>)>,
    ) -> Result<(), String> {
        if !files.is_empty() {
            return self.store(status, known, exit_status, version_id, files);
        }
        let transition = match status {
            SignalStatus::ApplyingNetconf => Transition::ApplyNetconf,
            SignalStatus::Installing => Transition::Install,
            SignalStatus::Working => Transition::Start,
            _ => return Ok(()),
        };
        match (known, result_id) {
            (Some(index), _) if !self.results[index].status.is_final() => self.transition(index, transition),
            (None, Some(_)) if transition != Transition::Start => {
                return Err("'NoneType' object has no attribute 'status'".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn store(
        &mut self,
        status: SignalStatus,
        known: Option<usize>,
        exit_status: Option<i64>,
        version_id: Option<i64>,
        files: Vec<(String, Vec<u8>)>,
    ) -> Result<(), String> {
        let name = script_name(&files[0].0);
        let index = known
            .or_else(|| self.results.iter().position(|row| row.script == name))
            .unwrap_or_else(|| self.stranger(&name));
        let row = &mut self.results[index];
        let absorbs = matches!(self.node.status, NodeStatus::Commissioning | NodeStatus::Testing);
        if absorbs && row.status.is_final() {
            return Err(format!(
                "Status for scriptresult {} is not running or pending ({})",
                row.id,
                row.status.number()
            ));
        }
        if status != SignalStatus::TimedOut {
            row.exit_status = Some(exit_status.unwrap_or(0));
        }
        for (name, bytes) in files {
            let lower = name.to_ascii_lowercase();
            match lower.rsplit('.').next() {
                Some("out") => row.stdout = bytes,
                Some("err") => row.stderr = bytes,
                Some("yaml") => row.result = bytes,
                _ => row.output = bytes,
            }
        }
        self.check_version(index, version_id);
        let transition = self.verdict(index, status, exit_status.unwrap_or(0));
        self.transition(index, transition);
        Ok(())
    }

    /// A result of a script that the region did not ask for.
    fn stranger(&mut self, name: &str) -> usize {
        let kind =
            if self.node.status == NodeStatus::Testing { ScriptType::Testing } else { ScriptType::Commissioning };
        let index = self.create_result(kind, name, 0, serde_json::Map::new());
        self.results[index].status = Status::Running;
        index
    }

    fn check_version(&mut self, index: usize, version_id: Option<i64>) {
        let row = &self.results[index];
        if let Some(version) = version_id.filter(|version| *version != row.version_id) {
            let text = format!(
                "{} sent a script result for {}({}) with an unknown script version({version}).",
                self.who(),
                row.script,
                row.version_id
            );
            self.log_event(Event::new(EventType::SCRIPT_RESULT_ERROR, text));
        }
    }

    fn who(&self) -> String {
        format!("{}.maas({})", self.node.hostname, self.node.system_id)
    }

    /// What a stored result comes to: the result file decides, else signal and exit status.
    fn verdict(&mut self, index: usize, status: SignalStatus, exit_status: i64) -> Transition {
        let row = &self.results[index];
        let decided = match ResultFile::parse(&row.result, row.has_interface()) {
            Ok(file) => file.status,
            Err(error) => {
                let text = format!("{} sent a script result with invalid YAML: {error}", self.who());
                self.log_event(Event::new(EventType::SCRIPT_RESULT_ERROR, text));
                None
            }
        };
        let pass = Evidence::on_the_word_of_a_node();
        let exit = Transition::of_a_node(i32::try_from(exit_status).unwrap_or(1), pass);
        let row = &self.results[index];
        if row.script == "50-maas-01-commissioning"
            && !row.stdout.is_empty()
            && serde_json::from_slice::<serde_json::Value>(&row.stdout).is_err()
        {
            let text = "Failed processing commissioning data: invalid JSON data";
            self.log_event(Event::new(EventType::SCRIPT_RESULT_ERROR, text));
            let text = format!(
                "{}: commissioning script '50-maas-01-commissioning' failed during post-processing.",
                self.who()
            );
            self.log_event(Event::new(EventType::SCRIPT_RESULT_ERROR, text));
            return Transition::of_a_node(1, pass);
        }
        match decided {
            Some(verdict) => verdict.unpassed().map_or(Transition::Pass(pass), Transition::Decide),
            None if status == SignalStatus::TimedOut => Transition::TimeOut,
            None => exit,
        }
    }
}

/// Power types that the region knows.
pub(super) const POWER_TYPES: [&str; 25] = [
    "amt",
    "apc",
    "dli",
    "eaton",
    "fence_cdu",
    "hmc",
    "hmcz",
    "ipmi",
    "lxd",
    "manual",
    "moonshot",
    "mscm",
    "msftocs",
    "nova",
    "openbmc",
    "proxmox",
    "raritan",
    "recs_box",
    "redfish",
    "sm15k",
    "ucsm",
    "vmware",
    "virsh",
    "webhook",
    "wedge",
];

/// The access to the BMC that a request tells of.
pub(super) fn power(form: &Form) -> Result<Option<BmcConfig>, String> {
    let Some(power_type) = form.get("power_type").filter(|word| !word.is_empty()) else { return Ok(None) };
    if !POWER_TYPES.contains(&power_type) {
        return Err(format!("Bad power_type '{power_type}'"));
    }
    let parameters = form.get("power_parameters").filter(|json| !json.is_empty()).unwrap_or("{}");
    let parameters =
        serde_json::from_str(parameters).map_err(|_| "Failed to parse JSON power_parameters".to_owned())?;
    Ok(Some(BmcConfig::new(power_type, parameters)))
}

/// The script that a file part belongs to.
pub(super) fn script_name(file: &str) -> String {
    match file.rsplit_once('.') {
        Some((stem, suffix)) if ["out", "err", "yaml"].contains(&suffix.to_ascii_lowercase().as_str()) => {
            stem.to_owned()
        }
        _ => file.to_owned(),
    }
}
