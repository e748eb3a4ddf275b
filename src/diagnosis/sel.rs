//! The event log of a BMC, as `ipmitool sel elist` words it.

use super::book::{Found, Now};
use super::code::{Code, Severity};

/// Types of sensors, as they stand before the sensor's name. Source: ipmitool `ipmi_sel.h`, IPMI 2.0 table 42-3.
const TYPES: [&str; 45] = [
    "Temperature",
    "Voltage",
    "Current",
    "Fan",
    "Physical Security",
    "Platform Security",
    "Processor",
    "Power Supply",
    "Power Unit",
    "Cooling Device",
    "Other",
    "Memory",
    "Drive Slot / Bay",
    "POST Memory Resize",
    "System Firmwares",
    "System Firmware Error",
    "System Firmware",
    "Event Logging Disabled",
    "Watchdog1",
    "System Event",
    "Critical Interrupt",
    "Button",
    "Module / Board",
    "Microcontroller",
    "Add-in Card",
    "Chassis",
    "Chip Set",
    "Other FRU",
    "Cable / Interconnect",
    "Terminator",
    "System Boot Initiated",
    "Boot Error",
    "OS Boot",
    "OS Critical Stop",
    "Slot / Connector",
    "System ACPI Power State",
    "Watchdog2",
    "Watchdog 2",
    "Platform Alert",
    "Entity Presence",
    "Monitor ASIC",
    "LAN",
    "Management Subsys Health",
    "Battery",
    "Session Audit",
];

/// An event, in the words of `ipmitool sel elist`.
struct Event<'a> {
    /// Type of the sensor, one of [`TYPES`]; empty if it is none.
    kind: &'a str,
    /// The column behind the state.
    detail: &'a str,
    /// The event itself, in lower case.
    word: String,
}

impl Event<'_> {
    fn has(&self, part: &str) -> bool {
        self.word.contains(part)
    }

    fn has_any(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.has(part))
    }
}

/// The incident of a line; `None` of most events, and of one that ended.
pub(super) fn line(now: &Now<'_>) -> Option<Found> {
    let mut fields = now.text.split('|').map(str::trim);
    let (sensor, word) = (fields.next()?, fields.next()?);
    if fields.next().is_some_and(|state| state.starts_with("Deasserted")) {
        return None;
    }
    let kinds = TYPES.iter().filter(|kind| sensor.starts_with(**kind));
    let kind = kinds.max_by_key(|kind| kind.len()).copied().unwrap_or_default();
    let name = sensor[kind.len()..].trim();
    // `sel list` has the number of a sensor in place of its name; the number alone names nothing.
    let name = if name.starts_with("#0x") { sensor } else { name };
    let event = Event { kind, detail: fields.next().unwrap_or_default(), word: word.to_ascii_lowercase() };
    if kind == "Memory" {
        let name = dimm(name).or_else(|| dimm(event.detail)).unwrap_or(name);
        return memory(&event).map(|code| Found::new(code, name));
    }
    let (code, severity) = incident(&event)?;
    let found = Found::new(code, name);
    Some(severity.into_iter().fold(found, Found::severity))
}

/// The code of an event, and its severity where that is not the usual one.
fn incident(event: &Event<'_>) -> Option<(Code, Option<Severity>)> {
    let usual = |code: Code| (code, None);
    match event.kind {
        "Processor" => processor(event).map(usual),
        "Power Supply" | "Power Unit" | "Cooling Device" | "Fan" if event.has_any(&["redundancy", "non-redundant"]) => {
            let is_fan = matches!(event.kind, "Fan" | "Cooling Device");
            let code = if is_fan { Code::ThermalSensorHigh } else { Code::PowerRedundancyLost };
            let is_lost = event.has_any(&["redundancy lost", "redundancy degraded", "non-redundant"]);
            is_lost.then_some((code, Some(Severity::Warning)))
        }
        "Power Supply" if event.has("predictive") => Some((Code::PowerPsuFailed, Some(Severity::Warning))),
        "Power Supply" => {
            let is_failed = event.has_any(&["failure", "ac lost", "input lost", "out-of-range", "config"]);
            is_failed.then_some(usual(Code::PowerPsuFailed))
        }
        "Power Unit" if event.has_any(&["failure", "power control", "interlock", "ac lost"]) => {
            Some(usual(Code::PowerPsuFailed))
        }
        "Drive Slot / Bay" => drive(event).map(usual),
        "Event Logging Disabled" if event.has("correctable memory error logging disabled") => {
            Some(usual(Code::MemoryCorrectedStorm))
        }
        "Critical Interrupt" => interrupt(event).map(usual),
        "OS Critical Stop" if !event.has_any(&["graceful", "installation"]) => Some(usual(Code::KernelPanic)),
        "Battery" if event.has_any(&["failed", "low"]) => Some(usual(Code::PowerBatteryFailed)),
        "Temperature" | "Voltage" | "Current" | "Fan" => {
            threshold(event.kind, &event.word).map(|(code, severity)| (code, Some(severity)))
        }
        _ => None,
    }
}

