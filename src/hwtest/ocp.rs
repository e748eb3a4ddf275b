//! A test as Test & Validation output of the Open Compute Project, written while the test runs (`docs/ocp.md`).

use std::io::{self, Write};
use std::time::Duration;

use serde_json::Map;

use super::metric::Metric;
use super::outcome::{Kind, Outcome};
use super::report::{Report, Series, Value};
use super::{Order, Tick};
use crate::ocp::{
    Completion, Diagnosis, Dut, Finding as Conclusion, Hardware, HardwareId, Measurement, Run, Series as Written,
    SeriesStart, Severity, Start, Step, StepEnd,
};

/// The output of one test, or of several: a step for each phase, and one for each verdict.
#[derive(Debug)]
pub struct Stream<W> {
    run: Run<W>,
    hardware: Vec<(Kind, HardwareId)>,
    phase: Option<(String, Step)>,
    /// The pace over the time, in a step beside those of the phases.
    pace: Option<(Step, Written)>,
    /// The hardware that is tested now.
    now: Option<Kind>,
}

/// Most values of all series along disks together: a line each, and a machine may have a hundred disks.
const MOST_VALUES: usize = 8192;

impl<W: Write> Stream<W> {
    /// Begins the output of tests that follow each other. `machine` is the identity of the machine, `command_line` the command that led to it.
    ///
    /// # Errors
    /// When the output cannot be written; so does every other method.
    pub fn begin(out: W, orders: &[Order], machine: &str, command_line: &str) -> io::Result<Self> {
        let mut dut = Dut::new(machine).named(machine);
        let mut part = |order: &Order| {
            let part_type = order.kind.word().to_owned();
            (order.kind, dut.hardware(Hardware { name: part_type.clone(), part_type, ..Hardware::default() }))
        };
        let hardware = orders.iter().map(&mut part).collect();
        let mut parameters = Map::new();
        if let Some(order) = orders.first() {
            parameters.insert("level".to_owned(), order.level.word().into());
            // As text: not every reader of JSON keeps so large a number exactly.
            parameters.insert("seed".to_owned(), format!("{:#x}", order.seed).into());
        }
        parameters.insert("seconds".to_owned(), orders.iter().map(|order| order.seconds).sum::<u64>().into());
        if let Some(fault) = orders.iter().find_map(|order| order.inject) {
            parameters.insert("inject".to_owned(), fault.to_string().into());
        }
        let start = Start {
            name: &match orders {
                [order] => format!("shakedown-{}", order.kind),
                _ => "shakedown-all".to_owned(),
            },
            version: env!("CARGO_PKG_VERSION"),
            command_line,
            parameters: &parameters,
            dut_info: &dut,
        };
        let now = orders.first().map(|order| order.kind);
        Ok(Stream { run: Run::begin(out, None, &start)?, hardware, phase: None, pace: None, now })
    }

    /// Sets the hardware that the following output is about.
    pub fn begin_test(&mut self, kind: Kind) {
        self.now = Some(kind);
    }

