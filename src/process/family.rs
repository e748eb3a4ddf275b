//! All processes that come of one: found again whatever they did to hide.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::cgroup::Cgroup;

static ADOPTING: AtomicBool = AtomicBool::new(false);
/// Leaders of the families under way: their exit status is somebody's to collect.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Makes orphans of this program's descendants its children, so that a process without cgroup cannot slip away by
/// forking twice. For a program that owns all of its children; the reaping that comes with it happens at each family's end.
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

/// A process and everything that came of it.
#[derive(Debug)]
pub(super) struct Family {
    leader: i32,
    /// `VARIABLE=value` that only this family has in its environment.
    mark: Vec<u8>,
    cgroup: Option<Cgroup>,
}

impl Family {
    pub(super) fn new(leader: i32, mark: Vec<u8>, cgroup: Option<Cgroup>) -> Self {
        leaders().insert(leader);
        let cgroup = cgroup.filter(|cgroup| cgroup.add(leader));
        Family { leader, mark, cgroup }
    }

    /// The members of a family whose leader is not known, by what they have in their environment.
    pub(super) fn of_mark(mark: Vec<u8>) -> Self {
        Family { leader: 0, mark, cgroup: None }
    }

    /// Who is alive.
    pub(super) fn members(&self) -> Vec<Member> {
        let processes = processes();
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let in_cgroup: BTreeSet<i32> = self.cgroup.iter().flat_map(Cgroup::members).collect();
        let only_family = self.leader != 0 && ADOPTING.load(Ordering::Relaxed) && leaders().len() == 1;
        let mut found: BTreeSet<i32> = processes
            .iter()
            .filter(|p| {
                (self.leader != 0 && [p.pid, p.group, p.session].contains(&self.leader))
                    || in_cgroup.contains(&p.pid)
                    || (only_family && p.parent == own)
                    || self.is_marked(p.pid)
            })
            .map(|p| p.pid)
            .collect();
        loop {
            let before = found.len();
            found.extend(processes.iter().filter(|p| found.contains(&p.parent)).map(|p| p.pid).collect::<Vec<_>>());
            if found.len() == before {
                break;
            }
        }
        found.remove(&own);
        processes
            .into_iter()
            .filter(|p| found.contains(&p.pid) && !p.dead)
            .map(|p| Member { pid: p.pid, name: p.name })
            .collect()
    }

    fn is_marked(&self, pid: i32) -> bool {
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environment| environment.split(|&b| b == 0).any(|entry| entry == self.mark))
    }

    /// Sends a signal to everyone alive; says how many that were.
    pub(super) fn signal(&self, signal: Signal) -> usize {
        if signal == Signal::SIGKILL
            && let Some(cgroup) = &self.cgroup
        {
            cgroup.kill();
        }
        let members = self.members();
        for member in &members {
            let _ = kill(Pid::from_raw(member.pid), signal);
        }
        members.len()
    }

    /// Collects adopted orphans that have ended.
    pub(super) fn reap() {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        if !ADOPTING.load(Ordering::Relaxed) {
            return;
        }
        for process in processes() {
            if process.parent == own && process.dead && !leaders().contains(&process.pid) {
                let _ = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG));
            }
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        Family::reap();
        leaders().remove(&self.leader);
    }
}

fn leaders() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    session: i32,
    dead: bool,
    name: String,
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
        .filter_map(|entry| fs::read(entry.path().join("stat")).ok())
        .filter_map(|stat| parse_stat(&String::from_utf8_lossy(&stat)))
        .collect()
}

/// `/proc/PID/stat`; the name stands in parentheses and may itself hold any character.
fn parse_stat(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (pid, name) = head.split_once('(')?;
    let mut fields = tail.split_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse().ok();
    Some(Process {
        pid: pid.trim().parse().ok()?,
        parent: number()?,
        group: number()?,
        session: number()?,
        dead: matches!(state, "Z" | "X"),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_is_read() {
        let process = parse_stat("42 (a) b (c)) S 1 40 39 0 -1").expect("a stat line");
        assert_eq!((process.pid, process.parent, process.group, process.session), (42, 1, 40, 39));
        assert_eq!(process.name, "a) b (c)");
        assert!(!process.dead);
        assert!(parse_stat("7 (z) Z 1 7 7").expect("a zombie").dead);
        assert_eq!(parse_stat("garbage"), None);
    }
}
