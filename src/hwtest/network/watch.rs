//! Ports watched for a while: their links, and the errors that are counted meanwhile. Nothing is sent.

use super::super::{Level, Metric, Outcome, Report};
use super::state::{Cause, State};

/// A port before and after the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// Its name.
    pub(super) name: String,
    /// Somebody named it, and does not only want to know of all.
    pub(super) wanted: bool,
    /// Mbit/s that the card can.
    pub(super) most: Option<u64>,
    /// At the start; `None` if there was none.
    pub(super) before: Option<State>,
    /// At the end.
    pub(super) after: Option<State>,
}

/// Adds what follows of a port; whether its link was tested.
pub(super) fn judge(report: &mut Report, port: &Port) -> bool {
    let name = port.name.as_str();
    let (before, after) = match (&port.before, &port.after) {
        (Some(before), Some(after)) => (before, after),
        (Some(_), None) => {
            let finding = report.find(Outcome::Failed, "net-gone", name, "The interface went away during the test.");
            finding.next("Look at the kernel's log, and seat the card anew.");
            return false;
        }
        (None, _) => {
            let finding = report.find(Outcome::Error, "net-missing", name, "There is no such interface.");
            finding.next("List the interfaces: shakedown inventory.");
            return false;
        }
    };
    if !before.carrier && !after.carrier && after.changes == before.changes {
        no_link(report, port, after);
        return false;
    }
    link(report, port, after);
    let flaps = after.changes.saturating_sub(before.changes);
    if flaps > 0 {
        let what = format!("The link came or went {flaps} times during the test.");
        report
            .find(Outcome::Failed, "net-link-flapped", name, what)
            .next("Try another cable, module or port of the switch.");
    }
    counted(report, name, before, after);
    true
}

fn no_link(report: &mut Report, port: &Port, state: &State) {
    let name = port.name.as_str();
    let (outcome, code, what, next) = match (port.wanted, state.is_up) {
        (true, true) => {
            (Outcome::Failed, "net-no-link", "There is no link.", "Check cable, module and the port of the switch.")
        }
        (true, false) => (
            Outcome::Error,
            "net-not-up",
            "The interface is not set up, so nobody knows whether it has a link.",
            "Set it up, and test again.",
        ),
        (false, _) => {
            report.not_tested.push(format!("{name}: it has no link, or nobody set it up"));
            return;
        }
    };
    report.find(outcome, code, name, what).next(next);
}

fn link(report: &mut Report, port: &Port, state: &State) {
    let name = port.name.as_str();
    if state.full_duplex == Some(false) {
        let finding = report.find(
            Outcome::Failed,
            "net-half-duplex",
            name,
            "The link sends and receives by turns (half duplex).",
        );
        finding.next("Let both ends negotiate, and try another cable.");
    }
    match state.speed {
        Some(speed) => {
            report.measure(Metric::LinkSpeed, name, speed);
            if let Some(most) = port.most.filter(|most| speed < *most) {
                let what = format!(
                    "The link has {speed} Mbit/s; the card can {most}. What the other end can is not known, so no verdict follows."
                );
                report.find(Outcome::Passed, "net-below-card", name, what);
            }
        }
        None => report.not_tested.push(format!("{name}: its speed, which the driver does not tell")),
    }
}