fn memory(event: &Event<'_>) -> Option<Code> {
    match () {
        () if event.has("logging limit reached") => Some(Code::MemoryCorrectedStorm),
        () if event.has_any(&["uncorrectable", "parity"]) => Some(Code::MemoryUncorrected),
        () if event.has_any(&["correctable ecc", "scrub failed"]) => Some(Code::MemoryCorrected),
        () if event.has("critical overtemperature") => Some(Code::ThermalCritical),
        () if event.has("throttled") => Some(Code::ThermalSensorHigh),
        () => None,
    }
}

fn processor(event: &Event<'_>) -> Option<Code> {
    match () {
        () if event.has_any(&["ierr", "uncorrectable machine check", "machine check exception", "frb"]) => {
            Some(Code::CpuMceFatal)
        }
        () if event.has("thermal trip") => Some(Code::ThermalCritical),
        () if event.has("throttled") => Some(Code::CpuThrottled),
        () if event.has("correctable machine check") => Some(Code::CpuMceCorrected),
        () => None,
    }
}

fn drive(event: &Event<'_>) -> Option<Code> {
    match () {
        () if event.has("predictive") => Some(Code::DiskPredictedFailure),
        () if event.has_any(&["drive fault", "failed", "in critical array"]) => Some(Code::DiskHardwareError),
        () if event.has_any(&["in failed array", "rebuild/remap aborted"]) => Some(Code::RaidDegraded),
        () => None,
    }
}

fn interrupt(event: &Event<'_>) -> Option<Code> {
    match () {
        () if event.has("bus fatal") => Some(Code::PcieFatal),
        () if event.has_any(&["bus uncorrectable", "perr", "serr"]) => Some(Code::PcieUncorrected),
        () if event.has_any(&["bus correctable", "bus degraded"]) => Some(Code::PcieCorrected),
        () if event.has("nmi") => Some(Code::NmiUnknown),
        () => None,
    }
}

/// A sensor beyond its limit. Fans and voltages have two.
fn threshold(kind: &str, word: &str) -> Option<(Code, Severity)> {
    let up = word.contains("upper");
    let critical = word.contains("critical") && !word.contains("non-critical");
    let beyond = up && word.contains("going high")
        || word.contains("lower") && word.contains("going low")
        || word.contains("limit exceeded") && !word.contains("not exceeded");
    if !beyond {
        return None;
    }
    let severity =
        |usual: Severity| if critical || word.contains("non-recoverable") { usual } else { Severity::Warning };
    match kind {
        "Temperature" if up && word.contains("non-recoverable") => Some((Code::ThermalCritical, Severity::Fatal)),
        "Temperature" if up => Some((Code::ThermalSensorHigh, severity(Severity::Error))),
        "Fan" if !up => Some((Code::ThermalSensorHigh, severity(Severity::Error))),
        "Voltage" | "Current" => Some((Code::PowerVoltageOutOfRange, severity(Severity::Error))),
        _ => None,
    }
}

/// The module in a sensor's name: `DIMM_F1` of `ECC DIMM_F1`.
fn dimm(name: &str) -> Option<&str> {
    let at = name.to_ascii_uppercase().find("DIMM")?;
    let from = name[..at].rfind(' ').map_or(0, |space| space + 1);
    Some(name[from..].trim_matches(['(', ')', ' ']))
}
