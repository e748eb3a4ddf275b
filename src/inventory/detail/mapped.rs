//! Device-mapper volumes: LVM, encryption, multipath (`/sys/class/block/dm-*/dm`).

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::Survey;
use super::content::{BLOCK, Content, Mounts, size};

/// A device-mapper volume.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct MappedVolume {
    /// The map's UUID, else its name.
    pub identity: String,
    /// Kernel name, for example `dm-0`.
    pub name: String,
    /// Name below `/dev/mapper`.
    pub mapping: String,
    /// `lvm`, `multipath`, `crypt`, `partition`, `raid` or `other`.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// What it is made of.
    pub lower: Vec<String>,
    /// What is on it.
    #[serde(flatten)]
    pub content: Content,
}

pub(super) fn collect(survey: &Survey<'_>) -> Vec<MappedVolume> {
    let mounts = Mounts::read(survey);
    let names = survey.names(BLOCK).into_iter().filter(|name| name.starts_with("dm-"));
    names.map(|name| volume(survey, &mounts, name)).collect()
}

fn volume(survey: &Survey<'_>, mounts: &Mounts, name: String) -> MappedVolume {
    let place = Path::new(BLOCK).join(&name);
    let (mapping, uuid) = (survey.word(place.join("dm/name")), survey.word(place.join("dm/uuid")));
    let identity = [&uuid, &mapping].into_iter().find(|text| !text.is_empty()).unwrap_or(&name);
    MappedVolume {
        identity: format!("volume:{identity}"),
        kind: kind(&uuid).to_owned(),
        size: size(survey, &name),
        lower: survey.names(place.join("slaves")),
        content: mounts.content(survey, &name),
        mapping,
        name,
    }
}

/// The tool that made a map begins its UUID with its own name.
fn kind(uuid: &str) -> &'static str {
    let known =
        [("LVM-", "lvm"), ("mpath-", "multipath"), ("CRYPT-", "crypt"), ("DMRAID-", "raid"), ("part", "partition")];
    known.iter().find(|(start, _)| uuid.starts_with(start)).map_or("other", |(_, kind)| *kind)
}
