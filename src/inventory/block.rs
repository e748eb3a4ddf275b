//! Block devices (contract RESOURCES §1.5), from `/sys/class/block`, udev's records and the links below `/dev/disk`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::survey::{Survey, storable};
use crate::host::{Record, decode_udev};

const BLOCK: &str = "/sys/class/block";
/// What an empty optical drive reports as its size.
const EMPTY_OPTICAL: u64 = 0x1f_ffff;

/// All disks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Storage {
    /// In the order of their names.
    pub disks: Vec<BlockDevice>,
    /// Disks and partitions.
    pub total: u64,
}

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct BlockDevice {
    /// Kernel name.
    pub id: String,
    /// `MAJOR:MINOR`.
    pub device: String,
    /// Model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// `scsi`, `sata`, `nvme`, `virtio`, `usb`, `cdrom` …; empty when the device belongs to no subsystem, but always there, since
    /// a region refuses an inventory with a disk that lacks it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Cannot be written.
    pub read_only: bool,
    /// It or a partition of it is mounted here.
    pub mounted: bool,
    /// Bytes.
    pub size: u64,
    /// Can be taken out.
    pub removable: bool,
    /// World-wide name, where the block device itself has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wwn: String,
    /// NUMA node.
    pub numa_node: u64,
    /// Last link in `/dev/disk/by-path`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device_path: String,
    /// Physical block size in bytes; 0 when the device could not be opened.
    pub block_size: u64,
    /// Firmware.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware_version: String,
    /// Rotations per minute; 1 for an unknown rotating disk, 0 for others.
    pub rpm: u64,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Last link in `/dev/disk/by-id`.
    pub device_id: String,
    /// Its partitions.
    pub partitions: Vec<Partition>,
    /// PCI function, for NVMe and virtio.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pci_address: String,
    /// USB device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub usb_address: String,
    /// UUID of a file system on the disk itself.
    pub device_fs_uuid: String,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Partition {
    /// Kernel name.
    pub id: String,
    /// `MAJOR:MINOR`.
    pub device: String,
    /// Cannot be written.
    pub read_only: bool,
    /// Bytes.
    pub size: u64,
    /// Number.
    pub partition: u64,
    /// Mounted here.
    pub mounted: bool,
    /// UUID of its file system.
    pub device_fs_uuid: String,
}

/// What is read once for all disks.
struct Shared {
    mounted: BTreeSet<String>,
    by_id: BTreeMap<String, String>,
    by_path: BTreeMap<String, String>,
    names: Vec<String>,
}

pub(super) fn collect(survey: &Survey<'_>) -> Storage {
    let shared = Shared {
        mounted: survey.text("/proc/self/mountinfo").map(|text| mounted(&text)).unwrap_or_default(),
        by_id: links(survey, "/dev/disk/by-id"),
        by_path: links(survey, "/dev/disk/by-path"),
        names: survey.names(BLOCK),
    };
    let disks: Vec<BlockDevice> = shared.names.iter().filter_map(|name| disk(survey, &shared, name)).collect();
    let partitions: usize = disks.iter().map(|disk| disk.partitions.len()).sum();
    Storage { total: (disks.len() + partitions) as u64, disks }
}

/// Device numbers of everything that is mounted: the third field.
fn mounted(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.split(' ').nth(2)).map(str::to_owned).collect()
}

/// Kernel name to the last link that leads to it.
fn links(survey: &Survey<'_>, directory: &str) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    let _near = survey.host.enter(directory);
    for name in survey.names(directory) {
        let path = Path::new(directory).join(&name);
        // udev's links lead to the node itself; in a copied tree the node may be missing.
        match survey.host.link_name(&path) {
            Some(device) => {
                links.insert(device, name);
            }
            None => survey.gap(path, "it is no link to a device"),
        }
    }
    links
}

fn disk(survey: &Survey<'_>, shared: &Shared, name: &str) -> Option<BlockDevice> {
    let place = Path::new(BLOCK).join(name);
    let _near = survey.host.enter(&place);
    let device_place = place.join("device");
    let has_device = survey.host.has(&device_place);
    // Without hardware behind it: a partition, or what is stacked on other devices. Of a bcache device regions before 3.7.3 would make a
    // physical disk (contract VERSIONS, §2), and no region has a use for it.
    if !has_device {
        return None;
    }
    let device = survey.attribute(place.join("dev"))?;
    let _near_device = survey.host.enter(&device_place);
    let subsystem = survey.host.link_name(device_place.join("subsystem"));
    if subsystem.as_deref() == Some("rbd") {
        return None;
    }
    let udev = survey.host.udev_block(&device);
    let partitions = partitions(survey, shared, name);
    let kind = subsystem.unwrap_or_default();
    let removable = flag(survey, &place, "removable");
    let is_optical = name.starts_with("sr") && removable;
    let sectors = survey.needed::<u64>(place.join("size")).unwrap_or(0);
    let size = if is_optical && sectors == EMPTY_OPTICAL { 0 } else { sectors.wrapping_mul(512) };
    let carrier = survey.host.real(survey.deepest(&device_place));
    let carrier = carrier.as_deref();
    Some(BlockDevice {
        model: model(survey, &device_place, &udev),
        kind: transport(kind, is_optical, &udev),
        read_only: flag(survey, &place, "ro"),
        mounted: shared.mounted.contains(&device) || partitions.iter().any(|partition| partition.mounted),
        size,
        removable,
        wwn: survey.word(place.join("wwid")),
        numa_node: survey.numa_node(&device_place),
        device_path: shared.by_path.get(name).cloned().unwrap_or_default(),
        // A drive without a medium has no blocks, also where opening it without waiting for one succeeds.
        block_size: if removable && size == 0 { 0 } else { block_size(survey, &place, name) },
        firmware_version: survey
            .attribute(device_place.join("firmware_rev"))
            .or_else(|| udev.get("ID_REVISION").map(storable))
            .unwrap_or_default(),
        rpm: rpm(survey, &place, &udev),
        serial: serial(&udev),
        device_id: shared.by_id.get(name).cloned().unwrap_or_default(),
        partitions,
        pci_address: carrier.and_then(|carrier| survey.pci_address(carrier)).unwrap_or_default(),
        usb_address: carrier.and_then(|carrier| survey.usb_address(carrier)).unwrap_or_default(),
        device_fs_uuid: file_system_uuid(survey, name, &udev),
        id: name.to_owned(),
        device,
    })
}

