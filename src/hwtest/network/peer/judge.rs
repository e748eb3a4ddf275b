//! Verdict on the figures of a test with a peer. Both ends reach the same one.
#![allow(clippy::cast_precision_loss, reason = "shares for people")]

use super::super::super::{Level, Metric, Outcome, Report, Series, Value};
use super::carrier::Carrier;
use super::channel::Role;
use super::measured::{Direction, Measured};

/// Percent of lost datagrams from which a link has failed: one in a thousand. A healthy link loses none.
const MUCH: f64 = 0.1;
/// Percent of a link's speed that its throughput has at least: what Canonical's certification asks.
const LEAST: f64 = 80.0;
/// Percent of work of a processor above which it may be what is slow.
const BUSY: f64 = 90.0;

/// Adds figures and findings of both directions.
pub(super) fn judge(report: &mut Report, measured: &Measured, carrier: &Carrier, role: Role) {
    let subject = if carrier.name.is_empty() { "network" } else { carrier.name.as_str() };
    let (out, back) = match role {
        Role::Peer => (&measured.to_listener, &measured.to_peer),
        Role::Listener => (&measured.to_peer, &measured.to_listener),
    };
    figures(report, measured, out, back, subject);
    for (direction, way) in [(out, "to the peer"), (back, "from the peer")] {
        content(report, direction, subject, way);
        loss(report, direction, subject, way);
        speed(report, measured, direction, carrier, way);
    }
    report.covered(format!("the way to the peer over {subject}"), "directions", 2, 2);
    let both = |of: fn(&Direction) -> u64| of(out).saturating_add(of(back));
    report.covered("the data, compared with what was sent", "bytes", both(|one| one.compared), both(|one| one.bytes));
    report.not_tested.push("the largest packet that passes (MTU), and packets with marks of priority".to_owned());
    if carrier.is_own {
        report.not_tested.push("a cable: the peer is this machine".to_owned());
    } else if !carrier.has_hardware {
        report.not_tested.push(format!("{subject}: the ports below it one by one, as it is no port itself"));
    }
}

fn figures(report: &mut Report, measured: &Measured, out: &Direction, back: &Direction, subject: &str) {
    let round = |value: f64| Value::Number((value * 100.0).round() / 100.0);
    let mut add = |metric, value: Value| report.measure(metric, subject, value);
    for (metric, direction) in [(Metric::ThroughputSent, out), (Metric::ThroughputReceived, back)] {
        add(metric, round(direction.throughput()));
    }
    for (metric, direction) in [(Metric::LossSent, out), (Metric::LossReceived, back)] {
        let share = direction.share(direction.lost());
        add(metric, Value::Number((share * 10_000.0).round() / 10_000.0));
    }
    let both = |of: fn(&Direction) -> u64| Value::Count(of(out).saturating_add(of(back)));
    add(Metric::PacketsSent, both(|one| one.datagrams));
    add(Metric::PacketsReordered, both(|one| one.arrived.reordered));
    add(Metric::PacketsDuplicated, both(|one| one.arrived.duplicated));
    if let Some((sent, received)) = out.retransmitted.zip(back.retransmitted) {
        add(Metric::Retransmissions, Value::Count(sent.saturating_add(received)));
    }
    let trips = measured.trips;
    let parts = [
        (Metric::RoundTripMin, trips.min),
        (Metric::RoundTrip50, trips.p50),
        (Metric::RoundTrip99, trips.p99),
        (Metric::RoundTripMax, trips.max),
    ];
    for (metric, value) in parts {
        add(metric, round(value));
    }
    if let Some(busiest) = out.busiest().into_iter().chain(back.busiest()).reduce(f64::max) {
        add(Metric::BusiestCpu, round(busiest));
    }
    for (metric, direction) in [(Metric::ThroughputSent, out), (Metric::ThroughputReceived, back)] {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
        let at = (0..direction.series.len()).map(|second| (second + 1) as f64).collect();
        let values = direction.series.iter().copied().map(Some).collect();
        let (subject, along) = (subject.to_owned(), "seconds".to_owned());
        report.series.push(Series { metric, subject, along, at, values, marked: Vec::new() });
    }
}

