//! Handing over from MAAS's runner to the agent, so that at every instant one process is responsible for the machine.
//!
//! Two processes watch each other: the *guardian*, which halts the runner and starts the agent, again if need be, and the *watcher*, which
//! begins as the script's own process, and starts the guardian again. Each holds a lock as long as it lives, so that the other sees at once
//! that it has gone. A decision is written to the record before it is carried out, and every process that reads it carries it out.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::evidence::last_run;
use super::original::{Begun, Original};
use super::record::{Ending, Phase, Record, boot_id};
use crate::agent;
use crate::config::{self, Given, Origin, connection};
use crate::host::Host;
use crate::journal::{self, Store};
use crate::private;
use crate::process::{Detached, Peer, Started, leave_session};
use crate::region::{self, Client};

/// How many guardians may end before one has begun.
const GUARDIANS: u32 = 20;
/// Interval at which guardian and watcher check each other.
pub(super) const POLL: Duration = Duration::from_millis(250);
/// How long to wait for the region's answer that it expects a run.
const PATIENCE: Duration = Duration::from_secs(60);
/// Environment variables that the agent inherits from the takeover script; none of them describes that script.
pub(super) const KEPT: [&str; 13] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SHAKEDOWN_CONFIG",
    "SHAKEDOWN_LOG",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// Why nothing was taken over. MAAS's runner is at work as before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// MAAS's runner is not among this program's ancestors.
    #[error("this was not started by MAAS's runner (maas-run-remote-scripts): there is nothing to take over from")]
    NoRunner,
    /// MAAS's runner runs other scripts at the same time; their number.
    #[error("MAAS's runner runs {0} other scripts at the same time: a takeover script has to say `parallel: disabled`")]
    Busy(usize),
    /// MAAS's runner has run tests before, whose results only the region knows; their names.
    #[error("MAAS's runner has run other tests before ({0}): what came of them would not count")]
    Tested(String),
    /// Another takeover is under way.
    #[error("a takeover is under way already")]
    UnderWay,
    /// The address of the region or the credentials cannot be found.
    #[error("the credentials of MAAS's runner cannot be used: {0}")]
    Credentials(#[from] config::Error),
    /// The runner has no credentials of a commissioning or testing run; the text names those that it has.
    #[error("MAAS's runner has {0}: a run of the agent would not be the same")]
    Kind(&'static str),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Region(#[from] region::Error),
    /// The region does not answer, or expects no run; the reason.
    #[error("the region does not wait for a run of this machine: {0}")]
    Unexpected(String),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// The file or step that failed.
        what: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Where a takeover keeps what it needs.
#[derive(Clone, Debug)]
pub struct Place {
    /// The state directory.
    pub state: PathBuf,
    /// The storage directory of the run.
    pub storage: PathBuf,
    /// A CA bundle to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Place {
    pub(super) fn lock(&self, role: &str) -> PathBuf {
        self.state.join(format!("takeover-{role}.lock"))
    }

    /// The log file of the takeover, with the agent's output.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.state.join("takeover.log")
    }

    pub(super) fn log_file(&self) -> std::io::Result<File> {
        fs::OpenOptions::new().create(true).append(true).mode(0o600).open(self.log())
    }

    /// Starts this program in another role (`--guard`, `--watch`), as a process that outlives this one.
    pub(super) fn start(&self, role: &str) -> std::io::Result<Started> {
        let mut arguments: Vec<OsString> = vec!["takeover".into(), role.into(), "--state-dir".into()];
        arguments.extend([self.state.clone().into(), "--storage".into(), self.storage.clone().into()]);
        if let Some(file) = &self.ca_file {
            arguments.extend(["--cacert".into(), file.into()]);
        }
        Detached { arguments: &arguments, keeps: &KEPT, log: self.log_file()? }.start()
    }
}

/// The lock of a role, taken; `None` when another process holds it or the file cannot be opened.
pub(super) fn free(lock: &Path) -> Option<File> {
    let mut options = fs::OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW).open(lock).ok()?;
    file.try_lock().is_ok().then_some(file)
}

pub(super) fn system(what: &str) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::System { what: what.to_owned(), source }
}

