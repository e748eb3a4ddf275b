//! `shakedown watch`: stays on a deployed machine, notices changes, reports in each interval.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connection::Options;
use super::settings::{Given, Settings};
use super::{exit, help, restore, state};
use crate::agent::sync::Sync;
use crate::agent::watch::{Looked, Plan, Purpose, look, look_at_drives, look_at_incidents, watch};
use crate::config::{Connection, DEFAULT_INTERVAL, Origin, sync_interval};
use crate::disk::{self, Disks, Session, Smartctl};
use crate::host::{Host, News, Service};
use crate::journal::{Journal, Store};
use crate::process::{adopt_orphans, ask_own, end_with_parent};
use crate::region::{Client, DeployedClient};

/// A look that takes longer hangs: the scripts of a deployed machine take minutes.
const LONGEST_LOOK: Duration = Duration::from_secs(2 * 3600);
/// For the scripts of a look that is stopped to end.
const GRACE: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
#[command(after_help = help::WATCH)]
pub(super) struct Arguments {
    /// Report so often, in seconds, whatever the timer unit says that MAAS installs (`maas_hardware_sync.timer`; without it, 900)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    interval: Option<u64>,
    /// Ask the disks so often how they are, and read what the machine itself says is wrong, in seconds; 0 is never. By default as `watch.disks_every_minutes` is configured
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=604_800))]
    disks_every: Option<u64>,
    /// The smartctl to use, called as it is. By default the one in PATH, /usr/sbin or /sbin
    #[arg(long, value_name = "PATH", env = "SHAKEDOWN_SMARTCTL")]
    smartctl: Option<PathBuf>,
    /// Where the scripts of the region and their outputs are kept; by default `sync` below the state directory
    #[arg(long, value_name = "DIR")]
    storage: Option<PathBuf>,
    /// Watch a copied machine instead of this one, for trials: what changes below PATH, when --news says so
    #[arg(long, value_name = "PATH", default_value = "/", hide_default_value = true)]
    root: PathBuf,
    /// Hear of devices on this datagram socket, which is made, instead of the kernel: each message in the form of a uevent
    #[arg(long, value_name = "SOCKET")]
    news: Option<PathBuf>,
    #[command(flatten)]
    state: state::Options,
    /// Look once and print what came of it: what the watching process starts for each look
    #[arg(long, value_name = "PURPOSE", hide = true)]
    look: Option<Purpose>,
    // The last one, since its heading counts for all that follows.
    #[command(flatten)]
    region: Options,
}

/// Whether this process is to wait or to look: one that waits needs no threads.
pub(super) fn is_look(arguments: &Arguments) -> bool {
    arguments.look.is_some()
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let is_here = arguments.root == Path::new("/");
    let host = if is_here { restore::machine() } else { Host::at(&arguments.root) };
    if is_here && arguments.look.is_none() {
        restore::networking(&host, &arguments.state).await;
    }
    let found = arguments.region.clone().find(&host, true).await?;
    anyhow::ensure!(
        found.client.credentials.is_some(),
        "watching needs the credentials of a deployed machine: give --config with the file that MAAS leaves for hardware sync \
         (/etc/maas/maas-machine-creds.yml)"
    );
    anyhow::ensure!(
        found.origin != Origin::CloudInit,
        "these credentials belong to a machine in MAAS's ephemeral system (a cloud-init datasource), and only a deployed one is \
         watched: give --config with the file that MAAS leaves for hardware sync (/etc/maas/maas-machine-creds.yml)"
    );
    // Before the first look: what is wrong with them is told at the start, and not by each look.
    let settings = Settings::read(Given { package_cache: None, ca_file: arguments.region.ca_file() })?;
    match arguments.look {
        Some(purpose) => look_once(&arguments, found, host, purpose, &settings).await,
        None => stay(&arguments, &found, host, &settings).await,
    }
}

async fn stay(arguments: &Arguments, found: &Connection, host: Host, settings: &Settings) -> anyhow::Result<u8> {
    let stop = CancellationToken::new();
    let give_up = CancellationToken::new();
    let signals = tokio::spawn(super::run::stop_on_signal(stop.clone(), give_up.clone()));
    let machine = machine(found, &host);
    let interval = || match arguments.interval {
        Some(seconds) => Duration::from_secs(seconds),
        None => sync_interval(&host).unwrap_or(DEFAULT_INTERVAL),
    };
    let news = match &arguments.news {
        Some(path) => {
            let made = News::of_socket(path, host.clone());
            Some(made.with_context(|| format!("cannot make the socket {}", path.display()))?)
        }
        None if host.is_live() => kernel(&host),
        None => None,
    };
    let plan =
        Plan::new(&machine, interval(), since_epoch()).with_drives(drives(arguments, &host, settings), since_epoch());
    let own: Vec<OsString> = std::env::args_os().skip(1).collect();
    let ask = |purpose: Purpose| {
        let (mut words, stop) = (own.clone(), stop.clone());
        words.extend(["--look".into(), purpose.word().into()]);
        async move { looked(ask_own(&words, LONGEST_LOOK, GRACE, &stop).await) }
    };
    let service = Service::from_environment();
    let watched = tokio::select! {
        watched = watch(news, plan, &service, since_epoch, interval, ask, &stop) => watched,
        // A second signal ends at once.
        () = give_up.cancelled() => Ok(()),
    };
    signals.abort();
    watched.context("the news of the kernel cannot be heard any more")?;
    Ok(exit::OK)
}

