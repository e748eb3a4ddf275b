//! The status of a script result: twelve states, eight ways to change, one table.

use std::fmt;
use std::num::NonZeroI32;

use serde::{Deserialize, Serialize};

use super::{Evidence, Unpassed};

/// Status of a script result, with the region's number and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits for its turn.
    Pending = 0,
    /// Runs.
    Running = 1,
    /// Ended well.
    Passed = 2,
    /// Ended badly.
    Failed = 3,
    /// Was stopped at its time limit.
    TimedOut = 4,
    /// Was given up, by a person or because an earlier script failed.
    Aborted = 5,
    /// Works, but not as it should: the script said so.
    Degraded = 6,
    /// Its packages are being installed.
    Installing = 7,
    /// Its packages could not be installed.
    FailedInstalling = 8,
    /// Had nothing to do here: the script said so.
    Skipped = 9,
    /// The operator's networking is being applied for it.
    ApplyingNetconf = 10,
    /// The operator's networking could not be applied.
    FailedApplyingNetconf = 11,
}

impl Status {
    /// All twelve, by number.
    pub const ALL: [Status; 12] = [
        Status::Pending,
        Status::Running,
        Status::Passed,
        Status::Failed,
        Status::TimedOut,
        Status::Aborted,
        Status::Degraded,
        Status::Installing,
        Status::FailedInstalling,
        Status::Skipped,
        Status::ApplyingNetconf,
        Status::FailedApplyingNetconf,
    ];

    /// The name that the region shows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Pending => "Pending",
            Status::Running => "Running",
            Status::Passed => "Passed",
            Status::Failed => "Failed",
            Status::TimedOut => "Timed out",
            Status::Aborted => "Aborted",
            Status::Degraded => "Degraded",
            Status::Installing => "Installing dependencies",
            Status::FailedInstalling => "Failed installing dependencies",
            Status::Skipped => "Skipped",
            Status::ApplyingNetconf => "Applying custom network configuration",
            Status::FailedApplyingNetconf => "Failed to apply custom network configuration",
        }
    }

    /// The region's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The status with that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Status> {
        Status::ALL.get(usize::from(number)).copied()
    }

    /// Nothing more will happen to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Status::Pending | Status::Running | Status::Installing | Status::ApplyingNetconf)
    }

    /// Its script, or what the script needs, is being worked on.
    #[must_use]
    pub fn is_running(self) -> bool {
        !self.is_final() && self != Status::Pending
    }

    /// Ended in a way that fails the run.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Status::Failed
                | Status::TimedOut
                | Status::Aborted
                | Status::FailedInstalling
                | Status::FailedApplyingNetconf
        )
    }

    /// The status after a transition.
    ///
    /// # Errors
    /// [`Illegal`] when the table has no such row; a final status absorbs everything.
    pub fn next(self, transition: Transition) -> Result<Status, Illegal> {
        use Status::{ApplyingNetconf, Installing, Pending, Running};
        let next = match (self, transition) {
            (from, _) if from.is_final() => None,
            (Pending, Transition::ApplyNetconf) => Some(ApplyingNetconf),
            (Pending | ApplyingNetconf, Transition::Install) => Some(Installing),
            (Pending | ApplyingNetconf | Installing, Transition::Start) => Some(Running),
            (_, Transition::Pass(_)) => Some(Status::Passed),
            (Installing, Transition::Fail(_)) => Some(Status::FailedInstalling),
            (ApplyingNetconf, Transition::Fail(_)) => Some(Status::FailedApplyingNetconf),
            (_, Transition::Fail(_)) => Some(Status::Failed),
            (_, Transition::TimeOut) => Some(Status::TimedOut),
            (_, Transition::Decide(said)) => Some(Verdict::from(said).status()),
            (_, Transition::Abort) => Some(Status::Aborted),
            _ => None,
        };
        next.ok_or(Illegal { from: self, transition })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What happens to a script result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// The operator's networking is about to be applied.
    ApplyNetconf,
    /// Packages are about to be installed.
    Install,
    /// The script starts.
    Start,
    /// The script passed, and can show it.
    Pass(Evidence),
    /// The script, or what prepared it, ended with this exit status.
    Fail(NonZeroI32),
    /// The time limit struck.
    TimeOut,
    /// The result file says how it ended, whatever the exit status.
    Decide(Unpassed),
    /// It was given up.
    Abort,
}

impl Transition {
    /// What an exit status leads to on the word of a node alone: a region's rule.
    #[must_use]
    pub fn of_a_node(exit_status: i32, pass: Evidence) -> Transition {
        NonZeroI32::new(exit_status).map_or(Transition::Pass(pass), Transition::Fail)
    }
}

