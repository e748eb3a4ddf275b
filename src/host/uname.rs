//! The names of kernel and machine (`uname`), also for a machine copy, where they are read from its files.

use serde::{Deserialize, Serialize};

use super::Host;

/// The value of a name that is not known.
const UNKNOWN: &str = "unknown";

/// The fields of `uname`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Uname {
    /// `uname -s`.
    pub system: String,
    /// `uname -n`.
    pub node: String,
    /// `uname -r`; `unknown` for a copy without that file.
    pub release: String,
    /// `uname -m`; `unknown` for a copy whose files do not show it.
    pub machine: String,
}

impl Host {
    /// The `uname` of the running kernel, or of the kernel in a copy's files; never that of the kernel here for a copy.
    #[must_use]
    pub fn uname(&self) -> Uname {
        self.ask("uname", || Ok(Uname::of_this_kernel())).unwrap_or_else(|_| self.uname_of_copy())
    }

    fn uname_of_copy(&self) -> Uname {
        // `Linux version 6.8.0-50-generic (buildd@…) …`
        let version = self.text("/proc/version").unwrap_or_default();
        let release = self.text("/proc/sys/kernel/osrelease").or_else(|| version.split(' ').nth(2).map(str::to_owned));
        Uname {
            system: "Linux".to_owned(),
            node: self.hostname(),
            release: release.unwrap_or_else(|| UNKNOWN.to_owned()),
            machine: self.architecture_of_copy(),
        }
    }

    /// The architecture from `/proc/sys/kernel/arch` (since Linux 6.1), else from fields of `/proc/cpuinfo` that only one architecture has.
    fn architecture_of_copy(&self) -> String {
        if let Some(own) = self.text("/proc/sys/kernel/arch") {
            return own;
        }
        let text = self.text("/proc/cpuinfo").unwrap_or_default();
        let lines =
            || text.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()));
        let value = |wanted: &str| lines().find(|(key, _)| *key == wanted).map(|(_, value)| value);
        let is_long = || value("flags").is_none_or(|flags| flags.split(' ').any(|flag| flag == "lm"));
        let machine = match (value("vendor_id"), value("CPU architecture"), value("isa")) {
            (Some("IBM/S390"), ..) => "s390x",
            (Some(_), ..) if is_long() => "x86_64",
            (Some(_), ..) => "i686",
            (_, Some("8"), _) => "aarch64",
            (_, Some(_), _) => "armv7l",
            (.., Some(isa)) if isa.starts_with("rv64") => "riscv64",
            _ if value("cpu").is_some_and(|cpu| cpu.starts_with("POWER")) => "ppc64le",
            _ if lines().any(|(key, _)| key == "CPU implementer") => "aarch64",
            _ => UNKNOWN,
        };
        machine.to_owned()
    }
}

impl Uname {
    fn of_this_kernel() -> Self {
        let uname = rustix::system::uname();
        let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
        Uname {
            system: text(uname.sysname()),
            node: text(uname.nodename()),
            release: text(uname.release()),
            machine: text(uname.machine()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine_of;

    #[test]
    fn a_copy_says_of_itself_what_its_files_say_and_nothing_of_the_kernel_that_runs() {
        let of = |files: &[(&str, &str)]| {
            let (_root, host) = machine_of(files);
            let uname = host.uname();
            (uname.release, uname.machine, uname.node)
        };
        let told = |release: &str, machine: &str, node: &str| (release.to_owned(), machine.to_owned(), node.to_owned());
        assert_eq!(of(&[("etc/os-release", "ID=debian\n")]), told("unknown", "unknown", "unknown"));
        let x86 = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu lm\n";
        let files = [("proc/cpuinfo", x86), ("proc/sys/kernel/osrelease", "6.8.0-50-generic\n")];
        assert_eq!(of(&files), told("6.8.0-50-generic", "x86_64", "unknown"));
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\n";
        let version = "Linux version 6.1.0-rpi (x@y) (gcc) #1 SMP\n";
        let files = [("proc/cpuinfo", arm), ("proc/version", version), ("proc/sys/kernel/hostname", "pi\n")];
        assert_eq!(of(&files), told("6.1.0-rpi", "aarch64", "pi"));
        let power = "processor\t: 0\ncpu\t\t: POWER9 (architected)\n";
        assert_eq!(of(&[("proc/cpuinfo", power)]).1, "ppc64le");
        assert_eq!(of(&[("proc/sys/kernel/arch", "riscv64\n")]).1, "riscv64");
    }
}
