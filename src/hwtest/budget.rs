//! The time that a test may take.

use std::time::{Duration, Instant};

/// Seconds before the limit of the caller at which a test ends, so that its result is never lost.
const REST: u64 = 10;
/// Seconds before the limit of the caller at which a test is ended from outside, so that there is a result that says why.
const LAST: u64 = 3;
/// Seconds beyond its own that a test gets before it is ended from outside: a busy machine needs longer for the one pass that is always made.
const BEYOND: u64 = 60;

/// The time that a test may take: what was asked, and never more than the caller's limit leaves.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    start: Instant,
    whole: Duration,
}

impl Budget {
    /// A budget that starts now.
    #[must_use]
    pub fn starting(seconds: u64) -> Self {
        Budget { start: Instant::now(), whole: Duration::from_secs(seconds) }
    }

    /// Seconds of a test: what was asked, and ten seconds less than `runtime`, the limit that a script finds in `RUNTIME` (seconds, with a
    /// fraction perhaps, or `None`).
    #[must_use]
    pub fn seconds(asked: u64, runtime: Option<&str>) -> u64 {
        match limit(runtime) {
            Some(limit) => asked.min(limit.saturating_sub(REST).max(1)),
            None => asked,
        }
    }

    /// When a test of so many seconds is ended from outside: a minute after its time, and always before the caller's limit.
    #[must_use]
    pub fn most(seconds: u64, runtime: Option<&str>) -> Duration {
        let own = seconds.saturating_add(BEYOND);
        Duration::from_secs(match limit(runtime) {
            Some(limit) => own.min(limit.saturating_sub(LAST)).max(1),
            None => own,
        })
    }

    /// The whole budget.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.whole
    }

    /// Returns the time since the start of the budget.
    #[must_use]
    pub fn spent(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns the time left in the budget; zero once it is spent.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.whole.saturating_sub(self.spent())
    }

    /// Nothing is left.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    /// A share of what is left, as a budget that starts now.
    #[must_use]
    pub fn part(&self, share: f64) -> Budget {
        Budget { start: Instant::now(), whole: self.left().mul_f64(share.clamp(0.0, 1.0)) }
    }
}

/// The limit of the caller in seconds; none if it says nothing sensible.
fn limit(runtime: Option<&str>) -> Option<u64> {
    let whole = runtime?.trim().split('.').next()?;
    whole.parse::<u64>().ok().filter(|limit| *limit > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_does_not_end_is_ended_before_its_caller_would_do_it() {
        let most = |seconds, runtime| Budget::most(seconds, runtime).as_secs();
        assert_eq!(most(20, None), 80);
        assert_eq!(most(20, Some("600")), 80);
        assert_eq!(most(3, Some("13")), 10);
        assert_eq!(most(1, Some("2")), 1, "there is a result, if only just");
        assert!(most(u64::MAX, None) > 0);
    }

    #[test]
    fn a_test_ends_ten_seconds_before_its_caller_would_stop_it() {
        assert_eq!(Budget::seconds(300, Some("120.0")), 110);
        assert_eq!(Budget::seconds(20, Some("120")), 20);
        assert_eq!(Budget::seconds(20, Some("5")), 1);
        for none in [None, Some("None"), Some(""), Some("0"), Some("-3")] {
            assert_eq!(Budget::seconds(20, none), 20, "{none:?}");
        }
    }
}
