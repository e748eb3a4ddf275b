//! When a machine reports by itself: once in each interval, at a time within it that is its own, so that ten thousand machines make an
//! even trickle; after a failure later and later. Pure: the time of day is handed in, as the time since the Unix epoch.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::region::{Backoff, RetryOptions};

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Changes: the region hears of it only if there are any.
    Changes,
    /// The periodic report: the region hears at least that the machine is there.
    Report,
    /// Health of drives and faults of the machine, which the kernel sends no news of.
    Drives,
}

impl Purpose {
    /// As a command line says it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Changes => "changes",
            Purpose::Report => "report",
            Purpose::Drives => "drives",
        }
    }
}

impl FromStr for Purpose {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Purpose::Changes, Purpose::Report, Purpose::Drives];
        let known = all.into_iter().find(|purpose| purpose.word() == word);
        known.ok_or_else(|| "it is neither changes nor report nor drives".to_owned())
    }
}

/// What came of a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The machine is not as it was.
    pub changed: bool,
    /// The region did not hear what it should have heard, or the look failed.
    pub failed: bool,
    /// Before that the region wants to hear nothing.
    pub retry_after: Option<Duration>,
    /// Another look is worth while then: something that came and went may have settled.
    pub again: Option<Duration>,
}

/// The longest time without a look, should the kernel's news be lost.
const SWEEP: Duration = Duration::from_secs(3600);
/// The first wait after a failure, before which the region is left alone.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// Where in every interval a machine has its time.
///
/// The same for a machine for ever, evenly spread over machines.
#[must_use]
pub fn phase(machine: &str, interval: Duration) -> Duration {
    let digest = Sha256::digest(machine.as_bytes());
    let number = digest.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(number % interval)
}

/// The machine's first time after `now`.
fn next(phase: Duration, interval: Duration, now: Duration) -> Duration {
    let (phase, interval, now) = (phase.as_millis(), interval.as_millis().max(1), now.as_millis());
    let passed = (now + interval - phase) / interval;
    Duration::from_millis(u64::try_from(phase + passed * interval).unwrap_or(u64::MAX))
}

/// What is to be done next, and when.
#[derive(Debug)]
pub struct Plan {
    machine: String,
    interval: Duration,
    report: Duration,
    changes: Duration,
    backoff: Option<Backoff>,
    /// How often the drives are asked, and when next; `None` never does.
    drives: Option<(Duration, Duration)>,
}

impl Plan {
    /// The plan of a machine that just started: a look at once, since it may have been changed while nobody watched.
    #[must_use]
    pub fn new(machine: &str, interval: Duration, now: Duration) -> Plan {
        let interval = interval.max(Duration::from_secs(1));
        let report = next(phase(machine, interval), interval, now);
        Plan { machine: machine.to_owned(), interval, report, changes: now, backoff: None, drives: None }
    }

    /// Asks the drives so often, at once for the first time: one may have failed while the machine was off.
    #[must_use]
    pub fn with_drives(self, every: Option<Duration>, now: Duration) -> Plan {
        Plan { drives: every.map(|every| (every.max(Duration::from_secs(1)), now)), ..self }
    }

    /// When the drives are to be asked; `None` never.
    #[must_use]
    pub fn drives_due(&self) -> Option<Duration> {
        self.drives.map(|(_, due)| due)
    }

    /// Plans on after the drives were asked, or could not be.
    pub fn asked_drives(&mut self, asked: &Looked, now: Duration) {
        let wait = |every: Duration| if asked.failed { every.min(FIRST_WAIT) } else { every };
        self.drives = self.drives.map(|(every, _)| (every, now + wait(every)));
    }

    /// The next look at the machine and its time.
    #[must_use]
    pub fn due(&self) -> (Duration, Purpose) {
        if self.report <= self.changes { (self.report, Purpose::Report) } else { (self.changes, Purpose::Changes) }
    }

    /// How often the machine reports.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Goes by another interval from now on.
    pub fn set_interval(&mut self, interval: Duration, now: Duration) {
        let interval = interval.max(Duration::from_secs(1));
        if interval != self.interval {
            self.interval = interval;
            self.report = next(phase(&self.machine, interval), interval, now);
        }
    }

