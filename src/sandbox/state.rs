//! All that the sandbox region knows: one node, its script results, its events.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::faults::Fault;
use super::files::Stored;
use super::hardware::Tables;
use super::library::{Library, LibraryScript};
use super::machines::{Hardware, Machine, Nic};
use super::node::{Effect, NodeStatus};
use super::oauth::Token;
use super::parameters::instances;
use super::{Acquaintance, Error, Options};
use crate::event::{Event, EventRecord, EventType};
use crate::script::{BmcConfig, RegionVersion, ScriptType, Status, Subject, Transition, transition_event};

/// A disk or an interface as the region knows it: `id`, `name`, and for a disk `model`, `serial`, `id_path`, for an
/// interface `mac_address`, `vendor`, `product`.
pub type Device = Map<String, Value>;

/// The set of what the installer reports of itself.
pub(super) const INSTALLATION: &str = "installation";
/// The one result in it.
const INSTALL_LOG: &str = "/tmp/install.log";

/// The node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) system_id: String,
    pub(super) hostname: String,
    pub(super) status: NodeStatus,
    pub(super) error: String,
    /// As the node told while it was commissioning.
    pub(super) power: Option<BmcConfig>,
    pub(super) token: Token,
    pub(super) token_is_valid: bool,
    /// What it was before it was tested or rescued.
    pub(super) previous: Option<NodeStatus>,
    /// True if it was ever commissioned, and ever tested: the region stumbles over signals of a node without the set of results.
    pub(super) has_commissioning_set: bool,
    pub(super) has_testing_set: bool,
    /// What the region knows of its interfaces.
    pub(super) interfaces: Vec<Nic>,
    /// Name of the interface it boots from.
    pub(super) boot_interface: Option<String>,
    pub(super) last_ping: Option<Timestamp>,
    pub(super) last_sync: Option<Timestamp>,
    pub(super) hardware: Hardware,
    /// The region does not know it yet: it comes into being when somebody asks for a machine.
    pub(super) awaits_enlistment: bool,
    /// It was made by enlisting and has not come to the end of that.
    pub(super) enlists: bool,
}

/// A row of the table of script results.
#[derive(Clone, Debug)]
pub struct ResultRow {
    /// The region's number.
    pub id: i64,
    /// The set it belongs to; `None` is what the installer reports of itself, which no agent runs.
    pub kind: Option<ScriptType>,
    /// Script name.
    pub script: String,
    /// Version of the script that was handed out.
    pub version_id: i64,
    /// Status.
    pub status: Status,
    /// Exit status, once known.
    pub exit_status: Option<i64>,
    /// Combined output.
    pub output: Vec<u8>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Result file.
    pub result: Vec<u8>,
    /// Parameters with their values.
    pub parameters: Map<String, Value>,
    /// When it left Pending.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl ResultRow {
    /// Script and devices, as events name them.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let device = |kind: &str| {
            self.parameters
                .values()
                .find(|parameter| parameter["type"] == kind)
                .and_then(|parameter| parameter["value"]["name"].as_str().map(str::to_owned))
        };
        Subject { script: self.script.clone(), disk: device("storage"), interface: device("interface") }
    }

    /// The region's word for the set it belongs to.
    #[must_use]
    pub fn set(&self) -> &'static str {
        self.kind.map_or(INSTALLATION, ScriptType::folder)
    }

    pub(super) fn has_interface(&self) -> bool {
        self.parameters.values().any(|parameter| parameter["type"] == "interface")
    }
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) node: Node,
    /// Machines besides the node.
    pub(super) others: Vec<Machine>,
    /// Every machine that asks is told that the region has it.
    pub(super) all_registered: bool,
    pub(super) admin: Token,
    /// Who the node was allocated by, as an agent calls itself.
    pub(super) agent_name: String,
    /// Disks and interfaces that the region knows of.
    pub(super) disks: Vec<Device>,
    pub(super) nics: Vec<Device>,
    /// The tables of the node's hardware.
    pub(super) tables: Tables,
    /// The deployed node tells of its hardware again and again, and the region of what changed.
    pub(super) hardware_sync: bool,
    /// Files that administrators keep by the files API.
    pub(super) files: Vec<Stored>,
    /// The most bytes of a body that the proxy before the region lets through.
    pub(super) largest_body: usize,
    /// Callers go past that proxy.
    pub(super) is_bare: bool,
    pub(super) version: RegionVersion,
    pub(super) results: Vec<ResultRow>,
    /// Results of machines besides the node, by their system ids.
    pub(super) kept: BTreeMap<String, Vec<Vec<ResultRow>>>,
    pub(super) events: Vec<EventRecord>,
    pub(super) nonces: HashSet<String>,
    pub(super) faults: Vec<Fault>,
    pub(super) requests: Vec<Value>,
    pub(super) log: Option<File>,
}

