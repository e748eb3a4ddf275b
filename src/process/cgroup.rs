//! A cgroup v2 for one process family, where the system lets us make one.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::cost::Cost;
use super::usage::descendants;

/// A cgroup made by this program; removed when it is empty at the end.
#[derive(Debug)]
pub(super) struct Cgroup {
    directory: PathBuf,
    /// Most bytes of memory, where the kernel took the bound.
    memory: Option<u64>,
}

/// The cgroup that this program was started in; below it are those that it makes.
fn home() -> Option<&'static Path> {
    static HOME: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        own_directory(&fs::read_to_string("/proc/self/mountinfo").ok()?, &fs::read_to_string("/proc/self/cgroup").ok()?)
    };
    HOME.get_or_init(find).as_deref()
}

impl Cgroup {
    /// Makes a cgroup below this program's own, with a bound of memory as far as the system lets us set one; `None` where cgroup v2 is
    /// absent or not writable.
    pub(super) fn create(memory: Option<u64>) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let parent = home()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        if number == 0 {
            sweep(parent);
            turn_on_controllers(parent);
        }
        let directory = parent.join(format!("shakedown-{}-{number}", std::process::id()));
        fs::create_dir(&directory).ok()?;
        let memory = memory.filter(|bytes| bound(&directory, *bytes).is_ok());
        Some(Cgroup { directory, memory })
    }

    /// The bytes of memory that bound it; `None` if nothing does.
    pub(super) fn memory_bound(&self) -> Option<u64> {
        self.memory
    }

    /// Moves a process in; its later children follow.
    pub(super) fn add(&self, pid: i32) -> bool {
        fs::write(self.directory.join("cgroup.procs"), pid.to_string()).is_ok()
    }

    /// Everything in it.
    pub(super) fn members(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.directory.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    /// How often the kernel killed something in it since memory ran out; `None` where nobody counts that.
    pub(super) fn oom_kills(&self) -> Option<u64> {
        counted(&fs::read_to_string(self.directory.join("memory.events")).ok()?, "oom_kill")
    }

    /// Resources that were used in the group. Without the controllers of memory and storage only the processor's time is known.
    pub(super) fn cost(&self) -> Cost {
        let read = |name: &str| fs::read_to_string(self.directory.join(name)).unwrap_or_default();
        let io = read("io.stat");
        let sum = |key: &str| {
            let numbers = io.split_ascii_whitespace().filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok());
            (!io.is_empty()).then(|| numbers.sum())
        };
        Cost {
            #[expect(clippy::cast_precision_loss, reason = "microseconds of years")]
            cpu_seconds: counted(&read("cpu.stat"), "usage_usec").map(|micros| micros as f64 / 1e6),
            peak_memory: read("memory.peak").trim().parse().ok(),
            read_bytes: sum("rbytes="),
            written_bytes: sum("wbytes="),
            context_switches: None,
        }
    }

    /// Kills everything in it at once (kernel 5.14 and later; older ones refuse, and the caller kills one by one).
    pub(super) fn kill(&self) {
        let _ = fs::write(self.directory.join("cgroup.kill"), "1");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Not empty while a daemon lives on in it: then it stays, as the daemon does.
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Bounds the memory of a group. Beyond, all of it is killed and nothing else: half of a script would go on to say something wrong.
fn bound(directory: &Path, bytes: u64) -> io::Result<()> {
    // An existing file: a group without the controller has none, and none may be made in its place.
    let set = |name: &str, value: &str| {
        fs::OpenOptions::new().write(true).open(directory.join(name))?.write_all(value.as_bytes())
    };
    set("memory.max", &bytes.to_string())?;
    // Kernels before 4.19 have it not: then the largest process is killed.
    set("memory.oom.group", "1").or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Turns on the controllers of memory and storage for the groups below this program's own. The kernel lets only a group without processes
/// do so, and the one at the top. Others' groups are the service manager's: nothing is changed unless it handed the group over
/// (`Delegate=`) and nothing but this program and what it started is in it, which then moves to a group of its own below.
fn turn_on_controllers(parent: &Path) {
    let turn_on = |name: &str| {
        let enabled = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
        enabled.split_whitespace().any(|one| one == name)
            || fs::write(parent.join("cgroup.subtree_control"), format!("+{name}")).is_ok()
    };
    if turn_on("memory") || is_delegated(parent) && moved_below(parent) && turn_on("memory") {
        turn_on("io");
    }
}

/// systemd marks a group that it handed over by an extended attribute (since 238; for unprivileged readers since 251).
fn is_delegated(directory: &Path) -> bool {
    let is_set = |name: &str| {
        let mut value = [0; 8];
        rustix::fs::getxattr(directory, name, &mut value[..]).is_ok_and(|length| value.get(..length) == Some(&b"1"[..]))
    };
    is_set("trusted.delegate") || is_set("user.delegate")
}

/// Moves this program, with what it started, to a group of its own below; false if others are in the group.
fn moved_below(parent: &Path) -> bool {
    let members = fs::read_to_string(parent.join("cgroup.procs")).unwrap_or_default();
    let members: Vec<i32> = members.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let (own, descendants) = (i32::try_from(std::process::id()).unwrap_or(0), descendants());
    let below = parent.join("agent");
    members.contains(&own)
        && members.iter().all(|pid| *pid == own || descendants.contains(pid))
        && (fs::create_dir(&below).is_ok() || below.is_dir())
        // One that has ended meanwhile is in no group.
        && members.iter().filter(|pid| fs::write(below.join("cgroup.procs"), pid.to_string()).is_err()).all(|pid| *pid != own)
}

/// How often the kernel killed something on this machine since memory ran out (`/proc/vmstat`).
pub(super) fn oom_kills() -> Option<u64> {
    counted(&fs::read_to_string("/proc/vmstat").ok()?, "oom_kill")
}

/// How many processes and threads this program's cgroup has, and may have; `None` where there is no bound.
pub(super) fn processes() -> Option<(u64, u64)> {
    let directory = home()?;
    let number = |name: &str| fs::read_to_string(directory.join(name)).ok()?.trim().parse().ok();
    Some((number("pids.current")?, number("pids.max")?))
}

/// A line `NAME NUMBER`.
fn counted(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Removes what earlier processes of this program could not, being killed or having left a daemon that has ended since.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker =
            name.to_str().and_then(|name| name.strip_prefix("shakedown-")?.split('-').next()?.parse::<u32>().ok());
        let is_stale = |pid: u32| pid == std::process::id() || !Path::new("/proc").join(pid.to_string()).exists();
        if maker.is_some_and(is_stale) {
            // The system refuses while somebody is in it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Where the cgroup of this process lies, from `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn own_directory(mountinfo: &str, cgroup: &str) -> Option<PathBuf> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = mountinfo.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let fields: Vec<&str> = left.split(' ').collect();
        // What is mounted may be a part of the hierarchy (field 4), as in containers.
        (right.split(' ').next() == Some("cgroup2")).then(|| (fields.get(3).copied(), fields.get(4).copied()))
    })?;
    let (root, point) = (mount.0?, mount.1?);
    let below = Path::new(path).strip_prefix(root).or_else(|_| Path::new(path).strip_prefix("/")).ok()?;
    Some(Path::new(point).join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_dead_left_is_swept() {
        let parent = tempfile::tempdir().expect("temporary directory");
        let own = format!("shakedown-{}-0", std::process::id());
        for name in ["shakedown-1-0", "shakedown-4194305-0", "shakedown-4194305-1", &own, "shakedown-x", "other"] {
            fs::create_dir(parent.path().join(name)).expect("a directory");
        }
        fs::create_dir(parent.path().join("shakedown-4194305-1/held")).expect("a directory");
        sweep(parent.path());
        let mut left: Vec<_> =
            fs::read_dir(parent.path()).expect("the directory").flatten().map(|e| e.file_name()).collect();
        left.sort();
        assert_eq!(left, ["other", "shakedown-1-0", "shakedown-4194305-1", "shakedown-x"]);
    }

    #[test]
    fn a_group_without_the_controller_of_memory_stays_without_a_bound() {
        let group = tempfile::tempdir().expect("temporary directory");
        assert!(bound(group.path(), 1 << 30).is_err());
        assert!(!group.path().join("memory.max").exists());
        for file in ["memory.max", "memory.oom.group"] {
            fs::write(group.path().join(file), "").expect("a file");
        }
        bound(group.path(), 1 << 30).expect("bounded");
        let set =
            ["memory.max", "memory.oom.group"].map(|file| fs::read_to_string(group.path().join(file)).expect("a file"));
        assert_eq!(set, ["1073741824", "1"]);
    }

    #[test]
    fn a_group_that_nobody_handed_over_is_left_as_it_is() {
        let group = tempfile::tempdir().expect("temporary directory");
        assert!(!is_delegated(group.path()));
        fs::write(group.path().join("cgroup.procs"), format!("{}\n1\n", std::process::id())).expect("a file");
        assert!(!moved_below(group.path()), "others are in it");
        assert!(!group.path().join("agent").exists());
    }

    #[test]
    fn the_own_cgroup_is_found_in_both_layouts() {
        let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(
            own_directory(unified, "0::/system.slice/shakedown.service\n"),
            Some(PathBuf::from("/sys/fs/cgroup/system.slice/shakedown.service"))
        );
        let hybrid = "40 35 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n35 1 0:31 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n";
        assert_eq!(own_directory(hybrid, "3:cpu:/\n0::/\n"), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(own_directory("35 1 0:31 / /sys rw - sysfs sysfs rw\n", "0::/\n"), None);
    }
}
