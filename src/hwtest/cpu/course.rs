//! The phases of a test in order, within its time.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};
use shakedown_kernels::cpu::{Kernel, Shared, exchange};
use shakedown_kernels::memory::random;
use shakedown_kernels::place;

use super::super::inject::Inject;
use super::super::meanwhile::Meanwhile;
use super::super::metric::Metric;
use super::super::outcome::{Kind, Level, Outcome};
use super::super::progress::{Progress, Rate, Tick};
use super::super::report::Report;
use super::super::topology::{is_virtual, range};
use super::super::wait::{Standing, Stolen};
use super::super::{Budget, Order};
use super::clock;
use super::judge::{Pair, judge};
use super::tally::{Beside, Control, Tally, Task};
use crate::diagnosis;
use crate::host::Host;

/// Seeds of each kernel.
const SEEDS: u64 = 8;
/// Turns of two processors in one exchange.
const TURNS: u64 = 2000;
/// Longest exchange, where one side may be kept from its processor.
const LONGEST: Duration = Duration::from_millis(500);
/// Between two looks at how far the test is.
const LOOK: Duration = Duration::from_millis(500);

/// Runs the test to its end.
#[must_use]
pub fn run(order: &Order, progress: &Progress) -> Report {
    let budget = Budget::starting(order.seconds);
    let host = Host::live();
    let meanwhile = Meanwhile::begin(&host);
    let mut report = Report::new(order);
    match place::allowed() {
        Ok(cpus) => tested(order, &host, (budget, progress), &cpus, &mut report),
        Err(error) => {
            let what = format!("The processors of this process are not known: {error}.");
            report.find(Outcome::Error, "processors-not-known", "cpu", what);
        }
    }
    meanwhile.end(&host, &[diagnosis::Kind::Cpu, diagnosis::Kind::Thermal], &mut report);
    report
}

