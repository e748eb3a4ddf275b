//! How much memory a test may take: what is available, what a cgroup allows, and what may be locked, less a reserve for everybody else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::host::Host;

const MIB: u64 = 1 << 20;
/// Bit of `CAP_IPC_LOCK`, whose holder may lock without limit (capabilities(7)).
const IPC_LOCK: u32 = 14;

/// Bounds on the memory of a test, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// All memory of the machine, as the kernel counts it.
    pub(super) total: u64,
    /// Memory that the kernel could give without swapping (`MemAvailable`).
    pub(super) available: u64,
    /// Memory that stays free for everybody else.
    pub(super) reserve: u64,
    /// The tightest cgroup: what is left in it, and its folder.
    pub(super) group: Option<(u64, String)>,
    /// Memory that this process may still lock; `None` if there is no limit.
    pub(super) lock: Option<u64>,
    /// The most that whoever started this test allows.
    pub(super) most: Option<u64>,
}

/// Name of the variable with the most mebibytes that a test may take, for tests beside other work.
const MOST: &str = "SHAKEDOWN_TEST_MEMORY_MIB";

impl Limits {
    /// Reads the limits of a machine and of this process on it.
    ///
    /// # Errors
    /// When the kernel does not say how much memory there is.
    pub(super) fn read(host: &Host, lock: Option<u64>) -> Result<Limits, String> {
        let meminfo = host.text("/proc/meminfo").unwrap_or_default();
        let total = kilobytes(&meminfo, "MemTotal:").ok_or("/proc/meminfo does not say how much memory there is")?;
        let free = kilobytes(&meminfo, "MemFree:").unwrap_or(0);
        let available = kilobytes(&meminfo, "MemAvailable:").unwrap_or(free);
        let least_free = host.text("/proc/sys/vm/min_free_kbytes").and_then(|text| text.parse::<u64>().ok());
        let reserve = (total / 50).max(512 * MIB).max(least_free.unwrap_or(0) * 1024 * 4);
        let most = std::env::var(MOST).ok().filter(|_| host.is_live()).and_then(|text| text.parse::<u64>().ok());
        let most = most.map(|mib| mib.saturating_mul(MIB));
        Ok(Limits { total, available, reserve, group: group(host, total), lock, most })
    }

    /// The most that a test may take.
    pub(super) fn budget(&self) -> u64 {
        let group = self.group.as_ref().map_or(u64::MAX, |(room, _)| *room);
        let asked = [self.lock, self.most].into_iter().flatten().fold(group, u64::min);
        self.available.saturating_sub(self.reserve).min(asked)
    }

    /// Why not more is tested, one sentence for each reason.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mib = |bytes: u64| bytes / MIB;
        let mut reasons = vec![format!(
            "{} MiB are in use by the kernel and by programs, and {} MiB stay free for them.",
            mib(self.total.saturating_sub(self.available)),
            mib(self.reserve)
        )];
        if let Some((room, path)) = self.group.as_ref().filter(|(room, _)| *room == self.budget()) {
            reasons.push(format!("The cgroup {path} allows only {} MiB more.", mib(*room)));
        }
        if let Some(most) = self.most.filter(|most| *most == self.budget()) {
            reasons.push(format!("{MOST} allows only {} MiB.", mib(most)));
        }
        if let Some(lock) = self.lock.filter(|lock| *lock == self.budget()) {
            reasons.push(format!(
                "This user may lock only {} MiB (RLIMIT_MEMLOCK), and memory that is not locked may be swapped: root tests all of it.",
                mib(lock)
            ));
        }
        reasons
    }
}

/// The bytes that a line of `/proc/meminfo` or of a node's `meminfo` gives.
pub(super) fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.split_once(key).map(|(_, rest)| rest))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Bytes that the kernel could give now without swapping.
pub(super) fn available(host: &Host) -> Option<u64> {
    kilobytes(&host.text("/proc/meminfo")?, "MemAvailable:")
}

/// Raises the soft limit of locked memory as far as it may be, and returns the bytes left to lock; `None` if there is no limit.
pub(super) fn lockable(host: &Host) -> Option<u64> {
    let status = host.text("/proc/self/status").unwrap_or_default();
    if may_lock_all(&status) {
        return None;
    }
    let before = getrlimit(Resource::Memlock);
    let _ = setrlimit(Resource::Memlock, Rlimit { current: before.maximum, maximum: before.maximum });
    let limit = getrlimit(Resource::Memlock).current?;
    Some(limit.saturating_sub(kilobytes(&status, "VmLck:").unwrap_or(0)))
}

/// True if a process with this `/proc/PID/status` has the capability to lock memory (`CAP_IPC_LOCK`).
fn may_lock_all(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> IPC_LOCK & 1 == 1)
}

