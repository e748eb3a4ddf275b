//! Counters of the kernel and of devices, which show faults that no log line reports.
//!
//! A counter that a machine does not have is absent. A [`Snapshot`] holds all counters at one time; two of them give the incidents
//! between them, and one alone gives the incidents since the machine started.

mod read;

use std::collections::BTreeMap;

use super::book::{At, Book, Found, Now};
use super::code::{Code, Severity};
use super::judge::Incident;
use super::{chain, stories};

/// A counter: the code that it counts, the device, and the file (with row) that it was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    code: Code,
    device: String,
    place: String,
}

/// The number of a counter, and how to read it without an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value {
    number: u64,
    standing: Standing,
}

/// The meaning of a counter's number where there is no earlier one to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Occurrences since the machine started.
    SinceStart,
    /// None: healthy machines have such numbers, too, or the events may be years old.
    Nothing,
    /// A present state, not a count of events.
    State,
}

/// All counters at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    values: BTreeMap<Key, Value>,
}

/// Losses of a link between two snapshots from which on the link flaps.
const FLAPS: u64 = 3;

impl Snapshot {
    /// Incidents between an earlier snapshot and this one; a counter that was reset counts from 0.
    #[must_use]
    pub fn since(&self, before: &Snapshot) -> Vec<Incident> {
        let rises = self.values.iter().filter_map(|(key, now)| {
            let was = before.values.get(key).map(|value| value.number);
            let number = match (now.standing, was) {
                (Standing::State, Some(was)) if was >= now.number => 0,
                (Standing::State, _) => now.number,
                (_, Some(was)) if was <= now.number => now.number - was,
                // A device that came meanwhile brings its history with it.
                (Standing::Nothing, None) => 0,
                _ => now.number,
            };
            let line = format!("{}: {} before, {} now", key.place, was.unwrap_or(0), now.number);
            (number > 0).then_some((key, number, line))
        });
        incidents(rises)
    }

    /// Incidents since the machine started; counters without that meaning are left out.
    #[must_use]
    pub fn since_start(&self) -> Vec<Incident> {
        let counted = self.values.iter().filter(|(_, value)| value.standing != Standing::Nothing && value.number > 0);
        incidents(counted.map(|(key, value)| (key, value.number, format!("{}: {}", key.place, value.number))))
    }

    fn add(&mut self, code: Code, device: &str, place: String, number: u64, standing: Standing) {
        self.values.insert(Key { code, device: device.to_string(), place }, Value { number, standing });
    }
}

/// Takes those kills of which a log told already from the kernel's counter of all kills: what is left was not told. The counter counts
/// programs that were killed at a limit of their own (`mm/memcontrol.c`), too; the log says which of them were.
pub fn leave_out_told_kills(counted: &mut Vec<Incident>, log: &[Incident], told: &[Code]) {
    let kills: u64 = log.iter().filter(|one| told.contains(&one.code)).map(|one| one.count).sum();
    counted.retain_mut(|one| {
        if one.code != Code::OomKill || !one.device.is_empty() {
            return true;
        }
        one.count = one.count.saturating_sub(kills);
        one.count > 0
    });
}

