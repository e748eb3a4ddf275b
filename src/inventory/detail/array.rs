//! Software RAID: md arrays and their members (`/sys/class/block/md*/md`).

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::{Survey, storable};
use super::content::{BLOCK, Content, Mounts, size};
use super::identity::is_placeholder;

/// An md array.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Array {
    /// The array's UUID, else its name.
    pub identity: String,
    /// Kernel name.
    pub name: String,
    /// `raid1`, `raid6` …; empty for a container.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub level: String,
    /// Bytes.
    pub size: u64,
    /// `clean`, `active`, `inactive` …
    pub state: String,
    /// Members that it should have.
    pub devices: u64,
    /// Members that are missing.
    pub degraded: u64,
    /// `idle`, `resync`, `recover`, `check` …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// How far the action is, in sectors: `DONE / ALL`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub progress: String,
    /// Form of the members' superblocks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// Members.
    pub members: Vec<ArrayMember>,
    /// What is on it.
    #[serde(flatten)]
    pub content: Content,
}

/// A member of an array.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct ArrayMember {
    /// Kernel name of the disk or partition.
    pub name: String,
    /// `in_sync`, `spare`, `faulty` …
    pub state: String,
    /// Its number in the array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<u64>,
}

pub(super) fn collect(survey: &Survey<'_>) -> Vec<Array> {
    let mounts = Mounts::read(survey);
    let names = survey.names(BLOCK).into_iter();
    names.filter(|name| name.starts_with("md")).filter_map(|name| array(survey, &mounts, name)).collect()
}

fn array(survey: &Survey<'_>, mounts: &Mounts, name: String) -> Option<Array> {
    let place = Path::new(BLOCK).join(&name).join("md");
    if !survey.host.is_directory(&place) {
        return None;
    }
    let udev = survey.host.udev_block(&survey.word(Path::new(BLOCK).join(&name).join("dev")));
    let property = |key: &str| udev.get(key).map(storable).unwrap_or_default();
    let word = |key: &str| survey.word(place.join(key));
    let uuid = [word("uuid"), property("MD_UUID")].into_iter().find(|uuid| !is_placeholder(uuid));
    let members = survey.names(&place).into_iter().filter_map(|entry| member(survey, &place, &entry));
    Some(Array {
        identity: uuid.map_or_else(|| format!("array:name:{name}"), |uuid| format!("array:{uuid}")),
        level: word("level"),
        size: size(survey, &name),
        state: word("array_state"),
        devices: survey.number(place.join("raid_disks")).unwrap_or(0),
        // Levels without redundancy have no such file.
        degraded: survey.number(place.join("degraded")).unwrap_or(0),
        action: word("sync_action"),
        progress: Some(word("sync_completed")).filter(|text| text != "none").unwrap_or_default(),
        metadata: word("metadata_version"),
        members: members.collect(),
        content: mounts.content(survey, &name),
        name,
    })
}

fn member(survey: &Survey<'_>, array: &Path, entry: &str) -> Option<ArrayMember> {
    let name = entry.strip_prefix("dev-")?;
    let place = array.join(entry);
    Some(ArrayMember {
        // In these names the kernel writes `!` for the slash of, say, cciss/c0d0.
        name: name.replace('!', "/"),
        state: survey.word(place.join("state")),
        slot: survey.host.text(place.join("slot")).and_then(|slot| slot.parse().ok()),
    })
}
