//! What the kernel knows of processors beyond MAAS's JSON: caches as they are shared, microcode, mitigations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Socket;
use super::super::cpu::ranges;
use super::super::survey::Survey;
use super::package::{self, Package};

const CPUS: &str = "/sys/devices/system/cpu";

/// A cache that exists once, with those that share it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct CacheInstance {
    /// 1, 2, 3 …
    pub level: u64,
    /// `Data`, `Instruction` or `Unified`.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// Threads that share it, as a list such as `0-3,8`.
    pub threads: String,
}

/// Processors in depth.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct ProcessorState {
    /// What sits in the sockets.
    pub packages: Vec<Package>,
    /// Packages that are fitted, as the firmware tells; more than are listed when all threads of one are switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fitted: Option<u64>,
    /// Microcode versions in use; more than one is worth a look.
    pub microcode: Vec<String>,
    /// Known vulnerabilities and what is done about them.
    pub mitigations: BTreeMap<String, String>,
    /// Caches.
    pub caches: Vec<CacheInstance>,
    /// Threads that are there but not in use.
    pub offline: Vec<i64>,
    /// Simultaneous multithreading, as the kernel has it: `on`, `off`, `forceoff`, `notsupported`, `notimplemented`, or the number of
    /// threads of each core in use. Empty where the kernel does not report it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smt: String,
}

pub(super) fn collect(survey: &Survey<'_>, sockets: &[Socket]) -> ProcessorState {
    let vulnerabilities = Path::new(CPUS).join("vulnerabilities");
    let mitigations =
        survey.names(&vulnerabilities).into_iter().map(|name| (name.clone(), survey.word(vulnerabilities.join(name))));
    let offline = offline(survey, sockets);
    let (packages, fitted) = package::collect(survey, sockets, !offline.is_empty());
    ProcessorState {
        // Told where it says more than the list.
        fitted: fitted.filter(|fitted| *fitted != packages.len() as u64),
        packages,
        microcode: microcode(survey),
        mitigations: mitigations.collect(),
        caches: caches(survey),
        smt: survey.word(Path::new(CPUS).join("smt/control")),
        offline,
    }
}

/// Without those that could be plugged in. A thread that is not in use may have nothing but its directory.
fn offline(survey: &Survey<'_>, sockets: &[Socket]) -> Vec<i64> {
    let list = |name: &str| ranges(&survey.word(Path::new(CPUS).join(name)));
    let present = list("present");
    let mut found: BTreeSet<i64> = list("offline").into_iter().filter(|thread| present.contains(thread)).collect();
    let cores = sockets.iter().flat_map(|socket| &socket.cores);
    let seen: BTreeSet<String> =
        cores.flat_map(|core| &core.threads).map(|thread| format!("cpu{}", thread.id)).collect();
    for name in survey.names(CPUS).into_iter().filter(|name| !seen.contains(name)) {
        let number: Option<i64> = name.strip_prefix("cpu").and_then(|number| number.parse().ok());
        let is_off = || survey.host.text(Path::new(CPUS).join(&name).join("online")).as_deref() == Some("0");
        found.extend(number.filter(|_| is_off()));
    }
    found.into_iter().collect()
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
    // By level, kind, and the first thread that shares it.
    let mut found: BTreeMap<(u64, String, u64, String), u64> = BTreeMap::new();
    let threads =
        survey.names(CPUS).into_iter().filter_map(|name| Some((name.strip_prefix("cpu")?.parse().ok()?, name)));
    for (number, name) in threads.collect::<Vec<(u64, String)>>() {
        let place = Path::new(CPUS).join(name).join("cache");
        for index in survey.names(&place).into_iter().filter(|name| name.starts_with("index")) {
            let place = place.join(index);
            let Some(level) = survey.number(place.join("level")) else { continue };
            let shared = survey.word(place.join("shared_cpu_list"));
            // A kernel that does not tell who shares it shows each thread's own view.
            let shared = if shared.is_empty() { number.to_string() } else { shared };
            let first = shared.split([',', '-']).next().and_then(|first| first.parse().ok()).unwrap_or(number);
            let key = (level, survey.word(place.join("type")), first, shared);
            found.entry(key).or_insert_with(|| size(&survey.word(place.join("size"))));
        }
    }
    let instance = |((level, kind, _, threads), size)| CacheInstance { level, kind, size, threads };
    found.into_iter().map(instance).collect()
}

/// Bytes of a text such as `32K`.
fn size(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let factor = match unit {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        _ => return 0,
    };
    number.parse::<u64>().unwrap_or(0).saturating_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!([size("32K"), size("2M"), size("512"), size(""), size("1X")], [32 << 10, 2 << 20, 512, 0, 0]);
    }
}
