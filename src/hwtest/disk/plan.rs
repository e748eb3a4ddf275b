//! Which parts of a disk are read, in which order.

use std::ops::Range;

use super::bench::splitmix;

/// Bytes of one request.
pub(super) const REQUEST: u64 = 1 << 20;
/// Both ends of a disk are read in a sample: partition tables, superblocks and metadata of arrays are there.
const ENDS: u64 = 64 << 20;
/// Places of a sample besides.
const PLACES: u64 = 256;

/// How much of a disk is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The first and last 64 MiB, and a MiB at a random place of each of 256 equal parts between.
    Sample,
    /// All of it.
    Full,
}

/// Parts of a disk, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    ranges: Vec<Range<u64>>,
}

impl Plan {
    /// The plan for a disk of so many bytes. The same seed gives the same places.
    #[must_use]
    pub(super) fn new(extent: Extent, size: u64, seed: u64) -> Self {
        if extent == Extent::Full || size <= 2 * ENDS + PLACES * REQUEST {
            return Plan::whole(size);
        }
        let mut random = seed;
        let (first, last) = (ENDS, (size - ENDS) / REQUEST * REQUEST);
        let mut ranges = Plan::whole(first).ranges;
        let requests = (last - first) / REQUEST;
        for part in 0..PLACES {
            let (start, end) = (requests * part / PLACES, requests * (part + 1) / PLACES);
            let at = first + (start + splitmix(&mut random) % (end - start).max(1)) * REQUEST;
            ranges.push(at..at + REQUEST);
        }
        ranges.push(last..size);
        Plan::of(ranges)
    }

    /// All bytes of a disk of this size.
    pub(super) fn whole(size: u64) -> Self {
        Plan::of(std::iter::once(0..size).collect())
    }

    /// These parts, in this order.
    #[must_use]
    pub(super) fn of(ranges: Vec<Range<u64>>) -> Self {
        Plan { ranges: ranges.into_iter().filter(|range| !range.is_empty()).collect() }
    }

    /// Bytes of all parts.
    #[must_use]
    pub(super) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// The requests, of at most so many bytes each, which begin at multiples of that.
    pub(super) fn requests(&self, most: u64) -> impl Iterator<Item = Range<u64>> + use<> {
        let most = most.max(1);
        self.ranges.clone().into_iter().flat_map(move |range| {
            let mut at = range.start;
            std::iter::from_fn(move || {
                let end = ((at / most + 1) * most).min(range.end);
                let request = at..end;
                at = end;
                (!request.is_empty()).then_some(request)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TB: u64 = 1 << 40;

    #[test]
    fn a_sample_has_both_ends_and_one_place_of_each_part_between() {
        let size = 20 * TB + 512;
        let requests: Vec<_> = Plan::new(Extent::Sample, size, 7).requests(REQUEST).collect();
        assert_eq!(requests[..64], (0..64).map(|at| at * REQUEST..(at + 1) * REQUEST).collect::<Vec<_>>());
        assert_eq!(requests.last().map(|last| last.end), Some(size), "the odd end, too");
        assert!(requests.windows(2).all(|pair| pair[0].end <= pair[1].start), "in order, nothing twice");
        let part = (size - 2 * ENDS) / PLACES;
        for (number, place) in requests[64..64 + 256].iter().enumerate() {
            let expected = ENDS + part * number as u64;
            assert!(
                place.start + REQUEST >= expected && place.start < expected + part + REQUEST,
                "{number}: {place:?}"
            );
        }
    }

    #[test]
    fn the_same_seed_reads_the_same_places_and_another_one_others() {
        let plan = |seed| Plan::new(Extent::Sample, TB, seed);
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
    }

    #[test]
    fn all_of_a_disk_is_all_of_it_and_a_small_disk_is_never_sampled() {
        for (extent, size) in [(Extent::Full, TB + 4096), (Extent::Sample, 100 << 20), (Extent::Sample, 384 << 20)] {
            let plan = Plan::new(extent, size, 1);
            assert_eq!(plan.bytes(), size);
            let mut at = 0;
            for request in plan.requests(REQUEST) {
                assert_eq!(request.start, at);
                assert!(request.end - request.start <= REQUEST);
                at = request.end;
            }
            assert_eq!(at, size);
        }
        assert_eq!(Plan::new(Extent::Full, 0, 1).requests(REQUEST).count(), 0);
    }
}
