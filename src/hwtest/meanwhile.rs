//! What the machine's own error counters say of the time of a test.

use crate::diagnosis::{Code, Effect, Incident, Kind, Policy, Snapshot};
use crate::host::Host;

use super::metric::Metric;
use super::outcome::Outcome;
use super::report::Report;

/// The counters at the start of a test.
pub(super) struct Meanwhile {
    before: Snapshot,
    /// Whether memory controllers count here at all.
    counts_memory: bool,
    /// Whether processors count how often heat made them slower.
    counts_throttling: bool,
}

impl Meanwhile {
    /// Reads the counters.
    pub(super) fn begin(host: &Host) -> Self {
        let counts_memory = host.list("/sys/devices/system/edac/mc").iter().any(|name| name.starts_with("mc"));
        let is_throttling = |name: &String| host.exists(format!("/sys/devices/system/cpu/{name}/thermal_throttle"));
        let counts_throttling = host.list("/sys/devices/system/cpu").iter().any(is_throttling);
        Meanwhile { before: Snapshot::read(host), counts_memory, counts_throttling }
    }

    /// Reads them again, and puts what rose into the report: incidents of `kinds`, of this machine's hardware that the test worked.
    pub(super) fn end(&self, host: &Host, kinds: &[Kind], report: &mut Report) {
        let incidents = Snapshot::read(host).since(&self.before);
        let of_kinds: Vec<_> = incidents.iter().filter(|one| kinds.contains(&one.code.kind())).collect();
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
        for incident in of_kinds {
            add(incident, report);
        }
    }
}

fn add(incident: &Incident, report: &mut Report) {
    let outcome = match Policy::default().effect(incident) {
        Effect::Note => Outcome::Passed,
        Effect::Degraded => Outcome::Degraded,
        Effect::Failed => Outcome::Failed,
    };
    let lines = incident.lines.first().map(|line| format!(" ({line})")).unwrap_or_default();
    let what = format!("{} × {}{lines}", incident.count, incident.code.meaning());
    report.find(outcome, incident.code.word(), incident.device.as_str(), what).next(incident.code.next());
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
        let mut warm = report();
        meanwhile.end(&host, &[Kind::Cpu, Kind::Thermal], &mut warm);
        assert!(
            warm.measurements.iter().any(|one| one.metric == Metric::Throttled && one.value == 3.into()),
            "{warm:?}"
        );
        assert!(warm.findings.iter().any(|finding| finding.code == "cpu-throttled"), "{warm:?}");
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
}
