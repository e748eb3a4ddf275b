//! The passes of a test in order, within its time.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};
use shakedown_kernels::memory::{Generator, Store, check, fill, march, moving_inversions, random};
use shakedown_kernels::place;

use super::super::inject::Inject;
use super::super::meanwhile::Meanwhile;
use super::super::metric::Metric;
use super::super::outcome::{Kind, Level, Outcome};
use super::super::progress::{Progress, Rate, Tick};
use super::super::report::Report;
use super::super::topology::{is_virtual, nodes, one_a_core};
use super::super::{Budget, Order};
use super::blame::{Found, blame};
use super::figures::measure;
use super::limits::{Limits, available, kilobytes, lockable};
use super::load::load;
use super::plan::Plan;
use super::team::{Control, Team};
use crate::diagnosis;
use crate::host::Host;

/// Words that every other word of a test is relative to, so that bits of a word disturb each other.
const BACKGROUNDS: [u64; 5] =
    [0, 0x5555_5555_5555_5555, 0x3333_3333_3333_3333, 0x0f0f_0f0f_0f0f_0f0f, 0x00ff_00ff_00ff_00ff];
/// Between two looks at how far the test is.
const LOOK: Duration = Duration::from_millis(500);
const GIB: f64 = (1_u64 << 30) as f64;

/// Runs the test to its end.
#[must_use]
pub fn run(order: &Order, progress: &Progress) -> Report {
    let budget = Budget::starting(order.seconds);
    let host = Host::live();
    let meanwhile = Meanwhile::begin(&host);
    let mut report = Report::new(order);
    if let Err((code, why)) = tested(order, &host, budget, progress, &mut report) {
        report
            .find(Outcome::Error, code, "memory", why)
            .next("Free memory, or raise the limit that is named, and repeat.");
    }
    meanwhile.end(&host, &[diagnosis::Kind::Memory], &mut report);
    report
}

