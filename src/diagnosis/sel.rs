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

/// What an event means; nothing for most.
pub(super) fn line(now: &Now<'_>) -> Option<Found> {
    let mut fields = now.text.split('|').map(str::trim);
    let (sensor, event) = (fields.next()?, fields.next()?);
    if fields.next().is_some_and(|state| state.starts_with("Deasserted")) {
        return None;
    }
    let kind = TYPES
        .iter()
        .filter(|kind| sensor.starts_with(**kind))
        .max_by_key(|kind| kind.len())
        .copied()
        .unwrap_or_default();
    let name = sensor[kind.len()..].trim();
    let detail = fields.next().unwrap_or_default();
    let word = event.to_ascii_lowercase();
    let has = |part: &str| word.contains(part);
    let found = |code: Code| Some(Found::new(code, name));
    match kind {
        "Memory" => {
            let name = dimm(name).or_else(|| dimm(detail)).unwrap_or(name);
            let found = |code: Code| Some(Found::new(code, name));
            if has("logging limit reached") {
                found(Code::MemoryCorrectedStorm)
            } else if has("uncorrectable") || has("parity") {
                found(Code::MemoryUncorrected)
            } else if has("correctable ecc") || has("scrub failed") {
                found(Code::MemoryCorrected)
            } else if has("critical overtemperature") {
                found(Code::ThermalCritical)
            } else if has("throttled") {
                found(Code::ThermalSensorHigh)
            } else {
                None
            }
        }
        "Processor" => match () {
            () if has("ierr") || has("uncorrectable machine check") || has("machine check exception") || has("frb") => {
                found(Code::CpuMceFatal)
            }
            () if has("thermal trip") => found(Code::ThermalCritical),
            () if has("throttled") => found(Code::CpuThrottled),
            () if has("correctable machine check") => found(Code::CpuMceCorrected),
            () => None,
        },
        "Power Supply" | "Power Unit" | "Cooling Device" | "Fan" if has("redundancy") || has("non-redundant") => {
            let lost = has("redundancy lost") || has("redundancy degraded") || has("non-redundant");
            let fan = matches!(kind, "Fan" | "Cooling Device");
            lost.then(|| {
                Found::new(if fan { Code::ThermalSensorHigh } else { Code::PowerRedundancyLost }, name)
                    .severity(Severity::Warning)
            })
        }
        "Power Supply" => match () {
            () if has("predictive") => Some(Found::new(Code::PowerPsuFailed, name).severity(Severity::Warning)),
            () if has("failure") || has("ac lost") || has("input lost") || has("out-of-range") || has("config") => {
                found(Code::PowerPsuFailed)
            }
            () => None,
        },
        "Power Unit" if has("failure") || has("power control") || has("interlock") || has("ac lost") => {
            found(Code::PowerPsuFailed)
        }
        "Drive Slot / Bay" => match () {
            () if has("predictive") => found(Code::DiskPredictedFailure),
            () if has("drive fault") || has("failed") || has("in critical array") => found(Code::DiskHardwareError),
            () if has("in failed array") => found(Code::RaidDegraded),
            () if has("rebuild/remap aborted") => found(Code::RaidDegraded),
            () => None,
        },
        "Event Logging Disabled" if has("correctable memory error logging disabled") => {
            found(Code::MemoryCorrectedStorm)
        }
        "Critical Interrupt" => match () {
            () if has("bus fatal") => found(Code::PcieFatal),
            () if has("bus uncorrectable") || has("perr") || has("serr") => found(Code::PcieUncorrected),
            () if has("bus correctable") || has("bus degraded") => found(Code::PcieCorrected),
            () if has("nmi") => found(Code::NmiUnknown),
            () => None,
        },
        "OS Critical Stop" if !has("graceful") && !has("installation") => found(Code::KernelPanic),
        "Battery" if has("failed") || has("low") => found(Code::PowerBatteryFailed),
        "Temperature" | "Voltage" | "Current" | "Fan" => {
            threshold(kind, &word).map(|(code, severity)| Found::new(code, name).severity(severity))
        }
        _ => None,
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
