//! Reports of the machine itself during a test: its error counters, and the kernel's log.

use std::sync::{Mutex, PoisonError};

use crate::diagnosis::{Code, Effect, Incident, Judge, Kind, Parts, Policy, Snapshot};
use crate::host::{Host, KernelLog};

use super::metric::Metric;
use super::outcome::Outcome;
use super::report::Report;

/// The counters at the start of a test.
pub(super) struct Meanwhile {
    before: Snapshot,
    /// True if memory controllers count errors on this machine (EDAC).
    counts_memory: bool,
    /// True if processors count how often heat made them slower.
    counts_throttling: bool,
    /// The kernel's log from the start of the test on; none where it may not be read.
    log: Mutex<Option<KernelLog>>,
    /// The disks or ports that are tested, and what is on the way to them; none where all of the machine is.
    subjects: Option<(Vec<String>, Parts)>,
}

impl Meanwhile {
    /// Reads the counters.
    pub(super) fn begin(host: &Host) -> Self {
        let counts_memory = host.list("/sys/devices/system/edac/mc").iter().any(|name| name.starts_with("mc"));
        let is_throttling = |name: &String| host.exists(format!("/sys/devices/system/cpu/{name}/thermal_throttle"));
        let counts_throttling = host.list("/sys/devices/system/cpu").iter().any(is_throttling);
        let log = host.kernel_log().and_then(|mut log| log.skip_to_end().map(|()| log)).ok();
        Meanwhile {
            before: Snapshot::read(host),
            counts_memory,
            counts_throttling,
            log: Mutex::new(log),
            subjects: None,
        }
    }

    /// Reads the counters for a test of these disks or ports: incidents of other devices do not count.
    pub(super) fn of(host: &Host, names: Vec<String>) -> Self {
        // Their places now, since a test may make them vanish.
        Meanwhile { subjects: Some((names, Parts::read(host))), ..Meanwhile::begin(host) }
    }

    /// Returns the incidents that the kernel has logged since the start of the test.
    fn said(&self) -> Vec<Incident> {
        let mut judge = Judge::default();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = log.as_mut() {
            let mut text = String::new();
            while let Ok(Some(record)) = log.next_record() {
                text.push_str(&record);
            }
            judge.read(&text);
        }
        judge.end()
    }

    fn is_ours(&self, incident: &Incident) -> bool {
        let Some((names, parts)) = &self.subjects else { return true };
        names.iter().any(|name| parts.belongs(&incident.device, name))
    }

    /// Reads them again, and puts what was reported into the report: incidents of `kinds`, of this machine's hardware that the test worked.
    pub(super) fn end(&self, host: &Host, kinds: &[Kind], report: &mut Report) {
        let counted = Snapshot::read(host).since(&self.before);
        let of_kinds: Vec<_> = counted.iter().filter(|one| kinds.contains(&one.code.kind())).collect();
        if kinds.contains(&Kind::Memory) {
            if self.counts_memory {
                let count = |words: &[&str]| -> u64 {
                    of_kinds.iter().filter(|one| words.contains(&one.code.word())).map(|one| one.count).sum()
                };
                report.measure(Metric::CorrectedErrors, "", count(&["memory-corrected", "memory-corrected-storm"]));
                report.measure(Metric::UncorrectedErrors, "", count(&["memory-uncorrected", "memory-fatal"]));
            } else {
                let text = "Corrected errors of memory: no memory controller counts them here (EDAC). The log of the BMC may have them.";
                report.not_tested.push(text.to_owned());
            }
        }
        if kinds.contains(&Kind::Thermal) {
            if self.counts_throttling {
                let throttled = of_kinds.iter().filter(|one| one.code == Code::CpuThrottled).map(|one| one.count);
                report.measure(Metric::Throttled, "", throttled.sum::<u64>());
            } else {
                report.not_tested.push("Throttling by heat: the kernel does not count it here.".to_owned());
            }
        }
        let mut incidents = self.said();
        for one in counted {
            // The log names more; a counter of the same is no second incident.
            let is_told =
                |told: &Incident| told.code == one.code && (told.device == one.device || one.device.is_empty());
            if !incidents.iter().any(is_told) {
                incidents.push(one);
            }
        }
        for incident in incidents.iter().filter(|one| kinds.contains(&one.code.kind()) && self.is_ours(one)) {
            add(incident, self.subjects.is_some(), report);
        }
    }
}

