//! Bursts: one thing that is plugged in is dozens of messages, a shelf of disks thousands, and all of them are one look. Pure: the
//! clock is handed in.

use std::time::Duration;

use tokio::time::Instant;

/// No news for so long, and the burst is over.
const QUIET: Duration = Duration::from_millis(500);
/// A burst that does not end is looked at after so long.
const LONGEST: Duration = Duration::from_secs(2);
/// After a look that found nothing the next one has to wait for so long, then for twice as long …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … and for no longer than that.
const LONGEST_PAUSE: Duration = Duration::from_secs(64);
/// So long without news, and looks that found nothing are forgotten.
const FORGET: Duration = Duration::from_secs(300);

/// News that was not yet looked into.
#[derive(Debug, Default)]
pub(super) struct Settling {
    burst: Option<(Instant, Instant)>,
    heard: Option<Instant>,
    /// The look that is under way is one into news.
    is_looking: bool,
    /// When a look may be next, and the pause that led to it.
    pause: Option<(Instant, Duration)>,
}

impl Settling {
    /// There is news.
    pub(super) fn hear(&mut self, now: Instant) {
        if self.heard.is_some_and(|heard| now - heard > FORGET) {
            self.pause = None;
        }
        self.heard = Some(now);
        let began = self.burst.map_or(now, |(began, _)| began);
        self.burst = Some((began, now));
    }

    /// When to look; `None` without news.
    pub(super) fn due(&self) -> Option<Instant> {
        let (began, last) = self.burst?;
        let settled = (last + QUIET).min(began + LONGEST);
        Some(self.pause.map_or(settled, |(earliest, _)| settled.max(earliest)))
    }

    /// A look begins: it sees all that happened until now.
    pub(super) fn look(&mut self) {
        self.is_looking = self.burst.take().is_some();
    }

    /// A look ended. News of what is no change of the machine costs less and less; that a report found nothing says nothing of news.
    pub(super) fn looked(&mut self, now: Instant, changed: bool) {
        if !std::mem::take(&mut self.is_looking) {
            return;
        }
        let longer = self.pause.map_or(FIRST_PAUSE, |(_, pause)| (pause * 2).min(LONGEST_PAUSE));
        self.pause = (!changed).then_some((now + longer, longer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn after(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_is_one_look_when_it_is_over() {
        let start = Instant::now();
        let mut settling = Settling::default();
        assert_eq!(settling.due(), None);
        for millis in [0, 100, 400] {
            settling.hear(start + after(millis));
        }
        assert_eq!(settling.due(), Some(start + after(900)));
        settling.look();
        assert_eq!(settling.due(), None);
    }

    #[test]
    fn a_burst_that_does_not_end_is_looked_at_after_two_seconds() {
        let start = Instant::now();
        let mut settling = Settling::default();
        for millis in (0..5_000).step_by(100) {
            settling.hear(start + after(millis));
        }
        assert_eq!(settling.due(), Some(start + after(2_000)));
    }

    #[test]
    fn news_that_is_no_change_is_looked_into_less_and_less_often() {
        let mut now = Instant::now();
        let mut settling = Settling::default();
        let mut looks = 0;
        let end = now + Duration::from_secs(3600);
        while now < end {
            settling.hear(now);
            now = settling.due().expect("there is news").max(now + after(50));
            settling.look();
            settling.looked(now, false);
            looks += 1;
        }
        assert!((56..70).contains(&looks), "{looks} looks in an hour of noise");
        settling.hear(now + FORGET * 2);
        assert_eq!(settling.due(), Some(now + FORGET * 2 + QUIET), "after a quiet time it is as quick as ever");
    }

    #[test]
    fn reports_that_found_nothing_do_not_slow_it_down() {
        let now = Instant::now();
        let mut settling = Settling::default();
        for _ in 0..10 {
            settling.look();
            settling.looked(now, false);
        }
        settling.hear(now);
        assert_eq!(settling.due(), Some(now + QUIET));
    }

    #[test]
    fn a_change_makes_it_quick_again() {
        let now = Instant::now();
        let mut settling = Settling::default();
        for changed in [false, false, false, true] {
            settling.hear(now);
            settling.look();
            settling.looked(now, changed);
        }
        settling.hear(now);
        assert_eq!(settling.due(), Some(now + QUIET));
    }
}