/// Finds MAAS's runner, makes sure that the agent has credentials, a journal and an answer of the region, and only then has the runner
/// halted. Returns when the fate of that runner is decided.
///
/// # Errors
/// The reason why nothing was taken over; the runner was not touched.
pub async fn hand_over(place: &Place) -> Result<Ending, Error> {
    let original = Original::among_ancestors().ok_or(Error::NoRunner)?;
    if !original.others.is_empty() {
        return Err(Error::Busy(original.others.len()));
    }
    let script = Peer::this().ok_or(Error::NoRunner)?;
    let begun = std::env::var_os("OUTPUT_COMBINED_PATH").map(|path| Begun::of(Path::new(&path))).unwrap_or_default();
    if !begun.tests.is_empty() {
        return Err(Error::Tested(begun.tests.join(", ")));
    }
    check_region(&original, place).await?;
    private::make(&place.state).map_err(journal::Error::Exposed)?;
    let host = Host::live();
    drop(Store::open(&place.state, &host.hostname(), "takeover")?);
    place.log_file().map_err(system("the log of the takeover"))?;
    let watching = free(&place.lock("watch")).ok_or(Error::UnderWay)?;
    drop(free(&place.lock("guard")).ok_or(Error::UnderWay)?);
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    let record = Record {
        boot_id: boot_id(),
        runner: original.process,
        script,
        options: original.options.iter().map(text).collect(),
        begun: begun.number,
        last_run: last_run(&place.state),
        agent: None,
        phase: Phase::Ready,
    };
    record.write(&place.state).map_err(system("the record of the takeover"))?;
    let ending = watch_with(place, watching);
    Ok(ending.unwrap_or_else(|| Ending::GivenBack("the record of the takeover has gone".to_owned())))
}

/// Checks that the region expects a run of this machine, with the credentials and the request that the agent will use.
async fn check_region(original: &Original, place: &Place) -> Result<(), Error> {
    let option = |name: &str| {
        let at = original.options.iter().position(|word| word == name)?;
        original.options.get(at + 1).map(|value| value.to_string_lossy().into_owned())
    };
    let given = Given {
        config: option("--config"),
        consumer_key: option("--ckey"),
        consumer_secret: option("--csec"),
        token_key: option("--tkey"),
        token_secret: option("--tsec"),
        url: option("--url"),
        api_version: option("--apiver"),
        ca_file: place.ca_file.clone(),
        deployed: false,
        enlisted: None,
    };
    let stop = CancellationToken::new();
    let limit = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        limit.cancel();
    });
    let unanswered = || Error::Unexpected("the address of its configuration gives no answer".to_owned());
    let found = tokio::time::timeout(PATIENCE, connection(&given, &Host::live())).await.map_err(|_| unanswered())??;
    if found.origin == Origin::HardwareSync {
        return Err(Error::Kind("the credentials of a deployed machine"));
    }
    let client = Arc::new(Client::new(found.client)?);
    if !client.is_authenticated() {
        return Err(Error::Kind("no credentials"));
    }
    match agent::is_expected(&client, &found.retry, &stop).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Unexpected("there is nothing to run".to_owned())),
        Err(error) => Err(Error::Unexpected(error.to_string())),
    }
}

/// Runs the watcher as a process of its own, after the script's process has gone.
pub fn watch(place: &Place) {
    leave_session();
    if let Some(lock) = free(&place.lock("watch")) {
        watch_with(place, lock);
    }
}

/// Starts the guardian whenever there is none, until the fate of the runner is decided, and carries the decision out, too.
fn watch_with(place: &Place, _lock: File) -> Option<Ending> {
    let mut record = Record::read(&place.state)?;
    let mut guardian: Option<Started> = None;
    let mut starts = 0;
    loop {
        // A record that cannot be read at this moment counts as unchanged.
        record = Record::read(&place.state).unwrap_or(record);
        if let Some(ending) = record.ending() {
            record.carry_out();
            return Some(ending.clone());
        }
        // A guardian that was just started does not hold its lock yet.
        let has_ended = guardian.as_mut().is_none_or(|started| !matches!(started.ended(), Ok(None)));
        if has_ended && free(&place.lock("guard")).is_some() {
            if !record.runner.is_alive() {
                return Some(Ending::Done);
            }
            if record.phase == Phase::Ready && starts >= GUARDIANS {
                return Some(Ending::GivenBack("no guardian stays alive".to_owned()));
            }
            starts += 1;
            match place.start("--guard") {
                Ok(started) => guardian = Some(started),
                Err(error) => tracing::error!(%error, "no guardian can be started"),
            }
        }
        std::thread::sleep(POLL);
    }
}
