//! Writes the Test & Validation output of the Open Compute Project, version 2.0: one JSON object per line (`docs/ocp.md`; the schema is
//! `json_spec/output` of opencomputeproject/ocp-diag-core).
//!
//! The types allow valid output only. A reference to hardware exists after the device under test lists that hardware, a step ends once,
//! and the result of a run follows from its diagnoses: a run with a failure never ends as `PASS`.

mod artifact;
mod dut;
mod run;

pub use artifact::{Diagnosis, Finding, Measurement, SeriesStart, Severity, Validator, Value};
pub use dut::{Dut, Hardware, HardwareId};
pub use run::{Completion, Run, Series, Start, Step, StepEnd};
