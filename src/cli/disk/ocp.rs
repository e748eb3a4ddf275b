//! Tested disks as Test & Validation output of the Open Compute Project: a step for each disk (`docs/ocp.md`).

use std::io;

use serde_json::Map;

use super::result;
use crate::disk::{Severity as Weight, Test, Tested, Verdict};
use crate::ocp::{
    Completion, Diagnosis, Dut, Finding, Hardware, HardwareId, Measurement, Run, Severity, Start, Step, StepEnd,
};

/// Writes what was found. With `stopped`, somebody ended the tests.
pub(super) fn lines<W: io::Write>(
    (test, tested, stopped): (Test, &[Tested], bool),
    machine: &str,
    command_line: &str,
    out: W,
) -> io::Result<()> {
    let mut dut = Dut::new(machine).named(machine);
    let hardware: Vec<HardwareId> = tested.iter().map(|one| dut.hardware(of(one))).collect();
    let parameters = Map::from_iter([("test".to_owned(), test.name().into())]);
    let version = env!("CARGO_PKG_VERSION");
    let start = Start { name: "shakedown-disk-test", version, command_line, parameters: &parameters, dut_info: &dut };
    let mut run = Run::begin(out, None, &start)?;
    for (one, hardware) in tested.iter().zip(&hardware) {
        let step = run.begin_step(&one.target.name)?;
        told(&mut run, &step, one, hardware)?;
        run.end_step(
            step,
            match one.verdict {
                Verdict::Error => StepEnd::Error,
                Verdict::NotSupported => StepEnd::Skip,
                _ => StepEnd::Complete,
            },
        )?;
    }
    let completion = match result::worst(tested) {
        _ if stopped => Completion::Skipped,
        Verdict::Error => Completion::Error,
        Verdict::NotSupported => Completion::Skipped,
        _ => Completion::Complete,
    };
    run.end(completion).map(drop)
}

fn of(one: &Tested) -> Hardware {
    Hardware {
        name: one.target.name.clone(),
        serial_number: one.serial(),
        manufacturer_part_number: one.model(),
        part_type: "disk".to_owned(),
        ..Hardware::default()
    }
}

fn told<W: io::Write>(run: &mut Run<W>, step: &Step, one: &Tested, hardware: &HardwareId) -> io::Result<()> {
    let report = one.report.as_ref();
    let values = [
        ("power_on_hours", "hours", report.and_then(|report| report.power_on_hours)),
        ("temperature", "°C", report.and_then(result::temperature).and_then(|celsius| u64::try_from(celsius).ok())),
        ("wear", "%", report.and_then(result::wear)),
    ];
    for (name, unit, value) in values {
        let Some(value) = value else { continue };
        let mut measurement = Measurement::new(name, value);
        (measurement.unit, measurement.hardware) = (Some(unit), Some(hardware.clone()));
        run.measure(step, &measurement)?;
    }
    for reason in one.health.iter().flat_map(|health| &health.reasons) {
        let message = format!("{} ({}). {}", reason.meaning, reason.seen, reason.next);
        let finding = match reason.severity {
            Weight::Failed => Finding::Fail,
            Weight::Degraded => Finding::Unknown,
            Weight::Info | Weight::NotSupported => {
                run.log(Some(step), Severity::Info, &message)?;
                continue;
            }
            Weight::Error => {
                run.error(Some(step), reason.code, &message)?;
                continue;
            }
        };
        diagnose(run, step, reason.code, (finding, message), hardware)?;
    }
    if let Some(problem) = &one.problem {
        run.error(Some(step), "disk-not-judged", &format!("{} {}", problem.what, problem.next_step))?;
    }
    let finding = match one.verdict {
        Verdict::Healthy => Finding::Pass,
        Verdict::Failed => Finding::Fail,
        Verdict::Degraded | Verdict::Error | Verdict::NotSupported => Finding::Unknown,
    };
    let message = one.reason().unwrap_or_else(|| "Nothing is wrong with it.".to_owned());
    diagnose(run, step, &format!("disk-{}", one.verdict.name()), (finding, message), hardware)
}

fn diagnose<W: io::Write>(
    run: &mut Run<W>,
    step: &Step,
    verdict: &str,
    (finding, message): (Finding, String),
    hardware: &HardwareId,
) -> io::Result<()> {
    if finding == Finding::Unknown {
        run.log(Some(step), Severity::Warning, &message)?;
    }
    let hardware = Some(hardware.clone());
    run.diagnose(step, &Diagnosis { verdict: verdict.to_owned(), finding, message, hardware })
}
