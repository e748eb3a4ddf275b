//! What came of testing a disk: the whole of health and self-test, why, and what to do about it.

use std::time::Duration;

use super::model::Report;
use super::plan::{Ending, State};
use super::smartctl::Error;
use super::target::{self, Target};
use super::verdict::{Judgement, Reason, Verdict};

/// The result for a disk.
#[derive(Debug)]
pub struct Tested {
    /// Which.
    pub target: Target,
    /// The whole, from its health and its self-test.
    pub verdict: Verdict,
    /// What its values say of its health; nothing when they could not be read.
    pub health: Option<Judgement>,
    /// Its values.
    pub report: Option<Report>,
    /// What smartctl prints of them for people, if [`super::Options::with_text`].
    pub text: String,
    /// The self-test.
    pub self_test: Ending,
    /// The reason why there is no verdict, and what to do about it.
    pub problem: Option<Problem>,
    /// Other things that it is or stands for: other paths to it, the drives behind a volume.
    pub also: Vec<String>,
    /// From first to last.
    pub runtime: Duration,
}

/// The reason why a disk was not judged.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem {
    /// The problem.
    pub what: String,
    /// The next step of an operator.
    pub next_step: String,
}

/// The whole from health and self-test: neither may make the other look better, and what has no proof of its end is no pass.
pub(super) fn with_self_test(health: Verdict, self_test: State) -> Verdict {
    let unproven =
        matches!(self_test, State::Aborted | State::TimedOut | State::Busy | State::NotStarted | State::Unverified);
    match health {
        Verdict::Failed => Verdict::Failed,
        _ if self_test == State::Failed => Verdict::Failed,
        _ if unproven => Verdict::Error,
        // Its health is known, but not what was asked for.
        Verdict::Healthy if self_test == State::NotSupported => Verdict::NotSupported,
        other => other,
    }
}

impl Problem {
    pub(super) fn of(error: &Error) -> Self {
        Problem { what: error.to_string(), next_step: error.next_step().to_owned() }
    }

    /// What to do about a self-test without a result.
    pub(super) fn of_ending(ending: &Ending) -> Option<Self> {
        let next_step = match ending.state {
            State::NotAsked | State::Passed | State::Failed | State::NotSupported => return None,
            State::Aborted => "test again when nobody uses or resets the drive",
            State::TimedOut => {
                "see whether the machine is idle, since drives pause a self-test under load; then give it more time"
            }
            State::Busy => "wait for the end of the other self-test, then test again",
            State::NotStarted | State::Unverified => {
                "see the drive's own words below, and test again with the newest smartmontools"
            }
        };
        Some(Problem {
            what: format!("self-test {}: {}", ending.state.name(), ending.reason),
            next_step: next_step.to_owned(),
        })
    }
}

impl Tested {
    /// The model: the drive's word for it, else the kernel's.
    #[must_use]
    pub fn model(&self) -> String {
        let told = self.report.as_ref().and_then(|report| report.identity.model.clone());
        told.unwrap_or_else(|| self.target.disk.model.clone())
    }

    /// The serial number: the drive's word for it, else the kernel's.
    #[must_use]
    pub fn serial(&self) -> String {
        let told = self.report.as_ref().and_then(|report| report.identity.serial.clone());
        told.unwrap_or_else(|| self.target.disk.serial.clone())
    }

    /// Bytes; 0 when nobody knows.
    #[must_use]
    pub fn size(&self) -> u64 {
        let told = self.report.as_ref().and_then(|report| report.identity.capacity);
        told.unwrap_or(self.target.disk.size)
    }

    /// Whether it is something behind which there may be drives that the kernel does not show.
    pub(super) fn is_unreachable(&self) -> bool {
        let hides = |health: &Judgement| {
            let answers = health.reasons.iter().any(|reason| reason.code == "controller-answers");
            health.verdict == Verdict::NotSupported || answers
        };
        self.health.as_ref().is_some_and(hides)
    }