/// Bytes that changed on the way past all checksums.
fn content(report: &mut Report, direction: &Direction, subject: &str, way: &str) {
    let wrong = direction.wrong.saturating_add(direction.arrived.wrong);
    if wrong > 0 {
        let what = format!("Data changed on the way {way}, behind all checksums: {wrong} bytes or packets were wrong.");
        let next = "Turn off what the cards compute (ethtool -K NAME rx off tx off) at one end after the other and test again; replace the card that it follows.";
        report.find(Outcome::Failed, "net-data-changed", subject, what).next(next);
    }
}

fn loss(report: &mut Report, direction: &Direction, subject: &str, way: &str) {
    let lost = direction.lost();
    let sent = direction.datagrams;
    let here = direction.dropped();
    if here > 0 {
        let what = format!(
            "One of both machines was too slow and dropped {here} packets of the way {way} itself. That says nothing about the link."
        );
        report.find(Outcome::Passed, "net-host-slow", subject, what);
    }
    if lost > 0 {
        let share = direction.share(lost);
        let outcome = if share >= MUCH && report.level != Level::Smoke { Outcome::Failed } else { Outcome::Degraded };
        let gap = direction.arrived.longest_gap;
        let what =
            format!("{lost} of {sent} packets were lost on the way {way}: {share:.3} %, at most {gap} in a row.");
        let next =
            "Look at the error counters of both ports and of the switches between; try another cable, module and port.";
        report.find(outcome, "net-loss", subject, what).next(next);
    }
    if direction.arrived.reordered > 0 {
        let what = format!(
            "{} of {sent} packets came after later ones on the way {way}, as over several paths.",
            direction.arrived.reordered
        );
        report.find(Outcome::Passed, "net-reordered", subject, what);
    }
    if direction.arrived.duplicated > 0 {
        let what = format!("{} of {sent} packets came twice on the way {way}.", direction.arrived.duplicated);
        report.find(Outcome::Passed, "net-duplicated", subject, what).next("Look for a loop or a mirrored port.");
    }
}