fn add(incident: &Incident, is_subject: bool, report: &mut Report) {
    let policy = Policy::default();
    let effect = if is_subject { policy.effect_on_subject(incident) } else { policy.effect(incident) };
    let outcome = match effect {
        Effect::Note => Outcome::Passed,
        Effect::Degraded => Outcome::Degraded,
        Effect::Failed => Outcome::Failed,
    };
    let lines = incident.lines.first().map(|line| format!(" ({line})")).unwrap_or_default();
    let what = format!("{} × {}{lines}", incident.count, incident.meaning());
    report.find(outcome, incident.code.word(), incident.device.as_str(), what).next(incident.next());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;
    use crate::hwtest::{Kind as Tested, Level, Order};

    fn report() -> Report {
        let mut report =
            Report::new(&Order { kind: Tested::Memory, level: Level::Smoke, seconds: 1, seed: 0, inject: None });
        report.covered("memory", "bytes", 1, 1);
        report
    }

    #[test]
    fn a_pass_with_new_corrected_errors_is_degraded() {
        let place = "sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count";
        let (root, host) = machine_of(&[(place, "3\n"), ("sys/devices/system/edac/mc/mc0/dimm0/dimm_label", "A1\n")]);
        let meanwhile = Meanwhile::begin(&host);
        let mut quiet = report();
        meanwhile.end(&host, &[Kind::Memory], &mut quiet);
        assert_eq!(quiet.outcome(), Outcome::Passed, "{quiet:?}");
        std::fs::write(root.path().join(place), "5\n").expect("write");
        let mut worn = report();
        meanwhile.end(&host, &[Kind::Memory], &mut worn);
        assert_eq!(worn.outcome(), Outcome::Degraded, "{worn:?}");
        assert_eq!((worn.findings[0].code.as_str(), worn.findings[0].subject.as_str()), ("memory-corrected", "A1"));
        assert!(worn.measurements.iter().any(|one| one.metric == Metric::CorrectedErrors && one.value == 2.into()));
    }

    #[test]
    fn a_processor_that_heat_made_slower_is_counted_and_told() {
        let place = "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count";
        let (root, host) = machine_of(&[(place, "7\n")]);
        let meanwhile = Meanwhile::begin(&host);
        std::fs::write(root.path().join(place), "10\n").expect("write");
        let mut slowed = report();
        meanwhile.end(&host, &[Kind::Cpu, Kind::Thermal], &mut slowed);
        assert!(
            slowed.measurements.iter().any(|one| one.metric == Metric::Throttled && one.value == 3.into()),
            "{slowed:?}"
        );
        assert!(slowed.findings.iter().any(|finding| finding.code == "cpu-throttled"), "{slowed:?}");
        let mut unknown = report();
        let (_root, host) = machine_of(&[("proc/x", "")]);
        Meanwhile::begin(&host).end(&host, &[Kind::Cpu, Kind::Thermal], &mut unknown);
        assert!(unknown.measurements.is_empty() && unknown.not_tested[0].starts_with("Throttling"), "{unknown:?}");
    }

    #[test]
    fn a_machine_that_does_not_count_says_so() {
        let (_root, host) = machine_of(&[("proc/x", "")]);
        let mut report = report();
        Meanwhile::begin(&host).end(&host, &[Kind::Memory], &mut report);
        assert!(report.not_tested[0].contains("EDAC"));
        assert!(report.measurements.is_empty(), "not counted is not 0");
    }

    #[test]
    fn what_the_kernel_says_of_a_disk_counts_for_its_own_test_only() {
        let record =
            "3,1,99000000,-;blk_update_request: critical medium error, dev sda, sector 40968 op 0x0:(READ) flags 0x0\n";
        let (root, host) =
            machine_of(&[("dev/kmsg", ""), ("sys/block/sda/size", "8\n"), ("sys/block/sdb/size", "8\n")]);
        let own = Meanwhile::of(&host, vec!["sda".to_owned()]);
        let other = Meanwhile::of(&host, vec!["sdb".to_owned()]);
        std::fs::write(root.path().join("dev/kmsg"), record).expect("write");
        let (mut worn, mut quiet) = (report(), report());
        own.end(&host, &[Kind::Disk], &mut worn);
        other.end(&host, &[Kind::Disk], &mut quiet);
        assert_eq!(
            (worn.outcome(), worn.findings[0].code.as_str()),
            (Outcome::Failed, "disk-medium-error"),
            "{worn:?}"
        );
        assert_eq!(quiet.outcome(), Outcome::Passed, "{quiet:?}");
    }
}
