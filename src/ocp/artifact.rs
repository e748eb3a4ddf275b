//! What an artifact holds. A field that is not known is left out: by the schema `null` is invalid.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

/// Keys and values that a reader may use and no rule speaks of.
pub type Metadata = Map<String, Json>;

/// A measured or a required value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A text; counts beyond 2^53, addresses and masks are texts, too.
    Text(String),
    /// A number; one that is not finite is written as a text, since JSON has no word for it.
    Number(#[serde(serialize_with = "finite")] f64),
    /// Yes or no.
    Flag(bool),
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn finite<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() { serializer.serialize_f64(*number) } else { serializer.serialize_str(&number.to_string()) }
}

/// A limit. The measurement stands left of the operator, this value right of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Limit {
    /// Equal to it.
    Equal(Value),
    /// Not equal to it.
    NotEqual(Value),
    /// Below it.
    LessThan(f64),
    /// At most so much.
    LessThanOrEqual(f64),
    /// Above it.
    GreaterThan(f64),
    /// At least so much.
    GreaterThanOrEqual(f64),
    /// The text matches this regular expression.
    RegexMatch(String),
    /// The text does not match it.
    RegexNoMatch(String),
}

/// A limit with its name. Readers may evaluate it; only a diagnosis makes a run fail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validator {
    /// Where the limit comes from: `profile r760`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The limit.
    #[serde(flatten)]
    pub limit: Limit,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// Name; the same name means the same in all versions, because people plot it.
    pub name: String,
    /// Value.
    pub value: Value,
    /// Unit as SI or IEC write it: `GiB/s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validators: Vec<Validator>,
    /// The part that it was measured on, by its number in [`Dut::hardware`].
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "id", rename = "hardwareInfoId")]
    pub hardware: Option<usize>,
    /// More.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Metadata,
}

impl Measurement {
    /// A measurement without unit and limits.
    #[must_use]
    pub fn new(name: impl Into<String>, value: Value) -> Measurement {
        Measurement {
            name: name.into(),
            value,
            unit: None,
            validators: Vec::new(),
            hardware: None,
            metadata: Map::new(),
        }
    }
}

#[allow(clippy::ref_option, reason = "serde hands over a reference")]
fn id<S: Serializer>(number: &Option<usize>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.unwrap_or_default().to_string())
}

/// What a diagnosis says of the hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Finding {
    /// It is as it should be.
    Pass,
    /// It is not; the run fails.
    Fail,
    /// Neither is known for certain.
    Unknown,
}

/// A statement about hardware. Its evidence, the measurements, comes before it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Short words without numbers that can be counted: `bom-memory-size`.
    pub verdict: String,
    /// What it says.
    #[serde(rename = "type")]
    pub finding: Finding,
    /// The sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The part, by its number in [`Dut::hardware`].
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "id", rename = "hardwareInfoId")]
    pub hardware: Option<usize>,
}

/// Something that is no hardware went wrong: a driver is missing, a file cannot be read.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Short words without numbers that can be counted: `fact-unreadable`.
    pub symptom: String,
    /// The sentence for people.
    pub message: String,
}

/// How grave a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// For the makers of the program.
    Debug,
    /// For information.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Something went wrong that changes no verdict.
    Error,
    /// The program cannot go on.
    Fatal,
}

/// A part of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hardware {
    /// Name.
    pub name: String,
    /// Place, as it is printed on the board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// `CPU`, `DIMM`, `memory`, `HDD`, `SSD`, `NVMe`, `NIC`, `GPU` or `PCIe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_type: Option<&'static str>,
}

/// The machine under test. What a run speaks of has to be in here, since nothing can be added later.
#[derive(Clone, Debug, Default)]
pub struct Dut {
    /// What the machine is called for ever: the region's system id, else its UUID or host name.
    pub id: String,
    /// Host name.
    pub name: Option<String>,
    /// Its parts; their numbers are their ids.
    pub hardware: Vec<Hardware>,
    /// More.
    pub metadata: Metadata,
}

/// How a run begins.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Name of the test: `shakedown-accept`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// What was typed.
    pub command_line: String,
    /// What the test was told.
    pub parameters: Metadata,
    /// The machine.
    pub dut: Dut,
}

/// How a run ended. The specification allows no other pairs of status and result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All was tested, and all is well.
    Passed,
    /// All was tested, and hardware is not as it should be.
    Failed,
    /// Something that is no hardware kept the test from its end.
    Broken,
    /// There was nothing to test, or somebody stopped it.
    Skipped,
}

/// How a step ended. A diagnosis says what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum StepEnding {
    /// It came to its end.
    #[serde(rename = "COMPLETE")]
    Complete,
    /// Something that is no hardware kept it from its end.
    #[serde(rename = "ERROR")]
    Broken,
    /// There was nothing to do, or somebody stopped it.
    #[serde(rename = "SKIP")]
    Skipped,
}