/// A verdict only where nothing but the link can be the reason.
fn speed(report: &mut Report, measured: &Measured, direction: &Direction, carrier: &Carrier, way: &str) {
    let both = measured.peer.speed.zip(measured.listener.speed).map(|(one, other)| one.min(other));
    let Some(speed) = both.filter(|speed| *speed > 0) else {
        let line = "throughput against the speed of the link, which is not known at both ends";
        if !report.not_tested.iter().any(|other| other == line) {
            report.not_tested.push(line.to_owned());
        }
        return;
    };
    let share = direction.throughput() / speed as f64 * 100.0;
    if share >= LEAST {
        return;
    }
    let what = format!(
        "{:.0} Mbit/s went through {way}: {share:.0} % of the {speed} Mbit/s that both ports have.",
        direction.throughput()
    );
    let why_not = if direction.busiest().is_none_or(|busiest| busiest > BUSY) {
        Some("a processor at one end was busy the whole time")
    } else if !(measured.peer.has_hardware && measured.listener.has_hardware) {
        Some("not both ends are ports with hardware")
    } else if !carrier.is_near {
        Some("a router is between the ends")
    } else if report.level == Level::Smoke {
        Some("a look of seconds may meet other traffic")
    } else {
        None
    };
    if let Some(why) = why_not {
        report.find(Outcome::Passed, "net-slow-unclear", carrier.name.as_str(), format!("{what} No verdict: {why}."));
    } else {
        let next = "Look for other traffic, retransmissions, and the settings of both ports (offloads, pause frames, PCI Express: shakedown test pcie).";
        report.find(Outcome::Degraded, "net-slow", carrier.name.as_str(), what).next(next);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::{Kind, Order};
    use super::super::message::{Arrived, End};
    use super::*;

    fn good() -> Measured {
        let end = End { speed: Some(1000), has_hardware: true, ..End::default() };
        let direction = Direction {
            counted: 940 * 125_000,
            millis: 1000,
            retransmitted: Some(0),
            busiest_sender: Some(20.0),
            busiest_receiver: Some(30.0),
            datagrams: 10_000,
            arrived: Arrived { received: 10_000, ..Arrived::default() },
            ..Direction::default()
        };
        Measured {
            peer: end.clone(),
            listener: end,
            to_listener: direction.clone(),
            to_peer: direction,
            ..Measured::default()
        }
    }

    fn judged(level: Level, change: impl FnOnce(&mut Measured)) -> Report {
        let mut report = Report::new(&Order { kind: Kind::Network, level, seconds: 10, seed: 0, inject: None });
        let mut measured = good();
        change(&mut measured);
        let carrier =
            Carrier { name: "eth0".into(), speed: Some(1000), has_hardware: true, is_own: false, is_near: true };
        judge(&mut report, &measured, &carrier, Role::Peer);
        report
    }

    fn outcome(change: impl FnOnce(&mut Measured)) -> Outcome {
        judged(Level::Standard, change).outcome()
    }

    fn figure(report: &Report, metric: Metric) -> Option<Value> {
        report.measurements.iter().find(|one| one.metric == metric).map(|one| one.value.clone())
    }

    #[test]
    fn a_quick_link_that_loses_nothing_passes() {
        let report = judged(Level::Standard, |_| {});
        assert_eq!((report.outcome(), report.findings.len()), (Outcome::Passed, 0), "{report:?}");
        assert_eq!(figure(&report, Metric::ThroughputSent), Some(Value::Number(940.0)));
        assert_eq!(figure(&report, Metric::LossReceived), Some(Value::Number(0.0)));
    }

    #[test]
    fn losses_on_the_way_are_found_with_their_direction_and_those_of_a_slow_receiver_are_not() {
        let lose = |count| move |measured: &mut Measured| measured.to_peer.arrived.received -= count;
        let report = judged(Level::Standard, lose(200));
        assert_eq!(report.outcome(), Outcome::Failed);
        assert!(
            report.headline().contains("200 of 10000 packets were lost on the way from the peer: 2.000 %"),
            "{report:?}"
        );
        assert_eq!(figure(&report, Metric::LossReceived), Some(Value::Number(2.0)));
        assert_eq!(outcome(lose(1)), Outcome::Degraded, "one is one");
        assert_eq!(judged(Level::Smoke, lose(200)).outcome(), Outcome::Degraded);
        let dropped = |measured: &mut Measured| {
            measured.to_peer.arrived.received -= 200;
            measured.to_peer.arrived.dropped_here = 200;
        };
        assert_eq!(outcome(dropped), Outcome::Passed);
    }

    #[test]
    fn slowness_is_a_verdict_only_where_nothing_else_can_be_the_reason() {
        let slow = |measured: &mut Measured| measured.to_listener.counted /= 2;
        assert_eq!(outcome(slow), Outcome::Degraded);
        assert_eq!(judged(Level::Smoke, slow).outcome(), Outcome::Passed);
        let with = |change: fn(&mut Measured)| {
            outcome(move |measured| {
                measured.to_listener.counted /= 2;
                change(measured);
            })
        };
        assert_eq!(with(|measured| measured.to_listener.busiest_receiver = Some(95.0)), Outcome::Passed);
        assert_eq!(with(|measured| measured.listener.has_hardware = false), Outcome::Passed);
        assert_eq!(with(|measured| measured.listener.speed = Some(500)), Outcome::Passed, "the slower port counts");
        let unknown = judged(Level::Standard, |measured| measured.peer.speed = None);
        assert!(unknown.not_tested.iter().any(|line| line.contains("not known at both ends")));
    }

    #[test]
    fn data_that_changed_fail_and_what_only_took_another_way_does_not() {
        assert_eq!(outcome(|measured| measured.to_peer.wrong = 1), Outcome::Failed);
        assert_eq!(outcome(|measured| measured.to_listener.arrived.wrong = 1), Outcome::Failed);
        let report = judged(Level::Standard, |measured| {
            measured.to_peer.arrived.reordered = 5;
            measured.to_peer.arrived.duplicated = 2;
        });
        assert_eq!((report.outcome(), report.findings.len()), (Outcome::Passed, 2));
    }
}
