//! The guardian of a takeover: halts MAAS's runner, has the agent run to its end, and decides what becomes of the runner.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::evidence::Evidence;
use super::next::{Exit, Next, next};
use super::record::{Ending, Phase, Record};
use super::takeover::{Error, KEPT, POLL, Place, free, system};
use crate::process::{Detached, Peer, Started, leave_session, machine_is_going_down};

/// How long the script's process may take to end before the runner goes on all the same.
const SCRIPT_END: Duration = Duration::from_secs(5);

/// The guardian: halts the runner, has the agent run to its end, and decides what becomes of the runner.
///
/// # Errors
/// When there is no takeover, or its record cannot be written.
pub async fn guard(place: &Place) -> Result<(), Error> {
    leave_session();
    let Some(_lock) = free(&place.lock("guard")) else { return Ok(()) };
    let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let record = Record::read(&place.state).ok_or_else(missing).map_err(system("the record of the takeover"))?;
    let mut guardian = Guardian { place, record, watcher: None, since: Instant::now() };
    if guardian.record.ending().is_none() {
        let Some(ending) = guardian.run().await? else { return Ok(()) };
        guardian.decide(ending);
    }
    guardian.carry_out();
    Ok(())
}

struct Guardian<'a> {
    place: &'a Place,
    record: Record,
    watcher: Option<Started>,
    since: Instant,
}

impl Guardian<'_> {
    fn write(&self) -> Result<(), Error> {
        self.record.write(&self.place.state).map_err(system("the record of the takeover"))
    }

    /// Runs the agent, again if it dies, until there is a decision; `None` when the machine is shutting down.
    async fn run(&mut self) -> Result<Option<Ending>, Error> {
        if self.record.phase == Phase::Ready {
            // Written before the halt, so that a later guardian knows that the runner may be halted.
            self.record.phase = Phase::Halted;
            self.write()?;
        }
        self.record.runner.halt();
        self.tell("takes over");
        let (mut deaths, mut before) = (0, self.evidence());
        // An agent that an earlier guardian started is still at work, or its exit status is lost: only its parent could read that.
        let mut adopted = self.record.agent;
        loop {
            let exit = match adopted.take() {
                Some(agent) => self.outlive(agent),
                None => self.agent(),
            };
            let now = self.evidence();
            deaths = if now.progress > before.progress { 1 } else { deaths + 1 };
            before = now;
            let goes_down = matches!(exit, Exit::Code(130)) && machine_is_going_down().await;
            match next(exit, before.facts(deaths, goes_down)) {
                Next::End(ending) => return Ok(Some(ending)),
                Next::Leave => return Ok(None),
                Next::Again(pause) => {
                    tracing::warn!(?exit, deaths, "the agent died and is started again");
                    self.wait(pause);
                }
            }
        }
    }

    fn evidence(&self) -> Evidence {
        Evidence::of(&self.place.state, &self.place.storage, self.record.last_run)
    }

    /// Starts the agent and waits for its end.
    fn agent(&mut self) -> Exit {
        let mut arguments: Vec<OsString> = vec!["run".into(), "--state-dir".into(), self.place.state.clone().into()];
        arguments.extend(self.record.options.iter().map(OsString::from));
        if let Some(file) = &self.place.ca_file {
            arguments.extend(["--cacert".into(), file.into()]);
        }
        if let Some(number) = self.record.begun {
            arguments.extend(["--begun".into(), number.to_string().into()]);
        }
        arguments.push(self.place.storage.clone().into());
        let log = self.place.log_file().map_err(system("the log of the takeover"));
        let started = log
            .and_then(|log| Detached { arguments: &arguments, keeps: &KEPT, log }.start().map_err(system("the agent")));
        let mut agent = match started {
            Ok(agent) => agent,
            Err(error) => {
                tracing::error!(%error, "the agent cannot be started");
                return Exit::Died;
            }
        };
        self.record.agent = agent.peer();
        if let Err(error) = self.write() {
            // Another guardian would not know of this agent, which the lock of its run keeps from being doubled.
            tracing::error!(%error, "it is not on record which process the agent is");
        }
        loop {
            match agent.ended() {
                Ok(None) => self.wait(POLL),
                Ok(Some(status)) => return status.code().map_or(Exit::Died, Exit::Code),
                Err(_) => return Exit::Died,
            }
        }
    }

    /// Waits for the end of an agent that another guardian started.
    fn outlive(&mut self, agent: Peer) -> Exit {
        while agent.is_alive() {
            self.wait(POLL);
        }
        Exit::Died
    }

    /// Waits, and meanwhile sees to it that there is a watcher.
    fn wait(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        loop {
            self.see_to_watcher();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(POLL));
        }
    }

    fn see_to_watcher(&mut self) {
        let has_none = |started: &mut Started| !matches!(started.ended(), Ok(None));
        // The script's own process held this lock before the guardian was started, so a free lock means that the script has gone.
        if self.watcher.as_mut().is_none_or(has_none) && free(&self.place.lock("watch")).is_some() {
            self.watcher = self.place.start("--watch").inspect_err(|error| tracing::error!(%error, "no watcher")).ok();
        }
    }

    fn decide(&mut self, ending: Ending) {
        match &ending {
            Ending::Done => self.tell("has done its work, and ends MAAS's runner"),
            Ending::GivenBack(reason) => self.tell(&format!("gives back to MAAS's runner: {reason}")),
            Ending::Hopeless(reason) => {
                self.tell(&format!("cannot go on, and ends MAAS's runner: {reason}"));
                self.tell_failed(reason);
            }
        }
        self.record.phase = Phase::Ended(ending);
        if let Err(error) = self.write() {
            tracing::error!(%error, "it is not on record what becomes of MAAS's runner");
        }
    }

    /// Sends the region the signal FAILED with the reason, since no further result will follow. Gives up after 120 s.
    fn tell_failed(&mut self, reason: &str) {
        let mut arguments: Vec<OsString> = ["signal", "--give-up-after", "120"].map(OsString::from).into();
        arguments.extend(self.record.options.iter().map(OsString::from));
        if let Some(file) = &self.place.ca_file {
            arguments.extend(["--cacert".into(), file.into()]);
        }
        arguments.extend(["FAILED".into(), format!("Shakedown: {reason}").into()]);
        let Ok(log) = self.place.log_file() else { return };
        let Ok(mut signal) = (Detached { arguments: &arguments, keeps: &KEPT, log }).start() else { return };
        while matches!(signal.ended(), Ok(None)) {
            self.wait(POLL);
        }
    }

    fn carry_out(&self) {
        if let Some(Ending::GivenBack(_)) = self.record.ending() {
            // The script ends first, so that MAAS's runner records an exit status and not a timeout.
            let deadline = Instant::now() + SCRIPT_END;
            while self.record.script.is_alive() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.record.carry_out();
    }

    /// Writes a line to the output of MAAS's runner (in an ephemeral system: cloud-init's log) and to the takeover's own log.
    fn tell(&self, what: &str) {
        let runner = self.record.runner;
        let line = format!(
            "shakedown {}: {what} (maas-run-remote-scripts, process {}; {}, after {} s). Its log: {}; what was run: shakedown results",
            env!("CARGO_PKG_VERSION"),
            runner.pid(),
            jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default(),
            self.since.elapsed().as_secs(),
            self.place.log().display(),
        );
        tracing::info!("{line}");
        if let Err(error) = runner.tell(&line) {
            tracing::info!(%error, "the output of MAAS's runner takes nothing");
        }
    }
}
