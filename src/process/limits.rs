//! How much of this machine's descriptors and processes there is to use.

use std::fs;
use std::sync::OnceLock;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use super::cgroup;

/// Descriptors of a process under way: three files, two pipes with both their ends for a moment, a handle, those of looks at it.
const DESCRIPTORS: u64 = 16;
/// Descriptors that everything else needs: journal, connections to the region, uploads.
const RESERVED: u64 = 96;
/// Processes and threads that one script needs at least: its shell, what that calls, the thread that reads its output, one that starts it.
const PROCESSES: u64 = 8;

/// The limit that this program was started with.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Lets this program open as many files as it may. What it starts gets the limit back that there was: programs that use select(2) fail
/// beyond 1,024.
pub fn raise_descriptors() {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        let _ = BEFORE.set(before);
    }
}

/// Gives a child the limit that this program was started with.
pub(super) fn give_back(pid: i32) {
    if let (Some(before), Some(pid)) = (BEFORE.get(), Pid::from_raw(pid)) {
        // Between its start and this it may open more, which harms nobody.
        let _ = prlimit(Some(pid), Resource::Nofile, *before);
    }
}

/// True if an error says that something is used up that others will give back.
#[must_use]
pub fn is_scarcity(errno: i32) -> bool {
    use nix::libc::{EAGAIN, EMFILE, ENFILE, ENOMEM};
    [EAGAIN, EMFILE, ENFILE, ENOMEM].contains(&errno)
}

/// How many processes with captured output can be under way at once; at least one.
#[must_use]
pub fn places() -> usize {
    let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
    let descriptors = getrlimit(Resource::Nofile).current.map(|most| by(most, open + RESERVED, DESCRIPTORS));
    // Whoever may do anything is not held to it.
    let is_root = nix::unistd::geteuid().is_root();
    let own = getrlimit(Resource::Nproc).current.filter(|_| !is_root).map(|most| by(most, threads(), PROCESSES));
    let group = cgroup::processes().map(|(now, most)| by(most, now, PROCESSES));
    let places = [descriptors, own, group].into_iter().flatten().min().unwrap_or(u64::MAX);
    usize::try_from(places).unwrap_or(usize::MAX).clamp(1, tokio::sync::Semaphore::MAX_PERMITS)
}

fn by(most: u64, used: u64, each: u64) -> u64 {
    most.saturating_sub(used) / each
}

/// Threads of this process's user, as far as they can be seen.
fn threads() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let user = nix::unistd::getuid().as_raw();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = entries.filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.uid() == user));
    own.map(|entry| fs::read_dir(entry.path().join("task")).map_or(0, |tasks| tasks.count() as u64)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_what_is_left_and_at_least_one() {
        assert_eq!((by(1024, 24 + RESERVED, DESCRIPTORS), by(64, 160, DESCRIPTORS)), (56, 0));
        assert!(places() >= 1);
        assert!(is_scarcity(nix::libc::EMFILE) && !is_scarcity(nix::libc::ENOENT));
    }
}
