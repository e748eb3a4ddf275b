//! Disks that are reached over several paths: by device-mapper's multipath, or by NVMe's own.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::{Survey, storable};
use super::content::BLOCK;
use super::mapped::MappedVolume;
use super::nvme;

const SUBSYSTEMS: &str = "/sys/class/nvme-subsystem";

/// A disk with its paths.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Multipath {
    /// World-wide name of what the paths lead to.
    pub identity: String,
    /// Kernel name of the whole: `dm-0`, `nvme0n1`.
    pub name: String,
    /// `device-mapper` or `nvme`.
    pub kind: String,
    /// Paths.
    pub paths: Vec<DiskPath>,
}

/// One path to a disk.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct DiskPath {
    /// Kernel name of the path: `sdb`, `nvme0c1n1`, or of its controller.
    pub name: String,
    /// `running`, `offline`, `live`, `connecting` …
    pub state: String,
    /// NVMe's asymmetric access: `optimized`, `non-optimized`, `inaccessible` …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub access: String,
    /// `pcie`, `fc`, `tcp`, `rdma` of an NVMe path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub transport: String,
    /// Where an NVMe path leads.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
}

pub(super) fn collect(survey: &Survey<'_>, volumes: &[MappedVolume]) -> Vec<Multipath> {
    let maps = volumes.iter().filter(|volume| volume.kind == "multipath").map(|volume| map(survey, volume));
    let mut found: Vec<Multipath> = maps.collect();
    for subsystem in survey.names(SUBSYSTEMS) {
        found.extend(of_subsystem(survey, &Path::new(SUBSYSTEMS).join(subsystem)));
    }
    found
}

fn map(survey: &Survey<'_>, volume: &MappedVolume) -> Multipath {
    let path = |name: &String| DiskPath {
        name: name.clone(),
        state: quiet(survey, &Path::new(BLOCK).join(name).join("device/state")),
        ..DiskPath::default()
    };
    let wwid = volume.identity.strip_prefix("volume:mpath-").unwrap_or(&volume.mapping);
    Multipath {
        identity: format!("multipath:{wwid}"),
        name: volume.name.clone(),
        kind: "device-mapper".to_owned(),
        paths: volume.lower.iter().map(path).collect(),
    }
}

/// The namespaces of a subsystem that more than one controller leads to.
fn of_subsystem(survey: &Survey<'_>, subsystem: &Path) -> Vec<Multipath> {
    let controllers = nvme::controllers_in(survey, subsystem);
    if controllers.len() < 2 {
        return Vec::new();
    }
    let entries = survey.names(subsystem);
    let namespaces = entries.iter().filter(|name| nvme::namespace(name).as_deref() == Some(name.as_str()));
    let multipath = |name: &String| {
        let paths = controllers.iter().filter_map(|controller| path(survey, subsystem, controller, name));
        let wwid = survey.word(Path::new(BLOCK).join(name).join("wwid"));
        let known = if wwid.is_empty() { format!("{} {name}", survey.word(subsystem.join("subsysnqn"))) } else { wwid };
        Multipath {
            identity: format!("multipath:{}", known.trim()),
            name: name.clone(),
            kind: "nvme".to_owned(),
            paths: paths.collect(),
        }
    };
    namespaces.map(multipath).filter(|multipath| multipath.paths.len() > 1).collect()
}

/// The path of a controller to a namespace. A controller that shows no paths at all is told for itself; one that shows others does not
/// lead here.
fn path(survey: &Survey<'_>, subsystem: &Path, controller: &str, namespace: &str) -> Option<DiskPath> {
    let place = subsystem.join(controller);
    let entries = survey.names(&place);
    let paths: Vec<&String> = entries.iter().filter(|entry| nvme::namespace(entry).is_some()).collect();
    let own = paths.iter().find(|entry| nvme::namespace(entry).as_deref() == Some(namespace));
    if own.is_none() && !paths.is_empty() {
        return None;
    }
    Some(DiskPath {
        name: own.map_or_else(|| controller.to_owned(), |own| (*own).clone()),
        state: quiet(survey, &place.join("state")),
        access: own.map(|own| quiet(survey, &place.join(own).join("ana_state"))).unwrap_or_default(),
        transport: quiet(survey, &place.join("transport")),
        address: quiet(survey, &place.join("address")),
    })
}

fn quiet(survey: &Survey<'_>, path: &Path) -> String {
    survey.host.text(path).map(storable).unwrap_or_default()
}
