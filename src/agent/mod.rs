//! A run: fetch, unpack, run, report, until the region has nothing more to run.
//!
//! ```text
//! runner ──Report──▶ dispatcher ──Signal──▶ outbox ──▶ delivery ──▶ region
//!                        │ applies script::Status        ▲ in order per script, repeated until acknowledged
//!                        └──Notice──▶ whoever watches     heartbeat goes its own way, never queued
//! ```

mod delivery;
mod dispatcher;
mod ending;
mod enlist;
mod ephemeral;
mod fetch;
mod handed_out;
mod heartbeat;
mod machine;
mod message;
mod messages;
mod order;
mod outbox;
mod parts;
mod power;
mod prepare;
mod record;
mod resume;
mod run;
pub mod sync;
mod uplink;
pub mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OnceCell, mpsc};
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::event::Event;
use crate::host::Host;
use crate::journal::{Actor, Retention, Store};
use crate::process::Progress;
use crate::region::{self, Client, RetryOptions};
use crate::runner;
use crate::script::{RegionVersion, Script, ScriptType, Status, Workspace};

pub use fetch::{is_deployed, is_expected};
pub use outbox::{MessageKind, Refused};
pub use resume::{Delivered, deliver};

/// How a run is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its files lie.
    pub storage: PathBuf,
    /// Tell the region. Without, everything stays on this machine.
    pub send: bool,
    /// Where the credentials are kept that a machine gets when it enlists, and that its later starts go on with. For a run without
    /// credentials, or with those.
    pub credentials_file: Option<PathBuf>,
    /// Fetch the archive. Without, what the storage directory holds is run.
    pub download: bool,
    /// Pace of repetition.
    pub retry: RetryOptions,
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// How long a stopped run, once its scripts have ended, tries to deliver what it has.
    pub farewell: Duration,
    /// How long the region may take to answer after the networking was changed.
    pub networking_wait: Duration,
    /// Leave once the scripts are done although the region has not everything: [`deliver`] or the next run sends the rest.
    pub exit_when_done: bool,
    /// Do not go on with a run that was interrupted, begin anew.
    pub fresh: bool,
    /// The region's number of a script result that MAAS's runner had begun when this agent took over from it, and of no other test: it is no trace of a
    /// run whose record is lost.
    pub begun: Option<i64>,
    /// Run scripts that destroy data although no region has just ordered them, or it cannot be put on record.
    pub allow_destructive: bool,
    /// Who asked for the run.
    pub actor: Actor,
    /// What the journal keeps.
    pub retention: Retention,
    /// How scripts are run.
    pub runner: runner::Options,
}

impl Options {
    /// The contract's values.
    #[must_use]
    pub fn new(storage: impl Into<PathBuf>, base_url: impl Into<String>) -> Self {
        Options {
            storage: storage.into(),
            send: true,
            credentials_file: None,
            download: true,
            retry: RetryOptions::default(),
            heartbeat: Duration::from_secs(120),
            farewell: Duration::from_secs(30),
            networking_wait: Duration::from_secs(90),
            exit_when_done: false,
            fresh: false,
            begun: None,
            allow_destructive: false,
            actor: Actor::default(),
            retention: Retention::default(),
            runner: runner::Options::new(base_url),
        }
    }
}

/// Something to show while a run goes on.
#[derive(Debug)]
pub enum Notice {
    /// A script runs; its output can be watched.
    Running(Arc<Script>, Arc<Progress>),
    /// A script result changed its status.
    Transition {
        /// The script.
        script: Arc<Script>,
        /// The status it has now.
        status: Status,
        /// The event, with the region's text.
        event: Event,
    },
    /// A script ended.
    Ended(ScriptOutcome),
    /// A change of the hardware.
    Changed(String),
    /// Something about the run as a whole.
    Said(String),
}

/// How one script ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptOutcome {
    /// Name, with the device it was for.
    pub subject: String,
    /// The set it belongs to.
    pub kind: ScriptType,
    /// The region's script result.
    pub result_id: Option<i64>,
    /// Final status.
    pub status: Status,
    /// Exit status.
    pub exit_status: i32,
    /// How long it ran.
    pub runtime: Option<Duration>,
    /// What an operator should know besides.
    pub notes: Vec<String>,
    /// Its combined output.
    pub output: PathBuf,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The region had nothing to run.
    NothingToRun,
    /// The machine has no credentials, but the region has it already: it does not enlist, and nothing was run.
    Registered,
    /// All scripts ended without failure.
    Passed,
    /// At least one script failed.
    Failed,
    /// It was stopped.
    Stopped,
    /// The scripts that were handed out have ended, but the region does not answer: the run goes on at the next start.
    Unfinished,
}

/// A run that came to its end.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How.
    pub end: End,
    /// What the region calls the machine, if it was made known to it in this run.
    pub enlisted: Option<String>,
    /// Every script that was begun, in the order in which they ended.
    pub scripts: Vec<ScriptOutcome>,
    /// Messages that the region will not take.
    pub refused: Vec<Refused>,
    /// Messages that could not be delivered before the run was stopped.
    pub undelivered: usize,
}