type Refused = (&'static str, String);

fn tested(order: &Order, host: &Host, budget: Budget, progress: &Progress, report: &mut Report) -> Result<(), Refused> {
    let limits = Limits::read(host, lockable(host)).map_err(|why| ("memory-not-known", why))?;
    let allowed = place::allowed().map_err(|error| ("processors-not-known", error.to_string()))?;
    let mut nodes = nodes(host, &allowed);
    for node in &mut nodes {
        node.cpus = one_a_core(host, &node.cpus);
    }
    let plan = Plan::new(&limits, &nodes, order.seconds);
    report.not_tested.extend(plan.not_tested.iter().cloned());
    report
        .not_tested
        .push("The kernel's own memory, and what devices hold, cannot be tested while a system runs.".to_owned());
    if let Some(bad) =
        kilobytes(&host.text("/proc/meminfo").unwrap_or_default(), "HardwareCorrupted:").filter(|b| *b > 0)
    {
        report.not_tested.push(format!("{} KiB that the kernel took out of use after errors.", bad / 1024));
    }
    if plan.parts.is_empty() {
        return Err((
            "memory-too-little",
            format!("Too little memory is free to test any. {}", limits.reasons().join(" ")),
        ));
    }
    let for_figures = budget.whole().mul_f64(0.1).min(Duration::from_secs(10));
    let control = Control::until(Instant::now() + budget.left().saturating_sub(for_figures));
    let is_done = AtomicBool::new(false);
    let watcher = Watcher { host, level: order.level, work: plan.bytes(), reserve: limits.reserve, budget };
    let mut team = thread::scope(|scope| {
        scope.spawn(|| watcher.watch(&control, progress, &is_done));
        let end = Instant::now() + budget.left().mul_f64(watcher.share_for_taking());
        let mut team = Team::gather(&plan, host, limits.reserve, &control, end);
        passes(order, budget, &mut team);
        is_done.store(true, Ordering::Relaxed);
        team
    });
    told(&mut team, host, &limits, report);
    if team.bytes() == 0 {
        return Err((
            "memory-not-taken",
            format!("None of the planned memory could be taken. {}", limits.reasons().join(" ")),
        ));
    }
    if let Some(why) = control.stopped() {
        report
            .find(Outcome::Error, "memory-given-way", "memory", why)
            .next("Repeat when nothing else needs the memory.");
    } else {
        measure(&mut team, host, report, for_figures);
    }
    Ok(())
}

/// Makes all passes of the level.
fn passes(order: &Order, budget: Budget, team: &mut Team<'_>) {
    let control = team.control;
    match order.inject {
        Some(Inject::MemoryBit(place)) => team.spoilt = Some(usize::try_from(place.unwrap_or(4096)).unwrap_or(4096)),
        Some(Inject::Crash(Kind::Memory)) => {
            let _ = raise(Signal::SIGILL);
        }
        _ => {}
    }
    own_address(team, order.seed);
    control.passed();
    numbers(team, order.seed);
    let mut round = 0;
    while order.level != Level::Smoke && !control.is_over() {
        let whole = order.level == Level::Soak;
        patterns(team, whole);
        let rest = control.end.saturating_duration_since(Instant::now());
        busy(team, random(order.seed ^ round), rest.mul_f64(0.2).min(Duration::from_secs(60)));
        round += 1;
        numbers(team, random(order.seed ^ round));
        if !whole {
            break;
        }
        retention(team, random(order.seed ^ !round), budget.whole().mul_f64(0.02).min(Duration::from_secs(120)));
        own_address(team, random(order.seed ^ round));
    }
}

/// Every word holds its own address; all are written before any is read.
fn own_address(team: &mut Team<'_>, seed: u64) {
    let generator = Generator::OwnAddress { seed };
    team.control.enter("own address");
    team.write(|piece, isa| fill(piece, generator, Store::Streaming, isa));
    for downwards in [false, true] {
        team.check(downwards, |piece, isa, misses| check(piece, generator, downwards, isa, misses));
    }
}

/// Random numbers.
fn numbers(team: &mut Team<'_>, seed: u64) {
    let generator = Generator::Random { seed };
    team.control.enter("random");
    team.write(|piece, isa| fill(piece, generator, Store::Streaming, isa));
    team.check(false, |piece, isa, misses| check(piece, generator, false, isa, misses));
}

/// March C- over backgrounds and moving inversions of single bits; all of them in a soak.
fn patterns(team: &mut Team<'_>, all: bool) {
    let backgrounds = if all { &BACKGROUNDS[..] } else { &BACKGROUNDS[..2] };
    for background in backgrounds {
        team.control.enter(&format!("March C- {background:016x}"));
        if !march(team, *background) {
            return;
        }
    }
    for shift in (0..64).step_by(if all { 1 } else { 16 }) {
        team.control.enter(&format!("moving inversions of bit {shift}"));
        if !moving_inversions(team, 1 << shift) {
            return;
        }
    }
}

/// Copies on all processors, which rest at once and begin at once, so that the supply feels it.
fn busy(team: &mut Team<'_>, seed: u64, time: Duration) {
    let turn = time.div_f64(3.0);
    for step in 0..3 {
        if team.control.is_over() {
            return;
        }
        team.control.enter("rest before load");
        thread::sleep(turn.div_f64(4.0).min(Duration::from_secs(3)));
        team.control.enter("copies with checksums");
        load(team, random(seed ^ step), turn.mul_f64(0.75));
    }
}

/// Checks that written data is still there after a while.
fn retention(team: &mut Team<'_>, seed: u64, rest: Duration) {
    let generator = Generator::Random { seed };
    team.control.enter("retention");
    team.write(|piece, isa| fill(piece, generator, Store::Streaming, isa));
    thread::sleep(rest.min(team.control.end.saturating_duration_since(Instant::now())));
    team.check(false, |piece, isa, misses| check(piece, generator, false, isa, misses));
}

/// Watcher that reports progress and ends the test early if others need the memory.
struct Watcher<'a> {
    host: &'a Host,
    level: Level,
    /// Bytes of the plan.
    work: u64,
    /// Bytes that stay free for others.
    reserve: u64,
    budget: Budget,
}

