//! All processes that come of one: found again whatever they did to hide.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

use super::cgroup::Cgroup;
use super::cost::Cost;
use super::standing::Standing;
use super::table::{Identity, Process, memory, timer_slack, variable};
use super::usage::{children, descendants_of};

/// The variable that marks a family: set for its leader, inherited by the others.
pub(super) const MARK: &str = "OUTPUT_COMBINED_PATH";

/// Who forks faster than it is moved is not followed for ever: those that are inside have their children there.
const ROUNDS: usize = 20;

static ADOPTING: AtomicBool = AtomicBool::new(false);
/// Leaders of the families under way: their exit status is somebody's to collect.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Makes orphans of this program's descendants its children, so that a process without cgroup cannot slip away by
/// forking twice. For a program that owns all of its children: the dead among them are collected while a family runs.
pub fn adopt_orphans() {
    if nix::sys::prctl::set_child_subreaper(true).is_ok() {
        ADOPTING.store(true, Ordering::Relaxed);
    }
}

/// A living process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Process id.
    pub pid: i32,
    /// Name (`comm`, at most 15 bytes).
    pub name: String,
}

/// A process and everything that came of it. Unless it is released, it is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Family {
    leader: Option<Identity>,
    /// What the variable [`MARK`] is in this family only; empty if it has none.
    mark: Vec<u8>,
    /// Timer slack that only this family has.
    slack: Option<u64>,
    cgroup: Option<Cgroup>,
    /// Members found so far. Who hid after that is still found, and while one of them lives nobody has to search.
    known: Mutex<BTreeSet<Identity>>,
    reads_environments: AtomicBool,
    released: AtomicBool,
    /// The leader's exit status was collected, so that its number may be another's by now.
    collected: AtomicBool,
}

impl Family {
    /// How often the kernel killed one of it since memory ran out; `None` where nobody counts that.
    pub(super) fn oom_kills(&self) -> Option<u64> {
        self.cgroup.as_ref().and_then(Cgroup::oom_kills)
    }

    /// The bytes of memory that bound it; `None` if nothing does.
    pub(super) fn memory_bound(&self) -> Option<u64> {
        self.cgroup.as_ref().and_then(Cgroup::memory_bound)
    }

    /// Resources that the family used, as its cgroup counted them.
    pub(super) fn cost(&self) -> Cost {
        self.cgroup.as_ref().map(Cgroup::cost).unwrap_or_default()
    }

    /// Who is alive and does not hide: who is in its cgroup; without one, its group, its session and what descends from it. That costs little on
    /// a machine with many processes, as nothing is read of each.
    fn kin(&self) -> Vec<Process> {
        if let Some(cgroup) = &self.cgroup {
            return cgroup.members().into_iter().filter_map(Process::read).filter(|one| !one.dead).collect();
        }
        let Some(leader) = self.leader else { return Vec::new() };
        let all = Process::recently();
        let known = lock(&self.known).clone();
        let is_kin = |p: &&Process| [p.id.pid, p.group, p.session].contains(&leader.pid) || known.contains(&p.id);
        let mut found: BTreeSet<i32> =
            all.iter().filter(|p| p.id.start >= leader.start).filter(is_kin).map(|p| p.id.pid).collect();
        loop {
            let children: Vec<i32> = all.iter().filter(|p| found.contains(&p.parent)).map(|p| p.id.pid).collect();
            let before = found.len();
            found.extend(children);
            if found.len() == before {
                return all.iter().filter(|p| found.contains(&p.id.pid) && !p.dead).cloned().collect();
            }
        }
    }

    /// Who is alive and does not hide, and the memory that they use together.
    pub(super) fn weighed(&self) -> (Vec<Process>, u64) {
        let processes = self.kin();
        let memory = processes.iter().filter_map(|process| memory(process.id.pid)).sum();
        (processes, memory)
    }

    /// Where those stand that are alive.
    pub(super) fn standing(&self) -> Vec<Standing> {
        Standing::of_all(self.search())
    }

    /// Starts a process that is to lead a family. It is a leader before anybody can take it for an orphan.
    pub(super) fn lead(start: impl FnOnce() -> io::Result<Child>) -> io::Result<Child> {
        let mut leaders = lock(&LEADERS);
        let child = without_protection(start)?;
        leaders.extend(child.id().and_then(|pid| i32::try_from(pid).ok()));
        Ok(child)
    }

