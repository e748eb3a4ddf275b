//! A map of a disk: 1,024 equal parts with their rates, so that a slow region shows.

use std::ops::Range;
use std::time::Duration;

use super::plan::REQUEST;

/// Zones of a map.
pub(super) const ZONES: u64 = 1024;
/// Neighbours on each side that a zone is compared with: rates of hard disks halve from the outer to the inner tracks.
const AROUND: usize = 16;
/// A rate below this share of the neighbours' median is slow, in percent.
const SLOW_PERCENT: u64 = 60;
/// Requests of a zone at least; a disk that has fewer for each of its zones gets fewer zones.
const LEAST: u64 = 64;
/// With fewer requests read, a zone's rate is chance.
const ENOUGH: u64 = LEAST / 2;

/// One part of a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Zone {
    /// Bytes read.
    pub(super) bytes: u64,
    /// Time that passed for them, from answer to answer.
    pub(super) busy: Duration,
    /// The longest request.
    pub(super) longest: Duration,
    /// Requests above the limit of the disk's kind.
    pub(super) slow: u64,
    /// Requests that failed.
    pub(super) errors: u64,
}

impl Zone {
    /// Bytes a second; `None` without anything read.
    #[must_use]
    pub(super) fn rate(&self) -> Option<u64> {
        let nanoseconds = self.busy.as_nanos();
        let rate = (u128::from(self.bytes) * 1_000_000_000).checked_div(nanoseconds)?;
        (self.bytes > 0).then(|| u64::try_from(rate).unwrap_or(u64::MAX))
    }

    fn can_be_judged(&self) -> bool {
        self.bytes >= ENOUGH * REQUEST && self.errors == 0
    }
}

/// The map of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zones {
    size: u64,
    zones: Vec<Zone>,
}

/// A part of a disk that is slower than its neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlowZone {
    /// Its bytes on the disk.
    pub(super) range: Range<u64>,
    /// Bytes a second here.
    pub(super) rate: u64,
    /// Bytes a second in the middle of its neighbours.
    pub(super) neighbours: u64,
}

impl Zones {
    /// The map of a disk of so many bytes, with nothing in it.
    #[must_use]
    pub(super) fn new(size: u64) -> Self {
        let count = (size / (LEAST * REQUEST)).clamp(1, ZONES);
        Zones { size, zones: vec![Zone::default(); usize::try_from(count).unwrap_or(1)] }
    }

    /// All zones, in order.
    #[must_use]
    pub(super) fn all(&self) -> &[Zone] {
        &self.zones
    }

    /// The zone of a place.
    pub(super) fn at(&mut self, offset: u64) -> &mut Zone {
        let last = self.zones.len() - 1;
        let index = u128::from(offset) * self.zones.len() as u128 / u128::from(self.size.max(1));
        &mut self.zones[usize::try_from(index).unwrap_or(last).min(last)]
    }

    /// The bytes of a zone, in whole requests.
    #[must_use]
    pub(super) fn range(&self, index: usize) -> Range<u64> {
        let border = |index: usize| {
            let exact = u128::from(self.size) * index as u128 / self.zones.len() as u128;
            u64::try_from(exact).unwrap_or(self.size).div_ceil(REQUEST).saturating_mul(REQUEST).min(self.size)
        };
        border(index)..border(index + 1)
    }

    /// How many zones have enough in them to be compared.
    #[must_use]
    pub(super) fn judged(&self) -> usize {
        self.zones.iter().filter(|zone| zone.can_be_judged()).count()
    }

    /// The zones that are slower than 60 % of the median of their 16 neighbours on each side.
    #[must_use]
    pub(super) fn slow(&self) -> Vec<usize> {
        let is_slow = |index: &usize| {
            let (zone, neighbours) = (&self.zones[*index], self.neighbours(*index));
            zone.can_be_judged() && zone.rate().zip(neighbours).is_some_and(|(rate, median)| is_below(rate, median))
        };
        (0..self.zones.len()).filter(is_slow).collect()
    }

