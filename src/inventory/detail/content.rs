//! What is on a block device: a file system, where it is mounted, and devices that are stacked on it.

use std::collections::BTreeMap;
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::{Survey, storable};
use crate::host::Record;

pub(super) const BLOCK: &str = "/sys/class/block";

/// What is on a disk, a partition or an array.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Content {
    /// File system, or the kind of RAID member, swap space …, as udev has recognised it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file_system: String,
    /// Its label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Its UUID.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file_system_uuid: String,
    /// Where it is mounted on this machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<String>,
    /// Devices that are stacked on it: RAID, LVM, multipath, encryption.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<String>,
}

/// Device numbers to the directories where they are mounted.
pub(super) struct Mounts(BTreeMap<String, Vec<String>>);

impl Mounts {
    /// From `/proc/self/mountinfo`.
    pub(super) fn read(survey: &Survey<'_>) -> Self {
        Mounts::parse(&survey.text("/proc/self/mountinfo").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut mounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in text.lines() {
            let mut fields = line.split(' ').skip(2);
            if let (Some(number), Some(place)) = (fields.next(), fields.nth(1)) {
                // The kernel writes blanks in octal.
                mounts.entry(number.to_owned()).or_default().push(storable(place.replace("\\040", " ")));
            }
        }
        Mounts(mounts)
    }

    /// What is on a block device, by its kernel name.
    pub(super) fn content(&self, survey: &Survey<'_>, name: &str) -> Content {
        let number = survey.word(Path::new(BLOCK).join(name).join("dev"));
        self.of(survey, name, &number, &survey.host.udev_block(&number))
    }

    /// Content of a block device whose number and udev record are known.
    pub(super) fn of(&self, survey: &Survey<'_>, name: &str, number: &str, udev: &Record) -> Content {
        let property = |key: &str| udev.get(key).map(storable).unwrap_or_default();
        Content {
            file_system: property("ID_FS_TYPE"),
            label: property("ID_FS_LABEL"),
            file_system_uuid: property("ID_FS_UUID"),
            mounts: self.0.get(number).cloned().unwrap_or_default(),
            holders: survey.names(Path::new(BLOCK).join(name).join("holders")),
        }
    }
}

/// Bytes of a block device: the kernel counts 512-byte sectors.
pub(super) fn size(survey: &Survey<'_>, name: &str) -> u64 {
    survey.number::<u64>(Path::new(BLOCK).join(name).join("size")).unwrap_or(0).saturating_mul(512)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_by_device_number() {
        let text = "22 1 254:0 / / rw - ext4 /dev/vda rw\n23 22 254:0 /x /a\\040b rw - ext4 /dev/vda rw\nnonsense\n";
        let mounts = Mounts::parse(text);
        assert_eq!(mounts.0["254:0"], ["/", "/a b"]);
        assert_eq!(mounts.0.len(), 1);
    }
}
