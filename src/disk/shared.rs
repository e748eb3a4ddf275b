//! Drives that are reached in several ways: units of one drive that share its mechanics, and paths to one unit. A self-test is the
//! drive's, so that they take turns.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::model::Report;
use super::plan::Ending;
use super::target::Target;

/// How the self-test of a drive ended, and at which unit; nothing before it ended.
type Turn = Arc<tokio::sync::Mutex<Option<(Unit, Ending)>>>;

/// The drives of a session, by model and serial number.
#[derive(Debug, Default)]
pub struct Drives(Mutex<BTreeMap<String, Turn>>);

/// A unit of a drive.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// What it was reached as.
    pub(super) name: String,
    serial: Option<String>,
    wwn: Option<String>,
}

impl Drives {
    /// The turn of the drive that this is a report of; of one without a serial number, a turn of its own.
    pub(super) fn of(&self, report: &Report) -> Turn {
        let identity = &report.identity;
        let Some(serial) = known(identity.serial.as_ref()) else { return Arc::default() };
        let drive = format!("{} {serial}", identity.model.as_deref().unwrap_or_default());
        let mut drives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(drives.entry(drive).or_default())
    }
}

impl Unit {
    pub(super) fn of(target: &Target, report: &Report) -> Self {
        let identity = &report.identity;
        Unit { name: target.name.clone(), serial: known(identity.serial.as_ref()), wwn: known(identity.wwn.as_ref()) }
    }

    /// Whether this report is of the same unit. Serial numbers alone do not tell: cheap bridges have all the same.
    pub(super) fn is_path_to(&self, report: &Report) -> bool {
        let same = |mine: &Option<String>, theirs: Option<String>| mine.is_some() && *mine == theirs;
        same(&self.serial, known(report.identity.serial.as_ref()))
            && same(&self.wwn, known(report.identity.wwn.as_ref()))
    }
}

fn known(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_ascii_lowercase()).filter(|text| !text.is_empty())
}
