//! `shakedown deliver`: send the region what it could not be sent before.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::connection::Options;
use super::{exit, state};
use crate::agent;
use crate::host::Host;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    region: Options,
    #[command(flatten)]
    state: state::Options,
    /// Give up after so many seconds; 0 tries for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    give_up_after: u64,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let host = Host::live();
    let connected = arguments.region.connect(&host).await?;
    let store = arguments.state.open(&host.hostname(), &connected.client.identity())?;
    let stop = CancellationToken::new();
    tokio::spawn(super::run::stop_on_signal(stop.clone(), stop.clone()));
    let limit = (arguments.give_up_after > 0).then(|| Duration::from_secs(arguments.give_up_after));
    let (left, refused) = agent::deliver(connected.client, store, connected.retry, limit, stop).await;
    for (message, reason) in &refused {
        say!("The region did not take the {message}: {reason}");
    }
    if left > 0 {
        say!("{left} messages are still undelivered");
    }
    Ok(if left > 0 || !refused.is_empty() { exit::NOT_DELIVERED } else { exit::OK })
}
