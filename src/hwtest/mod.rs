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
mod told;
mod topology;

pub use budget::Budget;
pub use ended::{ended_from_outside, without_report};
use inject::crash_if_asked;
pub use inject::{DiskFault, Inject, Location};
pub use metric::{Metric, Unit};
pub use ocp::Stream;
pub use outcome::{Kind, Level, Outcome};
pub use progress::{Event, Progress, Rate, Tick};
pub use report::{Covered, Finding, Measurement, Report, Series, Value};

use serde::{Deserialize, Serialize};

/// What is asked of a test.
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
