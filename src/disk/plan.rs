//! What can be asked of a drive, for how long, and the words for how that ended.

use std::time::Duration;

use serde::Serialize;

use super::model::{Protocol, Report};
use super::self_test::Kind;

/// Beside twice the drive's own estimate.
const SLACK: Duration = Duration::from_secs(10 * 60);
const TERABYTE: u64 = 1_000_000_000_000;

/// What is wanted of a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    #[default]
    /// Its state as it is; nothing is started, stopped or set.
    Validate,
    /// Its short self-test: about two minutes.
    Short,
    /// Its extended self-test, the whole surface: hours for a hard disk.
    Long,
    /// Its test for damage in transport: minutes; some SATA drives have one.
    Conveyance,
}

impl Test {
    /// The self-test that it is; none for validation.
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        match self {
            Test::Validate => None,
            Test::Short => Some(Kind::Short),
            Test::Long => Some(Kind::Extended),
            Test::Conveyance => Some(Kind::Conveyance),
        }
    }

    /// Its word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Test::Validate => "validate",
            Test::Short => "short",
            Test::Long => "long",
            Test::Conveyance => "conveyance",
        }
    }
}

/// The end of the self-test that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// None was.
    NotAsked,
    /// The test ran, and the drive says that it ended without an error.
    Passed,
    /// The drive found itself defective.
    Failed,
    /// The test was ended before it had a result.
    Aborted,
    /// The test had no result when its time was up, and was aborted.
    TimedOut,
    /// The drive, or this smartctl, cannot do it.
    NotSupported,
    /// Another self-test was running, and was left alone.
    Busy,
    /// The drive did not begin it.
    NotStarted,
    /// The test began, but nothing proves its end.
    Unverified,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::NotAsked => "not-asked",
            State::Passed => "passed",
            State::Failed => "failed",
            State::Aborted => "aborted",
            State::TimedOut => "timed-out",
            State::NotSupported => "not-supported",
            State::Busy => "busy",
            State::NotStarted => "not-started",
            State::Unverified => "unverified",
        }
    }
}

/// The end of a self-test, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ending {
    /// The fate of it.
    pub state: State,
    /// The drive's words, or ours.
    pub reason: String,
}

impl Ending {
    pub(super) fn new(state: State, reason: impl Into<String>) -> Self {
        Ending { state, reason: reason.into() }
    }
}

/// Why a drive cannot do a test, as far as that can be said without trying.
pub(super) fn obstacle(kind: Kind, report: &Report) -> Option<String> {
    let nvme = report.protocol == Some(Protocol::Nvme);
    match report.call.version {
        Some((major, minor)) if nvme && (major, minor) < (7, 4) => {
            return Some(format!(
                "smartctl {major}.{minor} can neither start nor read the self-tests of NVMe drives, 7.4 and later can"
            ));
        }
        _ => {}
    }
    let ata_only = kind == Kind::Conveyance && report.protocol != Some(Protocol::Ata);
    if ata_only || report.self_tests.ability(kind).supported == Some(false) {
        return Some(format!("this drive has no {} self-test", name(kind)));
    }
    None
}

/// Longest that a test may take (contract SMART §9).
pub(super) fn limit(kind: Kind, estimate: Option<Duration>, rotates: bool, bytes: u64) -> Duration {
    match estimate {
        Some(estimate) => estimate.saturating_mul(2).saturating_add(SLACK),
        None if kind != Kind::Extended => SLACK,
        None if !rotates => Duration::from_secs(60 * 60),
        None => Duration::from_secs(4 * 60 * 60 * bytes.div_ceil(TERABYTE).clamp(1, 1000)),
    }
}

/// The word for a kind, as it is asked for.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Short => "short",
        Kind::Extended => "long",
        Kind::Conveyance => "conveyance",
        Kind::Selective | Kind::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_twice_its_estimate_and_ten_minutes() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let rows = [
            (Kind::Short, Some(minutes(2)), true, 0, minutes(14)),
            (Kind::Extended, Some(minutes(612)), true, 8 * TERABYTE, minutes(1234)),
            (Kind::Short, None, true, 8 * TERABYTE, minutes(10)),
            (Kind::Conveyance, None, true, TERABYTE, minutes(10)),
            (Kind::Extended, None, false, 8 * TERABYTE, minutes(60)),
            (Kind::Extended, None, true, 8 * TERABYTE, minutes(8 * 240)),
            (Kind::Extended, None, true, TERABYTE / 2, minutes(240)),
            (Kind::Extended, None, true, 0, minutes(240)),
        ];
        for (kind, estimate, rotates, bytes, expected) in rows {
            assert_eq!(limit(kind, estimate, rotates, bytes), expected, "{kind:?} {estimate:?} {rotates} {bytes}");
        }
        assert!(limit(Kind::Extended, Some(Duration::MAX), true, u64::MAX) > minutes(60), "nonsense is no panic");
    }
}
