//! Clocks of processors, as the kernel tells them: alone, and under the load of all.

use std::time::Duration;

use super::super::metric::Metric;
use super::super::outcome::Outcome;
use super::super::report::Report;
use super::super::wait::DISTURBED;
use super::tally::Tally;
use crate::host::Host;

/// Load of all processors from which on their clocks are judged.
const LONG: Duration = Duration::from_secs(10);
/// Share of the base clock below which a clock is too low: less than a step of a multiplier is rounding.
const BELOW: f64 = 0.97;

/// Megahertz of a processor at this moment (Documentation/admin-guide/pm/cpufreq.rst).
pub(super) fn now(cpu: usize) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq")).ok()?;
    Some(text.trim().parse::<u64>().ok()? / 1000)
}

/// Megahertz that a processor has for sure, if its driver tells: `base_frequency` of Intel's (kHz), `nominal_freq` of ACPI (MHz).
pub(super) fn base(host: &Host, cpu: usize) -> Option<u64> {
    let folder = format!("/sys/devices/system/cpu/cpu{cpu}");
    let number = |path: String| host.text(path)?.trim().parse::<u64>().ok().filter(|number| *number > 0);
    number(format!("{folder}/cpufreq/base_frequency"))
        .map(|kilohertz| kilohertz / 1000)
        .or_else(|| number(format!("{folder}/acpi_cppc/nominal_freq")))
}

/// Puts clocks into the report, and that all of them are too low under load: then something holds the whole machine back.
pub(super) fn judge(tallies: &[Tally], is_virtual: bool, base: impl Fn(usize) -> Option<u64>, report: &mut Report) {
    let worked = || tallies.iter().filter(|tally| tally.rounds > 0);
    if worked().all(|tally| tally.clocks.is_empty() && tally.clock_alone.is_none()) {
        report.not_tested.push("Clocks: the kernel does not tell them here.".to_owned());
        return;
    }
    for tally in worked() {
        let subject = format!("cpu{}", tally.cpu);
        if let Some(clock) = tally.clock_alone {
            report.measure(Metric::CpuClockAlone, subject.as_str(), clock);
        }
        if let Some(clock) = median(&tally.clocks) {
            report.measure(Metric::CpuClock, subject, clock);
        }
    }
    let is_free = worked().all(|tally| tally.standing.share() <= DISTURBED);
    let shares: Option<Vec<f64>> = worked().map(|tally| share(tally, base(tally.cpu)?)).collect();
    let Some(shares) = shares.filter(|_| is_free && !is_virtual) else { return };
    let best = shares.iter().copied().fold(0.0, f64::max);
    if shares.is_empty() || best >= BELOW {
        return;
    }
    // Half of the base clock and less is no heat of a test: a power limit, or a signal of the board (PROCHOT).
    let outcome = if best <= 0.5 { Outcome::Failed } else { Outcome::Degraded };
    let what = format!(
        "No processor came above {:.0} % of its base clock while all of them worked: something holds the machine back.",
        best * 100.0
    );
    report
        .find(outcome, "cpu-clock-low", "processors", what)
        .next("Look at cooling, at power supplies, and at power limits of firmware and BMC.");
}

/// The best clock under the load of all processors, as a share of the base clock; none if the load was too short to tell.
#[expect(clippy::cast_precision_loss, reason = "megahertz")]
fn share(tally: &Tally, base: u64) -> Option<f64> {
    let best = tally.clocks.iter().max().filter(|_| tally.in_step >= LONG)?;
    Some(*best as f64 / base as f64)
}

fn median(clocks: &[u64]) -> Option<u64> {
    let mut sorted = clocks.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;
    use crate::hwtest::wait::Standing;
    use crate::hwtest::{Kind, Level, Order};

    fn of(clocks: &[u64]) -> Tally {
        Tally {
            rounds: 1,
            clocks: clocks.to_vec(),
            clock_alone: clocks.iter().max().copied(),
            in_step: LONG,
            standing: Standing { ran: 1_000_000, waited: 0 },
            ..Tally::default()
        }
    }

    fn judged(tallies: &[Tally], is_virtual: bool) -> Report {
        let mut report =
            Report::new(&Order { kind: Kind::Cpu, level: Level::Smoke, seconds: 1, seed: 0, inject: None });
        report.covered("processors", "processors", 1, 1);
        judge(tallies, is_virtual, |_| Some(2000), &mut report);
        report
    }

    #[test]
    fn processors_that_all_stay_below_their_base_clock_are_degraded_and_at_half_of_it_failed() {
        let outcome = |clocks: &[u64]| judged(&[of(clocks), of(clocks)], false).outcome();
        assert_eq!(outcome(&[1900, 2100]), Outcome::Passed, "vectors lower a clock, other work does not");
        assert_eq!(outcome(&[1800, 1700]), Outcome::Degraded);
        assert_eq!(outcome(&[800, 900]), Outcome::Failed);
    }

    #[test]
    fn one_good_processor_a_short_load_a_busy_machine_or_a_virtual_one_make_no_verdict() {
        assert_eq!(judged(&[of(&[800]), of(&[2000])], false).outcome(), Outcome::Passed);
        assert_eq!(judged(&[of(&[800])], true).outcome(), Outcome::Passed);
        let short = Tally { in_step: Duration::from_secs(9), ..of(&[800]) };
        assert_eq!(judged(&[short], false).outcome(), Outcome::Passed);
        let busy = Tally { standing: Standing { ran: 1, waited: 1 }, ..of(&[800]) };
        assert_eq!(judged(&[busy], false).outcome(), Outcome::Passed);
    }

    #[test]
    fn clocks_are_told_by_processor_and_a_kernel_that_tells_none_is_named() {
        let report = judged(&[of(&[2000, 3000, 2500])], false);
        let value = |metric| report.measurements.iter().find(|one| one.metric == metric).map(|one| one.value.clone());
        assert_eq!((value(Metric::CpuClock), value(Metric::CpuClockAlone)), (Some(2500.into()), Some(3000.into())));
        let silent = judged(&[Tally { rounds: 1, ..Tally::default() }], false);
        assert!(silent.measurements.is_empty() && silent.not_tested[0].starts_with("Clocks"), "{silent:?}");
    }

    #[test]
    fn the_base_clock_is_what_the_driver_tells() {
        let (_root, host) = machine_of(&[
            ("sys/devices/system/cpu/cpu0/cpufreq/base_frequency", "2600000\n"),
            ("sys/devices/system/cpu/cpu1/acpi_cppc/nominal_freq", "2450\n"),
            ("sys/devices/system/cpu/cpu2/cpufreq/base_frequency", "0\n"),
        ]);
        assert_eq!([0, 1, 2].map(|cpu| base(&host, cpu)), [Some(2600), Some(2450), None]);
    }
}
