//! Verdict on the work of all processors: findings, figures and coverage.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::collections::BTreeSet;

use super::super::metric::Metric;
use super::super::outcome::Outcome;
use super::super::report::Report;
use super::super::wait::DISTURBED;
use super::tally::{Tally, Wrong};

/// How much slower than the median a processor of the same kind may be.
const SLOWER: f64 = 0.05;

/// An exchange of two processors with wrong words.
pub(super) struct Pair {
    pub(super) cpus: (usize, usize),
    pub(super) wrong: u64,
    /// Turns that both sides had.
    pub(super) turns: u64,
}

/// Puts findings and figures into the report. `capacity` gives the kind of a processor: only equal ones are compared.
pub(super) fn judge(
    tallies: &[Tally],
    pairs: &[Pair],
    is_virtual: bool,
    capacity: impl Fn(usize) -> u64,
    report: &mut Report,
) {
    let everywhere = wrong_everywhere(tallies);
    for kernel in &everywhere {
        let what = format!(
            "Every processor gives the same wrong answer in {kernel}: a fault of this program, of microcode, or of the kernel."
        );
        report
            .find(Outcome::Error, "cpu-answer-not-known", "cpu", what)
            .next("Report it, with model and microcode of the processor.");
    }
    for tally in tallies {
        let own: Vec<&Wrong> = tally.wrong.iter().filter(|wrong| !everywhere.contains(wrong.kernel)).collect();
        if let Some(first) = own.first() {
            let what = sentence(tally, &own, first);
            let next = if is_virtual {
                "Test the processors of the host: in a virtual machine no processor can be named."
            } else {
                "Repeat with the same seed; replace the processor that this core belongs to."
            };
            report.find(Outcome::Failed, "cpu-wrong-answer", format!("cpu{}", tally.cpu), what).next(next);
        }
    }
    for pair in pairs.iter().filter(|pair| pair.wrong > 0) {
        let (one, other) = pair.cpus;
        let what = format!("{} word(s) that these processors wrote for each other arrived wrong.", pair.wrong);
        report
            .find(Outcome::Failed, "cpu-coherency", format!("cpu{one} and cpu{other}"), what)
            .next("Repeat; the processor that is part of every such pair is at fault.");
    }
    let idle = pairs.iter().filter(|pair| pair.turns == 0).count();
    if pairs.is_empty() {
        report
            .not_tested
            .push("Words that two processors write for each other: there is only one to be used.".to_owned());
    } else if idle > 0 {
        report.not_tested.push(format!(
            "Words that two processors write for each other: {idle} of {} pairs did not both have their processors in time.",
            pairs.len()
        ));
    }
    report.measure(
        Metric::WrongAnswers,
        "",
        tallies.iter().map(|tally| tally.wrong_total).sum::<u64>() + pairs.iter().map(|pair| pair.wrong).sum::<u64>(),
    );
    pace(tallies, is_virtual, capacity, report);
}

/// Kernels in which all processors, at least two, gave the same wrong words.
fn wrong_everywhere(tallies: &[Tally]) -> BTreeSet<&'static str> {
    let of = |tally: &Tally| -> BTreeSet<(&'static str, u64, u64)> {
        tally.wrong.iter().map(|wrong| (wrong.kernel, wrong.seed, wrong.got)).collect()
    };
    let worked: Vec<_> = tallies.iter().filter(|tally| tally.rounds > 0).map(of).collect();
    if worked.len() < 2 {
        return BTreeSet::new();
    }
    let common = worked.iter().skip(1).fold(worked[0].clone(), |all, one| &all & one);
    common.into_iter().map(|(kernel, ..)| kernel).collect()
}

fn sentence(tally: &Tally, own: &[&Wrong], first: &Wrong) -> String {
    let kernels: BTreeSet<&str> = own.iter().map(|wrong| wrong.kernel).collect();
    let again: u32 = own.iter().map(|wrong| wrong.again).sum();
    format!(
        "{} wrong answer(s) of {} in {}. The first: {} with seed {:#x}, word {}: {:#018x} instead of {:#018x}. Repeated at once, {again} of {} were wrong again.",
        tally.wrong_total,
        tally.rounds,
        kernels.into_iter().collect::<Vec<_>>().join(", "),
        first.kernel,
        first.seed,
        first.word,
        first.got,
        first.expected,
        own.len() * 10
    )
}

/// Compares processors of one kind. Nothing is judged where something else ran, or in a virtual machine.
fn pace(tallies: &[Tally], is_virtual: bool, capacity: impl Fn(usize) -> u64, report: &mut Report) {
    let rates: Vec<(usize, f64)> = shares(tallies, &capacity);
    for (cpu, share) in &rates {
        report.measure(Metric::CpuRate, format!("cpu{cpu}"), (share * 1000.0).round() / 10.0);
    }
    let disturbed: Vec<String> = tallies
        .iter()
        .filter(|tally| tally.disturbed() > DISTURBED)
        .map(|tally| format!("cpu{} ({:.0} % of the time)", tally.cpu, tally.disturbed() * 100.0))
        .collect();
    if is_virtual {
        report.not_tested.push("The pace of each processor: this is a virtual machine.".to_owned());
    } else if !disturbed.is_empty() {
        report.not_tested.push(format!("The pace of each processor: something else ran on {}.", disturbed.join(", ")));
    } else {
        let limit = 1.0 - (4.0 * spread(&rates)).max(SLOWER);
        for (cpu, share) in rates.into_iter().filter(|(_, share)| *share < limit) {
            let what = format!("This processor does {:.1} % of what the median of its kind does.", share * 100.0);
            report
                .find(Outcome::Degraded, "cpu-slow", format!("cpu{cpu}"), what)
                .next("Look at temperatures, power limits, and the settings of the firmware.");
        }
    }
}

