//! The event log of a BMC, as `ipmitool sel elist` words it.

use super::book::{Found, Now};
use super::code::{Code, Severity};

/// Types of sensors, as they stand before the sensor's name. Source: ipmitool `ipmi_sel.h`, IPMI 2.0 table 42-3.
const TYPES: [&str; 52] = [
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
    "Drive Slot",
    "POST Memory Resize",
    "System Firmwares",
    "System Firmware Error",
    "System Firmware Hang",
    "System Firmware Progress",
    "System Firmware",
    "Event Logging Disabled",
    "Watchdog1",
    "Watchdog 1",
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
    "OS Stop/Shutdown",
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
    "Version Change",
    "FRU State",
];

/// An event, in the words of `ipmitool sel elist`.
struct Event<'a> {
    /// Type of the sensor, one of [`TYPES`]; empty if it is none.
    kind: &'a str,
    /// The name of the sensor.
    name: &'a str,
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

/// A row of the table: types of sensors, words of the event, the code, and its severity where that is not the usual one.
type Row = (&'static [&'static str], &'static [&'static str], Code, Option<Severity>);

const SUPPLY: &[&str] = &["Power Supply", "Power Unit"];
const COOLING: &[&str] = &["Fan", "Cooling Device"];
const WATCHDOGS: &[&str] = &["Watchdog1", "Watchdog 1", "Watchdog2", "Watchdog 2"];
const FIRMWARE: &[&str] = &["System Firmware Error", "System Firmwares", "System Firmware"];

/// The events of each type that are faults. The first row decides. Source: IPMI 2.0, tables 42-2 and 42-3, in the words of ipmitool's
/// `ipmi_sel.h`.
const FAULTS: &[Row] = &[
    (&["Processor"], &["thermal trip"], Code::ThermalCritical, None),
    (&["Processor"], &["throttled"], Code::CpuThrottled, None),
    (&["Processor"], &["ierr", "uncorrectable", "machine check exception", "frb"], Code::CpuMceFatal, None),
    (&["Processor"], &["correctable machine check"], Code::CpuMceCorrected, None),
    (&["Processor"], &["configuration error"], Code::FirmwareErrorRecord, None),
    (&["Chip Set"], &["thermal trip"], Code::ThermalCritical, None),
    (&["Chip Set"], &["power control failure"], Code::PowerPsuFailed, None),
    (
        COOLING,
        &["redundancy lost", "redundancy degraded", "non-redundant"],
        Code::ThermalSensorHigh,
        Some(Severity::Warning),
    ),
    (COOLING, &["predictive failure"], Code::ThermalSensorHigh, Some(Severity::Warning)),
    (
        SUPPLY,
        &["redundancy lost", "redundancy degraded", "non-redundant"],
        Code::PowerRedundancyLost,
        Some(Severity::Warning),
    ),
    (SUPPLY, &["predictive"], Code::PowerPsuFailed, Some(Severity::Warning)),
    (&["Power Supply"], &["failure", "ac lost", "input lost", "out-of-range", "config"], Code::PowerPsuFailed, None),
    (&["Power Unit"], &["failure", "power control", "interlock", "ac lost", "240va"], Code::PowerPsuFailed, None),
    (&["Memory"], &["logging limit reached"], Code::MemoryCorrectedStorm, None),
    (&["Memory"], &["uncorrectable", "parity"], Code::MemoryUncorrected, None),
    (&["Memory"], &["correctable ecc", "scrub failed"], Code::MemoryCorrected, None),
    (&["Memory"], &["predictive failure asserted"], Code::MemoryCorrectedStorm, Some(Severity::Warning)),
    (&["Memory"], &["critical overtemperature"], Code::ThermalCritical, None),
    (&["Memory"], &["throttled"], Code::ThermalSensorHigh, None),
    (&["Memory"], &["device disabled", "configuration error"], Code::FirmwareErrorRecord, None),
    (&["Drive Slot / Bay", "Drive Slot"], &["predictive"], Code::DiskPredictedFailure, None),
    (&["Drive Slot / Bay", "Drive Slot"], &["in failed array"], Code::RaidDegraded, Some(Severity::Fatal)),
    (&["Drive Slot / Bay", "Drive Slot"], &["in critical array", "aborted"], Code::RaidDegraded, None),
    (&["Drive Slot / Bay", "Drive Slot"], &["drive fault", "failed"], Code::DiskHardwareError, None),
    (
        FIRMWARE,
        &[
            "boot media not found",
            "keyboard failure",
            "diskette failure",
            "video device selected",
            "unspecified",
            "unknown error",
        ],
        Code::FirmwareErrorRecord,
        Some(Severity::Warning),
    ),
    (
        FIRMWARE,
        &["no system memory", "no usable system memory", "unrecoverable", "corruption", "mismatch"],
        Code::FirmwareErrorRecord,
        Some(Severity::Error),
    ),
    (&["System Firmware Hang"], &[""], Code::FirmwareErrorRecord, Some(Severity::Error)),
    (&["Event Logging Disabled"], &["correctable memory error logging disabled"], Code::MemoryCorrectedStorm, None),
    (&["Event Logging Disabled"], &["correctable machine check error logging"], Code::CpuMceStorm, None),
    (WATCHDOGS, &["reset", "power", "shut down"], Code::KernelPanic, None),
    (WATCHDOGS, &["expired", "interrupt"], Code::KernelPanic, Some(Severity::Warning)),
    (&["System Event"], &["undetermined system hardware failure"], Code::FirmwareErrorRecord, Some(Severity::Error)),
    (&["Critical Interrupt"], &["bus fatal"], Code::PcieFatal, None),
    (&["Critical Interrupt"], &["bus uncorrectable", "perr", "serr"], Code::PcieUncorrected, None),
    (&["Critical Interrupt"], &["bus timeout", "failsafe timeout", "channel check"], Code::PcieUncorrected, None),
    (&["Critical Interrupt"], &["bus correctable", "bus degraded"], Code::PcieCorrected, None),
    (&["Critical Interrupt"], &["fatal nmi"], Code::NmiUnknown, Some(Severity::Error)),
    (&["Critical Interrupt"], &["nmi"], Code::NmiUnknown, None),
    (&["OS Critical Stop", "OS Stop/Shutdown"], &["error during", "critical stop", "panic"], Code::KernelPanic, None),
    (&["Slot / Connector"], &["fault status"], Code::FirmwareErrorRecord, Some(Severity::Error)),
    (&["Cable / Interconnect"], &["config"], Code::FirmwareErrorRecord, None),
    (&["Management Subsys Health"], &["unavailable", "off-line", "failure", "degraded"], Code::BmcError, None),
    (&["Battery"], &["failed", "low", "predictive failure asserted"], Code::PowerBatteryFailed, None),
];

