//! Custom networking: the operator's network configuration of the deployed machine on this one, for as long as one script needs it
//! (contract REGION, "Custom networking").
//!
//! [`apply`] sets the machine's own configuration aside, puts the given one in and asks whether the region still answers;
//! [`Applied::put_back`] undoes it. What was set aside is on record before anything is changed, in the directory itself, so that
//! [`restore`] can do the same at the next start, whatever ended this process. [`files`] says why no instant is without a configuration.

mod back;
#[cfg(test)]
mod cut;
mod files;
mod network;
mod step;

use std::fmt;
use std::fs::File;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::process::ToolError;
use crate::yaml;

use back::{back, confirmed, files_back};
use files::{Place, Record};
use network::Network;
use step::perform;

/// Asks the region once whether it answers; if not, why.
#[derive(Clone)]
pub struct Confirm(Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>);

impl Confirm {
    /// From a question, which takes its time but ends.
    pub fn new<F, A>(ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + Send + 'static,
    {
        Confirm(Arc::new(move || Box::pin(ask())))
    }
}

impl fmt::Debug for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confirm")
    }
}

/// How networking is changed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the region answers.
    pub confirm: Confirm,
    /// How long it may take to: links negotiate, switches learn, leases are asked for.
    pub patience: Duration,
}

/// Why networking could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A name that cannot be written down.
    #[error("{0}: its name is not UTF-8: rename it")]
    Name(PathBuf),
    /// Another process of this program is changing the network.
    #[error("another shakedown is changing this machine's networking: wait until it has ended")]
    Busy,
    /// A given file whose record is gone.
    #[error("{0} is in the way: it was put there by an earlier run, of which there is no record; remove it")]
    InTheWay(PathBuf),
    /// The machine's own network could not be put back.
    #[error(
        "{0} holds no configuration: this machine's network was set up by something else than netplan, which could not put it back"
    )]
    NothingToPutBack(PathBuf),
    /// Without its network the machine would hang.
    #[error("this machine's disks are on the network ({0}), so that its links must not be taken down")]
    DisksOnNetwork(String),
    /// An earlier run's networking is still here.
    #[error("an earlier run's networking could not be put back: {0}")]
    Unfinished(String),
    /// The region gave nothing to apply.
    #[error("the region gave no network configuration with this script: configure the machine's interfaces there")]
    NotGiven,
    /// What the region gave is no configuration.
    #[error("the network configuration that the region gave cannot be read: {0}")]
    Unreadable(String),
    /// A program is not installed.
    #[error("there is no program {0} on this machine, and networking is changed with it: install it")]
    Missing(&'static str),
    /// A program did not come to its end.
    #[error("{0}")]
    Tool(ToolError),
    /// A program failed; what it said is in what was said.
    #[error("`{0}` failed")]
    Refused(&'static str),
    /// The region does not answer.
    #[error("the region did not answer within {} s: {reason}", within.as_secs())]
    Region {
        /// How long it was asked.
        within: Duration,
        /// What came of the last question.
        reason: String,
    },
    /// It was stopped.
    #[error("it was stopped")]
    Stopped,
}

/// Networking that was not applied.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// What was done and what the programs said, for people.
    pub said: String,
    /// What is not as it was before.
    pub trouble: Vec<String>,
}

/// Networking that is applied, and has to be put back.
#[derive(Debug)]
#[must_use = "the machine's own networking has to be put back"]
pub struct Applied {
    host: Host,
    options: Options,
    place: Place,
    /// Held until all is as it was.
    _lock: File,
    /// What was done and what the programs said, for people.
    pub said: String,
}

/// What a start found to put back.
#[derive(Debug)]
pub struct Restored {
    /// The script that it had been applied for, and when, as far as it is known.
    pub what: String,
    /// What is not as it was before.
    pub trouble: Vec<String>,
}

/// Applies a configuration for a script. When anything about that fails all is put back.
///
/// # Errors
/// Why it could not be applied.
pub async fn apply(
    host: &Host,
    given: &Path,
    script: &str,
    options: &Options,
    stop: &CancellationToken,
) -> Result<Applied, Box<Failed>> {
    let place = Place::of(host);
    let mut network = Network::of(host, stop);
    let failed = |error, said, trouble| Err(Box::new(Failed { error, said, trouble }));
    let (lock, record, bytes) = match prepare(&place, host, given, script, &mut network).await {
        Ok(prepared) => prepared,
        Err(error) => return failed(error, network.said, Vec::new()),
    };
    let put_in = place.plan_in(&record, &bytes).and_then(|steps| perform(&steps));
    if let Err(error) = put_in {
        let mut trouble = Vec::new();
        // Where not even the first step was possible, as on a file system that cannot be written, there is nothing to put back.
        if place.is_in_use()
            && let Err(error) = files_back(&place, &mut trouble).and_then(|()| perform(&place.plan_end()))
        {
            trouble.push(format!("the files could not be put back, which the next start tries again: {error}"));
        }
        return failed(error, network.said, trouble);
    }
    match AssertUnwindSafe(bring_up(&mut network, options, stop)).catch_unwind().await {
        Ok(Ok(())) => {
            let (host, options, said) = (host.clone(), options.clone(), network.said);
            Ok(Applied { host, options, place, _lock: lock, said })
        }
        Ok(Err(error)) => {
            network.describe();
            let mut said = network.said;
            let trouble = back(&place, host, Some(options), stop, &mut said).await;
            failed(error, said, trouble)
        }
        // A mistake in here must not cost the machine its network.
        Err(panic) => {
            back(&place, host, None, stop, &mut network.said).await;
            resume_unwind(panic)
        }
    }
}

