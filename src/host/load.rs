//! How loaded a machine was over a time: a series of samples that stays small however long it gets.

use serde::{Deserialize, Serialize};

/// Most samples of a series: beyond, pairs of neighbours become one, and samples are taken half as often.
pub const MOST_SAMPLES: usize = 240;

/// The machine at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadSample {
    /// Seconds since the series began.
    pub after: u32,
    /// Processes that ran or wanted to, on average of the last minute.
    pub load: f64,
    /// Bytes of memory in use: all that is not available to a program.
    pub memory_used: u64,
    /// The hottest processor, in degrees Celsius; `None` where no sensor tells.
    pub temperature: Option<f64>,
    /// Share of all processors that this program and what it started used, in percent, since the sample before.
    pub own: Option<f64>,
    /// Share of all processors that other programs used, or a hypervisor gave to other machines, in percent. The kernel's own work is in neither.
    pub foreign: Option<f64>,
}

/// Samples of a machine, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Columns", into = "Columns")]
pub struct Load {
    /// When it began (UTC), as `2026-11-20T12:00:00.000000Z`.
    pub began: String,
    /// Seconds between two samples.
    pub every: u32,
    /// Number of processors.
    pub processors: u32,
    /// Bytes of memory that the machine has.
    pub memory: u64,
    /// The samples.
    pub samples: Vec<LoadSample>,
}

/// A time of a machine in a few numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LoadSpan {
    /// Most processes that ran or wanted to, on average of a minute.
    pub load: f64,
    /// Most bytes of memory in use.
    pub memory_used: u64,
    /// The hottest processor, in degrees Celsius.
    pub temperature: Option<f64>,
    /// Share of all processors that the run used on average, in percent.
    pub own: Option<f64>,
    /// Share of all processors that other programs used on average, in percent.
    pub foreign: Option<f64>,
}

impl Load {
    /// Adds a sample. A series that would get too long keeps every second moment, and the peaks of memory and heat between them.
    pub fn push(&mut self, sample: LoadSample) {
        self.samples.push(sample);
        self.thin(MOST_SAMPLES);
    }

    /// Adds what another program measured later on the same machine, `after` seconds from the begin of this series.
    pub fn append(&mut self, later: &Load, after: u32) {
        self.every = self.every.max(later.every);
        let moved = |sample: &LoadSample| LoadSample { after: sample.after.saturating_add(after), ..*sample };
        self.samples.extend(later.samples.iter().map(moved));
        self.thin(MOST_SAMPLES);
    }

    fn thin(&mut self, most: usize) {
        while self.samples.len() > most {
            self.every = self.every.saturating_mul(2);
            self.samples = self.samples.chunks(2).map(merged).collect();
        }
    }

    /// Peaks and means of a time, in seconds since the series began; `None` if no sample is of it. A sample stands for the time before it.
    #[must_use]
    pub fn span(&self, from: f64, to: f64) -> Option<LoadSpan> {
        let is_of_it = |sample: &&LoadSample| {
            f64::from(sample.after) > from && f64::from(sample.after) < to + f64::from(self.every)
        };
        let within: Vec<&LoadSample> = self.samples.iter().filter(is_of_it).collect();
        within.first()?;
        Some(LoadSpan {
            load: within.iter().map(|sample| sample.load).fold(0.0, f64::max),
            memory_used: within.iter().map(|sample| sample.memory_used).max().unwrap_or(0),
            temperature: within.iter().filter_map(|sample| sample.temperature).reduce(f64::max),
            own: mean(within.iter().map(|sample| sample.own)),
            foreign: mean(within.iter().map(|sample| sample.foreign)),
        })
    }
}

/// Two neighbours, or the last one alone.
fn merged(pair: &[LoadSample]) -> LoadSample {
    let [a, b] = pair else { return pair.first().copied().unwrap_or_default() };
    LoadSample {
        after: b.after,
        load: f64::midpoint(a.load, b.load),
        memory_used: a.memory_used.max(b.memory_used),
        temperature: [a.temperature, b.temperature].into_iter().flatten().reduce(f64::max),
        own: mean([a.own, b.own].into_iter()),
        foreign: mean([a.foreign, b.foreign].into_iter()),
    }
}

/// The mean of what is known.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The form in which a series is kept: a list for each number, so that names stand once.
#[derive(Serialize, Deserialize)]
struct Columns {
    began: String,
    every: u32,
    processors: u32,
    memory: u64,
    after: Vec<u32>,
    load: Vec<f64>,
    memory_used: Vec<u64>,
    temperature: Vec<Option<f64>>,
    own_percent: Vec<Option<f64>>,
    foreign_percent: Vec<Option<f64>>,
}

