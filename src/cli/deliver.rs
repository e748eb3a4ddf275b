//! `shakedown deliver`: send the region what it could not be sent before.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::connection::{Connected, Options};
use super::settings::{Given, Settings};
use super::{exit, help, restore, state, sync};
use crate::agent::{self, MessageKind, Refused};
use crate::config::{Origin, enlisted_file};
use crate::journal::Store;
use crate::private;
use crate::script::Workspace;

#[derive(Debug, clap::Args)]
#[command(after_help = help::DELIVER)]
pub(super) struct Arguments {
    #[command(flatten)]
    state: state::Options,
    /// Give up after so many seconds; 0 tries for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    give_up_after: u64,
    /// Offer again what the region refused
    #[arg(long)]
    refused: bool,
    // The last one, since its heading counts for all that follows.
    #[command(flatten)]
    region: Options,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let settings = Settings::read(Given::default())?;
    let state_dir = arguments.state.state_dir.clone();
    let delivered = deliver(arguments).await;
    settings.write_metrics(&state_dir);
    delivered
}

async fn deliver(arguments: Arguments) -> anyhow::Result<u8> {
    let host = restore::machine();
    restore::networking(&host, &arguments.state).await;
    let connected = arguments.region.connect_enlisted(&host, enlisted_file(&arguments.state.state_dir)).await?;
    let is_enlisted = connected.origin == Origin::Enlisted;
    let region = if is_enlisted { connected.client.base_url() } else { connected.client.identity() };
    let mut store = arguments.state.open(&host.hostname(), &region)?;
    for storage in store.waiting_storages(&region)? {
        check_outputs(&storage)?;
    }
    let stop = CancellationToken::new();
    tokio::spawn(super::run::stop_on_signal(stop.clone(), stop.clone()));
    let limit = (arguments.give_up_after > 0).then(|| Duration::from_secs(arguments.give_up_after));
    if connected.origin == Origin::HardwareSync {
        if arguments.refused {
            store.offer_again(&connected.client.identity())?;
        }
        return deployed(connected, store, limit, stop).await;
    }
    if !connected.client.is_authenticated() {
        return unknown(&store, &region);
    }
    if is_enlisted {
        // A run may have been cut off between getting its credentials and noting that.
        store.adopt_runs(&region, &connected.client.identity())?;
    }
    if arguments.refused {
        let count = store.offer_again(&connected.client.identity())?;
        say!("{count} results that the region refused are offered again");
    }
    let delivered = agent::deliver(connected.client, store, connected.retry, limit, stop).await;
    tell_refused(&delivered.refused);
    if delivered.left > 0 {
        say!("{} messages are still undelivered", delivered.left);
    }
    if let Some((status, text)) = &delivered.ended {
        say!("The run is ended: {} was signalled ({text})", status.word());
    }
    if delivered.goes_on {
        say!("The run has not ended, and there is more to run: `shakedown run` goes on with it");
    }
    let has_everything = delivered.left == 0 && delivered.refused.is_empty();
    Ok(if has_everything { exit::OK } else { exit::NOT_DELIVERED })
}

/// Checks the storage directories of waiting runs: their files go to the region, and root sends nothing from where another user can put anything.
fn check_outputs(storage: &Path) -> anyhow::Result<()> {
    let out = Workspace::new(storage).out();
    if out.symlink_metadata().is_err() {
        // What is gone is told to the region as that.
        return Ok(());
    }
    private::check(storage)
        .and_then(|()| private::check(&out))
        .context("the storage directory of a run that waits to be delivered is not safe")
}

fn tell_refused(refused: &[Refused]) {
    for Refused { label, reason, .. } in refused {
        say!("The region did not take the {label}: {reason}");
    }
    if refused.iter().any(|one| one.kind == MessageKind::Result) {
        say!("Refused results are kept: `shakedown deliver --refused` offers them again");
    }
}

/// What waits for a machine that the region does not know waits on: to offer it now is to have it refused for good.
fn unknown(store: &Store, region: &str) -> anyhow::Result<u8> {
    let left = store.waiting_messages(region)?.len();
    anyhow::ensure!(left > 0, "this machine has no credentials, and nothing waits for the region {region}");
    say!(
        "This machine has no credentials yet: {left} messages wait until the region {region} knows it; `shakedown run` goes on with that"
    );
    Ok(exit::NOT_DELIVERED)
}

async fn deployed(
    connected: Connected,
    store: Store,
    limit: Option<Duration>,
    stop: CancellationToken,
) -> anyhow::Result<u8> {
    let struck = stop.clone();
    let timer = limit.map(|limit| {
        tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            struck.cancel();
        })
    });
    let delivery = sync::deliver(connected, store, stop).await;
    timer.inspect(tokio::task::JoinHandle::abort);
    tell_refused(&delivery.refused);
    if let Some(error) = delivery.trouble.as_ref().filter(|_| delivery.refused.is_empty()) {
        say!("The region did not take everything: {error}");
    }
    if delivery.left > 0 {
        say!("{} messages are still undelivered", delivery.left);
    }
    let has_everything = delivery.left == 0 && delivery.refused.is_empty();
    Ok(if has_everything { exit::OK } else { exit::NOT_DELIVERED })
}