fn tested(order: &Order, host: &Host, (budget, progress): (Budget, &Progress), cpus: &[usize], report: &mut Report) {
    not_tested(host, cpus, report);
    let spoilt = match order.inject {
        Some(Inject::CpuResult(cpu)) => cpu.and_then(|cpu| usize::try_from(cpu).ok()).or_else(|| cpus.first().copied()),
        _ => None,
    };
    let control = Control::new(spoilt);
    let is_done = AtomicBool::new(false);
    let stolen = Stolen::begin();
    let (tallies, pairs) = thread::scope(|scope| {
        scope.spawn(|| watch(host, &control, progress, budget, &is_done));
        let done = phases(order, budget, cpus, &control);
        is_done.store(true, Ordering::Relaxed);
        done
    });
    let worked = |tally: &&Tally| tally.rounds > 0 && tally.moved == 0;
    let count = tallies.iter().filter(worked).count() as u64;
    for tally in tallies.iter().filter(|tally| !worked(tally)) {
        let why = tally.barred.clone().unwrap_or_else(|| "its thread was moved to another one".to_owned());
        report.not_tested.push(format!("cpu{}: {why}.", tally.cpu));
    }
    let present = range(&host.text("/sys/devices/system/cpu/present").unwrap_or_default()).len();
    report.covered("processors", "processors", count, (present as u64).max(cpus.len() as u64));
    report.measure(Metric::CpusTested, "", count);
    let capacity = |cpu: usize| {
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/cpu_capacity");
        let highest = format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq");
        host.text(path).or_else(|| host.text(highest)).and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let is_virtual = is_virtual(host);
    judge(&tallies, &pairs, is_virtual, capacity, report);
    clock::judge(&tallies, is_virtual, |cpu| clock::base(host, cpu), report);
    let mut standing = Standing::default();
    for tally in &tallies {
        standing.join(tally.standing);
    }
    report.waited("", standing.share().max(stolen.share()));
}

/// Processors that this process may not use, and instructions that there are not.
fn not_tested(host: &Host, cpus: &[usize], report: &mut Report) {
    let present = range(&host.text("/sys/devices/system/cpu/present").unwrap_or_default());
    let other: Vec<String> = present.iter().filter(|cpu| !cpus.contains(cpu)).map(|cpu| format!("cpu{cpu}")).collect();
    if !other.is_empty() {
        let text = format!("{}: offline, or this process may not run there.", other.join(", "));
        report.not_tested.push(text);
    }
    let missing = Kernel::missing();
    if !missing.is_empty() {
        report.not_tested.push(format!("{}: these processors lack the instructions.", missing.join(", ")));
    }
}

/// All phases; a smoke test makes them once, others as long as there is time.
fn phases(order: &Order, budget: Budget, cpus: &[usize], control: &Control) -> (Vec<Tally>, Vec<Pair>) {
    let kernels = Kernel::available();
    let tasks: Vec<Task> = kernels
        .into_iter()
        .map(|kernel| {
            let seeds = (0..SEEDS).map(|number| random(order.seed ^ number));
            Task { kernel, known: seeds.map(|seed| (seed, kernel.answer(seed))).collect() }
        })
        .collect();
    if order.inject == Some(Inject::Crash(Kind::Cpu)) {
        let _ = raise(Signal::SIGILL);
    }
    let mut tallies: Vec<Tally> = cpus.iter().map(|cpu| Tally::of(*cpu, tasks.len())).collect();
    let mut pairs = Vec::new();
    // A round is a minute in a long test, so that heat and rest alternate, and all of a short one.
    let mut round = 0;
    while round == 0 || (order.level != Level::Smoke && budget.left() > Duration::from_secs(5)) {
        let time = if order.level == Level::Smoke { budget.left() } else { budget.left().min(Duration::from_secs(60)) };
        alone(&mut tallies, &tasks, time.mul_f64(0.2), control);
        together(&mut tallies, &tasks, time.mul_f64(0.45), control);
        mixed(&mut tallies, &tasks, time.mul_f64(0.15), control);
        pairs.extend(coherent(cpus, random(order.seed ^ round), time.mul_f64(0.15), control));
        round += 1;
    }
    (tallies, pairs)
}

/// One processor after the other, while the others rest: its clock is as high as it goes.
fn alone(tallies: &mut [Tally], tasks: &[Task], time: Duration, control: &Control) {
    let turn = time.div_f64(tallies.len().max(1) as f64).min(Duration::from_secs(1));
    for tally in tallies {
        control.enter(&format!("cpu{} alone", tally.cpu));
        thread::scope(|scope| {
            scope.spawn(|| {
                if !on_its_processor(tally) {
                    return;
                }
                let end = Instant::now() + turn;
                for at in (0..tasks.len()).cycle() {
                    if Instant::now() >= end {
                        break;
                    }
                    tally.block(tasks, at, Instant::now(), Beside::Rest, control);
                }
            });
        });
    }
}

fn on_its_processor(tally: &mut Tally) -> bool {
    match place::pin(tally.cpu) {
        Ok(()) => true,
        Err(error) => {
            tally.barred = Some(format!("no thread may run there: {error}"));
            false
        }
    }
}

/// All processors do the same at once: one kernel after the other, each begun in step.
fn together(tallies: &mut [Tally], tasks: &[Task], time: Duration, control: &Control) {
    let turn = time.div_f64(tasks.len().max(1) as f64);
    let barrier = Barrier::new(tallies.len());
    thread::scope(|scope| {
        for (number, tally) in tallies.iter_mut().enumerate() {
            let barrier = &barrier;
            scope.spawn(move || {
                let here = on_its_processor(tally);
                for at in 0..tasks.len() {
                    if number == 0 {
                        control.enter(&format!("all processors: {}", tasks[at].kernel.name));
                    }
                    barrier.wait();
                    if here {
                        tally.block(tasks, at, Instant::now() + turn, Beside::Same, control);
                    }
                }
            });
        }
    });
}

/// Every processor does something else, and changes often: the load of the supply is uneven.
fn mixed(tallies: &mut [Tally], tasks: &[Task], time: Duration, control: &Control) {
    control.enter("all processors: mixed");
    let end = Instant::now() + time;
    thread::scope(|scope| {
        for (number, tally) in tallies.iter_mut().enumerate() {
            scope.spawn(move || {
                if !on_its_processor(tally) {
                    return;
                }
                for at in (0..tasks.len()).cycle().skip(number % tasks.len().max(1)) {
                    if Instant::now() >= end {
                        break;
                    }
                    tally.block(tasks, at, Instant::now(), Beside::Other, control);
                }
            });
        }
    });
}

/// Pairs of processors that write the same line in turn: neighbours first, then pairs that are further apart, as long as there is time. The
/// first pair has its turn in any case.
fn coherent(cpus: &[usize], seed: u64, time: Duration, control: &Control) -> Vec<Pair> {
    let end = Instant::now() + time;
    let mut pairs = Vec::new();
    for distance in 1..cpus.len() {
        for (one, other) in cpus.iter().zip(cpus.iter().cycle().skip(distance)) {
            if Instant::now() >= end && !pairs.is_empty() {
                return pairs;
            }
            // Each pair once, whichever comes first.
            if distance > 1 || one < other {
                control.enter(&format!("exchange of cpu{one} and cpu{other}"));
                pairs.push(exchanged((*one, *other), seed, control));
            }
        }
    }
    pairs
}

fn exchanged((one, other): (usize, usize), seed: u64, control: &Control) -> Pair {
    let shared = Shared::default();
    let end = Instant::now() + LONGEST;
    let sum = Mutex::new((0, u64::MAX));
    thread::scope(|scope| {
        for (side, cpu) in [(0, one), (1, other)] {
            let (shared, sum) = (&shared, &sum);
            scope.spawn(move || {
                if place::pin(cpu).is_ok() {
                    let told = exchange(shared, side, seed, TURNS, &|| Instant::now() >= end);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    *sum = (sum.0 + told.wrong, sum.1.min(told.turns));
                }
            });
        }
    });
    let (wrong, turns) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    control.errors.fetch_add(wrong, Ordering::Relaxed);
    // A thread that may not run there leaves the number untouched, and the other one waits in vain.
    Pair { cpus: (one, other), wrong, turns: if turns == u64::MAX { 0 } else { turns } }
}

/// Reports the phase, share and rate of the test until it is done.
fn watch(host: &Host, control: &Control, progress: &Progress, budget: Budget, is_done: &AtomicBool) {
    let (mut before, mut at) = (0, Instant::now());
    while !is_done.load(Ordering::Relaxed) {
        thread::sleep(LOOK);
        let rounds = control.rounds.load(Ordering::Relaxed);
        let rate = (rounds - before) as f64 / at.elapsed().as_secs_f64();
        (before, at) = (rounds, Instant::now());
        progress.tick(&Tick {
            phase: control.phase(),
            share: (budget.spent().as_secs_f64() / budget.whole().as_secs_f64().max(0.001)).min(0.99),
            rate: Some(Rate { value: rate, unit: "rounds/s".to_owned() }),
            errors: control.errors.load(Ordering::Relaxed),
            celsius: celsius(host),
            is_for_now: false,
        });
    }
}

/// The highest temperature that sensors inside the processors report.
fn celsius(host: &Host) -> Option<f64> {
    const TOP: &str = "/sys/class/hwmon";
    let mut highest: Option<f64> = None;
    for sensor in host.list(TOP) {
        let name = host.text(format!("{TOP}/{sensor}/name")).unwrap_or_default();
        if !["coretemp", "k10temp", "zenpower", "cpu_thermal"].contains(&name.as_str()) {
            continue;
        }
        let inputs = host
            .list(format!("{TOP}/{sensor}"))
            .into_iter()
            .filter(|file| file.starts_with("temp") && file.ends_with("_input"));
        for millidegrees in inputs.filter_map(|file| host.text(format!("{TOP}/{sensor}/{file}"))?.parse::<f64>().ok()) {
            highest = Some(highest.map_or(millidegrees / 1000.0, |other| other.max(millidegrees / 1000.0)));
        }
    }
    highest
}
