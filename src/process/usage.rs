//! Processor time of this program and of everything that it started.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::resource::{Usage, UsageWho, getrusage};

use super::table::Process;
use crate::host::{OwnTime, USER_HZ};

/// Most processes that are looked at, so that a family that multiplies does not keep the looker busy.
const MOST: usize = 20_000;

/// Processor time that this program and all that it started used so far; `None` if the system does not tell.
///
/// Those that have ended are in the sums of those who waited for them. Time is lost from the sum only when a process ends for which
/// nobody waits.
#[must_use]
pub fn own_time() -> Option<OwnTime> {
    let used = [getrusage(UsageWho::RUSAGE_SELF).ok()?, getrusage(UsageWho::RUSAGE_CHILDREN).ok()?];
    let mut time = used.iter().map(of_usage).fold(OwnTime::default(), plus);
    for pid in descendants() {
        let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
        time = plus(time, of_stat(&String::from_utf8_lossy(&stat)).unwrap_or_default());
    }
    Some(time)
}

fn plus(a: OwnTime, b: OwnTime) -> OwnTime {
    OwnTime { total: a.total + b.total, user: a.user + b.user }
}

fn of_usage(usage: &Usage) -> OwnTime {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of years")]
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let user = seconds(usage.user_time());
    OwnTime { total: user + seconds(usage.system_time()), user }
}

/// Fields 14 to 17 of `/proc/PID/stat`: its own time in programs and in the kernel, and that of those it waited for.
fn of_stat(stat: &str) -> Option<OwnTime> {
    let (_, tail) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> = tail.split_whitespace().skip(11).take(4).map_while(|word| word.parse().ok()).collect();
    let [user, system, user_below, system_below] = ticks[..] else { return None };
    Some(OwnTime { total: (user + system + user_below + system_below) / USER_HZ, user: (user + user_below) / USER_HZ })
}

/// All that live and come of this process. Kernels that list the children of a thread are asked for just those; else the process table is
/// read.
pub(super) fn descendants() -> BTreeSet<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let Some(first) = children(own) else { return in_table(own, &Process::recently()) };
    let (mut found, mut open) = (BTreeSet::new(), first);
    while let Some(pid) = open.pop() {
        if found.len() < MOST && found.insert(pid) {
            open.extend(children(pid).unwrap_or_default());
        }
    }
    found
}

/// `None` where the kernel has no such lists (it needs `CONFIG_PROC_CHILDREN`), or the process is gone.
fn children(pid: i32) -> Option<Vec<i32>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        match fs::read_to_string(task.path().join("children")) {
            Ok(text) => found.extend(text.split_whitespace().filter_map(|word| word.parse::<i32>().ok())),
            // A thread that has just ended is no reason to read the whole table.
            Err(_) if task.path().exists() => return None,
            Err(_) => {}
        }
    }
    Some(found)
}

fn in_table(own: i32, all: &[Process]) -> BTreeSet<i32> {
    let mut found = BTreeSet::from([own]);
    loop {
        let below: Vec<i32> = all.iter().filter(|one| found.contains(&one.parent)).map(|one| one.id.pid).collect();
        let before = found.len();
        found.extend(below);
        if found.len() == before {
            found.remove(&own);
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_those_that_have_ended_is_in_the_sum_of_who_waited() {
        let stat = "42 (a) b) S 1 40 39 0 -1 4194304 9 0 0 0 150 50 1000 200 20 0 1 0 7800 12345678 90 0\n";
        assert_eq!(of_stat(stat), Some(OwnTime { total: 14.0, user: 11.5 }));
        assert_eq!((of_stat("42 (cut) S 1"), of_stat("")), (None, None));
    }

    #[test]
    fn a_child_that_works_is_in_the_time_while_it_lives_and_after() {
        let before = own_time().expect("a known system");
        let work = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; read x";
        let mut child = std::process::Command::new("sh")
            .args(["-c", work])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = [0; 4];
        std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut line).expect("it works");
        let pid = i32::try_from(child.id()).expect("a process id");
        let own = i32::try_from(std::process::id()).expect("an id");
        assert!(descendants().contains(&pid));
        assert!(in_table(own, &Process::all()).contains(&pid));
        let living = own_time().expect("a known system");
        assert!(living.total - before.total >= 0.03 && living.user <= living.total, "{before:?} {living:?}");
        drop(child.stdin.take());
        child.wait().expect("it ends");
        let after = own_time().expect("a known system");
        assert!(after.total >= living.total - 0.03, "{living:?} {after:?}");
    }
}
