//! Output in the form of OCP Test & Validation 2.0: one JSON artifact a line. Its sources are the specification and the schemas of
//! `opencomputeproject/ocp-diag-core`.
//!
//! Pure: a caller gives the writer and the time. Types keep to the rules that the schema does not know: the version comes first and once,
//! numbers have no gap, a step begins and ends once, nothing comes after the end, and only allowed endings can be said.

mod artifact;

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value as Json, json};

pub use artifact::{
    Diagnosis, Dut, Ending, Failure, Finding, Hardware, Limit, Measurement, Metadata, Run, Severity, StepEnding,
    Validator, Value,
};

/// Version of the form, major and minor. The schema takes exactly these.
const VERSION: (u64, u64) = (2, 0);

/// Writes a run, each artifact as soon as it is known. A reader takes a run without end for an error, so [`Writer::end`] belongs to it
/// whatever happens.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    clock: fn() -> Timestamp,
    sequence: u64,
    steps: u64,
    open: Vec<u64>,
}

/// A step that has begun. Artifacts are written to it until [`Writer::end_step`] takes it.
#[derive(Debug)]
#[must_use = "a step has to be ended"]
pub struct Step(u64);

impl<W: Write> Writer<W> {
    /// Begins a run: writes the version of the form and what is tested. `clock` tells the time of each artifact.
    ///
    /// # Errors
    /// As the writer.
    pub fn begin(out: W, run: &Run, clock: fn() -> Timestamp) -> io::Result<Writer<W>> {
        let mut writer = Writer { out, clock, sequence: 0, steps: 0, open: Vec::new() };
        writer.line("schemaVersion", &json!({"major": VERSION.0, "minor": VERSION.1}))?;
        let hardware = run.dut.hardware.iter().enumerate().map(|(number, part)| {
            let mut part = json!(part);
            part["hardwareInfoId"] = number.to_string().into();
            part
        });
        let software = json!([{"softwareInfoId": "0", "name": "shakedown", "version": run.version, "softwareType": "APPLICATION"}]);
        let mut dut =
            json!({"dutInfoId": run.dut.id, "softwareInfos": software, "hardwareInfos": hardware.collect::<Vec<_>>()});
        if let Some(name) = &run.dut.name {
            dut["name"] = name.as_str().into();
        }
        if !run.dut.metadata.is_empty() {
            dut["metadata"] = Json::Object(run.dut.metadata.clone());
        }
        let start = json!({"name": run.name, "version": run.version, "commandLine": run.command_line, "parameters": run.parameters, "dutInfo": dut});
        writer.line("testRunArtifact", &json!({"testRunStart": start}))?;
        Ok(writer)
    }

    /// Begins a step.
    ///
    /// # Errors
    /// As the writer.
    pub fn step(&mut self, name: &str) -> io::Result<Step> {
        let step = Step(self.steps);
        self.steps += 1;
        self.open.push(step.0);
        self.of_step(&step, "testStepStart", &json!({"name": name}))?;
        Ok(step)
    }

    /// Writes a measurement of a step.
    ///
    /// # Errors
    /// As the writer.
    pub fn measurement(&mut self, step: &Step, measurement: &Measurement) -> io::Result<()> {
        self.of_step(step, "measurement", &json!(measurement))
    }

    /// Writes a diagnosis of a step.
    ///
    /// # Errors
    /// As the writer.
    pub fn diagnosis(&mut self, step: &Step, diagnosis: &Diagnosis) -> io::Result<()> {
        self.of_step(step, "diagnosis", &json!(diagnosis))
    }

    /// Writes an error of a step.
    ///
    /// # Errors
    /// As the writer.
    pub fn failure(&mut self, step: &Step, failure: &Failure) -> io::Result<()> {
        self.of_step(step, "error", &json!(failure))
    }

    /// Writes a line of the log of a step.
    ///
    /// # Errors
    /// As the writer.
    pub fn log(&mut self, step: &Step, severity: Severity, message: &str) -> io::Result<()> {
        self.of_step(step, "log", &json!({"severity": severity, "message": message}))
    }

