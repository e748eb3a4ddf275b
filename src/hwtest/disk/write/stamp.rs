//! Test data for writing: each sector names itself, so that reading it back shows how a write went wrong.

use super::super::bench::splitmix;

/// Bytes of a sector, as the kernel counts them on every disk.
pub(super) const SECTOR: usize = 512;
const WORDS: usize = SECTOR / 8;
/// Words before the random ones: mark, sector, seed, pass.
const HEAD: usize = 4;
const MARK: u64 = u64::from_le_bytes(*b"SHAKDOWN");
/// More wrong bits than this are no damaged data, but other data: of 4,096 bits that have nothing in common, half differ.
const FEW: u32 = 256;

/// The content of a pass. Every second pass has the bits of the one before it inverted, so each bit holds both values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Of the run.
    pub(super) seed: u64,
    /// From 0.
    pub(super) pass: u64,
}

/// How a sector that was read back is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// So many bits differ.
    Bits(u32),
    /// Data of an earlier pass or run: the last write never arrived.
    Stale,
    /// Data that was written to another sector.
    Misplaced {
        /// That sector.
        from: u64,
    },
    /// Zeros or ones only: the write was lost, or the drive forgot the sector.
    Blank,
    /// Foreign data: the write was lost, or another program wrote.
    Foreign,
}

impl Pattern {
    fn sector(self, sector: u64) -> [u64; WORDS] {
        let inverted = if self.pass % 2 == 1 { u64::MAX } else { 0 };
        let mut state = self.seed ^ sector.wrapping_mul(0xd134_2543_de82_ef95) ^ (self.pass / 2).rotate_left(32);
        let mut words = [MARK, sector, self.seed, self.pass].into_iter();
        std::array::from_fn(|_| words.next().unwrap_or_else(|| splitmix(&mut state) ^ inverted))
    }

    /// Fills whole sectors that begin at this byte of a disk.
    pub(super) fn fill(self, offset: u64, buffer: &mut [u8]) {
        let first = offset / SECTOR as u64;
        for (sector, bytes) in (first..).zip(buffer.chunks_exact_mut(SECTOR)) {
            for (place, word) in bytes.chunks_exact_mut(8).zip(self.sector(sector)) {
                place.copy_from_slice(&word.to_le_bytes());
            }
        }
    }

    /// The sectors that are not as they were written, and how.
    pub(super) fn check(self, offset: u64, buffer: &[u8], mut wrong: impl FnMut(u64, Kind)) {
        let first = offset / SECTOR as u64;
        for (sector, bytes) in (first..).zip(buffer.chunks_exact(SECTOR)) {
            let expected = self.sector(sector);
            let differs = bytes.chunks_exact(8).zip(expected).any(|(place, word)| place != word.to_le_bytes());
            if differs {
                wrong(sector, self.kind(sector, &expected, bytes));
            }
        }
    }

    fn kind(self, sector: u64, expected: &[u64; WORDS], bytes: &[u8]) -> Kind {
        let mut found = [0; WORDS];
        for (word, place) in found.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = place.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        let (from, seed, pass) = (found[1], found[2], found[HEAD - 1]);
        // A sector is what its head says only if all of it is that.
        if (Pattern { seed, pass }).sector(from) == found {
            let is_other_place = from != sector && seed == self.seed;
            return if is_other_place { Kind::Misplaced { from } } else { Kind::Stale };
        }
        if found.iter().all(|word| *word == found[0]) && matches!(found[0], 0 | u64::MAX) {
            return Kind::Blank;
        }
        let bits = found.iter().zip(expected).map(|(found, expected)| (found ^ expected).count_ones()).sum();
        if bits <= FEW { Kind::Bits(bits) } else { Kind::Foreign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Pattern = Pattern { seed: 7, pass: 0 };
    const SECOND: Pattern = Pattern { seed: 7, pass: 1 };

    fn written(pattern: Pattern, offset: u64) -> Vec<u8> {
        let mut buffer = vec![0; 8 * SECTOR];
        pattern.fill(offset, &mut buffer);
        buffer
    }

    fn found(pattern: Pattern, offset: u64, buffer: &[u8]) -> Vec<(u64, Kind)> {
        let mut found = Vec::new();
        pattern.check(offset, buffer, |sector, kind| found.push((sector, kind)));
        found
    }

    #[test]
    fn what_was_written_is_right_at_its_place_and_in_its_pass_only() {
        let buffer = written(FIRST, 4096);
        assert_eq!(found(FIRST, 4096, &buffer), []);
        assert_eq!(found(SECOND, 4096, &buffer)[0], (8, Kind::Stale), "the second write never arrived");
        assert_eq!(found(FIRST, 8192, &buffer)[0], (16, Kind::Misplaced { from: 8 }));
        let other = Pattern { seed: 8, pass: 0 };
        assert_eq!(found(other, 4096, &buffer)[7], (15, Kind::Stale), "of an earlier run");
    }

    #[test]
    fn each_bit_of_the_data_holds_both_values() {
        let (one, other) = (written(FIRST, 0), written(SECOND, 0));
        for (one, other) in one.chunks(SECTOR).zip(other.chunks(SECTOR)) {
            assert!(one[8 * HEAD..].iter().zip(&other[8 * HEAD..]).all(|(one, other)| *one == !other));
        }
    }

    #[test]
    fn damage_is_counted_and_told_from_other_data() {
        let mut buffer = written(FIRST, 0);
        buffer[700] ^= 0b101;
        buffer[8] ^= 1; // of the head: the sector's own number
        buffer[2 * SECTOR..3 * SECTOR].fill(0);
        buffer[3 * SECTOR..4 * SECTOR].fill(0xff);
        buffer[4 * SECTOR..5 * SECTOR].copy_from_slice(&[0x5a; SECTOR]);
        let expected = [(0, Kind::Bits(1)), (1, Kind::Bits(2)), (2, Kind::Blank), (3, Kind::Blank), (4, Kind::Foreign)];
        assert_eq!(found(FIRST, 0, &buffer), expected);
    }
}
