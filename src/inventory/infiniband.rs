//! What an InfiniBand port is besides a network interface (contract RESOURCES §1.4): `infiniband*` of its device in `/sys`.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::survey::Survey;

/// Devices of an InfiniBand port.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Infiniband {
    /// Subnet management device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issm_name: String,
    /// Its number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issm_device: String,
    /// Management datagrams.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mad_name: String,
    /// Its number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mad_device: String,
    /// Verbs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub verb_name: String,
    /// Its number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub verb_device: String,
}

/// Of a port that is InfiniBand's; its number counts from 0, as in `dev_port`.
pub(super) fn of_port(survey: &Survey<'_>, device: &Path, port: u64) -> Option<Infiniband> {
    if !survey.host.has(device.join("infiniband")) {
        return None;
    }
    let mut found = Infiniband::default();
    let mads = device.join("infiniband_mad");
    for name in survey.names(&mads) {
        let place = mads.join(&name);
        if survey.number::<u64>(place.join("port")) != Some(port + 1) {
            continue;
        }
        if name.starts_with("issm") {
            (found.issm_device, found.issm_name) = (survey.needed_word(place.join("dev")), name);
        } else if name.starts_with("umad") {
            (found.mad_device, found.mad_name) = (survey.needed_word(place.join("dev")), name);
        }
    }
    let verbs = device.join("infiniband_verbs");
    if let [name] = survey.names(&verbs).as_slice() {
        found.verb_device = survey.needed_word(verbs.join(name).join("dev"));
        found.verb_name.clone_from(name);
    }
    Some(found)
}