/// The cgroup of this process, or one above it, with the least room. A group kills whoever takes more, so some room is kept.
fn group(host: &Host, total: u64) -> Option<(u64, String)> {
    let text = host.text("/proc/self/cgroup")?;
    let mut tightest: Option<(u64, String)> = None;
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next()?, parts.next()?);
        let (top, names) = match controllers {
            "" => ("/sys/fs/cgroup", ["memory.max", "memory.high", "memory.current", "inactive_file"]),
            some if some.split(',').any(|one| one == "memory") => {
                let names = ["memory.limit_in_bytes", "", "memory.usage_in_bytes", "total_inactive_file"];
                ("/sys/fs/cgroup/memory", names)
            }
            _ => continue,
        };
        // In a container the path is that of the host, which is not there; the limit is at the top then.
        let mut folder = path.trim_matches('/').to_owned();
        loop {
            let place = if folder.is_empty() { top.to_owned() } else { format!("{top}/{folder}") };
            if let Some(room) =
                room(host, &place, names, total).filter(|room| tightest.as_ref().is_none_or(|(least, _)| room < least))
            {
                tightest = Some((room, format!("/{folder}")));
            }
            let Some(above) = folder.rfind('/') else {
                if folder.is_empty() {
                    break;
                }
                folder.clear();
                continue;
            };
            folder.truncate(above);
        }
    }
    tightest
}

/// Returns the bytes left in one group; `None` without a limit. Inactive pages of files count as free: the kernel reclaims them.
fn room(host: &Host, place: &str, [most, high, current, inactive]: [&str; 4], total: u64) -> Option<u64> {
    let number = |name: &str| host.text(format!("{place}/{name}"))?.parse::<u64>().ok();
    let limit = [most, high].into_iter().filter(|name| !name.is_empty()).filter_map(number).min()?;
    if limit >= total {
        return None;
    }
    let stat = host.text(format!("{place}/memory.stat")).unwrap_or_default();
    let inactive = stat.lines().find_map(|line| line.strip_prefix(inactive)?.trim().parse::<u64>().ok());
    let used = number(current).unwrap_or(0).saturating_sub(inactive.unwrap_or(0));
    Some(limit.saturating_sub(used).saturating_sub((limit / 25).max(64 * MIB)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    const MEMINFO: &str = "MemTotal: 8388608 kB\nMemFree: 1048576 kB\nMemAvailable: 6291456 kB\n";

    fn limits(files: &[(&str, &str)], lock: Option<u64>) -> Limits {
        let mut all = vec![("proc/meminfo", MEMINFO)];
        all.extend(files);
        let (_root, host) = machine_of(&all);
        Limits::read(&host, lock).expect("limits")
    }

    #[test]
    fn what_is_available_less_the_reserve_is_taken() {
        let plain = limits(&[], None);
        assert_eq!((plain.reserve, plain.budget()), (512 * MIB, (6144 - 512) * MIB));
        let guarded = limits(&[("proc/sys/vm/min_free_kbytes", "1048576")], None);
        assert_eq!(guarded.budget(), (6144 - 4096) * MIB);
    }

    #[test]
    fn the_tightest_group_above_this_process_counts_as_a_group_kills() {
        let files = [
            ("proc/self/cgroup", "0::/system.slice/agent.service\n"),
            ("sys/fs/cgroup/system.slice/agent.service/memory.max", "max\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "2147483648\n"),
            ("sys/fs/cgroup/system.slice/memory.current", "1073741824\n"),
            ("sys/fs/cgroup/system.slice/memory.stat", "anon 5\ninactive_file 536870912\n"),
        ];
        let limits = limits(&files, None);
        let margin = 2_147_483_648 / 25;
        assert_eq!(limits.group, Some((1536 * MIB - margin, "/system.slice".to_owned())));
        assert_eq!(limits.budget(), 1536 * MIB - margin);
        assert!(limits.reasons().iter().any(|reason| reason.contains("/system.slice")), "{:?}", limits.reasons());
    }

    #[test]
    fn a_soft_limit_of_a_group_is_kept_too() {
        let files = [
            ("proc/self/cgroup", "0::/x\n"),
            ("sys/fs/cgroup/x/memory.max", "max"),
            ("sys/fs/cgroup/x/memory.high", "1073741824"),
        ];
        assert_eq!(limits(&files, None).budget(), (1024 - 64) * MIB);
    }

    #[test]
    fn groups_of_the_older_kind_and_of_containers_count() {
        let old = [
            ("proc/self/cgroup", "12:cpu:/a\n7:memory:/a/b\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1073741824"),
            ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "0"),
            ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712"),
        ];
        assert_eq!(limits(&old, None).budget(), (1024 - 64) * MIB);
        let contained = [("proc/self/cgroup", "0::/../../gone\n"), ("sys/fs/cgroup/memory.max", "1073741824")];
        assert_eq!(limits(&contained, None).budget(), (1024 - 64) * MIB);
    }

    #[test]
    fn a_user_without_rights_tests_what_may_be_locked_and_is_told_so() {
        let user = limits(&[], Some(8 * MIB));
        assert_eq!(user.budget(), 8 * MIB);
        assert!(user.reasons().iter().any(|reason| reason.contains("RLIMIT_MEMLOCK")));
        assert!(may_lock_all("Name:\tx\nCapEff:\t000001ffffffffff\n"));
        assert!(!may_lock_all("CapEff:\t0000000000000000\n"));
    }

    #[test]
    fn a_machine_whose_memory_is_in_use_has_nothing_to_test() {
        let (_root, host) = machine_of(&[("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 400000 kB\n")]);
        assert_eq!(Limits::read(&host, None).expect("limits").budget(), 0);
        let (_root, empty) = machine_of(&[("proc/x", "")]);
        assert!(Limits::read(&empty, None).is_err());
    }
}
