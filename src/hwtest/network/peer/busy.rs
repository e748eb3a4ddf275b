//! How busy the processors of this machine were: an end that has no processor free says nothing about the network.
#![allow(clippy::cast_precision_loss, reason = "ticks of processors to percent")]

use crate::host::Host;

/// Ticks of each processor: at work, and all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Processors(Vec<(u64, u64)>);

impl Processors {
    /// As they are now.
    pub(super) fn read(host: &Host) -> Self {
        Processors::parse(&host.text("/proc/stat").unwrap_or_default())
    }

    /// Lines `cpuN user nice system idle iowait irq softirq steal guest guest_nice` (`proc_stat(5)`). Guest time is in user time already.
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
        let ticks = lines.map(|line| {
            let fields: Vec<u64> =
                line.split_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok()).collect();
            let all = fields.iter().sum::<u64>();
            let idle = fields.iter().skip(3).take(2).sum::<u64>();
            (all - idle, all)
        });
        Processors(ticks.collect())
    }

    /// Percent that the busiest processor was at work since an earlier look; `None` where that is not known.
    pub(super) fn busiest_since(&self, before: &Processors) -> Option<f64> {
        if self.0.len() != before.0.len() {
            return None;
        }
        let shares = self.0.iter().zip(&before.0).filter_map(|((busy, all), (busy_before, all_before))| {
            let all = all.checked_sub(*all_before).filter(|all| *all > 0)?;
            Some((busy.saturating_sub(*busy_before) as f64 / all as f64 * 100.0).min(100.0))
        });
        shares.reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_processor_counts_and_waiting_for_disks_is_no_work() {
        let at = |text: &str| Processors::parse(text);
        let before = at("cpu  9 9 9 9 9 9 9 9\ncpu0 10 0 10 100 0 0 0 0 0 0\ncpu1 0 0 0 100 0 0 0 0 0 0\nintr 5\n");
        let after = at("cpu  9 9 9 9 9 9 9 9\ncpu0 20 0 20 120 60 0 0 0 0 0\ncpu1 30 0 10 120 0 10 10 0 0 0\nintr 5\n");
        assert_eq!(after.busiest_since(&before), Some(75.0));
        assert_eq!(after.busiest_since(&at("")), None, "processors came or went");
        assert_eq!(before.busiest_since(&before), None);
    }
}
