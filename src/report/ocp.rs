//! A run as Test & Validation output of the Open Compute Project: one step for each script result (`docs/ocp.md`).

use std::io;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::model::{Disk, Grade, Report, TestResult};
use crate::journal::RunEnd;
use crate::ocp::{
    Completion, Diagnosis, Dut, Finding, Hardware, HardwareId, Measurement, Run, Severity, Start, Step, StepEnd, Value,
};
use crate::script::Status;

type Output = Run<Vec<u8>>;

/// The output as text. Writing to memory cannot fail.
pub(super) fn lines(report: &Report) -> String {
    written(report).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn written(report: &Report) -> io::Result<Vec<u8>> {
    let mut dut = dut(report);
    let disks: Vec<(&Disk, HardwareId)> =
        report.disks.iter().map(|disk| (disk, dut.hardware(hardware(disk)))).collect();
    let parameters: Map<String, Json> =
        [("run", Json::from(report.run.id)), ("region", Json::from(report.run.region.as_str()))]
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect();
    let start = Start {
        name: "shakedown-run",
        version: env!("CARGO_PKG_VERSION"),
        command_line: "shakedown run",
        parameters: &parameters,
        dut_info: &dut,
    };
    let mut run = Run::begin(Vec::new(), time(&report.run.started), &start)?;
    for result in &report.results {
        of_result(&mut run, result, &disks)?;
    }
    if let Some(ended) = report.run.ended.as_deref().and_then(time) {
        run.at(ended);
    }
    for problem in report.problems.iter().filter(|problem| problem.result.is_none()) {
        let text = format!("{}: {}: {}. Next: {}", problem.what, problem.status, problem.reason, problem.next);
        match problem.grade {
            Grade::Failed | Grade::Unfinished => run.error(None, "run-not-complete", &text)?,
            _ => run.log(None, Severity::Warning, &text)?,
        }
    }
    run.end(completion(report))
}

/// Nothing tested is no pass, and a run without an end has no result.
fn completion(report: &Report) -> Completion {
    let has_result = |result: &TestResult| {
        matches!(result.status, Status::Passed | Status::Degraded | Status::Failed | Status::TimedOut)
    };
    let has_no_end = report.results.iter().any(|result| step_end(result.status) == StepEnd::Error);
    match report.run.end {
        Some(RunEnd::Stopped) => Completion::Skipped,
        _ if !report.run.is_complete || has_no_end => Completion::Error,
        _ if !report.results.iter().any(has_result) => Completion::Skipped,
        _ => Completion::Complete,
    }
}

fn dut(report: &Report) -> Dut {
    let machine = &report.machine;
    let id = machine.system_id.as_deref().unwrap_or(&machine.hostname);
    Dut::new(if id.is_empty() { "unknown" } else { id }).named(&machine.hostname)
}

fn hardware(disk: &Disk) -> Hardware {
    Hardware {
        name: disk.name.clone(),
        serial_number: disk.serial.clone(),
        manufacturer_part_number: disk.model.clone(),
        part_type: "disk".to_owned(),
        ..Hardware::default()
    }
}

fn of_result(run: &mut Output, result: &TestResult, disks: &[(&Disk, HardwareId)]) -> io::Result<()> {
    if let Some(started) = result.started.as_deref().and_then(time) {
        run.at(started);
    }
    let step = run.begin_step(&result.subject)?;
    if let Some(ended) = result.ended.as_deref().and_then(time) {
        run.at(ended);
    }
    let own: Vec<&(&Disk, HardwareId)> = disks.iter().filter(|(disk, _)| disk.source == result.subject).collect();
    // Values of a script for one disk are that disk's.
    let device = if let [(_, id)] = own[..] { Some(id) } else { None };
    for measurement in measurements(result, device) {
        run.measure(&step, &measurement)?;
    }
    if !result.notes.trim().is_empty() {
        run.log(Some(&step), Severity::Warning, &result.notes)?;
    }
    judge(run, &step, result, device)?;
    run.end_step(step, step_end(result.status))
}

fn measurements(result: &TestResult, device: Option<&HardwareId>) -> Vec<Measurement> {
    let runtime = result.seconds.map(|seconds| {
        let measurement = Measurement::new("runtime", seconds);
        Measurement { unit: Some("s"), ..measurement }
    });
    let exit = result.exit_status.map(|exit| Measurement::new("exit status", f64::from(exit)));
    let values = result.values.iter().map(|value| {
        let measurement = Measurement::new(value.name.clone(), number(&value.value));
        Measurement { hardware: device.cloned(), ..measurement }
    });
    runtime.into_iter().chain(exit).chain(values).collect()
}

/// A number where the text is one and JSON keeps it, else the text.
fn number(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(number) if number.to_string() == text => Value::from(number),
        _ => Value::from(text),
    }
}

/// The conclusion: a diagnosis where the script tested something, an error where the script did not come to its end.
fn judge(run: &mut Output, step: &Step, result: &TestResult, device: Option<&HardwareId>) -> io::Result<()> {
    let reason = result.reason.as_deref().unwrap_or_default();
    let message = [result.status.name(), reason, result.next.as_deref().unwrap_or_default()];
    let message = message.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ");
    let mut diagnose = |verdict: &str, finding| {
        let diagnosis =
            Diagnosis { verdict: verdict.to_owned(), finding, message: message.clone(), hardware: device.cloned() };
        run.diagnose(step, &diagnosis)
    };
    match result.status {
        Status::Passed => diagnose("script-passed", Finding::Pass),
        Status::Failed => diagnose("script-failed", Finding::Fail),
        Status::TimedOut => diagnose("script-timed-out", Finding::Fail),
        // The machine works with a defect: `FAIL` would count it among the dead.
        Status::Degraded => {
            diagnose("script-degraded", Finding::Unknown)?;
            run.log(Some(step), Severity::Warning, &message)
        }
        Status::Skipped => run.log(Some(step), Severity::Info, &message),
        Status::FailedInstalling => run.error(Some(step), "packages-not-installed", &message),
        Status::FailedApplyingNetconf => run.error(Some(step), "network-configuration-failed", &message),
        Status::Aborted => run.error(Some(step), "script-aborted", &message),
        Status::Pending | Status::Running | Status::Installing | Status::ApplyingNetconf => {
            run.error(Some(step), "script-without-end", &message)
        }
    }
}

fn step_end(status: Status) -> StepEnd {
    match status {
        Status::Passed | Status::Failed | Status::TimedOut | Status::Degraded => StepEnd::Complete,
        Status::Skipped => StepEnd::Skip,
        _ => StepEnd::Error,
    }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
