//! Disks with all their names, what stands on them, and the controllers that they hang on.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::block::BlockDevice;
use super::super::survey::Survey;

const BLOCK: &str = "/sys/class/block";

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Disk {
    /// Survives reboots, renames and other bays: world-wide name, else model and serial number, else the path.
    pub identity: String,
    /// Kernel name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// `sata`, `scsi`, `nvme`, `virtio`, `usb` …
    pub kind: String,
    /// Model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Firmware.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// World-wide name, EUI or NGUID.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wwn: String,
    /// It turns.
    pub rotational: bool,
    /// Bytes.
    pub physical_block_size: u64,
    /// Bytes.
    pub logical_block_size: u64,
    /// Links below `/dev/disk`.
    pub links: Vec<String>,
    /// Enclosure and slot, where the kernel knows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bay: String,
    /// The controller that it hangs on: a PCI address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller: String,
    /// Devices that are stacked on it or its partitions: RAID, LVM, multipath, encryption.
    pub holders: Vec<String>,
    /// Partitions.
    pub partitions: Vec<Volume>,
    /// File system on the disk itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file_system: String,
    /// Cannot be written.
    pub read_only: bool,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Volume {
    /// Kernel name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// File system, RAID member, swap …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file_system: String,
    /// Its label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Its UUID.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// Mounted on this machine.
    pub mounted: bool,
    /// Devices that are stacked on it.
    pub holders: Vec<String>,
}

/// An NVMe controller or a SCSI host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct StorageController {
    /// `nvme0`, `host0`.
    pub name: String,
    /// `nvme` or the name of the SCSI driver.
    pub kind: String,
    /// Model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Firmware.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// PCI address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pci_address: String,
    /// NVMe state, for example `live`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// Namespaces or disks.
    pub disks: Vec<String>,
}

pub(super) fn disks(survey: &Survey<'_>, known: &[BlockDevice]) -> Vec<Disk> {
    known.iter().filter(|disk| disk.kind != "cdrom" || disk.size > 0).map(|disk| read(survey, disk)).collect()
}

fn read(survey: &Survey<'_>, known: &BlockDevice) -> Disk {
    let place = Path::new(BLOCK).join(&known.id);
    let udev = survey.host.udev_block(&known.device);
    let property = |key: &str| udev.get(key).unwrap_or_default().to_owned();
    let first = |texts: [String; 3]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    let wwn = first([known.wwn.clone(), survey.word(place.join("device/wwid")), property("ID_WWN_WITH_EXTENSION")]);
    let serial =
        first([known.serial.clone(), survey.word(place.join("device/serial")), survey.word(place.join("serial"))]);
    let queue = |key: &str| survey.number(place.join("queue").join(key)).unwrap_or(0);
    let volume = |id: &String, uuid: &String, size, mounted| {
        let place = Path::new(BLOCK).join(id);
        let udev = survey.host.udev_block(&survey.word(place.join("dev")));
        let property = |key: &str| udev.get(key).unwrap_or_default().to_owned();
        Volume {
            name: id.clone(),
            size,
            file_system: property("ID_FS_TYPE"),
            label: property("ID_FS_LABEL"),
            uuid: uuid.clone(),
            mounted,
            holders: survey.names(place.join("holders")),
        }
    };
    Disk {
        identity: identity(&wwn, &known.model, &serial, known),
        name: known.id.clone(),
        size: known.size,
        kind: known.kind.clone(),
        model: known.model.clone(),
        serial,
        firmware: known.firmware_version.clone(),
        wwn,
        rotational: queue("rotational") == 1,
        physical_block_size: queue("physical_block_size"),
        logical_block_size: queue("logical_block_size"),
        links: udev.links().to_vec(),
        bay: bay(survey, &place),
        controller: controller(survey, &place),
        holders: survey.names(place.join("holders")),
        partitions: known.partitions.iter().map(|p| volume(&p.id, &p.device_fs_uuid, p.size, p.mounted)).collect(),
        file_system: property("ID_FS_TYPE"),
        read_only: known.read_only,
    }
}

fn identity(wwn: &str, model: &str, serial: &str, known: &BlockDevice) -> String {
    if !wwn.is_empty() {
        format!("disk:{wwn}")
    } else if !serial.is_empty() {
        format!("disk:{model}:{serial}")
    } else if !known.device_path.is_empty() {
        format!("disk:path:{}", known.device_path)
    } else {
        format!("disk:name:{}", known.id)
    }
}

/// `device/enclosure_device:SLOT` leads to the enclosure.
fn bay(survey: &Survey<'_>, place: &Path) -> String {
    let names = survey.names(place.join("device"));
    let slot = names.iter().find_map(|name| name.strip_prefix("enclosure_device:"));
    slot.map(str::to_owned).unwrap_or_default()
}

/// The nearest PCI function above a disk.
fn controller(survey: &Survey<'_>, place: &Path) -> String {
    let Some(real) = survey.host.real(place.join("device")) else { return String::new() };
    let names = real.ancestors().filter_map(|above| Some(above.file_name()?.to_string_lossy().into_owned()));
    names.into_iter().find(|name| is_pci_address(name)).unwrap_or_default()
}

fn is_pci_address(name: &str) -> bool {
    let parts: Vec<&str> = name.split([':', '.']).collect();
    parts.len() == 4 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) fn controllers(survey: &Survey<'_>, disks: &[Disk]) -> Vec<StorageController> {
    let mut found: Vec<StorageController> =
        survey.names("/sys/class/nvme").into_iter().map(|name| nvme(survey, name)).collect();
    for name in survey.names("/sys/class/scsi_host") {
        let place = PathBuf::from("/sys/class/scsi_host").join(&name);
        let address = controller(survey, &place);
        let below = disks.iter().filter(|disk| !address.is_empty() && disk.controller == address);
        found.push(StorageController {
            kind: survey.word(place.join("proc_name")),
            model: survey.word(place.join("model_name")),
            firmware: survey.word(place.join("version_fw")),
            disks: below.map(|disk| disk.name.clone()).collect(),
            pci_address: address,
            name,
            ..StorageController::default()
        });
    }
    found
}

fn nvme(survey: &Survey<'_>, name: String) -> StorageController {
    let place = Path::new("/sys/class/nvme").join(&name);
    let word = |key: &str| survey.word(place.join(key));
    let namespaces = survey.names(&place).into_iter().filter(|entry| entry.starts_with(&name) && entry.contains('n'));
    StorageController {
        kind: "nvme".to_owned(),
        model: word("model"),
        serial: word("serial"),
        firmware: word("firmware_rev"),
        pci_address: survey
            .host
            .real(place.join("device"))
            .and_then(|real| survey.pci_address(&real))
            .unwrap_or_default(),
        state: word("state"),
        disks: namespaces.collect(),
        name,
    }
}
