//! A region in a box: the part of a MAAS region that a node meets, over real HTTP on this machine.
//!
//! For the demo, for tests, and for script authors who want to see what a region makes of their script. It behaves as the
//! recordings of a running region do (contract REGION, `exchanges.jsonl`), with its traps: a second result is a 500, a body
//! over 10 MB a 413, `OK` from a deployed node releases it. It forgets everything when it ends.

mod answers;
mod api;
mod archive;
mod faults;
mod files;
mod fleet;
mod form;
mod hardware;
mod hooks;
mod http;
mod library;
mod listener;
mod machines;
mod metadata;
mod multipart;
mod node;
mod oauth;
mod parameters;
mod registration;
mod results;
mod routes;
mod scripts;
mod signal;
mod state;
mod testing;
mod webhook;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::event::EventRecord;
use crate::script::{BmcConfig, Problem, RegionVersion, ScriptType, Status};

pub use faults::{Action, Fault};
pub use library::{Library, LibraryScript};
pub use node::NodeStatus;
pub use state::{Device, ResultRow};

use state::Region;

/// What the region's nginx takes.
const LARGEST_BODY: usize = 10 << 20;

/// What the region knows of the machine at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acquaintance {
    /// It is a node of the region, with credentials.
    #[default]
    Node,
    /// Nothing: it becomes a node when it enlists, and gets its credentials then.
    Stranger,
    /// It is registered, although it comes without credentials.
    Registered,
}

/// What the sandbox begins with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The scripts that it knows.
    pub library: Library,
    /// Whether the node is there at the start.
    pub acquaintance: Acquaintance,
    /// The node's status.
    pub status: NodeStatus,
    /// Names or tags of the commissioning scripts to run; `None` is all that are not tagged `noauto`.
    pub commissioning: Option<Vec<String>>,
    /// The same for testing scripts.
    pub testing: Option<Vec<String>>,
    /// The same for release scripts.
    pub release: Option<Vec<String>>,
    /// The region's version.
    pub version: RegionVersion,
    /// What the node was before it was tested or rescued: a deployed machine goes back to that, and keeps its token.
    pub previous: Option<NodeStatus>,
    /// True if a deployed node was told to synchronise its hardware.
    pub hardware_sync: bool,
    /// True if the node was commissioned some day; a region stumbles over some signals of others.
    pub commissioned: bool,
    /// Disks that the region knows of.
    pub disks: Vec<Device>,
    /// Interfaces that the region knows of.
    pub interfaces: Vec<Device>,
    /// Values of parameters by their names, in place of every device and the defaults: a result for each of them.
    pub values: HashMap<String, Vec<Value>>,
    /// The network configuration of the deployed machine, for scripts that apply it.
    pub netplan: Option<Vec<u8>>,
    /// Seconds by which the region's clock is ahead of this machine's.
    pub clock_offset: i64,
    /// The most bytes of a body that the proxy before the region lets through; MAAS's nginx takes 10 MiB.
    pub largest_body: usize,
    /// A file that gets one JSON line for each request.
    pub request_log: Option<PathBuf>,
}

impl Options {
    /// A node in commissioning on a free port of the loopback.
    #[must_use]
    pub fn new(library: Library) -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            library,
            acquaintance: Acquaintance::Node,
            status: NodeStatus::Commissioning,
            commissioning: None,
            testing: None,
            release: None,
            version: RegionVersion::default(),
            previous: None,
            hardware_sync: true,
            commissioned: true,
            disks: Vec::new(),
            interfaces: Vec::new(),
            values: HashMap::new(),
            netplan: None,
            clock_offset: 0,
            largest_body: LARGEST_BODY,
            request_log: None,
        }
    }
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As given.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file or folder cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Scripts whose header the region would refuse.
    #[error("{}", refusals(.0))]
    Headers(Vec<(PathBuf, Vec<Problem>)>),
}

fn refusals(scripts: &[(PathBuf, Vec<Problem>)]) -> String {
    let lines = scripts
        .iter()
        .flat_map(|(path, problems)| problems.iter().map(move |problem| format!("{}: {problem}", path.display())));
    lines.collect::<Vec<_>>().join("\n")
}

