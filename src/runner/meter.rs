//! How loaded the machine is while scripts run: one thread takes samples for all of them.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::host::{Host, Load, Sampler};
use crate::process::own_time;

/// Pace of the samples.
const EVERY: Duration = Duration::from_secs(5);
/// Scripts that all end sooner are not worth the look for sensors.
const AT_LEAST: Duration = Duration::from_secs(1);
/// Pace at which what was measured is recorded, so that a crash loses no more than that.
pub(super) const RECORDED_EVERY: Duration = Duration::from_secs(60);

/// The load measured so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    load: Arc<Mutex<Load>>,
}

/// Longest wait for the last sample.
const LAST: Duration = Duration::from_millis(500);

/// Lets the thread go on until it is dropped. A sensor that hangs holds up that thread and nobody else.
#[derive(Debug)]
pub(super) struct Metering(Option<(Sender<()>, oneshot::Receiver<()>)>);

impl Metering {
    /// Ends the measuring with a last sample.
    pub(super) async fn finish(self) {
        let Some((stop, ended)) = self.0 else { return };
        drop(stop);
        let _ = tokio::time::timeout(LAST, ended).await;
    }
}

impl Meter {
    /// Begins to measure this machine; a copy of a machine has no load.
    pub(super) fn start(&self, host: &Host) -> Metering {
        if !host.is_live() {
            return Metering(None);
        }
        let ((stop, stopped), (end, ended)) = (channel::<()>(), oneshot::channel::<()>());
        let load = Arc::clone(&self.load);
        let measure = move || {
            let _ends_with_it = end;
            let is_over = |after| stopped.recv_timeout(after) != Err(RecvTimeoutError::Timeout);
            if is_over(AT_LEAST) {
                return;
            }
            let Some(mut sampler) = Sampler::new(own_time()) else { return };
            // Of an earlier set of scripts: what follows is counted from its begin.
            let offset = begun(&load, sampler.size());
            let mut last = Instant::now();
            loop {
                let over = is_over(EVERY);
                if over && last.elapsed() < AT_LEAST {
                    return;
                }
                last = Instant::now();
                let mut sample = sampler.sample(own_time());
                sample.after = sample.after.saturating_add(offset);
                let mut load = load.lock().unwrap_or_else(PoisonError::into_inner);
                load.push(sample);
                if over {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("meter".into()).spawn(measure) {
            tracing::warn!(%error, "how loaded the machine is while scripts run is not measured");
        }
        Metering(Some((stop, ended)))
    }

    /// The load measured so far; `None` before the first sample.
    pub(super) fn measured(&self) -> Option<Load> {
        let load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        (!load.samples.is_empty()).then(|| load.clone())
    }
}

/// Begins a series, or goes on with one: the seconds since its begin.
fn begun(load: &Mutex<Load>, (processors, memory): (u32, u64)) -> u32 {
    let now = Timestamp::now();
    let mut load = load.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(began) = load.began.parse::<Timestamp>() {
        return u32::try_from(now.duration_since(began).as_secs()).unwrap_or(0);
    }
    let every = u32::try_from(EVERY.as_secs()).unwrap_or(0);
    *load = Load {
        began: now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        every,
        processors,
        memory,
        ..Load::default()
    };
    0
}