    /// A new phase is a new step.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn tick(&mut self, tick: &Tick) -> io::Result<()> {
        if self.phase.as_ref().is_some_and(|(name, _)| *name == tick.phase) {
            return Ok(());
        }
        self.end_phase(StepEnd::Complete)?;
        self.phase = Some((tick.phase.clone(), self.run.begin_step(&tick.phase)?));
        Ok(())
    }

    /// A value of the pace of the test, so long after its begin.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn pace(&mut self, tick: &Tick, after: Duration) -> io::Result<()> {
        let Some((rate, metric)) = tick.rate.as_ref().zip(self.now.and_then(Metric::throughput)) else { return Ok(()) };
        if self.pace.is_none() {
            let step = self.run.begin_step("throughput")?;
            let start = self.start(metric, "", "seconds");
            let series = self.run.begin_series(&step, &start)?;
            self.pace = Some((step, series));
        }
        let mut metadata = Map::new();
        metadata.insert("seconds".to_owned(), ((after.as_secs_f64() * 10.0).round() / 10.0).into());
        metadata.insert("phase".to_owned(), tick.phase.as_str().into());
        if let Some(celsius) = tick.celsius.filter(|celsius| celsius.is_finite()) {
            metadata.insert("celsius".to_owned(), celsius.into());
        }
        match &mut self.pace {
            Some((_, series)) => self.run.element(series, rate.value, &metadata),
            None => Ok(()),
        }
    }

    fn start(&self, metric: Metric, subject: &str, along: &str) -> SeriesStart {
        let mut metadata = Map::new();
        if !subject.is_empty() {
            metadata.insert("subject".to_owned(), subject.into());
        }
        metadata.insert("along".to_owned(), along.into());
        let unit = Some(metric.unit().symbol()).filter(|unit| !unit.is_empty());
        SeriesStart { name: metric.name().to_owned(), unit, hardware: self.hardware_of(self.now), metadata }
    }

    /// A figure along a disk. Neighbours are joined where there are too many, and the lowest of them counts: that is what to look for.
    fn zones(&mut self, step: &Step, series: &Series, most: usize) -> io::Result<()> {
        let joined = series.values.len().div_ceil(most.max(1)).max(1);
        let mut start = self.start(series.metric, &series.subject, &series.along);
        start.metadata.insert("values".to_owned(), series.values.len().into());
        start.metadata.insert("joined".to_owned(), joined.into());
        let mut written = self.run.begin_series(step, &start)?;
        for (at, values) in series.values.chunks(joined).enumerate() {
            let first = at * joined;
            let Some(lowest) = values.iter().flatten().copied().reduce(f64::min) else { continue };
            let mut metadata = Map::new();
            metadata.insert("first".to_owned(), first.into());
            if series.marked.iter().any(|marked| (first..first + values.len()).contains(marked)) {
                metadata.insert("marked".to_owned(), true.into());
            }
            self.run.element(&mut written, lowest, &metadata)?;
        }
        self.run.end_series(written)
    }

    /// Writes a series whose values stand along something other than zones or seconds.
    fn histogram(&mut self, step: &Step, series: &Series) -> io::Result<()> {
        let mut content = Map::new();
        content.insert("name".to_owned(), series.metric.name().into());
        content.insert("subject".to_owned(), series.subject.as_str().into());
        content.insert("along".to_owned(), series.along.as_str().into());
        content.insert("upTo".to_owned(), series.at.clone().into());
        content.insert("counts".to_owned(), series.values.iter().map(|value| value.unwrap_or(0.0)).collect());
        self.run.extension(step, "shakedown.histogram", &content)
    }

    fn series(&mut self, step: &Step, report: &Report) -> io::Result<()> {
        let along_disks = report.series.iter().filter(|series| series.along == "zones");
        let most = (MOST_VALUES / along_disks.clone().count().max(1)).max(16);
        // The pace was written while the test ran, and the temperature with it.
        let pace = Metric::throughput(report.kind);
        let is_written = |metric: Metric| Some(metric) == pace || pace.is_some() && metric == Metric::Temperature;
        for series in &report.series {
            match series.along.as_str() {
                "seconds" if is_written(series.metric) => {}
                "zones" | "seconds" => self.zones(step, series, most)?,
                _ => self.histogram(step, series)?,
            }
        }
        Ok(())
    }

    fn end_phase(&mut self, end: StepEnd) -> io::Result<()> {
        match self.phase.take() {
            Some((_, step)) => self.run.end_step(step, end),
            None => Ok(()),
        }
    }

    /// Ends a test with its figures and findings.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn verdict(&mut self, report: &Report) -> io::Result<()> {
        let outcome = report.outcome();
        let hardware = self.hardware_of(Some(report.kind));
        self.end_phase(if outcome == Outcome::Error { StepEnd::Error } else { StepEnd::Complete })?;
        if let Some((step, series)) = self.pace.take() {
            self.run.end_series(series)?;
            self.run.end_step(step, StepEnd::Complete)?;
        }
        let several = self.hardware.len() > 1;
        let name = if several { format!("{}: verdict", report.kind) } else { "verdict".to_owned() };
        let step = self.run.begin_step(&name)?;
        for one in &report.measurements {
            let mut measurement = match &one.value {
                Value::Count(count) => Measurement::new(one.metric.name(), *count),
                Value::Number(number) => Measurement::new(one.metric.name(), *number),
                Value::Text(text) => Measurement::new(one.metric.name(), text.as_str()),
            };
            measurement.unit = Some(one.metric.unit().symbol()).filter(|unit| !unit.is_empty());
            measurement.hardware.clone_from(&hardware);
            if !one.subject.is_empty() {
                measurement.metadata.insert("subject".to_owned(), one.subject.as_str().into());
            }
            if one.disturbed {
                measurement.metadata.insert("disturbed".to_owned(), true.into());
            }
            self.run.measure(&step, &measurement)?;
        }
        self.series(&step, report)?;
        for text in &report.not_tested {
            self.run.log(Some(&step), Severity::Info, &format!("Not tested: {text}"))?;
        }
        self.conclude(&step, report)?;
        let end = match outcome {
            Outcome::Skipped => StepEnd::Skip,
            Outcome::Error => StepEnd::Error,
            _ => StepEnd::Complete,
        };
        self.run.end_step(step, end)
    }

    fn hardware_of(&self, hardware: Option<Kind>) -> Option<HardwareId> {
        self.hardware.iter().find(|(kind, _)| Some(*kind) == hardware).map(|(_, hardware)| hardware.clone())
    }

    /// Ends the output with the outcome of all tests; with `stopped`, somebody ended them, and there is no result.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn end(mut self, outcome: Outcome, stopped: bool) -> io::Result<W> {
        let completion = match outcome {
            Outcome::Skipped => Completion::Skipped,
            Outcome::Error => Completion::Error,
            _ => Completion::Complete,
        };
        if stopped {
            self.run.log(None, Severity::Warning, "The test was stopped from outside.")?;
        }
        self.run.end(if stopped { Completion::Skipped } else { completion })
    }

    fn conclude(&mut self, step: &Step, report: &Report) -> io::Result<()> {
        for finding in &report.findings {
            let text = format!("{}: {} {}", finding.subject, finding.what, finding.next).trim_end().to_owned();
            let conclusion = match finding.outcome {
                Outcome::Failed => Conclusion::Fail,
                Outcome::Degraded => Conclusion::Unknown,
                Outcome::Error => {
                    self.run.error(Some(step), &finding.code, &text)?;
                    continue;
                }
                Outcome::Passed | Outcome::Skipped => {
                    self.run.log(Some(step), Severity::Info, &text)?;
                    continue;
                }
            };
            if conclusion == Conclusion::Unknown {
                self.run.log(Some(step), Severity::Warning, &text)?;
            }
            self.diagnose(step, report, &finding.code, (conclusion, text))?;
        }
        if report.outcome() == Outcome::Passed {
            self.diagnose(step, report, &format!("{}-good", report.kind), (Conclusion::Pass, report.headline()))?;
        }
        Ok(())
    }

    fn diagnose(
        &mut self,
        step: &Step,
        report: &Report,
        verdict: &str,
        (finding, message): (Conclusion, String),
    ) -> io::Result<()> {
        let hardware = self.hardware_of(Some(report.kind));
        self.run.diagnose(step, &Diagnosis { verdict: verdict.to_owned(), finding, message, hardware })
    }
}
