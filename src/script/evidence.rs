//! The proof that a script passed: without an [`Evidence`] the table of [`super::Status`] has no way to Passed.

use serde::{Deserialize, Serialize};

use super::Verdict;

/// The end of a script's process, as the system reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this exit status.
    Code(i32),
    /// By a signal.
    Signal(Killed),
}

/// A process that a signal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killed {
    /// The signal's number.
    pub signal: i32,
    /// True if the kernel killed a process for lack of memory while the script ran.
    pub out_of_memory: bool,
}

impl std::fmt::Display for Killed {
    /// Writes a text that follows "it was".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match nix::sys::signal::Signal::try_from(self.signal) {
            Ok(signal) => write!(f, "killed by {signal}")?,
            Err(_) => write!(f, "killed by signal {}", self.signal)?,
        }
        f.write_str(if self.out_of_memory { ": out of memory" } else { "" })
    }
}

/// The part of a script's output that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Every byte.
    Whole,
    /// Head and tail, since there was more than the configured bound: a loss that the result declares.
    Bounded,
    /// Not all, for the given reason: the rest may have held an error.
    Lost(String),
}

/// The statement of a result file about a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// None: there is no file, it is empty or has no status, or the region's rule refuses it and it names no other status.
    Nothing,
    /// The script passed.
    Passed,
}

/// The weight of the machine's own reports while a script ran, by the site's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    /// No report that counts, or the machine was not watched.
    Quiet,
    /// A report that no pass may hide, though it did no harm: a pass becomes degraded.
    Degrades,
    /// A report after which no result can be trusted: a pass becomes failed.
    Fails,
}

/// The proof that a script passed: it ended by itself, its output is kept, and neither its result file nor the machine reports a fault.
/// Only [`Evidence::weigh`] makes one on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence(());

/// The reason why there is no pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lacking {
    /// The exit status is not 0, and no result file states a pass.
    #[error("its exit status is {0}")]
    Exit(i32),
    /// A signal ended it, whatever it had written before.
    #[error("it was {0}")]
    Killed(Killed),
    /// Output is missing.
    #[error("part of its output is lost: {0}")]
    Output(String),
    /// The machine itself reported trouble while the script ran; holds what the pass becomes.
    #[error("the machine reported trouble while it ran")]
    Machine(Unpassed),
}

impl Evidence {
    /// Decides from the facts of a script that was not stopped.
    ///
    /// # Errors
    /// The first fact that rules a pass out.
    pub fn weigh(exit: &Exit, kept: &Kept, said: Said, machine: Machine) -> Result<Evidence, Lacking> {
        match (exit, kept, said) {
            (Exit::Signal(killed), _, _) => Err(Lacking::Killed(*killed)),
            (_, Kept::Lost(why), _) => Err(Lacking::Output(why.clone())),
            (Exit::Code(code), _, Said::Nothing) if *code != 0 => Err(Lacking::Exit(*code)),
            (Exit::Code(_), Kept::Whole | Kept::Bounded, Said::Nothing | Said::Passed) => match machine {
                Machine::Quiet => Ok(Evidence(())),
                Machine::Degrades => Err(Lacking::Machine(Unpassed::Degraded)),
                Machine::Fails => Err(Lacking::Machine(Unpassed::Failed)),
            },
        }
    }

    /// Proof on a node's report alone, which is all that a region has. For the emulated region only; `tests/architecture.rs` bars other users.
    #[must_use]
    pub fn on_the_word_of_a_node() -> Evidence {
        Evidence(())
    }
}

/// A status other than `passed` in a result file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unpassed {
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
    /// The status as an [`Unpassed`]; `None` if it is a pass.
    #[must_use]
    pub fn unpassed(self) -> Option<Unpassed> {
        match self {
            Verdict::Passed => None,
            Verdict::Failed => Some(Unpassed::Failed),
            Verdict::Degraded => Some(Unpassed::Degraded),
            Verdict::TimedOut => Some(Unpassed::TimedOut),
            Verdict::Skipped => Some(Unpassed::Skipped),
        }
    }
}

impl From<Unpassed> for Verdict {
    fn from(unpassed: Unpassed) -> Self {
        match unpassed {
            Unpassed::Failed => Verdict::Failed,
            Unpassed::Degraded => Verdict::Degraded,
            Unpassed::TimedOut => Verdict::TimedOut,
            Unpassed::Skipped => Verdict::Skipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_needs_an_exit_of_its_own_and_all_output() {
        let lost = Kept::Lost("no space".into());
        let killed = Exit::Signal(Killed { signal: 9, out_of_memory: true });
        for said in [Said::Nothing, Said::Passed] {
            assert!(Evidence::weigh(&Exit::Code(0), &Kept::Whole, said, Machine::Quiet).is_ok());
            assert!(Evidence::weigh(&Exit::Code(0), &Kept::Bounded, said, Machine::Quiet).is_ok(), "a declared loss");
            assert!(matches!(Evidence::weigh(&Exit::Code(0), &lost, said, Machine::Quiet), Err(Lacking::Output(_))));
            assert!(matches!(Evidence::weigh(&killed, &Kept::Whole, said, Machine::Quiet), Err(Lacking::Killed(_))));
        }
        assert_eq!(Evidence::weigh(&Exit::Code(1), &Kept::Whole, Said::Nothing, Machine::Quiet), Err(Lacking::Exit(1)));
        assert!(
            Evidence::weigh(&Exit::Code(1), &Kept::Whole, Said::Passed, Machine::Quiet).is_ok(),
            "its own word overrules its exit status"
        );
        let troubled = |machine| Evidence::weigh(&Exit::Code(0), &Kept::Whole, Said::Passed, machine);
        assert_eq!(troubled(Machine::Fails), Err(Lacking::Machine(Unpassed::Failed)));
        assert_eq!(troubled(Machine::Degrades), Err(Lacking::Machine(Unpassed::Degraded)));
        let failed = Evidence::weigh(&Exit::Code(1), &Kept::Whole, Said::Nothing, Machine::Degrades);
        assert_eq!(failed, Err(Lacking::Exit(1)), "nothing makes a failure better");
        let Err(lacking) = Evidence::weigh(&killed, &Kept::Whole, Said::Passed, Machine::Quiet) else {
            panic!("a pass")
        };
        assert_eq!(lacking.to_string(), "it was killed by SIGKILL: out of memory");
    }
}
