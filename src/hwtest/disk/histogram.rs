//! How long requests took: a histogram of fixed size, whose buckets grow with the time.

use std::time::Duration;

/// Buckets of one doubling; a value is told to a sixteenth.
const PARTS: usize = 16;
const BUCKETS: usize = (64 - 3) * PARTS;
/// Buckets of a part for a picture.
const COARSE: usize = PARTS / 4;

/// Times in nanoseconds, by logarithmic buckets with 16 linear parts each: a percentile is told to 6 %, whatever its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    longest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: vec![0; BUCKETS], count: 0, sum: 0, longest: 0 }
    }
}

impl Histogram {
    /// Counts one request.
    pub(super) fn add(&mut self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanoseconds)] += 1;
        self.count += 1;
        self.sum += u128::from(nanoseconds);
        self.longest = self.longest.max(nanoseconds);
    }

    /// Adds what another thread counted.
    pub(super) fn merge(&mut self, other: &Histogram) {
        for (own, add) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += add;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
    }

    /// Requests counted.
    #[must_use]
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The longest, exactly.
    #[must_use]
    pub(super) fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }

    /// The mean, exactly; zero of nothing.
    #[must_use]
    pub(super) fn mean(&self) -> Duration {
        let mean = self.sum.checked_div(u128::from(self.count)).unwrap_or(0);
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// The longest times of its parts in microseconds, four to a doubling, and how many requests are in each: from the first part with any to
    /// the last.
    #[must_use]
    pub(super) fn parts(&self) -> Vec<(f64, Option<f64>)> {
        #[expect(clippy::cast_precision_loss, reason = "a picture")]
        let part = |(at, counts): (usize, &[u64])| {
            let count: u64 = counts.iter().sum();
            (upper(at * COARSE + COARSE - 1) as f64 / 1e3, count as f64)
        };
        let all: Vec<(f64, f64)> = self.buckets.chunks(COARSE).enumerate().map(part).collect();
        let is_filled = |one: &(f64, f64)| one.1 > 0.0;
        let first = all.iter().position(is_filled).unwrap_or(all.len());
        let last = all.iter().rposition(is_filled).map_or(first, |last| last + 1);
        all[first..last].iter().map(|(at, count)| (*at, Some(*count))).collect()
    }

    /// The time that this many of a thousand requests did not exceed: 500 is the median, 999 the p99.9. Zero of nothing.
    #[must_use]
    pub(super) fn permille(&self, permille: u64) -> Duration {
        // Rounded up: of ten requests, the slowest is the p99.
        let wanted = (u128::from(self.count) * u128::from(permille)).div_ceil(1000).max(1);
        let mut seen: u128 = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= wanted {
                return Duration::from_nanos(upper(index).min(self.longest));
            }
        }
        self.longest()
    }
}

fn bucket(nanoseconds: u64) -> usize {
    if nanoseconds < 16 {
        return usize::try_from(nanoseconds).unwrap_or(0);
    }
    let doubling = usize::try_from(nanoseconds.ilog2()).unwrap_or(63);
    let part = usize::try_from(nanoseconds >> (doubling - 4)).unwrap_or(0) - PARTS;
    (doubling - 3) * PARTS + part
}

/// The largest value of a bucket.
fn upper(index: usize) -> u64 {
    if index < PARTS {
        return index as u64;
    }
    let (doubling, part) = (index / PARTS + 3, (index % PARTS + PARTS) as u128);
    u64::try_from(((part + 1) << (doubling - 4)) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_a_bucket_that_is_at_most_a_sixteenth_above_it() {
        for exponent in 0..64 {
            for offset in [0u64, 1, 3, 7] {
                let value = (1u64 << exponent).saturating_add(offset);
                let end = upper(bucket(value));
                assert!(end >= value && end - value <= value / 16, "{value}: {end}");
            }
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let mut histogram = Histogram::default();
        for value in 1..=1000u64 {
            histogram.add(Duration::from_micros(value));
        }
        for (permille, micros) in [(500, 500.0), (990, 990.0), (999, 999.0), (1000, 1000.0)] {
            let found = histogram.permille(permille).as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.065, "{permille}: {found}");
        }
        assert_eq!(histogram.longest(), Duration::from_micros(1000));
        assert_eq!(histogram.mean(), Duration::from_nanos(500_500));
    }

    #[test]
    fn a_picture_has_every_request_once_and_no_empty_ends() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.parts(), []);
        for micros in [90, 100, 100, 5000] {
            histogram.add(Duration::from_micros(micros));
        }
        let parts = histogram.parts();
        let count = |part: &(f64, Option<f64>)| part.1.unwrap_or(0.0);
        assert!((parts.iter().map(count).sum::<f64>() - 4.0).abs() < 1e-9, "{parts:?}");
        assert!(count(&parts[0]) > 0.0 && parts.last().is_some_and(|last| count(last) > 0.0 && last.0 >= 5000.0));
        assert!(parts.iter().is_sorted_by_key(|part| part.0), "{parts:?}");
    }

    #[test]
    fn nothing_has_no_time_and_merging_loses_nothing() {
        let mut all = Histogram::default();
        assert_eq!((all.permille(999), all.mean()), (Duration::ZERO, Duration::ZERO));
        let mut one = Histogram::default();
        one.add(Duration::from_secs(3));
        all.merge(&one);
        all.merge(&one);
        assert_eq!((all.count(), all.longest(), all.permille(1)), (2, Duration::from_secs(3), Duration::from_secs(3)));
    }
}
