//! A disk as `shakedown disk test` and `shakedown disk show` tell it to machines. `docs/disk.schema.json` is the schema of the latter.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::history::{History, Series};
use super::model::Report;
use super::plan::Ending;
use super::tested::{Problem, Tested};
use super::verdict::{Judgement, Verdict};

/// The result for a disk.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Document<'a> {
    /// The name that people use: `/dev/sda`, `/dev/bus/6:megaraid,8`.
    pub device: &'a str,
    /// The words with which smartctl reaches it.
    pub smartctl_device: String,
    /// Survives reboots and renames.
    pub identity: &'a str,
    /// The drive's word for it, else the kernel's.
    pub model: String,
    /// The serial number, by the same.
    pub serial: String,
    /// Bytes; 0 where nobody knows.
    pub size: u64,
    /// The whole, from its health and its self-test.
    pub verdict: Verdict,
    /// The judgement of its values; null where they could not be read.
    pub health: Option<&'a Judgement>,
    /// The self-test that was asked for.
    pub self_test: &'a Ending,
    /// The reason why there is no verdict, and what to do about it.
    pub problem: Option<&'a Problem>,
    /// Other things that it is or stands for: other paths to it, the drives behind a volume.
    pub also: &'a [String],
    /// The time that all of it took.
    pub seconds: f64,
    /// All that the drive tells, also where no rule looks at it; null where it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<&'a Report>,
    /// The drive's counters over time, by this machine's journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<Series>>,
}

/// Several disks, as `shakedown disk show` tells them: a volume brings the drives behind it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[cfg_attr(test, schemars(title = "shakedown disk show"))]
pub struct Documents<'a> {
    /// The disk that was named first.
    pub disks: Vec<Document<'a>>,
}

impl<'a> Document<'a> {
    /// What came of a disk, without all that it tells.
    #[must_use]
    pub fn of(tested: &'a Tested) -> Self {
        Document {
            device: &tested.target.name,
            smartctl_device: tested.target.address.words(),
            identity: &tested.target.disk.identity,
            model: tested.model(),
            serial: tested.serial(),
            size: tested.size(),
            verdict: tested.verdict,
            health: tested.health.as_ref(),
            self_test: &tested.self_test,
            problem: tested.problem.as_ref(),
            also: &tested.also,
            seconds: tested.runtime.as_secs_f64(),
            report: None,
            history: None,
        }
    }

    /// With all of it, and with its past.
    #[must_use]
    pub fn whole(tested: &'a Tested, history: &History) -> Self {
        Document { report: tested.report.as_ref(), history: Some(history.series()), ..Document::of(tested) }
    }
}

/// The JSON Schema of [`Documents`], as it is in `docs/`. A test makes it from the types; the program does without what that takes.
#[must_use]
pub fn schema() -> &'static str {
    include_str!("../../docs/disk.schema.json")
}

#[cfg(test)]
mod tests {
    use schemars::generate::SchemaSettings;

    use super::*;

    #[test]
    fn the_schema_in_docs_is_that_of_the_types() {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let made = settings.into_generator().into_root_schema_for::<Documents>();
        let made = serde_json::to_string_pretty(&made).unwrap_or_default() + "\n";
        let path = std::env::temp_dir().join("disk.schema.json");
        if made != schema() {
            std::fs::write(&path, &made).expect("a file");
        }
        assert!(made == schema(), "the types have changed: cp {} docs/", path.display());
    }
}