impl Watcher<'_> {
    /// Share of the time in which memory is taken. Where its first touch is slow, as in a virtual machine, a short test takes less of it.
    fn share_for_taking(&self) -> f64 {
        if self.level == Level::Smoke { 0.2 } else { 0.5 }
    }

    fn watch(&self, control: &Control, progress: &Progress, is_done: &AtomicBool) {
        // Passes over all memory: taking it, own address, random; for the standard test two marches, four inversions, random.
        let passes = if self.level == Level::Smoke { 6 } else { 6 + 2 * 6 + 4 * 4 + 2 };
        let work = self.work.saturating_mul(passes).max(1) as f64;
        let (mut before, mut at) = (0, Instant::now());
        while !is_done.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
            let done = control.done.load(Ordering::Relaxed);
            let rate = (done - before) as f64 / GIB / at.elapsed().as_secs_f64();
            (before, at) = (done, Instant::now());
            let by_time = self.budget.spent().as_secs_f64() / self.budget.whole().as_secs_f64().max(0.001);
            let share = if self.level == Level::Soak { by_time } else { (done as f64 / work).max(by_time) };
            progress.tick(&Tick {
                phase: control.phase(),
                share: share.min(0.99),
                rate: Some(Rate { value: rate, unit: "GiB/s".to_owned() }),
                errors: control.errors.load(Ordering::Relaxed),
                celsius: None,
                is_for_now: false,
            });
            if available(self.host).is_some_and(|bytes| bytes < self.reserve / 4) {
                control.stop("Other programs needed the memory, so the test gave it back before its end.");
            }
        }
    }
}

/// Puts what the threads found and covered into the report.
fn told(team: &mut Team<'_>, host: &Host, limits: &Limits, report: &mut Report) {
    let bytes = team.bytes();
    let mut found: Vec<Found> = Vec::new();
    let (mut tested, mut refusals) = (0, Vec::new());
    for worker in &team.workers {
        let own: u64 = worker.pieces[..worker.tested].iter().map(|piece| piece.bytes() as u64).sum();
        tested += own;
        refusals.extend(worker.refused.clone());
        match found.iter_mut().find(|one| one.node == worker.node) {
            Some(one) => {
                one.misses.join(&worker.misses);
                one.passing += worker.passing;
            }
            None => {
                found.push(Found { node: worker.node.clone(), misses: worker.misses.clone(), passing: worker.passing });
            }
        }
    }
    refusals.sort_unstable();
    refusals.dedup();
    report
        .not_tested
        .extend(refusals.into_iter().map(|why| format!("Not all of the planned memory was taken: {why}.")));
    if tested < bytes {
        report
            .not_tested
            .push(format!("{} MiB were taken and not checked: the time was over.", (bytes - tested) >> 20));
    }
    report.covered("memory", "bytes", tested, limits.total);
    report.measure(Metric::MemoryTested, "", tested);
    report.measure(Metric::MemoryShare, "", (tested as f64 / limits.total as f64 * 1000.0).round() / 10.0);
    report.measure(Metric::Miscompares, "", found.iter().map(|one| one.misses.total + one.passing).sum::<u64>());
    let huge = kilobytes(&host.text("/proc/self/smaps_rollup").unwrap_or_default(), "AnonHugePages:").unwrap_or(0);
    let in_large = huge.min(bytes) as f64 / bytes.max(1) as f64;
    report.measure(Metric::LargePages, "", (in_large * 1000.0).round() / 10.0);
    blame(&found, is_virtual(host), physical, report);
    if is_virtual(host) {
        report.not_tested.push("This is a virtual machine: figures and places are its host's.".to_owned());
    }
}

/// The physical address behind one of this process, as far as this user may know it.
fn physical(address: usize) -> Option<u64> {
    const PAGE: u64 = 4096;
    if !cfg!(target_arch = "x86_64") {
        return None; // pages of other sizes
    }
    let (page, inside) = (address as u64 / PAGE, address as u64 % PAGE);
    let mut entry = [0; 8];
    std::fs::File::open("/proc/self/pagemap").ok()?.read_exact_at(&mut entry, page * 8).ok()?;
    // Bits 0 to 54 are the number of the page frame, which only the privileged see (Documentation/admin-guide/mm/pagemap.rst).
    let frame = u64::from_le_bytes(entry) & ((1 << 55) - 1);
    (frame > 0).then_some(frame * PAGE + inside)
}
