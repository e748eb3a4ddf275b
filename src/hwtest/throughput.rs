//! How quick a test was over its time, and how hot: a series that stays small however long the test takes.

use std::time::Duration;

use super::metric::Metric;
use super::outcome::Kind;
use super::progress::Tick;
use super::report::Series;

/// Most values of a series: beyond, pairs of neighbours become one.
const MOST: usize = 240;

/// Collects what a test tells of its pace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Throughput {
    /// Least time between two values; grows when there are too many.
    every: Duration,
    samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    after: f64,
    rate: Option<f64>,
    celsius: Option<f64>,
}

impl Throughput {
    /// For a test of so many seconds: a value each 10 seconds, and of a short test more often, so that there are some.
    #[must_use]
    pub fn of(seconds: u64) -> Self {
        Throughput { every: Duration::from_secs((seconds / 20).clamp(1, 10)), samples: Vec::new() }
    }

    /// Takes a tick that came so long after the begin; whether it is a value of the series. What nobody measured is none.
    pub fn take(&mut self, tick: &Tick, after: Duration) -> bool {
        let after = after.as_secs_f64();
        let last = self.samples.last().map_or(0.0, |sample| sample.after);
        let rate = tick.rate.as_ref().map(|rate| rate.value).filter(|value| value.is_finite());
        if after < last + self.every.as_secs_f64() || (rate.is_none() && tick.celsius.is_none()) {
            return false;
        }
        self.samples.push(Sample { after, rate, celsius: tick.celsius.filter(|value| value.is_finite()) });
        if self.samples.len() > MOST {
            self.every *= 2;
            self.samples = self.samples.chunks(2).map(merged).collect();
        }
        true
    }

    /// The series: the pace, if tests of the kind have one, and the temperature, if anybody measured it.
    #[must_use]
    pub fn series(&self, kind: Kind) -> Vec<Series> {
        let of = |metric: Metric, pick: fn(&Sample) -> Option<f64>| {
            let values: Vec<Option<f64>> = self.samples.iter().map(pick).collect();
            values.iter().any(Option::is_some).then(|| Series {
                metric,
                subject: String::new(),
                along: "seconds".to_owned(),
                at: self.samples.iter().map(|sample| (sample.after * 10.0).round() / 10.0).collect(),
                values,
                marked: Vec::new(),
            })
        };
        let pace = Metric::throughput(kind).and_then(|metric| of(metric, |sample| sample.rate));
        pace.into_iter().chain(of(Metric::Temperature, |sample| sample.celsius)).collect()
    }
}

/// Two neighbours: the mean of the pace, the peak of the heat.
fn merged(pair: &[Sample]) -> Sample {
    let last = pair[pair.len() - 1];
    let rates: Vec<f64> = pair.iter().filter_map(|sample| sample.rate).collect();
    #[expect(clippy::cast_precision_loss, reason = "at most two")]
    let rate = (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64);
    Sample { after: last.after, rate, celsius: pair.iter().filter_map(|sample| sample.celsius).reduce(f64::max) }
}

impl Metric {
    /// The pace of a test of a kind, in the unit in which its ticks tell it.
    #[must_use]
    pub fn throughput(kind: Kind) -> Option<Metric> {
        match kind {
            Kind::Memory => Some(Metric::MemoryThroughput),
            Kind::Cpu => Some(Metric::CpuThroughput),
            Kind::Disk => Some(Metric::DiskThroughput),
            Kind::Network | Kind::Pcie | Kind::Gpu => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rate;
    use super::*;

    fn tick(value: f64, celsius: Option<f64>) -> Tick {
        Tick { rate: Some(Rate { value, unit: "GiB/s".to_owned() }), celsius, ..Tick::default() }
    }

    #[test]
    fn a_short_test_has_values_and_a_long_one_not_too_many() {
        let mut short = Throughput::of(3);
        let taken = (0..6).filter(|step| short.take(&tick(1.0, None), Duration::from_millis(500 * step))).count();
        assert_eq!(taken, 2, "each second");
        let mut long = Throughput::of(48 * 3600);
        for second in 0..48 * 3600_u32 {
            long.take(&tick(f64::from(second % 7), Some(50.0)), Duration::from_secs(u64::from(second)));
        }
        let series = long.series(Kind::Memory);
        assert_eq!(
            series.iter().map(|one| one.metric).collect::<Vec<_>>(),
            [Metric::MemoryThroughput, Metric::Temperature]
        );
        assert!(series[0].values.len() <= MOST && series[0].values.len() >= MOST / 2, "{}", series[0].values.len());
        assert!(series[0].at.is_sorted() && series[0].at.last().is_some_and(|last| *last > 47.0 * 3600.0));
    }

    #[test]
    fn what_nobody_measured_is_no_series() {
        let mut silent = Throughput::of(20);
        assert!(!silent.take(&Tick::default(), Duration::from_secs(30)));
        assert!(!silent.take(&tick(f64::NAN, None), Duration::from_secs(60)));
        assert_eq!(silent.series(Kind::Memory), []);
        let mut watched = Throughput::of(20);
        watched.take(&tick(3.0, None), Duration::from_secs(30));
        assert_eq!(watched.series(Kind::Pcie), [], "links have no pace");
    }
}
