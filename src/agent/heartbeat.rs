//! Telling the region that this machine is alive, whatever else goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::region::{Client, Signal, SignalStatus};

/// A heartbeat under way. Only the newest beat matters, so none is queued or repeated.
pub(super) struct Heartbeat {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Heartbeat {
    /// Beats once a period.
    pub(super) fn start(client: Arc<Client>, period: Duration) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let mut ticks = interval_at(began + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = stopped.cancelled() => return,
                }
                let text = format!("Elapsed time (real): {:.1}s", began.elapsed().as_secs_f64());
                let beat = Signal::node(SignalStatus::Working, text);
                tokio::select! {
                    sent = client.signal(&beat) => match sent {
                        Ok(()) => tracing::debug!("heartbeat"),
                        Err(error) => tracing::warn!(%error, "the heartbeat did not arrive"),
                    },
                    () = stopped.cancelled() => return,
                }
            }
        });
        Heartbeat { stop, task }
    }

    /// Ends it; no beat arrives after this returns.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