/// The incident of a line; `None` of most events, and of one that ended.
pub(super) fn line(now: &Now<'_>) -> Option<Found> {
    let mut fields = now.text.split('|').map(str::trim);
    let sensor = fields.next()?;
    // A record of the kernel's own, which it writes when it stops (`CONFIG_IPMI_PANIC_STRING`).
    if sensor.starts_with("Linux kernel panic") {
        return Some(Found::new(Code::KernelPanic, ""));
    }
    let word = fields.next()?;
    let rest: Vec<&str> = fields.collect();
    if rest.iter().any(|state| state.starts_with("Deasserted")) {
        return None;
    }
    let kinds = TYPES.iter().filter(|kind| sensor.starts_with(**kind));
    let kind = kinds.max_by_key(|kind| kind.len()).copied().unwrap_or_default();
    let name = sensor[kind.len()..].trim();
    // `sel list` has the number of a sensor in place of its name; the number alone names nothing.
    let name = if name.starts_with("#0x") { sensor } else { name };
    let event = Event { kind, name, detail: rest.get(1).copied().unwrap_or_default(), word: word.to_ascii_lowercase() };
    let (code, severity) = incident(&event)?;
    // Some BMCs name the module in the event, and some behind it.
    let module = || dimm(name).or_else(|| dimm(word)).or_else(|| rest.iter().find_map(|part| dimm(part)));
    let name = if kind == "Memory" { module().unwrap_or(name) } else { name };
    let found = Found::new(code, name);
    Some(severity.into_iter().fold(found, Found::severity))
}

