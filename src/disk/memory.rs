//! What drives said at their last test on this machine, kept in the journal, so that a reason can be told to be new.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::history::{self, History, Noted};
use super::model::Report;
use super::parse::{document, parse};
use crate::journal::{self, Store};

/// The drives' last words.
#[derive(Debug)]
pub struct Memory {
    store: Mutex<Store>,
}

impl Memory {
    /// In this journal.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Memory { store: Mutex::new(store) }
    }

    /// What a drive said the last time; nothing for one without a serial number, which may be any.
    pub(super) fn recall(&self, report: &Report) -> Option<Report> {
        let name = name(report)?;
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let text =
            store.read_fact(&name).inspect_err(|error| tracing::warn!(%error, "what drives said last")).ok()??;
        // What an older version wrote and this one cannot read is no reason to leave a drive untested.
        parse(text.as_bytes()).ok()
    }

    /// Keeps what a drive says now, without the text for people.
    pub(super) fn keep(&self, report: &Report, json: &str) {
        let Some(name) = name(report) else { return };
        // smartctl 7.1 and 7.2 count the pending defects of SAS drives before the document.
        let (before, json) = json.split_at(document(json).unwrap_or_default());
        let Ok(mut value) = serde_json::from_str::<Value>(json) else { return };
        if let Some(Value::Object(smartctl)) = value.get_mut("smartctl") {
            smartctl.remove("output");
        }
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = store.keep_fact(&name, &format!("{before}{value}")) {
            tracing::warn!(%error, "what a drive says now is not kept: the next test cannot tell what is new");
        }
        if let Some(Err(error)) = Noted::of(report).map(|noted| note(&mut store, &noted)) {
            tracing::warn!(%error, "what a drive counts now is not kept: its history has a gap");
        }
    }

    /// What a drive counted over time.
    #[must_use]
    pub fn history(&self, report: &Report) -> History {
        let Some(name) = history::name(report) else { return History::default() };
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = store.read_fact(&name).inspect_err(|error| tracing::warn!(%error, "what a drive counted")).ok();
        History::read(kept.flatten().as_deref())
    }
}

/// Adds what a drive counts now to its history, if that has changed.
///
/// # Errors
/// When the journal cannot be used.
pub fn note(store: &mut Store, noted: &Noted) -> Result<(), journal::Error> {
    let kept = store.read_fact(noted.name())?;
    match noted.added_to(kept.as_deref(), Timestamp::now().as_second()) {
        Some(history) => store.keep_fact(noted.name(), &history),
        None => Ok(()),
    }
}

/// The name of a drive in the journal: model, serial number and unit. Nothing for one without a serial number, which may be any.
pub(super) fn name(report: &Report) -> Option<String> {
    let serial = report.identity.serial.as_deref().filter(|serial| !serial.trim().is_empty())?;
    let identity = &report.identity;
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    // Two units of one drive have one serial number, and each its own counters.
    let unit = identity.wwn.as_ref().map(|wwn| format!(" {wwn}")).unwrap_or_default();
    Some(format!("smart {} {serial}{unit}", known(&identity.model)))
}
