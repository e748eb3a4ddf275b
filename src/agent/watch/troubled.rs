//! The drives that are in trouble, for whoever only looks at the journal.

use super::drives::{FACT, Troubled};
use crate::journal::{self, Store};

/// A drive in trouble, as it was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TroubledDrive {
    /// Model and serial number, or its place.
    pub drive: String,
    /// True if it is failing, false if it is degraded.
    pub is_failing: bool,
}

/// The drives that are in trouble now, from a journal that is only looked at.
///
/// # Errors
/// When the journal cannot be read.
pub fn troubled_drives(store: &Store) -> Result<Vec<TroubledDrive>, journal::Error> {
    let troubled: Troubled =
        store.read_fact(FACT)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let now = troubled.drives.into_iter().filter(|(_, trouble)| trouble.better_since.is_none());
    Ok(now.map(|(drive, trouble)| TroubledDrive { drive, is_failing: trouble.is_failing }).collect())
}
