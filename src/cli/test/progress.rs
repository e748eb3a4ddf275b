//! Telling how far a test is, on standard error: a bar on a terminal, elsewhere a line a minute.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::hwtest::{Kind, Tick};
use crate::printable::OneLine;
use crate::report::span;

/// Between two lines.
const MINUTE: Duration = Duration::from_secs(60);

/// Shows ticks.
pub(super) struct Shown {
    kind: Kind,
    start: Instant,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Shown {
    pub(super) fn new(kind: Kind) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(100);
            let style = ProgressStyle::with_template("{prefix} [{bar:20}] {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(kind.word());
            bar
        });
        Shown { kind, start: Instant::now(), bar, told: Instant::now() }
    }

    pub(super) fn tick(&mut self, tick: &Tick) {
        let text = line(tick, self.start.elapsed());
        if let Some(bar) = &self.bar {
            bar.set_position(percent(tick.share));
            bar.set_message(OneLine(&text).to_string());
        } else if tick.is_for_now {
            complain!("{}: {}", self.kind, OneLine(&tick.phase));
        } else if self.told.elapsed() >= MINUTE {
            self.told = Instant::now();
            complain!("{}: {text}", self.kind);
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A share from 0 to 1 in percent.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
fn percent(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 100.0) as u64
}

/// Share, phase, rate, errors, temperature, and the time that is left at this pace.
fn line(tick: &Tick, elapsed: Duration) -> String {
    let mut parts = vec![format!("{:.0} %", tick.share * 100.0), tick.phase.clone()];
    parts.extend(tick.rate.as_ref().map(|rate| format!("{:.1} {}", rate.value, rate.unit)));
    parts.push(format!("{} errors", tick.errors));
    parts.extend(tick.celsius.map(|celsius| format!("{celsius:.0} °C")));
    if tick.share > 0.02 {
        parts.push(format!("about {} left", span(elapsed.mul_f64((1.0 - tick.share).max(0.0) / tick.share))));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hwtest::Rate;

    #[test]
    fn a_line_says_share_phase_rate_errors_and_what_is_left() {
        let rate = Some(Rate { value: 3.25, unit: "GiB/s".into() });
        let tick =
            Tick { phase: "random".into(), share: 0.25, rate, errors: 0, celsius: Some(41.0), ..Tick::default() };
        assert_eq!(line(&tick, Duration::from_secs(10)), "25 %, random, 3.2 GiB/s, 0 errors, 41 °C, about 30 s left");
    }
}
