//! Processes of this machine other than this program's children: read, halted, continued, killed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::table::{Identity, Process};

/// A process, distinct from a later one that gets the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    pid: i32,
    /// Clock ticks from the system's start to the start of the process.
    start: u64,
}

impl Peer {
    /// The process that has this number now; `None` if there is none.
    #[must_use]
    pub fn of(pid: i32) -> Option<Peer> {
        Process::read(pid).map(|process| Peer { pid, start: process.id.start })
    }

    /// This process.
    #[must_use]
    pub fn this() -> Option<Peer> {
        Peer::of(i32::try_from(std::process::id()).ok()?)
    }

    /// The parent of this process, its parent and so on, the nearest first.
    #[must_use]
    pub fn ancestors() -> Vec<Peer> {
        let mut found: Vec<Peer> = Vec::new();
        let mut next = Peer::this();
        while let Some(process) = next.and_then(|peer| Process::read(peer.pid)) {
            next = Peer::of(process.parent).filter(|parent| !found.contains(parent));
            found.extend(next);
        }
        found
    }

    /// The process number.
    #[must_use]
    pub fn pid(self) -> i32 {
        self.pid
    }

    fn identity(self) -> Identity {
        Identity { pid: self.pid, start: self.start }
    }

    /// True if the process runs or is halted; false if it has ended, also while it is a zombie.
    #[must_use]
    pub fn is_alive(self) -> bool {
        self.identity().is_alive()
    }

    /// Halts the process with all its threads (SIGSTOP).
    pub fn halt(self) {
        self.identity().signal(Signal::STOP);
    }

    /// Continues the process (SIGCONT).
    pub fn go_on(self) {
        self.identity().signal(Signal::CONT);
    }

    /// Kills the process at once (SIGKILL), halted or not.
    pub fn kill(self) {
        self.identity().signal(Signal::KILL);
    }

    /// The child processes that have not ended.
    #[must_use]
    pub fn children(self) -> Vec<Peer> {
        let all = Process::all();
        let own = all.iter().filter(|process| process.parent == self.pid && !process.dead);
        own.map(|process| Peer { pid: process.id.pid, start: process.id.start }).collect()
    }

    /// The command line (`/proc/PID/cmdline`); empty if the process has ended.
    #[must_use]
    pub fn arguments(self) -> Vec<OsString> {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        words.split(|&byte| byte == 0).map(|word| OsStr::from_bytes(word).to_owned()).collect()
    }

    /// The working directory; `None` if it cannot be read.
    #[must_use]
    pub fn directory(self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/cwd", self.pid)).ok()
    }

    /// Writes a line to the process's standard output, without waiting for its reader.
    ///
    /// # Errors
    /// The standard output cannot be opened, or takes nothing now.
    pub fn tell(self, line: &str) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let output = options.append(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY);
        output.open(format!("/proc/{}/fd/1", self.pid))?.write_all(format!("{line}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_halted_goes_on_and_is_ended_and_nobody_else_is() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep is there");
        let peer = Peer::of(i32::try_from(child.id()).expect("a number")).expect("it runs");
        let state = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", peer.pid)).expect("it runs");
            stat.rsplit_once(") ").map(|(_, rest)| rest[..1].to_owned()).expect("a state")
        };
        let until = |wanted: &str| {
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while state() != wanted && std::time::Instant::now() < deadline {
                std::thread::yield_now();
            }
            assert_eq!(state(), wanted);
        };
        peer.halt();
        until("T");
        assert!(peer.is_alive(), "a halted process has not ended");
        peer.go_on();
        until("S");
        assert_eq!(peer.arguments(), ["sleep", "60"]);
        assert!(Peer::this().expect("this process").children().contains(&peer));
        Peer { start: peer.start + 1, ..peer }.kill();
        assert!(peer.is_alive(), "another process of that number was meant");
        peer.kill();
        child.wait().expect("one's own child");
        assert!(!peer.is_alive() && peer.arguments() == [""]);
    }

    #[test]
    fn the_first_process_is_everybodys_ancestor() {
        assert_eq!(Peer::ancestors().last().map(|peer| peer.pid), Some(1));
    }
}
