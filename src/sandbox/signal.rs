//! `POST {md}` with `op=signal` (contract REGION, "What each does to a script result").

use axum::http::StatusCode;

use super::form::Form;
use super::hooks::Came;
use super::node::{Effect, NodeStatus, Situation, effect};
use super::state::{Region, State};
use crate::event::{Event, EventType};
use crate::region::SignalStatus;
use crate::script::{BmcConfig, Evidence, ResultFile, ResultFileError, ScriptType, Status, Transition};

/// Status and text of an answer.
type Answer = (StatusCode, String);

/// The longest text that a node keeps, in characters.
const LONGEST_ERROR: usize = 255;

/// Takes a signal of the node.
pub(super) fn take(region: &Region, form: Form) -> Answer {
    let bad = |text: &str| (StatusCode::BAD_REQUEST, text.to_owned());
    let Some(word) = form.get("status") else { return bad("No provided status!") };
    let mut state = region.lock();
    let known = SignalStatus::ALL.into_iter().find(|status| status.word() == word);
    let Some(status) = known.filter(|status| state.knows(*status)) else {
        return bad(&format!("Unknown status: '{word}'"));
    };
    let numbers = match Numbers::read(&form) {
        Ok(numbers) => numbers,
        Err(answer) => return answer,
    };
    if !state.node.status.may_signal(state.version) {
        let text = format!("Machine status isn't valid (status is {})", state.node.status.name());
        return (StatusCode::CONFLICT, text);
    }
    let error = form.get("error").unwrap_or_default().to_owned();
    let power = if state.node.status == NodeStatus::Commissioning { power(&form) } else { Ok(None) };
    let power = match power {
        Ok(power) => power,
        Err(text) => return (StatusCode::BAD_REQUEST, text),
    };
    let situation = state.situation();
    let mut effect = effect(situation, status);
    if let Some(answer) = refusal(&effect, &error) {
        return answer;
    }
    if !state.has_needed_set() {
        let text = "'NoneType' object has no attribute 'last_ping' and no __dict__ for setting new attributes";
        return (StatusCode::INTERNAL_SERVER_ERROR, text.to_owned());
    }
    if let Some(power) = power {
        state.node.power = Some(power);
    }
    let row = state.result_of(numbers.result_id, form.get("name"));
    if state.node.status.keeps_results(status)
        && let Err(text) = state.take_script(region, status, row, &numbers, form.files)
    {
        return (StatusCode::INTERNAL_SERVER_ERROR, text);
    }
    let now = jiff::Timestamp::now();
    state.node.last_ping = Some(now);
    if state.node.status == NodeStatus::Deployed {
        state.node.last_sync = Some(now);
    }
    if state.node.status == NodeStatus::Commissioning {
        // What came with this signal counts.
        effect = super::node::effect(state.situation(), status);
    }
    if state.node.enlists {
        effect = effect.for_enlisting();
    }
    state.apply(effect, &error);
    (StatusCode::OK, "OK".to_owned())
}

/// The answer to a signal whose effect cannot be; nothing is changed then.
fn refusal(effect: &Effect, error: &str) -> Option<Answer> {
    if let Some(text) = &effect.conflict {
        return Some((StatusCode::CONFLICT, text.clone()));
    }
    let length = error.chars().count();
    if effect.tells_error && length > LONGEST_ERROR {
        let text = format!("Ensure this value has at most {LONGEST_ERROR} characters (it has {length}).");
        return Some((StatusCode::BAD_REQUEST, format!("{{\"error\": [\"{text}\"]}}")));
    }
    (effect.tells_error && error.contains('\0')).then(|| {
        (StatusCode::INTERNAL_SERVER_ERROR, "A string literal cannot contain NUL (0x00) characters.".to_owned())
    })
}

/// The numbers that come with a signal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    pub(super) result_id: Option<i64>,
    pub(super) exit_status: Option<i64>,
    /// As long as the node likes; 0 is none.
    pub(super) version_id: Option<i128>,
    /// Seconds.
    pub(super) runtime: Option<f64>,
}

impl Numbers {
    fn read(form: &Form) -> Result<Self, Answer> {
        let bad = |text: String| (StatusCode::BAD_REQUEST, text);
        // As Python reads them: blanks around and a plus are fine.
        let given = |name: &str| form.get(name).map(str::trim).filter(|text| !text.is_empty());
        let number = |name: &str| match given(name).map(str::parse::<i128>) {
            Some(Err(_)) => Err(bad(format!("Invalid {name}: Please enter an integer value"))),
            Some(Ok(value)) => Ok(Some(value)),
            None => Ok(None),
        };
        // A number that no result can have is that of no result.
        let result_id = number("script_result_id")?.map(|id| i64::try_from(id).unwrap_or(-1)).filter(|id| *id >= 0);
        let exit_status = number("exit_status")?.map(|status| i64::try_from(status).unwrap_or(i64::MAX));
        let version_id = number("script_version_id")?.filter(|version| *version != 0);
        let runtime = match given("runtime").map(str::parse::<f64>) {
            Some(Ok(seconds)) if !seconds.is_nan() => Some(seconds),
            Some(_) => return Err(bad("Invalid runtime: Please enter a number".to_owned())),
            None => None,
        };
        if exit_status.is_some_and(|status| status > i64::from(i32::MAX)) {
            let text = format!("Ensure this value is less than or equal to {}.", i32::MAX);
            return Err(bad(format!("{{\"exit_status\": [\"{text}\"]}}")));
        }
        Ok(Numbers { result_id, exit_status, version_id, runtime })
    }