    /// The drives behind it are not known: then it may not pass for something without drives.
    pub(super) fn blame(&mut self, error: &Error) {
        if self.is_unreachable() && self.target.bus.is_some() {
            self.verdict = Verdict::Error;
            let what = format!("what is behind it is not known, since the RAID controllers cannot be asked: {error}");
            self.problem = Some(Problem { what, next_step: error.next_step().to_owned() });
        }
    }

    /// Why the verdict is what it is, in one line; nothing for a healthy drive.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.details().into_iter().next().map(|(what, _)| what).filter(|_| self.verdict != Verdict::Healthy)
    }

    /// All that counts against it or is worth knowing, gravest first: what, and what to do about it.
    #[must_use]
    pub fn details(&self) -> Vec<(String, String)> {
        let problem = self.problem.iter().map(|problem| (problem.what.clone(), problem.next_step.clone()));
        let reasons = self.health.iter().flat_map(|health| &health.reasons);
        let reasons = reasons
            .map(|reason| (format!("{} ({}{})", reason.meaning, reason.seen, news(reason)), reason.next.to_owned()));
        let mut details: Vec<(String, String)> = problem.chain(reasons).collect();
        let what = format!("self-test {}: {}", self.self_test.state.name(), self.self_test.reason);
        let has_smart = self.health.as_ref().is_some_and(|health| health.verdict != Verdict::NotSupported);
        match self.self_test.state {
            State::Failed => details.insert(0, (what, "save the data and replace the drive".to_owned())),
            // Of a drive that has no SMART at all that is said already.
            State::NotSupported if has_smart => {
                details.insert(0, (what, "choose a test that the drive has".to_owned()));
            }
            _ => {}
        }
        details.extend(self.also.iter().map(|what| (what.clone(), "nothing".to_owned())));
        details
    }

    fn without_report(target: Target, problem: Problem) -> Self {
        Tested {
            target,
            verdict: Verdict::Error,
            health: None,
            report: None,
            text: String::new(),
            self_test: Ending::new(State::NotStarted, "the drive could not be read"),
            problem: Some(problem),
            also: Vec::new(),
            runtime: Duration::ZERO,
        }
    }

    /// Says which of these drives are behind this volume, if it is one.
    pub(super) fn stands_for(&mut self, members: &[Tested]) {
        let Some(bus) = self.target.bus.clone().filter(|_| self.is_unreachable()) else { return };
        let behind = members.iter().filter(|member| member.target.bus.as_deref() == Some(&bus));
        let names: Vec<&str> = behind.map(|member| member.target.name.as_str()).collect();
        if !names.is_empty() {
            self.also.push(format!("the drives of its controller were tested: {}", names.join(", ")));
        }
    }

    pub(super) fn failed(target: Target, error: &Error) -> Self {
        Tested::without_report(target, Problem::of(error))
    }

    pub(super) fn unknown(word: &str, error: &target::Error) -> Self {
        let next_step = "see `shakedown disk list`".to_owned();
        Tested::without_report(target::plain(word), Problem { what: error.to_string(), next_step })
    }
}

/// Whether a reason is the last test's, too.
fn news(reason: &Reason) -> &'static str {
    match reason.new {
        Some(true) => ", new since the last test here",
        Some(false) => ", as at the last test here",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proven_pass_keeps_a_drive_healthy() {
        use State::*;
        let unproven = [Failed, Aborted, TimedOut, NotSupported, Busy, NotStarted, Unverified];
        for state in unproven {
            assert!(
                !matches!(with_self_test(Verdict::Healthy, state), Verdict::Healthy | Verdict::Degraded),
                "{state:?}"
            );
        }
        for state in [NotAsked, Passed] {
            assert_eq!(with_self_test(Verdict::Healthy, state), Verdict::Healthy);
            assert_eq!(with_self_test(Verdict::Degraded, state), Verdict::Degraded);
        }
    }

    #[test]
    fn a_failed_drive_stays_failed_whatever_its_self_test() {
        use State::*;
        for state in [NotAsked, Passed, Failed, Aborted, TimedOut, NotSupported, Busy, NotStarted, Unverified] {
            assert_eq!(with_self_test(Verdict::Failed, state), Verdict::Failed);
        }
    }
}