/// Why a run could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scripts could not be fetched.
    #[error("cannot fetch the scripts: {0}")]
    Fetch(#[source] region::Error),
    /// The archive was refused.
    #[error("{0}")]
    Archive(#[from] region::ArchiveError),
    /// The index cannot be read.
    #[error("{path}: {reason}")]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The storage directory cannot be used.
    #[error("cannot use the storage directory {path}: {source}")]
    Storage {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Others than root and the effective user could change the scripts.
    #[error("the storage directory is not safe: {0}")]
    Exposed(#[source] crate::private::Error),
    /// Somebody else's files are in the storage directory, where a run would delete them.
    #[error(
        "the storage directory has {path}, which no run has made, and a run would delete it: nothing was deleted. Give the run a directory \
         of its own"
    )]
    Foreign {
        /// The file or directory that a run would delete.
        path: PathBuf,
    },
    /// Another run uses the storage directory.
    #[error(
        "another shakedown run uses the storage directory {path} (process {pid}): wait for it, or give this run a directory of its own"
    )]
    StorageInUse {
        /// The directory.
        path: PathBuf,
        /// The other process, as it wrote itself down.
        pid: String,
    },
    /// The answer was meant for a node without credentials.
    #[error(
        "the region answered as to an unknown machine (scripts without script_result_id): it did not recognise the credentials"
    )]
    Stranger,
    /// The machine is deployed: signalling the end of a run would release it.
    #[error(
        "the region lists scripts that have already finished, as it does for a deployed machine; a run would signal OK and \
         release the machine, so nothing was run or signalled"
    )]
    Deployed,
    /// MAAS erases the disks, and would take the OK of a run for the end of it.
    #[error(
        "this machine was booted to erase its disks, by another program than this one: nothing was run or signalled. Do not start the agent \
         in a system that erases disks"
    )]
    Erasing,
    /// Perhaps the same.
    #[error(
        "the region is a MAAS before 3.4.6, hands out tests alone, and the user data of this system do not say that it is to run them: it may \
         be erasing disks, and an OK would release the machine half erased. Nothing was run or signalled. Have the user data start the \
         agent, or upgrade the region"
    )]
    MayErase,
    /// The region hands out what was just run.
    #[error("the region hands out {0} again although its result was sent; the run stops rather than repeat for ever")]
    Repeated(String),
    /// Scripts that destroy data, without a region that orders it now.
    #[error(
        "these scripts destroy data, and no region has ordered that in this run, or would hear of it: {0}. Nothing was run. Run without \
         --no-download and --no-send, so that they come from the region and it hears how they end, or give --allow-destructive"
    )]
    NotOrdered(String),
    /// The region did not make the machine known.
    #[error("this machine cannot enlist: {0}. What it has found out is kept; the next start tries again")]
    Enlist(#[source] region::Error),
    /// One of the addresses belongs to a machine that is past enlisting, deployed perhaps: to go on as that would be to meddle.
    #[error(
        "this machine cannot enlist: the region has it as {system_id} already, and it is {status}; nothing was signalled about it"
    )]
    Taken {
        /// What the region calls it.
        system_id: String,
        /// Its status in the region's words.
        status: String,
    },
    /// The region made the machine known and gave it no credentials.
    #[error(
        "this machine has enlisted and cannot go on: {0}. What it has found out is kept; the next start tries again"
    )]
    Preseed(#[source] config::Error),
    /// Nothing to know the machine by.
    #[error(
        "this machine cannot enlist: it has no network interface with a MAC address, by which a region knows machines"
    )]
    NoAddress,
}

/// A run, set up and ready.
pub struct Agent {
    store: Option<Store>,
    client: Arc<Client>,
    options: Options,
    workspace: Workspace,
    host: Host,
    notices: mpsc::UnboundedSender<Notice>,
    /// Stops the scripts.
    stop: CancellationToken,
    /// Stops everything, delivered or not.
    give_up: CancellationToken,
    /// Held while scripts run.
    running: Arc<Mutex<()>>,
    /// Asked once, when something depends on it.
    version: OnceCell<Option<RegionVersion>>,
}

impl Agent {
    /// Sets a run up, with the journal that it is recorded in, if there is one. `stop` stops it in good order; a run that is stopped tries for [`Options::farewell`] to deliver.
    #[must_use]
    pub fn new(
        client: Client,
        host: Host,
        mut options: Options,
        notices: mpsc::UnboundedSender<Notice>,
        stop: CancellationToken,
        store: Option<Store>,
    ) -> Self {
        let give_up = CancellationToken::new();
        options.runner.hurry = give_up.clone();
        options.retry.hurry = stop.clone();
        Agent {
            store,
            client: Arc::new(client),
            workspace: Workspace::new(&options.storage),
            host,
            options,
            notices,
            stop,
            give_up,
            running: Arc::default(),
            version: OnceCell::new(),
        }
    }

    /// Whether the machine has to become known to the region first.
    fn enlists(&self) -> bool {
        self.options.send && !self.client.is_authenticated()
    }

    /// Ends the run at once when it is cancelled, delivered or not.
    #[must_use]
    pub fn give_up(&self) -> CancellationToken {
        self.give_up.clone()
    }
}
