//! `shakedown sync`: tell the region of a deployed machine what changed; also as `maas-run-scripts report-results`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connection::{Connected, Options};
use super::settings::{Given, Settings};
use super::{answer, exit, help, restore, show, state};
use crate::agent::sync::{self, Items, Outcome, Stored, Sync, parse_items};
use crate::config::Origin;
use crate::host::Host;
use crate::inventory::{NetworkVolumes, Uncounted, changes, collect_detail, describe, items_with};
use crate::journal::{self, Journal, Store};
use crate::region::{self, DeployedClient};
use crate::telemetry::LogFormat;

#[derive(Debug, clap::Args)]
#[command(after_help = help::SYNC)]
pub(super) struct Arguments {
    /// Send everything, changed or not
    #[arg(long)]
    full: bool,
    /// Tell what would be sent, and send and record nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    how: How,
    // The last one, since its heading counts for all that follows.
    #[command(flatten)]
    region: Options,
}

/// `maas-run-scripts report-results`, with the reference's options.
#[derive(clap::Args)]
#[command(after_help = help::REPORT_RESULTS)]
pub(super) struct ReportResults {
    /// MAAS's hardware-sync file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// The machine's token, `CONSUMER_KEY:TOKEN_KEY:TOKEN_SECRET`. Everybody on this machine can read command lines: prefer --config
    #[arg(long, value_name = "TOKEN")]
    machine_token: Option<String>,
    /// Address of the region or of its metadata service
    #[arg(long, value_name = "URL")]
    metadata_url: Option<String>,
    /// Log more
    #[arg(long)]
    pub(super) debug: bool,
    #[command(flatten)]
    how: How,
}

impl std::fmt::Debug for ReportResults {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportResults").field("config", &self.config).finish_non_exhaustive()
    }
}

#[derive(Debug, clap::Args)]
struct How {
    /// How long the region is tried, in seconds; what it does not take until then comes with the next synchronisation
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// Where scripts and their outputs are kept; by default `sync` below the state directory
    #[arg(long, value_name = "DIR")]
    storage: Option<PathBuf>,
    #[command(flatten)]
    state: state::Options,
}

pub(super) async fn run(arguments: Arguments, format: LogFormat) -> anyhow::Result<u8> {
    Box::pin(synchronise(arguments.region, &arguments.how, arguments.full, arguments.dry_run, format)).await
}

pub(super) async fn report_results(arguments: ReportResults, format: LogFormat) -> anyhow::Result<u8> {
    let (config, url) = (arguments.config, arguments.metadata_url);
    let region = Options::reporting(config, arguments.machine_token.as_deref(), url)?;
    Box::pin(synchronise(region, &arguments.how, false, false, format)).await
}

async fn synchronise(region: Options, how: &How, full: bool, dry_run: bool, format: LogFormat) -> anyhow::Result<u8> {
    let ca_file = region.ca_file();
    let host = restore::machine();
    if !dry_run {
        restore::networking(&host, &how.state).await;
    }
    let connected = region.connect_deployed(&host).await?;
    anyhow::ensure!(
        connected.origin != Origin::CloudInit,
        "these credentials belong to a machine in MAAS's ephemeral system (a cloud-init datasource), and hardware sync is for deployed \
         ones. Nothing was done; on such a machine use `shakedown run`, on a deployed one give --config with MAAS's hardware-sync \
         file (/etc/maas/maas-machine-creds.yml)"
    );
    let client = DeployedClient::new(connected.client);
    let settings = Settings::read(Given { package_cache: None, ca_file })?;
    if dry_run {
        return preview(&client, &host, &how.state, settings.network_volumes());
    }
    let storage = how.storage.clone().unwrap_or_else(|| how.state.state_dir.join("sync"));
    let mut options = settings.sync(&storage, client.base_url(), &how.state.state_dir);
    options.patience = Duration::from_secs(how.patience);
    options.full = full;
    let store = how.state.open(&host.hostname(), &client.identity())?;
    let notifier = settings.notifier(&how.state.state_dir, &host.hostname());
    let (notices, received) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let shown = tokio::spawn(show::notices(received, format));
    let stopper = tokio::spawn(super::run::stop_on_signal(stop.clone(), options.runner.hurry.clone()));
    let journal = Arc::new(Journal::start(Some(store)));
    let sync = Sync { client: Arc::new(client), host, journal, options, notices, stop };
    let done = sync.once(None, Timestamp::now()).await;
    drop(sync);
    stopper.abort();
    let _ = shown.await;
    settings.write_metrics(&how.state.state_dir);
    notifier.tell().await;
    let outcome = done?;
    show::synchronised(&outcome, format);
    Ok(exit_code(&outcome))
}

/// What `deliver` does for a deployed machine.
pub(super) async fn deliver(connected: Connected, store: Store, stop: CancellationToken) -> sync::Delivery {
    let client = Arc::new(DeployedClient::new(connected.client));
    sync::deliver(client, Arc::new(Journal::start(Some(store))), &connected.retry, &stop).await
}

fn exit_code(outcome: &Outcome) -> u8 {
    let has_failed = outcome.scripts.iter().any(|script| script.status.is_failure());
    match &outcome.trouble {
        _ if outcome.is_stopped => exit::STOPPED,
        Some(region::Error::Unauthorized { .. }) => exit::CANNOT_RUN,
        _ if has_failed => exit::SCRIPT_FAILED,
        _ if outcome.is_delivered => exit::OK,
        _ => exit::NOT_DELIVERED,
    }
}

/// Tells what changed since the last look that is on record.
fn preview(
    client: &DeployedClient,
    host: &Host,
    state: &state::Options,
    volumes: NetworkVolumes,
) -> anyhow::Result<u8> {
    let region = client.identity();
    let (known, stored) = if journal::file(&state.state_dir).exists() {
        let store = state.read()?;
        (store.known_hardware(&region)?, store.read_fact(&Stored::fact(&region))?)
    } else {
        (None, None)
    };
    let old: Option<Items> = known.as_ref().and_then(|known| parse_items(&known.recorded));
    let Some(old) = old else {
        answer("The region was told nothing yet with these credentials: it would be sent everything")?;
        return Ok(exit::OK);
    };
    let node = client.system_id().map_or_else(|| host.hostname(), str::to_owned);
    let inventory = collect_detail(host);
    let old = Uncounted::of(&inventory, volumes).taken_from(&old, stored.is_none());
    let found = changes(&old, &items_with(&inventory, volumes));
    for change in &found {
        answer(&describe(change, &node))?;
    }
    let parts = stored.and_then(|text| Stored::parse(&text)).zip(Stored::of(&inventory, volumes));
    let parts: Vec<String> = parts.map_or_else(Vec::new, |(old, new)| old.differing(&new).into_iter().collect());
    if found.is_empty() && !parts.is_empty() {
        answer(&format!("No hardware changed, but what the region stores: {}", parts.join(", ")))?;
    }
    let is_owed = known.is_some_and(|known| known.owed);
    answer(match (found.is_empty() && parts.is_empty(), is_owed) {
        (true, false) => "Nothing changed: the region would get one sign of life",
        (true, true) => "Nothing changed, and the region lacks something: it would be sent everything",
        (false, _) => "The region would be sent everything",
    })?;
    Ok(exit::OK)
}
