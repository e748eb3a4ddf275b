//! All disks at once: each is read, tests itself if that is asked for, is read again and judged. One disk's trouble is its own.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::course::{Course, Progress};
use super::memory::Memory;
use super::model::{Report, Transport};
use super::plan::{self, Ending, State, Test};
use super::policy::Policy;
use super::reading::Reading;
use super::shared::{Drives, Unit};
use super::smartctl::{Error, Smartctl};
use super::survey::is_shown;
use super::target::{Disks, Target};
use super::tested::{Problem, Tested, with_self_test};
use super::verdict::{Judgement, Verdict, judge};

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The test.
    pub test: Test,
    /// Time between two looks at a self-test; by the drive's estimate if not given.
    pub pace: Option<Duration>,
    /// Longest that a self-test may take, if that is less than what the drive's estimate allows.
    pub limit: Option<Duration>,
    /// What is held against a drive.
    pub policy: Policy,
    /// Keep what smartctl prints for people: for many disks that is more than all the rest.
    pub with_text: bool,
    /// Wake no drive that sleeps; it is not judged then.
    pub lets_sleep: bool,
}

/// News of a disk, by its name.
#[derive(Clone, Debug)]
pub enum Notice {
    /// It is being read.
    Begun(String),
    /// It tests itself.
    Testing(String, Progress),
    /// All is known of it.
    Ended(String, Verdict),
}

/// Testing disks.
#[derive(Debug)]
pub struct Session {
    /// The program; or why there is none, which every disk is told.
    pub smartctl: Result<Smartctl, Error>,
    /// The machine's disks.
    pub disks: Disks,
    /// What the drives said last; without it nothing is told to be new.
    pub memory: Option<Memory>,
    /// What is to be done.
    pub options: Options,
    /// Who is told.
    pub notices: UnboundedSender<Notice>,
    /// Aborts the self-tests, and then ends.
    pub cancel: CancellationToken,
    /// Ends at once.
    pub give_up: CancellationToken,
    /// The drives that test themselves in this session.
    pub drives: Drives,
}

impl Session {
    /// Tests the disks that words mean. A disk that turns out to be a volume of a RAID controller is tested by the disks behind it.
    pub async fn test(&self, wanted: &[String]) -> Vec<Tested> {
        let mut found: Vec<Result<Target, Tested>> = Vec::new();
        for word in wanted {
            let target = self.disks.find(word).map_err(|error| Tested::unknown(word, &error));
            // Two words may mean one disk, which cannot do two tests at once.
            let words = |target: &Target| target.address.words();
            let is_same =
                |one: &Result<Target, Tested>| matches!((one, &target), (Ok(one), Ok(it)) if words(one) == words(it));
            if !found.iter().any(is_same) {
                found.push(target);
            }
        }
        let each = found.into_iter().map(|target| async move {
            match target {
                Ok(target) => self.with_members(target).await,
                Err(unknown) => vec![unknown],
            }
        });
        join_all(each).await.into_iter().flatten().collect()
    }

    /// Tests every disk of the machine, also those behind RAID controllers.
    pub async fn test_all(&self) -> Vec<Tested> {
        let known = join_all(self.disks.targets.iter().map(|target| self.examine(target.clone())));
        let (mut tested, members) = tokio::join!(known, self.members(|_| true));
        match members {
            Ok(members) => {
                for volume in &mut tested {
                    volume.stands_for(&members);
                }
                tested.extend(members);
            }
            Err(error) => tested.iter_mut().for_each(|one| one.blame(&error)),
        }
        once(tested)
    }

    async fn with_members(&self, target: Target) -> Vec<Tested> {
        let mut volume = self.examine(target.clone()).await;
        let Some(bus) = target.bus.filter(|_| volume.is_unreachable()) else { return vec![volume] };
        // Each volume of a controller would bring all of its disks: the first one does.
        let is_sibling = |other: &&Target| other.bus.as_deref() == Some(&bus) && other.disk.model == target.disk.model;
        if self.disks.targets.iter().find(is_sibling).is_some_and(|first| first.name != target.name) {
            return vec![volume];
        }
        match self.members(|member| member.bus.as_deref() == Some(&bus)).await {
            Ok(members) => {
                volume.stands_for(&members);
                std::iter::once(volume).chain(members).collect()
            }
            Err(error) => {
                volume.blame(&error);
                vec![volume]
            }
        }
    }

    /// Tests disks behind RAID controllers, without those that the kernel shows as well.
    async fn members(&self, is_wanted: impl Fn(&Target) -> bool) -> Result<Vec<Tested>, Error> {
        let Ok(smartctl) = &self.smartctl else { return Ok(Vec::new()) };
        let found = self.disks.behind_controllers(smartctl, &self.cancel).await?;
        let tested = join_all(found.into_iter().filter(is_wanted).map(|target| self.examine(target))).await;
        let mut others = Vec::new();
        for member in tested {
            let serial = member.report.as_ref().and_then(|report| report.identity.serial.as_deref());
            if !is_shown(smartctl, &self.disks, serial, &self.cancel).await {
                others.push(member);
            }
        }
        Ok(others)
    }

    async fn examine(&self, target: Target) -> Tested {
        let name = target.name.clone();
        let _ = self.notices.send(Notice::Begun(name.clone()));
        let began = Instant::now();
        let mut tested = match &self.smartctl {
            Ok(smartctl) => self.examine_with(smartctl, target).await,
            Err(error) => Tested::failed(target, error),
        };
        if self.options.test == Test::Validate {
            tested.self_test = Ending::new(State::NotAsked, "");
        }
        tested.runtime = began.elapsed();
        let _ = self.notices.send(Notice::Ended(name, tested.verdict));
        tested
    }

