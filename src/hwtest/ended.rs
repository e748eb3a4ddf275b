//! Verdict on the hardware after a test process that ended without a report.

use crate::process::Fate;

use super::Order;
use super::outcome::{Kind, Outcome};
use super::progress::Tick;
use super::report::Report;

// Numbers of signals that are the same on every architecture of Linux that this program runs on (signal(7)).
const SIGILL: i32 = 4;
const SIGTRAP: i32 = 5;
const SIGABRT: i32 = 6;
const SIGBUS: i32 = 7;
const SIGFPE: i32 = 8;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;

/// The report of a test whose process ended by itself without one, after it had told `last`.
#[must_use]
pub fn without_report(order: &Order, fate: Fate, last: Option<&Tick>) -> Report {
    let mut report = Report::new(order);
    let phase = last.map_or("before its first pass", |tick| tick.phase.as_str());
    let subject = order.kind.word();
    match fate {
        Fate::Signalled(SIGBUS) if order.kind == Kind::Memory => {
            let what = format!("Memory could not be read at all: the test process got SIGBUS during: {phase}.");
            let next = "Read the kernel's log (shakedown diagnose), which names the address, and replace that module.";
            report.find(Outcome::Failed, "memory-not-readable", subject, what).next(next);
        }
        Fate::Signalled(signal @ (SIGILL | SIGTRAP | SIGBUS | SIGFPE | SIGSEGV)) => {
            let what = format!("The test process crashed with {} during: {phase}.", name(signal));
            let next = "Repeat with the same seed: a crash at the same place may be a fault of this program, at changing places of processor or memory.";
            report.find(Outcome::Failed, "test-crashed", subject, what).next(next);
        }
        Fate::Signalled(SIGKILL) => {
            let what =
                format!("The test process was killed during: {phase}. The kernel does that when memory runs out.");
            report.find(Outcome::Error, "test-killed", subject, what).next("Repeat when less else runs.");
        }
        Fate::Signalled(signal) => {
            let what = format!("The test process ended with {} during: {phase}.", name(signal));
            report.find(Outcome::Error, "test-ended", subject, what).next("Repeat the test.");
        }
        Fate::Exited(code) => {
            let what = format!("The test process ended with code {code} and without a result during: {phase}.");
            report.find(Outcome::Error, "test-ended", subject, what).next("Repeat the test.");
        }
    }
    report
}

/// The report of a test that had to be ended from outside.
#[must_use]
pub fn ended_from_outside(order: &Order, hangs: bool, last: Option<&Tick>) -> Report {
    let mut report = Report::new(order);
    let phase = last.map_or("before its first pass", |tick| tick.phase.as_str());
    let subject = order.kind.word();
    if hangs {
        let what = format!("The test did not end in its time, and was ended during: {phase}.");
        report
            .find(Outcome::Error, "test-hangs", subject, what)
            .next("Read the kernel's log (shakedown diagnose), and repeat with more time, or when less else runs.");
    } else {
        let what = format!("The test was stopped before its end, during: {phase}.");
        report.find(Outcome::Error, "test-stopped", subject, what);
    }
    report
}

fn name(signal: i32) -> String {
    match signal {
        SIGILL => "SIGILL (an instruction that the processor did not know)".to_owned(),
        SIGTRAP => "SIGTRAP".to_owned(),
        SIGABRT => "SIGABRT".to_owned(),
        SIGBUS => "SIGBUS (memory that could not be read)".to_owned(),
        SIGFPE => "SIGFPE (arithmetic that the processor refused)".to_owned(),
        SIGSEGV => "SIGSEGV (an address that is not its own)".to_owned(),
        other => format!("signal {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hwtest::Level;

    #[test]
    fn a_crash_of_the_test_is_evidence_and_a_kill_is_not() {
        let order = Order { kind: Kind::Cpu, level: Level::Smoke, seconds: 1, seed: 0, inject: None };
        for signal in [SIGILL, SIGSEGV, SIGBUS, SIGFPE] {
            assert_eq!(without_report(&order, Fate::Signalled(signal), None).outcome(), Outcome::Failed, "{signal}");
        }
        for fate in [Fate::Signalled(SIGKILL), Fate::Signalled(SIGABRT), Fate::Exited(101), Fate::Exited(0)] {
            assert_eq!(without_report(&order, fate, None).outcome(), Outcome::Error, "{fate:?}");
        }
        for hangs in [true, false] {
            assert_eq!(ended_from_outside(&order, hangs, None).outcome(), Outcome::Error);
        }
    }
}
