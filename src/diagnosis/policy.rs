//! The effect of incidents on the result of a test that passed. No incident turns a failure into a pass.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::code::{Code, Severity};
use super::judge::Incident;

/// The effect of an incident on a test that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// None: the incident is reported beside the result.
    Note,
    /// The pass becomes degraded.
    Degraded,
    /// The pass becomes failed.
    Failed,
}

impl Effect {
    /// The word in settings and outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }
}

/// How far a machine's own reports are used while a script runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listening {
    /// Not read at all.
    Off,
    /// Incidents are reported and change no result.
    Note,
    /// Incidents are reported and may change a pass.
    #[default]
    Count,
}

impl Listening {
    /// Reads the word that settings and script headers use; `None` if it is none of the three.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "off" => Some(Self::Off),
            "note" => Some(Self::Note),
            "count" => Some(Self::Count),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Note => "note",
            Self::Count => "count",
        }
    }
}

/// A site's policy for incidents while a script runs: the general level, and effects set for single codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The general level: ignored, reported, or counted.
    pub listening: Listening,
    other: BTreeMap<Code, Effect>,
}

/// Corrected errors of one module, and of one processor, within one test from which on a pass becomes failed. Source: the limits of
/// mcelog (10 in 24 hours for a module) and rasdaemon (18 in 24 hours for a processor).
const MEMORY: u64 = 10;
const PROCESSOR: u64 = 18;
/// Corrected errors of PCI Express from which on a pass becomes degraded, and failed. A few are common when a link changes its power state;
/// thousands are a bad link.
const LINK: [u64; 2] = [10, 1000];
/// Link errors, timeouts or resets of a disk within one test from which on a pass becomes failed: so many will return in production.
const DISK: u64 = 3;

impl Policy {
    /// Reads `count`, `note` or `off`, then effects of single codes such as `pcie-corrected=note`; `None` if a word is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut policy = Self::default();
        for word in text.split_whitespace() {
            if let Some((code, effect)) = word.split_once('=') {
                let code = Code::ALL.iter().find(|one| one.word() == code)?;
                let effect =
                    [Effect::Note, Effect::Degraded, Effect::Failed].into_iter().find(|one| one.word() == effect)?;
                policy.other.insert(*code, effect);
            } else {
                policy.listening = Listening::from_word(word)?;
            }
        }
        Some(policy)
    }

    /// The policy that reads no reports of the machine.
    #[must_use]
    pub fn off() -> Self {
        Self::default().at_most(Listening::Off)
    }

    /// This policy with its level lowered to `listening`; a lower level stays.
    #[must_use]
    pub fn at_most(&self, listening: Listening) -> Self {
        Self { listening: self.listening.min(listening), other: self.other.clone() }
    }

    /// The effect of an incident on a pass at this site.
    #[must_use]
    pub fn effect(&self, incident: &Incident) -> Effect {
        self.counts(incident, usual)
    }

    /// The effect of an incident of the disk or interface that the test was given; never less than [`Policy::effect`] by default.
    #[must_use]
    pub fn effect_on_subject(&self, incident: &Incident) -> Effect {
        self.counts(incident, of_subject)
    }

    fn counts(&self, incident: &Incident, otherwise: fn(&Incident) -> Effect) -> Effect {
        if self.listening != Listening::Count {
            return Effect::Note;
        }
        self.other.get(&incident.code).copied().unwrap_or_else(|| otherwise(incident))
    }
}

/// The default effect on a test of the very disk or interface that the incident is about: never less than on other tests.
fn of_subject(incident: &Incident) -> Effect {
    use Code as C;
    let usual = usual(incident);
    if incident.severity == Severity::Info {
        return usual;
    }
    match incident.code {
        // What the disk under test could not do is no pass, whatever the script made of it.
        C::DiskIoError
        | C::DiskTimeout
        | C::NetTxTimeout
        | C::NetFirmwareError
        | C::NetAdapterReset
        | C::NetModuleError => Effect::Failed,
        C::PcieCorrected => usual.max(Effect::Degraded),
        _ => usual,
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.listening.word())?;
        self.other.iter().try_for_each(|(code, effect)| write!(f, " {}={}", code.word(), effect.word()))
    }
}

