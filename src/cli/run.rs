//! `shakedown run`: a whole run.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connection::Options;
use super::settings::{Given, Settings};
use super::{exit, help, restore, show, state};
use crate::agent::{self, Agent, End, MessageKind, Notice, Outcome};
use crate::config::{Origin, default_storage, enlisted_file};
use crate::host::Host;
use crate::journal::Store;
use crate::process::is_ignored;
use crate::region::{Client, RetryOptions};
use crate::telemetry::LogFormat;

#[derive(Debug, clap::Args)]
#[command(after_help = help::RUN)]
pub(super) struct Arguments {
    /// Keep everything on this machine: tell the region nothing
    #[arg(long)]
    no_send: bool,
    /// Run what the storage directory already holds. Without --no-send the region is asked first whether it waits for a run: a
    /// machine that is deployed by now is left alone
    #[arg(long)]
    no_download: bool,
    /// Leave when the scripts are done although the region has not every result: `shakedown deliver`, or the next run, sends the
    /// rest
    #[arg(long)]
    exit_when_done: bool,
    /// How long a run that was stopped, or is done with --exit-when-done, tries to deliver what it has, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    farewell: u64,
    /// How long the region may take to answer after the network configuration of the deployed machine was applied for a script that asks
    /// for it, in seconds; if it does not, the script fails and the machine's own configuration is put back
    #[arg(long, value_name = "SECONDS", default_value_t = 90)]
    networking_wait: u64,
    /// First wait before the region is tried again, in seconds; it doubles up to 30 times that
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = wait)]
    retry_wait: f64,
    /// Begin anew instead of going on with a run that was interrupted
    #[arg(long)]
    fresh: bool,
    /// Directory of packages that is looked into before anything is fetched: *.deb for apt, *.snap with their *.assert, files for URLs
    /// by SHA-256 or name
    #[arg(long, value_name = "DIR")]
    package_cache: Option<PathBuf>,
    /// Run scripts that destroy data (release scripts, and those whose header says `destructive`) also when no region has just
    /// ordered them (--no-download, --no-send), or when it cannot be put on record that they are about to run
    #[arg(long)]
    allow_destructive: bool,
    /// The script result by which the agent took over from MAAS's runner
    #[arg(long, value_name = "ID", hide = true)]
    begun: Option<i64>,
    #[command(flatten)]
    state: state::Options,
    /// Where scripts and their outputs are kept
    #[arg(value_name = "STORAGE_DIR", default_value_os_t = default_storage().to_owned())]
    storage: PathBuf,
    // The last one, since its heading counts for all that follows.
    #[command(flatten)]
    region: Options,
}

fn wait(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.001..=60.0).contains(&seconds) { Ok(seconds) } else { Err("it is not between 0.001 and 60".to_owned()) }
}