    /// The family of a process that was started by [`Family::lead`] on a thread with this slack and is not yet waited for.
    pub(super) fn new(leader: i32, slack: u64, combined: &Path, cgroup: Option<Cgroup>) -> Self {
        let mut family = Family::of_leader(leader);
        family.mark = combined.as_os_str().as_encoded_bytes().to_vec();
        family.cgroup = cgroup.filter(|cgroup| moved(cgroup, leader, slack));
        family.slack = Some(slack);
        family
    }

    /// The same without a mark, for a tool that does not hide: its group, its session and what descends from it.
    pub(super) fn of_leader(leader: i32) -> Self {
        let mut family = Family::of_mark(Path::new(""));
        // It is in the table, at least as a zombie, until somebody waits for it.
        let start = Process::read(leader).map_or(0, |process| process.id.start);
        family.leader = Some(Identity { pid: leader, start });
        family.released = AtomicBool::new(false);
        family
    }

    /// The members of a family whose leader is not known, by what they have in their environment.
    pub(super) fn of_mark(combined: &Path) -> Self {
        Family {
            leader: None,
            mark: combined.as_os_str().as_encoded_bytes().to_vec(),
            slack: None,
            cgroup: None,
            known: Mutex::default(),
            reads_environments: AtomicBool::new(true),
            released: AtomicBool::new(true),
            collected: AtomicBool::new(false),
        }
    }

    /// Who is alive.
    pub(super) fn members(&self) -> Vec<Member> {
        self.search().into_iter().map(|process| Member { pid: process.id.pid, name: process.name }).collect()
    }

    /// Whether nobody is alive. Costs little while one lives who was found before.
    pub(super) fn is_gone(&self) -> bool {
        let mut known = lock(&self.known);
        while let Some(first) = known.first() {
            if first.is_alive() {
                return false;
            }
            known.pop_first();
        }
        drop(known);
        self.search().is_empty()
    }

    /// Sends signals to everyone alive; says how many that were.
    pub(super) fn signal(&self, signals: &[Signal]) -> usize {
        let kill = signals.contains(&Signal::KILL);
        if let Some(cgroup) = self.cgroup.as_ref().filter(|_| kill) {
            cgroup.kill();
        }
        // The leader, alive or dead, holds the group's number as long as its status is not collected: for that no process table is needed,
        // which may hang, or hide processes, or not be there at all.
        let group =
            self.leader.filter(|_| !self.collected.load(Ordering::Relaxed)).and_then(|it| Pid::from_raw(it.pid));
        if let Some(group) = group.filter(|_| kill) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let members = self.search();
        if let Some(group) =
            group.filter(|group| !kill && !members.iter().any(|p| p.group == group.as_raw_nonzero().get()))
        {
            for signal in signals {
                let _ = kill_process_group(group, *signal);
            }
        }
        // One who forks all the time outruns a list. The group's number is not given away while the group has members.
        if let Some(leader) = self.leader.filter(|leader| kill && members.iter().any(|p| p.group == leader.pid)) {
            let _ = Pid::from_raw(leader.pid).map(|group| kill_process_group(group, Signal::KILL));
        }
        for member in &members {
            for signal in signals {
                member.id.signal(*signal);
            }
        }
        members.len()
    }

    /// From now on members are not searched by their environment: reading one did not come to an end.
    pub(super) fn ignore_environments(&self) {
        self.reads_environments.store(false, Ordering::Relaxed);
    }

    /// True if the leader has ended; its exit status stays to be collected.
    pub(super) fn has_ended(&self) -> bool {
        let Some(leader) = self.leader.filter(|_| !self.collected.load(Ordering::Relaxed)) else { return true };
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        !matches!(waitid(Id::Pid(nix::unistd::Pid::from_raw(leader.pid)), look), Ok(WaitStatus::StillAlive))
    }

    /// The leader's exit status was collected.
    pub(super) fn note_collected(&self) {
        self.collected.store(true, Ordering::Relaxed);
    }