/// The code of an event, and its severity where that is not the usual one.
fn incident(event: &Event<'_>) -> Option<(Code, Option<Severity>)> {
    let row = FAULTS.iter().find(|(kinds, words, ..)| kinds.contains(&event.kind) && event.has_any(words));
    if let Some((_, _, code, severity)) = row {
        return Some((*code, *severity));
    }
    let (code, severity) = threshold(event).or_else(|| transition(event))?;
    Some((code, Some(severity)))
}

/// The quantity that a sensor measures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Heat,
    Speed,
    Power,
    Unknown,
}

/// The quantity of a sensor by its type, by the unit of its reading, else by its name.
fn measure(event: &Event<'_>) -> Measure {
    match event.kind {
        "Temperature" => return Measure::Heat,
        "Fan" => return Measure::Speed,
        "Voltage" | "Current" => return Measure::Power,
        _ => {}
    }
    let unit = event.detail.to_ascii_lowercase();
    let name = event.name.to_ascii_lowercase();
    let unit_is = |words: &[&str]| words.iter().any(|word| unit.contains(word));
    let name_has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match () {
        () if unit_is(&["degrees"]) => Measure::Heat,
        () if unit_is(&["rpm", "cfm"]) => Measure::Speed,
        () if unit_is(&["watts", "volts", "amps", "joules"]) => Measure::Power,
        () if name_has(&["temp", "therm", "inlet", "outlet", "exhaust", "ambient"]) => Measure::Heat,
        () if name_has(&["fan", "rpm"]) || event.kind == "Cooling Device" => Measure::Speed,
        () if name_has(&["pwr", "power", "watt", "curr", "amp", "volt", "vcc", "vdd"]) => Measure::Power,
        () if SUPPLY.contains(&event.kind) => Measure::Power,
        () => Measure::Unknown,
    }
}

/// A sensor beyond its limit. Temperatures, voltages and powers have two; a fan that is fast is none.
fn threshold(event: &Event<'_>) -> Option<(Code, Severity)> {
    let up = event.has("upper");
    let critical = event.has("critical") && !event.has("non-critical");
    let beyond = up && event.has("going high")
        || event.has("lower") && event.has("going low")
        || event.has("limit exceeded") && !event.has("not exceeded");
    if !beyond {
        return None;
    }
    let usual = if critical || event.has("non-recoverable") { Severity::Error } else { Severity::Warning };
    match measure(event) {
        Measure::Heat if up && event.has("non-recoverable") => Some((Code::ThermalCritical, Severity::Fatal)),
        Measure::Speed if up => None,
        Measure::Heat | Measure::Speed => Some((Code::ThermalSensorHigh, usual)),
        // The type of the sensor leaves the quantity open, and so does its name.
        Measure::Unknown if up => Some((Code::ThermalSensorHigh, usual)),
        Measure::Power | Measure::Unknown => Some((Code::PowerVoltageOutOfRange, usual)),
    }
}

/// A sensor that only tells how bad things are, and not how much there is of them.
fn transition(event: &Event<'_>) -> Option<(Code, Severity)> {
    let severity = match () {
        () if event.has("to non-recoverable") || event.has("to critical from less severe") => Severity::Error,
        () if event.has("to non-critical from ok") || event.has("to degraded") || event.has("install error") => {
            Severity::Warning
        }
        () => return None,
    };
    match measure(event) {
        Measure::Heat | Measure::Speed => Some((Code::ThermalSensorHigh, severity)),
        Measure::Power if SUPPLY.contains(&event.kind) => Some((Code::PowerPsuFailed, severity)),
        Measure::Power => Some((Code::PowerVoltageOutOfRange, severity)),
        Measure::Unknown => Some((Code::FirmwareErrorRecord, severity)),
    }
}

/// The module in a sensor's name: `DIMM_F1` of `ECC DIMM_F1`.
fn dimm(name: &str) -> Option<&str> {
    let at = name.to_ascii_uppercase().find("DIMM")?;
    let from = name[..at].rfind(' ').map_or(0, |space| space + 1);
    Some(name[from..].trim_matches(['(', ')', ' ']))
}
