//! The stream of artifacts of one run.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::artifact::{Diagnosis, Finding, Measurement, SeriesStart, Severity, Value};
use super::dut::Dut;

/// The first artifact of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Start<'a> {
    /// Name of the program or test.
    pub name: &'a str,
    /// Version of the program or test.
    pub version: &'a str,
    /// The command line, without secrets.
    pub command_line: &'a str,
    /// Parameters.
    pub parameters: &'a serde_json::Map<String, serde_json::Value>,
    /// The device under test.
    pub dut_info: &'a Dut,
}

/// How far a run came. The result follows from this and the diagnoses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Every test ended: `PASS`, or `FAIL` after a diagnosis [`Finding::Fail`].
    Complete,
    /// Some test could not be done or has no end.
    Error,
    /// Nothing was tested, or somebody stopped the run.
    Skipped,
}

/// How a step ended. A diagnosis says what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StepEnd {
    /// The step came to its end.
    Complete,
    /// The step could not be done.
    Error,
    /// The step had nothing to do here.
    Skip,
}

/// An open step of a run.
#[derive(Debug)]
#[must_use = "a step must be ended"]
pub struct Step(u64);

/// An open series of measurements in a step.
#[derive(Debug)]
#[must_use = "a series must be ended"]
pub struct Series {
    step: u64,
    id: String,
    /// Elements until now.
    count: u64,
}

