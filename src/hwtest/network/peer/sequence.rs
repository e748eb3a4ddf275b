//! Which of a numbered row of datagrams came: lost, twice, out of order.

use super::message::Arrived;

/// A row that is received.
pub(super) struct Sequence {
    seen: Vec<u64>,
    limit: u64,
    next: u64,
    arrived: Arrived,
}

impl Sequence {
    /// A row of at most `limit` numbers.
    pub(super) fn new(limit: u64) -> Self {
        let words = usize::try_from(limit.div_ceil(64)).unwrap_or(0);
        Sequence { seen: vec![0; words], limit, next: 0, arrived: Arrived::default() }
    }

    /// A datagram came. A number beyond the row is none of it.
    pub(super) fn take(&mut self, number: u64, is_wrong: bool) {
        let Some(word) = usize::try_from(number / 64).ok().and_then(|word| self.seen.get_mut(word)) else { return };
        if number >= self.limit {
            return;
        }
        let bit = 1 << (number % 64);
        if *word & bit != 0 {
            self.arrived.duplicated += 1;
            return;
        }
        *word |= bit;
        self.arrived.received += 1;
        self.arrived.wrong += u64::from(is_wrong);
        if number < self.next {
            self.arrived.reordered += 1;
        } else {
            self.next = number + 1;
        }
    }

    pub(super) fn received(&self) -> u64 {
        self.arrived.received
    }

    /// Returns the counts of arrived datagrams, with the longest gap among the `sent` ones.
    pub(super) fn end(&self, sent: u64) -> Arrived {
        let (mut gap, mut longest) = (0, 0);
        for number in 0..sent.min(self.limit) {
            let is_there = usize::try_from(number / 64).is_ok_and(|word| self.seen[word] >> (number % 64) & 1 == 1);
            gap = if is_there { 0 } else { gap + 1 };
            longest = longest.max(gap);
        }
        Arrived { longest_gap: longest, ..self.arrived }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[u64], sent: u64) -> Arrived {
        let mut sequence = Sequence::new(200);
        for number in numbers {
            sequence.take(*number, false);
        }
        sequence.end(sent)
    }

    #[test]
    fn a_whole_row_has_no_gap() {
        let all: Vec<u64> = (0..200).collect();
        assert_eq!(of(&all, 200), Arrived { received: 200, ..Arrived::default() });
    }

    #[test]
    fn gaps_repetitions_and_late_ones_are_told_apart() {
        let arrived = of(&[0, 1, 4, 3, 4, 4, 9], 10);
        assert_eq!(arrived, Arrived { received: 5, duplicated: 2, reordered: 1, longest_gap: 4, ..Arrived::default() });
        assert_eq!(of(&[], 10).longest_gap, 10);
        assert_eq!(of(&[0], 70).longest_gap, 69, "the end of the row counts");
    }

    #[test]
    fn numbers_beyond_the_row_are_none_of_it() {
        assert_eq!(of(&[200, 255, 256, u64::MAX], 0), Arrived::default());
        assert_eq!(of(&[0], u64::MAX).received, 1);
    }
}
