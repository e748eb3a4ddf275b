//! What a rule is: what is looked at, from which number on it counts, and for how much. [`super::table`] holds them all.

use serde::{Deserialize, Serialize};

use super::measure::{Measure, Measure as M};

/// The weight of a reason for the verdict, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Info,
    /// The drive works and has begun to fail, or has a past.
    Degraded,
    /// There is nothing to judge here.
    NotSupported,
    /// The test could not be made: neither good nor bad, and no reason to leave the drive out.
    Error,
    /// The drive is defective.
    Failed,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Degraded => "degraded",
            Self::NotSupported => "not-supported",
            Self::Error => "error",
            Self::Failed => "failed",
        }
    }
}

/// The time that something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The reason holds now.
    Present,
    /// The reason held once, and may have been repaired, or was never the drive's fault.
    History,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The stable name, in reports and policies.
    pub code: &'static str,
    /// What is looked at.
    pub(super) measure: Measure,
    /// From which number on it counts, if it is a number.
    pub limit: Limit,
    /// The weight of it for the verdict.
    pub severity: Severity,
    /// The time that the reason is about.
    pub when: When,
    /// What it means, for an operator.
    pub meaning: &'static str,
    /// The next step.
    pub next: &'static str,
    /// Where this is from: a standard, a published study, a public report.
    pub source: &'static str,
    /// What it makes of the verdict, and what to do, where the number grew since the last look.
    pub grown: Option<Grown>,
    /// Smaller numbers than the limit are worth knowing.
    pub told_below: bool,
    /// From this number on it is told once more, though it was told at its limit.
    pub again: Option<u64>,
    /// That nothing else is there to judge by: a defect that shows all the same is the answer then.
    pub yields: bool,
}

/// What it means that a number grew since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The weight of it for the verdict.
    pub severity: Severity,
    /// The next step.
    pub next: &'static str,
}

impl Rule {
    /// A line that changes nothing.
    pub(super) const fn new(code: &'static str, measure: Measure, meaning: &'static str, next: &'static str) -> Self {
        Rule {
            code,
            measure,
            limit: Limit::None,
            severity: Severity::Info,
            when: When::Present,
            meaning,
            next,
            source: "",
            grown: None,
            told_below: false,
            again: None,
            yields: false,
        }
    }

    /// One that makes this of the verdict, by this source.
    pub(super) const fn is(self, severity: Severity, source: &'static str) -> Self {
        Rule { severity, source, ..self }
    }

    /// One that counts from a number on.
    pub(super) const fn from(self, limit: Limit) -> Self {
        Rule { limit, ..self }
    }

    /// One that tells of what was.
    pub(super) const fn history(self) -> Self {
        Rule { when: When::History, ..self }
    }

    /// One whose number counts against the drive when it grows.
    pub(super) const fn growing(self, next: &'static str) -> Self {
        Rule { grown: Some(Grown { severity: Severity::Degraded, next }), ..self }
    }

    /// One that is told below its limit, too.
    pub(super) const fn told_below(self) -> Self {
        Rule { told_below: true, ..self }
    }

    /// One that is told once more from this number on.
    pub(super) const fn again_from(self, number: u64) -> Self {
        Rule { again: Some(number), ..self }
    }

    /// One that gives way to a defect that shows.
    pub(super) const fn yielding(self) -> Self {
        Rule { yields: true, ..self }
    }

    /// True if it looks at how much of the rated endurance is used or left.
    pub(super) fn is_wear(&self) -> bool {
        matches!(self.measure, M::EnduranceUsed | M::AtaEnduranceUsed | M::WearLeft(_))
    }

    /// Whether the number gets worse by getting less.
    #[must_use]
    pub fn falls(&self) -> bool {
        matches!(self.measure, M::SpareBelowThreshold | M::PrefailNow | M::OldAgeNow | M::WearLeft(_))
    }
}

/// From which number on something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It is no number, or the drive has its own threshold.
    None,
    /// More than this.
    Above(u64),
    /// This and more.
    AtLeast(u64),
    /// This and less.
    AtMost(u64),
}

impl Limit {
    /// Whether a number counts.
    #[must_use]
    pub fn counts(self, number: u64) -> bool {
        match self {
            Self::None => true,
            Self::Above(limit) => number > limit,
            Self::AtLeast(limit) => number >= limit,
            Self::AtMost(limit) => number <= limit,
        }
    }

    /// The number in it.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Above(limit) | Self::AtLeast(limit) | Self::AtMost(limit) => Some(limit),
        }
    }

    /// The same limit at another number.
    pub(super) fn at(self, number: u64) -> Self {
        match self {
            Self::None => Self::None,
            Self::Above(_) => Self::Above(number),
            Self::AtLeast(_) => Self::AtLeast(number),
            Self::AtMost(_) => Self::AtMost(number),
        }
    }
}
