//! Disks with all their names and contents.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::block::BlockDevice;
use super::super::survey::{Survey, legible, storable};
use super::content::{BLOCK, Content, Mounts};
use super::identity::{is_empty_name, is_placeholder};
use super::place::{nearest_pci, nearest_pci_of, way_of};
use super::{Array, MappedVolume};
use super::{bay, identity, nvme};
use crate::host::{Origin, Record};

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Disk {
    /// Survives reboots, renames and other bays: world-wide name, else model and serial number, else the place.
    pub identity: String,
    /// Kernel name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// `sata`, `scsi`, `nvme`, `virtio`, `usb`, `cdrom` …
    pub kind: String,
    /// Vendor, where the kernel reports it apart from the model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// Model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Firmware.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// World-wide name as the kernel or udev spells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wwn: String,
    /// EUI-64 of an NVMe namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub eui: String,
    /// NGUID of an NVMe namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub nguid: String,
    /// UUID of an NVMe namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// Number of an NVMe namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u64>,
    /// The medium rotates (a hard disk).
    pub rotational: bool,
    /// Bytes.
    pub physical_block_size: u64,
    /// Bytes.
    pub logical_block_size: u64,
    /// NUMA node.
    pub numa_node: u64,
    /// Name of its last link in `/dev/disk/by-path`, else its way from the root of its bus.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Links below `/dev`.
    pub links: Vec<String>,
    /// Enclosure, where the kernel knows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub enclosure: String,
    /// Slot in the enclosure or on the board, where the kernel knows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bay: String,
    /// PCI address of the controller that the disk is attached to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller: String,
    /// Transport of the disk, where the kernel's paths show it: `ata`, `usb`, `sas`, `fc`, `iscsi`; empty for others.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub attachment: String,
    /// Fields that were read from udev's record and that the kernel may report differently: `firmware`, `model`, `kind`, `serial`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from_udev: Vec<String>,
    /// Kernel names of the SCSI host or the NVMe controllers that the disk is attached to.
    pub hosts: Vec<String>,
    /// State that the kernel reports: `running`, `offline`, `live` …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// RAID level of a volume of a RAID controller, where its driver reports it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub raid_level: String,
    /// Network by which a volume in another machine is reached: `iscsi`, `nvme-tcp`, `fc`, `usbip` …; empty for a disk of this machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network: String,
    /// The disk cannot be written.
    pub read_only: bool,
    /// The medium can be taken out.
    pub removable: bool,
    /// Content of the disk itself, outside its partitions.
    #[serde(flatten)]
    pub content: Content,
    /// Partitions.
    pub partitions: Vec<Volume>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Volume {
    /// Kernel name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Content of the partition.
    #[serde(flatten)]
    pub content: Content,
}

/// Reads the disks that are hardware or volumes in other machines. Devices that software made of them (RAID, LVM, loop) are left out.
pub(super) fn collect(survey: &Survey<'_>, known: &[BlockDevice]) -> Vec<Disk> {
    let mounts = Mounts::read(survey);
    let disk = |known: &BlockDevice| match survey.host.origin_of_disk(&known.id) {
        Origin::Software => None,
        Origin::Hardware => Some(read(survey, &mounts, known, "")),
        Origin::Network(network) => Some(read(survey, &mounts, known, network)),
    };
    known.iter().filter_map(disk).collect()
}

/// The disks by their names, with what their drivers say without asking them.
pub(super) fn by_name(survey: &Survey<'_>) -> Vec<Disk> {
    let device = |name: &str| Path::new(BLOCK).join(name).join("device");
    let listed = survey.host.disks().into_iter().filter(|disk| survey.host.has(device(&disk.name)));
    let disk = |disk: crate::host::Disk| Disk {
        identity: format!("disk:name:{}", disk.name),
        size: disk.size,
        model: disk.models.into_iter().next().unwrap_or_default(),
        serial: disk.serials.into_iter().next().unwrap_or_default(),
        hosts: {
            let device = device(&disk.name);
            hosts(survey, &device, &survey.host.real(&device).unwrap_or_default())
        },
        name: disk.name,
        ..Disk::default()
    };
    listed.map(disk).collect()
}

fn read(survey: &Survey<'_>, mounts: &Mounts, known: &BlockDevice, network: &str) -> Disk {
    let place = Path::new(BLOCK).join(&known.id);
    let device = place.join("device");
    let udev = survey.host.udev_block(&known.device);
    let property = |key: &str| udev.get(key).map(storable).unwrap_or_default();
    // Many drivers give an error for some of these files: such a value stays empty, and is no gap.
    let quiet = |path: &Path, key: &str| survey.host.text(path.join(key)).map(storable).unwrap_or_default();
    let queue = |key: &str| survey.number(place.join("queue").join(key)).unwrap_or(0);
    let partition = |known: &super::super::Partition| Volume {
        name: known.id.clone(),
        size: known.size,
        content: mounts.of(survey, &known.id, &known.device, &survey.host.udev_block(&known.device)),
    };
    let (enclosure, bay) = bay::of(survey, &device);
    let real = survey.host.real(&device).unwrap_or_default();
    let hosts = hosts(survey, &device, &real);
    let mut disk = Disk {
        name: known.id.clone(),
        size: known.size,
        // The kernel's head of several paths to one drive.
        kind: if known.kind == "nvme-subsystem" { "nvme".to_owned() } else { known.kind.clone() },
        vendor: quiet(&device, "vendor"),
        model: known.model.clone(),
        serial: serial(survey, &place, known),
        firmware: first([known.firmware_version.clone(), quiet(&device, "rev")]),
        wwn: first([
            known.wwn.clone(),
            quiet(&device, "wwid"),
            property("ID_WWN_WITH_EXTENSION"),
            quiet(&device, "cid"),
        ]),
        eui: quiet(&place, "eui"),
        nguid: quiet(&place, "nguid"),
        uuid: quiet(&place, "uuid"),
        namespace: survey.number(place.join("nsid")),
        rotational: queue("rotational") == 1,
        physical_block_size: queue("physical_block_size"),
        logical_block_size: queue("logical_block_size"),
        numa_node: known.numa_node,
        place: first([known.device_path.clone(), way_of(survey, &real).unwrap_or_default()]),
        links: udev.links().to_vec(),
        enclosure,
        bay,
        controller: controller(survey, &real, &hosts),
        attachment: attachment(&real, &known.device_path).to_owned(),
        from_udev: from_udev(&udev, survey.host.has(device.join("firmware_rev")), !known.serial.is_empty()),
        hosts,
        state: quiet(&device, "state"),
        raid_level: quiet(&device, "raid_level"),
        network: network.to_owned(),
        read_only: known.read_only,
        removable: known.removable,
        content: mounts.of(survey, &known.id, &known.device, &udev),
        partitions: known.partitions.iter().map(partition).collect(),
        identity: String::new(),
    };
    // A virtio disk's vendor is the number of its bus.
    disk.vendor = Some(disk.vendor).filter(|vendor| !vendor.starts_with("0x")).unwrap_or_default();
    disk.identity = known_by(&disk);
    disk
}

impl Disk {
    /// True if other block devices may be paths to this disk, too: it has a world-wide name or a serial number, and SAS, a fabric or plain
    /// SCSI leads to it.
    pub(in super::super) fn may_have_paths(&self) -> bool {
        let is_fabric = matches!(self.attachment.as_str(), "sas" | "fc" | "iscsi");
        let is_named = plain_name(&self.wwn).is_some() || !is_placeholder(&self.serial);
        is_named && (is_fabric || self.attachment.is_empty() && self.kind == "scsi")
    }

    /// The number among the units of one SCSI target (LUN), from the end of the place; empty for a disk that is no such unit.
    pub(in super::super) fn unit(&self) -> &str {
        let after = |mark| self.place.rsplit_once(mark).map(|(_, number)| number);
        let address = || after(":").filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        after("-lun-").or_else(address).unwrap_or_default()
    }

    /// True if the root file system is on the disk, on one of its partitions, or on a volume or an array above those.
    pub(in super::super) fn holds_the_system(&self, volumes: &[MappedVolume], arrays: &[Array]) -> bool {
        let mut waiting: Vec<&Content> =
            [&self.content].into_iter().chain(self.partitions.iter().map(|volume| &volume.content)).collect();
        let mut seen: Vec<&str> = Vec::new();
        while let Some(content) = waiting.pop() {
            if content.mounts.iter().any(|place| place == "/") {
                return true;
            }
            for holder in content.holders.iter().filter(|holder| !seen.contains(&holder.as_str())).collect::<Vec<_>>() {
                seen.push(holder);
                waiting.extend(volumes.iter().filter(|volume| volume.name == *holder).map(|volume| &volume.content));
                waiting.extend(arrays.iter().filter(|array| array.name == *holder).map(|array| &array.content));
            }
        }
        false
    }
}

/// The transport, from the device's path in sysfs, else from the name of its link in `/dev/disk/by-path`; empty when neither shows it.
fn attachment(real: &Path, by_path: &str) -> &'static str {
    const WAYS: [(&str, &str); 6] = [
        ("usb", "usb"),
        ("ata", "ata"),
        ("end_device-", "sas"),
        ("port-", "sas"),
        ("rport-", "fc"),
        ("session", "iscsi"),
    ];
    const LINKS: [(&str, &str); 5] =
        [("-usb-", "usb"), ("-ata-", "ata"), ("-sas-", "sas"), ("-fc-", "fc"), ("-iscsi-", "iscsi")];
    let parts: Vec<String> = real.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let is_numbered = |part: &String, stem: &str| {
        part.strip_prefix(stem).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let way = WAYS.iter().find(|(stem, _)| parts.iter().any(|part| is_numbered(part, stem)));
    way.or_else(|| LINKS.iter().find(|(part, _)| by_path.contains(part))).map_or("", |(_, attachment)| attachment)
}

/// Names of the fields that come from udev's record. udev knows more of a SCSI disk than the kernel does; without its record these differ.
fn from_udev(udev: &Record, has_own_firmware: bool, has_serial: bool) -> Vec<String> {
    let told = |keys: &[&str]| keys.iter().any(|key| udev.get(key).is_some());
    let fields = [
        ("firmware", !has_own_firmware && told(&["ID_REVISION"])),
        ("model", told(&["ID_MODEL_ENC", "ID_MODEL"])),
        ("kind", told(&["ID_CDROM", "ID_USB_DRIVER", "ID_ATA_SATA", "ID_BUS"])),
        ("serial", has_serial),
    ];
    fields.into_iter().filter(|(_, told)| *told).map(|(field, _)| field.to_owned()).collect()
}

fn first<const N: usize>(texts: [String; N]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// From udev, else the kernel: NVMe, virtio, and SCSI's page 0x80, which has a head of four bytes.
fn serial(survey: &Survey<'_>, place: &Path, known: &BlockDevice) -> String {
    let quiet = |key: &str| survey.host.text(place.join(key)).map(storable).unwrap_or_default();
    let page = survey.host.read(place.join("device/vpd_pg80")).unwrap_or_default();
    let page = storable(legible(page.get(4..).unwrap_or_default()).trim());
    first([known.serial.clone(), quiet("device/serial"), quiet("serial"), page])
}

/// A world-wide name in one spelling, whichever source it came from; `None` for a name of zeros, or one made of model and serial number.
fn plain_name(wwn: &str) -> Option<String> {
    let name = wwn.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = name.strip_prefix("0x").map(|number| format!("naa.{number}")).unwrap_or(name);
    // A T10 name contains model and serial number, and often only the model.
    (!is_empty_name(&name) && !name.starts_with("t10.")).then_some(name)
}

fn known_by(disk: &Disk) -> String {
    let own = plain_name(&disk.wwn);
    if let Some(name) = own {
        format!("disk:{name}")
    } else if !is_placeholder(&disk.serial) {
        identity::of("disk", &[&disk.model, &disk.serial])
    } else if !disk.place.is_empty() {
        format!("disk:at:{}", disk.place)
    } else {
        format!("disk:name:{}", disk.name)
    }
}

/// The SCSI host of a disk, or its NVMe controllers: one, or all those of its subsystem.
fn hosts(survey: &Survey<'_>, device: &Path, real: &Path) -> Vec<String> {
    let names: Vec<String> = real.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|last| last.starts_with("nvme-subsys")) {
        return nvme::controllers_in(survey, device);
    }
    let is_numbered = |name: &str, stem: &str| {
        name.strip_prefix(stem)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    names.into_iter().rev().find(|name| is_numbered(name, "host") || is_numbered(name, "nvme")).into_iter().collect()
}

fn controller(survey: &Survey<'_>, real: &Path, hosts: &[String]) -> String {
    let of_first_host = || hosts.first().and_then(|host| nearest_pci(survey, &Path::new("/sys/class/nvme").join(host)));
    nearest_pci_of(real).or_else(of_first_host).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(wwn: &str, serial: &str, place: &str) -> String {
        let disk = Disk {
            wwn: wwn.into(),
            model: "M".into(),
            serial: serial.into(),
            place: place.into(),
            name: "sda".into(),
            ..Disk::default()
        };
        known_by(&disk)
    }

    #[test]
    fn a_disk_is_known_by_the_best_of_its_names() {
        assert_eq!(known("naa.5000c50000000010", "S1", "p"), "disk:naa.5000c50000000010");
        assert_eq!(
            known("0x5000c50000000010", "S1", "p"),
            "disk:naa.5000c50000000010",
            "udev's spelling is the same name"
        );
        assert_eq!(known("naa.5000000000000000", "S1", "p"), "disk:M:S1", "a name of zeros is none");
        assert_eq!(known("t10.ATA     M    S1", "S1", "p"), "disk:M:S1");
        assert_eq!(known("", "00000000", "p"), "disk:at:p");
        assert_eq!(known("", "", ""), "disk:name:sda");
    }
}