fn flag(survey: &Survey<'_>, place: &Path, key: &str) -> bool {
    survey.needed::<u64>(place.join(key)) == Some(1)
}

/// Of a disk that can be opened; of another it is 0.
fn block_size(survey: &Survey<'_>, place: &Path, name: &str) -> u64 {
    match survey.host.physical_block_size(name) {
        Ok(size) => size.unwrap_or(0),
        Err(error) => {
            survey.gap(place, format!("it does not tell the size of its blocks: {error}"));
            0
        }
    }
}

fn model(survey: &Survey<'_>, device: &Path, udev: &Record) -> String {
    let encoded = udev.get("ID_MODEL_ENC").and_then(decode_udev).filter(|model| !model.is_empty());
    let from_udev = encoded.or_else(|| udev.get("ID_MODEL").map(str::to_owned));
    from_udev.map_or_else(|| survey.word(device.join("model")), storable)
}

fn transport(subsystem: String, is_optical: bool, udev: &Record) -> String {
    let known = |key: &str, value: &str| udev.get(key) == Some(value);
    if is_optical || known("ID_CDROM", "1") {
        "cdrom".to_owned()
    } else if known("ID_USB_DRIVER", "usb-storage") {
        "usb".to_owned()
    } else if known("ID_ATA_SATA", "1") {
        "sata".to_owned()
    } else {
        subsystem
    }
}

fn rpm(survey: &Survey<'_>, place: &Path, udev: &Record) -> u64 {
    let from_udev = udev.get("ID_ATA_ROTATION_RATE_RPM").and_then(|text| text.parse().ok()).unwrap_or(0);
    if from_udev > 0 { from_udev } else { survey.number(place.join("queue/rotational")).unwrap_or(0) }
}

fn serial(udev: &Record) -> String {
    let keys = ["SCSI_IDENT_SERIAL", "ID_SCSI_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"];
    storable(keys.iter().find_map(|key| udev.get(key).filter(|text| !text.is_empty())).unwrap_or_default())
}

/// From udev's record, which has it from the same library as `blkid`: no process for each disk and partition. A copied tree
/// may hold `blkid`'s answer in `/stub/blkid/NAME`.
fn file_system_uuid(survey: &Survey<'_>, name: &str, udev: &Record) -> String {
    match udev.get("ID_FS_UUID") {
        Some(uuid) => storable(uuid),
        None if survey.host.has_kernel() => String::new(),
        None => survey.word(Path::new("/stub/blkid").join(name)),
    }
}

/// Entries below the disk's own directory, so that `sdaa1` never counts for `sda`.
fn partitions(survey: &Survey<'_>, shared: &Shared, disk: &str) -> Vec<Partition> {
    let start = shared.names.partition_point(|name| name.as_str() < disk);
    let candidates = shared.names[start..].iter().take_while(|name| name.starts_with(disk));
    candidates.filter(|name| is_partition_of(name, disk)).filter_map(|name| partition(survey, shared, name)).collect()
}

/// `sda1` of `sda`, `nvme0n1p2` of `nvme0n1`: a number follows, after a `p` where the disk's name ends in a digit.
fn is_partition_of(name: &str, disk: &str) -> bool {
    let Some(rest) = name.strip_prefix(disk) else { return false };
    let number = if disk.ends_with(|c: char| c.is_ascii_digit()) { rest.strip_prefix('p') } else { Some(rest) };
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn partition(survey: &Survey<'_>, shared: &Shared, name: &str) -> Option<Partition> {
    let place = Path::new(BLOCK).join(name);
    let _near = survey.host.enter(&place);
    let number = survey.number(place.join("partition"))?;
    let device = survey.word(place.join("dev"));
    Some(Partition {
        id: name.to_owned(),
        read_only: flag(survey, &place, "ro"),
        size: survey.needed::<u64>(place.join("size")).unwrap_or(0).wrapping_mul(512),
        partition: number,
        mounted: shared.mounted.contains(&device),
        device_fs_uuid: file_system_uuid(survey, name, &survey.host.udev_block(&device)),
        device,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_belongs_to_one_disk() {
        let rows = [
            ("sda1", "sda", true),
            ("sdaa1", "sda", false),
            ("sdaa1", "sdaa", true),
            ("nvme1n1p1", "nvme1n1", true),
            ("nvme1n10p1", "nvme1n1", false),
            ("mmcblk0p1", "mmcblk0", true),
            ("mmcblk0boot0", "mmcblk0", false),
            ("sda", "sda", false),
        ];
        for (name, disk, expected) in rows {
            assert_eq!(is_partition_of(name, disk), expected, "{name} of {disk}");
        }
    }

    #[test]
    fn mounted_devices_are_the_third_field() {
        let text = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n23 22 0:5 / /proc rw - proc proc rw\n";
        assert_eq!(mounted(text).into_iter().collect::<Vec<_>>(), ["0:5", "254:0"]);
    }
}