/// The region: what changes, behind a lock, and what does not.
#[derive(Debug)]
pub(super) struct Region {
    state: Mutex<State>,
    /// Whoever locks the state as well locks that first.
    library: RwLock<Library>,
    pub(super) netplan: Option<Vec<u8>>,
    pub(super) clock_offset: i64,
    /// Names or tags of the scripts that a machine gets once it has enlisted, besides those of every region.
    pub(super) enlisting: Vec<(ScriptType, Vec<String>)>,
}

impl Region {
    pub(super) fn new(options: Options) -> Result<Self, Error> {
        let log = options
            .request_log
            .as_ref()
            .map(|path| File::create(path).map_err(|source| Error::File { path: path.clone(), source }));
        let is_known = options.acquaintance == Acquaintance::Node;
        let interfaces: Vec<Nic> = options.interfaces.iter().filter_map(Nic::of).collect();
        let mut state = State {
            node: Node {
                system_id: super::oauth::word(6),
                hostname: format!("sandbox-{}", super::oauth::word(4)),
                status: options.status,
                error: String::new(),
                power: None,
                token: Token::random(),
                token_is_valid: is_known,
                previous: options.previous,
                has_commissioning_set: options.commissioned,
                has_testing_set: false,
                boot_interface: interfaces.first().map(|nic| nic.name.clone()),
                interfaces,
                last_ping: None,
                last_sync: None,
                hardware: Hardware::default(),
                awaits_enlistment: options.acquaintance == Acquaintance::Stranger,
                enlists: false,
            },
            others: Vec::new(),
            all_registered: options.acquaintance == Acquaintance::Registered,
            admin: Token::random(),
            agent_name: String::new(),
            disks: options.disks.clone(),
            nics: options.interfaces.clone(),
            tables: Tables::default(),
            hardware_sync: options.hardware_sync,
            files: Vec::new(),
            largest_body: options.largest_body,
            is_bare: false,
            version: options.version,
            results: Vec::new(),
            kept: BTreeMap::new(),
            events: Vec::new(),
            nonces: HashSet::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            log: log.transpose()?,
        };
        if is_known {
            state.create_results(&options);
        }
        let chosen = [(ScriptType::Commissioning, options.commissioning), (ScriptType::Testing, options.testing)];
        let enlisting = chosen.into_iter().filter_map(|(kind, words)| Some((kind, words?))).collect();
        let Options { library, netplan, clock_offset, .. } = options;
        Ok(Region { state: Mutex::new(state), library: RwLock::new(library), netplan, clock_offset, enlisting })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The scripts that it knows.
    pub(super) fn library(&self) -> RwLockReadGuard<'_, Library> {
        self.library.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn library_to_change(&self) -> RwLockWriteGuard<'_, Library> {
        self.library.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The largest body that the proxy lets through, in bytes; nothing where callers go past it.
    pub(super) fn largest_body(&self) -> Option<usize> {
        let state = self.lock();
        (!state.is_bare).then_some(state.largest_body)
    }

    /// The region's clock, in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        Timestamp::now().as_second() + self.clock_offset
    }
}

impl State {
    fn create_results(&mut self, options: &Options) {
        use ScriptType::{Commissioning, Deployment, Release, Testing};
        let sets: &[(ScriptType, Option<&[String]>)] = match options.status {
            NodeStatus::Commissioning => {
                &[(Commissioning, options.commissioning.as_deref()), (Testing, options.testing.as_deref())]
            }
            NodeStatus::Testing => &[(Testing, options.testing.as_deref())],
            NodeStatus::Releasing | NodeStatus::DiskErasing => &[(Release, options.release.as_deref())],
            NodeStatus::Deploying => &[(Deployment, None)],
            // A new node has them waiting for its COMMISSIONING.
            NodeStatus::New | NodeStatus::Deployed => &[(Commissioning, options.commissioning.as_deref())],
            _ => &[],
        };
        for (kind, wanted) in sets {
            let scripts: Vec<&LibraryScript> = options.library.select(*kind, *wanted).collect();
            for script in scripts {
                for parameters in instances(script, options) {
                    self.create_result(*kind, &script.name, script.version_id, parameters);
                }
            }
        }
        self.note_sets();
        if options.status == NodeStatus::Deploying {
            let index = self.create_result(Deployment, INSTALL_LOG, 0, Map::new());
            self.results[index].kind = None;
        }
        if options.status == NodeStatus::Deployed {
            for row in &mut self.results {
                row.status = Status::Passed;
                row.exit_status = Some(0);
            }
        }
    }