/// Everything that can be known before anything is changed.
async fn prepare(
    place: &Place,
    host: &Host,
    given: &Path,
    script: &str,
    network: &mut Network<'_>,
) -> Result<(File, Record, Vec<u8>), Error> {
    let bytes = match std::fs::read(given) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::NotGiven),
        read => read.map_err(|source| Error::File { path: given.to_owned(), source })?,
    };
    let document = yaml::parse(&bytes).map_err(|error| Error::Unreadable(error.to_string()))?;
    if document.get("network").is_none_or(|network| network.pairs().is_empty()) {
        return Err(Error::Unreadable("it has no \"network\"".to_owned()));
    }
    if let Some(what) = disks_on_network(host) {
        return Err(Error::DisksOnNetwork(what));
    }
    network.check(&bytes).await?;
    let lock = place.lock()?;
    if place.is_in_use() {
        network.note("An earlier run left its networking here: the machine's own is put back first");
        let mut said = String::new();
        let trouble = back(place, host, None, &CancellationToken::new(), &mut said).await;
        network.note(&said);
        for line in &trouble {
            network.note(line);
        }
        if place.is_in_use() {
            return Err(Error::Unfinished(trouble.join("; ")));
        }
    }
    let (physical, virtual_links): (Vec<_>, Vec<_>) = host.interfaces().into_iter().partition(|link| link.physical);
    let is_up = |name: &str| {
        let flags = host.text(format!("/sys/class/net/{name}/flags")).unwrap_or_default();
        u32::from_str_radix(flags.trim_start_matches("0x"), 16).is_ok_and(|flags| flags & 1 == 1)
    };
    let record = Record {
        script: script.to_owned(),
        since: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        files: place.own_files()?,
        up: physical.into_iter().map(|link| link.name).filter(|name| is_up(name)).collect(),
        links: virtual_links.into_iter().map(|link| link.name).collect(),
    };
    Ok((lock, record, bytes))
}

/// What of the system would go with the network: an iSCSI session, or a root file system (`/proc/mounts`) on a server.
fn disks_on_network(host: &Host) -> Option<String> {
    let sessions = host.list("/sys/class/iscsi_session").into_iter().next().map(|name| format!("iSCSI {name}"));
    let mounts = host.text("/proc/mounts").unwrap_or_default();
    let roots = mounts.lines().map(|line| line.split(' ').skip(1).take(2).collect::<Vec<_>>());
    let is_remote = |words: &Vec<&str>| matches!(words[..], ["/", "nfs" | "nfs4" | "cifs" | "smb3" | "ceph" | "9p"]);
    sessions.or_else(|| roots.into_iter().find(is_remote).map(|words| format!("the root file system is {}", words[1])))
}

async fn bring_up(network: &mut Network<'_>, options: &Options, stop: &CancellationToken) -> Result<(), Error> {
    network.clear().await?;
    network.apply().await?;
    confirmed(options, stop).await
}

impl Applied {
    /// Puts the machine's own networking back; what could not be, in words. Nothing but waiting for the region is cut short by
    /// `hurry`.
    pub async fn put_back(self, hurry: &CancellationToken) -> Vec<String> {
        let mut said = String::new();
        let trouble = back(&self.place, &self.host, Some(&self.options), hurry, &mut said).await;
        tracing::debug!(said, "the machine's own networking was put back");
        trouble
    }
}

/// Puts back what an earlier process of this program left applied; `None` when there is nothing. Another that is at work now is left
/// alone.
///
/// # Errors
/// When the files cannot be put back.
pub async fn restore(host: &Host) -> Result<Option<Restored>, Error> {
    let place = Place::of(host);
    if !place.is_in_use() {
        return Ok(None);
    }
    let _lock = match place.lock() {
        Err(Error::Busy) => return Ok(None),
        lock => lock?,
    };
    if place.is_unchanged() {
        perform(&place.plan_end())?;
        return Ok(None);
    }
    let record = place.record();
    let what =
        record.map_or_else(|| "a script".to_owned(), |record| format!("{} since {}", record.script, record.since));
    let mut said = String::new();
    let trouble = back(&place, host, None, &CancellationToken::new(), &mut said).await;
    tracing::info!(said, "an earlier run had left its networking");
    Ok(Some(Restored { what, trouble }))
}