/// Data were damaged or a part is gone: a pass becomes failed.
const FAILING: [Code; 32] = [
    Code::MemoryUncorrected,
    Code::MemoryPoisonConsumed,
    Code::MemoryFatal,
    Code::MemoryCorrectedStorm,
    Code::CxlError,
    Code::CpuMceUncorrected,
    Code::CpuMceFatal,
    Code::PcieUncorrected,
    Code::PcieFatal,
    Code::PcieDpcContained,
    Code::PcieLinkDown,
    Code::PcieDeviceInaccessible,
    Code::IommuFault,
    Code::DiskMediumError,
    Code::DiskHardwareError,
    Code::DiskProtectionError,
    Code::DiskOffline,
    Code::DiskPredictedFailure,
    Code::FilesystemError,
    Code::RaidDegraded,
    Code::NetLinkFlap,
    Code::GpuLost,
    Code::GpuMemoryUncorrected,
    Code::GpuMemoryRemapFailed,
    Code::GpuNvlinkError,
    Code::GpuFirmwareTimeout,
    Code::GpuReset,
    Code::ThermalCritical,
    Code::UsbControllerDied,
    Code::KernelOops,
    Code::KernelSoftLockup,
    Code::KernelHardLockup,
];
/// These change nothing: no part of the machine failed. Whose memory was short is in the exit of the script itself.
const HARMLESS: [Code; 17] = [
    Code::CpuMcePreviousBoot,
    Code::PcieLinkDegraded,
    Code::FirmwareErrorRecord,
    Code::FirmwareBug,
    Code::GpuApplicationFault,
    Code::KernelWarning,
    Code::KernelAllocationFailure,
    Code::KernelPanic,
    Code::DiskReservationConflict,
    Code::UsbDisconnect,
    Code::UsbReset,
    Code::UsbEnumerationFailed,
    Code::TpmError,
    Code::BmcError,
    Code::OomKill,
    Code::OomKillCgroup,
    Code::ProgramCrashed,
];

/// The effect of an incident where the site's policy has no entry for its code.
fn usual(incident: &Incident) -> Effect {
    use Code as C;
    if incident.severity == Severity::Info {
        return Effect::Note;
    }
    let from = |limit: u64| if incident.count >= limit { Effect::Failed } else { Effect::Degraded };
    match incident.code {
        C::MemoryCorrected => from(MEMORY),
        C::CpuMceCorrected => from(PROCESSOR),
        C::PcieCorrected if incident.count < LINK[0] => Effect::Note,
        C::PcieCorrected => from(LINK[1]),
        C::DiskLinkError
        | C::DiskLinkReset
        | C::DiskLinkSpeedReduced
        | C::DiskTimeout
        | C::DiskTaskAbort
        | C::DiskControllerReset => from(DISK),
        code if FAILING.contains(&code) => Effect::Failed,
        code if HARMLESS.contains(&code) => Effect::Note,
        _ => Effect::Degraded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::judge;

    fn effect(policy: &str, log: &str) -> Effect {
        let incidents = judge(log);
        let [incident] = incidents.as_slice() else { panic!("{incidents:?}") };
        Policy::parse(policy).expect("a policy").effect(incident)
    }

    #[test]
    fn damaged_data_fails_a_pass_and_repaired_data_degrades_it() {
        let module = "on CPU0_DIMM_A1 (channel:0 slot:0 page:0x0)";
        assert_eq!(effect("count", &format!("EDAC MC0: 1 UE memory read error {module}")), Effect::Failed);
        assert_eq!(effect("count", &format!("EDAC MC0: 1 CE memory read error {module}")), Effect::Degraded);
        assert_eq!(effect("count", &format!("EDAC MC0: 20 CE memory read error {module}")), Effect::Failed);
        assert_eq!(effect("note", &format!("EDAC MC0: 1 UE memory read error {module}")), Effect::Note);
        assert_eq!(effect("memory-uncorrected=degraded", &format!("EDAC MC0: 1 UE error {module}")), Effect::Degraded);
    }

    #[test]
    fn the_third_reset_of_a_disk_fails_a_pass() {
        let reset = "ata3: hard resetting link\n";
        assert_eq!(effect("count", &reset.repeat(2)), Effect::Degraded);
        assert_eq!(effect("count", &reset.repeat(3)), Effect::Failed);
    }

    #[test]
    fn a_test_is_failed_by_what_only_degrades_others_if_it_is_about_its_own_device() {
        let policy = Policy::default();
        for (log, other, own) in [
            ("ata3: qc timeout (cmd 0xec)", Effect::Degraded, Effect::Failed),
            (
                "I/O error, dev sdf, sector 40968 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
                Effect::Degraded,
                Effect::Failed,
            ),
            ("NETDEV WATCHDOG: eno1 (tg3): transmit queue 0 timed out", Effect::Degraded, Effect::Failed),
            (
                "nvme 0000:03:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)",
                Effect::Note,
                Effect::Degraded,
            ),
        ] {
            let incidents = judge(log);
            let [incident] = incidents.as_slice() else { panic!("{incidents:?}") };
            assert_eq!((policy.effect(incident), policy.effect_on_subject(incident)), (other, own), "{log}");
        }
    }

    #[test]
    fn a_policy_reads_back_and_what_is_none_is_refused() {
        for text in ["count", "off", "note", "count disk-io-error=failed pcie-corrected=note"] {
            let policy = Policy::parse(text).expect(text);
            assert_eq!(Policy::parse(&policy.to_string()), Some(policy));
        }
        for text in ["maybe", "disk-io-error=passed", "disk=failed"] {
            assert_eq!(Policy::parse(text), None, "{text}");
        }
    }
}
