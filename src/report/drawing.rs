//! Drawings of a hardware test. The forms of a report for people show them; the JSON has the numbers.

use serde::Serialize;

/// A test of the hardware by this program, as the run has it on record.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HardwareTest {
    /// The script result that this is from, and its place in `results`.
    pub source: String,
    /// Its place in `results`.
    pub result: usize,
    /// The hardware: `memory`, `disk`.
    pub kind: String,
    /// How much was tested, a line for each thing.
    pub coverage: Vec<String>,
    /// Share of the time in percent that the test waited for processors, where that is so much that figures are too low.
    pub disturbed: Option<f64>,
    /// A fault that was made to happen: what is drawn says nothing about the hardware.
    pub injected: Option<String>,
    /// The drawings.
    pub drawings: Vec<Drawing>,
    /// More of them.
    pub left_out: usize,
}

/// One drawing.
#[derive(Clone, Debug, Serialize)]
pub struct Drawing {
    /// Title of the drawing.
    pub title: String,
    /// Unit of its values.
    pub unit: String,
    /// The shape.
    #[serde(flatten)]
    pub shape: Shape,
}

/// The shape of a drawing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "shape")]
pub enum Shape {
    /// A bar for each thing.
    Bars {
        /// The things, in order.
        bars: Vec<Bar>,
        /// More of them.
        left_out: usize,
    },
    /// Equal parts of a thing, in order; none where nothing was measured.
    Map {
        /// A value of each part.
        values: Vec<Option<f64>>,
        /// Parts that findings speak of.
        marked: Vec<usize>,
    },
    /// How many were in each class.
    Histogram {
        /// The upper end of each class, in the unit.
        at: Vec<f64>,
        /// How many.
        counts: Vec<f64>,
    },
    /// Values over the time.
    Line {
        /// Seconds since the begin of the test.
        at: Vec<f64>,
        /// The values; none where nothing was measured.
        values: Vec<Option<f64>>,
    },
}

/// A bar.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// The thing.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// A finding speaks of it.
    pub is_marked: bool,
}