    /// A new row; its index.
    pub(super) fn create_result(
        &mut self,
        kind: ScriptType,
        script: &str,
        version_id: i64,
        parameters: Map<String, Value>,
    ) -> usize {
        let id = 4000 + i64::try_from(self.results.len()).unwrap_or(0);
        self.results.push(ResultRow {
            id,
            kind: Some(kind),
            script: script.to_owned(),
            version_id,
            status: Status::Pending,
            exit_status: None,
            output: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            result: Vec::new(),
            parameters,
            started: None,
            ended: None,
        });
        self.results.len() - 1
    }

    /// Applies a transition to a result and makes its event; what the table does not have changes nothing.
    pub(super) fn transition(&mut self, index: usize, transition: Transition) {
        let deployed = self.node.status == NodeStatus::Deployed;
        let row = &mut self.results[index];
        let old = row.status;
        // A deployed node sends the same results again and again.
        let from = if deployed && old.is_final() { Status::Running } else { old };
        let Ok(new) = from.next(transition) else { return };
        let now = Timestamp::now();
        row.started = row.started.or(Some(now));
        row.ended = new.is_final().then_some(now);
        row.status = new;
        if old != new {
            let kind = row.kind.unwrap_or(ScriptType::Deployment);
            let event = transition_event(&row.subject(), kind, old, new);
            self.log_event(event);
        }
    }

    /// The configuration of the node, with its credentials; `url` is the region's address.
    pub(super) fn node_config(&self, url: &str) -> String {
        let (Token { consumer_key, key, secret }, id) = (&self.node.token, &self.node.system_id);
        format!(
            "#cloud-config\ndatasource:\n  MAAS:\n    metadata_url: {url}metadata/\n    consumer_key: {consumer_key}\n    \
             token_key: {key}\n    token_secret: {secret}\n    consumer_secret: ''\nreporting:\n  maas:\n    type: webhook\n    \
             endpoint: {url}metadata/status/{id}\n"
        )
    }

    pub(super) fn log_event(&mut self, event: Event) {
        let (system_id, hostname) = (self.node.system_id.clone(), self.node.hostname.clone());
        self.log_event_of(&system_id, &hostname, event);
    }

    /// An event about any machine.
    pub(super) fn log_event_of(&mut self, system_id: &str, hostname: &str, event: Event) {
        let id = 1000 + i64::try_from(self.events.len()).unwrap_or(0);
        self.events.push(EventRecord {
            id,
            created: Timestamp::now(),
            level: event.kind.level,
            type_name: event.kind.name.to_owned(),
            type_description: event.kind.description.to_owned(),
            action: event.action,
            description: event.description,
            username: String::new(),
            node: Some(system_id.to_owned()),
            hostname: hostname.to_owned(),
        });
    }

    /// Applies what a signal or an event does to the node.
    pub(super) fn apply(&mut self, effect: Effect, error: &str) {
        for event in effect.events {
            self.log_event(event);
        }
        let Some(to) = effect.to else { return };
        if to == NodeStatus::FailedDeployment {
            // Without an event, as the region does.
            for row in self.results.iter_mut().filter(|row| row.kind.is_none() && !row.status.is_final()) {
                row.status = Status::Failed;
            }
        }
        let from = std::mem::replace(&mut self.node.status, to);
        if effect.aborts {
            for row in self.results.iter_mut().filter(|row| !row.status.is_final()) {
                row.status = Status::Aborted;
            }
        }
        if effect.tells_error {
            error.clone_into(&mut self.node.error);
        }
        self.node.token_is_valid &= !effect.ends_token;
        let text = format!("From '{}' to '{}'", from.name(), to.name());
        self.log_event(Event::new(EventType::NODE_CHANGED_STATUS, text));
    }

    /// True if the node is deployed, and the region wants to know of its hardware.
    pub(super) fn is_synchronised(&self) -> bool {
        self.hardware_sync && self.node.status == NodeStatus::Deployed
    }

    /// True if a commissioning result is Failed. One that timed out, was aborted, or failed to install does not count.
    pub(super) fn has_failure(&self) -> bool {
        let commissioning = |row: &&ResultRow| row.kind == Some(ScriptType::Commissioning);
        self.results.iter().filter(commissioning).any(|row| row.status == Status::Failed)
    }
}
