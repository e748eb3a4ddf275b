//! How loaded the machine was during a run, in words.

use std::time::Duration;

use super::model::{Report, Run, TestResult};
use super::table::{bytes, span};
use super::time::seconds;
use crate::host::{Load, LoadSpan};

/// Share of all processors, in percent, from which other programs count as another load: less changes no result of a test.
const MUCH: f64 = 25.0;
/// Shortest time, in seconds, that other programs have to be busy before they count as another load, unless the run was shorter.
const LONG: u32 = 60;

/// Another load on the machine, in a sentence; `None` if no other programs were busy for long.
#[must_use]
pub fn another_load(load: &Load) -> Option<String> {
    let every = load.every.max(1);
    let long = usize::try_from(LONG.div_ceil(every)).unwrap_or(usize::MAX).min(load.samples.len());
    let is_much = |foreign: Option<f64>| foreign.is_some_and(|foreign| foreign >= MUCH);
    let stretches = load.samples.chunk_by(|a, b| is_much(a.foreign) == is_much(b.foreign));
    let much: Vec<f64> = stretches
        .filter(|stretch| stretch.len() >= long)
        .flatten()
        .filter_map(|sample| sample.foreign.filter(|foreign| *foreign >= MUCH))
        .collect();
    if much.is_empty() {
        return None;
    }
    let count = u32::try_from(much.len()).unwrap_or(u32::MAX);
    let (time, mean) =
        (span(Duration::from_secs(u64::from(count) * u64::from(every))), much.iter().sum::<f64>() / f64::from(count));
    Some(format!(
        "another load runs here: for {time} programs that are not of this run used {mean:.0} % of the processors; results of performance are \
         not to be trusted"
    ))
}

/// `load 3.2, 1.2 GiB of memory, 71 °C, 85 % of the processors, 2 % by others`: the machine while a script ran.
#[must_use]
pub(super) fn machine_meanwhile(span: &LoadSpan) -> String {
    let parts = [
        Some(format!("load {:.1}", span.load)),
        Some(format!("{} of memory", bytes(span.memory_used))),
        span.temperature.map(|heat| format!("{heat:.0} °C")),
        span.own.map(|own| format!("{own:.0} % of the processors")),
        span.foreign.map(|foreign| format!("{foreign:.0} % by others")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl Report {
    /// Adds how loaded the machine was, to the run and to each result.
    pub fn add_load(&mut self, load: Option<Load>) {
        attribute(load.as_ref(), &self.run, &mut self.results);
        self.another_load = load.as_ref().and_then(another_load);
        self.load = load;
    }
}

/// Gives each result what the series says of its time.
fn attribute(load: Option<&Load>, run: &Run, results: &mut [TestResult]) {
    let Some(load) = load else { return };
    let Some(began) = seconds(&load.began) else { return };
    for result in results {
        let Some(from) = result.started.as_deref().and_then(seconds) else { continue };
        let to = result.ended.as_deref().or(run.ended.as_deref()).and_then(seconds).unwrap_or(f64::MAX);
        result.meanwhile = load.span(from - began, to - began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::LoadSample;

    fn of(foreign: &[f64]) -> Load {
        let sample = |(number, foreign): (usize, &f64)| LoadSample {
            after: u32::try_from(number).expect("few") * 5,
            foreign: Some(*foreign),
            ..LoadSample::default()
        };
        Load { every: 5, samples: foreign.iter().enumerate().map(sample).collect(), ..Load::default() }
    }

    #[test]
    fn what_others_use_for_a_minute_is_told_and_a_moment_is_not() {
        let (busy, idle) = ([80.0; 12], [1.0; 60]);
        let text = another_load(&of(&[&idle[..], &busy[..], &idle[..]].concat())).expect("a minute of it");
        assert!(text.contains("for 1:00 ") && text.contains("80 %"), "{text}");
        assert_eq!(another_load(&of(&[&idle[..], &busy[..11], &idle[..]].concat())), None);
        assert_eq!(
            another_load(&of(&[&busy[..6], &idle[..], &busy[..6]].concat())),
            None,
            "moments do not add up to a load"
        );
        assert_eq!(another_load(&of(&[20.0; 100])), None);
        assert_eq!(another_load(&Load::default()), None);
    }

    #[test]
    fn a_run_shorter_than_a_minute_is_judged_by_all_of_it() {
        assert!(another_load(&of(&[60.0, 70.0])).is_some());
        assert_eq!(another_load(&of(&[60.0, 1.0])), None);
    }

    #[test]
    fn what_no_sensor_tells_is_left_out() {
        let span = LoadSpan { load: 2.0, memory_used: 3 << 30, ..LoadSpan::default() };
        assert_eq!(machine_meanwhile(&span), "load 2.0, 3.0 GiB of memory");
    }
}