/// Each processor's pace as a share of the median of its kind: the mean over all tasks.
fn shares(tallies: &[Tally], capacity: &impl Fn(usize) -> u64) -> Vec<(usize, f64)> {
    let rate = |tally: &Tally, task: usize| {
        let (rounds, nanoseconds) = tally.paced.get(task).copied().unwrap_or_default();
        (nanoseconds > 0).then(|| rounds as f64 / nanoseconds as f64)
    };
    let tasks = tallies.iter().map(|tally| tally.paced.len()).max().unwrap_or(0);
    let share = |tally: &Tally| {
        let kind = capacity(tally.cpu);
        let of_task = |task: usize| {
            let alike = tallies.iter().filter(|other| capacity(other.cpu) == kind);
            let mut rates: Vec<f64> = alike.filter_map(|other| rate(other, task)).collect();
            rates.sort_by(f64::total_cmp);
            Some(rate(tally, task)? / rates.get(rates.len() / 2)?)
        };
        let all: Vec<f64> = (0..tasks).filter_map(of_task).collect();
        (!all.is_empty()).then(|| (tally.cpu, all.iter().sum::<f64>() / all.len() as f64))
    };
    tallies.iter().filter_map(share).collect()
}

/// Standard deviation from the median of the distances to the median, which a few slow ones do not change.
fn spread(rates: &[(usize, f64)]) -> f64 {
    let mut distances: Vec<f64> = rates.iter().map(|(_, share)| (share - 1.0).abs()).collect();
    distances.sort_by(f64::total_cmp);
    1.4826 * distances.get(distances.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hwtest::wait::Standing;
    use crate::hwtest::{Kind, Level, Order};

    fn report() -> Report {
        let order = Order { kind: Kind::Cpu, level: Level::Smoke, seconds: 1, seed: 0, inject: None };
        let mut report = Report::new(&order);
        report.covered("processors", "processors", 1, 1);
        report
    }

    fn good(cpu: usize) -> Tally {
        let standing = Standing { ran: 1_000_000, waited: 0 };
        Tally { cpu, paced: vec![(1000, 1_000_000)], rounds: 1000, standing, ..Tally::default() }
    }

    fn wrong(kernel: &'static str, got: u64) -> Wrong {
        Wrong { kernel, seed: 1, word: 3, expected: 7, got, again: 10 }
    }

    fn judged(tallies: &[Tally], pairs: &[Pair], is_virtual: bool) -> Report {
        let mut report = report();
        judge(tallies, pairs, is_virtual, |cpu| if cpu >= 100 { 400 } else { 1024 }, &mut report);
        report
    }

    fn codes(report: &Report) -> Vec<(&str, &str)> {
        report.findings.iter().map(|finding| (finding.code.as_str(), finding.subject.as_str())).collect()
    }

    #[test]
    fn the_processor_with_the_wrong_answer_is_named() {
        let mut tallies: Vec<_> = (0..8).map(good).collect();
        tallies[5].wrong = vec![wrong("sort", 8)];
        tallies[5].wrong_total = 1;
        let report = judged(&tallies, &[], false);
        assert_eq!((report.outcome(), codes(&report)), (Outcome::Failed, vec![("cpu-wrong-answer", "cpu5")]));
        assert!(
            report.findings[0]
                .what
                .contains("sort with seed 0x1, word 3: 0x0000000000000008 instead of 0x0000000000000007")
        );
    }

    #[test]
    fn what_all_processors_answer_alike_is_no_fault_of_theirs() {
        let mut tallies: Vec<_> = (0..4).map(good).collect();
        for tally in &mut tallies {
            tally.wrong = vec![wrong("aes", 9)];
        }
        let report = judged(&tallies, &[], false);
        assert_eq!((report.outcome(), codes(&report)), (Outcome::Error, vec![("cpu-answer-not-known", "cpu")]));
        // Different wrong answers are faults of processors.
        tallies[1].wrong = vec![wrong("aes", 10)];
        assert_eq!(judged(&tallies, &[], false).outcome(), Outcome::Failed);
        // One processor alone cannot be outvoted.
        assert_eq!(judged(&tallies[..1], &[], false).outcome(), Outcome::Failed);
    }

    #[test]
    fn words_that_arrive_wrong_name_the_pair() {
        let tallies = [good(0), good(1)];
        let report = judged(&tallies, &[Pair { cpus: (0, 1), wrong: 2, turns: 9 }], false);
        assert_eq!((report.outcome(), codes(&report)), (Outcome::Failed, vec![("cpu-coherency", "cpu0 and cpu1")]));
    }

    #[test]
    fn a_slow_processor_is_degraded_unless_something_disturbs_it() {
        let mut tallies: Vec<_> = (0..8).map(good).collect();
        tallies[2].paced = vec![(900, 1_000_000)];
        let report = judged(&tallies, &[], false);
        assert_eq!((report.outcome(), codes(&report)), (Outcome::Degraded, vec![("cpu-slow", "cpu2")]));
        assert_eq!(judged(&tallies, &[], true).outcome(), Outcome::Passed, "a virtual machine");
        tallies[2].standing.waited = 500_000;
        let report = judged(&tallies, &[], false);
        assert_eq!(report.outcome(), Outcome::Passed);
        let told = report.not_tested.join(" ");
        assert!(told.contains("cpu2 (33 % of the time)"), "{told}");
    }

    #[test]
    fn processors_are_compared_with_their_own_kind() {
        let mut tallies: Vec<_> = (0..4).chain(100..104).map(good).collect();
        for tally in &mut tallies[4..] {
            tally.paced = vec![(400, 1_000_000)];
        }
        assert_eq!(judged(&tallies, &[], false).outcome(), Outcome::Passed);
    }
}
