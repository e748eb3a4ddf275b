//! Measurements, their limits, diagnoses.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::dut::HardwareId;

/// Largest integer that every reader of JSON keeps exactly (2^53).
const EXACT: u64 = 1 << 53;

/// Value of a measurement or of its limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A text.
    Text(String),
    /// An integer that a double can hold.
    Count(u64),
    /// A finite number.
    Number(f64),
}

impl From<u64> for Value {
    /// A larger integer than a double can hold becomes a text.
    fn from(number: u64) -> Self {
        if number <= EXACT { Value::Count(number) } else { Value::Text(number.to_string()) }
    }
}

impl From<f64> for Value {
    /// JSON knows no infinity: such a number becomes a text.
    fn from(number: f64) -> Self {
        if number.is_finite() { Value::Number(number) } else { Value::Text(number.to_string()) }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

/// A limit that a measurement must keep. The measurement stands on the left of the operator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validator {
    name: &'static str,
    #[serde(rename = "type")]
    operator: &'static str,
    value: Value,
}

impl Validator {
    /// The measurement must equal the value. `name` says where the limit comes from.
    #[must_use]
    pub fn equal(name: &'static str, value: impl Into<Value>) -> Self {
        Validator { name, operator: "EQUAL", value: value.into() }
    }
}

/// One measured value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// Name, equal in every version of this program.
    pub name: String,
    /// The value.
    pub value: Value,
    /// Unit, for example `GiB/s`, `s`, `count`; `None` for a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// Limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validators: Vec<Validator>,
    /// The hardware that was measured.
    #[serde(rename = "hardwareInfoId", skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareId>,
    /// Facts for readers that no limit expresses, for example what was ordered.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Json>,
}

impl Measurement {
    /// A measurement without unit, limits and hardware.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<Value>) -> Self {
        let (name, value) = (name.into(), value.into());
        Measurement { name, value, unit: None, validators: Vec::new(), hardware: None, metadata: Map::new() }
    }
}

/// The begin of a series of measurements of one thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeriesStart {
    /// Name, equal in every version of this program.
    pub name: String,
    /// Unit of every value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// The hardware that is measured.
    #[serde(rename = "hardwareInfoId", skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareId>,
    /// Facts for readers, for example what the values stand along.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Json>,
}

/// Conclusion of a diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Finding {
    /// The hardware is good.
    Pass,
    /// The hardware is bad. The run ends with the result `FAIL`.
    Fail,
    /// The evidence allows no conclusion, or the hardware works with a defect.
    Unknown,
}

/// A conclusion about hardware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Stable identifier to count by, for example `script-failed`; without numbers.
    pub verdict: String,
    /// The conclusion.
    #[serde(rename = "type")]
    pub finding: Finding,
    /// The sentence for people.
    pub message: String,
    /// The hardware.
    #[serde(rename = "hardwareInfoId", skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareId>,
}

/// Severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// For the record.
    Info,
    /// Needs attention.
    Warning,
    /// A failure that is no fault of the hardware.
    Error,
}
