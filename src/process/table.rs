//! The system's process table, `/proc`.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// A process, told from a later one that got the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) pid: i32,
    /// Clock ticks between the system's start and its own. A child's is never smaller than its parent's.
    pub(super) start: u64,
}

impl Identity {
    /// Whether it still runs.
    pub(super) fn is_alive(self) -> bool {
        Process::read(self.pid).is_some_and(|process| process.id == self && !process.dead)
    }

    /// Sends it a signal, and never a process that got its number meanwhile.
    pub(super) fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        // The handle keeps meaning the same process; if that is still the right one now, it is also when the signal goes out.
        let handle = pidfd_open(pid, PidfdFlags::empty());
        if self.is_alive() {
            let sent = handle.and_then(|handle| pidfd_send_signal(handle, signal));
            // Kernels before 5.3 have no handles, and a sandbox may refuse them: what was checked a moment ago has to do. A handle whose process
            // is gone says so, and nobody else is asked in its place.
            if !matches!(sent, Ok(()) | Err(Errno::SRCH)) {
                let _ = kill_process(pid, signal);
            }
        }
    }
}

/// Age of a reading of the process table that is still good for a look now and then.
const RECENTLY: Duration = Duration::from_secs(2);

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: Identity,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) dead: bool,
    /// The letter of its state; `D` waits for the kernel.
    pub(super) state: char,
    pub(super) name: String,
}

impl Process {
    /// All processes, the dead that nobody collected included. One reading serves all who asked before it began: when many
    /// families are stopped at once on a machine with thousands of processes, each reading them for itself takes seconds.
    pub(super) fn all() -> Arc<Vec<Self>> {
        Self::since(Instant::now())
    }

    /// The table as it was up to two seconds ago: for looks that many families take now and then.
    pub(super) fn recently() -> Arc<Vec<Self>> {
        let now = Instant::now();
        Self::since(now.checked_sub(RECENTLY).unwrap_or(now))
    }

    fn since(asked: Instant) -> Arc<Vec<Self>> {
        static LAST: Mutex<Option<(Instant, Arc<Vec<Process>>)>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((begun, all)) if *begun > asked => Arc::clone(all),
            _ => {
                let begun = Instant::now();
                let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
                let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
                let all = Arc::new(numbers.filter_map(Process::read).collect());
                *last = Some((begun, Arc::clone(&all)));
                all
            }
        }
    }

    pub(super) fn read(pid: i32) -> Option<Self> {
        Process::parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
    }

    /// The name stands in parentheses and may itself hold any character.
    fn parse(stat: &str) -> Option<Self> {
        let (head, tail) = stat.rsplit_once(')')?;
        let (pid, name) = head.split_once('(')?;
        let fields: Vec<&str> = tail.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<i32>().ok();
        Some(Process {
            id: Identity { pid: pid.trim().parse().ok()?, start: fields.get(19)?.parse().ok()? },
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            // A process whose first thread has ended looks dead while its other threads work on.
            dead: matches!(*fields.first()?, "Z" | "X") && number(17)? <= 1,
            state: fields.first()?.chars().next()?,
            name: name.to_owned(),
        })
    }
}

/// The memory of a process that is in use, in bytes (`VmRSS`).
pub(super) fn memory(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kibibytes.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Timer slack of a process in nanoseconds; only root may see that of others.
pub(super) fn timer_slack(pid: i32) -> Option<u64> {
    fs::read_to_string(format!("/proc/{pid}/timerslack_ns")).ok()?.trim().parse().ok()
}

/// The value that a variable had when the process was started. Reading it can hang as long as the process hangs in the kernel.
pub(super) fn variable(pid: i32, name: &[u8]) -> Option<Vec<u8>> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = environment.split(|&b| b == 0).find_map(|entry| entry.strip_prefix(name)?.strip_prefix(b"="));
    value.map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let line = |name: &str, state: &str, threads: &str| {
            format!("42 ({name}) {state} 1 40 39 0 -1 4194304 9 0 0 0 1 2 0 0 20 0 {threads} 0 7800 12345678 90 0\n")
        };
        let process = Process::parse(&line("a) b (c", "S", "1")).expect("a stat line");
        assert_eq!(process.id, Identity { pid: 42, start: 7800 });
        assert_eq!((process.parent, process.group, process.session), (1, 40, 39));
        assert_eq!((process.name.as_str(), process.dead), ("a) b (c", false));
        assert!(Process::parse(&line("z", "Z", "1")).expect("a zombie").dead);
        assert!(!Process::parse(&line("z", "Z", "3")).expect("two threads outlive the first").dead);
        assert_eq!(Process::parse("garbage"), None);
        assert_eq!(Process::parse("7 (cut) S 1 7"), None);
    }

    #[test]
    fn this_process_is_in_the_table() {
        let pid = i32::try_from(std::process::id()).expect("a process id");
        let this = Process::all().iter().find(|process| process.id.pid == pid).expect("this process").clone();
        assert!(this.id.is_alive());
        assert!(
            !Identity { start: this.id.start + 1, ..this.id }.is_alive(),
            "a later process of this number is another"
        );
        assert_eq!(variable(pid, b"PATH").is_some(), std::env::var_os("PATH").is_some());
        assert_eq!(variable(pid, b"PAT"), None);
    }
}