fn incidents<'a>(rises: impl Iterator<Item = (&'a Key, u64, String)>) -> Vec<Incident> {
    let mut book = Book::default();
    for (Key { code, device, .. }, number, line) in rises {
        let mut found = Found::new(*code, device.clone()).times(number);
        if *code == Code::NetLinkDown && number >= FLAPS {
            found = Found::new(Code::NetLinkFlap, device.clone()).times(number);
        }
        // These counters include harmless events: programs killed at their own memory limit (OOM), a disk's answers to commands that it
        // does not know (I/O errors), and each failed SATA command as a timeout (Linux, `drivers/ata/libata-eh.c`, ata_qc_schedule_eh).
        // The log is more exact.
        let is_vague = matches!(code, Code::DiskIoError | Code::DiskTimeout);
        if is_vague || matches!(code, Code::PowerLimited | Code::KernelWarning | Code::OomKill) {
            found = found.severity(Severity::Info);
        }
        // The counters of exceptions and of threshold interrupts name no device: an incident that names one is more exact.
        let nobody = device.is_empty();
        book.note_lines(
            if nobody { found.weak() } else { found },
            At::default(),
            At::default(),
            vec![Now { text: &line, stamp: None }.line()],
        );
    }
    chain::settle(book.entries, &stories::Names::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    fn told(incidents: &[Incident]) -> Vec<(&'static str, &str, u64)> {
        incidents.iter().map(|one| (one.code.word(), one.device.as_str(), one.count)).collect()
    }

    #[test]
    fn a_counter_that_rose_is_an_incident_and_names_both_numbers() {
        let files = |count: &'static str, errors: &'static str| {
            machine_of(&[
                ("sys/devices/system/edac/mc/mc0/dimm1/dimm_ce_count", count),
                ("sys/devices/system/edac/mc/mc0/dimm1/dimm_label", "CPU0_DIMM_A1"),
                ("sys/block/sda/device/ioerr_cnt", errors),
                ("sys/block/sda/device/iotmo_cnt", "0x0"),
            ])
        };
        let (_before, host) = files("3", "0x9");
        let before = Snapshot::read(&host);
        let (_after, host) = files("5", "0xa");
        let after = Snapshot::read(&host);
        let incidents = after.since(&before);
        assert_eq!(told(&incidents), [("memory-corrected", "CPU0_DIMM_A1", 2), ("disk-io-error", "sda", 1)]);
        // Each look at SMART data that a disk does not have is counted there.
        let severities: Vec<Severity> = incidents.iter().map(|one| one.severity).collect();
        assert_eq!(severities, [Severity::Warning, Severity::Info]);
        assert!(incidents[0].lines[0].ends_with("dimm_ce_count: 3 before, 5 now"), "{:?}", incidents[0].lines);
        assert_eq!(told(&before.since(&before)), []);
        // Harmless answers of a disk at its start are counted there, too.
        assert_eq!(told(&after.since_start()), [("memory-corrected", "CPU0_DIMM_A1", 5)]);
    }

    #[test]
    fn a_kill_that_the_log_told_of_is_not_told_again_by_the_counter() {
        let counted = |number: &'static str| {
            let (_root, host) = machine_of(&[("proc/vmstat", number)]);
            Snapshot::read(&host).since_start()
        };
        let log = crate::diagnosis::judge(
            "[  100.000000] Memory cgroup out of memory: Killed process 512 (eater) total-vm:1kB, anon-rss:1kB\n",
        );
        let left = |number: &'static str, told: &[Code]| {
            let mut counted = counted(number);
            leave_out_told_kills(&mut counted, &log, told);
            counted.iter().map(|one| one.count).sum::<u64>()
        };
        assert_eq!(left("oom_kill 1\n", &[Code::OomKill, Code::OomKillCgroup]), 0);
        assert_eq!(left("oom_kill 3\n", &[Code::OomKill, Code::OomKillCgroup]), 2);
        assert_eq!(left("oom_kill 1\n", &[Code::OomKill]), 1);
    }

    #[test]
    fn a_machine_without_counters_says_nothing() {
        let (_root, host) = machine_of(&[]);
        assert_eq!(Snapshot::read(&host), Snapshot::default());
        assert_eq!(Snapshot::default().since_start(), []);
    }

    #[test]
    fn names_of_pcie_errors_may_have_blanks_and_the_total_is_what_counts() {
        let text = "Receiver Error 0\nBad TLP 4\nBadDLLP 1\nTOTAL_ERR_COR 5\n";
        let (_root, host) = machine_of(&[("sys/bus/pci/devices/0000:3b:00.0/aer_dev_correctable", text)]);
        assert_eq!(told(&Snapshot::read(&host).since_start()), [("pcie-corrected", "0000:3b:00.0", 5)]);
    }

    #[test]
    fn heat_is_counted_once_for_a_package() {
        let cpu = |number: u32| {
            let directory = format!("sys/devices/system/cpu/cpu{number}");
            [
                (format!("{directory}/topology/physical_package_id"), "0"),
                (format!("{directory}/thermal_throttle/package_throttle_count"), "7"),
                (format!("{directory}/thermal_throttle/core_throttle_count"), "0"),
            ]
        };
        let files: Vec<(String, &str)> = cpu(0).into_iter().chain(cpu(1)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let (_root, host) = machine_of(&files);
        assert_eq!(told(&Snapshot::read(&host).since_start()), [("cpu-throttled", "package 0", 7)]);
    }
}
