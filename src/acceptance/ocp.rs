//! A judgement as Test & Validation output of the Open Compute Project: one step, one measurement for each value that was compared, and
//! one diagnosis for each deviation (`docs/ocp.md`).

use std::io;

use serde_json::Map;

use super::profile::Severity as Weight;
use super::verdict::{Deviation, Judgement, Verdict};
use crate::ocp::{
    Completion, Diagnosis, Dut, Finding, Hardware, HardwareId, Measurement, Run, Severity, Start, Step, StepEnd,
    Validator,
};

/// Writes a judgement. `command_line` is the command that led to it.
///
/// # Errors
/// When the output cannot be written.
pub fn lines<W: io::Write>(judged: &Judgement, command_line: &str, out: W) -> io::Result<W> {
    let mut listed = Listed::new(judged);
    let measurements = measurements(judged, &mut listed);
    let diagnoses: Vec<(Diagnosis, Option<String>)> =
        judged.deviations.iter().map(|deviation| diagnosis(deviation, &mut listed)).collect();
    let parameters = Map::from_iter([("profile".to_owned(), judged.profile.as_str().into())]);
    let start = Start {
        name: "shakedown-accept",
        version: env!("CARGO_PKG_VERSION"),
        command_line,
        parameters: &parameters,
        dut_info: &listed.dut,
    };
    let mut run = Run::begin(out, None, &start)?;
    let step = run.begin_step("acceptance")?;
    for measurement in &measurements {
        run.measure(&step, measurement)?;
    }
    for (diagnosis, warning) in &diagnoses {
        run.diagnose(&step, diagnosis)?;
        if let Some(text) = warning {
            run.log(Some(&step), Severity::Warning, text)?;
        }
    }
    let end = conclude(&mut run, &step, judged)?;
    run.end_step(step, end)?;
    run.end(if end == StepEnd::Error { Completion::Error } else { Completion::Complete })
}

/// The conclusion on the whole machine. An unknown value is never accepted.
fn conclude<W: io::Write>(run: &mut Run<W>, step: &Step, judged: &Judgement) -> io::Result<StepEnd> {
    for unknown in &judged.unknown {
        let text = format!("{} {} {}: {}", unknown.what, unknown.place, unknown.key, unknown.reason);
        run.error(Some(step), "value-not-known", &text)?;
    }
    let (finding, verdict) = match judged.verdict() {
        Verdict::Accepted | Verdict::Noted => (Finding::Pass, "bom-accepted"),
        Verdict::Rejected => (Finding::Fail, "bom-rejected"),
        Verdict::Incomplete => (Finding::Unknown, "bom-incomplete"),
    };
    let diagnosis = Diagnosis { verdict: verdict.to_owned(), finding, message: judged.headline(), hardware: None };
    run.diagnose(step, &diagnosis)?;
    Ok(if finding == Finding::Unknown { StepEnd::Error } else { StepEnd::Complete })
}

/// The device under test while its hardware is being listed.
struct Listed {
    dut: Dut,
}

impl Listed {
    fn new(judged: &Judgement) -> Self {
        let name = if judged.machine.is_empty() { "this machine" } else { &judged.machine };
        Listed { dut: Dut::new(name).named(&judged.machine) }
    }

    /// The device of a kind at a place; `None` for the machine itself.
    fn device(&mut self, what: &str, place: &str) -> Option<HardwareId> {
        let is_device = !place.is_empty() && place != "this machine";
        is_device.then(|| {
            let (name, location) = (format!("{what} {place}"), place.to_owned());
            let part_type = part_type(what).to_owned();
            self.dut.hardware(Hardware { name, location, part_type, ..Hardware::default() })
        })
    }
}

/// Part type in the words that databases of such results use; other kinds keep the word of the profile.
fn part_type(what: &str) -> &str {
    match what {
        "cpu" => "CPU",
        "memory" => "DIMM",
        "nic" => "NIC",
        "gpu" => "GPU",
        "pci" => "PCIe",
        other => other,
    }
}

fn measurements(judged: &Judgement, listed: &mut Listed) -> Vec<Measurement> {
    let kept = judged.kept.iter().map(|kept| (kept.what, &kept.key, &kept.place, &kept.expected, &kept.found));
    let odd = judged.deviations.iter().map(|odd| (odd.what, &odd.key, &odd.place, &odd.expected, &odd.found));
    let values = kept.chain(odd).map(|(what, key, place, expected, found)| Measurement {
        hardware: listed.device(what, place),
        metadata: Map::from_iter([("ordered".to_owned(), expected.as_str().into())]),
        ..Measurement::new(format!("{what}.{key}"), found.as_str())
    });
    let values: Vec<Measurement> = values.collect();
    let count = |name: &str, count: usize, limit: &'static str| Measurement {
        unit: Some("count"),
        validators: vec![Validator::equal(limit, 0)],
        ..Measurement::new(name, count as u64)
    };
    let rejecting = judged.deviations.iter().filter(|odd| odd.severity == Weight::Fail).count();
    let mut all = values;
    all.push(count("deviations", rejecting, "no deviation is accepted"));
    all.push(count("unknown values", judged.unknown.len(), "no unknown value is accepted"));
    all
}

/// The diagnosis of a deviation, and a warning for one that does not reject the machine.
fn diagnosis(odd: &Deviation, listed: &mut Listed) -> (Diagnosis, Option<String>) {
    let text = format!("{} {}. Next: {}", odd.what, odd.sentence(), odd.next);
    let is_failure = odd.severity == Weight::Fail;
    let key: String =
        odd.key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let diagnosis = Diagnosis {
        // Figures have names of their own, which nobody could count over a fleet.
        verdict: if odd.what == "measure" { "bom-figure".to_owned() } else { format!("bom-{}-{key}", odd.what) },
        finding: if is_failure { Finding::Fail } else { Finding::Unknown },
        message: text.clone(),
        hardware: listed.device(odd.what, &odd.place),
    };
    (diagnosis, (odd.severity == Weight::Warn).then_some(text))
}
