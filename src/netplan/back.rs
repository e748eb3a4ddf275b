//! Putting back: at the end of a script, after a failure, and at the start after a crash. And asking the region whether it answers.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::files::{Place, Record};
use super::network::{MANAGER_WAIT, Network};
use super::step::perform;
use super::{Error, Options};
use crate::host::Host;

/// Between two questions to the region.
const PACE: Duration = Duration::from_secs(1);
/// No patience is longer; a clock has an end.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);
/// How often the machine's own configuration is applied before it is left to the next start.
const ATTEMPTS: u32 = 3;

/// The files alone.
///
/// # Errors
/// When they cannot be put back.
pub(super) fn files_back(place: &Place, trouble: &mut Vec<String>) -> Result<(), Error> {
    let (steps, left) = place.plan_back()?;
    perform(&steps)?;
    trouble.extend(left.iter().map(|path| {
        format!("{} was written while the region's networking was applied, and is no longer in force", path.display())
    }));
    Ok(())
}

/// Files first, then the network, then the record of it all. What is not as it was, in words.
pub(super) async fn back(
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

/// Asks the region until it answers.
pub(super) async fn confirmed(options: &Options, stop: &CancellationToken) -> Result<(), Error> {
    let deadline = Instant::now() + options.patience.min(FOR_EVER);
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
