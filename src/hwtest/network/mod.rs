//! The test of networks: links and error counters of the machine's ports. Nothing is sent unless somebody names a peer.

pub mod peer;
mod state;
mod watch;

use std::thread;
use std::time::{Duration, Instant};

use state::State;
use watch::Port;

use super::meanwhile::Meanwhile;
use super::{Order, Outcome, Progress, Report, Tick, crash_if_asked};
use crate::diagnosis;
use crate::host::Host;

/// Between two ticks.
const STEP: Duration = Duration::from_millis(250);

/// Watches ports for the time that was ordered: those that are named, else all with hardware behind them.
#[must_use]
pub fn run(host: &Host, order: &Order, named: &[String], progress: &Progress) -> Report {
    let started = Instant::now();
    crash_if_asked(order.inject);
    let ports = if named.is_empty() { state::with_hardware(host) } else { named.to_vec() };
    let meanwhile = Meanwhile::of(host, ports.clone());
    let mut ports: Vec<Port> = ports
        .into_iter()
        .map(|name| Port {
            wanted: !named.is_empty(),
            most: state::most(host, &name),
            before: State::read(host, &name),
            after: None,
            name,
        })
        .collect();
    let time = Duration::from_secs(order.seconds);
    while ports.iter().any(|port| port.before.is_some()) && started.elapsed() < time {
        let share = started.elapsed().as_secs_f64() / time.as_secs_f64().max(1e-3);
        progress.tick(&Tick { phase: format!("watch {} ports", ports.len()), share, ..Tick::default() });
        thread::sleep(STEP.min(time.saturating_sub(started.elapsed())));
    }
    for port in &mut ports {
        port.after = State::read(host, &port.name);
    }
    let mut report = Report::new(order);
    judge(&ports, &mut report);
    // Links that come and go are judged above.
    meanwhile.end(host, &[diagnosis::Kind::Pcie], &mut report);
    report
}

fn judge(ports: &[Port], report: &mut Report) {
    if ports.is_empty() {
        report.find(Outcome::Skipped, "no-port", "network", "This machine has no network port.");
        return;
    }
    let mut tested = 0;
    for port in ports {
        tested += u64::from(watch::judge(report, port));
    }
    report.covered("this machine", "ports", tested, ports.len() as u64);
    if tested == 0 && report.findings.is_empty() {
        let finding = report.find(Outcome::Error, "net-no-link", "network", "No port of this machine has a link.");
        finding.next("Plug a cable in, set the port up, or name the port that should have a link: --device.");
    }
    report.not_tested.push("throughput and loss: this test sends nothing".to_owned());
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Level};
    use super::*;
    use crate::host::machine_of;

    fn tested(files: &[(&str, &str)], named: &[&str]) -> Report {
        let (_root, host) = machine_of(files);
        let order = Order { kind: Kind::Network, level: Level::Smoke, seconds: 0, seed: 0, inject: None };
        let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        run(&host, &order, &named, &Progress::silent())
    }

    const PORT: [(&str, &str); 6] = [
        ("sys/class/net/eth0/device/vendor", "0x8086\n"),
        ("sys/class/net/eth0/type", "1\n"),
        ("sys/class/net/eth0/flags", "0x1003\n"),
        ("sys/class/net/eth0/carrier", "1\n"),
        ("sys/class/net/eth0/speed", "25000\n"),
        ("sys/class/net/eth0/duplex", "full\n"),
    ];

    #[test]
    fn all_ports_with_hardware_are_watched_and_others_are_not() {
        let files =
            [PORT.as_slice(), &[("sys/class/net/br0/type", "1\n"), ("sys/class/net/br0/carrier", "1\n")]].concat();
        let report = tested(&files, &[]);
        assert_eq!((report.outcome(), report.coverage[0].tested, report.coverage[0].whole), (Outcome::Passed, 1, 1));
        assert!(report.not_tested.iter().any(|line| line.contains("sends nothing")));
    }

    #[test]
    fn a_machine_without_ports_is_skipped_and_one_without_any_link_is_an_error() {
        assert_eq!(tested(&[("sys/class/net/lo/type", "772\n")], &[]).outcome(), Outcome::Skipped);
        let mut dead = PORT;
        dead[3].1 = "0\n";
        assert_eq!(tested(&dead, &[]).outcome(), Outcome::Error);
        assert_eq!(tested(&dead, &["eth0"]).outcome(), Outcome::Failed, "somebody wants this port");
        assert_eq!(tested(&PORT, &["../eth0"]).outcome(), Outcome::Error, "no name of an interface");
    }
}