    /// Lets the members that are alive go their way.
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::Relaxed);
    }

    /// Reads the process table. No lock is held meanwhile, as the reading may hang.
    fn search(&self) -> Vec<Process> {
        let all = Process::all();
        // Asked after the table was read: a child that is being started is then a leader before the answer comes.
        let adopts = self.leader.is_some() && ADOPTING.load(Ordering::Relaxed) && lock(&LEADERS).len() == 1;
        let known = lock(&self.known).clone();
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let in_cgroup: BTreeSet<i32> = self.cgroup.iter().flat_map(Cgroup::members).collect();
        let born = self.leader.map_or(0, |leader| leader.start);
        let number = self.number(&all);
        // Whoever is older than the leader cannot come of it; most of a large machine's processes are.
        let mut processes: Vec<&Process> =
            all.iter().filter(|p| p.id.start >= born && p.id.pid != own && !p.dead).collect();
        let is_member = |p: &&&Process| {
            known.contains(&p.id)
                || number.is_some_and(|number| [p.id.pid, p.group, p.session].contains(&number))
                || in_cgroup.contains(&p.id.pid)
                || (self.slack.is_some() && timer_slack(p.id.pid) == self.slack)
                || self.has_mark(p.id.pid).unwrap_or(adopts && p.parent == own)
        };
        let mut found: BTreeSet<i32> = processes.iter().filter(is_member).map(|p| p.id.pid).collect();
        loop {
            let children: Vec<i32> = processes.iter().filter(|p| found.contains(&p.parent)).map(|p| p.id.pid).collect();
            let before = found.len();
            found.extend(children);
            if found.len() == before {
                break;
            }
        }
        processes.retain(|p| found.contains(&p.id.pid));
        lock(&self.known).extend(processes.iter().map(|p| p.id));
        processes.into_iter().cloned().collect()
    }

    /// The leader's number, unless it has been given to another process.
    fn number(&self, processes: &[Process]) -> Option<i32> {
        let leader = self.leader?;
        let is_reused =
            processes.iter().any(|p| p.id.pid == leader.pid && p.id.start != leader.start) && leader.start > 0;
        (!is_reused).then_some(leader.pid)
    }

    /// Whether a process is marked as of this family; `None` if it has no mark at all.
    fn has_mark(&self, pid: i32) -> Option<bool> {
        if self.mark.is_empty() {
            return Some(false);
        }
        if !self.reads_environments.load(Ordering::Relaxed) {
            return None;
        }
        Some(variable(pid, MARK.as_bytes())? == self.mark)
    }

    /// Collects adopted orphans that have ended.
    pub(super) fn reap() {
        if !ADOPTING.load(Ordering::Relaxed) {
            return;
        }
        let leaders = match LEADERS.try_lock() {
            Ok(leaders) => leaders,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A process is being started: there will be another time.
            Err(TryLockError::WouldBlock) => return,
        };
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        // A leader that has ended stands in front of the others only until its exit status is collected.
        while let Some(pid) = waitid(Id::All, look).ok().and_then(|status| status.pid()) {
            if leaders.contains(&pid.as_raw()) || waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_err() {
                break;
            }
        }
    }
}

/// Moves a leader into its cgroup, and those who came of it before the kernel had done so: the first move of a process can take tenths of a
/// second, and what was forked meanwhile would stay outside, without a bound.
fn moved(cgroup: &Cgroup, leader: i32, slack: u64) -> bool {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    if !cgroup.add(leader) {
        return false;
    }
    for _ in 0..ROUNDS {
        let mut outside = descendants_of(leader);
        let orphans = children(own).unwrap_or_default().into_iter().filter(|pid| timer_slack(*pid) == Some(slack));
        for orphan in orphans.filter(|pid| *pid != leader) {
            outside.extend(descendants_of(orphan));
            outside.insert(orphan);
        }
        for pid in cgroup.members() {
            outside.remove(&pid);
        }
        // Who cannot be moved has ended.
        let moved = outside.into_iter().filter(|pid| cgroup.add(*pid)).count();
        if moved == 0 {
            break;
        }
    }
    true
}

/// Gives this thread a timer slack that no other family has, near the kernel's default of 50 µs, so that nobody notices the
/// difference. A child has it from its first moment, long before it can be in a cgroup, and hardly any process changes it.
pub(super) fn set_slack() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = u64::from(std::process::id()) * 31 + COUNT.fetch_add(1, Ordering::Relaxed);
    let slack = 50_001 + number % 49_999;
    let _ = nix::sys::prctl::set_timerslack(slack);
    slack
}

impl Drop for Family {
    fn drop(&mut self) {
        if !self.released.load(Ordering::Relaxed) {
            self.signal(&[Signal::KILL]);
        }
        if let Some(leader) = self.leader {
            lock(&LEADERS).remove(&leader.pid);
        }
        Family::reap();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives up this program's protection against the out-of-memory killer for a moment, since a child inherits it, and the
/// child's first children would before anybody could take it away.
fn without_protection<T>(start: impl FnOnce() -> T) -> T {
    let file = "/proc/self/oom_score_adj";
    let own = fs::read_to_string(file).unwrap_or_default();
    if !own.starts_with('-') {
        return start();
    }
    let _ = fs::write(file, "0");
    let started = start();
    let _ = fs::write(file, own.trim());
    started
}
