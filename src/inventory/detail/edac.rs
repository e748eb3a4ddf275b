//! What memory controllers count (`/sys/devices/system/edac/mc`).

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::Survey;

const EDAC: &str = "/sys/devices/system/edac/mc";

/// Errors that a memory controller has counted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct MemoryController {
    /// `mc0`
    pub id: String,
    /// Kind of the controller.
    pub name: String,
    /// Errors that were corrected.
    pub correctable_errors: u64,
    /// Errors that were not.
    pub uncorrectable_errors: u64,
    /// The same for each module, rank or row and channel, as far as the driver can tell them apart.
    pub modules: Vec<ModuleErrors>,
}

/// Errors of a module.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct ModuleErrors {
    /// `dimm0`, `rank0`, or `csrow0 ch1` of older drivers.
    pub id: String,
    /// Name of the slot, as the driver or the site's configuration has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Errors that were corrected.
    pub correctable_errors: u64,
    /// Errors that were not.
    pub uncorrectable_errors: u64,
}

pub(super) fn collect(survey: &Survey<'_>) -> Vec<MemoryController> {
    let names = survey.names(EDAC).into_iter().filter(|name| is_numbered(name, "mc"));
    let controller = |id: String| {
        let place = Path::new(EDAC).join(&id);
        MemoryController {
            name: survey.word(place.join("mc_name")),
            correctable_errors: survey.number(place.join("ce_count")).unwrap_or(0),
            uncorrectable_errors: survey.number(place.join("ue_count")).unwrap_or(0),
            modules: modules(survey, &place),
            id,
        }
    };
    names.map(controller).collect()
}

fn is_numbered(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|number| number.parse::<u32>().is_ok())
}

fn modules(survey: &Survey<'_>, controller: &Path) -> Vec<ModuleErrors> {
    let entries = survey.names(controller);
    let of_today = entries.iter().filter(|name| is_numbered(name, "dimm") || is_numbered(name, "rank"));
    let found: Vec<ModuleErrors> =
        of_today.map(|name| module(survey, name.clone(), &controller.join(name), "dimm")).collect();
    if !found.is_empty() {
        return found;
    }
    let mut found = Vec::new();
    for row in entries.iter().filter(|name| is_numbered(name, "csrow")) {
        let place = controller.join(row);
        for channel in survey.names(&place).iter().filter_map(|name| name.strip_suffix("_ce_count")) {
            found.push(module(survey, format!("{row} {channel}"), &place, channel));
        }
    }
    found
}

fn module(survey: &Survey<'_>, id: String, place: &Path, stem: &str) -> ModuleErrors {
    let label = if stem == "dimm" { "dimm_label".to_owned() } else { format!("{stem}_dimm_label") };
    let count = |what: &str| survey.number(place.join(format!("{stem}_{what}_count"))).unwrap_or(0);
    ModuleErrors {
        label: survey.word(place.join(label)),
        correctable_errors: count("ce"),
        uncorrectable_errors: count("ue"),
        id,
    }
}