fn counted(report: &mut Report, name: &str, before: &State, after: &State) {
    let list = |errors: &[(String, u64)]| {
        errors.iter().map(|(key, count)| format!("{key} {count}")).collect::<Vec<_>>().join(", ")
    };
    let wire = after.errors_since(before, Cause::Wire);
    report.measure(Metric::FrameErrors, name, wire.iter().map(|(_, count)| count).sum::<u64>());
    if !wire.is_empty() {
        // A look of seconds may meet what a neighbour does when it is plugged.
        let outcome = if report.level == Level::Smoke { Outcome::Degraded } else { Outcome::Failed };
        let what = format!("Broken frames or symbols came during the test: {}.", list(&wire));
        report
            .find(outcome, "net-wire-errors", name, what)
            .next("Clean or replace cable and module, and try another port of the switch.");
    }
    let host = after.errors_since(before, Cause::Host);
    if !host.is_empty() {
        let what =
            format!("This machine was too slow to take all frames: {}. That says nothing about the link.", list(&host));
        report.find(Outcome::Passed, "net-host-slow", name, what);
    }
    let frames = after.frames.0.saturating_sub(before.frames.0);
    report.measure(Metric::FramesReceived, name, frames);
    if frames == 0 {
        report.not_tested.push(format!("{name}: errors of frames, since none came during the test"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::{Kind, Order};
    use super::*;

    fn up() -> State {
        State {
            is_up: true,
            carrier: true,
            speed: Some(10_000),
            full_duplex: Some(true),
            changes: 1,
            ..State::default()
        }
    }

    fn with(cause: Cause, name: &str, count: u64) -> State {
        State { errors: BTreeMap::from([((cause, name.to_owned()), count)]), frames: (100, 0), ..up() }
    }

    fn judged(level: Level, before: Option<State>, after: Option<State>, wanted: bool) -> Report {
        let mut report = Report::new(&Order { kind: Kind::Network, level, seconds: 10, seed: 0, inject: None });
        let port = Port { name: "eth0".to_owned(), wanted, most: Some(25_000), before, after };
        if judge(&mut report, &port) {
            report.covered("ports", "ports", 1, 1);
        }
        report
    }

    fn outcome(before: State, after: State) -> Outcome {
        judged(Level::Standard, Some(before), Some(after), true).outcome()
    }

    #[test]
    fn a_quiet_link_passes_and_says_what_its_card_could() {
        let report = judged(Level::Standard, Some(up()), Some(up()), true);
        assert_eq!(report.outcome(), Outcome::Passed);
        assert_eq!(report.findings[0].code, "net-below-card", "a remark, since the switch may not know better");
        assert!(report.not_tested.iter().any(|line| line.contains("none came")));
    }

    #[test]
    fn broken_frames_fail_a_link_and_frames_that_this_machine_dropped_do_not() {
        let wire = || with(Cause::Wire, "rx_crc_errors", 3);
        assert_eq!(outcome(up(), wire()), Outcome::Failed);
        assert_eq!(outcome(wire(), wire()), Outcome::Passed, "they were counted before");
        assert_eq!(judged(Level::Smoke, Some(up()), Some(wire()), true).outcome(), Outcome::Degraded);
        assert_eq!(outcome(up(), with(Cause::Host, "rx_missed_errors", 3)), Outcome::Passed);
    }

    #[test]
    fn a_link_that_flaps_or_goes_by_turns_has_failed() {
        assert_eq!(outcome(up(), State { changes: 3, ..up() }), Outcome::Failed);
        assert_eq!(outcome(up(), State { full_duplex: Some(false), ..up() }), Outcome::Failed);
        assert_eq!(
            outcome(up(), State { full_duplex: None, speed: None, ..up() }),
            Outcome::Passed,
            "unknown is no fault"
        );
    }

    #[test]
    fn a_port_without_a_link_fails_only_if_somebody_wants_it() {
        let down = || State { carrier: false, ..up() };
        assert_eq!(outcome(down(), down()), Outcome::Failed);
        assert_eq!(outcome(State { is_up: false, ..down() }, State { is_up: false, ..down() }), Outcome::Error);
        let any = judged(Level::Standard, Some(down()), Some(down()), false);
        assert_eq!((any.outcome(), any.not_tested.len()), (Outcome::Error, 1), "nothing was tested");
        assert_eq!(judged(Level::Standard, None, None, true).outcome(), Outcome::Error);
        assert_eq!(judged(Level::Standard, Some(up()), None, true).outcome(), Outcome::Failed);
    }
}
