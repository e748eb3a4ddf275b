//! The resources that a process and its descendants used.
//!
//! A cgroup knows most. Without one, the system tells what a process and all that it waited for used when its exit status is collected
//! (`getrusage`), and before that in `/proc`. No number is made up: what nobody counted is absent.

use std::fs;
use std::io;
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;

/// The resources that a process and its descendants used; a field is `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Processor time in seconds, of programs and of the kernel for them.
    pub cpu_seconds: Option<f64>,
    /// Most memory at one time, in bytes.
    pub peak_memory: Option<u64>,
    /// Bytes that storage was asked for.
    pub read_bytes: Option<u64>,
    /// Bytes that storage was given.
    pub written_bytes: Option<u64>,
    /// How often it left a processor: it waited, or others were let in.
    pub context_switches: Option<u64>,
}

impl Cost {
    /// Another's numbers, with the larger peak of memory of both.
    pub(super) fn max_memory(self, other: Self) -> Self {
        Self { peak_memory: self.peak_memory.max(other.peak_memory), ..other }
    }

    /// These numbers; another's where there is none. Of processor time the larger: a cgroup does not know what was used before a process
    /// was moved there, and the sum of those who were waited for lacks those for whom nobody waited.
    pub(super) fn or(self, other: Self) -> Self {
        let times = [self.cpu_seconds, other.cpu_seconds].into_iter().flatten();
        Self {
            cpu_seconds: times.reduce(f64::max),
            peak_memory: self.peak_memory.or(other.peak_memory),
            read_bytes: self.read_bytes.or(other.read_bytes),
            written_bytes: self.written_bytes.or(other.written_bytes),
            context_switches: self.context_switches.or(other.context_switches),
        }
    }
}

/// Collects exit statuses one by one, so that what the system adds to its sums meanwhile is of one process.
static COLLECTING: Mutex<()> = Mutex::new(());

/// Signals the end of a process before its exit status is collected: the handle becomes readable then. A waiter on the reading end of a
/// pipe can wait for that.
#[derive(Debug)]
pub(super) struct Handle(Option<Receiver>);

impl Handle {
    /// Of a child that is not yet waited for. Kernels before 5.3 have no such handles: then nothing is known of the cost.
    pub(super) fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        // Without the flag, as kernels before 5.10 do not know it: nobody reads from the handle.
        let open = |pid| pidfd_open(pid, PidfdFlags::empty()).ok();
        Self(pid.and_then(open).and_then(|handle| Receiver::from_owned_fd_unchecked(handle).ok()))
    }
}

/// Waits for the end of a child and collects its exit status, with its cost.
pub(super) async fn end_of(child: &mut Child, handle: &Handle) -> io::Result<(ExitStatus, Cost)> {
    if let Handle(Some(handle)) = handle
        && handle.readable().await.is_ok()
        && let Some(collected) = collect(child)?
    {
        return Ok(collected);
    }
    Ok((child.wait().await?, Cost::default()))
}

fn collect(child: &mut Child) -> io::Result<Option<(ExitStatus, Cost)>> {
    let _alone = COLLECTING.lock().unwrap_or_else(PoisonError::into_inner);
    let (read_bytes, written_bytes) = child.id().map_or((None, None), storage);
    let before = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
    let Some(status) = child.try_wait()? else { return Ok(None) };
    let after = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
    let used = before.zip(after);
    // A process begins as a copy of this one, whose memory the system counts as its own until it is another program.
    let of_copies = getrusage(UsageWho::RUSAGE_SELF).map_or(i64::MAX, |own| own.max_rss());
    let switches = |usage: &Usage| usage.voluntary_context_switches() + usage.involuntary_context_switches();
    let cost = Cost {
        cpu_seconds: used.map(|(before, after)| (seconds(&after) - seconds(&before)).max(0.0)),
        // The sum of all children keeps the largest: it tells of this one when it rose.
        peak_memory: used
            .filter(|(before, after)| after.max_rss() > before.max_rss().max(of_copies))
            .and_then(|(_, after)| u64::try_from(after.max_rss()).ok())
            .map(|kibibytes| kibibytes.saturating_mul(1024)),
        read_bytes,
        written_bytes,
        context_switches: used.and_then(|(before, after)| u64::try_from(switches(&after) - switches(&before)).ok()),
    };
    Ok(Some((status, cost)))
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of years")]
fn seconds(usage: &Usage) -> f64 {
    let times = [usage.user_time(), usage.system_time()];
    times.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum()
}

/// Bytes that an ended process and all that it waited for read from and wrote to storage (`/proc/PID/io`).
fn storage(pid: u32) -> (Option<u64>, Option<u64>) {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let number = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    (number("read_bytes:"), number("write_bytes:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_cost_is_of_the_child_and_of_what_it_waited_for() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("x");
        let script = format!(
            "(i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done); dd if=/dev/zero of={} bs=64k count=32 conv=fsync 2>/dev/null",
            file.display()
        );
        let mut child = tokio::process::Command::new("sh").args(["-c", &script]).spawn().expect("a shell");
        let handle = Handle::of(&child);
        let (status, cost) = end_of(&mut child, &handle).await.expect("it ends");
        assert!(status.success());
        assert!(cost.cpu_seconds.is_some_and(|seconds| seconds > 0.01), "{cost:?}");
        assert!(cost.context_switches.is_some_and(|switches| switches > 0), "{cost:?}");
        // A file system in memory writes nothing to storage.
        assert!(cost.written_bytes.is_none_or(|bytes| bytes == 0 || bytes >= 2 << 20), "{cost:?}");
    }

    #[test]
    fn what_is_known_better_stays() {
        let better = Cost { cpu_seconds: Some(2.0), ..Cost::default() };
        let other = Cost { cpu_seconds: Some(1.0), read_bytes: Some(7), ..Cost::default() };
        let both = Cost { cpu_seconds: Some(2.0), read_bytes: Some(7), ..Cost::default() };
        assert_eq!((better.or(other), other.or(better)), (both, both));
        assert_eq!(Cost::default().or(Cost::default()), Cost::default());
    }
}