/// Without them the machine is looked at now and then.
fn kernel(host: &Host) -> Option<News> {
    let news = News::of_kernel(host.clone());
    news.inspect_err(|error| {
        complain!(
            "shakedown: WARNING: the kernel's news of devices cannot be heard here ({error}): changes are found when the region is \
             reported to, and at least once an hour"
        );
    })
    .ok()
}

/// How often the drives are asked. Those of a copied machine are not here.
fn drives(arguments: &Arguments, host: &Host, settings: &Settings) -> Option<Duration> {
    let is_here = host.is_live() || arguments.smartctl.is_some();
    settings.disks_every(arguments.disks_every).filter(|_| is_here)
}

/// What the machine's time in the interval depends on.
fn machine(found: &Connection, host: &Host) -> String {
    let system_id = found.client.system_id.clone();
    system_id.or_else(|| host.text("/etc/machine-id")).unwrap_or_else(|| host.hostname())
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What a look answered; one that did not has failed.
fn looked(answer: std::io::Result<(std::process::ExitStatus, Vec<u8>)>) -> Looked {
    let failed = Looked { failed: true, ..Looked::default() };
    match answer {
        Ok((status, answer)) => serde_json::from_slice(&answer).unwrap_or_else(|_| {
            tracing::warn!(%status, "a look did not come to its end");
            failed
        }),
        Err(error) => {
            tracing::error!(%error, "a look could not be started");
            failed
        }
    }
}

async fn look_once(
    arguments: &Arguments,
    found: Connection,
    host: Host,
    purpose: Purpose,
    settings: &Settings,
) -> anyhow::Result<u8> {
    end_with_parent();
    adopt_orphans();
    let client = DeployedClient::new(Client::new(found.client)?);
    let store = match purpose {
        // A look at the machine may be under way, and has the journal to itself.
        Purpose::Drives => Store::open_beside(&arguments.state.state_dir, &host.hostname())?,
        _ => arguments.state.open(&host.hostname(), &client.identity())?,
    };
    let notifier = settings.notifier(&arguments.state.state_dir, &host.hostname());
    let storage = arguments.storage.clone().unwrap_or_else(|| arguments.state.state_dir.join("sync"));
    let mut options = settings.sync(&storage, client.base_url(), &arguments.state.state_dir);
    options.quietly = purpose == Purpose::Changes;
    let (notices, _unheard) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let give_up = options.runner.hurry.clone();
    tokio::spawn(super::run::stop_on_signal(stop.clone(), give_up));
    let (client, journal) = (Arc::new(client), Arc::new(Journal::start(Some(store))));
    let sync = Sync { client, host, journal, options, notices, stop };
    let looked = match purpose {
        Purpose::Drives => {
            // First, since a drive that hangs takes its time, and is why the kernel says something.
            let incidents = look_at_incidents(&sync).await?;
            let drives = look_at_drives(&sync, &session(arguments, &sync)).await?;
            Looked { changed: incidents.changed || drives.changed, ..drives }
        }
        _ => look(&sync, purpose).await?,
    };
    settings.write_metrics(&arguments.state.state_dir);
    super::answer(&serde_json::to_string(&looked)?)?;
    notifier.tell().await;
    Ok(exit::OK)
}

/// Reading the health of the drives, and nothing more.
fn session(arguments: &Arguments, sync: &Sync) -> Session {
    let (notices, _unheard) = mpsc::unbounded_channel();
    Session {
        smartctl: Smartctl::find(arguments.smartctl.as_deref()),
        disks: Disks::of(&sync.host),
        // What is new since the last test is asked of tests: the report of each drive is not written every half hour.
        memory: None,
        options: disk::Options { lets_sleep: true, ..disk::Options::default() },
        notices,
        cancel: sync.stop.clone(),
        give_up: sync.options.runner.hurry.clone(),
        drives: disk::Drives::default(),
    }
}
