//! The decision after an agent's process ended: restart it, give back to MAAS's runner, or fail. A pure function, so that every case can
//! be tested and no machine is left without a runner.

use std::time::Duration;

use super::record::Ending;

/// How often an agent that has run nothing may die before MAAS's runner has its turn.
const BEFORE_ANYTHING: u32 = 3;
/// How often in a row an agent may die without anything new in its journal.
const WITHOUT_PROGRESS: u32 = 20;
/// Shortest and longest pause before the agent is started again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// How the agent's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The process exited with this status.
    Code(i32),
    /// The process was ended by a signal or a panic, or its exit status is lost because its parent was killed.
    Died,
}

/// The facts beside the exit status that the decision depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// A script was started, or may have been.
    pub(super) has_run: bool,
    /// The journal contains the end of the agent's run, and the region acknowledged every message.
    pub(super) is_finished: bool,
    /// The run was refused before its first script, and the agent reported that to the region.
    pub(super) has_told: bool,
    /// The machine is about to be switched off or rebooted.
    pub(super) goes_down: bool,
    /// How often in a row the agent has died without a new entry in its journal.
    pub(super) deaths: u32,
}

/// The next step of the guardian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start the agent once more after a pause.
    Again(Duration),
    /// End the takeover in this way.
    End(Ending),
    /// Do nothing: the machine is shutting down, and the next boot begins another takeover.
    Leave,
}

/// Decides the next step from the agent's exit status and the facts.
pub(super) fn next(exit: Exit, facts: Facts) -> Next {
    let given_back = |reason: &str| Next::End(Ending::GivenBack(reason.to_owned()));
    let hopeless = |reason: String| Next::End(Ending::Hopeless(reason));
    match exit {
        // Passed, failed, not everything accepted by the region: each is an end (the exit codes of `shakedown run`).
        Exit::Code(0 | 1 | 4) => Next::End(Ending::Done),
        _ if facts.is_finished => Next::End(Ending::Done),
        _ if facts.goes_down => Next::Leave,
        Exit::Code(_) if facts.has_told && !facts.has_run => {
            hopeless("the run could not be begun, of which the region was told".to_owned())
        }
        Exit::Code(130) => hopeless("the agent was stopped by a signal".to_owned()),
        Exit::Code(2 | 3) if !facts.has_run => given_back("the agent could not begin"),
        Exit::Died if !facts.has_run && facts.deaths >= BEFORE_ANYTHING => {
            given_back("the agent died again and again before it had run anything")
        }
        _ if facts.deaths >= WITHOUT_PROGRESS => {
            hopeless(format!("the agent died {} times in a row without getting on", facts.deaths))
        }
        _ => Next::Again((PAUSE.0 * 2u32.saturating_pow(facts.deaths.saturating_sub(1))).min(PAUSE.1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_run_nothing_gives_back_and_who_has_never_does() {
        for code in -1..256 {
            for bits in 0..16u32 {
                let facts = Facts {
                    has_run: bits & 1 != 0,
                    is_finished: bits & 2 != 0,
                    has_told: bits & 4 != 0,
                    goes_down: bits & 8 != 0,
                    deaths: 25,
                };
                let exit = if code < 0 { Exit::Died } else { Exit::Code(code) };
                let decided = next(exit, facts);
                assert!(!matches!(decided, Next::Again(_)), "the 25th death in a row is the last: {exit:?} {facts:?}");
                if matches!(decided, Next::End(Ending::GivenBack(_))) {
                    assert!(!facts.has_run && !facts.is_finished, "two runners would run scripts: {exit:?} {facts:?}");
                    assert!(!facts.has_told || exit == Exit::Died, "{exit:?} {facts:?}");
                }
            }
        }
    }

    #[test]
    fn a_killed_agent_is_started_again_with_growing_pauses() {
        let with = |deaths| next(Exit::Died, Facts { has_run: true, deaths, ..Facts::default() });
        assert_eq!(with(1), Next::Again(Duration::from_millis(200)));
        assert_eq!(with(3), Next::Again(Duration::from_millis(800)));
        assert_eq!(with(19), Next::Again(PAUSE.1));
        assert!(matches!(with(20), Next::End(Ending::Hopeless(_))));
        assert_eq!(next(Exit::Died, Facts { deaths: 1, ..Facts::default() }), Next::Again(PAUSE.0));
        assert!(matches!(next(Exit::Code(3), Facts::default()), Next::End(Ending::GivenBack(_))));
    }
}
