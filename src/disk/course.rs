//! One self-test from its start to its end. smartctl's exit status 0 proves neither that a test began nor that one passed (contract
//! SMART §2.2, §9): what counts is that the drive was seen testing, and what its log and its status say afterwards.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::model::{Protocol, Report};
use super::plan::{Ending, State, name};
use super::self_test::{Entry, Kind, Outcome, Running};
use super::smartctl::{Address, Error, Smartctl};

/// What a look costs: a capability page and a log.
const LOOK: [&str; 3] = ["-c", "-l", "selftest"];
/// Bounds of the pace at which a drive is looked at.
const FASTEST: Duration = Duration::from_secs(5);
const SLOWEST: Duration = Duration::from_secs(30);
/// Looks after the start before a drive that shows no test is believed.
const PROOFS: u32 = 5;
/// Between those.
const PROOF_PACE: Duration = Duration::from_secs(2);
/// Looks in a row that may fail while a test runs: a busy drive may miss one.
const MISSED: u32 = 5;

/// How far a self-test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Percent done, where the drive tells.
    pub done: Option<u8>,
    /// Since it began.
    pub elapsed: Duration,
    /// Until its expected end, where that can be told.
    pub left: Option<Duration>,
}

/// A self-test that is to be done.
pub(super) struct Course<'a> {
    pub(super) smartctl: &'a Smartctl,
    pub(super) address: &'a Address,
    pub(super) kind: Kind,
    /// The drive's own estimate.
    pub(super) estimate: Option<Duration>,
    /// Between two looks; by the estimate if not given.
    pub(super) pace: Option<Duration>,
    /// Longest it may take.
    pub(super) limit: Duration,
    /// Aborts the test.
    pub(super) cancel: &'a CancellationToken,
    /// Ends even the aborting.
    pub(super) give_up: &'a CancellationToken,
    pub(super) tell: &'a (dyn Fn(Progress) + Sync),
}

/// What a look found.
enum Seen {
    Running(Running),
    Idle(Box<Report>),
    /// It does not say.
    Unclear(String),
}

/// Why waiting for a test ended.
enum Halt {
    Cancelled,
    TimeUp,
    Blind(String),
}

