//! The JSON document that `shakedown test` prints.

use serde_json::Value;

use crate::support::program::Finished;

/// The document of a test that ended.
pub(crate) fn document(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

/// The first measurement of a name.
pub(crate) fn figure<'a>(document: &'a Value, name: &str) -> &'a Value {
    let figures = document["measurements"].as_array().expect("figures");
    figures.iter().find(|figure| figure["metric"] == name).unwrap_or_else(|| panic!("{name}: {figures:?}"))
}
