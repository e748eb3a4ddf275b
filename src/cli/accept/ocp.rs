//! A judgement in the form of OCP Test & Validation: one step, a measurement and a diagnosis for each deviation.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::acceptance::{Deviation, Judgement, Machine, Verdict};
use crate::ocp::{
    Diagnosis, Dut, Ending, Failure, Finding, Hardware, Limit, Measurement, Metadata, Run, Severity, StepEnding,
    Validator, Value, Writer,
};

/// Writes a judgement.
pub(super) fn write(out: impl Write, judged: &Judgement, machine: &Machine) -> io::Result<()> {
    let parts = parts(judged);
    let mut writer = Writer::begin(out, &run(judged, machine, &parts), Timestamp::now)?;
    let step = writer.step("acceptance")?;
    for deviation in &judged.deviations {
        let hardware = parts.iter().position(|part| *part == part_of(deviation.what, &deviation.place));
        let mut measurement =
            Measurement::new(format!("{}.{}", deviation.what, deviation.key), Value::Text(deviation.found.clone()));
        measurement.hardware = hardware;
        measurement.metadata = metadata(&[("ordered", &deviation.expected), ("next", &deviation.next)]);
        writer.measurement(&step, &measurement)?;
        let finding = if deviation.severity == "fail" { Finding::Fail } else { Finding::Unknown };
        let message = format!("{} {}", deviation.what, deviation.sentence());
        writer.diagnosis(
            &step,
            &Diagnosis { verdict: code(deviation), finding, message: Some(message.clone()), hardware },
        )?;
        if finding == Finding::Unknown {
            let severity = if deviation.severity == "warn" { Severity::Warning } else { Severity::Info };
            writer.log(&step, severity, &message)?;
        }
    }
    for unknown in &judged.unknown {
        let place = if unknown.place.is_empty() { String::new() } else { format!(" at {}", unknown.place) };
        let message = format!("{} {}{place}: {}", unknown.what, unknown.key, unknown.reason);
        writer.failure(&step, &Failure { symptom: "fact-unknown".to_owned(), message })?;
    }
    counts(&mut writer, &step, judged)?;
    let (of_step, ending) = match judged.verdict() {
        Verdict::Accepted | Verdict::Noted => (StepEnding::Complete, Ending::Passed),
        Verdict::Rejected => (StepEnding::Complete, Ending::Failed),
        Verdict::Incomplete => (StepEnding::Broken, Ending::Broken),
    };
    writer.end_step(step, of_step)?;
    writer.end(ending)
}

/// How many expectations there were, and how many of them the machine does not meet.
fn counts<W: Write>(writer: &mut Writer<W>, step: &crate::ocp::Step, judged: &Judgement) -> io::Result<()> {
    let failed = judged.deviations.iter().filter(|deviation| deviation.severity == "fail").count();
    let none =
        || Validator { name: Some(format!("profile {}", judged.profile)), limit: Limit::Equal(Value::Number(0.0)) };
    for (name, count, validators) in [
        ("expectations", judged.checked, Vec::new()),
        ("deviations", failed, vec![none()]),
        ("unknown", judged.unknown.len(), vec![none()]),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "a profile has few expectations")]
        let mut measurement = Measurement::new(name, Value::Number(count as f64));
        measurement.unit = Some("count".to_owned());
        measurement.validators = validators;
        writer.measurement(step, &measurement)?;
    }
    if judged.verdict() == Verdict::Accepted {
        let message = Some(format!("as ordered by profile {}", judged.profile));
        let verdict = "bom-accepted".to_owned();
        writer.diagnosis(step, &Diagnosis { verdict, finding: Finding::Pass, message, hardware: None })?;
    }
    Ok(())
}

fn run(judged: &Judgement, machine: &Machine, parts: &[Hardware]) -> Run {
    let name = if judged.machine.is_empty() { "this-machine" } else { &judged.machine };
    let system = &machine.system;
    Run {
        name: "shakedown-accept".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command_line: std::env::args().collect::<Vec<_>>().join(" "),
        parameters: metadata(&[("profile", &judged.profile)]),
        dut: Dut {
            id: name.to_owned(),
            name: Some(name.to_owned()),
            hardware: parts.to_vec(),
            metadata: metadata(&[("vendor", &system.vendor), ("product", &system.product), ("sku", &system.sku)]),
        },
    }
}

fn metadata(pairs: &[(&str, &str)]) -> Metadata {
    let known = pairs.iter().filter(|(_, value)| !value.is_empty());
    known.map(|(key, value)| ((*key).to_owned(), Json::from(*value))).collect()
}

/// The parts that the judgement speaks of, each once.
fn parts(judged: &Judgement) -> Vec<Hardware> {
    let mut parts: Vec<Hardware> = Vec::new();
    for deviation in &judged.deviations {
        let part = part_of(deviation.what, &deviation.place);
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts
}

fn part_of(what: &str, place: &str) -> Hardware {
    let part_type = match what {
        "cpu" => Some("CPU"),
        "memory" => Some("DIMM"),
        "nic" => Some("NIC"),
        "gpu" => Some("GPU"),
        "pci" => Some("PCIe"),
        _ => None,
    };
    let location = (!place.is_empty()).then(|| place.to_owned());
    Hardware { name: format!("{what} {place}").trim().to_owned(), location, part_type }
}

/// A word that can be counted over a fleet: `bom-memory-size`.
fn code(deviation: &Deviation) -> String {
    let word = |text: &str| text.replace(['_', '.'], "-").to_lowercase();
    if deviation.what == "measure" {
        "bom-figure".to_owned()
    } else {
        format!("bom-{}-{}", word(deviation.what), word(&deviation.key))
    }
}