    /// The median rate of the neighbours of a zone; `None` if fewer than four can be judged.
    fn neighbours(&self, index: usize) -> Option<u64> {
        let around = index.saturating_sub(AROUND)..(index + AROUND + 1).min(self.zones.len());
        let others = around.filter(|other| *other != index).map(|other| &self.zones[other]);
        let mut rates: Vec<u64> = others.filter(|zone| zone.can_be_judged()).filter_map(Zone::rate).collect();
        rates.sort_unstable();
        (rates.len() >= 4).then(|| rates[rates.len() / 2])
    }

    /// A zone that was slow in the first pass, judged by its second, whose map is `again`; `None` when it was as quick as its
    /// neighbours of the first pass.
    #[must_use]
    pub(super) fn confirmed(&self, index: usize, again: &Zones) -> Option<SlowZone> {
        let (rate, neighbours) = (again.zones.get(index)?.rate()?, self.neighbours(index)?);
        is_below(rate, neighbours).then(|| SlowZone { range: self.range(index), rate, neighbours })
    }
}

fn is_below(rate: u64, median: u64) -> bool {
    u128::from(rate) * 100 < u128::from(median) * u128::from(SLOW_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// A disk that is read whole, with the rate in MiB/s that its place has.
    fn disk(size: u64, rate: impl Fn(u64) -> u64) -> Zones {
        let mut zones = Zones::new(size);
        for at in (0..size).step_by(1 << 20) {
            let zone = zones.at(at);
            zone.bytes += REQUEST;
            zone.busy += Duration::from_secs(1) / u32::try_from(rate(at)).expect("small");
        }
        zones
    }

    #[test]
    fn a_hard_disk_that_halves_towards_its_inner_tracks_has_no_slow_zone() {
        assert_eq!(disk(64 * GIB, |at| 280 - 140 * at / (64 * GIB)).slow(), [0usize; 0]);
    }

    #[test]
    fn a_region_below_sixty_percent_is_slow_and_one_above_is_not() {
        let at_half = |share: u64| move |at: u64| if at / (64 << 20) == 512 { 200 * share / 100 } else { 200 };
        let slow = disk(64 * GIB, at_half(55));
        assert_eq!(slow.slow(), [512]);
        assert_eq!(disk(64 * GIB, at_half(65)).slow(), [0usize; 0]);
        let confirmed = slow.confirmed(512, &disk(64 * GIB, at_half(55))).expect("slow twice");
        assert_eq!(confirmed.range, 32 * GIB..32 * GIB + (64 << 20));
        assert!(confirmed.rate < confirmed.neighbours);
        assert_eq!(slow.confirmed(512, &disk(64 * GIB, |_| 200)), None, "once is chance");
    }

    #[test]
    fn a_zone_with_few_requests_or_with_errors_is_not_judged() {
        let mut zones = disk(64 * GIB, |at| if at / (64 << 20) == 9 { 10 } else { 200 });
        zones.at(9 * (64 << 20)).errors = 1;
        assert_eq!(zones.slow(), [0usize; 0], "its time is that of the error");
        let mut sampled = Zones::new(64 * GIB);
        *sampled.at(0) = Zone { bytes: REQUEST, busy: Duration::from_secs(1), ..Zone::default() };
        assert_eq!((sampled.slow(), sampled.judged()), (vec![], 0));
    }

    #[test]
    fn zones_cover_a_disk_without_gap_or_overlap() {
        for size in [1, 512, 5 * REQUEST, 3 * GIB + 4096, 20 << 40] {
            let zones = Zones::new(size);
            let mut at = 0;
            for index in 0..zones.all().len() {
                let range = zones.range(index);
                assert_eq!(range.start, at, "{size}");
                at = range.end;
            }
            assert_eq!(at, size);
        }
    }
}
