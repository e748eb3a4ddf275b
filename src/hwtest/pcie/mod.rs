//! The test of PCI Express: whether each link is as wide and as quick as both of its ends can, and whether errors are counted meanwhile.
//!
//! Nothing is written and no link is trained anew. A profile that a site ordered may ask for more (`shakedown accept`).

mod errors;
mod link;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use errors::{Errors, New, Severity};
use link::{Link, Links, Speed, Without};

use super::{Metric, Order, Outcome, Progress, Report, Tick, crash_if_asked};
use crate::host::Host;

/// Between two looks at the links.
const STEP: Duration = Duration::from_millis(100);

/// Observations of a machine's links during a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    links: Links,
    /// The best speed, and the narrowest width, over all looks.
    best: BTreeMap<String, (Option<Speed>, u32)>,
    /// Functions that do not answer, or are not there any more.
    gone: Vec<String>,
    errors: Vec<New>,
    /// Functions that count errors.
    counting: usize,
    seconds: u64,
}

/// Tests the links for the time that was ordered.
#[must_use]
pub fn run(host: &Host, order: &Order, progress: &Progress) -> Report {
    let started = Instant::now();
    crash_if_asked(order.inject);
    let before = Errors::read(host);
    let mut seen = Seen { links: Links::read(host), counting: before.functions(), ..Seen::default() };
    let time = Duration::from_secs(order.seconds);
    loop {
        seen.look(host);
        let spent = started.elapsed();
        let share = spent.as_secs_f64() / time.as_secs_f64().max(1e-3);
        progress.tick(&Tick { phase: "watch the links".to_owned(), share: share.min(1.0), ..Tick::default() });
        if spent >= time || seen.links.links.is_empty() {
            break;
        }
        thread::sleep(STEP.min(time.saturating_sub(spent)));
    }
    seen.seconds = started.elapsed().as_secs();
    seen.errors = Errors::read(host).since(&before);
    let mut report = Report::new(order);
    judge(&seen, &mut report);
    report
}

impl Seen {
    /// One look. Reading the configuration also wakes a link that rests.
    fn look(&mut self, host: &Host) {
        for link in &self.links.links {
            if link::answers(host, &link.address) != Some(true) {
                if !self.gone.contains(&link.address) {
                    self.gone.push(link.address.clone());
                }
                continue;
            }
            let now = link::now(host, &link.address);
            let (speed, width) = (now.and_then(|now| now.speed), now.map_or(0, |now| now.width));
            let best = self.best.entry(link.address.clone()).or_insert((speed, width));
            *best = (best.0.max(speed), best.1.min(width));
        }
    }
}

fn judge(seen: &Seen, report: &mut Report) {
    let all = seen.links.links.len() + seen.links.without.len();
    if all == 0 {
        report.find(Outcome::Skipped, "no-pcie", "pcie", "This machine has no PCI Express.");
        return;
    }
    if seen.links.links.is_empty() {
        report.find(Outcome::Skipped, "no-pcie-link", "pcie", "No PCI Express link of this machine can be tested.");
    }
    for link in &seen.links.links {
        one(seen, link, report);
    }
    let tested = seen.links.links.len() as u64;
    if tested > 0 {
        report.covered("this machine", "links", tested, tested);
        report.measure(Metric::PcieLinks, "", tested);
    }
    counted(seen, report);
    for (why, words) in [
        (Without::Virtual, "made by a hypervisor"),
        (Without::Pluggable, "behind a connector that people plug"),
        (Without::Cxl, "that speak CXL"),
    ] {
        let count = seen.links.without.iter().filter(|(_, other)| *other == why).count();
        if count > 0 {
            report.not_tested.push(format!("{count} functions {words}"));
        }
    }
    report.not_tested.push("links under full load: run the tests of disks and networks meanwhile".to_owned());
}

fn one(seen: &Seen, link: &Link, report: &mut Report) {
    let Link { address, port, expected, .. } = link;
    if seen.gone.contains(address) {
        report
            .find(
                Outcome::Failed,
                "pcie-gone",
                address,
                "The device does not answer: its configuration reads as all ones, or it is gone.",
            )
            .next("Look at the kernel's log, then seat the card anew.");
        return;
    }
    let Some((speed, width)) = seen.best.get(address).copied() else { return };
    if width < expected.width {
        let what = format!("The link below {port} has {width} lanes; both ends can have {}.", expected.width);
        report
            .find(Outcome::Degraded, "pcie-link-narrow", address, what)
            .next("Seat the card anew, clean its contacts, and try another slot.");
    }
    let Some((speed, most)) = speed.zip(expected.speed) else {
        report.not_tested.push(format!("{address}: its speed, which is not told"));
        return;
    };
    if speed < most {
        let what = format!("The link below {port} has {speed}; both ends can have {most}.");
        if rests(&link.class) {
            report.find(
                Outcome::Passed,
                "pcie-link-slow-at-rest",
                address,
                format!("{what} Such devices rest at a lower speed."),
            );
            report.not_tested.push(format!("{address}: its speed under load"));
        } else {
            report
                .find(Outcome::Degraded, "pcie-link-slow", address, what)
                .next("Look for a limit in the firmware's setup, and seat the card anew.");
        }
    }
}

/// Graphics, accelerators and network cards lower the speed of their links while they have nothing to do.
fn rests(class: &str) -> bool {
    ["0x02", "0x03", "0x12"].iter().any(|prefix| class.starts_with(prefix))
}

fn counted(seen: &Seen, report: &mut Report) {
    if seen.counting == 0 {
        report.not_tested.push(
            "errors of links: the kernel does not count them here; the firmware may (look at the BMC's log)".to_owned(),
        );
        return;
    }
    let sum = |wanted: fn(Severity) -> bool| {
        seen.errors.iter().filter(|new| wanted(new.severity)).map(New::count).sum::<u64>()
    };
    report.measure(Metric::PcieCorrected, "", sum(|severity| severity == Severity::Correctable));
    report.measure(Metric::PcieUncorrected, "", sum(|severity| severity != Severity::Correctable));
    for new in &seen.errors {
        let names: Vec<String> = new.names.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let (count, names) = (new.count(), names.join(", "));
        let (outcome, code, what) = match new.severity {
            Severity::Correctable => {
                let hourly = count * 3600 / seen.seconds.max(1);
                (
                    Outcome::Degraded,
                    "pcie-corrected",
                    format!("{count} errors were corrected meanwhile ({names}), {hourly} an hour."),
                )
            }
            Severity::NonFatal => {
                (Outcome::Failed, "pcie-uncorrected", format!("{count} errors could not be corrected ({names})."))
            }
            Severity::Fatal => (Outcome::Failed, "pcie-fatal", format!("{count} errors broke the link ({names}).")),
        };
        report
            .find(outcome, code, &new.address, what)
            .next("Seat the card anew, clean its contacts, and try another slot or riser.");
    }
}

#[cfg(test)]
mod tests;
