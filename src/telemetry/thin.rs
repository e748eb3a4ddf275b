//! Warnings that repeat: the first is logged, then one every ten minutes that says how many there were.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Between two lines that say the same.
const PAUSE: Duration = Duration::from_secs(600);
/// After so long without one, the next counts as the first.
const FORGET: Duration = Duration::from_secs(3600);
/// Most texts that are remembered. Of more, the oldest is forgotten.
const MOST: usize = 256;

/// Memory of what was logged.
#[derive(Debug, Default)]
pub(super) struct Thinner {
    texts: HashMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    first: Instant,
    shown: Instant,
    last: Instant,
    /// Lines that were left out since one was shown.
    hidden: u64,
}

/// Decision about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinned {
    /// The line is new.
    Show,
    /// The line was shown a short time ago.
    Hide,
    /// The line repeats: since how long, and how many were left out.
    Still(Duration, u64),
}

impl Thinner {
    /// Decides about a line. `key` is what makes two lines the same.
    pub(super) fn decide(&mut self, key: &str, now: Instant) -> Thinned {
        if let Some(seen) = self.texts.get_mut(key)
            && now.duration_since(seen.last) < FORGET
        {
            seen.last = now;
            if now.duration_since(seen.shown) < PAUSE {
                seen.hidden += 1;
                return Thinned::Hide;
            }
            seen.shown = now;
            return Thinned::Still(now.duration_since(seen.first), std::mem::take(&mut seen.hidden));
        }
        if self.texts.len() >= MOST
            && let Some(oldest) = self.texts.iter().min_by_key(|(_, seen)| seen.last).map(|(key, _)| key.clone())
        {
            self.texts.remove(&oldest);
        }
        self.texts.insert(key.to_owned(), Seen { first: now, shown: now, last: now, hidden: 0 });
        Thinned::Show
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_line_is_shown_every_ten_minutes_with_its_count() {
        let (mut thinner, start) = (Thinner::default(), Instant::now());
        let minute = |n: u64| start + Duration::from_secs(n * 60);
        assert_eq!(thinner.decide("a", minute(0)), Thinned::Show);
        for n in 1..10 {
            assert_eq!(thinner.decide("a", minute(n)), Thinned::Hide, "{n}");
        }
        assert_eq!(thinner.decide("b", minute(9)), Thinned::Show, "another line");
        assert_eq!(thinner.decide("a", minute(10)), Thinned::Still(Duration::from_secs(600), 9));
        assert_eq!(thinner.decide("a", minute(11)), Thinned::Hide);
        assert_eq!(thinner.decide("a", minute(25)), Thinned::Still(Duration::from_secs(1500), 1));
        assert_eq!(thinner.decide("a", minute(90)), Thinned::Show, "after an hour of silence");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut thinner, start) = (Thinner::default(), Instant::now());
        for number in 0..2 * MOST {
            thinner.decide(&number.to_string(), start + Duration::from_millis(u64::try_from(number).expect("small")));
        }
        assert_eq!(thinner.texts.len(), MOST);
    }
}
