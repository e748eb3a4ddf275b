//! How far a test is, told from the test process to the process above it: one line of JSON for each event.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::report::Report;

/// Least time between two ticks of the same phase.
const STEP: Duration = Duration::from_millis(500);

/// A rate with its unit as text, for example 3.2 `GiB/s`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The number.
    pub value: f64,
    /// The unit.
    pub unit: String,
}

/// Where a test is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Current phase, for example `march C-`.
    pub phase: String,
    /// Share of the whole test that is done, from 0 to 1.
    pub share: f64,
    /// How quick the phase is.
    pub rate: Option<Rate>,
    /// Wrong answers until now.
    pub errors: u64,
    /// Temperature of what is tested, in degrees Celsius.
    pub celsius: Option<f64>,
    /// Somebody waits for just this, and wants to read it at once.
    #[serde(default)]
    pub is_for_now: bool,
}

/// Message of the test process to the process above.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// Where it is.
    Tick(Tick),
    /// Its end.
    Report(Box<Report>),
}

/// Where a test reports to. Threads may share it.
pub struct Progress {
    state: Mutex<State>,
}

struct State {
    out: Option<Box<dyn Write + Send>>,
    last: Option<(Instant, String)>,
}

impl Progress {
    /// Returns a progress that reports to nobody.
    #[must_use]
    pub fn silent() -> Self {
        Progress { state: Mutex::new(State { out: None, last: None }) }
    }

    /// Writes events as lines of JSON.
    #[must_use]
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Progress { state: Mutex::new(State { out: Some(Box::new(out)), last: None }) }
    }

    /// Reports where the test is, at most twice a second; a new phase is reported at once.
    pub fn tick(&self, tick: &Tick) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = state.last.as_ref().is_none_or(|(time, phase)| time.elapsed() >= STEP || *phase != tick.phase);
        if is_news {
            state.last = Some((Instant::now(), tick.phase.clone()));
            state.write(&Event::Tick(tick.clone()));
        }
    }

    /// Reports the end of the test.
    pub fn end(&self, report: &Report) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.write(&Event::Report(Box::new(report.clone())));
    }
}

impl State {
    /// A reader that has gone away takes nothing from the test: the process above notices that there is no report.
    fn write(&mut self, event: &Event) {
        let Some(out) = &mut self.out else { return };
        if let Ok(mut line) = serde_json::to_vec(event) {
            line.push(b'\n');
            let _ = out.write_all(&line).and_then(|()| out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_new_phase_is_told_at_once_and_the_same_is_not_repeated() {
        let kept = Kept::default();
        let progress = Progress::to(kept.clone());
        for phase in ["fill", "fill", "check"] {
            progress.tick(&Tick { phase: phase.to_owned(), ..Tick::default() });
        }
        let text = String::from_utf8(kept.0.lock().expect("a lock").clone()).expect("UTF-8");
        let phases: Vec<_> = text.lines().map(|line| serde_json::from_str::<Event>(line).expect("an event")).collect();
        assert!(matches!(&phases[..], [Event::Tick(a), Event::Tick(b)] if a.phase == "fill" && b.phase == "check"));
    }
}