/// A `status` in a result file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// `passed`
    Passed,
    /// `failed`
    Failed,
    /// `degraded`
    Degraded,
    /// `timedout`
    TimedOut,
    /// `skipped`
    Skipped,
}

impl Verdict {
    /// All five.
    pub const ALL: [Verdict; 5] =
        [Verdict::Passed, Verdict::Failed, Verdict::Degraded, Verdict::TimedOut, Verdict::Skipped];

    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Degraded => "degraded",
            Verdict::TimedOut => "timedout",
            Verdict::Skipped => "skipped",
        }
    }

    /// The verdict with that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.word() == word)
    }

    /// The status it leads to.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Verdict::Passed => Status::Passed,
            Verdict::Failed => Status::Failed,
            Verdict::Degraded => Status::Degraded,
            Verdict::TimedOut => Status::TimedOut,
            Verdict::Skipped => Status::Skipped,
        }
    }
}

/// A transition that the table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a script result that is {from} cannot take {transition:?}")]
pub struct Illegal {
    /// The status it was in.
    pub from: Status,
    /// What was to happen.
    pub transition: Transition,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exit(status: i32) -> Transition {
        Transition::of_a_node(status, Evidence::on_the_word_of_a_node())
    }

    /// Contract REGION, "What each does to a script result", row by row.
    #[test]
    fn the_table_is_the_contracts() {
        use Status::*;
        use Transition::*;
        let rows = [
            (Pending, ApplyNetconf, Some(ApplyingNetconf)),
            (Installing, ApplyNetconf, None),
            (Running, ApplyNetconf, None),
            (Pending, Install, Some(Installing)),
            (ApplyingNetconf, Install, Some(Installing)),
            (Running, Install, None),
            (Pending, Start, Some(Running)),
            (ApplyingNetconf, Start, Some(Running)),
            (Installing, Start, Some(Running)),
            (Running, Start, None),
            (Pending, exit(0), Some(Passed)),
            (Running, exit(0), Some(Passed)),
            (Installing, exit(0), Some(Passed)),
            (Installing, exit(100), Some(FailedInstalling)),
            (ApplyingNetconf, exit(1), Some(FailedApplyingNetconf)),
            (Running, exit(1), Some(Failed)),
            (Pending, exit(2), Some(Failed)),
            (Running, TimeOut, Some(TimedOut)),
            (Pending, TimeOut, Some(TimedOut)),
            (Running, Decide(Unpassed::Degraded), Some(Degraded)),
            (Running, Decide(Unpassed::Skipped), Some(Skipped)),
            (Pending, Abort, Some(Aborted)),
            (Passed, exit(1), None),
            (Failed, exit(0), None),
            (TimedOut, Start, None),
        ];
        for (from, transition, to) in rows {
            assert_eq!(from.next(transition).ok(), to, "{from} with {transition:?}");
        }
    }

    #[test]
    fn numbers_and_names_are_the_regions() {
        for (number, status) in (0..).zip(Status::ALL) {
            assert_eq!(status.number(), number);
            assert_eq!(Status::from_number(number), Some(status));
        }
        assert_eq!(Status::from_number(12), None);
        assert_eq!(Status::TimedOut.to_string(), "Timed out");
    }

    fn any_transition() -> impl Strategy<Value = Transition> {
        prop_oneof![
            Just(Transition::ApplyNetconf),
            Just(Transition::Install),
            Just(Transition::Start),
            (-3..130i32).prop_map(exit),
            Just(Transition::TimeOut),
            proptest::sample::select(Verdict::ALL.iter().filter_map(|verdict| verdict.unpassed()).collect::<Vec<_>>())
                .prop_map(Transition::Decide),
            Just(Transition::Abort),
        ]
    }

    proptest! {
        #[test]
        fn a_final_status_is_final_and_any_end_ends(walk in proptest::collection::vec(any_transition(), 0..12)) {
            let mut status = Status::Pending;
            let mut ends = 0;
            for transition in walk {
                match status.next(transition) {
                    Ok(next) => {
                        prop_assert!(!status.is_final());
                        prop_assert!(next != Status::Pending);
                        ends += usize::from(next.is_final());
                        status = next;
                    }
                    Err(illegal) => prop_assert_eq!(illegal.from, status),
                }
            }
            prop_assert!(ends <= 1);
            if !status.is_final() {
                prop_assert!(status.next(exit(1)).expect("an unfinished script can end").is_failure());
            }
        }
    }
}
