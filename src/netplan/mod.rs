//! Custom networking: the operator's network configuration of the deployed machine on this one, for as long as one script needs it
//! (contract REGION, "Custom networking").
//!
//! [`apply`] sets the machine's own configuration aside, puts the given one in and asks whether the region still answers;
//! [`Applied::put_back`] undoes it. What was set aside is on record before anything is changed, in the directory itself, so that
//! [`restore`] can do the same at the next start, whatever ended this process. [`files`] says why no instant is without a configuration.

#[cfg(test)]
mod cut;
mod files;
mod network;
mod step;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::process::ToolError;
use crate::yaml;

use files::{Place, Record};
use network::{MANAGER_WAIT, Network};
use step::perform;

/// Between two questions to the region.
const PACE: Duration = Duration::from_secs(1);
/// How often the machine's own configuration is applied before it is left to the next start.
const ATTEMPTS: u32 = 3;

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
        if let Err(error) = files_back(&place, &mut trouble).and_then(|()| perform(&place.plan_end())) {
            trouble.push(format!("the files could not be put back, which the next start tries again: {error}"));
        }
        return failed(error, network.said, trouble);
    }
    match bring_up(&mut network, options, stop).await {
        Ok(()) => {
            let (host, options, said) = (host.clone(), options.clone(), network.said);
            Ok(Applied { host, options, place, _lock: lock, said })
        }
        Err(error) => {
            network.describe();
            let mut said = network.said;
            let trouble = back(&place, host, Some(options), stop, &mut said).await;
            failed(error, said, trouble)
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
    network.check(&bytes).await?;
    let lock = place.lock()?;
    if place.is_in_use() {
        network.note("An earlier run left its networking here: the machine's own is put back first");
        let mut said = String::new();
        let trouble = back(place, host, None, &CancellationToken::new(), &mut said).await;
        network.note(&said);
        trouble.iter().for_each(|line| network.note(line));
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
        since: Timestamp::now().to_string(),
        files: place.own_files()?,
        up: physical.into_iter().map(|link| link.name).filter(|name| is_up(name)).collect(),
        links: virtual_links.into_iter().map(|link| link.name).collect(),
    };
    Ok((lock, record, bytes))
}

async fn bring_up(network: &mut Network<'_>, options: &Options, stop: &CancellationToken) -> Result<(), Error> {
    network.clear().await?;
    network.apply().await?;
    confirmed(options, stop).await
}

/// Asks the region until it answers.
async fn confirmed(options: &Options, stop: &CancellationToken) -> Result<(), Error> {
    let deadline = Instant::now() + options.patience;
    let mut reason = "no answer".to_owned();
    loop {
        let asked = tokio::select! {
            asked = (options.confirm.0)() => asked,
            () = stop.cancelled() => return Err(Error::Stopped),
            () = tokio::time::sleep_until(deadline) => Err(reason.clone()),
        };
        match asked {
            Ok(()) => return Ok(()),
            Err(why) => reason = why,
        }
        if Instant::now() + PACE >= deadline {
            return Err(Error::Region { within: options.patience, reason });
        }
        tokio::select! {
            () = tokio::time::sleep(PACE) => {}
            () = stop.cancelled() => return Err(Error::Stopped),
        }
    }
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

fn files_back(place: &Place, trouble: &mut Vec<String>) -> Result<(), Error> {
    let (steps, left) = place.plan_back()?;
    perform(&steps)?;
    trouble.extend(left.iter().map(|path| {
        format!("{} was written while the region's networking was applied, and is no longer in force", path.display())
    }));
    Ok(())
}

/// Files first, then the network, then the record of it all. What is not as it was, in words.
async fn back(
    place: &Place,
    host: &Host,
    confirm: Option<&Options>,
    hurry: &CancellationToken,
    said: &mut String,
) -> Vec<String> {
    let mut trouble = Vec::new();
    let record = place.record();
    if let Err(error) = files_back(place, &mut trouble) {
        trouble.push(format!(
            "the machine's own network configuration could not be put back into {}, which the next start tries again: {error}",
            place.directory().display()
        ));
        return trouble;
    }
    let mut network = Network::of(host, &CancellationToken::new());
    let applied = reapply(&mut network, record.as_ref()).await;
    said.push_str(&network.said);
    if let Err(error) = applied {
        trouble.push(format!(
            "the machine's own network configuration is in its place, but could not be applied, which the next start tries again: {error}"
        ));
        return trouble;
    }
    let gone = missing(host, record.map(|record| record.links).unwrap_or_default()).await;
    if !gone.is_empty() {
        trouble.push(format!("links that something else than netplan had made are gone: {}", gone.join(", ")));
    }
    if let Err(error) = perform(&place.plan_end()) {
        trouble.push(format!("the record of it could not be removed: {error}"));
    }
    if let Some(options) = confirm
        && let Err(error @ Error::Region { .. }) = confirmed(options, hurry).await
    {
        trouble.push(format!("the machine's own networking was put back, but {error}"));
    }
    trouble
}

/// Those of some links that are not made again soon.
async fn missing(host: &Host, mut links: Vec<String>) -> Vec<String> {
    let deadline = Instant::now() + MANAGER_WAIT;
    loop {
        links.retain(|name| !host.exists(format!("/sys/class/net/{name}")));
        if links.is_empty() || Instant::now() > deadline {
            return links;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn reapply(network: &mut Network<'_>, record: Option<&Record>) -> Result<(), Error> {
    network.clear().await?;
    let mut attempt = 1;
    loop {
        match network.apply().await {
            Ok(()) => break,
            Err(error) if attempt == ATTEMPTS || matches!(error, Error::Missing(_)) => return Err(error),
            Err(_) => attempt += 1,
        }
        tokio::time::sleep(PACE).await;
    }
    network.raise(record.map_or(&[], |record| &record.up)).await
}