    /// Ends a step.
    ///
    /// # Errors
    /// As the writer.
    #[expect(clippy::needless_pass_by_value, reason = "nothing can be written to a step that has ended")]
    pub fn end_step(&mut self, step: Step, ending: StepEnding) -> io::Result<()> {
        self.open.retain(|open| *open != step.0);
        self.of_step(&step, "testStepEnd", &json!({"status": ending}))
    }

    /// Ends the run. Steps that are still open end before it: as broken if the run is, otherwise as skipped.
    ///
    /// # Errors
    /// As the writer.
    pub fn end(mut self, ending: Ending) -> io::Result<()> {
        let of_steps = if ending == Ending::Broken { StepEnding::Broken } else { StepEnding::Skipped };
        for step in std::mem::take(&mut self.open) {
            self.end_step(Step(step), of_steps)?;
        }
        let (status, result) = match ending {
            Ending::Passed => ("COMPLETE", "PASS"),
            Ending::Failed => ("COMPLETE", "FAIL"),
            Ending::Broken => ("ERROR", "NOT_APPLICABLE"),
            Ending::Skipped => ("SKIP", "NOT_APPLICABLE"),
        };
        self.line("testRunArtifact", &json!({"testRunEnd": {"status": status, "result": result}}))
    }

    fn of_step(&mut self, step: &Step, kind: &str, content: &Json) -> io::Result<()> {
        self.line("testStepArtifact", &json!({"testStepId": step.0.to_string(), kind: content}))
    }

    fn line(&mut self, kind: &str, content: &Json) -> io::Result<()> {
        let time = (self.clock)().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let artifact = json!({kind: content, "sequenceNumber": self.sequence, "timestamp": time});
        self.sequence += 1;
        writeln!(self.out, "{artifact}")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(write: impl FnOnce(Writer<&mut Vec<u8>>)) -> Vec<Json> {
        let mut bytes = Vec::new();
        let run = Run { name: "x".to_owned(), dut: Dut { id: "m".to_owned(), ..Dut::default() }, ..Run::default() };
        write(Writer::begin(&mut bytes, &run, || Timestamp::UNIX_EPOCH).expect("memory"));
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    #[test]
    fn a_run_begins_with_its_version_and_its_numbers_have_no_gap() {
        let lines = lines(|mut writer| {
            let step = writer.step("one\nline").expect("memory");
            writer.end_step(step, StepEnding::Complete).expect("memory");
            writer.end(Ending::Passed).expect("memory");
        });
        assert_eq!(lines[0]["schemaVersion"], json!({"major": 2, "minor": 0}));
        let numbers: Vec<u64> = lines.iter().filter_map(|line| line["sequenceNumber"].as_u64()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert_eq!(lines[0]["timestamp"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(lines[4]["testRunArtifact"]["testRunEnd"], json!({"status": "COMPLETE", "result": "PASS"}));
    }

    #[test]
    fn a_step_that_nobody_ended_ends_with_the_run() {
        let lines = lines(|mut writer| {
            let _step = writer.step("x").expect("memory");
            writer.end(Ending::Broken).expect("memory");
        });
        assert_eq!(lines[3]["testStepArtifact"]["testStepEnd"], json!({"status": "ERROR"}));
    }

    #[test]
    fn what_is_not_known_is_left_out_and_what_is_no_number_is_a_text() {
        let mut measurement = Measurement::new("rate", Value::Number(f64::INFINITY));
        measurement.validators.push(Validator { name: None, limit: Limit::GreaterThanOrEqual(2.0) });
        let expected =
            json!({"name": "rate", "value": "inf", "validators": [{"type": "GREATER_THAN_OR_EQUAL", "value": 2.0}]});
        assert_eq!(json!(measurement), expected);
        measurement.hardware = Some(3);
        assert_eq!(json!(measurement)["hardwareInfoId"], "3");
    }
}
