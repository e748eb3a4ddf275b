//! A test process watched to its end, and to a verdict however it ends.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::hwtest::{Event, Order, Report, Tick, ended_from_outside, without_report};
use crate::process::Watched;

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the child and gives its report, or one about how the child ended. After `most` the child is ended.
pub(super) async fn watch(
    order: &Order,
    words: &[OsString],
    (most, cancel): (Duration, &CancellationToken),
    mut tell: impl FnMut(&Tick),
) -> anyhow::Result<Report> {
    let mut child = Watched::start(words).context("cannot start the test process")?;
    let (mut last, mut report) = (None, None);
    let limit = tokio::time::sleep(most);
    tokio::pin!(limit);
    let hangs = loop {
        let line = tokio::select! {
            line = child.line() => line.context("cannot read what the test process tells")?,
            () = &mut limit => break true,
            () = cancel.cancelled() => break false,
        };
        let Some(line) = line else {
            let fate = child.end().await.context("the system does not say how the test process ended")?;
            return Ok(report.unwrap_or_else(|| without_report(order, fate, last.as_ref())));
        };
        match serde_json::from_str(&line) {
            Ok(Event::Tick(tick)) => {
                tell(&tick);
                last = Some(tick);
            }
            Ok(Event::Report(whole)) => report = Some(*whole),
            Err(error) => tracing::warn!(%error, "the test process said something that is no event"),
        }
    };
    if let Err(error) = child.stop(GRACE).await {
        tracing::warn!(%error, "the test process does not end");
    }
    Ok(ended_from_outside(order, hangs, last.as_ref()))
}
