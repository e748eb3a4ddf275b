//! Where processes stand: in the kernel or out of it, on what they wait, and which files they hold.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use super::table::{Identity, Process};

/// A process that waits for the kernel so long, without a pause that a look could see, hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);
/// Most lines of a stack, open files and processes that are kept.
const STACK: usize = 12;
const FILES: usize = 8;
const MOST: usize = 20;

/// Where a process stood when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Process id.
    pub pid: i32,
    /// Name (`comm`, at most 15 bytes).
    pub name: String,
    /// The letter of its state, as `ps` prints it: `D` waits for the kernel and takes no signal.
    pub state: char,
    /// The kernel's function that it waits in; `None` if it does not wait there, or this may not be read.
    pub waits_in: Option<String>,
    /// The innermost calls in the kernel, innermost first; empty if they may not be read.
    pub stack: Vec<String>,
    /// Files and devices that it holds open.
    pub files: Vec<String>,
}

impl Standing {
    pub(super) fn of(process: &Process) -> Self {
        let directory = format!("/proc/{}", process.id.pid);
        let read = |name: &str| fs::read_to_string(format!("{directory}/{name}")).unwrap_or_default();
        let waits_in = Some(read("wchan").trim().to_owned()).filter(|name| !name.is_empty() && name != "0");
        // `[<0>] io_schedule+0x12/0x40`
        let stack = read("stack");
        let calls = stack.lines().filter_map(|line| Some(line.split_once("] ")?.1.split('+').next()?.to_owned()));
        // The way into the kernel is the same for all.
        let calls = calls.filter(|name| !name.starts_with("do_syscall_") && !name.starts_with("entry_SYSCALL_"));
        let mut files: Vec<String> = fs::read_dir(format!("{directory}/fd"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .map(|path| path.to_string_lossy().into_owned())
            .filter(|path| path.starts_with('/') && path != "/dev/null")
            .collect();
        files.sort();
        files.dedup();
        files.truncate(FILES);
        Self {
            pid: process.id.pid,
            name: process.name.clone(),
            state: process.state,
            waits_in,
            stack: calls.take(STACK).collect(),
            files,
        }
    }

    /// True if it only waits until a child that shares its memory starts a program (`vfork`): it is in state `D` for that, and no device is
    /// behind it.
    pub(super) fn waits_for_child(&self) -> bool {
        const NAMES: [&str; 4] = ["kernel_clone", "_do_fork", "do_fork", "wait_for_vfork_done"];
        self.waits_in.iter().chain(self.stack.first()).any(|name| NAMES.contains(&name.as_str()))
    }

    /// All of these; those that wait for the kernel first.
    pub(super) fn of_all(mut processes: Vec<Process>) -> Vec<Self> {
        processes.sort_by_key(|process| process.state != 'D');
        processes.iter().take(MOST).map(Self::of).collect()
    }
}

/// Disks that have requests in flight, with their numbers (`/sys/block/*/inflight`): the one whose request does not come back is among them.
pub(super) fn in_flight() -> Vec<String> {
    let disks = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let mut busy: Vec<String> = disks
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path().join("inflight")).ok()?;
            let mut numbers = text.split_ascii_whitespace().filter_map(|number| number.parse::<u64>().ok());
            let (reads, writes) = (numbers.next()?, numbers.next()?);
            (reads + writes > 0)
                .then(|| format!("{} ({reads} reads, {writes} writes)", entry.file_name().to_string_lossy()))
        })
        .collect();
    busy.sort();
    busy
}

/// The processes of a family that wait for the kernel, and since when.
#[derive(Debug, Default)]
pub(super) struct Hangs {
    since: BTreeMap<Identity, (Instant, bool)>,
}

impl Hangs {
    /// Takes a look's processes; gives those that hang and were not given before.
    pub(super) fn look(&mut self, processes: &[Process], now: Instant) -> Vec<Process> {
        let waits = |process: &&Process| process.state == 'D';
        self.since.retain(|id, _| processes.iter().filter(waits).any(|process| process.id == *id));
        let mut hanging = Vec::new();
        for process in processes.iter().filter(waits) {
            let (since, is_told) = self.since.entry(process.id).or_insert((now, false));
            if !*is_told && now.duration_since(*since) >= HANGS_AFTER {
                *is_told = true;
                hanging.push(process.clone());
            }
        }
        hanging
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(state: char) -> Process {
        let id = Identity { pid: 7, start: 9 };
        Process { id, parent: 1, group: 7, session: 7, dead: false, state, name: "dd".into() }
    }

    #[test]
    fn only_one_who_waits_for_a_minute_without_a_pause_hangs_and_is_told_once() {
        let (begin, mut hangs) = (Instant::now(), Hangs::default());
        let mut at =
            |seconds: u64, state: char| hangs.look(&[process(state)], begin + Duration::from_secs(seconds)).len();
        assert_eq!((at(0, 'D'), at(55, 'D'), at(58, 'S'), at(61, 'D')), (0, 0, 0, 0));
        assert_eq!((at(120, 'D'), at(121, 'D'), at(126, 'D')), (0, 1, 0));
    }

    #[test]
    fn one_who_waits_for_its_child_to_start_a_program_does_not_hang() {
        let standing = |name: &str| Standing { waits_in: Some(name.into()), ..Standing::of(&process('D')) };
        assert!(standing("kernel_clone").waits_for_child() && !standing("folio_wait_bit").waits_for_child());
    }

    #[test]
    fn this_process_stands_somewhere() {
        let pid = i32::try_from(std::process::id()).expect("a process id");
        let this = Process::read(pid).expect("this process");
        let standing = Standing::of(&this);
        assert_eq!((standing.pid, standing.name), (pid, this.name.clone()));
        assert!("RSD".contains(standing.state), "{}", standing.state);
        let all = Standing::of_all(vec![process('S'), process('D')]);
        assert_eq!(all.iter().map(|one| one.state).collect::<String>(), "DS");
    }
}