    /// Plans on after a look that ended now.
    pub fn looked(&mut self, purpose: Purpose, looked: &Looked, now: Duration) {
        self.changes = now + looked.again.unwrap_or(SWEEP).min(SWEEP);
        if looked.changed {
            // A drive that came may be a failing one.
            self.drives = self.drives.map(|(every, due)| (every, due.min(now)));
        }
        if looked.failed {
            let cap = self.interval;
            let first = FIRST_WAIT.min(cap);
            let backoff = self
                .backoff
                .get_or_insert_with(|| Backoff::new(&RetryOptions { first, cap, few: 0, ..RetryOptions::default() }));
            let wait = backoff.wait().max(looked.retry_after.unwrap_or_default().min(self.interval));
            self.report = now + wait;
            return;
        }
        let was_failing = self.backoff.take().is_some();
        if purpose == Purpose::Report || was_failing {
            // A clock that was set back a little does not make it report twice.
            self.report = next(phase(&self.machine, self.interval), self.interval, now + self.interval / 16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    const QUARTER: Duration = Duration::from_secs(900);
    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn report(plan: &mut Plan, failed: bool) -> Duration {
        let (at, purpose) = plan.due();
        plan.looked(purpose, &Looked { failed, ..Looked::default() }, at);
        at
    }

    #[test]
    fn ten_thousand_machines_make_an_even_trickle() {
        let mut seconds: BTreeMap<u64, u32> = BTreeMap::new();
        for machine in 0..10_000 {
            let phase = phase(&format!("machine-{machine}"), QUARTER);
            *seconds.entry(phase.as_secs()).or_default() += 1;
        }
        let most = seconds.values().max().copied().unwrap_or(0);
        assert!(seconds.len() > 890, "{} of 900 seconds have one", seconds.len());
        assert!(most <= 30, "11 in a second on average, and {most} in the fullest");
        let halves: u32 = seconds.range(..450).map(|(_, count)| count).sum();
        assert!((4_700..=5_300).contains(&halves), "{halves} in the first half");
    }

    #[test]
    fn a_machine_looks_when_it_starts_and_reports_once_in_each_interval_at_its_own_time() {
        let mut plan = Plan::new("abc123", QUARTER, NOW);
        assert_eq!(plan.due(), (NOW, Purpose::Changes));
        plan.looked(Purpose::Changes, &Looked::default(), NOW);
        let first = report(&mut plan, false);
        assert!(first > NOW && first <= NOW + QUARTER);
        for count in 1..100 {
            assert_eq!(report(&mut plan, false), first + QUARTER * count);
        }
    }

    #[test]
    fn a_look_for_changes_puts_no_report_off() {
        let mut plan = Plan::new("abc123", QUARTER, NOW);
        let (report, _) = {
            plan.looked(Purpose::Changes, &Looked::default(), NOW);
            plan.due()
        };
        plan.looked(
            Purpose::Changes,
            &Looked { changed: true, ..Looked::default() },
            report.saturating_sub(Duration::from_secs(1)),
        );
        assert_eq!(plan.due(), (report, Purpose::Report));
    }

    #[test]
    fn a_region_in_trouble_is_asked_later_and_later_and_never_later_than_the_interval() {
        let mut plan = Plan::new("abc123", QUARTER, NOW);
        plan.looked(Purpose::Changes, &Looked::default(), NOW);
        let mut last = report(&mut plan, true);
        for full in [60, 120, 240, 480, 900, 900, 900] {
            let at = report(&mut plan, true);
            let wait = at.saturating_sub(last).as_secs_f64();
            assert!((f64::from(full) / 2.0..=f64::from(full)).contains(&wait), "{wait} of {full}");
            last = at;
        }
        let back = report(&mut plan, false);
        let (next, purpose) = plan.due();
        assert_eq!(purpose, Purpose::Report);
        assert!(next > back && next <= back + QUARTER + QUARTER / 16);
        assert_eq!(
            u64::try_from(next.as_millis() % QUARTER.as_millis()).ok().map(Duration::from_millis),
            Some(phase("abc123", QUARTER))
        );
    }

    #[test]
    fn a_region_that_says_when_is_left_alone_until_then() {
        let mut plan = Plan::new("abc123", QUARTER, NOW);
        let busy = Looked { failed: true, retry_after: Some(Duration::from_secs(600)), ..Looked::default() };
        plan.looked(Purpose::Report, &busy, NOW);
        assert!(plan.due().0 >= NOW + Duration::from_secs(600));
    }

    #[test]
    fn a_long_interval_does_not_keep_it_from_looking() {
        let mut plan = Plan::new("abc123", Duration::from_secs(86_400), NOW);
        plan.report = NOW + Duration::from_secs(80_000);
        plan.looked(Purpose::Changes, &Looked::default(), NOW);
        assert_eq!(plan.due(), (NOW + SWEEP, Purpose::Changes));
    }

    #[test]
    fn drives_are_asked_at_once_then_seldom_and_when_something_came() {
        let half_hour = Duration::from_secs(1800);
        assert_eq!(Plan::new("abc123", QUARTER, NOW).drives_due(), None);
        let mut plan = Plan::new("abc123", QUARTER, NOW).with_drives(Some(half_hour), NOW);
        assert_eq!(plan.drives_due(), Some(NOW));
        plan.asked_drives(&Looked { failed: true, ..Looked::default() }, NOW);
        assert_eq!(plan.drives_due(), Some(NOW + FIRST_WAIT));
        plan.asked_drives(&Looked::default(), NOW);
        plan.looked(Purpose::Report, &Looked::default(), NOW);
        assert_eq!(plan.drives_due(), Some(NOW + half_hour));
        let soon = NOW + Duration::from_secs(10);
        plan.looked(Purpose::Changes, &Looked { changed: true, ..Looked::default() }, soon);
        assert_eq!(plan.drives_due(), Some(soon));
    }

    proptest! {
        #[test]
        fn every_machine_has_exactly_one_time_in_any_interval(machine in "[a-z0-9]{1,12}", seconds in 1..100_000u64, now in 0..4_000_000_000u64) {
            let (interval, now) = (Duration::from_secs(seconds), Duration::from_secs(now));
            let phase = phase(&machine, interval);
            let first = next(phase, interval, now);
            prop_assert!(phase < interval);
            prop_assert!(first > now && first <= now + interval);
            prop_assert_eq!(next(phase, interval, first), first + interval);
        }
    }
}
