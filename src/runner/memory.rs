//! How much memory a script may have, so that one that wants all of it ends alone.

use super::Options;
use crate::host::Host;

/// The reserve is at least this part of the memory: what the kernel needs grows with the machine.
const PART: u64 = 64;

impl Options {
    /// The bound of each script on a machine; `None` where the site wants none, and where so little would be left that a bound does harm.
    pub(super) fn memory(&self, host: &Host) -> Option<u64> {
        let reserve = self.memory_reserve?;
        let total = total(&host.text("/proc/meminfo")?)?;
        let most = total.checked_sub(reserve.max(total / PART))?;
        (most >= total / 2).then_some(most)
    }
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    fn bound(meminfo: &str, reserve: Option<u64>) -> Option<u64> {
        let (_root, host) = machine_of(&[("proc/meminfo", meminfo)]);
        let options = Options { memory_reserve: reserve, ..Options::new("") };
        options.memory(&host)
    }

    #[test]
    fn scripts_leave_the_reserve_and_more_on_large_machines() {
        let (small, large) = ("MemTotal:        4194304 kB\nMemFree: 1 kB\n", "MemTotal:  536870912 kB\n");
        assert_eq!(bound(small, Some(256 << 20)), Some((4 << 30) - (256 << 20)));
        assert_eq!(bound(large, Some(256 << 20)), Some((512 << 30) - (8 << 30)));
    }

    #[test]
    fn there_is_no_bound_where_the_site_wants_none_or_nothing_would_be_left() {
        assert_eq!(bound("MemTotal: 4194304 kB\n", None), None);
        assert_eq!(bound("MemTotal: 409600 kB\n", Some(256 << 20)), None);
        assert_eq!(bound("MemTotal: 102400 kB\n", Some(256 << 20)), None);
        assert_eq!(bound("MemFree: 1 kB\n", Some(1)), None);
    }
}
