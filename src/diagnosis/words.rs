//! Meaning and next step of an incident, where its lines say more than its code does.

use super::code::{Code, Severity};
use super::finding::Finding;
use super::judge::Incident;
use super::stories::code_of_xid;

/// Meaning and next step.
type Words = (&'static str, &'static str);

impl Incident {
    /// The meaning of the incident, as a sentence.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        words(self.code, self.severity, &self.lines).0
    }

    /// The next step for the operator.
    #[must_use]
    pub fn next(&self) -> &'static str {
        words(self.code, self.severity, &self.lines).1
    }
}

impl Finding {
    /// The meaning of the finding, as a sentence.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        words(self.code, self.severity, self.line.as_slice()).0
    }

    /// The next step for the operator.
    #[must_use]
    pub fn next(&self) -> &'static str {
        words(self.code, self.severity, self.line.as_slice()).1
    }
}

fn words(code: Code, severity: Severity, lines: &[String]) -> Words {
    let any = |part: &str| lines.iter().any(|line| line.contains(part));
    let all = |part: &str| !lines.is_empty() && lines.iter().all(|line| line.contains(part));
    let usual = (code.meaning(), code.next());
    match code {
        Code::NetAdapterReset if severity == Severity::Fatal => (
            "the network card left the PCIe bus",
            "reseat the card and check the power of its slot; power-cycle the machine; replace the card if it is lost again",
        ),
        Code::CpuMceFatal if any("SError") => (
            "a CPU took an error of the hardware that does not name its cause (SError), and stopped what ran",
            "read the records of the firmware and the BMC event log; test memory and the devices in use at that time",
        ),
        Code::KernelPanic if any("Watchdog") => (
            "the watchdog of the BMC expired: the machine did not react any more",
            "read pstore and the log of the start before; look for a hang",
        ),
        Code::FirmwareErrorRecord if all(" | ") => (
            "the BMC or the firmware recorded a fault of the machine, which the event names",
            "check the part that the event names, with the maker's manual",
        ),
        Code::ThermalSensorHigh if all(" | ") => sensor(lines).unwrap_or(usual),
        Code::PowerVoltageOutOfRange if any("Watts") => (
            "a part draws more or less power than its limits allow",
            "check the part that the sensor names, its power supply and the power limits in the BMC",
        ),
        Code::PowerVoltageOutOfRange if all("Current ") || all("Amps") => {
            ("a current is outside its limits", "check the power supply and what it feeds; do not trust results")
        }
        Code::GpuApplicationFault => cause(lines).unwrap_or(usual),
        _ => usual,
    }
}

/// A sensor of heat or cooling, by the direction in which it left its limits.
fn sensor(lines: &[String]) -> Option<Words> {
    let all = |part: &str| lines.iter().all(|line| line.to_ascii_lowercase().contains(part));
    let is_fan = lines.iter().all(|line| line.to_ascii_lowercase().contains("fan") || line.contains("RPM"));
    match () {
        () if all("redundan") => {
            Some(("the machine runs without a spare fan", "replace the fan that failed before another one does"))
        }
        () if all("going low") && is_fan => {
            Some(("a fan is slower than its limit", "check the fan: dust, cable, bearing; replace it"))
        }
        () if all("going low") => Some((
            "a temperature is below its limit",
            "check the sensor and the air that flows in; a cold machine needs no cooling",
        )),
        () if lines.iter().any(|line| line.contains("going low")) => {
            Some(("a sensor left its limits in both directions", "check the sensor, then airflow and fans"))
        }
        () => None,
    }
}

/// The advice for a program that was cut off because of an earlier error of the card: that error's.
fn cause(lines: &[String]) -> Option<Words> {
    let number = lines.iter().find_map(|line| {
        let (_, rest) = line.split_once("caused by previous Xid ")?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })?;
    let code = code_of_xid(number).filter(|code| *code != Code::GpuApplicationFault)?;
    Some((
        "a program was cut off because of an earlier error of the GPU, whose number (Xid) the line names",
        code.next(),
    ))
}
