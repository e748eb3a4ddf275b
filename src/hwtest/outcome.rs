//! The hardware that is tested, how thoroughly, and with what outcome.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Hardware that has a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Memory.
    Memory,
    /// Processors.
    Cpu,
    /// Disks.
    Disk,
    /// Network interfaces.
    Network,
    /// PCI Express links.
    Pcie,
    /// Graphics processors and accelerators.
    Gpu,
}

impl Kind {
    /// The word on the command line, in names of scripts, and in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Memory => "memory",
            Kind::Cpu => "cpu",
            Kind::Disk => "disk",
            Kind::Network => "network",
            Kind::Pcie => "pcie",
            Kind::Gpu => "gpu",
        }
    }

    /// Seconds that a test takes if nobody says otherwise.
    #[must_use]
    pub fn seconds(self, level: Level) -> u64 {
        match (self, level) {
            (Kind::Cpu, Level::Smoke) => 30,
            (Kind::Cpu, Level::Standard) => 300,
            (Kind::Disk, Level::Standard) => 120,
            // A large hard disk is read in a day.
            (Kind::Disk, Level::Soak) => 48 * 3600,
            (Kind::Network | Kind::Pcie, Level::Smoke) => 10,
            (Kind::Network | Kind::Pcie | Kind::Gpu, Level::Standard) => 60,
            (Kind::Network | Kind::Pcie | Kind::Gpu, Level::Soak) => 3600,
            (_, Level::Smoke) => 20,
            (_, Level::Standard) => 900,
            (_, Level::Soak) => 4 * 3600,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How thorough a test is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Seconds: is anything plainly broken?
    Smoke,
    /// Minutes: the test for commissioning.
    #[default]
    Standard,
    /// Hours, for machines under suspicion.
    Soak,
}

impl Level {
    /// The word on the command line and in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Level::Smoke => "smoke",
            Level::Standard => "standard",
            Level::Soak => "soak",
        }
    }
}

/// How a test, or one thing that it looked at, came out. The order is the rule for joining: the worst of several counts. What was
/// skipped takes nothing from what passed, and what could not be tested is worse than what is degraded, since nobody knows how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There is no such hardware here.
    Skipped,
    /// Tested, and every answer was right.
    Passed,
    /// The hardware works, but not as it should: corrected errors, a narrow link, slower than its siblings.
    Degraded,
    /// The test could not be done: no rights, no memory, stopped from outside. No pass.
    Error,
    /// A wrong answer, lost data, an error that was not corrected, or a missed limit that somebody ordered.
    Failed,
}

impl Outcome {
    /// The outcome of both together.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Skipped => "skipped",
            Outcome::Passed => "passed",
            Outcome::Degraded => "degraded",
            Outcome::Error => "error",
            Outcome::Failed => "failed",
        }
    }

    /// The word in a result file for a region, which knows no error.
    #[must_use]
    pub fn status(self) -> &'static str {
        match self {
            Outcome::Error => "failed",
            other => other.word(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_counts_and_skipped_takes_nothing_away() {
        let all = [Outcome::Skipped, Outcome::Passed, Outcome::Degraded, Outcome::Error, Outcome::Failed];
        for (place, one) in all.iter().enumerate() {
            assert!(all[..place].iter().all(|less| less.join(*one) == *one && one.join(*less) == *one), "{one}");
        }
    }
}