pub(super) async fn run(arguments: Arguments, format: LogFormat) -> anyhow::Result<u8> {
    let host = restore::machine();
    restore::networking(&host, &arguments.state).await;
    let given = Given { package_cache: arguments.package_cache, ca_file: arguments.region.ca_file() };
    let settings = Settings::read(given)?;
    let kept = enlisted_file(&arguments.state.state_dir);
    let connected = arguments.region.connect_enlisted(&host, kept.clone()).await?;
    anyhow::ensure!(
        connected.origin != Origin::HardwareSync,
        "these credentials belong to a deployed machine (MAAS's hardware-sync file); a run would end by signalling OK, which \
         releases the machine. Nothing was done; give --config with the credentials of a machine in commissioning or testing"
    );
    let mut options = settings.run(&arguments.storage, connected.client.base_url(), &arguments.state.state_dir);
    options.send = !arguments.no_send;
    let enlists = !connected.client.is_authenticated() || connected.origin == Origin::Enlisted;
    options.credentials_file = enlists.then_some(kept);
    options.download = !arguments.no_download;
    anyhow::ensure!(
        options.download || !options.send || connected.client.is_authenticated(),
        "this machine has no credentials, and to become known to its region it needs the scripts that the region has for such machines: run \
         without --no-download, or with --no-send"
    );
    let first = Duration::from_secs_f64(arguments.retry_wait);
    options.retry = RetryOptions { first, cap: first * 30, ..connected.retry };
    options.exit_when_done = arguments.exit_when_done;
    options.farewell = Duration::from_secs(arguments.farewell);
    options.networking_wait = Duration::from_secs(arguments.networking_wait);
    options.fresh = arguments.fresh;
    options.allow_destructive = arguments.allow_destructive;
    options.begun = arguments.begun;
    // One lock for a machine that enlists, from before it has credentials.
    let region = if enlists { connected.client.base_url() } else { connected.client.identity() };
    let store = arguments.state.open_for_run(&host.hostname(), &region)?;
    let follower = settings.notifier(&arguments.state.state_dir, &host.hostname()).follow();
    let outcome = Box::pin(watched(connected.client, host, options, store, format)).await;
    settings.write_metrics(&arguments.state.state_dir);
    if let Ok(outcome) = &outcome {
        show::summary(outcome, format);
    }
    follower.end().await;
    let outcome = outcome?;
    Ok(exit_code(&outcome))
}

/// Does a run while showing it, and stops it in good order on SIGINT, SIGTERM and SIGHUP.
pub(super) async fn watched(
    client: Client,
    host: Host,
    options: agent::Options,
    store: Option<Store>,
    format: LogFormat,
) -> anyhow::Result<Outcome> {
    watched_by(client, host, options, store, |received| show::notices(received, format)).await
}

/// The same, shown by somebody else.
pub(super) async fn watched_by<S: Future<Output = ()> + Send + 'static>(
    client: Client,
    host: Host,
    options: agent::Options,
    store: Option<Store>,
    show: impl FnOnce(mpsc::UnboundedReceiver<Notice>) -> S,
) -> anyhow::Result<Outcome> {
    let (notices, received) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let shown = tokio::spawn(show(received));
    let agent = Agent::new(client, host, options, notices, stop.clone(), store);
    let stopper = tokio::spawn(stop_on_signal(stop, agent.give_up()));
    let outcome = agent.run().await;
    stopper.abort();
    let _ = shown.await;
    Ok(outcome?)
}

/// The first signal stops the scripts and lets the results be delivered; the second ends at once. A terminal that is closed may hang up
/// more than once, so SIGHUP is never the second; who started this program to ignore it wants it to go on. Signals are caught from the
/// call on, and heeded by what it answers.
pub(super) fn stop_on_signal(
    stop: CancellationToken,
    give_up: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let caught = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let mut hangup = if is_ignored(Signal::SIGHUP) { None } else { signal(SignalKind::hangup()).ok() };
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = caught else {
            tracing::warn!("signals cannot be caught: the run will not stop in good order");
            return;
        };
        for token in [stop, give_up] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                Some(()) = async { hangup.as_mut()?.recv().await } => {}
            }
            token.cancel();
            hangup = None;
        }
    }
}

pub(super) fn exit_code(outcome: &Outcome) -> u8 {
    match outcome.end {
        End::Registered => exit::OK,
        End::Stopped => exit::STOPPED,
        End::Failed if outcome.scripts.iter().any(|script| script.status.is_failure()) => exit::SCRIPT_FAILED,
        End::Passed | End::NothingToRun if outcome.refused.is_empty() && outcome.undelivered == 0 => exit::OK,
        End::Passed | End::NothingToRun | End::Unfinished => exit::NOT_DELIVERED,
        // Every script ended well, and the region refused a result.
        End::Failed if outcome.refused.iter().any(|refused| refused.kind == MessageKind::Result) => exit::NOT_DELIVERED,
        End::Failed => exit::SCRIPT_FAILED,
    }
}
