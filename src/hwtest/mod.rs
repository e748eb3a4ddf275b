//! Tests of the hardware by this program itself, without packages: what is asked (an [`Order`]), what was found (a [`Report`]), and how
//! far it is ([`Progress`]).
//!
//! A test is a function `run(&Order, &Progress) -> Report` in a module of its own. A child process runs it, since a crash of the test is
//! evidence about the hardware. The process above it watches and judges.

mod budget;
pub mod cpu;
pub mod disk;
mod ended;
pub mod gpu;
mod inject;
mod meanwhile;
pub mod memory;
mod metric;
pub mod network;
mod ocp;
mod outcome;
pub mod pcie;
mod progress;
mod report;
mod throughput;
mod told;
mod topology;
mod wait;

pub use budget::Budget;
pub use ended::{ended_from_outside, without_report};
use inject::crash_if_asked;
pub use inject::{DiskFault, Inject, Location};
pub use metric::{Metric, Unit};
pub use ocp::Stream;
pub use outcome::{Kind, Level, Outcome};
pub use progress::{Event, Progress, Rate, Tick};
pub use report::{Covered, Finding, Measurement, Report, Series, Value};
pub use throughput::Throughput;

use serde::{Deserialize, Serialize};

/// Parameters of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The hardware.
    pub kind: Kind,
    /// How thoroughly.
    pub level: Level,
    /// Seconds that the test may take.
    pub seconds: u64,
    /// Seed of all random data. The same seed gives the same data.
    pub seed: u64,
    /// A fault that the test is to find, to prove that the test can find one.
    pub inject: Option<Inject>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    fn without_time(kind: Kind) -> Order {
        Order { kind, level: Level::Smoke, seconds: 0, seed: 7, inject: None }
    }

    fn tested(report: &Report) {
        assert!(report.coverage.iter().any(|covered| covered.tested > 0), "{report:?}");
        assert!(report.outcome() <= Outcome::Degraded, "{report:?}");
    }

    /// Under load, what comes before the work may take all the time.
    #[test]
    fn a_test_whose_time_is_over_before_it_begins_tests_a_little_all_the_same() {
        tested(&cpu::run(&without_time(Kind::Cpu), &Progress::silent()));
        let report = memory::run(&without_time(Kind::Memory), &Progress::silent());
        // A machine of which others have all the memory has none to test.
        if report.findings.iter().all(|finding| finding.code != "memory-too-little") {
            tested(&report);
        }
        let link = "sys/bus/pci/devices/0000:01:00.0";
        let files = [("current_link_width", "8"), ("max_link_width", "8"), ("current_link_speed", "16.0 GT/s PCIe")];
        let files: Vec<(String, &str)> = files.iter().map(|(name, text)| (format!("{link}/{name}"), *text)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let (_root, host) = machine_of(&files);
        let pcie = pcie::run(&host, &without_time(Kind::Pcie), &Progress::silent());
        assert_ne!(pcie.outcome(), Outcome::Error, "{pcie:?}");
    }
}