    async fn examine_with(&self, smartctl: &Smartctl, mut target: Target) -> Tested {
        let arguments = if self.options.lets_sleep { &Reading::UNLESS_ASLEEP[..] } else { &Reading::EVERYTHING };
        let mut read = match Reading::first(smartctl, &mut target, arguments, &self.cancel).await {
            Ok(read) => read,
            Err(error) => return Tested::failed(target, &error),
        };
        told_by_kernel(&mut read.report, &target);
        let previous = self.memory.as_ref().and_then(|memory| memory.recall(&read.report));
        let judged = |report: &Report| judge(report, &self.options.policy, previous.as_ref());
        let health = judged(&read.report);
        let ending = self.self_test(smartctl, &target, &read.report, &health).await;
        let mut problem = None;
        let has_begun =
            !matches!(ending.state, State::NotAsked | State::NotSupported | State::Busy | State::NotStarted);
        if has_begun {
            match Reading::of(smartctl, &target.address, &Reading::EVERYTHING, &self.give_up).await {
                Ok(after) => {
                    read = after;
                    told_by_kernel(&mut read.report, &target);
                }
                Err(error) => problem = Some(Problem::of(&error)),
            }
        }
        let health = if has_begun { judged(&read.report) } else { health };
        if let Some(memory) = self.memory.as_ref().filter(|_| health.verdict != Verdict::Error) {
            memory.keep(&read.report, &read.json);
        }
        let is_lost = problem.is_some() && health.verdict != Verdict::Failed;
        let verdict = if is_lost { Verdict::Error } else { health.verdict };
        Tested {
            verdict: with_self_test(verdict, ending.state),
            // Of a drive that could not be read the reasons tell, and its self-test adds nothing.
            problem: problem.or_else(|| Problem::of_ending(&ending).filter(|_| health.verdict != Verdict::Error)),
            health: Some(health),
            report: Some(read.report),
            text: if self.options.with_text { read.text } else { String::new() },
            self_test: ending,
            also: Vec::new(),
            target,
            runtime: Duration::ZERO,
        }
    }

    async fn self_test(&self, smartctl: &Smartctl, target: &Target, report: &Report, health: &Judgement) -> Ending {
        let Some(kind) = self.options.test.kind() else {
            return Ending::new(State::NotAsked, "");
        };
        match health.verdict {
            Verdict::NotSupported => {
                return Ending::new(State::NotSupported, "there is no SMART, so there are no self-tests");
            }
            Verdict::Error => return Ending::new(State::NotStarted, "the drive could not be read"),
            Verdict::Healthy | Verdict::Degraded | Verdict::Failed => {}
        }
        let serial = report.identity.serial.as_deref();
        if report.transport() == Transport::Raid && is_shown(smartctl, &self.disks, serial, &self.cancel).await {
            return Ending::new(State::NotSupported, "the kernel shows the same disk");
        }
        if let Some(obstacle) = plan::obstacle(kind, report) {
            return Ending::new(State::NotSupported, obstacle);
        }
        let estimate = report.self_tests.ability(kind).estimate;
        let rotates = report.rotates() || (report.identity.rotation_rate.is_none() && target.disk.rotational);
        let longest = plan::limit(kind, estimate, rotates, report.identity.capacity.unwrap_or(target.disk.size));
        // Units and paths of one drive take turns; another path has the drive's result already.
        let drive = self.drives.of(report);
        let mut drive = drive.lock().await;
        if let Some((by, ending)) = drive.as_ref().filter(|(by, _)| by.is_path_to(report)) {
            return Ending::new(ending.state, format!("{} (the drive's self-test at {})", ending.reason, by.name));
        }
        let name = target.name.clone();
        let course = Course {
            smartctl,
            address: &target.address,
            kind,
            estimate,
            pace: self.options.pace,
            limit: self.options.limit.map_or(longest, |limit| limit.min(longest)),
            cancel: &self.cancel,
            give_up: &self.give_up,
            tell: &|progress| {
                let _ = self.notices.send(Notice::Testing(name.clone(), progress));
            },
        };
        let ending = course.run().await;
        *drive = Some((Unit::of(target, report), ending.clone()));
        ending
    }
}

/// Facts of a device that only the kernel knows.
fn told_by_kernel(report: &mut Report, target: &Target) {
    report.kernel = Some(target.disk.kind.clone()).filter(|kind| !kind.is_empty());
    report.driver.clone_from(&target.driver);
}

/// Each drive once: what is reached by several paths is one drive, told by its first path.
fn once(tested: Vec<Tested>) -> Vec<Tested> {
    let mut drives: Vec<Tested> = Vec::new();
    for one in tested {
        let same = drives.iter_mut().find(|other| is_path(other, &one));
        match same {
            Some(drive) => drive.also.push(format!("the same drive by another path: {}", one.target.name)),
            None => drives.push(one),
        }
    }
    drives
}

fn is_path(one: &Tested, other: &Tested) -> bool {
    let unit = |tested: &Tested| tested.report.as_ref().map(|report| Unit::of(&tested.target, report));
    let report = other.report.as_ref();
    // Paths that differ in what they say are told both.
    let alike = one.target.disk.kind != "raid" && one.verdict == other.verdict;
    alike && unit(one).zip(report).is_some_and(|(unit, report)| unit.is_path_to(report))
}