/// Writer of one run. Every artifact is one flushed line.
#[derive(Debug)]
pub struct Run<W> {
    out: W,
    /// Number of the next line.
    sequence: u64,
    /// Number of the next step, and of the next series.
    next_step: u64,
    next_series: u64,
    /// Steps without an end.
    open: Vec<u64>,
    has_failure: bool,
    /// Time of the artifacts; `None` takes the clock's.
    time: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(flatten)]
    root: Root<'a>,
    sequence_number: u64,
    timestamp: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Root<'a> {
    SchemaVersion { major: u32, minor: u32 },
    TestRunArtifact(OfRun<'a>),
    TestStepArtifact(OfStep<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum OfRun<'a> {
    TestRunStart(&'a Start<'a>),
    TestRunEnd { status: &'static str, result: &'static str },
    Error { symptom: &'a str, message: &'a str },
    Log { severity: Severity, message: &'a str },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfStep<'a> {
    test_step_id: String,
    #[serde(flatten)]
    kind: StepKind<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum StepKind<'a> {
    TestStepStart { name: &'a str },
    TestStepEnd { status: StepEnd },
    Measurement(&'a Measurement),
    MeasurementSeriesStart(OfSeries<&'a SeriesStart>),
    MeasurementSeriesElement(OfSeries<Element<'a>>),
    MeasurementSeriesEnd(OfSeries<Total>),
    Extension { name: &'a str, content: &'a Map<String, Json> },
    Diagnosis(&'a Diagnosis),
    Error { symptom: &'a str, message: &'a str },
    Log { severity: Severity, message: &'a str },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfSeries<T> {
    measurement_series_id: String,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct Element<'a> {
    index: u64,
    value: Value,
    timestamp: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: &'a Map<String, Json>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    total_count: u64,
}

impl<W: Write> Run<W> {
    /// Begins a run. `time` is the time of the artifacts until [`Run::at`] sets another; `None` takes the clock's.
    ///
    /// # Errors
    /// When the output cannot be written; so does every other method.
    pub fn begin(out: W, time: Option<Timestamp>, start: &Start<'_>) -> io::Result<Self> {
        let mut run =
            Run { out, sequence: 0, next_step: 0, next_series: 0, open: Vec::new(), has_failure: false, time };
        run.write(Root::SchemaVersion { major: 2, minor: 0 })?;
        run.write(Root::TestRunArtifact(OfRun::TestRunStart(start)))?;
        Ok(run)
    }

    /// Sets the time of the artifacts that follow, for a run that is over.
    pub fn at(&mut self, time: Timestamp) {
        self.time = Some(time);
    }

    /// Begins a step. Several steps may be open at once.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn begin_step(&mut self, name: &str) -> io::Result<Step> {
        let id = self.next_step;
        self.next_step += 1;
        self.open.push(id);
        let step = Step(id);
        self.of_step(&step, StepKind::TestStepStart { name })?;
        Ok(step)
    }

    /// Writes a measurement.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn measure(&mut self, step: &Step, measurement: &Measurement) -> io::Result<()> {
        self.of_step(step, StepKind::Measurement(measurement))
    }

    /// Begins a series of measurements in a step.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn begin_series(&mut self, step: &Step, start: &SeriesStart) -> io::Result<Series> {
        let series = Series { step: step.0, id: self.next_series.to_string(), count: 0 };
        self.next_series += 1;
        let what = OfSeries { measurement_series_id: series.id.clone(), what: start };
        self.of_step(step, StepKind::MeasurementSeriesStart(what))?;
        Ok(series)
    }

    /// Writes the next value of a series, with facts of it alone.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn element(&mut self, series: &mut Series, value: f64, metadata: &Map<String, Json>) -> io::Result<()> {
        let element = Element { index: series.count, value: value.into(), timestamp: self.timestamp(), metadata };
        series.count += 1;
        let what = OfSeries { measurement_series_id: series.id.clone(), what: element };
        self.of_step(&Step(series.step), StepKind::MeasurementSeriesElement(what))
    }

    /// Ends a series, before its step ends.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn end_series(&mut self, series: Series) -> io::Result<()> {
        let what = OfSeries { measurement_series_id: series.id, what: Total { total_count: series.count } };
        self.of_step(&Step(series.step), StepKind::MeasurementSeriesEnd(what))
    }

    /// Writes what the format has no artifact for. The documentation of this program tells the content of each name.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn extension(&mut self, step: &Step, name: &str, content: &Map<String, Json>) -> io::Result<()> {
        self.of_step(step, StepKind::Extension { name, content })
    }

    /// Writes a conclusion about hardware. The measurements that prove it come before it.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn diagnose(&mut self, step: &Step, diagnosis: &Diagnosis) -> io::Result<()> {
        self.has_failure |= diagnosis.finding == Finding::Fail;
        self.of_step(step, StepKind::Diagnosis(diagnosis))
    }

    /// Writes an error of software, or of anything that is no hardware; of the run where `step` is `None`. `symptom` is a stable identifier.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn error(&mut self, step: Option<&Step>, symptom: &str, message: &str) -> io::Result<()> {
        match step {
            Some(step) => self.of_step(step, StepKind::Error { symptom, message }),
            None => self.write(Root::TestRunArtifact(OfRun::Error { symptom, message })),
        }
    }

    /// Writes a line of the log; of the run where `step` is `None`.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn log(&mut self, step: Option<&Step>, severity: Severity, message: &str) -> io::Result<()> {
        match step {
            Some(step) => self.of_step(step, StepKind::Log { severity, message }),
            None => self.write(Root::TestRunArtifact(OfRun::Log { severity, message })),
        }
    }

    /// Ends a step.
    ///
    /// # Errors
    /// When the output cannot be written.
    #[allow(clippy::needless_pass_by_value, reason = "a step ends once")]
    pub fn end_step(&mut self, step: Step, status: StepEnd) -> io::Result<()> {
        self.open.retain(|id| *id != step.0);
        self.of_step(&step, StepKind::TestStepEnd { status })
    }

    /// Ends the run. Steps that are still open end as errors, and so does the run then.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn end(mut self, completion: Completion) -> io::Result<W> {
        let has_open = !self.open.is_empty();
        for id in std::mem::take(&mut self.open) {
            self.of_step(&Step(id), StepKind::TestStepEnd { status: StepEnd::Error })?;
        }
        let (status, result) = match (completion, self.has_failure) {
            (Completion::Complete, _) if has_open => ("ERROR", "NOT_APPLICABLE"),
            (Completion::Complete, true) => ("COMPLETE", "FAIL"),
            (Completion::Complete, false) => ("COMPLETE", "PASS"),
            (Completion::Error, _) => ("ERROR", "NOT_APPLICABLE"),
            (Completion::Skipped, _) => ("SKIP", "NOT_APPLICABLE"),
        };
        self.write(Root::TestRunArtifact(OfRun::TestRunEnd { status, result }))?;
        Ok(self.out)
    }

    fn of_step(&mut self, step: &Step, kind: StepKind<'_>) -> io::Result<()> {
        self.write(Root::TestStepArtifact(OfStep { test_step_id: step.0.to_string(), kind }))
    }

    fn timestamp(&self) -> String {
        format!("{:.6}", self.time.unwrap_or_else(Timestamp::now))
    }

    fn write(&mut self, root: Root<'_>) -> io::Result<()> {
        let timestamp = self.timestamp();
        let mut line = serde_json::to_vec(&Line { root, sequence_number: self.sequence, timestamp })?;
        line.push(b'\n');
        self.sequence += 1;
        self.out.write_all(&line)?;
        self.out.flush()
    }
}