/// A sandbox under way; it ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    region: Arc<Region>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Starts listening.
    ///
    /// # Errors
    /// When the address is taken or the request log cannot be written.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let address = options.listen;
        let (listener, address) = listener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
        let region = Arc::new(Region::new(options)?);
        let server = tokio::spawn(http::serve(listener, Arc::clone(&region)));
        Ok(Sandbox { address, region, server })
    }

    /// Address of the region, `http://HOST:PORT/MAAS/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/MAAS/", self.address)
    }

    /// The node's system id.
    #[must_use]
    pub fn system_id(&self) -> String {
        self.region.lock().node.system_id.clone()
    }

    /// An administrator's API key.
    #[must_use]
    pub fn api_key(&self) -> String {
        self.region.lock().admin.api_key()
    }

    /// A cloud-init style configuration with the node's credentials.
    #[must_use]
    pub fn node_config(&self) -> String {
        self.region.lock().node_config(&self.url())
    }

    /// A cloud-init style configuration for a machine that has no credentials yet.
    #[must_use]
    pub fn stranger_config(&self) -> String {
        format!("#cloud-config\ndatasource:\n  MAAS:\n    metadata_url: {}metadata/\n", self.url())
    }

    /// MAAS's hardware-sync file, as a deployed machine has it.
    #[must_use]
    pub fn deployed_config(&self) -> String {
        let state = self.region.lock();
        let token = &state.node.token;
        format!(
            "reporting:\n  maas:\n    type: webhook\n    endpoint: {}metadata/status/{}\n    consumer_key: {}\n    token_key: {}\n    \
             token_secret: {}\n",
            self.url(),
            state.node.system_id,
            token.consumer_key,
            token.key,
            token.secret,
        )
    }

    /// How many machines the region has.
    #[must_use]
    pub fn machines(&self) -> usize {
        let state = self.region.lock();
        state.others.len() + usize::from(!state.node.awaits_enlistment)
    }

    /// Adds a machine with the results of its commissioning: scripts that passed, with what they printed. Its system id.
    #[expect(clippy::must_use_candidate, reason = "most callers need no id")]
    pub fn add_machine(&self, hostname: &str, printed: &[(&str, &[u8])]) -> String {
        let system_id = oauth::word(6);
        let passed = |((script, stdout), id): (&(&str, &[u8]), i64)| {
            results::passed(id, ScriptType::Commissioning, script, stdout)
        };
        let rows = printed.iter().zip(1..).map(passed).collect();
        let mut state = self.region.lock();
        state.others.push(machines::Machine {
            system_id: system_id.clone(),
            hostname: hostname.to_owned(),
            status: NodeStatus::Ready,
            hardware: machines::Hardware::default(),
            token: None,
        });
        state.kept.insert(system_id.clone(), vec![rows]);
        system_id
    }

    /// Adds a run of tests to a machine that was added: for each result the script, its status and its result file.
    pub fn add_tests(&self, system_id: &str, tests: &[(&str, Status, &str)]) {
        let row = |((script, status, result), id): (&(&str, Status, &str), i64)| ResultRow {
            status: *status,
            result: result.as_bytes().to_vec(),
            ..results::passed(id, ScriptType::Testing, script, &[])
        };
        let rows = tests.iter().zip(1..).map(row).collect();
        self.region.lock().kept.entry(system_id.to_owned()).or_default().push(rows);
    }

    /// The addresses that the node enlisted with.
    #[must_use]
    pub fn mac_addresses(&self) -> Vec<String> {
        self.region.lock().node.hardware.macs.clone()
    }

    /// When the deployed node was last heard of.
    #[must_use]
    pub fn last_sync(&self) -> Option<jiff::Timestamp> {
        self.region.lock().node.last_sync
    }

    /// The node's status now.
    #[must_use]
    pub fn node_status(&self) -> NodeStatus {
        self.region.lock().node.status
    }

    /// The text that came with the last change of the node's status.
    #[must_use]
    pub fn node_error(&self) -> String {
        self.region.lock().node.error.clone()
    }

    /// Puts the node into a status, as an operator or the region itself would.
    pub fn set_node_status(&self, status: NodeStatus) {
        self.region.lock().node.status = status;
    }

    /// Lets the node have ended a script before, in every result of it: without output, and without an event.
    pub fn set_result(&self, script: &str, status: Status) {
        let exit_status = i64::from(status != Status::Passed);
        for row in self.region.lock().results.iter_mut().filter(|row| row.script == script) {
            (row.status, row.exit_status) = (status, Some(exit_status));
        }
    }

    /// Lets the node be one that is enlisting: it becomes New where another becomes Ready.
    pub fn set_enlisting(&self) {
        self.region.lock().node.enlists = true;
    }

    /// Gives the node new credentials, as a region does when it boots for what it is to run.
    pub fn boot(&self) {
        let mut state = self.region.lock();
        state.node.token = oauth::Token::random();
        state.node.token_is_valid = true;
    }

    /// Lets requests go past the proxy before the region, or through it again.
    pub fn go_past_proxy(&self, is_bare: bool) {
        self.region.lock().is_bare = is_bare;
    }

    /// The agent for whom the node was allocated.
    pub fn set_agent_name(&self, name: &str) {
        name.clone_into(&mut self.region.lock().agent_name);
    }

    /// The node's host name, without its domain.
    #[must_use]
    pub fn hostname(&self) -> String {
        self.region.lock().node.hostname.clone()
    }

    /// True if the node's credentials are good.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.region.lock().node.token_is_valid
    }

    /// Name of the interface that the region lets the node boot from.
    #[must_use]
    pub fn boot_interface(&self) -> Option<String> {
        self.region.lock().node.boot_interface.clone()
    }

    /// How the node's BMC is reached, as the node told.
    #[must_use]
    pub fn power(&self) -> Option<BmcConfig> {
        self.region.lock().node.power.clone()
    }

    /// The table of script results.
    #[must_use]
    pub fn results(&self) -> Vec<ResultRow> {
        self.region.lock().results.clone()
    }

    /// The event log, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<EventRecord> {
        self.region.lock().events.clone()
    }

    /// Requests answered so far, as the request log shows them.
    #[must_use]
    pub fn requests(&self) -> Vec<serde_json::Value> {
        self.region.lock().requests.clone()
    }

    /// Lets a fault strike.
    pub fn inject(&self, fault: Fault) {
        self.region.lock().faults.push(fault);
    }

    /// Takes back every fault that has not struck.
    pub fn clear_faults(&self) {
        self.region.lock().faults.clear();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