impl Course<'_> {
    /// Starts the test and stays with it.
    pub(super) async fn run(&self) -> Ending {
        let before = match self.look().await {
            Ok(Seen::Running(running)) => return busy(running),
            Ok(Seen::Idle(report)) => report.self_tests.log,
            // A SCSI drive without any entry in its log says nothing.
            Ok(Seen::Unclear(_)) => Vec::new(),
            Err(Error::Cancelled) => return Ending::new(State::Aborted, "stopped on request before it began"),
            Err(error) => {
                return Ending::new(State::NotStarted, format!("the drive's self-tests cannot be read: {error}"));
            }
        };
        let began = Instant::now();
        let said = match self.start().await {
            Ok(said) => said,
            Err((error, true)) => return self.abort(State::Aborted, &error).await,
            Err((error, false)) => return Ending::new(State::NotStarted, error),
        };
        let mut was_seen = false;
        match self.prove(&before).await {
            Ok(Some(Seen::Running(_))) if said.exit_status != 0 => {
                return Ending::new(State::Busy, "another self-test began at the same time and was left alone");
            }
            Ok(Some(Seen::Running(running))) => {
                was_seen = true;
                self.told(running, began);
            }
            Ok(Some(Seen::Idle(report))) => return verdict(self.kind, &before, was_seen, &report),
            Ok(_) => return said.refusal(),
            Err(_) if said.exit_status != 0 => return said.refusal(),
            Err(halt) => return self.halted(halt, began).await,
        }
        match self.watch(began).await {
            Ok(report) => verdict(self.kind, &before, was_seen, &report),
            Err(halt) => self.halted(halt, began).await,
        }
    }

    /// Asks for the test. An error with `true` leaves open whether it has begun.
    async fn start(&self) -> Result<Said, (String, bool)> {
        match self.smartctl.ask(self.address, &["-t", name(self.kind)], self.cancel).await {
            Ok(reply) => Ok(Said { exit_status: reply.exit_status, words: reply.complaints() }),
            Err(error @ (Error::NotInstalled | Error::Absent(_) | Error::NotExecutable(..) | Error::Broken(..))) => {
                Err((error.to_string(), false))
            }
            Err(Error::Cancelled) => Err(("stopped on request".to_owned(), true)),
            Err(error) => Err((format!("smartctl failed to start it: {error}"), true)),
        }
    }

    /// Looks until the drive shows the test or its result; `None` if it does not.
    async fn prove(&self, before: &[Entry]) -> Result<Option<Seen>, Halt> {
        for attempt in 0..PROOFS {
            if attempt > 0 {
                self.pause(self.pace.unwrap_or(PROOF_PACE).min(PROOF_PACE)).await?;
            }
            match self.look().await {
                Ok(seen @ Seen::Running(_)) => return Ok(Some(seen)),
                Ok(Seen::Idle(report)) if is_new(before, &report) => return Ok(Some(Seen::Idle(report))),
                Err(Error::Cancelled) => return Err(Halt::Cancelled),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Looks at a drive that tests itself until it does not any more.
    async fn watch(&self, began: Instant) -> Result<Box<Report>, Halt> {
        let mut missed = 0;
        loop {
            let left = self.limit.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(Halt::TimeUp);
            }
            self.pause(self.pace().min(left)).await?;
            let problem = match self.look().await {
                Ok(Seen::Idle(report)) => return Ok(report),
                Ok(Seen::Running(running)) => {
                    missed = 0;
                    self.told(running, began);
                    continue;
                }
                Err(Error::Cancelled) => return Err(Halt::Cancelled),
                Ok(Seen::Unclear(problem)) => problem,
                Err(error) => error.to_string(),
            };
            missed += 1;
            if missed == MISSED {
                return Err(Halt::Blind(problem));
            }
        }
    }

    async fn look(&self) -> Result<Seen, Error> {
        let report = self.smartctl.ask(self.address, &LOOK, self.cancel).await?.report()?;
        Ok(seen(report))
    }

    async fn pause(&self, time: Duration) -> Result<(), Halt> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(Halt::Cancelled),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    fn pace(&self) -> Duration {
        self.pace.unwrap_or_else(|| (self.estimate.unwrap_or_default() / 60).clamp(FASTEST, SLOWEST))
    }

    fn told(&self, running: Running, began: Instant) {
        let elapsed = began.elapsed();
        let done = running.remaining.map(|remaining| 100 - remaining.min(100));
        let by_pace = done.filter(|done| *done >= 10).map(|done| elapsed * u32::from(100 - done) / u32::from(done));
        let left = by_pace.or_else(|| self.estimate.map(|estimate| estimate.saturating_sub(elapsed)));
        (self.tell)(Progress { done, elapsed, left });
    }

    async fn halted(&self, halt: Halt, began: Instant) -> Ending {
        match halt {
            Halt::Cancelled => self.abort(State::Aborted, "stopped on request").await,
            Halt::TimeUp => {
                let reason = format!("no result after {} minutes", began.elapsed().as_secs() / 60);
                self.abort(State::TimedOut, &reason).await
            }
            Halt::Blind(problem) => {
                let reason =
                    format!("the drive did not say {MISSED} times in a row how far its self-test is: {problem}");
                self.abort(State::Unverified, &reason).await
            }
        }
    }

    /// Ends the test that this course began.
    async fn abort(&self, state: State, reason: &str) -> Ending {
        // Whatever smartctl says of it: a drive may have nothing to abort any more. What counts is what it does then.
        let asked = self.smartctl.ask(self.address, &["-X"], self.give_up).await;
        let looked = self.smartctl.ask(self.address, &LOOK, self.give_up).await.and_then(|reply| reply.report());
        let looked = looked.map_err(|error| asked.err().unwrap_or(error));
        let by_hand = format!("stop it with `smartctl -X {}`", self.address.words());
        Ending::new(
            state,
            match looked.map(seen) {
                Ok(Seen::Idle(_)) => format!("{reason}; the self-test was aborted"),
                Ok(Seen::Running(_)) => format!("{reason}; the drive goes on testing all the same: {by_hand}"),
                Ok(Seen::Unclear(problem)) => format!("{reason}; aborted, but the drive does not say so: {problem}"),
                Err(error) => {
                    format!("{reason}; it could not be aborted ({error}) and may go on in the drive: {by_hand}")
                }
            },
        )
    }
}

/// How smartctl answered the wish for a test.
struct Said {
    exit_status: u8,
    words: String,
}

impl Said {
    /// Nothing began.
    fn refusal(self) -> Ending {
        let Said { exit_status, words } = self;
        if words.contains("not supported") {
            return Ending::new(State::NotSupported, words);
        }
        let words = if words.is_empty() { String::new() } else { format!(": {words}") };
        Ending::new(
            State::NotStarted,
            format!("the drive shows no self-test after smartctl ended with exit status {exit_status}{words}"),
        )
    }
}

fn busy(running: Running) -> Ending {
    let left = running.remaining.map(|left| format!(", {left} % of it left")).unwrap_or_default();
    Ending::new(
        State::Busy,
        format!("another self-test is running{left}, and was left alone; test again when it has ended"),
    )
}

/// What a report says of the drive at this moment. What it does not say is not taken for idleness.
fn seen(report: Report) -> Seen {
    let tests = &report.self_tests;
    let tells = if report.protocol == Some(Protocol::Ata) { tests.last.is_some() } else { tests.log_read };
    match tests.running {
        Some(running) => Seen::Running(running),
        None if tells => Seen::Idle(Box::new(report)),
        None if report.call.messages.is_empty() => Seen::Unclear("its answer says nothing of self-tests".to_owned()),
        None => Seen::Unclear(report.call.messages.join("; ")),
    }
}

/// The entries of tests that have ended.
fn ended(log: &[Entry]) -> impl Iterator<Item = &Entry> {
    log.iter().filter(|entry| entry.outcome != Outcome::Running)
}

fn is_new(before: &[Entry], report: &Report) -> bool {
    !ended(before).eq(ended(&report.self_tests.log))
}

/// What the drive says of the test that has just ended. Silence is no pass.
fn verdict(kind: Kind, before: &[Entry], was_seen: bool, report: &Report) -> Ending {
    let tests = &report.self_tests;
    let newest = tests.newest().filter(|_| is_new(before, report));
    if let Some(entry) = newest.filter(|entry| entry.kind.is_none_or(|logged| logged == kind)) {
        let place = entry.lba.map(|lba| format!(", first at LBA {lba}")).unwrap_or_default();
        let reason = format!("{}{place}", entry.text);
        return match (entry.outcome, tests.last) {
            (Outcome::Failed, _) | (_, Some(Outcome::Failed)) => Ending::new(State::Failed, reason),
            (Outcome::Aborted, _) | (_, Some(Outcome::Aborted)) => Ending::new(State::Aborted, reason),
            (Outcome::Passed, None | Some(Outcome::Passed)) => Ending::new(State::Passed, reason),
            _ => Ending::new(State::Unverified, format!("the drive's log and status disagree: {reason}")),
        };
    }
    // A drive that keeps no log, or one that is full of the same entry, has its status only: ATA's tells of the last test.
    let keeps_no_news = tests.log.is_empty() || ended(&tests.log).count() >= FULL;
    match tests.last {
        Some(Outcome::Failed) => Ending::new(State::Failed, "the drive's status says that the self-test failed"),
        Some(Outcome::Aborted) => {
            Ending::new(State::Aborted, "the drive's status says that the self-test was interrupted")
        }
        Some(Outcome::Passed) if was_seen && keeps_no_news && newest.is_none() => {
            Ending::new(State::Passed, "completed without error, by the drive's status; it has logged nothing new")
        }
        _ => Ending::new(State::Unverified, "the self-test is over, but the drive has not logged how it ended"),
    }
}

/// Entries of a full log of an ATA drive.
const FULL: usize = 21;
