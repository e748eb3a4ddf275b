//! How long threads of a test waited for a processor, because something else ran there: figures of such a time are not the hardware's.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use super::metric::{Metric, Unit};
use super::report::Report;

/// Share of waiting from which on a figure is disturbed.
pub(super) const DISTURBED: f64 = 0.1;

/// Nanoseconds that a thread ran, and that it waited for a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) ran: u64,
    pub(super) waited: u64,
}

impl Standing {
    /// Of the calling thread until now (Documentation/scheduler/sched-stats.rst).
    pub(super) fn of_this_thread() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let mut numbers = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        Standing { ran: numbers.next().unwrap_or(0), waited: numbers.next().unwrap_or(0) }
    }

    /// Returns the times added since `before`.
    pub(super) fn since(self, before: Standing) -> Standing {
        Standing { ran: self.ran.saturating_sub(before.ran), waited: self.waited.saturating_sub(before.waited) }
    }

    /// Adds what another thread stood.
    pub(super) fn join(&mut self, other: Standing) {
        self.ran += other.ran;
        self.waited += other.waited;
    }

    /// Share of the time that the thread wanted to run and waited.
    pub(super) fn share(self) -> f64 {
        self.waited as f64 / (self.ran + self.waited).max(1) as f64
    }
}

/// Time of all processors that a hypervisor gave to other machines, which no thread of this machine sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stolen {
    before: Option<Ticks>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    /// Ticks of all processors that were used, or stolen by the hypervisor.
    wanted: u64,
    stolen: u64,
}

impl Stolen {
    /// From now on.
    pub(super) fn begin() -> Self {
        Stolen { before: ticks(&stat()) }
    }

    /// Share of the wanted time that was stolen until now.
    pub(super) fn share(self) -> f64 {
        match (self.before, ticks(&stat())) {
            (Some(before), Some(now)) => {
                let wanted = now.wanted.saturating_sub(before.wanted);
                now.stolen.saturating_sub(before.stolen) as f64 / wanted.max(1) as f64
            }
            _ => 0.0,
        }
    }
}

fn stat() -> String {
    std::fs::read_to_string("/proc/stat").unwrap_or_default()
}

/// `cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …` of `proc_stat(5)`; guests are in USER already.
fn ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [user, nice, system, _, _, irq, softirq, stolen, ..] = ticks[..] else { return None };
    Some(Ticks { wanted: user + nice + system + irq + softirq + stolen, stolen })
}

impl Report {
    /// Records the share of time that a subject's threads waited for processors, and marks its rates and times if that is much.
    pub(super) fn waited(&mut self, subject: &str, share: f64) {
        self.measure(Metric::Disturbed, subject, (share * 1000.0).round() / 10.0);
        if share <= DISTURBED {
            return;
        }
        let mut marked = false;
        for one in self.measurements.iter_mut().filter(|one| subject.is_empty() || one.subject == subject) {
            one.disturbed |= is_of_speed(one.metric);
            marked |= one.disturbed;
        }
        if marked {
            let whose = if subject.is_empty() { "The figures".to_owned() } else { format!("The figures of {subject}") };
            self.not_tested.push(format!(
                "{whose} as the hardware's own: the test waited for processors for {:.0} % of the time, since something else ran there.",
                share * 100.0
            ));
        }
    }
}

/// True if a busy machine changes the figure.
fn is_of_speed(metric: Metric) -> bool {
    let by_unit = matches!(
        metric.unit(),
        Unit::GibPerSecond | Unit::MbPerSecond | Unit::Nanoseconds | Unit::Microseconds | Unit::PerSecond
    );
    by_unit || metric == Metric::CpuRate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hwtest::{Kind, Level, Order};

    fn report() -> Report {
        let mut report =
            Report::new(&Order { kind: Kind::Memory, level: Level::Smoke, seconds: 1, seed: 0, inject: None });
        report.measure(Metric::MemoryRead, "node0", 2.5);
        report.measure(Metric::MemoryRead, "node1", 2.5);
        report.measure(Metric::Miscompares, "", 0);
        report
    }

    #[test]
    fn figures_of_a_busy_time_are_marked_and_counts_are_not() {
        let mut busy = report();
        busy.waited("node1", 0.4);
        let marked: Vec<&str> =
            busy.measurements.iter().filter(|one| one.disturbed).map(|one| one.subject.as_str()).collect();
        assert_eq!(marked, ["node1"]);
        assert!(busy.not_tested[0].contains("node1") && busy.not_tested[0].contains("40 %"), "{:?}", busy.not_tested);
        assert!(busy.page().contains("node1 memory read: 2.5 GiB/s (disturbed)"), "{}", busy.page());
        let mut all = report();
        all.waited("", 0.4);
        assert_eq!(all.measurements.iter().filter(|one| one.disturbed).count(), 2);
    }

    #[test]
    fn a_little_waiting_is_told_and_marks_nothing() {
        let mut quiet = report();
        quiet.waited("", 0.05);
        assert!(quiet.measurements.iter().any(|one| one.metric == Metric::Disturbed && one.value == 5.0.into()));
        assert!(quiet.measurements.iter().all(|one| !one.disturbed) && quiet.not_tested.is_empty());
    }

    #[test]
    fn what_a_hypervisor_took_is_a_share_of_what_was_wanted() {
        let before = ticks("cpu  100 0 100 900 50 0 0 20 0 0\ncpu0 1\n").expect("ticks");
        let now = ticks("cpu  160 0 120 1900 50 0 0 40 0 0\n").expect("ticks");
        assert_eq!((now.wanted - before.wanted, now.stolen - before.stolen), (100, 20));
        assert_eq!((ticks(""), ticks("cpu  1 2 x")), (None, None));
    }

    #[test]
    fn a_thread_that_worked_has_run() {
        let before = Standing::of_this_thread();
        let mut sum = 0_u64;
        while Standing::of_this_thread().since(before).ran == 0 && sum < 1 << 20 {
            sum += 1;
        }
        let mut all = Standing { ran: 60, waited: 40 };
        assert!((all.share() - 0.4).abs() < 1e-9);
        all.join(Standing { ran: 100, waited: 0 });
        assert!((all.share() - 0.2).abs() < 1e-9);
        assert!(Standing::default().share().abs() < 1e-9, "nothing is no disturbance");
    }
}