impl From<Load> for Columns {
    fn from(load: Load) -> Self {
        fn column<T>(load: &Load, pick: impl Fn(&LoadSample) -> T) -> Vec<T> {
            load.samples.iter().map(pick).collect()
        }
        Columns {
            after: column(&load, |sample| sample.after),
            load: column(&load, |sample| short(sample.load)),
            memory_used: column(&load, |sample| sample.memory_used),
            temperature: column(&load, |sample| sample.temperature.map(short)),
            own_percent: column(&load, |sample| sample.own.map(short)),
            foreign_percent: column(&load, |sample| sample.foreign.map(short)),
            began: load.began,
            every: load.every,
            processors: load.processors,
            memory: load.memory,
        }
    }
}

impl From<Columns> for Load {
    /// Of lists of unequal length as much as all have.
    fn from(columns: Columns) -> Self {
        let sample = |at: usize| {
            Some(LoadSample {
                after: *columns.after.get(at)?,
                load: *columns.load.get(at)?,
                memory_used: *columns.memory_used.get(at)?,
                temperature: *columns.temperature.get(at)?,
                own: *columns.own_percent.get(at)?,
                foreign: *columns.foreign_percent.get(at)?,
            })
        };
        Load {
            samples: (0..2 * MOST_SAMPLES).map_while(sample).collect(),
            began: columns.began,
            every: columns.every,
            processors: columns.processors,
            memory: columns.memory,
        }
    }
}

/// With two digits behind the point: nobody needs more.
fn short(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(after: u32, foreign: f64) -> LoadSample {
        LoadSample {
            after,
            load: 1.0,
            memory_used: u64::from(after),
            temperature: Some(40.0),
            own: None,
            foreign: Some(foreign),
        }
    }

    fn of_hours(hours: u32) -> Load {
        let mut load = Load { every: 5, ..Load::default() };
        for number in 1..=hours * 720 {
            load.push(sample(number * 5, f64::from(number % 2) * 100.0));
        }
        load
    }

    #[test]
    fn a_series_stays_small_however_long_it_gets_and_covers_all_of_the_time() {
        let load = of_hours(48);
        assert!(
            load.samples.len() <= MOST_SAMPLES && load.samples.len() >= MOST_SAMPLES / 2 - 1,
            "{}",
            load.samples.len()
        );
        assert_eq!(load.samples.last().expect("samples").after, 48 * 3600);
        assert!(load.samples.is_sorted_by_key(|sample| sample.after));
        let text = serde_json::to_string(&load).expect("JSON");
        assert!(text.len() < 12 << 10, "{} bytes", text.len());
    }

    #[test]
    fn what_is_merged_keeps_the_mean_of_processors_and_the_peak_of_heat_and_memory() {
        let mut load = of_hours(1);
        let hot = LoadSample { temperature: Some(97.0), memory_used: 1 << 40, ..sample(3605, 50.0) };
        load.push(hot);
        (1..2000).for_each(|number| load.push(sample(3605 + number * 5, 50.0)));
        let all = load.span(0.0, 1e9).expect("samples");
        assert_eq!((all.temperature, all.memory_used), (Some(97.0), 1 << 40));
        assert!(all.foreign.is_some_and(|foreign| (foreign - 50.0).abs() < 1.0), "{all:?}");
    }

    #[test]
    fn a_time_without_samples_has_no_numbers() {
        let load = Load { every: 5, samples: vec![sample(5, 10.0), sample(10, 30.0)], ..Load::default() };
        assert_eq!(load.span(20.0, 30.0), None);
        assert_eq!(
            load.span(6.0, 9.0).and_then(|span| span.foreign),
            Some(30.0),
            "of a short time the sample that covers it"
        );
        assert_eq!(load.span(0.0, 10.0).and_then(|span| span.foreign), Some(20.0));
    }

    #[test]
    fn what_is_kept_is_read_back_and_damage_is_no_panic() {
        let load = of_hours(1);
        let text = serde_json::to_string(&load).expect("JSON");
        assert_eq!(serde_json::from_str::<Load>(&text).expect("a series"), load);
        let cut = r#"{"began":"","every":5,"processors":1,"memory":1,"after":[5,10],"load":[1.0],"memory_used":[],"temperature":[],"own_percent":[],"foreign_percent":[]}"#;
        assert_eq!(serde_json::from_str::<Load>(cut).expect("a series").samples, []);
    }

    #[test]
    fn what_was_measured_after_a_restart_follows_what_was_before() {
        let mut load = Load { every: 5, samples: vec![sample(5, 1.0)], ..Load::default() };
        load.append(&Load { every: 10, samples: vec![sample(10, 2.0)], ..Load::default() }, 100);
        assert_eq!(load.samples.iter().map(|sample| sample.after).collect::<Vec<_>>(), [5, 110]);
        assert_eq!(load.every, 10);
    }
}