    /// What Python says of a runtime that is no date when it is taken from now.
    fn check_runtime(&self) -> Result<(), String> {
        // Days in an int of C, and the first day that a date can be.
        const MOST_SECONDS: f64 = 86_400.0 * 2_147_483_647.0;
        const SINCE_YEAR_ONE: f64 = 63_900_000_000.0;
        match self.runtime.map(f64::abs) {
            Some(seconds) if seconds.is_infinite() => Err("cannot convert float infinity to integer".to_owned()),
            Some(seconds) if seconds > MOST_SECONDS => Err("Python int too large to convert to C int".to_owned()),
            Some(seconds) if seconds > SINCE_YEAR_ONE => Err("date value out of range".to_owned()),
            _ => Ok(()),
        }
    }
}

impl State {
    fn knows(&self, status: SignalStatus) -> bool {
        match status {
            SignalStatus::Releasing => self.version.has_release_scripts(),
            SignalStatus::Deploying => self.version.has_deployment_scripts(),
            _ => true,
        }
    }

    pub(super) fn situation(&self) -> Situation {
        let (status, previous) = (self.node.status, self.node.previous);
        Situation { status, previous, failed: self.has_failure(), version: self.version }
    }

    /// Notes which sets of results the node has, once they are made.
    pub(super) fn note_sets(&mut self) {
        let has = |kind| self.results.iter().any(|row| row.kind == Some(kind));
        let (tests, commissions) = (has(ScriptType::Testing), has(ScriptType::Commissioning));
        self.node.has_testing_set |= tests;
        self.node.has_commissioning_set |= commissions;
    }

    /// True if the node has the set of results in which the region notes that it was heard of.
    fn has_needed_set(&self) -> bool {
        match self.node.status {
            NodeStatus::Testing => self.node.has_testing_set,
            NodeStatus::Commissioning | NodeStatus::RescueMode | NodeStatus::Deployed => {
                self.node.has_commissioning_set
            }
            _ => true,
        }
    }

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
        region: &Region,
        status: SignalStatus,
        known: Option<usize>,
        numbers: &Numbers,
        files: Vec<(String, Vec<u8>)>,
    ) -> Result<(), String> {
        if !files.is_empty() {
            let index = self.store(status, known, numbers, files)?;
            self.recommission(region, index);
            return Ok(());
        }
        let transition = match status {
            SignalStatus::ApplyingNetconf => Transition::ApplyNetconf,
            SignalStatus::Installing => Transition::Install,
            SignalStatus::Working => Transition::Start,
            _ => return Ok(()),
        };
        match (known, numbers.result_id) {
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
        numbers: &Numbers,
        files: Vec<(String, Vec<u8>)>,
    ) -> Result<usize, String> {
        let name = script_name(&files[0].0);
        let index = known
            .or_else(|| self.results.iter().position(|row| row.script == name))
            .unwrap_or_else(|| self.stranger(&name));
        if self.results[index].started.is_none() {
            numbers.check_runtime()?;
        }
        if let Some(reason) = poison(&files) {
            return Err(reason);
        }
        let row = &mut self.results[index];
        if self.node.status.refuses_second_results() && row.status.is_final() {
            let text =
                format!("Status for scriptresult {} is not running or pending ({})", row.id, row.status.number());
            return Err(if self.version.explains_second_results() { text } else { String::new() });
        }
        if status != SignalStatus::TimedOut {
            row.exit_status = Some(numbers.exit_status.unwrap_or(0));
        }
        let came = row.keep(files);
        self.check_version(index, numbers.version_id);
        let transition = self.verdict(index, came, status, numbers.exit_status.unwrap_or(0));
        let transition = self.process(index, came, transition);
        self.transition(index, transition);
        Ok(index)
    }

    /// A result of a script that the region did not ask for.
    fn stranger(&mut self, name: &str) -> usize {
        let kind =
            if self.node.status == NodeStatus::Testing { ScriptType::Testing } else { ScriptType::Commissioning };
        let index = self.create_result(kind, name, 0, serde_json::Map::new());
        self.results[index].status = Status::Running;
        index
    }

    fn check_version(&mut self, index: usize, version_id: Option<i128>) {
        let row = &self.results[index];
        if let Some(version) = version_id.filter(|version| *version != i128::from(row.version_id)) {
            let text = format!(
                "{} sent a script result for {}({}) with an unknown script version({version}).",
                self.who(),
                row.script,
                row.version_id
            );
            self.log_event(Event::new(EventType::SCRIPT_RESULT_ERROR, text));
        }
    }

    pub(super) fn who(&self) -> String {
        format!("{}.maas({})", self.node.hostname, self.node.system_id)
    }

    /// What a stored result comes to: the result file decides, else signal and exit status.
    fn verdict(&mut self, index: usize, came: Came, status: SignalStatus, exit_status: i64) -> Transition {
        let row = &self.results[index];
        let decided = match ResultFile::parse(if came.result { &row.result } else { b"" }, row.has_interface()) {
            Ok(file) => file.status,
            Err(error) => {
                let text = format!("{} sent a script result with invalid YAML: {error}", self.who());
                self.log_event(Event::new(EventType::SCRIPT_RESULT_ERROR, text));
                None
            }
        };
        let pass = Evidence::on_the_word_of_a_node();
        let exit = Transition::of_a_node(i32::try_from(exit_status).unwrap_or(1), pass);
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

/// Why a result file makes the region stumble over the whole signal; a file that it merely refuses does not.
fn poison(files: &[(String, Vec<u8>)]) -> Option<String> {
    let is_result = |(name, _): &&(String, Vec<u8>)| name.to_ascii_lowercase().ends_with(".yaml");
    let (_, bytes) = files.iter().rfind(is_result)?;
    match ResultFile::parse(bytes, true) {
        Err(ResultFileError::Poison { reason, .. }) => Some(reason),
        _ => None,
    }
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
