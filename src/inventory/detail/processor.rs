//! What the kernel knows of processors beyond MAAS's JSON: caches as they are shared, microcode, mitigations.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::survey::Survey;

const CPUS: &str = "/sys/devices/system/cpu";

/// A cache that exists once, with those that share it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct CacheInstance {
    /// 1, 2, 3 …
    pub level: u64,
    /// `Data`, `Instruction` or `Unified`.
    pub kind: String,
    /// As the kernel writes it, for example `32K`.
    pub size: String,
    /// Threads that share it, as a list such as `0-3,8`.
    pub threads: String,
}

/// What goes for all processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct ProcessorState {
    /// Microcode versions in use; more than one is worth a look.
    pub microcode: Vec<String>,
    /// Known vulnerabilities and what is done about them.
    pub mitigations: BTreeMap<String, String>,
    /// Caches.
    pub caches: Vec<CacheInstance>,
    /// Threads that are there but not in use.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub offline: String,
}

pub(super) fn collect(survey: &Survey<'_>) -> ProcessorState {
    let vulnerabilities = Path::new(CPUS).join("vulnerabilities");
    let mitigations =
        survey.names(&vulnerabilities).into_iter().map(|name| (name.clone(), survey.word(vulnerabilities.join(name))));
    ProcessorState {
        microcode: microcode(survey),
        mitigations: mitigations.collect(),
        caches: caches(survey),
        offline: survey.word(Path::new(CPUS).join("offline")),
    }
}

fn microcode(survey: &Survey<'_>) -> Vec<String> {
    let text = survey.text("/proc/cpuinfo").unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut versions: Vec<String> =
        lines.filter(|(key, _)| key.trim() == "microcode").map(|(_, value)| value.trim().to_owned()).collect();
    versions.sort();
    versions.dedup();
    versions
}

fn caches(survey: &Survey<'_>) -> Vec<CacheInstance> {
    let mut found: BTreeMap<(u64, String, String), String> = BTreeMap::new();
    for name in survey.names(CPUS) {
        let place = Path::new(CPUS).join(name).join("cache");
        for index in survey.names(&place).into_iter().filter(|name| name.starts_with("index")) {
            let place = place.join(index);
            let Some(level) = survey.number(place.join("level")) else { continue };
            let key = (level, survey.word(place.join("type")), survey.word(place.join("shared_cpu_list")));
            found.entry(key).or_insert_with(|| survey.word(place.join("size")));
        }
    }
    let instance = |((level, kind, threads), size)| CacheInstance { level, kind, size, threads };
    found.into_iter().map(instance).collect()
}
